//! Owns the derives of the crate `gino`: what a struct says of its table, as an implementation of
//! the crate's traits. Never writes SQL and never knows a type: names, positions and paths only, so
//! that the compiler judges them where the user wrote them. `gino` re-exports everything here.

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

mod attr;
mod column;
mod field;
mod place;
mod definition;
mod setters;
mod relations;
mod table;
mod model;
mod columns;
mod enumeration;

/// A struct as the model of a table. See `gino::model` for what it may say.
#[proc_macro_derive(Model, attributes(gino))]
pub fn model(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    answer(model::derive(&input))
}

/// A struct as a group of columns that models share with `#[gino(flatten)]`.
#[proc_macro_derive(Columns, attributes(gino))]
pub fn columns(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    answer(columns::derive(&input))
}

/// An enumeration without data as an enumerated type of the database.
#[proc_macro_derive(GinoEnum, attributes(gino))]
pub fn gino_enum(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    answer(enumeration::derive(&input))
}

fn answer(outcome: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    outcome
        .unwrap_or_else(|error| error.into_compile_error())
        .into()
}

#[cfg(test)]
mod tests;
