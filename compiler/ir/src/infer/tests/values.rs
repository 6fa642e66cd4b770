//! Regions, sequences, optionals, text and tables.

use super::check;
use expect_test::expect;

#[test]
fn regions_take_a_scalar_condition() {
    check(
        "bool[1]",
        "if then=b1 else=b1 results=[]",
        expect!["if: condition must be bool[], operand 0 bool[1]"],
    );
    check(
        "f32[]",
        "if then=b1 else=b1 results=[]",
        expect!["if: condition must be bool[], operand 0 f32[]"],
    );
    check(
        "",
        "if then=b1 else=b1 results=[]",
        expect!["if: takes at least the condition"],
    );
    check(
        "seq(bool)",
        "if then=b1 else=b1 results=[]",
        expect!["if: operand 0 is not a tensor, operand 0 seq(bool)"],
    );
}

#[test]
fn loops_carry_values_of_one_kind_dtype_and_rank() {
    check(
        "f32[2], seq(f32, rank 1)",
        "loop body=b1 carried=2 scanned=0 results=[f32[S],seq(f32)]",
        expect!["f32[S], seq(f32)"],
    );
    check(
        "seq(f32)",
        "loop body=b1 carried=1 scanned=0 results=[seq(f32, rank 2)]",
        expect!["seq(f32, rank 2)"],
    );
    check(
        "f32[2]",
        "loop body=b1 carried=1 scanned=0 results=[f32[S,T]]",
        expect!["loop: carried value 0 changes its kind, dtype or rank, operand 0 f32[2]"],
    );
    check(
        "f32[2]",
        "loop body=b1 carried=1 scanned=0 results=[f16[S]]",
        expect!["loop: carried value 0 changes its kind, dtype or rank, operand 0 f32[2]"],
    );
    check(
        "f32[2]",
        "loop body=b1 carried=1 scanned=0 results=[seq(f32)]",
        expect!["loop: carried value 0 changes its kind, dtype or rank, operand 0 f32[2]"],
    );
    check(
        "optional(f32[2])",
        "loop body=b1 carried=1 scanned=0 results=[optional(f32[S])]",
        expect!["optional(f32[S])"],
    );
    check(
        "f32[2]",
        "loop body=b1 carried=1 scanned=1 results=[f32[S]]",
        expect!["loop: has 1 result, not 1 carried and 1 scanned, operand 0 f32[2]"],
    );
    check(
        "f32[2]",
        "loop body=b1 carried=1 scanned=1 results=[f32[S],f32[]]",
        expect!["loop: scanned result 0 is not a tensor of rank 1 or more, operand 0 f32[2]"],
    );
    check(
        "f32[2]",
        "loop body=b1 carried=2 scanned=0 results=[f32[S],f32[S]]",
        expect!["loop: takes 2 carried operands, operand 0 f32[2]"],
    );
    check(
        "i32[], f32[2]",
        "loop body=b1 has_trip_count carried=1 scanned=0 results=[f32[S]]",
        expect!["loop: trip count must be i64[], operand 0 i32[], operand 1 f32[2]"],
    );
    check(
        "",
        "loop body=b1 has_trip_count has_condition carried=0 scanned=0 results=[]",
        expect!["loop: operand 0 is missing"],
    );
    check(
        "",
        "loop body=b1 carried=18446744073709551615 scanned=1 results=[]",
        expect!["loop: has 0 results, not 18446744073709551615 carried and 1 scanned"],
    );
}

#[test]
fn sequences_know_the_rank_where_all_agree() {
    check(
        "f32[2], f32[2,3]",
        "sequence_construct",
        expect!["seq(f32)"],
    );
    check(
        "f32[2], i32[2]",
        "sequence_construct",
        expect!["sequence_construct: dtypes differ, operand 0 f32[2], operand 1 i32[2]"],
    );
    check(
        "",
        "sequence_construct",
        expect!["sequence_construct: takes at least one operand"],
    );
    check(
        "seq(f32, rank 2), f32[S]",
        "sequence_insert",
        expect!["seq(f32)"],
    );
    check("seq(f32), f32[S]", "sequence_insert", expect!["seq(f32)"]);
    check(
        "seq(f32), i64[S]",
        "sequence_insert",
        expect!["sequence_insert: x must be f32, seq seq(f32), x i64[S]"],
    );
    check(
        "seq(f32), f32[S], i64[1]",
        "sequence_insert",
        expect!["sequence_insert: position must be i64[], seq seq(f32), x f32[S], position i64[1]"],
    );
    check(
        "f32[S], f32[S]",
        "sequence_insert",
        expect!["sequence_insert: seq is not a sequence, seq f32[S], x f32[S]"],
    );
    check(
        "seq(f32, rank 2), i64[]",
        "sequence_at results=[f32[S]]",
        expect!["sequence_at: result must have rank 2, seq seq(f32, rank 2), position i64[]"],
    );
    check(
        "seq(f32), i64[]",
        "sequence_at results=[i32[S]]",
        expect!["sequence_at: result must be f32, seq seq(f32), position i64[]"],
    );
    check(
        "seq(f32)",
        "sequence_at results=[f32[S]]",
        expect!["sequence_at: takes 2 operands, not 1, seq seq(f32)"],
    );
    check(
        "seq(f32, rank 2)",
        "sequence_concat axis=1 results=[f32[S,T]]",
        expect!["f32[S,T]"],
    );
    check(
        "seq(f32, rank 2)",
        "sequence_concat axis=1 new_axis results=[f32[S,T]]",
        expect!["sequence_concat: result must have rank 3, seq seq(f32, rank 2)"],
    );
    check(
        "seq(f32)",
        "sequence_concat axis=2 results=[f32[S,T]]",
        expect!["sequence_concat: axis 2 is not below 2, seq seq(f32)"],
    );
    check(
        "f32[S,T]",
        "sequence_split axis=1",
        expect!["seq(f32, rank 1)"],
    );
    check(
        "f32[S,T]",
        "sequence_split axis=1 keep_dims",
        expect!["seq(f32, rank 2)"],
    );
    check(
        "f32[S,T], i64[2,2]",
        "sequence_split axis=1",
        expect!["sequence_split: split must have rank 0 or 1, x f32[S,T], split i64[2,2]"],
    );
    check(
        "f32[]",
        "sequence_split axis=0",
        expect!["sequence_split: axis 0 is not below 0, x f32[]"],
    );
}

#[test]
fn optionals_hold_tensors_and_sequences() {
    check(
        "optional(f32[2])",
        "optional_some",
        expect!["optional_some: an optional cannot hold an optional, x optional(f32[2])"],
    );
    check(
        "",
        "optional_none inner=optional(f32[2])",
        expect!["optional_none: an optional cannot hold an optional"],
    );
    check("f32[4]", "optional_get results=[f32[T]]", expect!["f32[T]"]);
    check(
        "optional(seq(f32))",
        "optional_get results=[f32[T]]",
        expect!["optional_get: the result is of another kind, dtype or rank, x optional(seq(f32))"],
    );
    check("seq(f32)", "optional_has", expect!["bool[]"]);
}

#[test]
fn text_operators_take_strings() {
    check(
        "string[2], f32[2]",
        "string_concat",
        expect!["string_concat: rhs must be a string, lhs string[2], rhs f32[2]"],
    );
    check(
        "f32[2]",
        "string_split most=T",
        expect!["string_split: x must be a string, x f32[2]"],
    );
    check(
        "string[S,T]",
        "string_split most=-1",
        expect!["string_split: result has the negative size -1, x string[S,T]"],
    );
    check(
        "string[]",
        r#"string_regex_full_match pattern="a""#,
        expect!["bool[]"],
    );
    check(
        "string[S,4]",
        "string_normalize stop_words=[] kept=T",
        expect!["string[1,T]; equal S, 1"],
    );
    check(
        "string[2,4]",
        "string_normalize stop_words=[] kept=T",
        expect!["string_normalize: first dim of x is not 1, x string[2,4]"],
    );
    check(
        "string[]",
        "string_normalize stop_words=[] kept=T",
        expect!["string_normalize: x must have rank 1 or 2, x string[]"],
    );
}

#[test]
fn vocabularies_agree_with_themselves() {
    check(
        "string[5]",
        r#"tf_idf min_gram=1 max_gram=1 max_skip=0 weighting=idf ngram_counts=[0] ngram_indexes=[1,0] pool_ints=[] pool_strings=["a","b"] weights=[] out=2"#,
        expect!["f32[2]"],
    );
    check(
        "i64[5]",
        r#"tf_idf min_gram=1 max_gram=1 max_skip=0 weighting=idf ngram_counts=[0] ngram_indexes=[1,0] pool_ints=[] pool_strings=["a","b"] weights=[] out=2"#,
        expect!["tf_idf: the pool is of another type than x, x i64[5]"],
    );
    check(
        "i64[5]",
        "tf_idf min_gram=1 max_gram=1 max_skip=0 weighting=tf ngram_counts=[0] ngram_indexes=[0,2] pool_ints=[4,5] pool_strings=[] weights=[] out=2",
        expect!["tf_idf: ngram_indexes exceed the result, x i64[5]"],
    );
    check(
        "i64[5]",
        "tf_idf min_gram=1 max_gram=1 max_skip=0 weighting=tf ngram_counts=[0] ngram_indexes=[0] pool_ints=[4,5] pool_strings=[] weights=[] out=2",
        expect!["tf_idf: ngram_indexes do not match the pool, x i64[5]"],
    );
    check(
        "i64[5]",
        "tf_idf min_gram=1 max_gram=2 max_skip=0 weighting=tf ngram_counts=[0,1] ngram_indexes=[0,1] pool_ints=[4,5] pool_strings=[] weights=[] out=2",
        expect!["tf_idf: ngram_indexes do not match the pool, x i64[5]"],
    );
    check(
        "i64[5]",
        "tf_idf min_gram=1 max_gram=2 max_skip=0 weighting=tf ngram_counts=[3,0] ngram_indexes=[0,1] pool_ints=[4,5] pool_strings=[] weights=[] out=2",
        expect!["tf_idf: ngram_counts do not rise within the pool, x i64[5]"],
    );
    check(
        "i64[5]",
        "tf_idf min_gram=2 max_gram=1 max_skip=0 weighting=tf ngram_counts=[0] ngram_indexes=[0,1] pool_ints=[4,5] pool_strings=[] weights=[] out=2",
        expect!["tf_idf: min_gram exceeds max_gram, x i64[5]"],
    );
    check(
        "i64[2,3,5]",
        "tf_idf min_gram=1 max_gram=1 max_skip=0 weighting=tf ngram_counts=[0] ngram_indexes=[0,1] pool_ints=[4,5] pool_strings=[] weights=[1.0] out=2",
        expect!["tf_idf: weights has length 1, not 2, x i64[2,3,5]"],
    );
    check(
        "f32[5]",
        "tf_idf min_gram=1 max_gram=1 max_skip=0 weighting=tf ngram_counts=[] ngram_indexes=[] pool_ints=[] pool_strings=[] weights=[] out=2",
        expect!["tf_idf: x must be i32, i64 or a string, x f32[5]"],
    );
}

#[test]
fn labels_have_the_dtypes_of_their_sides() {
    check(
        "f32[S]",
        r#"label_map to=string entries=[1.0:"one"] default="none""#,
        expect!["string[S]"],
    );
    check(
        "i64[S]",
        r#"label_map to=string entries=[1.0:"one"] default="none""#,
        expect!["label_map: 1.0 is no key of i64, x i64[S]"],
    );
    check(
        "f32[S]",
        r#"label_map to=i64 entries=[1.0:"one"] default=0"#,
        expect![[r#"label_map: "one" is no i64, x f32[S]"#]],
    );
    check(
        "f32[S]",
        r#"label_map to=i64 entries=[] default="none""#,
        expect![[r#"label_map: default "none" is no i64, x f32[S]"#]],
    );
}

#[test]
fn trees_lead_downwards_to_targets() {
    check(
        "f32[S,T]",
        "tree_ensemble nodes=[branch(3,less,0.5,1,2),leaf[],leaf[]] roots=[0] targets=2 aggregate=sum base_values=[]",
        expect!["f32[S,2]; at_most 4, T"],
    );
    check(
        "f32[S,3]",
        "tree_ensemble nodes=[branch(3,less,0.5,1,2),leaf[],leaf[]] roots=[0] targets=2 aggregate=sum base_values=[]",
        expect!["tree_ensemble: trees read 4 features, x f32[S,3]"],
    );
    check(
        "f32[S,3]",
        "tree_ensemble nodes=[branch(0,less,0.5,0,1),leaf[]] roots=[0] targets=2 aggregate=sum base_values=[]",
        expect!["tree_ensemble: children of tree node 0 are not behind it, x f32[S,3]"],
    );
    check(
        "f32[S,3]",
        "tree_ensemble nodes=[leaf[2:1.0]] roots=[0] targets=2 aggregate=sum base_values=[]",
        expect!["tree_ensemble: tree node 0 adds to a missing target, x f32[S,3]"],
    );
    check(
        "f32[S,3]",
        "tree_ensemble nodes=[leaf[1:1.0]] roots=[1] targets=2 aggregate=sum base_values=[]",
        expect!["tree_ensemble: a root is not a node, x f32[S,3]"],
    );
    check(
        "f32[S,3]",
        "tree_ensemble nodes=[leaf[1:1.0]] roots=[0] targets=2 aggregate=prod base_values=[]",
        expect!["tree_ensemble: trees combine by sum, mean, min or max, x f32[S,3]"],
    );
    check(
        "f32[S,3]",
        "tree_ensemble nodes=[leaf[1:1.0]] roots=[0] targets=2 aggregate=min base_values=[1.0]",
        expect!["tree_ensemble: base_values has length 1, not 2, x f32[S,3]"],
    );
    check(
        "i64[S,3]",
        "tree_ensemble nodes=[leaf[1:1.0]] roots=[0] targets=2 aggregate=min base_values=[]",
        expect!["tree_ensemble: x must be a float, x i64[S,3]"],
    );
}
