//! Owns what a configuration reads of this process: variables and files. Never reads anything unasked.
//! `engine` hands it in; an application does where it makes a `Config` itself.

use gino_core::config::{Surroundings, TextFile};

/// The environment and the files of this process, for a [`Config`](crate::Config).
///
/// ```
/// use gino::{Config, Process};
///
/// let config = Config::parse(Some("postgresql://daisy@localhost/gino"), &Process)?;
/// assert_eq!(config.user, "daisy");
/// # Ok::<(), gino::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Process;

impl Surroundings for Process {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &str) -> std::io::Result<TextFile> {
        let text = std::fs::read_to_string(path)?;
        #[cfg(unix)]
        let is_private = {
            use std::os::unix::fs::PermissionsExt;
            std::fs::metadata(path)?.permissions().mode() & 0o077 == 0
        };
        #[cfg(not(unix))]
        let is_private = true;
        Ok(TextFile { text, is_private })
    }
}
