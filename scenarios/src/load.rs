//! From a path to a scenario and its blueprint, or to everything that is wrong with them.

use std::path::{Path, PathBuf};

use notation::Problems;
use notation::report::Report;
use notation::section::Section;
use notation::tree::{Node, parse};
use notation::value::Format;

use crate::blueprint::{self, Blueprint};
use crate::library::{Library, Shelf, similar_file};
use crate::objective::{Objective, Objectives};
use crate::overrides;
use crate::scenario::{self, Scenario, Traffic};

/// A scenario with everything it names, all of it good.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The scenario.
    pub scenario: Scenario,
    /// Its blueprint, with the scenario's overrides.
    pub blueprint: Blueprint,
    /// The file of its blueprint.
    pub blueprint_path: PathBuf,
    /// The file of its city, which exists.
    pub city_path: PathBuf,
    /// The scenario's text as it was read.
    pub source: String,
}

/// Loads a scenario file and the blueprint it names.
///
/// # Errors
/// Every problem of both files: what cannot be read or parsed, unknown keys, wrong values, and contradictions.
pub fn load(path: &Path) -> Result<Loaded, Problems> {
    load_with(path, |_| Ok(())).map(|(loaded, ())| loaded)
}

/// The same, and the city that it names, by whoever reads cities: its file is looked at whatever is wrong with the others.
///
/// # Errors
/// Every problem of all three files.
pub fn load_with<C>(
    path: &Path,
    read_city: impl FnOnce(&Path) -> Result<C, Problems>,
) -> Result<(Loaded, C), Problems> {
    let name = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let mut report = Report::default();
            let file = report.open(&name, "");
            report.file_problem(file, format!("failed to read the scenario: {error}"), similar_file(path));
            return Err(report.into_problems());
        }
    };
    let mut report = Report::default();
    let found = read(&name, &text, &Library::around(path.parent().unwrap_or(Path::new(""))), &mut report);
    let city = found.city_path.as_deref().map(read_city).transpose();
    match (complete(found.loaded, report), city) {
        (Ok(loaded), Ok(Some(city))) => Ok((loaded, city)),
        (loaded, city) => Err(Problems(
            [loaded.err(), city.err()].into_iter().flatten().flat_map(|Problems(problems)| problems).collect(),
        )),
    }
}

/// Loads a scenario from its text. `name` stands for the file in messages; blueprint, city and trips come from `library`.
///
/// # Errors
/// As [`load`].
pub fn load_str(name: &str, text: &str, library: &Library) -> Result<Loaded, Problems> {
    let mut report = Report::default();
    let found = read(name, text, library, &mut report);
    complete(found.loaded, report)
}

fn complete(loaded: Option<Loaded>, report: Report) -> Result<Loaded, Problems> {
    match loaded {
        Some(loaded) if report.is_clean() => Ok(loaded),
        _ => {
            assert!(!report.is_clean(), "a scenario that cannot be loaded has a reported reason");
            Err(report.into_problems())
        }
    }
}

/// What could be read in spite of what is wrong.
#[derive(Default)]
struct Found {
    /// The file of the city that the scenario names.
    city_path: Option<PathBuf>,
    loaded: Option<Loaded>,
}

fn read(name: &str, text: &str, library: &Library, report: &mut Report) -> Found {
    let file = report.open(name, text);
    let Some(root) = parse(file, text, report) else { return Found::default() };
    let mut scenario = Scenario::read(&root, None, report);
    scenario::check_onsets(&root, report);
    if let Some(scenario) = &scenario {
        scenario::check_runbook(&scenario.runbook, &root, report);
    }
    // Blueprint and city are looked at even if the scenario has mistakes elsewhere, so that all are reported at once.
    let blueprint_path = found(library, Shelf::Blueprints, &root, "blueprint", report);
    let blueprint = blueprint_path.as_deref().and_then(|path| read_blueprint(path, &root, report));
    let city_path = found(library, Shelf::Cities, &root, "city", report);
    if let Some(blueprint) = &blueprint {
        scenario::check_targets(&root, blueprint, report);
    }
    if let Some(Scenario { traffic: Traffic::Trips { file }, .. }) = &mut scenario {
        *file = library.path(&file.to_string_lossy());
        if !file.is_file() {
            let message = format!("there is no file {}", file.display());
            report.problem(root.place_of(&["traffic", "trips"]), message, None);
        }
    }
    let parts = scenario.zip(blueprint).zip(blueprint_path).zip(city_path.clone());
    let loaded = parts.map(|(((scenario, blueprint), blueprint_path), city_path)| Loaded {
        scenario,
        blueprint,
        blueprint_path,
        city_path,
        source: text.to_owned(),
    });
    Found { city_path, loaded }
}

/// The file that a key of the scenario names; a missing key has been reported by the scenario's reader.
fn found(library: &Library, shelf: Shelf, root: &Node, key: &str, report: &mut Report) -> Option<PathBuf> {
    let node = root.child(key)?;
    let written = node.value.text().filter(|written| !written.trim().is_empty())?;
    library.find(shelf, written).map_err(|(message, suggestion)| report.problem(&node.place, message, suggestion)).ok()
}

fn read_blueprint(path: &Path, scenario: &Node, report: &mut Report) -> Option<Blueprint> {
    let name = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let file = report.open(&name, "");
            report.file_problem(file, format!("failed to read the blueprint: {error}"), None);
            return None;
        }
    };
    let file = report.open(&name, &text);
    let mut root = parse(file, &text, report)?;
    if let Some(changes) = scenario.child("override") {
        overrides::apply(&mut root, changes, report);
    }
    let blueprint = Blueprint::read(&root, None, report)?;
    blueprint::check(&blueprint, &root, report);
    Some(blueprint)
}

impl Loaded {
    /// What the run is judged by: the scenario's objectives, and those of the blueprint on other metrics.
    pub fn objectives(&self) -> Vec<Objective> {
        let own = &self.scenario.objectives;
        let replaced = |promise: &&Objective| !own.iter().any(|objective| objective.metric == promise.metric);
        own.iter().chain(self.blueprint.objectives.iter().filter(replaced)).copied().collect()
    }

    /// A hash of what the scenario and its blueprint mean, in hexadecimal: every value with defaults and overrides filled in,
    /// but no titles, comments, names of files or order of keys. Files that are only named here - the city, recorded trips -
    /// are not in it: who reads them adds their bytes.
    pub fn hash(&self) -> String {
        let mut scenario = self.scenario.show();
        let mut blueprint = self.blueprint.show();
        for cosmetic in ["title", "blueprint", "city", "override", "objectives"] {
            scenario[cosmetic].take();
        }
        if let Traffic::Trips { .. } = self.scenario.traffic {
            scenario["traffic"]["trips"].take();
        }
        for cosmetic in ["title", "objectives"] {
            blueprint[cosmetic].take();
        }
        // By metric, so that it is all one whether the scenario or the blueprint says it.
        let objectives = <Objectives as Format<_>>::show(&self.objectives());
        let meaning = serde_json::json!({ "scenario": scenario, "blueprint": blueprint, "objectives": objectives });
        let mut hasher = blake3::Hasher::new();
        digest(&meaning, &mut hasher);
        hasher.finalize().to_hex().to_string()
    }
}

/// Feeds a JSON value to a hash with its keys sorted: whether a JSON object keeps the order of insertion depends on features
/// that some other crate may switch on.
fn digest(value: &serde_json::Value, hasher: &mut blake3::Hasher) {
    match value {
        serde_json::Value::Array(items) => {
            hasher.update(format!("[{}", items.len()).as_bytes());
            items.iter().for_each(|item| digest(item, hasher));
        }
        serde_json::Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            hasher.update(format!("{{{}", entries.len()).as_bytes());
            for (key, value) in entries {
                hasher.update(format!("{key:?}").as_bytes());
                digest(value, hasher);
            }
        }
        scalar => {
            hasher.update(scalar.to_string().as_bytes());
            hasher.update(b",");
        }
    }
}
