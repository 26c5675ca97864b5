//! The command as people and scripts meet it: exit codes, files, words.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn rehearse(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rehearse"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().expect("the command starts")
}

/// What was printed, without the breaks of its lines.
fn words(printed: &[u8]) -> String {
    String::from_utf8_lossy(printed).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

/// A scenario file in a directory of its own, which has the committed blueprints and cities.
fn scenario(directory: &Path, text: &str) -> std::path::PathBuf {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    for shelf in ["blueprints", "cities"] {
        let link = directory.join(shelf);
        if !link.exists() {
            std::os::unix::fs::symlink(scenarios.join(shelf), link).expect("a link to the shelf");
        }
    }
    let file = directory.join("written.toml");
    std::fs::write(&file, text).expect("a scenario file");
    file
}

/// A place for scenarios: the loader looks for blueprints and cities in a directory of this name.
fn shelf() -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let shelf = directory.path().join("scenarios");
    std::fs::create_dir(&shelf).expect("a shelf");
    (directory, shelf)
}

fn json(file: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(file).expect("the run wrote it")).expect("JSON")
}

/// Runs a scenario written beside the others, with `change` made to a good one.
fn bad(directory: &Path, change: (&str, &str)) -> Output {
    let good = r#"title = "good"
blueprint = "aws-microservice-database"
city = "nyc"
start = "Fri 17:30"
duration = "10m"
traffic = { requests = "40/s" }

[[fault]]
at = "2m"
zone-power-loss = { zone = "us-east-1a", for = "2m" }

[objectives]
"critical.rto" = "< 15m"
"#;
    assert!(good.contains(change.0), "{}", change.0);
    let file = scenario(directory, &good.replace(change.0, change.1));
    let out = directory.join("out");
    let output = rehearse(&["run", file.to_str().unwrap(), "--out", out.to_str().unwrap()]);
    assert!(!out.exists(), "nothing is half-written");
    output
}

#[test]
fn bad_input_is_refused_with_its_place_and_what_would_be_right() {
    let (directory, shelf) = shelf();
    for (change, words) in [
        (("\"10m\"", "\"10 metres\""), "written.toml:5"),
        (("title =", "titel ="), "title"),
        (("us-east-1a", "us-east-1x"), "us-east-1a"),
        (("at = \"2m\"", "at = \"20m\""), "over at 10m"),
        (("critical.rto", "critical.rtt"), "critical.rto"),
        (("city = \"nyc\"", "city = \"nycc\""), "nyc"),
        (("requests = \"40/s\"", "requests = \"40\""), "/s"),
        (("requests = \"40/s\"", "requests = \"40/s\", drivers = 0"), "above zero"),
    ] {
        let output = bad(&shelf, change);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(code(&output), 2, "{change:?}: {said}");
        assert!(said.contains(words), "{change:?}: {said}");
    }
    let trips = directory.path().join("trips.csv");
    let header = "pickup_datetime,dropoff_datetime,trip_distance,pickup_location_id,dropoff_location_id";
    std::fs::write(&trips, format!("{header}\r\nyesterday,,1,1,2\r\n")).expect("a file of trips");
    let broken = rehearse(&["run", "scenarios/smoke/ride.toml", "--trips", trips.to_str().unwrap()]);
    assert_eq!(code(&broken), 2);
    assert!(String::from_utf8_lossy(&broken.stderr).contains("trips.csv:2: column 1"), "{broken:?}");
    let missing = rehearse(&["run", "scenarios/drills/zone-power-los.toml"]);
    assert_eq!(code(&missing), 2);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("zone-power-loss.toml"), "{missing:?}");
}

#[test]
fn the_mistakes_of_all_three_files_are_said_at_once() {
    let (_directory, shelf) = shelf();
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    for (kind, name, changes) in [
        ("blueprints", "aws-microservice-database.toml", vec![("title =", "titel =")]),
        ("cities", "village.toml", vec![("time-zone =", "timezone ="), ("weekly-trips =", "weekly-tripps =")]),
        ("smoke", "ride.toml", vec![("warmup ", "warmup_up ")]),
    ] {
        let good = std::fs::read_to_string(committed.join(kind).join(name)).expect("it is committed");
        let bad = changes.iter().fold(good, |text, (right, wrong)| {
            assert!(text.contains(right), "{name}: {right}");
            text.replacen(right, wrong, 1)
        });
        std::fs::create_dir(shelf.join(kind)).expect("a directory");
        std::fs::write(shelf.join(kind).join(name), bad).expect("a file");
    }
    let refused = rehearse(&["run", shelf.join("smoke/ride.toml").to_str().unwrap()]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(code(&refused), 2, "{said}");
    for (file, key) in [
        ("smoke/ride.toml", "`warmup_up`"),
        ("blueprints/aws-microservice-database.toml", "`titel`"),
        ("cities/village.toml", "`timezone`"),
        ("cities/village.toml", "`weekly-tripps`"),
    ] {
        let after = said.split_once(&format!("unknown key {key}")).unwrap_or_else(|| panic!("{key}: {said}")).1;
        assert!(after.lines().nth(1).is_some_and(|place| place.contains(&format!("{file}:"))), "{key}: {said}");
    }
}

#[test]
fn recorded_trips_are_replayed_and_what_is_left_out_is_said() {
    let (directory, shelf) = shelf();
    let good = std::fs::read_to_string("scenarios/smoke/ride.toml").expect("it is committed");
    let file = scenario(&shelf, good.split("[objectives]").next().expect("a scenario"));
    // A Wednesday, as in the scenario, and other days of the week; the village has the zones 1 to 3.
    let mut rows = "pickup_datetime,pickup_location_id,dropoff_location_id\n".to_owned();
    for second in 1..=50 {
        rows.push_str(&format!("2021-03-03 12:00:{second:02},{},{}\n", 1 + second % 3, 1 + (second + 1) % 3));
    }
    rows.push_str(
        "2021-03-03 12:00:07,77,1\n2021-03-10 12:00:08,2,77\n2021-03-03 12:00:09,88,3\n2021-03-04 12:00:09,1,3\n",
    );
    let trips = directory.path().join("trips.csv");
    std::fs::write(&trips, rows).expect("a file of trips");
    let out = directory.path().join("run");
    let [file, trips, out_name] = [&file, &trips, &out].map(|path| path.to_str().unwrap());
    let run = rehearse(&["run", file, "--trips", trips, "--out", out_name]);
    let (said, aside) = (words(&run.stdout), words(&run.stderr));
    assert_eq!(code(&run), 0, "{said}{aside}");
    assert_eq!(json(&out.join("outcome.json"))["journeys"]["request"]["first_attempts"], 50);
    let (counted, zones) = ("54 rows read, 50 replayed 1 outside", "77 in 2 rows, 88 in 1 row");
    assert!(aside.contains(counted) && aside.contains(&format!("unlisted zones: {zones}")), "{aside}");
    let left_out =
        format!("3 of the 54 recorded trips: they start or end in zones that the city does not list ({zones}).");
    assert!(said.contains(&left_out), "{said}");
    assert!(json(&out.join("run.json"))["not_modelled"].as_array().expect("a list").contains(&left_out.into()));
}

#[test]
fn another_engine_refuses_by_name_what_it_cannot_do() {
    let output = rehearse(&["run", "scenarios/smoke/pause.toml", "--engine", "turmoil"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(code(&output), 2, "{said}");
    assert!(said.contains("process-pause") && said.contains("turmoil"), "{said}");
}

#[test]
fn the_same_services_carry_whole_rides_on_every_engine() {
    for engine in ["native", "turmoil", "live"] {
        let output = rehearse(&["run", "scenarios/smoke/engines.toml", "--engine", engine]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(code(&output), 0, "{engine}: {said}{}", String::from_utf8_lossy(&output.stderr));
        let captures = said.lines().find(|line| line.trim_start().starts_with("capture"));
        assert!(captures.is_some(), "{engine}: no ride was paid for\n{said}");
    }
}

#[test]
fn a_report_is_rebuilt_from_its_records_alone() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let out = directory.path().join("run");
    let run = rehearse(&["run", "scenarios/smoke/crash.toml", "--out", out.to_str().unwrap()]);
    assert!([0, 10, 13].contains(&code(&run)), "{run:?}");
    let read = |name: &str| std::fs::read_to_string(out.join(name)).expect("the run wrote it");
    let (outcome, page) = (read("outcome.json"), read("report.html"));
    for name in ["outcome.json", "report.html"] {
        std::fs::remove_file(out.join(name)).expect("it is there");
    }
    let rebuilt = rehearse(&["report", out.to_str().unwrap()]);
    assert_eq!(code(&rebuilt), code(&run));
    assert_eq!((read("outcome.json"), read("report.html")), (outcome, page));
    assert_eq!(rebuilt.stdout, run.stdout, "and the terminal says the same");
}

#[test]
fn a_directory_that_is_no_run_is_bad_input() {
    assert_eq!(code(&rehearse(&["report", "no/such/directory"])), 2);
    assert_eq!(code(&rehearse(&["report", "src"])), 2);
}

#[test]
fn a_drill_is_the_distribution_of_its_seeds() {
    let output = rehearse(&["drill", "scenarios/smoke/crash.toml", "--seeds", "3", "--jobs", "2", "--json"]);
    let drill: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let again = rehearse(&["drill", "scenarios/smoke/crash.toml", "--seeds", "3", "--json"]);
    let again: serde_json::Value = serde_json::from_slice(&again.stdout).expect("JSON");
    let hashes = |drill: &serde_json::Value| {
        let runs = drill["runs"].as_array().expect("a drill lists its runs");
        runs.iter().map(|run| run["trace_hash"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(hashes(&drill).len(), 3);
    assert_eq!(hashes(&drill), hashes(&again), "the number of threads changes nothing");
    for path in [
        "/stores/rds/lost/worst",
        "/stores/rds/divergent/median",
        "/stores/rds/oldest_age_s/worst",
        "/speed/wall_s/median",
    ] {
        assert!(drill.pointer(path).is_some_and(serde_json::Value::is_number), "{path}: {drill}");
    }
    assert!(drill["not_modelled"].as_array().is_some_and(|sentences| !sentences.is_empty()), "{drill}");
    let lines = drill["runs"].as_array().into_iter().flatten().map(|run| (&run["reproduce"], &run["trace_hash"]));
    for (line, trace) in lines {
        let (line, trace) = (line.as_str().expect("text"), trace.as_str().expect("text"));
        assert!(line.ends_with(&format!("trace {trace}")), "{line}");
    }
}

#[test]
fn a_run_that_is_stopped_at_a_moment_says_so_and_never_passes() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let out = directory.path().join("run");
    let until = rehearse(&["run", "scenarios/smoke/crash.toml", "--until", "40s", "--out", out.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&until.stdout).into_owned();
    assert_eq!(code(&until), 130, "{said}");
    assert!(said.contains("stopped by --until 40s"), "{said}");
    let outcome = std::fs::read(out.join("outcome.json")).expect("the run wrote it");
    let outcome: serde_json::Value = serde_json::from_slice(&outcome).expect("JSON");
    let last = said.lines().last().expect("the line that does it again");
    let trace = outcome["trace_hash"].as_str().expect("text");
    assert!(last.contains("--seed 1 --until 40s  # ") && last.ends_with(&format!("trace {trace}")), "{last}");
    assert_eq!((&outcome["complete"], &outcome["verdict"]), (&false.into(), &"incomplete".into()));
    assert_eq!(outcome["pending"].as_array().map(Vec::len), Some(0), "nobody was asked to come to rest");
    assert_eq!(outcome["speed"]["simulated_s"], 50.0, "ten seconds of warm-up, and forty");
    assert_eq!(code(&rehearse(&["report", out.to_str().unwrap()])), 130);
    for late in ["2m", "90s", "0s", "soon"] {
        let refused = rehearse(&["run", "scenarios/smoke/crash.toml", "--until", late]);
        assert_eq!(code(&refused), 2, "{late}: {refused:?}");
    }
}

/// From now on this file of the directory grows on a full disk.
#[cfg(target_os = "linux")]
fn fill_the_disk_of(directory: &Path, file: &str) {
    std::fs::create_dir_all(directory).expect("a directory");
    std::os::unix::fs::symlink("/dev/full", directory.join(format!("{file}.partial"))).expect("a link");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_leaves_what_was_measured_marked_incomplete() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let out = directory.path().join("run");
    let out_name = out.to_str().unwrap();
    fill_the_disk_of(&out, "requests.parquet");
    let run = rehearse(&["run", "scenarios/smoke/crash.toml", "--out", out_name]);
    let (said, complaint) = (words(&run.stdout), words(&run.stderr));
    assert_eq!(code(&run), 1, "{said}{complaint}");
    for told in [&said, &complaint] {
        assert!(
            told.contains("requests.parquet: No space left on device")
                && told.contains("requests.parquet lacks all of its "),
            "{told}"
        );
    }
    assert!(said.contains("INCOMPLETE: stopped by the file system: "), "{said}");
    assert!(said.contains("what follows is of the rows that were kept and proves nothing"), "{said}");
    let outcome = json(&out.join("outcome.json"));
    assert_eq!((&outcome["complete"], &outcome["verdict"]), (&false.into(), &"incomplete".into()));
    assert_eq!(outcome["requests"]["first_attempts"], 0, "the table was closed without rows");
    assert!(outcome["stores"]["rds"]["acknowledged"].as_u64().expect("a count") > 0, "the other tables are whole");
    let left = std::fs::read_dir(&out).expect("a directory").map(|entry| entry.expect("an entry").file_name());
    assert_eq!(left.filter(|name| name.to_string_lossy().ends_with(".partial")).count(), 0);
    let again = rehearse(&["report", out_name]);
    assert_eq!((code(&again), again.stdout), (130, run.stdout));
    // What is not even there is named, with the reason.
    std::fs::remove_file(out.join("writes.parquet")).expect("it was whole");
    let refused = rehearse(&["report", out_name]);
    let said = words(&refused.stderr);
    assert_eq!(code(&refused), 2, "{said}");
    assert!(said.contains("writes.parquet is missing; the run was stopped by the file system: "), "{said}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_that_refuses_only_the_answers_does_not_silence_the_report() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let out = directory.path().join("run");
    let out_name = out.to_str().unwrap();
    let refused = |command: &[&str]| {
        fill_the_disk_of(&out, "outcome.json");
        let output = rehearse(command);
        let complaint = words(&output.stderr);
        assert_eq!(code(&output), 1, "{command:?}: {complaint}");
        assert!(complaint.contains("outcome.json: No space left on device"), "{command:?}: {complaint}");
        output.stdout
    };
    let run = refused(&["run", "scenarios/smoke/crash.toml", "--out", out_name]);
    assert_eq!(json(&out.join("run.json"))["complete"], true);
    let again = refused(&["report", out_name]);
    let whole = rehearse(&["report", out_name]);
    assert!([0, 10, 13].contains(&code(&whole)), "{whole:?}");
    for told in [run, again] {
        assert_eq!(words(&told), words(&whole.stdout));
    }
}

/// A command that does not outlive its test, whether or not that succeeds.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended can be neither killed nor waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends the signal to a run that has begun and would go on for many minutes, and asserts that it ends with what it measured.
fn ends_incomplete_at(signal: &str) {
    let (directory, shelf) = shelf();
    let text = r#"title = "long"
blueprint = "aws-microservice-database"
city = "nyc"
start = "Fri 17:30"
duration = "24h"
traffic = { requests = "400/s" }
"#;
    let file = scenario(&shelf, text);
    let out = directory.path().join("run");
    let out_name = out.to_str().unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_rehearse"))
        .args(["run", file.to_str().unwrap(), "--out", out_name])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut run = Running(run.expect("the command starts"));
    // The first line comes when the run is under way.
    let mut aside = BufReader::new(run.0.stderr.take().expect("a pipe"));
    let mut line = String::new();
    aside.read_line(&mut line).expect("text");
    assert_eq!(line, "rehearse: 0 % of the simulated time has passed\n");
    let sent = Command::new("kill").args(["-s", signal, &run.0.id().to_string()]).status().expect("kill is there");
    assert!(sent.success(), "{signal}: {sent}");
    let (mut printed, mut rest) = (Vec::new(), String::new());
    run.0.stdout.take().expect("a pipe").read_to_end(&mut printed).expect("it ends");
    aside.read_to_string(&mut rest).expect("text");
    let said = words(&printed);
    assert_eq!(run.0.wait().expect("it ended").code(), Some(130), "{signal}: {said}{rest}");
    assert!(said.contains("INCOMPLETE: stopped by Ctrl-C or SIGTERM"), "{said}");
    let outcome = json(&out.join("outcome.json"));
    assert_eq!((&outcome["complete"], &outcome["verdict"]), (&false.into(), &"incomplete".into()));
    assert_eq!(outcome["stopped_by"], "Ctrl-C or SIGTERM");
    let simulated_s = outcome["speed"]["simulated_s"].as_f64().expect("seconds");
    assert!((10.0..86_400.0).contains(&simulated_s), "{simulated_s}");
    let record = json(&out.join("run.json"));
    let [warmup_s, duration_s] = ["warmup_s", "duration_s"].map(|key| record[key].as_f64().expect("seconds"));
    let measured_s = (simulated_s - warmup_s).max(0.0);
    assert!((duration_s - measured_s).abs() < 1e-6, "{duration_s} of {measured_s}");
    let again = rehearse(&["report", out_name]);
    assert_eq!((code(&again), again.stdout), (130, printed), "the records say the same");
}

#[test]
fn ctrl_c_ends_a_run_with_what_it_measured() {
    ends_incomplete_at("INT");
}

#[test]
fn sigterm_ends_a_run_with_what_it_measured() {
    ends_incomplete_at("TERM");
}

#[test]
fn a_trip_is_explained_from_the_records_alone_and_its_calls_from_another_run() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let out = directory.path().join("run");
    let out = out.to_str().unwrap();
    rehearse(&["run", "scenarios/smoke/crash.toml", "--out", out]);
    std::fs::remove_file(Path::new(out).join("outcome.json")).expect("it is there");
    let list = rehearse(&["explain-trip", out]);
    let list = String::from_utf8(list.stdout).expect("text");
    let last = list.lines().last().expect("a line to go on with");
    let number = last.rsplit(' ').next().expect("it ends with a trip");
    let told = rehearse(&["explain-trip", out, number]);
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert_eq!(code(&told), 0, "{text}");
    assert!(text.starts_with(&format!("Trip {number} was ")), "{text}");
    for part in ["requested → requested (rider ", "rds-primary 1/", "rider ", "authorisation pending"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let with_calls = rehearse(&["explain-trip", out, number, "--calls"]);
    let text = String::from_utf8_lossy(&with_calls.stdout).into_owned();
    assert_eq!(code(&with_calls), 0, "{}", String::from_utf8_lossy(&with_calls.stderr));
    for part in
        ["gateway → pricing  quote ", "gateway → trips ", "trips → payments ", "settle at ", "payments → users "]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let unknown = rehearse(&["explain-trip", out, "1"]);
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert_eq!(code(&unknown), 2, "{said}");
    assert!(said.contains("the nearest are") && said.contains("without a number"), "{said}");
    assert_eq!(code(&rehearse(&["explain-trip", "no/such/directory"])), 2);
    // Records of another scenario, or of another program, are not told calls that were never made.
    let run = Path::new(out).join("run.json");
    let written = std::fs::read_to_string(&run).expect("it is there");
    let other = |change: (&str, &str)| {
        assert!(written.contains(change.0), "{change:?}: {written}");
        std::fs::write(&run, written.replace(change.0, change.1)).expect("a file");
        let refused = rehearse(&["explain-trip", out, number, "--calls"]);
        (code(&refused), String::from_utf8_lossy(&refused.stderr).into_owned())
    };
    let (exit, said) = other(("smoke/crash.toml --seed 1", "smoke/pause.toml --seed 1"));
    assert!(exit == 2 && said.contains("is not what the records ran"), "{exit}: {said}");
    let (exit, said) = other(("smoke/crash.toml --seed 1", "smoke/crash.toml --seed 2"));
    assert!(exit == 12 && said.contains("had the trace"), "{exit}: {said}");
}
