//! A first program: accounts, a transfer in a transaction that may fail, a nested attempt, a cursor.
//!
//! `cargo run -p gino --example quickstart -- postgresql://localhost/postgres`

use std::io::{Write, stdout};
use std::time::Duration;

use gino::prelude::*;
use gino::{Error, Result};

#[tokio::main]
async fn main() -> Result<()> {
    let given = std::env::args()
        .nth(1)
        .or_else(|| std::env::var("GINO_TEST_DSN").ok());
    let url = given.unwrap_or_else(|| "postgresql://localhost/postgres".to_owned());
    let engine = Engine::connect(&url).await?;
    let outcome = run(&engine).await;
    engine
        .script("DROP TABLE IF EXISTS gino_quickstart")
        .await?;
    engine.close(Duration::from_secs(5)).await?;
    outcome
}

async fn run(engine: &Engine) -> Result<()> {
    engine
        .script(
            "DROP TABLE IF EXISTS gino_quickstart;
             CREATE TABLE gino_quickstart (
                 owner text PRIMARY KEY,
                 balance int8 NOT NULL CHECK (balance >= 0)
             )",
        )
        .await?;
    let insert = "INSERT INTO gino_quickstart SELECT unnest($1::text[]), $2";
    let status = engine
        .status(insert, &[&vec!["ada", "bob", "cyd"], &100_i64])
        .await?;
    say(format_args!("inserted {} accounts", status.rows_affected()));

    transfer(engine, "ada", "bob", 30).await?;
    match transfer(engine, "cyd", "bob", 1000).await {
        Err(error) if error.sqlstate() == Some("23514") => {
            let constraint = error.db().and_then(|db| db.constraint_name());
            say(format_args!(
                "refused by {}: nothing moved",
                constraint.unwrap_or("?")
            ));
        }
        other => other?,
    }

    // What fails in the nested transaction is undone there; the outer one goes on.
    engine
        .transaction(async |_| {
            transfer(engine, "bob", "cyd", 5).await?;
            let failed = transfer(engine, "ada", "cyd", 1000).await;
            say(format_args!("nested transfer failed: {}", failed.is_err()));
            Ok::<_, Error>(())
        })
        .await?;

    engine
        .transaction(async |tx| {
            let sql = "SELECT owner, balance FROM gino_quickstart ORDER BY owner";
            let mut cursor = tx.iterate(sql, &[]).await?;
            while let Some(row) = cursor.next().await? {
                let (owner, balance): (&str, i64) = (row.try_get(0)?, row.try_get("balance")?);
                say(format_args!("{owner:>5} {balance:>4}"));
            }
            Ok::<_, Error>(())
        })
        .await?;

    let limited = engine.timeout(Duration::from_millis(100));
    if let Err(error) = limited.status("SELECT pg_sleep(10)", &[]).await {
        say(format_args!("{error}"));
    }
    let total = engine
        .scalar::<i64>("SELECT sum(balance)::int8 FROM gino_quickstart", &[])
        .await?;
    say(format_args!("total {}", total.unwrap_or_default()));
    Ok(())
}

/// A transaction of its own; inside another one, a savepoint.
async fn transfer(engine: &Engine, from: &str, to: &str, amount: i64) -> Result<()> {
    engine
        .transaction(async |tx| {
            let add = "UPDATE gino_quickstart SET balance = balance + $2 WHERE owner = $1";
            tx.status(add, &[&to, &amount]).await?;
            tx.status(add, &[&from, &-amount]).await?;
            Ok(())
        })
        .await
}

fn say(words: std::fmt::Arguments<'_>) {
    // Nobody reads what a closed pipe refuses.
    let _ = writeln!(stdout(), "{words}");
}
