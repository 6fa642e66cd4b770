//! The sets of dtypes that operators ask for.

use graphc_base::DType;

/// A set of dtypes with the words for it: `x must be a float`.
#[derive(Clone, Copy)]
pub(in crate::infer) struct DTypeClass {
    pub(in crate::infer) words: &'static str,
    pub(in crate::infer) has: fn(DType) -> bool,
}

/// Floats that are computed in: 16 bits and wider.
pub(in crate::infer) const FLOAT: DTypeClass = DTypeClass {
    words: "a float",
    has: |dtype| dtype.is_float() && !dtype.is_storage_only(),
};
/// Integers that are computed in: 8 bits and wider.
pub(in crate::infer) const INT: DTypeClass = DTypeClass {
    words: "an integer",
    has: |dtype| dtype.is_int() && !dtype.is_storage_only(),
};
/// Floats and integers that are computed in.
pub(in crate::infer) const NUMBER: DTypeClass = DTypeClass {
    words: "a number",
    has: |dtype| (FLOAT.has)(dtype) || (INT.has)(dtype),
};
/// Numbers and truth values.
pub(in crate::infer) const NUMBER_OR_BOOL: DTypeClass = DTypeClass {
    words: "a number or bool",
    has: |dtype| (NUMBER.has)(dtype) || dtype == DType::Bool,
};
/// Whatever can be compared for equality.
pub(in crate::infer) const COMPARABLE: DTypeClass = DTypeClass {
    words: "a number, bool or string",
    has: |dtype| (NUMBER_OR_BOOL.has)(dtype) || dtype == DType::String,
};
/// Anything with a byte layout.
pub(in crate::infer) const NOT_STRING: DTypeClass = DTypeClass {
    words: "of fixed width",
    has: |dtype| dtype != DType::String,
};
/// Index operands.
pub(in crate::infer) const INDEX: DTypeClass = DTypeClass {
    words: "i32 or i64",
    has: |dtype| matches!(dtype, DType::I32 | DType::I64),
};
pub(in crate::infer) const I64: DTypeClass = DTypeClass {
    words: "i64",
    has: |dtype| dtype == DType::I64,
};
pub(in crate::infer) const BOOL: DTypeClass = DTypeClass {
    words: "bool",
    has: |dtype| dtype == DType::Bool,
};
pub(in crate::infer) const STRING: DTypeClass = DTypeClass {
    words: "a string",
    has: |dtype| dtype == DType::String,
};
