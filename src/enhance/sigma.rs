//! Where the noise of an examination comes from: given, a repeated image, or the background.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::gather::{GatherOptions, gather};
use crate::device::Device;
use crate::measure::Noise;
use crate::model::Modality;
use crate::volume::Image;
use crate::{Error, Result};

/// What the user says of the noise.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Sigma {
    /// Nothing: the background of an MR image where it can be used, else unknown.
    #[default]
    Unsaid,
    /// σ, in image units.
    Value(f64),
    /// The background, which must be usable.
    Background,
    /// A second image like the unenhanced one.
    Repeat(PathBuf),
}

impl FromStr for Sigma {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<f64>() {
            _ if text == "background" => Ok(Self::Background),
            Ok(sigma) => Noise::given(sigma).map(|noise| Self::Value(noise.sigma)),
            Err(_) => Err("give a number above 0, or `background`".into()),
        }
    }
}

const UNKNOWN: &str = "the noise is unknown";
const REMEDY: &str = "give --sigma VALUE, or --repeat FILE with a second image like the unenhanced one";

/// The volumes before contrast.
#[derive(Debug, Clone, Copy)]
pub struct Unenhanced<'a> {
    /// Their image.
    pub image: &'a Image,
    /// How many of its volumes are before contrast.
    pub n_volumes: usize,
}

/// Finds σ; `None`, with a warning, where nothing was said and nothing can be known.
///
/// Where nothing was said, two volumes before contrast are repeats; of one, the background is tried.
pub fn resolve(
    sigma: &Sigma,
    modality: Modality,
    unenhanced: Unenhanced,
    options: &GatherOptions,
    device: &Device,
) -> Result<Option<Noise>> {
    let Unenhanced { image, n_volumes } = unenhanced;
    let bad = |problem: String| Error::data(&image.path, format!("{UNKNOWN} ({problem})"), REMEDY);
    let found = match sigma {
        Sigma::Value(sigma) => return Noise::given(*sigma).map_err(bad).map(Some),
        Sigma::Repeat(repeat) => return from_repeat(image, repeat, options, device).map(Some),
        Sigma::Unsaid if n_volumes > 1 => {
            Noise::from_repeats(&values(image, n_volumes - 2), &values(image, n_volumes - 1))
        }
        _ if modality != Modality::Mr => Err("the background shows it in MR magnitude images alone".into()),
        _ => Noise::from_background(&image.grid, &values(image, 0)),
    };
    match found {
        Ok(noise) => Ok(Some(noise)),
        Err(why) if *sigma == Sigma::Background => Err(bad(why)),
        Err(why) => {
            options.read.remarks.say(format!("{}: {UNKNOWN} ({why}); {REMEDY}", image.path.display()));
            Ok(None)
        }
    }
}

fn from_repeat(unenhanced: &Image, repeat: &Path, options: &GatherOptions, device: &Device) -> Result<Noise> {
    let options = GatherOptions { resample: true, ..options.clone() };
    let members = gather(&[unenhanced.path.as_path(), repeat], &options, device)?;
    if members[1].resampled {
        return Err(Error::data(
            repeat,
            "is not on the grid of the unenhanced image, and interpolation would average its noise away",
            "give a repeat on the same grid, or --sigma VALUE",
        ));
    }
    let [a, b] = [0, 1].map(|i| values(&members[i].image, 0));
    let noise = Noise::from_repeats(&a, &b)
        .map_err(|why| Error::data(repeat, format!("{UNKNOWN} ({why})"), "give --sigma VALUE"))?;
    Ok(Noise { repeat_sha256: Some(members[1].sha256.clone()), ..noise })
}

/// The real values of one volume of an image.
pub fn values(image: &Image, volume: usize) -> Vec<f32> {
    let mut values = vec![0.0; image.grid.n_voxels()];
    image.row(volume).load_f32(0, &mut values);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_or_the_background_can_be_said() {
        assert_eq!("4.5".parse(), Ok(Sigma::Value(4.5)));
        assert_eq!("background".parse(), Ok(Sigma::Background));
        for bad in ["", "air", "0", "-1", "nan", "inf"] {
            assert!(bad.parse::<Sigma>().is_err(), "{bad}");
        }
    }
}
