//! Owns `derive(GinoEnum)`: an enumeration's variants as the labels of an enumerated type.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields, Result};

use crate::attr;

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let ident = &input.ident;
    let Data::Enum(data) = &input.data else {
        return attr::refuse(ident.span(), "derive(GinoEnum) is for an enum");
    };
    let (mut name, mut schema) = (ident.to_string().to_lowercase(), None);
    attr::items(&input.attrs, |option, meta| {
        match option {
            "name" => name = attr::text(&meta)?.value(),
            "schema" => schema = Some(attr::text(&meta)?),
            _ => return Err(attr::unknown(&meta, "a GinoEnum", &["name", "schema"])),
        }
        Ok(())
    })?;
    let (mut variants, mut labels) = (Vec::new(), Vec::new());
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            let message = format!(
                "`{}` holds data, which a label cannot: keep the enum in a JSON column, #[gino(json)]",
                variant.ident
            );
            return attr::refuse(variant.ident.span(), message);
        }
        let mut label = variant.ident.to_string();
        attr::items(&variant.attrs, |option, meta| {
            match option {
                "name" => label = attr::text(&meta)?.value(),
                _ => return Err(attr::unknown(&meta, "a variant", &["name"])),
            }
            Ok(())
        })?;
        variants.push(&variant.ident);
        labels.push(label);
    }
    if variants.is_empty() {
        return attr::refuse(ident.span(), "an enumerated type needs a variant");
    }
    let schema = attr::option(&schema);
    Ok(quote! {
        #[automatically_derived]
        impl ::gino::model::GinoEnum for #ident {
            const DEFINITION: &'static ::gino::model::EnumDef = &::gino::model::EnumDef {
                name: #name,
                schema: #schema,
                labels: &[#(#labels),*],
            };

            fn label(&self) -> &'static str {
                match self {
                    #(Self::#variants => #labels,)*
                }
            }

            fn from_label(label: &str) -> ::core::option::Option<Self> {
                match label {
                    #(#labels => ::core::option::Option::Some(Self::#variants),)*
                    _ => ::core::option::Option::None,
                }
            }
        }

        ::gino::__enum!(#ident);
    })
}
