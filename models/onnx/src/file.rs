//! Model files: opened by mapping, decoded without copying weights, checked before anything else looks at them.

use crate::error::{NodeRef, OnnxError};
use crate::proto::{FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto};
use crate::tensor::{FileRange, TensorView};
use bytes::Bytes;
use graphc_base::MappedFile;
use prost::Message;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Versions of the file format that are read.
const IR_VERSIONS: std::ops::RangeInclusive<i64> = 1..=14;
/// Versions of the default operator set that are read.
const OPSETS: std::ops::RangeInclusive<i64> = 1..=28;
/// From this version of the format on, a model says which operator sets it imports.
const IMPORTS_SINCE: i64 = 3;

/// An ONNX model.
#[derive(Debug)]
pub struct Model {
    proto: ModelProto,
    graph: GraphProto,
    name: String,
    folder: Option<PathBuf>,
    file: Option<MappedFile>,
    externals: RefCell<BTreeMap<PathBuf, MappedFile>>,
}

impl Model {
    /// Maps and decodes a file.
    ///
    /// # Errors
    /// When it cannot be read, is no ONNX model, or one of versions that are not read.
    pub fn open(path: &Path) -> Result<Self, OnnxError> {
        let file = MappedFile::open(path).map_err(|source| OnnxError::Io {
            path: path.to_owned(),
            source,
        })?;
        let folder = path.parent().map(|folder| {
            if folder.as_os_str().is_empty() {
                Path::new(".")
            } else {
                folder
            }
        });
        Self::decode(
            Bytes::from_owner(file.clone()),
            folder.map(Path::to_owned),
            path.display().to_string(),
            Some(file),
        )
    }

    /// Decodes a model in memory; external data lie in `folder`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(
        bytes: Bytes,
        folder: Option<PathBuf>,
        name: &str,
    ) -> Result<Self, OnnxError> {
        Self::decode(bytes, folder, name.to_owned(), None)
    }

    fn decode(
        bytes: Bytes,
        folder: Option<PathBuf>,
        name: String,
        file: Option<MappedFile>,
    ) -> Result<Self, OnnxError> {
        if let Some(looks_like) = other_format(&bytes) {
            return Err(OnnxError::NotOnnx {
                file: name,
                looks_like,
            });
        }
        let mut proto = ModelProto::decode(bytes).map_err(|error| OnnxError::Decode {
            file: name.clone(),
            message: error.to_string(),
        })?;
        let Some(graph) = proto.graph.take() else {
            return Err(OnnxError::NotOnnx {
                file: name,
                looks_like: "it holds no graph".to_owned(),
            });
        };
        let model = Self {
            proto,
            graph,
            name,
            folder,
            file,
            externals: RefCell::new(BTreeMap::new()),
        };
        model.check_versions()?;
        Ok(model)
    }

    fn check_versions(&self) -> Result<(), OnnxError> {
        let ir_version = self.proto.ir_version;
        if !IR_VERSIONS.contains(&ir_version) {
            return Err(self.graph_error(format!(
                "IR version {ir_version} is not supported; {} to {} are",
                IR_VERSIONS.start(),
                IR_VERSIONS.end()
            )));
        }
        match self.opset("") {
            Some(opset) if OPSETS.contains(&opset) => Ok(()),
            Some(opset) => Err(self.graph_error(format!(
                "opset {opset} is not supported; {} to {} are: convert the model with onnx.version_converter or export it anew",
                OPSETS.start(),
                OPSETS.end()
            ))),
            // A model of other domains alone, ai.onnx.ml for one.
            None if !self.proto.opset_import.is_empty() => Ok(()),
            None if ir_version < IMPORTS_SINCE => Ok(()),
            None => Err(self.graph_error("the model imports no operator set".to_owned())),
        }
    }

    /// The main graph.
    pub fn graph(&self) -> &GraphProto {
        &self.graph
    }

    /// Functions that the model defines.
    pub fn functions(&self) -> &[FunctionProto] {
        &self.proto.functions
    }

    /// The file's name, as messages show it.
    pub fn file_name(&self) -> &str {
        &self.name
    }

    /// Metadata of the model: keys and values.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        self.proto
            .metadata_props
            .iter()
            .map(|entry| (entry.key.as_str(), entry.value.as_str()))
    }

    /// Version of a domain that the model imports; the default domain is empty or `ai.onnx`.
    pub fn opset(&self, domain: &str) -> Option<i64> {
        let normal = |domain: &str| {
            if domain == "ai.onnx" {
                String::new()
            } else {
                domain.to_owned()
            }
        };
        self.proto
            .opset_import
            .iter()
            .filter(|import| normal(&import.domain) == normal(domain))
            .map(|import| import.version)
            .max()
            .or_else(|| self.implied_opset(domain))
    }

    /// Files from before operator sets had versions mean the first ones.
    fn implied_opset(&self, domain: &str) -> Option<i64> {
        let is_default = matches!(domain, "" | "ai.onnx" | "ai.onnx.ml");
        (is_default && self.proto.ir_version < IMPORTS_SINCE).then_some(1)
    }

    /// A node as messages name it.
    pub fn node_ref(&self, node: &NodeProto, node_idx: usize) -> NodeRef {
        let name = match node.output.first() {
            _ if !node.name.is_empty() => node.name.clone(),
            Some(output) if !output.is_empty() => format!("#{node_idx} → {output}"),
            _ => format!("#{node_idx}"),
        };
        NodeRef {
            name,
            op_type: node.op_type.clone(),
            domain: node.domain.clone(),
            opset: self.opset(&node.domain),
            file: self.name.clone(),
        }
    }

    /// An error of the graph as a whole.
    pub fn graph_error(&self, message: String) -> OnnxError {
        OnnxError::Graph {
            file: self.name.clone(),
            message,
        }
    }

    /// The initializers of a graph, sparse ones made dense.
    pub fn initializers<'a>(
        &'a self,
        graph: &'a GraphProto,
    ) -> impl Iterator<Item = Result<TensorView, OnnxError>> + 'a {
        let dense = graph.initializer.iter().map(|tensor| self.tensor(tensor));
        let sparse = graph
            .sparse_initializer
            .iter()
            .map(|tensor| self.sparse_tensor(tensor));
        dense.chain(sparse)
    }

    /// Where bytes lie in the mapped model file.
    pub(crate) fn locate(&self, bytes: &Bytes) -> Option<FileRange> {
        let file = self.file.as_ref()?;
        let start = (bytes.as_ptr() as usize).checked_sub(file.bytes().as_ptr() as usize)?;
        let end = start.checked_add(bytes.len())?;
        (end <= file.len()).then(|| FileRange {
            file: file.clone(),
            range: start..end,
        })
    }

    /// The bytes of a tensor in a file beside the model.
    pub(crate) fn external(
        &self,
        tensor: &TensorProto,
        n_bytes: usize,
    ) -> Result<(Bytes, FileRange), OnnxError> {
        let fault = |message: String| OnnxError::Tensor {
            file: self.name.clone(),
            name: tensor.name.clone(),
            message,
        };
        let entry = |key: &str| {
            let mut entries = tensor.external_data.iter();
            entries
                .find(|entry| entry.key == key)
                .map(|entry| entry.value.as_str())
        };
        let number = |key: &str, default: usize| match entry(key) {
            Some(text) => text
                .parse::<usize>()
                .map_err(|_| fault(format!("external data: {key} `{text}` is no number"))),
            None => Ok(default),
        };
        let location =
            entry("location").ok_or_else(|| fault("external data have no location".to_owned()))?;
        let (offset, length) = (number("offset", 0)?, number("length", n_bytes)?);
        if length != n_bytes {
            return Err(fault(format!(
                "external data have {length} bytes where the tensor takes {n_bytes}"
            )));
        }
        let file = self.external_file(location).map_err(fault)?;
        let range = offset
            .checked_add(length)
            .filter(|&end| end <= file.len())
            .map(|end| offset..end)
            .ok_or_else(|| {
                fault(format!(
                    "external data {location} has {} bytes, which do not hold {length} at {offset}",
                    file.len()
                ))
            })?;
        let bytes = Bytes::from_owner(file.clone()).slice(range.clone());
        Ok((bytes, FileRange { file, range }))
    }

    fn external_file(&self, location: &str) -> Result<MappedFile, String> {
        let folder = self.folder.as_ref().ok_or_else(|| {
            format!("external data {location}: the model is in memory and has no folder")
        })?;
        let relative = Path::new(location);
        let stays = relative
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !stays {
            return Err(format!(
                "external data {location} lies outside the model's folder"
            ));
        }
        let path = folder.join(relative);
        if let Some(file) = self.externals.borrow().get(&path) {
            return Ok(file.clone());
        }
        let real = |path: &Path| {
            path.canonicalize()
                .map_err(|error| format!("external data {}: {error}", path.display()))
        };
        if !real(&path)?.starts_with(real(folder)?) {
            return Err(format!(
                "external data {location} is a link out of the model's folder"
            ));
        }
        let file = MappedFile::open(&path)
            .map_err(|error| format!("external data {}: {error}", path.display()))?;
        self.externals.borrow_mut().insert(path, file.clone());
        Ok(file)
    }
}

/// What a file seems to be, if it is clearly something else.
fn other_format(bytes: &[u8]) -> Option<String> {
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(&bytes[..bytes.len().min(64)])
            .trim_start()
            .to_lowercase()
    };
    let found = match bytes {
        [] => "the file is empty",
        [b'P', b'K', 3, 4, ..] => "it looks like a zip archive (a PyTorch or NumPy file?)",
        [0x80, 2..=5, ..] => "it looks like a Python pickle (a PyTorch file?)",
        [0x89, b'H', b'D', b'F', ..] => "it looks like an HDF5 file (Keras?)",
        [b'G', b'G', b'U', b'F', ..] => "it looks like a GGUF file",
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => "it looks like a TensorFlow Lite model",
        [_, _, _, _, _, _, 0, 0, b'{', ..] => "it looks like a safetensors file",
        _ if text(bytes).starts_with("<!doctype") || text(bytes).starts_with("<html") => {
            "it looks like an HTML page"
        }
        _ if text(bytes).starts_with("version https://git-lfs") => {
            "it is a Git LFS pointer; fetch the file itself"
        }
        [b'{', ..] => "it looks like JSON",
        [b'<', ..] | [b'i', b'r', b'_', ..] => "it looks like ONNX in text form, which is not read",
        _ => return None,
    };
    Some(found.to_owned())
}
