//! Owns what goes into a request and what comes out of it, as plain text. Never sees a message.

use std::any::Any;
use std::sync::{Arc, Mutex};

use bytes::BytesMut;

use super::play::done;
use crate::codec::Kind;
use crate::error::{CodecError, Result};
use crate::row::{Cells, Columns, RawRow};
use crate::session::{ParamType, Params, Reply, Sink, Written};

/// The answer in one line: `tag[, more]: rows`.
pub(super) fn told(reply: Reply) -> String {
    let done = match done(reply) {
        Ok(done) => done,
        Err(error) => return format!("{:?}: {error}", error.kind()),
    };
    if let Some(stale) = done.rare.as_ref().and_then(|rare| rare.stale.as_ref()) {
        assert!(done.sink.is_none_or(|sink| sink.into_any().is::<Rows>()));
        return format!("stale: {stale}");
    }
    let more = if done.suspended { ", more" } else { "" };
    let rows = done.sink.map(|sink| sink.into_any().downcast::<Rows>());
    let rows = rows.map_or(String::new(), |rows| rows.unwrap().text);
    format!("{}{more}:{rows}", done.tag)
}

/// A sink that writes down what it is given, and checks every row as a face does.
#[derive(Default)]
pub(super) struct Rows {
    text: String,
    columns: Option<Arc<Columns>>,
    /// Shared with the test, for requests whose completion is never seen.
    pub(super) count: Arc<Mutex<usize>>,
}

impl Sink for Rows {
    fn begin(&mut self, columns: &Arc<Columns>) -> Result<()> {
        let names: Vec<_> = columns.iter().map(|column| &*column.name).collect();
        self.text += &format!(" <{}>", names.join(" "));
        self.columns = Some(Arc::clone(columns));
        Ok(())
    }

    fn row(&mut self, row: RawRow<'_>) -> Result<()> {
        let mut cells = Cells::default();
        let expected = self.columns.as_ref().expect("a row before its columns");
        cells.read(row, expected.len())?;
        *self.count.lock().unwrap() += 1;
        for index in 0..cells.len() {
            self.text += &match cells.get(row, index) {
                Some(value) => format!(" {}", value.escape_ascii()),
                None => " NULL".to_owned(),
            };
        }
        self.text.push(';');
        Ok(())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

/// Parameter sets of texts.
pub(super) struct Values(Vec<Vec<String>>);

impl Values {
    pub(super) fn new(values: &[&[&str]]) -> Values {
        let set = |set: &&[&str]| set.iter().map(|value| (*value).to_owned()).collect();
        Values(values.iter().map(set).collect())
    }
}

impl Params for Values {
    fn sets(&self) -> usize {
        self.0.len()
    }

    fn len(&self, set: usize) -> usize {
        self.0[set].len()
    }

    fn encode(
        &self,
        set: usize,
        index: usize,
        of: ParamType<'_>,
        out: &mut BytesMut,
    ) -> Result<Written> {
        if self.0[set][index] == "bad" {
            return Err(CodecError {
                place: format!("parameter ${}", index + 1),
                sql_type: of.oid.to_string().into(),
                host_type: "str".into(),
                reason: "bad".into(),
            }
            .into());
        }
        out.extend_from_slice(self.0[set][index].as_bytes());
        Ok(Written::Value(Kind::of(of.oid).format()))
    }
}
