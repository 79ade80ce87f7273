//! Owns connection service files: named groups of keywords (PostgreSQL manual, "The Connection
//! Service File"). Never knows which keywords exist. `Config` calls it when a service is named.

use std::io;

use super::config_error;
use super::surroundings::{Surroundings, in_home};
use super::url::Pairs;
use crate::error::{Error, Result};

/// The keywords of the service `name`: from `file` if one is given, else from `PGSERVICEFILE` or
/// `~/.pg_service.conf`, else from `pg_service.conf` in the directory `PGSYSCONFDIR`.
pub(super) fn keywords(name: &str, file: Option<&str>, world: &dyn Surroundings) -> Result<Pairs> {
    let given = |variable| world.variable(variable).filter(|path| !path.is_empty());
    let own = file
        .map(str::to_owned)
        .or_else(|| given("PGSERVICEFILE"))
        .or_else(|| in_home(world, ".pg_service.conf", ".pg_service.conf"));
    let shared = given("PGSYSCONFDIR").map(|directory| format!("{directory}/pg_service.conf"));
    let mut searched = Vec::new();
    for path in own.into_iter().chain(shared) {
        match world.file(&path) {
            Ok(found) => {
                if let Some(pairs) =
                    section(&found.text, name).map_err(|line| broken(&path, line))?
                {
                    return Ok(pairs);
                }
                searched.push(path);
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound && file.is_none() => {
                searched.push(path);
            }
            Err(cause) => {
                let reason = format!("cannot read {path}: {cause}");
                return Err(config_error("servicefile", reason));
            }
        }
    }
    let places = match &*searched {
        [] => "neither PGSERVICEFILE nor HOME says where to look".to_owned(),
        _ => format!("looked in {}", searched.join(" and ")),
    };
    Err(config_error(
        "service",
        format!("there is no service \"{name}\": {places}"),
    ))
}

/// The pairs of the section `name`, if there is one; else the number of a line that is wrong.
fn section(text: &str, name: &str) -> std::result::Result<Option<Pairs>, usize> {
    let mut found: Option<Pairs> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(title) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            if found.is_some() {
                break;
            }
            found = (title == name).then(Pairs::new);
        } else if let Some(pairs) = &mut found {
            let (key, value) = line.split_once('=').ok_or(index + 1)?;
            if key == "service" || key == "servicefile" {
                return Err(index + 1);
            }
            pairs.push((key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    Ok(found)
}

/// The line itself is not shown: a password may be in it.
#[cold]
fn broken(path: &str, line: usize) -> Error {
    config_error(
        "servicefile",
        format!("line {line} of {path} is no keyword=value, or names a service itself"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# ours\n[a]\nhost=h1\nport = 5433\n\n[b]\nhost=h2\npassword=a=b\n";

    #[test]
    fn a_section_ends_where_the_next_begins() {
        let pairs = section(TEXT, "a").unwrap().unwrap();
        assert_eq!(
            pairs,
            [("host", "h1"), ("port", "5433")].map(|(k, v)| (k.into(), v.into()))
        );
        let pairs = section(TEXT, "b").unwrap().unwrap();
        assert_eq!(pairs[1], ("password".into(), "a=b".into()));
        assert_eq!(section(TEXT, "c"), Ok(None));
    }

    #[test]
    fn a_wrong_line_is_told_by_its_number() {
        assert_eq!(section("[a]\nhost", "a"), Err(2));
        assert_eq!(section("[a]\nservice=b", "a"), Err(2));
        assert_eq!(section("[b]\nhost\n[a]\n", "a"), Ok(Some(Pairs::new())));
    }
}
