//! Owns the question about types that the client does not know, and the reading of its answer
//! (PostgreSQL manual, "System Catalogs": pg_type, pg_attribute, pg_enum, pg_range). Everything in it is of
//! PostgreSQL's own types. Never keeps an answer: `codec::catalog` does. `encode` and `op` use it.

use std::sync::Arc;

use bytes::BytesMut;

use crate::codec::catalog::{Entry, MadeOf};
use crate::codec::{Array, Format, Oid, number, text};
use crate::error::{ProtocolError, Result};
use crate::row::RawRow;
use crate::session::{Known, ParamType, Params, Sql, Statement, Written};

/// One step: what types there are with these OIDs, and what they are made of. Who wants to know what
/// that is asks again; so the question stays one that the planner answers by index.
/// `to_jsonb`: before PostgreSQL 14 there was no such column.
const QUESTION: &str = "\
SELECT t.oid, n.nspname::text, t.typname::text, pg_catalog.format_type(t.oid, NULL), t.typdelim::text,
  CASE WHEN e.oid IS NOT NULL THEN 'a' ELSE t.typtype::text END,
  COALESCE(e.oid, r.rngsubtype, t.typbasetype),
  CASE t.typtype WHEN 'c' THEN (SELECT pg_catalog.array_agg(a.attname::text ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
  WHEN 'e' THEN (SELECT pg_catalog.array_agg(l.enumlabel::text ORDER BY l.enumsortorder)
    FROM pg_catalog.pg_enum l WHERE l.enumtypid = t.oid) END,
  CASE WHEN t.typtype = 'c' THEN (SELECT pg_catalog.array_agg(a.atttypid ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) END
FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_type e ON t.typelem <> 0 AND e.oid = t.typelem AND e.typarray = t.oid
LEFT JOIN pg_catalog.pg_range r ON (t.typtype = 'r' AND r.rngtypid = t.oid)
  OR (t.typtype = 'm' AND (pg_catalog.to_jsonb(r) ->> 'rngmultitypid')::oid = t.oid)
WHERE t.oid = ANY ($1::oid[])";

/// The same for all types that are not PostgreSQL's own.
const ALL: &str = "\
 OR ($2::bool AND t.typtype <> 'p' AND t.oid >= 16384)";

/// The question, as a statement that goes along unnamed each time: nothing of it is kept by the
/// server, so a proxy may send it anywhere.
pub(super) fn question(all: bool) -> Arc<Statement> {
    let (sql, params) = match all {
        false => (QUESTION.to_owned(), [OID_ARRAY].as_slice()),
        true => (format!("{QUESTION}{ALL}"), [OID_ARRAY, BOOL].as_slice()),
    };
    Arc::new(Statement {
        name: "".into(),
        sql: Sql::from(sql),
        params: params.into(),
        columns: Arc::new(super::message::binary(9)),
        touches: false,
        known: Known::Own,
    })
}

/// What is asked for: these types, and perhaps all.
pub(super) struct Asked<'a>(pub(super) &'a [Oid], pub(super) bool);

impl Params for Asked<'_> {
    fn len(&self, _set: usize) -> usize {
        1 + usize::from(self.1)
    }

    fn encode(
        &self,
        _set: usize,
        index: usize,
        _of: ParamType<'_>,
        out: &mut BytesMut,
    ) -> Result<Written> {
        let wrong = |_| unexpected("too many types");
        if index == 0 {
            let mut array =
                crate::codec::ArrayWriter::begin(OID, &[self.0.len()], out).map_err(wrong)?;
            for oid in self.0 {
                array
                    .element(|out| {
                        number::encode_oid(*oid, out);
                        Ok(())
                    })
                    .map_err(wrong)?;
            }
            array.finish().map_err(wrong)?;
        } else {
            number::encode_bool(true, out);
        }
        Ok(Written::Value(Format::Binary))
    }
}

/// What a row of the answer says.
pub(super) fn entry(row: RawRow<'_>) -> Result<Entry> {
    let cells = row.values().collect::<Result<Vec<_>>>()?;
    let [
        oid,
        schema,
        name,
        full_name,
        delimiter,
        kind,
        inner,
        names,
        types,
    ] = cells.as_slice()
    else {
        return Err(unexpected("another number of columns"));
    };
    let read = || {
        let made_of = match (*kind, inner) {
            (Some(b"e"), _) => MadeOf::Enum(texts(*names)?.into()),
            (Some(b"d"), Some(base)) => MadeOf::Domain(number::decode_oid(base)?),
            (Some(b"a"), Some(element)) => MadeOf::Array(number::decode_oid(element)?),
            (Some(b"r"), Some(bound)) => MadeOf::Range(number::decode_oid(bound)?),
            (Some(b"m"), Some(bound)) => MadeOf::Multirange(number::decode_oid(bound)?),
            (Some(b"c"), _) => {
                let types = elements(*types, number::decode_oid)?;
                MadeOf::Composite(texts(*names)?.into_iter().zip(types).collect())
            }
            _ => MadeOf::Base,
        };
        Ok(Entry {
            oid: number::decode_oid(oid.ok_or("NULL")?)?,
            schema: text::decode(schema.ok_or("NULL")?)?.into(),
            name: text::decode(name.ok_or("NULL")?)?.into(),
            full_name: text::decode(full_name.ok_or("NULL")?)?.into(),
            delimiter: match delimiter {
                Some([delimiter]) => *delimiter,
                _ => return Err("a delimiter of another length"),
            },
            made_of,
        })
    };
    let read: crate::codec::Coded<Entry> = read();
    read.map_err(unexpected)
}

fn texts(array: Option<&[u8]>) -> crate::codec::Coded<Vec<Box<str>>> {
    elements(array, |text| Ok(Box::from(text::decode(text)?)))
}

/// The elements of an array without NULLs; none if there is no array.
fn elements<T>(
    array: Option<&[u8]>,
    read: impl Fn(&[u8]) -> crate::codec::Coded<T>,
) -> crate::codec::Coded<Vec<T>> {
    let Some(array) = array else {
        return Ok(Vec::new());
    };
    let elements = Array::decode(array)?.elements();
    elements
        .map(|element| read(element?.ok_or("NULL")?))
        .collect()
}

#[cold]
fn unexpected(got: &'static str) -> crate::error::Error {
    ProtocolError {
        state: "asking for types",
        expected: "their description",
        got: got.into(),
    }
    .into()
}

const BOOL: Oid = 16;
const OID: Oid = 26;
const OID_ARRAY: Oid = 1028;
