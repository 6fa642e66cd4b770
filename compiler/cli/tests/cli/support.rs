//! A folder of its own for each test, small models, and the binary.

use bytes::Bytes;
use graphc::npz;
use graphc::runtime::{DType, Tensor, Value};
use graphc_onnx::proto::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto, tensor_shape_proto, type_proto,
};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder that goes with the test.
pub(crate) struct Sandbox {
    path: PathBuf,
}

/// What a run of the binary gave.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// The JSON on stdout.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }

    /// The same, of a run that succeeded.
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self
    }

    /// The error, of a run that failed.
    pub(crate) fn error(self) -> String {
        assert_eq!(self.code, 1, "{}{}", self.stdout, self.stderr);
        self.stderr
    }
}

impl Sandbox {
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("graphc-cli-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self { path }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Names of all files, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.path).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_graphc"));
        command
            .current_dir(&self.path)
            .args(args)
            .stdin(Stdio::null());
        command
    }

    /// Runs the binary in the folder.
    pub(crate) fn graphc(&self, args: &[&str]) -> Outcome {
        let output = self.command(args).output().unwrap();
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn write_model(&self, name: &str, model: &ModelProto) {
        self.write(name, model.to_bytes());
    }

    /// `mlp.onnx`, and `mlp.gcx` compiled from it.
    pub(crate) fn with_mlp(name: &str) -> Self {
        let sandbox = Self::new(name);
        sandbox.write_model("mlp.onnx", &mlp());
        sandbox.graphc(&["compile", "mlp.onnx"]).ok();
        sandbox
    }

    pub(crate) fn write_npz(&self, name: &str, values: &[(&str, Value)]) {
        let owned: Vec<(String, Value)> = values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        npz::write(&self.path(name), &owned).unwrap();
    }

    pub(crate) fn read_npz(&self, name: &str) -> std::collections::BTreeMap<String, Value> {
        npz::read(&self.path(name)).unwrap()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

pub(crate) fn floats(shape: &[usize], elements: &[f32]) -> Value {
    Tensor::from_elements(DType::F32, shape, elements)
        .unwrap()
        .into()
}

pub(crate) fn longs(shape: &[usize], elements: &[i64]) -> Value {
    Tensor::from_elements(DType::I64, shape, elements)
        .unwrap()
        .into()
}

pub(crate) fn elements(value: &Value) -> Vec<f32> {
    value
        .as_tensor()
        .unwrap()
        .elements::<f32>()
        .unwrap()
        .to_vec()
}

pub(crate) fn node(name: &str, op_type: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    NodeProto {
        name: name.into(),
        op_type: op_type.into(),
        input: inputs.iter().map(|&name| name.into()).collect(),
        output: outputs.iter().map(|&name| name.into()).collect(),
        ..NodeProto::default()
    }
}

/// A float tensor, whose dims are numbers or names.
pub(crate) fn value(name: &str, dims: &[&str]) -> ValueInfoProto {
    typed(name, 1, dims)
}

pub(crate) fn typed(name: &str, elem_type: i32, dims: &[&str]) -> ValueInfoProto {
    let dim = |&dim: &&str| tensor_shape_proto::Dimension {
        value: Some(match dim.parse() {
            Ok(size) => tensor_shape_proto::dimension::Value::DimValue(size),
            Err(_) => tensor_shape_proto::dimension::Value::DimParam(dim.into()),
        }),
    };
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto {
            value: Some(type_proto::Value::TensorType(type_proto::Tensor {
                elem_type,
                shape: Some(TensorShapeProto {
                    dim: dims.iter().map(dim).collect(),
                }),
            })),
        }),
    }
}

pub(crate) fn weight(name: &str, dims: &[i64], elements: &[f32]) -> TensorProto {
    let bytes: Vec<u8> = elements
        .iter()
        .flat_map(|element| element.to_le_bytes())
        .collect();
    TensorProto {
        name: name.into(),
        data_type: 1,
        dims: dims.to_vec(),
        raw_data: Bytes::from(bytes),
        ..TensorProto::default()
    }
}

pub(crate) fn model(graph: GraphProto) -> ModelProto {
    ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: 17,
        }],
        graph: Some(graph),
        ..ModelProto::default()
    }
}

/// `y = softmax(relu(x · w + b))` for `x: f32[batch, 2]`.
pub(crate) fn mlp() -> ModelProto {
    model(GraphProto {
        name: "mlp".into(),
        node: vec![
            node("/fc/MatMul", "MatMul", &["x", "w"], &["/fc/MatMul_out"]),
            node("/fc/Add", "Add", &["/fc/MatMul_out", "b"], &["/fc/Add_out"]),
            node("/act/Relu", "Relu", &["/fc/Add_out"], &["/act/Relu_out"]),
            node("/head/Softmax", "Softmax", &["/act/Relu_out"], &["y"]),
        ],
        initializer: vec![
            weight("w", &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
            weight("b", &[3], &[0.5, -20.0, 0.25]),
        ],
        input: vec![value("x", &["batch", "2"])],
        output: vec![value("y", &["batch", "3"])],
        ..GraphProto::default()
    })
}

/// `y = a + b` for `a: f32[n, 2]`, `b: f32[n, 2]` and `count: i64[n]`.
pub(crate) fn three_inputs() -> ModelProto {
    model(GraphProto {
        name: "three".into(),
        node: vec![
            node("/add", "Add", &["a", "b"], &["y"]),
            node("/neg", "Neg", &["count"], &["z"]),
        ],
        input: vec![
            value("a", &["n", "2"]),
            value("b", &["n", "2"]),
            typed("count", 7, &["n"]),
        ],
        output: vec![value("y", &["n", "2"]), typed("z", 7, &["n"])],
        ..GraphProto::default()
    })
}

/// A fetched model.
///
/// # Panics
/// If it is not there.
pub(crate) fn asset(name: &str) -> PathBuf {
    let folder = std::env::var_os("GRAPHC_CACHE_DIR").expect("set by cargo within the repository");
    let path = Path::new(&folder).join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo xtask fetch --all`",
        path.display()
    );
    path
}
