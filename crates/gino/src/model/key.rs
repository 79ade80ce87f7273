//! Owns primary keys: one value, or a tuple.

use postgres_types::{ToSql, Type};

use crate::sql_type::SqlType;

/// A primary key: the type of the key's field, or a tuple in the order of the fields.
#[diagnostic::on_unimplemented(
    message = "this model has no primary key",
    label = "mark the fields that tell rows apart with #[gino(primary_key)]"
)]
pub trait Key: Send + Sync + 'static {
    /// Its values, in order.
    fn values<'a>(&'a self, values: &mut Vec<&'a (dyn ToSql + Sync)>);

    /// The types that their bytes are of, without the server's word.
    fn wires() -> Vec<Type>;

    /// The same as parameters of a sea-query statement.
    fn into_values(self) -> Vec<sea_query::Value>;
}

impl<T: SqlType> Key for T {
    fn values<'a>(&'a self, values: &mut Vec<&'a (dyn ToSql + Sync)>) {
        values.push(self);
    }

    fn wires() -> Vec<Type> {
        vec![T::wire()]
    }

    fn into_values(self) -> Vec<sea_query::Value> {
        vec![self.into_value()]
    }
}

macro_rules! tuples {
    ($(($($part:ident),+);)*) => { $(
        impl<$($part: SqlType),+> Key for ($($part,)+) {
            #[allow(non_snake_case)]
            fn values<'a>(&'a self, values: &mut Vec<&'a (dyn ToSql + Sync)>) {
                let ($($part,)+) = self;
                $(values.push($part);)+
            }

            fn wires() -> Vec<Type> {
                vec![$($part::wire()),+]
            }

            #[allow(non_snake_case)]
            fn into_values(self) -> Vec<sea_query::Value> {
                let ($($part,)+) = self;
                vec![$($part.into_value()),+]
            }
        }
    )* };
}

tuples! {
    (A, B);
    (A, B, C);
    (A, B, C, D);
    (A, B, C, D, E);
    (A, B, C, D, E, F);
    (A, B, C, D, E, F, G);
    (A, B, C, D, E, F, G, H);
}

/// The key of a model without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoKey;
