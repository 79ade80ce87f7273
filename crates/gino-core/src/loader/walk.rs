//! Owns the state of one query and the walk of a plan over each of its rows.
//! Allocates for a key that is new, never for a row.

use std::collections::HashMap;

use super::plan::{Distinct, Model, Node, Plan};
use super::{Host, Shape, View};
use crate::error::Result;
use crate::row::{Cells, RawRow};

/// The state of one query: who is known already. Made by [`Plan::begin`].
#[derive(Debug)]
pub struct Walk<O> {
    /// One map per distinct node, from the wire form of its key.
    identities: Vec<HashMap<Box<[u8]>, O>>,
    key: Vec<u8>,
    items: Vec<O>,
}

/// Where a node stands decides what NULL means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Item,
    Child,
}

enum Loaded<O> {
    /// Made from this row.
    New(O),
    /// Known from an earlier row.
    Known(O),
    /// The row has nothing for it.
    Nothing,
}

impl<S: Shape> Plan<S> {
    /// Loads one row. `None` if it added to an object that an earlier row gave.
    ///
    /// # Errors
    /// The host's. The walk is of no use after that.
    #[inline]
    pub fn walk<H: Host<Shape = S>>(
        &self,
        walk: &mut Walk<H::Object>,
        host: &mut H,
        row: RawRow<'_>,
        cells: &Cells,
    ) -> Result<Option<H::Object>> {
        Ok(
            match self
                .root
                .load(Place::Top, walk, host, View::new(row, cells))?
            {
                Loaded::New(object) => Some(object),
                Loaded::Known(_) | Loaded::Nothing => None,
            },
        )
    }
}

impl<S: Shape> Node<S> {
    #[inline]
    fn load<H: Host<Shape = S>>(
        &self,
        place: Place,
        walk: &mut Walk<H::Object>,
        host: &mut H,
        view: View<'_>,
    ) -> Result<Loaded<H::Object>> {
        let object = match self {
            Node::Model(model) => return model.load(place, walk, host, view),
            Node::Row => host.row(view)?,
            Node::Column(column) => host.value(view, *column)?,
            Node::Tuple(nodes) => load_tuple(nodes, walk, host, view)?,
            Node::Value(value) => host.literal(value)?,
            Node::Call(call) => host.call(view, call)?,
        };
        Ok(Loaded::New(object))
    }
}

impl<S: Shape> Model<S> {
    fn load<H: Host<Shape = S>>(
        &self,
        place: Place,
        walk: &mut Walk<H::Object>,
        host: &mut H,
        view: View<'_>,
    ) -> Result<Loaded<H::Object>> {
        if let Some(distinct) = &self.distinct {
            return self.load_distinct(distinct, place, walk, host, view);
        }
        if self.is_none(place, view) {
            return Ok(Loaded::Nothing);
        }
        let object = host.instance(view, &self.model, &self.columns)?;
        self.load_children(&object, walk, host, view)?;
        Ok(Loaded::New(object))
    }

    fn load_distinct<H: Host<Shape = S>>(
        &self,
        distinct: &Distinct,
        place: Place,
        walk: &mut Walk<H::Object>,
        host: &mut H,
        view: View<'_>,
    ) -> Result<Loaded<H::Object>> {
        if place != Place::Top && view.all_null(distinct.key.iter().copied()) {
            return Ok(Loaded::Nothing);
        }
        walk.read_key(&distinct.key, view);
        if let Some(object) = walk.known(distinct) {
            self.load_children(&object, walk, host, view)?;
            return Ok(Loaded::Known(object));
        }
        if self.is_none(place, view) {
            return Ok(Loaded::Nothing);
        }
        let object = host.instance(view, &self.model, &self.columns)?;
        walk.remember(distinct, &object);
        self.load_children(&object, walk, host, view)?;
        Ok(Loaded::New(object))
    }

    #[inline]
    fn load_children<H: Host<Shape = S>>(
        &self,
        object: &H::Object,
        walk: &mut Walk<H::Object>,
        host: &mut H,
        view: View<'_>,
    ) -> Result<()> {
        for (key, node) in &self.children {
            match node.load(Place::Child, walk, host, view)? {
                Loaded::New(child) | Loaded::Known(child) => host.attach(object, key, child)?,
                Loaded::Nothing => {}
            }
        }
        Ok(())
    }

    /// At the top an instance is made whatever its values are. In a tuple one without columns is made,
    /// empty; as a child it is not.
    #[inline]
    fn is_none(&self, place: Place, view: View<'_>) -> bool {
        match place {
            Place::Top => false,
            Place::Item if self.columns.is_empty() => false,
            Place::Item | Place::Child => view.all_null(self.columns.iter().map(|(c, _)| *c)),
        }
    }
}

fn load_tuple<S: Shape, H: Host<Shape = S>>(
    nodes: &[Node<S>],
    walk: &mut Walk<H::Object>,
    host: &mut H,
    view: View<'_>,
) -> Result<H::Object> {
    // Tuples in tuples share one stack: each takes what it has put on top.
    let start = walk.items.len();
    for node in nodes {
        let item = match node.load(Place::Item, walk, host, view)? {
            Loaded::New(item) | Loaded::Known(item) => item,
            Loaded::Nothing => host.none(),
        };
        walk.items.push(item);
    }
    host.tuple(walk.items.drain(start..))
}

impl<O: Clone> Walk<O> {
    pub(super) fn new(identities: usize) -> Walk<O> {
        Walk {
            identities: std::iter::repeat_with(HashMap::new)
                .take(identities)
                .collect(),
            key: Vec::new(),
            items: Vec::new(),
        }
    }

    /// Puts the key's values together, each after its length as on the wire, so that no two keys look
    /// the same; NULL has length -1.
    fn read_key(&mut self, columns: &[usize], view: View<'_>) {
        self.key.clear();
        for column in columns {
            match view.get(*column) {
                Some(value) => {
                    // Values come from one message, whose length is 4 bytes too.
                    let length = i32::try_from(value.len()).unwrap_or(i32::MAX);
                    self.key.extend_from_slice(&length.to_be_bytes());
                    self.key.extend_from_slice(value);
                }
                None => self.key.extend_from_slice(&(-1_i32).to_be_bytes()),
            }
        }
    }

    fn known(&self, distinct: &Distinct) -> Option<O> {
        self.identities
            .get(distinct.identity)?
            .get(&*self.key)
            .cloned()
    }

    fn remember(&mut self, distinct: &Distinct, object: &O) {
        if let Some(identity) = self.identities.get_mut(distinct.identity) {
            identity.insert(self.key.as_slice().into(), object.clone());
        }
    }
}
