//! Owns one row by its key, with a text per model.

use gino_core::error::Result;
use gino_core::session::Sql;

use crate::model::{Key, Model};
use crate::place::{On, awaited, placed};
use crate::select::{Rows, Whole};

/// A row by its primary key: `User::get(1)`. Await it to have an `Option<User>`.
///
/// ```no_run
/// # use gino::prelude::*;
/// # static DB: Gino = Gino::new();
/// # #[derive(Model)] #[gino(db = DB)] struct Account { #[gino(primary_key)] id: i32, cents: i64 }
/// # async fn run() -> gino::Result<()> {
/// DB.transaction(async |_| {
///     if let Some(account) = Account::get(1).for_update().await? {
///         account.update().cents(account.cents - 5).apply().await?;
///     }
///     Ok(())
/// })
/// .await
/// # }
/// ```
#[must_use = "nothing is asked before it is awaited"]
pub struct Get<M: Model> {
    key: M::Key,
    /// How the row is locked, and what if others have locked it.
    lock: Option<&'static str>,
    locked: &'static str,
    on: On,
}

impl<M: Model> Get<M>
where
    M::Key: Key,
{
    pub(crate) fn new(key: M::Key) -> Get<M> {
        Get {
            key,
            lock: None,
            locked: "",
            on: On::new(M::db),
        }
    }

    /// The row cannot be changed by others before the transaction ends: `FOR UPDATE`.
    pub fn for_update(mut self) -> Self {
        self.lock = Some(FOR_UPDATE);
        self
    }

    /// The row can be read and locked so by others, and not changed, before the transaction ends:
    /// `FOR SHARE`.
    pub fn for_share(mut self) -> Self {
        self.lock = Some(" FOR SHARE");
        self
    }

    /// Gives `None` if others have locked the row. It locks for an update, unless it was said how.
    pub fn skip_locked(mut self) -> Self {
        self.locked = " SKIP LOCKED";
        self
    }

    /// Fails at once (SQLSTATE 55P03) if others have locked the row. It locks for an update, unless
    /// it was said how.
    pub fn nowait(mut self) -> Self {
        self.locked = " NOWAIT";
        self
    }

    async fn run(self) -> Result<Option<M>> {
        let mut values = Vec::with_capacity(1);
        self.key.values(&mut values);
        let rows = Rows::new(Whole::<M>::new());
        Ok(self.on.load(&self.sql(), &values, 0, rows).await?.pop())
    }

    fn sql(&self) -> Sql {
        let plain = M::plans().get(M::TABLE);
        let (lock, locked) = match (self.lock, self.locked) {
            (None, "") => return plain.clone(),
            (lock, locked) => (lock.unwrap_or(FOR_UPDATE), locked),
        };
        Sql::from(format!("{}{lock}{locked}", plain.as_str()))
    }
}

placed!(Get<M: Model> where M::Key: Key, []);
awaited!(Get<M: Model> where M::Key: Key => Option<M>);

const FOR_UPDATE: &str = " FOR UPDATE";
