//! Owns the server's error and notice fields. Never interprets them beyond their names.
//! `pg` builds it, both faces map it to their public errors.

use std::fmt;

/// An ErrorResponse of the server with all of its fields
/// (PostgreSQL manual, "Error and Notice Message Fields").
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DbError {
    fields: Vec<(u8, Box<str>)>,
}

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $code:literal),* $(,)?) => {
        impl DbError {
            $($(#[$doc])* pub fn $name(&self) -> Option<&str> { self.field($code) })*

            /// The name under which a field is known, by its one-byte code, for those that we know.
            pub fn field_name(code: u8) -> Option<&'static str> {
                match code { $($code => Some(stringify!($name)),)* b'M' => Some("message"), b'C' => Some("sqlstate"), _ => None }
            }
        }
    };
}

fields! {
    /// The severity, never localized (`ERROR`, `FATAL`, `PANIC`, or a notice's).
    severity = b'V',
    /// The secondary message with details.
    detail = b'D',
    /// What to do about it, in the server's words.
    hint = b'H',
    /// The cursor position in the statement, in characters from 1.
    position = b'P',
    /// The cursor position in `internal_query`.
    internal_position = b'p',
    /// The text of a command that the server generated itself.
    internal_query = b'q',
    /// Where in the call stack the error happened.
    context = b'W',
    /// The schema that the error is about.
    schema_name = b's',
    /// The table that the error is about.
    table_name = b't',
    /// The column that the error is about.
    column_name = b'c',
    /// The data type that the error is about.
    data_type_name = b'd',
    /// The constraint that was violated.
    constraint_name = b'n',
    /// The source file of the server.
    server_source_filename = b'F',
    /// The line in that file.
    server_source_line = b'L',
    /// The function in that file.
    server_source_function = b'R',
}

impl DbError {
    /// An error of `fields`, each a code and its value.
    pub fn new(fields: Vec<(u8, Box<str>)>) -> DbError {
        DbError { fields }
    }

    /// The value of the field with a one-byte code.
    pub fn field(&self, code: u8) -> Option<&str> {
        self.fields
            .iter()
            .find(|(c, _)| *c == code)
            .map(|(_, value)| &**value)
    }

    /// All fields in the server's order: code and value.
    pub fn fields(&self) -> impl Iterator<Item = (u8, &str)> {
        self.fields.iter().map(|(code, value)| (*code, &**value))
    }

    /// The five characters of the SQLSTATE; `XX000` (internal error) if the server sent none.
    pub fn sqlstate(&self) -> &str {
        self.field(b'C').unwrap_or("XX000")
    }

    /// The primary message.
    pub fn message(&self) -> &str {
        self.field(b'M').unwrap_or("the server gave no message")
    }

    /// Whether the server ends the connection with this error.
    pub fn is_fatal(&self) -> bool {
        matches!(self.severity(), Some("FATAL" | "PANIC"))
    }
}

impl fmt::Debug for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (code, value) in self.fields() {
            match DbError::field_name(code) {
                Some(name) => map.entry(&name, &value),
                None => map.entry(&char::from(code), &value),
            };
        }
        map.finish()
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())?;
        for (name, value) in [("DETAIL", self.detail()), ("HINT", self.hint())] {
            if let Some(value) = value {
                write!(f, "\n{name}:  {value}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for DbError {}
