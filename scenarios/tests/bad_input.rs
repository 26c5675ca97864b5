//! Bad input: what people get wrong, and what they are told.

use std::fmt::Write as _;
use std::path::Path;

use notation::Problems;
use scenarios::{Library, Loaded, load, load_str};

const GOOD: &str = r#"
title     = "a good scenario"
blueprint = "aws-microservice"
city      = "town"
start     = "Fri 17:30"
duration  = "90m"

[traffic]
requests = "400/s"
"#;

const FAULT: &str = r#"
[[fault]]
at = "20m"
zone-power-loss = { zone = "us-east-1a", for = "30m" }
"#;

/// A library of its own, with the committed blueprints and one city.
struct Shelf(tempfile::TempDir);

impl Shelf {
    fn new() -> Shelf {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let root = directory.path().join("scenarios");
        for shelf in ["blueprints", "cities", "drills"] {
            std::fs::create_dir_all(root.join(shelf)).expect("a directory");
        }
        let blueprint = Path::new(env!("CARGO_MANIFEST_DIR")).join("blueprints/aws-microservice.toml");
        std::fs::copy(blueprint, root.join("blueprints/aws-microservice.toml")).expect("the blueprint is there");
        std::fs::write(root.join("cities/town.toml"), "").expect("a file");
        Shelf(directory)
    }

    fn load(&self, text: &str) -> Result<Loaded, Problems> {
        load_str("drill.toml", text, &Library::around(&self.0.path().join("scenarios/drills")))
    }

    fn good(&self, text: &str) -> Loaded {
        self.load(text).unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// The problems as printed, with the temporary directory's name taken out.
    fn problems(&self, text: &str) -> String {
        let problems = self.load(text).expect_err("this scenario is bad").to_string();
        let root = std::path::absolute(self.0.path()).expect("a path");
        problems.replace(&format!("{}/", root.display()), "")
    }

    /// Only the messages and suggestions of the problems.
    fn messages(&self, text: &str) -> String {
        let Problems(problems) = self.load(text).expect_err("this scenario is bad");
        problems.iter().fold(String::new(), |mut lines, problem| {
            let suggestion = problem.suggestion.as_deref().unwrap_or("-");
            writeln!(lines, "{}:{} {} | {suggestion}", problem.line, problem.column, problem.message)
                .expect("a string");
            lines
        })
    }
}

#[test]
fn a_file_with_many_mistakes_reports_all_of_them() {
    let text = r#"
titel     = "many mistakes"
blueprint = "aws-microservise"
city      = "gotham"
start     = "Friday 17:30"
duration  = 90
warmup    = "10 minutes"

[traffic]
requests = "400"
drivers  = 0

[[fault]]
at = "20min"
zone-power-los = { zone = "us-east-1a", for = "30m" }

[[fault]]
at = "95m"
process-pause = { proces = "gateway", for = "0s" }
processor-outage = { for = "1m" }

[[runbook]]
step  = "page"
when  = { alarm = "api-error-rat" }
takes = "7m..3m"

[objectives]
"critical.rto"    = "< 15"
"api.latency.p96" = "< 100ms"
"errors.rate"     = "> 0.1%"
"#;
    insta::assert_snapshot!(Shelf::new().problems(text), @r#"
    error: the key `title` is missing here
     --> drill.toml:1:1
      |
    1 | 
      | ^
      help: add `title = "..."`

    error: unknown key `titel`
     --> drill.toml:2:1
      |
    2 | titel     = "many mistakes"
      | ^^^^^
      help: did you mean `title`?

    error: there is no blueprint `aws-microservise`
     --> drill.toml:3:13
      |
    3 | blueprint = "aws-microservise"
      |             ^^^^^^^^^^^^^^^^^^
      help: did you mean `aws-microservice`?

    error: there is no city `gotham`
     --> drill.toml:4:13
      |
    4 | city      = "gotham"
      |             ^^^^^^^^
      help: only `town` is possible here

    error: there is no day `Friday`
     --> drill.toml:5:13
      |
    5 | start     = "Friday 17:30"
      |             ^^^^^^^^^^^^^^
      help: did you mean `Fri`?

    error: expected a duration with its unit, above zero, found 90
     --> drill.toml:6:13
      |
    6 | duration  = 90
      |             ^^
      help: such as "90s"

    error: expected a duration with its unit, found "10 minutes"
     --> drill.toml:7:13
      |
    7 | warmup    = "10 minutes"
      |             ^^^^^^^^^^^^
      help: did you mean "10m"?

    error: expected a rate above zero, found "400"
      --> drill.toml:10:12
       |
    10 | requests = "400"
       |            ^^^^^
      help: did you mean "400/s"?

    error: expected a whole number above zero, found 0
      --> drill.toml:11:12
       |
    11 | drivers  = 0
       |            ^

    error: expected a duration with its unit, found "20min"
      --> drill.toml:14:6
       |
    14 | at = "20min"
       |      ^^^^^^^
      help: did you mean "20m"?

    error: unknown key `zone-power-los`
      --> drill.toml:15:1
       |
    15 | zone-power-los = { zone = "us-east-1a", for = "30m" }
       | ^^^^^^^^^^^^^^
      help: did you mean `zone-power-loss`?

    error: the key `process` is missing here
      --> drill.toml:19:17
       |
    19 | process-pause = { proces = "gateway", for = "0s" }
       |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      help: add `process = "..."`

    error: unknown key `proces`
      --> drill.toml:19:19
       |
    19 | process-pause = { proces = "gateway", for = "0s" }
       |                   ^^^^^^
      help: did you mean `process`?

    error: expected a duration with its unit, above zero, found "0s"
      --> drill.toml:19:45
       |
    19 | process-pause = { proces = "gateway", for = "0s" }
       |                                             ^^^^

    error: one fault breaks one thing
      --> drill.toml:20:1
       |
    20 | processor-outage = { for = "1m" }
       | ^^^^^^^^^^^^^^^^
      help: write another [[fault]] for it

    error: expected one of api-error-rate, api-latency, unhealthy-targets, database-unavailable, found "api-error-rat"
      --> drill.toml:24:19
       |
    24 | when  = { alarm = "api-error-rat" }
       |                   ^^^^^^^^^^^^^^^
      help: did you mean `api-error-rate`?

    error: expected a duration, or two that rise with `..` between them
      --> drill.toml:25:9
       |
    25 | takes = "7m..3m"
       |         ^^^^^^^^
      help: such as "3m..7m"

    error: `critical.rto` is measured as a duration, and "15" is none
      --> drill.toml:28:21
       |
    28 | "critical.rto"    = "< 15"
       |                     ^^^^^^
      help: such as "< 15m"

    error: no report measures `api.latency.p96`
      --> drill.toml:29:1
       |
    29 | "api.latency.p96" = "< 100ms"
       | ^^^^^^^^^^^^^^^^^
      help: did you mean `api.latency.p90`?

    error: `errors.rate` is better when smaller: this bound would demand a bad value
      --> drill.toml:30:21
       |
    30 | "errors.rate"     = "> 0.1%"
       |                     ^^^^^^^^
      help: did you mean "< 0.1%"?
    "#);
}

#[test]
fn mistakes_in_a_blueprint_and_in_its_overrides_are_reported_each_in_its_file() {
    let shelf = Shelf::new();
    let path = shelf.0.path().join("scenarios/blueprints/aws-microservice.toml");
    let text = std::fs::read_to_string(&path).expect("the blueprint is there");
    std::fs::write(&path, text.replace("storage = \"1000GiB\"", "storage = \"1000gib\"")).expect("a file");
    let overrides = r#"
[override]
"rds.promot" = "60s"
"rds.fence" = 2
"service.trip.replicas" = 6
"rdss.promote" = "60s"
"title.text" = "x"
"#;
    insta::assert_snapshot!(shelf.problems(&format!("{GOOD}{overrides}")), @r#"
    error: unknown key `promot`
      --> drill.toml:12:1
       |
    12 | "rds.promot" = "60s"
       | ^^^^^^^^^^^^
      help: did you mean `promote`?

    error: expected a duration with its unit, found 2
      --> drill.toml:13:15
       |
    13 | "rds.fence" = 2
       |               ^
      help: such as "90s"

    error: `trip` in this path names no element of the blueprint
      --> drill.toml:14:1
       |
    14 | "service.trip.replicas" = 6
       | ^^^^^^^^^^^^^^^^^^^^^^^
      help: did you mean `trips`?

    error: unknown key `rdss`
      --> drill.toml:15:1
       |
    15 | "rdss.promote" = "60s"
       | ^^^^^^^^^^^^^^
      help: did you mean `rds`?

    error: `text` in this path lies below a string, which has no keys
      --> drill.toml:16:1
       |
    16 | "title.text" = "x"
       | ^^^^^^^^^^^^

    error: expected a size with its unit, found "1000gib"
      --> scenarios/blueprints/aws-microservice.toml:69:11
       |
    69 | storage = "1000gib"
       |           ^^^^^^^^^
      help: did you mean "1000GiB"?
    "#);
}

#[test]
fn a_syntax_error_has_its_place() {
    insta::assert_snapshot!(Shelf::new().problems(&GOOD.replace("city      = \"town\"", "city = \"town")), @r#"
    error: invalid basic string, expected `"`
     --> drill.toml:4:13
      |
    4 | city = "town
      |             ^
    "#);
}

#[test]
fn a_missing_file_names_its_neighbour() {
    let shelf = Shelf::new();
    let drills = shelf.0.path().join("scenarios/drills");
    std::fs::write(drills.join("zone-loss.toml"), GOOD).expect("a file");
    let problems = load(&drills.join("zone-los.toml")).expect_err("there is no such file").to_string();
    let problems = problems.replace(&format!("{}/", shelf.0.path().display()), "");
    insta::assert_snapshot!(problems, @"
    error: failed to read the scenario: No such file or directory (os error 2)
      --> scenarios/drills/zone-los.toml
      help: did you mean scenarios/drills/zone-loss.toml?
    ");
}

#[test]
fn a_fault_must_start_before_the_end_and_may_heal_after_it() {
    let shelf = Shelf::new();
    shelf.good(&format!("{GOOD}{}", FAULT.replace("20m", "89m")));
    insta::assert_snapshot!(shelf.messages(&format!("{GOOD}{}", FAULT.replace("20m", "90m"))), @"12:6 this fault starts at 90m, and the run is over at 90m | start it before 90m, or lengthen `duration`");
}

#[test]
fn names_in_faults_must_be_in_the_blueprint() {
    let faults = r#"
[[fault]]
at = "1m"
zone-power-loss = { zone = "us-east-1d", for = "1m" }
[[fault]]
at = "1m"
host-power-loss = { host = "rds-standy", for = "1m" }
[[fault]]
at = "1m"
process-crash = { process = "payment" }
[[fault]]
at = "1m"
promote-replica = { store = "rds", replica = "rds-replica-3" }
[[fault]]
at = "2h"
network-partition = { from = "us-east-1a", to = "trip-0", for = "1m", direction = "one-way" }
[[fault]]
at = "1m"
packet-loss = { from = "rds", to = "phones", for = "1m", percent = 5, direction = "oneway" }
[[fault]]
at = "1m"
network-partition = { from = "phones", to = "phones", for = "1m" }
[[fault]]
at = "1m"
rds-failover = { store = "redis" }
"#;
    let shelf = Shelf::new();
    insta::assert_snapshot!(shelf.messages(&format!("{GOOD}{faults}")), @r#"
    13:28 the blueprint has no zone `us-east-1d` | did you mean `us-east-1a`?
    16:28 the blueprint has no host `rds-standy` | did you mean `rds-standby`?
    19:29 the blueprint has no service or process `payment` | did you mean `payments`?
    22:46 the blueprint has no read replica `rds-replica-3` | did you mean `rds-replica-1`?
    24:6 this fault starts at 2h, and the run is over at 90m | start it before 90m, or lengthen `duration`
    25:49 the blueprint has no zone, service, store or host `trip-0` | did you mean `trips-0`?
    28:68 expected a percentage from 0% to 100%, found 5 | did you mean "5%"?
    28:71 unknown key `direction` | one of: from, to, percent, for
    31:45 `phones` cannot be parted from itself | -
    34:26 the blueprint has no store `redis` | only `rds` is possible here
    "#);
}

#[test]
fn traffic_is_said_in_exactly_one_way() {
    let shelf = Shelf::new();
    let traffic = |lines: &str| GOOD.replace("requests = \"400/s\"", lines);
    shelf.good(&traffic("riders_per_hour = 100\ndrivers = 3"));
    let mut all = String::new();
    for lines in [
        "",
        "drivers = 3",
        "riders_per_hour = 100\ndrivers = 0",
        "requests = \"400/s\"\ndrivers = 3",
        "trips = \"missing.csv\"",
        "requests = \"0/s\"",
        "requests = \"400/fortnight\"",
    ] {
        let messages = shelf.messages(&traffic(lines)).replace(&format!("{}/", shelf.0.path().display()), "");
        writeln!(all, "# {}\n{messages}", lines.replace('\n', "; ")).expect("a string");
    }
    insta::assert_snapshot!(all, @r#"
    # 
    8:1 traffic is said in exactly one way | `requests`, or `riders_per_hour` with `drivers`, or `trips`

    # drivers = 3
    8:1 traffic is said in exactly one way | `requests`, or `riders_per_hour` with `drivers`, or `trips`

    # riders_per_hour = 100; drivers = 0
    10:11 expected a whole number above zero, found 0 | -

    # requests = "400/s"; drivers = 3
    8:1 traffic is said in exactly one way | `requests`, or `riders_per_hour` with `drivers`, or `trips`

    # trips = "missing.csv"
    9:9 there is no file scenarios/drills/missing.csv | -

    # requests = "0/s"
    9:12 expected a rate above zero, found "0/s" | -

    # requests = "400/fortnight"
    9:12 expected a rate above zero, found "400/fortnight" | such as "400/s"
    "#);
}

#[test]
fn a_missing_key_says_what_to_add() {
    insta::assert_snapshot!(Shelf::new().messages("[traffic]\nrequests = '1/s'\n"), @r#"
    1:1 the key `title` is missing here | add `title = "..."`
    1:1 the key `blueprint` is missing here | add `blueprint = "..."`
    1:1 the key `city` is missing here | add `city = "..."`
    1:1 the key `start` is missing here | add `start = "Fri 17:30"`
    1:1 the key `duration` is missing here | add `duration = "90s"`
    "#);
}

#[test]
fn a_cluster_says_what_about_it_is_impossible() {
    let shelf = Shelf::new();
    let overrides = |lines: &str| shelf.messages(&format!("{GOOD}\n[override]\n{lines}\n"));
    let many = r#"
"kubernetes.nodes"           = 5
"kubernetes.nodes_max"       = 4
"kubernetes.zones"           = ["us-east-1a", "us-east-1d"]
"kubernetes.allocatable"     = 9
"kubernetes.probe.timeout"   = "20s"
"kubernetes.launch"          = "20m"
"service.trips.cpu_request"  = 12
"service.trips.zones"        = ["us-east-1b"]
"service.geo.replicas"       = 50
"service.users.autoscale"    = { min = 4, max = 6 }
"service.relay.autoscale"    = { min = 1, max = 6, requests = "50/s" }
"service.gateway.autoscale"  = { min = 1, max = 6, requests = "2000000/s" }
"#;
    insta::assert_snapshot!(overrides(many), @r#"
    14:32 the group begins with 5 nodes, and 4 are its most | at least 5
    15:47 no region of the blueprint has a zone `us-east-1d` | did you mean `us-east-1a`?
    16:32 pods cannot request 9 of 8 cores | at most 8
    17:32 a probe would begin before the one before it is over | at most `period`
    18:32 the autoscaler gives up a machine that takes 15m or longer | less than "15m"
    19:32 no node has room for a pod that requests 12 cores | from 0.001 to 9
    20:32 the cluster has no nodes in `us-east-1b` | of: us-east-1a, us-east-1d
    21:32 callers tell at most 48 replicas apart, found 50 | -
    22:32 3 replicas are not between 4 and 6 | min, then replicas, then max
    23:32 nobody calls `relay`: it takes no requests to be counted | leave `requests` out; `cpu` is enough
    24:32 a replica's requests are between 0.001/s and 1000000/s | such as "50/s"
    "#);
    let unit = "\"service.users.autoscale\" = { min = 1, max = 6, requests = 50 }";
    insta::assert_snapshot!(overrides(unit), @r#"12:60 expected a rate above zero, found 50 | did you mean "50/s"?"#);
    let unknown = "kubernetes.node = 3";
    insta::assert_snapshot!(overrides(unknown), @"12:12 unknown key `node` | did you mean `nodes`?");
    let fault = |text: &str| shelf.messages(&format!("{GOOD}\n[[fault]]\nat = '1m'\n{text}"));
    insta::assert_snapshot!(fault("drain-node = { node = 'trips-0', for = '1m' }"), @"13:23 the blueprint has no node of a cluster `trips-0` | one of: node-0, node-1, node-2");
    insta::assert_snapshot!(fault("deploy = { service = 'trips', defect = 'slow' }"), @r#"13:40 expected one of never-ready, fails-requests, found "slow" | one of: never-ready, fails-requests"#);
    insta::assert_snapshot!(fault("deploy = { service = 'trip' }"), @"13:22 the blueprint has no cluster with a service `trip` | did you mean `trips`?");
}

#[test]
fn overrides_change_the_blueprint() {
    let overrides = r#"
[override]
"rds.primary_zone" = "us-east-1c"
"rds.promote" = "5m"
"service.trips.replicas" = 6
network.cross_zone.max = "20ms"
[override.load_balancer]
zones = ["us-east-1a"]
"#;
    let shelf = Shelf::new();
    let loaded = shelf.good(&format!("{GOOD}{overrides}"));
    let rds = &loaded.blueprint.rds;
    assert_eq!((rds.primary_zone.as_str(), rds.promote.as_secs()), ("us-east-1c", 300));
    assert_eq!(rds.iops, 16_000, "what was not overridden stays");
    let trips = loaded.blueprint.replicas().into_iter().filter(|replica| replica.name.starts_with("trips-"));
    assert_eq!(trips.count(), 6);
    assert_eq!(loaded.blueprint.load_balancer.zones, ["us-east-1a"]);
    let paths: Vec<String> =
        loaded.scenario.overrides.iter().map(|changed| format!("{} = {}", changed.path, changed.value)).collect();
    insta::assert_snapshot!(paths.join("\n"), @r#"
    load_balancer.zones = ["us-east-1a"]
    network.cross_zone.max = "20ms"
    rds.primary_zone = "us-east-1c"
    rds.promote = "5m"
    service.trips.replicas = 6
    "#);
}

#[test]
fn contradictions_within_a_blueprint() {
    let shelf = Shelf::new();
    let overrides = |lines: &str| shelf.messages(&format!("{GOOD}\n[override]\n{lines}\n"));
    insta::assert_snapshot!(overrides(r#""rds.primary_zone" = "us-east-1b""#), @r#"12:22 primary and standby are both in `us-east-1b` | move the standby too: rds.standby_zone = "us-east-1a""#);
    // All that follows at once: one wrong value hides no other.
    let many = r#"
"service.geo.name" = "geos"
"load_balancer.timeout" = "30s"
"network.cross_zone" = { median = "2ms", p99 = "1ms" }
"rds.read_replicas" = [{ name = "trips-0", zone = "us-east-1x" }]
"rds.promote" = "soon"
"#;
    insta::assert_snapshot!(overrides(many), @r#"
    13:22 the platform has no service `geos` | did you mean `geo`?
    14:27 a health check must time out before the next one: `timeout` is not below `interval` | -
    15:24 a latency must rise: median, then p99, then max | -
    16:51 no region of the blueprint has a zone `us-east-1x` | did you mean `us-east-1a`?
    17:17 expected a duration with its unit, found "soon" | such as "90s"
    16:1 the service `geo` is not deployed, and the platform needs it | add a [[service]] with name = "geo"
    "#);
    let single =
        format!("{GOOD}\n[override]\nrds.multi_az = false\n[[fault]]\nat = '1m'\nrds-failover = {{ store = 'rds' }}\n");
    insta::assert_snapshot!(shelf.messages(&single), @"15:26 the database has no standby to fail over to: `rds.multi_az` is false | -");
}

#[test]
fn the_hash_is_of_the_meaning() {
    let shelf = Shelf::new();
    let good = format!("{GOOD}{FAULT}");
    let hash = |text: &str| shelf.good(text).hash();
    let reference = hash(&good);
    for same in [
        good.replace("a good scenario", "another title"),
        good.replace("90m", "1h30m"),
        format!("# a comment\n{good}"),
        good.replace("duration  = \"90m\"", "duration  = \"90m\"\nwarmup = \"10m\""),
        format!("{good}\n[objectives]\n\"critical.rto\" = \"< 15m\"\n"),
        format!("{good}\n[override]\n\"rds.promote\" = \"10s\"\n"),
    ] {
        assert_eq!(hash(&same), reference, "{same}");
    }
    for other in [
        good.replace("us-east-1a", "us-east-1b"),
        good.replace("90m", "91m"),
        good.replace("400/s", "401/s"),
        good.replace("17:30", "17:31"),
        format!("{good}\n[objectives]\n\"critical.rto\" = \"< 14m\"\n"),
        format!("{good}\n[override]\n\"rds.promote\" = \"11s\"\n"),
    ] {
        assert_ne!(hash(&other), reference, "{other}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

    /// Whatever is written over a part of a good file: it loads, or there is a problem within the text.
    #[test]
    fn no_text_makes_the_loader_panic(start in 0.0..1.0, length in 0_usize..30, noise in "[ -~\n\t\u{e9}]{0,12}") {
        let good = GOOD.replace("town", "village");
        let good = format!("{good}{FAULT}[[runbook]]\nstep = 'a'\nwhen = {{ alarm = 'api-latency' }}\ntakes = '1m'\n[override]\n'rds.fence' = '1s'\n");
        let start = (good.len() as f64 * start) as usize;
        let mut text = good.clone();
        text.replace_range(start..(start + length).min(good.len()), &noise);
        let library = Library::around(&Path::new(env!("CARGO_MANIFEST_DIR")).join("drills"));
        if let Err(Problems(problems)) = load_str("noise.toml", &text, &library) {
            proptest::prop_assert!(!problems.is_empty());
            for problem in problems.iter().filter(|problem| problem.file == "noise.toml") {
                proptest::prop_assert!(problem.line <= text.lines().count() + 1, "{problem}");
                let rendered = problem.to_string();
                proptest::prop_assert!(rendered.contains("noise.toml"));
            }
        }
    }
}

#[test]
fn a_cache_and_an_event_log_must_be_possible() {
    let shelf = Shelf::new();
    let refused = |text: &str, messages: &[&str]| {
        let found = shelf.messages(&format!("{GOOD}[override]\n{text}"));
        assert_eq!(found.lines().count(), messages.len(), "{found}");
        assert!(messages.iter().all(|message| found.contains(message)), "{found}");
    };
    refused("\"redis.cluster_mode\" = false", &["without cluster mode there is one shard"]);
    let shards = ["a shard has at least its primary", "no region of the blueprint has a zone `us-east-1d`"];
    refused("\"redis.shards\" = [[], [\"us-east-1d\"]]", &shards);
    refused("\"redis.eviction\" = \"allkeys-lfu\"", &["one of noeviction, allkeys-lru, volatile-ttl"]);
    let log = [
        "3 replicas need as many brokers, and there are 2",
        "4 replicas can never be in step: there are 3",
        "a topic has at most 1000 partitions, found 5000",
    ];
    let zones = "\"kafka.zones\" = [\"us-east-1a\", \"us-east-1b\"]";
    refused(&format!("{zones}\n\"kafka.min_in_sync\" = 4\n\"kafka.partitions\" = 5000"), &log);
}

#[test]
fn what_goes_around_the_event_log_needs_one() {
    let shelf = Shelf::new();
    let path = shelf.0.path().join("scenarios/blueprints/aws-microservice.toml");
    let text = std::fs::read_to_string(&path).expect("the blueprint is there");
    let (before, rest) = text.split_once("[kafka]").expect("it has one");
    let after = rest.split_once("# What counts").expect("the tiers follow").1;
    std::fs::write(&path, format!("{before}# What counts{after}")).expect("a file");
    insta::assert_snapshot!(shelf.messages(GOOD), @r"
    45:8 the service `relay` needs an event log, and there is none | add a table [kafka]
    48:8 the service `notifications` needs an event log, and there is none | add a table [kafka]
    ");
    let without = text.replace("[[service]]\nname = \"relay\"\n", "");
    assert_ne!(without, text);
    std::fs::write(&path, without).expect("a file");
    assert!(shelf.messages(GOOD).contains("nothing is written for `notifications` to tell: there is no `relay`"));
}

#[test]
fn a_fault_of_a_copy_needs_a_copy() {
    let shelf = Shelf::new();
    let faulty = |kind: &str| shelf.messages(&format!("{GOOD}[[fault]]\nat = \"1m\"\n{kind}"));
    let failover = faulty("redis-failover = { server = \"redis-0-0\" }");
    assert!(failover.contains("the blueprint has no replicated cache server `redis-0-0`"), "{failover}");
    let stall = faulty("kafka-replication-stall = { broker = \"kafka-3\", for = \"1m\" }");
    assert!(stall.contains("the blueprint has no broker `kafka-3`"), "{stall}");
}
