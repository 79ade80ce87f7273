//! Owns the work on gino's pool.

use std::sync::Arc;
use std::time::Duration;

use gino::prelude::*;
use gino::{Error, Isolation};

use super::log::Log;
use super::{CHECK, COPY, INSERT, Pool, SIZE};
use crate::race::Outcome;

#[derive(Clone)]
pub struct OfGino(Engine);

impl OfGino {
    async fn borrow(&self, seed: i32, log: &Log) -> Outcome<Connection> {
        let connection = self.0.acquire().reusable(false).await?;
        let row = connection.one(CHECK, &[&seed]).await?;
        log.check(seed, row.try_get(0)?, row.try_get(1)?);
        Ok(connection)
    }
}

impl Pool for OfGino {
    const NAME: &'static str = "gino";

    async fn open(url: &str) -> Outcome<Self> {
        let url = format!("{url}&max_size={SIZE}");
        Ok(OfGino(Engine::connect(&url).await?))
    }

    async fn work(self, seed: i32, copy: bool, log: Arc<Log>) -> Outcome<()> {
        let connection = self.borrow(seed, &log).await?;
        let begin = connection.begin().isolation(Isolation::RepeatableRead);
        begin
            .run(async |tx| {
                tx.status(INSERT, &[&seed, &1]).await?;
                connection
                    .transaction(async |tx| tx.status(INSERT, &[&seed, &2]).await)
                    .await?;
                tx.all("SELECT generate_series(1, 300)", &[]).await?;
                if copy {
                    let mut out = connection.copy_out(COPY).await?;
                    while out.read().await?.is_some() {}
                }
                log.commits(seed);
                Ok::<_, Error>(())
            })
            .await?;
        log.committed(seed);
        Ok(())
    }

    async fn borrow_all(&self, log: &Log) -> Outcome<()> {
        let mut borrowed = Vec::new();
        for number in 0..SIZE {
            borrowed.push(self.borrow(number as i32, log).await?);
        }
        Ok(())
    }

    async fn close(self) -> Outcome<()> {
        Ok(self.0.close(Duration::from_secs(4)).await?)
    }
}
