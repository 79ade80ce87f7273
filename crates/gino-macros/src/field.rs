//! Owns a field of a model: a column, a JSON property, a relation or a group of columns. Both kinds of
//! derive read their fields here.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Expr, Fields, Ident, Lit, Result, Token, Type};

use crate::attr;
use crate::column::Column;

pub(crate) struct Field {
    pub(crate) name: Ident,
    /// `NICKNAME`, for the constant.
    pub(crate) constant: Ident,
    pub(crate) ty: Type,
    pub(crate) kind: Kind,
    pub(crate) default: Option<Default>,
}

pub(crate) enum Kind {
    Column(Box<Column>),
    /// Inside the JSON column `source`, under `key`.
    Property {
        source: Ident,
        key: String,
    },
    Relation(Joined),
    Group,
    /// No column: `Default::default()`, and what a loader sets.
    Skipped,
}

/// How a relation's table is joined where its loader does not say it.
pub(crate) enum Joined {
    /// By the foreign key between the two.
    Key,
    /// By those of a third table.
    Through(syn::Path),
    /// Each loader says it.
    ByLoader,
}

/// Where a value comes from that nobody gave.
pub(crate) enum Default {
    Trait,
    Expr(Expr),
}

const KNOWN: &[&str] = &[
    "primary_key",
    "autoincrement",
    "column",
    "type",
    "default",
    "server_default",
    "sequence",
    "unique",
    "index",
    "references",
    "check",
    "comment",
    "json",
    "property",
    "key",
    "relation",
    "flatten",
    "skip",
];

/// The fields of the struct that is derived for.
pub(crate) fn fields(input: &DeriveInput, derive: &str) -> Result<Vec<Field>> {
    let span = input.ident.span();
    if !input.generics.params.is_empty() {
        let reason = match input.generics.lifetimes().next() {
            Some(_) => "lifetimes: rows own their values, so write String for &str",
            None => "type parameters: a table has one shape, so write a struct for each",
        };
        let message = format!("{derive} takes no {reason}");
        return attr::refuse(input.generics.span(), message);
    }
    let named = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(named) => Some(named),
            _ => None,
        },
        _ => None,
    };
    let Some(named) = named else {
        let name = &input.ident;
        let message =
            format!("{derive} is for a struct with named fields: `struct {name} {{ … }}`");
        return attr::refuse(span, message);
    };
    let fields: Vec<Field> = named.named.iter().map(Field::read).collect::<Result<_>>()?;
    for field in &fields {
        field.check(&fields)?;
    }
    distinct(&fields)?;
    Ok(fields)
}

/// # Errors
/// If two fields are one column.
fn distinct(fields: &[Field]) -> Result<()> {
    let mut before: Vec<(&str, &Ident)> = Vec::new();
    for field in fields {
        let Kind::Column(column) = &field.kind else {
            continue;
        };
        let column = column.name.as_str();
        if let Some((_, other)) = before.iter().find(|(name, _)| *name == column) {
            let message = format!(
                "`{other}` and `{}` are both the column \"{column}\": give one of them another, \
                 #[gino(column = \"…\")]",
                field.name
            );
            return attr::refuse(field.name.span(), message);
        }
        before.push((column, &field.name));
    }
    Ok(())
}

/// # Errors
/// If a field's setter, or its method of a loader, would have the name of another.
pub(crate) fn check_words(fields: &[Field]) -> Result<()> {
    for field in fields {
        let (words, of, way_out) = match &field.kind {
            Kind::Column(_) => (
                SETTERS,
                "creates and updates",
                ", and its column in #[gino(column = \"…\")]",
            ),
            Kind::Property { .. } => (
                SETTERS,
                "creates and updates",
                ", and its key in #[gino(key = \"…\")]",
            ),
            Kind::Group => (SETTERS, "creates and updates", ""),
            Kind::Relation(_) => (LOADS, "loaders", ""),
            Kind::Skipped => continue,
        };
        let name = &field.name;
        if words.iter().any(|word| name == word) {
            let message =
                format!("`{name}` is a word of all {of}: name the field otherwise{way_out}");
            return attr::refuse(name.span(), message);
        }
    }
    Ok(())
}

/// What takes values has these methods, besides a setter for each field.
const SETTERS: &[&str] = &[
    "set",
    "on",
    "timeout",
    "apply",
    "apply_to",
    "filter",
    "returning",
];

/// The same of loaders, and relations.
const LOADS: &[&str] = &["on", "through", "joined", "distinct", "load", "with"];

impl Field {
    fn read(field: &syn::Field) -> Result<Field> {
        let Some(name) = field.ident.clone() else {
            return attr::refuse(field.span(), "the field has no name");
        };
        let plain = name.to_string();
        let plain = plain.trim_start_matches("r#");
        let mut column = Column {
            name: plain.to_owned(),
            ..Column::default()
        };
        let (mut default, mut property, mut key) = (None, None, None);
        let (mut relation, mut group, mut skipped) = (None, false, false);
        let mut of_column: Option<String> = None;
        attr::items(&field.attrs, |option, meta| {
            if column.read(option, &meta)? {
                of_column.get_or_insert_with(|| option.to_owned());
                return Ok(());
            }
            match option {
                "default" => default = Some(read_default(&meta)?),
                "property" => {
                    let names = attr::names(&meta)?;
                    let [source] = names.as_slice() else {
                        return Err(meta.error("write property(column): the JSON column's field"));
                    };
                    property = Some(source.clone());
                }
                "key" => key = Some(attr::text(&meta)?.value()),
                "relation" => relation = Some(Joined::read(&meta)?),
                "flatten" => group = true,
                "skip" => skipped = true,
                _ => return Err(attr::unknown(&meta, "a field", KNOWN)),
            }
            Ok(())
        })?;
        let kind = match (property, relation, group || skipped) {
            (None, None, false) => {
                if key.is_some() {
                    return attr::refuse(name.span(), "`key` is for a property(…)");
                }
                Kind::Column(Box::new(column))
            }
            (source, relation, _) => {
                if let Some(option) = of_column {
                    let what = match (&source, &relation) {
                        (Some(_), _) => "a property",
                        (None, Some(_)) => "a relation",
                        (None, None) if skipped => "skipped",
                        (None, None) => "a group of columns",
                    };
                    let message = format!("`{option}` is for columns, and `{plain}` is {what}");
                    return attr::refuse(name.span(), message);
                }
                match (source, relation) {
                    (Some(source), _) => {
                        let key = key.unwrap_or_else(|| plain.to_owned());
                        Kind::Property { source, key }
                    }
                    (None, Some(joined)) => Kind::Relation(joined),
                    (None, None) if skipped => Kind::Skipped,
                    (None, None) => Kind::Group,
                }
            }
        };
        if matches!(kind, Kind::Relation(_) | Kind::Group | Kind::Skipped) && default.is_some() {
            let message = format!("`default` is for columns and properties, `{plain}` is neither");
            return attr::refuse(name.span(), message);
        }
        Ok(Field {
            constant: format_ident!("{}", plain.to_uppercase(), span = name.span()),
            ty: field.ty.clone(),
            name,
            kind,
            default,
        })
    }

    fn check(&self, all: &[Field]) -> Result<()> {
        if let (Kind::Column(column), Some(inner)) = (&self.kind, option_of(&self.ty))
            && column.primary_key
        {
            let (name, inner) = (&self.name, quote!(#inner));
            let message = format!(
                "`{name}` is part of the primary key, which is never NULL: write `{name}: {inner}`; a \
                 create need not set what the server fills in"
            );
            return attr::refuse(self.ty.span(), message);
        }
        let Kind::Property { source, .. } = &self.kind else {
            return Ok(());
        };
        match all
            .iter()
            .find(|field| field.name == *source)
            .map(|field| &field.kind)
        {
            Some(Kind::Column(_)) => Ok(()),
            _ => attr::refuse(
                source.span(),
                format!(
                    "the property `{}` lives in a JSON column `{source}`, which is not a field \
                     here: add `#[gino(json, server_default = \"{{}}\")] {source}: Json`",
                    self.name
                ),
            ),
        }
    }

    /// The type of its values: a serde type stands in `Json<…>`.
    pub(crate) fn value_type(&self) -> TokenStream {
        let ty = &self.ty;
        match &self.kind {
            Kind::Column(column) if column.json && !is_json(ty) => match option_of(ty) {
                Some(inner) => quote!(::core::option::Option<::gino::Json<#inner>>),
                None => quote!(::gino::Json<#ty>),
            },
            _ => quote!(#ty),
        }
    }

    /// Whether neither the struct nor the server has a value for it.
    pub(crate) fn has_no_default(&self) -> bool {
        let of_server = match &self.kind {
            Kind::Column(column) => column.server_default.is_some() || column.sequence.is_some(),
            _ => false,
        };
        self.default.is_none() && !of_server
    }

    /// `value` of the field, as a value of its column.
    pub(crate) fn wrapped(&self, value: TokenStream) -> TokenStream {
        match (self.is_wrapped(), option_of(&self.ty)) {
            (true, Some(_)) => quote!(::core::option::Option::map(#value, ::gino::Json)),
            (true, None) => quote!(::gino::Json(#value)),
            (false, _) => value,
        }
    }

    /// `value` of the column, as a value of the field.
    pub(crate) fn unwrapped(&self, value: TokenStream) -> TokenStream {
        match (self.is_wrapped(), option_of(&self.ty)) {
            (true, Some(_)) => quote!(::core::option::Option::map(#value, |json| json.0)),
            (true, None) => quote!(#value.0),
            (false, _) => value,
        }
    }

    /// Whether its value has to be wrapped in `Json` on its way out, and unwrapped on its way in.
    pub(crate) fn is_wrapped(&self) -> bool {
        matches!(&self.kind, Kind::Column(column) if column.json && !is_json(&self.ty))
    }

    /// The value that its `default` gives.
    pub(crate) fn default_value(&self) -> Option<TokenStream> {
        let ty = &self.ty;
        let value = match self.default.as_ref()? {
            Default::Trait => quote!(::core::default::Default::default()),
            Default::Expr(expr) => {
                let is_text =
                    matches!(expr, Expr::Lit(literal) if matches!(literal.lit, Lit::Str(_)));
                let value = match is_text {
                    true => quote!(::core::convert::Into::into(#expr)),
                    false => quote!(#expr),
                };
                match (option_of(ty), expr) {
                    (Some(_), Expr::Path(path)) if path.path.is_ident("None") => value,
                    (Some(_), Expr::Call(call)) if is_some_call(call) => value,
                    (Some(_), _) => quote!(::core::option::Option::Some(#value)),
                    (None, _) => value,
                }
            }
        };
        Some(quote_spanned!(self.name.span()=> { let value: #ty = #value; value }))
    }
}

impl Joined {
    /// `relation`, `relation(through = Tagging)`, `relation(by_loader)`.
    fn read(meta: &ParseNestedMeta<'_>) -> Result<Joined> {
        let mut joined = Joined::Key;
        if meta.input.peek(syn::token::Paren) {
            meta.parse_nested_meta(|inner| {
                match inner.path.get_ident().map(Ident::to_string).as_deref() {
                    Some("through") => joined = Joined::Through(inner.value()?.parse()?),
                    Some("by_loader") => joined = Joined::ByLoader,
                    _ => {
                        let known = ["through", "by_loader"];
                        return Err(attr::unknown(&inner, "relation(…)", &known));
                    }
                }
                Ok(())
            })?;
        }
        Ok(joined)
    }
}

fn read_default(meta: &ParseNestedMeta<'_>) -> Result<Default> {
    match meta.input.peek(Token![=]) {
        true => Ok(Default::Expr(meta.value()?.parse()?)),
        false => Ok(Default::Trait),
    }
}

fn is_json(ty: &Type) -> bool {
    let inner = option_of(ty).unwrap_or(ty);
    matches!(inner, Type::Path(path) if path.path.segments.last().is_some_and(|s| s.ident == "Json"))
}

/// `T` of an `Option<T>`, as far as it is written so.
pub(crate) fn option_of(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first()? {
        syn::GenericArgument::Type(inner) if last.ident == "Option" => Some(inner),
        _ => None,
    }
}

fn is_some_call(call: &syn::ExprCall) -> bool {
    matches!(&*call.func, Expr::Path(path) if path.path.is_ident("Some"))
}
