//! Every committed file loads, and the committed schemas are those of the code.

use std::path::{Path, PathBuf};

fn toml_files(directory: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let entries = std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a directory entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(!files.is_empty(), "{} holds no scenarios", directory.display());
    files
}

#[test]
fn every_scenario_loads() {
    for file in ["drills", "smoke"].into_iter().flat_map(toml_files) {
        if let Err(problems) = scenarios::load(&file) {
            panic!("{problems}");
        }
    }
}

/// A blueprint that no scenario names would otherwise rot unseen.
#[test]
fn every_blueprint_loads() {
    let library = scenarios::Library::around(Path::new(env!("CARGO_MANIFEST_DIR")));
    for file in toml_files("blueprints") {
        let text = format!(
            "title = 'x'\nblueprint = {file:?}\ncity = 'village'\nstart = 'Mon 00:00'\nduration = '1m'\n[traffic]\nrequests = '1/s'\n"
        );
        if let Err(problems) = scenarios::load_str("generated.toml", &text, &library) {
            panic!("{problems}");
        }
    }
}

/// The main job's numbers, which everything downstream is measured by.
#[test]
fn the_main_drill_says_what_it_is_known_for() {
    let drill = Path::new(env!("CARGO_MANIFEST_DIR")).join("drills/zone-power-loss.toml");
    let loaded = scenarios::load(&drill).unwrap_or_else(|problems| panic!("{problems}"));
    let faults: Vec<String> = loaded.scenario.faults.iter().map(|fault| fault.kind.describe()).collect();
    assert_eq!(faults, ["zone-power-loss for 30m zone us-east-1a"]);
    let hosts: Vec<String> = loaded.blueprint.hosts_named("us-east-1a").into_iter().map(|host| host.name).collect();
    insta::assert_snapshot!(hosts.join(" "), @"load-balancer-us-east-1a node-0 rds-primary redis-0-0 kafka-0");
    let objectives: Vec<String> = loaded
        .objectives()
        .iter()
        .map(|objective| format!("{} {}", objective.metric.name, objective.bound()))
        .collect();
    insta::assert_snapshot!(objectives.join("\n"), @"
    api.latency.p95 < 100ms
    critical.rpo < 5m
    critical.rto < 15m
    errors.rate < 0.1%
    important.rpo < 5m
    important.rto < 15m
    ");
}

/// With `UPDATE_SCHEMA=1` in the environment the committed schemas are written anew.
#[test]
fn the_committed_schemas_are_current() {
    for (name, schema) in [("scenario", scenarios::schema::scenario()), ("blueprint", scenarios::schema::blueprint())] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/{name}.json"));
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            let text = serde_json::to_string_pretty(&schema).expect("a JSON value prints");
            std::fs::write(&path, text + "\n").expect("the schema directory is writable");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let committed: serde_json::Value = serde_json::from_str(&committed).expect("the committed schema is JSON");
        assert!(committed == schema, "{} is stale: run this test with UPDATE_SCHEMA=1", path.display());
    }
}
