//! Owns the question whether a statement leaves something behind that outlives its transaction.
//! Never parses SQL: it looks at words, and errs on the side of a needless reset.

/// Undoes whatever [`touches`] may have seen (PostgreSQL manual, "DISCARD"). Prepared statements, which
/// the statement cache keeps, are dropped only where some are `added` by somebody else.
pub(super) fn reset_script(added: bool) -> &'static str {
    match added {
        true => concat!("DEALLOCATE ALL; ", reset!()),
        false => reset!(),
    }
}

/// Whether `sql` undoes all that.
pub(super) fn resets(sql: &str) -> bool {
    [true, false]
        .iter()
        .any(|added| reset_script(*added) == sql)
}

macro_rules! reset {
    () => {
        "CLOSE ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD TEMP; \
         RESET SESSION AUTHORIZATION; RESET ALL"
    };
}
use reset;

/// Whether running `sql` may change the session: settings, LISTEN, temporary tables, advisory locks.
pub(super) fn touches(sql: &str) -> bool {
    let mut at_start = true;
    let sql = without_comment(sql);
    let words = sql.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    for piece in words {
        let word = piece.trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        if !word.is_empty() {
            let is = |list: &[&str]| list.iter().any(|w| word.eq_ignore_ascii_case(w));
            if (at_start && is(FIRST)) || is(ANYWHERE) || contains_advisory(word) {
                return true;
            }
            at_start = false;
        }
        if piece.ends_with(';') {
            at_start = true;
        }
    }
    false
}

/// Whether the command that ended with `tag` may have changed what types are made of. A new table
/// changes none, and temporary ones are made often.
pub(super) fn alters_types(tag: &str) -> bool {
    let Some((verb, what)) = tag.split_once(' ') else {
        return false;
    };
    match verb {
        "CREATE" => matches!(what, "TYPE" | "DOMAIN" | "EXTENSION" | "SCHEMA"),
        "ALTER" | "DROP" => matches!(
            what,
            "TYPE" | "DOMAIN" | "EXTENSION" | "SCHEMA" | "TABLE" | "VIEW" | "FOREIGN TABLE"
        ),
        "DISCARD" => what == "ALL",
        _ => false,
    }
}

/// What a command does to statements that were prepared before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outdated {
    /// Nothing.
    Nothing,
    /// They are gone.
    Forgotten,
    /// There is one more, which the session has not prepared itself.
    Added,
    /// They may give other results on this connection. It is left at this where temporary tables,
    /// which come and go, are the likely cause.
    Here,
    /// They may give other results on all connections.
    Everywhere,
}

/// What the command that ended with `tag` does to statements that were prepared before it.
pub(super) fn outdates(tag: &str) -> Outdated {
    match tag.split_once(' ') {
        None if tag == "PREPARE" => Outdated::Added,
        Some(("DISCARD" | "DEALLOCATE", "ALL")) => Outdated::Forgotten,
        Some(("DROP", _)) => Outdated::Here,
        Some(("ALTER", _) | ("CREATE", "VIEW")) => Outdated::Everywhere,
        _ => Outdated::Nothing,
    }
}

/// The text behind the comments that it begins with: tools mark their statements that way.
fn without_comment(sql: &str) -> &str {
    let mut rest = sql.trim_start();
    loop {
        let end = match rest.get(..2) {
            Some("--") => "\n",
            Some("/*") => "*/",
            _ => return rest,
        };
        let Some((_, behind)) = rest.split_once(end) else {
            return "";
        };
        rest = behind.trim_start();
    }
}

fn contains_advisory(word: &str) -> bool {
    word.len() > 8 && word.to_ascii_lowercase().contains("advisory")
}

/// Commands that change the session. DO and CALL run code that may do so.
const FIRST: &[&str] = &[
    "set",
    "reset",
    "listen",
    "unlisten",
    "load",
    "discard",
    "declare",
    "prepare",
    "deallocate",
    "do",
    "call",
];

const ANYWHERE: &[&str] = &[
    "temp",
    "temporary",
    "pg_temp",
    "set_config",
    "setseed",
    "dblink_connect",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_alter_types_are_told_by_their_tags() {
        for tag in ["ALTER TYPE", "DROP TABLE", "CREATE DOMAIN", "DISCARD ALL"] {
            assert!(alters_types(tag), "{tag}");
        }
        for tag in ["SELECT 1", "CREATE TABLE", "COMMIT", "DISCARD TEMP", ""] {
            assert!(!alters_types(tag), "{tag}");
        }
    }

    #[test]
    fn commands_that_outdate_statements_are_told_by_their_tags() {
        for (tag, what) in [
            ("SELECT 1", Outdated::Nothing),
            ("CREATE TABLE", Outdated::Nothing),
            ("DEALLOCATE", Outdated::Nothing),
            ("PREPARE", Outdated::Added),
            ("DEALLOCATE ALL", Outdated::Forgotten),
            ("DISCARD ALL", Outdated::Forgotten),
            ("DROP TABLE", Outdated::Here),
            ("ALTER TABLE", Outdated::Everywhere),
            ("CREATE VIEW", Outdated::Everywhere),
        ] {
            assert_eq!(outdates(tag), what, "{tag}");
        }
    }

    #[test]
    fn session_state_is_seen_and_ordinary_statements_are_not() {
        for sql in [
            "SET search_path = a",
            "select 1;\n set x = 1",
            "LISTEN jobs",
            "CREATE TEMP TABLE t ()",
            "SELECT pg_try_advisory_lock(1)",
            "select set_config('a.b', 'c', false)",
            "/* from app.py:3 */ SET x = 1",
            "-- why\n-- not\n listen jobs",
            "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
            "PREPARE p AS SELECT 1",
            "SELECT 1 INTO TEMP t",
            "WITH l AS (SELECT pg_advisory_lock(1)) SELECT 1",
        ] {
            assert!(touches(sql), "{sql}");
        }
        for sql in [
            "UPDATE t SET a = 1",
            "SELECT 1",
            "",
            "-- SET x = 1",
            "/* SET */ SELECT 1",
            "/* SET",
            "INSERT INTO settings VALUES ($1)",
            "BEGIN",
        ] {
            assert!(!touches(sql), "{sql}");
        }
    }
}
