//! Decisions that an import takes before it can know whether they are right, and takes back when they are not.

/// How many imports are tried at most.
const MAX_TRIES: usize = 32;

/// The decisions of one import, in the order in which they came up.
#[derive(Clone, Default)]
pub(super) struct Assumptions {
    taken: Vec<Decision>,
    n_used: usize,
    n_tries: usize,
}

#[derive(Clone)]
struct Decision {
    choice: bool,
    /// Whether the other choice has been tried.
    is_second: bool,
}

impl Assumptions {
    /// The next decision: as an earlier import left it, else `first`.
    pub(super) fn next(&mut self, first: bool) -> bool {
        let decision_idx = self.n_used;
        self.n_used += 1;
        if let Some(decision) = self.taken.get(decision_idx) {
            return decision.choice;
        }
        self.taken.push(Decision {
            choice: first,
            is_second: false,
        });
        first
    }

    /// The decisions for another try after a failed one: the last that has not been taken back is. `None` when all were.
    pub(super) fn after_failure(mut self) -> Option<Self> {
        self.n_tries += 1;
        if self.n_tries >= MAX_TRIES {
            return None;
        }
        while self.taken.last().is_some_and(|decision| decision.is_second) {
            self.taken.pop();
        }
        let last = self.taken.last_mut()?;
        last.choice = !last.choice;
        last.is_second = true;
        self.n_used = 0;
        Some(self)
    }

    /// The same decisions, for an import that starts anew.
    pub(super) fn again(mut self) -> Self {
        self.n_used = 0;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_is_tried_once() {
        let mut assumptions = Assumptions::default();
        let mut seen = Vec::new();
        loop {
            seen.push((assumptions.next(true), assumptions.next(false)));
            match assumptions.after_failure() {
                Some(next) => assumptions = next,
                None => break,
            }
        }
        assert_eq!(
            seen,
            [(true, false), (true, true), (false, false), (false, true)]
        );
    }
}
