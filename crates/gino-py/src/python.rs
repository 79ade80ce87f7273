//! Owns the handles on Python's standard library: looked up once, kept for good.
//! Never knows SQL. Decoders and encoders call it.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDelta, PyType};

use crate::fault::Fitted;
use crate::raw;

macro_rules! kept {
    ($($(#[$doc:meta])* $name:ident = $module:literal . $attribute:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// If it cannot be imported.
        #[inline]
        pub(crate) fn $name(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
            static KEPT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
            let kept = KEPT.get_or_try_init(py, || {
                PyResult::Ok(py.import($module)?.getattr($attribute)?.unbind())
            })?;
            Ok(kept.bind(py))
        }
    )*};
}

kept! {
    /// `decimal.Decimal`.
    decimal = "decimal"."Decimal";
    /// `json.loads`.
    json_loads = "json"."loads";
    /// `json.dumps`.
    json_dumps = "json"."dumps";
    /// `uuid.UUID`.
    uuid_class = "uuid"."UUID";
    /// `uuid.SafeUUID.unknown`.
    uuid_safety = "uuid"."SafeUUID";
    /// `types.FunctionType`.
    function = "types"."FunctionType";
    /// `datetime.timezone`.
    timezone = "datetime"."timezone";
    /// `ipaddress.IPv4Address`.
    ipv4_address = "ipaddress"."IPv4Address";
    /// `ipaddress.IPv6Address`.
    ipv6_address = "ipaddress"."IPv6Address";
    /// `ipaddress.IPv4Interface`.
    ipv4_interface = "ipaddress"."IPv4Interface";
    /// `ipaddress.IPv6Interface`.
    ipv6_interface = "ipaddress"."IPv6Interface";
    /// `ipaddress.IPv4Network`.
    ipv4_network = "ipaddress"."IPv4Network";
    /// `ipaddress.IPv6Network`.
    ipv6_network = "ipaddress"."IPv6Network";
    /// What makes a `gino.types.Range`.
    range = "gino.types"."_range";
    /// `gino.types.BitString`.
    bit_string = "gino.types"."BitString";
    /// `gino.types.Point`.
    point = "gino.types"."Point";
    /// `gino.types.Line`.
    line = "gino.types"."Line";
    /// `gino.types.LineSegment`.
    line_segment = "gino.types"."LineSegment";
    /// `gino.types.Box`.
    box_class = "gino.types"."Box";
    /// `gino.types.Path`.
    path = "gino.types"."Path";
    /// `gino.types.Polygon`.
    polygon = "gino.types"."Polygon";
    /// `gino.types.Circle`.
    circle = "gino.types"."Circle";
    /// `enum.Enum`.
    enumeration = "enum"."Enum";
}

/// The `UUID` of 16 bytes, without running its `__init__`, which is all checks.
pub(crate) fn uuid(py: Python<'_>, bytes: [u8; 16]) -> Fitted<Bound<'_, PyAny>> {
    static SAFETY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let safety = SAFETY.get_or_try_init(py, || {
        PyResult::Ok(uuid_safety(py)?.getattr("unknown")?.unbind())
    })?;
    let class = uuid_class(py)?.cast::<PyType>().map_err(PyErr::from)?;
    let Ok(number) = u128::from_be_bytes(bytes).into_pyobject(py);
    let made = raw::bare(
        class,
        &[
            (intern!(py, "int"), number.as_any()),
            (intern!(py, "is_safe"), safety.bind(py)),
        ],
    )?;
    Ok(made)
}

/// `timedelta.max` or `timedelta.min`.
pub(crate) fn timedelta_end<'py>(py: Python<'py>, end: &str) -> PyResult<Bound<'py, PyAny>> {
    py.get_type::<PyDelta>().getattr(end)
}
