//! Recurrent layers.

use crate::Real;
use serde::{Deserialize, Serialize};

/// Which cell.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum RecurrentKind {
    /// `h = f(x Wᵀ + h Rᵀ + b)`; one gate.
    Plain,
    /// Gates z, r, h.
    Gru {
        /// Whether the reset gate applies after the recurrent product.
        linear_before_reset: bool,
    },
    /// Gates i, o, f, c.
    Lstm {
        /// Whether the forget gate is `1 - i`.
        input_forget: bool,
    },
}

impl RecurrentKind {
    /// Gates per cell: 1, 3 or 4.
    pub fn n_gates(self) -> usize {
        match self {
            RecurrentKind::Plain => 1,
            RecurrentKind::Gru { .. } => 3,
            RecurrentKind::Lstm { .. } => 4,
        }
    }

    /// Activation functions per direction: 1, 2 or 3.
    pub fn n_activations(self) -> usize {
        match self {
            RecurrentKind::Plain => 1,
            RecurrentKind::Gru { .. } => 2,
            RecurrentKind::Lstm { .. } => 3,
        }
    }
}

/// Order in which time steps are taken.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Direction {
    /// First to last.
    Forward,
    /// Last to first.
    Reverse,
    /// Both, as two directions.
    Bidirectional,
}

impl Direction {
    /// 1, or 2 where bidirectional.
    pub fn n_directions(self) -> usize {
        match self {
            Direction::Forward | Direction::Reverse => 1,
            Direction::Bidirectional => 2,
        }
    }
}

/// An activation function of a cell.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum ActivationKind {
    /// `max(x, 0)`.
    Relu,
    /// `tanh x`.
    Tanh,
    /// `1 / (1 + e⁻ˣ)`.
    Sigmoid,
    /// `alpha · x + beta`.
    Affine,
    /// `x` or `alpha · x`.
    LeakyRelu,
    /// `x` or 0 below alpha.
    ThresholdedRelu,
    /// `alpha · tanh(beta · x)`.
    ScaledTanh,
    /// `clamp(alpha · x + beta, 0, 1)`.
    HardSigmoid,
    /// `x` or `alpha · (eˣ - 1)`.
    Elu,
    /// `x / (1 + |x|)`.
    Softsign,
    /// `log(1 + eˣ)`.
    Softplus,
}

/// An activation function with its parameters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Activation {
    /// Which function.
    pub kind: ActivationKind,
    /// First parameter, where it has one.
    pub alpha: Real,
    /// Second parameter, where it has one.
    pub beta: Real,
}

/// `x[T, B, I], w[D, G·H, I], r[D, G·H, H], bias[D, 2·G·H]?, lens: i32[B]?, h0[D, B, H]?, c0[D, B, H]?, p[D, 3·H]?
///  → y[T, D, B, H], h[D, B, H], c[D, B, H]` (c for LSTM only), D directions, G gates in ONNX order (iofc, zrh).
///
/// Present operands follow one another in that order; rows beyond their length give zeros in y.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Recurrent {
    /// Which cell.
    pub kind: RecurrentKind,
    /// Order of time.
    pub direction: Direction,
    /// Size H of the hidden state.
    pub hidden: usize,
    /// Functions, `n_activations` per direction.
    pub activations: Vec<Activation>,
    /// Gate inputs are clamped to `[-clip, clip]`.
    pub clip: Option<Real>,
    /// Whether the bias operand is there.
    pub has_bias: bool,
    /// Whether the lengths operand is there.
    pub has_lens: bool,
    /// Whether the initial hidden state is there.
    pub has_h0: bool,
    /// Whether the initial cell state is there (LSTM).
    pub has_c0: bool,
    /// Whether the peephole weights are there (LSTM).
    pub has_peephole: bool,
}
