//! What the compiler says about programs that are wrong: those in `refused/`, each with the lines
//! that have to be among its words. `//~ error:`, `label:` and `note:` are parts of those, `at:` is
//! the line of the program that is pointed at.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "clippy spares tests, but not what they share"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A program may use no more than what this test was built with.
struct Compiler {
    gino: PathBuf,
    out: PathBuf,
}

impl Compiler {
    /// With the newest library `gino` among those that cargo has built beside this test.
    fn new() -> Compiler {
        let test = std::env::current_exe().unwrap();
        let built = std::fs::read_dir(test.parent().unwrap()).unwrap();
        let built = built.map(|entry| entry.unwrap().path());
        let is_gino = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("libgino-") && name.ends_with(".rlib"))
        };
        let newest = built
            .filter(is_gino)
            .max_by_key(|path| path.metadata().and_then(|about| about.modified()).unwrap());
        let out = test.with_extension("refused");
        std::fs::create_dir_all(&out).unwrap();
        let gino = newest.expect("cargo has built the library for this test");
        Compiler { gino, out }
    }

    /// What it says about a program, a line each.
    fn said(&self, program: &Path) -> Vec<String> {
        let done = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
            .args(["--edition=2024", "--crate-type=lib", "--emit=metadata"])
            .args(["--error-format=json", "--cap-lints=allow"])
            .arg(format!("--extern=gino={}", self.gino.display()))
            .arg(format!(
                "-Ldependency={}",
                self.gino.parent().unwrap().display()
            ))
            .arg(format!("--out-dir={}", self.out.display()))
            .arg(program)
            .output()
            .unwrap();
        let text = String::from_utf8(done.stderr).unwrap();
        let parsed = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let said = parsed.flat_map(|message: Value| lines(&message)).collect();
        assert!(done.status.success() || !text.is_empty(), "{program:?}");
        said
    }
}

/// A message of the compiler as `error: …`, `at: …`, `label: …`, `note: …`.
fn lines(message: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (level, words) = (text(&message["level"]), text(&message["message"]));
    let mut said = vec![format!("{level}: {words}")];
    for span in list(&message["spans"]) {
        said.push(format!("label: {}", text(&span["label"])));
        if span["is_primary"] == true {
            // Of what a macro of the standard library says, the line that has it say so.
            let mut place = span;
            while list(&place["text"]).is_empty() && place["expansion"].is_object() {
                place = place["expansion"]["span"].clone();
            }
            let at = list(&place["text"]).into_iter();
            said.extend(at.map(|line| format!("at: {}", text(&line["text"]).trim())));
        }
    }
    said.extend(list(&message["children"]).iter().flat_map(lines));
    said
}

#[test]
fn wrong_programs_are_told_where_and_what_to_write() {
    let compiler = Compiler::new();
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refused");
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(programs).unwrap() {
        let program = entry.unwrap().path();
        let source = std::fs::read_to_string(&program).unwrap();
        let expected: Vec<&str> = source
            .lines()
            .filter_map(|line| line.strip_prefix("//~ "))
            .collect();
        let said = compiler.said(&program);
        let name = program.file_stem().unwrap().display();
        count += 1;
        if expected.is_empty() && !said.is_empty() {
            panic!("the control {name} does not compile: {said:#?}");
        }
        // Nor are there errors beside those that are expected, but for the compiler's summary.
        let summary = ["error: aborting", "error: could not compile"];
        let errors = said.iter().filter(|said| said.starts_with("error: "));
        for said in errors.filter(|said| !summary.iter().any(|start| said.starts_with(start))) {
            let is_expected = |line: &&str| {
                let words = line.strip_prefix("error: ");
                words.is_some_and(|words| said.contains(words))
            };
            if !expected.iter().any(is_expected) {
                wrong.push(format!("{name}: nobody expects `{said}`"));
            }
        }
        for line in expected {
            let (kind, words) = line.split_once(": ").unwrap();
            let is_it = |said: &String| said.starts_with(kind) && said.contains(words);
            if !said.iter().any(is_it) {
                wrong.push(format!("{name}: nobody says `{line}` in {said:#?}"));
            }
        }
    }
    assert!(count > 20, "{count} programs");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
