//! Values of options: dims, sizes in bytes, targets, devices, precisions.

use clap::ValueEnum;
use std::str::FromStr;

/// `NAME=SIZE` or `NAME=LO..HI`, both ends included.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct DimRange {
    pub(crate) name: String,
    pub(crate) lo: i64,
    pub(crate) hi: i64,
}

impl FromStr for DimRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, size) = text
            .rsplit_once('=')
            .filter(|(name, _)| !name.is_empty())
            .ok_or("expected NAME=SIZE or NAME=LO..HI")?;
        // `LO..=HI` reads well too; its `=` is the last one.
        let (name, size) = match name
            .strip_suffix("..")
            .and_then(|rest| rest.rsplit_once('='))
        {
            Some((name, lo)) => (name, format!("{lo}..{size}")),
            None => (name, size.to_owned()),
        };
        let number = |text: &str| {
            text.parse::<i64>()
                .map_err(|_| format!("`{text}` is no size"))
        };
        let (lo, hi) = match size.split_once("..") {
            Some((lo, hi)) => (number(lo)?, number(hi)?),
            None => (number(&size)?, number(&size)?),
        };
        if lo < 0 || lo > hi {
            return Err(format!("`{size}` is no range of sizes"));
        }
        Ok(Self {
            name: name.to_owned(),
            lo,
            hi,
        })
    }
}

/// A number of bytes: `4096`, `64KiB`, `1.5GiB`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bytes(pub(crate) u64);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];
        let unit = units.iter().find(|(unit, _)| text.ends_with(unit));
        let (number, shift) = match unit {
            Some((unit, shift)) => (&text[..text.len() - unit.len()], *shift),
            None => (text.strip_suffix('B').unwrap_or(text), 0),
        };
        let fail = || format!("`{text}` is no size; expected a number with KiB, MiB or GiB");
        let number: f64 = number.trim().parse().map_err(|_| fail())?;
        let bytes = number * (1u64 << shift) as f64;
        if !(0.0..9e18).contains(&bytes) {
            return Err(fail());
        }
        Ok(Self(bytes as u64))
    }
}

/// A target by name; which of them this version compiles for is told later.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TargetName(pub(crate) String);

impl FromStr for TargetName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<graphc::TargetInfo>() {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// A device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Device {
    Cpu,
    Cuda(u32),
    Sim,
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let cuda = |text: &str| text.strip_prefix("cuda:")?.parse().ok();
        match text {
            "cpu" => Ok(Device::Cpu),
            "sim" => Ok(Device::Sim),
            "cuda" => Ok(Device::Cuda(0)),
            text => match cuda(text) {
                Some(number) => Ok(Device::Cuda(number)),
                None => Err("expected cpu, cuda:NUMBER or sim".to_owned()),
            },
        }
    }
}

/// Number formats to compute in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Precision {
    Fp32,
    Tf32,
    Fp16,
    Bf16,
    Int8,
    Int4,
    Auto,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dims_are_sizes_or_ranges() {
        let dim = |name: &str, lo, hi| {
            Ok(DimRange {
                name: name.to_owned(),
                lo,
                hi,
            })
        };
        assert_eq!("seq=128".parse(), dim("seq", 128, 128));
        assert_eq!("seq=1..512".parse(), dim("seq", 1, 512));
        assert_eq!("seq=1..=512".parse(), dim("seq", 1, 512));
        assert_eq!("a=b=0".parse(), dim("a=b", 0, 0));
        for wrong in [
            "seq", "=1", "seq=", "seq=-1", "seq=5..1", "seq=x", "seq=1..", "seq=1..",
        ] {
            assert!(wrong.parse::<DimRange>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!("4096".parse(), Ok(Bytes(4096)));
        assert_eq!("64KiB".parse(), Ok(Bytes(65536)));
        assert_eq!("1.5GiB".parse(), Ok(Bytes(3 << 29)));
        for wrong in ["", "MiB", "-1", "1MB", "x"] {
            assert!(wrong.parse::<Bytes>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn devices_have_names() {
        assert_eq!("cuda:3".parse(), Ok(Device::Cuda(3)));
        assert!("gpu".parse::<Device>().is_err());
    }
}
