//! Owns the options of a column. `field` has them read, `definition` writes them down.

use proc_macro2::TokenStream;
use syn::meta::ParseNestedMeta;
use syn::{LitStr, Result};

use crate::attr::{self, Reference};

#[derive(Default)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) primary_key: bool,
    pub(crate) autoincrement: Option<bool>,
    /// A serde type that travels as JSON.
    pub(crate) json: bool,
    pub(crate) sql_type: Option<LitStr>,
    pub(crate) server_default: Option<TokenStream>,
    pub(crate) sequence: Option<syn::Path>,
    pub(crate) unique: bool,
    pub(crate) index: bool,
    pub(crate) check: Option<LitStr>,
    pub(crate) comment: Option<LitStr>,
    pub(crate) references: Option<Reference>,
}

impl Column {
    /// Reads one option; false if it is none of a column's.
    pub(crate) fn read(&mut self, option: &str, meta: &ParseNestedMeta<'_>) -> Result<bool> {
        match option {
            "primary_key" => self.primary_key = attr::flag(meta)?,
            "autoincrement" => self.autoincrement = Some(attr::flag(meta)?),
            "column" => self.name = attr::text(meta)?.value(),
            "type" => self.sql_type = Some(attr::text(meta)?),
            "server_default" => self.server_default = Some(attr::server_default(meta)?),
            "sequence" => self.sequence = Some(meta.value()?.parse()?),
            "unique" => self.unique = attr::flag(meta)?,
            "index" => self.index = attr::flag(meta)?,
            "references" => self.references = Some(Reference::read(meta)?),
            "check" => self.check = Some(attr::text(meta)?),
            "comment" => self.comment = Some(attr::text(meta)?),
            "json" => self.json = attr::flag(meta)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}
