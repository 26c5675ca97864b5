//! What an event log acknowledged, partition by partition, and what a new leader does not have of it.

use std::collections::{BTreeMap, VecDeque};

use ports::event_log::{Offset, Partition};
use ports::observe::{EventPosition, PartitionLed};
use runtime::Time;

use super::lost::{Fate, LostWrite};
use super::recovery::Recovery;
use crate::objects::event_name;

/// Acknowledged records of one partition that are remembered, the newest: a leader that lacks older ones loses more than can be named. Some
/// twenty minutes of eight records a second, which is more than any partition has at 400 requests a second. Assumption.
const REMEMBERED_MAX: usize = 10_000;

/// The records of all partitions.
#[derive(Debug, Default)]
pub(super) struct EventHistory {
    partitions: BTreeMap<Partition, Records>,
}

#[derive(Debug, Default)]
struct Records {
    /// The newest reign, and what its leader had when it began.
    led: Option<PartitionLed>,
    /// Acknowledged and part of the present, the oldest first.
    acknowledged: VecDeque<EventPosition>,
    /// The newest that is forgotten.
    forgotten: Option<(u64, Offset)>,
    /// Acknowledged and not part of the present, each with whether it was acknowledged only then.
    gone: Vec<(EventPosition, bool)>,
    recovery: Option<Recovery>,
}

impl Records {
    fn holds(&self, epoch: u64, offset: Offset) -> bool {
        self.led.as_ref().is_none_or(|led| epoch >= led.epoch || led.holds(epoch, offset))
    }
}

impl EventHistory {
    /// Takes note of an acknowledgement; false if the record is not part of the present.
    pub fn acknowledged(&mut self, event: &EventPosition) -> bool {
        let records = self.partitions.entry(event.partition).or_default();
        if !records.holds(event.epoch, event.offset) {
            records.gone.push((event.clone(), true));
            return false;
        }
        records.acknowledged.push_back(event.clone());
        if records.acknowledged.len() > REMEMBERED_MAX {
            records.forgotten = records.acknowledged.pop_front().map(|oldest| (oldest.epoch, oldest.offset));
        }
        true
    }

    /// A replica leads a partition.
    pub fn led(&mut self, led: &PartitionLed) {
        let records = self.partitions.entry(led.partition).or_default();
        if records.led.as_ref().is_some_and(|known| known.epoch >= led.epoch) {
            return; // it was superseded before it was told of
        }
        records.led = Some(led.clone());
        let last_commit_at = records.acknowledged.back().map(|event| event.at);
        let (kept, gone): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut records.acknowledged)
            .into_iter()
            .partition(|event| records.holds(event.epoch, event.offset));
        records.acknowledged = kept;
        records.recovery = Some(Recovery {
            acknowledged_lost: gone.len(),
            oldest_acknowledged_at: gone.front().map(|event| event.at),
            last_commit_at,
            beyond_memory: records.forgotten.is_some_and(|(epoch, offset)| !records.holds(epoch, offset)),
        });
        records.gone.extend(gone.into_iter().map(|event| (event, false)));
    }

    pub fn recovery(&self, partition: Partition) -> Option<&Recovery> {
        self.partitions.get(&partition)?.recovery.as_ref()
    }

    /// By partition, in the order of its log.
    pub fn lost_writes(&self, onset: Option<Time>) -> impl Iterator<Item = LostWrite> {
        self.partitions.values().flat_map(move |records| {
            let mut gone: Vec<&(EventPosition, bool)> = records.gone.iter().collect();
            gone.sort_by_key(|(event, _)| (event.epoch, event.offset));
            gone.into_iter().map(move |(event, late)| LostWrite {
                store: event.store.clone(),
                object: event_name(event.partition, event.offset),
                epoch: event.epoch,
                lsn: event.offset.0,
                acknowledged_at: event.at,
                // Records of a log replace each other never.
                fate: Fate::of(false, *late, event.at, onset),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use ports::event_log::TopicId;

    use super::*;

    const PARTITION: Partition = Partition { topic: TopicId(1), number: 0 };

    fn told(epoch: u64, offset: u64) -> EventPosition {
        let at = Time::from_secs(offset);
        let (store, key) = ("kafka".into(), [1].as_slice().into());
        EventPosition { store, partition: PARTITION, key, epoch, offset: Offset(offset), at }
    }

    fn led(epoch: u64, reigns: Vec<(u64, Offset)>, end: u64) -> PartitionLed {
        let (store, node, at) = ("kafka".into(), "kafka-1".into(), Time::from_secs(20));
        PartitionLed { store, node, partition: PARTITION, epoch, reigns, end: Offset(end), clean: false, at }
    }

    fn lost(history: &EventHistory) -> Vec<String> {
        history.lost_writes(None).map(|lost| format!("{} {:?}", lost.object, lost.fate)).collect()
    }

    #[test]
    fn an_unclean_leader_has_lost_what_it_never_fetched() {
        let mut history = EventHistory::default();
        history.led(&led(1, Vec::new(), 0));
        assert!((0..5).all(|offset| history.acknowledged(&told(1, offset))));
        history.led(&led(2, vec![(1, Offset(0))], 3));
        assert_eq!(lost(&history), ["trip-events-0/3 Lost", "trip-events-0/4 Lost"]);
        assert!(!history.acknowledged(&told(1, 5)), "the deposed leader answered");
        assert!(history.acknowledged(&told(2, 3)));
        // What had led before is told of late: nobody went back to it.
        history.led(&led(1, Vec::new(), 0));
        assert_eq!(lost(&history)[2..], ["trip-events-0/5 Divergent"]);
    }

    #[test]
    fn what_is_forgotten_and_gone_cannot_be_named_and_that_is_said() {
        let mut history = EventHistory::default();
        for offset in 0..=REMEMBERED_MAX as u64 {
            history.acknowledged(&told(1, offset));
        }
        history.led(&led(2, vec![(1, Offset(0))], 1));
        assert!(!history.recovery(PARTITION).unwrap().beyond_memory, "the first was forgotten, and is there");
        let mut history = EventHistory::default();
        for offset in 0..=REMEMBERED_MAX as u64 {
            history.acknowledged(&told(1, offset));
        }
        history.led(&led(2, Vec::new(), 0));
        assert!(history.recovery(PARTITION).unwrap().beyond_memory);
    }
}
