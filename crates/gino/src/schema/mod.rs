//! Owns the creation and removal of what models describe: `DB.create_all()`, `User::create_table()`.
//! Never changes what exists: that is a migration's business. Applications and their tests call it.
//!
//! ```no_run
//! use gino::prelude::*;
//!
//! static DB: Gino = Gino::new();
//!
//! #[derive(GinoEnum, Debug, Clone, Copy, PartialEq)]
//! enum Mood { Happy, Sad }
//!
//! #[derive(Model, Debug)]
//! #[gino(db = DB, table = "people", schema = "app", comment = "who we know")]
//! #[gino(index(name, mood), index(sql = "lower(name)", unique), index(age, where = "mood = 'Sad'"))]
//! #[gino(check(name = "grown_up", "name <> ''"))]
//! struct Person {
//!     #[gino(primary_key)]
//!     id: i64,
//!     #[gino(type = "varchar(40)", comment = "as they say it")]
//!     name: String,
//!     mood: Mood,
//!     #[gino(references(Person::ID, on_delete = "set null"))]
//!     friend_id: Option<i64>,
//!     #[gino(json, server_default = "{}")]
//!     profile: Json,
//!     #[gino(property(profile), default = 18)]
//!     age: i64,
//! }
//!
//! # async fn run() -> gino::Result<()> {
//! DB.set_bind("postgresql://localhost/gino").await?;
//! DB.create_all().await?;                      // what is missing of DB's models
//! DB.drop_all().tables(&[Person::TABLE]).await?;
//! Person::create_table().await?;               // an error if it exists
//! # Ok(())
//! # }
//! ```

mod ddl;
mod plan;

use std::fmt;
use std::time::Duration;

use gino_core::error::Result;

use crate::BoxFuture;
use crate::Item as Selected;
use crate::gino::Gino;
use crate::model::{self, Model, Table};
use crate::place::On;
use crate::query::Executor;
use crate::record::Record;
use crate::select::Rows;
use crate::value::Values;

use plan::Item;

impl Gino {
    /// Creates what is missing of this database's models: schemas, enumerated types, sequences,
    /// tables with their constraints, indexes and comments. Models of the whole program, in the
    /// order of their foreign keys; all of it in one transaction. Await it.
    ///
    /// What exists is left as it is. Two programs that do this at once wait for each other.
    #[track_caller]
    pub fn create_all(&self) -> CreateAll {
        CreateAll(Work::new(On::given(self), model::tables(self), true))
    }

    /// Drops what [`Gino::create_all`] creates, as far as it exists, in one transaction; schemas
    /// stay, unless [`DropAll::schemas`] says so. Await it.
    #[track_caller]
    pub fn drop_all(&self) -> DropAll {
        DropAll(Work::new(On::given(self), model::tables(self), true))
    }
}

/// What every [`Model`] can do with its table. It comes with `use gino::prelude::*`.
pub trait Schema: Model {
    /// Creates the table, with the schema, types and sequences it needs. Unless
    /// [`CreateAll::checkfirst`] is set it is an error if the table exists.
    #[track_caller]
    fn create_table() -> CreateAll {
        CreateAll(Work::new(On::new(Self::db), vec![Self::TABLE], false))
    }

    /// Drops the table, with types and sequences that no other model of the database uses. Unless
    /// [`DropAll::checkfirst`] is set it is an error if it does not exist.
    #[track_caller]
    fn drop_table() -> DropAll {
        let mut work = Work::new(On::new(Self::db), vec![Self::TABLE], false);
        work.all = model::tables(Self::db());
        DropAll(work)
    }
}

impl<M: Model> Schema for M {}

/// Tables that are about to be created; await it.
///
/// # Errors
/// The server's; nothing has changed then. `Uninitialized`.
///
/// # Cancellation
/// Rolled back.
#[must_use = "nothing is created before it is awaited"]
pub struct CreateAll(Work);

/// Tables that are about to be dropped; await it.
///
/// # Errors
/// The server's, such as for a table that others refer to; nothing has changed then.
/// `Uninitialized`.
///
/// # Cancellation
/// Rolled back.
#[must_use = "nothing is dropped before it is awaited"]
pub struct DropAll(Work);

struct Work {
    on: On,
    tables: Vec<&'static Table>,
    /// All tables of the database, as far as they matter: what they use stays.
    all: Vec<&'static Table>,
    check_first: bool,
    schemas: bool,
}

/// What both take.
macro_rules! options {
    ($($of:ident),*) => { $(
        impl $of {
            /// Only these tables.
            pub fn tables(mut self, tables: &[&'static Table]) -> Self {
                self.0.tables = tables.to_vec();
                self
            }

            /// Whether the database is asked first what exists.
            pub fn checkfirst(mut self, check_first: bool) -> Self {
                self.0.check_first = check_first;
                self
            }

            /// Runs on `executor`: an engine, a connection, a transaction.
            pub fn on(mut self, executor: &(impl Executor + ?Sized)) -> Self {
                self.0.on.set(executor);
                self
            }

            /// All of it takes at most this long, waiting for locks included.
            pub fn timeout(mut self, timeout: Duration) -> Self {
                self.0.on.limit(timeout);
                self
            }
        }

        impl fmt::Debug for $of {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let tables = self.0.tables.iter().map(|table| table.sql());
                f.debug_list().entries(tables).finish()
            }
        }

        impl IntoFuture for $of {
            type Output = Result<()>;
            type IntoFuture = BoxFuture<Result<()>>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(self.run())
            }
        }
    )* };
}

options!(CreateAll, DropAll);

impl CreateAll {
    /// The statements, as for a database that has nothing of it: for a migration to begin with.
    pub fn to_sql(&self) -> String {
        script(&plan::create(&plan::items(&self.0.tables)))
    }

    async fn run(self) -> Result<()> {
        let items = plan::items(&self.0.tables);
        let check_first = self.0.check_first;
        // What a single table needs may be there already, whoever made it.
        let is_checked = move |item: &Item| check_first || !matches!(item, Item::Table(_));
        self.0.change(items, is_checked, false, plan::create).await
    }
}

impl DropAll {
    /// Whether the schemas of the tables are dropped too. It is an error if they hold anything else.
    pub fn schemas(mut self, schemas: bool) -> Self {
        self.0.schemas = schemas;
        self
    }

    async fn run(self) -> Result<()> {
        let stays = |table: &&'static Table| {
            let mut dropped = self.0.tables.iter();
            !dropped.any(|gone| gone.is_same(table))
        };
        let others: Vec<&'static Table> = self.0.all.iter().copied().filter(stays).collect();
        let used: Vec<String> = plan::items(&others).iter().map(Item::name).collect();
        let schemas = self.0.schemas;
        let goes = |item: &Item| match item {
            Item::Table(_) => true,
            Item::Schema(_) => schemas && !used.contains(&item.name()),
            _ => !used.contains(&item.name()),
        };
        let items = plan::items(&self.0.tables).into_iter().filter(goes);
        let items: Vec<Item> = items.collect();
        let check_first = self.0.check_first;
        let is_checked = move |item: &Item| check_first || !matches!(item, Item::Table(_));
        self.0.change(items, is_checked, true, plan::drop).await
    }
}

impl Work {
    fn new(on: On, tables: Vec<&'static Table>, check_first: bool) -> Work {
        Work {
            on,
            all: tables.clone(),
            tables,
            check_first,
            schemas: false,
        }
    }

    /// Runs the statements for those of `items` that exist, if that is what is `wanted`, or do not;
    /// what is not checked is taken as wanted.
    async fn change(
        self,
        items: Vec<Item>,
        is_checked: impl Fn(&Item) -> bool + Send,
        wanted: bool,
        statements: impl FnOnce(&[Item]) -> Vec<String> + Send,
    ) -> Result<()> {
        if items.is_empty() {
            return Ok(());
        }
        let change = async move |on: On| {
            let exist = exist(&on, &items).await?;
            let items = items.into_iter().zip(exist);
            let items = items.filter(|(item, exists)| *exists == wanted || !is_checked(item));
            let items: Vec<Item> = items.map(|(item, _)| item).collect();
            match items.is_empty() {
                true => Ok(()),
                false => on.script(&script(&statements(&items))).await,
            }
        };
        self.on.transaction(change).await
    }
}

/// Whether each of `items` exists. Others that ask the same wait until this transaction has ended.
async fn exist(on: &On, items: &[Item]) -> Result<Vec<bool>> {
    let lock = "SELECT pg_advisory_xact_lock($1)".into();
    on.status(&lock, &Values(&[&LOCK])).await?;
    let kinds: Vec<&str> = items.iter().map(Item::kind).collect();
    let names: Vec<String> = items.iter().map(Item::name).collect();
    let rows = Rows::new(Exists);
    on.load(&EXIST.into(), &Values(&[&kinds, &names]), 0, rows)
        .await
}

/// The names are looked up as any other statement would, along the search path.
const EXIST: &str = "\
    SELECT coalesce(CASE kind WHEN 'schema' THEN to_regnamespace(name)::oid \
    WHEN 'type' THEN to_regtype(name)::oid ELSE to_regclass(name)::oid END, 0) <> 0 \
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (kind, name, place) \
    ORDER BY place";

/// "gino" in ASCII, and the number of this lock.
const LOCK: i64 = 0x6769_6e6f_0000_0001;

#[derive(Clone)]
struct Exists;

impl Selected for Exists {
    type Output = bool;

    fn add_to(&self, _: &mut Vec<sea_query::SelectExpr>) {}

    fn read(&self, record: &Record<'_>, at: usize) -> Result<bool> {
        record.get(at)
    }
}

fn script(statements: &[String]) -> String {
    let mut script = statements.join(";\n");
    script.push_str(";\n");
    script
}
