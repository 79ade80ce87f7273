//! Owns a view of the server from beside: which connections of an application it has. Never uses what
//! is under test.

use gino::prelude::*;

use crate::ground::until;
use crate::server::{PATIENCE, dsn, with};

pub(crate) struct Witness {
    /// Of a URL: the application's name.
    pub(crate) setting: String,
    /// Of the database, with that.
    pub(crate) url: String,
    engine: Engine,
    name: String,
}

impl Witness {
    pub(crate) async fn new(name: &str) -> Witness {
        Witness::of(&dsn(), name).await
    }

    /// As `new`, at the server of `url`.
    pub(crate) async fn of(url: &str, name: &str) -> Witness {
        let name = format!("gino_{}_{}", name.to_lowercase(), std::process::id());
        let setting = format!("application_name={name}");
        Witness {
            url: with(url, &setting),
            setting,
            engine: Engine::connect(&with(url, "min_size=1&max_size=1"))
                .await
                .unwrap(),
            name,
        }
    }

    /// How many connections of the application there are.
    pub(crate) async fn connections(&self) -> i64 {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1";
        let count = self.engine.scalar(sql, &[&self.name]).await;
        count.unwrap().unwrap()
    }

    /// Waits until there is none.
    pub(crate) async fn sees_all_gone(self) {
        until("the server has no connection of it", async || {
            self.connections().await == 0
        })
        .await;
        self.engine.close(PATIENCE).await.unwrap();
    }
}
