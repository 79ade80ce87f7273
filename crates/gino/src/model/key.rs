//! Owns primary keys: one value, or a tuple.

use bytes::BytesMut;
use gino_core::error::Result;
use gino_core::session::{ParamType, Params, Written};
use postgres_types::{ToSql, Type};

use super::Draft;
use crate::sql_type::SqlType;
use crate::value::write;

/// A primary key: the type of the key's field, or a tuple in the order of the fields.
#[diagnostic::on_unimplemented(
    message = "this model has no primary key",
    label = "mark the fields that tell rows apart with #[gino(primary_key)]"
)]
pub trait Key: Send + Sync + 'static {
    /// How many values it has.
    const LENGTH: usize;

    /// The value at position `at`, from 0.
    fn value(&self, at: usize) -> Option<&(dyn ToSql + Sync)>;

    /// The types that their bytes are of, without the server's word.
    fn wires() -> Vec<Type>;

    /// The same as parameters of a sea-query statement.
    fn into_values(self) -> Vec<sea_query::Value>;
}

impl<T: SqlType> Key for T {
    const LENGTH: usize = 1;

    #[inline]
    fn value(&self, at: usize) -> Option<&(dyn ToSql + Sync)> {
        (at == 0).then_some(self)
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
            const LENGTH: usize = [$(stringify!($part)),+].len();

            #[allow(non_snake_case)]
            fn value(&self, at: usize) -> Option<&(dyn ToSql + Sync)> {
                let ($($part,)+) = self;
                let values = [$($part as &(dyn ToSql + Sync)),+];
                values.get(at).copied()
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

/// The values of a key as parameters, after those of a draft if there is one.
pub(crate) struct Keyed<'a, K> {
    pub(crate) draft: Option<&'a Draft>,
    pub(crate) key: &'a K,
}

impl<'a, K: Key> Keyed<'a, K> {
    pub(crate) fn of(key: &'a K) -> Keyed<'a, K> {
        Keyed { draft: None, key }
    }

    /// Those of the key alone.
    pub(crate) fn values(&self) -> impl Iterator<Item = &'a (dyn ToSql + Sync)> + use<'a, K> {
        let key = self.key;
        (0..K::LENGTH).filter_map(|at| key.value(at))
    }
}

impl<K: Key> Params for Keyed<'_, K> {
    fn len(&self, _set: usize) -> usize {
        self.draft.map_or(0, Draft::len) + K::LENGTH
    }

    fn encode(
        &self,
        set: usize,
        index: usize,
        of: ParamType<'_>,
        out: &mut BytesMut,
    ) -> Result<Written> {
        match self.draft {
            Some(draft) if index < draft.len() => draft.encode(set, index, of, out),
            draft => {
                let before = draft.map_or(0, Draft::len);
                write(self.key.value(index - before), index, of, out)
            }
        }
    }
}
