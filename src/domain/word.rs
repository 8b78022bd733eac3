//! Closed sets of words: one list gives the text form, the parser and the list of all.

/// Why a word is not one of its set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not a {set}: one of {allowed}")]
pub struct UnknownWord {
    /// What was given.
    pub word: String,
    /// What it should have been, such as `task state`.
    pub set: &'static str,
    /// The words of the set, joined by commas.
    pub allowed: String,
}

/// Defines an enum whose values are words, with `ALL`, `as_str`, `Display` and `FromStr`.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $set:literal { $($(#[$word_doc:meta])* $value:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$word_doc])* $value),+ }

        impl $name {
            /// All values, in the order of their definition.
            pub const ALL: &'static [Self] = &[$(Self::$value),+];

            /// Returns the word, as the store and every face write it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::UnknownWord;

            fn from_str(word: &str) -> Result<Self, crate::UnknownWord> {
                match word {
                    $($word => Ok(Self::$value),)+
                    _ => Err(crate::UnknownWord {
                        word: word.to_owned(),
                        set: $set,
                        allowed: [$($word),+].join(", "),
                    }),
                }
            }
        }
    };
}

pub(crate) use words;
