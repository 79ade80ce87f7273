//! Owns what is known of one type: its names, what its values are made of, and what a host has made of
//! that. Never looks anything up. `Catalog` makes types, backends and faces read them.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::super::{Array, Composite, Format, Kind, Oid, type_name};
use super::Entry;

/// How the values of a type travel, down to the types that are in it.
pub struct Type {
    /// Its OID.
    pub oid: Oid,
    /// The schema it is in.
    pub schema: Box<str>,
    /// Its own name, without a schema.
    pub name: Box<str>,
    /// Its name as the server prints it, for messages.
    pub full_name: Box<str>,
    /// What tells its values apart in the text form of an array.
    pub delimiter: u8,
    /// What it is made of.
    pub shape: Shape,
    made: OnceLock<Arc<dyn Any + Send + Sync>>,
    /// In which epoch of the catalog it was learnt, and which there is now.
    epoch: Option<(u64, Arc<AtomicU64>)>,
}

/// What a type is made of.
#[derive(Clone)]
pub enum Shape {
    /// Values of one kind; [`Kind::Other`] is the text form.
    Plain(Kind),
    /// One of these labels.
    Enum(Box<[Box<str>]>),
    /// The values of another type, or some of them.
    Domain(Arc<Type>),
    /// An array of another type.
    Array(Arc<Type>),
    /// A range over another type.
    Range(Arc<Type>),
    /// A multirange over another type.
    Multirange(Arc<Type>),
    /// A composite type.
    Composite(Arc<[Field]>),
    /// `record`, whose fields may be of any of these types besides PostgreSQL's own.
    Record(Arc<HashMap<Oid, Arc<Type>>>),
    /// What the host reads and writes itself.
    Custom(Custom),
}

/// A field of a composite type.
#[derive(Clone)]
pub struct Field {
    /// Its name.
    pub name: Box<str>,
    /// Its type.
    pub of: Arc<Type>,
}

/// How a host reads and writes the values of a type itself.
#[derive(Clone)]
pub struct Custom {
    /// In which form it exchanges them with the server.
    pub format: Format,
    /// What the type is without it.
    pub base: Arc<Type>,
    /// What the host knows it by.
    pub codec: Arc<dyn Any + Send + Sync>,
}

/// The types that a connection's host reads and writes itself.
pub type Customs = HashMap<Oid, (Format, Arc<dyn Any + Send + Sync>)>;

impl Type {
    /// One of PostgreSQL's own, or one that is not known.
    pub fn plain(oid: Oid, kind: Kind) -> Type {
        Type::own(oid, Shape::Plain(kind))
    }

    pub(super) fn own(oid: Oid, shape: Shape) -> Type {
        let name: Box<str> = type_name(oid).into();
        Type {
            oid,
            schema: "pg_catalog".into(),
            full_name: name.clone(),
            name,
            delimiter: COMMA,
            shape,
            made: OnceLock::new(),
            epoch: None,
        }
    }

    pub(super) fn described(
        entry: &Entry,
        shape: Shape,
        (then, now): (u64, &Arc<AtomicU64>),
    ) -> Type {
        Type {
            oid: entry.oid,
            schema: entry.schema.clone(),
            name: entry.name.clone(),
            full_name: entry.full_name.clone(),
            delimiter: entry.delimiter,
            shape,
            made: OnceLock::new(),
            epoch: Some((then, Arc::clone(now))),
        }
    }

    pub(super) fn custom(custom: Custom) -> Type {
        let base = &custom.base;
        Type {
            oid: base.oid,
            schema: base.schema.clone(),
            name: base.name.clone(),
            full_name: base.full_name.clone(),
            delimiter: base.delimiter,
            epoch: base.epoch.clone(),
            shape: Shape::Custom(custom),
            made: OnceLock::new(),
        }
    }

    /// The type below all domains.
    pub fn base(&self) -> &Type {
        match &self.shape {
            Shape::Domain(base) => base.base(),
            _ => self,
        }
    }

    /// The format in which its values travel when they are not inside of another.
    pub fn format(&self) -> Format {
        match &self.shape {
            Shape::Plain(kind) => kind.format(),
            Shape::Domain(base) => base.format(),
            Shape::Array(element) if !element.fits_in_binary() => Format::Text,
            Shape::Custom(custom) => custom.format,
            _ => Format::Binary,
        }
    }

    /// Whether its values can be part of one in binary form.
    pub(super) fn fits_in_binary(&self) -> bool {
        match &self.shape {
            // Their binary forms are text, or text behind a version.
            Shape::Custom(custom) => {
                custom.format == Format::Binary
                    || matches!(
                        custom.base.base().shape,
                        Shape::Enum(_)
                            | Shape::Plain(Kind::Text | Kind::Json | Kind::Jsonb | Kind::Versioned)
                    )
            }
            Shape::Domain(base) => base.fits_in_binary(),
            _ => self.format() == Format::Binary,
        }
    }

    /// What a host makes of the type: `make` is called once, however many types it is part of.
    ///
    /// # Errors
    /// What `make` returns.
    pub fn made<T: Any + Send + Sync, E>(
        &self,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        if let Some(made) = self.made.get().cloned()
            && let Ok(made) = made.downcast()
        {
            return Ok(made);
        }
        let made = Arc::new(make()?);
        // Another thread may have been faster; one is as good as the other.
        let _ = self.made.set(Arc::clone(&made) as Arc<_>);
        Ok(made)
    }

    /// Has the catalog forget what it knows, if this is still of it: a value was not what it says, and
    /// the type may have changed. The server is asked again by the next statement with such types.
    pub fn doubt(&self) {
        if let Some((then, now)) = &self.epoch {
            // Once for each answer of the server, whatever others forget meanwhile.
            let forgotten = then.wrapping_add(1);
            let _ = now.compare_exchange(*then, forgotten, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// Whether values hold composites, which may have changed since the server was asked.
    pub fn may_change(&self) -> bool {
        match &self.shape {
            Shape::Composite(_) => true,
            Shape::Array(inner) | Shape::Domain(inner) => inner.may_change(),
            Shape::Custom(custom) => custom.base.may_change(),
            _ => false,
        }
    }

    /// Whether the composites in a value in binary form have the fields that are known. Bytes that are
    /// no value at all are left to who reads them.
    pub fn fits(&self, bytes: &[u8]) -> bool {
        match &self.shape {
            Shape::Composite(fields) => {
                let Ok(parts) = Composite::decode(bytes) else {
                    return true;
                };
                parts.len() == fields.len()
                    && parts.zip(&**fields).all(|(part, field)| match part {
                        Ok((oid, bytes)) => {
                            oid == field.of.oid && bytes.is_none_or(|bytes| field.of.fits(bytes))
                        }
                        Err(_) => true,
                    })
            }
            Shape::Array(inner) if inner.may_change() => {
                let Ok(array) = Array::frame(bytes) else {
                    return true;
                };
                array
                    .elements()
                    .all(|element| !matches!(element, Ok(Some(bytes)) if !inner.fits(bytes)))
            }
            Shape::Domain(base) => base.fits(bytes),
            Shape::Custom(custom) => custom.base.fits(bytes),
            _ => true,
        }
    }
}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full_name)
    }
}

impl PartialEq for Type {
    fn eq(&self, other: &Type) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Type {}

/// What tells the values of nearly all types apart in the text form of an array.
const COMMA: u8 = b',';
