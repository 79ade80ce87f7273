//! Owns COPY of drafts into a model's table, in binary form.

use std::pin::Pin;

use bytes::{BufMut, BytesMut};
use gino_core::engine::within;
use gino_core::error::{CodecError, Error, Result, UsageError};
use postgres_types::{IsNull, ToSql, Type};

use crate::context;
use crate::crud::Create;
use crate::model::{ColumnDef, Draft, Model};
use crate::place::{On, placed};
use crate::query::Status;
use crate::sql_type::quoted;

use super::catalog;
use super::rows::{columns_of, is_text};

/// Many new rows by COPY: `User::copy_in(…)`. Await it for their number. Rows are made as they are sent:
/// no more than 64 KiB of them are in memory.
///
/// All rows set the same columns, to plain values. For arrays of enumerations and their like the server
/// is asked what it calls them.
///
/// # Errors
/// `MissingValue` if a column has neither value nor default, a usage error if rows differ in what
/// they set; the server's error. Nothing is stored then; after the first row a transaction around it
/// has failed.
///
/// # Cancellation
/// The copy is given up; nothing is stored.
#[must_use = "nothing is stored before it is awaited"]
pub struct CopyRows<'r, M> {
    rows: Box<dyn Iterator<Item = Create<M>> + Send + 'r>,
    on: On,
}

impl<'r, M: Model> CopyRows<'r, M> {
    #[track_caller]
    pub(super) fn new(rows: impl Iterator<Item = Create<M>> + Send + 'r) -> CopyRows<'r, M> {
        CopyRows {
            rows: Box::new(rows),
            on: On::new(M::db),
        }
    }

    async fn run(self) -> Result<u64> {
        let CopyRows { rows, on } = self;
        on.together(async move |on| copy(on, rows).await).await
    }
}

placed!(CopyRows<'r, M: Model>, []);

impl<'r, M: Model> IntoFuture for CopyRows<'r, M> {
    type Output = Result<u64>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<u64>> + Send + 'r>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

async fn copy<M: Model>(on: On, rows: impl Iterator<Item = Create<M>> + Send) -> Result<u64> {
    let mut drafts = rows.map(|row| row.finished().map(|(draft, _)| draft));
    let Some(first) = drafts.next().transpose()? else {
        return Ok(0);
    };
    let mask = first.mask().filter(|mask| *mask != 0).ok_or_else(differ)?;
    let columns = columns_of(M::TABLE, mask);
    let names: Vec<String> = columns.iter().map(|column| quoted(column.name)).collect();
    let (of, names) = (M::TABLE.sql(), names.join(", "));
    let sql = format!("COPY {of} ({names}) FROM STDIN WITH (FORMAT binary)");
    check(&first, &columns)?;
    let mut types = Vec::with_capacity(columns.len());
    for (column, wire) in columns.iter().zip(first.wires()) {
        let array = catalog::array_of(&on, column, &wire).await?;
        types.push(array.unwrap_or(wire));
    }
    let held = on.hold().await?;
    let runtime = held.seat.runtime().clone();
    let limit = context::limit(&runtime, None);
    within(&runtime, limit, async {
        let mut copy = held.seat.copy_in(&sql).await?;
        let mut portion = BytesMut::with_capacity(PORTION + PORTION / 4);
        portion.put_slice(HEAD);
        encode(&first, &types, &mut portion)?;
        for draft in drafts {
            let draft = draft?;
            if draft.mask() != Some(mask) {
                return Err(differ());
            }
            encode(&draft, &types, &mut portion)?;
            if portion.len() >= PORTION {
                copy.write(&portion).await?;
                portion.clear();
            }
        }
        portion.put_i16(END);
        copy.write(&portion).await?;
        let done = copy.finish().await?;
        Ok(Status::of(done).rows_affected())
    })
    .await
}

#[cold]
fn differ() -> Error {
    UsageError::Statement(
        "rows for COPY set the same columns, to values: use bulk_create for others",
    )
    .into()
}

/// In binary form nothing is converted: a column has to have the SQL type of its Rust type, or both
/// are text.
fn check(draft: &Draft, columns: &[&ColumnDef]) -> Result<()> {
    let fits = draft.type_names().zip(columns).all(|(name, column)| {
        let own = column.sql_type.name;
        name == own || (is_text(name) && is_text(own))
    });
    match fits {
        true => Ok(()),
        false => Err(UsageError::Statement(
            "COPY converts nothing, and a column has another SQL type than its Rust type: use \
             bulk_create",
        )
        .into()),
    }
}

/// A row: the number of its fields, then the length and bytes of each, which are of `types`.
fn encode(draft: &Draft, types: &[Type], out: &mut BytesMut) -> Result<()> {
    let count = i16::try_from(draft.len()).unwrap_or(i16::MAX);
    out.put_i16(count);
    if let Some(written) = draft.in_one_piece(|_, _| true) {
        out.put_slice(written);
        return Ok(());
    }
    for (place, (value, ty)) in draft.values().zip(types).enumerate() {
        let start = out.len();
        out.put_i32(-1);
        let refused = |error: Box<dyn std::error::Error + Sync + Send>| CodecError {
            place: format!("value {} of a row", place + 1),
            sql_type: ty.name().to_owned().into(),
            host_type: "the value".into(),
            reason: error.to_string().into(),
        };
        if let IsNull::No = value.to_sql_checked(ty, out).map_err(refused)? {
            let length = i32::try_from(out.len() - start - 4).unwrap_or(i32::MAX);
            if let Some(place) = out.get_mut(start..start + 4) {
                place.copy_from_slice(&length.to_be_bytes());
            }
        }
    }
    Ok(())
}

/// PostgreSQL manual, "COPY", "Binary Format": signature, no flags, no header extension.
const HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// The file trailer of the same chapter.
const END: i16 = -1;

/// 64 KiB: a portion fills a socket's buffer, and is small beside the rows.
const PORTION: usize = 64 * 1024;
