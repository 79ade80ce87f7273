//! Owns models: what a struct with `#[derive(Model)]` is to the rest of the crate. Never runs a
//! statement by itself: `crud` and `select` do, from what is described here.
//!
//! # How loaders plug in
//! A query has a [`Selection`](crate::Selection): it adds its columns (and joins) to the statement
//! and makes a [`Load`] for each run, which is given every row as a [`Record`]. [`Model::from_record`]
//! makes an instance from the columns at `at ..  at + TABLE.columns.len()`, in the order of
//! [`Table::columns`]; its relation fields are empty. [`Record::all_null`] tells an outer join's
//! missing row, [`Record::view`] is what the loader plans of `gino-core` walk on. A relation field has
//! a constant, `User::TEAM: Relation<User, Team>`, whose [`Relation::attach`] gives a parent its
//! child. Foreign keys, for joins, are in [`ColumnDef::references`] and [`Table::foreign_keys`].
//!
//! # How the schema plugs in
//! [`Model::TABLE`] is a constant with everything that `CREATE TABLE` needs: [`Table`],
//! [`ColumnDef`], [`TypeDef`] (with the [`EnumDef`] of an enumerated type), [`Index`], [`Unique`],
//! [`Check`], [`ForeignKey`], [`Reference`]. A [`Target`] finds its table when it is asked, so that
//! tables may refer to each other.
//!
//! # How JSON properties plug in
//! A property is no column: [`Table::properties`] says in which column it lives. The derive calls
//! `gino::json::property` when it makes an instance, and [`Assign::assign_property`] when a value is
//! set; a create or update puts what was set together with the column.

mod sequence;
mod table;
mod link;
mod column;
mod property;
mod relation;
mod key;
#[cfg_attr(not(feature = "json"), allow(dead_code, unused_imports))]
mod draft;
mod merge;
mod plans;
mod registry;

use crate::gino::Gino;
use gino_core::error::Result;

pub use crate::record::{Load, Record};
pub use crate::sql_type::{EnumDef, GinoEnum, SqlType, TypeDef};
pub use column::Column;
pub(crate) use column::{reference, table_name};
pub(crate) use draft::Held;
pub use draft::{Assign, Draft};
#[cfg(feature = "json")]
pub(crate) use draft::{PropertySlot, PropertyValue};
pub(crate) use key::Keyed;
pub use key::{Key, NoKey};
pub(crate) use link::Link;
pub(crate) use merge::{Merge, merged};
pub use plans::Plans;
pub(crate) use plans::Set;
pub use property::Property;
pub use registry::Registered;
pub(crate) use registry::tables;
pub use relation::{Relation, RelationField};
pub use sequence::Sequence;
pub use table::{
    Check, ColumnDef, ForeignKey, Index, IndexPart, PropertyDef, Reference, ServerDefault, Table,
    Target, Unique, joined, refers, related,
};

/// The value of a column; for the derive, so that a type no column holds is told once.
#[doc(hidden)]
#[inline]
pub fn read<T: SqlType>(record: &Record<'_>, at: usize) -> Result<T> {
    record.get(at)
}

/// That it is a model; for the derive.
#[doc(hidden)]
pub const fn a_model<M: Model>() {}

/// A struct whose instances are rows of a table. Derive it.
///
/// ```
/// use gino::prelude::*;
///
/// pub static DB: Gino = Gino::new();
///
/// #[derive(Model, Debug, Clone)]
/// #[gino(db = DB, table = "users")]
/// struct User {
///     #[gino(primary_key)]
///     id: i32,
///     #[gino(default = "noname")]
///     nickname: String,
/// }
///
/// assert_eq!(User::NICKNAME.name(), "nickname");
/// assert!(User::TABLE.columns[0].autoincrement);
/// ```
///
/// # The struct says
/// - `db = DB`: its database, a `static DB: Gino`. Nothing else is required.
/// - `table = "…"` (else the struct's name in snake case), `schema = "…"`, `comment = "…"`;
///   `create = false` if `create_all` shall leave it alone: a view, somebody else's table.
/// - `index(a, b)` on columns and properties, with any of `name = "…"`, `unique`, `using = "gin"`, `where = "…"`, and
///   `sql = "lower(nickname)"` in place of fields.
/// - `unique(a, b)`, `unique(a, b, name = "…")`; `check = "…"`, `check(name = "…", "…")`.
/// - `foreign_key(columns(a, b), references(Other::A, Other::B))`, with any of `name`, `on_delete`,
///   `on_update`, `deferrable`.
///
/// # A field says
/// - nothing, if it is a plain column. `Option` is NULL.
/// - `primary_key`; several fields make a composite key. A single integer counts up by itself, unless
///   it refers to another column, has a default or says `autoincrement = false`.
/// - `column = "…"`: another name in the database. `type = "varchar(20)"`: another SQL type,
///   `"varchar(20)[]"` where it is an array.
/// - `default = "noname"`: an expression of Rust, evaluated when a row is created without a value;
///   `default` alone is `Default::default()`. `server_default = "…"` is a text, number or boolean that
///   the server fills in, `server_default = sql("now()")` an expression of its.
/// - `sequence = NUMBERS`: the server takes it from a [`Sequence`].
/// - `unique`, `index`, `check = "…"`, `comment = "…"`.
/// - `references = Team::ID`, `references(Team::ID, on_delete = "cascade")`. Both have to be of one
///   type.
/// - `json`: a serde type in a `jsonb` column. `Json` itself needs no mark.
/// - `property(profile)`: a value inside the JSON column `profile`, under the field's name or
///   `key = "…"`; `default = …` is what it is when it is missing.
/// - `relation`: filled by a loader, no column: `Option<Box<Team>>`, `Vec<User>`. There is a foreign key
///   between the two tables, or from a third to both, `relation(through = Tagging)`; with
///   `relation(by_loader)` each loader says what it is joined on.
/// - `skip`: no column either: `Default::default()`, and what a loader's `with` sets.
/// - `flatten`: a group of columns that models share, see [`Columns`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a model",
    label = "add #[derive(Model)] to it"
)]
pub trait Model: Send + Sync + Sized + 'static {
    /// The type of its primary key, a tuple if it has several columns.
    type Key: Send + Sync + 'static;

    /// A setter for each field, on whatever takes values.
    type Fields<K: Assign<Self>>;

    /// A method for each relation, on its loader.
    type Loads<L>;

    /// The schema and the name of its table: what [`Model::TABLE`] says, without its columns, which may
    /// refer to other tables.
    const NAME: (Option<&'static str>, &'static str);

    /// Its table.
    const TABLE: &'static Table;

    /// Its database.
    fn db() -> &'static Gino;

    /// Its statements.
    fn plans() -> &'static Plans;

    /// An instance from the columns of a row from position `at` on, in the order of the table's.
    ///
    /// # Errors
    /// A `CodecError` that names the column whose value does not fit.
    fn from_record(record: &Record<'_>, at: usize) -> Result<Self>;

    /// Its primary key.
    fn key(&self) -> Self::Key;

    /// Fills in the defaults of what is not set.
    fn defaults(draft: &mut Draft);

    /// Takes the columns and properties of `fresh`; relations stay.
    fn renew(&mut self, fresh: Self);

    /// The setters on `kind`.
    fn fields<K: Assign<Self>>(kind: K) -> Self::Fields<K>;

    /// The relations on `loader`.
    fn loads<L>(loader: L) -> Self::Loads<L>;
}

/// A group of columns that several models have: a field of it with `#[gino(flatten)]`. Derive it.
///
/// ```
/// use gino::prelude::*;
/// # static DB: Gino = Gino::new();
///
/// #[derive(Columns, Debug, Clone)]
/// struct Stamps {
///     #[gino(server_default = sql("now()"))]
///     created_at: std::time::SystemTime,
/// }
///
/// #[derive(Model, Debug, Clone)]
/// #[gino(db = DB)]
/// struct Page {
///     #[gino(primary_key)]
///     id: i32,
///     #[gino(flatten)]
///     stamps: Stamps,
/// }
///
/// assert_eq!(Page::TABLE.columns[1].name, "created_at");
/// let newest_first = Page::STAMPS.created_at.desc();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a group of columns",
    label = "add #[derive(Columns)] to it"
)]
pub trait Columns: Send + Sync + Sized + 'static {
    /// Its typed columns in the model `M`.
    type Of<M: Model>;

    /// Its columns.
    const COLUMNS: &'static [ColumnDef];

    /// A group from the columns of a row from position `at` on.
    ///
    /// # Errors
    /// A `CodecError` that names the column whose value does not fit.
    fn from_record(record: &Record<'_>, at: usize) -> Result<Self>;

    /// Gives the columns from position `at` on its values.
    fn put(self, draft: &mut Draft, at: usize);

    /// Fills in the defaults of what is not set, from position `at` on.
    fn defaults(draft: &mut Draft, at: usize);
}
