//! Tensors: every field that may hold the elements, and sizes that don't fit them.

use crate::build::{holding, load, message, model, raw, tensor};
use bytes::Bytes;
use graphc_base::DType;
use graphc_onnx::proto::{GraphProto, SparseTensorProto, TensorProto};
use graphc_onnx::{OnnxError, TensorData, TensorView, data_type_to_dtype};

fn read(tensor: TensorProto) -> Result<TensorView, OnnxError> {
    load(&holding(tensor.clone()))?.tensor(&tensor)
}

fn bytes(view: TensorView) -> Vec<u8> {
    match view.data {
        TensorData::Bytes { bytes, .. } => bytes.to_vec(),
        TensorData::Strings(_) => Vec::new(),
    }
}

#[test]
fn every_dtype_has_one_data_type_and_complex_has_none() {
    let known: Vec<DType> = (-1..40)
        .filter_map(|code| data_type_to_dtype(code).ok())
        .collect();
    assert_eq!(known.len(), DType::ALL.len());
    for dtype in DType::ALL {
        assert!(known.contains(&dtype), "{dtype}");
    }
    for complex in [14, 15] {
        let text = message(read(tensor("c", complex, &[1])));
        assert!(
            text.contains("tensor c") && text.contains(&complex.to_string()),
            "{text}"
        );
    }
}

#[test]
fn typed_fields_become_little_endian_bytes() {
    let int32 = |data_type, values: &[i32]| TensorProto {
        int32_data: values.to_vec(),
        ..tensor("t", data_type, &[values.len() as i64])
    };
    let cases = [
        (int32(6, &[-2]), (-2i32).to_le_bytes().to_vec()),
        (int32(9, &[1, 0]), vec![1, 0]),
        (int32(2, &[255]), vec![255]),
        (int32(3, &[-1]), vec![255]),
        (int32(4, &[0x1234]), vec![0x34, 0x12]),
        (int32(5, &[-2]), vec![0xfe, 0xff]),
        // Bit patterns of 1.0.
        (int32(10, &[0x3c00]), vec![0x00, 0x3c]),
        (int32(16, &[0x3f80]), vec![0x80, 0x3f]),
        (int32(17, &[0x38]), vec![0x38]),
        (int32(24, &[0x7f]), vec![0x7f]),
    ];
    for (proto, expected) in cases {
        let data_type = proto.data_type;
        assert_eq!(
            bytes(read(proto).unwrap()),
            expected,
            "data type {data_type}"
        );
    }
    let floats = TensorProto {
        float_data: vec![1.5],
        ..tensor("t", 1, &[1])
    };
    assert_eq!(bytes(read(floats).unwrap()), 1.5f32.to_le_bytes());
    let doubles = TensorProto {
        double_data: vec![-0.25],
        ..tensor("t", 11, &[])
    };
    assert_eq!(bytes(read(doubles).unwrap()), (-0.25f64).to_le_bytes());
    let longs = TensorProto {
        int64_data: vec![-7],
        ..tensor("t", 7, &[1, 1])
    };
    assert_eq!(bytes(read(longs).unwrap()), (-7i64).to_le_bytes());
    for (data_type, width) in [(12, 4), (13, 8)] {
        let unsigned = TensorProto {
            uint64_data: vec![0x8000_0001],
            ..tensor("t", data_type, &[1])
        };
        assert_eq!(
            bytes(read(unsigned).unwrap()),
            0x8000_0001u64.to_le_bytes()[..width]
        );
    }
}

#[test]
fn packed_entries_stay_packed() {
    // Five elements of four bits in three bytes.
    let packed = TensorProto {
        int32_data: vec![0x21, 0x43, 0x05],
        ..tensor("t", 22, &[5])
    };
    assert_eq!(bytes(read(packed).unwrap()), [0x21, 0x43, 0x05]);
}

#[test]
fn elements_that_their_type_cannot_hold_are_refused_by_position() {
    let cases: [(i32, &[i32]); 8] = [
        (2, &[0, 256]),
        (2, &[0, -1]),
        (3, &[0, 128]),
        (5, &[0, 40_000]),
        (9, &[0, 2]),
        (10, &[0, 0x1_0000]),
        (17, &[0, -1]),
        (22, &[0, 8]),
    ];
    for (data_type, values) in cases {
        let text = message(read(TensorProto {
            int32_data: values.to_vec(),
            ..tensor("t", data_type, &[2])
        }));
        assert!(
            text.contains(&format!("element 1: {} does not fit", values[1])),
            "{text}"
        );
    }
    let text = message(read(TensorProto {
        uint64_data: vec![1 << 32],
        ..tensor("t", 12, &[1])
    }));
    assert!(
        text.contains("element 0: 4294967296 does not fit u32"),
        "{text}"
    );
}

#[test]
fn strings_are_read_as_strings() {
    let strings = TensorProto {
        string_data: vec![Bytes::from_static(b"a"), Bytes::from_static("ß".as_bytes())],
        ..tensor("t", 8, &[2])
    };
    let TensorData::Strings(strings) = read(strings).unwrap().data else {
        panic!("no strings");
    };
    assert_eq!(strings, ["a", "ß"]);
    assert!(message(read(tensor("t", 8, &[1]))).contains("tensor t"));
}

#[test]
fn a_tensor_without_elements_needs_no_data() {
    let empty = read(tensor("t", 1, &[3, 0])).unwrap();
    assert_eq!(empty.dims, [3, 0]);
    assert!(bytes(empty).is_empty());
}

#[test]
fn sizes_that_the_data_does_not_fill_are_refused() {
    // The third claims 10 GB; none of them may allocate by what it claims.
    let claims: [&[i64]; 4] = [&[2], &[], &[2_500_000_000], &[i64::MAX]];
    for dims in claims {
        for proto in [
            raw("w", 1, dims, &[0; 12]),
            TensorProto {
                float_data: vec![0.0; 3],
                ..tensor("w", 1, dims)
            },
        ] {
            let text = message(read(proto));
            assert!(text.starts_with("m.onnx: tensor w: "), "{dims:?}: {text}");
        }
    }
}

#[test]
fn negative_and_overflowing_sizes_are_refused() {
    for dims in [&[-1][..], &[i64::MIN], &[1 << 40, 1 << 40], &[i64::MAX, 2]] {
        let text = message(read(raw("w", 1, dims, &[0; 4])));
        assert!(text.starts_with("m.onnx: tensor w: "), "{dims:?}: {text}");
    }
}

fn sparse(indices: &[i64], index_dims: &[i64], dims: &[i64]) -> Result<TensorView, OnnxError> {
    let n_values = index_dims.first().copied().unwrap_or(0);
    let sparse = SparseTensorProto {
        values: Some(TensorProto {
            float_data: (0..n_values).map(|value| value as f32 + 1.0).collect(),
            ..tensor("s", 1, &[n_values])
        }),
        indices: Some(TensorProto {
            int64_data: indices.to_vec(),
            ..tensor("", 7, index_dims)
        }),
        dims: dims.to_vec(),
    };
    let model = load(&model(GraphProto {
        sparse_initializer: vec![sparse],
        ..GraphProto::default()
    }))?;
    let mut views = model.initializers(model.graph());
    views.next().unwrap()
}

#[test]
fn sparse_tensors_become_dense_from_flat_and_from_row_indices() {
    let expected: Vec<u8> = [0.0f32, 1.0, 0.0, 0.0, 0.0, 2.0]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let flat = sparse(&[1, 5], &[2], &[2, 3]).unwrap();
    assert_eq!(
        (flat.name.as_str(), flat.dims.as_slice()),
        ("s", &[2, 3][..])
    );
    assert_eq!(bytes(flat), expected);
    let rows = sparse(&[0, 1, 1, 2], &[2, 2], &[2, 3]).unwrap();
    assert_eq!(bytes(rows), expected);
}

#[test]
fn sparse_tensors_with_bad_indices_or_huge_sizes_are_refused() {
    for (indices, index_dims, dims) in [
        (&[6][..], &[1][..], &[2, 3][..]),
        (&[-1], &[1], &[2, 3]),
        (&[0, 3], &[1, 2], &[2, 3]),
        (&[0, 0, 0], &[1, 3], &[2, 3]),
        (&[0], &[1], &[-2]),
        (&[0], &[1], &[1 << 40]),
        (&[0], &[1], &[1 << 40, 1 << 40]),
    ] {
        let text = message(sparse(indices, index_dims, dims));
        assert!(
            text.starts_with("m.onnx: tensor s: "),
            "{indices:?} {dims:?}: {text}"
        );
    }
}
