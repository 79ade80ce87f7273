//! Owns what a model's struct says of its table: names, constraints, indexes.

use proc_macro2::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::{DeriveInput, Expr, Ident, LitStr, Path, Result, Token, parenthesized};

use crate::attr::{self, Rules};
use crate::field::Field;
use crate::place::{column_named, index_part};

#[derive(Default)]
pub(crate) struct Table {
    pub(crate) db: Option<Expr>,
    name: Option<LitStr>,
    schema: Option<LitStr>,
    /// `create_all` leaves it alone.
    not_created: bool,
    comment: Option<LitStr>,
    indexes: Vec<Index>,
    uniques: Vec<Unique>,
    checks: Vec<(Option<LitStr>, LitStr)>,
    foreign_keys: Vec<ForeignKey>,
}

#[derive(Default)]
struct Index {
    name: Option<LitStr>,
    columns: Vec<Ident>,
    sql: Option<LitStr>,
    unique: bool,
    method: Option<LitStr>,
    predicate: Option<LitStr>,
}

struct Unique {
    name: Option<LitStr>,
    columns: Vec<Ident>,
}

#[derive(Default)]
struct ForeignKey {
    columns: Vec<Ident>,
    targets: Vec<Path>,
    rules: Rules,
}

const KNOWN: &[&str] = &[
    "db",
    "table",
    "schema",
    "create",
    "comment",
    "index",
    "unique",
    "check",
    "foreign_key",
];

impl Table {
    pub(crate) fn read(input: &DeriveInput) -> Result<Table> {
        let mut table = Table::default();
        attr::items(&input.attrs, |option, meta| {
            match option {
                "db" => table.db = Some(meta.value()?.parse()?),
                "table" => table.name = Some(attr::text(&meta)?),
                "schema" => table.schema = Some(attr::text(&meta)?),
                "create" => table.not_created = !attr::flag(&meta)?,
                "comment" => table.comment = Some(attr::text(&meta)?),
                "index" => table.indexes.push(Index::read(&meta)?),
                "unique" => table.uniques.push(Unique::read(&meta)?),
                "check" => table.checks.push(read_check(&meta)?),
                "foreign_key" => table.foreign_keys.push(ForeignKey::read(&meta)?),
                _ => return Err(attr::unknown(&meta, "a model", KNOWN)),
            }
            Ok(())
        })?;
        Ok(table)
    }

    /// Whether `create_all` creates it.
    pub(crate) fn is_created(&self) -> bool {
        !self.not_created
    }

    /// Schema and name.
    pub(crate) fn full_name(&self, model: &Ident) -> TokenStream {
        let name = match &self.name {
            Some(name) => name.value(),
            None => snake(&model.to_string()),
        };
        let schema = attr::option(&self.schema);
        quote!((#schema, #name))
    }

    /// The `Table` constant, but for its columns and properties.
    pub(crate) fn definition(&self, model: &Ident, fields: &[Field]) -> Result<TokenStream> {
        let comment = attr::option(&self.comment);
        let named = |columns: &[Ident]| -> Result<Vec<String>> {
            let find = |column| column_named(fields, column).map(str::to_owned);
            columns.iter().map(find).collect()
        };
        let mut indexes = Vec::new();
        for index in &self.indexes {
            let parts = index.columns.iter().map(|name| index_part(fields, name));
            let parts: Vec<TokenStream> = parts.collect::<Result<_>>()?;
            let (name, sql) = (attr::option(&index.name), attr::option(&index.sql));
            let (method, unique) = (attr::option(&index.method), index.unique);
            let predicate = attr::option(&index.predicate);
            indexes.push(quote! {
                ::gino::model::Index {
                    name: #name, parts: &[#(#parts),*], sql: #sql, unique: #unique,
                    method: #method, predicate: #predicate,
                }
            });
        }
        let mut uniques = Vec::new();
        for unique in &self.uniques {
            let (name, columns) = (attr::option(&unique.name), named(&unique.columns)?);
            uniques.push(quote! {
                ::gino::model::Unique { name: #name, columns: &[#(#columns),*] }
            });
        }
        let checks = self.checks.iter().map(|(name, sql)| {
            let name = attr::option(name);
            quote!(::gino::model::Check { name: #name, sql: #sql })
        });
        let mut foreign_keys = Vec::new();
        for key in &self.foreign_keys {
            let (columns, targets) = (named(&key.columns)?, &key.targets);
            let rules = key.rules.tokens();
            foreign_keys.push(quote! {
                ::gino::model::ForeignKey {
                    columns: &[#(#columns),*],
                    targets: &[#(::gino::model::Target::any(#targets)),*],
                    #rules
                }
            });
        }
        Ok(quote! {
            schema: <#model as ::gino::model::Model>::NAME.0,
            name: <#model as ::gino::model::Model>::NAME.1,
            comment: #comment,
            indexes: &[#(#indexes),*], uniques: &[#(#uniques),*],
            checks: &[#(#checks),*], foreign_keys: &[#(#foreign_keys),*],
        })
    }
}

impl Index {
    /// `index(a, b)`, with `name = "…"`, `unique`, `using = "gin"`, `where = "…"`, `sql = "…"`.
    fn read(meta: &ParseNestedMeta<'_>) -> Result<Index> {
        let mut index = Index::default();
        let inside;
        parenthesized!(inside in meta.input);
        while !inside.is_empty() {
            if inside.peek(Token![where]) {
                inside.parse::<Token![where]>()?;
                inside.parse::<Token![=]>()?;
                index.predicate = Some(inside.parse()?);
            } else {
                let name: Ident = inside.parse()?;
                match inside.peek(Token![=]) {
                    true => {
                        inside.parse::<Token![=]>()?;
                        let text = Some(inside.parse()?);
                        match name.to_string().as_str() {
                            "name" => index.name = text,
                            "using" => index.method = text,
                            "sql" => index.sql = text,
                            _ => return attr::refuse(name.span(), INDEX),
                        }
                    }
                    false if name == "unique" => index.unique = true,
                    false => index.columns.push(name),
                }
            }
            if !inside.is_empty() {
                inside.parse::<Token![,]>()?;
            }
        }
        match index.columns.is_empty() && index.sql.is_none() {
            true => Err(meta.error(INDEX)),
            false => Ok(index),
        }
    }
}

const INDEX: &str = "write index(field, field) with any of name = \"…\", unique, using = \"gin\", \
                     where = \"…\", or sql = \"…\" in place of fields";

impl Unique {
    fn read(meta: &ParseNestedMeta<'_>) -> Result<Unique> {
        let mut unique = Unique {
            name: None,
            columns: Vec::new(),
        };
        meta.parse_nested_meta(|inner| {
            match inner.path.is_ident("name") && inner.input.peek(Token![=]) {
                true => unique.name = Some(attr::text(&inner)?),
                false => unique.columns.push(inner.path.require_ident()?.clone()),
            }
            Ok(())
        })?;
        match unique.columns.is_empty() {
            true => Err(meta.error("write unique(field, field)")),
            false => Ok(unique),
        }
    }
}

fn read_check(meta: &ParseNestedMeta<'_>) -> Result<(Option<LitStr>, LitStr)> {
    if meta.input.peek(Token![=]) {
        return Ok((None, attr::text(meta)?));
    }
    let inside;
    parenthesized!(inside in meta.input);
    let name = match inside.peek(LitStr) {
        true => None,
        false => {
            let key: Ident = inside.parse()?;
            if key != "name" {
                return attr::refuse(key.span(), "write check(name = \"…\", \"expression\")");
            }
            inside.parse::<Token![=]>()?;
            let name = inside.parse()?;
            inside.parse::<Token![,]>()?;
            Some(name)
        }
    };
    Ok((name, inside.parse()?))
}

impl ForeignKey {
    fn read(meta: &ParseNestedMeta<'_>) -> Result<ForeignKey> {
        let mut key = ForeignKey::default();
        meta.parse_nested_meta(|inner| {
            let option = inner.path.require_ident()?.to_string();
            match option.as_str() {
                "columns" => key.columns = attr::names(&inner)?,
                "references" => {
                    inner.parse_nested_meta(|target| {
                        key.targets.push(target.path.clone());
                        Ok(())
                    })?;
                }
                _ if key.rules.read(&option, &inner)? => {}
                _ => return Err(inner.error(FOREIGN_KEY)),
            }
            Ok(())
        })?;
        match key.columns.is_empty() || key.columns.len() != key.targets.len() {
            true => Err(meta.error(FOREIGN_KEY)),
            false => Ok(key),
        }
    }
}

const FOREIGN_KEY: &str = "write foreign_key(columns(a, b), references(Other::A, Other::B)) with any \
                           of name, on_delete, on_update, deferrable";

/// `UserGroup` is `user_group`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut before = '_';
    for letter in name.chars() {
        if letter.is_uppercase() && before != '_' && !before.is_uppercase() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
        before = letter;
    }
    snake
}
