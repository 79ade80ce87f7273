//! Owns the loader tree and its compiled form. Never sees a row: [`Walk`] does.

use super::{Shape, Walk};
use crate::error::{Result, RowError};

/// A loader as a face builds it. Columns are positions in the row, from 0.
pub enum Tree<S: Shape> {
    /// The whole row.
    Row,
    /// One value.
    Column(usize),
    /// An instance of a model.
    Model {
        /// What makes it.
        model: S::Model,
        /// What fills it: pairs of a row's column and a model's slot. Empty if the row has none of them.
        columns: Vec<(usize, usize)>,
        /// The row's columns that identify an instance: one per key and query. None or empty: each row
        /// makes its own.
        distinct: Option<Vec<usize>>,
        /// What it is given, and where.
        children: Vec<(S::Key, Tree<S>)>,
    },
    /// Several results per row.
    Tuple(Vec<Tree<S>>),
    /// The same for each row.
    Value(S::Value),
    /// What a function says of the row.
    Call(S::Call),
}

/// A compiled [`Tree`], shared by all queries of one shape.
pub struct Plan<S: Shape> {
    pub(super) root: Node<S>,
    identities: usize,
    width: usize,
}

pub(super) enum Node<S: Shape> {
    Row,
    Column(usize),
    Model(Model<S>),
    Tuple(Box<[Node<S>]>),
    Value(S::Value),
    Call(S::Call),
}

pub(super) struct Model<S: Shape> {
    pub(super) model: S::Model,
    pub(super) columns: Box<[(usize, usize)]>,
    pub(super) distinct: Option<Distinct>,
    pub(super) children: Box<[(S::Key, Node<S>)]>,
}

#[derive(Debug)]
pub(super) struct Distinct {
    /// Which of the walk's identity maps is this node's.
    pub(super) identity: usize,
    pub(super) key: Box<[usize]>,
}

impl<S: Shape> Plan<S> {
    /// Compiles `tree`.
    pub fn new(tree: Tree<S>) -> Plan<S> {
        let mut compiler = Compiler::default();
        let root = compiler.node(tree);
        Plan {
            root,
            identities: compiler.identities,
            width: compiler.width,
        }
    }

    /// Checks that rows of `width` columns have all that is loaded. Once per result set.
    ///
    /// # Errors
    /// A `RowError` that names the position of a column which is missing.
    pub fn check(&self, width: usize) -> Result<()> {
        if self.width <= width {
            return Ok(());
        }
        Err(RowError::NoColumn(format!("#{}", self.width)).into())
    }

    /// The state of one query.
    pub fn begin<O: Clone>(&self) -> Walk<O> {
        Walk::new(self.identities)
    }

    /// How many columns a row must have.
    pub fn width(&self) -> usize {
        self.width
    }
}

#[derive(Default)]
struct Compiler {
    identities: usize,
    width: usize,
}

impl Compiler {
    fn node<S: Shape>(&mut self, tree: Tree<S>) -> Node<S> {
        match tree {
            Tree::Row => Node::Row,
            Tree::Column(column) => {
                self.reach(column);
                Node::Column(column)
            }
            Tree::Model {
                model,
                columns,
                distinct,
                children,
            } => {
                columns.iter().for_each(|(column, _)| self.reach(*column));
                let distinct = distinct.filter(|key| !key.is_empty()).map(|key| {
                    key.iter().for_each(|column| self.reach(*column));
                    self.identities += 1;
                    Distinct {
                        identity: self.identities - 1,
                        key: key.into(),
                    }
                });
                let children = children
                    .into_iter()
                    .map(|(key, tree)| (key, self.node(tree)));
                Node::Model(Model {
                    model,
                    columns: columns.into(),
                    distinct,
                    children: children.collect(),
                })
            }
            Tree::Tuple(items) => {
                Node::Tuple(items.into_iter().map(|item| self.node(item)).collect())
            }
            Tree::Value(value) => Node::Value(value),
            Tree::Call(call) => Node::Call(call),
        }
    }

    fn reach(&mut self, column: usize) {
        self.width = self.width.max(column.saturating_add(1));
    }
}
