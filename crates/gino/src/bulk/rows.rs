//! Owns many drafts as the parameters of one statement: an array per column, or a set of values per
//! row where arrays cannot be taken apart again.

use std::error::Error as StdError;

use bytes::BytesMut;
use postgres_types::{Format as TypeFormat, IsNull, Kind, ToSql, Type};

use crate::model::{ColumnDef, Draft, Held, Table};
use crate::sql_type::quoted;

/// What makes rows of an array per column: `fields` of each, out of `FROM source`.
pub(super) struct Unnested {
    pub(super) fields: Vec<String>,
    pub(super) source: String,
}

impl Unnested {
    /// The rows `given`, with their `place`; parameters are of the types `wires`, one for each column.
    pub(super) fn new(columns: &[&ColumnDef], wires: &[Type]) -> Unnested {
        let (mut arrays, mut fields, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for (number, (column, wire)) in (1..).zip(columns.iter().zip(wires)) {
            let name = format!("c{number}");
            arrays.push(format!("${number}::pg_catalog.{}[]", quoted(wire.name())));
            fields.push(match cast(column, wire) {
                Some(ty) => format!("given.{name}::{ty}"),
                None => format!("given.{name}"),
            });
            names.push(name);
        }
        let (arrays, names) = (arrays.join(", "), names.join(", "));
        let source = format!("unnest({arrays}) WITH ORDINALITY AS given({names}, place)");
        Unnested { fields, source }
    }
}

/// Whether all of them can stand in arrays that `unnest` takes apart.
pub(super) fn can_unnest(columns: &[&ColumnDef]) -> bool {
    columns.iter().all(|column| !column.sql_type.array)
}

/// The type of a column whose values travel as texts, because only the server knows it: labels and
/// the like. Without what limits it: an assignment checks that, a cast would cut it off.
fn cast(column: &ColumnDef, wire: &Type) -> Option<String> {
    let name = column.sql_type.sql();
    let base = name.split('(').next().unwrap_or_default().trim_end();
    match base {
        _ if *wire != Type::TEXT => None,
        _ if is_text(base) => None,
        "bit" => Some("varbit".to_owned()),
        _ => Some(base.to_owned()),
    }
}

/// Whether the type `name` is a text, whatever limits its length.
pub(super) fn is_text(name: &str) -> bool {
    matches!(
        name.split('(').next(),
        Some("text" | "varchar" | "bpchar" | "char" | "citext")
    )
}

/// The values of one column in all rows, as an array.
#[derive(Debug)]
pub(super) struct Array<'a>(pub(super) Vec<Held<'a>>);

impl<'a> Array<'a> {
    /// The column at place `at` of each draft.
    pub(super) fn of(drafts: &'a [Draft], at: usize) -> Array<'a> {
        let value = |draft: &'a Draft| draft.value(at);
        Array(drafts.iter().filter_map(value).collect())
    }
}

impl ToSql for Array<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Outcome {
        let Kind::Array(member) = ty.kind() else {
            return Err("an array is needed".into());
        };
        let items: Vec<Item<'_>> = self.0.iter().map(|value| Item(value, member)).collect();
        items.to_sql(ty, out)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(ty.kind(), Kind::Array(_))
    }

    postgres_types::to_sql_checked!();
}

#[derive(Debug)]
struct Item<'a>(&'a Held<'a>, &'a Type);

impl ToSql for Item<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Outcome {
        let is_binary = matches!(self.0.encode_format(ty), TypeFormat::Binary);
        match is_binary {
            true => self.0.to_sql_checked(ty, out),
            false => Err(format!("{} has no binary form", self.1).into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    postgres_types::to_sql_checked!();
}

type Outcome = std::result::Result<IsNull, Box<dyn StdError + Sync + Send>>;

/// The columns of a mask.
pub(super) fn columns_of(table: &'static Table, mask: u128) -> Vec<&'static ColumnDef> {
    let columns = (0_u32..).zip(table.columns);
    let chosen =
        columns.filter(|(bit, _)| mask.checked_shr(*bit).is_some_and(|rest| rest & 1 == 1));
    chosen.map(|(_, column)| column).collect()
}
