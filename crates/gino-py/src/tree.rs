//! Owns the values of types that the catalog describes, on their way from the wire: enums, domains,
//! composites, ranges and arrays of those, and types with a codec of the application.
//! Never asks the server. `plan` makes decoders, `reader` calls them.

use std::collections::HashMap;
use std::sync::Arc;

use gino_core::codec::catalog::{Custom, Shape, Type};
use gino_core::codec::{Array, Composite, Format, Kind, Oid};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::custom::{self, Form, PyCodec};
use crate::decode::{self, NO_BINARY};
use crate::fault::{Fitted, Within};
use crate::layout::RowKeys;
use crate::raw::NewRow;
use crate::{array, span};

/// How the values of a type become Python objects.
pub(crate) enum Decoder {
    /// As those of a kind.
    Plain(Kind, Oid),
    /// A list; in text form with what tells elements apart.
    Array(Arc<Decoder>, Option<u8>),
    /// A `Range`.
    Range(Arc<Decoder>),
    /// A list of `Range`s.
    Multirange(Arc<Decoder>),
    /// A `Row`.
    Composite(Py<RowKeys>, Vec<(Oid, Arc<Decoder>)>),
    /// A tuple.
    Record(Arc<HashMap<Oid, Arc<Type>>>),
    /// What a codec makes of it; the second is what there is without it.
    Custom(Arc<PyCodec>, Arc<Type>, Arc<Decoder>),
    /// As those of another type.
    Same(Arc<Decoder>),
}

impl Decoder {
    /// The decoder for a type: made once, however often the type is part of others.
    pub(crate) fn of(py: Python<'_>, of: &Type) -> PyResult<Arc<Decoder>> {
        of.made(|| Decoder::new(py, of))
    }

    fn new(py: Python<'_>, of: &Type) -> PyResult<Decoder> {
        Ok(match &of.shape {
            Shape::Plain(kind) => Decoder::Plain(*kind, of.oid),
            Shape::Enum(_) => Decoder::Plain(Kind::Text, of.oid),
            Shape::Domain(base) => Decoder::Same(Decoder::of(py, base)?),
            Shape::Array(element) => {
                let delimiter = match of.format() {
                    Format::Text => Some(element.delimiter),
                    Format::Binary => None,
                };
                Decoder::Array(Decoder::of(py, element)?, delimiter)
            }
            Shape::Range(bound) => Decoder::Range(Decoder::of(py, bound)?),
            Shape::Multirange(bound) => Decoder::Multirange(Decoder::of(py, bound)?),
            Shape::Composite(fields) => {
                let names = fields.iter().map(|field| PyString::intern(py, &field.name));
                let names = PyTuple::new(py, names.collect::<Vec<_>>())?;
                let keys = Py::new(py, RowKeys::named(&names, None)?)?;
                let fields = fields.iter();
                let fields = fields.map(|field| Ok((field.of.oid, Decoder::of(py, &field.of)?)));
                Decoder::Composite(keys, fields.collect::<PyResult<_>>()?)
            }
            Shape::Record(types) => Decoder::Record(Arc::clone(types)),
            Shape::Custom(Custom { base, codec, .. }) => {
                let inner = Decoder::of(py, base)?;
                match Arc::clone(codec).downcast::<PyCodec>() {
                    Ok(codec) => match &*codec {
                        PyCodec::Alias(kind, oid) => Decoder::Plain(*kind, *oid),
                        PyCodec::Functions { .. } => {
                            Decoder::Custom(codec, Arc::clone(base), inner)
                        }
                    },
                    Err(_) => Decoder::Same(inner),
                }
            }
        })
    }

    /// The object for the `bytes` of a value in the form `format`.
    pub(crate) fn decode<'py>(
        &self,
        py: Python<'py>,
        format: Format,
        bytes: &[u8],
    ) -> Fitted<Bound<'py, PyAny>> {
        match self {
            Decoder::Same(decoder) => decoder.decode(py, format, bytes),
            Decoder::Plain(kind, oid) => match (format, kind.format()) {
                (Format::Binary, Format::Text) => Err(NO_BINARY.into()),
                (Format::Text, Format::Binary) => custom::string(py, bytes),
                _ => decode::decode(py, *kind, *oid, bytes),
            },
            Decoder::Array(element, Some(delimiter)) => {
                let text = decode::string_of(py, bytes)?;
                array::of_text(py, text.to_str()?, *delimiter, &|text| {
                    element.decode(py, Format::Text, text.as_bytes())
                })
            }
            Decoder::Array(element, None) => {
                let array = Array::frame(bytes)?;
                array::nested(py, &array, &|bytes| element.decode(py, format, bytes))
            }
            Decoder::Range(bound) => {
                span::range(py, bytes, |bytes| bound.decode(py, format, bytes))
            }
            Decoder::Multirange(bound) => {
                span::multirange(py, bytes, |bytes| bound.decode(py, format, bytes))
            }
            Decoder::Composite(keys, fields) => {
                let mut row = NewRow::new(py, keys.bind(py).as_any(), fields.len())?;
                let name = |index: usize| {
                    let name = keys.get().names(py).get_item(index);
                    name.map_or_else(|_| String::new(), |name| format!(".{name}"))
                };
                for (index, field) in composite(bytes, fields)?.enumerate() {
                    let (bytes, decoder) = field?;
                    row.push(match bytes {
                        Some(bytes) => decoder.decode(py, format, bytes).within(|| name(index))?,
                        None => py.None().into_bound(py),
                    });
                }
                Ok(row.finish())
            }
            Decoder::Record(types) => decode::record(py, bytes, |oid, bytes| {
                let inner = || Decoder::Record(Arc::clone(types));
                match types.get(&oid) {
                    _ if oid == RECORD => inner().decode(py, format, bytes),
                    _ if oid == RECORD_ARRAY => {
                        Decoder::Array(Arc::new(inner()), None).decode(py, format, bytes)
                    }
                    Some(of) => Decoder::of(py, of)?.decode(py, format, bytes),
                    None if Kind::is_listed(oid) => {
                        Decoder::Plain(Kind::of(oid), oid).decode(py, format, bytes)
                    }
                    None => Err(format!("the type with OID {oid} is not known").into()),
                }
            }),
            Decoder::Custom(codec, base, inner) => {
                let PyCodec::Functions { decoder, form, .. } = &**codec else {
                    return inner.decode(py, format, bytes);
                };
                let given = match (form, format) {
                    (Form::Text, Format::Text) => custom::string(py, bytes)?,
                    (Form::Text, Format::Binary) => {
                        PyString::new(py, custom::text_in(base, bytes)?).into_any()
                    }
                    (Form::Binary, _) => custom::bytes(py, bytes),
                    (Form::Tuple, _) => inner.tuple(py, format, bytes)?,
                };
                Ok(decoder.bind(py).call1((given,))?)
            }
        }
    }

    /// What a codec over tuples gets.
    fn tuple<'py>(
        &self,
        py: Python<'py>,
        format: Format,
        bytes: &[u8],
    ) -> Fitted<Bound<'py, PyAny>> {
        match self {
            Decoder::Same(decoder) => decoder.tuple(py, format, bytes),
            Decoder::Plain(kind, _) => custom::tuple(py, *kind, bytes),
            Decoder::Composite(_, fields) => {
                let mut values = Vec::with_capacity(fields.len());
                for (index, field) in composite(bytes, fields)?.enumerate() {
                    let (bytes, decoder) = field?;
                    values.push(match bytes {
                        Some(bytes) => decoder
                            .decode(py, format, bytes)
                            .within(|| format!("[{index}]"))?,
                        None => py.None().into_bound(py),
                    });
                }
                Ok(PyTuple::new(py, values)?.into_any())
            }
            _ => Err("there is no tuple for values of this type".into()),
        }
    }

    /// What values become, for messages.
    pub(crate) fn host_type(&self) -> &'static str {
        match self {
            Decoder::Plain(kind, _) => decode::host_type(*kind),
            Decoder::Array(..) | Decoder::Multirange(_) => "list",
            Decoder::Range(_) => "Range",
            Decoder::Composite(..) => "Row",
            Decoder::Record(_) => "tuple",
            Decoder::Custom(..) => "object",
            Decoder::Same(decoder) => decoder.host_type(),
        }
    }
}

/// The bytes of a field, and its decoder.
type Part<'a, 'b> = Fitted<(Option<&'b [u8]>, &'a Decoder)>;

/// The fields of a composite value with their decoders.
fn composite<'a, 'b>(
    bytes: &'b [u8],
    fields: &'a [(Oid, Arc<Decoder>)],
) -> Fitted<impl Iterator<Item = Part<'a, 'b>>> {
    let parts = Composite::decode(bytes)?;
    if parts.len() != fields.len() {
        return Err("the type has another number of fields now".into());
    }
    Ok(parts.zip(fields).map(|(part, (known, decoder))| {
        let (oid, bytes) = part?;
        if oid != *known {
            return Err("the type has fields of other types now".into());
        }
        Ok((bytes, &**decoder))
    }))
}

const RECORD: Oid = 2249;
const RECORD_ARRAY: Oid = 2287;
