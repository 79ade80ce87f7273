//! Owns the public class Connection: a contextual connection of a task.

use std::collections::HashMap;
use std::sync::Arc;

use gino_core::codec::catalog::{Customs, Type};
use gino_core::codec::{Kind, Oid};
use gino_core::engine::{self as core, Isolation, Seat, TransactionOptions, within};
use gino_core::error::UsageError;
use gino_core::session::{Outlet, Sql};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::copy::{CopyIn, CopyOut, Pace};
use crate::cursor::Cursor;
use crate::custom::{Form, PyCodec};
use crate::driver::{LoopRuntime, awaitable};
use crate::errors;
use crate::handle::Handle;
use crate::observe;
use crate::outlet::PyOutlet;
use crate::plan::Plan;
use crate::query::{Query, seconds};
use crate::transaction::Transaction;

/// One contextual connection. Subclassed by gino.engine.GinoConnection.
#[pyclass(frozen, subclass, module = "gino._core")]
pub(crate) struct Connection {
    handle: Py<Handle>,
}

#[pymethods]
impl Connection {
    #[new]
    #[pyo3(signature = (handle, *_args, **_kwargs))]
    fn new(
        handle: Py<Handle>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> Connection {
        Connection { handle }
    }

    #[getter]
    fn handle(&self, py: Python<'_>) -> Py<Handle> {
        self.handle.clone_ref(py)
    }

    #[pyo3(signature = (plan, args, mode, timeout = None, many = false, into = None))]
    #[expect(clippy::too_many_arguments, reason = "Python's keyword arguments")]
    fn run<'py>(
        &self,
        py: Python<'py>,
        plan: Bound<'py, Plan>,
        args: &Bound<'py, PyAny>,
        mode: usize,
        timeout: Option<f64>,
        many: bool,
        into: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let query = Query::new(plan, args, mode, timeout, many, into)?;
        let handle = self.handle.clone_ref(py);
        let future = async move {
            let limit = handle.get().limit(query.timeout)?;
            let seat = handle.get().seat(limit).await?;
            query.run(&seat, limit).await
        };
        awaitable(py, Box::pin(future))
    }

    #[pyo3(signature = (sql, timeout = None))]
    fn script<'py>(
        &self,
        py: Python<'py>,
        sql: String,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (handle, timeout) = (self.handle.clone_ref(py), seconds(timeout)?);
        let future = async move {
            let limit = handle.get().limit(timeout)?;
            let seat = handle.get().seat(limit).await?;
            let done = seat.script_within(limit, &sql, None).await;
            Python::attach(|py| {
                let done = done.map_err(|error| errors::raise(py, error))?;
                Ok(done.tag.into_pyobject(py)?.into_any().unbind())
            })
        };
        awaitable(py, Box::pin(future))
    }

    #[pyo3(signature = (plan, args, timeout = None))]
    fn cursor(
        &self,
        py: Python<'_>,
        plan: Bound<'_, Plan>,
        args: &Bound<'_, PyAny>,
        timeout: Option<f64>,
    ) -> PyResult<Cursor> {
        Cursor::new(self.handle.clone_ref(py), plan, args, seconds(timeout)?)
    }

    /// Makes sure that the connection is borrowed.
    #[pyo3(signature = (timeout = None))]
    fn borrow<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
        let (handle, timeout) = (self.handle.clone_ref(py), seconds(timeout)?);
        let future = async move {
            let limit = handle.get().borrowing(timeout)?;
            handle.get().seat(limit).await?;
            Ok(Python::attach(|py| py.None()))
        };
        awaitable(py, Box::pin(future))
    }

    #[pyo3(signature = (isolation = None, readonly = false, deferrable = false, timeout = None))]
    fn begin<'py>(
        &self,
        py: Python<'py>,
        isolation: Option<&str>,
        readonly: bool,
        deferrable: bool,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let isolation = isolation.map(parse_isolation).transpose()?;
        let options = TransactionOptions {
            isolation,
            readonly,
            deferrable,
        };
        let (handle, timeout) = (self.handle.clone_ref(py), seconds(timeout)?);
        let future = async move {
            let limit = handle.get().limit(timeout)?;
            let seat = handle.get().seat(limit).await?;
            let scope = handle.get().core.scope();
            let runtime = seat.runtime().clone();
            let begun = within(
                &runtime,
                limit,
                core::Transaction::begin(seat, options, None),
            )
            .await;
            Python::attach(|py| {
                let begun = begun.map_err(|error| errors::raise(py, error))?;
                let command_timeout = handle.get().command_timeout();
                Ok(Py::new(py, Transaction::new(begun, scope, command_timeout))?.into_any())
            })
        };
        awaitable(py, Box::pin(future))
    }

    /// Begins a COPY FROM STDIN.
    #[pyo3(signature = (sql, probe = None, timeout = None))]
    fn copy_in<'py>(
        &self,
        py: Python<'py>,
        sql: String,
        probe: Option<String>,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let pace = Pace::new(self.handle.clone_ref(py), seconds(timeout)?);
        awaitable(py, Box::pin(CopyIn::begin(pace, sql, probe)))
    }

    /// Begins a COPY TO STDOUT.
    #[pyo3(signature = (sql, timeout = None))]
    fn copy_out<'py>(
        &self,
        py: Python<'py>,
        sql: String,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let pace = Pace::new(self.handle.clone_ref(py), seconds(timeout)?);
        awaitable(py, Box::pin(CopyOut::begin(pace, sql)))
    }

    /// The types of a statement's parameters.
    fn parameter_types<'py>(&self, py: Python<'py>, sql: String) -> PyResult<Bound<'py, PyAny>> {
        let handle = self.handle.clone_ref(py);
        let future = async move {
            let seat = handle.get().seat(None).await?;
            let statement = seat.prepared(&Sql::from(sql)).await;
            Python::attach(|py| {
                let statement = statement.map_err(|error| errors::raise(py, error))?;
                Ok(PyList::new(py, statement.params.iter())?
                    .into_any()
                    .unbind())
            })
        };
        awaitable(py, Box::pin(future))
    }

    /// What is made of values of the type `oid` on this connection: functions over "text", "binary"
    /// or "tuple"; or what is made of those of another type, `alias`.
    #[pyo3(signature = (oid, encoder = None, decoder = None, format = "text", alias = None))]
    fn set_codec<'py>(
        &self,
        py: Python<'py>,
        oid: Oid,
        encoder: Option<Py<PyAny>>,
        decoder: Option<Py<PyAny>>,
        format: &str,
        alias: Option<(String, Oid)>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let codec = match (encoder, decoder, alias) {
            (Some(encoder), Some(decoder), _) => Some(PyCodec::Functions {
                encoder,
                decoder,
                form: Form::parse(format)?,
            }),
            (_, _, Some((name, oid))) => Some(PyCodec::Alias(alias_kind(&name, oid), oid)),
            _ => None,
        };
        let handle = self.handle.clone_ref(py);
        let future = async move {
            let seat = handle.get().seat(None).await?;
            let of = seat.describe(oid).await;
            Python::attach(|py| {
                let of = of.map_err(|error| errors::raise(py, error))?;
                set_codec(&seat, &of, codec).map(|()| py.None())
            })
        };
        awaitable(py, Box::pin(future))
    }

    /// Forgets what is known of the database's types.
    fn forget_types(&self) {
        if let Some(seat) = self.handle.get().core.current_seat() {
            seat.forget_types();
        }
    }

    /// Who is told what the server says by itself; None: nobody.
    fn listen(&self, py: Python<'_>, outlet: Option<Py<PyAny>>) -> PyResult<()> {
        let outlet = outlet.map(|callable| Arc::new(PyOutlet::new(callable)) as Arc<dyn Outlet>);
        let listening = match self.handle.get().core.current_seat() {
            Some(seat) => seat.listen(outlet),
            None => Err(UsageError::Released.into()),
        };
        listening
            .map(drop)
            .map_err(|error| errors::raise(py, error))
    }

    /// Gives the connection back; true if one went back to the pool.
    #[pyo3(signature = (permanent = true))]
    fn release<'py>(&self, py: Python<'py>, permanent: bool) -> PyResult<Bound<'py, PyAny>> {
        let handle = self.handle.clone_ref(py);
        let future = async move {
            if permanent && let Some(spot) = handle.get().take_spot() {
                spot.remove();
            }
            let released = handle.get().core.release(permanent).await;
            Python::attach(|py| {
                let released = released.map_err(|error| errors::raise(py, error))?;
                Ok(released.into_pyobject(py)?.to_owned().into_any().unbind())
            })
        };
        awaitable(py, Box::pin(future))
    }

    #[getter]
    fn is_borrowed(&self) -> bool {
        self.handle.get().core.current_seat().is_some()
    }

    /// A number that connections have in common while they share a borrowed one.
    #[getter]
    fn seat(&self) -> Option<usize> {
        let seat = self.handle.get().core.current_seat()?;
        Some(Arc::as_ptr(&seat).addr())
    }

    #[getter]
    fn is_reusing(&self) -> bool {
        self.handle.get().core.is_reusing()
    }

    #[getter]
    fn state(&self) -> &'static str {
        let seat = self.handle.get().core.current_seat();
        seat.map_or("none", |seat| observe::state(seat.status()))
    }

    fn reset_script(&self) -> Option<&'static str> {
        Some(self.handle.get().core.current_seat()?.reset_script())
    }

    fn parameter(&self, name: &str) -> Option<String> {
        self.handle.get().core.current_seat()?.parameter(name)
    }

    fn parameters(&self) -> HashMap<String, String> {
        let seat = self.handle.get().core.current_seat();
        seat.map_or_else(HashMap::new, |seat| seat.parameters().into_iter().collect())
    }

    #[getter]
    fn process(&self) -> Option<i32> {
        self.handle.get().core.current_seat()?.process()
    }

    /// Closes the borrowed connection at once.
    fn terminate(&self) {
        if let Some(seat) = self.handle.get().core.current_seat() {
            seat.close();
        }
    }
}

fn set_codec(seat: &Seat<LoopRuntime>, of: &Type, codec: Option<PyCodec>) -> PyResult<()> {
    let mut customs = Customs::clone(&seat.customs());
    match codec {
        None => drop(customs.remove(&of.oid)),
        Some(codec) => {
            codec.check(of)?;
            customs.insert(of.oid, (codec.format(), Arc::new(codec)));
        }
    }
    seat.set_customs(Arc::new(customs));
    Ok(())
}

/// An extension's type has no OID of its own.
fn alias_kind(name: &str, oid: Oid) -> Kind {
    match oid {
        0 => Kind::of_extension(name),
        oid => Kind::of(oid),
    }
}

fn parse_isolation(name: &str) -> PyResult<Isolation> {
    match name.to_ascii_lowercase().replace([' ', '-'], "_").as_str() {
        "read_uncommitted" => Ok(Isolation::ReadUncommitted),
        "read_committed" => Ok(Isolation::ReadCommitted),
        "repeatable_read" => Ok(Isolation::RepeatableRead),
        "serializable" => Ok(Isolation::Serializable),
        _ => Err(PyValueError::new_err(format!(
            "isolation={name:?}: one of read_uncommitted, read_committed, repeatable_read, serializable"
        ))),
    }
}
