//! Properties of the normal form against naive evaluation, and the simplifications that shapes need.

use super::*;
use proptest::prelude::*;

/// A tree as written, before any normal form.
#[derive(Clone, Debug)]
enum Tree {
    Const(i64),
    Symbol(u32),
    Node(u8, Box<Tree>, Box<Tree>),
}

const N_SYMBOLS: u32 = 4;

fn cx() -> DimCx {
    let mut cx = DimCx::default();
    cx.new_symbol("batch", Interval::SIZE);
    cx.new_symbol("seq", Interval { lo: 1, hi: 512 });
    cx.new_symbol("p2o.Dim 0", Interval { lo: 0, hi: 7 });
    cx.new_symbol("step", Interval { lo: -9, hi: 9 });
    cx
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        (-6i64..12).prop_map(Tree::Const),
        (0..N_SYMBOLS).prop_map(Tree::Symbol)
    ];
    leaf.prop_recursive(5, 24, 2, |inner| {
        (0u8..9, inner.clone(), inner)
            .prop_map(|(kind, a, b)| Tree::Node(kind, Box::new(a), Box::new(b)))
    })
}

fn build(cx: &DimCx, tree: &Tree) -> Dim {
    match tree {
        Tree::Const(value) => Dim::constant(*value),
        Tree::Symbol(symbol) => Dim::symbol(SymId(*symbol)),
        Tree::Node(kind, a, b) => {
            let (a, b) = (build(cx, a), build(cx, b));
            match kind {
                0 => cx.add(&a, &b),
                1 => cx.sub(&a, &b),
                2 => cx.mul(&a, &b),
                3 => cx.floor_div(&a, &b),
                4 => cx.modulo(&a, &b),
                5 => cx.min(&a, &b),
                6 => cx.max(&a, &b),
                7 => cx.bcast(&a, &b),
                _ => cx.ceil_div(&a, &b),
            }
        }
    }
}

/// The value by the definition of each operation; `None` where one has none.
fn value(tree: &Tree, values: &[i64]) -> Option<i128> {
    let floor =
        |a: i128, b: i128| (b != 0).then(|| a / b - i128::from(a % b != 0 && (a < 0) != (b < 0)));
    let result = match tree {
        Tree::Const(value) => i128::from(*value),
        Tree::Symbol(symbol) => i128::from(values[*symbol as usize]),
        Tree::Node(kind, a, b) => {
            let (a, b) = (value(a, values)?, value(b, values)?);
            match kind {
                0 => a + b,
                1 => a - b,
                2 => a * b,
                3 => floor(a, b)?,
                4 => a - b * floor(a, b)?,
                5 => a.min(b),
                6 => a.max(b),
                7 if a == b || b == 1 => a,
                7 if a == 1 => b,
                7 => return None,
                _ => -floor(-a, b)?,
            }
        }
    };
    (result.abs() < 1 << 40).then_some(result)
}

/// 1,000 assignments inside the ranges: all zeros and ones clamped, every combination of range ends, and a spread.
fn assignments(cx: &DimCx) -> Vec<Vec<i64>> {
    let ranges: Vec<Interval> = cx.symbols().map(|(_, symbol)| symbol.range).collect();
    let mut all: Vec<Vec<i64>> = [0, 1]
        .into_iter()
        .map(|v| ranges.iter().map(|r| v.clamp(r.lo, r.hi)).collect())
        .collect();
    for mask in 0..1 << ranges.len() {
        let ends = ranges.iter().enumerate();
        all.push(
            ends.map(|(i, r)| if mask >> i & 1 == 0 { r.lo } else { r.hi })
                .collect(),
        );
    }
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    while all.len() < 1000 {
        let draw = |range: &Interval| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let hi = if state >> 63 == 0 {
                range.hi.min(12)
            } else {
                range.hi.min(2000)
            };
            range.lo + ((state >> 33) as i64).rem_euclid(hi - range.lo + 1)
        };
        all.push(ranges.iter().map(draw).collect());
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn normal_forms_have_the_value_of_what_was_written(tree in tree()) {
        let cx = cx();
        let dim = build(&cx, &tree);
        let range = cx.bounds(&dim);
        for values in assignments(&cx) {
            if let Some(expected) = value(&tree, &values) {
                let got = dim.eval(&values);
                prop_assert_eq!(got.clone().map(i128::from), Ok(expected), "{} at {:?}", cx.display(&dim), values);
                prop_assert!(range.contains(expected as i64), "{} outside {:?}", expected, range);
            }
        }
    }

    #[test]
    fn verdicts_agree_with_values(a in tree(), b in tree()) {
        let cx = cx();
        let (x, y) = (build(&cx, &a), build(&cx, &b));
        let (equal, less_equal) = (cx.eq(&x, &y), cx.le(&x, &y));
        for values in assignments(&cx) {
            if let (Some(x), Some(y)) = (value(&a, &values), value(&b, &values)) {
                match equal {
                    Tri::Yes => prop_assert_eq!(x, y),
                    Tri::No => prop_assert_ne!(x, y),
                    Tri::Unknown => {}
                }
                match less_equal {
                    Tri::Yes => prop_assert!(x <= y),
                    Tri::No => prop_assert!(x > y),
                    Tri::Unknown => {}
                }
            }
        }
    }

    #[test]
    fn text_keeps_the_value(tree in tree()) {
        let cx = cx();
        let dim = build(&cx, &tree);
        let named = cx.parse(&cx.display(&dim).to_string()).unwrap();
        let plain: Dim = dim.to_string().parse().unwrap();
        for values in assignments(&cx).into_iter().take(40) {
            if let Ok(expected) = dim.eval(&values) {
                prop_assert_eq!(named.eval(&values), Ok(expected));
                prop_assert_eq!(plain.eval(&values), Ok(expected));
            }
        }
    }

    #[test]
    fn hostile_text_gives_an_error_or_a_dim(text in "[-+*/%(),$0-9a-z\" ]{0,80}") {
        let _ = text.parse::<Dim>();
        let _ = cx().parse(&text);
    }
}

#[test]
fn wanted_simplifications_hold() {
    let cx = cx();
    for (written, wanted) in [
        ("min(batch, 2147483647)", "batch"),
        ("max(batch, 0)", "batch"),
        ("(4*batch+2)//2", "2*batch+1"),
        ("(batch*seq*12)//seq", "12*batch"),
        ("(batch*seq*768)//(batch*12)", "64*seq"),
        ("batch*seq*768//768", "batch*seq"),
        ("(seq*8+3)%8", "3"),
        ("bcast(seq, 1)", "seq"),
        ("bcast(seq, seq)", "seq"),
        ("bcast(batch, 4)", "4"),
        ("((batch//2)//3)", "((batch)//(6))"),
        ("seq-seq", "0"),
        ("(batch+1)*(batch-1)-batch*batch", "-1"),
        ("max(min(seq, 512), 1)", "seq"),
        ("\"p2o.Dim 0\"//8", "0"),
        ("(seq+batch)-batch", "seq"),
        ("(seq*768+batch*768)//(seq+batch)", "768"),
        ("(seq*seq-1)//(seq+1)", "seq-1"),
        ("(batch*seq+3*seq)%(batch+3)", "0"),
    ] {
        let dim = cx.parse(written).unwrap();
        assert_eq!(cx.display(&dim).to_string(), wanted, "{written}");
    }
}

#[test]
fn parity_refutes_equality() {
    let cx = cx();
    let (even, odd) = (cx.parse("2*batch").unwrap(), cx.parse("2*seq+1").unwrap());
    assert_eq!(cx.eq(&even, &odd), Tri::No);
    assert_eq!(cx.eq(&even, &cx.parse("2*seq").unwrap()), Tri::Unknown);
}

#[test]
fn overflow_is_an_error_and_no_panic() {
    let cx = cx();
    let huge = Dim::constant(i64::MAX);
    let sum = cx.add(&huge, &Dim::ONE);
    assert_eq!(sum.eval(&[0; 4]), Err(DimError::Overflow));
    assert_eq!(cx.eq(&sum, &sum), Tri::Unknown);
    assert_eq!(
        cx.floor_div(&Dim::constant(i64::MIN), &Dim::constant(-1))
            .eval(&[]),
        Err(DimError::Overflow)
    );
}

#[test]
fn expressions_stop_growing_at_a_bound() {
    let cx = cx();
    let symbol = cx.parse("batch").unwrap();
    let (mut power, mut nested) = (symbol.clone(), symbol.clone());
    for _ in 0..5000 {
        power = cx.mul(&power, &cx.add(&power, &symbol));
        nested = cx.floor_div(
            &cx.add(&nested, &symbol),
            &cx.add(&symbol, &Dim::constant(3)),
        );
    }
    assert_eq!(power.eval(&[1; 4]), Err(DimError::Overflow));
    assert_eq!(nested.eval(&[1; 4]), Err(DimError::Overflow));
}

#[test]
fn whatever_can_be_made_can_be_read_again() {
    let cx = cx();
    let reread = |dim: &Dim| {
        let plain: Dim = dim.to_string().parse().unwrap();
        let named = cx.parse(&cx.display(dim).to_string()).unwrap();
        let values = [5, 7, 3, 2];
        assert_eq!(plain.eval(&values), dim.eval(&values), "{dim}");
        assert_eq!(named.eval(&values), dim.eval(&values), "{dim}");
    };
    let (batch, seq) = (cx.parse("batch").unwrap(), cx.parse("seq").unwrap());
    let three = Dim::constant(3);
    let mut deep = [batch.clone(), batch.clone(), batch.clone()];
    for level in 0..40 {
        let wider = cx.neg(&cx.add(&deep[0], &seq));
        deep[0] = cx.floor_div(&wider, &cx.add(&batch, &three));
        deep[1] = cx.modulo(&cx.add(&deep[1], &batch), &cx.add(&seq, &three));
        deep[2] = match level % 2 {
            0 => cx.min(&cx.mul(&deep[2], &seq), &cx.add(&batch, &three)),
            _ => cx.max(&cx.mul(&deep[2], &batch), &cx.sub(&seq, &three)),
        };
        deep.iter().for_each(reread);
    }
    let mut wide = Dim::ZERO;
    for number in 0..600 {
        let quotient = cx.floor_div(&batch, &Dim::constant(i64::MAX - number));
        let negative = Dim::constant(i64::MIN + 1 + number);
        wide = cx.add(&wide, &cx.mul(&cx.add(&quotient, &batch), &negative));
        if number % 50 == 0 {
            reread(&wide);
        }
    }
}

#[test]
fn extrema_of_many_members_are_given_up() {
    let mut cx = cx();
    let members: Vec<Dim> = (0..400)
        .map(|number| Dim::symbol(cx.new_symbol(&format!("n{number}"), Interval::SIZE)))
        .collect();
    let join = |join: fn(&DimCx, &Dim, &Dim) -> Dim, n: usize| {
        members[..n]
            .iter()
            .fold(members[0].clone(), |all, one| join(&cx, &all, one))
    };
    for operation in [DimCx::min, DimCx::max, DimCx::bcast] {
        assert!(!join(operation, 32).is_overflow());
        assert!(join(operation, 400).is_overflow());
    }
}

#[test]
fn serde_keeps_constants_as_integers() {
    let cx = cx();
    let dims = vec![Dim::constant(-3), cx.parse("2*batch+seq").unwrap()];
    let json = serde_json::to_string(&dims).unwrap();
    assert_eq!(json, r#"[-3,"2*$0+$1"]"#);
    assert_eq!(serde_json::from_str::<Vec<Dim>>(&json).unwrap(), dims);
}

#[test]
fn a_taken_name_gets_a_number() {
    let mut cx = cx();
    let second = cx.new_symbol("batch", Interval::SIZE);
    assert_eq!(cx.name(second), "batch_2");
}
