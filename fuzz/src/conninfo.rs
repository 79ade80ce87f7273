//! Owns the check of connection strings, service files and password files: none panics, no error
//! repeats a password, and what is understood can be shown and understood again.

use std::io;

use gino_core::config::{Config, Surroundings, TextFile};

/// The text up to the first zero byte is a URL, what follows is every file that it may name.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (url, file) = text.split_once('\0').unwrap_or((text, ""));
    let world = World(file);
    let Ok(mut config) = Config::parse(Some(url), &world) else {
        return;
    };
    config.read_passfile(&world);
    for endpoint in &config.endpoints {
        let _ = config.password_for(endpoint);
    }
    let shown = config.dsn_without_password();
    let again = Config::parse(Some(&shown), &|_: &str| None).expect("what is shown can be read");
    assert_eq!(again.endpoints, config.endpoints, "{shown}");
    assert_eq!(again.user, config.user, "{shown}");
    for key in Config::keywords() {
        let _ = config.get(key);
    }
}

struct World<'a>(&'a str);

impl Surroundings for World<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        (name == "HOME").then(|| "/home".to_owned())
    }

    fn file(&self, _: &str) -> io::Result<TextFile> {
        let text = self.0.to_owned();
        let is_private = true;
        Ok(TextFile { text, is_private })
    }
}
