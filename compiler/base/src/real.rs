//! A float attribute that can be compared and hashed by its bits.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An `f64` whose equality and order are those of its bits, so that operators with float attributes can be hashed.
///
/// Serialised as its bit pattern in hexadecimal text where it is not finite, else as a number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Real(u64);

impl Real {
    /// Wraps a value.
    pub const fn new(value: f64) -> Self {
        Self(value.to_bits())
    }

    /// The value.
    pub const fn get(self) -> f64 {
        f64::from_bits(self.0)
    }

    /// The value rounded to binary32.
    pub const fn as_f32(self) -> f32 {
        self.get() as f32
    }
}

impl From<f64> for Real {
    fn from(value: f64) -> Self {
        Self::new(value)
    }
}

impl From<f32> for Real {
    fn from(value: f32) -> Self {
        Self::new(f64::from(value))
    }
}

impl fmt::Debug for Real {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.get(), f)
    }
}

impl fmt::Display for Real {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.get(), f)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Text {
    Number(f64),
    Bits(String),
}

impl Serialize for Real {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.get();
        if value.is_finite() {
            Text::Number(value).serialize(serializer)
        } else {
            Text::Bits(format!("{:016x}", self.0)).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Real {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Text::deserialize(deserializer)? {
            Text::Number(value) => Ok(Self::new(value)),
            Text::Bits(text) => u64::from_str_radix(&text, 16)
                .map(Self)
                .map_err(serde::de::Error::custom),
        }
    }
}
