//! Owns the password file: which line of it is meant for a connection (PostgreSQL manual, "The
//! Password File"). Never shows a line. `Config` reads it when an engine is made.

use std::io;

use super::surroundings::{Surroundings, in_home};
use super::{Endpoint, Secret};

/// The lines of a password file, or why there are none.
#[derive(Debug, Clone, Default)]
pub(super) struct PassFile {
    lines: Vec<Line>,
    /// What keeps the file from being used, for the message that a password is missing.
    pub(super) trouble: Option<Box<str>>,
}

#[derive(Debug, Clone)]
struct Line {
    /// Host, port, database and user; `None` stands for any.
    place: [Option<Box<str>>; 4],
    password: Secret,
}

impl PassFile {
    /// Reads `path`, else the file that `PGPASSFILE` names, else `~/.pgpass`. As in libpq a file
    /// that cannot be used is passed over.
    pub(super) fn read(path: Option<&str>, world: &dyn Surroundings) -> PassFile {
        let path = path
            .map(str::to_owned)
            .or_else(|| world.variable("PGPASSFILE").filter(|path| !path.is_empty()))
            .or_else(|| in_home(world, ".pgpass", "pgpass.conf"));
        let Some(path) = path else {
            return PassFile::default();
        };
        let unusable = |trouble: String| PassFile {
            lines: Vec::new(),
            trouble: Some(trouble.into()),
        };
        match world.file(&path) {
            Ok(found) if !found.is_private => unusable(format!(
                "the password file {path} is not used, as others may read it (chmod 600 changes that)"
            )),
            Ok(found) => PassFile {
                lines: found.text.lines().filter_map(line).collect(),
                trouble: None,
            },
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => PassFile::default(),
            Err(cause) => unusable(format!("the password file {path} cannot be read: {cause}")),
        }
    }

    /// The password of the first line that fits.
    pub(super) fn password(
        &self,
        endpoint: &Endpoint,
        database: &str,
        user: &str,
    ) -> Option<&Secret> {
        let (host, port) = match endpoint {
            Endpoint::Tcp { host, port, .. } => (host.as_str(), port.to_string()),
            Endpoint::Unix { path } => {
                let (directory, port) = path.rsplit_once("/.s.PGSQL.")?;
                let host = match super::hosts::SOCKET_DIRECTORIES.contains(&directory) {
                    true => "localhost",
                    false => directory,
                };
                (host, port.to_owned())
            }
        };
        let wanted = [host, &port, database, user];
        let fits = |line: &&Line| {
            let mut pairs = line.place.iter().zip(wanted);
            pairs.all(|(given, wanted)| given.as_deref().is_none_or(|given| given == wanted))
        };
        self.lines.iter().find(fits).map(|line| &line.password)
    }
}

/// `host:port:database:user:password`, with `\` before a colon or a backslash.
fn line(text: &str) -> Option<Line> {
    if text.starts_with('#') {
        return None;
    }
    let mut rest = text;
    let mut field = || {
        let (value, after) = unescaped(rest, true)?;
        rest = after;
        Some((value != "*").then(|| value.into_boxed_str()))
    };
    let place = [field()?, field()?, field()?, field()?];
    let (password, _) = unescaped(rest, false)?;
    (!password.is_empty()).then(|| Line {
        place,
        password: Secret::new(password),
    })
}

/// The text up to the next colon and what follows it; all of the text if none is wanted.
fn unescaped(text: &str, to_colon: bool) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            ':' if to_colon => return Some((value, text.get(at + 1..)?)),
            c => value.push(c),
        }
    }
    (!to_colon).then_some((value, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, host: &str, user: &str) -> Option<String> {
        let file = PassFile {
            lines: text.lines().filter_map(line).collect(),
            trouble: None,
        };
        let endpoint = Endpoint::new(host, 5432);
        let password = file.password(&endpoint, "app", user);
        password.map(|password| password.expose().to_owned())
    }

    #[test]
    fn the_first_line_that_fits_is_meant() {
        let text = "#h:*:*:*:no\nh:5433:*:*:no\nh:5432:app:me:one\n*:*:*:*:two\n";
        assert_eq!(found(text, "h", "me").as_deref(), Some("one"));
        assert_eq!(found(text, "h", "you").as_deref(), Some("two"));
        assert_eq!(found("h:5432:app:me:one", "other", "me"), None);
    }

    #[test]
    fn a_backslash_takes_the_meaning_of_a_colon() {
        assert_eq!(
            found(r"\:\:1:*:*:a\:b\\:x\:y\\z", "::1", r"a:b\").as_deref(),
            Some(r"x:y\z")
        );
        assert_eq!(found("h:*:*:*:a:b", "h", "me").as_deref(), Some("a:b"));
    }

    #[test]
    fn a_socket_in_its_usual_place_is_localhost() {
        assert_eq!(
            found("localhost:*:*:*:one", "/tmp", "me").as_deref(),
            Some("one")
        );
        assert_eq!(
            found("/srv/pg:*:*:*:two", "/srv/pg", "me").as_deref(),
            Some("two")
        );
        assert_eq!(found("localhost:*:*:*:one", "/srv/pg", "me"), None);
    }

    #[test]
    fn a_line_that_is_none_is_passed_over() {
        for text in ["", "h", "h:5432:app:me", "h:5432:app:me:"] {
            assert_eq!(found(text, "h", "me"), None, "{text}");
        }
    }
}
