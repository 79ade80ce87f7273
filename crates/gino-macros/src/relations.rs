//! Owns the relations of a model: a method per relation field, on the model's loader.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Ident;
use syn::spanned::Spanned;

use crate::field::{Field, Joined, Kind};

/// `Loads<L>`, where `L` is the model's loader.
pub(crate) fn of(model: &Ident, fields: &[Field]) -> TokenStream {
    let checks = fields.iter().filter_map(|field| check(model, field));
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

/// What a relation holds is a model, and foreign keys say how it is joined.
fn check(model: &Ident, field: &Field) -> Option<TokenStream> {
    let Kind::Relation(joined) = &field.kind else {
        return None;
    };
    let (ty, name) = (&field.ty, &field.name);
    let child = quote_spanned!(ty.span()=> <#ty as ::gino::model::RelationField>::Model);
    Some(match joined {
        Joined::Key => {
            let message = format!(
                "`{name}` of `{model}`: neither of the two tables has a foreign key to the other: add \
                 #[gino(references = …)] to a field of either, or write #[gino(relation(through = …))] \
                 with the model of a table between them, or #[gino(relation(by_loader))] if each loader \
                 says what it is joined on"
            );
            quote_spanned! {ty.span()=>
                const _: () = ::core::assert!(::gino::model::related::<#model, #child>(), #message);
            }
        }
        Joined::Through(table) => {
            let message = format!(
                "`{name}` of `{model}`: the table between the two needs a foreign key to each of them"
            );
            quote_spanned! {table.span()=>
                const _: () = ::core::assert!(
                    ::gino::model::refers::<#table, #model>()
                        && ::gino::model::refers::<#table, #child>(),
                    #message
                );
            }
        }
        Joined::ByLoader => quote_spanned! {ty.span()=>
            const _: () = ::gino::model::a_model::<#child>();
        },
    })
}

fn method(model: &Ident, field: &Field) -> Option<TokenStream> {
    let Kind::Relation(_) = field.kind else {
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
