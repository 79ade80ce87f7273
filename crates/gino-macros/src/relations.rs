//! Owns the relations of a model: a method per relation field, on the model's loader.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Ident;
use syn::spanned::Spanned;

use crate::field::{Field, Kind};

/// `Loads<L>`, where `L` is the model's loader.
pub(crate) fn of(model: &Ident, fields: &[Field]) -> TokenStream {
    let checks = fields.iter().filter_map(check);
    let methods = fields.iter().filter_map(|field| method(model, field));
    let methods: Vec<TokenStream> = methods.collect();
    let doc = format!("What is loaded together with a `{model}`.");
    quote! {
        #[doc = #doc]
        #[must_use = "a loader does nothing outside of a query"]
        pub struct Loads<L>(L);

        impl<P: ::gino::loader::Parts<#model>> Loads<::gino::loader::Loader<#model, P>> {
            #(#methods)*
        }

        ::gino::__loads!(Loads, #model);

        #(#checks)*
    }
}

/// What a relation holds is a model.
fn check(field: &Field) -> Option<TokenStream> {
    let Kind::Relation = field.kind else {
        return None;
    };
    let ty = &field.ty;
    Some(quote_spanned! {ty.span()=>
        const _: () = ::gino::model::a_model::<<#ty as ::gino::model::RelationField>::Model>();
    })
}

fn method(model: &Ident, field: &Field) -> Option<TokenStream> {
    let Kind::Relation = field.kind else {
        return None;
    };
    let (name, constant, ty) = (&field.name, &field.constant, &field.ty);
    let doc = format!("Loads `{name}` too, joined by a LEFT JOIN.");
    Some(quote_spanned! {ty.span()=>
        #[doc = #doc]
        // A model may be private, and not every relation is loaded.
        #[allow(dead_code, unreachable_pub)]
        pub fn #name<S>(
            self,
            loader: S,
        ) -> Loads<::gino::loader::And<#model, P, S>>
        where
            S: ::gino::loader::Sub<Model = <#ty as ::gino::model::RelationField>::Model>,
        {
            Loads(self.0.load(#model::#constant, loader))
        }
    })
}
