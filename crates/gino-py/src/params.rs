//! Owns the values of a statement's parameters on their way to the wire: bind processors first,
//! when the object is made, then the codec of each parameter's type.
//! Never knows a connection. The driver half makes one per request.

use std::borrow::Cow;

use bytes::BytesMut;
use gino_core::codec::{Format, Kind, type_name};
use gino_core::error::Result;
use gino_core::session::{ParamType, Params, Written};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::encode;
use crate::fault::Fitted;
use crate::graft;
use crate::plan::Plan;

/// The values of one run of a plan, or of several runs at once.
pub(crate) struct PyParams {
    sets: Sets,
}

enum Sets {
    One(Py<PyTuple>),
    Many(Vec<Py<PyTuple>>),
}

impl PyParams {
    /// Takes `args`, a sequence of values or, if `many`, a sequence of such sequences, and runs the
    /// plan's bind processors on them.
    ///
    /// # Errors
    /// `TypeError` if `args` are no sequences, or what a processor raised.
    pub(crate) fn new(plan: &Plan, args: &Bound<'_, PyAny>, many: bool) -> PyResult<PyParams> {
        let sets = if many {
            let sets = args.try_iter()?.map(|args| processed(plan, &args?));
            Sets::Many(sets.collect::<PyResult<_>>()?)
        } else {
            Sets::One(processed(plan, args)?)
        };
        Ok(PyParams { sets })
    }

    /// Writes a value by `write`, which says in which format, unless it is None.
    #[inline]
    fn write(
        &self,
        set: usize,
        index: usize,
        sql_type: impl FnOnce() -> Cow<'static, str>,
        write: impl FnOnce(&Bound<'_, PyAny>) -> Fitted<Format>,
    ) -> Result<Written> {
        Python::attach(|py| {
            let Some(values) = self.set(set) else {
                return Ok(Written::Null);
            };
            let Ok(value) = values.bind(py).get_borrowed_item(index) else {
                return Ok(Written::Null);
            };
            if value.is_none() {
                return Ok(Written::Null);
            }
            match write(&value) {
                Ok(format) => Ok(Written::Value(format)),
                Err(fault) => {
                    let mut place = format!("parameter ${}", index + 1);
                    if matches!(self.sets, Sets::Many(_)) {
                        place.push_str(&format!(" of set {}", set + 1));
                    }
                    let name = value.get_type().name();
                    let host_type = name.map_or_else(|_| "object".into(), |name| name.to_string());
                    Err(fault.at(place, sql_type(), host_type.into()))
                }
            }
        })
    }

    fn set(&self, set: usize) -> Option<&Py<PyTuple>> {
        match &self.sets {
            Sets::One(one) => Some(one),
            Sets::Many(sets) => sets.get(set),
        }
    }
}

impl Params for PyParams {
    fn sets(&self) -> usize {
        match &self.sets {
            Sets::One(_) => 1,
            Sets::Many(sets) => sets.len(),
        }
    }

    fn len(&self, set: usize) -> usize {
        Python::attach(|py| self.set(set).map_or(0, |set| set.bind(py).len()))
    }

    fn encode(
        &self,
        set: usize,
        index: usize,
        of: ParamType<'_>,
        out: &mut BytesMut,
    ) -> Result<Written> {
        match of.learnt {
            Some(learnt) => {
                let name = || learnt.full_name.to_string().into();
                self.write(set, index, name, |value| {
                    let format = graft::format(learnt, value);
                    graft::encode(learnt, format, value, out)?;
                    Ok(format)
                })
            }
            None => {
                let kind = Kind::of(of.oid);
                let name = || type_name(of.oid);
                self.write(set, index, name, |value| {
                    let format = encode::format(kind, value);
                    match format {
                        Format::Binary => encode::encode(kind, of.oid, value, out)?,
                        Format::Text => encode::text_form(value, b',', out)?,
                    }
                    Ok(format)
                })
            }
        }
    }
}

fn processed(plan: &Plan, args: &Bound<'_, PyAny>) -> PyResult<Py<PyTuple>> {
    let py = args.py();
    let args = match args.cast::<PyTuple>() {
        Ok(args) => args.clone(),
        Err(_) => PyTuple::new(py, args.try_iter()?.collect::<PyResult<Vec<_>>>()?)?,
    };
    if !plan.has_binds() {
        return Ok(args.unbind());
    }
    let processed = args
        .iter()
        .enumerate()
        .map(|(index, value)| match plan.bind(index) {
            Some(processor) => processor.bind(py).call1((value,)),
            None => Ok(value),
        });
    Ok(PyTuple::new(py, processed.collect::<PyResult<Vec<_>>>()?)?.unbind())
}
