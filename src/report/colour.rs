//! From values to colours.

use super::canvas::Colour;
use super::viridis::VIRIDIS;

/// How the values of a map become colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColourKind {
    /// From little to much: viridis.
    Sequential,
    /// Both sides of zero: blue below, orange above, as dark as the value is near zero.
    Diverging,
    /// A signal as radiologists see it: black to white.
    Grey,
    /// Labels and codes: one colour a whole number; 0 is the background.
    Categorical,
}

/// Hues that the colour-blind can tell apart: Okabe and Ito 2008, "Color Universal Design",
/// <https://jfly.uni-koeln.de/color/>.
pub(super) mod okabe_ito {
    use super::Colour;

    pub(in super::super) const BLACK: Colour = [0, 0, 0];
    pub(in super::super) const ORANGE: Colour = [230, 159, 0];
    pub(in super::super) const SKY_BLUE: Colour = [86, 180, 233];
    pub(in super::super) const GREEN: Colour = [0, 158, 115];
    pub(in super::super) const YELLOW: Colour = [240, 228, 66];
    pub(in super::super) const BLUE: Colour = [0, 114, 178];
    pub(in super::super) const VERMILION: Colour = [213, 94, 0];
    pub(in super::super) const PURPLE: Colour = [204, 121, 167];
}

/// Hues of labels, which lie on black.
const LABEL_HUES: [Colour; 7] = [
    okabe_ito::ORANGE,
    okabe_ito::SKY_BLUE,
    okabe_ito::GREEN,
    okabe_ito::PURPLE,
    okabe_ito::VERMILION,
    okabe_ito::BLUE,
    okabe_ito::YELLOW,
];

/// Hues of thin lines on dark images: without the blue, which is too dark for them.
const OUTLINE_HUES: [Colour; 6] = [
    okabe_ito::ORANGE,
    okabe_ito::SKY_BLUE,
    okabe_ito::YELLOW,
    okabe_ito::PURPLE,
    okabe_ito::GREEN,
    okabe_ito::VERMILION,
];

/// Steps of a continuous scale.
const N_STEPS: usize = 256;
/// The background of a label map.
const BACKGROUND: Colour = [20, 20, 20];
/// Where there is no value: a grey that no coloured scale has, and a blue for the grey scale.
const NO_VALUE: Colour = [112, 112, 112];
const NO_VALUE_ON_GREY: Colour = [44, 62, 102];

/// Colours over a range of values.
pub(super) struct ColourScale {
    pub(super) kind: ColourKind,
    pub(super) low: f32,
    pub(super) high: f32,
    /// 1 / (high − low), in f64 where no range of f32 overflows.
    per_value: f64,
    steps: Vec<Colour>,
}

impl ColourScale {
    pub(super) fn new(kind: ColourKind, (low, high): (f32, f32)) -> Self {
        let at = |step| step as f32 / (N_STEPS - 1) as f32;
        let steps = match kind {
            ColourKind::Sequential => VIRIDIS.iter().map(|rgb| [16, 8, 0].map(|shift| (rgb >> shift) as u8)).collect(),
            ColourKind::Diverging => (0..N_STEPS).map(|n| diverging(at(n))).collect(),
            ColourKind::Grey => (0..N_STEPS).map(|n| [n as u8; 3]).collect(),
            ColourKind::Categorical => Vec::new(),
        };
        Self { kind, low, high, per_value: 1.0 / (f64::from(high) - f64::from(low)), steps }
    }

    /// The colour of a value; beyond the range that of its nearer end.
    pub(super) fn colour(&self, value: f32) -> Colour {
        if !value.is_finite() {
            self.no_value()
        } else if self.kind == ColourKind::Categorical {
            label_colour(value.round().abs() as usize)
        } else {
            self.at((f64::from(value) - f64::from(self.low)) * self.per_value)
        }
    }

    /// The colour at a fraction of a continuous range.
    pub(super) fn at(&self, fraction: f64) -> Colour {
        let last = self.steps.len() - 1;
        let step = (fraction * last as f64 + 0.5) as i32;
        self.steps[(step.max(0) as usize).min(last)]
    }

    /// The colour of what has no value.
    pub(super) fn no_value(&self) -> Colour {
        match self.kind {
            ColourKind::Grey => NO_VALUE_ON_GREY,
            _ => NO_VALUE,
        }
    }
}

/// The colour of a label: seven hues, then the same darker, then lighter; alike again after 21. Label 0 is the dark grey
/// of the background.
pub fn label_colour(label: usize) -> [u8; 3] {
    let Some(place) = label.checked_sub(1) else { return BACKGROUND };
    let hue = LABEL_HUES[place % LABEL_HUES.len()];
    match place / LABEL_HUES.len() % 3 {
        0 => hue,
        1 => hue.map(|c| (f32::from(c) * 0.6) as u8),
        _ => lighter(hue),
    }
}

/// The colour of the `n`th of several outlines, which lie on any picture: six hues, then the same lighter; alike again
/// after 12.
pub(super) fn outline_colour(n: usize) -> Colour {
    let hue = OUTLINE_HUES[n % OUTLINE_HUES.len()];
    match n / OUTLINE_HUES.len() % 2 {
        0 => hue,
        _ => lighter(hue),
    }
}

fn lighter(hue: Colour) -> Colour {
    hue.map(|c| (f32::from(c) * 0.5) as u8 + 127)
}

/// Two straight lines in Oklab (Björn Ottosson 2020, <https://bottosson.github.io/posts/oklab/>), so that equal steps of
/// the value look equal: light blue, near-black at one half, light orange.
fn diverging(fraction: f32) -> Colour {
    const BELOW: [f32; 3] = [0.84, -0.06, -0.10];
    const ZERO: [f32; 3] = [0.16, 0.0, 0.0];
    const ABOVE: [f32; 3] = [0.84, 0.06, 0.14];
    let signed = 2.0 * fraction - 1.0;
    let end = if signed < 0.0 { BELOW } else { ABOVE };
    let lab = std::array::from_fn(|c| ZERO[c] + signed.abs() * (end[c] - ZERO[c]));
    srgb_from_oklab(lab)
}

fn srgb_from_oklab([lightness, a, b]: [f32; 3]) -> Colour {
    let cone = |along_a: f32, along_b: f32| (lightness + along_a * a + along_b * b).powi(3);
    let l = cone(0.396_337_78, 0.215_803_76);
    let m = cone(-0.105_561_346, -0.063_854_17);
    let s = cone(-0.089_484_18, -1.291_485_5);
    [
        4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_94 * s,
        -1.268_438 * l + 2.609_757_4 * m - 0.341_319_4 * s,
        -0.004_196_086_3 * l - 0.703_418_6 * m + 1.707_614_7 * s,
    ]
    .map(|linear| {
        // The transfer function of IEC 61966-2-1.
        let encoded = if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
        (encoded * 255.0).round().clamp(0.0, 255.0) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: [ColourKind; 3] = [ColourKind::Sequential, ColourKind::Diverging, ColourKind::Grey];

    #[test]
    fn ends_and_middle_are_the_published_ones() {
        let of = |kind, value| ColourScale::new(kind, (-1.0, 1.0)).colour(value);
        // First, 129th and last colour of matplotlib's table.
        assert_eq!(of(ColourKind::Sequential, -1.0), [0x44, 0x01, 0x54]);
        assert_eq!(of(ColourKind::Sequential, 1.0 / 255.0), [0x21, 0x91, 0x8c]);
        assert_eq!(of(ColourKind::Sequential, 1.0), [0xfd, 0xe7, 0x25]);
        assert_eq!(of(ColourKind::Grey, 1.0), [255; 3]);
        assert_eq!(of(ColourKind::Categorical, 2.0), okabe_ito::SKY_BLUE);
    }

    #[test]
    fn oklab_gives_the_known_primaries() {
        // Oklab of white and of pure red, from the tables of the definition's page.
        assert_eq!(srgb_from_oklab([1.0, 0.0, 0.0]), [255, 255, 255]);
        assert_eq!(srgb_from_oklab([0.627_955, 0.224_863, 0.125_846]), [255, 0, 0]);
        assert_ne!(srgb_from_oklab([0.627_955, 0.214_863, 0.125_846]), [255, 0, 0]);
    }

    #[test]
    fn beyond_the_range_is_the_end_and_no_value_is_neither() {
        for kind in PLAIN {
            let scale = ColourScale::new(kind, (2.0, 4.0));
            assert_eq!(scale.colour(9.0), scale.colour(4.0));
            assert_eq!(scale.colour(-9.0), scale.colour(2.0));
            for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                assert_eq!(scale.colour(value), scale.no_value());
            }
            // No value of the scale looks like no value.
            for n in 0..N_STEPS {
                let colour = scale.at(n as f64 / 255.0);
                let apart: i32 = (0..3).map(|c| (i32::from(colour[c]) - i32::from(scale.no_value()[c])).abs()).sum();
                assert!(apart > 30, "{kind:?} {n}: {colour:?}");
            }
        }
    }

    #[test]
    fn diverging_is_darkest_at_zero_and_rises_evenly_on_both_sides() {
        let light = |fraction| diverging(fraction).iter().map(|&c| f32::from(c)).sum::<f32>();
        for n in 0..127 {
            let step = n as f32 / 254.0;
            assert!(light(step) >= light(step + 1.0 / 254.0));
            assert!(light(1.0 - step) >= light(1.0 - step - 1.0 / 254.0));
        }
        assert!(diverging(0.5).iter().all(|&c| c < 20));
        assert!(diverging(0.0)[2] > diverging(0.0)[0] && diverging(1.0)[0] > diverging(1.0)[2]);
    }

    #[test]
    fn labels_differ_until_the_colours_are_used_up() {
        let colours: std::collections::BTreeSet<Colour> = (0..=21).map(label_colour).collect();
        assert_eq!(colours.len(), 22);
        assert_eq!(label_colour(22), label_colour(1));
        let outlines: std::collections::BTreeSet<Colour> = (0..12).map(outline_colour).collect();
        assert_eq!(outlines.len(), 12);
        assert_eq!(outline_colour(12), outline_colour(0));
    }
}
