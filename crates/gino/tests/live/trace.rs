//! Spans: one for each statement, inside the application's own, with the fields of OpenTelemetry's
//! conventions for databases, and never a value.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Once;

use gino::prelude::*;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, set_global_default};
use tracing::{Event, Instrument, Metadata, Subscriber, info_span};

use crate::server::Home;
use crate::shelf::shelf;

/// The fields of a span; `parent` is the name of the span around it.
type Fields = HashMap<String, String>;

/// Keeps the spans of threads that asked for it: other tests run beside these.
struct Spans;

#[derive(Default)]
struct Kept {
    spans: Vec<(&'static str, Fields)>,
    inside: Vec<Id>,
}

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// From now on the spans of this thread are kept.
fn keep() {
    static SET: Once = Once::new();
    SET.call_once(|| set_global_default(Spans).unwrap());
    KEPT.set(Some(Kept::default()));
}

/// Those of statements, in order; no more are kept.
fn queries() -> Vec<Fields> {
    let spans = KEPT.take().unwrap().spans.into_iter();
    let queries = spans.filter(|(name, _)| *name == "query");
    queries.map(|(_, fields)| fields).collect()
}

fn change(change: impl FnOnce(&mut Kept)) {
    KEPT.with_borrow_mut(|kept| kept.as_mut().map(change));
}

fn place(id: &Id) -> usize {
    usize::try_from(id.into_u64()).unwrap() - 1
}

struct Into<'a>(&'a mut Fields);

impl Visit for Into<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }
}

impl Subscriber for Spans {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && KEPT.with_borrow(Option::is_some)
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut fields = Fields::new();
        attributes.record(&mut Into(&mut fields));
        let mut number = 1;
        change(|kept| {
            if let Some(parent) = kept.inside.last() {
                let (name, _) = kept.spans[place(parent)];
                fields.insert("parent".to_owned(), name.to_owned());
            }
            kept.spans.push((attributes.metadata().name(), fields));
            number = kept.spans.len();
        });
        Id::from_u64(number.try_into().unwrap())
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        change(|kept| values.record(&mut Into(&mut kept.spans[place(id)].1)));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, id: &Id) {
        change(|kept| kept.inside.push(id.clone()));
    }

    fn exit(&self, _: &Id) {
        change(|kept| kept.inside.truncate(kept.inside.len().saturating_sub(1)));
    }
}

#[tokio::test]
async fn statement_is_a_span_with_the_names_of_opentelemetry() {
    let home = Home::new("trace", "max_size=1").await;
    keep();
    let request = info_span!("request");
    let secret = "hunter2".to_owned();
    let asked = async {
        let sql = "SELECT n, $1::text FROM generate_series(1, 3) n";
        home.engine.all(sql, &[&secret]).await.unwrap();
        home.engine
            .all("SELECT nothing FROM nowhere", &[])
            .await
            .unwrap_err();
    };
    asked.instrument(request).await;
    let [found, failed] = queries().try_into().unwrap();
    let config = home.engine.config();
    let gino::Endpoint::Tcp { host, port, .. } = &config.endpoints[0] else {
        panic!("the tests run over TCP")
    };
    let port = port.to_string();
    for (field, value) in [
        ("parent", "request"),
        ("otel.name", "SELECT gino"),
        ("otel.kind", "client"),
        ("db.system.name", "postgresql"),
        ("db.namespace", "gino"),
        ("db.operation.name", "SELECT"),
        (
            "db.query.text",
            "SELECT n, $1::text FROM generate_series(1, 3) n",
        ),
        ("db.response.returned_rows", "3"),
        ("server.address", host),
        ("server.port", &port),
    ] {
        assert_eq!(found.get(field).map(String::as_str), Some(value), "{field}");
    }
    assert!(!found.contains_key("error.type"), "{found:?}");
    assert!(!format!("{found:?}").contains(&secret), "{found:?}");
    for (field, value) in [
        ("otel.status_code", "ERROR"),
        ("db.response.status_code", "42P01"),
        ("error.type", "42P01"),
    ] {
        assert_eq!(
            failed.get(field).map(String::as_str),
            Some(value),
            "{field}"
        );
    }
    home.done().await;
}

/// What statements did, and what went wrong.
fn operations() -> Vec<(String, Option<String>)> {
    let operation = |mut fields: Fields| {
        let name = fields.remove("db.operation.name").unwrap();
        (name, fields.remove("error.type"))
    };
    queries().into_iter().map(operation).collect()
}

#[tokio::test]
async fn what_models_run_and_what_takes_too_long_are_spans_too() {
    shelf!(home, "trace_models");
    keep();
    let author = Author::create().name("Ada").await.unwrap();
    author.update().born(1815).apply().await.unwrap();
    let done = |name: &str| (name.to_owned(), None);
    assert_eq!(operations(), [done("INSERT"), done("UPDATE")]);

    let door = home.engine.acquire().await.unwrap();
    door.script("BEGIN; LOCK TABLE authors").await.unwrap();
    keep();
    let soon = std::time::Duration::from_millis(20);
    let late = Author::query().timeout(soon).all().await;
    late.unwrap_err();
    let late = ("SELECT".to_owned(), Some("timeout".to_owned()));
    assert_eq!(operations(), [late]);
    door.script("ROLLBACK").await.unwrap();
    door.release(true).await.unwrap();
    home.done().await;
}
