//! The one place where numbers come from: fed row by row, by a live run or from the files it left, with the same result.

pub mod latency;
mod named;
pub mod objectives;
pub mod recovery;
pub mod stores;
pub mod timeline;
pub mod windows;

use std::collections::BTreeMap;

use self::latency::{Latencies, Merged};
use self::named::named;
use self::recovery::Recovery;
use self::stores::Stores;
use self::timeline::{Fault, Happenings, Shares};
use self::windows::{BUCKET_NS, Breach, Bucket, Judgement};
use crate::format::{elapsed_s, seconds};
use crate::outcome::{
    AfterBegins, Disaster, JourneyOutcome, LatencyOutcome, OracleOutcome, Outcome, PendingOutcome, RequestCounts,
    RequestRate, Speed, TierOutcome, Verdict,
};
use crate::records::{Mark, Record, RequestRecord, Tier};
use crate::report::Report;
use crate::run::{RunRecord, SCHEMA_VERSION};

/// Accumulates the rows of a run. Rows of one kind must come in the same order each time; kinds may interleave freely.
///
/// Its memory grows with measured windows, components, stores and losses, not with requests.
#[derive(Debug)]
pub struct Measures {
    horizon_ns: i64,
    tiers: [Vec<Bucket>; 3],
    journeys: BTreeMap<String, JourneyOutcome>,
    happenings: Happenings,
    faults: Vec<Fault>,
    stores: Stores,
    shares: Shares,
    oracles: BTreeMap<String, OracleOutcome>,
    pending: Vec<PendingOutcome>,
}

impl Measures {
    /// For a run whose measured part has this length, in nanoseconds.
    pub fn new(duration_ns: i64) -> Measures {
        Measures {
            horizon_ns: duration_ns.max(0),
            tiers: Default::default(),
            journeys: BTreeMap::new(),
            happenings: Happenings::default(),
            faults: Vec::new(),
            stores: Stores::default(),
            shares: Shares::default(),
            oracles: BTreeMap::new(),
            pending: Vec::new(),
        }
    }

    /// The run was stopped this long after its warm-up, in nanoseconds: what is meant from then on is not measured.
    pub fn stop_at(&mut self, duration_ns: i64) {
        self.horizon_ns = self.horizon_ns.min(duration_ns.max(0));
    }

    /// Takes in a row. Requests that were not meant to start in the measured part leave no trace.
    pub fn add(&mut self, record: &Record<'_>) {
        match record {
            Record::Request(request) => self.add_request(request),
            Record::ComponentState(state) => self.happenings.add(state),
            Record::Fault(fault) => self.faults.push(Fault::of(fault)),
            Record::Write(write) => self.stores.add(write),
            Record::Metric(sample) => self.shares.add(sample),
            Record::Oracle(oracle) => {
                let outcome = OracleOutcome {
                    evaluations: oracle.evaluations,
                    violations: oracle.violations,
                    first_violation: oracle.first_violation.map(str::to_string),
                };
                self.oracles.insert(oracle.name.to_string(), outcome);
            }
            Record::Pending(pending) => {
                let (what, why) = (pending.what.to_string(), pending.why.to_string());
                self.pending.push(PendingOutcome { kind: pending.kind, what, why });
            }
            // What one trip or one request went through: no measure rests on it.
            Record::Attempt(_) | Record::TripEvent(_) => {}
        }
    }

    fn add_request(&mut self, request: &RequestRecord<'_>) {
        if !(0..self.horizon_ns).contains(&request.meant_at_ns) {
            return;
        }
        let index = (request.meant_at_ns / BUCKET_NS) as usize;
        let buckets = &mut self.tiers[request.tier as usize];
        if buckets.len() <= index {
            buckets.resize(index + 1, Bucket::default());
        }
        buckets[index].add(request);
        let journey = named(&mut self.journeys, request.journey);
        journey.counts.first_attempts += 1;
        journey.counts.attempts += u64::from(request.attempts);
        match request.failure {
            None => journey.counts.ok += 1,
            Some(code) => {
                journey.counts.failed += 1;
                *named(&mut journey.failures, code) += 1;
            }
        }
        if let Some(code) = request.refusal {
            *named(&mut journey.refusals, code) += 1;
        }
    }

    /// Draws the conclusions.
    pub fn finish(mut self, run: &RunRecord) -> Report {
        assert_eq!(
            self.horizon_ns,
            run.duration_ns().max(0),
            "measures are finished with the run they were started for"
        );
        let bucket_count = (self.horizon_ns as u64).div_ceil(BUCKET_NS as u64) as usize;
        self.tiers.iter_mut().for_each(|buckets| buckets.resize(bucket_count, Bucket::default()));
        self.faults.sort_by(|one, other| one.onset_s.total_cmp(&other.onset_s));
        let disaster = self.faults.iter().find(|fault| is_disaster(&fault.kind)).or(self.faults.first());
        let onset_s = disaster.map(|fault| fault.onset_s);
        let (happenings, happenings_left_off) = self.happenings.finish();
        let marks: Vec<(f64, Mark)> =
            happenings.iter().filter_map(|happening| happening.mark.map(|mark| (happening.at_s, mark))).collect();
        let tiers: BTreeMap<Tier, TierOutcome> = Tier::ALL
            .into_iter()
            .filter_map(|tier| {
                tier_outcome(tier, &self.tiers[tier as usize], run, onset_s, &marks).map(|outcome| (tier, outcome))
            })
            .collect();
        let requests = total(&self.tiers);
        let spared: u64 = self.tiers.iter().flatten().map(|bucket| bucket.spared).sum();
        let a_second = |count: u64| count as f64 / run.duration_s.max(f64::MIN_POSITIVE);
        let mut outcome = Outcome {
            schema_version: SCHEMA_VERSION,
            complete: run.complete,
            stopped_by: run.stopped_by.clone(),
            verdict: Verdict::Incomplete,
            title: run.title.clone(),
            seed: run.seed,
            trace_hash: run.trace_hash.clone(),
            disaster: disaster.map(|fault| Disaster {
                kind: fault.kind.clone(),
                target: fault.target.clone(),
                onset_s: fault.onset_s,
            }),
            latency: latency_outcome(&self.tiers, disaster, &tiers, seconds(self.horizon_ns)),
            requests,
            request_rate: RequestRate {
                measured_per_s: a_second(requests.first_attempts + spared),
                sent_per_s: a_second(requests.first_attempts),
                asked_per_s: run.traffic.requests_per_s,
            },
            tiers,
            stores: self.stores.finish(&run.stores, onset_s),
            journeys: self.journeys,
            objectives: Vec::new(),
            oracles: self.oracles,
            pending: self.pending,
            speed: Speed::of(run),
            reproduce: run.reproduce.clone(),
        };
        outcome.objectives = objectives::judge(&run.objectives, &outcome);
        outcome.verdict = Verdict::of(&outcome);
        Report {
            points: timeline::points(&self.tiers),
            saturation: self.shares.finish(),
            run: run.clone(),
            outcome,
            faults: self.faults,
            happenings,
            happenings_left_off,
        }
    }
}

/// Whether a fault of this kind is a disaster by itself. A copy that falls behind harms nobody: the disaster is what makes somebody
/// need it.
pub fn is_disaster(kind: &str) -> bool {
    !["replication-stall", "redis-replication-stall", "kafka-replication-stall"].contains(&kind)
}

fn total(tiers: &[Vec<Bucket>; 3]) -> RequestCounts {
    let mut counts = RequestCounts::default();
    for bucket in tiers.iter().flatten() {
        counts.first_attempts += bucket.requests;
        counts.attempts += bucket.attempts;
        counts.ok += bucket.ok;
    }
    counts.failed = counts.first_attempts - counts.ok;
    counts
}

/// A tier without a service level in the blueprint, or without a journey in the run, has no line in the report.
fn tier_outcome(
    tier: Tier,
    buckets: &[Bucket],
    run: &RunRecord,
    onset_s: Option<f64>,
    marks: &[(f64, Mark)],
) -> Option<TierOutcome> {
    let service_level = *run.service_levels.get(&tier)?;
    let journeys: u64 = buckets.iter().map(|bucket| bucket.requests).sum();
    if journeys == 0 {
        return None;
    }
    let ok: u64 = buckets.iter().map(|bucket| bucket.ok).sum();
    let judgements = windows::judge(buckets, service_level, run.window_journeys_min);
    let breaches = windows::breaches(&judgements, run.duration_s);
    let recovery = onset_s.map_or(Recovery::NotRehearsed, |onset_s| recovery_of(&judgements, &breaches, onset_s));
    let end_s = onset_s.and_then(|onset_s| recovery::last_breach_end_s(&breaches, onset_s));
    let rto_s = match recovery {
        Recovery::Unaffected => Some(0.0),
        Recovery::Recovered => end_s.zip(onset_s).map(|(end_s, onset_s)| elapsed_s(onset_s, end_s)),
        Recovery::NotRehearsed | Recovery::NotRecovered | Recovery::Unknown => None,
    };
    let phases = onset_s.map(|onset_s| recovery::phases(&breaches, marks, onset_s)).unwrap_or_default();
    let minutes =
        |wanted: fn(&Judgement<'_>) -> bool| judgements.iter().filter(|&judgement| wanted(judgement)).count() as u64;
    let late_breach = onset_s.filter(|_| recovery == Recovery::Recovered);
    let late_breach = late_breach.and_then(|onset_s| recovery::late_breach(&breaches, onset_s));
    Some(TierOutcome {
        service_level,
        recovery,
        rto_s,
        phases,
        late_breach,
        breaches,
        journeys,
        availability: Some(ok as f64 / journeys as f64),
        minutes_below: minutes(|judgement| matches!(judgement, Judgement::Broken { .. })),
        minutes_unknown: minutes(|judgement| matches!(judgement, Judgement::Unknown)),
        latency: Merged::of(buckets.iter().map(|bucket| &bucket.latencies)).quantiles(),
    })
}

fn recovery_of(judgements: &[Judgement<'_>], breaches: &[Breach], onset_s: f64) -> Recovery {
    let first_window = (onset_s / windows::WINDOW_S).max(0.0) as usize;
    let since_onset = judgements.get(first_window..).unwrap_or_default();
    let known = since_onset.iter().filter(|judgement| **judgement != Judgement::Unknown).count();
    match breaches.iter().rfind(|breach| breach.to_s > onset_s) {
        Some(breach) if breach.open => Recovery::NotRecovered,
        Some(_) => Recovery::Recovered,
        // What was mostly not looked at is not known to be well.
        None if known > 0 && known * 2 >= since_onset.len() => Recovery::Unaffected,
        None => Recovery::Unknown,
    }
}

fn latency_outcome(
    tiers: &[Vec<Bucket>; 3],
    disaster: Option<&Fault>,
    outcomes: &BTreeMap<Tier, TierOutcome>,
    horizon_s: f64,
) -> LatencyOutcome {
    let bucket_s = seconds(BUCKET_NS);
    let between = |from_s: f64, to_s: f64| {
        let windows = tiers.iter().flat_map(|buckets| {
            let in_span = move |&(index, _): &(usize, &Bucket)| (from_s..to_s).contains(&(index as f64 * bucket_s));
            buckets
                .iter()
                .enumerate()
                .filter(in_span)
                .map(|(_, bucket): (usize, &Bucket)| -> &Latencies { &bucket.latencies })
        });
        Merged::of(windows).quantiles()
    };
    let whole = between(0.0, horizon_s);
    let Some(fault) = disaster else {
        return LatencyOutcome { before: whole, whole, ..LatencyOutcome::default() };
    };
    let onset_s = (fault.onset_s / bucket_s).floor() * bucket_s;
    let restored_s = outcomes
        .values()
        .filter_map(|tier| recovery::last_breach_end_s(&tier.breaches, fault.onset_s))
        .reduce(f64::max);
    let (end_s, after_begins) = match (restored_s, fault.healed_s) {
        (Some(end_s), _) if end_s < horizon_s => (end_s, AfterBegins::ServiceRecovered),
        (None, Some(end_s)) if end_s < horizon_s => (end_s, AfterBegins::FaultHealed),
        _ => (horizon_s, AfterBegins::Never),
    };
    LatencyOutcome {
        before: between(0.0, onset_s),
        during: between(onset_s, end_s),
        after: between(end_s, horizon_s),
        after_begins: Some(after_begins),
        whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, Course};
    use crate::records::FaultRecord;

    /// The quiet run, with a fault at the twentieth minute and only the requests that `keep` keeps.
    fn with_fault(keep: impl Fn(&RequestRecord<'_>) -> bool) -> Outcome {
        let run = fixture::run(Course::Quiet);
        let mut measures = Measures::new(run.duration_ns());
        let onset_ns = fixture::ONSET_S * 1_000_000_000;
        let fault = FaultRecord { id: 1, kind: "pause", target: "x", onset_ns, healed_ns: None, description: "" };
        measures.add(&Record::Fault(fault));
        fixture::records(Course::Quiet, |record| match record {
            Record::Request(request) if !keep(request) => {}
            record => measures.add(record),
        });
        measures.finish(&run).outcome
    }

    #[test]
    fn a_tier_that_kept_its_level_is_unaffected_and_one_that_nobody_used_is_unknown() {
        let unaffected = &with_fault(|_| true).tiers[&Tier::Critical];
        assert_eq!((unaffected.recovery, unaffected.rto_s), (Recovery::Unaffected, Some(0.0)));
        let unused = with_fault(|request| request.meant_at_ns < fixture::ONSET_S * 1_000_000_000);
        let tier = &unused.tiers[&Tier::Critical];
        assert_eq!((tier.recovery, tier.rto_s, tier.minutes_unknown), (Recovery::Unknown, None, 70));
        assert_eq!(unused.latency.during, None);
        assert_eq!(unused.verdict, Verdict::RecoveryMissed, "a promise that nobody saw kept does not pass");
    }

    #[test]
    fn the_phases_of_every_tier_add_up_to_its_recovery_time_to_the_nanosecond() {
        for (tier, outcome) in fixture::outage().outcome.tiers {
            let nanoseconds = |seconds: f64| (seconds * 1e9).round() as i64;
            let spent: i64 = outcome.phases.named().map(|(_, spent_s)| nanoseconds(spent_s)).into_iter().sum();
            assert_eq!(Some(spent), outcome.rto_s.map(nanoseconds), "{}", tier.name());
        }
    }

    #[test]
    fn a_tier_that_did_not_come_back_has_no_recovery_time_and_its_phases_reach_the_horizon() {
        let broken = fixture::broken().outcome;
        let tier = &broken.tiers[&Tier::Critical];
        assert_eq!((tier.recovery, tier.rto_s), (Recovery::NotRecovered, None));
        let spent: f64 = tier.phases.named().map(|(_, spent_s)| spent_s).into_iter().sum();
        assert!((spent - 70.0 * 60.0).abs() < 1e-9, "{spent}");
        assert_eq!(broken.latency.after_begins, Some(AfterBegins::Never));
    }

    #[test]
    fn a_look_that_was_kept_counts_as_those_that_it_spared_and_waits_for_nothing_meanwhile() {
        let run = fixture::run(Course::Quiet);
        let mut measures = Measures::new(run.duration_ns());
        let (meant_at_ns, ended_at_ns) = (12_000_000_000, 12_050_000_000);
        let look = RequestRecord { meant_at_ns, ended_at_ns, kept_ns: meant_at_ns, spared: 2, ..fixture::request() };
        measures.add(&Record::Request(look));
        let outcome = measures.finish(&run).outcome;
        let rate = outcome.request_rate;
        assert_eq!((rate.sent_per_s * run.duration_s, rate.measured_per_s * run.duration_s), (1.0, 3.0));
        let longest_ms = outcome.latency.whole.expect("there is a request").max_ms;
        assert!((50.0..52.0).contains(&longest_ms), "{longest_ms}");
    }

    #[test]
    fn warm_up_and_what_follows_the_horizon_are_not_measured() {
        let run = fixture::run(Course::Quiet);
        let mut measures = Measures::new(run.duration_ns());
        for meant_at_ns in [-1, 0, run.duration_ns() - 1, run.duration_ns()] {
            let (journey, tier, ended_at_ns) = ("quote", Tier::Critical, meant_at_ns + 5);
            let request = RequestRecord { meant_at_ns, ended_at_ns, journey, tier, attempts: 2, ..fixture::request() };
            measures.add(&Record::Request(request));
        }
        let outcome = measures.finish(&run).outcome;
        let expected = RequestCounts { first_attempts: 2, attempts: 4, ok: 2, failed: 0 };
        assert_eq!((outcome.requests, outcome.journeys["quote"].counts), (expected, expected));
    }
}
