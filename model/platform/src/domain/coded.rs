//! Enums and identifiers that are stored as integers.

/// Declares an enum whose variants are stored as the codes given. Codes are part of stored data: never reuse one.
macro_rules! coded {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $code:literal,)+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$variant_meta])* $variant = $code,)+ }

        impl $name {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
        }

        impl ports::database::Cell for $name {
            const KIND: ports::database::ColumnKind = ports::database::ColumnKind::Int;

            fn to_value(&self) -> ports::database::Value {
                ports::database::Value::Int(*self as i64)
            }

            fn from_value(value: &ports::database::Value) -> Option<Self> {
                match value {
                    $(ports::database::Value::Int($code) => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

/// Declares identifiers: integers that cannot be mistaken for each other.
macro_rules! identifier {
    ($($(#[$meta:meta])* $name:ident;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl ports::database::Cell for $name {
            const KIND: ports::database::ColumnKind = ports::database::ColumnKind::Int;

            fn to_value(&self) -> ports::database::Value {
                ports::database::Value::Int(self.0)
            }

            fn from_value(value: &ports::database::Value) -> Option<Self> {
                i64::from_value(value).map(Self)
            }
        }
    )+};
}

pub(crate) use {coded, identifier};
