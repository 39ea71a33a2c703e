//! Each lesion as a whole: its enhancement beside the liver's, its ratios, and what its maps are on average, beside published
//! cut-offs.

use super::contrast::Planned;
use super::estimate::Estimate;
use crate::enhance::{Quantity, Role};
use crate::measure::{Cell, MapValues, Organ, Reference, Summary, Table, difference};
use crate::model::Modality;

/// What the table says beside an enhancement above liver that was told from signals.
const T1_REMARK: &str = "a difference of T1 before contrast alone can do this: only the change of R1 is free of it";

/// T1 before contrast on the grid of the phases, in tables.
pub(super) const T1_BEFORE: &str = "T1_before_contrast";

/// One quantity of one lesion.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) region: String,
    pub(super) label: u16,
    pub(super) part: String,
    pub(super) phase: String,
    pub(super) quantity: String,
    pub(super) unit: String,
    pub(super) estimate: Estimate,
    /// Whether the value is above 0 by more than two standard errors, where that is asked.
    pub(super) beyond_2_se: Option<bool>,
    pub(super) remark: &'static str,
}

impl Row {
    /// Whether it was made from several phases.
    fn is_of_several(&self) -> bool {
        ["enhancement", "delta_r1", "signal_loss"].iter().any(|part| self.quantity.contains(part))
    }
}

/// The table: a row a lesion, phase and quantity.
pub(super) fn table(rows: &[Row], cut_offs: impl Fn(&Row) -> String) -> Table {
    let columns = [
        "region",
        "label",
        "part",
        "phase",
        "quantity",
        "unit",
        "value",
        "standard_error",
        "beyond_2_se",
        "published_cut_offs",
        "remark",
        "note",
    ];
    let mut table = Table::new(&columns);
    for row in rows {
        let beyond = row.beyond_2_se.map_or("", |beyond| if beyond { "yes" } else { "no" });
        table.push([
            row.region.as_str().into(),
            usize::from(row.label).into(),
            row.part.as_str().into(),
            row.phase.as_str().into(),
            row.quantity.as_str().into(),
            row.unit.as_str().into(),
            row.estimate.value.into(),
            row.estimate.standard_error.into(),
            beyond.into(),
            cut_offs(row).into(),
            row.remark.into(),
            Cell::from(if row.is_of_several() { super::NOTE_UNALIGNED } else { super::NOTE }),
        ]);
    }
    table
}

/// What a terminal has room for: how far lesions are above liver, and what their maps are on average.
pub(super) fn brief(rows: &[Row]) -> Table {
    let is_shown = |row: &&Row| row.beyond_2_se.is_some() || row.quantity.ends_with("_mean");
    let shown: Vec<Row> = rows.iter().filter(is_shown).cloned().collect();
    let columns = ["region", "phase", "quantity", "unit", "value", "standard_error", "beyond_2_se"];
    table(&shown, |_| String::new()).select(&columns)
}

/// The rows of every lesion, of the phases of a part and the maps `measured` there.
pub(super) fn of_phases(planned: &Planned, measured: &[MapValues], livers: &Livers) -> Vec<Row> {
    let Some(labels) = &planned.labels else { return Vec::new() };
    let lesions = labels.lesions.iter().map(|&label| Lesion { planned, measured, label, region: labels.name(label) });
    lesions.flat_map(|lesion| lesion.rows(livers)).collect()
}

/// What the liver is in maps that lesions are compared in: `(map, phase)` to its reference.
pub(super) type Livers = std::collections::BTreeMap<(String, String), Reference>;

struct Lesion<'a> {
    planned: &'a Planned,
    measured: &'a [MapValues],
    label: u16,
    region: String,
}

impl Lesion<'_> {
    /// What a map is in the lesion.
    fn summary(&self, map: &str, phase: &str) -> Option<&Summary> {
        let of = self.measured.iter().find(|values| values.name == map && values.phase.as_deref() == Some(phase))?;
        Some(&of.regions.get(&self.label)?.summary)
    }

    fn signal(&self, phase: &str) -> Option<Estimate> {
        self.summary(super::SIGNAL, phase).map(Estimate::mean)
    }

    fn row(&self, phase: &str, quantity: &str, unit: &str, estimate: Estimate) -> Row {
        Row {
            region: self.region.clone(),
            label: self.label,
            part: self.planned.part.into(),
            phase: phase.into(),
            quantity: quantity.into(),
            unit: unit.into(),
            estimate,
            beyond_2_se: None,
            remark: "",
        }
    }

    fn rows(&self, livers: &Livers) -> Vec<Row> {
        let Planned { exam, .. } = self.planned;
        let mut rows = Vec::new();
        for (i, moment) in exam.moments.iter().enumerate() {
            let phase = moment.label.as_str();
            let signal = crate::enhance::maps::signal_unit(exam.agent.modality());
            rows.extend(self.signal(phase).map(|estimate| self.row(phase, super::SIGNAL, signal, estimate)));
            rows.extend(self.beside_liver(i, phase));
            rows.extend(self.above_liver(phase, livers));
        }
        rows.extend(self.ratios());
        rows
    }

    /// Ratio and contrasts with liver in one phase.
    fn beside_liver(&self, i: usize, phase: &str) -> Vec<Row> {
        let liver = self.planned.references.get(i).and_then(|of| of.get(&Organ::Liver));
        let (Some(liver), Some(lesion)) = (liver.map(|&liver| Estimate::from(liver)), self.signal(phase)) else {
            return Vec::new();
        };
        let mut rows = vec![self.row(phase, "liver_to_lesion_ratio", "%", liver.over(lesion).times(100.0))];
        if self.planned.exam.agent.modality() == Modality::Mr {
            let over_liver = lesion.over(liver);
            rows.push(self.row(phase, "lesion_to_liver_contrast", "", over_liver.plus(-1.0)));
            // (a - b)/(a + b) of r = a/b is (r - 1)/(r + 1), with the slope 2/(r + 1)².
            let r = over_liver.value;
            let over_sum = Estimate {
                value: (r - 1.0) / (r + 1.0),
                standard_error: 2.0 / (r + 1.0).powi(2) * over_liver.standard_error,
            };
            rows.push(self.row(phase, "lesion_to_liver_contrast_over_sum", "", over_sum));
        }
        rows
    }

    /// Enhancement, and how far it is above the liver's: by the signal, and by the change of R1 where that is known.
    fn above_liver(&self, phase: &str, livers: &Livers) -> Vec<Row> {
        let Planned { exam, phases, .. } = self.planned;
        let role = phases.iter().flat_map(|phases| &phases.phases).find(|of| of.label == phase).map(|of| of.role);
        let signal = crate::enhance::maps::signal_unit(exam.agent.modality());
        let mut rows = Vec::new();
        let t1_remark = if exam.agent.modality() == Modality::Mr { T1_REMARK } else { "" };
        for (map, quantity, above, unit, remark) in
            [("subtraction", "enhancement", "enhancement_above_liver", signal, t1_remark)]
        {
            let name = format!("{map}_{phase}_{}", crate::enhance::maps::UNALIGNED);
            let Some(summary) = self.summary(&name, phase) else { continue };
            rows.push(self.row(phase, quantity, unit, Estimate::mean(summary)));
            let liver = livers.get(&(name, phase.to_owned())).filter(|_| role.is_some_and(Role::is_arterial));
            if let Some(liver) = liver {
                let found = difference(summary, liver.value, liver.standard_error);
                let estimate = Estimate { value: found.value, standard_error: found.standard_error };
                let row = self.row(phase, above, unit, estimate);
                rows.push(Row { beyond_2_se: Some(found.beyond_two_se), remark, ..row });
            }
        }
        rows.extend(self.delta_r1(phase, role.is_some_and(Role::is_arterial), livers));
        rows
    }

    /// The change of R1 by the mean signals and the mean T1, of the lesion and above the liver's: means of a map are biased by
    /// noise, and not alike in tissues of other T1.
    fn delta_r1(&self, phase: &str, is_arterial: bool, livers: &Livers) -> Vec<Row> {
        let Planned { echo: Some(echo), references, exam, .. } = self.planned else { return Vec::new() };
        let first = exam.moments.first().map_or("", |moment| moment.label.as_str());
        let place = exam.moments.iter().position(|moment| moment.label == phase);
        let t1 = self.measured.iter().find(|map| map.name == T1_BEFORE);
        let t1 = t1.and_then(|map| map.regions.get(&self.label)).map(|of| Estimate::mean(&of.summary));
        let (Some(pre), Some(post), Some(t1), Some(place)) = (self.signal(first), self.signal(phase), t1, place) else {
            return Vec::new();
        };
        if place == 0 {
            return Vec::new();
        }
        let lesion = Estimate::of([pre, post, t1], |[pre, post, t1]| echo.delta_r1(pre, post, t1));
        let mut rows = vec![self.row(phase, "delta_r1_of_means", "1/s", lesion)];
        let of = |row: usize| references.get(row)?.get(&Organ::Liver).map(|&reference| Estimate::from(reference));
        let t1 = livers.get(&(T1_BEFORE.to_owned(), String::new())).map(|&reference| Estimate::from(reference));
        if let (true, Some(pre), Some(post), Some(t1)) = (is_arterial, of(0), of(place), t1) {
            let liver = Estimate::of([pre, post, t1], |[pre, post, t1]| echo.delta_r1(pre, post, t1));
            let above = lesion.minus(liver);
            let row = self.row(phase, "delta_r1_above_liver", "1/s", above);
            rows.push(Row { beyond_2_se: Some(above.value > 2.0 * above.standard_error), ..row });
        }
        rows
    }

    /// Ratios of the lesion's mean signals in several phases.
    fn ratios(&self) -> Vec<Row> {
        let Planned { exam, phases: Some(phases), .. } = self.planned else { return Vec::new() };
        let label = |row: usize| phases.phases[row].label.as_str();
        let at = |row: usize| self.signal(label(row));
        let Some(before) = at(0) else { return Vec::new() };
        let mut rows = Vec::new();
        for row in phases.serving(Quantity::RelativeEnhancement) {
            if let Some(after) = at(row) {
                let relative = after.over(before).plus(-1.0).times(100.0);
                rows.push(self.row(label(row), "relative_enhancement_of_means", "%", relative));
            }
        }
        let Some((arterial, sa)) = phases.arterial().and_then(|row| Some((row, at(row)?))) else { return rows };
        let rise = sa.minus(before);
        let least = exam.noise.as_ref().map_or(0.0, |noise| noise.enhancement_threshold());
        if rise.value <= least {
            return rows;
        }
        for row in phases.serving(Quantity::WashOut).into_iter().filter(|&row| row > arterial) {
            let Some(later) = at(row) else { continue };
            let loss = sa.minus(later);
            // The arterial signal is in both: loss/rise = (sa - sl)/(sa - s0).
            let share = loss.value / rise.value;
            let squares = ((1.0 - share) * sa.standard_error).powi(2)
                + later.standard_error.powi(2)
                + (share * before.standard_error).powi(2);
            let absolute = Estimate { value: share, standard_error: squares.sqrt() / rise.value };
            rows.push(self.row(label(row), "signal_loss_absolute_of_means", "%", absolute.times(100.0)));
            let kept = later.over(sa);
            let relative = Estimate { value: 1.0 - kept.value, ..kept };
            rows.push(self.row(label(row), "signal_loss_relative_of_means", "%", relative.times(100.0)));
        }
        rows
    }
}

/// What maps of any part are on average in each lesion.
pub(super) fn of_maps(
    part: &str,
    labels: &super::labels::CaseLabels,
    measured: &[MapValues],
    is_wanted: impl Fn(&str) -> bool,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for &label in &labels.lesions {
        for map in measured.iter().filter(|map| is_wanted(&map.name)) {
            let Some(values) = map.regions.get(&label) else { continue };
            rows.push(Row {
                region: labels.name(label),
                label,
                part: part.into(),
                phase: map.phase.clone().unwrap_or_default(),
                quantity: format!("{}_mean", map.name),
                unit: map.unit.clone(),
                estimate: Estimate::mean(&values.summary),
                beyond_2_se: None,
                remark: "",
            });
        }
    }
    rows
}
