//! Owns the question whether a statement leaves something behind that outlives its transaction.
//! Never parses SQL: it looks at words, and errs on the side of a needless reset.

/// Undoes whatever [`touches`] may have seen (PostgreSQL manual, "DISCARD", without dropping prepared
/// statements, which the statement cache keeps).
pub(super) static RESET_SCRIPT: &str = "CLOSE ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); \
     DISCARD TEMP; RESET SESSION AUTHORIZATION; RESET ALL";

/// Whether running `sql` may change the session: settings, LISTEN, temporary tables, advisory locks.
pub(super) fn touches(sql: &str) -> bool {
    let mut at_start = true;
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
    fn session_state_is_seen_and_ordinary_statements_are_not() {
        for sql in [
            "SET search_path = a",
            "select 1;\n set x = 1",
            "LISTEN jobs",
            "CREATE TEMP TABLE t ()",
            "SELECT pg_try_advisory_lock(1)",
            "select set_config('a.b', 'c', false)",
        ] {
            assert!(touches(sql), "{sql}");
        }
        for sql in [
            "UPDATE t SET a = 1",
            "SELECT 1",
            "",
            "INSERT INTO settings VALUES ($1)",
            "BEGIN",
        ] {
            assert!(!touches(sql), "{sql}");
        }
    }
}
