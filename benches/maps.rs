//! What interpreting formulas costs: three fused maps against the same maps written by hand, on one thread, in voxels
//! a second. `cargo bench --bench maps`

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to measure")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use hepar::device::cpu::{BATCH_VOXELS, Cpu};
use hepar::device::{Batch, ColumnMut, Precision, Row, Source, VoxelKernel};
use hepar::lanes::{Element, LaneWork, Lanes, run_f32};
use hepar::model::{BoundMap, MapKernel, MapModel};
use hepar::volume::{Scaling, VoxelType};

fn main() {
    divan::main();
}

const SIGMA: f64 = 5.0;

/// Subtraction, relative and noise-scaled enhancement of row 1 over row 0.
fn kernel() -> MapKernel {
    let map = |name: &str| {
        let model = MapModel::builtin(name).expect("shipped");
        BoundMap::new(name, model).image("pre", 0).image("post", 1)
    };
    let maps =
        [map("subtraction"), map("relative_enhancement"), map("noise_scaled_enhancement").number("sigma", SIGMA)];
    MapKernel::new(&maps).expect("all inputs are bound")
}

/// Two int16 images in which nothing has to be flagged.
fn images(n: usize) -> [Vec<i16>; 2] {
    let image = |first, step: usize| (0..n).map(|i| first + (i * step % 400) as i16).collect();
    [image(100, 7), image(150, 11)]
}

fn source(images: &[Vec<i16>; 2]) -> Source<'_> {
    let rows = images.each_ref().map(|image| Row {
        bytes: bytemuck::cast_slice(image),
        voxel_type: VoxelType::I16,
        scaling: Scaling::IDENTITY,
    });
    Source::new(rows.to_vec(), images[0].len(), None)
}

/// Runs a way to fill the four columns over one batch that stays in the cache.
fn over_a_batch(bencher: Bencher, fill: impl Fn(&Batch, &mut [ColumnMut])) {
    let images = images(BATCH_VOXELS);
    let source = source(&images);
    let batch = source.batch(0..BATCH_VOXELS);
    let mut maps = [(); 3].map(|()| vec![0f32; BATCH_VOXELS]);
    let mut status = vec![0u16; BATCH_VOXELS];
    let [a, b, c] = &mut maps;
    let mut out = [ColumnMut::F32(a), ColumnMut::F32(b), ColumnMut::F32(c), ColumnMut::U16(&mut status)];
    bencher.counter(ItemsCount::new(BATCH_VOXELS)).bench_local(|| fill(black_box(&batch), black_box(&mut out)));
}

#[divan::bench(args = [Precision::F32, Precision::F64])]
fn interpreted(bencher: Bencher, precision: Precision) {
    let kernel = kernel();
    over_a_batch(bencher, |batch, out| kernel.run_cpu(batch, precision, out));
}

#[divan::bench]
fn by_hand_plain_loop(bencher: Bencher) {
    over_a_batch(bencher, plain_loop);
}

#[divan::bench]
fn by_hand_on_lanes(bencher: Bencher) {
    over_a_batch(bencher, |batch, out| run_f32(OnLanes(batch, out)));
}

/// A whole volume, so that memory counts too.
#[divan::bench(sample_count = 20)]
fn interpreted_volume(bencher: Bencher) {
    let images = images(192 * 192 * 40);
    let source = source(&images);
    let cpu = Cpu::new(1, Precision::F32).expect("a thread");
    let kernel = kernel();
    bencher.counter(ItemsCount::new(source.n_voxels())).bench_local(|| cpu.run(&kernel, black_box(&source)));
}

fn plain_loop(batch: &Batch, out: &mut [ColumnMut]) {
    let [ColumnMut::F32(difference), ColumnMut::F32(relative), ColumnMut::F32(scaled), ColumnMut::U16(status)] = out
    else {
        return;
    };
    let pre: &[i16] = bytemuck::cast_slice(batch.row(0).bytes);
    let post: &[i16] = bytemuck::cast_slice(batch.row(1).bytes);
    let noise = (SIGMA * 2f64.sqrt()) as f32;
    for i in 0..pre.len() {
        let (pre, post) = (f32::from(pre[i]), f32::from(post[i]));
        let change = post - pre;
        let percent = 100.0 * change / pre;
        let positive = pre > 0.0;
        difference[i] = change;
        relative[i] = if positive { percent } else { f32::NAN };
        scaled[i] = change / noise;
        status[i] = match (positive, (-100.0..=1000.0).contains(&percent)) {
            (false, _) => 2,
            (true, false) => 4,
            (true, true) => 0,
        };
    }
}

struct OnLanes<'a, 'b, 'c>(&'a Batch<'b>, &'a mut [ColumnMut<'c>]);

impl LaneWork for OnLanes<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self(batch, out) = self;
        let [ColumnMut::F32(difference), ColumnMut::F32(relative), ColumnMut::F32(scaled), ColumnMut::U16(status)] =
            out
        else {
            return;
        };
        let n = batch.n_voxels();
        let mut images = [(); 2].map(|()| vec![0f32; n]);
        for (row, image) in images.iter_mut().enumerate() {
            batch.row(row).load_f32(0, image);
        }
        let [pre, post] = images.each_ref().map(|image| bytemuck::cast_slice::<f32, L::T>(image));
        let noise = l.splat(SIGMA * 2f64.sqrt());
        for i in (0..n).step_by(L::LANES) {
            let (pre, post) = (l.load(&pre[i..]), l.load(&post[i..]));
            let change = l.sub(post, pre);
            let percent = l.div(l.mul(l.splat(100.0), change), pre);
            let positive = l.lt(l.splat(0.0), pre);
            let inside = l.and(l.le(l.splat(-100.0), percent), l.le(percent, l.splat(1000.0)));
            let remark = l.select(inside, l.splat(0.0), l.splat(4.0));
            let remark = l.select(positive, remark, l.splat(2.0));
            let percent = l.select(positive, percent, l.splat(f64::NAN));
            l.store(change, bytemuck::cast_slice_mut(&mut difference[i..]));
            l.store(percent, bytemuck::cast_slice_mut(&mut relative[i..]));
            let ratio = l.div(change, noise);
            l.store(ratio, bytemuck::cast_slice_mut(&mut scaled[i..]));
            let mut remarks = [L::T::of(0.0); 64];
            l.store(remark, &mut remarks);
            for (to, &remark) in status[i..].iter_mut().zip(&remarks[..L::LANES]) {
                *to = remark.to_f32() as u16;
            }
        }
    }
}
