//! Owns JSON that is written already: what a column is set to by reference needs no copy. `json` makes
//! documents, drafts keep them.

use bytes::BytesMut;
use postgres_types::{IsNull, ToSql, Type};
use serde::Serialize;

use crate::param::Outcome;

/// A value as JSON, or why serde cannot say it in JSON.
pub(crate) fn to_value<T: Serialize>(value: &T) -> std::result::Result<serde_json::Value, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}

/// A JSON document that is written already, or why serde could not write it.
#[derive(Debug)]
pub struct Document(pub(crate) std::result::Result<Vec<u8>, Box<str>>);

impl Document {
    pub(crate) fn of(value: &impl Serialize) -> Document {
        Document(serde_json::to_vec(value).map_err(|error| error.to_string().into()))
    }
}

impl ToSql for Document {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Outcome {
        let text = self.0.as_ref().map_err(|reason| &**reason)?;
        if *ty == Type::JSONB {
            // Its version (PostgreSQL source, jsonb_recv).
            out.extend_from_slice(&[1]);
        }
        out.extend_from_slice(text);
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::JSON | Type::JSONB)
    }

    postgres_types::to_sql_checked!();
}
