//! Weights in files beside the model.

use crate::build::{external, holding, message};
use graphc_onnx::{Model, OnnxError, TensorData, TensorView};
use prost::Message;
use std::path::Path;

/// A folder `models` with `w.bin` of 16 bytes, and `secret.bin` beside that folder.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    std::fs::create_dir_all(models.join("sub")).unwrap();
    let bytes: Vec<u8> = (0..16).collect();
    std::fs::write(models.join("w.bin"), &bytes).unwrap();
    std::fs::write(models.join("sub/w.bin"), &bytes).unwrap();
    std::fs::write(folder.path().join("secret.bin"), &bytes).unwrap();
    folder
}

/// Reads a tensor of `f32[2]`.
fn read(folder: &Path, entries: &[(&str, &str)]) -> Result<TensorView, OnnxError> {
    let path = folder.join("models/m.onnx");
    let tensor = external("w", &[2], entries);
    std::fs::write(&path, holding(tensor.clone()).encode_to_vec()).unwrap();
    Model::open(&path)?.tensor(&tensor)
}

#[test]
fn a_range_of_a_file_beside_the_model_is_mapped() {
    let folder = folder();
    for location in ["w.bin", "./w.bin", "sub/w.bin"] {
        let view = read(
            folder.path(),
            &[
                ("location", location),
                ("offset", "4"),
                ("length", "8"),
                ("checksum", "x"),
            ],
        );
        let TensorData::Bytes {
            bytes,
            source: Some(source),
        } = view.unwrap().data
        else {
            panic!("the tensor has no place in a file");
        };
        assert_eq!(bytes[..], [4, 5, 6, 7, 8, 9, 10, 11]);
        assert_eq!(source.range, 4..12);
        assert_eq!(source.file.bytes()[source.range].as_ptr(), bytes.as_ptr());
    }
}

#[test]
fn length_may_be_left_out() {
    let folder = folder();
    assert!(read(folder.path(), &[("location", "w.bin")]).is_ok());
}

#[test]
fn paths_that_leave_the_folder_are_refused() {
    let folder = folder();
    let absolute = folder.path().join("secret.bin");
    let absolute = absolute.to_str().unwrap();
    for location in ["../secret.bin", "sub/../../secret.bin", absolute] {
        let text = message(read(folder.path(), &[("location", location)]));
        assert!(text.contains("m.onnx: tensor w: "), "{text}");
        assert!(
            text.contains(location) && text.contains("outside"),
            "{text}"
        );
    }
}

#[cfg(unix)]
#[test]
fn links_out_of_the_folder_are_refused_and_links_within_it_are_not() {
    let folder = folder();
    let models = folder.path().join("models");
    std::os::unix::fs::symlink(folder.path().join("secret.bin"), models.join("link.bin")).unwrap();
    std::os::unix::fs::symlink(folder.path(), models.join("up")).unwrap();
    std::os::unix::fs::symlink(models.join("w.bin"), models.join("sub/inner.bin")).unwrap();
    for location in ["link.bin", "up/secret.bin"] {
        let text = message(read(folder.path(), &[("location", location)]));
        assert!(
            text.contains(location) && text.contains("link out"),
            "{text}"
        );
    }
    assert!(read(folder.path(), &[("location", "sub/inner.bin")]).is_ok());
}

#[test]
fn ranges_that_do_not_fit_file_or_tensor_are_refused() {
    let folder = folder();
    for (offset, length) in [
        ("12", "8"),
        ("18446744073709551615", "8"),
        ("0", "4"),
        ("0", "16"),
        ("-4", "8"),
        ("0", "eight"),
    ] {
        let text = message(read(
            folder.path(),
            &[
                ("location", "w.bin"),
                ("offset", offset),
                ("length", length),
            ],
        ));
        assert!(
            text.contains("m.onnx: tensor w: "),
            "{offset} {length}: {text}"
        );
    }
}

#[test]
fn missing_files_missing_locations_and_models_without_folder_are_named() {
    let folder = folder();
    let missing = message(read(folder.path(), &[("location", "none.bin")]));
    assert!(missing.contains("none.bin"), "{missing}");
    let unplaced = message(read(folder.path(), &[("offset", "0")]));
    assert!(
        unplaced.contains("tensor w") && unplaced.contains("location"),
        "{unplaced}"
    );
    let tensor = external("w", &[2], &[("location", "w.bin")]);
    let bytes = holding(tensor.clone()).encode_to_vec().into();
    let model = Model::from_bytes(bytes, None, "memory").unwrap();
    assert!(message(model.tensor(&tensor)).contains("in memory"));
    let bytes = holding(tensor.clone()).encode_to_vec().into();
    let models = Some(folder.path().join("models"));
    let model = Model::from_bytes(bytes, models, "memory").unwrap();
    assert!(model.tensor(&tensor).is_ok());
}
