//! A lease: the right of one process to do what only one should do at a time, until it ends by itself.
//!
//! It keeps work from being done twice for nothing. It does not make doing it twice harmless: whoever lost it may not know yet.

use super::schema::Lease;

/// Who holds a lease: a number that no two lives of processes share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder(pub i64);

impl Lease {
    /// The lease as the holder has it until `until_ns`, if it is free or the holder's already; none if another has it.
    pub fn take(name: i64, stored: Option<&Self>, holder: Holder, until_ns: i64, now_ns: i64) -> Option<Self> {
        let taken = stored.is_some_and(|lease| lease.holder != holder.0 && now_ns < lease.until_ns);
        (!taken).then_some(Self { name, holder: holder.0, until_ns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_one_holder_s_until_it_ends() {
        let (one, two) = (Holder(1), Holder(2));
        let held = Lease::take(7, None, one, 100, 0).unwrap();
        assert_eq!(Lease::take(7, Some(&held), two, 150, 99), None);
        assert_eq!(Lease::take(7, Some(&held), one, 150, 99).unwrap().until_ns, 150);
        assert_eq!(Lease::take(7, Some(&held), two, 200, 100).unwrap().holder, 2);
    }
}
