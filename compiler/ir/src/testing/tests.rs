//! Typed graphs are sound, use every family and survive the way through text.

use super::{Choices, Family, GraphOptions, typed_graph};
use crate::graph::Graph;
use proptest::prelude::*;
use std::collections::BTreeSet;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn typed_graphs_are_sound_and_read_back_the_same(
        numbers in prop::collection::vec(any::<u32>(), 0..300),
        symbolic in any::<bool>(),
    ) {
        let options = GraphOptions { symbolic, ..GraphOptions::default() };
        let graph = typed_graph(&mut Choices::new(&numbers), &options);
        if let Err(errors) = crate::verify(&graph) {
            prop_assert!(false, "{errors}\n{graph}");
        }
        prop_assert!(graph.checks.is_empty());
        let read = crate::parse(&graph.to_string())
            .map_err(|fault| TestCaseError::fail(format!("{fault}\n{graph}")))?;
        prop_assert!(read.is_same(&graph));
        prop_assert!(crate::verify(&read).is_ok());
    }
}

/// Numbers that look random, without a generator of random numbers.
fn numbers(seed: u32, n_numbers: usize) -> Vec<u32> {
    let mut state = u64::from(seed) + 1;
    (0..n_numbers)
        .map(|_| {
            state = state
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(0x1405_7b7e_f767_814f);
            (state >> 33) as u32
        })
        .collect()
}

fn graph(seed: u32, family: Family) -> Graph {
    let options = GraphOptions {
        families: vec![family, Family::Movement, Family::Pointwise],
        ..GraphOptions::default()
    };
    typed_graph(&mut Choices::new(&numbers(seed, 200)), &options)
}

#[test]
fn every_family_adds_nodes_of_its_own() {
    let names = |graph: &Graph| -> BTreeSet<&'static str> {
        let block = graph.block(Graph::MAIN);
        block
            .nodes
            .iter()
            .map(|node| graph.node(*node).op.name())
            .collect()
    };
    for (family, own) in [
        (Family::Pointwise, vec!["add", "select", "cast"]),
        (Family::Movement, vec!["slice", "pad", "concat", "expand"]),
        (Family::Reduction, vec!["softmax", "reduce_mean", "arg_max"]),
        (Family::Norm, vec!["layer_norm", "rms_norm", "batch_norm"]),
        (Family::Linear, vec!["matmul", "conv"]),
        (Family::Spatial, vec!["max_pool", "average_pool"]),
        (
            Family::Indexing,
            vec!["gather", "top_k", "scatter_elements"],
        ),
        (Family::Data, vec!["non_zero", "iota", "dim_tensor"]),
        (Family::Region, vec!["if", "loop"]),
        (Family::Sequence, vec!["sequence_at", "optional_get"]),
    ] {
        let made: BTreeSet<&str> = (0..40)
            .flat_map(|seed| names(&graph(seed, family)))
            .collect();
        for name in own {
            assert!(made.contains(name), "{family:?} never makes {name}");
        }
    }
}
