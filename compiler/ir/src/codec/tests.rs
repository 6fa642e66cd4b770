//! Every operator survives the way through text, and stands in the reference.

use super::templates::{ROWS, row_of, templates};
use super::{Attr, Codec, describe};
use crate::consts::{ConstData, ConstId};
use crate::graph::{BlockId, Graph};
use crate::op::Op;
use crate::testing::{Arbitrary, Choices};
use crate::types::{TensorType, ValueType};
use graphc_base::{DType, Dim, Interval};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;

/// A graph with what arbitrary attributes may refer to: two symbols, one constant, one block beside the main one.
fn ground() -> Graph {
    let mut graph = Graph::new("ground");
    graph.dims.new_symbol("batch", Interval::SIZE);
    graph.dims.new_symbol("a name", Interval::ANY);
    let ty = TensorType::scalar(DType::I8);
    graph
        .consts
        .insert(ty, ConstData::Inline(Arc::from([7u8])), None);
    graph.add_block();
    graph
}

#[test]
fn every_row_matches_its_own_templates() {
    let rows = templates();
    assert_eq!(rows.len(), ROWS.len());
    for (row, templates) in ROWS.iter().zip(rows) {
        for template in templates {
            assert_eq!(row_of(&template), *row, "{}", template.name());
        }
    }
}

#[test]
fn every_template_has_a_name_of_its_own() {
    let templates: Vec<Op> = templates().into_iter().flatten().collect();
    let names: BTreeSet<&str> = templates.iter().map(Op::name).collect();
    assert_eq!(names.len(), templates.len());
    assert!(names.into_iter().eq(Op::names()));
}

#[test]
fn mapping_dims_reaches_every_dim() {
    let mut op = Op::Pad {
        mode: crate::op::PadMode::Constant,
        before: vec![Dim::constant(1), Dim::constant(2)],
        after: vec![Dim::constant(3), Dim::constant(4)],
    };
    op.map_dims(&mut |dim| Dim::constant(dim.as_const().unwrap_or(0) * 10));
    let mut seen = Vec::new();
    op.visit_dims(&mut |dim| seen.push(dim.as_const()));
    assert_eq!(seen, [Some(10), Some(20), Some(30), Some(40)]);
}

#[test]
fn types_of_results_are_not_needed_before_the_operator_runs() {
    let mut graph = ground();
    let symbol = graph.dims.new_symbol("size", Interval::SIZE);
    let needs = |op: Op| op.needed_symbols().contains(&symbol);
    let result = TensorType::new(DType::F32, [symbol]);
    assert!(!needs(Op::Sequence(crate::op::SequenceOp::At { result })));
    assert!(needs(Op::Expand {
        shape: vec![symbol.into()]
    }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_operator_reads_back_equal(numbers in prop::collection::vec(any::<u32>(), 0..60)) {
        let ground = ground();
        let mut choices = Choices::new(&numbers);
        let mut op = Arbitrary::new(&mut choices, &ground).op();
        // The text calls ids what it likes.
        op.map_blocks(&mut |_| BlockId(1));
        op.map_constants(&mut |_| ConstId(0));
        let mut graph = ground.clone();
        let ty = ValueType::Tensor(TensorType::scalar(DType::F32));
        graph.append_node(Graph::MAIN, Op::Const(ConstId(0)), vec![], vec![ty.clone()], [].into());
        let node = graph.append_node(Graph::MAIN, op.clone(), vec![], vec![ty], [].into());
        let mut text = graph.to_string();
        // A region that the operator does not have, and symbols that it does not mention, are not in the text.
        if op.blocks().is_empty() {
            graph.block_mut(Graph::MAIN).results = vec![];
        }
        if !text.contains("symbol") {
            text = text.replacen("{\n", "{\n  symbol batch = 0..9\n", 1);
        }
        let read = crate::parse(&text).map_err(|fault| TestCaseError::fail(format!("{fault}\n{text}")))?;
        let mut back = read.node(node).op.clone();
        // Symbols that are not mentioned shift the others; names tell them apart.
        back.map_dims(&mut |dim| {
            let shown = read.dims.display(dim).to_string();
            graph.dims.parse(&shown).unwrap_or(Dim::constant(-99))
        });
        prop_assert_eq!(back, op, "{}", text);
    }
}

/// The attributes of an operator as `docs/ir.md` lists them: `key=`, `key=?` where it may be missing, `key?` for a truth,
/// `…` for one without key.
struct Keys(Vec<String>);

impl Codec for Keys {
    type Error = Infallible;

    fn bare<T: Attr>(&mut self, _value: &mut T) -> Result<(), Infallible> {
        self.0.push("…".to_owned());
        Ok(())
    }

    fn attr<T: Attr>(&mut self, key: &'static str, _value: &mut T) -> Result<(), Infallible> {
        self.0.push(format!("{key}="));
        Ok(())
    }

    fn option<T: Attr>(
        &mut self,
        key: &'static str,
        _value: &mut Option<T>,
    ) -> Result<(), Infallible> {
        self.0.push(format!("{key}=?"));
        Ok(())
    }

    fn flag(&mut self, key: &'static str, _value: &mut bool) -> Result<(), Infallible> {
        self.0.push(format!("{key}?"));
        Ok(())
    }

    fn result_dim(&mut self, key: &'static str, _value: &mut Dim) -> Result<(), Infallible> {
        self.0.push(format!("{key}="));
        Ok(())
    }

    fn result_types(&mut self, _value: &mut Vec<ValueType>) -> Result<(), Infallible> {
        self.0.push("results=?".to_owned());
        Ok(())
    }
}

/// The rows of the tables of operators: names and attributes.
fn documented() -> Vec<(Vec<&'static str>, String)> {
    include_str!("../../../../docs/ir.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"))
        .filter_map(|row| {
            let cells: Vec<&str> = row.split('|').collect();
            let [names, attributes, _] = cells.as_slice() else {
                return None;
            };
            let names = names.split(", ").map(|name| name.trim_matches([' ', '`']));
            Some((
                names.collect(),
                attributes.replace('`', "").trim().to_owned(),
            ))
        })
        .collect()
}

#[test]
fn the_reference_lists_every_operator_with_its_attributes() {
    let rows = documented();
    for mut op in templates().into_iter().flatten() {
        let mut keys = Keys(Vec::new());
        match describe(&mut op, &mut keys) {
            Ok(()) => {}
            Err(never) => match never {},
        }
        let row = rows.iter().find(|(names, _)| names.contains(&op.name()));
        let listed = row.map(|(_, attributes)| attributes.as_str());
        assert_eq!(listed, Some(keys.0.join(" ").as_str()), "{}", op.name());
    }
    let n_listed: usize = rows.iter().map(|(names, _)| names.len()).sum();
    assert_eq!(
        n_listed,
        Op::names().count(),
        "the reference lists what is no operator"
    );
}
