//! The builder: nodes are typed as they are made, their provenance set, their small integer results followed.
//!
//! Whatever is built here passes the verifier. Dims that tensors carry as data are known through
//! [`symbolic`](Builder::symbolic); [`dims_of`](Builder::dims_of) turns such a tensor into dims, binding fresh symbols for
//! what only the run will show.

use crate::consts::ConstData;
use crate::graph::{Binding, BlockId, DimCheck, DimCheckKind, Graph, Source, SourceId, ValueId};
use crate::infer::{InferCx, TypeError, infer};
use crate::op::Op;
use crate::symbolic::{SymElement, SymTensor, narrowing_check, propagate};
use crate::types::{TensorType, ValueType};
use graphc_base::{DType, Dim, DimCx, Interval, SecondaryMap, SymId};
use std::sync::Arc;

mod shorthand;

/// Makes a graph node by node.
#[derive(Clone)]
pub struct Builder {
    graph: Graph,
    block: BlockId,
    sources: Arc<[SourceId]>,
    symbolic: SecondaryMap<ValueId, Option<SymTensor>>,
}

impl Builder {
    /// A builder of an empty graph.
    pub fn new(name: &str) -> Self {
        Self {
            graph: Graph::new(name),
            block: Graph::MAIN,
            sources: Arc::from([]),
            symbolic: SecondaryMap::new(),
        }
    }

    /// The graph so far.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The graph so far, for what has no method here.
    pub fn graph_mut(&mut self) -> &mut Graph {
        &mut self.graph
    }

    /// The finished graph.
    pub fn finish(self) -> Graph {
        self.graph
    }

    /// Symbols and the algebra of dims.
    pub fn dims(&self) -> &DimCx {
        &self.graph.dims
    }

    /// The block that new nodes go to.
    pub fn block(&self) -> BlockId {
        self.block
    }

    /// Sends new nodes to another block; gives the one before.
    pub fn set_block(&mut self, block: BlockId) -> BlockId {
        std::mem::replace(&mut self.block, block)
    }

    /// Provenance of the nodes made from now on.
    pub fn set_sources(&mut self, sources: Arc<[SourceId]>) {
        self.sources = sources;
    }

    /// A node of the user's model.
    pub fn add_source(&mut self, name: &str, op_type: &str) -> SourceId {
        self.graph.sources.push(Source {
            name: name.to_owned(),
            op_type: op_type.to_owned(),
        })
    }

    /// An input of the main block. Dims that are symbols without a binding are bound from its axes.
    pub fn input(&mut self, name: &str, ty: ValueType) -> ValueId {
        let value = self
            .graph
            .add_param(Graph::MAIN, ty.clone(), Some(name.into()));
        self.graph.input_names.push(name.to_owned());
        if let ValueType::Tensor(tensor) = &ty {
            for (axis, dim) in tensor.shape.iter().enumerate() {
                if let Some(symbol) = dim.as_symbol() {
                    let binding = Binding::Axis(value, axis);
                    self.graph.bindings.entry(symbol).or_insert(binding);
                }
            }
        }
        value
    }

    /// An output of the main block.
    pub fn output(&mut self, name: &str, value: ValueId) {
        self.graph.block_mut(Graph::MAIN).results.push(value);
        self.graph.output_names.push(name.to_owned());
    }

    /// Adds a node; gives its results.
    pub fn op(&mut self, op: Op, inputs: &[ValueId]) -> Result<Vec<ValueId>, TypeError> {
        let types: Vec<&ValueType> = inputs.iter().map(|&input| self.graph.ty(input)).collect();
        let cx = InferCx {
            dims: &self.graph.dims,
            consts: &self.graph.consts,
        };
        let inferred = infer(&op, &types, cx)?;
        let mut kinds = inferred.checks;
        if let (Op::Cast { to, .. }, [x]) = (&op, inputs)
            && let Some(known) = &self.symbolic[*x]
        {
            let elements = known.elements.iter();
            kinds.extend(elements.filter_map(|element| narrowing_check(&self.graph, element, *to)));
        }
        self.add_checks(kinds, op.name());
        let known = propagate(&op, inputs, &inferred.outputs, &self.symbolic, &self.graph);
        let sources = self.sources.clone();
        let node =
            self.graph
                .append_node(self.block, op, inputs.to_vec(), inferred.outputs, sources);
        let outputs = self.graph.node(node).outputs.clone();
        if let (Some(known), Some(&output)) = (known, outputs.first()) {
            self.symbolic.set(output, Some(known));
        }
        Ok(outputs)
    }

    fn add_checks(&mut self, kinds: Vec<DimCheckKind>, op: &'static str) {
        for kind in kinds {
            let source = self
                .sources
                .last()
                .map(|&source| &self.graph.sources[source]);
            let name = source.map_or(op, |source| source.name.as_str());
            let check = DimCheck {
                kind,
                what: format!("{name} ({op})"),
                block: self.block,
            };
            if !self.graph.checks.contains(&check) {
                self.graph.checks.push(check);
            }
        }
    }

    /// Adds a node; gives its first result.
    pub fn op1(&mut self, op: Op, inputs: &[ValueId]) -> Result<ValueId, TypeError> {
        let name = op.name();
        self.op(op, inputs)?.first().copied().ok_or(TypeError {
            op: name,
            message: "has no result".to_owned(),
        })
    }

    // ---- types ----

    /// The type of a value.
    pub fn ty(&self, value: ValueId) -> &ValueType {
        self.graph.ty(value)
    }

    /// The type of a value that must be a tensor.
    pub fn tensor(&self, value: ValueId) -> Result<&TensorType, TypeError> {
        self.graph.tensor_ty(value).ok_or_else(|| TypeError {
            op: "operand",
            message: format!("{value} is no tensor"),
        })
    }

    /// The shape of a tensor.
    pub fn shape(&self, value: ValueId) -> Result<Vec<Dim>, TypeError> {
        Ok(self.tensor(value)?.shape.clone())
    }

    /// The element type of a tensor.
    pub fn dtype(&self, value: ValueId) -> Result<DType, TypeError> {
        Ok(self.tensor(value)?.dtype)
    }

    /// The rank of a tensor.
    pub fn rank(&self, value: ValueId) -> Result<usize, TypeError> {
        Ok(self.tensor(value)?.rank())
    }

    // ---- constants ----

    /// A constant.
    pub fn constant(
        &mut self,
        ty: TensorType,
        data: ConstData,
        name: Option<String>,
    ) -> Result<ValueId, TypeError> {
        let id = self.graph.consts.insert(ty, data, name);
        self.op1(Op::Const(id), &[])
    }

    /// `i64[n]`.
    pub fn const_i64(&mut self, values: &[i64]) -> ValueId {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.inline(DType::I64, &[values.len()], bytes)
    }

    /// `f32[shape]`.
    pub fn const_f32(&mut self, shape: &[usize], values: &[f32]) -> ValueId {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.inline(DType::F32, shape, bytes)
    }

    /// A rank-0 constant of any numeric dtype, rounded or wrapped into it.
    pub fn const_scalar(&mut self, dtype: DType, value: f64) -> ValueId {
        self.inline(dtype, &[], crate::symbolic::encode_float(dtype, value))
    }

    /// A rank-0 constant of any numeric dtype, exact for 64-bit integers.
    pub fn const_scalar_i64(&mut self, dtype: DType, value: i64) -> ValueId {
        self.inline(dtype, &[], crate::symbolic::encode_int(dtype, value))
    }

    fn inline(&mut self, dtype: DType, shape: &[usize], bytes: Vec<u8>) -> ValueId {
        let ty = TensorType::new(dtype, shape.iter().copied());
        let id = self
            .graph
            .consts
            .insert(ty.clone(), ConstData::Inline(bytes.into()), None);
        let known = crate::symbolic::of_constant(&self.graph, id);
        let sources = self.sources.clone();
        let node = self.graph.append_node(
            self.block,
            Op::Const(id),
            Vec::new(),
            vec![ty.into()],
            sources,
        );
        let value = self.graph.node(node).outputs[0];
        self.symbolic.set(value, known);
        value
    }

    // ---- dims and tensors ----

    /// What is known of a small tensor's elements.
    pub fn symbolic(&self, value: ValueId) -> Option<&SymTensor> {
        self.symbolic[value].as_ref()
    }

    /// All elements, where all are known integers.
    pub fn known_i64(&self, value: ValueId) -> Option<Vec<i64>> {
        let known = self.symbolic(value)?;
        known
            .elements
            .iter()
            .map(|element| match element {
                SymElement::Dim(dim) => dim.as_const(),
                SymElement::Float(_) | SymElement::Unknown => None,
            })
            .collect()
    }

    /// All elements, where all are known numbers.
    pub fn known_f64(&self, value: ValueId) -> Option<Vec<f64>> {
        let known = self.symbolic(value)?;
        known
            .elements
            .iter()
            .map(|element| match element {
                SymElement::Dim(dim) => dim.as_const().map(|value| value as f64),
                SymElement::Float(value) => Some(value.get()),
                SymElement::Unknown => None,
            })
            .collect()
    }

    /// The elements of an integer tensor of rank 0 or 1 and constant length as dims: those that are known as they are, the
    /// others as fresh symbols that the run binds.
    pub fn dims_of(&mut self, value: ValueId) -> Result<Vec<Dim>, TypeError> {
        let fault = |message: String| TypeError {
            op: "dims",
            message,
        };
        let ty = self.tensor(value)?.clone();
        let n_elements = match ty.const_shape().as_deref() {
            Some([]) => 1,
            Some([n]) if *n <= 4096 => *n,
            _ => {
                return Err(fault(
                    "the length of a tensor of dims must be a constant".to_owned(),
                ));
            }
        };
        if !ty.dtype.is_int() && ty.dtype != DType::Bool {
            return Err(fault(format!(
                "dims must be integers, they are {}",
                ty.dtype
            )));
        }
        let known: Vec<Option<Dim>> = match self.symbolic(value) {
            Some(known) => known
                .elements
                .iter()
                .map(|element| match element {
                    SymElement::Dim(dim) => Some(dim.clone()),
                    SymElement::Float(_) | SymElement::Unknown => None,
                })
                .collect(),
            None => vec![None; n_elements],
        };
        let mut source = value;
        if known.iter().any(Option::is_none) && ty.dtype != DType::I64 {
            source = self.cast(value, DType::I64)?;
        }
        let name = self
            .graph
            .value(value)
            .name
            .as_deref()
            .unwrap_or("data")
            .to_owned();
        let dims: Vec<Dim> = known
            .into_iter()
            .enumerate()
            .map(|(element, dim)| {
                dim.unwrap_or_else(|| {
                    self.bind_dim(source, element, &format!("{name}_{element}"), Interval::ANY)
                })
            })
            .collect();
        // The same tensor asked again gives the same symbols.
        let known = SymTensor::of_dims(ty.dtype, ty.rank(), &dims);
        self.symbolic.set(value, Some(known));
        Ok(dims)
    }

    /// A fresh symbol that the run binds from an element of an integer tensor.
    pub fn bind_dim(&mut self, value: ValueId, element: usize, name: &str, range: Interval) -> Dim {
        let symbol = self.graph.dims.new_symbol(name, range);
        self.graph
            .bindings
            .insert(symbol, Binding::Element(value, element));
        Dim::symbol(symbol)
    }

    /// A fresh symbol for the size of an axis of a value that is still to be made; [`bind_axis`](Self::bind_axis) follows.
    pub fn axis_symbol(&mut self, name: &str) -> SymId {
        self.graph.dims.new_symbol(name, Interval::SIZE)
    }

    /// Says that a symbol is the size of an axis of a value.
    pub fn bind_axis(&mut self, symbol: SymId, value: ValueId, axis: usize) {
        self.graph
            .bindings
            .insert(symbol, Binding::Axis(value, axis));
    }

    /// `i64[n]`: dims as data.
    pub fn dim_tensor(&mut self, dims: &[Dim]) -> Result<ValueId, TypeError> {
        match dims.iter().map(Dim::as_const).collect::<Option<Vec<i64>>>() {
            Some(values) => Ok(self.const_i64(&values)),
            None => self.op1(
                Op::DimTensor {
                    dims: dims.to_vec(),
                    scalar: false,
                },
                &[],
            ),
        }
    }

    /// `i64[]`: a dim as data.
    pub fn dim_scalar(&mut self, dim: &Dim) -> Result<ValueId, TypeError> {
        match dim.as_const() {
            Some(value) => Ok(self.const_scalar_i64(DType::I64, value)),
            None => self.op1(
                Op::DimTensor {
                    dims: vec![dim.clone()],
                    scalar: true,
                },
                &[],
            ),
        }
    }
}
