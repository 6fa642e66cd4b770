//! Order, selection and recurrent layers.

use super::check;
use expect_test::expect;

#[test]
fn top_k_takes_at_most_all() {
    check(
        "f32[S,8]",
        "top_k axis=0 k=3",
        expect!["f32[3,8], i64[3,8]; at_most 3, S"],
    );
    check(
        "f32[S,8]",
        "top_k axis=1 k=9",
        expect!["top_k: k exceeds the size of axis 1, x f32[S,8]"],
    );
    check(
        "f32[S,8]",
        "top_k axis=1 k=I",
        expect!["f32[S,I], i64[S,I]; at_most I, 8"],
    );
    check(
        "f32[S,8]",
        "top_k axis=1 k=-1",
        expect!["top_k: k has the negative size -1, x f32[S,8]"],
    );
    check(
        "bool[S,8]",
        "top_k axis=1 k=1",
        expect!["top_k: x must be a number, x bool[S,8]"],
    );
    check(
        "f32[S,8]",
        "top_k axis=2 k=1",
        expect!["top_k: axis 2 is not below 2, x f32[S,8]"],
    );
}

#[test]
fn counts_come_beside_padded_results() {
    check("f32[]", "non_zero", expect!["i64[0,1], i64[]"]);
    check(
        "string[4]",
        "non_zero",
        expect!["non_zero: x must be a number or bool, x string[4]"],
    );
    check(
        "f32[S,T]",
        "unique axis=1",
        expect!["f32[S,T], i64[T], i64[T], i64[T], i64[]"],
    );
    check(
        "f32[S,T]",
        "unique axis=2",
        expect!["unique: axis 2 is not below 2, x f32[S,T]"],
    );
    check(
        "i4[S]",
        "unique",
        expect!["unique: x must be a number, bool or string, x i4[S]"],
    );
}

#[test]
fn recurrent_layers_fit_their_weights() {
    check(
        "f32[T,S,10], f32[1,12,10], f32[1,12,4], f32[1,24], i32[B]",
        "gru direction=forward hidden=4 activations=[sigmoid,tanh] has_bias has_lens",
        expect!["f32[T,1,S,4], f32[1,S,4]; equal B, S"],
    );
    check(
        "f32[T,S,I], f32[1,12,10], f32[1,12,4]",
        "gru direction=forward hidden=4 activations=[sigmoid,tanh]",
        expect!["f32[T,1,S,4], f32[1,S,4]; equal 10, I"],
    );
    check(
        "f32[T,S,10], f32[1,16,10], f32[1,12,4]",
        "gru direction=forward hidden=4 activations=[sigmoid,tanh]",
        expect![
            "gru: w does not fit x and a hidden size of 4, x f32[T,S,10], w f32[1,16,10], r f32[1,12,4]"
        ],
    );
    check(
        "f32[T,S,10], f32[1,12,10], f32[1,12,4]",
        "gru direction=bidirectional hidden=4 activations=[sigmoid,tanh,sigmoid,tanh]",
        expect![
            "gru: w does not fit x and a hidden size of 4, x f32[T,S,10], w f32[1,12,10], r f32[1,12,4]"
        ],
    );
    check(
        "f32[T,S,10], f32[1,12,10], f32[1,12,4]",
        "gru direction=forward hidden=4 activations=[tanh]",
        expect![
            "gru: activations has length 1, not 2, x f32[T,S,10], w f32[1,12,10], r f32[1,12,4]"
        ],
    );
    check(
        "f32[T,S,10], f32[1,12,10], f32[1,12,4], f32[1,S,4]",
        "gru direction=forward hidden=4 activations=[sigmoid,tanh] has_c0",
        expect![
            "gru: only an lstm has a cell state and peepholes, x f32[T,S,10], w f32[1,12,10], r f32[1,12,4], c0 f32[1,S,4]"
        ],
    );
    check(
        "f32[T,S,10], f32[1,4,10], f32[1,4,4], i64[S]",
        "rnn direction=forward hidden=4 activations=[tanh] has_lens",
        expect!["rnn: lens must be i32, x f32[T,S,10], w f32[1,4,10], r f32[1,4,4], lens i64[S]"],
    );
    check(
        "f32[T,S,10], f32[1,0,10], f32[1,0,0]",
        "rnn direction=forward hidden=0 activations=[tanh]",
        expect!["rnn: hidden must not be 0, x f32[T,S,10], w f32[1,0,10], r f32[1,0,0]"],
    );
    check(
        "f32[T,S,10], f32[1,16,10], f32[1,16,4], f32[1,13]",
        "lstm direction=forward hidden=4 activations=[sigmoid,tanh,tanh] has_peephole",
        expect![
            "lstm: peephole does not fit x and a hidden size of 4, x f32[T,S,10], w f32[1,16,10], r f32[1,16,4], peephole f32[1,13]"
        ],
    );
    check(
        "f32[T,S], f32[1,4,10], f32[1,4,4]",
        "rnn direction=forward hidden=4 activations=[tanh]",
        expect!["rnn: x must have rank 3, x f32[T,S], w f32[1,4,10], r f32[1,4,4]"],
    );
}
