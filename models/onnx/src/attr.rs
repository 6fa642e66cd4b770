//! Typed access to a node's attributes.

use crate::error::{NodeRef, OnnxError};
use crate::file::Model;
use crate::proto::{AttributeProto, GraphProto, NodeProto, TypeProto, attribute_type};
use crate::tensor::TensorView;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// The attributes of a node. Keeps which were read, so that unknown ones are noticed.
pub(crate) struct Attrs<'a> {
    node: &'a NodeProto,
    node_ref: &'a NodeRef,
    read: RefCell<BTreeSet<String>>,
}

impl<'a> Attrs<'a> {
    pub(crate) fn new(node: &'a NodeProto, node_ref: &'a NodeRef) -> Self {
        Self {
            node,
            node_ref,
            read: RefCell::new(BTreeSet::new()),
        }
    }

    /// Says that an attribute may be there and changes nothing.
    pub(crate) fn mark_read(&self, name: &str) {
        self.read.borrow_mut().insert(name.to_owned());
    }

    /// Attributes that were never asked for.
    pub(crate) fn unused(&self) -> Vec<&'a str> {
        let read = self.read.borrow();
        self.node
            .attribute
            .iter()
            .map(|attribute| attribute.name.as_str())
            .filter(|name| !read.contains(*name))
            .collect()
    }

    fn find(
        &self,
        name: &str,
        kind: i32,
        what: &str,
    ) -> Result<Option<&'a AttributeProto>, OnnxError> {
        self.mark_read(name);
        let Some(attribute) = self
            .node
            .attribute
            .iter()
            .find(|attribute| attribute.name == name)
        else {
            return Ok(None);
        };
        // Files of IR versions before 2 have no kind.
        if attribute.r#type == kind || attribute.r#type == attribute_type::UNDEFINED {
            return Ok(Some(attribute));
        }
        Err(self.fault(name, format!("must be {what}")))
    }

    fn fault(&self, name: &str, message: String) -> OnnxError {
        OnnxError::Attribute {
            node: self.node_ref.clone(),
            attribute: name.to_owned(),
            message,
        }
    }

    pub(crate) fn int_opt(&self, name: &str) -> Result<Option<i64>, OnnxError> {
        Ok(self
            .find(name, attribute_type::INT, "an integer")?
            .map(|attribute| attribute.i))
    }

    pub(crate) fn float_opt(&self, name: &str) -> Result<Option<f32>, OnnxError> {
        Ok(self
            .find(name, attribute_type::FLOAT, "a float")?
            .map(|attribute| attribute.f))
    }

    pub(crate) fn ints_opt(&self, name: &str) -> Result<Option<Vec<i64>>, OnnxError> {
        let found = self.find(name, attribute_type::INTS, "a list of integers")?;
        Ok(found.map(|attribute| attribute.ints.clone()))
    }

    pub(crate) fn floats_opt(&self, name: &str) -> Result<Option<Vec<f32>>, OnnxError> {
        let found = self.find(name, attribute_type::FLOATS, "a list of floats")?;
        Ok(found.map(|attribute| attribute.floats.clone()))
    }

    pub(crate) fn string_opt(&self, name: &str) -> Result<Option<String>, OnnxError> {
        let Some(attribute) = self.find(name, attribute_type::STRING, "a string")? else {
            return Ok(None);
        };
        self.text(name, &attribute.s).map(Some)
    }

    pub(crate) fn strings_opt(&self, name: &str) -> Result<Option<Vec<String>>, OnnxError> {
        let Some(attribute) = self.find(name, attribute_type::STRINGS, "a list of strings")? else {
            return Ok(None);
        };
        attribute
            .strings
            .iter()
            .map(|bytes| self.text(name, bytes))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    fn text(&self, name: &str, bytes: &[u8]) -> Result<String, OnnxError> {
        String::from_utf8(bytes.to_vec()).map_err(|_| self.fault(name, "is not UTF-8".to_owned()))
    }

    pub(crate) fn graph_opt(&self, name: &str) -> Result<Option<&'a GraphProto>, OnnxError> {
        Ok(self
            .find(name, attribute_type::GRAPH, "a graph")?
            .and_then(|attribute| attribute.g.as_ref()))
    }

    pub(crate) fn type_opt(&self, name: &str) -> Result<Option<&'a TypeProto>, OnnxError> {
        Ok(self
            .find(name, attribute_type::TYPE_PROTO, "a type")?
            .and_then(|attribute| attribute.tp.as_ref()))
    }

    pub(crate) fn tensor_opt(
        &self,
        name: &str,
        model: &Model,
    ) -> Result<Option<TensorView>, OnnxError> {
        match self
            .find(name, attribute_type::TENSOR, "a tensor")?
            .and_then(|attribute| attribute.t.as_ref())
        {
            Some(tensor) => model.tensor(tensor).map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn sparse_opt(
        &self,
        name: &str,
        model: &Model,
    ) -> Result<Option<TensorView>, OnnxError> {
        let found = self.find(name, attribute_type::SPARSE_TENSOR, "a sparse tensor")?;
        match found.and_then(|attribute| attribute.sparse_tensor.as_ref()) {
            Some(tensor) => model.sparse_tensor(tensor).map(Some),
            None => Ok(None),
        }
    }
}

/// A node of a function with references to the function's attributes replaced by what the call gives. A reference to an
/// attribute that is declared and absent is dropped; one to an undeclared attribute stays, for the importer to refuse.
/// Nodes of subgraphs likewise.
pub(crate) fn substitute_attributes(
    node: &NodeProto,
    given: &BTreeMap<String, Option<AttributeProto>>,
) -> NodeProto {
    let mut resolved = node.clone();
    resolved.attribute = node
        .attribute
        .iter()
        .filter_map(|attribute| {
            let mut resolved = match given.get(&attribute.ref_attr_name) {
                Some(found) if !attribute.ref_attr_name.is_empty() => {
                    let mut found = found.clone()?;
                    found.name.clone_from(&attribute.name);
                    found
                }
                _ => attribute.clone(),
            };
            for graph in resolved.g.iter_mut().chain(&mut resolved.graphs) {
                for node in &mut graph.node {
                    *node = substitute_attributes(node, given);
                }
            }
            Some(resolved)
        })
        .collect();
    resolved
}
