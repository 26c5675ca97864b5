//! A group of consumers as its coordinator knows it: members, who has which partitions, where to go on, and when a rebalance is due. Pure.
//!
//! The coordinator itself shares partitions out, as the group's leading member would with Kafka's default (range) assignor, so that
//! joining is one step instead of two.

use std::collections::BTreeMap;

use ports::event_log::{Offset, Partition, TopicId};
use runtime::Time;
use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::parameters::GroupParameters;

/// What a coordinator writes down, so that another can go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupRecord {
    Committed {
        group: String,
        offsets: Vec<(Partition, Offset)>,
    },
    /// All there is to know about a group.
    Image {
        group: String,
        generation: u64,
        members: Vec<MemberImage>,
        offsets: Vec<(Partition, Offset)>,
    },
}

/// Partitions of a member, each with where the group is to go on, if it has committed there.
pub type Assignment = Vec<(Partition, Option<Offset>)>;

/// A member, written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberImage {
    pub member: u64,
    pub topics: Vec<TopicId>,
    pub assignment: Vec<Partition>,
}

/// Bytes of a partition and an offset, written down. Kafka 3.5: an offset commit's value is 24 bytes, its key names topic and partition.
const OFFSET_BYTES: usize = 48;
/// Bytes of a member without its partitions. Assumption.
const MEMBER_BYTES: usize = 100;

impl GroupRecord {
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::Committed { group, offsets } => group.len() + OFFSET_BYTES * offsets.len(),
            Self::Image { group, members, offsets, .. } => {
                let assigned: usize = members.iter().map(|member| member.assignment.len()).sum();
                group.len() + OFFSET_BYTES * (offsets.len() + assigned) + MEMBER_BYTES * members.len()
            }
        }
    }

    /// The group that it is about.
    pub fn group(&self) -> &str {
        match self {
            Self::Committed { group, .. } | Self::Image { group, .. } => group,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Member {
    topics: Vec<TopicId>,
    assignment: Vec<Partition>,
    session_ends: Time,
    /// It waits for the partitions that are being shared out.
    joined: bool,
}

/// A rebalance under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sharing {
    /// Even if everybody has joined.
    not_before: Time,
    /// Even if somebody has not.
    until: Time,
    /// The group was empty: each newcomer makes it wait for more.
    initial: bool,
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    generation: u64,
    members: BTreeMap<u64, Member>,
    offsets: BTreeMap<Partition, Offset>,
    sharing: Option<Sharing>,
}

impl Group {
    /// Takes over what an earlier coordinator wrote down. Members are given a whole session to be heard.
    pub fn replay(&mut self, record: &GroupRecord, now: Time, parameters: &GroupParameters) {
        match record {
            GroupRecord::Committed { offsets, .. } => self.offsets.extend(offsets.iter().copied()),
            GroupRecord::Image { generation, members, offsets, .. } => {
                self.generation = *generation;
                self.offsets = offsets.iter().copied().collect();
                let session_ends = now + parameters.session_timeout;
                let member = |image: &MemberImage| {
                    let (topics, assignment) = (image.topics.clone(), image.assignment.clone());
                    (image.member, Member { topics, assignment, session_ends, joined: false })
                };
                self.members = members.iter().map(member).collect();
            }
        }
    }

    /// Everything, to be written down.
    pub fn image(&self, group: &str) -> GroupRecord {
        let image = |(member, known): (&u64, &Member)| MemberImage {
            member: *member,
            topics: known.topics.clone(),
            assignment: known.assignment.clone(),
        };
        GroupRecord::Image {
            group: group.to_owned(),
            generation: self.generation,
            members: self.members.iter().map(image).collect(),
            offsets: self.offsets.iter().map(|(partition, next)| (*partition, *next)).collect(),
        }
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// A consumer wants to be a member, or to stay one in the generation to come.
    pub fn join(&mut self, member: u64, topics: Vec<TopicId>, now: Time, parameters: &GroupParameters) {
        let unchanged = self.members.get(&member).is_some_and(|known| known.topics == topics);
        if self.sharing.is_none() {
            if unchanged {
                return; // it did not hear the answer: it is a member of this generation
            }
            self.share(self.members.is_empty(), now, parameters);
        }
        let sharing = self.sharing.as_mut().expect("it was begun");
        if sharing.initial && !self.members.contains_key(&member) {
            sharing.not_before = (now + parameters.initial_rebalance_delay).min(sharing.until);
        }
        let session_ends = now + parameters.session_timeout;
        let assignment = self.members.remove(&member).map(|known| known.assignment).unwrap_or_default();
        self.members.insert(member, Member { topics, assignment, session_ends, joined: true });
    }

    fn share(&mut self, initial: bool, now: Time, parameters: &GroupParameters) {
        self.sharing = Some(Sharing { not_before: now, until: now + parameters.poll_interval_max, initial });
        for member in self.members.values_mut() {
            member.joined = false;
        }
    }

    /// What this member has in this generation; none while that is not settled.
    pub fn assignment(&self, member: u64) -> Option<Result<Assignment, Failure>> {
        let Some(known) = self.members.get(&member) else { return Some(Err(Failure::UnknownMember)) };
        if self.sharing.is_some() {
            return None;
        }
        let with_offset = |partition: &Partition| (*partition, self.offsets.get(partition).copied());
        Some(Ok(known.assignment.iter().map(with_offset).collect()))
    }

    fn check(&self, member: u64, generation: u64) -> Result<&Member, Failure> {
        let known = self.members.get(&member).ok_or(Failure::UnknownMember)?;
        if generation == self.generation { Ok(known) } else { Err(Failure::IllegalGeneration) }
    }

    /// A member lives. It hears of a rebalance with this.
    pub fn heartbeat(
        &mut self,
        member: u64,
        generation: u64,
        now: Time,
        parameters: &GroupParameters,
    ) -> Result<(), Failure> {
        self.check(member, generation)?;
        self.members.get_mut(&member).expect("it was found").session_ends = now + parameters.session_timeout;
        if self.sharing.is_some() { Err(Failure::Rebalancing) } else { Ok(()) }
    }

    /// Whether a member may say where the group is to go on.
    pub fn may_commit(&self, member: u64, generation: u64) -> Result<(), Failure> {
        if self.check(member, generation)?.joined { Err(Failure::Rebalancing) } else { Ok(()) }
    }

    pub fn commit(&mut self, offsets: &[(Partition, Offset)]) {
        self.offsets.extend(offsets.iter().copied());
    }

    /// A member leaves; others take its partitions.
    pub fn leave(&mut self, member: u64, now: Time, parameters: &GroupParameters) -> Result<(), Failure> {
        self.members.remove(&member).ok_or(Failure::UnknownMember)?;
        if self.sharing.is_none() {
            self.share(false, now, parameters);
        }
        Ok(())
    }

    /// When [`tick`](Self::tick) is to be called next, if nothing happens before; never if none.
    pub fn next_tick(&self) -> Option<Time> {
        let waiting = |member: &&Member| !(self.sharing.is_some() && member.joined);
        let session = self.members.values().filter(waiting).map(|member| member.session_ends).min();
        let share = self.sharing.map(|sharing| match self.members.values().all(|member| member.joined) {
            true => sharing.not_before,
            false => sharing.until,
        });
        session.into_iter().chain(share).min()
    }

    /// Ends sessions that are over, and the rebalance if it is due. Returns whether a new generation began. `partitions` says how many
    /// a topic has.
    pub fn tick(&mut self, now: Time, partitions: impl Fn(TopicId) -> u16, parameters: &GroupParameters) -> bool {
        let sharing = self.sharing.is_some();
        let before = self.members.len();
        self.members.retain(|_, member| (sharing && member.joined) || member.session_ends > now);
        if self.members.len() < before && !sharing {
            self.share(false, now, parameters);
        }
        let Some(sharing) = self.sharing else { return false };
        let everybody = self.members.values().all(|member| member.joined);
        if !(everybody && now >= sharing.not_before || now >= sharing.until) {
            return false;
        }
        self.sharing = None;
        self.members.retain(|_, member| member.joined);
        self.generation += 1;
        for member in self.members.values_mut() {
            member.joined = false;
            member.session_ends = now + parameters.session_timeout;
            member.assignment.clear();
        }
        self.assign(partitions);
        true
    }

    /// Ranges of each topic's partitions, in the order of members.
    fn assign(&mut self, partitions: impl Fn(TopicId) -> u16) {
        let mut topics: Vec<TopicId> = self.members.values().flat_map(|member| member.topics.iter().copied()).collect();
        topics.sort_unstable();
        topics.dedup();
        for topic in topics {
            let mut readers: Vec<&mut Member> =
                self.members.values_mut().filter(|member| member.topics.contains(&topic)).collect();
            let (total, count) = (usize::from(partitions(topic)), readers.len());
            let mut numbers = 0u16..;
            for (index, reader) in readers.iter_mut().enumerate() {
                let share = total / count + usize::from(index < total % count);
                let range = numbers.by_ref().take(share).map(|number| Partition { topic, number });
                reader.assignment.extend(range);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: TopicId = TopicId(3);

    fn parameters() -> GroupParameters {
        GroupParameters::default()
    }

    fn numbers(group: &Group, member: u64) -> Vec<u16> {
        let assignment = group.assignment(member).expect("settled").expect("a member");
        assignment.iter().map(|(partition, _)| partition.number).collect()
    }

    fn at(seconds: u64) -> Time {
        Time::from_secs(seconds)
    }

    fn tick(group: &mut Group, now: Time) -> bool {
        group.tick(now, |_| 4, &parameters())
    }

    #[test]
    fn an_empty_group_waits_for_more_members_and_shares_out_ranges() {
        let mut group = Group::default();
        group.join(1, vec![TOPIC], at(0), &parameters());
        assert_eq!(group.next_tick(), Some(at(3)));
        group.join(2, vec![TOPIC], at(2), &parameters());
        assert!(!tick(&mut group, at(3)));
        assert!(tick(&mut group, at(5)));
        assert_eq!((numbers(&group, 1), numbers(&group, 2)), (vec![0, 1], vec![2, 3]));
        group.join(2, vec![TOPIC], at(6), &parameters());
        assert_eq!(numbers(&group, 2), [2, 3], "asking again changes nothing");
    }

    #[test]
    fn a_silent_member_loses_its_partitions_after_its_session_and_is_fenced() {
        let mut group = Group::default();
        for member in [1, 2] {
            group.join(member, vec![TOPIC], at(0), &parameters());
        }
        assert!(tick(&mut group, at(3)));
        assert_eq!(group.heartbeat(1, 1, at(40), &parameters()), Ok(()));
        assert!(!tick(&mut group, at(48)), "the other is told first");
        assert_eq!(group.heartbeat(1, 1, at(49), &parameters()), Err(Failure::Rebalancing));
        assert_eq!(group.may_commit(1, 1), Ok(()), "what it did can still be committed");
        assert_eq!(group.may_commit(2, 1), Err(Failure::UnknownMember));
        group.join(1, vec![TOPIC], at(49), &parameters());
        assert_eq!(group.may_commit(1, 1), Err(Failure::Rebalancing));
        assert!(tick(&mut group, at(49)));
        assert_eq!(numbers(&group, 1), [0, 1, 2, 3]);
        assert_eq!(group.may_commit(1, 1), Err(Failure::IllegalGeneration));
    }

    #[test]
    fn a_member_that_does_not_come_back_in_time_is_left_behind() {
        let mut group = Group::default();
        group.join(1, vec![TOPIC], at(0), &parameters());
        assert!(tick(&mut group, at(3)));
        group.join(2, vec![TOPIC], at(10), &parameters());
        for second in (12..310).step_by(3) {
            assert_eq!(group.heartbeat(1, 1, at(second), &parameters()), Err(Failure::Rebalancing));
            assert!(!tick(&mut group, at(second)));
        }
        assert!(tick(&mut group, at(310)));
        assert_eq!(numbers(&group, 2), [0, 1, 2, 3]);
        assert_eq!(group.assignment(1), Some(Err(Failure::UnknownMember)));
    }

    #[test]
    fn another_coordinator_goes_on_from_what_was_written_down() {
        let mut group = Group::default();
        group.join(7, vec![TOPIC], at(0), &parameters());
        assert!(tick(&mut group, at(3)));
        let place = (Partition { topic: TOPIC, number: 2 }, Offset(9));
        group.commit(&[place]);
        let mut other = Group::default();
        other.replay(&group.image("g"), at(100), &parameters());
        assert_eq!(other.assignment(7), group.assignment(7));
        assert_eq!(other.next_tick(), Some(at(145)), "a whole session to be heard");
        let later = (place.0, Offset(12));
        other.replay(&GroupRecord::Committed { group: "g".to_owned(), offsets: vec![later] }, at(100), &parameters());
        assert_eq!(other.assignment(7).unwrap().unwrap()[2], (later.0, Some(later.1)));
    }
}
