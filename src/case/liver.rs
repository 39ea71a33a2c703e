//! The reference regions of each phase, and what they say of the liver as a whole.

use super::contrast::Planned;
use super::estimate::Estimate;
use super::{NOTE, NOTE_UNALIGNED};
use crate::enhance::Role;
use crate::enhance::comparison::References;
use crate::enhance::maps::signal_unit;
use crate::measure::{Cell, Organ, Table};
use crate::model::Modality;

/// Adds a row an organ and phase: the trimmed median that stands for it.
pub(super) fn references(planned: &Planned, table: &mut Option<Table>) {
    let columns = ["part", "phase", "organ", "unit", "n", "n_left_out", "value", "sd", "standard_error"];
    let table = table.get_or_insert_with(|| Table::new(&columns));
    let unit = signal_unit(planned.exam.agent.modality());
    for (moment, of) in planned.exam.moments.iter().zip(&planned.references) {
        for (organ, reference) in of {
            table.push([
                planned.part.into(),
                moment.label.as_str().into(),
                organ.name().into(),
                unit.into(),
                reference.n.into(),
                reference.n_left_out.into(),
                reference.value.into(),
                reference.sd.into(),
                Cell::from(reference.standard_error),
            ]);
        }
    }
}

/// Adds what the liver itself does: its spread in each phase, its enhancement, and its ratio to spleen in the hepatobiliary phase.
pub(super) fn liver(planned: &Planned, table: &mut Option<Table>) {
    let columns = ["part", "phase", "quantity", "unit", "value", "standard_error", "note"];
    let table = table.get_or_insert_with(|| Table::new(&columns));
    let before = planned.phases.as_ref().and(planned.references.first());
    let organ = |of: &References, organ: Organ| of.get(&organ).map(|&reference| Estimate::from(reference));
    for (moment, of) in planned.exam.moments.iter().zip(&planned.references) {
        let Some(liver) = of.get(&Organ::Liver) else { continue };
        let mut add = |quantity: &str, unit: &str, Estimate { value, standard_error }: Estimate| {
            let note = if quantity.contains("enhancement") { NOTE_UNALIGNED } else { NOTE };
            table.push([
                planned.part.into(),
                moment.label.as_str().into(),
                quantity.into(),
                unit.into(),
                value.into(),
                standard_error.into(),
                Cell::from(note),
            ]);
        };
        if planned.exam.agent.modality() != Modality::Mr {
            continue;
        }
        // Noise is part of it; the standard error is that of a standard deviation of Gaussian values.
        let cv = 100.0 * liver.sd / liver.value;
        let standard_error = cv / (2.0 * liver.n as f64).sqrt();
        add("liver_coefficient_of_variation", "%", Estimate { value: cv, standard_error });
        if let Some(before) =
            before.and_then(|of| organ(of, Organ::Liver)).filter(|_| moment.label != Role::Unenhanced.name())
        {
            add("liver_relative_enhancement", "%", Estimate::from(*liver).over(before).plus(-1.0).times(100.0));
        }
        if let Some(spleen) = organ(of, Organ::Spleen).filter(|_| moment.label == Role::Hepatobiliary.name()) {
            add("liver_to_spleen_ratio", "", Estimate::from(*liver).over(spleen));
        }
    }
}
