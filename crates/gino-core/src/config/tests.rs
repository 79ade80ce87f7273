//! Owns the run of `spec/urls.toml`: every case, and that no error and no `Debug` shows the password.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Config;
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
    let (environment, settings) = (map(case, "environment"), map(case, "settings"));
    Config::new(
        url.as_deref(),
        settings.iter().map(|(key, value)| (&**key, &**value)),
        &|name| environment.get(name).cloned(),
    )
}

fn seconds(duration: Option<Duration>) -> String {
    duration.map_or_else(
        || "none".to_owned(),
        |duration| duration.as_secs_f64().to_string(),
    )
}

fn number(number: Option<usize>) -> String {
    number.map_or_else(|| "none".to_owned(), |number| number.to_string())
}

fn field(config: &Config, key: &str) -> String {
    match key {
        "user" => config.user.clone(),
        "database" => config.database.clone(),
        "password" => config
            .password
            .as_ref()
            .map_or("none", |password| password.expose())
            .to_owned(),
        "application_name" => config.application_name.clone(),
        "options" => config.options.clone().unwrap_or_else(|| "none".to_owned()),
        "connect_timeout" => seconds(config.connect_timeout),
        "command_timeout" => seconds(config.command_timeout),
        "min_size" => config.min_size.to_string(),
        "max_size" => config.max_size.to_string(),
        "max_queries" => number(config.max_queries),
        "max_inactive_connection_lifetime" => seconds(config.max_inactive_connection_lifetime),
        "statement_cache_size" => config.statement_cache_size.to_string(),
        "max_cached_statement_lifetime" => seconds(config.max_cached_statement_lifetime),
        "max_cacheable_statement_size" => number(config.max_cacheable_statement_size),
        "dsn" => config.dsn_without_password(),
        other => panic!("spec/urls.toml: {other} is no field"),
    }
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
                        "name" | "url" | "environment" | "settings" => {}
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
    let nothing = |_: &str| None;
    for url in [
        "postgresql://us%40er:sesame@[::1]:5433,h2/d%2Fb",
        "postgresql://user@%2Ftmp:5434/d",
        "postgresql://user@/d",
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
        let _ = Config::parse(Some(&text), &|_| None);
    }
}
