//! Values bound to a statement.

/// A value. `None` carries its type, which PostgreSQL wants to know.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Int(Option<i64>),
    Real(Option<f64>),
    Text(Option<String>),
    Blob(Option<Vec<u8>>),
}

macro_rules! from {
    ($($variant:ident: $type:ty => $convert:expr;)*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(Some($convert(value)))
            }
        }

        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                Self::$variant(value.map($convert))
            }
        }
    )*};
}

from! {
    Int: i64 => std::convert::identity;
    Int: u32 => i64::from;
    Real: f64 => std::convert::identity;
    Real: f32 => f64::from;
    Text: &str => str::to_owned;
    Text: String => std::convert::identity;
    Text: &String => String::clone;
    Blob: Vec<u8> => std::convert::identity;
}

/// `values![id, name]`: the values of `$1`, `$2`, ...
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::sql::Value::from($value)),*] };
}

/// A statement with its values bound.
macro_rules! bound {
    ($database:ty, $sql:expr, $values:expr) => {{
        let mut query = sqlx::query::<$database>(sqlx::AssertSqlSafe(String::from($sql)));
        for value in $values {
            query = match value {
                $crate::sql::Value::Int(value) => query.bind(value),
                $crate::sql::Value::Real(value) => query.bind(value),
                $crate::sql::Value::Text(value) => query.bind(value),
                $crate::sql::Value::Blob(value) => query.bind(value),
            };
        }
        query
    }};
}

pub(super) use bound;
pub(crate) use values;
