//! Owns the native classes CopyIn and CopyOut: COPY data between Python and a connection.
//! Never opens a file or makes a statement: `gino.copying` does.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;
use gino_core::engine as core;
use gino_core::error::{Error, Result, UsageError};
use gino_core::row::Columns;
use gino_core::session::Sql;
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

use crate::driver::{LoopRuntime, awaitable};
use crate::errors;
use crate::handle::Handle;
use crate::record;

/// A COPY FROM STDIN that takes data.
#[pyclass(frozen, module = "gino._core")]
pub(crate) struct CopyIn(Arc<Incoming>);

struct Incoming {
    /// Taken out while data is sent: a write that is cancelled gives the copy up.
    copy: Mutex<Option<core::CopyIn<LoopRuntime>>>,
    /// The types of the columns, for records.
    types: Arc<Columns>,
    records: Mutex<usize>,
}

impl CopyIn {
    /// Begins it. `probe` selects the columns that records are for.
    pub(crate) async fn begin(
        handle: Py<Handle>,
        sql: String,
        probe: Option<String>,
    ) -> PyResult<Py<PyAny>> {
        let seat = handle.get().seat(None).await?;
        let begun = async {
            let types = match probe {
                Some(probe) => {
                    let statement = seat.prepared(&Sql::from(probe)).await?;
                    Arc::clone(&statement.columns)
                }
                None => Arc::from([]),
            };
            Ok::<_, Error>((seat.copy_in(&sql).await?, types))
        };
        let begun = begun.await;
        Python::attach(|py| {
            let (copy, types) = begun.map_err(|error| errors::raise(py, error))?;
            let incoming = Incoming {
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
            let sent: Result<()> = sent.await;
            Python::attach(|py| {
                sent.map_err(|error| errors::raise(py, error))?;
                Ok(py.None())
            })
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
            let done = done.await;
            Python::attach(|py| {
                let done = done.map_err(|error| errors::raise(py, error))?;
                Ok(done.tag.into_pyobject(py)?.into_any().unbind())
            })
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
    /// Taken out while data is awaited: a read that is cancelled gives the copy up.
    copy: Mutex<Option<core::CopyOut<LoopRuntime>>>,
    tag: Mutex<Option<Box<str>>>,
}

impl CopyOut {
    /// Begins it.
    pub(crate) async fn begin(handle: Py<Handle>, sql: String) -> PyResult<Py<PyAny>> {
        let seat = handle.get().seat(None).await?;
        let begun = seat.copy_out(&sql).await;
        Python::attach(|py| {
            let copy = begun.map_err(|error| errors::raise(py, error))?;
            let outgoing = Outgoing {
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
                Ok::<_, Error>(copied)
            };
            let copied = copied.await;
            Python::attach(|py| match copied {
                Ok(core::Copied::Data(data)) => Ok(PyBytes::new(py, &data).into_any().unbind()),
                Ok(core::Copied::End(done)) => {
                    *outgoing.tag.lock().unwrap_or_else(PoisonError::into_inner) = Some(done.tag);
                    Ok(py.None())
                }
                Err(error) => Err(errors::raise(py, error)),
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
