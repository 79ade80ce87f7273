//! Owns a PostgreSQL of its own for one test, which may be killed: everybody else's must not go away.
//! Never talks to it: `python/tests/control.py` has the orders.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub(crate) struct Cluster {
    /// Its URL.
    pub(crate) url: String,
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Cluster {
    /// Makes one, with `settings` of the server, `name=value`.
    pub(crate) fn start(settings: &[&str]) -> Cluster {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut child = Command::new(root.join(".venv/bin/python"))
            .arg(root.join("python/tests/control.py"))
            .args(settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a .venv with the tools of the tests: run scripts/setup");
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut cluster = Cluster {
            url: String::new(),
            child,
            orders,
            answers,
        };
        cluster.url = cluster.answer();
        cluster
    }

    /// Has an order of `control.py` done, and waits for it: not for the thread of a task.
    pub(crate) fn order(&mut self, order: &str) -> String {
        writeln!(self.orders.as_mut().unwrap(), "{order}").unwrap();
        self.answer()
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        assert!(
            !line.is_empty(),
            "control.py has ended: its words are above"
        );
        line.trim_end().to_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.child.wait();
    }
}
