//! Owns the words for what a configuration takes from its surroundings: variables and files.
//! Never reads them: a face implements [`Surroundings`], or hands in a function for the variables.
//! `Config`, `service` and `passfile` ask.

use std::io;

/// The environment and the files of a process, as a configuration sees them.
///
/// A function from a variable's name to its value is one without any file.
pub trait Surroundings {
    /// The value of an environment variable.
    fn variable(&self, name: &str) -> Option<String>;

    /// The content of a file.
    ///
    /// # Errors
    /// The system's; `NotFound` if there is no such file.
    fn file(&self, path: &str) -> io::Result<TextFile>;

    /// The name of the account that the program runs as, for where no variable has it.
    fn account(&self) -> Option<String> {
        None
    }
}

/// A file that was read.
pub struct TextFile {
    /// What stands in it.
    pub text: String,
    /// Whether only its owner may read it. True where a system has no such notion.
    pub is_private: bool,
}

impl<F: Fn(&str) -> Option<String>> Surroundings for F {
    fn variable(&self, name: &str) -> Option<String> {
        self(name)
    }

    fn file(&self, _: &str) -> io::Result<TextFile> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// The path of one of libpq's files in the user's home directory: `~/.pgpass`, or
/// `%APPDATA%\postgresql\pgpass.conf` where there is no `HOME` (PostgreSQL manual, "The Password
/// File").
pub(super) fn in_home(world: &dyn Surroundings, unix: &str, windows: &str) -> Option<String> {
    let directory = |name| world.variable(name).filter(|path| !path.is_empty());
    directory("HOME")
        .map(|home| format!("{}/{unix}", home.trim_end_matches('/')))
        .or_else(|| directory("APPDATA").map(|data| format!("{data}\\postgresql\\{windows}")))
}
