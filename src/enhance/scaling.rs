//! Whether two phases are stored on one scale.
//!
//! Scanners may scale each series anew (Philips' slopes; automatic gain), and a converter may drop the factor. Slopes
//! that a sidecar holds are compared by [`protocol`](super::protocol); this looks at the values alone. Contrast
//! brightens some tissues a little and others much, and darkens none for long: a factor on all of them shows in those
//! that enhance least. **Limit of detection**: muscle enhances by up to about 40 %, so that a factor of 0.6 or less and
//! of 1.5 or more is always seen with a label of muscle, and one between 0.86 and 1.03 never; between these it depends
//! on how much the muscle enhances. It is blind to an offset.
//!
//! Without a label of muscle, the quarter of the unlabelled body that enhances least stands for it: of the phantom a factor
//! of 1.5 is seen so at an SNR of 100, and one of 2 at 20. Where the images were masked, what is left may be organs that
//! all enhance, as a factor would have it: that is a doubt and no fault, unless the liver is labelled and what no label
//! claims is so much more than liver that it must be the body.

use crate::measure::quantile;

/// Least and most of what the tissue that enhances least may be after contrast, over before. Chosen here: muscle is
/// 1.11 to 1.31 in the phantom's phases, and the automatic gain of repeated images keeps within some per cent.
const EXPECTED: [f64; 2] = [0.85, 1.45];
/// Voxels count from this share of the 99 % quantile before contrast on. Noise in air that counts for its height before
/// contrast is lower after it: of SNR 20, 0.05 and 0.15 took phases for darker ones.
const SIGNAL_FROM: f64 = 0.2;
/// The quantile of the body's ratios that stands for what enhances least: of the phantom's phases it lies between 1.01
/// and 1.02 with its fat, and up to 1.31 without. Noise and motion draw the lowest tenth below 1.
const LEAST: f64 = 0.25;
/// Fewest voxels to judge by.
const MIN_VOXELS: usize = 200;
/// An image of which this share has one and the same value was masked: noise in air, rounded to whole numbers, spreads
/// over more unless its sigma is below 1.
const MASKED_FROM: f64 = 0.25;
/// Voxels that are looked at for it, about.
const SAMPLE: usize = 1 << 16;
/// How many times as many unlabelled voxels as liver make a masked image one of the body: an abdomen has 5 and more, and
/// its other organs, vessels and gut that take contrast up together about one.
const BODY_OVER_LIVER: usize = 3;

/// What labels say of the voxels, by their places.
#[derive(Debug, Clone, Copy, Default)]
pub struct Labelled<'a> {
    /// Those of muscle, which are then the only ones to count.
    pub muscle: &'a [usize],
    /// Those of the liver.
    pub liver: &'a [usize],
    /// Those of lesions and of all organs but muscle, with the liver: most of these enhance.
    pub others: &'a [usize],
}

/// What speaks for another scale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    /// What was seen.
    pub text: String,
    /// Whether nothing else explains it; contrast in the organs that a mask has left may be what was seen if not.
    pub is_sure: bool,
}

/// What speaks for another scale of `post` than of `pre`, images of one protocol on one grid before and after contrast;
/// `None` if nothing does, and of fewer than 200 voxels with signal, or where a mask has left hardly more than what is
/// labelled. For MR alone: HU are a scale.
pub fn scaling_suspect(pre: &[f32], post: &[f32], labelled: &Labelled) -> Option<Suspect> {
    let filled = [pre, post].map(filled);
    let is_masked = filled.iter().any(Option::is_some);
    let floor = SIGNAL_FROM * brightest(pre, filled[0]);
    let bright = |voxels: &[usize]| ratios([pre, post], filled, floor, voxels);
    let of_muscle = bright(labelled.muscle);
    if of_muscle.len() >= MIN_VOXELS {
        return judge(of_muscle, 0.5, ["muscle is", "muscle is"]).map(|text| Suspect { text, is_sure: true });
    }
    let mut is_other = vec![false; pre.len()];
    labelled.others.iter().for_each(|&voxel| is_other[voxel] = true);
    let rest: Vec<usize> = (0..pre.len()).filter(|&voxel| !is_other[voxel]).collect();
    let of_rest = bright(&rest);
    // What a mask has left, dark or bright.
    let left = |voxels: &[usize]| ratios([pre, post], filled, 0.0, voxels).len();
    let [n, n_others, n_liver] = [&rest, labelled.others, labelled.liver].map(left);
    if of_rest.len() < MIN_VOXELS || (is_masked && n < n_others) {
        return None;
    }
    let is_sure = !is_masked || (n_liver >= MIN_VOXELS && n >= BODY_OVER_LIVER * n_liver);
    let text = judge(of_rest, LEAST, ["a quarter of the body is at most", "three quarters of the body are at least"])?;
    let doubt = "; the images are masked, and if only organs that enhance are left, contrast alone can do this";
    Some(Suspect { text: if is_sure { text } else { text + doubt }, is_sure })
}

/// What a quantile of the ratios says, if it is not as expected; `what` are the subjects of too dark and too bright.
fn judge(mut ratios: Vec<f64>, p: f64, what: [&str; 2]) -> Option<String> {
    let n = ratios.len();
    let found = quantile(&mut ratios, p);
    let [least, most] = EXPECTED;
    let what = if found < least { what[0] } else { what[1] };
    (!(least..=most).contains(&found)).then(|| {
        format!(
            "{what} {found:.2} times as bright as before contrast ({n} voxels; {least} to {most} is expected of tissue that \
             hardly enhances): the two images seem to be stored on different scales; compare their rescale and scale \
             slopes, or convert both anew"
        )
    })
}

/// The value that a mask has left outside of it, by its bits: the one of a quarter and more of an image.
pub(crate) fn filled(values: &[f32]) -> Option<u32> {
    // An odd step does not fall on the same columns of every row.
    let mut sample: Vec<u32> = values.iter().step_by((values.len() / SAMPLE) | 1).map(|&value| bits(value)).collect();
    sample.sort_unstable();
    let most = sample.chunk_by(|a, b| a == b).max_by_key(|run| run.len())?;
    (most.len() as f64 >= MASKED_FROM * sample.len() as f64).then(|| most[0])
}

/// The same for 0 and -0.
pub(crate) fn bits(value: f32) -> u32 {
    (value + 0.0).to_bits()
}

/// Whether a voxel has a value and lies inside of the mask.
fn is_shown(value: f32, filled: Option<u32>) -> bool {
    value.is_finite() && filled != Some(bits(value))
}

/// The 99 % quantile of what is shown, of at least 0.
fn brightest(values: &[f32], filled: Option<u32>) -> f64 {
    let mut shown: Vec<f64> =
        values.iter().filter(|&&value| is_shown(value, filled)).map(|&value| value.into()).collect();
    quantile(&mut shown, 0.99).max(0.0)
}

/// post/pre of the voxels that are above `floor` before contrast and inside of the masks of both.
fn ratios([pre, post]: [&[f32]; 2], filled: [Option<u32>; 2], floor: f64, voxels: &[usize]) -> Vec<f64> {
    let ratio = |&v: &usize| {
        let [before, after] = [pre[v], post[v]].map(f64::from);
        (is_shown(pre[v], filled[0]) && is_shown(post[v], filled[1]) && before > floor).then(|| after / before)
    };
    voxels.iter().filter_map(ratio).collect()
}

#[cfg(test)]
#[path = "scaling_tests.rs"]
mod tests;
