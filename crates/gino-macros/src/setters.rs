//! Owns the setters of a model: a method per field, for whatever takes values.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, Visibility};

use crate::field::{Field, Kind, option_of};
use crate::place::Positions;

/// `Fields<K>`, where `K` is a create, an update or whatever else takes values.
pub(crate) fn of(model: &Ident, vis: &Visibility, fields: &[Field]) -> TokenStream {
    let position = Positions::new(fields);
    let methods = fields.iter().enumerate();
    let methods =
        methods.filter_map(|(index, field)| method(model, vis, field, &position.of(index)));
    let doc = format!("Takes the values of a `{model}`.");
    quote! {
        #[doc = #doc]
        #[must_use = "nothing is sent before it is awaited"]
        pub struct Fields<K>(K);

        // What the model shows to whom is not for the setters to judge.
        #[allow(private_interfaces, dead_code, non_snake_case, clippy::wrong_self_convention)]
        impl<K: ::gino::model::Assign<#model>> Fields<K> {
            #(#methods)*
        }

        ::gino::__fields!(Fields, #model);
    }
}

fn method(model: &Ident, vis: &Visibility, field: &Field, at: &TokenStream) -> Option<TokenStream> {
    let (name, constant, ty) = (&field.name, &field.constant, &field.ty);
    let span = ty.span();
    let doc = format!("Sets `{name}`.");
    // What may be NULL is given as it is, or as an `Option`.
    let (given, wrapped) = match option_of(ty) {
        Some(_) => (
            quote!(impl ::core::convert::Into<#ty>),
            field.wrapped(quote!(::core::convert::Into::<#ty>::into(value))),
        ),
        None => (quote!(#ty), field.wrapped(quote!(value))),
    };
    Some(match &field.kind {
        Kind::Relation(_) | Kind::Skipped => return None,
        Kind::Column(_) if field.is_wrapped() => quote_spanned! {span=>
            #[doc = #doc]
            #vis fn #name(self, value: #given) -> Self {
                Fields(self.0.assign(#model::#constant, #wrapped))
            }
        },
        Kind::Column(_) => quote_spanned! {span=>
            #[doc = #doc]
            #vis fn #name(self, value: impl ::gino::Assignable<#ty>) -> Self {
                Fields(self.0.assign(#model::#constant, value))
            }
        },
        Kind::Property { .. } => quote_spanned! {span=>
            #[doc = #doc]
            #vis fn #name(self, value: impl ::gino::Assignable<#ty>) -> Self {
                Fields(self.0.assign_property(#model::#constant, value))
            }
        },
        Kind::Group => quote_spanned! {span=>
            #[doc = #doc]
            #vis fn #name(self, value: #ty) -> Self {
                Fields(self.0.assign_group(#at, value))
            }
        },
    })
}
