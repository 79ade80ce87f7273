//! Owns sets of columns as arguments: one column, or a tuple.

use crate::model::{Column, Model};

/// Some columns of the model `M`: one, or a tuple.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name columns of `{M}`",
    label = "give a column, `{M}::NAME`, or a tuple of columns"
)]
pub trait ColumnSet<M: Model> {
    /// Their positions.
    fn positions(&self) -> Vec<usize>;
}

impl<M: Model, T> ColumnSet<M> for Column<M, T> {
    fn positions(&self) -> Vec<usize> {
        vec![self.index()]
    }
}

macro_rules! tuples {
    ($(($($part:ident),+);)*) => { $(
        impl<M: Model, $($part: ColumnSet<M>),+> ColumnSet<M> for ($($part,)+) {
            #[allow(non_snake_case)]
            fn positions(&self) -> Vec<usize> {
                let ($($part,)+) = self;
                let mut all = Vec::new();
                $(all.extend($part.positions());)+
                all
            }
        }
    )* };
}

tuples! {
    (A);
    (A, B);
    (A, B, C);
    (A, B, C, D);
}
