//! Owns queries inside of expressions.

use sea_query::{BinOper, Expr as SeaExpr, SelectStatement, SubQueryOper, SubQueryStatement};

use super::{Expr, Expression, Plain, compare};

/// A query, where it can stand in an expression.
pub trait SubQuery {
    /// The statement with all it selects.
    fn into_subquery(self) -> SelectStatement;
}

/// A query for one column of the Rust type `P`, `Option` aside.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a query for one column of `{P}`",
    label = "select one column: `Team::select(Team::ID)`"
)]
pub trait SubQueryOf<P>: SubQuery {}

/// `EXISTS (query)`: whether it has a row.
pub fn exists(query: impl SubQuery) -> Expr<bool> {
    Expr::from_sea(whole(Some(SubQueryOper::Exists), query))
}

pub(crate) fn whole(operator: Option<SubQueryOper>, query: impl SubQuery) -> SeaExpr {
    let statement = SubQueryStatement::SelectStatement(query.into_subquery());
    SeaExpr::SubQuery(operator, Box::new(statement))
}

pub(super) fn within<E: Expression>(
    left: E,
    query: impl SubQueryOf<Plain<E>>,
    operator: BinOper,
) -> Expr<bool> {
    Expr::from_sea(compare::bin(
        left.into_expr().sea,
        operator,
        whole(None, query),
    ))
}
