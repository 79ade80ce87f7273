//! Owns `derive(Columns)`: a group of columns that several models have.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Result};

use crate::attr;
use crate::field::{self, Kind};
use crate::model::{Border, definitions};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let fields = field::fields(input, "derive(Columns)")?;
    for field in &fields {
        let refused = match &field.kind {
            Kind::Column(column) if column.primary_key => "a primary key",
            Kind::Column(_) => continue,
            Kind::Property { .. } => "a property",
            Kind::Relation(_) => "a relation",
            Kind::Skipped => "a skipped field",
            Kind::Group => "another group",
        };
        let message = format!("a group of columns cannot hold {refused}: put it into the model");
        return attr::refuse(field.name.span(), message);
    }
    let (group, vis) = (&input.ident, &input.vis);
    let columns = definitions(&fields)?;
    let (mut members, mut places, mut puts, mut defaults) = (vec![], vec![], vec![], vec![]);
    for (at, field) in fields.iter().enumerate() {
        let Kind::Column(column) = &field.kind else {
            continue;
        };
        let (name, ty, sql) = (&field.name, field.value_type(), &column.name);
        let span = field.ty.span();
        let doc = format!("The column `{sql}`.");
        members.push(quote_spanned! {span=>
            #[doc = #doc]
            #vis #name: ::gino::model::Column<M, #ty>,
        });
        places.push(quote!(#name: ::gino::model::Column::new(#sql, at + #at),));
        let own = field.wrapped(quote!(self.#name));
        puts.push(quote!(draft.put::<#ty>(at + #at, #own);));
        if let Some(value) = field.default_value() {
            let value = field.wrapped(value);
            defaults.push(quote! {
                if !__draft.has(__at + #at) {
                    __draft.put::<#ty>(__at + #at, #value);
                }
            });
        }
    }
    let Border { load, .. } = Border::new(&fields);
    let doc = format!("The columns of a `{group}` in the model `M`.");
    Ok(quote! {
        const _: () = {
            #[doc = #doc]
            #[allow(dead_code, private_interfaces)]
            pub struct Of<M: ::gino::model::Model> {
                #(#members)*
            }

            impl<M: ::gino::model::Model> Of<M> {
                /// The columns from position `at` on.
                pub const fn at(at: usize) -> Self {
                    Of { #(#places)* }
                }
            }

            impl<M: ::gino::model::Model> ::core::clone::Clone for Of<M> {
                fn clone(&self) -> Self {
                    *self
                }
            }

            impl<M: ::gino::model::Model> ::core::marker::Copy for Of<M> {}

            #[automatically_derived]
            #[allow(non_snake_case)]
            impl ::gino::model::Columns for #group {
                type Of<M: ::gino::model::Model> = Of<M>;

                const COLUMNS: &'static [::gino::model::ColumnDef] = #columns;

                fn from_record(
                    __record: &::gino::model::Record<'_>,
                    __at: usize,
                ) -> ::gino::Result<Self> {
                    #load
                }

                fn put(self, draft: &mut ::gino::model::Draft, at: usize) {
                    #(#puts)*
                }

                fn defaults(__draft: &mut ::gino::model::Draft, __at: usize) {
                    #(#defaults)*
                }
            }
        };
    })
}
