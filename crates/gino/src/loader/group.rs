//! Owns rows that belong together: one instance per distinct key, and whom it belongs to. Never
//! decodes a value: keys are compared as the bytes they came in.

use std::collections::HashMap;

use gino_core::error::Result;

use super::Loader;
use super::parts::Parts;
use crate::model::Model;
use crate::record::Record;

/// The instances of one loader of a tree, as long as rows come in.
#[derive(Debug)]
pub struct Group<C, S> {
    pub(super) items: Vec<C>,
    /// The place of each one's parent among the parent's instances.
    pub(super) owners: Vec<usize>,
    pub(super) parts: S,
    /// Owner and key, to the place of the instance.
    seen: HashMap<Box<[u8]>, usize>,
    /// The key of the row at hand.
    key: Vec<u8>,
}

impl<C, S: Default> Default for Group<C, S> {
    fn default() -> Self {
        Group {
            items: Vec::new(),
            owners: Vec::new(),
            parts: S::default(),
            seen: HashMap::new(),
            key: Vec::new(),
        }
    }
}

impl<C: Model, S> Group<C, S> {
    /// A row, whose columns at `at` are the loader's.
    pub(super) fn row<P>(
        &mut self,
        loader: &Loader<C, P>,
        owner: usize,
        record: &Record<'_>,
        at: usize,
    ) -> Result<()>
    where
        P: Parts<C, State = S>,
    {
        let place = match loader.keys() {
            [] => None,
            keys => {
                self.key.clear();
                self.key.extend_from_slice(&owner.to_ne_bytes());
                for key in keys {
                    match record.raw(at.saturating_add(*key)) {
                        // Longer than any value that a row can have.
                        None => self.key.extend_from_slice(&usize::MAX.to_ne_bytes()),
                        Some(raw) => {
                            self.key.extend_from_slice(&raw.len().to_ne_bytes());
                            self.key.extend_from_slice(raw);
                        }
                    }
                }
                self.seen.get(self.key.as_slice()).copied()
            }
        };
        let place = match place {
            Some(place) => place,
            None => {
                let place = self.items.len();
                self.items.push(C::from_record(record, at)?);
                self.owners.push(owner);
                if !loader.keys().is_empty() {
                    self.seen.insert(self.key.as_slice().into(), place);
                }
                place
            }
        };
        let next = at.saturating_add(C::TABLE.columns.len());
        match self.items.get_mut(place) {
            Some(item) => loader.parts.row(&mut self.parts, item, place, record, next),
            None => Ok(()),
        }
    }

    /// All instances with their places among the parents, complete.
    pub(super) fn take<P>(&mut self, loader: &Loader<C, P>) -> impl Iterator<Item = (usize, C)>
    where
        P: Parts<C, State = S>,
    {
        loader.parts.finish(&mut self.parts, &mut self.items);
        self.seen.clear();
        let owners = std::mem::take(&mut self.owners);
        owners.into_iter().zip(std::mem::take(&mut self.items))
    }
}
