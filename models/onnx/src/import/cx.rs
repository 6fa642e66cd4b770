//! One node while it is converted: its operands, attributes and opset, and the graph that its results go into.

use super::Importer;
use crate::attr::Attrs;
use crate::error::OnnxError;
use crate::proto::{GraphProto, NodeProto};
use crate::tensor::{TensorData, TensorView, data_type_to_dtype};
use graphc_base::{DType, Dim};
use graphc_ir::{
    Builder, ConstData, DimCheck, DimCheckKind, SourceId, TensorType, TypeError, ValueId, ValueType,
};
use std::sync::Arc;

/// Why a node could not be converted; the importer adds which node it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConvertError {
    /// The operator that it becomes does not take these operands.
    #[error(transparent)]
    Type(#[from] TypeError),
    /// An attribute or tensor of the node, or a node of one of its subgraphs, is at fault; says all itself.
    #[error(transparent)]
    Model(Box<OnnxError>),
    /// ONNX allows it, the importer does not.
    #[error("{0}")]
    Unsupported(String),
    /// ONNX does not allow it.
    #[error("{0}")]
    Invalid(String),
}

impl From<OnnxError> for ConvertError {
    fn from(error: OnnxError) -> Self {
        ConvertError::Model(Box::new(error))
    }
}

/// A node that is being converted.
pub(crate) struct NodeCx<'a, 'm> {
    /// The graph that is made.
    pub(crate) b: &'a mut Builder,
    importer: &'a mut Importer<'m>,
    node: &'a NodeProto,
    attrs: &'a Attrs<'a>,
    inputs: Vec<Option<ValueId>>,
    opset: i64,
    sources: Arc<[SourceId]>,
}

impl<'a, 'm> NodeCx<'a, 'm> {
    pub(super) fn new(
        b: &'a mut Builder,
        importer: &'a mut Importer<'m>,
        node: &'a NodeProto,
        attrs: &'a Attrs<'a>,
        inputs: Vec<Option<ValueId>>,
        opset: i64,
        sources: Arc<[SourceId]>,
    ) -> Self {
        b.set_sources(sources.clone());
        Self {
            b,
            importer,
            node,
            attrs,
            inputs,
            opset,
            sources,
        }
    }

    /// Version of the node's domain that the model, or the function that the node is in, imports.
    pub(crate) fn opset(&self) -> i64 {
        self.opset
    }

    /// The operator's name.
    pub(crate) fn op_type(&self) -> &'a str {
        &self.node.op_type
    }

    // ---- operands and results ----

    /// Operand `i`, which must be there.
    pub(crate) fn input(&self, i: usize) -> Result<ValueId, ConvertError> {
        self.opt(i)
            .ok_or_else(|| ConvertError::Invalid(format!("operand {i} is missing")))
    }

    /// Operand `i`, if it is there.
    pub(crate) fn opt(&self, i: usize) -> Option<ValueId> {
        self.inputs.get(i).copied().flatten()
    }

    /// All operands, none of which may be missing.
    pub(crate) fn inputs(&self) -> Result<Vec<ValueId>, ConvertError> {
        (0..self.inputs.len()).map(|i| self.input(i)).collect()
    }

    /// Number of operands that the node names, missing ones in between included.
    pub(crate) fn n_inputs(&self) -> usize {
        self.inputs.len()
    }

    /// Number of results that the node names.
    pub(crate) fn n_outputs(&self) -> usize {
        self.node.output.len()
    }

    /// Whether the node names result `i`.
    pub(crate) fn output_used(&self, i: usize) -> bool {
        self.node.output.get(i).is_some_and(|name| !name.is_empty())
    }

    // ---- attributes ----

    /// An integer.
    pub(crate) fn int(&self, name: &str, default: i64) -> Result<i64, ConvertError> {
        Ok(self.int_opt(name)?.unwrap_or(default))
    }

    /// An integer, if it is there.
    pub(crate) fn int_opt(&self, name: &str) -> Result<Option<i64>, ConvertError> {
        Ok(self.attrs.int_opt(name)?)
    }

    /// An integer that must be there.
    pub(crate) fn int_req(&self, name: &str) -> Result<i64, ConvertError> {
        self.int_opt(name)?.ok_or_else(|| missing(name))
    }

    /// An integer that means yes or no.
    pub(crate) fn flag(&self, name: &str, default: bool) -> Result<bool, ConvertError> {
        Ok(self.int(name, i64::from(default))? != 0)
    }

    /// A float.
    pub(crate) fn float(&self, name: &str, default: f32) -> Result<f32, ConvertError> {
        Ok(self.float_opt(name)?.unwrap_or(default))
    }

    /// A float, if it is there.
    pub(crate) fn float_opt(&self, name: &str) -> Result<Option<f32>, ConvertError> {
        Ok(self.attrs.float_opt(name)?)
    }

    /// A list of integers, if it is there.
    pub(crate) fn ints_opt(&self, name: &str) -> Result<Option<Vec<i64>>, ConvertError> {
        Ok(self.attrs.ints_opt(name)?)
    }

    /// A list of floats, if it is there.
    pub(crate) fn floats_opt(&self, name: &str) -> Result<Option<Vec<f32>>, ConvertError> {
        Ok(self.attrs.floats_opt(name)?)
    }

    /// A string.
    pub(crate) fn string(&self, name: &str, default: &str) -> Result<String, ConvertError> {
        Ok(self.string_opt(name)?.unwrap_or_else(|| default.to_owned()))
    }

    /// A string, if it is there.
    pub(crate) fn string_opt(&self, name: &str) -> Result<Option<String>, ConvertError> {
        Ok(self.attrs.string_opt(name)?)
    }

    /// A string that must be there.
    pub(crate) fn string_req(&self, name: &str) -> Result<String, ConvertError> {
        self.string_opt(name)?.ok_or_else(|| missing(name))
    }

    /// A list of strings, if it is there.
    pub(crate) fn strings_opt(&self, name: &str) -> Result<Option<Vec<String>>, ConvertError> {
        Ok(self.attrs.strings_opt(name)?)
    }

    /// An element type, if it is there.
    pub(crate) fn dtype_opt(&self, name: &str) -> Result<Option<DType>, ConvertError> {
        let Some(raw) = self.int_opt(name)? else {
            return Ok(None);
        };
        i32::try_from(raw)
            .ok()
            .and_then(|raw| data_type_to_dtype(raw).ok())
            .map(Some)
            .ok_or_else(|| {
                ConvertError::Unsupported(format!(
                    "attribute {name}: data type {raw} is not supported"
                ))
            })
    }

    /// An element type that must be there.
    pub(crate) fn dtype_req(&self, name: &str) -> Result<DType, ConvertError> {
        self.dtype_opt(name)?.ok_or_else(|| missing(name))
    }

    /// A tensor, if it is there.
    pub(crate) fn tensor_opt(&self, name: &str) -> Result<Option<TensorView>, ConvertError> {
        Ok(self.attrs.tensor_opt(name, self.importer.model())?)
    }

    /// A tensor as a constant, if it is there.
    pub(crate) fn tensor_constant(&mut self, name: &str) -> Result<Option<ValueId>, ConvertError> {
        match self.tensor_opt(name)? {
            Some(view) => Ok(Some(super::constants::constant(self.b, view)?)),
            None => Ok(None),
        }
    }

    /// A sparse tensor as a dense constant, if it is there.
    pub(crate) fn sparse_constant(&mut self, name: &str) -> Result<Option<ValueId>, ConvertError> {
        match self.attrs.sparse_opt(name, self.importer.model())? {
            Some(view) => Ok(Some(super::constants::constant(self.b, view)?)),
            None => Ok(None),
        }
    }

    /// The type of a value, if it is there.
    pub(crate) fn type_opt(&self, name: &str) -> Result<Option<ValueType>, ConvertError> {
        match self.attrs.type_opt(name)? {
            Some(ty) => Ok(Some(super::inputs::declared_type(ty)?)),
            None => Ok(None),
        }
    }

    /// A subgraph that must be there.
    pub(crate) fn graph_attr(&self, name: &str) -> Result<&'a GraphProto, ConvertError> {
        self.attrs.graph_opt(name)?.ok_or_else(|| missing(name))
    }

    /// Attributes that the node may have and that change nothing.
    pub(crate) fn ignore(&self, names: &[&str]) {
        for name in names {
            self.attrs.mark_read(name);
        }
    }

    // ---- constants ----

    /// A constant of strings.
    pub(crate) fn string_constant(
        &mut self,
        shape: &[usize],
        strings: Vec<String>,
    ) -> Result<ValueId, ConvertError> {
        let ty = TensorType::new(DType::String, shape.iter().copied().map(Dim::from));
        Ok(self
            .b
            .constant(ty, ConstData::Strings(strings.into()), None)?)
    }

    // ---- scopes ----

    /// What a name of the model stands for here.
    pub(super) fn lookup(&self, name: &str) -> Option<Option<ValueId>> {
        self.importer.scopes.lookup(name)
    }

    /// Opens the scope of a region.
    pub(super) fn enter_region(&mut self, names: Vec<(&str, Option<ValueId>)>) {
        self.importer.scopes.push_closed();
        for (name, meaning) in names {
            self.importer.scopes.define(name, meaning);
        }
    }

    /// Closes the scope of a region.
    pub(super) fn leave_region(&mut self) {
        self.importer.scopes.pop();
    }

    /// Converts a subgraph into the current block: its inputs stand for `args`; gives its outputs.
    pub(crate) fn inline(
        &mut self,
        graph: &GraphProto,
        args: &[ValueId],
    ) -> Result<Vec<ValueId>, ConvertError> {
        let outputs = self.importer.convert_graph(self.b, graph, args)?;
        // The nodes of the subgraph were others'; what follows is this node's again.
        self.b.set_sources(self.sources.clone());
        Ok(outputs)
    }

    /// A number that no other random node has.
    pub(crate) fn next_instance(&mut self) -> u32 {
        self.importer.next_instance()
    }

    /// Has the run test a relation between sizes.
    pub(crate) fn check(&mut self, kind: DimCheckKind) {
        let what = format!("{} ({})", self.node.name, self.node.op_type);
        let block = self.b.block();
        let check = DimCheck { kind, what, block };
        self.b.graph_mut().checks.push(check);
    }

    /// A decision that the importer takes back if the rest of the model refuses it; `first` is tried first.
    ///
    /// Whatever is decided is tested whenever the block runs that it is decided in.
    pub(crate) fn assumption(&mut self, first: bool) -> Result<bool, ConvertError> {
        Ok(self.importer.learnt.assumptions.next(first))
    }

    // ---- messages ----

    /// A name for the size of an axis of a result.
    pub(super) fn axis_name(&self, result_idx: usize, axis: usize) -> String {
        match self.node.output.get(result_idx) {
            Some(name) if !name.is_empty() => format!("{name}_d{axis}"),
            _ => format!("{}_{result_idx}_d{axis}", self.node.op_type),
        }
    }

    /// A type as messages show it.
    pub(crate) fn show_type(&self, ty: &ValueType) -> String {
        match ty {
            ValueType::Tensor(tensor) => {
                let dims: Vec<String> = tensor
                    .shape
                    .iter()
                    .map(|dim| self.b.dims().display(dim).to_string())
                    .collect();
                format!("{}[{}]", tensor.dtype, dims.join(","))
            }
            ValueType::Sequence(element) => format!("sequence of {}", element.dtype),
            ValueType::Optional(inner) => format!("optional {}", self.show_type(inner)),
        }
    }
}

fn missing(name: &str) -> ConvertError {
    ConvertError::Invalid(format!("attribute {name} is missing"))
}

/// The elements of a tensor attribute as numbers or strings.
pub(crate) enum Elements {
    /// Integers and truth values.
    Ints(Vec<i64>),
    /// Floats.
    Floats(Vec<f64>),
    /// Strings.
    Strings(Vec<String>),
}

impl Elements {
    /// Reads a small tensor element by element.
    pub(crate) fn of(view: &TensorView) -> Result<Self, ConvertError> {
        let bytes = match &view.data {
            TensorData::Strings(strings) => return Ok(Elements::Strings(strings.clone())),
            TensorData::Bytes { bytes, .. } => &bytes[..],
        };
        macro_rules! ints {
            ($ty:ty) => {
                Elements::Ints(
                    words(bytes)
                        .map(|word| <$ty>::from_le_bytes(word) as i64)
                        .collect(),
                )
            };
        }
        Ok(match view.dtype {
            DType::Bool | DType::U8 => ints!(u8),
            DType::I8 => ints!(i8),
            DType::U16 => ints!(u16),
            DType::I16 => ints!(i16),
            DType::U32 => ints!(u32),
            DType::I32 => ints!(i32),
            DType::U64 => ints!(u64),
            DType::I64 => ints!(i64),
            DType::F32 => Elements::Floats(
                words(bytes)
                    .map(|word| f64::from(f32::from_le_bytes(word)))
                    .collect(),
            ),
            DType::F64 => Elements::Floats(words(bytes).map(f64::from_le_bytes).collect()),
            dtype => {
                return Err(ConvertError::Unsupported(format!(
                    "tensor attribute of {dtype} is not read here"
                )));
            }
        })
    }
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    bytes.as_chunks::<N>().0.iter().copied()
}
