//! Owns what a query is made of but for its selection: on the heap, as queries go from method to
//! method. Never runs it.

use gino_core::error::Result;
use sea_query::{
    BinOper, CommonTableExpression, Expr as SeaExpr, LockType, LogicalChainOper, SelectStatement,
    TableName, TableRef, WithClause,
};

use crate::expr::{Order, bin};
use crate::param::{Built, POSTGRES};

use super::Selection;

/// See the module.
#[derive(Clone, Default)]
pub(crate) struct Parts {
    /// All but conditions and selection.
    pub(super) statement: SelectStatement,
    /// The conditions so far, unless the statement has them.
    filter: Option<SeaExpr>,
    /// Whether others may have put conditions into the statement.
    is_shared: bool,
    pub(super) lock: Option<LockType>,
    pub(super) ctes: Vec<CommonTableExpression>,
    pub(super) recursive: bool,
}

impl Parts {
    /// Of a query on `table`.
    pub(super) fn new(table: TableName) -> Box<Parts> {
        // Made where it stays.
        let mut parts = Box::write(Box::new_uninit(), Parts::default());
        parts.statement.from(TableRef::Table(table, None));
        parts
    }

    /// Adds orders.
    pub(super) fn order_by(&mut self, orders: Vec<Order>) {
        for Order { expr, order, nulls } in orders {
            match nulls {
                Some(nulls) => self.statement.order_by_expr_with_nulls(expr, order, nulls),
                None => self.statement.order_by_expr(expr, order),
            };
        }
    }

    /// Adds a condition.
    pub(super) fn filter(&mut self, condition: SeaExpr) {
        if self.is_shared {
            self.statement.and_where(condition);
            return;
        }
        self.filter = Some(match self.filter.take() {
            Some(before) => bin(before, BinOper::And, condition),
            None => condition,
        });
    }

    /// The statement with the conditions in it, and for more of them.
    pub(super) fn shared(&mut self) -> &mut SelectStatement {
        self.is_shared = true;
        if let Some(filter) = self.filter.take() {
            self.statement.and_where(filter);
        }
        &mut self.statement
    }

    /// The statement as a whole, which selects `selection`.
    pub(super) fn into_statement(mut self, selection: &impl Selection) -> SelectStatement {
        selection.select(self.shared());
        self.complete();
        self.statement
    }

    /// The same in SQL.
    ///
    /// # Errors
    /// A selection or a value that cannot be.
    pub(super) fn build(mut self: Box<Self>, selection: &impl Selection) -> Result<Built> {
        selection.check()?;
        match selection.filters() {
            true => selection.select(self.shared()),
            false => selection.select(&mut self.statement),
        }
        self.built()
    }

    fn built(mut self: Box<Self>) -> Result<Built> {
        self.complete();
        // sea-query writes a chain as it stands, and copies a condition first. The two exclude each
        // other: this is the first condition and the last.
        if let Some(filter) = self.filter.take() {
            self.statement.and_or_where(LogicalChainOper::And(filter));
        }
        Built::new(|writer| self.statement.build_collect_into(POSTGRES, writer))
    }

    fn complete(&mut self) {
        if self.ctes.is_empty() {
            return;
        }
        let mut clause = WithClause::new();
        clause.recursive(self.recursive);
        for common in self.ctes.drain(..) {
            clause.cte(common);
        }
        self.statement.with_cte(clause);
    }
}
