//! Owns `derive(Model)`: the constants of the columns, the description of the table and the border
//! to rows. Setters are `setters`' business.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Error, Result};

use crate::attr;
use crate::field::{self, Field, Joined, Kind};
use crate::place::Positions;
use crate::relations;
use crate::setters;
use crate::table::Table;

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let fields = field::fields(input, "derive(Model)")?;
    field::check_words(&fields)?;
    let table = Table::read(input)?;
    let Some(db) = &table.db else {
        return attr::refuse(
            input.ident.span(),
            format!(
                "`{}` has no database: add #[gino(db = DB)], where DB is a `static DB: Gino`",
                input.ident
            ),
        );
    };
    let db = quote_spanned!(db.span()=> &#db);
    let model = &input.ident;
    let constants = constants(input, &fields);
    let columns = definitions(&fields)?;
    let properties = properties(&fields);
    let (name, description) = (table.full_name(model), table.definition(model, &fields)?);
    let (key, key_value) = key(&fields);
    let border = Border::new(&fields);
    let Border {
        load,
        defaults,
        renew,
        ..
    } = &border;
    let setters = setters::of(model, &input.vis, &fields);
    let relations = relations::of(model, &fields);
    let registered = table
        .is_created()
        .then(|| quote!(::gino::__inventory::submit!(::gino::model::Registered::of::<#model>());));
    Ok(quote! {
        #constants

        const _: () = {
            #setters

            #relations

            #registered

            #[automatically_derived]
            #[allow(non_snake_case)]
            impl ::gino::model::Model for #model {
                type Key = #key;
                type Fields<K: ::gino::model::Assign<Self>> = Fields<K>;
                type Loads<L> = Loads<L>;

                const NAME: (::core::option::Option<&'static str>, &'static str) = #name;
                const TABLE: &'static ::gino::model::Table = &::gino::model::Table {
                    columns: #columns,
                    properties: &[#(#properties),*],
                    #description
                };

                fn db() -> &'static ::gino::Gino {
                    #db
                }

                fn plans() -> &'static ::gino::model::Plans {
                    static PLANS: ::gino::model::Plans = ::gino::model::Plans::new();
                    &PLANS
                }

                fn from_record(
                    __record: &::gino::model::Record<'_>,
                    __at: usize,
                ) -> ::gino::Result<Self> {
                    #load
                }

                fn key(&self) -> Self::Key {
                    #key_value
                }

                fn defaults(__draft: &mut ::gino::model::Draft) {
                    #defaults
                }

                fn renew(&mut self, fresh: Self) {
                    #renew
                }

                fn fields<K: ::gino::model::Assign<Self>>(kind: K) -> Self::Fields<K> {
                    Fields(kind)
                }

                fn loads<L>(loader: L) -> Self::Loads<L> {
                    Loads(loader)
                }
            }
        };
    })
}

/// `User::NICKNAME` and its like.
fn constants(input: &DeriveInput, fields: &[Field]) -> TokenStream {
    let (model, vis) = (&input.ident, &input.vis);
    let position = Positions::new(fields);
    let constants = fields.iter().enumerate().map(|(index, field)| {
        let (constant, ty, name) = (&field.constant, field.value_type(), &field.name);
        let span = field.ty.span();
        let at = position.of(index);
        match &field.kind {
            Kind::Column(column) => {
                let sql = &column.name;
                let doc = format!("The column `{sql}`.");
                quote_spanned! {span=>
                    #[doc = #doc]
                    #vis const #constant: ::gino::model::Column<#model, #ty> =
                        ::gino::model::Column::new(#sql, #at);
                }
            }
            Kind::Property { source, key } => {
                let doc = format!("The property `{key}` inside `{source}`.");
                let (sql, at) = position.column(source);
                quote_spanned! {span=>
                    #[doc = #doc]
                    #vis const #constant: ::gino::model::Property<#model, #ty> =
                        ::gino::model::Property::new(#sql, #at, #key);
                }
            }
            Kind::Relation(joined) => {
                let through = match joined {
                    Joined::Through(table) => quote_spanned!(table.span()=> .through::<#table>()),
                    Joined::Key | Joined::ByLoader => TokenStream::new(),
                };
                let (doc, text) = (format!("The relation `{name}`."), name.to_string());
                quote_spanned! {span=>
                    #[doc = #doc]
                    #vis const #constant: ::gino::model::Relation<
                        #model,
                        <#ty as ::gino::model::RelationField>::Model,
                    > = ::gino::model::Relation::new(
                        #text,
                        <#ty as ::gino::model::RelationField>::MANY,
                        |parent: &mut #model, child| ::gino::model::RelationField::attach(&mut parent.#name, child),
                    )#through;
                }
            }
            Kind::Skipped => TokenStream::new(),
            Kind::Group => {
                let doc = format!("The columns of `{name}`.");
                quote_spanned! {span=>
                    #[doc = #doc]
                    #vis const #constant: <#ty as ::gino::model::Columns>::Of<#model> =
                        <<#ty as ::gino::model::Columns>::Of<#model>>::at(#at);
                }
            }
        }
    });
    quote! {
        #[automatically_derived]
        #[allow(dead_code, private_interfaces)]
        impl #model {
            #(#constants)*
        }
    }
}

/// The `ColumnDef`s, in the order of the fields.
pub(crate) fn definitions(fields: &[Field]) -> Result<TokenStream> {
    let keys = fields
        .iter()
        .filter(|f| matches!(&f.kind, Kind::Column(c) if c.primary_key));
    let single_key = keys.count() == 1;
    let (mut parts, mut own, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    let mut count = 0_usize;
    for field in fields {
        match &field.kind {
            Kind::Column(column) => {
                let automatic = single_key && column.primary_key && field.has_no_default();
                let autoincrement = column
                    .autoincrement
                    .unwrap_or(automatic && column.references.is_none());
                own.push(field.definition(column, autoincrement));
                count += 1;
            }
            Kind::Group => {
                let ty = &field.ty;
                let before = std::mem::take(&mut own);
                parts.push(quote!(&[#(#before),*]));
                parts.push(quote!(<#ty as ::gino::model::Columns>::COLUMNS));
                groups.push(quote!(+ <#ty as ::gino::model::Columns>::COLUMNS.len()));
            }
            _ => {}
        }
    }
    if groups.is_empty() {
        return match count {
            0 => Err(Error::new(
                proc_macro2::Span::call_site(),
                "there are no columns",
            )),
            _ => Ok(quote!(&[#(#own),*])),
        };
    }
    parts.push(quote!(&[#(#own),*]));
    Ok(quote! {
        &::gino::model::joined::<{ #count #(#groups)* }>(&[#(#parts),*])
    })
}

fn properties(fields: &[Field]) -> Vec<TokenStream> {
    let position = Positions::new(fields);
    let property = |field: &Field| {
        let Kind::Property { source, key } = &field.kind else {
            return None;
        };
        let (name, ty) = (field.name.to_string(), &field.ty);
        let (_, at) = position.column(source);
        Some(
            quote_spanned!(field.ty.span()=> ::gino::model::PropertyDef {
                field: #name,
                key: #key,
                column: #at,
                sql_type: <#ty as ::gino::model::SqlType>::TYPE,
            }),
        )
    };
    fields.iter().filter_map(property).collect()
}

/// The type of the key, and its value of an instance.
fn key(fields: &[Field]) -> (TokenStream, TokenStream) {
    let keys: Vec<&Field> = fields
        .iter()
        .filter(|field| matches!(&field.kind, Kind::Column(column) if column.primary_key))
        .collect();
    let types = keys.iter().map(|field| &field.ty);
    let values = keys.iter().map(|field| {
        let name = &field.name;
        quote_spanned!(field.ty.span()=> ::core::clone::Clone::clone(&self.#name))
    });
    match keys.len() {
        0 => (quote!(::gino::model::NoKey), quote!(::gino::model::NoKey)),
        1 => (quote!(#(#types)*), quote!(#(#values)*)),
        _ => (quote!((#(#types),*)), quote!((#(#values),*))),
    }
}

/// The bodies that move values between an instance and rows. Fields are variables in them: what else
/// there is has names that no field has.
pub(crate) struct Border {
    pub(crate) load: TokenStream,
    pub(crate) defaults: TokenStream,
    pub(crate) renew: TokenStream,
}

impl Border {
    pub(crate) fn new(fields: &[Field]) -> Border {
        let position = Positions::new(fields);
        let (mut load, mut build) = (Vec::new(), Vec::new());
        let (mut defaults, mut renew) = (Vec::new(), Vec::new());
        for (index, field) in fields.iter().enumerate() {
            let (name, ty, at) = (&field.name, field.value_type(), position.of(index));
            let span = field.ty.span();
            match &field.kind {
                Kind::Column(_) => {
                    let read =
                        quote_spanned!(span=> ::gino::model::read::<#ty>(__record, __at + #at)?);
                    let read = field.unwrapped(read);
                    load.push(quote!(let #name = #read;));
                    renew.push(quote!(self.#name = fresh.#name;));
                    if let Some(value) = field.default_value() {
                        let value = field.wrapped(value);
                        defaults.push(quote! {
                            if !__draft.has(#at) {
                                __draft.put::<#ty>(#at, #value);
                            }
                        });
                    }
                }
                Kind::Property { source, key } => {
                    let default = match field.default_value() {
                        Some(value) => quote!(::core::option::Option::Some(#value)),
                        None => quote!(::core::option::Option::None),
                    };
                    build.push(quote_spanned! {span=>
                        let #name = ::gino::json::property::<#ty, _>(&#source, #key, || #default)?;
                    });
                    renew.push(quote!(self.#name = fresh.#name;));
                    if let Some(value) = field.default_value() {
                        let (_, at) = position.column(source);
                        defaults.push(quote! {
                            if !__draft.has_property(#at, #key) {
                                __draft.put_property::<#ty>(#at, #key, #value);
                            }
                        });
                    }
                }
                Kind::Relation(_) => {
                    let none = quote_spanned!(span=> <#ty as ::gino::model::RelationField>::none);
                    build.push(quote!(let #name = #none();));
                }
                Kind::Skipped => {
                    build.push(quote!(let #name = ::core::default::Default::default();));
                }
                Kind::Group => {
                    let group = quote_spanned!(span=> <#ty as ::gino::model::Columns>);
                    load.push(quote!(let #name = #group::from_record(__record, __at + #at)?;));
                    defaults.push(quote!(#group::defaults(__draft, #at);));
                    renew.push(quote!(self.#name = fresh.#name;));
                }
            }
        }
        let names = fields.iter().map(|field| &field.name);
        Border {
            load: quote! {
                #(#load)*
                #(#build)*
                ::core::result::Result::Ok(Self { #(#names),* })
            },
            defaults: quote!(#(#defaults)*),
            renew: quote!(#(#renew)*),
        }
    }
}
