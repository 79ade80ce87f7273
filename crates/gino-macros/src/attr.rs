//! Owns the reading of `#[gino(…)]`: what a struct, a field or a variant says. Never judges what it
//! means together; `field` and `table` do.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, ExprCall, Ident, Lit, LitStr, Path, Result, Token, parenthesized,
};

/// Calls `each` for every item of every `#[gino(…)]`.
pub(crate) fn items(
    attributes: &[Attribute],
    mut each: impl FnMut(&str, ParseNestedMeta<'_>) -> Result<()>,
) -> Result<()> {
    for attribute in attributes {
        if attribute.path().is_ident("gino") {
            attribute.parse_nested_meta(|meta| {
                let name = meta.path.require_ident()?.to_string();
                each(&name, meta)
            })?;
        }
    }
    Ok(())
}

/// An option that is not one of `known`.
pub(crate) fn unknown(meta: &ParseNestedMeta<'_>, place: &str, known: &[&str]) -> Error {
    let name = meta.path.require_ident().map(Ident::to_string);
    let name = name.unwrap_or_default();
    let guess = match nearest(&name, known) {
        Some(nearest) => format!(" (did you mean `{nearest}`?)"),
        None => String::new(),
    };
    let known = known.join(", ");
    meta.error(format!(
        "unknown option `{name}` of {place}{guess}; there are: {known}"
    ))
}

/// The word that is most like `name`: of those that begin with it, or else by letters to be changed.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let longer = |word: &&&str| name.len() > 2 && word.starts_with(name);
    let alike = |word: &&&'a str| distance(name, word) <= name.len().max(word.len()).div_ceil(3);
    let begins = known.iter().filter(longer).min_by_key(|word| word.len());
    let nearest = || {
        known
            .iter()
            .filter(alike)
            .min_by_key(|word| distance(name, word))
    };
    begins.or_else(nearest).copied()
}

/// How many letters have to be put in, taken out or changed.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, a) in (1..).zip(left.bytes()) {
        let mut next = vec![above];
        let pairs = row.windows(2).zip(right.bytes());
        for (pair, b) in pairs {
            let [diagonal, up] = *pair else { continue };
            let before = next.last().copied().unwrap_or(above);
            let changed = diagonal + usize::from(a != b);
            next.push(changed.min(up + 1).min(before + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// `name = "text"`.
pub(crate) fn text(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    meta.value()?.parse()
}

/// `name` alone is true, `name = false` is what it says.
pub(crate) fn flag(meta: &ParseNestedMeta<'_>) -> Result<bool> {
    if !meta.input.peek(Token![=]) {
        return Ok(true);
    }
    let value: syn::LitBool = meta.value()?.parse()?;
    Ok(value.value)
}

/// `name(a, b)`: names of fields.
pub(crate) fn names(meta: &ParseNestedMeta<'_>) -> Result<Vec<Ident>> {
    let inside;
    parenthesized!(inside in meta.input);
    let names = Punctuated::<Ident, Token![,]>::parse_terminated(&inside)?;
    Ok(names.into_iter().collect())
}

/// A default of the server: a literal, or `sql("…")` as it stands. Gives an `Option<ServerDefault>`.
pub(crate) fn server_default(meta: &ParseNestedMeta<'_>) -> Result<TokenStream> {
    let value: Expr = meta.value()?.parse()?;
    let wrong = || {
        Error::new(
            value.span(),
            "write a literal (a string is quoted for you) or sql(\"expression\")",
        )
    };
    if let Expr::Call(ExprCall { func, args, .. }) = &value {
        let is_sql = matches!(&**func, Expr::Path(path) if path.path.is_ident("sql"));
        return match args.first() {
            Some(sql) if is_sql && args.len() == 1 => {
                Ok(quote!(::gino::model::ServerDefault::Sql(#sql)))
            }
            _ => Err(wrong()),
        };
    }
    let (literal, sign) = match &value {
        Expr::Lit(literal) => (&literal.lit, ""),
        Expr::Unary(unary) => match (&unary.op, &*unary.expr) {
            (syn::UnOp::Neg(_), Expr::Lit(literal)) => (&literal.lit, "-"),
            _ => return Err(wrong()),
        },
        _ => return Err(wrong()),
    };
    match literal {
        Lit::Str(text) => Ok(quote!(::gino::model::ServerDefault::Text(#text))),
        Lit::Int(number) => sql_literal(&format!("{sign}{}", number.base10_digits())),
        Lit::Float(number) => sql_literal(&format!("{sign}{}", number.base10_digits())),
        Lit::Bool(value) => sql_literal(if value.value { "true" } else { "false" }),
        _ => Err(wrong()),
    }
}

fn sql_literal(sql: &str) -> Result<TokenStream> {
    Ok(quote!(::gino::model::ServerDefault::Sql(#sql)))
}

/// A foreign key: `= Team::ID`, or `(Team::ID, on_delete = "cascade", …)`.
pub(crate) struct Reference {
    pub(crate) target: Path,
    pub(crate) rules: Rules,
}

/// What a foreign key does when its target changes.
#[derive(Default)]
pub(crate) struct Rules {
    pub(crate) name: Option<LitStr>,
    pub(crate) on_delete: Option<LitStr>,
    pub(crate) on_update: Option<LitStr>,
    pub(crate) deferrable: bool,
}

impl Rules {
    /// Reads one option; false if it is none of these.
    pub(crate) fn read(&mut self, name: &str, meta: &ParseNestedMeta<'_>) -> Result<bool> {
        match name {
            "name" => self.name = Some(text(meta)?),
            "on_delete" => self.on_delete = Some(action(meta)?),
            "on_update" => self.on_update = Some(action(meta)?),
            "deferrable" => self.deferrable = flag(meta)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The fields of a `gino::model::ForeignKey` that come from here.
    pub(crate) fn tokens(&self) -> TokenStream {
        let (name, on_delete) = (option(&self.name), option(&self.on_delete));
        let (on_update, deferrable) = (option(&self.on_update), self.deferrable);
        quote! {
            name: #name, on_delete: #on_delete, on_update: #on_update, deferrable: #deferrable,
        }
    }
}

/// One of the actions of PostgreSQL's manual, "Constraints", "Foreign Keys".
fn action(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let given = text(meta)?;
    let upper = given.value().to_uppercase();
    match upper.as_str() {
        "NO ACTION" | "RESTRICT" | "CASCADE" | "SET NULL" | "SET DEFAULT" => {
            Ok(LitStr::new(&upper, given.span()))
        }
        _ => Err(Error::new(
            given.span(),
            "write \"cascade\", \"restrict\", \"set null\", \"set default\" or \"no action\"",
        )),
    }
}

impl Reference {
    pub(crate) fn read(meta: &ParseNestedMeta<'_>) -> Result<Reference> {
        if meta.input.peek(Token![=]) {
            let target = constant(meta.value()?)?;
            let rules = Rules::default();
            return Ok(Reference { target, rules });
        }
        let (mut target, mut rules) = (None, Rules::default());
        meta.parse_nested_meta(|inner| {
            let option = inner.path.get_ident().map(Ident::to_string);
            let is_option = inner.input.peek(Token![=]) || option.as_deref() == Some("deferrable");
            match option {
                Some(name) if is_option && rules.read(&name, &inner)? => Ok(()),
                _ if is_option => {
                    let known = ["name", "on_delete", "on_update", "deferrable"];
                    Err(unknown(&inner, "references(…)", &known))
                }
                _ => {
                    target = Some(checked(inner.path.clone())?);
                    Ok(())
                }
            }
        })?;
        let target = target.ok_or_else(|| meta.error("write references = Team::ID"))?;
        Ok(Reference { target, rules })
    }
}

/// `Team::ID`.
fn constant(input: syn::parse::ParseStream<'_>) -> Result<Path> {
    match input.parse::<Path>() {
        Ok(path) => checked(path),
        Err(error) => refuse(
            error.span(),
            "write the column's constant: references = Team::ID",
        ),
    }
}

/// # Errors
/// If a column is named as its field is.
fn checked(path: Path) -> Result<Path> {
    let last = path
        .segments
        .last()
        .map(|segment| segment.ident.to_string());
    let last = last.unwrap_or_default();
    match last.chars().any(char::is_uppercase) {
        true => Ok(path),
        false => {
            let upper = last.to_uppercase();
            let message =
                format!("columns are constants, in capitals: write `{upper}` for `{last}`");
            refuse(path.span(), message)
        }
    }
}

/// An `Option` of something that stands for itself.
pub(crate) fn option<T: quote::ToTokens>(value: &Option<T>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

/// An error at `span`.
pub(crate) fn refuse<T>(span: Span, message: impl std::fmt::Display) -> Result<T> {
    Err(Error::new(span, message))
}
