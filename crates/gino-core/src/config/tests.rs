//! Owns the run of `spec/urls.toml`: every case, and that no error and no `Debug` shows the password.

use std::collections::BTreeMap;
use std::io;

use super::{Config, Surroundings, TextFile};
use crate::error::Result;

const PASSWORD: &str = "sesame";

fn text(value: &toml::Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn map(case: &toml::Table, key: &str) -> BTreeMap<String, String> {
    let table = case.get(key).map(|value| value.as_table().expect(key));
    table
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), text(value)))
        .collect()
}

fn build(case: &toml::Table) -> Result<Config> {
    let url = case.get("url").map(text);
    let settings = map(case, "settings");
    let world = World {
        environment: map(case, "environment"),
        files: map(case, "files"),
        shared_files: map(case, "shared_files"),
    };
    let mut config = Config::new(
        url.as_deref(),
        settings.iter().map(|(key, value)| (&**key, &**value)),
        &world,
    )?;
    config.read_passfile(&world);
    Ok(config)
}

struct World {
    environment: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
    /// Files that others than the owner may read.
    shared_files: BTreeMap<String, String>,
}

impl Surroundings for World {
    fn variable(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    fn file(&self, path: &str) -> io::Result<TextFile> {
        let (own, shared) = (self.files.get(path), self.shared_files.get(path));
        let text = own.or(shared).ok_or(io::ErrorKind::NotFound)?.clone();
        let is_private = own.is_some();
        Ok(TextFile { text, is_private })
    }
}

fn field(config: &Config, key: &str) -> String {
    let value = match key {
        "password" => {
            let password = config.password_for(&config.endpoints[0]);
            password.map(|password| password.expose().to_owned())
        }
        "passfile_trouble" => config.passfile_trouble().map(str::to_owned),
        "dsn" => Some(config.dsn_without_password()),
        _ if Config::keywords().contains(&key) => config.get(key),
        other => panic!("spec/urls.toml: {other} is no field"),
    };
    value.unwrap_or_else(|| "none".to_owned())
}

#[test]
fn every_case_of_the_table_gives_its_fields_or_its_error() {
    let spec: toml::Table = include_str!("../../../../spec/urls.toml")
        .parse()
        .expect("TOML");
    let cases = spec["case"].as_array().expect("cases");
    assert!(cases.len() > 50);
    for case in cases {
        let case = case.as_table().expect("a table");
        let name = text(&case["name"]);
        let built = build(case);
        let shown = format!("{built:?}");
        let given = format!("{case:?}");
        assert!(
            !given.contains(PASSWORD) || !shown.contains(PASSWORD),
            "{name}: {shown}"
        );
        match (built, case.get("error")) {
            (Err(error), Some(expected)) => {
                assert_eq!(error.to_string(), text(expected), "{name}");
                assert!(!error.to_string().contains(PASSWORD), "{name}: {error}");
            }
            (Err(error), None) => panic!("{name}: {error}"),
            (Ok(config), Some(_)) => panic!("{name}: should fail, gave {config:?}"),
            (Ok(config), None) => {
                for (key, expected) in case {
                    match key.as_str() {
                        "name" | "url" | "environment" | "settings" | "files" | "shared_files" => {}
                        "endpoints" => {
                            let endpoints: Vec<_> =
                                config.endpoints.iter().map(ToString::to_string).collect();
                            let expected: Vec<_> = expected
                                .as_array()
                                .expect("endpoints")
                                .iter()
                                .map(text)
                                .collect();
                            assert_eq!(endpoints, expected, "{name}");
                        }
                        "startup" => {
                            let parameters: BTreeMap<_, _> = config
                                .startup_parameters()
                                .into_iter()
                                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                                .collect();
                            assert_eq!(parameters, map(case, "startup"), "{name}");
                        }
                        key => assert_eq!(field(&config, key), text(expected), "{name}: {key}"),
                    }
                }
            }
        }
    }
}

#[test]
fn defaults_are_those_of_the_documentation() {
    let config = Config::default();
    assert_eq!(field(&config, "connect_timeout"), "60");
    assert_eq!(field(&config, "max_queries"), "50000");
    assert_eq!(field(&config, "max_inactive_connection_lifetime"), "300");
    assert_eq!(field(&config, "statement_cache_size"), "100");
    assert!(config.check().is_err(), "nobody connects without a user");
}

#[test]
fn a_dsn_for_people_reads_back_as_the_same_place() {
    let nothing = |_: &str| None::<String>;
    for url in [
        "postgresql://us%40er:sesame@[::1]:5433,h2/d%2Fb",
        "postgresql://user@%2Ftmp:5434/d",
        "postgresql://user@/d",
        "postgresql://user@db/d?hostaddr=10.0.0.1",
        "postgresql://user@/d?hostaddr=10.0.0.1",
    ] {
        let config = Config::parse(Some(url), &nothing).unwrap();
        let again = Config::parse(Some(&config.dsn_without_password()), &nothing).unwrap();
        assert_eq!(again.endpoints, config.endpoints);
        assert_eq!(
            (&again.user, &again.database),
            (&config.user, &config.database)
        );
        assert!(!config.dsn_without_password().contains(PASSWORD));
    }
}

#[test]
fn no_text_makes_the_parser_panic() {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let alphabet: Vec<char> = "postgresql://:@[]%2F,?&=='\\ /é0h\0".chars().collect();
    for _ in 0..20_000 {
        let mut text = String::from(if state & 1 == 0 { "postgres://" } else { "" });
        for _ in 0..state % 40 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text.push(alphabet[usize::try_from(state >> 8).unwrap() % alphabet.len()]);
        }
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let _ = Config::parse(Some(&text), &|_: &str| None);
    }
}

#[test]
fn account_stands_in_where_no_variable_has_the_user() {
    struct Container(Option<&'static str>);

    impl Surroundings for Container {
        fn variable(&self, name: &str) -> Option<String> {
            self.0.filter(|_| name == "LOGNAME").map(str::to_owned)
        }

        fn file(&self, _: &str) -> io::Result<TextFile> {
            Err(io::ErrorKind::NotFound.into())
        }

        fn account(&self) -> Option<String> {
            Some("root".into())
        }
    }

    let user = |url, world| Config::parse(Some(url), &Container(world)).unwrap().user;
    assert_eq!(user("postgresql://localhost/gino", None), "root");
    assert_eq!(user("postgresql://localhost/gino", Some("ada")), "ada");
    assert_eq!(user("postgresql://eve@localhost/gino", None), "eve");
}
