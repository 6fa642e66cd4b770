//! Each pass on small graphs: the text of the result, which the verifier accepts.

use crate::*;
use expect_test::{Expect, expect};
use graphc_base::{DType, Dim, Interval};
use graphc_ir::op::{BinaryOp, Col2Im, Op, Padding, SliceAxis, UnaryOp};
use graphc_ir::{Builder, Graph, TensorType, TypeError, ValueId, ValueType, verify};

type Made = Result<(), TypeError>;

fn check(
    build: impl FnOnce(&mut Builder) -> Made,
    pass: impl FnOnce(&mut Graph),
    expected: Expect,
) {
    let mut b = Builder::new("g");
    build(&mut b).unwrap();
    let mut graph = b.finish();
    verify(&graph).unwrap();
    pass(&mut graph);
    verify(&graph).unwrap();
    expected.assert_eq(&graph.normal_text());
}

fn simplified(graph: &mut Graph) {
    canonicalize(
        graph,
        &PassCx {
            verify: true,
            derive: true,
        },
    )
    .unwrap();
}

fn f32s(b: &mut Builder, name: &str, shape: &[i64]) -> ValueId {
    let ty = TensorType::new(DType::F32, shape.iter().copied());
    b.input(name, ty.into())
}

/// `f32[batch, 8]`.
fn batched(b: &mut Builder) -> (ValueId, Dim) {
    let batch = Dim::symbol(
        b.graph_mut()
            .dims
            .new_symbol("batch", Interval { lo: 1, hi: 64 }),
    );
    let ty = TensorType::new(DType::F32, [batch.clone(), Dim::constant(8)]);
    (b.input("x", ty.into()), batch)
}

#[test]
fn shape_arithmetic_becomes_dims_and_dies() {
    check(
        |b| {
            let (x, _) = batched(b);
            let dims = b.shape(x)?;
            let shape = b.dim_tensor(&dims)?;
            let zero = b.const_scalar_i64(DType::I64, 0);
            let batch = b.gather(shape, zero, 0)?;
            let two = b.const_scalar_i64(DType::I64, 2);
            let double = b.mul(batch, two)?;
            let double = b.unsqueeze(double, &[0])?;
            let four = b.const_i64(&[4]);
            let target = b.concat(&[double, four], 0)?;
            let target = b.dims_of(target)?;
            let y = b.reshape(x, target)?;
            b.output("y", y);
            Ok(())
        },
        simplified,
        expect![[r#"
            graph "g" {
              inputs "x"
              outputs "y"
              symbol batch = 1..64 from %0.0
              block b0(%0 "x": f32[batch,8]) {
                %1: f32[2*batch,4] = reshape shape=[2*batch,4] %0
                return %1
              }
            }
        "#]],
    );
}

#[test]
fn dims_that_an_output_shows_are_one_dim_tensor() {
    check(
        |b| {
            let (x, _) = batched(b);
            let dims = b.shape(x)?;
            let shape = b.dim_tensor(&dims)?;
            let one = b.const_i64(&[1]);
            let more = b.add(shape, one)?;
            let narrow = b.cast(more, DType::I32)?;
            b.output("shape", narrow);
            Ok(())
        },
        simplified,
        expect![[r#"
            graph "g" {
              inputs "x"
              outputs "shape"
              symbol batch = 1..64 from %0.0
              block b0(%0 "x": f32[batch,8]) {
                %1: i64[2] = dim_tensor [batch+1,9]
                %2: i32[2] = cast to=i32 saturate %1
                return %2
              }
            }
        "#]],
    );
}

#[test]
fn equal_nodes_are_one() {
    check(
        |b| {
            let x = f32s(b, "x", &[4]);
            let first = b.add_source("first", "Exp");
            let second = b.add_source("second", "Exp");
            b.set_sources([first].into());
            let y = b.unary(UnaryOp::Exp, x)?;
            b.set_sources([second].into());
            let z = b.unary(UnaryOp::Exp, x)?;
            let sum = b.add(y, z)?;
            b.output("sum", sum);
            Ok(())
        },
        |graph| {
            merge_equal_nodes(graph, &PassCx::default());
        },
        expect![[r#"
            graph "g" {
              inputs "x"
              outputs "sum"
              source s0 "first" "Exp"
              source s1 "second" "Exp"
              block b0(%0 "x": f32[4]) {
                %1: f32[4] = exp %0 @[s0, s1]
                %2: f32[4] = add %1, %1 @s1
                return %2
              }
            }
        "#]],
    );
}

#[test]
fn only_minus_zero_is_neutral_in_float_addition() {
    check(
        |b| {
            let x = f32s(b, "x", &[4]);
            let minus = b.const_scalar(DType::F32, -0.0);
            let plus = b.const_scalar(DType::F32, 0.0);
            let y = b.add(x, minus)?;
            let z = b.add(y, plus)?;
            let w = b.sub(z, plus)?;
            b.output("w", w);
            Ok(())
        },
        simplified,
        expect![[r#"
            graph "g" {
              inputs "x"
              outputs "w"
              const c0: f32[] = [0.0]
              block b0(%0 "x": f32[4]) {
                %1: f32[] = const c0
                %2: f32[4] = add %0, %1
                return %2
              }
            }
        "#]],
    );
}

#[test]
fn neutral_operand_that_broadcasts_stays() {
    check(
        |b| {
            let x = f32s(b, "x", &[1]);
            let ones = b.const_f32(&[3], &[1.0; 3]);
            let y = b.mul(x, ones)?;
            b.output("y", y);
            Ok(())
        },
        simplified,
        expect![[r#"
            graph "g" {
              inputs "x"
              outputs "y"
              const c0: f32[3] = [1.0, 1.0, 1.0]
              block b0(%0 "x": f32[1]) {
                %1: f32[3] = const c0
                %2: f32[3] = mul %0, %1
                return %2
              }
            }
        "#]],
    );
}

#[test]
fn views_compose_and_cancel() {
    check(
        |b| {
            let x = f32s(b, "x", &[2, 3, 4]);
            let y = b.transpose(x, vec![1, 2, 0])?;
            let y = b.transpose(y, vec![2, 0, 1])?;
            let y = b.reshape(y, vec![Dim::constant(6), Dim::constant(4)])?;
            let y = b.reshape(y, vec![Dim::constant(24)])?;
            let y = b.slice(
                y,
                vec![SliceAxis {
                    start: Dim::constant(1),
                    step: Dim::constant(2),
                    len: Dim::constant(10),
                }],
            )?;
            let y = b.slice(
                y,
                vec![SliceAxis {
                    start: Dim::constant(9),
                    step: Dim::constant(-3),
                    len: Dim::constant(3),
                }],
            )?;
            b.output("y", y);
            Ok(())
        },
        simplified,
        expect![[r#"
            graph "g" {
              inputs "x"
              outputs "y"
              block b0(%0 "x": f32[2,3,4]) {
                %1: f32[24] = reshape shape=[24] %0
                %2: f32[3] = slice [19:+3:-6] %1
                return %2
              }
            }
        "#]],
    );
}

#[test]
fn exact_casts_cancel_and_lossy_ones_stay() {
    check(
        |b| {
            let x = b.input("x", TensorType::new(DType::F16, [4i64]).into());
            let n = b.input("n", TensorType::new(DType::I8, [4i64]).into());
            let y = b.cast(x, DType::F32)?;
            let y = b.cast(y, DType::F16)?;
            let m = b.cast(n, DType::F32)?;
            let m = b.cast(m, DType::U8)?;
            b.output("y", y);
            b.output("m", m);
            Ok(())
        },
        simplified,
        expect![[r#"
            graph "g" {
              inputs "x", "n"
              outputs "y", "m"
              block b0(%0 "x": f16[4], %1 "n": i8[4]) {
                %2: f32[4] = cast to=f32 saturate %1
                %3: u8[4] = cast to=u8 saturate %2
                return %0, %3
              }
            }
        "#]],
    );
}

#[test]
fn weights_are_derived_and_not_computed() {
    check(
        |b| {
            let x = f32s(b, "x", &[2, 128]);
            let ty = TensorType::new(DType::I8, [128i64, 128]);
            let bytes = vec![3u8; 128 * 128];
            let w = b.constant(ty, graphc_ir::ConstData::Inline(bytes.into()), None)?;
            let scale = b.const_scalar(DType::F32, 0.5);
            let w = b.op1(
                Op::Dequantize {
                    axis: None,
                    block: 0,
                },
                &[w, scale],
            )?;
            let w = b.transpose(w, vec![1, 0])?;
            let y = b.matmul(x, w)?;
            b.output("y", y);
            Ok(())
        },
        simplified,
        expect![[r#"
            graph "g" {
              inputs "x"
              outputs "y"
              const c0: i8[128,128] = inline 0xec9d62401c147452
              const c1: f32[] = [0.5]
              const c2: f32[128,128] = derived output=0 dequantize block=0 c0, c1
              const c3: f32[128,128] = derived output=0 transpose perm=[1,0] c2
              block b0(%0 "x": f32[2,128]) {
                %1: f32[128,128] = const c3
                %2: f32[2,128] = matmul %0, %1
                return %2
              }
            }
        "#]],
    );
}

#[test]
fn repetition_of_a_scalar_is_not_stored() {
    check(
        |b| {
            let one = b.const_scalar(DType::F32, 1.0);
            let y = b.expand(one, vec![Dim::constant(1000), Dim::constant(1000)])?;
            b.output("y", y);
            Ok(())
        },
        simplified,
        expect![[r#"
            graph "g" {
              outputs "y"
              const c0: f32[] = [1.0]
              block b0() {
                %0: f32[] = const c0
                %1: f32[1000,1000] = expand shape=[1000,1000] %0
                return %1
              }
            }
        "#]],
    );
}

#[test]
fn rows_of_a_narrow_table_are_picked_before_it_is_widened() {
    check(
        |b| {
            let ty = TensorType::new(DType::I8, [20_000i64, 4]);
            let bytes = vec![1u8; 80_000];
            let table = b.constant(ty, graphc_ir::ConstData::Inline(bytes.into()), None)?;
            let indices = TensorType::new(DType::I64, [3i64]);
            let indices = b.input("indices", indices.into());
            let by_row = b.const_f32(&[20_000, 1], &[0.5; 20_000]);
            let by_column = b.const_f32(&[4], &[2.0; 4]);
            let one = b.const_scalar(DType::F32, 1.0);
            let wide = b.cast(table, DType::F32)?;
            let scaled = b.mul(by_row, wide)?;
            let scaled = b.mul(scaled, by_column)?;
            let shifted = b.add(scaled, one)?;
            let y = b.gather(shifted, indices, 0)?;
            b.output("y", y);
            Ok(())
        },
        simplified,
        expect![[r#"
            graph "g" {
              inputs "indices"
              outputs "y"
              const c0: i8[20000,4] = inline 0xbc4af77fd8588106
              const c1: f32[20000,1] = inline 0xf4590fbfe068bf1e
              const c2: f32[4] = [2.0, 2.0, 2.0, 2.0]
              const c3: f32[] = [1.0]
              block b0(%0 "indices": i64[3]) {
                %1: i8[20000,4] = const c0
                %2: f32[20000,1] = const c1
                %3: f32[4] = const c2
                %4: f32[] = const c3
                %5: i8[3,4] = gather axis=0 %1, %0
                %6: f32[3,4] = cast to=f32 saturate %5
                %7: f32[3,1] = gather axis=0 %2, %0
                %8: f32[3,4] = mul %7, %6
                %9: f32[3,4] = mul %8, %3
                %10: f32[3,4] = add %9, %4
                return %10
              }
            }
        "#]],
    );
}

#[test]
fn a_weight_is_widened_where_it_is_used() {
    check(
        |b| {
            let x = f32s(b, "x", &[2, 300]);
            let mut weights = Vec::new();
            for number in 1..3u8 {
                let ty = TensorType::new(DType::I8, [300i64, 300]);
                let bytes = vec![number; 90_000];
                let narrow = b.constant(ty, graphc_ir::ConstData::Inline(bytes.into()), None)?;
                weights.push(b.cast(narrow, DType::F32)?);
            }
            let mut y = x;
            for w in weights {
                y = b.matmul(y, w)?;
            }
            b.output("y", y);
            Ok(())
        },
        simplified,
        expect![[r#"
            graph "g" {
              inputs "x"
              outputs "y"
              const c0: i8[300,300] = inline 0xd6c55100d20f095e
              const c1: i8[300,300] = inline 0xcb581e9cb4dd542b
              block b0(%0 "x": f32[2,300]) {
                %1: i8[300,300] = const c0
                %2: i8[300,300] = const c1
                %3: f32[300,300] = cast to=f32 saturate %1
                %4: f32[2,300] = matmul %0, %3
                %5: f32[300,300] = cast to=f32 saturate %2
                %6: f32[2,300] = matmul %4, %5
                return %6
              }
            }
        "#]],
    );
}

#[test]
fn known_branch_stands_in_place_of_the_if() {
    check(
        |b| {
            let x = f32s(b, "x", &[4]);
            let ty: ValueType = b.ty(x).clone();
            let mut blocks = Vec::new();
            for op in [UnaryOp::Exp, UnaryOp::Log] {
                let block = b.graph_mut().add_block();
                let param = b.graph_mut().add_param(block, ty.clone(), None);
                let outer = b.set_block(block);
                let y = b.unary(op, param)?;
                b.graph_mut().block_mut(block).results.push(y);
                b.set_block(outer);
                blocks.push(block);
            }
            let one = b.const_scalar_i64(DType::I64, 1);
            let two = b.const_scalar_i64(DType::I64, 2);
            let cond = b.binary(BinaryOp::Greater, one, two)?;
            let branch = graphc_ir::op::If {
                then_block: blocks[0],
                else_block: blocks[1],
                results: vec![ty],
            };
            let y = b.op1(Op::If(Box::new(branch)), &[cond, x])?;
            let y = b.unary(UnaryOp::Neg, y)?;
            b.output("y", y);
            Ok(())
        },
        simplified,
        expect![[r#"
            graph "g" {
              inputs "x"
              outputs "y"
              block b0(%0 "x": f32[4]) {
                %1: f32[4] = log %0
                %2: f32[4] = neg %1
                return %2
              }
            }
        "#]],
    );
}

#[test]
fn dead_captures_and_results_of_regions_go() {
    check(
        |b| {
            let x = f32s(b, "x", &[4]);
            let z = b.unary(UnaryOp::Exp, x)?;
            let cond = b.input("cond", TensorType::scalar(DType::Bool).into());
            let ty: ValueType = b.ty(x).clone();
            let mut blocks = Vec::new();
            for op in [UnaryOp::Sin, UnaryOp::Cos] {
                let block = b.graph_mut().add_block();
                let first = b.graph_mut().add_param(block, ty.clone(), None);
                let second = b.graph_mut().add_param(block, ty.clone(), None);
                let outer = b.set_block(block);
                let dead = b.unary(op, second)?;
                let live = b.unary(op, first)?;
                b.graph_mut().block_mut(block).results.extend([dead, live]);
                b.set_block(outer);
                blocks.push(block);
            }
            let branch = graphc_ir::op::If {
                then_block: blocks[0],
                else_block: blocks[1],
                results: vec![ty.clone(), ty],
            };
            let results = b.op(Op::If(Box::new(branch)), &[cond, x, z])?;
            b.output("y", results[1]);
            Ok(())
        },
        simplified,
        expect![[r#"
            graph "g" {
              inputs "x", "cond"
              outputs "y"
              block b0(%0 "x": f32[4], %1 "cond": bool[]) {
                %2: f32[4] = if then=b1 else=b2 %1, %0
                return %2
              }
              block b1(%3: f32[4]) {
                %4: f32[4] = sin %3
                return %4
              }
              block b2(%5: f32[4]) {
                %6: f32[4] = cos %5
                return %6
              }
            }
        "#]],
    );
}

#[test]
fn loop_drops_what_it_carries_for_nobody() {
    check(
        |b| {
            let x = f32s(b, "x", &[4]);
            let trips = b.const_scalar_i64(DType::I64, 3);
            let ty: ValueType = b.ty(x).clone();
            let body = b.graph_mut().add_block();
            b.graph_mut()
                .add_param(body, TensorType::scalar(DType::I64).into(), None);
            let cond = b
                .graph_mut()
                .add_param(body, TensorType::scalar(DType::Bool).into(), None);
            let live = b.graph_mut().add_param(body, ty.clone(), None);
            let dead = b.graph_mut().add_param(body, ty.clone(), None);
            let outer = b.set_block(body);
            let next = b.unary(UnaryOp::Sin, live)?;
            let gone = b.unary(UnaryOp::Cos, dead)?;
            b.graph_mut()
                .block_mut(body)
                .results
                .extend([cond, next, gone, gone]);
            b.set_block(outer);
            let stacked = TensorType::new(DType::F32, [3i64, 4]);
            let repeat = graphc_ir::op::Loop {
                body,
                has_trip_count: true,
                has_condition: false,
                n_carried: 2,
                n_scanned: 1,
                results: vec![ty.clone(), ty, stacked.into()],
            };
            let results = b.op(Op::Loop(Box::new(repeat)), &[trips, x, x])?;
            b.output("y", results[0]);
            Ok(())
        },
        simplified,
        expect![[r#"
            graph "g" {
              inputs "x"
              outputs "y"
              const c0: i64[] = [3]
              block b0(%0 "x": f32[4]) {
                %1: i64[] = const c0
                %2: f32[4] = loop body=b1 has_trip_count carried=1 scanned=0 %1, %0
                return %2
              }
              block b1(%3: i64[], %4: bool[], %5: f32[4]) {
                %6: f32[4] = sin %5
                return %4, %6
              }
            }
        "#]],
    );
}

#[test]
fn symbols_of_merged_nodes_become_one() {
    check(
        |b| {
            let x = f32s(b, "x", &[6]);
            let mut parts = Vec::new();
            for _ in 0..2 {
                let found = b.op(Op::NonZero, &[x])?;
                let count = b.bind_dim(found[1], 0, "count", Interval { lo: 0, hi: 6 });
                parts.push(b.slice_axis(found[0], 1, SliceAxis::range(Dim::ZERO, count))?);
            }
            let y = b.concat(&parts, 0)?;
            b.output("y", y);
            Ok(())
        },
        simplified,
        expect![[r#"
            graph "g" {
              inputs "x"
              outputs "y"
              symbol count = 0..6 from %2[0]
              block b0(%0 "x": f32[6]) {
                %1: i64[1,6], %2: i64[] = non_zero %0
                %3: i64[1,count] = slice [0:+1,0:+count] %1
                %4: i64[2,count] = concat axis=0 %3, %3
                return %4
              }
            }
        "#]],
    );
}

#[test]
fn symbols_that_contradict_each_other_stay() {
    check(
        |b| {
            let sizes = b.input("sizes", TensorType::new(DType::I64, [1i64]).into());
            let x = f32s(b, "x", &[1, 5, 5]);
            let range = Interval { lo: 1, hi: 9 };
            let image = b.bind_dim(sizes, 0, "image", range);
            let block = b.bind_dim(sizes, 0, "block", range);
            // One block as large as the image: not five.
            let op = Op::Col2Im(Col2Im {
                image: vec![image],
                block: vec![block],
                dilations: vec![1],
                pads: vec![Padding {
                    before: Dim::ZERO,
                    after: Dim::ZERO,
                }],
                strides: vec![1],
            });
            let y = b.op1(op, &[x])?;
            b.output("y", y);
            Ok(())
        },
        simplified,
        expect![[r#"
            graph "g" {
              inputs "sizes", "x"
              outputs "y"
              symbol image = 1..9 from %0[0]
              symbol block = 1..9 from %0[0]
              check equal 5, image-block+1 "col2im (col2im)"
              check equal ((5)%(block)), 0 "col2im (col2im)"
              block b0(%0 "sizes": i64[1], %1 "x": f32[1,5,5]) {
                %2: f32[1,((5)//(block)),image] = col2im image=[image] block=[block] dilations=[1] pads=[0:0] strides=[1] %1
                return %2
              }
            }
        "#]],
    );
}

#[test]
fn expansion_before_a_broadcast_goes() {
    check(
        |b| {
            let (x, batch) = batched(b);
            let bias = f32s(b, "bias", &[8]);
            let wide = b.expand(bias, vec![batch, Dim::constant(8)])?;
            let y = b.add(x, wide)?;
            b.output("y", y);
            Ok(())
        },
        simplified,
        expect![[r#"
            graph "g" {
              inputs "x", "bias"
              outputs "y"
              symbol batch = 1..64 from %0.0
              block b0(%0 "x": f32[batch,8], %1 "bias": f32[8]) {
                %2: f32[batch,8] = add %0, %1
                return %2
              }
            }
        "#]],
    );
}

#[test]
fn choice_of_a_constant_condition_is_made() {
    check(
        |b| {
            let x = f32s(b, "x", &[4]);
            let y = f32s(b, "y", &[4]);
            let yes = b.const_scalar_i64(DType::Bool, 1);
            let z = b.select(yes, x, y)?;
            b.output("z", z);
            Ok(())
        },
        simplified,
        expect![[r#"
            graph "g" {
              inputs "x", "y"
              outputs "z"
              block b0(%0 "x": f32[4], %1 "y": f32[4]) {
                return %0
              }
            }
        "#]],
    );
}
