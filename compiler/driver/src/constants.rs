//! Contents of constants, streamed into the artifact: from where they lie, or derived on the CPU when their turn comes.
//!
//! A derived constant is computed once and kept only while constants that are still to be written need it.

use graphc_base::PrimaryMap;
use graphc_cpu::CpuDevice;
use graphc_device::{Device, Input, Launch, Span};
use graphc_ir::{ConstData, ConstId, Graph, InferCx, Op, TensorType, ValueType, infer};
use graphc_plan::lower_whole;
use graphc_program::{ConstRef, ConstSource, memory::align};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Constants of a graph as a source for an artifact.
pub(crate) struct GraphConstants<'a> {
    graph: &'a Graph,
    consts: &'a PrimaryMap<ConstRef, ConstId>,
    device: CpuDevice,
    /// How often each derived constant is still needed, by the artifact or by another derivation.
    uses: BTreeMap<ConstId, usize>,
    derived: BTreeMap<ConstId, Bytes>,
}

/// Bytes aligned for every dtype.
struct Bytes {
    words: Vec<u64>,
    len: usize,
}

impl Bytes {
    fn zeroed(len: usize) -> Self {
        Self {
            words: vec![0; len.div_ceil(8)],
            len,
        }
    }

    fn copy_of(bytes: &[u8]) -> Self {
        let mut copy = Self::zeroed(bytes.len());
        bytemuck::cast_slice_mut(&mut copy.words)[..bytes.len()].copy_from_slice(bytes);
        copy
    }

    fn as_slice(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.len]
    }
}

impl<'a> GraphConstants<'a> {
    pub(crate) fn new(graph: &'a Graph, consts: &'a PrimaryMap<ConstRef, ConstId>) -> Self {
        let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut uses: BTreeMap<ConstId, usize> = BTreeMap::new();
        let mut open: Vec<ConstId> = consts.values().copied().collect();
        while let Some(constant) = open.pop() {
            if let ConstData::Derived { inputs, .. } = &graph.consts[constant].data {
                let count = uses.entry(constant).or_default();
                *count += 1;
                if *count == 1 {
                    open.extend(inputs);
                }
            }
        }
        Self {
            graph,
            consts,
            device: CpuDevice::new(n_threads),
            uses,
            derived: BTreeMap::new(),
        }
    }

    /// Derives a constant and what it follows from, in order of need and without recursion: chains may be long.
    fn derive(&mut self, id: ConstId) -> io::Result<()> {
        let graph = self.graph;
        let mut open = vec![id];
        while let Some(&next) = open.last() {
            let ConstData::Derived { op, inputs, output } = &graph.consts[next].data else {
                open.pop();
                continue;
            };
            let n_open = open.len();
            let is_missing = |input: &ConstId| {
                let is_derived = matches!(graph.consts[*input].data, ConstData::Derived { .. });
                is_derived && !self.derived.contains_key(input)
            };
            if !self.derived.contains_key(&next) {
                open.extend(inputs.iter().copied().filter(is_missing));
                if open.len() > n_open {
                    continue;
                }
                let made = self.evaluate(op, inputs, *output)?;
                self.derived.insert(next, made);
                inputs.iter().for_each(|&input| self.release(input));
            }
            open.pop();
        }
        Ok(())
    }

    /// Counts a use; forgets a derived constant with its last one.
    fn release(&mut self, id: ConstId) {
        if let Some(left) = self.uses.get_mut(&id) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.derived.remove(&id);
            }
        }
    }

    /// The contents of a constant that is stored or derived already.
    fn bytes(&self, id: ConstId) -> io::Result<&[u8]> {
        let constant = &self.graph.consts[id];
        constant
            .bytes()
            .or_else(|| self.derived.get(&id).map(Bytes::as_slice))
            .ok_or_else(|| {
                fault(format!(
                    "constant {:?} has no bytes of its own",
                    constant.name
                ))
            })
    }

    /// One result of an operator on constants.
    fn evaluate(&self, op: &Op, inputs: &[ConstId], output: usize) -> io::Result<Bytes> {
        let failed = |message: String| fault(format!("a constant cannot be derived: {message}"));
        let graph = self.graph;
        let cx = InferCx {
            dims: &graph.dims,
            consts: &graph.consts,
        };
        let types: Vec<TensorType> = inputs
            .iter()
            .map(|&input| graph.consts[input].ty.clone())
            .collect();
        let operand_types: Vec<ValueType> = types.iter().cloned().map(ValueType::from).collect();
        let inferred = infer(op, &operand_types.iter().collect::<Vec<_>>(), cx)
            .map_err(|error| failed(error.to_string()))?;
        let outputs: Vec<TensorType> = inferred
            .outputs
            .iter()
            .map(|ty| ty.as_tensor().cloned())
            .collect::<Option<_>>()
            .ok_or_else(|| failed(format!("{} gives no tensor", op.name())))?;
        let spec = lower_whole(&graph.dims, op, &types, &outputs).map_err(failed)?;
        let bound = spec.bind(&[]).map_err(|error| failed(error.to_string()))?;
        let kernel = self
            .device
            .prepare(&bound)
            .map_err(|error| failed(error.to_string()))?;
        let mut end = 0usize;
        let mut place = |bytes: usize| {
            let offset = end;
            end = end.saturating_add(align(bytes));
            Span { offset, bytes }
        };
        let spans: Vec<Span> = bound
            .outputs
            .iter()
            .map(|out| place(out.byte_len()))
            .collect();
        let scratch = place(kernel.scratch_bytes());
        let mut arena = self
            .device
            .allocate(end)
            .map_err(|error| failed(error.to_string()))?;
        let operands = inputs
            .iter()
            .map(|&input| self.bytes(input))
            .collect::<io::Result<Vec<&[u8]>>>()?;
        let copies: Vec<Option<Bytes>> = operands
            .iter()
            .map(|&bytes| {
                let is_aligned = (bytes.as_ptr() as usize).is_multiple_of(8);
                (!is_aligned).then(|| Bytes::copy_of(bytes))
            })
            .collect();
        let given: Vec<Input<'_>> = operands
            .iter()
            .zip(&copies)
            .map(|(&bytes, copy)| Input::Host(copy.as_ref().map_or(bytes, Bytes::as_slice)))
            .collect();
        kernel
            .launch(Launch {
                arena: &mut *arena,
                inputs: &given,
                outputs: &spans,
                scratch,
            })
            .map_err(|error| failed(error.to_string()))?;
        let span = spans
            .get(output)
            .ok_or_else(|| failed(format!("{} has no result {output}", op.name())))?;
        let mut made = Bytes::zeroed(span.bytes);
        arena
            .read(
                span.offset,
                &mut bytemuck::cast_slice_mut(&mut made.words)[..span.bytes],
            )
            .map_err(|error| failed(error.to_string()))?;
        Ok(made)
    }
}

impl ConstSource for GraphConstants<'_> {
    fn write(&mut self, constant: ConstRef, to: &mut dyn Write) -> io::Result<()> {
        let id = self.consts[constant];
        self.derive(id)?;
        to.write_all(self.bytes(id)?)?;
        self.release(id);
        Ok(())
    }
}

fn fault(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}
