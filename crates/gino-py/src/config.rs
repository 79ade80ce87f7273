//! Owns the public class Config: core's configuration, read-only.

use std::collections::HashMap;
use std::sync::Arc;

use gino_core::config::Config as Core;
use pyo3::prelude::*;

use crate::errors;

/// Where and how to connect.
#[pyclass(frozen, module = "gino._core")]
pub(crate) struct Config {
    pub(crate) core: Arc<Core>,
}

#[pymethods]
impl Config {
    #[new]
    #[pyo3(signature = (dsn, settings, environ))]
    fn new(
        py: Python<'_>,
        dsn: Option<&str>,
        settings: HashMap<String, String>,
        environ: HashMap<String, String>,
    ) -> PyResult<Config> {
        let given = settings
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        match Core::new(dsn, given, &|name| environ.get(name).cloned()) {
            Ok(core) => Ok(Config {
                core: Arc::new(core),
            }),
            Err(error) => Err(errors::raise(py, error)),
        }
    }

    #[getter]
    fn dsn_without_password(&self) -> String {
        self.core.dsn_without_password()
    }

    fn __repr__(&self) -> String {
        format!("Config({})", self.core.dsn_without_password())
    }
}
