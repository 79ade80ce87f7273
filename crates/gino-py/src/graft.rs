//! Owns the values of types that the catalog describes, on their way to the wire.
//! Never asks the server. `params` and `record` call it.

use bytes::BytesMut;
use gino_core::codec::catalog::{Custom, Field, Shape, Type};
use gino_core::codec::{CompositeWriter, Format, Kind, literal, text};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString};

use crate::array::Nesting;
use crate::custom::{self, Form, PyCodec};
use crate::decode::NO_BINARY;
use crate::encode;
use crate::fault::{Fitted, Within};
use crate::{array, python, raw, span};

/// The format in which `value` goes as one of a type. A str stands for the text form of what has no
/// text of its own in Python.
pub(crate) fn format(of: &Type, value: &Bound<'_, PyAny>) -> Format {
    match &of.shape {
        Shape::Custom(_) => of.format(),
        Shape::Domain(base) => format(base, value),
        Shape::Plain(kind) => encode::format(*kind, value),
        Shape::Enum(_) => encode::format(Kind::Text, value),
        _ if value.is_instance_of::<PyString>() => Format::Text,
        _ => of.format(),
    }
}

/// Appends `value`, which is not None, in the form `format`.
pub(crate) fn encode(
    of: &Type,
    format: Format,
    value: &Bound<'_, PyAny>,
    out: &mut BytesMut,
) -> Fitted {
    let py = value.py();
    match &of.shape {
        Shape::Custom(Custom { base, codec, .. }) => {
            let Some(codec) = codec.downcast_ref::<PyCodec>() else {
                return encode(base, format, value, out);
            };
            match codec {
                PyCodec::Alias(kind, oid) => encode::encode(*kind, *oid, value, out),
                PyCodec::Functions { encoder, form, .. } => {
                    let given = encoder.bind(py).call1((value,))?;
                    match (form, format) {
                        (Form::Text, Format::Text) => {
                            Ok(text::encode(custom::given_text(given)?.to_str()?, out)?)
                        }
                        (Form::Text, Format::Binary) => {
                            custom::put_text(base, custom::given_text(given)?.to_str()?, out)
                        }
                        (Form::Binary, _) => custom::given_bytes(&given, out),
                        (Form::Tuple, _) => match &base.shape {
                            Shape::Plain(kind) => custom::put_tuple(*kind, &given, out),
                            _ => encode(base, Format::Binary, &given, out),
                        },
                    }
                }
            }
        }
        Shape::Domain(base) => encode(base, format, value, out),
        Shape::Plain(kind) => match (format, kind.format()) {
            (Format::Binary, Format::Text) => Err(NO_BINARY.into()),
            (Format::Text, _) => encode::text_form(value, b',', out),
            _ => encode::encode(*kind, of.oid, value, out),
        },
        // A member of an Enum stands for the label of its name.
        Shape::Enum(_) => match value.is_instance_of::<PyString>() {
            false if value.is_instance(python::enumeration(py)?)? => {
                encode::text_form(value, b',', out)
            }
            _ => encode::encode(Kind::Text, of.oid, value, out),
        },
        _ if format == Format::Text && value.is_instance_of::<PyString>() => {
            encode::text_form(value, b',', out)
        }
        Shape::Array(element) if format == Format::Text => {
            let mut literal = String::new();
            array_text(element, value, &mut literal)?;
            Ok(text::encode(&literal, out)?)
        }
        Shape::Array(element) => {
            let shape = (element.oid, 1, nesting(element));
            array::encode_nested(shape, value, out, &mut |value, out| {
                encode(element, Format::Binary, value, out)
            })
        }
        Shape::Range(bound) => span::encode_range(value, out, |value, out| {
            encode(bound, Format::Binary, value, out)
        }),
        Shape::Multirange(bound) => span::encode_multirange(value, out, |value, out| {
            encode(bound, Format::Binary, value, out)
        }),
        Shape::Composite(fields) => composite(fields, value, out),
        Shape::Record(_) => Err("a record cannot be a parameter: name its type".into()),
    }
}

fn nesting(of: &Type) -> Nesting {
    match &of.base().shape {
        Shape::Plain(kind) => Nesting::of(*kind),
        Shape::Enum(_) => Nesting::of(Kind::Text),
        Shape::Array(_) => Nesting::Sequences,
        Shape::Multirange(_) => Nesting::Nothing,
        _ => Nesting::Lists,
    }
}

/// A sequence with all fields, or a mapping with some: the others are NULL.
fn composite(fields: &[Field], value: &Bound<'_, PyAny>, out: &mut BytesMut) -> Fitted {
    let py = value.py();
    let values: Vec<Bound<'_, PyAny>> = if value.is_instance_of::<PyDict>() {
        let mapping = value.cast::<PyMapping>().map_err(PyErr::from)?;
        let known = |name: &str| fields.iter().any(|field| &*field.name == name);
        for key in mapping.keys()?.iter() {
            if !known(&key.str()?.to_string()) {
                return Err(format!("the type has no field {}", key.repr()?).into());
            }
        }
        let fields = fields
            .iter()
            .map(|field| match mapping.get_item(&*field.name) {
                Ok(value) => Ok(value),
                Err(error) if error.is_instance_of::<pyo3::exceptions::PyKeyError>(py) => {
                    Ok(py.None().into_bound(py))
                }
                Err(error) => Err(error),
            });
        fields.collect::<PyResult<_>>()?
    } else {
        let is_row = raw::is_row(value) || value.hasattr(intern!(py, "_fields"))?;
        let is_text = value.is_instance_of::<PyString>();
        match value.try_iter() {
            Ok(values) if !is_text || is_row => values.collect::<PyResult<_>>()?,
            _ => return Err("a tuple or dict of the fields is required".into()),
        }
    };
    if values.len() != fields.len() {
        let reason = format!("{} values for {} fields", values.len(), fields.len());
        return Err(reason.into());
    }
    let mut writer = CompositeWriter::begin(fields.len(), out)?;
    for (field, value) in fields.iter().zip(&values) {
        if value.is_none() {
            writer.null(field.of.oid)?;
            continue;
        }
        writer
            .field(field.of.oid, |out| {
                encode(&field.of, Format::Binary, value, out)
            })
            .within(|| format!(".{}", field.name))?;
    }
    Ok(writer.finish()?)
}

/// An array in text form, its elements as they say.
fn array_text(element: &Type, value: &Bound<'_, PyAny>, literal: &mut String) -> Fitted {
    let items = array::items(value).ok_or("a list or tuple is required")?;
    literal.push('{');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            literal.push(char::from(element.delimiter));
        }
        if item.is_none() {
            literal.push_str("NULL");
        } else if nesting(element).items(&item).is_some() {
            array_text(element, &item, literal).within(|| format!("[{index}]"))?;
        } else {
            let mut bytes = BytesMut::new();
            encode(element, Format::Text, &item, &mut bytes).within(|| format!("[{index}]"))?;
            literal::quote(text::decode(&bytes)?, literal);
        }
    }
    literal.push('}');
    Ok(())
}
