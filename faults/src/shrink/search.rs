//! The two searches that shrinking is made of: the fewest elements, and the least number, with which something still holds.

/// Steps of bisection for one number: beyond them a candidate differs too little to be worth a run.
const BISECTIONS: u32 = 5;

/// Delta debugging. Asks `accepts` of ever smaller selections of `items`, in their order, and goes on from each that it
/// accepts. At the end no single element could be left out, if `accepts` answers the same question the same way.
pub fn fewest<'a, T>(items: &'a [T], accepts: &mut dyn FnMut(&[&'a T]) -> bool) {
    let mut kept: Vec<&T> = items.iter().collect();
    let mut chunk = kept.len();
    while chunk > 0 {
        let mut start = 0;
        let mut dropped = false;
        while start < kept.len() {
            let end = (start + chunk).min(kept.len());
            let rest: Vec<&T> = kept[..start].iter().chain(&kept[end..]).copied().collect();
            if accepts(&rest) {
                kept = rest;
                dropped = true;
            } else {
                start = end;
            }
        }
        // After a single element went, another may be free to go.
        if chunk > 1 || !dropped {
            chunk /= 2;
        }
    }
}

/// Asks `accepts` of numbers from `bound` up to below `current`, which is known to be accepted, and stops at the least
/// that it finds by bisection. Nothing is asked when `current` is at the bound.
pub fn least(current: u64, bound: u64, accepts: &mut dyn FnMut(u64) -> bool) {
    if current <= bound || accepts(bound) {
        return;
    }
    let (mut refused, mut accepted) = (bound, current);
    for _ in 0..BISECTIONS {
        let middle = refused + (accepted - refused) / 2;
        if middle == refused {
            return;
        }
        if accepts(middle) {
            accepted = middle;
        } else {
            refused = middle;
        }
    }
}
