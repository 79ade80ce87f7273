//! Owns one row by its key, with a text per model.

use std::borrow::Cow;

use gino_core::error::Result;
use gino_core::session::Sql;

use super::one::One;
use crate::model::{Key, Keyed, Model};
use crate::place::{On, awaited, placed};

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
    lock: Option<Lock>,
    locked: Locked,
    on: On,
}

impl<M: Model> Get<M>
where
    M::Key: Key,
{
    #[track_caller]
    pub(crate) fn new(key: M::Key) -> Get<M> {
        Get {
            key,
            lock: None,
            locked: Locked::Wait,
            on: On::new(M::db),
        }
    }

    /// The row cannot be changed by others before the transaction ends: `FOR UPDATE`.
    pub fn for_update(mut self) -> Self {
        self.lock = Some(Lock::Update);
        self
    }

    /// The row can be read and locked so by others, and not changed, before the transaction ends:
    /// `FOR SHARE`.
    pub fn for_share(mut self) -> Self {
        self.lock = Some(Lock::Share);
        self
    }

    /// Gives `None` if others have locked the row. It locks for an update, unless it was said how.
    pub fn skip_locked(mut self) -> Self {
        self.locked = Locked::Skip;
        self
    }

    /// Fails at once (SQLSTATE 55P03) if others have locked the row. It locks for an update, unless
    /// it was said how.
    pub fn nowait(mut self) -> Self {
        self.locked = Locked::Fail;
        self
    }

    #[expect(
        clippy::manual_async_fn,
        reason = "an async function has room for its arguments twice"
    )]
    fn run(self) -> impl Future<Output = Result<Option<M>>> + Send {
        async move {
            let values = Keyed::of(&self.key);
            let found = self.on.loaded(&self.sql(), &values, 0, One::new()).await?;
            Ok(One::of(found))
        }
    }

    fn sql(&self) -> Cow<'static, Sql> {
        let plain = M::plans().get(M::TABLE);
        if self.lock.is_none() && matches!(self.locked, Locked::Wait) {
            return Cow::Borrowed(plain);
        }
        let lock = match self.lock {
            None | Some(Lock::Update) => "UPDATE",
            Some(Lock::Share) => "SHARE",
        };
        let locked = match self.locked {
            Locked::Wait => "",
            Locked::Skip => " SKIP LOCKED",
            Locked::Fail => " NOWAIT",
        };
        Cow::Owned(Sql::from(format!("{} FOR {lock}{locked}", plain.as_str())))
    }
}

/// How a row is locked.
enum Lock {
    Update,
    Share,
}

/// What happens if others have locked it.
enum Locked {
    Wait,
    Skip,
    Fail,
}

placed!(Get<M: Model> where M::Key: Key, []);
awaited!(Get<M: Model> where M::Key: Key => Option<M>);
