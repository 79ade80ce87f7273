//! The native half of GINO's Python face: the module `gino._core`.
//!
//! Links no runtime: rows, plans and the driver run in the event loop's own thread.
//! The order of the modules is the dependency order: each may use only those above it.

mod raw;
mod origin;
mod driver;
mod errors;
mod fault;
mod python;
mod layout;
mod values;
mod row;
mod program;
mod array;
mod decimal;
mod extension;
mod geometry;
mod network;
mod span;
mod decode;
mod moment;
mod document;
mod encode;
mod custom;
mod tree;
mod graft;
mod plan;
mod params;
mod reader;
mod host;
mod sink;
mod query;
mod config;
mod transaction;
mod observe;
mod pools;
mod handle;
mod hook;
mod cursor;
mod outlet;
mod record;
mod copy;
mod connection;
mod engine;

use pyo3::prelude::*;

// The GIL guards the fields of models and rows: see `raw`.
#[pymodule(gil_used = true)]
mod _core {
    #[pymodule_export]
    use crate::layout::{Layout, RowKeys};
    #[pymodule_export]
    use crate::plan::Plan;
    #[pymodule_export]
    use crate::program::{Program, set_plain_init};

    #[pymodule_export]
    use crate::config::Config;
    #[pymodule_export]
    use crate::connection::Connection;
    #[pymodule_export]
    use crate::copy::{CopyIn, CopyOut};
    #[pymodule_export]
    use crate::cursor::Cursor;
    #[pymodule_export]
    use crate::document::json_text;
    #[pymodule_export]
    use crate::engine::Engine;
    #[pymodule_export]
    use crate::errors::set_exceptions;
    #[pymodule_export]
    use crate::handle::Handle;
    #[pymodule_export]
    use crate::observe::Observation;
    #[pymodule_export]
    use crate::transaction::Transaction;

    use crate::sink::Mode;
    use crate::{driver, raw, row, values};
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        for (number, (name, _)) in Mode::ALL.iter().enumerate() {
            module.add(*name, number)?;
        }
        driver::prepare(py)?;
        let abc = py.import("collections.abc")?;
        let row = raw::row_type::<row::Methods>(py)?;
        abc.getattr("Sequence")?.call_method1("register", (&row,))?;
        let values = py.get_type::<values::Values>();
        abc.getattr("MutableMapping")?
            .call_method1("register", (values,))?;
        module.add("Row", row)?;
        module.add("Instance", raw::instance_type::<values::Methods>(py)?)?;
        module.add("Attribute", raw::attribute_type(py)?)
    }
}
