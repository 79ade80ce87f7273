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

    /// As the system's list of accounts has it; there may be no variable for it, as in a container.
    #[cfg(target_os = "linux")]
    fn account(&self) -> Option<String> {
        use std::os::unix::fs::MetadataExt;

        let id = std::fs::metadata("/proc/self").ok()?.uid().to_string();
        let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
        let mut accounts = accounts.lines().map(|line| line.split(':'));
        accounts.find_map(|mut fields| {
            let name = fields.next()?;
            (fields.nth(1)? == id).then(|| name.to_owned())
        })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn account_is_that_of_the_process() {
        let asked = std::process::Command::new("id")
            .arg("-un")
            .output()
            .unwrap();
        let name = String::from_utf8(asked.stdout).unwrap();
        assert_eq!(Process.account().as_deref(), Some(name.trim()));
    }
}
