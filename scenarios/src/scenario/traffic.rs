//! How many people want rides, and how their phones wait and try again.

use std::path::PathBuf;
use std::time::Duration;

use notation::report::Report;
use notation::section;
use notation::section::Section;
use notation::tree::Node;
use notation::value::{Amount, Count, Length, Maybe, PositiveLength, Rate, Text};
use serde_json::json;

/// How many people want rides: exactly one way of saying it.
#[derive(Clone, Debug, PartialEq)]
pub enum Traffic {
    /// The mean rate of first attempts that phones would send in the fault-free twin of the run, pings included; riders,
    /// drivers and trips an hour follow from it. A look that the platform keeps on its push channel counts once for each beat that it
    /// stands in for, so that the same rate is the same city whether or not the blueprint has the channel.
    Requests {
        /// First attempts a second.
        per_second: f64,
    },
    /// Riders and drivers outright.
    Fleet {
        /// Riders who want a ride, an hour, as the mean of the week; the city's profile shapes it.
        riders_per_hour: f64,
        /// Drivers on the road.
        drivers: u32,
    },
    /// Recorded trips.
    Trips {
        /// The CSV file; after loading, a path that can be opened.
        file: PathBuf,
    },
}

section! {
    /// The keys of `[traffic]`, before exactly one way is demanded.
    struct TrafficKeys {
        /// Everything phones send in the fault-free twin of the run, pings included, as a mean rate of first attempts.
        /// Looks that a push channel spares count as sent.
        requests: Option<f64> as Maybe<Rate>,
        /// Riders who want a ride, an hour; goes with `drivers`.
        riders_per_hour: Option<f64> as Maybe<Amount>,
        /// Drivers on the road; goes with `riders_per_hour`. A city without drivers carries nobody.
        drivers: Option<u32> as Maybe<Count>,
        /// A CSV file of recorded trips, relative to this file.
        trips: Option<String> as Maybe<Text>,
    }
}

impl Section for Traffic {
    const KEYS: &'static [&'static str] = TrafficKeys::KEYS;

    fn read(node: &Node, _: Option<Traffic>, report: &mut Report) -> Option<Traffic> {
        match TrafficKeys::read(node, None, report)? {
            TrafficKeys { requests: Some(per_second), riders_per_hour: None, drivers: None, trips: None } => {
                Some(Traffic::Requests { per_second })
            }
            TrafficKeys {
                requests: None,
                riders_per_hour: Some(riders_per_hour),
                drivers: Some(drivers),
                trips: None,
            } => Some(Traffic::Fleet { riders_per_hour, drivers }),
            TrafficKeys { requests: None, riders_per_hour: None, drivers: None, trips: Some(file) } => {
                Some(Traffic::Trips { file: PathBuf::from(file) })
            }
            _ => {
                let message = "traffic is said in exactly one way".to_owned();
                let ways = "`requests`, or `riders_per_hour` with `drivers`, or `trips`".to_owned();
                report.problem(&node.place, message, Some(ways));
                None
            }
        }
    }

    fn schema() -> serde_json::Value {
        let mut schema = TrafficKeys::schema();
        schema["oneOf"] = json!([
            { "required": ["requests"], "maxProperties": 1 },
            { "required": ["riders_per_hour", "drivers"], "maxProperties": 2 },
            { "required": ["trips"], "maxProperties": 1 },
        ]);
        schema
    }

    fn show(&self) -> serde_json::Value {
        match self {
            Traffic::Requests { per_second } => json!({ "requests": format!("{per_second}/s") }),
            Traffic::Fleet { riders_per_hour, drivers } => {
                json!({ "riders_per_hour": riders_per_hour, "drivers": drivers })
            }
            Traffic::Trips { file } => json!({ "trips": file }),
        }
    }

    fn required() -> bool {
        true
    }
}

section! {
    /// How phones wait and try again. Mobile clients are commonly said to wait 2-10 s and to make 3-5 attempts with full jitter.
    pub struct Clients {
        /// A request without answer is given up after this. Assumption, within 2-10 s.
        timeout: Duration as PositiveLength = Duration::from_secs(5),
        /// Attempts at one request, the first included. Assumption, within 3-5.
        attempts: u32 as Count = 3,
        /// Before attempt n + 1 a phone waits evenly between zero and the smaller of the cap and this times 2^n: full jitter,
        /// as described in the AWS Architecture Blog. Assumption.
        backoff_base: Duration as Length = Duration::from_millis(500),
        /// The largest back-off. Assumption.
        backoff_cap: Duration as Length = Duration::from_secs(10),
    }
}
