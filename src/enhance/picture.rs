//! How each enhancement map is drawn.

use crate::Result;
use crate::report::outputs::MapOutput;
use crate::report::{ColourKind, Montage};
use crate::volume::{Grid, MapData};

/// Draws a map; codes get a colour each, differences a scale on both sides of zero. The status has no picture.
pub fn paint(grid: &Grid, map: &MapOutput) -> Result<Option<Vec<u8>>> {
    let codes: Vec<f32>;
    let (values, kind) = match map.data {
        MapData::F32(values) => (values, kind(map.name)),
        MapData::U16(values) if map.name == "curve_type" => {
            codes = values.iter().map(|&code| f32::from(code)).collect();
            (codes.as_slice(), ColourKind::Categorical)
        }
        _ => return Ok(None),
    };
    let montage = Montage {
        title: map.title,
        unit: map.unit,
        grid,
        values,
        range: None,
        kind,
    };
    montage.to_png().map(Some)
}

fn kind(name: &str) -> ColourKind {
    match name {
        "time_to_peak" => ColourKind::Sequential,
        _ => ColourKind::Diverging,
    }
}
