//! What a phantom's data must be before anything is made of it.

use std::collections::BTreeSet;

use super::spec::{AIR, Further, Phase, Protocol, Shape, Spec, Timing, Tissue};
use crate::Result;

impl Spec {
    /// Refuses what cannot be meant.
    pub(super) fn check(&self) -> Result<()> {
        self.check_protocol()?;
        self.check_further()?;
        self.dynamic.protocols.values().try_for_each(|p| self.check_phases(&p.phases))?;
        self.check_names()?;
        self.tissues.iter().try_for_each(|t| self.check_tissue(t))?;
        self.shapes.iter().try_for_each(|s| self.check_shape(s))
    }

    fn check_protocol(&self) -> Result<()> {
        let [zi, zj, zk] = self.grid.zooms_mm;
        let positive = [
            ("field_strength_t", self.field_strength_t),
            ("grid.zooms_mm[0]", zi),
            ("grid.zooms_mm[1]", zj),
            ("grid.zooms_mm[2]", zk),
            ("noise.sd", self.noise.sd),
            ("diffusion.snr", self.diffusion.snr),
            ("dynamic.snr", self.dynamic.snr),
        ];
        positive.iter().try_for_each(|(name, value)| self.check_positive(name, *value))?;
        self.check_timing("diffusion", self.diffusion.timing)?;
        self.check_timing("dynamic", self.dynamic.timing)?;
        if self.grid.shape.contains(&0) {
            return Err(
                self.complain(format!("grid.shape is {:?}", self.grid.shape), "give at least one voxel each way")
            );
        }
        let b = &self.diffusion.b_s_per_mm2;
        match b.len() >= 2 && b[0] >= 0.0 && b.windows(2).all(|w| w[0] < w[1]) && b[b.len() - 1].is_finite() {
            true => Ok(()),
            false => Err(self.complain(
                format!("diffusion.b_s_per_mm2 is {b:?}"),
                "give two or more finite b-values from 0 up, in rising order",
            )),
        }
    }

    fn check_timing(&self, series: &str, timing: Timing) -> Result<()> {
        [
            ("repetition_time_ms", timing.repetition_time_ms),
            ("echo_time_ms", timing.echo_time_ms),
            ("flip_angle_deg", timing.flip_angle_deg),
        ]
        .into_iter()
        .try_for_each(|(key, value)| self.check_positive(&format!("{series}.timing.{key}"), value))
    }

    fn check_further(&self) -> Result<()> {
        let Further { fat, t2, t2star, t1 } = &self.further;
        for (series, sequence) in [("fat", fat), ("t2", t2), ("t2star", t2star), ("t1", t1)] {
            let name = format!("further.{series}");
            let timings = sequence.timings();
            if timings.len() < 2 {
                return Err(self.complain(
                    format!("{name} has {} volumes", timings.len()),
                    "give two or more echo times or flip angles, and at least one of the other",
                ));
            }
            self.check_positive(&format!("{name}.snr"), sequence.snr)?;
            timings.into_iter().try_for_each(|timing| self.check_timing(&name, timing))?;
        }
        let pair = fat.timings().len();
        match pair {
            2 => Ok(()),
            _ => Err(self.complain(format!("further.fat has {pair} volumes"), "give one in phase and one opposed")),
        }
    }

    fn check_phases(&self, phases: &[Phase]) -> Result<()> {
        let remedy = "begin with { role = \"unenhanced\" }, then phases of other roles with rising time_s above 0";
        let first_is_unenhanced = phases.first().is_some_and(|p| p.role == "unenhanced" && p.time_s.is_none());
        if !first_is_unenhanced || phases.len() < 2 {
            return Err(self.complain("dynamic.phases do not begin with an unenhanced phase without a time", remedy));
        }
        let mut before = 0.0;
        let mut roles = BTreeSet::from(["unenhanced"]);
        for phase in &phases[1..] {
            match phase.time_s {
                Some(t) if t.is_finite() && t > before => before = t,
                _ => {
                    let problem = format!("phase {} has time_s {:?} after {before}", phase.role, phase.time_s);
                    return Err(self.complain(problem, remedy));
                }
            }
            if !roles.insert(&phase.role) {
                return Err(self.complain(format!("two phases are {}", phase.role), remedy));
            }
        }
        Ok(())
    }

    fn check_names(&self) -> Result<()> {
        let mut names = BTreeSet::new();
        let mut labels = BTreeSet::from([0]);
        for tissue in &self.tissues {
            if !names.insert(&tissue.name) {
                return Err(self.complain(format!("two tissues are named {}", tissue.name), "give each its own name"));
            }
            if let Some(label) = tissue.label.filter(|&label| !labels.insert(label)) {
                return Err(self.complain(
                    format!("tissue {} has label {label}, which is taken", tissue.name),
                    "give each region a label of its own; 0 is no region",
                ));
            }
        }
        if self.tissues.len() > usize::from(u8::MAX) {
            return Err(self.complain(format!("there are {} tissues", self.tissues.len()), "255 is the limit"));
        }
        self.known_tissue("noise.reference", &self.noise.reference)
    }

    fn check_tissue(&self, tissue: &Tissue) -> Result<()> {
        let name = &tissue.name;
        let mut numbers = vec![
            ("adc_mm2_per_s", &tissue.adc_mm2_per_s),
            ("t1_ms", &tissue.t1_ms),
            ("t2_ms", &tissue.t2_ms),
            ("proton_density", &tissue.proton_density),
            ("r2star_per_s", &tissue.r2star_per_s),
        ];
        numbers.extend(tissue.diffusion_fraction.as_ref().map(|f| ("diffusion_fraction", f)));
        for (key, number) in numbers {
            self.check_positive(&format!("{name}.{key}"), number.value)?;
            self.check_source(&format!("{name}.{key}"), &number.source)?;
        }
        let fat = &tissue.fat_fraction;
        self.check_source(&format!("{name}.fat_fraction"), &fat.source)?;
        if !(0.0..1.0).contains(&fat.value) {
            return Err(
                self.complain(format!("{name}.fat_fraction is {}", fat.value), "give a share from 0 to below 1")
            );
        }
        if tissue.r2star_per_s.value < 1000.0 / tissue.t2_ms.value {
            return Err(self.complain(
                format!("{name}.r2star_per_s is {}, below R2 = 1000 / t2_ms", tissue.r2star_per_s.value),
                "T2* is never longer than T2: give R2 or more",
            ));
        }
        self.dynamic.protocols.iter().try_for_each(|(agent, protocol)| self.check_rise(tissue, agent, protocol))
    }

    fn check_rise(&self, tissue: &Tissue, agent: &str, protocol: &Protocol) -> Result<()> {
        let name = format!("{}.delta_r1_per_s.{agent}", tissue.name);
        let remedy = "give one rise from 0 up for each phase after the first";
        let Some(rise) = tissue.delta_r1_per_s.get(agent) else {
            return Err(self.complain(format!("{name} is missing"), remedy));
        };
        self.check_source(&name, &rise.source)?;
        let n = protocol.phases.len() - 1;
        match rise.value.len() == n && rise.value.iter().all(|r| r.is_finite() && *r >= 0.0) {
            true => Ok(()),
            false => Err(self.complain(format!("{name} is {:?}", rise.value), remedy)),
        }
    }

    fn check_shape(&self, shape: &Shape) -> Result<()> {
        std::iter::once(&shape.tissue)
            .chain(shape.over.iter().filter(|name| *name != AIR))
            .try_for_each(|name| self.known_tissue("a shape", name))?;
        shape.form.check(|problem| self.complain(format!("a shape of {}: {problem}", shape.tissue), "mend that shape"))
    }

    fn check_positive(&self, name: &str, value: f64) -> Result<()> {
        match value.is_finite() && value > 0.0 {
            true => Ok(()),
            false => Err(self.complain(format!("{name} is {value}"), "give a finite number above 0")),
        }
    }

    fn check_source(&self, name: &str, source: &str) -> Result<()> {
        match self.references.contains_key(source) {
            true => Ok(()),
            false => Err(self.complain(
                format!("{name} has the source {source}, which is not among the references"),
                "add it to [references]",
            )),
        }
    }

    fn known_tissue(&self, whose: &str, name: &str) -> Result<()> {
        match self.tissue(name) {
            Some(_) => Ok(()),
            None => Err(self.complain(
                format!("{whose} names the tissue {name}, which is not listed"),
                "add a [[tissue]] of that name",
            )),
        }
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
