//! Maps that compare each voxel with a reference region of the same examination, and with its own earlier phases.

use std::collections::BTreeMap;

use super::agent::Quantity;
use super::exam::Exam;
use super::maps::{Difference, Formula, PlannedMap};
use super::phase::{Phases, Role};
use crate::Result;
use crate::measure::{Noise, Organ, Reference};
use crate::model::Modality;
use crate::volume::{Image, VoxelType};

/// What the reference regions are in one phase, as far as they are known; the liver's is without lesions and vessels.
pub type References = BTreeMap<Organ, Reference>;

/// How the phases were acquired, for the change of R1 from their signals.
#[derive(Debug, Clone)]
pub struct SpoiledEcho {
    /// T1 before contrast in ms, one a voxel of the examination's grid.
    pub t1_ms: Vec<f32>,
    /// Repetition time in ms.
    pub repetition_time_ms: f64,
    /// Flip angle in degrees.
    pub flip_angle_deg: f64,
}

impl SpoiledEcho {
    /// The change of R1 in 1/s that signals before and after contrast tell of a tissue of T1 `t1_ms` before (Tofts 1999,
    /// J Magn Reson Imaging 10:223): the steady state solved for exp(-TR/T1).
    pub fn delta_r1(&self, pre: f64, post: f64, t1_ms: f64) -> f64 {
        let tr = self.repetition_time_ms;
        let (e, cos) = ((-tr / t1_ms).exp(), self.flip_angle_deg.to_radians().cos());
        let share = post / pre * (1.0 - e) / (1.0 - e * cos);
        1000.0 * (-((1.0 - share) / (1.0 - share * cos)).ln() / tr - 1.0 / t1_ms)
    }
}

impl Exam {
    /// Adds noise-scaled enhancement of each phase, where the noise is known.
    ///
    /// # Errors
    /// Those of [`PlannedMap::new`].
    pub fn plan_noise_scaled(&mut self, phases: &Phases, noise: Option<&Noise>) -> Result<()> {
        let Some(noise) = noise else {
            self.left_out.push("noise-scaled enhancement is left out: the noise is not known".into());
            return Ok(());
        };
        for row in phases.serving(Quantity::Subtraction) {
            let phase = Some(phases.phases[row].label.as_str());
            let modality = self.agent.modality();
            self.maps.push(PlannedMap::difference(Difference::NoiseScaled, phase, [row, 0], modality, noise.sigma)?);
        }
        Ok(())
    }

    /// Adds comparisons with `references`, those of each phase in order, and with the liver's own `rises` from the unenhanced
    /// phase: arterial enhancement above liver, the ratio and contrasts of liver and lesion in each phase, and liver to spleen
    /// in the hepatobiliary phase.
    ///
    /// # Errors
    /// Those of [`PlannedMap::new`].
    pub fn plan_comparisons(
        &mut self,
        phases: &Phases,
        references: &[References],
        rises: &[Option<Reference>],
    ) -> Result<()> {
        let modality = self.agent.modality();
        for (row, phase) in phases.phases.iter().enumerate() {
            let label = phase.label.as_str();
            let Some(liver) = references[row].get(&Organ::Liver) else { continue };
            if let Some(rise) = rises[row].filter(|_| phase.role.is_arterial()) {
                let formula = Formula {
                    model: "arterial_enhancement_above_liver",
                    images: &[("arterial", row), ("unenhanced", 0)],
                    numbers: &[("liver_rise", rise.value)],
                };
                let map = PlannedMap::new(formula, "Enhancement above liver", Some(label), false, modality)?;
                self.maps.push(map);
            }
            let images = [("lesion", row)];
            for (model, title) in [
                ("liver_to_lesion_ratio", "Liver to each voxel"),
                ("lesion_to_liver_contrast", "Contrast with liver, over liver"),
                ("lesion_to_liver_contrast_over_sum", "Contrast with liver, over the sum"),
            ] {
                if modality == Modality::Ct && model != "liver_to_lesion_ratio" {
                    continue;
                }
                let formula = Formula { model, images: &images, numbers: &[("liver", liver.value)] };
                self.maps.push(PlannedMap::new(formula, title, Some(label), true, modality)?);
            }
            if let Some(spleen) = references[row].get(&Organ::Spleen).filter(|_| phase.role == Role::Hepatobiliary) {
                let formula = Formula {
                    model: "liver_to_spleen_ratio",
                    images: &[("liver", row)],
                    numbers: &[("spleen", spleen.value)],
                };
                self.maps.push(PlannedMap::new(formula, "Each voxel to spleen", Some(label), true, modality)?);
            }
        }
        if references.iter().all(|of| !of.contains_key(&Organ::Liver)) {
            self.left_out.push("comparisons with liver are left out: there is no liver reference".into());
        }
        Ok(())
    }

    /// Adds the three forms of the signal enhancement ratio, of the arterial phase and the last one that the agent lets tell
    /// wash-out; the forms differ, and each map's name says which it is.
    ///
    /// # Errors
    /// Those of [`PlannedMap::new`].
    pub fn plan_enhancement_ratios(&mut self, phases: &Phases, noise: Option<&Noise>) -> Result<()> {
        let modality = self.agent.modality();
        let late = phases.serving(Quantity::WashOut).into_iter().next_back();
        let (Some(early), Some(late)) = (phases.arterial(), late) else {
            self.left_out
                .push("signal enhancement ratios are left out: they need an arterial and a later phase".into());
            return Ok(());
        };
        if modality == Modality::Ct {
            return Ok(());
        }
        let peak = self.images.len();
        self.images.push(self.largest_of(phases, late));
        let sigma = [("sigma", noise.map_or(0.0, |noise| noise.sigma))];
        let early_and_late = [("early", early), ("late", late), ("unenhanced", 0)];
        let late_and_peak = [("late", late), ("peak", peak), ("unenhanced", 0)];
        for (model, title, images) in [
            ("signal_enhancement_ratio_early_over_late", "Early over late enhancement", &early_and_late),
            ("signal_enhancement_ratio_late_over_peak", "Late over peak enhancement", &late_and_peak),
            ("signal_enhancement_ratio_of_relative", "Ratio of relative enhancements", &early_and_late),
        ] {
            let formula = Formula { model, images, numbers: &sigma };
            self.maps.push(PlannedMap::new(formula, title, None, false, modality)?);
        }
        let label = |row: usize| phases.phases[row].label.as_str();
        self.recorded.insert("signal_enhancement_ratio_of".into(), vec![label(early), label(late)].into());
        Ok(())
    }

    /// The largest signal of the phases on the curve after contrast, up to `last`.
    fn largest_of(&self, phases: &Phases, last: usize) -> Image {
        let rows = self.rows();
        let on_curve = phases.serving(Quantity::Curve).into_iter().filter(|&row| row > 0 && row <= last);
        let mut largest = vec![f32::NEG_INFINITY; self.image().grid.n_voxels()];
        let mut values = largest.clone();
        for row in on_curve {
            rows[row].load_f32(0, &mut values);
            // A sample that is no number makes the peak none.
            largest.iter_mut().zip(&values).for_each(|(largest, &value)| {
                *largest = if value.is_nan() || largest.is_nan() { f32::NAN } else { largest.max(value) };
            });
        }
        Image::from_values("peak", self.image().grid.clone(), VoxelType::F32, &largest)
    }

    /// Adds the change of R1 of each phase, which is free of what T1 before contrast does to the signal.
    ///
    /// # Errors
    /// Those of [`PlannedMap::new`].
    pub fn plan_delta_r1(&mut self, phases: &Phases, echo: &SpoiledEcho) -> Result<()> {
        let t1 = self.images.len();
        self.images.push(Image::from_values("T1", self.image().grid.clone(), VoxelType::F32, &echo.t1_ms));
        for row in phases.serving(Quantity::Subtraction) {
            let formula = Formula {
                model: "delta_r1_spgr",
                images: &[("post", row), ("pre", 0), ("t1", t1)],
                numbers: &[("tr", echo.repetition_time_ms), ("flip_angle", echo.flip_angle_deg)],
            };
            let phase = Some(phases.phases[row].label.as_str());
            self.maps.push(PlannedMap::new(formula, "Change of R1", phase, false, self.agent.modality())?);
        }
        Ok(())
    }
}
