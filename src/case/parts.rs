//! What a part of an examination gives to tables and pictures.

use std::rc::Rc;

use super::labels::CaseLabels;
use crate::enhance::maps::ExamMap;
use crate::measure::{Discretisation, MapValues, MeasuredMap, measure};
use crate::report::ColourKind;
use crate::volume::Grid;

/// Bins of the entropy between a region's least and largest value.
const BINS: usize = 32;

/// A map of a part.
#[derive(Debug, Clone)]
pub(super) struct PartMap {
    pub(super) name: String,
    pub(super) phase: Option<String>,
    pub(super) unit: String,
    pub(super) title: String,
    pub(super) colours: ColourKind,
    /// One value a voxel of the part's grid.
    pub(super) values: Vec<f32>,
    /// Whether the contact sheet shows it.
    pub(super) is_shown: bool,
}

impl PartMap {
    /// A map by formula that is of no phase; `None` where it holds codes.
    pub(super) fn by_formula(map: ExamMap, is_shown: bool) -> Option<Self> {
        Some(Self {
            name: map.name.clone(),
            phase: None,
            unit: map.unit.clone(),
            title: map.title.clone(),
            colours: ColourKind::Sequential,
            values: map.into_numbers()?,
            is_shown,
        })
    }
}

/// A part of an examination that was computed.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// Such as `dwi/adc`: the folder of its results.
    pub(super) name: String,
    pub(super) grid: Grid,
    pub(super) labels: Option<Rc<CaseLabels>>,
    pub(super) maps: Vec<PartMap>,
}

impl Part {
    /// Every map in every label.
    pub(super) fn measured(&self) -> Vec<MapValues> {
        let Some(labels) = &self.labels else { return Vec::new() };
        let of_map = |map: &PartMap| {
            measure(&MeasuredMap {
                part: &self.name,
                name: &map.name,
                phase: map.phase.as_deref(),
                unit: &map.unit,
                regions: &labels.regions,
                values: &map.values,
                bins: Discretisation::Count(BINS),
            })
        };
        self.maps.iter().map(of_map).collect()
    }

    /// Lets go of the maps that no picture shows.
    pub(super) fn keep_shown(&mut self) {
        self.maps.retain(|map| map.is_shown);
    }
}
