//! Pointwise operators. Float results follow the real function; NaN in gives NaN out unless said otherwise.

use crate::Real;
use serde::{Deserialize, Serialize};

/// `x → y`, element by element.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum UnaryOp {
    /// `-x`; integers wrap.
    Neg,
    /// `|x|`; integers wrap.
    Abs,
    /// -1, 0 or 1.
    Sign,
    /// Round up.
    Ceil,
    /// Round down.
    Floor,
    /// Round to nearest, halves to even.
    Round,
    /// Round toward zero.
    Trunc,
    /// `√x`.
    Sqrt,
    /// `1 / √x`.
    Rsqrt,
    /// `1 / x`.
    Reciprocal,
    /// `eˣ`.
    Exp,
    /// Natural logarithm.
    Log,
    /// Sine.
    Sin,
    /// Cosine.
    Cos,
    /// Tangent.
    Tan,
    /// Inverse sine.
    Asin,
    /// Inverse cosine.
    Acos,
    /// Inverse tangent.
    Atan,
    /// Hyperbolic sine.
    Sinh,
    /// Hyperbolic cosine.
    Cosh,
    /// Hyperbolic tangent.
    Tanh,
    /// Inverse hyperbolic sine.
    Asinh,
    /// Inverse hyperbolic cosine.
    Acosh,
    /// Inverse hyperbolic tangent.
    Atanh,
    /// Error function.
    Erf,
    /// `1 / (1 + e⁻ˣ)`.
    Sigmoid,
    /// `max(x, 0)`; also on signed integers.
    Relu,
    /// `log(1 + eˣ)`.
    Softplus,
    /// `x / (1 + |x|)`.
    Softsign,
    /// `x · Φ(x)` by the error function.
    Gelu,
    /// `x · Φ(x)` by the tanh approximation.
    GeluTanh,
    /// `x · tanh(softplus(x))`.
    Mish,
    /// `x · clamp(x / 6 + 1/2, 0, 1)`.
    HardSwish,
    /// `x · sigmoid(alpha · x)`; SiLU where alpha is 1.
    Swish {
        /// Factor inside the sigmoid.
        alpha: Real,
    },
    /// `x` where x ≥ 0, else `alpha · x`.
    LeakyRelu {
        /// Slope of the negative side.
        alpha: Real,
    },
    /// `x` where x > 0, else `alpha · (eˣ - 1)`.
    Elu {
        /// Scale of the negative side.
        alpha: Real,
    },
    /// `gamma · x` where x > 0, else `gamma · alpha · (eˣ - 1)`.
    Selu {
        /// Scale of the negative side.
        alpha: Real,
        /// Scale of both.
        gamma: Real,
    },
    /// `max(0, x) + min(0, alpha · (e^(x / alpha) - 1))`.
    Celu {
        /// Scale of the negative side.
        alpha: Real,
    },
    /// `clamp(alpha · x + beta, 0, 1)`.
    HardSigmoid {
        /// Slope.
        alpha: Real,
        /// Offset.
        beta: Real,
    },
    /// `x` where x > alpha, else 0.
    ThresholdedRelu {
        /// Threshold.
        alpha: Real,
    },
    /// `x + bias` where x < -lambda, `x - bias` where x > lambda, else 0.
    Shrink {
        /// Added toward zero.
        bias: Real,
        /// Half width of the zeroed band.
        lambda: Real,
    },
    /// Logical not, on `bool`.
    Not,
    /// Bitwise not, on integers.
    BitNot,
    /// `x → bool`.
    IsNan,
    /// `x → bool`.
    IsInf {
        /// Whether +∞ counts.
        positive: bool,
        /// Whether -∞ counts.
        negative: bool,
    },
}

/// `a, b → y`, element by element with broadcasting.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum BinaryOp {
    /// `a + b`; integers wrap.
    Add,
    /// `a - b`; integers wrap.
    Sub,
    /// `a · b`; integers wrap.
    Mul,
    /// `a / b`; integers truncate toward zero, and division by zero gives 0.
    Div,
    /// Remainder with the sign of b (Python's `%`); integers and floats; integer modulus zero gives 0.
    Mod,
    /// Remainder with the sign of a (C's `fmod`).
    Rem,
    /// `aᵇ`; integer powers of integers by repeated multiplication, wrapping; negative exponents truncate.
    Pow,
    /// Smaller; NaN if either is NaN.
    Min,
    /// Larger; NaN if either is NaN.
    Max,
    /// Logical and, on `bool`.
    And,
    /// Logical or, on `bool`.
    Or,
    /// Logical exclusive or, on `bool`.
    Xor,
    /// Bitwise and, on integers.
    BitAnd,
    /// Bitwise or, on integers.
    BitOr,
    /// Bitwise exclusive or, on integers.
    BitXor,
    /// `a << b` on unsigned integers; shifts of the width or more give 0.
    ShiftLeft,
    /// `a >> b` on unsigned integers; shifts of the width or more give 0.
    ShiftRight,
    /// `a == b → bool`; also on `bool` and strings.
    Equal,
    /// `a < b → bool`.
    Less,
    /// `a ≤ b → bool`.
    LessEqual,
    /// `a > b → bool`.
    Greater,
    /// `a ≥ b → bool`.
    GreaterEqual,
}

impl BinaryOp {
    /// Whether the result is `bool` whatever the operands are.
    pub fn is_comparison(self) -> bool {
        matches!(
            self,
            BinaryOp::Equal
                | BinaryOp::Less
                | BinaryOp::LessEqual
                | BinaryOp::Greater
                | BinaryOp::GreaterEqual
        )
    }
}

/// A distribution of random numbers, made by the counter-based generator Philox 4x32-10 (Salmon, Moraes, Dror and Shaw,
/// "Parallel random numbers: as easy as 1, 2, 3", 2011), so that any element can be made by itself.
///
/// Key: the low, then the high 32 bits of the seed's binary64 pattern. Counter of element `i`: the low, then the high 32
/// bits of `i / 4`, then `instance`, then 0; the element takes word `i % 4` of the four that come out, which makes
/// `u = (word >> 8) · 2⁻²⁴`. Everything after that is computed in binary64 and rounded once to the result's dtype.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum RandomKind {
    /// Uniform in `[low, high)`: `low + (high - low) · u`.
    Uniform {
        /// Lower end.
        low: Real,
        /// Upper end, not reached.
        high: Real,
    },
    /// Normal, by Box and Muller from pairs: elements `2j` and `2j + 1`, whose numbers are `u` and `v`, are
    /// `mean + scale · r · cos(2πv)` and `mean + scale · r · sin(2πv)` with `r = √(-2 · ln(1 - u))`.
    Normal {
        /// Mean.
        mean: Real,
        /// Standard deviation.
        scale: Real,
    },
}
