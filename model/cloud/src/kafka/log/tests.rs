//! Logs of three replicas under appends, copies and elections in any order: what they must agree on, and what no producer sees twice.

use proptest::prelude::*;

use super::*;

const REPLICAS: usize = 3;

/// One replica: its disk and what it knows of it.
#[derive(Clone, Debug, Default)]
struct Replica {
    batches: Vec<Batch>,
    log: LogState,
}

impl Replica {
    fn append(&mut self, batch: Batch) {
        self.log.append(&batch);
        self.batches.push(batch);
    }

    /// One fetch from the leader. Returns whether it brought, or cut, anything.
    fn fetch(&mut self, leader: &Replica) -> bool {
        if let Some((reign, end)) = leader.log.divergence(self.log.last_epoch(), self.log.end()) {
            let to = self.log.agree(reign, end);
            let kept = self.batches.partition_point(|batch| batch.end() <= to);
            self.batches.truncate(kept);
            self.log.truncate(to, &self.batches);
            return true;
        }
        let next = leader.batches.iter().find(|batch| batch.end() > self.log.end()).cloned();
        if let Some(batch) = &next {
            assert_eq!(batch.base, self.log.end(), "leader and follower agree on where batches begin");
            self.append(batch.clone());
        }
        next.is_some()
    }

    /// As leader of `epoch`: takes a batch of two records from a producer.
    fn produce(&mut self, epoch: u64, stamp: Option<Stamp>, tag: u8) -> Admission {
        let admission = stamp.map_or(Admission::New, |stamp| self.log.admit(stamp, 2));
        if admission == Admission::New {
            let content = |index: u8| Content::Event { key: vec![tag], value: vec![tag, index] };
            let records = [0, 1].map(|index| Record { sent_at: Time::ZERO, content: content(index) }).to_vec();
            self.append(Batch { base: self.log.end(), epoch, stamp, appended_at: Time::ZERO, records });
        }
        admission
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A producer sends its next batch to the leader, or its last one again.
    Produce {
        again: bool,
    },
    Fetch(usize),
    Elect(usize),
    /// A replica reads its disk afresh.
    Restart(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let replica = || 0..REPLICAS;
    let step = prop_oneof![
        3 => any::<bool>().prop_map(|again| Step::Produce { again }),
        4 => replica().prop_map(Step::Fetch),
        1 => replica().prop_map(Step::Elect),
        1 => replica().prop_map(Step::Restart),
    ];
    prop::collection::vec(step, 0..150)
}

/// Two logs that hold a record of one reign at one offset are equal up to there.
fn assert_matching(one: &Replica, other: &Replica) {
    let shared = one.batches.iter().zip(&other.batches).rposition(|(a, b)| (a.base, a.epoch) == (b.base, b.epoch));
    if let Some(last) = shared {
        assert_eq!(one.batches[..=last], other.batches[..=last]);
    }
}

proptest! {
    /// Leaders are chosen at will, so that elections are unclean too.
    #[test]
    fn followers_come_to_agree_with_whoever_leads(steps in steps()) {
        let mut replicas: [Replica; REPLICAS] = Default::default();
        let (mut leader, mut epoch, mut tag) = (0, 1, 0u8);
        for step in steps {
            match step {
                Step::Produce { .. } => {
                    tag = tag.wrapping_add(1);
                    replicas[leader].produce(epoch, None, tag);
                }
                Step::Fetch(follower) if follower != leader => {
                    let source = replicas[leader].clone();
                    replicas[follower].fetch(&source);
                }
                Step::Elect(next) => (leader, epoch) = (next, epoch + 1),
                Step::Restart(replica) => {
                    let loaded = LogState::load(&replicas[replica].batches);
                    prop_assert_eq!(&loaded, &replicas[replica].log, "what is known is what the disk says");
                }
                Step::Fetch(_) => {}
            }
            for (one, other) in [(0, 1), (0, 2), (1, 2)] {
                assert_matching(&replicas[one], &replicas[other]);
            }
        }
        let source = replicas[leader].clone();
        let followers = replicas.iter_mut().enumerate().filter(|(replica, _)| *replica != leader);
        for (_, follower) in followers {
            // A cut for each reign that went astray, and a fetch for each batch.
            let bound = 2 * (source.batches.len() + follower.batches.len()) + 4;
            let fetches = (0..bound).take_while(|_| follower.fetch(&source)).count();
            prop_assert!(fetches < bound, "it comes to an end");
            prop_assert_eq!(&follower.batches, &source.batches);
            prop_assert_eq!(&follower.log, &source.log);
        }
    }

    /// Leaders are chosen among those that have everything. A producer sends each batch until one attempt was heard of.
    #[test]
    fn a_numbered_batch_is_written_once_and_in_order(steps in steps()) {
        let mut replicas: [Replica; REPLICAS] = Default::default();
        let (mut leader, mut epoch, mut next) = (0, 1, 0u8);
        for step in steps {
            match step {
                Step::Produce { again } => {
                    let number = if again { next.saturating_sub(1) } else { next };
                    let stamp = Stamp { producer: 9, epoch: 0, sequence: u64::from(number) * 2 };
                    let admission = replicas[leader].produce(epoch, Some(stamp), number);
                    if number < next {
                        let Admission::Duplicate { base, .. } = admission else {
                            panic!("{admission:?} of {number}, after {next}");
                        };
                        prop_assert_eq!(base.0, u64::from(number) * 2);
                    } else {
                        prop_assert_eq!(admission, Admission::New);
                        next += 1;
                    }
                }
                Step::Fetch(follower) if follower != leader => {
                    let source = replicas[leader].clone();
                    replicas[follower].fetch(&source);
                }
                Step::Elect(candidate) if replicas[candidate].log.end() == replicas[leader].log.end() => {
                    (leader, epoch) = (candidate, epoch + 1);
                }
                Step::Restart(replica) => replicas[replica].log = LogState::load(&replicas[replica].batches),
                Step::Fetch(_) | Step::Elect(_) => {}
            }
        }
        let tags: Vec<u8> = replicas[leader].batches.iter().map(|batch| match &batch.records[0].content {
            Content::Event { key, .. } => key[0],
            Content::Group(_) => unreachable!("only events are produced"),
        }).collect();
        prop_assert_eq!(tags, (0..next).collect::<Vec<u8>>());
    }
}

#[test]
fn a_leader_that_lost_a_producers_records_says_so_until_it_numbers_afresh() {
    let mut leader = Replica::default();
    let stamp = |epoch, sequence| Some(Stamp { producer: 1, epoch, sequence });
    assert_eq!(leader.produce(1, stamp(0, 0), 0), Admission::New);
    assert_eq!(leader.produce(1, stamp(0, 6), 3), Admission::OutOfOrder);
    assert_eq!(leader.produce(1, stamp(1, 6), 3), Admission::OutOfOrder, "a new numbering begins at its beginning");
    assert_eq!(leader.produce(1, stamp(1, 0), 3), Admission::New);
    assert_eq!(leader.produce(1, stamp(0, 2), 1), Admission::Stale, "a late request of the old one");
    assert_eq!(leader.produce(1, stamp(1, 0), 3), Admission::Duplicate { base: Offset(2), epoch: 1 });
}

#[test]
fn only_the_latest_batches_are_recognised() {
    let mut leader = Replica::default();
    for number in 0..6 {
        leader.produce(1, Some(Stamp { producer: 1, epoch: 0, sequence: u64::from(number) * 2 }), number);
    }
    let again = |number: u64| leader.log.admit(Stamp { producer: 1, epoch: 0, sequence: number * 2 }, 2);
    assert_eq!(again(0), Admission::OutOfOrder);
    assert_eq!(again(1), Admission::Duplicate { base: Offset(2), epoch: 1 });
}
