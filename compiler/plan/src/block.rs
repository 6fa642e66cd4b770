//! One block: its slots and steps. Symbols are bound as soon as what binds them is there.

use crate::host::{host_op, is_host};
use crate::kernel::{Lowered, lower};
use crate::program::{PlanError, Planner, slot_type};
use graphc_base::{PrimaryMap, SymId};
use graphc_ir::op::{If, Loop};
use graphc_ir::{Binding, BlockId, NodeId, Op, ValueId};
use graphc_kernel::KernelSpec;
use graphc_program::{Body, RegionOutput, Slot, SlotId, SlotType, Step, Storage, SymbolSource};
use std::collections::BTreeMap;

pub(crate) struct BlockPlanner<'p, 'g> {
    pub(crate) planner: &'p mut Planner<'g>,
    body: Body,
    slots: BTreeMap<ValueId, SlotId>,
    /// Symbols by the value that binds them, in order.
    bindings: BTreeMap<ValueId, Vec<(SymId, Binding)>>,
}

impl<'p, 'g> BlockPlanner<'p, 'g> {
    pub(crate) fn plan(planner: &'p mut Planner<'g>, block: BlockId) -> Result<Body, PlanError> {
        let graph = planner.graph;
        let mut bindings: BTreeMap<ValueId, Vec<(SymId, Binding)>> = BTreeMap::new();
        let mentioned = planner.mentioned.clone();
        for (&symbol, &binding) in graph
            .bindings
            .iter()
            .filter(|(it, _)| mentioned.contains(it))
        {
            bindings
                .entry(binding.value())
                .or_default()
                .push((symbol, binding));
        }
        let mut this = BlockPlanner {
            body: Body {
                checks: planner.checks(block),
                slots: PrimaryMap::new(),
                params: Vec::new(),
                results: Vec::new(),
                steps: Vec::new(),
            },
            planner,
            slots: BTreeMap::new(),
            bindings,
        };
        let params = graph.block(block).params.clone();
        for (index, &param) in params.iter().enumerate() {
            let slot = this.add_slot(slot_type(graph.ty(param)), Storage::Param(index));
            this.slots.insert(param, slot);
            this.body.params.push(slot);
        }
        for &param in &params {
            this.bind(param, None)?;
        }
        for &node in &graph.block(block).nodes {
            this.node(node)?;
        }
        for &result in &graph.block(block).results {
            let slot = this.slot(result)?;
            this.body.results.push(slot);
        }
        for (&value, &slot) in &this.slots {
            let name = graph.value(value).name.as_deref();
            this.body.slots[slot].name = name.map(str::to_owned);
        }
        Ok(this.body)
    }

    pub(crate) fn add_slot(&mut self, ty: SlotType, storage: Storage) -> SlotId {
        self.body.slots.push(Slot {
            ty,
            storage,
            name: None,
        })
    }

    /// The slot of a value that is there.
    pub(crate) fn slot(&self, value: ValueId) -> Result<SlotId, PlanError> {
        self.slots
            .get(&value)
            .copied()
            .ok_or_else(|| PlanError::NoKernel {
                sources: value.to_string(),
                op: "value",
                message: "it is used before it is computed".to_owned(),
            })
    }

    fn slots_of(&self, values: &[ValueId]) -> Result<Vec<SlotId>, PlanError> {
        values.iter().map(|&value| self.slot(value)).collect()
    }

    /// Emits Bind steps for the symbols that a value binds. `waiting` is the step whose result it is, if it waits there.
    fn bind(&mut self, value: ValueId, waiting: Option<usize>) -> Result<(), PlanError> {
        let Some(bound) = self.bindings.remove(&value) else {
            return Ok(());
        };
        let (axes, elements): (Vec<_>, Vec<_>) = bound
            .into_iter()
            .partition(|(_, binding)| matches!(binding, Binding::Axis(..)));
        let slot = self.slot(value)?;
        for (symbol, binding) in axes {
            if let Binding::Axis(_, axis) = binding {
                let from = SymbolSource::Axis(slot, axis);
                self.body.steps.push(Step::Bind { symbol, from });
            }
        }
        // Elements can be read once the tensor is in its place, which is after the take.
        debug_assert!(waiting.is_none() || elements.is_empty());
        for (symbol, binding) in elements {
            if let Binding::Element(_, element) = binding {
                let from = SymbolSource::Element(slot, element);
                self.body.steps.push(Step::Bind { symbol, from });
            }
        }
        Ok(())
    }

    fn node(&mut self, id: NodeId) -> Result<(), PlanError> {
        let graph = self.planner.graph;
        let node = graph.node(id);
        let (op, inputs, outputs) = (&node.op, &node.inputs, &node.outputs);
        let sources = match outputs.first() {
            Some(&output) => self.planner.source_names(&graph.value(output).sources),
            None => Vec::new(),
        };
        let types = |values: &[ValueId]| -> Vec<_> {
            values.iter().map(|&value| graph.ty(value)).collect()
        };
        match op {
            Op::Const(constant) => {
                let reference = self.planner.constant(*constant)?;
                let slot =
                    self.add_slot(slot_type(graph.ty(outputs[0])), Storage::Const(reference));
                self.slots.insert(outputs[0], slot);
            }
            Op::If(region) => self.region_if(region, inputs, outputs)?,
            Op::Loop(region) => self.region_loop(region, inputs, outputs)?,
            _ if is_host(op, &types(inputs), &types(outputs)) => {
                let op = host_op(&graph.dims, op, &types(inputs), &types(outputs)).map_err(
                    |message| PlanError::NoKernel {
                        sources: sources.join(", "),
                        op: op.name(),
                        message,
                    },
                )?;
                let slots = self.waiting_slots(outputs);
                let step = self.body.steps.len();
                let inputs = self.slots_of(inputs)?;
                self.body.steps.push(Step::HostCall {
                    op,
                    inputs,
                    outputs: slots.clone(),
                    sources,
                });
                self.settle(step, outputs, &slots)?;
                return Ok(());
            }
            _ => {
                let lowered =
                    lower(graph, op, inputs, outputs).map_err(|message| PlanError::NoKernel {
                        sources: sources.join(", "),
                        op: op.name(),
                        message,
                    })?;
                self.emit(lowered, inputs, outputs, sources)?;
            }
        }
        for &output in outputs {
            self.bind(output, None)?;
        }
        Ok(())
    }

    fn emit(
        &mut self,
        lowered: Lowered,
        inputs: &[ValueId],
        outputs: &[ValueId],
        sources: Vec<String>,
    ) -> Result<(), PlanError> {
        let graph = self.planner.graph;
        match lowered {
            Lowered::Alias => {
                let of = self.slot(inputs[0])?;
                let slot = self.add_slot(slot_type(graph.ty(outputs[0])), Storage::Alias(of));
                self.slots.insert(outputs[0], slot);
            }
            Lowered::Kernel(spec) => {
                let mut slots = Vec::with_capacity(outputs.len());
                for &output in outputs {
                    let slot = self.add_slot(slot_type(graph.ty(output)), Storage::Arena);
                    self.slots.insert(output, slot);
                    slots.push(slot);
                }
                let inputs = self.slots_of(inputs)?;
                self.launch(spec, inputs, slots, sources);
            }
            Lowered::ConcatTree(parts) => self.concat(&parts, inputs, outputs[0], &sources)?,
        }
        Ok(())
    }

    fn launch(
        &mut self,
        spec: KernelSpec,
        inputs: Vec<SlotId>,
        outputs: Vec<SlotId>,
        sources: Vec<String>,
    ) {
        let set = self.planner.kernel_set(spec, sources);
        self.body.steps.push(Step::Launch {
            device: 0,
            set,
            inputs,
            outputs,
        });
    }

    /// Joins more values than one kernel takes, by groups.
    fn concat(
        &mut self,
        parts: &[KernelSpec],
        inputs: &[ValueId],
        output: ValueId,
        sources: &[String],
    ) -> Result<(), PlanError> {
        let mut level = self.slots_of(inputs)?;
        let mut parts = parts.iter();
        while level.len() > 1 {
            let mut next = Vec::new();
            for group in level.chunks(graphc_program::MAX_ARGS) {
                if let [one] = group {
                    next.push(*one);
                    continue;
                }
                let Some(spec) = parts.next() else { break };
                let ty = SlotType::Tensor {
                    dtype: spec.outputs[0].dtype,
                    shape: spec.outputs[0].shape.clone(),
                };
                let slot = self.add_slot(ty, Storage::Arena);
                self.launch(spec.clone(), group.to_vec(), vec![slot], sources.to_vec());
                next.push(slot);
            }
            level = next;
        }
        if let Some(&slot) = level.first() {
            self.slots.insert(output, slot);
        }
        Ok(())
    }

    /// Slots for results that wait to be taken.
    fn waiting_slots(&mut self, outputs: &[ValueId]) -> Vec<SlotId> {
        outputs
            .iter()
            .map(|&output| {
                let ty = slot_type(self.planner.graph.ty(output));
                let storage = match ty {
                    SlotType::Tensor { .. } => Storage::Arena,
                    SlotType::Host(_) => Storage::Host,
                };
                let slot = self.add_slot(ty, storage);
                self.slots.insert(output, slot);
                slot
            })
            .collect()
    }

    /// Binds the axes of waiting results, then takes the tensors among them, then binds their elements.
    fn settle(
        &mut self,
        step: usize,
        outputs: &[ValueId],
        slots: &[SlotId],
    ) -> Result<(), PlanError> {
        let mut later = Vec::new();
        for &output in outputs {
            if let Some(bound) = self.bindings.get_mut(&output) {
                let (axes, elements) = bound
                    .drain(..)
                    .partition(|(_, binding)| matches!(binding, Binding::Axis(..)));
                *bound = axes;
                later.push((output, elements));
            }
            self.bind(output, Some(step))?;
        }
        let taken: Vec<RegionOutput> = slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| self.body.slots[**slot].storage == Storage::Arena)
            .map(|(index, &slot)| RegionOutput { index, slot })
            .collect();
        if !taken.is_empty() {
            self.body.steps.push(Step::Take {
                from: step,
                outputs: taken,
            });
        }
        for (output, elements) in later {
            if !elements.is_empty() {
                self.bindings.insert(output, elements);
                self.bind(output, None)?;
            }
        }
        Ok(())
    }

    fn region_if(
        &mut self,
        region: &If,
        inputs: &[ValueId],
        outputs: &[ValueId],
    ) -> Result<(), PlanError> {
        let then_body = self.planner.plan_block(region.then_block)?;
        let else_body = self.planner.plan_block(region.else_block)?;
        let slots = self.waiting_slots(outputs);
        let cond = self.slot(inputs[0])?;
        let inputs = self.slots_of(&inputs[1..])?;
        let step = self.body.steps.len();
        self.body.steps.push(Step::If {
            cond,
            then_body,
            else_body,
            inputs,
            outputs: slots.clone(),
        });
        self.settle(step, outputs, &slots)
    }

    fn region_loop(
        &mut self,
        region: &Loop,
        inputs: &[ValueId],
        outputs: &[ValueId],
    ) -> Result<(), PlanError> {
        let body = self.planner.plan_block(region.body)?;
        let slots = self.waiting_slots(outputs);
        let mut operands = self.slots_of(inputs)?.into_iter();
        let trip_count = if region.has_trip_count {
            operands.next()
        } else {
            None
        };
        let cond = if region.has_condition {
            operands.next()
        } else {
            None
        };
        let step = self.body.steps.len();
        self.body.steps.push(Step::Loop {
            trip_count,
            cond,
            body,
            inputs: operands.collect(),
            n_carried: region.n_carried,
            outputs: slots.clone(),
        });
        self.settle(step, outputs, &slots)
    }
}
