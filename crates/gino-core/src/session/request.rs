//! Owns what a session is asked for and where its rows go.

use std::any::Any;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use bytes::BytesMut;
use foldhash::fast::FixedState;

use super::CopyDoor;
use crate::codec::{Format, Oid, Type};
use crate::error::Result;
use crate::row::{Columns, RawRow};

/// The text of a statement with its hash, made once and shared.
#[derive(Clone, Debug)]
pub struct Sql {
    text: Arc<str>,
    hash: u64,
}

impl Sql {
    /// A statement's text.
    pub fn new(text: impl Into<Arc<str>>) -> Sql {
        let text = text.into();
        let hash = FixedState::default().hash_one(&*text);
        Sql { text, hash }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text, shared.
    pub fn to_text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }
}

impl From<&str> for Sql {
    fn from(text: &str) -> Sql {
        Sql::new(text)
    }
}

impl From<String> for Sql {
    fn from(text: String) -> Sql {
        Sql::new(text)
    }
}

impl From<&String> for Sql {
    fn from(text: &String) -> Sql {
        Sql::new(text.as_str())
    }
}

impl From<&Sql> for Sql {
    fn from(sql: &Sql) -> Sql {
        sql.clone()
    }
}

impl PartialEq for Sql {
    fn eq(&self, other: &Sql) -> bool {
        Arc::ptr_eq(&self.text, &other.text) || (self.hash == other.hash && self.text == other.text)
    }
}

impl Eq for Sql {}

impl Hash for Sql {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// A statement that a session has prepared.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Its name on the server; empty for the unnamed statement.
    pub name: Box<str>,
    /// Its text.
    pub sql: Sql,
    /// The types of its parameters, in order.
    pub params: Box<[Oid]>,
    /// The columns of its result; none if it returns no rows.
    pub columns: Arc<Columns>,
    /// Whether it leaves something behind that outlives a transaction.
    pub touches: bool,
    /// What is known of the types of its parameters and columns.
    pub known: Known,
}

/// What is known of a statement's types.
#[derive(Debug, Clone)]
pub enum Known {
    /// They are all the server's own.
    Own,
    /// Some may have to be asked for.
    Unasked,
    /// What the catalog said in `epoch`; of the columns each one knows.
    Learnt {
        /// See [`crate::codec::Catalog::epoch`].
        epoch: u64,
        /// The types of the parameters; None for the server's own.
        params: Box<[Option<Arc<Type>>]>,
    },
}

impl Statement {
    /// The types of its parameters, in order, with what had to be asked of them.
    pub fn param_types(&self) -> impl Iterator<Item = ParamType<'_>> {
        let learnt = match &self.known {
            Known::Learnt { params, .. } => &**params,
            _ => &[],
        };
        let learnt = learnt.iter().map(Option::as_deref);
        let learnt = learnt.chain(std::iter::repeat(None));
        let types = self.params.iter().zip(learnt);
        types.map(|(&oid, learnt)| ParamType { oid, learnt })
    }
}

/// What a session can be asked for. Each is answered by one completion.
pub enum Request<'a> {
    /// Prepare `sql`; the completion carries the statement.
    Prepare(&'a Sql),
    /// Run a prepared statement once per parameter set, all in one round trip and all or nothing.
    Execute {
        /// Prepared by the same session.
        statement: &'a Arc<Statement>,
        /// The values.
        params: &'a dyn Params,
        /// Stop after that many rows; 0 for all.
        max_rows: u32,
    },
    /// Run a script of one or more statements without parameters; values come in text form.
    Script(&'a str),
    /// Ask what types there are with these OIDs, or all that are not the server's own as well. The
    /// completion carries the answer.
    Types {
        /// The OIDs.
        oids: &'a [Oid],
        /// Whether to ask for all.
        all: bool,
    },
    /// Run a COPY FROM STDIN. Nobody else may submit until it is answered.
    CopyIn {
        /// The statement.
        sql: &'a str,
        /// Opened when the server takes data: see [`super::Session::feed`].
        door: &'a Arc<CopyDoor>,
    },
    /// Open a portal for a prepared statement and fetch its first rows.
    Open {
        /// The portal's name, unique in the transaction.
        portal: &'a str,
        /// Prepared by the same session.
        statement: &'a Arc<Statement>,
        /// The values, one set.
        params: &'a dyn Params,
        /// How many rows to fetch; 0 for all.
        max_rows: u32,
    },
    /// Fetch more rows of an open portal.
    Fetch {
        /// The portal's name.
        portal: &'a str,
        /// The statement it was opened for.
        statement: &'a Arc<Statement>,
        /// How many rows to fetch; 0 for all.
        max_rows: u32,
    },
    /// Close a portal.
    Close {
        /// The portal's name.
        portal: &'a str,
    },
}

/// The type that a parameter has to have.
#[derive(Clone, Copy)]
pub struct ParamType<'a> {
    /// Its number.
    pub oid: Oid,
    /// What the catalog knows of it, if it had to be asked.
    pub learnt: Option<&'a Type>,
}

/// What was written for a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is NULL.
    Null,
    /// A value in this format.
    Value(Format),
}

/// The values of a statement's parameters: one set, or several for an executemany.
pub trait Params: Sync {
    /// How many sets there are; 0 runs nothing.
    fn sets(&self) -> usize {
        1
    }

    /// How many values `set` has.
    fn len(&self, set: usize) -> usize;

    /// Whether `set` has no values.
    fn is_empty(&self, set: usize) -> bool {
        self.len(set) == 0
    }

    /// All values of `set` for parameters of these types, if they are written down already as a Bind
    /// has them: each with its length, in binary form.
    fn written(&self, _set: usize, _types: &[Oid]) -> Option<&[u8]> {
        None
    }

    /// Appends value `index` (from 0) of `set` to `out`, without a length, as a parameter of type `of`.
    ///
    /// # Errors
    /// A `CodecError` that names parameter and types, or the host's own error.
    fn encode(
        &self,
        set: usize,
        index: usize,
        of: ParamType<'_>,
        out: &mut BytesMut,
    ) -> Result<Written>;
}

/// No parameters.
pub struct NoParams;

impl Params for NoParams {
    fn len(&self, _set: usize) -> usize {
        0
    }

    fn encode(&self, _: usize, _: usize, _: ParamType<'_>, _: &mut BytesMut) -> Result<Written> {
        Ok(Written::Null)
    }
}

/// Where the rows of one request go, straight from the input buffer.
///
/// Called from the connection's input path with no lock held. After an error no more rows are
/// given, and the request completes with that error.
pub trait Sink: Send {
    /// The columns of the rows that follow. Called once per result set.
    fn begin(&mut self, columns: &Arc<Columns>) -> Result<()>;

    /// One row.
    fn row(&mut self, row: RawRow<'_>) -> Result<()>;

    /// Whether it takes the data of a COPY TO STDOUT; else such a request fails.
    fn takes_copy(&self) -> bool {
        false
    }

    /// Some of that data.
    fn copy(&mut self, _data: &[u8]) {}

    /// Asked when what was read is used up: whether reading has to wait for [`super::Session::resume`].
    fn is_full(&mut self) -> bool {
        false
    }

    /// Called after that: wake who waits for copied data.
    fn wake(&mut self) {}

    /// Back to the concrete type, after completion.
    fn into_any(self: Box<Self>) -> Box<dyn Any + Send>;
}
