//! Overwrites what no live tensor owns before every step, so that a read outside a lifetime shows in the results.

use crate::analysis::BodyAnalysis;
use crate::execute::{RunCx, shifted};
use crate::frame::Frame;
use crate::segment::SegmentPlan;

/// As a float of any width it is not a number; as an integer it is -1.
const PATTERN: u8 = 0xff;

/// One frame at one of its steps.
pub(crate) struct Poison<'a> {
    pub(crate) analysis: &'a BodyAnalysis,
    pub(crate) plan: &'a SegmentPlan,
    pub(crate) frame: &'a Frame,
}

impl Poison<'_> {
    /// Overwrites everything from the frame's base on but what an earlier step wrote and this or a later one reads, and
    /// waiting results. What the step itself will write is overwritten, and so is what the step before read last.
    pub(crate) fn before(&self, position: usize, cx: &mut RunCx<'_>) {
        let spans = self.plan.spans.iter().zip(&self.analysis.lifetimes);
        let mut live: Vec<(usize, usize)> = spans
            .filter_map(|(span, lifetime)| {
                let (span, lifetime) = ((*span)?, (*lifetime)?);
                let span = shifted(span, self.frame.base);
                (lifetime.first < position && position <= lifetime.last)
                    .then_some((span.offset, span.offset + span.bytes))
            })
            .collect();
        if position <= self.frame.loose_until {
            live.push((self.frame.loose.start, self.frame.loose.end));
        }
        live.sort_unstable();
        let Some(bytes) = cx.arena.host_mut() else {
            return;
        };
        let mut dead = self.frame.base;
        for (start, end) in live.into_iter().chain([(bytes.len(), bytes.len())]) {
            if let Some(bytes) = bytes.get_mut(dead..start) {
                bytes.fill(PATTERN);
            }
            dead = dead.max(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::hand_built::{Build, dims};
    use crate::{DType, Session, SessionOptions, Tensor};
    use graphc_base::EntityId;
    use graphc_base::attrs::BinaryOp;
    use graphc_program::{BodyId, StateInit};

    /// `a = x + x; b = a + a; c = b + b; d = a + c`, with `a` believed dead after the step `last`.
    fn run_with_lifetime(last: usize) -> Vec<f32> {
        let mut build = Build::new();
        // Its result lies apart, so that nothing takes the place of `a` and only poison can tell.
        let state = build.state("d", DType::F32, &dims(&[3]), StateInit::Zero);
        let main = build.reserve();
        build.fill(main, |body| {
            let x = body.param(DType::F32, &dims(&[3]));
            let a = body.add(x, x, &dims(&[3]));
            let b = body.add(a, a, &dims(&[3]));
            let c = body.add(b, b, &dims(&[3]));
            let d = body.state(state);
            body.binary_into(BinaryOp::Add, a, c, d);
            body.result(d);
        });
        build.entry("main", main, &["x"], &["d"]);
        let options = SessionOptions {
            threads: 1,
            poison: true,
        };
        let mut session = Session::with_options(build.artifact(), options).expect("session");
        let analysis = session.analysis_mut(BodyId::from_index(0));
        for lifetime in analysis.lifetimes.iter_mut().flatten() {
            if lifetime.first == 0 {
                assert_eq!(lifetime.last, 3);
                lifetime.last = last;
            }
        }
        let x = Tensor::from_elements(DType::F32, &[3], &[1f32, 2.0, 3.0]).expect("elements fit");
        let outputs = session
            .run("main", &[("x", x.into())], &mut session.new_state())
            .expect("program runs");
        let tensor = outputs[0].1.as_tensor().expect("tensor");
        tensor.elements().expect("floats").to_vec()
    }

    #[test]
    fn a_lifetime_that_is_too_short_shows_in_the_results() {
        assert_eq!(run_with_lifetime(3), [10.0, 20.0, 30.0]);
        // Its place is not taken by another tensor, so that only poison can tell.
        assert!(run_with_lifetime(2).iter().all(|y| y.is_nan()));
        assert!(
            run_with_lifetime(1)
                .iter()
                .all(|&y| y.is_nan() || y != 10.0)
        );
    }
}
