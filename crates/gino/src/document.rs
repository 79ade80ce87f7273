//! Owns JSON that is written already: what a column is set to by reference needs no copy. `json` makes
//! documents, drafts keep them.

use bytes::{BufMut, BytesMut};
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

    /// Appends `value` as a `jsonb`; nothing if serde cannot write it.
    pub(crate) fn write(
        value: &impl Serialize,
        out: &mut BytesMut,
    ) -> std::result::Result<(), Box<str>> {
        let start = out.len();
        out.put_u8(VERSION);
        serde_json::to_writer(Out(out), value).map_err(|error| {
            out.truncate(start);
            error.to_string().into()
        })
    }

    /// The document of a `jsonb`.
    pub(crate) fn read(bytes: &[u8]) -> Document {
        let text = bytes.strip_prefix(&[VERSION]);
        Document(text.map(Vec::from).ok_or("it is not a jsonb".into()))
    }
}

/// Writes piece by piece, of which JSON has many: `bytes::buf::Writer` takes twice the instructions.
struct Out<'a>(&'a mut BytesMut);

impl std::io::Write for Out<'_> {
    fn write(&mut self, piece: &[u8]) -> std::io::Result<usize> {
        self.0.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn write_all(&mut self, piece: &[u8]) -> std::io::Result<()> {
        self.0.extend_from_slice(piece);
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What a `jsonb` begins with (PostgreSQL source, jsonb_recv).
const VERSION: u8 = 1;

impl ToSql for Document {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Outcome {
        let text = self.0.as_ref().map_err(|reason| &**reason)?;
        if *ty == Type::JSONB {
            out.put_u8(VERSION);
        }
        out.extend_from_slice(text);
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::JSON | Type::JSONB)
    }

    postgres_types::to_sql_checked!();
}
