//! ONNX files: small graphs of all operators, made and changed as messages, and now and then as bytes.

use super::random::Random;
use super::{Reach, Target, bytes, check_graph, model};
use graphc_onnx::proto::ModelProto;
use graphc_onnx::{ImportOptions, Model, import};
use std::sync::OnceLock;

/// Imports; what imports must verify, and stay sound through passes and planner.
pub(super) fn check(bytes: &[u8]) -> Reach {
    let Ok(model) = Model::from_bytes(bytes.to_vec().into(), None, "fuzzed") else {
        return Reach::Refused;
    };
    for tensor in model.initializers(model.graph()) {
        let _ = tensor.map_err(|error| error.to_string());
    }
    match import(&model, &ImportOptions::default()) {
        Err(error) => {
            let _ = error.to_string();
            Reach::Refused
        }
        Ok(graph) => {
            if let Err(errors) = graphc_ir::verify(&graph) {
                panic!("an imported graph is not sound: {errors}\n{graph}");
            }
            check_graph(graph)
        }
    }
}

/// Mostly a few changes of nodes, attributes, types and tensors; at times a graph of its own, or plain bytes.
pub(super) fn mutate(input: &[u8], random: &mut Random) -> Vec<u8> {
    if random.one_in(32) {
        let mut changed = input.to_vec();
        for _ in 0..1 + random.below(3) {
            bytes::mutate(&mut changed, random);
        }
        return changed;
    }
    let donors = donors();
    let mut proto = match ModelProto::from_bytes(input) {
        Some(proto) if proto.graph.is_some() && !random.one_in(24) => proto,
        _ if random.one_in(2) => model::generate(donors, random),
        _ => random.pick(donors).cloned().unwrap_or_default(),
    };
    for _ in 0..1 + random.below(4) {
        model::mutate(&mut proto, donors, random);
    }
    proto.to_bytes()
}

/// The seeds, decoded.
fn donors() -> &'static [ModelProto] {
    static DONORS: OnceLock<Vec<ModelProto>> = OnceLock::new();
    DONORS.get_or_init(|| {
        let seeds = Target::Onnx.seeds().iter();
        seeds
            .filter_map(|(_, seed)| ModelProto::from_bytes(seed))
            .collect()
    })
}
