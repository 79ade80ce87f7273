//! Owns what bulk statements ask the server's catalog: whether a table may keep new rows out, and what
//! types of the application have for numbers. Never looks at a row.

use gino_core::error::Result;
use gino_core::session::Sql;
use postgres_types::{Kind, ToSql, Type};
use sea_query::Expr as SeaExpr;

use crate::expr::Expr;
use crate::model::{ColumnDef, Model};
use crate::place::On;
use crate::select::Rows;
use crate::sql_type::{SqlType, TypeDef};
use crate::value::Values;

/// Whether a trigger or rule of the model's table may keep new rows out. The server is asked once for
/// each engine.
pub(super) async fn may_keep_out<M: Model>(on: &On) -> Result<bool> {
    let engine = on.target()?.core.config().clone();
    if let Some(known) = M::plans().keeps_out(&engine) {
        return Ok(known);
    }
    let found = ask::<bool>(on, KEEPS_OUT, &[&M::TABLE.sql()]).await?;
    if let Some(found) = found {
        M::plans().remember_keeps_out(&engine, found);
    }
    Ok(found.unwrap_or(false))
}

/// The type of a column whose values are arrays of what only the server has a number for.
pub(super) async fn array_of(on: &On, column: &ColumnDef, wire: &Type) -> Result<Option<Type>> {
    let own = &column.sql_type;
    if !own.array || *wire != Type::TEXT_ARRAY || own.name == "text" {
        return Ok(None);
    }
    let member = TypeDef {
        array: false,
        ..*own
    };
    let number = ask::<u32>(on, NUMBER, &[&member.sql()]).await?;
    let Some(number) = number else {
        return Ok(None);
    };
    let kind = match own.enumeration {
        Some(def) => Kind::Enum(def.labels.iter().map(|&label| label.to_owned()).collect()),
        None => Kind::Simple,
    };
    let named = |name: &str, number, kind| Type::new(name.to_owned(), number, kind, String::new());
    let member = Type::from_oid(number).unwrap_or_else(|| named(own.name, number, kind));
    // Nobody asks an array for its own number.
    Ok(Some(named(own.name, 0, Kind::Array(member))))
}

async fn ask<T: SqlType>(on: &On, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Option<T>> {
    let only = Rows::new(Expr::<T>::from_sea(SeaExpr::Value(crate::param::null())));
    Ok(on
        .load(&Sql::new(sql), &Values(values), 1, only)
        .await?
        .pop())
}

/// PostgreSQL manual, "pg_trigger": of `tgtype`, 5 is for each row that is inserted, 66 before that or
/// instead of it.
const KEEPS_OUT: &str = "\
    SELECT c.relhasrules OR EXISTS (\
        SELECT FROM pg_catalog.pg_trigger g \
        WHERE g.tgtype & 5 = 5 AND g.tgtype & 66 <> 0 AND g.tgrelid IN (\
            SELECT c.oid UNION ALL SELECT p.relid FROM pg_catalog.pg_partition_tree(c.oid) p)) \
    FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1::text)";

const NUMBER: &str = "\
    SELECT t.oid FROM pg_catalog.pg_type t WHERE t.oid = pg_catalog.to_regtype($1::text)";
