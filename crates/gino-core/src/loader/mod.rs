//! Owns how rows become objects: a tree of loaders, compiled once to a plan that walks the rows of a
//! query, with distinct and none-as-none. Never decodes a value or makes an object: a [`Host`] does.
//! Both faces compile their loaders to it; their sinks call [`Plan::walk`] for each row.

mod host;
mod plan;
mod walk;

#[cfg(test)]
mod tests;

pub use host::{Host, Shape, View};
pub use plan::{Plan, Tree};
pub use walk::Walk;
