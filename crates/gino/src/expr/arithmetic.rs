//! Owns `+ - * / %` between columns, expressions and values of one type.

/// The operators for what is an [`Expression`](crate::Expression).
macro_rules! arithmetic {
    ($(<$($letter:ident: $bound:path),*> $of:ty, $value:ident;)*) => { $(
        $crate::expr::arithmetic! { @ops <$($letter: $bound),*> $of, $value,
            Add add Add, Sub sub Sub, Mul mul Mul, Div div Div, Rem rem Mod }
    )* };
    (@ops <$($letter:ident: $bound:path),*> $of:ty, $value:ident, $op:ident $name:ident $sea:ident, $($rest:tt)*) => {
        $crate::expr::arithmetic! { @op <$($letter: $bound),*> $of, $value, $op $name $sea }
        $crate::expr::arithmetic! { @ops <$($letter: $bound),*> $of, $value, $($rest)* }
    };
    (@ops <$($letter:ident: $bound:path),*> $of:ty, $value:ident, $op:ident $name:ident $sea:ident) => {
        $crate::expr::arithmetic! { @op <$($letter: $bound),*> $of, $value, $op $name $sea }
    };
    (@op <$($letter:ident: $bound:path),*> $of:ty, $value:ident, $op:ident $name:ident $sea:ident) => {
        impl<$($letter: $bound,)* R> std::ops::$op<R> for $of
        where
            $value: $crate::sql_type::SqlType,
            R: $crate::Operand<<$value as $crate::sql_type::SqlType>::Plain>,
        {
            type Output = $crate::Expr<$value>;

            fn $name(self, right: R) -> $crate::Expr<$value> {
                $crate::Expr::from_sea(sea_query::Expr::Binary(
                    Box::new($crate::Expression::into_expr(self).sea),
                    sea_query::BinOper::$sea,
                    Box::new(right.into_operand()),
                ))
            }
        }
    };
}
pub(crate) use arithmetic;

arithmetic! {
    <T: crate::sql_type::SqlType> crate::Expr<T>, T;
}
