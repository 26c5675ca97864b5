//! From a scenario file to everything a run needs, checked: whatever is wrong with the input is found here, before
//! anything runs or is written.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use city::replay::{Replay, ReplayError};
use city::traffic::TrafficError;
use city::{City, Traffic, TrafficModel, WeekMinute};
use notation::Problems;
use scenarios::Loaded;

/// What a run needs, for any seed.
#[derive(Clone)]
pub struct Prepared {
    /// The scenario file as it was named.
    pub path: PathBuf,
    pub loaded: Arc<Loaded>,
    pub city: Arc<City>,
    /// Recorded trips, if the run replays them.
    pub replay: Option<Arc<Replay>>,
    /// What the traffic amounts to.
    pub traffic: Traffic,
    /// The file of recorded trips that was asked for instead of the scenario's traffic.
    pub trips: Option<PathBuf>,
    /// Over the meaning of scenario, blueprint, city and recorded trips, in hexadecimal.
    pub hash: String,
}

/// Why a scenario cannot be run. The text says where and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error("{0}")]
    Files(#[from] Problems),
    #[error("{scenario}: the city cannot carry this traffic: {source}")]
    Traffic { scenario: PathBuf, source: TrafficError },
    #[error("{0}")]
    Trips(#[from] ReplayError),
    #[error("{}: the blueprint has {regions} regions, and one is modelled: name one region", scenario.display())]
    Regions { scenario: PathBuf, regions: usize },
    #[error("failed to read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
}

/// Loads a scenario; `trips` replaces its traffic with the recorded trips of a file.
///
/// # Errors
/// Every problem of the scenario, its blueprint and its city at once, or else of the trips, or the traffic.
pub fn prepare(path: &Path, trips: Option<&Path>) -> Result<Prepared, InputError> {
    let (mut loaded, city) = scenarios::load_with(path, City::load)?;
    if let Some(file) = trips {
        loaded.scenario.traffic = scenarios::Traffic::Trips { file: file.to_owned() };
    }
    Ok(Prepared { trips: trips.map(Path::to_owned), ..put_together(path, loaded, city)? })
}

impl Prepared {
    /// The scenario and its options, as on the command line.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![self.path.display().to_string()];
        if let Some(trips) = &self.trips {
            arguments.extend(["--trips".to_owned(), trips.display().to_string()]);
        }
        arguments
    }
}

/// The rest of [`prepare`], for a scenario that is loaded already; `path` stands for it in messages.
///
/// # Errors
/// Every problem of the city, or else of the trips, or the traffic.
pub fn prepare_loaded(path: &Path, loaded: Loaded) -> Result<Prepared, InputError> {
    let city = City::load(&loaded.city_path)?;
    put_together(path, loaded, city)
}

fn put_together(path: &Path, loaded: Loaded, (city, city_text): (City, String)) -> Result<Prepared, InputError> {
    let regions = loaded.blueprint.regions.len();
    if regions != 1 {
        return Err(InputError::Regions { scenario: path.to_owned(), regions });
    }
    let start = WeekMinute::new(u64::from(loaded.scenario.start.minute_of_week()));
    let window = loaded.scenario.duration;
    let mut hasher = blake3::Hasher::new();
    hasher.update(loaded.hash().as_bytes()).update(city_text.as_bytes());
    let unservable = |source| InputError::Traffic { scenario: path.to_owned(), source };
    let model = TrafficModel::new(&city, city.habits().clone(), start, window).map_err(unservable)?;
    let (traffic, replay) = match &loaded.scenario.traffic {
        scenarios::Traffic::Requests { per_second } => (model.from_requests(*per_second), None),
        scenarios::Traffic::Fleet { riders_per_hour, drivers } => {
            (model.from_people(*riders_per_hour, f64::from(*drivers)), None)
        }
        scenarios::Traffic::Trips { file } => {
            let records = read(file)?;
            hasher.update(records.as_bytes());
            let replay = Replay::read(records.as_bytes(), &file.display().to_string(), &city, start, window)?;
            let trips_per_hour = replay.trips() as f64 / (window.as_secs_f64() / 3_600.0);
            (model.from_trips(trips_per_hour), Some(Arc::new(replay)))
        }
    };
    Ok(Prepared {
        path: path.to_owned(),
        trips: None,
        traffic: traffic.map_err(unservable)?,
        replay,
        hash: hasher.finalize().to_hex().to_string(),
        city: Arc::new(city),
        loaded: Arc::new(loaded),
    })
}

fn read(path: &Path) -> Result<String, InputError> {
    let failed = |source| InputError::Read { path: path.to_owned(), source };
    io::read_to_string(File::open(path).map_err(failed)?).map_err(failed)
}
