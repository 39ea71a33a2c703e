//! Maps as a kernel: any number of them in one pass over the voxels, on either device.

use std::fmt::Write;

use super::eval::{Code, Machine};
use super::graph::{Graph, Node};
use super::map::MapModel;
use super::program::Program;
use super::status;
use super::wgsl::{self, Writer};
use crate::device::{Batch, ColumnMut, ColumnSpec, ColumnType, Precision, Shader, VoxelKernel};
use crate::lanes::{LaneWork, Lanes, run_f32, run_f64};
use crate::{Error, Result};

/// The name of the last column.
pub const STATUS: &str = "status";

/// What an input of a map is, in a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Binding {
    /// An image: the row of the [`Source`](crate::device::Source) that holds it.
    Image(usize),
    /// One number for all voxels.
    Number(f64),
}

/// A map with its inputs, and the name of what comes out.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundMap<'m> {
    name: String,
    model: &'m MapModel,
    inputs: Vec<(String, Binding)>,
}

impl<'m> BoundMap<'m> {
    /// A map whose output is called `name`; its inputs are still to be bound.
    pub fn new(name: &str, model: &'m MapModel) -> Self {
        Self { name: name.into(), model, inputs: Vec::new() }
    }

    /// Binds an input to the image in a row of the source.
    #[must_use]
    pub fn image(mut self, input: &str, row: usize) -> Self {
        self.inputs.push((input.into(), Binding::Image(row)));
        self
    }

    /// Binds an input to one number, in the input's unit.
    #[must_use]
    pub fn number(mut self, input: &str, value: f64) -> Self {
        self.inputs.push((input.into(), Binding::Number(value)));
        self
    }

    /// What an input is bound to; exactly one binding is allowed.
    fn binding(&self, input: &str) -> Result<Binding> {
        let mut bound = self.inputs.iter().filter(|(name, _)| name == input);
        match (bound.next(), bound.next()) {
            (Some(&(_, binding)), None) => Ok(binding),
            (None, _) => Err(self.error(format!("its input `{input}` is not given"))),
            _ => Err(self.error(format!("its input `{input}` is given twice"))),
        }
    }

    fn error(&self, problem: String) -> Error {
        let (name, model) = (&self.name, &self.model.name);
        Error::Usage(format!(
            "the map `{name}` cannot be computed: {problem}\n  remedy: `hepar maps show {model}` lists its inputs"
        ))
    }
}

/// Maps without fitted parameters, all computed at once.
///
/// Columns: one F32 a map, in order, then one U16 `status`, whose bits are those of [`status_bits`](super::status_bits),
/// set if they hold for any of the maps. A voxel of an image that is not finite makes exactly those maps NaN that use
/// this image, in the formula or in a guard.
#[derive(Debug, Clone)]
pub struct MapKernel {
    maps: Vec<Instance>,
    program: Program,
    code: Code,
}

/// One map of a kernel. Its group wants the value, then the guards, then the images.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) name: String,
    pub(super) n_guards: usize,
    pub(super) n_images: usize,
    pub(super) valid: Option<[f64; 2]>,
}

impl MapKernel {
    /// Binds maps to the rows of a source and to numbers.
    pub fn new(maps: &[BoundMap]) -> Result<Self> {
        let mut binder = Binder::default();
        let mut instances = Vec::new();
        let mut groups = Vec::new();
        for (i, map) in maps.iter().enumerate() {
            if map.name == STATUS || maps[..i].iter().any(|other| other.name == map.name) {
                return Err(map.error("another output has this name".into()));
            }
            let (instance, group) = binder.add(map)?;
            instances.push(instance);
            groups.push(group);
        }
        let program = Program::new(&binder.graph, &groups, &binder.constants);
        let code = Code::new(&program);
        Ok(Self { maps: instances, program, code })
    }

    /// Arithmetic operations a voxel, without loads and checks.
    pub fn operations(&self) -> usize {
        self.program.operations()
    }

    /// Registers that the CPU's evaluator keeps for a block of voxels.
    pub fn registers(&self) -> usize {
        self.code.n_registers()
    }
}

#[derive(Default)]
struct Binder {
    graph: Graph,
    constants: Vec<f64>,
}

impl Binder {
    /// Adds a map's formulas; returns what its group wants.
    fn add(&mut self, map: &BoundMap) -> Result<(Instance, Vec<Node>)> {
        let known = |name: &String| map.model.inputs.iter().any(|input| input.name == *name);
        if let Some((name, _)) = map.inputs.iter().find(|(name, _)| !known(name)) {
            return Err(map.error(format!("it has no input `{name}`")));
        }
        let mut names = Vec::new();
        let mut images = Vec::new();
        for input in &map.model.inputs {
            let binding = map.binding(&input.name)?;
            let node = self.node(map, &input.name, binding)?;
            if matches!(binding, Binding::Image(_)) && !images.contains(&node) {
                images.push(node);
            }
            names.push((input.name.as_str(), node));
        }
        let formulas = [&map.model.formula].into_iter().chain(&map.model.positive);
        let mut group = Vec::new();
        for formula in formulas {
            // The formula was tried when it was read: with other names for the same nodes it cannot fail.
            let added = self.graph.add(&formula.expr, &names);
            group.push(added.map_err(|fault| Error::Internal(fault.problem))?);
        }
        let instance = Instance {
            name: map.name.clone(),
            n_guards: map.model.positive.len(),
            n_images: images.len(),
            valid: map.model.valid,
        };
        group.extend(images);
        Ok((instance, group))
    }

    fn node(&mut self, map: &BoundMap, input: &str, binding: Binding) -> Result<Node> {
        match binding {
            Binding::Image(row) => Ok(self.graph.input(row as u32)),
            Binding::Number(value) if !(value as f32).is_finite() => {
                Err(map.error(format!("its input `{input}` is {value}, which is no finite number")))
            }
            Binding::Number(value) => {
                let same = |known: &f64| known.to_bits() == value.to_bits();
                let found = self.constants.iter().position(same);
                let index = found.unwrap_or_else(|| {
                    self.constants.push(value);
                    self.constants.len() - 1
                });
                Ok(self.graph.constant(index as u32))
            }
        }
    }
}

impl VoxelKernel for MapKernel {
    fn label(&self) -> String {
        let names: Vec<&str> = self.maps.iter().map(|map| map.name.as_str()).collect();
        format!("maps {}", names.join(" "))
    }

    fn columns(&self) -> Vec<ColumnSpec> {
        let maps = self.maps.iter().map(|map| (&*map.name, ColumnType::F32));
        let columns = maps.chain([(STATUS, ColumnType::U16)]);
        columns.map(|(name, kind)| ColumnSpec { name: name.into(), kind }).collect()
    }

    fn run_cpu(&self, batch: &Batch, precision: Precision, out: &mut [ColumnMut]) {
        let work = Work { kernel: self, batch, out };
        match precision {
            Precision::F32 => run_f32(work),
            Precision::F64 => run_f64(work),
        }
    }

    fn shader(&self, _n_obs: usize) -> Option<Shader> {
        let writer = Writer::new(&self.program, "        ");
        let mut body = format!("{}\n{MAIN}        var status = 0u;\n", wgsl::FORMULA.trim_end());
        for (column, (map, group)) in self.maps.iter().zip(&self.program.groups).enumerate() {
            // Writing to a string cannot fail.
            let _ = write!(body, "        // {}\n{}", map.name, writer.steps(group.steps.clone()));
            let wanted: Vec<String> = group.wanted.iter().map(|&v| writer.value(v)).collect();
            body += &status::wgsl(map, column, &wanted);
        }
        let _ = write!(body, "        store_u16({}u, voxel, status);\n    }}\n    finish();\n}}\n", self.maps.len());
        let params = self.program.params().map(|value| value as f32);
        Some(Shader { body, params: params.collect(), turns: Shader::ANY })
    }
}

/// The head of a kernel that takes voxels in steps of the whole dispatch.
const MAIN: &str = "
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    for (var voxel = id.x; voxel < batch.n_voxels; voxel += groups.x * WORKGROUP) {
";

struct Work<'a, 'b, 'c> {
    kernel: &'a MapKernel,
    batch: &'a Batch<'b>,
    out: &'a mut [ColumnMut<'c>],
}

impl LaneWork for Work<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { kernel, batch, out } = self;
        let block = Machine::<L>::BLOCK;
        let mut machine = Machine::new(lanes, &kernel.code);
        let mut finished = status::Finished::new(lanes);
        for first in (0..batch.n_voxels()).step_by(block) {
            let n = block.min(batch.n_voxels() - first);
            finished.clear();
            for (i, map) in kernel.maps.iter().enumerate() {
                machine.run(i, |row, to| batch.row(row as usize).load(first, &mut to[..n]));
                finished.map(map, |wanted| machine.wanted(i, wanted));
                finished.store_map(&mut out[i], first..first + n);
            }
            finished.store_status(&mut out[kernel.maps.len()], first..first + n);
        }
    }
}

#[cfg(test)]
mod tests;
