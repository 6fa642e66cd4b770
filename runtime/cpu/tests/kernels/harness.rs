//! Runs one spec by the reference evaluator and by the device: for every instruction set of this machine, on 1, 2 and 3 threads.

use graphc_base::{DType, Dim};
use graphc_cpu::{CpuDevice, Isa};
use graphc_device::{Device, DeviceError, Input, Launch, Span};
use graphc_kernel::reference::{Call, KernelError, evaluate, scratch_bytes};
use graphc_kernel::{BoundSpec, Kernel, KernelSpec, TensorArg, View};

const THREADS: [usize; 3] = [1, 2, 3];

thread_local! {
    /// Each test has pools of its own: one that another test keeps busy would run loops on one thread.
    static DEVICES: Vec<(Isa, Vec<CpuDevice>)> = Isa::available()
        .map(|isa| (isa, THREADS.map(|n| CpuDevice::with_isa(n, isa)).into_iter().collect()))
        .collect();
}

/// Bytes aligned for every dtype.
#[derive(Clone)]
pub(crate) struct Bytes {
    words: Vec<u64>,
    len: usize,
}

impl Bytes {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut this = Self {
            words: vec![0; bytes.len().div_ceil(8)],
            len: bytes.len(),
        };
        this.get_mut().copy_from_slice(bytes);
        this
    }

    pub(crate) fn get(&self) -> &[u8] {
        // SAFETY: words are plain bytes.
        let bytes =
            unsafe { std::slice::from_raw_parts(self.words.as_ptr().cast(), 8 * self.words.len()) };
        &bytes[..self.len]
    }

    fn get_mut(&mut self) -> &mut [u8] {
        // SAFETY: words are plain bytes.
        let bytes = unsafe {
            std::slice::from_raw_parts_mut(self.words.as_mut_ptr().cast(), 8 * self.words.len())
        };
        &mut bytes[..self.len]
    }
}

/// A tensor to read.
#[derive(Clone)]
pub(crate) struct Tensor {
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<usize>,
    pub(crate) view: Option<(usize, Vec<isize>)>,
    pub(crate) bytes: Bytes,
}

fn dims(shape: &[usize]) -> Vec<Dim> {
    shape
        .iter()
        .map(|&size| Dim::constant(size as i64))
        .collect()
}

impl Tensor {
    /// A contiguous tensor of values that are rounded or wrapped into the dtype.
    pub(crate) fn new(dtype: DType, shape: &[usize], values: &[f64]) -> Self {
        let mut bytes = Vec::new();
        for &value in values {
            match dtype {
                DType::F32 => bytes.extend((value as f32).to_le_bytes()),
                DType::F64 => bytes.extend(value.to_le_bytes()),
                DType::F16 => bytes.extend(half::f16::from_f64(value).to_le_bytes()),
                DType::BF16 => bytes.extend(half::bf16::from_f64(value).to_le_bytes()),
                DType::Bool => bytes.push(u8::from(value > 0.0)),
                dtype => bytes.extend(&(value as i64).to_le_bytes()[..dtype.bits() / 8]),
            }
        }
        Self {
            dtype,
            shape: shape.to_vec(),
            view: None,
            bytes: Bytes::new(&bytes),
        }
    }

    /// Seen otherwise: another shape and strides over the same buffer.
    pub(crate) fn viewed(mut self, shape: &[usize], offset: usize, strides: &[isize]) -> Self {
        self.shape = shape.to_vec();
        self.view = Some((offset, strides.to_vec()));
        self
    }

    /// With the last two axes swapped, by a view.
    pub(crate) fn transposed(self) -> Self {
        let rank = self.shape.len();
        let mut shape = self.shape.clone();
        let mut strides: Vec<isize> = (0..rank)
            .map(|axis| self.shape[axis + 1..].iter().product::<usize>() as isize)
            .collect();
        shape.swap(rank - 2, rank - 1);
        strides.swap(rank - 2, rank - 1);
        self.viewed(&shape, 0, &strides)
    }

    /// With every value's sign dropped: what an error bound sums.
    pub(crate) fn magnitudes(&self) -> Self {
        let mut this = self.clone();
        let width = self.dtype.bits() / 8;
        if self.dtype.is_float() {
            for element in this.bytes.get_mut().chunks_exact_mut(width) {
                element[width - 1] &= 0x7f;
            }
        }
        this
    }

    fn arg(&self) -> TensorArg {
        TensorArg {
            dtype: self.dtype,
            shape: dims(&self.shape),
            view: self.view.as_ref().map(|(offset, strides)| View {
                offset: Dim::constant(*offset as i64),
                strides: strides
                    .iter()
                    .map(|&stride| Dim::constant(stride as i64))
                    .collect(),
            }),
        }
    }
}

/// Elements of a float or integer result.
pub(crate) fn values(dtype: DType, bytes: &[u8]) -> Vec<f64> {
    bytes
        .chunks_exact(dtype.bits() / 8)
        .map(|raw| {
            let mut word = [0; 8];
            word[..raw.len()].copy_from_slice(raw);
            let word = u64::from_le_bytes(word);
            match dtype {
                DType::F32 => f64::from(f32::from_bits(word as u32)),
                DType::F64 => f64::from_bits(word),
                DType::F16 => half::f16::from_bits(word as u16).to_f64(),
                DType::BF16 => half::bf16::from_bits(word as u16).to_f64(),
                _ => word as i64 as f64,
            }
        })
        .collect()
}

/// A spec with its inputs.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) kernel: Kernel,
    pub(crate) inputs: Vec<Tensor>,
    pub(crate) outputs: Vec<(DType, Vec<usize>)>,
}

impl Case {
    pub(crate) fn new(kernel: Kernel, inputs: &[&Tensor], dtype: DType, shape: &[usize]) -> Self {
        Self {
            kernel,
            inputs: inputs.iter().map(|&tensor| tensor.clone()).collect(),
            outputs: vec![(dtype, shape.to_vec())],
        }
    }

    fn bound(&self) -> BoundSpec {
        KernelSpec {
            kernel: self.kernel.clone(),
            inputs: self.inputs.iter().map(Tensor::arg).collect(),
            outputs: self
                .outputs
                .iter()
                .map(|(dtype, shape)| TensorArg::new(*dtype, dims(shape)))
                .collect(),
        }
        .bind(&[])
        .expect("spec binds")
    }

    fn describe(&self) -> String {
        let inputs: Vec<String> = self
            .inputs
            .iter()
            .map(|tensor| format!("{}{:?} {:?}", tensor.dtype, tensor.shape, tensor.view))
            .collect();
        format!(
            "{:?} of {} to {:?}",
            self.kernel,
            inputs.join(", "),
            self.outputs
        )
    }

    /// Results of the reference evaluator.
    pub(crate) fn reference(&self) -> Result<Vec<Vec<u8>>, KernelError> {
        let spec = self.bound();
        let inputs: Vec<&[u8]> = self
            .inputs
            .iter()
            .map(|tensor| tensor.bytes.get())
            .collect();
        let mut outputs: Vec<Bytes> = spec
            .outputs
            .iter()
            .map(|arg| Bytes::new(&vec![0xa5; arg.byte_len()]))
            .collect();
        let mut slices: Vec<&mut [u8]> = outputs.iter_mut().map(Bytes::get_mut).collect();
        let mut scratch = Bytes::new(&vec![0xa5; scratch_bytes(&spec)]);
        evaluate(&mut Call {
            spec: &spec,
            inputs: &inputs,
            outputs: &mut slices,
            scratch: scratch.get_mut(),
        })?;
        Ok(outputs.iter().map(|bytes| bytes.get().to_vec()).collect())
    }

    /// Results of the device, and what ran.
    fn on_device(&self, device: &CpuDevice) -> (&'static str, Result<Vec<Vec<u8>>, DeviceError>) {
        let spec = self.bound();
        let kernel = device.prepare(&spec).expect("kernel prepares");
        let mut end = 0;
        let mut span = |bytes: usize| {
            let offset = end;
            // A line between tensors shows writes beyond them.
            end += bytes.next_multiple_of(64) + 64;
            Span { offset, bytes }
        };
        let outputs: Vec<Span> = spec
            .outputs
            .iter()
            .map(|arg| span(arg.byte_len()))
            .collect();
        let scratch = span(kernel.scratch_bytes());
        let mut arena = device.allocate(end).expect("memory");
        arena.host_mut().expect("host memory").fill(0xa5);
        let inputs: Vec<Input<'_>> = self
            .inputs
            .iter()
            .map(|tensor| Input::Host(tensor.bytes.get()))
            .collect();
        let ran = kernel.launch(Launch {
            arena: &mut *arena,
            inputs: &inputs,
            outputs: &outputs,
            scratch,
        });
        let memory = arena.host().expect("host memory");
        for span in outputs.iter().chain([&scratch]) {
            let after = &memory[span.offset + span.bytes..][..64];
            assert!(
                after.iter().all(|&byte| byte == 0xa5),
                "wrote beyond: {}",
                self.describe()
            );
        }
        let results = outputs
            .iter()
            .map(|span| memory[span.offset..][..span.bytes].to_vec());
        (kernel.implementation(), ran.map(|()| results.collect()))
    }

    /// Calls `judge` with the device's results for each instruction set, once the numbers of threads agree on every bit.
    fn each(&self, judge: impl Fn(Isa, &Result<Vec<Vec<u8>>, DeviceError>)) {
        DEVICES.with(|devices| {
            for (isa, devices) in devices {
                let mut first: Option<Result<Vec<Vec<u8>>, DeviceError>> = None;
                for (device, n_threads) in devices.iter().zip(THREADS) {
                    let (implementation, results) = self.on_device(device);
                    assert_ne!(implementation, "reference", "{}", self.describe());
                    match (&first, &results) {
                        (Some(Ok(first)), Ok(results)) => assert!(
                            first == results,
                            "{isa}, {n_threads} threads change results: {}",
                            self.describe()
                        ),
                        (None, _) | (Some(Err(_)), Err(_)) => {}
                        _ => panic!("threads change the outcome: {}", self.describe()),
                    }
                    first.get_or_insert(results);
                }
                if let Some(results) = &first {
                    judge(*isa, results);
                }
            }
        });
    }

    /// The device gives the reference's bits.
    pub(crate) fn is_exact(&self) {
        let expected = self.reference().expect("reference runs");
        self.each(|isa, results| {
            let results = results.as_ref().unwrap_or_else(|error| panic!("{error}"));
            assert!(
                *results == expected,
                "{isa}: other bits: {}",
                self.describe()
            );
        });
    }

    /// The device refuses, as the reference does.
    pub(crate) fn is_refused(&self) {
        let expected = self.reference().expect_err("reference refuses").to_string();
        self.each(|_, results| match results {
            Ok(_) => panic!("is not refused: {}", self.describe()),
            Err(error) => assert_eq!(error.to_string(), expected),
        });
    }

    /// Every element of the first result is within its distance from the reference; NaN and infinities are equal.
    pub(crate) fn is_within(&self, distances: &[f64]) {
        let dtype = self.outputs[0].0;
        let expected = values(dtype, &self.reference().expect("reference runs")[0]);
        assert_eq!(expected.len(), distances.len());
        self.each(|isa, results| {
            let results = results.as_ref().unwrap_or_else(|error| panic!("{error}"));
            let actual = values(dtype, &results[0]);
            for (index, (&y, &r)) in actual.iter().zip(&expected).enumerate() {
                let agrees = if r.is_finite() {
                    (y - r).abs() <= distances[index]
                } else {
                    y == r || (y.is_nan() && r.is_nan())
                };
                assert!(
                    agrees,
                    "{isa}: element {index} is {y:e}, expected {r:e} within {:e}: {}",
                    distances[index],
                    self.describe()
                );
            }
        });
    }

    /// Within `(2 + √k / 8) · eps` of the sum of its terms' magnitudes, which the reference gives for inputs without signs.
    pub(crate) fn sums_terms(&self, k: usize) {
        let mut case = self.clone();
        case.inputs = self.inputs.iter().map(Tensor::magnitudes).collect();
        let dtype = self.outputs[0].0;
        let terms = values(dtype, &case.reference().expect("reference runs")[0]);
        let factor = (2.0 + (k as f64).sqrt() / 8.0) * epsilon(dtype);
        let distances: Vec<f64> = terms.iter().map(|term| term * factor).collect();
        self.is_within(&distances);
    }
}

/// Distance from 1 to its neighbour.
pub(crate) fn epsilon(dtype: DType) -> f64 {
    match dtype {
        DType::F16 => 2f64.powi(-10),
        DType::BF16 => 2f64.powi(-7),
        DType::F64 => f64::EPSILON,
        _ => f64::from(f32::EPSILON),
    }
}

/// A generator of equal numbers on every run (Steele, Lea, Flood: SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `-1 .. 1`.
    pub(crate) fn signed(&mut self) -> f64 {
        self.next() as i64 as f64 / 2f64.powi(63)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// A tensor of numbers up to `scale` in magnitude.
    pub(crate) fn tensor(&mut self, dtype: DType, shape: &[usize], scale: f64) -> Tensor {
        let n_elements = shape.iter().product();
        let values: Vec<f64> = (0..n_elements).map(|_| self.signed() * scale).collect();
        Tensor::new(dtype, shape, &values)
    }
}
