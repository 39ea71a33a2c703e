//! What the mean signal of each label does over the phases, and what each phase looks like.

use super::SIGNAL;
use super::contrast::Planned;
use crate::Result;
use crate::device::{Column, Cpu, Precision, Row, Source};
use crate::enhance::curve::CurveKernel;
use crate::enhance::descriptor::{CURVE_TYPES, Descriptor};
use crate::enhance::maps::signal_unit;
use crate::measure::{Cell, MapValues, Table, region_name};
use crate::volume::{Scaling, VoxelType};

/// Adds the descriptors of each label's mean signals, which noise does not bias as it does those of voxels.
///
/// # Errors
/// Those of [`Cpu::new`].
pub(super) fn of_means(planned: &Planned, measured: &[MapValues], table: &mut Option<Table>) -> Result<()> {
    let (exam, Some(labels)) = (&planned.exam, &planned.labels) else { return Ok(()) };
    let kernel = CurveKernel::new(&exam.descriptors(), &exam.timeline, exam.curve);
    let descriptors = kernel.descriptors().to_vec();
    if descriptors.is_empty() {
        return Ok(());
    }
    let numbers: Vec<u16> = labels.regions.iter().map(|(label, _)| label).collect();
    let means = |&row: &usize| -> Option<Vec<f64>> {
        let phase = &exam.moments[row].label;
        let values = measured.iter().find(|map| map.name == SIGNAL && map.phase.as_ref() == Some(phase))?;
        Some(numbers.iter().map(|label| values.regions.get(label).map_or(f64::NAN, |of| of.summary.mean)).collect())
    };
    let Some(rows) = exam.curve_rows.iter().map(means).collect::<Option<Vec<_>>>() else { return Ok(()) };
    let columns = Cpu::new(1, Precision::F64)?
        .run(&kernel, &Source::new(rows.iter().map(|values| row(values)).collect(), numbers.len(), None));
    let table = table.get_or_insert_with(|| {
        Table::new(&["region", "label", "part", "quantity", "unit", "value", "curve_type", "note"])
    });
    let signal = signal_unit(exam.agent.modality());
    let columns: Vec<Vec<f64>> = columns.into_iter().map(Column::into_f64).collect();
    for (i, &label) in numbers.iter().enumerate() {
        for (descriptor, column) in descriptors.iter().zip(&columns) {
            let kind = match descriptor {
                Descriptor::CurveType => CURVE_TYPES.get(column[i] as usize).copied().unwrap_or(""),
                _ => "",
            };
            table.push([
                region_name(&labels.labels.names, label).into(),
                usize::from(label).into(),
                planned.part.into(),
                descriptor.name().into(),
                descriptor.unit(signal).into(),
                column[i].into(),
                kind.into(),
                Cell::from(super::NOTE_UNALIGNED),
            ]);
        }
    }
    Ok(())
}

/// Adds what each phase is, when it was, and what it looks like.
pub(super) fn of_phases(planned: &Planned, table: &mut Option<Table>) {
    let columns = ["part", "role", "seconds", "used", "looks_like", "agrees", "why"];
    let table = table.get_or_insert_with(|| Table::new(&columns));
    for look in &planned.looks {
        let found = look.finding.as_ref();
        let agrees = found.and_then(|found| found.agrees).map_or("", |agrees| if agrees { "yes" } else { "no" });
        table.push([
            planned.part.into(),
            look.role.name().into(),
            look.seconds.map_or_else(|| Cell::from(""), Cell::from),
            if look.is_used { "yes" } else { "no" }.into(),
            found.and_then(|found| found.pattern).map_or_else(String::new, |pattern| pattern.to_string()).into(),
            agrees.into(),
            found.map_or("", |found| found.why.as_str()).into(),
        ]);
    }
}

/// Numbers as a row of a source.
fn row(values: &[f64]) -> Row<'_> {
    Row { bytes: bytemuck::cast_slice(values), voxel_type: VoxelType::F64, scaling: Scaling::IDENTITY }
}
