//! Owns rows that belong together: one instance per distinct key, and whom it belongs to. Never
//! decodes a value: keys are compared as the bytes they came in.

use std::hash::BuildHasher;
use std::ops::Range;

use gino_core::error::Result;
use hashbrown::{DefaultHashBuilder, HashTable};

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
    seen: HashTable<Seen>,
    /// Owner and key of all instances, one after the other: none has a box of its own.
    keys: Vec<u8>,
    hasher: DefaultHashBuilder,
}

/// An instance that is there already.
#[derive(Debug)]
struct Seen {
    hash: u64,
    /// Its owner and key among all of them.
    key: Range<usize>,
    place: usize,
}

impl<C, S: Default> Default for Group<C, S> {
    fn default() -> Self {
        Group {
            items: Vec::new(),
            owners: Vec::new(),
            parts: S::default(),
            seen: HashTable::new(),
            keys: Vec::new(),
            hasher: DefaultHashBuilder::default(),
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
        let place = self.place(loader.keys(), owner, record, at);
        if place == self.items.len() {
            self.items.push(C::from_record(record, at)?);
            self.owners.push(owner);
        }
        let next = at.saturating_add(C::TABLE.columns.len());
        match self.items.get_mut(place) {
            Some(item) => loader.parts.row(&mut self.parts, item, place, record, next),
            None => Ok(()),
        }
    }

    /// The place of the instance that a row is of, which is behind all others if it is new.
    fn place(&mut self, keys: &[usize], owner: usize, record: &Record<'_>, at: usize) -> usize {
        let place = self.items.len();
        if keys.is_empty() {
            return place;
        }
        let start = self.keys.len();
        self.keys.extend_from_slice(&owner.to_ne_bytes());
        for key in keys {
            let raw = record.raw(at.saturating_add(*key));
            // NULL is longer than any value that a row can have.
            let length = raw.map_or(usize::MAX, <[u8]>::len);
            self.keys.extend_from_slice(&length.to_ne_bytes());
            self.keys.extend_from_slice(raw.unwrap_or_default());
        }
        let key = start..self.keys.len();
        let all = &self.keys;
        let hash = self.hasher.hash_one(all.get(key.clone()));
        let same = |seen: &Seen| all.get(seen.key.clone()) == all.get(key.clone());
        if let Some(seen) = self.seen.find(hash, same) {
            self.keys.truncate(start);
            return seen.place;
        }
        let seen = Seen { hash, key, place };
        self.seen.insert_unique(hash, seen, |seen| seen.hash);
        place
    }

    /// All instances with their places among the parents, complete.
    pub(super) fn take<P>(&mut self, loader: &Loader<C, P>) -> impl Iterator<Item = (usize, C)>
    where
        P: Parts<C, State = S>,
    {
        loader.parts.finish(&mut self.parts, &mut self.items);
        self.seen.clear();
        self.keys.clear();
        let owners = std::mem::take(&mut self.owners);
        owners.into_iter().zip(std::mem::take(&mut self.items))
    }
}
