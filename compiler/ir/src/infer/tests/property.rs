//! Inference is total: any operator with any operands gives result types or an error. And it says the same of symbols as
//! of the numbers that they stand for.

use super::Case;
use super::examples::{EXAMPLES, examples};
use crate::graph::DimCheckKind;
use crate::types::{TensorType, ValueType};
use graphc_base::Dim;
use proptest::prelude::*;

/// What takes the place of a number: sizes, extremes, symbols.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "7",
    "64",
    "-1",
    "-5",
    "2147483648",
    "4611686018427387904",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "S",
    "T",
    "B",
    "F",
    "I",
    "S*T",
    "S-T",
    "I*I*I*I*9223372036854775807",
    "(S//I)",
    "bcast(S,T)",
    "min(S,I)",
];

/// The same where small values are to meet one another.
const SMALL_NUMBERS: &[&str] = &[
    "1", "2", "4", "8", "S", "T", "B", "F", "I", "S+1", "2*S", "S*T", "T-S", "B//2", "min(S,3)",
    "min(T,8)",
];

/// What takes the place of an operand.
const OPERANDS: &[&str] = &[
    "f32[]",
    "f32[0]",
    "f32[1]",
    "i64[]",
    "i64[S]",
    "i32[2]",
    "bool[]",
    "bool[S,T]",
    "string[S]",
    "f8e4m3fn[4]",
    "i4[S,2]",
    "f16[S,T,I]",
    "f32[1,2,3,4,5,6]",
    "seq(f32)",
    "seq(string, rank 3)",
    "optional(f32[S])",
    "optional(seq(i64))",
    "u8[9223372036854775807,9223372036854775807]",
    "f32[-3,2]",
    "f32[4294967296,4294967296,0]",
    "f64[I,I,I]",
];

/// What may be taken away.
const FLAGS: &[&str] = &[
    " keep_dims",
    " has_bias",
    " has_mask",
    " has_lens",
    " has_h0",
    " has_c0",
    " has_peephole",
    " has_scales",
    " has_trip_count",
    " has_condition",
    " new_axis",
];

/// One change: where, what kind, and which replacement.
type Change = (prop::sample::Index, u8, prop::sample::Index);

fn is_number(token: &str) -> bool {
    token.chars().all(|c| c.is_ascii_digit())
}

/// Numbers, words and everything between them.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut was_word = false;
    for c in text.chars() {
        let is_word = c.is_ascii_alphanumeric() || c == '_' || c == '.';
        match tokens.last_mut() {
            Some(last) if is_word && was_word => last.push(c),
            _ => tokens.push(c.into()),
        }
        was_word = is_word;
    }
    tokens
}

fn replace_number(
    text: &mut String,
    at: &prop::sample::Index,
    with: &prop::sample::Index,
    pool: &[&str],
) {
    let mut tokens = tokens(text);
    let numbers: Vec<usize> = (0..tokens.len())
        .filter(|&idx| is_number(&tokens[idx]))
        .collect();
    if !numbers.is_empty() {
        tokens[*at.get(&numbers)] = (*with.get(pool)).to_owned();
        *text = tokens.concat();
    }
}

fn change(operands: &mut Vec<String>, op: &mut String, (at, kind, with): &Change) {
    match kind % 16 {
        0..=5 => replace_number(op, at, with, NUMBERS),
        6..=11 if !operands.is_empty() => {
            let operand_idx = with.index(operands.len());
            replace_number(&mut operands[operand_idx], at, with, NUMBERS);
        }
        12 if !operands.is_empty() => {
            let operand_idx = at.index(operands.len());
            operands[operand_idx] = (*with.get(OPERANDS)).to_owned();
        }
        13 if !operands.is_empty() => {
            operands.remove(at.index(operands.len()));
        }
        14 => operands.insert(
            at.index(operands.len() + 1),
            (*with.get(OPERANDS)).to_owned(),
        ),
        _ => {
            let present: Vec<&str> = FLAGS
                .iter()
                .copied()
                .filter(|flag| op.contains(flag))
                .collect();
            if !present.is_empty() {
                *op = op.replace(at.get(&present), "");
            }
        }
    }
}

/// The examples to begin with. Pointwise operators are many and much alike: they get one turn in eight.
fn start(example: &prop::sample::Index, rare: u8) -> (Vec<String>, String) {
    let examples = examples();
    let few = if rare.is_multiple_of(8) {
        &examples[..]
    } else {
        &examples[..EXAMPLES.len()]
    };
    let (operands, op, _) = example.get(few);
    let operands = super::split_types(operands).into_iter();
    (
        operands.map(|ty| ty.trim().to_owned()).collect(),
        op.clone(),
    )
}

fn constant_type(ty: &ValueType, values: &[i64]) -> Option<ValueType> {
    Some(match ty {
        ValueType::Tensor(TensorType { dtype, shape }) => {
            let sizes = shape
                .iter()
                .map(|dim| dim.eval(values).ok().map(Dim::constant));
            ValueType::Tensor(TensorType {
                dtype: *dtype,
                shape: sizes.collect::<Option<_>>()?,
            })
        }
        ValueType::Sequence(element) => ValueType::Sequence(element.clone()),
        ValueType::Optional(inner) => ValueType::Optional(Box::new(constant_type(inner, values)?)),
    })
}

impl Case {
    /// The same with every symbol at its value; `None` where a dim has none, or an operand a negative one.
    fn at(mut self, values: &[i64]) -> Option<Case> {
        for operand in &mut self.operands {
            *operand = constant_type(operand, values)?;
            let mut is_size = true;
            operand.visit_dims(&mut |dim| is_size &= dim.as_const() >= Some(0));
            if !is_size {
                return None;
            }
        }
        let mut has_value = true;
        self.op.map_dims(&mut |dim| match dim.eval(values) {
            Ok(value) => Dim::constant(value),
            Err(_) => {
                has_value = false;
                dim.clone()
            }
        });
        has_value.then_some(self)
    }
}

fn holds(check: &DimCheckKind, values: &[i64]) -> bool {
    let (a, b) = check.sides();
    let (Ok(a), Ok(b)) = (a.eval(values), b.eval(values)) else {
        return false;
    };
    match check {
        DimCheckKind::Equal(..) => a == b,
        DimCheckKind::Broadcast(..) => a == b || a == 1 || b == 1,
        DimCheckKind::LessEqual(..) => a <= b,
    }
}

/// What is left to the moment when dims are bound, without a check.
const LEFT_OPEN: &[&str] = &[
    "negative size",
    "out of bounds",
    "step of axis",
    "has no elements",
    "must be positive",
    "no element to repeat",
    "is empty",
    "too large",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn inference_is_total(
        example in any::<prop::sample::Index>(),
        rare in any::<u8>(),
        changes in prop::collection::vec(any::<Change>(), 1..4),
    ) {
        let (mut operands, mut op) = start(&example, rare);
        for one in &changes {
            change(&mut operands, &mut op, one);
        }
        let Some(case) = Case::parse(&operands.join(", "), &op) else {
            return Ok(());
        };
        match case.infer() {
            Err(error) => {
                prop_assert_eq!(error.op, case.op.name());
                prop_assert!(!error.message.is_empty());
            }
            Ok(types) => {
                for output in &types.outputs {
                    let mut is_size = true;
                    output.visit_dims(&mut |dim| is_size &= dim.as_const().is_none_or(|size| size >= 0));
                    prop_assert!(is_size, "{}", case.outcome());
                }
                // Pure: a second call says the same.
                prop_assert_eq!(case.infer(), Ok(types));
            }
        }
    }

    #[test]
    fn symbols_and_their_values_agree(
        example in any::<prop::sample::Index>(),
        rare in any::<u8>(),
        changes in prop::collection::vec(any::<(bool, prop::sample::Index, prop::sample::Index)>(), 1..5),
        values in (0..5i64, 0..5i64, 2..6i64, 0..2i64, -3..6i64).prop_map(|(s, t, b, f, i)| [s, t, b, f, i]),
    ) {
        let (mut operands, mut op) = start(&example, rare);
        for (in_op, at, with) in &changes {
            if *in_op || operands.is_empty() {
                replace_number(&mut op, at, with, SMALL_NUMBERS);
            } else {
                let operand_idx = with.index(operands.len());
                replace_number(&mut operands[operand_idx], at, with, SMALL_NUMBERS);
            }
        }
        let operands = operands.join(", ");
        let (Some(symbolic), Some(numeric)) = (Case::parse(&operands, &op), Case::parse(&operands, &op)) else {
            return Ok(());
        };
        let Some(numeric) = numeric.at(&values) else {
            return Ok(());
        };
        let shown = format!(
            "{op} on {operands} at {values:?}\nsymbolic: {}\nnumeric: {}",
            symbolic.outcome(), numeric.outcome()
        );
        match (symbolic.infer(), numeric.infer()) {
            (Err(_), Err(_)) => {}
            // A rank or an attribute that must be constant is the one reason to refuse only the symbols.
            (Err(error), Ok(_)) => prop_assert!(error.message.contains("constant"), "{}", shown),
            (Ok(types), Ok(numbers)) => {
                prop_assert!(numbers.checks.is_empty(), "{}", shown);
                prop_assert!(types.checks.iter().all(|check| holds(check, &values)), "{}", shown);
                let outputs: Option<Vec<ValueType>> =
                    types.outputs.iter().map(|ty| constant_type(ty, &values)).collect();
                prop_assert_eq!(outputs, Some(numbers.outputs), "{}", shown);
            }
            (Ok(types), Err(error)) => {
                let fails = types.checks.iter().any(|check| !holds(check, &values));
                let is_left_open = LEFT_OPEN.iter().any(|part| error.message.contains(part));
                prop_assert!(fails || is_left_open, "{}", shown);
            }
        }
    }
}
