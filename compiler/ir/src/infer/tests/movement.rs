//! Operators that move elements by position.

use super::check;
use expect_test::expect;

#[test]
fn reshape_keeps_the_number_of_elements() {
    check("f32[S,12]", "reshape shape=[S,3,4]", expect!["f32[S,3,4]"]);
    check(
        "f32[S,12]",
        "reshape shape=[T,12]",
        expect!["f32[T,12]; equal 12*S, 12*T"],
    );
    check(
        "f32[2,12]",
        "reshape shape=[5,5]",
        expect!["reshape: shape [5,5] has another number of elements, x f32[2,12]"],
    );
    check(
        "f32[S,4]",
        "reshape shape=[S,2]",
        expect!["f32[S,2]; equal 4*S, 2*S"],
    );
    check(
        "f32[2*S]",
        "reshape shape=[2*T+1]",
        expect!["reshape: shape [2*T+1] has another number of elements, x f32[2*S]"],
    );
    check("f32[]", "reshape shape=[1,1]", expect!["f32[1,1]"]);
    check("f32[0,4]", "reshape shape=[0]", expect!["f32[0]"]);
    check("string[S]", "reshape shape=[1,S]", expect!["string[1,S]"]);
    check(
        "f32[6]",
        "reshape shape=[-2,-3]",
        expect!["reshape: shape has the negative size -2, x f32[6]"],
    );
}

#[test]
fn transpose_takes_a_permutation() {
    check("i4[2,3]", "transpose perm=[1,0]", expect!["i4[3,2]"]);
    check(
        "f32[2,3]",
        "transpose perm=[0,0]",
        expect!["transpose: [0, 0] is not a permutation, x f32[2,3]"],
    );
    check(
        "f32[2,3]",
        "transpose perm=[0,2]",
        expect!["transpose: [0, 2] is not a permutation, x f32[2,3]"],
    );
    check(
        "f32[2,3]",
        "transpose perm=[0]",
        expect!["transpose: perm has length 1, not 2, x f32[2,3]"],
    );
}

#[test]
fn expand_reaches_exactly_its_shape() {
    check("f32[S,1]", "expand shape=[S,4]", expect!["f32[S,4]"]);
    check(
        "f32[S]",
        "expand shape=[4]",
        expect!["f32[4]; broadcast S, 4"],
    );
    check(
        "f32[S]",
        "expand shape=[T]",
        expect!["f32[T]; equal bcast(S,T), T"],
    );
    check("f32[S]", "expand shape=[1]", expect!["f32[1]; equal S, 1"]);
    check("f32[B]", "expand shape=[T]", expect!["f32[T]; equal B, T"]);
    check("f32[]", "expand shape=[T,0]", expect!["f32[T,0]"]);
    check(
        "f32[2]",
        "expand shape=[3]",
        expect!["expand: x does not broadcast to [3], x f32[2]"],
    );
    check(
        "f32[2,2]",
        "expand shape=[2]",
        expect!["expand: x does not broadcast to [2], x f32[2,2]"],
    );
}

#[test]
fn slices_outside_are_refused_where_that_is_sure() {
    check("f32[8]", "slice [2:+6]", expect!["f32[6]"]);
    check(
        "f32[8]",
        "slice [2:+7]",
        expect!["slice: axis 0 is read out of bounds, start 2, step 1, len 7, x f32[8]"],
    );
    check("f32[8]", "slice [7:+8:-1]", expect!["f32[8]"]);
    check(
        "f32[8]",
        "slice [7:+9:-1]",
        expect!["slice: axis 0 is read out of bounds, start 7, step -1, len 9, x f32[8]"],
    );
    check("f32[8]", "slice [8:+0]", expect!["f32[0]"]);
    check(
        "f32[8]",
        "slice [8:+1]",
        expect!["slice: axis 0 is read out of bounds, start 8, step 1, len 1, x f32[8]"],
    );
    check(
        "f32[8]",
        "slice [0:+2:0]",
        expect!["slice: step of axis 0 is 0, x f32[8]"],
    );
    check(
        "f32[8]",
        "slice [0:+-2]",
        expect!["slice: len has the negative size -2, x f32[8]"],
    );
    check(
        "f32[S]",
        "slice [0:+S+1]",
        expect!["slice: axis 0 is read out of bounds, start 0, step 1, len S+1, x f32[S]"],
    );
    check("f32[S]", "slice [I:+T:I]", expect!["f32[T]"]);
    check(
        "f32[S,8]",
        "slice [0:+S]",
        expect!["slice: axes has length 1, not 2, x f32[S,8]"],
    );
    check("f32[S]", "slice [0:+min(S,5)]", expect!["f32[min(5,S)]"]);
}

#[test]
fn concat_agrees_on_the_other_axes() {
    check(
        "f32[S,8], f32[1,T]",
        "concat axis=0",
        expect!["f32[S+1,8]; equal 8, T"],
    );
    check(
        "f32[S,8], f32[1,9]",
        "concat axis=0",
        expect!["concat: sizes of axis 1 differ, operand 0 f32[S,8], operand 1 f32[1,9]"],
    );
    check(
        "f32[S,8], f32[8]",
        "concat axis=0",
        expect!["concat: ranks differ, operand 0 f32[S,8], operand 1 f32[8]"],
    );
    check(
        "f32[S], i32[S]",
        "concat axis=0",
        expect!["concat: dtypes differ, operand 0 f32[S], operand 1 i32[S]"],
    );
    check(
        "f32[S]",
        "concat axis=1",
        expect!["concat: axis 1 is not below 1, operand 0 f32[S]"],
    );
    check(
        "",
        "concat axis=0",
        expect!["concat: takes at least one operand"],
    );
    check(
        "string[2], string[3]",
        "concat axis=0",
        expect!["string[5]"],
    );
    check(
        "f32[1], f32[1], f32[1], f32[1], f32[1], f32[1], f32[1], f32[1], f32[1], i8[1]",
        "concat axis=0",
        expect![
            "concat: dtypes differ, operand 0 f32[1], operand 1 f32[1], operand 2 f32[1], operand 3 f32[1], operand 4 f32[1], operand 5 f32[1], operand 6 f32[1], operand 7 f32[1], 2 more"
        ],
    );
}

#[test]
fn pads_add_and_crop() {
    check(
        "f32[S,8]",
        "pad mode=reflect before=[1,-2] after=[1,0]",
        expect!["f32[S+2,6]"],
    );
    check(
        "f32[8], f32[]",
        "pad mode=constant before=[-9] after=[0]",
        expect!["pad: result has the negative size -1, x f32[8], value f32[]"],
    );
    check(
        "f32[8], f32[1]",
        "pad mode=constant before=[0] after=[0]",
        expect!["pad: value must be f32[], x f32[8], value f32[1]"],
    );
    check(
        "f32[8]",
        "pad mode=constant before=[0] after=[0]",
        expect!["pad: takes 2 operands, not 1, x f32[8]"],
    );
    check(
        "f32[8], f32[]",
        "pad mode=edge before=[0] after=[0]",
        expect!["pad: takes 1 operand, not 2, x f32[8], operand 1 f32[]"],
    );
    check(
        "f32[0]",
        "pad mode=edge before=[1] after=[0]",
        expect!["pad: axis 0 has no element to repeat, x f32[0]"],
    );
    check(
        "f32[0]",
        "pad mode=edge before=[0] after=[0]",
        expect!["f32[0]"],
    );
    check(
        "i4[8]",
        "pad mode=edge before=[0] after=[0]",
        expect!["pad: x must be a number or bool, x i4[8]"],
    );
    check(
        "bool[8,8], bool[]",
        "pad mode=constant before=[0] after=[0,0]",
        expect!["pad: before has length 1, not 2, x bool[8,8], value bool[]"],
    );
}

#[test]
fn tile_multiplies() {
    check(
        "f32[4294967296,4294967296,0]",
        "reshape shape=[0]",
        expect!["f32[0]"],
    );
    check(
        "f32[4294967296,4294967296,S]",
        "reshape shape=[T]",
        expect!["reshape: a size is too large, x f32[4294967296,4294967296,S]"],
    );
    check(
        "string[S,2]",
        "tile repeats=[T,0]",
        expect!["string[S*T,0]"],
    );
    check(
        "f32[S]",
        "tile repeats=[-1]",
        expect!["tile: repeats has the negative size -1, x f32[S]"],
    );
    check(
        "f32[4294967296]",
        "tile repeats=[4294967296]",
        expect!["tile: result has a size that is too large, x f32[4294967296]"],
    );
}

#[test]
fn gathers_insert_the_shape_of_the_indices() {
    check("f32[S,8], i64[]", "gather axis=0", expect!["f32[8]"]);
    check(
        "f32[S,8], f32[]",
        "gather axis=0",
        expect!["gather: indices must be i32 or i64, data f32[S,8], indices f32[]"],
    );
    check(
        "f32[S,8], i64[2]",
        "gather axis=2",
        expect!["gather: axis 2 is not below 2, data f32[S,8], indices i64[2]"],
    );
    check(
        "f32[8,S], i64[2,T]",
        "gather_elements axis=0",
        expect!["f32[2,T]; at_most T, S"],
    );
    check(
        "f32[8,3], i64[2,4]",
        "gather_elements axis=0",
        expect!["gather_elements: indices exceed data on axis 1, data f32[8,3], indices i64[2,4]"],
    );
    check(
        "f32[8,3], i64[2]",
        "gather_elements axis=0",
        expect!["gather_elements: ranks differ, data f32[8,3], indices i64[2]"],
    );
    check(
        "f32[2,3,4], i64[S,2]",
        "gather_nd batch_dims=0",
        expect!["f32[S,4]"],
    );
    check(
        "f32[2,3,4], i64[S,T]",
        "gather_nd batch_dims=0",
        expect![
            "gather_nd: last dim of indices must be a constant from 1 to 3, data f32[2,3,4], indices i64[S,T]"
        ],
    );
    check(
        "f32[2,3,4], i64[S,4]",
        "gather_nd batch_dims=0",
        expect![
            "gather_nd: last dim of indices must be a constant from 1 to 3, data f32[2,3,4], indices i64[S,4]"
        ],
    );
    check(
        "f32[2,3,4], i64[T,2,1]",
        "gather_nd batch_dims=1",
        expect!["f32[2,2,4]; equal T, 2"],
    );
    check(
        "f32[2,3,4], i64[1]",
        "gather_nd batch_dims=1",
        expect!["gather_nd: 1 batch axes do not fit, data f32[2,3,4], indices i64[1]"],
    );
    check(
        "f32[2,3,4], i32[S,2]",
        "gather_nd batch_dims=0",
        expect!["gather_nd: indices must be i64, data f32[2,3,4], indices i32[S,2]"],
    );
    check(
        "f32[2], i64[]",
        "gather_nd batch_dims=0",
        expect![
            "gather_nd: last dim of indices must be a constant from 1 to 1, data f32[2], indices i64[]"
        ],
    );
}

#[test]
fn scatters_match_updates_to_indices() {
    check(
        "string[S,8], i64[3,8], string[3,8]",
        "scatter_elements axis=0 reduction=replace",
        expect!["string[S,8]"],
    );
    check(
        "string[S,8], i64[3,8], string[3,8]",
        "scatter_elements axis=0 reduction=add",
        expect![
            "scatter_elements: data must be a number, data string[S,8], indices i64[3,8], updates string[3,8]"
        ],
    );
    check(
        "f8e5m2[8], i32[3], f8e5m2[3]",
        "scatter_elements axis=0 reduction=replace",
        expect!["f8e5m2[8]"],
    );
    check(
        "f32[8], i32[3], f32[4]",
        "scatter_elements axis=0 reduction=max",
        expect![
            "scatter_elements: updates and indices differ in shape, data f32[8], indices i32[3], updates f32[4]"
        ],
    );
    check(
        "f32[8], i32[3], f16[3]",
        "scatter_elements axis=0 reduction=max",
        expect![
            "scatter_elements: updates must be f32, data f32[8], indices i32[3], updates f16[3]"
        ],
    );
    check(
        "f32[8,8], i64[T,2], f32[S]",
        "scatter_nd reduction=mul",
        expect!["f32[8,8]; equal S, T"],
    );
    check(
        "f32[8,8], i64[4,1], f32[4]",
        "scatter_nd reduction=mul",
        expect![
            "scatter_nd: updates do not fit data and indices, data f32[8,8], indices i64[4,1], updates f32[4]"
        ],
    );
    check(
        "f32[8,8], i64[4,3], f32[4]",
        "scatter_nd reduction=mul",
        expect![
            "scatter_nd: last dim of indices must be a constant from 1 to 2, data f32[8,8], indices i64[4,3], updates f32[4]"
        ],
    );
}

#[test]
fn reversed_sequences_have_one_length_each() {
    check(
        "f32[S,T], i64[B]",
        "reverse_sequence batch_axis=0 time_axis=1",
        expect!["f32[S,T]; equal B, S"],
    );
    check(
        "f32[S,T], i64[B]",
        "reverse_sequence batch_axis=0 time_axis=0",
        expect!["reverse_sequence: batch and time are one axis, x f32[S,T], lens i64[B]"],
    );
    check(
        "string[2,3], i64[2]",
        "reverse_sequence batch_axis=0 time_axis=1",
        expect!["reverse_sequence: x must be of fixed width, x string[2,3], lens i64[2]"],
    );
}
