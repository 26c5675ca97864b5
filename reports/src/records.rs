//! The rows that a run leaves behind: what every number in a report is computed from.
//!
//! All times are signed nanoseconds of simulated time from the end of the warm-up, so that rows of the warm-up
//! are negative and `at = "20m"` of a scenario is 1,200,000,000,000 here.
//!
//! Rows borrow their names: a live run hands out `'static` names and pays for no copies, a reader lends the
//! columns it has just decoded.

use serde::{Deserialize, Serialize};

/// How badly the platform needs a journey to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Sign-in, quote, request, dispatch, trip progress.
    Critical,
    /// Capture, ledger, payouts.
    Important,
    /// Receipts, notifications, analytics.
    Standard,
}

impl Tier {
    /// Every tier, the most important first.
    pub const ALL: [Tier; 3] = [Tier::Critical, Tier::Important, Tier::Standard];

    /// The name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Tier::Critical => "critical",
            Tier::Important => "important",
            Tier::Standard => "standard",
        }
    }

    /// The tier of that name.
    pub fn parse(name: &str) -> Option<Tier> {
        Tier::ALL.into_iter().find(|tier| tier.name() == name)
    }
}

/// One thing a phone wanted, from the moment it was meant to start to its final answer: retries are inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestRecord<'a> {
    /// When the person or the schedule meant it to start, whether or not the phone could start it then.
    pub meant_at_ns: i64,
    /// When the last attempt was answered or given up. Never before `meant_at_ns`.
    pub ended_at_ns: i64,
    /// How long before `meant_at_ns` it was sent: the platform kept it on the push channel, with nothing to say and nobody waiting for an
    /// answer.
    pub kept_ns: i64,
    /// Requests that the phone would have sent meanwhile without the channel.
    pub spared: u32,
    /// What was wanted, such as `quote` or `ping`.
    pub journey: &'a str,
    /// How badly it was needed.
    pub tier: Tier,
    /// The phone: its rider's or driver's number.
    pub actor: u64,
    /// The trip it was about, if the phone knew.
    pub trip: Option<i64>,
    /// Requests sent, the first one included; 0 when not even one could be sent.
    pub attempts: u8,
    /// `None` when it succeeded or was refused, otherwise the code of the last attempt's failure.
    pub failure: Option<&'a str>,
    /// The code of the answer, when the platform answered as it should and the answer was no.
    pub refusal: Option<&'a str>,
}

/// An attempt of a request that failed and was followed by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptRecord<'a> {
    /// When it was sent.
    pub began_at_ns: i64,
    /// When it was answered or given up.
    pub ended_at_ns: i64,
    /// What was wanted.
    pub journey: &'a str,
    /// The phone: its rider's or driver's number.
    pub actor: u64,
    /// Which attempt of its request it was, from 1.
    pub number: u8,
    /// The code of its failure.
    pub failure: &'a str,
}

/// A step of a recovery that a component took, from which the phases of an RTO are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// Something noticed that a component was not answering.
    Detected,
    /// It was decided what to do about it (fail over, evict, page).
    Decided,
    /// The replacement took over.
    Promoted,
    /// Clients were told (DNS, endpoints, pools).
    Propagated,
}

impl Mark {
    /// Every mark, in the order in which a recovery takes them.
    pub const ALL: [Mark; 4] = [Mark::Detected, Mark::Decided, Mark::Promoted, Mark::Propagated];

    /// The name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Mark::Detected => "detected",
            Mark::Decided => "decided",
            Mark::Promoted => "promoted",
            Mark::Propagated => "propagated",
        }
    }

    /// The mark of that name.
    pub fn parse(name: &str) -> Option<Mark> {
        Mark::ALL.into_iter().find(|mark| mark.name() == name)
    }
}

/// A component entered a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComponentStateRecord<'a> {
    /// When.
    pub at_ns: i64,
    /// The component, such as `orders-db-1`.
    pub component: &'a str,
    /// The availability zone it runs in; empty for what has none.
    pub zone: &'a str,
    /// The state it entered, such as `unreachable`.
    pub state: &'a str,
    /// One sentence for a person.
    pub detail: &'a str,
    /// The step of a recovery that this was, if it was one.
    pub mark: Option<Mark>,
}

/// A fault that the scenario injected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultRecord<'a> {
    /// Its number in the scenario, from 1.
    pub id: u32,
    /// Its kind, such as `zone-power-loss`.
    pub kind: &'a str,
    /// What it hit.
    pub target: &'a str,
    /// When it began.
    pub onset_ns: i64,
    /// When it healed; `None` if it had not by the horizon.
    pub healed_ns: Option<i64>,
    /// One sentence for a person.
    pub description: &'a str,
}

/// What became of a write that was acknowledged to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// Acknowledged. Every write has a record that says so; of one that a recovery left out a second record tells the fate.
    Kept,
    /// Acknowledged before the recovery was complete and absent after it.
    Lost,
    /// Gone, and nobody misses it: replaced by a later acknowledged write, removed or expired.
    Superseded,
    /// Acknowledged after the onset by a side that lost.
    Divergent,
}

impl Fate {
    /// Every fate.
    pub const ALL: [Fate; 4] = [Fate::Kept, Fate::Lost, Fate::Superseded, Fate::Divergent];

    /// The name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Fate::Kept => "kept",
            Fate::Lost => "lost",
            Fate::Superseded => "superseded",
            Fate::Divergent => "divergent",
        }
    }

    /// The fate of that name.
    pub fn parse(name: &str) -> Option<Fate> {
        Fate::ALL.into_iter().find(|fate| fate.name() == name)
    }
}

/// A write that a store acknowledged, or its fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteRecord<'a> {
    /// The store, as the blueprint names it.
    pub store: &'a str,
    /// The object: a database's `trips/4711`, a cache's `shard-2/drivers:872a1072cffffff/17`, an event log's `trip-events-3/118`.
    pub object: &'a str,
    /// Its place in the log: bytes of the database's write-ahead log, writes of the cache's shard, records of the event log's partition.
    pub position: u64,
    /// When the client had its acknowledgement.
    pub acknowledged_at_ns: i64,
    /// What became of it.
    pub fate: Fate,
    /// The leadership under which it was acknowledged.
    pub epoch: u64,
}

/// What a row of `trip_events.parquet` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TripEventKind {
    /// A transition of the trip.
    Trip,
    /// An offer of the trip to a driver changed its state.
    Offer,
    /// The trip's payment changed its state.
    Payment,
    /// The external payment processor decided something.
    Processor,
    /// A journal was written.
    Ledger,
    /// A domain event of the trip went a step on its way: from the outbox, into the event log, to its reader.
    Event,
    /// Somebody was told of the trip, or was not.
    Notification,
    /// A refund of the trip changed its state.
    Refund,
}

impl TripEventKind {
    /// Every kind.
    pub const ALL: [TripEventKind; 8] = [
        TripEventKind::Trip,
        TripEventKind::Offer,
        TripEventKind::Payment,
        TripEventKind::Processor,
        TripEventKind::Ledger,
        TripEventKind::Event,
        TripEventKind::Notification,
        TripEventKind::Refund,
    ];

    /// The name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            TripEventKind::Trip => "trip",
            TripEventKind::Offer => "offer",
            TripEventKind::Payment => "payment",
            TripEventKind::Processor => "processor",
            TripEventKind::Ledger => "ledger",
            TripEventKind::Event => "event",
            TripEventKind::Notification => "notification",
            TripEventKind::Refund => "refund",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<TripEventKind> {
        TripEventKind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Where a transaction was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitPlace<'a> {
    /// The store.
    pub store: &'a str,
    /// The node that committed it.
    pub node: &'a str,
    /// The leadership under which it did.
    pub epoch: u64,
    /// The transaction's place in the store's log.
    pub position: u64,
}

/// Something that happened to a trip on the platform's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TripEventRecord<'a> {
    /// When it was committed, or decided.
    pub at_ns: i64,
    /// The trip.
    pub trip: i64,
    /// What it is about.
    pub kind: TripEventKind,
    /// The transition, the offer's, payment's or refund's new state, the processor's operation, the journal, the event's step, or who is
    /// told by what: in words.
    pub what: &'a str,
    /// The trip's state after a transition; what the processor decided; what came of a notification.
    pub result: Option<&'a str>,
    /// Whom it is about: the rider of a request or payment, the driver of anything else.
    pub party: Option<i64>,
    /// The money it is about, in minor units.
    pub amount_minor: Option<i64>,
    /// Where it was committed; `None` for what happened outside the platform.
    pub place: Option<CommitPlace<'a>>,
}

/// A sample of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricRecord<'a> {
    /// When it was sampled.
    pub at_ns: i64,
    /// The component sampled.
    pub component: &'a str,
    /// The metric. One whose name ends in `.utilisation` is a share of capacity, 0 to 1, and is charted.
    pub metric: &'a str,
    /// Its value, in the unit that its name ends in.
    pub value: f64,
}

/// How often an oracle looked and what it saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OracleRecord<'a> {
    /// The oracle.
    pub name: &'a str,
    /// How often it looked.
    pub evaluations: u64,
    /// How often what must hold did not.
    pub violations: u64,
    /// The first violation, for a person.
    pub first_violation: Option<&'a str>,
}

/// Why a run is not at rest at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unrest {
    /// Something waits, although everything was healed.
    Pending,
    /// A process crashed on an assertion of its own: what the run shows is not to be trusted.
    Panicked,
}

impl Unrest {
    /// Every reason.
    pub const ALL: [Unrest; 2] = [Unrest::Pending, Unrest::Panicked];

    /// The name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Unrest::Pending => "pending",
            Unrest::Panicked => "panicked",
        }
    }

    /// The reason of that name.
    pub fn parse(name: &str) -> Option<Unrest> {
        Unrest::ALL.into_iter().find(|unrest| unrest.name() == name)
    }
}

/// Something that was not at rest when the run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingRecord<'a> {
    /// How it is not at rest.
    pub kind: Unrest,
    /// What, such as `trip 4711 in MATCHING`, or the process.
    pub what: &'a str,
    /// What it waits for, or said.
    pub why: &'a str,
}

/// Any row, in the order in which a run or a reader comes by it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Record<'a> {
    /// A row of `requests.parquet`.
    Request(RequestRecord<'a>),
    /// A row of `attempts.parquet`.
    Attempt(AttemptRecord<'a>),
    /// A row of `component_states.parquet`.
    ComponentState(ComponentStateRecord<'a>),
    /// A row of `faults.parquet`.
    Fault(FaultRecord<'a>),
    /// A row of `writes.parquet`.
    Write(WriteRecord<'a>),
    /// A row of `trip_events.parquet`.
    TripEvent(TripEventRecord<'a>),
    /// A row of `metrics.parquet`.
    Metric(MetricRecord<'a>),
    /// A row of `oracles.parquet`.
    Oracle(OracleRecord<'a>),
    /// A row of `pending.parquet`.
    Pending(PendingRecord<'a>),
}
