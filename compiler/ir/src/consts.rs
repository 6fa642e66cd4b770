//! The constant store: where the bytes of weights are, without holding copies of them.

use crate::types::TensorType;
use graphc_base::{MappedFile, PrimaryMap, entity_id};
use std::ops::Range;
use std::sync::Arc;

entity_id!(
    /// A constant of a graph.
    ConstId,
    "c"
);

/// Constants up to this many bytes take part in folding and symbolic propagation and may be printed whole.
pub const SMALL_CONST_BYTES: usize = 4096;

/// Where the contents of a constant come from.
#[derive(Clone, Debug)]
pub enum ConstData {
    /// A range of a mapped file, little-endian, packed.
    Mapped {
        /// The file.
        file: MappedFile,
        /// Bytes within it.
        range: Range<usize>,
    },
    /// Bytes held in memory, little-endian, packed.
    Inline(Arc<[u8]>),
    /// Strings, row-major.
    Strings(Arc<[String]>),
    /// Computed from other constants when the artifact is written, by one operator's one result.
    Derived {
        /// The operator; never one with regions or randomness.
        op: Box<crate::op::Op>,
        /// Its operands.
        inputs: Vec<ConstId>,
        /// Which of its results.
        output: usize,
    },
}

/// A constant: its type (all dims constant) and where its contents are.
#[derive(Clone, Debug)]
pub struct Constant {
    /// Element type and shape.
    pub ty: TensorType,
    /// The contents.
    pub data: ConstData,
    /// Name in the model file, for messages and artifacts.
    pub name: Option<String>,
    /// Hash of type and contents (of the derivation, for derived ones): equal constants have equal hashes.
    pub hash: u64,
}

impl Constant {
    /// The bytes, unless the constant is derived or holds strings.
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.data {
            ConstData::Mapped { file, range } => file.bytes().get(range.clone()),
            ConstData::Inline(bytes) => Some(bytes),
            ConstData::Strings(_) | ConstData::Derived { .. } => None,
        }
    }

    /// The strings of a string constant.
    pub fn strings(&self) -> Option<&[String]> {
        match &self.data {
            ConstData::Strings(strings) => Some(strings),
            _ => None,
        }
    }
}

/// All constants of a graph; equal ones are stored once.
#[derive(Clone, Debug, Default)]
pub struct ConstStore {
    items: PrimaryMap<ConstId, Constant>,
    by_hash: std::collections::BTreeMap<u64, ConstId>,
}

impl ConstStore {
    /// The constant of an id.
    pub fn get(&self, id: ConstId) -> Option<&Constant> {
        self.items.get(id)
    }

    /// Ids and constants in order of insertion.
    pub fn iter(&self) -> impl Iterator<Item = (ConstId, &Constant)> {
        self.items.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Adds a constant; one with the same hash is taken to be the same and returned.
    ///
    /// Mapped constants are hashed by file and range and not by contents, so that no weight is read.
    pub fn insert(&mut self, ty: TensorType, data: ConstData, name: Option<String>) -> ConstId {
        let hash = hash_constant(&self.items, &ty, &data);
        if let Some(&id) = self.by_hash.get(&hash) {
            return id;
        }
        let id = self.items.push(Constant {
            ty,
            data,
            name,
            hash,
        });
        self.by_hash.insert(hash, id);
        id
    }
}

impl std::ops::Index<ConstId> for ConstStore {
    type Output = Constant;
    fn index(&self, id: ConstId) -> &Constant {
        &self.items[id]
    }
}

fn hash_constant(items: &PrimaryMap<ConstId, Constant>, ty: &TensorType, data: &ConstData) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    ty.hash(&mut hasher);
    match data {
        ConstData::Mapped { file, range } => {
            0u8.hash(&mut hasher);
            file.path().hash(&mut hasher);
            range.hash(&mut hasher);
        }
        ConstData::Inline(bytes) => {
            1u8.hash(&mut hasher);
            hasher.update(bytes);
        }
        ConstData::Strings(strings) => {
            2u8.hash(&mut hasher);
            strings.hash(&mut hasher);
        }
        ConstData::Derived { op, inputs, output } => {
            3u8.hash(&mut hasher);
            op.hash(&mut hasher);
            output.hash(&mut hasher);
            for &input in inputs {
                items[input].hash.hash(&mut hasher);
            }
        }
    }
    hasher.finish()
}
