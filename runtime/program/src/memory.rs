//! The packer of buffers: offsets in one arena for buffers with lifetimes.
//!
//! Offline placement is NP-hard (dynamic storage allocation); several orders of best-fit and first-fit placement are tried,
//! the tightest result is kept and improved by a local search. Sekiyama et al., "Profile-guided memory optimization for deep neural networks" (2018), describe
//! the family of heuristics.

use std::ops::RangeInclusive;

/// Alignment of every buffer, in bytes.
pub const ALIGNMENT: usize = 64;

/// A buffer to place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    /// Its size in bytes.
    pub bytes: usize,
    /// First step at which it is live.
    pub first: usize,
    /// Last step at which it is live, at least `first`.
    pub last: usize,
    /// Its offset, where an earlier segment has placed it already.
    pub pinned: Option<usize>,
}

/// Where buffers lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packing {
    /// One offset per request, a multiple of [`ALIGNMENT`].
    pub offsets: Vec<usize>,
    /// Bytes that the arena must have.
    pub peak: usize,
}

/// Rounds up to [`ALIGNMENT`]; sizes near `usize::MAX` saturate.
pub fn align(bytes: usize) -> usize {
    bytes.saturating_add(ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT
}

/// Largest sum of bytes live at one step: no packing can be smaller.
pub fn lower_bound(requests: &[Request]) -> usize {
    let mut events: Vec<(usize, bool, usize)> = Vec::with_capacity(requests.len() * 2);
    for request in requests {
        events.push((request.first, true, align(request.bytes)));
        events.push((request.last + 1, false, align(request.bytes)));
    }
    // At equal steps, ends (false) come before begins.
    events.sort_unstable();
    let (mut live, mut most) = (0usize, 0usize);
    for (_, begins, bytes) in events {
        if begins {
            live = live.saturating_add(bytes);
            most = most.max(live);
        } else {
            live = live.saturating_sub(bytes);
        }
    }
    most
}

/// Pairs of requests that may be looked at to improve a packing; large programs are improved less.
const IMPROVEMENT_PAIRS: usize = 30_000_000;
/// Most attempts to improve a packing.
const MAX_ATTEMPTS: usize = 200;

/// Places every request so that no two that are live together overlap.
pub fn pack(requests: &[Request]) -> Packing {
    pack_below(requests, &[])
}

/// The same, where memory of unknown size will be needed on top of what is live during some ranges of steps: what is live
/// then is placed low.
pub fn pack_below(requests: &[Request], rooms: &[RangeInclusive<usize>]) -> Packing {
    let crossing: Vec<bool> = requests
        .iter()
        .map(|request| rooms.iter().any(|room| lives_in(request, room)))
        .collect();
    let tops = |packing: &Packing| {
        let ends = requests.iter().zip(&packing.offsets).zip(&crossing);
        ends.filter(|((request, _), crosses)| **crosses && request.bytes > 0)
            .map(|((request, offset), _)| offset.saturating_add(align(request.bytes)))
            .max()
            .unwrap_or(0)
    };
    // A top that is lower by a byte is worth a byte of the peak: whichever is the larger sum in the end is not known.
    let score = |packing: &Packing| packing.peak.saturating_add(tops(packing));
    let low = rooms
        .iter()
        .map(|room| {
            let live: Vec<Request> = requests
                .iter()
                .filter(|request| lives_in(request, room))
                .copied()
                .collect();
            lower_bound(&live)
        })
        .max();
    let bound = lower_bound(requests).saturating_add(low.unwrap_or(0));
    let mut best: Option<(Packing, Vec<usize>, Fit)> = None;
    for order in orders(requests, &crossing) {
        for fit in [Fit::Tightest, Fit::Lowest] {
            if best.as_ref().is_some_and(|(best, ..)| score(best) <= bound) {
                break;
            }
            let packing = place(requests, &order, fit);
            if best
                .as_ref()
                .is_none_or(|(best, ..)| score(&packing) < score(best))
            {
                best = Some((packing, order.clone(), fit));
            }
        }
    }
    match best {
        Some((packing, order, fit)) => improve(requests, packing, order, fit, bound, &score),
        None => Packing {
            offsets: Vec::new(),
            peak: 0,
        },
    }
}

fn lives_in(request: &Request, room: &RangeInclusive<usize>) -> bool {
    request.first <= *room.end() && *room.start() <= request.last
}

/// Places what reaches the top earlier, again and again, as long as that makes the score better or leaves it.
fn improve(
    requests: &[Request],
    mut best: Packing,
    mut order: Vec<usize>,
    fit: Fit,
    bound: usize,
    score: &dyn Fn(&Packing) -> usize,
) -> Packing {
    let n_pairs = requests.len().saturating_mul(requests.len()).max(1);
    let n_attempts = (IMPROVEMENT_PAIRS / n_pairs).min(MAX_ATTEMPTS);
    let mut current = best.clone();
    for attempt in 0..n_attempts {
        if score(&best) <= bound {
            break;
        }
        let reaches_top = |&idx: &usize| {
            let request = &requests[idx];
            request.pinned.is_none()
                && request.bytes > 0
                && current.offsets[idx].saturating_add(align(request.bytes)) == current.peak
        };
        let position = order.iter().position(reaches_top);
        let Some(position) = position.filter(|&position| position > 0) else {
            break;
        };
        let mut candidate = order.clone();
        let idx = candidate.remove(position);
        // Far ahead at first, less far in the attempts that follow.
        candidate.insert(position - (position >> (attempt % 4)).max(1), idx);
        let packing = place(requests, &candidate, fit);
        if score(&packing) <= score(&current) {
            current = packing;
            order = candidate;
        }
        if score(&current) < score(&best) {
            best = current.clone();
        }
    }
    best
}

/// Which gap a request takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// The smallest that holds it.
    Tightest,
    /// The first that holds it.
    Lowest,
}

/// Orders in which requests are placed: by size, by the area bytes × lifetime, by length of life, by begin; where some must
/// lie low, each also with those first.
fn orders(requests: &[Request], low: &[bool]) -> Vec<Vec<usize>> {
    let life = |idx: usize| requests[idx].last - requests[idx].first + 1;
    let keys: [&dyn Fn(usize) -> usize; 4] = [
        &|idx| requests[idx].bytes,
        &|idx| requests[idx].bytes.saturating_mul(life(idx)),
        &|idx| life(idx),
        &|idx| usize::MAX - requests[idx].first,
    ];
    let mut orders: Vec<Vec<usize>> = keys
        .iter()
        .map(|key| {
            let mut order: Vec<usize> = (0..requests.len()).collect();
            order.sort_by_key(|&idx| (std::cmp::Reverse(key(idx)), idx));
            order
        })
        .collect();
    if low.contains(&true) {
        let mut lowered = orders.clone();
        for order in &mut lowered {
            order.sort_by_key(|&idx| !low[idx]);
        }
        orders.extend(lowered);
    }
    orders
}

fn place(requests: &[Request], order: &[usize], fit: Fit) -> Packing {
    let mut offsets: Vec<Option<usize>> = requests.iter().map(|request| request.pinned).collect();
    let mut placed: Vec<usize> = (0..requests.len())
        .filter(|&idx| offsets[idx].is_some() && requests[idx].bytes > 0)
        .collect();
    let mut busy: Vec<(usize, usize)> = Vec::new();
    for &idx in order {
        if offsets[idx].is_some() {
            continue;
        }
        let request = &requests[idx];
        if request.bytes == 0 {
            offsets[idx] = Some(0);
            continue;
        }
        busy.clear();
        busy.extend(placed.iter().filter_map(|&other| {
            let neighbour = &requests[other];
            let together = neighbour.first <= request.last && request.first <= neighbour.last;
            let start = offsets[other].unwrap_or(0);
            together.then(|| (start, start.saturating_add(align(neighbour.bytes))))
        }));
        busy.sort_unstable();
        offsets[idx] = Some(gap(&busy, align(request.bytes), fit));
        placed.push(idx);
    }
    let offsets: Vec<usize> = offsets
        .into_iter()
        .map(|offset| offset.unwrap_or(0))
        .collect();
    let peak = requests
        .iter()
        .zip(&offsets)
        .filter(|(request, _)| request.bytes > 0)
        .map(|(request, offset)| offset.saturating_add(align(request.bytes)))
        .max()
        .unwrap_or(0);
    Packing { offsets, peak }
}

/// The start of a gap that holds `bytes`, or the end of all.
fn gap(busy: &[(usize, usize)], bytes: usize, fit: Fit) -> usize {
    let mut best: Option<(usize, usize)> = None;
    let mut end = 0;
    for &(start, stop) in busy {
        if start > end {
            let size = start - end;
            if size >= bytes && best.is_none_or(|(smallest, _)| size < smallest) {
                best = Some((size, end));
                if fit == Fit::Lowest {
                    break;
                }
            }
        }
        end = end.max(stop);
    }
    best.map_or(end, |(_, start)| start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(bytes: usize, first: usize, last: usize) -> Request {
        Request {
            bytes,
            first,
            last,
            pinned: None,
        }
    }

    proptest! {
        #[test]
        fn no_two_live_buffers_overlap(raw in proptest::collection::vec((0usize..5000, 0usize..40, 0usize..12), 0..60)) {
            let requests: Vec<Request> = raw.iter().map(|&(bytes, first, life)| request(bytes, first, first + life)).collect();
            let packing = pack(&requests);
            prop_assert!(packing.peak >= lower_bound(&requests));
            for (a, x) in requests.iter().enumerate() {
                prop_assert_eq!(packing.offsets[a] % ALIGNMENT, 0);
                prop_assert!(packing.offsets[a] + x.bytes <= packing.peak || x.bytes == 0);
                for (b, y) in requests.iter().enumerate().skip(a + 1) {
                    let together = x.first <= y.last && y.first <= x.last && x.bytes > 0 && y.bytes > 0;
                    let apart = packing.offsets[a] + x.bytes <= packing.offsets[b]
                        || packing.offsets[b] + y.bytes <= packing.offsets[a];
                    prop_assert!(!together || apart);
                }
            }
        }
    }

    #[test]
    fn a_chain_needs_two_neighbours_at_a_time() {
        let chain: Vec<Request> = (0..10).map(|step| request(1024, step, step + 1)).collect();
        assert_eq!(pack(&chain).peak, 2048);
    }

    #[test]
    fn what_lives_while_room_is_needed_lies_low() {
        let requests = [
            request(32768, 0, 1),
            request(64, 1, 5),
            request(32768, 2, 3),
            request(128, 3, 8),
        ];
        let packing = pack_below(&requests, &[4..=5]);
        assert_eq!(packing.peak, lower_bound(&requests));
        let end = |idx: usize| packing.offsets[idx] + requests[idx].bytes;
        assert_eq!(end(1).max(end(3)), 192);
    }

    #[test]
    fn pinned_buffers_stay() {
        let mut requests = vec![request(64, 0, 5), request(64, 0, 5), request(128, 2, 3)];
        requests[0].pinned = Some(128);
        let packing = pack(&requests);
        assert_eq!(packing.offsets[0], 128);
        assert_eq!(packing.peak, lower_bound(&requests));
    }

    #[test]
    fn lower_bound_counts_what_is_live_together() {
        assert_eq!(
            lower_bound(&[request(64, 0, 1), request(64, 1, 2), request(64, 2, 3)]),
            128
        );
    }
}
