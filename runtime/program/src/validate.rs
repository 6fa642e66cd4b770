//! A program from a file is hostile until shown otherwise: every id, count, type and order is checked before anything runs.
//!
//! Checked here: ids and counts; types of constants, state, ports, params, results and kernel arguments, with shapes as far as
//! the algebra of dims decides; that slots are written before they are read and dims bound before they are used; that every
//! body belongs to one entry or region step, so that none runs itself. What depends on bound dims (sizes, views inside their
//! buffers) is checked again when dims are bound.

mod body;

use crate::program::{
    BodyId, CheckKind, Entry, Program, ProgramConst, SCHEMA, SlotType, StateInit, Step,
};
use graphc_base::{DType, Dim, DimCx, EntityId, Interval, SymId, Tri};
use std::collections::BTreeSet;

/// Most tensors that one kernel reads or writes.
pub const MAX_ARGS: usize = 16;
/// Deepest nesting of regions.
const MAX_REGION_DEPTH: usize = 64;
/// Longest chain of aliases.
const MAX_ALIASES: usize = 1000;

/// Why a program is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("program is damaged: {0}")]
pub struct ValidateError(pub String);

type Checked = Result<(), ValidateError>;

fn fault(message: impl Into<String>) -> Checked {
    Err(ValidateError(message.into()))
}

/// `Ok` where `holds`; the message is made only where not.
fn ensure(holds: bool, message: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { fault(message()) }
}

impl Program {
    /// Checks everything that does not depend on bound dims.
    pub fn validate(&self) -> Checked {
        ensure(self.schema == SCHEMA, || {
            format!(
                "schema {} is not {SCHEMA}; compile the model again with this version",
                self.schema
            )
        })?;
        for symbol in &self.symbols {
            ensure(symbol.lo <= symbol.hi && symbol.lo > i64::MIN, || {
                format!("dim `{}` has no value", symbol.name)
            })?;
            ensure((symbol.lo..=symbol.hi).contains(&symbol.hint), || {
                format!("hint of dim `{}` is outside its range", symbol.name)
            })?;
        }
        self.consts.values().try_for_each(check_constant)?;
        self.check_kernels()?;
        self.check_state()?;
        self.check_entries()?;
        self.check_tree()?;
        self.check_bodies()
    }

    fn check_kernels(&self) -> Checked {
        for spec in self.kernels.values() {
            ensure(
                spec.inputs.len() <= MAX_ARGS && spec.outputs.len() <= MAX_ARGS,
                || format!("kernel {} has too many arguments", spec.kernel.name()),
            )?;
            let mut result = Ok(());
            spec.visit_dims(&mut |dim| {
                if result.is_ok() {
                    result = self.check_dim(dim);
                }
            });
            result?;
        }
        for (id, set) in self.kernel_sets.iter() {
            let open = set
                .variants
                .last()
                .is_some_and(|last| last.guards.is_empty());
            ensure(open, || format!("{id} has no variant without a guard"))?;
            for variant in &set.variants {
                ensure(self.kernels.get(variant.kernel).is_some(), || {
                    format!("{id} names {}, which is missing", variant.kernel)
                })?;
                for guard in &variant.guards {
                    self.check_dim(guard.dim())?;
                }
            }
        }
        Ok(())
    }

    fn check_state(&self) -> Checked {
        let mut names = BTreeSet::new();
        for slot in &self.state {
            ensure(names.insert(&slot.name), || {
                format!("state `{}` is there twice", slot.name)
            })?;
            ensure(slot.dtype != DType::String, || {
                format!("state `{}` has no bytes", slot.name)
            })?;
            slot.shape.iter().try_for_each(|dim| self.check_dim(dim))?;
            if let StateInit::Const(constant) = slot.init {
                let fits = self.consts.get(constant).is_some_and(|constant| {
                    constant.literal.is_none()
                        && constant.dtype == slot.dtype
                        && is_shape(&slot.shape, &constant.shape)
                });
                ensure(fits, || {
                    format!("state `{}` starts at another type", slot.name)
                })?;
            }
        }
        Ok(())
    }

    fn check_entries(&self) -> Checked {
        let mut names = BTreeSet::new();
        for entry in &self.entries {
            ensure(names.insert(&entry.name), || {
                format!("entry {} is there twice", entry.name)
            })?;
            self.check_entry(entry)
                .map_err(|error| ValidateError(format!("entry {}: {}", entry.name, error.0)))?;
        }
        Ok(())
    }

    fn check_entry(&self, entry: &Entry) -> Checked {
        let Some(body) = self.bodies.get(entry.body) else {
            return fault(format!("{} is missing", entry.body));
        };
        let mut names = BTreeSet::new();
        for port in &entry.inputs {
            ensure(names.insert(&port.name), || {
                format!("input `{}` is there twice", port.name)
            })?;
        }
        for (ports, slots) in [
            (&entry.inputs, &body.params),
            (&entry.outputs, &body.results),
        ] {
            ensure(ports.len() == slots.len(), || {
                format!("it does not fit {}", entry.body)
            })?;
            for (port, &slot) in ports.iter().zip(slots) {
                let same = body
                    .slots
                    .get(slot)
                    .is_some_and(|slot| same_port(&port.ty, &slot.ty));
                ensure(same, || {
                    format!("`{}` has another type than {slot}", port.name)
                })?;
            }
        }
        Ok(())
    }

    /// Every body belongs to one entry or one region step of an earlier body, and none lies too deep.
    fn check_tree(&self) -> Checked {
        let mut depths: Vec<Option<usize>> = vec![None; self.bodies.len()];
        for entry in &self.entries {
            let depth = &mut depths[entry.body.index()];
            ensure(depth.is_none(), || format!("{} is used twice", entry.body))?;
            *depth = Some(0);
        }
        for (id, body) in self.bodies.iter() {
            let Some(depth) = depths[id.index()] else {
                return fault(format!("{id} belongs to no earlier body"));
            };
            ensure(depth <= MAX_REGION_DEPTH, || {
                "regions are nested too deep".to_owned()
            })?;
            for step in &body.steps {
                for region in step.regions().into_iter().flatten() {
                    let Some(place) = depths.get_mut(region.index()) else {
                        return fault(format!("{region} is missing"));
                    };
                    ensure(region > id && place.is_none(), || {
                        format!("{region} is no region of {id} alone")
                    })?;
                    *place = Some(depth + 1);
                }
            }
        }
        Ok(())
    }

    /// Bodies in order: parents come before their regions, which start with the dims that are bound at their step.
    fn check_bodies(&self) -> Checked {
        let cx = self.dim_cx();
        let mut bound: Vec<BTreeSet<SymId>> = vec![BTreeSet::new(); self.bodies.len()];
        for (id, body) in self.bodies.iter() {
            for check in &body.checks {
                let (CheckKind::Equal(a, b)
                | CheckKind::Broadcast(a, b)
                | CheckKind::LessEqual(a, b)) = &check.kind;
                self.check_dim(a)?;
                self.check_dim(b)?;
            }
            let start = std::mem::take(&mut bound[id.index()]);
            let mut checker = body::BodyCheck::new(self, &cx, body, start)
                .map_err(|error| ValidateError(format!("{id}: {}", error.0)))?;
            for (position, step) in body.steps.iter().enumerate() {
                for region in step.regions().into_iter().flatten() {
                    bound[region.index()] = checker.bound.clone();
                }
                checker.step(position, step).map_err(|error| {
                    ValidateError(format!("{id}: step {position}: {}", error.0))
                })?;
            }
            checker
                .end()
                .map_err(|error| ValidateError(format!("{id}: {}", error.0)))?;
        }
        Ok(())
    }

    fn dim_cx(&self) -> DimCx {
        let mut cx = DimCx::default();
        for (index, symbol) in self.symbols.iter().enumerate() {
            let range = Interval {
                lo: symbol.lo,
                hi: symbol.hi,
            };
            // Names may repeat here; ids do not.
            cx.new_symbol(&format!("{}#{index}", symbol.name), range);
        }
        cx
    }

    fn check_dim(&self, dim: &Dim) -> Checked {
        let mut unknown = None;
        dim.visit_symbols(&mut |symbol| {
            if symbol.index() >= self.symbols.len() {
                unknown = Some(symbol);
            }
        });
        match unknown {
            Some(symbol) => fault(format!("symbol {symbol} is missing")),
            None => Ok(()),
        }
    }

    fn check_type(&self, ty: &SlotType) -> Checked {
        match ty.as_tensor() {
            Some((DType::String, _)) => fault("a tensor of strings has no bytes"),
            Some((_, shape)) => shape.iter().try_for_each(|dim| self.check_dim(dim)),
            None => Ok(()),
        }
    }
}

fn check_constant(constant: &ProgramConst) -> Checked {
    let n_elements = constant
        .shape
        .iter()
        .try_fold(1usize, |n, &size| n.checked_mul(size));
    let fits = match &constant.literal {
        Some(crate::program::Literal::Strings(data)) => {
            constant.dtype == DType::String && n_elements == Some(data.len())
        }
        None => {
            constant.dtype != DType::String
                && n_elements
                    .and_then(|n| constant.dtype.byte_len(n))
                    .is_some()
        }
    };
    ensure(fits, || {
        format!("constant `{}` does not fill its shape", constant.name)
    })
}

/// Whether a symbolic shape is this one and no other.
fn is_shape(shape: &[Dim], sizes: &[usize]) -> bool {
    shape.len() == sizes.len()
        && shape
            .iter()
            .zip(sizes)
            .all(|(dim, &size)| dim.as_const() == i64::try_from(size).ok())
}

/// Whether values of one type may stand for the other: dtypes and ranks agree.
fn same_kind(a: &SlotType, b: &SlotType) -> bool {
    match (a.as_tensor(), b.as_tensor()) {
        (Some((dtype, shape)), Some((other, sizes))) => {
            dtype == other && shape.len() == sizes.len()
        }
        (None, None) => true,
        _ => false,
    }
}

fn same_port(port: &SlotType, slot: &SlotType) -> bool {
    match (port, slot) {
        (SlotType::Host(_), SlotType::Host(_)) => true,
        _ => port == slot,
    }
}

/// Whether two shapes have as many elements, as far as the algebra of dims can tell.
fn same_size(cx: &DimCx, a: &[Dim], b: &[Dim]) -> bool {
    a == b || cx.eq(&cx.product(a), &cx.product(b)) != Tri::No
}

impl Step {
    /// The bodies that it runs.
    fn regions(&self) -> [Option<BodyId>; 2] {
        match self {
            Step::If {
                then_body,
                else_body,
                ..
            } => [Some(*then_body), Some(*else_body)],
            Step::Loop { body, .. } => [Some(*body), None],
            _ => [None, None],
        }
    }
}
