//! Owns the values of types that the catalog describes: they are what they are made of.
//! Never asks the server. The Rust face shows such values as text by it.

use super::super::catalog::{Shape, Type};
use super::super::{
    Array, Coded, Composite, Format, Kind, MAX_DEPTH, Multirange, Oid, Range, text,
};
use super::Value;

impl Type {
    /// Reads a value of the type, in the type's format.
    ///
    /// # Errors
    /// If the bytes are no such value.
    pub fn value(&self, bytes: &[u8]) -> Coded<Value> {
        self.value_at(bytes, 0)
    }

    fn value_at(&self, bytes: &[u8], depth: usize) -> Coded<Value> {
        if depth > MAX_DEPTH {
            return Err("the value is nested too deeply");
        }
        let nullable = |of: &Type, bytes: Option<&[u8]>| match bytes {
            Some(bytes) => of.value_at(bytes, depth + 1),
            None => Ok(Value::Null),
        };
        let range = |bound: &Type, range: Range<&[u8]>| {
            range.try_map(|bytes| bound.value_at(bytes, depth + 1))
        };
        let array = |element: &Type, bytes| -> Coded<Value> {
            let array = Array::frame(bytes)?;
            let elements = array.elements().map(|value| nullable(element, value?));
            Ok(Value::Array {
                element: array.element(),
                dimensions: array.dimensions().to_vec(),
                elements: elements.collect::<Coded<_>>()?,
            })
        };
        Ok(match &self.shape {
            _ if self.format() == Format::Text => Value::Text(text::decode(bytes)?.to_owned()),
            Shape::Plain(kind) => Value::decode(*kind, self.oid, bytes)?,
            Shape::Enum(_) => Value::Text(text::decode(bytes)?.to_owned()),
            Shape::Domain(base) => base.value_at(bytes, depth + 1)?,
            Shape::Custom(custom) => custom.base.value_at(bytes, depth + 1)?,
            Shape::Array(element) => array(element, bytes)?,
            Shape::Range(bound) => Value::Range(Box::new(range(bound, Range::decode(bytes)?)?)),
            Shape::Multirange(bound) => {
                let ranges = Multirange::decode(bytes)?.map(|bytes| range(bound, bytes?));
                Value::Multirange(ranges.collect::<Coded<_>>()?)
            }
            Shape::Composite(fields) => {
                let parts = Composite::decode(bytes)?;
                if parts.len() != fields.len() {
                    return Err("the type has another number of fields now");
                }
                let parts = parts.zip(&**fields).map(|(part, field)| {
                    let (oid, value) = part?;
                    Ok((oid, nullable(&field.of, value)?))
                });
                Value::Record(parts.collect::<Coded<_>>()?)
            }
            Shape::Record(types) => {
                let parts = Composite::decode(bytes)?.map(|part| {
                    let (oid, value) = part?;
                    let value = match (oid, value) {
                        (_, None) => Value::Null,
                        (RECORD, Some(bytes)) => self.value_at(bytes, depth + 1)?,
                        (RECORD_ARRAY, Some(bytes)) => array(self, bytes)?,
                        (_, Some(bytes)) => match types.get(&oid) {
                            Some(of) => of.value_at(bytes, depth + 1)?,
                            None => Value::decode(Kind::of(oid), oid, bytes)?,
                        },
                    };
                    Ok((oid, value))
                });
                Value::Record(parts.collect::<Coded<_>>()?)
            }
        })
    }
}

const RECORD: Oid = 2249;
const RECORD_ARRAY: Oid = 2287;
