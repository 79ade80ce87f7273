//! Owns the deletion of one row by its key, with a text per model.

use gino_core::error::Result;

use crate::model::{Key, Keyed, Model};
use crate::place::{On, awaited, placed};

/// A row that is about to be deleted: `user.delete()`. Await it to know whether it was there.
#[must_use = "nothing is deleted before it is awaited"]
pub struct Delete<M: Model> {
    key: M::Key,
    on: On,
}

impl<M: Model> Delete<M>
where
    M::Key: Key,
{
    #[track_caller]
    pub(crate) fn new(key: M::Key) -> Delete<M> {
        Delete {
            key,
            on: On::new(M::db),
        }
    }

    async fn run(self) -> Result<bool> {
        let values = Keyed::of(&self.key);
        let status = self.on.status(M::plans().delete(M::TABLE), &values).await?;
        Ok(status.rows_affected() > 0)
    }
}

placed!(Delete<M: Model> where M::Key: Key, []);
awaited!(Delete<M: Model> where M::Key: Key => bool);
