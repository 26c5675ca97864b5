//! A name server's table: the last writer wins, by version and not by time of arrival.

use std::collections::BTreeMap;

use super::protocol::{Record, Update};

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Records(BTreeMap<String, Record>);

/// What an update did to the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Merged {
    Changed,
    /// The table already said so.
    Same,
    /// The table holds something later.
    Superseded {
        version: u64,
    },
}

impl Records {
    pub(super) fn merge(&mut self, update: Update) -> Merged {
        let Some(current) = self.0.get_mut(&update.name) else {
            self.0.insert(update.name, update.record);
            return Merged::Changed;
        };
        match update.record.cmp(current) {
            std::cmp::Ordering::Less => Merged::Superseded { version: current.version },
            std::cmp::Ordering::Equal => Merged::Same,
            std::cmp::Ordering::Greater => {
                *current = update.record;
                Merged::Changed
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Record> {
        self.0.get(name)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn updates(&self) -> impl Iterator<Item = Update> {
        self.0.iter().map(|(name, record)| Update { name: name.clone(), record: record.clone() })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use runtime::net::{Address, HostId};

    use super::*;

    fn update(name: u8, version: u64, host: u32) -> Update {
        let addresses = vec![Address { host: HostId(host), port: 80 }];
        Update { name: name.to_string(), record: Record { version, ttl: Duration::from_secs(5), addresses } }
    }

    #[test]
    fn an_older_version_changes_nothing() {
        let mut records = Records::default();
        assert_eq!(records.merge(update(1, 7, 1)), Merged::Changed);
        assert_eq!(records.merge(update(1, 6, 2)), Merged::Superseded { version: 7 });
        assert_eq!(records.merge(update(1, 7, 1)), Merged::Same);
        assert_eq!(records.get("1"), Some(&update(1, 7, 1).record));
        assert_eq!(records.merge(update(1, 8, 2)), Merged::Changed);
        assert_eq!(records.get("1"), Some(&update(1, 8, 2).record));
    }

    proptest! {
        /// Servers that got the same updates in any order, any number of times each, hold the same table.
        #[test]
        fn order_and_repetition_do_not_matter(
            updates in prop::collection::vec((0..3u8, 0..4u64, 0..4u32), 0..30),
            again in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
            shuffled in any::<u64>(),
        ) {
            let mut first = Records::default();
            for &(name, version, host) in &updates {
                first.merge(update(name, version, host));
            }
            let mut second = Records::default();
            let mut other: Vec<_> = updates.clone();
            if !updates.is_empty() {
                other.extend(again.iter().map(|index| *index.get(&updates)));
            }
            other.sort_by_key(|&(name, version, host)| {
                runtime::random::mix(shuffled, u64::from(name) << 40 | version << 20 | u64::from(host))
            });
            for (name, version, host) in other {
                second.merge(update(name, version, host));
            }
            prop_assert_eq!(first, second);
        }
    }
}
