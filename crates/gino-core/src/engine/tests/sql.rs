//! Owns the server's few words of SQL. Transactions and savepoints are real, `SLEEP n` takes virtual
//! milliseconds, `ROWS n` gives rows, `NOTIFY` tells its own session, `COPYIN` and
//! `COPYOUT n` copy, `TYPED oid…` gives a row of NULLs of these types, `TYPES oid…` is the client's
//! question about them, `FAIL` fails, `DIE` ends the process. `backend` calls it.

use super::backend::{Backend, Life, texts};
use crate::pg::tests::server::notification;

/// A failure: SQLSTATE and text.
pub(super) type Failure = (&'static str, &'static str);

impl Backend {
    pub(super) fn refuse_if_failed(&self, sql: &str) -> Result<(), Failure> {
        let ends = sql.starts_with("ROLLBACK") || sql.starts_with("COMMIT");
        if self.status == b'E' && !ends {
            return Err(("25P02", "current transaction is aborted"));
        }
        Ok(())
    }

    /// Runs one command: its tag and how many rows it gives, counted from 1.
    pub(super) fn execute(&mut self, sql: &str) -> Result<(String, i32), Failure> {
        self.refuse_if_failed(sql)?;
        if self.cancelled {
            return Err(("57014", "canceling statement due to user request"));
        }
        let words: Vec<&str> = sql.split_whitespace().collect();
        let last = words.last().copied().unwrap_or_default();
        let mut tag = words.first().copied().unwrap_or_default();
        let mut rows = 0;
        match &words[..] {
            ["BEGIN", ..] => self.status = b'T',
            ["COMMIT" | "ROLLBACK"] => {
                if self.status == b'E' {
                    tag = "ROLLBACK";
                }
                self.status = b'I';
                self.savepoints.clear();
            }
            ["SAVEPOINT" | "RELEASE" | "ROLLBACK", ..] if self.status == b'I' => {
                return Err(("25P01", "no transaction is in progress"));
            }
            ["SAVEPOINT", name] => self.savepoints.push((*name).to_owned()),
            ["RELEASE" | "ROLLBACK", ..] => {
                let known = self.savepoints.iter().rposition(|name| name == last);
                let at = known.ok_or(("3B001", "savepoint does not exist"))?;
                self.savepoints
                    .truncate(at + usize::from(tag == "ROLLBACK"));
                self.status = b'T';
            }
            ["TYPES", ..] if self.role.discreet => {
                return Err(("42501", "permission denied for table pg_type"));
            }
            ["FAIL"] => return Err(("22012", "division by zero")),
            ["DIE"] => {
                self.life = Life::Ended;
                return Err(("57P01", "terminating connection"));
            }
            ["ALTER", "TYPE", ..] => tag = "ALTER TYPE",
            ["SET", ..] => self.touched = true,
            ["RESET", "ALL"] => self.touched = false,
            ["NOTIFY", channel, payload] => self.out.extend(notification(channel, payload)),
            ["COPYOUT", count] => rows = count.parse().unwrap(),
            ["ROWS", count] => rows = count.parse().unwrap(),
            _ => {}
        }
        Ok((tag.to_owned(), rows))
    }
}

/// The milliseconds of a statement that sleeps, if the message runs one.
pub(super) fn sleeper(tag: u8, body: &[u8], backend: &Backend) -> Option<String> {
    let sql = match tag {
        b'Q' => texts(body).remove(0),
        b'E' => backend.portals.get(&texts(body)[0])?.sql.clone(),
        _ => return None,
    };
    if sql.starts_with("TYPES") && backend.role.types_take > 0 {
        return Some(backend.role.types_take.to_string());
    }
    sql.strip_prefix("SLEEP ").map(str::to_owned)
}

pub(super) fn returns_rows(sql: &str) -> bool {
    sql.starts_with("ROWS")
}

pub(super) const NO_STATEMENT: Failure = ("26000", "prepared statement does not exist");
pub(super) const NO_PORTAL: Failure = ("34000", "portal does not exist");
