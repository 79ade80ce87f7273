//! Owns the native classes CopyIn and CopyOut: COPY data between Python and a connection.
//! Never opens a file or makes a statement: `gino.copying` does.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use gino_core::engine as core;
use gino_core::error::{Result, UsageError};
use gino_core::row::Columns;
use gino_core::session::Sql;
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::driver::{LoopRuntime, awaitable};
use crate::errors;
use crate::handle::Handle;
use crate::record;

/// How long each step of a COPY may take: a time-out of its own, else that of the scope or engine.
pub(crate) struct Pace {
    handle: Py<Handle>,
    timeout: Option<Duration>,
}

impl Pace {
    pub(crate) fn new(handle: Py<Handle>, timeout: Option<Duration>) -> Pace {
        Pace { handle, timeout }
    }

    async fn seat(&self) -> PyResult<Arc<core::Seat<LoopRuntime>>> {
        let handle = self.handle.get();
        handle.seat(handle.limit(self.timeout)?).await
    }

    async fn step<T>(&self, flow: impl Future<Output = Result<T>>) -> PyResult<T> {
        let (runtime, limit) = (
            self.handle.get().runtime()?,
            self.handle.get().limit(self.timeout)?,
        );
        let done = core::within(&runtime, limit, flow).await;
        done.map_err(|error| Python::attach(|py| errors::raise(py, error)))
    }
}

/// A COPY FROM STDIN that takes data.
#[pyclass(frozen, module = "gino._core")]
pub(crate) struct CopyIn(Arc<Incoming>);

struct Incoming {
    pace: Pace,
    /// Taken out while data is sent: a write that is cancelled gives the copy up.
    copy: Mutex<Option<core::CopyIn<LoopRuntime>>>,
    /// The types of the columns, for records.
    types: Arc<Columns>,
    records: Mutex<usize>,
}

impl CopyIn {
    /// Begins it. `probe` selects the columns that records are for.
    pub(crate) async fn begin(
        pace: Pace,
        sql: String,
        probe: Option<String>,
    ) -> PyResult<Py<PyAny>> {
        let seat = pace.seat().await?;
        let begun = async {
            let types = match probe {
                Some(probe) => {
                    let statement = seat.prepared(&Sql::from(probe)).await?;
                    Arc::clone(&statement.columns)
                }
                None => Arc::default(),
            };
            Result::Ok((seat.copy_in(&sql).await?, types))
        };
        let (copy, types) = pace.step(begun).await?;
        Python::attach(|py| {
            let incoming = Incoming {
                pace,
                copy: Mutex::new(Some(copy)),
                types,
                records: Mutex::new(0),
            };
            Ok(Py::new(py, CopyIn(Arc::new(incoming)))?.into_any())
        })
    }

    fn send<'py>(&self, py: Python<'py>, data: BytesMut) -> PyResult<Bound<'py, PyAny>> {
        let incoming = Arc::clone(&self.0);
        let future = async move {
            let sent = async {
                let mut copy = incoming.take()?;
                copy.write(&data).await?;
                *incoming.lock() = Some(copy);
                Ok(())
            };
            incoming.pace.step(sent).await?;
            Ok(Python::attach(|py| py.None()))
        };
        awaitable(py, Box::pin(future))
    }
}

impl Incoming {
    fn take(&self) -> Result<core::CopyIn<LoopRuntime>> {
        self.lock().take().ok_or_else(|| OVER.into())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<core::CopyIn<LoopRuntime>>> {
        self.copy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl CopyIn {
    /// Sends some of the data.
    fn write<'py>(&self, py: Python<'py>, data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let owned = match data.cast::<PyBytes>() {
            Ok(bytes) => BytesMut::from(bytes.as_bytes()),
            Err(_) => BytesMut::from(&*PyBuffer::<u8>::get(data)?.to_vec(py)?),
        };
        self.send(py, owned)
    }

    /// Sends records; the first call sends the header too.
    fn write_records<'py>(
        &self,
        py: Python<'py>,
        records: &Bound<'py, PyList>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut out = BytesMut::new();
        let begin = *self
            .0
            .records
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if begin == 0 {
            out.extend_from_slice(record::HEADER);
        }
        for (index, record) in records.iter().enumerate() {
            record::append(&record, begin + index, &self.0.types, &mut out)
                .map_err(|error| errors::raise(py, error))?;
        }
        *self
            .0
            .records
            .lock()
            .unwrap_or_else(PoisonError::into_inner) += records.len();
        self.send(py, out)
    }

    /// Ends the copy; the command tag. `records`: with the trailer of binary data.
    #[pyo3(signature = (records = false))]
    fn finish<'py>(&self, py: Python<'py>, records: bool) -> PyResult<Bound<'py, PyAny>> {
        let incoming = Arc::clone(&self.0);
        let future = async move {
            let done = async {
                let mut copy = incoming.take()?;
                if records {
                    copy.write(record::TRAILER).await?;
                }
                copy.finish().await
            };
            let done = incoming.pace.step(done).await?;
            Python::attach(|py| Ok(done.tag.into_pyobject(py)?.into_any().unbind()))
        };
        awaitable(py, Box::pin(future))
    }

    /// Gives the copy up, if it has not ended.
    fn abort(&self) {
        let copy = self.0.lock().take();
        drop(copy);
    }
}

/// A COPY TO STDOUT.
#[pyclass(frozen, module = "gino._core")]
pub(crate) struct CopyOut(Arc<Outgoing>);

struct Outgoing {
    pace: Pace,
    /// Taken out while data is awaited: a read that is cancelled gives the copy up.
    copy: Mutex<Option<core::CopyOut<LoopRuntime>>>,
    tag: Mutex<Option<Cow<'static, str>>>,
}

impl CopyOut {
    /// Begins it.
    pub(crate) async fn begin(pace: Pace, sql: String) -> PyResult<Py<PyAny>> {
        let seat = pace.seat().await?;
        let copy = pace.step(seat.copy_out(&sql)).await?;
        Python::attach(|py| {
            let outgoing = Outgoing {
                pace,
                copy: Mutex::new(Some(copy)),
                tag: Mutex::default(),
            };
            Ok(Py::new(py, CopyOut(Arc::new(outgoing)))?.into_any())
        })
    }
}

impl Outgoing {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<core::CopyOut<LoopRuntime>>> {
        self.copy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl CopyOut {
    /// The next of the data; None at the end.
    fn read<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let outgoing = Arc::clone(&self.0);
        let future = async move {
            let copied = async {
                let taken = outgoing.lock().take();
                let mut copy = taken.ok_or(OVER)?;
                let copied = copy.read().await?;
                if matches!(copied, core::Copied::Data(_)) {
                    *outgoing.lock() = Some(copy);
                }
                Result::Ok(copied)
            };
            let copied = outgoing.pace.step(copied).await?;
            Python::attach(|py| match copied {
                core::Copied::Data(data) => Ok(PyBytes::new(py, &data).into_any().unbind()),
                core::Copied::End(done) => {
                    *outgoing.tag.lock().unwrap_or_else(PoisonError::into_inner) = Some(done.tag);
                    Ok(py.None())
                }
            })
        };
        awaitable(py, Box::pin(future))
    }

    /// Gives the copy up, if it has not ended.
    fn abort(&self) {
        let copy = self.0.lock().take();
        drop(copy);
    }

    /// The command tag, at the end.
    #[getter]
    fn tag(&self) -> Option<String> {
        let tag = self.0.tag.lock().unwrap_or_else(PoisonError::into_inner);
        tag.as_deref().map(str::to_owned)
    }
}

const OVER: UsageError = UsageError::Statement("this COPY has ended, or is in use");
