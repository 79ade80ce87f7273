//! Owns the public class Config: core's configuration, read-only, and the files that it may name.

use std::collections::HashMap;
use std::sync::Arc;

use gino_core::config::{Config as Core, Surroundings, TextFile};
use pyo3::prelude::*;
use pyo3::types::PyFrozenSet;

use crate::driver::Context;
use crate::errors;

/// Where and how to connect.
#[pyclass(frozen, module = "gino._core")]
pub(crate) struct Config {
    pub(crate) core: Arc<Core>,
    /// The application's own `ssl.SSLContext`.
    pub(crate) context: Context,
}

#[pymethods]
impl Config {
    #[new]
    #[pyo3(signature = (dsn, settings, environ, context = None))]
    fn new(
        py: Python<'_>,
        dsn: Option<&str>,
        settings: HashMap<String, String>,
        environ: HashMap<String, String>,
        context: Option<Py<PyAny>>,
    ) -> PyResult<Config> {
        let given = settings
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        let world = World(environ);
        let mut core = Core::new(dsn, given, &world).map_err(|error| errors::raise(py, error))?;
        core.read_passfile(&world);
        Ok(Config {
            core: Arc::new(core),
            context: context.map(Arc::new),
        })
    }

    /// The names of all settings.
    #[classattr]
    #[pyo3(name = "KEYWORDS")]
    fn keywords(py: Python<'_>) -> PyResult<Bound<'_, PyFrozenSet>> {
        PyFrozenSet::new(py, Core::keywords())
    }

    fn get(&self, key: &str) -> Option<String> {
        self.core.get(key)
    }

    #[getter]
    fn endpoints(&self) -> Vec<String> {
        self.core
            .endpoints
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[getter]
    fn dsn_without_password(&self) -> String {
        self.core.dsn_without_password()
    }

    fn __repr__(&self) -> String {
        format!("Config({})", self.core.dsn_without_password())
    }
}

/// The environment that was handed in, and the system's files.
struct World(HashMap<String, String>);

impl Surroundings for World {
    fn variable(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn file(&self, path: &str) -> std::io::Result<TextFile> {
        let text = std::fs::read_to_string(path)?;
        #[cfg(unix)]
        let is_private = {
            use std::os::unix::fs::PermissionsExt;
            std::fs::metadata(path)?.permissions().mode() & 0o077 == 0
        };
        #[cfg(not(unix))]
        let is_private = true;
        Ok(TextFile { text, is_private })
    }
}
