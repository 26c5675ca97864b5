//! What a leader knows of its followers, and what follows from it: the high watermark, who fell out of step and who is back. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use ports::event_log::Offset;
use runtime::Time;

use super::cluster::BrokerId;

/// How far a follower is, as its last fetch said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Follower {
    end: Offset,
    /// The last moment at which it had everything.
    caught_up_at: Time,
}

/// The reign of a leader over one partition.
#[derive(Clone, Debug)]
pub struct Leadership {
    epoch: u64,
    /// Where the leader's log ended when the reign began.
    began_at: Offset,
    me: BrokerId,
    /// The replicas in step, as was decided.
    in_step: Vec<BrokerId>,
    /// What was asked for instead and is not decided yet.
    asked: Option<Vec<BrokerId>>,
    followers: BTreeMap<BrokerId, Follower>,
    high_watermark: Offset,
}

impl Leadership {
    /// A reign that begins at `now` with a log that ends at `end`. Nothing is known of followers but that they are given time.
    pub fn new(
        me: BrokerId,
        epoch: u64,
        in_step: Vec<BrokerId>,
        replicas: &[BrokerId],
        high_watermark: Offset,
        end: Offset,
        now: Time,
    ) -> Self {
        let unknown = Follower { end: Offset(0), caught_up_at: now };
        let followers = replicas.iter().filter(|broker| **broker != me).map(|broker| (*broker, unknown)).collect();
        let mut leadership = Leadership { epoch, began_at: end, me, in_step, asked: None, followers, high_watermark };
        leadership.advance(end);
        leadership
    }

    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    pub fn in_step(&self) -> &[BrokerId] {
        &self.in_step
    }

    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// Takes over what was decided about who is in step. Returns whether the high watermark rose.
    pub fn decided(&mut self, in_step: Vec<BrokerId>, end: Offset) -> bool {
        self.in_step = in_step;
        self.advance(end)
    }

    /// What was asked for is decided, one way or the other, and [`decided`](Self::decided) has taken it over.
    pub fn answered(&mut self) {
        self.asked = None;
    }

    /// The leader's log grew from `old_end` at `now`: whoever had everything had it until now.
    pub fn appended(&mut self, old_end: Offset, end: Offset, now: Time) -> bool {
        for follower in self.followers.values_mut().filter(|follower| follower.end >= old_end) {
            follower.caught_up_at = now;
        }
        self.advance(end)
    }

    /// A follower asks for what comes after `its_end`. Returns whether the high watermark rose.
    pub fn fetched(&mut self, broker: BrokerId, its_end: Offset, end: Offset, now: Time) -> bool {
        let Some(follower) = self.followers.get_mut(&broker) else { return false };
        follower.end = its_end;
        if its_end >= end {
            follower.caught_up_at = now;
        }
        self.advance(end)
    }

    /// A record counts as safe only with everybody who is in step, and with everybody who may have been let in by now.
    fn advance(&mut self, end: Offset) -> bool {
        let members = self.in_step.iter().chain(self.asked.iter().flatten());
        let ends = members.filter_map(|broker| match *broker == self.me {
            true => Some(end),
            // A broker that is in step and is no replica of the partition: nothing of it is known.
            false => self.followers.get(broker).map(|follower| follower.end),
        });
        let safe = ends.min().unwrap_or(end);
        let rose = safe > self.high_watermark;
        self.high_watermark = self.high_watermark.max(safe);
        rose
    }

    /// Who should be in step, if that is not who is and nothing is being decided: without those that have not caught up
    /// for `lag_max`, with those that have everything that is safe and everything of earlier reigns.
    pub fn ask(&mut self, end: Offset, now: Time, lag_max: Duration) -> Option<Vec<BrokerId>> {
        if self.asked.is_some() {
            return None;
        }
        let belongs = |broker: &BrokerId| {
            if *broker == self.me {
                return true;
            }
            let Some(follower) = self.followers.get(broker) else { return false };
            let lags = follower.end < end && now.since(follower.caught_up_at) > lag_max;
            if self.in_step.contains(broker) {
                !lags
            } else {
                !lags && follower.end >= self.high_watermark && follower.end >= self.began_at
            }
        };
        // Who is in step stays in its place, and who joins comes last.
        let outside = self.followers.keys().filter(|broker| !self.in_step.contains(broker));
        let wanted: Vec<BrokerId> =
            self.in_step.iter().chain(outside).copied().filter(|broker| belongs(broker)).collect();
        if wanted == self.in_step {
            return None;
        }
        self.asked = Some(wanted.clone());
        Some(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: BrokerId = BrokerId(0);
    const B: BrokerId = BrokerId(1);
    const C: BrokerId = BrokerId(2);
    const LAG: Duration = Duration::from_secs(30);

    fn reign() -> Leadership {
        Leadership::new(A, 1, vec![A, B, C], &[A, B, C], Offset(0), Offset(0), Time::ZERO)
    }

    #[test]
    fn a_record_is_safe_once_everybody_in_step_asks_for_the_next() {
        let mut reign = reign();
        assert!(!reign.appended(Offset(0), Offset(5), Time::ZERO));
        assert!(!reign.fetched(B, Offset(5), Offset(5), Time::ZERO));
        assert!(reign.fetched(C, Offset(3), Offset(5), Time::ZERO));
        assert_eq!(reign.high_watermark(), Offset(3));
        assert!(reign.decided(vec![A, B], Offset(5)), "who left is not waited for");
        assert_eq!(reign.high_watermark(), Offset(5));
    }

    #[test]
    fn a_follower_that_has_everything_never_lags() {
        let mut reign = reign();
        for follower in [B, C] {
            reign.fetched(follower, Offset(0), Offset(0), Time::ZERO);
        }
        assert_eq!(reign.ask(Offset(0), Time::from_secs(1_000), LAG), None, "nothing to be had");
        reign.appended(Offset(0), Offset(1), Time::from_secs(1_000));
        assert_eq!(reign.ask(Offset(1), Time::from_secs(1_030), LAG), None, "30 s are allowed");
        reign.fetched(B, Offset(1), Offset(1), Time::from_secs(1_030));
        assert_eq!(reign.ask(Offset(1), Time::from_secs(1_031), LAG), Some(vec![A, B]));
        assert_eq!(reign.ask(Offset(1), Time::from_secs(1_031), LAG), None, "asked once");
    }

    #[test]
    fn who_is_about_to_be_let_in_is_waited_for() {
        let mut reign = reign();
        reign.decided(vec![A], Offset(0));
        reign.appended(Offset(0), Offset(4), Time::ZERO);
        reign.fetched(B, Offset(4), Offset(4), Time::ZERO);
        assert_eq!(reign.ask(Offset(4), Time::ZERO, LAG), Some(vec![A, B]));
        reign.appended(Offset(4), Offset(6), Time::ZERO);
        assert_eq!(reign.high_watermark(), Offset(4));
        reign.answered();
        assert!(reign.appended(Offset(6), Offset(7), Time::ZERO), "the wish was refused: alone again");
    }

    #[test]
    fn nobody_joins_without_the_records_of_earlier_reigns() {
        let mut reign = Leadership::new(A, 4, vec![A], &[A, B], Offset(3), Offset(8), Time::ZERO);
        assert_eq!(reign.high_watermark(), Offset(8));
        reign.fetched(B, Offset(7), Offset(8), Time::ZERO);
        assert_eq!(reign.ask(Offset(8), Time::ZERO, LAG), None);
        reign.fetched(B, Offset(8), Offset(8), Time::ZERO);
        assert_eq!(reign.ask(Offset(8), Time::ZERO, LAG), Some(vec![A, B]));
    }
}
