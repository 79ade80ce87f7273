//! Owns what is known of a database's types that are not PostgreSQL's own: enums, domains, composites,
//! ranges, arrays of those, and extensions' types, which are told by their names.
//! Never asks the server: the engine does, and puts the answers here. Backends and faces read it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Kind, Oid, element_of, subtype_of};

mod shape;

pub use shape::{Custom, Customs, Field, Shape, Type};

/// What the server's catalog says of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its OID.
    pub oid: Oid,
    /// The schema it is in.
    pub schema: Box<str>,
    /// Its own name, without a schema.
    pub name: Box<str>,
    /// Its name as the server prints it.
    pub full_name: Box<str>,
    /// What tells its values apart in the text form of an array.
    pub delimiter: u8,
    /// What it is made of.
    pub made_of: MadeOf,
}

/// What the server's catalog says a type is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MadeOf {
    /// A type of its own.
    Base,
    /// Labels, in order.
    Enum(Box<[Box<str>]>),
    /// A domain over a type.
    Domain(Oid),
    /// An array of a type.
    Array(Oid),
    /// A range over a type.
    Range(Oid),
    /// A multirange over a type.
    Multirange(Oid),
    /// Fields: names and types.
    Composite(Box<[(Box<str>, Oid)]>),
}

/// What somebody who wants to resolve types has to ask the server for.
#[derive(Debug, Default)]
pub struct Missing {
    /// These types.
    pub oids: Vec<Oid>,
    /// All types that are not PostgreSQL's own.
    pub all: bool,
}

impl Missing {
    /// Whether there is nothing to ask.
    pub fn is_empty(&self) -> bool {
        self.oids.is_empty() && !self.all
    }
}

/// The types of one database, as far as they are known.
#[derive(Debug)]
pub struct Catalog {
    learns: bool,
    epoch: Arc<AtomicU64>,
    plans: AtomicU64,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// What was learnt in another epoch is forgotten.
    epoch: u64,
    entries: HashMap<Oid, Entry>,
    all: bool,
}

impl Catalog {
    /// A catalog that knows nothing yet.
    pub fn new() -> Catalog {
        Catalog {
            learns: true,
            ..Catalog::closed()
        }
    }

    /// A catalog that never knows anything: all types but PostgreSQL's own travel as text.
    pub fn closed() -> Catalog {
        Catalog {
            learns: false,
            epoch: Arc::default(),
            plans: AtomicU64::new(0),
            known: Mutex::default(),
        }
    }

    /// Whether types are to be asked for.
    pub fn learns(&self) -> bool {
        self.learns
    }

    /// A number that changes whenever something is forgotten.
    #[inline]
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// A number that changes whenever prepared statements may give other results than before.
    #[inline]
    pub fn plans(&self) -> u64 {
        self.plans.load(Ordering::Acquire)
    }

    /// Prepared statements may give other results from now on. Returns the new number.
    pub fn outdate_plans(&self) -> u64 {
        self.plans.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Forgets everything: types have changed.
    pub fn forget(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// Keeps what the server said to a question asked in `epoch`; of no use if something was
    /// forgotten meanwhile.
    pub fn learn(&self, epoch: u64, entries: Vec<Entry>, all: bool) {
        let mut known = self.lock();
        if known.epoch == epoch {
            known.all |= all;
            let entries = entries.into_iter().map(|entry| (entry.oid, entry));
            known.entries.extend(entries);
        }
    }

    /// What is known of the type `oid`; None for PostgreSQL's own, which need no catalog. What has to
    /// be asked for first is added to `missing`; what is `absent` is taken for text.
    pub fn resolve(
        &self,
        oid: Oid,
        customs: &Customs,
        absent: &HashSet<Oid>,
        missing: &mut Missing,
    ) -> Option<Arc<Type>> {
        let known = self.lock();
        Resolving {
            epoch: &self.epoch,
            known: &known,
            customs,
            absent,
            missing,
            made: HashMap::new(),
        }
        .learnt(oid, 0)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let epoch = self.epoch();
        if known.epoch != epoch {
            *known = Known {
                epoch,
                ..Known::default()
            };
        }
        known
    }
}

impl Default for Catalog {
    fn default() -> Self {
        Catalog::new()
    }
}

/// Whether values of the type are read and written without asking the server for it.
pub fn is_own(oid: Oid) -> bool {
    Kind::is_listed(oid) && !matches!(oid, RECORD | RECORD_ARRAY)
}

struct Resolving<'a> {
    epoch: &'a Arc<AtomicU64>,
    known: &'a Known,
    customs: &'a Customs,
    absent: &'a HashSet<Oid>,
    missing: &'a mut Missing,
    /// What was made already; None is being made. However often a type is part of others, it is made
    /// once, and one that says it is part of itself is text there.
    made: HashMap<Oid, Option<Arc<Type>>>,
}

impl Resolving<'_> {
    fn any(&mut self, oid: Oid, depth: usize) -> Arc<Type> {
        self.learnt(oid, depth)
            .unwrap_or_else(|| Arc::new(Type::plain(oid, Kind::of(oid))))
    }

    /// None for PostgreSQL's own types, if the host leaves them alone.
    fn learnt(&mut self, oid: Oid, depth: usize) -> Option<Arc<Type>> {
        let base = self.base(oid, depth);
        let Some((format, codec)) = self.customs.get(&oid) else {
            return base;
        };
        let base = base.unwrap_or_else(|| Arc::new(Type::plain(oid, Kind::of(oid))));
        Some(Arc::new(Type::custom(Custom {
            format: *format,
            base,
            codec: Arc::clone(codec),
        })))
    }

    fn base(&mut self, oid: Oid, depth: usize) -> Option<Arc<Type>> {
        if depth > DEPTH || self.absent.contains(&oid) {
            return Some(Arc::new(Type::plain(oid, Kind::Other)));
        }
        if Kind::is_listed(oid) {
            return self.own(oid, depth);
        }
        let known = self.known;
        let Some(entry) = known.entries.get(&oid) else {
            self.missing.oids.push(oid);
            return Some(Arc::new(Type::plain(oid, Kind::Other)));
        };
        if let Some(made) = self.made.get(&oid) {
            let text = || Arc::new(Type::plain(oid, Kind::Other));
            return Some(made.clone().unwrap_or_else(text));
        }
        self.made.insert(oid, None);
        let shape = self.shape(entry, depth + 1);
        let made = Arc::new(Type::described(entry, shape, (known.epoch, self.epoch)));
        self.made.insert(oid, Some(Arc::clone(&made)));
        Some(made)
    }

    /// One of PostgreSQL's own: of interest if the host has a hand in what it is made of.
    fn own(&mut self, oid: Oid, depth: usize) -> Option<Arc<Type>> {
        let shape = if oid == RECORD {
            self.record(depth)?
        } else if let Some(element) = element_of(oid) {
            Shape::Array(self.learnt(element, depth + 1)?)
        } else {
            let bound = self.learnt(subtype_of(oid)?, depth + 1)?;
            over(bound, |bound| match Kind::of(oid) {
                Kind::Multirange => Shape::Multirange(bound),
                _ => Shape::Range(bound),
            })
        };
        Some(Arc::new(Type::own(oid, shape)))
    }

    fn record(&mut self, depth: usize) -> Option<Shape> {
        let known = self.known;
        if !known.all {
            self.missing.all = true;
            return None;
        }
        if depth > 1 {
            // Inside of another type: only what is PostgreSQL's own is understood.
            return Some(Shape::Record(Arc::default()));
        }
        let mut types = HashMap::with_capacity(known.entries.len());
        for &oid in known.entries.keys().chain(self.customs.keys()) {
            if let Some(learnt) = self.learnt(oid, depth + 1) {
                types.insert(oid, learnt);
            }
        }
        Some(Shape::Record(Arc::new(types)))
    }

    fn shape(&mut self, entry: &Entry, depth: usize) -> Shape {
        match &entry.made_of {
            MadeOf::Enum(labels) => Shape::Enum(labels.clone()),
            MadeOf::Base => Shape::Plain(Kind::of_extension(&entry.name)),
            MadeOf::Domain(base) => Shape::Domain(self.any(*base, depth)),
            MadeOf::Array(element) => Shape::Array(self.any(*element, depth)),
            MadeOf::Range(bound) => over(self.any(*bound, depth), Shape::Range),
            MadeOf::Multirange(bound) => over(self.any(*bound, depth), Shape::Multirange),
            MadeOf::Composite(fields) => {
                let fields: Arc<[Field]> = fields
                    .iter()
                    .map(|(name, oid)| Field {
                        name: name.clone(),
                        of: self.any(*oid, depth),
                    })
                    .collect();
                // Text in text: the server's own text for the whole value is left to the caller.
                if fields.iter().all(|field| field.of.fits_in_binary()) {
                    Shape::Composite(fields)
                } else {
                    Shape::Plain(Kind::Other)
                }
            }
        }
    }
}

/// A type around another, in binary form if that is possible.
fn over(inner: Arc<Type>, make: impl FnOnce(Arc<Type>) -> Shape) -> Shape {
    if inner.fits_in_binary() {
        make(inner)
    } else {
        Shape::Plain(Kind::Other)
    }
}

const RECORD: Oid = 2249;
const RECORD_ARRAY: Oid = 2287;

/// How deep types may be within each other; a server that says more is not followed.
const DEPTH: usize = 32;

#[cfg(test)]
mod tests;
