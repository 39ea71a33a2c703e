//! A map in words, for people.

use std::fmt::{Display, Formatter, Result as Written};

use super::kernel::{BoundMap, MapKernel};
use super::map::{InputSpec, MapModel, Modality};
use crate::device::{Shader, VoxelKernel};
use crate::{Error, Result};

impl MapModel {
    /// A kernel of this map alone, with every input an image, in the order of the inputs.
    pub fn kernel_of_images(&self) -> Result<MapKernel> {
        let unbound = BoundMap::new(&self.name, self);
        let rows = self.inputs.iter().enumerate();
        let bound = rows.fold(unbound, |map, (row, input)| map.image(&input.name, row));
        MapKernel::new(&[bound])
    }

    /// The map's own part of the shader: what comes after the common parts.
    pub fn wgsl(&self) -> Result<Shader> {
        let shader = self.kernel_of_images()?.shader(self.inputs.len());
        shader.ok_or_else(|| Error::Internal(format!("the map {} has no shader", self.name)))
    }
}

impl Display for MapModel {
    fn fmt(&self, f: &mut Formatter<'_>) -> Written {
        let modality: Vec<_> = self.modality.iter().map(|m: &Modality| m.name()).collect();
        writeln!(f, "{}: {}", self.name, self.title)?;
        writeln!(f, "  formula   {}", self.formula)?;
        writeln!(f, "  unit      {}", self.unit)?;
        writeln!(f, "  images    {}", modality.join(", "))?;
        if let Some(fields) = self.fields() {
            writeln!(f, "  field     {fields} only")?;
        }
        for InputSpec { name, doc, unit } in &self.inputs {
            let unit = unit.as_ref().map_or(String::new(), |unit| format!(" [{unit}]"));
            writeln!(f, "  input     {name}: {doc}{unit}")?;
        }
        for guard in &self.positive {
            writeln!(f, "  guard     {} > 0, else NaN", guard)?;
        }
        if let Some([low, high]) = self.valid {
            writeln!(f, "  plausible {low} to {high}, else flagged")?;
        }
        if let Ok(kernel) = self.kernel_of_images() {
            writeln!(f, "  cost      {} operations a voxel", kernel.operations())?;
        }
        write!(f, "  source    {}", self.reference.source)?;
        match &self.reference.doi {
            Some(doi) => write!(f, ", doi:{doi}"),
            None => Ok(()),
        }
    }
}
