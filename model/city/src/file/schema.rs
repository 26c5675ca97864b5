//! The keys of a city file. What people write is spanned, so that a wrong value can be pointed at.

use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CityFile {
    pub name: Spanned<String>,
    /// Where the numbers come from, a line each.
    pub source: Vec<String>,
    /// What the clock of the file means.
    pub time_zone: String,
    pub volume: VolumeKeys,
    pub demand: DemandKeys,
    pub travel: TravelKeys,
    pub flows: FlowKeys,
    #[serde(default)]
    pub phones: PhoneKeys,
    #[serde(rename = "zone")]
    pub zones: Spanned<Vec<ZoneKeys>>,
    #[serde(default)]
    pub trips_from: Vec<TripsFromKeys>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct VolumeKeys {
    pub trips_per_vehicle_day: Spanned<f64>,
    pub weekly_trips: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct DemandKeys {
    pub overdispersion: Spanned<f64>,
    pub hour_of_week: Spanned<Vec<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TravelKeys {
    pub duration_s: LawKeys,
    pub distance_m: LawKeys,
    pub speed_factor: Spanned<Vec<f64>>,
    pub duration_log_sd: Spanned<f64>,
    pub speed_cap_km_h: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct LawKeys {
    pub scale: Spanned<f64>,
    pub exponent: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FlowKeys {
    pub prior_weight: Spanned<f64>,
    pub gravity_scale_m: Spanned<f64>,
}

/// How long people and phones take here, in seconds, where it is not as usual.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PhoneKeys {
    pub ping_every_s: Option<Spanned<f64>>,
    pub heartbeat_every_s: Option<Spanned<f64>>,
    pub offer_poll_every_s: Option<Spanned<f64>>,
    pub waiting_poll_every_s: Option<Spanned<f64>>,
    pub riding_poll_every_s: Option<Spanned<f64>>,
    pub deciding_s: Option<Spanned<f64>>,
    pub reaction_s: Option<Spanned<f64>>,
    pub boarding_s: Option<Spanned<f64>>,
    pub no_show_s: Option<Spanned<f64>>,
    pub cancel_within_s: Option<Spanned<f64>>,
    pub shift_spread_s: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ZoneKeys {
    pub id: Spanned<u32>,
    pub name: String,
    pub borough: String,
    pub latitude: Spanned<f64>,
    pub longitude: Spanned<f64>,
    pub area_km2: Spanned<f64>,
    pub pickup_share: Spanned<f64>,
    pub dropoff_share: Spanned<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TripsFromKeys {
    pub zone: Spanned<u32>,
    /// Destination zone, trips seen, mean seconds, mean metres.
    pub to: Vec<Spanned<(u32, u32, f64, f64)>>,
}
