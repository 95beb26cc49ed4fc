//! The declaration of enums with labels and stored codes.

/// Declares a closed set of values, with the enum, its labels and its stored codes in one place.
macro_rules! closed_set {
    ($(#[$meta:meta])* $name:ident { $($(#[doc = $doc:literal])* $variant:ident = $code:literal, $label:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[doc = $doc])* $variant,)* }

        impl $name {
            /// All values, in declaration order. Metrics are initialized with zeros from it.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// All values by label.
            pub const BY_LABEL: &'static [(&'static str, Self)] = &[$(($label, Self::$variant)),*];

            /// The label in the config, in metrics and in reports.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label),* }
            }

            /// The number in stored data. Never reuse a number.
            pub const fn code(self) -> u8 {
                match self { $(Self::$variant => $code),* }
            }

            /// Parses a stored number; `None` if a newer version wrote it.
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.label())
            }
        }
    };
}

pub(super) use closed_set;
