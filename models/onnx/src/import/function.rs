//! Functions that the model defines: a call is replaced by the function's nodes.

use super::{Importer, normalised};
use crate::attr::substitute_attributes;
use crate::error::{NodeRef, OnnxError};
use crate::file::Model;
use crate::proto::{AttributeProto, FunctionProto, NodeProto};
use crate::topo;
use graphc_ir::{Builder, ValueId};
use std::collections::BTreeMap;

/// The functions of a model, by domain, name and overload.
pub(super) struct Functions<'m> {
    by_key: BTreeMap<(&'m str, &'m str, &'m str), &'m FunctionProto>,
}

impl<'m> Functions<'m> {
    pub(super) fn new(model: &'m Model) -> Self {
        let by_key = model
            .functions()
            .iter()
            .map(|function| {
                let key = (
                    normalised(&function.domain),
                    function.name.as_str(),
                    function.overload.as_str(),
                );
                (key, function)
            })
            .collect();
        Self { by_key }
    }

    /// The function that a node calls, if it calls one.
    pub(super) fn find(&self, node: &NodeProto) -> Option<&'m FunctionProto> {
        let key = (
            normalised(&node.domain),
            node.op_type.as_str(),
            node.overload.as_str(),
        );
        self.by_key.get(&key).copied()
    }
}

/// A call that is being converted.
pub(super) struct Call {
    /// Name of the calling node, prefixed by those around it.
    pub(super) name: String,
    /// Opsets that the function imports.
    opsets: BTreeMap<String, i64>,
    /// Its attributes: given by the call, or by default, or absent.
    attributes: BTreeMap<String, Option<AttributeProto>>,
    /// The function, to notice that it calls itself.
    id: *const FunctionProto,
}

impl Call {
    /// Version of a domain that the function imports.
    pub(super) fn opset(&self, domain: &str) -> Option<i64> {
        self.opsets.get(normalised(domain)).copied()
    }

    /// A node of the function with references to the function's attributes replaced by their values.
    pub(super) fn resolve(&self, node: &NodeProto) -> NodeProto {
        substitute_attributes(node, &self.attributes)
    }
}

impl Importer<'_> {
    /// Converts the nodes of a function in the place of a call; gives the function's outputs.
    pub(super) fn convert_call(
        &mut self,
        b: &mut Builder,
        function: &FunctionProto,
        node: &NodeProto,
        node_ref: &NodeRef,
        inputs: Vec<Option<ValueId>>,
    ) -> Result<Vec<ValueId>, OnnxError> {
        let fail = |message: String| OnnxError::Node {
            node: node_ref.clone(),
            message,
        };
        let id = std::ptr::from_ref(function);
        if self.calls.iter().any(|call| call.id == id) {
            return Err(fail(format!("function {} calls itself", function.name)));
        }
        if inputs.len() > function.input.len() {
            return Err(fail(format!(
                "function {} takes {} operands, not {}",
                function.name,
                function.input.len(),
                inputs.len()
            )));
        }
        let order = topo::function_order(function)?;
        self.enter()?;
        self.calls.push(Call {
            name: node_ref.name.clone(),
            opsets: function
                .opset_import
                .iter()
                .map(|import| (normalised(&import.domain).to_owned(), import.version))
                .collect(),
            attributes: attributes(function, node),
            id,
        });
        self.scopes.push_closed();
        for (input_idx, name) in function.input.iter().enumerate() {
            let value = inputs.get(input_idx).copied().flatten();
            self.scopes.define(name, value);
        }
        for node_idx in order {
            self.convert_node(b, &function.node[node_idx], node_idx)?;
        }
        let mut outputs = Vec::with_capacity(function.output.len());
        for name in &function.output {
            match self.scopes.lookup(name) {
                Some(Some(value)) => outputs.push(value),
                _ => return Err(fail(format!("function result {name} is not defined"))),
            }
        }
        self.scopes.pop();
        self.calls.pop();
        self.leave();
        Ok(outputs)
    }
}

/// The attributes that a function declares: as the call gives them, by default, or absent.
fn attributes(
    function: &FunctionProto,
    node: &NodeProto,
) -> BTreeMap<String, Option<AttributeProto>> {
    let declared = function.attribute.iter().map(|name| (name.clone(), None));
    let given = function.attribute_proto.iter().chain(&node.attribute);
    let given = given.map(|attribute| (attribute.name.clone(), Some(attribute.clone())));
    declared.chain(given).collect()
}
