//! Owns the description of a column for the table. Tables and groups of columns ask for it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::attr;
use crate::column::Column;
use crate::field::Field;

impl Field {
    /// The `ColumnDef` of a column.
    pub(crate) fn definition(&self, column: &Column, autoincrement: bool) -> TokenStream {
        let ty = self.value_type();
        let span = self.ty.span();
        let (name, field) = (&column.name, self.name.to_string());
        let (primary_key, unique, index) = (column.primary_key, column.unique, column.index);
        let (check, comment) = (attr::option(&column.check), attr::option(&column.comment));
        let server_default = attr::option(&column.server_default);
        let default = self.default.is_some();
        let sequence = attr::option(&column.sequence.as_ref().map(|sequence| quote!(&#sequence)));
        let sql_type = match &column.sql_type {
            Some(name) => quote!(::gino::model::TypeDef::named(#name)),
            None => quote_spanned!(span=> <#ty as ::gino::model::SqlType>::TYPE),
        };
        let references = column.references.as_ref().map(|reference| {
            let (target, rules) = (&reference.target, reference.rules.tokens());
            let at = target.span();
            let checked = quote_spanned!(at=> ::gino::model::Target::of::<_, _, #ty>(#target));
            quote! {
                ::gino::model::Reference { target: #checked, #rules }
            }
        });
        let references = attr::option(&references);
        quote! {
            ::gino::model::ColumnDef {
                name: #name,
                field: #field,
                sql_type: #sql_type,
                nullable: <#ty as ::gino::model::SqlType>::NULLABLE,
                primary_key: #primary_key,
                autoincrement: #autoincrement && <#ty as ::gino::model::SqlType>::TYPE.is_integer(),
                has_default: #default,
                server_default: #server_default,
                sequence: #sequence,
                unique: #unique,
                index: #index,
                references: #references,
                check: #check,
                comment: #comment,
            }
        }
    }
}
