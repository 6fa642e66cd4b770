//! Arrays as NumPy writes them, and damaged ones.

use super::*;
use graphc_runtime::{StringTensor, Tensor};
use std::io::Cursor;

fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(data);
    bytes
}

fn parse(bytes: &[u8], wanted: Option<DType>) -> Result<Value> {
    array::read(&mut Cursor::new(bytes), bytes.len() as u64, wanted)
}

fn tensor(dtype: DType, shape: &[usize], bytes: &[u8]) -> Value {
    Tensor::from_bytes(dtype, shape, bytes).unwrap().into()
}

fn refuse(bytes: &[u8], wanted: Option<DType>, expected: &str) {
    let error = format!("{:#}", parse(bytes, wanted).unwrap_err());
    assert!(error.contains(expected), "{error}");
}

fn in_file<T>(name: &str, test: impl FnOnce(&Path) -> T) -> T {
    let path = std::env::temp_dir().join(format!("graphc-npz-{}-{name}", std::process::id()));
    let outcome = test(&path);
    let _ = std::fs::remove_file(&path);
    outcome
}

#[test]
fn every_dtype_comes_back_through_a_file() {
    let mut values = Vec::new();
    for dtype in DType::ALL {
        let Some(n_bytes) = dtype.byte_len(6).filter(|_| dtype != DType::String) else {
            continue;
        };
        let bytes: Vec<u8> = match dtype {
            DType::Bool => vec![1, 0, 1, 1, 0, 0],
            _ => (0..n_bytes).map(|at| (at * 53 + 129) as u8).collect(),
        };
        let mut value = Tensor::from_bytes(dtype, &[2, 3], &bytes).unwrap();
        if dtype.bits() == 2 {
            value.bytes_mut()[1] &= 0x0f;
        }
        values.push((dtype.name().to_owned(), value.into()));
    }
    values.push((
        "scalar".to_owned(),
        tensor(DType::F32, &[], &[0, 0, 128, 63]),
    ));
    values.push(("empty".to_owned(), tensor(DType::I64, &[0, 3], &[])));
    values.push((
        "text".to_owned(),
        Value::Strings(StringTensor {
            shape: vec![2],
            data: vec!["".to_owned(), "né".to_owned()],
        }),
    ));
    let read = in_file("dtypes", |path| {
        write(path, &values).unwrap();
        read_as(path, &|name| name.parse().ok()).unwrap()
    });
    assert_eq!(read, values.into_iter().collect());
}

#[test]
fn sequences_are_written_by_element_and_absent_optionals_left_out() {
    let one = tensor(DType::U8, &[1], &[7]);
    let values = [
        (
            "s".to_owned(),
            Value::Sequence(vec![one.clone(), one.clone()]),
        ),
        ("none".to_owned(), Value::Optional(None)),
        ("some".to_owned(), Value::Optional(Some(Box::new(one)))),
    ];
    let names: Vec<String> = in_file("sequences", |path| {
        write(path, &values).unwrap();
        read(path).unwrap().into_keys().collect()
    });
    assert_eq!(names, ["s.0", "s.1", "some"]);
}

#[test]
fn fortran_order_becomes_row_major() {
    let bytes = npy("|u1", true, "(2, 3)", &[1, 4, 2, 5, 3, 6]);
    assert_eq!(
        parse(&bytes, None).unwrap(),
        tensor(DType::U8, &[2, 3], &[1, 2, 3, 4, 5, 6])
    );
}

#[test]
fn big_endian_is_converted() {
    let bytes = npy(">i2", false, "(2,)", &[0, 1, 0xff, 0xfe]);
    assert_eq!(
        parse(&bytes, None).unwrap(),
        tensor(DType::I16, &[2], &[1, 0, 0xfe, 0xff])
    );
}

#[test]
fn raw_void_is_what_is_wanted() {
    let two = npy("|V2", false, "(1,)", &[0x80, 0x3f]);
    assert_eq!(
        parse(&two, None).unwrap(),
        tensor(DType::BF16, &[1], &[0x80, 0x3f])
    );
    let one = npy("|V1", false, "(2,)", &[0x38, 0x7e]);
    assert_eq!(
        parse(&one, Some(DType::F8E4M3FN)).unwrap(),
        tensor(DType::F8E4M3FN, &[2], &[0x38, 0x7e])
    );
    refuse(&one, None, "nothing says of which type");
    refuse(&one, Some(DType::F32), "which is no f32");
}

#[test]
fn small_integers_stand_one_to_a_byte() {
    let signed = npy("|i1", false, "(3,)", &[0xf8, 7, 0xff]);
    assert_eq!(
        parse(&signed, Some(DType::I4)).unwrap(),
        tensor(DType::I4, &[3], &[0x78, 0x0f])
    );
    refuse(
        &npy("|i1", false, "(1,)", &[8]),
        Some(DType::I4),
        "holds 8, which is no i4",
    );
    refuse(
        &npy("|u1", false, "(1,)", &[16]),
        Some(DType::U4),
        "holds 16, which is no u4",
    );
}

#[test]
fn strings_are_read_in_both_forms() {
    let unicode = npy("<U2", false, "(1,)", &[b'a', 0, 0, 0, 0, 0, 0, 0]);
    let bytes = npy("|S2", false, "(1,)", b"a\0");
    let expected = Value::Strings(StringTensor {
        shape: vec![1],
        data: vec!["a".to_owned()],
    });
    assert_eq!(parse(&unicode, None).unwrap(), expected);
    assert_eq!(parse(&bytes, None).unwrap(), expected);
    refuse(&npy("|S1", false, "(1,)", b"\xff"), None, "no UTF-8");
}

#[test]
fn other_element_types_are_refused() {
    refuse(&npy("|O", false, "(1,)", b"x"), None, "Python objects");
    refuse(&npy("<c8", false, "(1,)", &[0; 8]), None, "complex");
    refuse(&npy("<M8[ns]", false, "(1,)", &[0; 8]), None, "dates");
    refuse(
        &npy("<f16", false, "(1,)", &[0; 16]),
        None,
        "`<f16` is not read",
    );
}

#[test]
fn damaged_arrays_are_errors() {
    refuse(b"\x93NUM", None, "cut");
    refuse(&npy("<f4", false, "(2,)", &[0; 7]), None, "cut");
    refuse(&npy("<f4", false, "(2,)", &[0; 9]), None, "more bytes");
    refuse(&npy("<f4", false, "(-2,)", &[]), None, "shape is damaged");
    refuse(&npy("<f4", false, "(2", &[]), None, "damaged");
    refuse(
        &npy("<f4", false, "(99999999999999999999,)", &[]),
        None,
        "shape is damaged",
    );
    refuse(
        &npy("<f4", false, "(4611686018427387904, 4)", &[]),
        None,
        "too large",
    );
    refuse(
        &npy("<f4", false, "(4294967296,)", &[0; 16]),
        None,
        "does not hold as many",
    );
    refuse(
        &npy("<U4611686018427387904", false, "(8,)", &[]),
        None,
        "too large",
    );
}

#[test]
fn damaged_archives_are_errors() {
    let outcomes = in_file("damaged", |path| {
        write(
            path,
            &[("x".to_owned(), tensor(DType::U8, &[4], &[1, 2, 3, 4]))],
        )
        .unwrap();
        let whole = std::fs::read(path).unwrap();
        let at = whole
            .windows(4)
            .position(|bytes| bytes == [1, 2, 3, 4])
            .unwrap();
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        let cut = whole[..whole.len() - 30].to_vec();
        [flipped, cut, b"hello".to_vec(), Vec::new()].map(|bytes| {
            std::fs::write(path, bytes).unwrap();
            read(path).is_err()
        })
    });
    assert_eq!(outcomes, [true; 4]);
}

#[test]
fn a_failed_write_leaves_what_was_there() {
    in_file("kept", |path| {
        std::fs::write(path, "before").unwrap();
        let failed = write_whole(path, |file| {
            file.write_all(b"half")?;
            bail!("no")
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(path).unwrap(), b"before");
    });
}
