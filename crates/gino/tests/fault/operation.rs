//! Owns the operations that are cut short, each with what a client may believe afterwards. Never
//! decides where the cut is: each has one future that is run by `Drops`, and all around it is what an
//! application would do.

use gino::Error;
use gino::prelude::*;

use crate::drop::{Drops, Stop};
use crate::ledger::Ledger;
use crate::server::PATIENCE;

/// What operations work on.
pub(crate) struct Field {
    pub(crate) url: String,
    pub(crate) engine: Engine,
    pub(crate) ledger: Ledger,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation {
    Connect,
    Acquire,
    Begin,
    Query,
    Fetch,
    Cursor,
    CopyIn,
    CopyOut,
    Commit,
    Savepoint,
    Transaction,
    Release,
}

impl Operation {
    pub(crate) const ALL: [Operation; 12] = [
        Operation::Connect,
        Operation::Acquire,
        Operation::Begin,
        Operation::Query,
        Operation::Fetch,
        Operation::Cursor,
        Operation::CopyIn,
        Operation::CopyOut,
        Operation::Commit,
        Operation::Savepoint,
        Operation::Transaction,
        Operation::Release,
    ];

    /// Does it once. `Stop::Dropped` if it was cut short.
    pub(crate) async fn run(self, field: &Field, drops: &Drops) -> Result<(), Stop> {
        match self {
            Operation::Connect => field.connect(drops).await,
            Operation::Acquire => field.acquire(drops).await,
            Operation::Begin => field.begin(drops).await,
            Operation::Query => field.query(drops).await,
            Operation::Fetch => field.fetch(drops).await,
            Operation::Cursor => field.cursor(drops).await,
            Operation::CopyIn => field.copy_in(drops).await,
            Operation::CopyOut => field.copy_out(drops).await,
            Operation::Commit => field.commit(drops).await,
            Operation::Savepoint => field.savepoint(drops).await,
            Operation::Transaction => field.transaction(drops).await,
            Operation::Release => field.release(drops).await,
        }
    }
}

impl Field {
    /// A connection that is as nobody had used it.
    async fn borrow(&self) -> Result<Connection, Stop> {
        let connection = self.engine.acquire().await?;
        is_clean(&connection).await?;
        Ok(connection)
    }

    /// Writes one part, in the transaction that is open, or else in its own.
    async fn write(&self, on: &impl Executor, work: i32, part: i32) -> Result<(), Stop> {
        on.status(self.ledger.insert.as_str(), &[&work, &part])
            .await?;
        Ok(())
    }

    /// A pool of its own, of two connections.
    async fn connect(&self, drops: &Drops) -> Result<(), Stop> {
        let url = self.url.replace("min_size=0", "min_size=2");
        let own = drops.over(Engine::connect(&url)).await??;
        let work = self.ledger.begin();
        self.ledger.commits(work, &[1]);
        self.write(&own, work, 1).await?;
        self.ledger.committed(work);
        own.close(PATIENCE).await?;
        Ok(())
    }

    async fn acquire(&self, drops: &Drops) -> Result<(), Stop> {
        let connection = drops.over(self.engine.acquire().into_future()).await??;
        is_clean(&connection).await?;
        let work = self.ledger.begin();
        self.ledger.commits(work, &[1]);
        self.write(&connection, work, 1).await?;
        self.ledger.committed(work);
        Ok(())
    }

    async fn begin(&self, drops: &Drops) -> Result<(), Stop> {
        let work = self.ledger.begin();
        let connection = self.borrow().await?;
        let run = connection.transaction(async |tx| {
            drops.may(false);
            mark(&tx).await?;
            self.write(&tx, work, 1).await?;
            self.ledger.commits(work, &[1]);
            Ok::<_, Stop>(())
        });
        drops.over(run).await??;
        self.ledger.committed(work);
        Ok(())
    }

    /// A statement by itself, which commits itself.
    async fn query(&self, drops: &Drops) -> Result<(), Stop> {
        let work = self.ledger.begin();
        self.ledger.commits(work, &[1]);
        drops.over(self.write(&self.engine, work, 1)).await??;
        self.ledger.committed(work);
        Ok(())
    }

    async fn fetch(&self, drops: &Drops) -> Result<(), Stop> {
        let within = async |_: &Connection, tx: &Transaction, work: i32| {
            let sql = "SELECT n, $1::int4 FROM generate_series(1, 400) AS n";
            let rows = drops.over(tx.all(sql, &[&work])).await??;
            let own = |(n, row): (i32, &Row)| (row.get::<i32>(0), row.get::<i32>(1)) == (n, work);
            assert!(rows.len() == 400 && (1..).zip(&rows).all(own));
            Ok(())
        };
        self.written(within).await
    }

    async fn cursor(&self, drops: &Drops) -> Result<(), Stop> {
        let within = async |_: &Connection, tx: &Transaction, work: i32| {
            let read = async {
                let params: &[&(dyn gino::ToSql + Sync)] = &[&work];
                let sql = "SELECT $1::int4 FROM generate_series(1, 150)";
                let (mut cursor, mut count) = (tx.iterate(sql, params).await?, 0);
                while let Some(row) = cursor.next().await? {
                    assert_eq!(row.get::<i32>(0), work);
                    count += 1;
                }
                assert_eq!(count, 150);
                Ok::<_, Stop>(())
            };
            drops.over(read).await?
        };
        self.written(within).await
    }

    /// A COPY by itself, which commits itself.
    async fn copy_in(&self, drops: &Drops) -> Result<(), Stop> {
        let work = self.ledger.begin();
        let connection = self.borrow().await?;
        self.ledger.commits(work, &[1, 2]);
        let copy = async {
            let mut copy = connection.copy_in(&self.ledger.copy_in()).await?;
            for part in [1, 2] {
                copy.write(format!("{work}\t{part}\n").as_bytes()).await?;
            }
            copy.finish().await
        };
        assert_eq!(drops.over(copy).await??, "COPY 2");
        self.ledger.committed(work);
        Ok(())
    }

    async fn copy_out(&self, drops: &Drops) -> Result<(), Stop> {
        let within = async |connection: &Connection, _: &Transaction, _: i32| {
            let read = async {
                let sql = "COPY (SELECT generate_series(1, 2000)) TO STDOUT";
                let (mut copy, mut lines) = (connection.copy_out(sql).await?, 0);
                while let Some(data) = copy.read().await? {
                    lines += data.iter().filter(|byte| **byte == b'\n').count();
                }
                assert_eq!(lines, 2000);
                Ok::<_, Stop>(())
            };
            drops.over(read).await?
        };
        self.written(within).await
    }

    async fn commit(&self, drops: &Drops) -> Result<(), Stop> {
        let work = self.ledger.begin();
        let connection = self.borrow().await?;
        drops.may(false);
        let run = connection.transaction(async |tx| {
            mark(&tx).await?;
            self.write(&tx, work, 1).await?;
            self.write(&tx, work, 2).await?;
            self.ledger.commits(work, &[1, 2]);
            drops.may(true);
            Ok::<_, Stop>(())
        });
        drops.over(run).await??;
        self.ledger.committed(work);
        Ok(())
    }

    /// The outer transaction goes on when the inner one was dropped before its end.
    async fn savepoint(&self, drops: &Drops) -> Result<(), Stop> {
        let work = self.ledger.begin();
        let connection = self.borrow().await?;
        let run = connection.transaction(async |tx| {
            mark(&tx).await?;
            self.write(&tx, work, 1).await?;
            let mut was_over = false;
            let inner = tx.transaction(async |inner| {
                self.write(&inner, work, 2).await?;
                was_over = true;
                Ok::<_, Stop>(())
            });
            let parts: &[i32] = match drops.over(inner).await {
                // While it was released: nobody knows whether part 2 counts. Give up, as whoever cannot know.
                Err(stop) if was_over => return Err(stop),
                Err(_) => &[1, 3],
                Ok(done) => {
                    done?;
                    &[1, 2, 3]
                }
            };
            self.write(&tx, work, 3).await?;
            self.ledger.commits(work, parts);
            match parts {
                [_, _] => Ok(Err(Stop::Dropped)),
                _ => Ok::<_, Stop>(Ok(())),
            }
        });
        let done = run.await?;
        self.ledger.committed(work);
        done
    }

    /// The whole of one, on a connection of the pool.
    async fn transaction(&self, drops: &Drops) -> Result<(), Stop> {
        let work = self.ledger.begin();
        let run = self.engine.transaction(async |tx| {
            mark(&tx).await?;
            self.write(&self.engine, work, 1).await?;
            tx.transaction(async |inner| self.write(&inner, work, 2).await)
                .await?;
            self.ledger.commits(work, &[1, 2]);
            Ok::<_, Stop>(())
        });
        drops.over(run).await??;
        self.ledger.committed(work);
        Ok(())
    }

    async fn release(&self, drops: &Drops) -> Result<(), Stop> {
        let work = self.ledger.begin();
        let connection = self.borrow().await?;
        let run = connection.transaction(async |tx| {
            mark(&tx).await?;
            self.write(&tx, work, 1).await?;
            self.ledger.commits(work, &[1]);
            Ok::<_, Stop>(())
        });
        run.await?;
        self.ledger.committed(work);
        // Something to undo.
        connection.status("SET gino.mark = 'used'", &[]).await?;
        drops.over(connection.release(true)).await??;
        Ok(())
    }

    /// A transaction that writes part 1, then does what `within` does.
    async fn written(
        &self,
        within: impl AsyncFnOnce(&Connection, &Transaction, i32) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let work = self.ledger.begin();
        let connection = self.borrow().await?;
        let run = connection.transaction(async |tx| {
            mark(&tx).await?;
            self.write(&tx, work, 1).await?;
            within(&connection, &tx, work).await?;
            self.ledger.commits(work, &[1]);
            Ok::<_, Stop>(())
        });
        run.await?;
        self.ledger.committed(work);
        Ok(())
    }
}

/// Until its transaction ends the connection is seen to be in use.
pub(crate) async fn mark(on: &impl Executor) -> Result<(), Error> {
    on.status("SET LOCAL gino.mark = 'used'", &[]).await?;
    Ok(())
}

/// A connection just borrowed is as nobody had used it, by the server's word.
pub(crate) async fn is_clean(connection: &Connection) -> Result<(), Error> {
    let sql = "SELECT coalesce(current_setting('gino.mark', true), '') || pg_backend_pid()";
    let seen: Option<String> = connection.scalar(sql, &[]).await?;
    let seen = seen.unwrap_or_default();
    assert!(!seen.starts_with("used"), "a dirty connection: {seen}");
    Ok(())
}
