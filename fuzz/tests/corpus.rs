//! Runs every file of the corpus through its target, as a plain test.

use std::fs;
use std::path::Path;

#[expect(clippy::print_stdout, reason = "which file it was, when one fails")]
fn run(target: &str, check: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let mut count = 0;
    for entry in fs::read_dir(directory).expect("a corpus") {
        let path = entry.expect("an entry").path();
        println!("{}", path.display());
        check(&fs::read(path).expect("a file"));
        count += 1;
    }
    assert!(count >= 10, "{count} files in the corpus of {target}");
}

#[test]
fn server_streams_are_survived() {
    run("stream", gino_fuzz::stream::run);
}

#[test]
fn values_decode_to_themselves() {
    run("codec", gino_fuzz::codec::run);
}

#[test]
fn texts_become_values_or_errors() {
    run("text", gino_fuzz::text::run);
}

#[test]
fn connection_strings_are_understood_or_refused() {
    run("conninfo", gino_fuzz::conninfo::run);
}
