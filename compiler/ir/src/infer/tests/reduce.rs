//! Reductions, scans and normalisations.

use super::check;
use expect_test::expect;

#[test]
fn flags_choose_the_reduced_axes() {
    check(
        "f32[S,T]",
        "reduce_sum reduced=[F,1] keep_dims",
        expect!["f32[S-S*F+F,1]"],
    );
    check(
        "f32[S,T]",
        "reduce_sum reduced=[I,1] keep_dims",
        expect!["f32[S-S*I+I,1]; at_most 0, I; at_most I, 1"],
    );
    check(
        "f32[S,T]",
        "reduce_sum reduced=[F,1]",
        expect!["reduce_sum: flag of axis 0 is not constant, so the rank is unknown, x f32[S,T]"],
    );
    check(
        "f32[S,T]",
        "reduce_sum reduced=[0,2]",
        expect!["reduce_sum: flag of axis 1 is not 0 or 1, x f32[S,T]"],
    );
    check(
        "f32[S,T]",
        "reduce_sum reduced=[B,1] keep_dims",
        expect!["reduce_sum: flag of axis 0 is not 0 or 1, x f32[S,T]"],
    );
    check(
        "f32[S,T]",
        "reduce_sum reduced=[1]",
        expect!["reduce_sum: reduced has length 1, not 2, x f32[S,T]"],
    );
    check("f32[]", "reduce_sum reduced=[]", expect!["f32[]"]);
}

#[test]
fn reductions_have_their_dtypes() {
    check(
        "bool[4]",
        "reduce_sum reduced=[1]",
        expect!["reduce_sum: x must be a number, x bool[4]"],
    );
    check("bool[4]", "reduce_min reduced=[1]", expect!["bool[]"]);
    check(
        "i32[4]",
        "reduce_log_sum_exp reduced=[1]",
        expect!["reduce_log_sum_exp: x must be a float, x i32[4]"],
    );
    check("i8[4]", "reduce_mean reduced=[1]", expect!["i8[]"]);
    check(
        "bool[4]",
        "arg_max axis=0",
        expect!["arg_max: x must be a number, x bool[4]"],
    );
    check(
        "f32[4,0]",
        "arg_max axis=1",
        expect!["arg_max: axis 1 is empty, x f32[4,0]"],
    );
    check(
        "bool[4]",
        "cumulative_sum axis=0",
        expect!["cumulative_sum: x must be a number, x bool[4]"],
    );
    check(
        "i32[4]",
        "softmax axis=0",
        expect!["softmax: x must be a float, x i32[4]"],
    );
}

#[test]
fn axes_are_below_the_rank() {
    check(
        "f32[4,S]",
        "arg_min axis=2",
        expect!["arg_min: axis 2 is not below 2, x f32[4,S]"],
    );
    check(
        "f32[4,S]",
        "cumulative_sum axis=2",
        expect!["cumulative_sum: axis 2 is not below 2, x f32[4,S]"],
    );
    check(
        "f32[4,S]",
        "cumulative_sum axis=I",
        expect!["f32[4,S]; at_most 0, I; at_most I, 1"],
    );
    check(
        "f32[4,S]",
        "cumulative_sum axis=B",
        expect!["cumulative_sum: axis B is not below 2, x f32[4,S]"],
    );
    check(
        "f32[4,S]",
        "cumulative_sum axis=-1",
        expect!["cumulative_sum: axis -1 is not below 2, x f32[4,S]"],
    );
    check(
        "f32[]",
        "softmax axis=0",
        expect!["softmax: axis 0 is not below 0, x f32[]"],
    );
    check(
        "f32[4,S]",
        "layer_norm axis=2 epsilon=0.0",
        expect!["layer_norm: axis 2 is not below 2, x f32[4,S]"],
    );
}

#[test]
fn norms_fit_their_parameters() {
    check(
        "f32[S,T,8]",
        "layer_norm axis=2 epsilon=0.0",
        expect!["f32[S,T,8]"],
    );
    check(
        "f32[S,T,8], f32[T,1]",
        "layer_norm axis=1 epsilon=0.0",
        expect!["f32[S,T,8]"],
    );
    check(
        "f32[S,T,8], f32[4]",
        "layer_norm axis=2 epsilon=0.0",
        expect![
            "layer_norm: scale does not broadcast to the normalised axes, x f32[S,T,8], scale f32[4]"
        ],
    );
    check(
        "f32[S,T,8], f32[8], f32[S,T,8]",
        "layer_norm axis=2 epsilon=0.0",
        expect![
            "layer_norm: bias does not broadcast to the normalised axes, x f32[S,T,8], scale f32[8], bias f32[S,T,8]"
        ],
    );
    check(
        "f32[S,T,8], f16[8]",
        "rms_norm axis=2 epsilon=0.0",
        expect!["rms_norm: scale must be f32, x f32[S,T,8], scale f16[8]"],
    );
    check(
        "f32[S,T], f32[B]",
        "rms_norm axis=1 epsilon=0.0",
        expect!["f32[S,T]; equal B, T"],
    );
    check(
        "f32[S,T], f32[T], f32[T], f32[T], f32[8]",
        "batch_norm epsilon=0.0",
        expect!["f32[S,T]; equal 8, T"],
    );
    check(
        "f32[S,4], f32[4], f32[4], f32[4], f32[8]",
        "batch_norm epsilon=0.0",
        expect![
            "batch_norm: var has another size, x f32[S,4], scale f32[4], bias f32[4], mean f32[4], var f32[8]"
        ],
    );
    check(
        "f32[S], f32[S], f32[S], f32[S], f32[S]",
        "batch_norm epsilon=0.0",
        expect![
            "batch_norm: x must have rank 2 or more, x f32[S], scale f32[S], bias f32[S], mean f32[S], var f32[S]"
        ],
    );
    check(
        "f32[S,T,8]",
        "group_norm groups=T epsilon=0.0",
        expect!["f32[S,T,8]"],
    );
    check(
        "f32[S,4*T,8]",
        "group_norm groups=4 epsilon=0.0",
        expect!["f32[S,4*T,8]"],
    );
    check(
        "f32[S,6,8]",
        "group_norm groups=4 epsilon=0.0",
        expect!["group_norm: groups do not divide the channels, x f32[S,6,8]"],
    );
    check(
        "f32[S,6,8], f32[6]",
        "group_norm groups=6 epsilon=0.0",
        expect!["group_norm: scale and bias come together, x f32[S,6,8], scale f32[6]"],
    );
    check(
        "f32[S,6,8]",
        "group_norm groups=0 epsilon=0.0",
        expect!["group_norm: groups must be positive, x f32[S,6,8]"],
    );
    check(
        "f32[S,6,8]",
        "local_response_norm size=0 alpha=1.0 beta=1.0 bias=1.0",
        expect!["local_response_norm: size must not be 0, x f32[S,6,8]"],
    );
}
