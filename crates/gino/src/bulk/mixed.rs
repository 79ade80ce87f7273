//! Owns the creation of rows that set different columns, or expressions: a parameter per value, in as
//! many statements as PostgreSQL's limit asks for, all or none.

use gino_core::error::{Result, UsageError};
use sea_query::{Expr as SeaExpr, InsertStatement, Keyword, ReturningClause};

use crate::model::{self, ColumnDef, Draft, Model, table_name};
use crate::param::{Built, POSTGRES};
use crate::place::On;
use crate::select::{Rows, Whole};

use super::conflict::Conflict;
use super::create::complete;

/// Creates them; `conflict` says what is done with those that are there already, `all` how many have to
/// come back.
pub(super) async fn create<M: Model>(
    on: On,
    drafts: Vec<Draft>,
    conflict: Option<Conflict>,
    all: Option<usize>,
) -> Result<Vec<M>> {
    let statements = statements::<M>(drafts, conflict.as_ref())?;
    if let [only] = statements.as_slice() {
        return complete(&on, load(&on, only).await?, all);
    }
    on.transaction(async move |on| {
        let mut made = Vec::new();
        for statement in &statements {
            made.extend(load(&on, statement).await?);
        }
        complete(&on, made, all)
    })
    .await
}

async fn load<M: Model>(on: &On, built: &Built) -> Result<Vec<M>> {
    let rows = Rows::new(Whole::<M>::new());
    on.load(&built.sql, built, 0, rows).await
}

fn statements<M: Model>(drafts: Vec<Draft>, conflict: Option<&Conflict>) -> Result<Vec<Built>> {
    let mut columns = Vec::new();
    let merged = drafts.into_iter().map(|draft| {
        let values = model::merged(M::TABLE, draft, model::Merge::Create);
        let new = values.iter().map(|(index, _)| *index);
        for index in new {
            if !columns.contains(&index) {
                columns.push(index);
            }
        }
        values
    });
    let merged: Vec<Vec<(usize, SeaExpr)>> = merged.collect();
    if columns.is_empty() {
        // All columns are the server's to fill; one has to be named.
        columns.push(0);
    }
    columns.sort_unstable();
    let rows = merged.into_iter().map(|mut values| {
        let value = |index: &usize| {
            let place = values.iter().position(|(at, _)| at == index);
            match place {
                Some(place) => values.swap_remove(place).1,
                None => SeaExpr::Keyword(Keyword::Default),
            }
        };
        columns.iter().map(value).collect()
    });
    let rows: Vec<Vec<SeaExpr>> = rows.collect();
    let most = (MOST_PARAMS / columns.len()).max(1);
    let mut left: Vec<&[Vec<SeaExpr>]> = rows.chunks(most).rev().collect();
    let mut made = Vec::with_capacity(left.len());
    while let Some(part) = left.pop() {
        let built = insert::<M>(&columns, part, conflict)?;
        match part.split_at_checked(part.len() / 2) {
            _ if built.count() <= MOST_PARAMS => made.push(built),
            // Expressions with several parameters each.
            Some((first @ [_, ..], second)) => left.extend([second, first]),
            _ => return Err(UsageError::Statement(TOO_MANY).into()),
        }
    }
    Ok(made)
}

fn insert<M: Model>(
    columns: &[usize],
    rows: &[Vec<SeaExpr>],
    conflict: Option<&Conflict>,
) -> Result<Built> {
    let column = |index: &usize| M::TABLE.columns.get(*index);
    let defs: Vec<&'static ColumnDef> = columns.iter().filter_map(column).collect();
    let mut statement = InsertStatement::new();
    statement.into_table(table_name(M::TABLE));
    statement.columns(defs.iter().map(|column| column.name));
    for row in rows {
        // As many values as columns: it cannot fail.
        let _ = statement.values(row.clone());
    }
    if let Some(conflict) = conflict {
        statement.on_conflict(conflict.clause::<M>(&defs));
    }
    let all = SeaExpr::Custom(M::plans().columns(M::TABLE).into());
    statement.returning(ReturningClause::Exprs(vec![all]));
    Built::new(|writer| statement.build_collect_into(POSTGRES, writer))
}

/// PostgreSQL manual, "Message Formats", Bind: the count is an Int16, read unsigned.
const MOST_PARAMS: usize = 65_535;

const TOO_MANY: &str = "a row has more than 65,535 values in its expressions: set them one by one";
