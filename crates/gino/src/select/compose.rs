//! Owns what a query is made of: filters, joins, groups, orders, locks, other queries.

use sea_query::{JoinType, LockBehavior, LockType, SelectStatement, UnionType};

use crate::expr::{Condition, Expr, IntoOrder, SubQuery, SubQueryOf};
use crate::model::Model;
use crate::sql_type::SqlType;

use super::{Derived, Query, Selection, Single, Source};

impl<M: Model, S: Selection> Query<M, S> {
    /// Only rows for which `condition` is true, as those of calls before.
    pub fn filter(mut self, condition: impl Condition) -> Self {
        self.parts.filter(condition.into_condition());
        self
    }

    /// Ordered so, within what it was ordered by before.
    pub fn order_by(mut self, order: impl IntoOrder) -> Self {
        let mut orders = Vec::with_capacity(1);
        order.add_to(&mut orders);
        self.parts.order_by(orders);
        self
    }

    /// At most `count` rows. The number is part of the text, where the planner sees it.
    ///
    /// ```
    /// # use gino::prelude::*;
    /// # static DB: Gino = Gino::new();
    /// # #[derive(Model)] #[gino(db = DB)] struct User { #[gino(primary_key)] id: i32 }
    /// let query = User::select(User::ID).limit(20).offset(40);
    /// assert_eq!(query.to_sql(), r#"SELECT "user"."id" FROM "user" LIMIT 20 OFFSET $1"#);
    /// ```
    pub fn limit(mut self, count: u64) -> Self {
        self.parts.statement.limit(count);
        self
    }

    /// Without the first `count` rows.
    pub fn offset(mut self, count: u64) -> Self {
        self.parts.statement.offset(count);
        self
    }

    /// No two rows alike.
    pub fn distinct(mut self) -> Self {
        self.parts.statement.distinct();
        self
    }

    /// Only the first row for each value of `column`, in the query's order.
    pub fn distinct_on<T>(mut self, column: crate::model::Column<M, T>) -> Self {
        let (table, name) = (crate::model::table_name(M::TABLE), column.name());
        let name = sea_query::IntoIden::into_iden(name);
        let column = sea_query::ColumnName(Some(table), name);
        self.parts
            .statement
            .distinct_on([sea_query::ColumnRef::Column(column)]);
        self
    }

    /// A row per different value of `expressions`, within those of calls before.
    pub fn group_by(mut self, expressions: impl IntoOrder) -> Self {
        let mut parts = Vec::new();
        expressions.add_to(&mut parts);
        self.parts
            .statement
            .add_group_by(parts.into_iter().map(|part| part.expr));
        self
    }

    /// Only groups for which `condition` is true, as those of calls before.
    pub fn having(mut self, condition: impl Condition) -> Self {
        self.parts.statement.and_having(condition.into_condition());
        self
    }

    /// `JOIN source ON condition`: `.join(Team::TABLE, Team::ID.eq(User::TEAM_ID))`.
    pub fn join(self, source: impl Source, on: impl Condition) -> Self {
        self.joined(JoinType::InnerJoin, &source, on)
    }

    /// `LEFT JOIN`: rows without a match stay, and what they lack is NULL; select that with
    /// [`optional`](crate::optional) or `.nullable()`.
    pub fn left_join(self, source: impl Source, on: impl Condition) -> Self {
        self.joined(JoinType::LeftJoin, &source, on)
    }

    /// `RIGHT JOIN`: as a left join from the other side.
    pub fn right_join(self, source: impl Source, on: impl Condition) -> Self {
        self.joined(JoinType::RightJoin, &source, on)
    }

    /// `FULL JOIN`: rows of both sides stay.
    pub fn full_join(self, source: impl Source, on: impl Condition) -> Self {
        self.joined(JoinType::FullOuterJoin, &source, on)
    }

    /// `CROSS JOIN`: every row with every row.
    pub fn cross_join(mut self, source: impl Source) -> Self {
        self.parts.statement.cross_join(source.table_ref());
        self
    }

    fn joined(mut self, kind: JoinType, source: &impl Source, on: impl Condition) -> Self {
        self.parts
            .statement
            .join(kind, source.table_ref(), on.into_condition());
        self
    }

    /// Reads from `source` in place of the model's table.
    pub fn select_from(mut self, source: impl Source) -> Self {
        self.parts.statement.from_clear();
        self.parts.statement.from(source.table_ref());
        self
    }

    /// The rows cannot be changed by others before the transaction ends: `FOR UPDATE`.
    pub fn for_update(mut self) -> Self {
        self.parts.lock = Some(LockType::Update);
        self.parts.statement.lock(LockType::Update);
        self
    }

    /// The rows can be read and locked so by others, and not changed, before the transaction ends:
    /// `FOR SHARE`.
    pub fn for_share(mut self) -> Self {
        self.parts.lock = Some(LockType::Share);
        self.parts.statement.lock(LockType::Share);
        self
    }

    /// Leaves out rows that others have locked. It locks for an update, unless it was said how.
    pub fn skip_locked(self) -> Self {
        self.lock_with(LockBehavior::SkipLocked)
    }

    /// Fails at once (SQLSTATE 55P03) if others have locked a row. It locks for an update, unless it
    /// was said how.
    pub fn nowait(self) -> Self {
        self.lock_with(LockBehavior::Nowait)
    }

    fn lock_with(mut self, behavior: LockBehavior) -> Self {
        let lock = *self.parts.lock.get_or_insert(LockType::Update);
        self.parts.statement.lock_with_behavior(lock, behavior);
        self
    }

    /// The rows of both, each once: `UNION`.
    pub fn union(self, other: impl SubQuery) -> Self {
        self.combined(UnionType::Distinct, other)
    }

    /// The rows of one after those of the other: `UNION ALL`.
    pub fn union_all(self, other: impl SubQuery) -> Self {
        self.combined(UnionType::All, other)
    }

    /// The rows that both have: `INTERSECT`.
    pub fn intersect(self, other: impl SubQuery) -> Self {
        self.combined(UnionType::Intersect, other)
    }

    /// The rows that `other` has not: `EXCEPT`.
    pub fn except(self, other: impl SubQuery) -> Self {
        self.combined(UnionType::Except, other)
    }

    fn combined(mut self, how: UnionType, other: impl SubQuery) -> Self {
        self.parts.statement.union(how, other.into_subquery());
        self
    }

    /// The query under a name, to be joined or selected from.
    pub fn subquery(self, name: impl Into<String>) -> Derived {
        self.derived(name.into(), false)
    }

    /// The query as a common table expression, to be given to [`Query::with`] and joined or selected
    /// from.
    pub fn cte(self, name: impl Into<String>) -> Derived {
        self.derived(name.into(), true)
    }

    fn derived(self, name: String, is_cte: bool) -> Derived {
        Derived {
            name,
            statement: self.into_statement(),
            is_cte,
        }
    }

    /// `WITH name AS (…)`: a common table expression in front of the query.
    pub fn with(mut self, common: &Derived) -> Self {
        self.parts.ctes.push(common.common());
        self
    }

    /// As [`Query::with`], where expressions may refer to themselves and to later ones.
    pub fn with_recursive(mut self, common: &Derived) -> Self {
        self.parts.recursive = true;
        self.parts.ctes.push(common.common());
        self
    }

    /// The sea-query statement, for what only sea-query knows. The selection is added when it runs.
    pub fn sea(mut self, change: impl FnOnce(&mut SelectStatement)) -> Self {
        change(self.parts.shared());
        self
    }
}

impl<M: Model, I: Single> Query<M, I> {
    /// The query's one value as an expression; NULL if it has no row.
    pub fn as_expr(self) -> Expr<Option<<I::Value as SqlType>::Plain>> {
        Expr::from_sea(crate::expr::whole(None, self))
    }
}

impl<M: Model, S: Selection> SubQuery for Query<M, S> {
    fn into_subquery(self) -> SelectStatement {
        self.into_statement()
    }
}

impl<M, I, P> SubQueryOf<P> for Query<M, I>
where
    M: Model,
    I: Single,
    I::Value: SqlType<Plain = P>,
{
}

impl SubQuery for SelectStatement {
    fn into_subquery(self) -> SelectStatement {
        self
    }
}
