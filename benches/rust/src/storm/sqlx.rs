//! Owns the work on sqlx's pool.

use std::sync::Arc;

use futures_util::TryStreamExt;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgPool, Postgres};

use super::log::Log;
use super::{CHECK, COPY, INSERT, Pool, SIZE};
use crate::race::Outcome;

#[derive(Clone)]
pub struct OfSqlx(PgPool);

impl OfSqlx {
    async fn borrow(&self, seed: i32, log: &Log) -> Outcome<PoolConnection<Postgres>> {
        let mut connection = self.0.acquire().await?;
        let check = sqlx::query_as(CHECK).bind(seed);
        let (echo, isolation): (i32, String) = check.fetch_one(&mut *connection).await?;
        log.check(seed, echo, &isolation);
        Ok(connection)
    }
}

impl Pool for OfSqlx {
    const NAME: &'static str = "sqlx";

    async fn open(url: &str) -> Outcome<Self> {
        let options = PgPoolOptions::new().max_connections(SIZE);
        Ok(OfSqlx(options.connect(url).await?))
    }

    async fn work(self, seed: i32, copy: bool, log: Arc<Log>) -> Outcome<()> {
        let mut connection = self.borrow(seed, &log).await?;
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ";
        let mut tx = connection.begin_with(begin).await?;
        sqlx::query(INSERT)
            .bind(seed)
            .bind(1)
            .execute(&mut *tx)
            .await?;
        let mut inner = tx.begin().await?;
        sqlx::query(INSERT)
            .bind(seed)
            .bind(2)
            .execute(&mut *inner)
            .await?;
        inner.commit().await?;
        sqlx::query("SELECT generate_series(1, 300)")
            .fetch_all(&mut *tx)
            .await?;
        if copy {
            let mut out = tx.copy_out_raw(COPY).await?;
            while out.try_next().await?.is_some() {}
        }
        log.commits(seed);
        tx.commit().await?;
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
        self.0.close().await;
        Ok(())
    }
}
