//! Owns the geometric types between the wire and Python: the classes of `gino.types`, and whatever
//! has the same numbers in the same order. Never computes. `decode` and `encode` call it.

use bytes::BytesMut;
use gino_core::codec::{Circle, Kind, Line, Point, geometry};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::fault::Fitted;
use crate::python;

/// The object for a value of a geometric kind.
pub(crate) fn decode<'py>(py: Python<'py>, kind: Kind, bytes: &[u8]) -> Fitted<Bound<'py, PyAny>> {
    Ok(match kind {
        Kind::Point => point(py, Point::decode(bytes)?)?,
        Kind::Line => {
            let Line { a, b, c } = Line::decode(bytes)?;
            python::line(py)?.call1((a, b, c))?
        }
        Kind::Circle => {
            let Circle { center, radius } = Circle::decode(bytes)?;
            python::circle(py)?.call1((point(py, center)?, radius))?
        }
        Kind::Lseg | Kind::Box => {
            let class = match kind {
                Kind::Lseg => python::line_segment(py)?,
                _ => python::box_class(py)?,
            };
            let [first, second] = geometry::decode_pair(bytes)?;
            class.call1((point(py, first)?, point(py, second)?))?
        }
        Kind::Path => {
            let (closed, points) = geometry::decode_path(bytes)?;
            let points: PyResult<Vec<_>> = points.iter().map(|one| point(py, one)).collect();
            let named = pyo3::types::PyDict::new(py);
            named.set_item(intern!(py, "is_closed"), closed)?;
            python::path(py)?.call(PyTuple::new(py, points?)?, Some(&named))?
        }
        _ => {
            let points = geometry::decode_polygon(bytes)?;
            let points: PyResult<Vec<_>> = points.iter().map(|one| point(py, one)).collect();
            python::polygon(py)?.call1(PyTuple::new(py, points?)?)?
        }
    })
}

fn point(py: Python<'_>, Point { x, y }: Point) -> PyResult<Bound<'_, PyAny>> {
    python::point(py)?.call1((x, y))
}

/// Appends a value of a geometric kind.
pub(crate) fn encode(kind: Kind, value: &Bound<'_, PyAny>, out: &mut BytesMut) -> Fitted {
    match kind {
        Kind::Point => read(value, "a point of two numbers is required")?.encode(out),
        Kind::Line => {
            let [a, b, c] = exactly(value, "a line of three numbers is required")?;
            let (a, b, c) = (number(&a)?, number(&b)?, number(&c)?);
            Line { a, b, c }.encode(out)?;
        }
        Kind::Circle => {
            let reason = "a circle of a point and a number is required";
            let [center, radius] = exactly(value, reason)?;
            let (center, radius) = (read(&center, reason)?, number(&radius)?);
            Circle { center, radius }.encode(out)?;
        }
        Kind::Lseg | Kind::Box => {
            let reason = "two points are required";
            let [first, second] = exactly(value, reason)?;
            geometry::encode_pair([read(&first, reason)?, read(&second, reason)?], out);
        }
        Kind::Path => {
            let closed = match value.getattr_opt(intern!(value.py(), "is_closed"))? {
                Some(closed) => closed.is_truthy()?,
                // As asyncpg has it: a list is open, a tuple is closed.
                None => value.is_instance_of::<PyTuple>(),
            };
            geometry::encode_path(closed, points(value)?.into_iter(), out)?;
        }
        _ => geometry::encode_polygon(points(value)?.into_iter(), out)?,
    }
    Ok(())
}

fn points(value: &Bound<'_, PyAny>) -> Fitted<Vec<Point>> {
    let reason = "a sequence of points is required";
    let Ok(items) = value.try_iter() else {
        return Err(reason.into());
    };
    items.map(|item| read(&item?, reason)).collect()
}

fn read(value: &Bound<'_, PyAny>, reason: &'static str) -> Fitted<Point> {
    let [x, y] = exactly(value, reason)?;
    let (x, y) = (number(&x)?, number(&y)?);
    Ok(Point { x, y })
}

fn exactly<'py, const N: usize>(
    value: &Bound<'py, PyAny>,
    reason: &'static str,
) -> Fitted<[Bound<'py, PyAny>; N]> {
    let Ok(items) = value.try_iter() else {
        return Err(reason.into());
    };
    let items = items.take(N + 1).collect::<PyResult<Vec<_>>>()?;
    items.try_into().map_err(|_| reason.into())
}

fn number(value: &Bound<'_, PyAny>) -> Fitted<f64> {
    value.extract().map_err(|_| "a number is required".into())
}
