//! The list of zones.

use std::io::Read;

use super::FitError;
use crate::point::Point;
use crate::table::Table;
use crate::zones::Zone;

const COLUMNS: [&str; 6] = ["zone_id", "borough", "zone", "latitude", "longitude", "area_km2"];

/// All zones, in the order of the file, without shares yet. A broken row is an error: the list is short and hand-checked.
pub(super) fn read(source: impl Read, file: &str) -> Result<Vec<Zone>, FitError> {
    let mut table = Table::open(source, file, &COLUMNS)?;
    let mut zones: Vec<Zone> = Vec::new();
    while let Some(row) = table.next()? {
        let id: u32 = row
            .get(0)
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| table.wrong(&row, 0, "write the zone's number, like 230"))?;
        let text = |wanted: usize| {
            row.get(wanted).filter(|text| !text.is_empty()).ok_or_else(|| table.wrong(&row, wanted, "write a name"))
        };
        let number = |wanted: usize, least: f64, most: f64, hint: &str| {
            row.get(wanted)
                .and_then(|text| text.parse::<f64>().ok())
                .filter(|value| (least..=most).contains(value))
                .ok_or_else(|| table.wrong(&row, wanted, hint))
        };
        if zones.iter().any(|zone| zone.id == id) {
            return Err(FitError::ZoneTwice { file: file.to_owned(), id, line: row.line });
        }
        zones.push(Zone {
            id,
            borough: text(1)?.to_owned(),
            name: text(2)?.to_owned(),
            centroid: Point {
                latitude: number(3, -85.0, 85.0, "write degrees north, from -85 to 85")?,
                longitude: number(4, -180.0, 180.0, "write degrees east, from -180 to 180")?,
            },
            area_km2: number(5, 1e-6, 1e6, "write square kilometres above 0")?,
            pickup_share: 0.0,
            dropoff_share: 0.0,
        });
    }
    if zones.is_empty() {
        return Err(table.no_rows().into());
    }
    Ok(zones)
}
