//! Programs built by hand, for tests: the runtime knows no compiler.
#![allow(dead_code)]

use graphc_base::attrs::{BinaryOp, ReduceKind};
use graphc_base::{DType, Dim, EntityId, PrimaryMap, SymId};
use graphc_program::kernel::{Kernel, KernelSpec, ScalarOp, ScalarProgram, TensorArg};
use graphc_program::{
    Artifact, Body, BodyId, CheckKind, ConstRef, ConstSource, DimCheck, Entry, KernelSet, Port,
    Program, ProgramConst, ProgramSymbol, RegionOutput, SCHEMA, Slot, SlotId, SlotType, StateInit,
    StateSlot, Step, Storage, SymbolSource, Variant, save,
};
use std::io::Write;

/// A program in the making.
pub(crate) struct Build {
    pub(crate) program: Program,
    contents: Vec<Vec<u8>>,
    bodies: Vec<Option<Body>>,
}

/// One of its bodies in the making.
pub(crate) struct BodyBuild<'b> {
    pub(crate) build: &'b mut Build,
    pub(crate) body: Body,
}

impl Build {
    pub(crate) fn new() -> Self {
        Self {
            program: Program {
                schema: SCHEMA,
                name: "test".to_owned(),
                target: "cpu".to_owned(),
                needs: vec!["cpu".to_owned()],
                symbols: Vec::new(),
                entries: Vec::new(),
                state: Vec::new(),
                bodies: PrimaryMap::new(),
                kernels: PrimaryMap::new(),
                kernel_sets: PrimaryMap::new(),
                consts: PrimaryMap::new(),
            },
            contents: Vec::new(),
            bodies: Vec::new(),
        }
    }

    pub(crate) fn symbol(&mut self, name: &str, lo: i64, hi: i64) -> SymId {
        let id = SymId::from_index(self.program.symbols.len());
        self.program.symbols.push(ProgramSymbol {
            name: name.to_owned(),
            lo,
            hi,
            hint: 4.clamp(lo, hi),
        });
        id
    }

    pub(crate) fn constant<T: bytemuck::Pod>(
        &mut self,
        dtype: DType,
        shape: &[usize],
        data: &[T],
    ) -> ConstRef {
        self.contents.push(bytemuck::cast_slice(data).to_vec());
        self.program.consts.push(ProgramConst {
            name: format!("const#{}", self.contents.len()),
            dtype,
            shape: shape.to_vec(),
            literal: None,
        })
    }

    pub(crate) fn state(
        &mut self,
        name: &str,
        dtype: DType,
        shape: &[Dim],
        init: StateInit,
    ) -> usize {
        self.program.state.push(StateSlot {
            name: name.to_owned(),
            dtype,
            shape: shape.to_vec(),
            init,
            device: 0,
        });
        self.program.state.len() - 1
    }

    /// An id for a body that is filled later: regions come after their parents.
    pub(crate) fn reserve(&mut self) -> BodyId {
        self.bodies.push(None);
        BodyId::from_index(self.bodies.len() - 1)
    }

    pub(crate) fn fill(&mut self, id: BodyId, make: impl FnOnce(&mut BodyBuild<'_>)) {
        let mut body = BodyBuild {
            build: self,
            body: Body {
                checks: Vec::new(),
                slots: PrimaryMap::new(),
                params: Vec::new(),
                results: Vec::new(),
                steps: Vec::new(),
            },
        };
        make(&mut body);
        let body = body.body;
        self.bodies[id.index()] = Some(body);
    }

    /// Has a body demand that `a ≤ b`.
    pub(crate) fn demand(&mut self, body: usize, a: Dim, b: Dim) {
        let body = self.bodies[body].as_mut().expect("body is filled");
        body.checks.push(DimCheck {
            kind: CheckKind::LessEqual(a, b),
            what: "test".to_owned(),
        });
    }

    /// An entry of this name, its ports named after inputs and outputs.
    pub(crate) fn entry(&mut self, name: &str, id: BodyId, inputs: &[&str], outputs: &[&str]) {
        let body = self.bodies[id.index()].as_ref().expect("body is filled");
        let ports = |names: &[&str], slots: &[SlotId]| {
            assert_eq!(names.len(), slots.len());
            names
                .iter()
                .zip(slots)
                .map(|(name, &slot)| Port {
                    name: (*name).to_owned(),
                    ty: body.slots[slot].ty.clone(),
                })
                .collect()
        };
        self.program.entries.push(Entry {
            name: name.to_owned(),
            inputs: ports(inputs, &body.params),
            outputs: ports(outputs, &body.results),
            body: id,
        });
    }

    /// The program as it is now.
    pub(crate) fn finish(&mut self) -> Program {
        let mut program = self.program.clone();
        program.bodies = self.bodies.iter().flatten().cloned().collect();
        program
    }

    /// The bytes of the constants, in order.
    pub(crate) fn contents(&self) -> &[Vec<u8>] {
        &self.contents
    }

    /// Written to a file and loaded from it.
    pub(crate) fn artifact(&mut self) -> Artifact {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("test.gcx");
        let program = self.finish();
        save(&path, &program, &mut Contents(&self.contents)).expect("artifact is written");
        Artifact::open(&path).expect("artifact loads")
    }
}

pub(crate) struct Contents<'a>(pub(crate) &'a [Vec<u8>]);

impl ConstSource for Contents<'_> {
    fn write(&mut self, constant: ConstRef, to: &mut dyn Write) -> std::io::Result<()> {
        to.write_all(&self.0[constant.index()])
    }
}

pub(crate) fn dims(shape: &[i64]) -> Vec<Dim> {
    shape.iter().map(|&size| Dim::constant(size)).collect()
}

pub(crate) fn tensor(dtype: DType, shape: &[Dim]) -> SlotType {
    SlotType::Tensor {
        dtype,
        shape: shape.to_vec(),
    }
}

impl BodyBuild<'_> {
    pub(crate) fn slot(&mut self, dtype: DType, shape: &[Dim], storage: Storage) -> SlotId {
        self.body.slots.push(Slot {
            ty: tensor(dtype, shape),
            storage,
            name: None,
        })
    }

    pub(crate) fn param(&mut self, dtype: DType, shape: &[Dim]) -> SlotId {
        let index = self.body.params.len();
        let slot = self.slot(dtype, shape, Storage::Param(index));
        self.body.params.push(slot);
        slot
    }

    pub(crate) fn arena(&mut self, dtype: DType, shape: &[Dim]) -> SlotId {
        self.slot(dtype, shape, Storage::Arena)
    }

    pub(crate) fn constant<T: bytemuck::Pod>(
        &mut self,
        dtype: DType,
        shape: &[usize],
        data: &[T],
    ) -> SlotId {
        let constant = self.build.constant(dtype, shape, data);
        let shape: Vec<Dim> = shape.iter().map(|&size| Dim::from(size)).collect();
        self.slot(dtype, &shape, Storage::Const(constant))
    }

    pub(crate) fn state(&mut self, index: usize) -> SlotId {
        let state = self.build.program.state[index].clone();
        self.slot(state.dtype, &state.shape, Storage::State(index))
    }

    fn arg(&self, slot: SlotId) -> TensorArg {
        let (dtype, shape) = self.body.slots[slot].ty.as_tensor().expect("tensor");
        TensorArg::new(dtype, shape.to_vec())
    }

    pub(crate) fn launch(&mut self, kernel: Kernel, inputs: &[SlotId], outputs: &[SlotId]) {
        let spec = KernelSpec {
            kernel,
            inputs: inputs.iter().map(|&slot| self.arg(slot)).collect(),
            outputs: outputs.iter().map(|&slot| self.arg(slot)).collect(),
        };
        let name = format!("node{}", self.body.steps.len());
        let kernel = self.build.program.kernels.push(spec);
        let set = self.build.program.kernel_sets.push(KernelSet {
            variants: vec![Variant {
                guards: Vec::new(),
                kernel,
                code: String::new(),
                cost_ns: 1,
            }],
            sources: vec![name],
        });
        self.body.steps.push(Step::Launch {
            device: 0,
            set,
            inputs: inputs.to_vec(),
            outputs: outputs.to_vec(),
        });
    }

    /// `a op b`, broadcast, into a new slot of this shape.
    pub(crate) fn binary(&mut self, op: BinaryOp, a: SlotId, b: SlotId, shape: &[Dim]) -> SlotId {
        let (dtype, _) = self.body.slots[a].ty.as_tensor().expect("tensor");
        let result = match op {
            BinaryOp::Less => DType::Bool,
            _ => dtype,
        };
        let out = self.arena(result, shape);
        self.binary_into(op, a, b, out);
        out
    }

    pub(crate) fn binary_into(&mut self, op: BinaryOp, a: SlotId, b: SlotId, out: SlotId) {
        let (dtype, _) = self.body.slots[a].ty.as_tensor().expect("tensor");
        let (result, _) = self.body.slots[out].ty.as_tensor().expect("tensor");
        let program = ScalarProgram::single(ScalarOp::Binary(op), dtype, result, 2);
        self.launch(Kernel::Pointwise(program), &[a, b], &[out]);
    }

    pub(crate) fn add(&mut self, a: SlotId, b: SlotId, shape: &[Dim]) -> SlotId {
        self.binary(BinaryOp::Add, a, b, shape)
    }

    pub(crate) fn step(&mut self, step: Step) -> usize {
        self.body.steps.push(step);
        self.body.steps.len() - 1
    }

    pub(crate) fn bind_axis(&mut self, symbol: SymId, slot: SlotId, axis: usize) {
        let from = SymbolSource::Axis(slot, axis);
        self.step(Step::Bind { symbol, from });
    }

    pub(crate) fn bind_element(&mut self, symbol: SymId, slot: SlotId, element: usize) {
        let from = SymbolSource::Element(slot, element);
        self.step(Step::Bind { symbol, from });
    }

    pub(crate) fn take(&mut self, from: usize, slots: &[SlotId]) {
        let outputs = slots
            .iter()
            .enumerate()
            .map(|(index, &slot)| RegionOutput { index, slot })
            .collect();
        self.step(Step::Take { from, outputs });
    }

    pub(crate) fn result(&mut self, slot: SlotId) {
        self.body.results.push(slot);
    }
}

/// Launches, a state, a size that data decide, both branches of an If, a Loop that carries and stacks.
pub(crate) fn everything() -> Build {
    let mut build = Build::new();
    let (n, k, trips) = (
        build.symbol("n", 0, 10_000),
        build.symbol("k", 0, 10_000),
        build.symbol("trips", 0, 10_000),
    );
    let rows = [Dim::symbol(n)];
    let runs = build.state("runs", DType::F32, &dims(&[1]), StateInit::Zero);
    let (main, doubles, keeps, region) = (
        build.reserve(),
        build.reserve(),
        build.reserve(),
        build.reserve(),
    );
    build.fill(doubles, |body| {
        let x = body.param(DType::F32, &rows);
        let y = body.add(x, x, &rows);
        body.result(y);
    });
    build.fill(keeps, |body| {
        let x = body.param(DType::F32, &rows);
        body.result(x);
    });
    build.fill(region, |body| {
        body.param(DType::I64, &[]);
        let cond = body.param(DType::Bool, &[]);
        let sum = body.param(DType::F32, &rows);
        let x = body.param(DType::F32, &rows);
        let sum = body.add(sum, x, &rows);
        body.result(cond);
        body.result(sum);
        body.result(x);
    });
    build.fill(main, |body| {
        let cond = body.param(DType::Bool, &[]);
        let x = body.param(DType::F32, &rows);
        let count = body.param(DType::I64, &dims(&[1]));
        body.bind_axis(n, x, 0);
        let one = body.constant(DType::F32, &[1], &[1f32]);
        let kept = body.state(runs);
        let next = body.add(kept, one, &dims(&[1]));
        body.step(Step::Copy {
            from: next,
            to: kept,
        });
        let x = body.binary(BinaryOp::Mul, x, next, &rows);
        let chosen = body.arena(DType::F32, &rows);
        let step = body.step(Step::If {
            cond,
            then_body: doubles,
            else_body: keeps,
            inputs: vec![x],
            outputs: vec![chosen],
        });
        body.take(step, &[chosen]);
        let sum = body.arena(DType::F32, &rows);
        let stacked = body.arena(DType::F32, &[Dim::symbol(trips), Dim::symbol(n)]);
        let three = body.constant(DType::I64, &[], &[3i64]);
        let step = body.step(Step::Loop {
            trip_count: Some(three),
            cond: None,
            body: region,
            inputs: vec![chosen, x],
            n_carried: 1,
            outputs: vec![sum, stacked],
        });
        body.bind_axis(trips, stacked, 0);
        body.take(step, &[sum, stacked]);
        let total = body.arena(DType::F32, &[Dim::ONE, Dim::symbol(n)]);
        let kind = ReduceKind::Sum;
        let reduced = dims(&[1, 0]);
        body.launch(Kernel::Reduce { kind, reduced }, &[stacked], &[total]);
        body.bind_element(k, count, 0);
        let iota = body.arena(DType::I64, &[Dim::symbol(k)]);
        body.launch(Kernel::Iota, &[], &[iota]);
        let picked = body.arena(DType::F32, &[Dim::symbol(k)]);
        body.launch(Kernel::Gather { axis: 0 }, &[sum, iota], &[picked]);
        body.result(total);
        body.result(picked);
    });
    build.entry("main", main, &["cond", "x", "count"], &["total", "picked"]);
    build
}
