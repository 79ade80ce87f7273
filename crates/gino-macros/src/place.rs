//! Owns the finding of fields by name, and where in the table their columns are. Every part of a derive
//! that refers to another field looks it up here.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Ident, Result};

use crate::field::{Field, Kind};

/// What an index can be on: a column, or a property.
pub(crate) fn index_part(fields: &[Field], name: &Ident) -> Result<TokenStream> {
    let found = fields.iter().find(|field| field.name == *name);
    match found.map(|field| &field.kind) {
        Some(Kind::Property { .. }) => {
            let field = name.to_string();
            Ok(quote!(::gino::model::IndexPart::Property(#field)))
        }
        _ => {
            let column = column_named(fields, name)?;
            Ok(quote!(::gino::model::IndexPart::Column(#column)))
        }
    }
}

/// Finds the column that a field of this name is.
pub(crate) fn column_named<'a>(fields: &'a [Field], name: &Ident) -> Result<&'a str> {
    let found = fields.iter().find(|field| field.name == *name);
    match found.map(|field| &field.kind) {
        Some(Kind::Column(column)) => Ok(&column.name),
        _ => {
            let columns = fields
                .iter()
                .filter(|field| matches!(field.kind, Kind::Column(_)));
            let columns: Vec<String> = columns.map(|field| field.name.to_string()).collect();
            let there = columns.join(", ");
            let message = format!("`{name}` is not a field with a column here; there are: {there}");
            Err(Error::new(name.span(), message))
        }
    }
}

/// Where in the table each field's columns begin.
pub(crate) struct Positions<'a> {
    fields: &'a [Field],
}

impl<'a> Positions<'a> {
    pub(crate) fn new(fields: &'a [Field]) -> Positions<'a> {
        Positions { fields }
    }

    pub(crate) fn of(&self, index: usize) -> TokenStream {
        let before = self.fields.get(..index).unwrap_or_default();
        let own = before
            .iter()
            .filter(|field| matches!(field.kind, Kind::Column(_)))
            .count();
        let groups = before
            .iter()
            .filter(|field| matches!(field.kind, Kind::Group));
        let groups = groups.map(|field| {
            let ty = &field.ty;
            quote!(+ <#ty as ::gino::model::Columns>::COLUMNS.len())
        });
        quote!((#own #(#groups)*))
    }

    /// Name and place of a column's field that is known to be there.
    pub(crate) fn column(&self, name: &syn::Ident) -> (String, TokenStream) {
        let index = self
            .fields
            .iter()
            .position(|field| field.name == *name)
            .unwrap_or(0);
        let column = match self.fields.get(index).map(|field| &field.kind) {
            Some(Kind::Column(column)) => column.name.clone(),
            _ => name.to_string(),
        };
        (column, self.of(index))
    }
}
