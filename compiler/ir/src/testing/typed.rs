//! Well-typed graphs: every node is made by the builder, and nothing is left to be checked when dims are bound.

use super::{Choices, families};
use crate::builder::Builder;
use crate::graph::{Graph, ValueId};
use crate::infer::{InferCx, infer};
use crate::op::Op;
use crate::types::{TensorType, ValueType};
use graphc_base::{DType, Dim, Interval};

/// Sizes that symbols are taken to have when the size of a result is estimated.
const TYPICAL_SYMBOL: i64 = 6;
/// Largest result in elements, at typical sizes.
const MAX_ELEMENTS: i64 = 4096;
/// Largest rank of a result.
const MAX_RANK: usize = 5;

/// A kind of nodes that a generated graph may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Family {
    /// Unary, binary, select and cast.
    Pointwise,
    /// Reshape, transpose, expand, slice, concat, pad, tile.
    Movement,
    /// Reductions, arg reductions, running sums, softmax.
    Reduction,
    /// Layer, RMS, batch and group norms.
    Norm,
    /// Matrix products and convolutions.
    Linear,
    /// Pooling.
    Spatial,
    /// Gathers, scatters, top-k.
    Indexing,
    /// Sizes as data, and sizes that data decide: `non_zero`, symbols bound from elements.
    Data,
    /// If and Loop.
    Region,
    /// Sequences and optionals.
    Sequence,
}

impl Family {
    /// Every family.
    pub const ALL: [Family; 10] = [
        Family::Pointwise,
        Family::Movement,
        Family::Reduction,
        Family::Norm,
        Family::Linear,
        Family::Spatial,
        Family::Indexing,
        Family::Data,
        Family::Region,
        Family::Sequence,
    ];

    /// What runs on a device: no regions, no host values.
    pub const DEVICE: [Family; 8] = [
        Family::Pointwise,
        Family::Movement,
        Family::Reduction,
        Family::Norm,
        Family::Linear,
        Family::Spatial,
        Family::Indexing,
        Family::Data,
    ];
}

/// What a generated graph may hold.
#[derive(Clone, Debug)]
pub struct GraphOptions {
    /// Kinds of nodes.
    pub families: Vec<Family>,
    /// Whether inputs have symbolic dims, `batch` and `seq`, of 1 to 64.
    pub symbolic: bool,
    /// Element types of the inputs.
    pub dtypes: Vec<DType>,
    /// Steps, each of which adds one to a few nodes.
    pub max_steps: usize,
}

impl Default for GraphOptions {
    fn default() -> Self {
        Self {
            families: Family::ALL.to_vec(),
            symbolic: true,
            dtypes: vec![DType::F32, DType::I64, DType::Bool, DType::I32],
            max_steps: 30,
        }
    }
}

/// A sound graph, with every value that nothing uses as an output. It needs no checks of dims, so that it runs at any
/// sizes in the range of its symbols.
pub fn typed_graph(choices: &mut Choices<'_>, options: &GraphOptions) -> Graph {
    let mut maker = Maker {
        builder: Builder::new("generated"),
        values: Vec::new(),
    };
    maker.add_inputs(choices, options);
    for step in 0..options.max_steps {
        if choices.is_empty() {
            break;
        }
        let source = maker
            .builder
            .add_source(&format!("/node.{step}"), "Generated");
        maker.builder.set_sources([source].into());
        let family = choices.pick(&options.families).copied();
        // A step whose operands do not fit adds nothing, or the part of it that fitted.
        if let Some(family) = family {
            let _ = families::add(&mut maker, choices, family);
        }
    }
    maker.finish()
}

/// The graph being made, and the tensors that operands are chosen from.
pub(super) struct Maker {
    pub(super) builder: Builder,
    values: Vec<ValueId>,
}

impl Maker {
    fn add_inputs(&mut self, choices: &mut Choices<'_>, options: &GraphOptions) {
        let range = Interval { lo: 1, hi: 64 };
        let mut dims = vec![
            Dim::constant(4),
            Dim::constant(3),
            Dim::ONE,
            Dim::constant(8),
        ];
        if options.symbolic {
            for name in ["batch", "seq"] {
                let symbol = self.builder.graph_mut().dims.new_symbol(name, range);
                dims.push(Dim::symbol(symbol));
                dims.push(Dim::symbol(symbol));
            }
        }
        for position in 0..choices.between(1, 4) {
            let Some(&dtype) = choices.pick(&options.dtypes) else {
                return;
            };
            let shape: Vec<Dim> = (0..choices.below(5))
                .filter_map(|_| choices.pick(&dims).cloned())
                .collect();
            let ty = TensorType { dtype, shape };
            let input = self.builder.input(&format!("x{position}"), ty.into());
            self.values.push(input);
        }
    }

    /// A tensor whose type fulfils the condition, rather a late one; `None` where none of a few tries does.
    pub(super) fn pick(
        &self,
        choices: &mut Choices<'_>,
        fits: impl Fn(&TensorType) -> bool,
    ) -> Option<ValueId> {
        let fitting: Vec<ValueId> = self
            .values
            .iter()
            .rev()
            .copied()
            .filter(|value| self.builder.graph().tensor_ty(*value).is_some_and(&fits))
            .collect();
        // The smaller of two draws prefers what was made last, for deep graphs.
        let draw = choices
            .below(fitting.len())
            .min(choices.below(fitting.len()));
        fitting.get(draw).copied()
    }

    pub(super) fn tensor(&self, value: ValueId) -> Option<&TensorType> {
        self.builder.graph().tensor_ty(value)
    }

    /// Adds a node if it is well typed without checks and not too large; gives its results.
    pub(super) fn op(&mut self, op: Op, inputs: &[ValueId]) -> Option<Vec<ValueId>> {
        let graph = self.builder.graph();
        let types: Vec<&ValueType> = inputs.iter().map(|input| graph.ty(*input)).collect();
        let cx = InferCx {
            dims: &graph.dims,
            consts: &graph.consts,
        };
        let inferred = infer(&op, &types, cx).ok()?;
        if !inferred.checks.is_empty() || !inferred.outputs.iter().all(|ty| self.is_small(ty)) {
            return None;
        }
        self.builder.op(op, inputs).ok()
    }

    /// As [`op`](Self::op), for the first result.
    pub(super) fn op1(&mut self, op: Op, inputs: &[ValueId]) -> Option<ValueId> {
        self.op(op, inputs)?.first().copied()
    }

    /// Makes a value known to later steps.
    pub(super) fn keep(&mut self, value: ValueId) -> Option<()> {
        self.values.push(value);
        Some(())
    }

    /// Adds a node and keeps its results.
    pub(super) fn add(&mut self, op: Op, inputs: &[ValueId]) -> Option<()> {
        let results = self.op(op, inputs)?;
        self.values.extend(results);
        Some(())
    }

    /// Positive at every size, and small at typical ones.
    fn is_small(&self, ty: &ValueType) -> bool {
        let ValueType::Tensor(ty) = ty else {
            return true;
        };
        let dims = &self.builder.graph().dims;
        let sizes = vec![TYPICAL_SYMBOL; dims.n_symbols()];
        let n_elements = ty.shape.iter().try_fold(1i64, |total, dim| {
            if dims.bounds(dim).lo < 0 {
                return None;
            }
            total.checked_mul(dim.eval(&sizes).ok()?.max(1))
        });
        ty.rank() <= MAX_RANK && n_elements.is_some_and(|n| n <= MAX_ELEMENTS)
    }

    fn finish(mut self) -> Graph {
        let graph = self.builder.graph();
        let mut is_used = vec![false; graph.n_values()];
        for &node in &graph.block(Graph::MAIN).nodes {
            for input in &graph.node(node).inputs {
                is_used[input.0 as usize] = true;
            }
        }
        let unused: Vec<ValueId> = self
            .values
            .iter()
            .copied()
            .filter(|value| !is_used[value.0 as usize])
            .collect();
        for (position, value) in unused.into_iter().enumerate() {
            self.builder.output(&format!("y{position}"), value);
        }
        self.builder.finish()
    }
}
