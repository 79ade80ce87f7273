//! The crate without any feature: it asks and is answered, and says which feature is missing for TLS.
//! A program of its own, since gino's tests have all features. `scripts/test` runs it.

use std::error::Error;

use gino::prelude::*;
use gino::{Config, ErrorKind};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let dsn = std::env::var("GINO_TEST_DSN").map_err(|_| "GINO_TEST_DSN is not set")?;
    let end = if dsn.contains('?') { '&' } else { '?' };
    let with = |settings: &str| format!("{dsn}{end}min_size=0&{settings}");

    for mode in ["require", "verify-ca", "verify-full"] {
        let url = with(&format!("sslmode={mode}"));
        refuses(Engine::connect(&url).await.err(), mode);
        let config = Config::parse(Some(&url), &|_: &str| None)?;
        refuses(Engine::new(config).err(), mode);
    }

    // What leaves the choice is not encrypted.
    for mode in ["disable", "allow", "prefer"] {
        let engine = Engine::connect(&with(&format!("sslmode={mode}"))).await?;
        let sum: Option<i32> = engine.scalar("SELECT $1::int4 + 1", &[&1]).await?;
        assert_eq!(sum, Some(2), "{mode}");
        engine.close(std::time::Duration::from_secs(10)).await?;
    }
    Ok(())
}

fn refuses(error: Option<gino::Error>, what: &str) {
    let error = error.unwrap_or_else(|| panic!("{what}: an engine without TLS was made"));
    assert_eq!(error.kind(), ErrorKind::Usage, "{what}: {error}");
    let words = "sslmode: this build has no TLS: enable the feature tls of the crate gino";
    assert!(error.to_string().starts_with(words), "{what}: {error}");
}
