//! Owns every CPython call that safe PyO3 cannot make, or not fast enough: object types with an
//! array of values, and a few constructors. The only module with `unsafe`.
//! Never knows columns, plans or SQL. What it exports is safe to call with a `Python` token.
//!
//! Two rules hold for every block here. A pointer that CPython hands to a slot function points to
//! a live object of the type that the slot belongs to, and the caller is attached to the
//! interpreter. And the module is only loaded with the GIL: `lib.rs` declares that it needs it, so
//! fields of objects are never touched by two threads at once.
#![allow(unsafe_code)]

mod array;
mod heap;
mod bare;
mod instance;
mod plain_class;
mod attribute;
mod context;
mod gc;
mod row;
mod socket;
mod text;
mod waiter;

pub(crate) use attribute::create as attribute_type;
pub(crate) use bare::bare;
pub(crate) use context::{call_in_context, get_context_var, new_context_var, set_context_var};
pub(crate) use gc::{pause_gc, resume_gc};
pub(crate) use instance::{
    InstanceMethods, create as instance_type, get_slot, instance_base, put_slot, slots, state_dict,
    take_slot,
};
pub(crate) use plain_class::{NewInstance, PlainClass};
pub(crate) use row::{
    NewRow, RowMethods, create as row_type, generic_attribute, is_row, row_keys, row_len,
    row_methods, row_value,
};
pub(crate) use socket::detach_socket;
pub(crate) use text::text;
pub(crate) use waiter::{Hooks, awaitable, create as awaitable_type};
