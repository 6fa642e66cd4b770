//! At least one well-typed example of every operator.

use super::{Case, outcome};
use crate::op::Op;
use std::collections::BTreeSet;

/// Operand types, operator, result types.
pub(super) const EXAMPLES: &[(&str, &str, &str)] = &[
    ("", "const c0", "i64[2]"),
    ("", "dim_tensor [S,4,S+T]", "i64[3]"),
    ("", "dim_tensor [S] scalar", "i64[]"),
    ("", "iota dtype=f32 len=S", "f32[S]"),
    (
        "",
        "random_uniform low=0.0 high=1.0 dtype=f32 shape=[2,S] seed=1.0 instance=0",
        "f32[2,S]",
    ),
    (
        "",
        "random_normal mean=0.0 scale=1.0 dtype=f16 shape=[] seed=1.0 instance=3",
        "f16[]",
    ),
    ("bool[S], f32[4,1], f32[S]", "select", "f32[4,S]"),
    ("string[S]", "cast to=i64", "i64[S]"),
    ("f32[2]", "bitcast to=i32", "i32[2]"),
    (
        "f32[2,S], f32[], i8[]",
        "quantize to=i8 block=0 saturate",
        "i8[2,S]",
    ),
    (
        "i4[64,S], f16[2,S]",
        "dequantize axis=0 block=32",
        "f16[64,S]",
    ),
    ("f32[S,12,64]", "reshape shape=[S*12,64]", "f32[12*S,64]"),
    ("f32[S,12,64]", "transpose perm=[1,0,2]", "f32[12,S,64]"),
    ("f32[1,4]", "expand shape=[S,4]", "f32[S,4]"),
    ("f32[S,8]", "slice [0:+S,7:+4:-2]", "f32[S,4]"),
    ("f32[S,8], f32[T,8]", "concat axis=0", "f32[S+T,8]"),
    (
        "f32[S,8], f32[]",
        "pad mode=constant before=[0,1] after=[T,-2]",
        "f32[S+T,7]",
    ),
    ("f32[S,8]", "tile repeats=[2,T]", "f32[2*S,8*T]"),
    ("string[10,S], i64[2,T]", "gather axis=0", "string[2,T,S]"),
    ("f32[10,8], i32[3,8]", "gather_elements axis=0", "f32[3,8]"),
    (
        "f32[S,8,3], i64[S,5,1]",
        "gather_nd batch_dims=1",
        "f32[S,5,3]",
    ),
    (
        "f32[10,8], i64[3,8], f32[3,8]",
        "scatter_elements axis=0 reduction=add",
        "f32[10,8]",
    ),
    (
        "f32[10,8], i64[S,1], f32[S,8]",
        "scatter_nd reduction=replace",
        "f32[10,8]",
    ),
    (
        "f32[T,S,8], i64[S]",
        "reverse_sequence batch_axis=1 time_axis=0",
        "f32[T,S,8]",
    ),
    ("f32[S,8]", "reduce_sum reduced=[0,1]", "f32[S]"),
    (
        "f32[S,8]",
        "reduce_mean reduced=[0,1] keep_dims",
        "f32[S,1]",
    ),
    ("bool[S,8]", "reduce_max reduced=[1,0]", "bool[8]"),
    ("i64[S,8]", "reduce_min reduced=[1,1]", "i64[]"),
    ("f32[8]", "reduce_prod reduced=[F] keep_dims", "f32[-7*F+8]"),
    ("f32[8]", "reduce_log_sum_exp reduced=[1]", "f32[]"),
    ("f32[S,8]", "arg_max axis=1", "i64[S]"),
    ("f32[S,8]", "arg_min axis=1 keep_dims last", "i64[S,1]"),
    ("f32[S,8]", "cumulative_sum axis=F", "f32[S,8]"),
    (
        "i64[S,8]",
        "cumulative_prod axis=1 exclusive reverse",
        "i64[S,8]",
    ),
    ("f32[S,8]", "softmax axis=1", "f32[S,8]"),
    ("f32[S,8]", "log_softmax axis=0", "f32[S,8]"),
    (
        "f32[S,8,4], f32[8,4], f32[4]",
        "layer_norm axis=1 epsilon=0.00001",
        "f32[S,8,4]",
    ),
    (
        "f16[S,8], f16[8]",
        "rms_norm axis=1 epsilon=0.00001",
        "f16[S,8]",
    ),
    (
        "f32[S,8,4], f32[8], f32[8], f32[8], f32[8]",
        "batch_norm epsilon=0.00001",
        "f32[S,8,4]",
    ),
    (
        "f32[S,8,4], f32[8], f32[8]",
        "group_norm groups=4 epsilon=0.00001",
        "f32[S,8,4]",
    ),
    (
        "f32[S,8,4]",
        "local_response_norm size=3 alpha=0.0001 beta=0.75 bias=1.0",
        "f32[S,8,4]",
    ),
    ("f32[S,1,8,64], f32[12,64,T]", "matmul", "f32[S,12,8,T]"),
    (
        "f32[S,4,224,224], f32[6,2,3,3], f32[6]",
        "conv strides=[2,2] pads=[1:1,1:1] dilations=[1,1] groups=2",
        "f32[S,6,112,112]",
    ),
    (
        "f32[S,4,10], f32[4,3,3], f32[6]",
        "conv_transpose strides=[2] pads=[1:1] dilations=[1] output_padding=[1] groups=2",
        "f32[S,6,20]",
    ),
    (
        "f32[1,4,8,8], f32[6,2,3,3], f32[1,18,6,6], f32[6], f32[1,9,6,6]",
        "deform_conv strides=[1,1] pads=[0:0,0:0] dilations=[1,1] groups=2 offset_groups=1 has_bias has_mask",
        "f32[1,6,6,6]",
    ),
    ("f32[S,3,3]", "det", "f32[S]"),
    ("f32[S,16,1]", "dft axis=1 shape=[S,9,2]", "f32[S,9,2]"),
    (
        "u8[S,3,8,8]",
        "max_pool kernel=[2,2] strides=[2,2] pads=[0:0,0:0] dilations=[1,1] out=[4,4]",
        "u8[S,3,4,4]",
    ),
    (
        "f32[S,3,8]",
        "average_pool count_include_pad kernel=[2] strides=[2] pads=[0:0] dilations=[1] out=[4]",
        "f32[S,3,4]",
    ),
    (
        "f32[S,3,8]",
        "lp_pool p=2 kernel=[2] strides=[2] pads=[0:0] dilations=[1] out=[4]",
        "f32[S,3,4]",
    ),
    (
        "f32[S,3,8]",
        "max_pool_indices kernel=[2] strides=[2] pads=[0:0] dilations=[1] out=[4] column_major",
        "i64[S,3,4]",
    ),
    (
        "f32[S,3,4], i64[S,3,4]",
        "max_unpool shape=[S,3,8]",
        "f32[S,3,8]",
    ),
    (
        "f32[S,3,8,8], f32[4]",
        "resize shape=[S,3,16,T] has_scales mode=linear coordinates=half_pixel nearest=floor cubic_a=-0.75 \
         extrapolation=0.0 policy=stretch requested=[]",
        "f32[S,3,16,T]",
    ),
    (
        "f32[S,3,8,8], f32[S,5,6,2]",
        "grid_sample mode=linear padding=zeros",
        "f32[S,3,5,6]",
    ),
    (
        "f32[2,3,8,8], f32[S,4], i64[S]",
        "roi_align pooled=[5,6] sampling_ratio=2 spatial_scale=1.0",
        "f32[S,3,5,6]",
    ),
    (
        "f32[2,3,8,8], f32[S,5]",
        "max_roi_pool pooled=[5,6] spatial_scale=1.0",
        "f32[S,3,5,6]",
    ),
    (
        "f32[1,12,16]",
        "col2im image=[5,5] block=[2,2] dilations=[1,1] pads=[0:0,0:0] strides=[1,1]",
        "f32[1,3,5,5]",
    ),
    (
        "f32[S,6,4], f32[S,2,6], i64[], f32[], f32[]",
        "non_max_suppression capacity=S*12",
        "i64[12*S,3], i64[]",
    ),
    ("f32[S,8]", "top_k axis=1 k=3 largest", "f32[S,3], i64[S,3]"),
    ("bool[S,8]", "non_zero", "i64[2,8*S], i64[]"),
    (
        "string[S,8]",
        "unique sorted",
        "string[8*S], i64[8*S], i64[8*S], i64[8*S], i64[]",
    ),
    (
        "f32[T,S,10], f32[1,16,10], f32[1,16,16], f32[1,32]",
        "rnn direction=reverse hidden=16 activations=[tanh] has_bias",
        "f32[T,1,S,16], f32[1,S,16]",
    ),
    (
        "f32[T,S,10], f32[1,48,10], f32[1,48,16], i32[S]",
        "gru direction=forward hidden=16 activations=[sigmoid,tanh] has_lens",
        "f32[T,1,S,16], f32[1,S,16]",
    ),
    (
        "f32[T,S,10], f32[2,64,10], f32[2,64,16], f32[2,S,16], f32[2,S,16], f32[2,48]",
        "lstm direction=bidirectional hidden=16 activations=[sigmoid,tanh,tanh,sigmoid,tanh,tanh] has_h0 has_c0 \
         has_peephole",
        "f32[T,2,S,16], f32[2,S,16], f32[2,S,16]",
    ),
    (
        "bool[], f32[2]",
        "if then=b1 else=b1 results=[f32[S],seq(f32)]",
        "f32[S], seq(f32)",
    ),
    (
        "i64[], bool[], f32[2], f32[7]",
        "loop body=b1 has_trip_count has_condition carried=1 scanned=1 results=[f32[S],i64[T,3]]",
        "f32[S], i64[T,3]",
    ),
    ("", "sequence_empty element=seq(f32)", "seq(f32)"),
    ("f32[2], f32[S]", "sequence_construct", "seq(f32, rank 1)"),
    (
        "seq(f32, rank 1), f32[S], i64[]",
        "sequence_insert",
        "seq(f32, rank 1)",
    ),
    ("seq(f32)", "sequence_erase", "seq(f32)"),
    (
        "seq(f32, rank 2), i64[]",
        "sequence_at results=[f32[S,T]]",
        "f32[S,T]",
    ),
    ("seq(string)", "sequence_length", "i64[]"),
    (
        "seq(f32, rank 2)",
        "sequence_concat axis=2 new_axis results=[f32[S,4,T]]",
        "f32[S,4,T]",
    ),
    (
        "f32[S,4], i64[3]",
        "sequence_split axis=0",
        "seq(f32, rank 2)",
    ),
    ("f32[S]", "optional_some", "optional(f32[S])"),
    ("", "optional_none inner=seq(f32)", "optional(seq(f32))"),
    (
        "optional(f32[S])",
        "optional_get results=[f32[T]]",
        "f32[T]",
    ),
    ("optional(f32[S])", "optional_has", "bool[]"),
    ("string[S,1], string[3]", "string_concat", "string[S,3]"),
    (
        "string[S]",
        "string_split delimiter=\",\" most=T",
        "string[S,T], i64[S]",
    ),
    (
        "string[S]",
        "string_regex_full_match pattern=\"a+\"",
        "bool[S]",
    ),
    (
        "string[1,S]",
        "string_normalize upper=true case_sensitive stop_words=[\"the\"] kept=T",
        "string[1,T]",
    ),
    (
        "i64[S,5]",
        "tf_idf min_gram=1 max_gram=2 max_skip=0 weighting=tf ngram_counts=[0,2] ngram_indexes=[0,1,2] \
         pool_ints=[7,8,7,8] pool_strings=[] weights=[1.0,1.0,1.0] out=3",
        "f32[S,3]",
    ),
    (
        "string[S]",
        "label_map to=i64 entries=[\"a\":1,\"b\":2] default=0",
        "i64[S]",
    ),
    (
        "f32[S,2]",
        "tree_ensemble nodes=[branch(1,less,0.5,1,2),leaf[0:1.0],leaf[1:2.0]] roots=[0] targets=2 aggregate=sum \
         base_values=[]",
        "f32[S,2]",
    ),
];

/// Names of pointwise operators, which differ in nothing but the dtypes that they take.
fn pointwise_examples() -> Vec<(String, String, String)> {
    let plain = |names: &str, operands: &str, results: &str| -> Vec<(String, String, String)> {
        let row = |name: &str| (operands.to_owned(), name.to_owned(), results.to_owned());
        names.split_whitespace().map(row).collect()
    };
    let attributes = [
        "swish alpha=1.0",
        "leaky_relu alpha=0.1",
        "elu alpha=1.0",
        "celu alpha=1.0",
        "selu alpha=1.0 gamma=1.0",
        "hard_sigmoid alpha=0.2 beta=0.5",
        "thresholded_relu alpha=1.0",
        "shrink bias=0.0 lambda=0.5",
    ];
    [
        plain("neg abs sign relu", "i32[S]", "i32[S]"),
        plain(
            "neg abs sign relu ceil floor round trunc sqrt rsqrt reciprocal exp log",
            "f32[S]",
            "f32[S]",
        ),
        plain(
            "sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf",
            "f16[S]",
            "f16[S]",
        ),
        plain(
            "sigmoid softplus softsign gelu gelu_tanh mish hard_swish",
            "bf16[S]",
            "bf16[S]",
        ),
        attributes
            .iter()
            .map(|op| ("f64[S]".to_owned(), (*op).to_owned(), "f64[S]".to_owned()))
            .collect(),
        plain("not", "bool[S]", "bool[S]"),
        plain("bit_not", "u8[S]", "u8[S]"),
        plain("is_nan is_inf", "f32[S]", "bool[S]"),
        plain(
            "add sub mul div mod rem pow min max",
            "f32[S,1], f32[4]",
            "f32[S,4]",
        ),
        plain(
            "add sub mul div mod rem pow min max",
            "i64[S,1], i64[4]",
            "i64[S,4]",
        ),
        plain("and or xor", "bool[S], bool[]", "bool[S]"),
        plain("bit_and bit_or bit_xor", "i16[S], i16[1]", "i16[S]"),
        plain("shift_left shift_right", "u32[S], u32[S]", "u32[S]"),
        plain(
            "equal less less_equal greater greater_equal",
            "f32[S,1], f32[4]",
            "bool[S,4]",
        ),
        plain("equal", "string[S], string[]", "bool[S]"),
    ]
    .concat()
}

pub(super) fn examples() -> Vec<(String, String, String)> {
    let rows = EXAMPLES.iter();
    rows.map(|&(operands, op, results)| (operands.into(), op.into(), results.into()))
        .chain(pointwise_examples())
        .collect()
}

#[test]
fn examples_have_the_stated_types_and_need_no_check() {
    let wrong: Vec<String> = examples()
        .iter()
        .filter_map(|(operands, op, results)| {
            let found = outcome(operands, op);
            (found != *results).then(|| format!("{op} on {operands}: {found}, not {results}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_operator_has_an_example() {
    let covered: BTreeSet<&str> = examples()
        .iter()
        .filter_map(|(operands, op, _)| Case::parse(operands, op))
        .map(|case| case.op.name())
        .collect();
    let missing: Vec<&str> = Op::names().filter(|name| !covered.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
