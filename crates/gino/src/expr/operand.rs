//! Owns what may stand on the other side of a comparison, or be given to a column: values, columns,
//! expressions, sub-queries. Types are told apart by the compiler, so that a literal finds its own.

use sea_query::Expr as SeaExpr;

use super::Expr;
use crate::sql_type::SqlType;

/// What can be compared or combined with values of the Rust type `P`: such a value, a column, or an
/// expression.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not go with a column of `{P}`",
    label = "give a `{P}`, or a column or expression of that type",
    note = "nothing is equal to NULL: ask for it by `.is_null()`"
)]
pub trait Operand<P> {
    /// The expression.
    fn into_operand(self) -> SeaExpr;
}

/// What a column of the Rust type `T` can be set to.
#[diagnostic::on_unimplemented(
    message = "a column of `{T}` cannot be set to `{Self}`",
    label = "give a `{T}`, or a column or expression of that type"
)]
pub trait Assignable<T> {
    /// The value or expression.
    fn assigned(self) -> Assigned<T>;

    /// Gives it to the column at position `at` of what is to be sent.
    #[doc(hidden)]
    #[inline]
    fn put(self, taker: &mut impl Taker, at: usize)
    where
        Self: Sized,
        T: SqlType,
    {
        taker.put_assigned(at, self.assigned());
    }
}

/// What values are given to, for the column at position `at`: those that are references are not
/// copied to a place of their own first.
#[doc(hidden)]
pub trait Taker {
    fn put_value<T: SqlType>(&mut self, at: usize, value: T);
    fn put_text(&mut self, at: usize, text: &str);
    #[cfg(feature = "json")]
    fn put_json(&mut self, at: usize, value: &impl serde::Serialize);
    fn put_assigned<T: SqlType>(&mut self, at: usize, value: Assigned<T>);
}

/// What a column is set to.
#[derive(Debug)]
pub enum Assigned<T> {
    /// A value.
    Value(T),
    /// An expression.
    Sql(SeaExpr),
    /// A JSON document that was given by reference: it is written, not copied.
    #[cfg(feature = "json")]
    Json(crate::document::Document),
}

/// Makes what is an [`Expression`] an operand too. One by one: a blanket implementation would keep
/// the compiler from finding the type of a literal.
macro_rules! expressions {
    ($(<$($letter:ident: $bound:path),*> $of:ty, $value:ident;)*) => { $(
        impl<$($letter: $bound,)* P> $crate::Operand<P> for $of
        where
            $value: $crate::sql_type::SqlType<Plain = P>,
        {
            fn into_operand(self) -> sea_query::Expr {
                $crate::Expression::into_expr(self).sea
            }
        }

        impl<$($letter: $bound,)* X> $crate::Assignable<X> for $of
        where
            X: $crate::sql_type::SqlType,
            $value: $crate::sql_type::SqlType<Plain = X::Plain>,
        {
            fn assigned(self) -> $crate::Assigned<X> {
                $crate::Assigned::Sql($crate::Expression::into_expr(self).sea)
            }
        }
    )* };
}
pub(crate) use expressions;

expressions! {
    <T: SqlType> Expr<T>, T;
}

impl<T: SqlType> Operand<Vec<T>> for Vec<T> {
    fn into_operand(self) -> SeaExpr {
        SeaExpr::Value(self.into_value())
    }
}

impl<T: SqlType> Assignable<Vec<T>> for Vec<T> {
    fn assigned(self) -> Assigned<Vec<T>> {
        Assigned::Value(self)
    }
}

impl<T: SqlType> Assignable<Option<Vec<T>>> for Vec<T> {
    fn assigned(self) -> Assigned<Option<Vec<T>>> {
        Assigned::Value(Some(self))
    }
}

impl<T: SqlType<Plain = T>> Assignable<Option<T>> for Option<T> {
    fn assigned(self) -> Assigned<Option<T>> {
        Assigned::Value(self)
    }
}

/// What one type can stand for, for [`crate::sql_type!`] and the derives.
#[doc(hidden)]
#[macro_export]
macro_rules! __operand {
    ($rust:ty) => {
        impl $crate::NotNull for $rust {}
        impl $crate::RefersTo<$rust> for $rust {}
        impl $crate::RefersTo<::core::option::Option<$rust>> for $rust {}

        impl $crate::Operand<$rust> for $rust {
            fn into_operand(self) -> $crate::sea_query::Expr {
                $crate::sea_query::Expr::Value($crate::SqlType::into_value(self))
            }
        }

        impl $crate::Assignable<$rust> for $rust {
            fn assigned(self) -> $crate::Assigned<$rust> {
                $crate::Assigned::Value(self)
            }

            #[inline]
            fn put(self, taker: &mut impl $crate::Taker, at: usize) {
                taker.put_value(at, self);
            }
        }

        impl $crate::Assignable<::core::option::Option<$rust>> for $rust {
            fn assigned(self) -> $crate::Assigned<::core::option::Option<$rust>> {
                $crate::Assigned::Value(::core::option::Option::Some(self))
            }
        }
    };
}

macro_rules! strings {
    ($($given:ty),*) => { $(
        impl Operand<String> for $given {
            fn into_operand(self) -> SeaExpr {
                SeaExpr::Value(String::from(self).into_value())
            }
        }

        impl Assignable<String> for $given {
            fn assigned(self) -> Assigned<String> {
                Assigned::Value(String::from(self))
            }

            fn put(self, taker: &mut impl Taker, at: usize) {
                taker.put_text(at, self);
            }
        }

        impl Assignable<Option<String>> for $given {
            fn assigned(self) -> Assigned<Option<String>> {
                Assigned::Value(Some(String::from(self)))
            }

            fn put(self, taker: &mut impl Taker, at: usize) {
                taker.put_text(at, self);
            }
        }
    )* };
}

strings!(&str, &String);

impl Operand<Vec<u8>> for &[u8] {
    fn into_operand(self) -> SeaExpr {
        SeaExpr::Value(self.to_vec().into_value())
    }
}

impl Assignable<Vec<u8>> for &[u8] {
    fn assigned(self) -> Assigned<Vec<u8>> {
        Assigned::Value(self.to_vec())
    }
}
