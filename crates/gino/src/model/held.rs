//! Owns the value of one column on its way to a statement: a parameter by itself, or part of what
//! sea-query writes. Drafts hold them.

use std::any::Any;

use postgres_types::{ToSql, Type};

#[cfg(feature = "json")]
use crate::document::Document;
#[cfg(feature = "json")]
use crate::param;
use crate::sql_type::SqlType;

/// A value that can be a parameter by itself, or part of a sea-query statement.
pub(crate) trait ColumnValue: ToSql + Send + Sync {
    fn into_value(self: Box<Self>) -> sea_query::Value;
    /// The type that its bytes are of, without the server's word.
    fn wire(&self) -> Type;
    fn type_name(&self) -> &'static str;
}

impl<T: SqlType> ColumnValue for T {
    fn into_value(self: Box<Self>) -> sea_query::Value {
        SqlType::into_value(*self)
    }

    fn wire(&self) -> Type {
        T::wire()
    }

    fn type_name(&self) -> &'static str {
        T::TYPE.name
    }
}

#[cfg(feature = "json")]
impl ColumnValue for Document {
    fn into_value(self: Box<Self>) -> sea_query::Value {
        param::encoded(&*self, &Type::JSONB)
    }

    fn wire(&self) -> Type {
        Type::JSONB
    }

    fn type_name(&self) -> &'static str {
        "jsonb"
    }
}

macro_rules! held {
    ($($(#[$when:meta])* $usual:ident($of:ty),)*) => {
        /// The value of a column. The usual ones lie here, others on the heap.
        pub(crate) enum Held {
            $($(#[$when])* $usual($of),)*
            #[cfg(feature = "json")]
            Json(Document),
            Other(Box<dyn ColumnValue>),
        }

        impl Held {
            pub(crate) fn new<T: SqlType>(mut value: T) -> Held {
                // The compiler knows which one it is.
                let any: &mut dyn Any = &mut value;
                $(
                    $(#[$when])*
                    if let Some(value) = any.downcast_mut() {
                        return Held::$usual(std::mem::take(value));
                    }
                )*
                Held::Other(Box::new(value))
            }

            pub(super) fn as_value(&self) -> &dyn ColumnValue {
                match self {
                    $($(#[$when])* Held::$usual(value) => value,)*
                    #[cfg(feature = "json")]
                    Held::Json(value) => value,
                    Held::Other(value) => &**value,
                }
            }

            pub(super) fn into_value(self) -> sea_query::Value {
                match self {
                    $($(#[$when])* Held::$usual(value) => SqlType::into_value(value),)*
                    #[cfg(feature = "json")]
                    Held::Json(value) => Box::new(value).into_value(),
                    Held::Other(value) => value.into_value(),
                }
            }
        }
    };
}

held! {
    Bool(bool),
    Int(i32),
    BigInt(i64),
    Double(f64),
    Text(String),
    #[cfg(feature = "chrono")]
    Timestamp(chrono::DateTime<chrono::Utc>),
    #[cfg(feature = "uuid")]
    Uuid(uuid::Uuid),
}
