//! The whole program: symbols, checks, constants, bodies.

use crate::block::BlockPlanner;
use graphc_base::{Dim, EntityId, PrimaryMap, SymId};
use graphc_ir::{
    Binding, BlockId, ConstId, DimCheckKind, Graph, SourceId, TypeError, ValueId, ValueType,
};
use graphc_kernel::KernelSpec;
use graphc_program::{
    Body, BodyId, CheckKind, ConstRef, DimCheck, Entry, KernelRef, KernelSet, KernelSetId, Literal,
    Port, Program, ProgramConst, ProgramSymbol, SCHEMA, SlotType, Variant,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Why a graph cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// An operator has no kernel for these operands.
    #[error("{sources}: {op} has no kernel: {message}")]
    NoKernel {
        /// The user's nodes.
        sources: String,
        /// The operator.
        op: &'static str,
        /// What is missing.
        message: String,
    },
    /// A part of an operator's lowering does not type.
    #[error(transparent)]
    Type(#[from] TypeError),
    /// A constant has no constant shape.
    #[error("constant {0} has no constant shape")]
    Constant(ConstId),
}

/// Plans a graph for a target. The program's constants are the graph's: entry `i` of the result's second part says which.
pub fn plan(
    graph: &Graph,
    target: &str,
) -> Result<(Program, PrimaryMap<ConstRef, ConstId>), PlanError> {
    let mut planner = Planner::new(graph, target);
    let main = planner.plan_block(Graph::MAIN)?;
    let port = |name: &str, value: ValueId| Port {
        name: name.to_owned(),
        ty: slot_type(graph.ty(value)),
    };
    planner.program.entries.push(Entry {
        name: "main".to_owned(),
        inputs: graph
            .inputs()
            .map(|(name, value)| port(name, value))
            .collect(),
        outputs: graph
            .outputs()
            .map(|(name, value)| port(name, value))
            .collect(),
        body: main,
    });
    Ok((planner.program, planner.consts))
}

/// A program in the making.
pub(crate) struct Planner<'g> {
    pub(crate) graph: &'g Graph,
    pub(crate) program: Program,
    consts: PrimaryMap<ConstRef, ConstId>,
    const_refs: BTreeMap<ConstId, ConstRef>,
    /// Symbols that have to be bound; nothing is known of the bindings of others.
    pub(crate) mentioned: Arc<BTreeSet<SymId>>,
    kernels: BTreeMap<String, KernelRef>,
    /// Ids of bodies are handed out before they are filled, so that regions come after their parents.
    bodies: Vec<Option<Body>>,
}

impl<'g> Planner<'g> {
    fn new(graph: &'g Graph, target: &str) -> Self {
        let symbols = graph
            .dims
            .symbols()
            .map(|(id, symbol)| ProgramSymbol {
                name: symbol.name.clone(),
                lo: symbol.range.lo,
                hi: symbol.range.hi,
                hint: hint(graph, id, &symbol.name).clamp(symbol.range.lo, symbol.range.hi),
            })
            .collect();
        Self {
            graph,
            program: Program {
                schema: SCHEMA,
                name: graph.name.clone(),
                target: target.to_owned(),
                needs: vec![target.to_owned()],
                symbols,
                entries: Vec::new(),
                state: Vec::new(),
                bodies: PrimaryMap::new(),
                kernels: PrimaryMap::new(),
                kernel_sets: PrimaryMap::new(),
                consts: PrimaryMap::new(),
            },
            consts: PrimaryMap::new(),
            const_refs: BTreeMap::new(),
            mentioned: Arc::new(mentioned(graph)),
            kernels: BTreeMap::new(),
            bodies: Vec::new(),
        }
    }

    /// Plans a block and the regions inside it.
    pub(crate) fn plan_block(&mut self, block: BlockId) -> Result<BodyId, PlanError> {
        let is_outermost = self.bodies.is_empty();
        let id = BodyId::from_index(self.bodies.len());
        self.bodies.push(None);
        let body = BlockPlanner::plan(self, block)?;
        self.bodies[id.index()] = Some(body);
        if is_outermost {
            self.program.bodies = self.bodies.drain(..).flatten().collect();
        }
        Ok(id)
    }

    /// What a block demands of dims whenever it runs.
    pub(crate) fn checks(&self, block: BlockId) -> Vec<DimCheck> {
        let own = self.graph.checks.iter();
        own.filter(|check| check.block == block)
            .map(|check| DimCheck {
                kind: match &check.kind {
                    DimCheckKind::Equal(a, b) => CheckKind::Equal(a.clone(), b.clone()),
                    DimCheckKind::Broadcast(a, b) => CheckKind::Broadcast(a.clone(), b.clone()),
                    DimCheckKind::LessEqual(a, b) => CheckKind::LessEqual(a.clone(), b.clone()),
                },
                what: check.what.clone(),
            })
            .collect()
    }

    /// The program's constant for a graph's constant.
    pub(crate) fn constant(&mut self, id: ConstId) -> Result<ConstRef, PlanError> {
        if let Some(&constant) = self.const_refs.get(&id) {
            return Ok(constant);
        }
        let constant = &self.graph.consts[id];
        let shape = constant.ty.const_shape().ok_or(PlanError::Constant(id))?;
        let literal = constant
            .strings()
            .map(|strings| Literal::Strings(strings.to_vec()));
        let reference = self.program.consts.push(ProgramConst {
            // The number keeps names apart that the model gives twice.
            name: match &constant.name {
                Some(name) => format!("{name}#{}", self.consts.len()),
                None => format!("const#{}", self.consts.len()),
            },
            dtype: constant.ty.dtype,
            shape,
            literal,
        });
        self.consts.push(id);
        self.const_refs.insert(id, reference);
        Ok(reference)
    }

    /// A kernel set of one kernel.
    pub(crate) fn kernel_set(&mut self, spec: KernelSpec, sources: Vec<String>) -> KernelSetId {
        let key = format!("{spec:?}");
        let kernel = match self.kernels.get(&key) {
            Some(&kernel) => kernel,
            None => {
                let kernel = self.program.kernels.push(spec);
                self.kernels.insert(key, kernel);
                kernel
            }
        };
        self.program.kernel_sets.push(KernelSet {
            variants: vec![Variant {
                guards: Vec::new(),
                kernel,
                code: String::new(),
                cost_ns: 0,
            }],
            sources,
        })
    }

    /// Names of the user's nodes.
    pub(crate) fn source_names(&self, sources: &[SourceId]) -> Vec<String> {
        sources
            .iter()
            .filter_map(|&source| self.graph.sources.get(source))
            .map(|source| source.name.clone())
            .collect()
    }
}

/// Parts of names of dims that count something other than samples.
const LONG_NAMES: [&str; 9] = [
    "seq", "len", "time", "token", "frame", "height", "width", "past", "total",
];

/// Symbols that types, operators and checks mention.
fn mentioned(graph: &Graph) -> BTreeSet<SymId> {
    let mut symbols = BTreeSet::new();
    let mut mention = |dim: &Dim| symbols.extend(dim.symbols());
    let mut blocks = vec![Graph::MAIN];
    while let Some(block) = blocks.pop() {
        for &param in &graph.block(block).params {
            graph.ty(param).visit_dims(&mut mention);
        }
        for &node in &graph.block(block).nodes {
            let node = graph.node(node);
            node.op.visit_dims(&mut mention);
            for &output in &node.outputs {
                graph.ty(output).visit_dims(&mut mention);
            }
            blocks.extend(node.op.blocks());
        }
    }
    for check in &graph.checks {
        let (a, b) = check.kind.sides();
        mention(a);
        mention(b);
    }
    symbols
}

/// The size that cost estimates assume for a symbol that nothing is said of: 1 for a batch, 128 for others. Where the
/// name does not tell, the first axis of an input is a batch.
fn hint(graph: &Graph, symbol: SymId, name: &str) -> i64 {
    let name = name.to_ascii_lowercase();
    if name.contains("batch") || name == "n" {
        return 1;
    }
    if LONG_NAMES.iter().any(|long| name.contains(long)) {
        return 128;
    }
    match graph.bindings.get(&symbol) {
        Some(&Binding::Axis(value, 0))
            if graph.tensor_ty(value).is_some_and(|ty| ty.rank() > 1) =>
        {
            1
        }
        _ => 128,
    }
}

/// The slot type of a value.
pub(crate) fn slot_type(ty: &ValueType) -> SlotType {
    match ty {
        ValueType::Tensor(tensor) if !ty.is_host() => SlotType::Tensor {
            dtype: tensor.dtype,
            shape: tensor.shape.clone(),
        },
        ValueType::Tensor(_) => SlotType::Host("a tensor of strings".to_owned()),
        ValueType::Sequence(element) => {
            SlotType::Host(format!("a sequence of {} tensors", element.dtype))
        }
        ValueType::Optional(_) => SlotType::Host("an optional".to_owned()),
    }
}
