//! Which label is which organ: by a numbering that comes with hepar, or by the labels' names.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Serialize;

use super::Regions;

/// An organ or vessel that a measurement asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Organ {
    /// The whole liver, or its segments.
    Liver,
    /// Spleen.
    Spleen,
    /// Aorta.
    Aorta,
    /// Portal vein; the splenic vein goes with it where a numbering does not part them.
    PortalVein,
    /// Hepatic veins.
    HepaticVein,
    /// Vessels within the liver, whichever they are.
    HepaticVessels,
    /// Inferior vena cava.
    InferiorVenaCava,
    /// Skeletal muscle of the trunk.
    Muscle,
    /// Kidneys, without their cysts.
    Kidney,
    /// Gall bladder.
    Gallbladder,
    /// Pancreas.
    Pancreas,
    /// Subcutaneous or other fat of the trunk.
    Fat,
    /// Lungs.
    Lung,
}

impl Organ {
    /// All organs.
    pub const ALL: [Self; 13] = [
        Self::Liver,
        Self::Spleen,
        Self::Aorta,
        Self::PortalVein,
        Self::HepaticVein,
        Self::HepaticVessels,
        Self::InferiorVenaCava,
        Self::Muscle,
        Self::Kidney,
        Self::Gallbladder,
        Self::Pancreas,
        Self::Fat,
        Self::Lung,
    ];

    /// The name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Liver => "liver",
            Self::Spleen => "spleen",
            Self::Aorta => "aorta",
            Self::PortalVein => "portal_vein",
            Self::HepaticVein => "hepatic_vein",
            Self::HepaticVessels => "hepatic_vessels",
            Self::InferiorVenaCava => "inferior_vena_cava",
            Self::Muscle => "muscle",
            Self::Kidney => "kidney",
            Self::Gallbladder => "gallbladder",
            Self::Pancreas => "pancreas",
            Self::Fat => "fat",
            Self::Lung => "lung",
        }
    }

    /// The organ that an English name means; case, separators, and `left` or `right` at either end do not count.
    /// `None` for anything else, lesions among them.
    pub fn from_name(name: &str) -> Option<Self> {
        let letters: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        let sideless = ["left", "right"].iter().fold(letters.as_str(), |name, side| {
            let name = name.strip_prefix(side).unwrap_or(name);
            name.strip_suffix(side).unwrap_or(name)
        });
        Some(match sideless {
            "liver" => Self::Liver,
            _ if is_segment(sideless) => Self::Liver,
            "spleen" => Self::Spleen,
            "aorta" | "abdominalaorta" | "aortaabdominalis" => Self::Aorta,
            "portalvein" | "portalveins" | "mainportalvein" | "portalveinandsplenicvein" => Self::PortalVein,
            "hepaticvein" | "hepaticveins" => Self::HepaticVein,
            "hepaticvessel" | "hepaticvessels" | "livervessel" | "livervessels" => Self::HepaticVessels,
            "inferiorvenacava" | "ivc" | "postcava" => Self::InferiorVenaCava,
            "muscle" | "muscles" | "skeletalmuscle" | "skeletalmuscles" | "paraspinalmuscle" | "paraspinalmuscles"
            | "autochthon" | "psoas" | "iliopsoas" => Self::Muscle,
            "kidney" | "kidneys" => Self::Kidney,
            "gallbladder" => Self::Gallbladder,
            "pancreas" => Self::Pancreas,
            "fat" | "subcutaneousfat" | "torsofat" | "visceralfat" => Self::Fat,
            "lung" | "lungs" | "lungupperlobe" | "lungmiddlelobe" | "lunglowerlobe" => Self::Lung,
            _ => return None,
        })
    }
}

/// Couinaud's segments, `liversegment1` to `liversegment8`, with 4a and 4b.
fn is_segment(letters: &str) -> bool {
    let number = letters.strip_prefix("liversegment").map(|rest| rest.trim_end_matches(['a', 'b']));
    number.and_then(|n| n.parse().ok()).is_some_and(|n: u8| (1..=8).contains(&n))
}

/// A numbering of labels that comes with hepar (`data/anatomy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
pub enum Numbering {
    /// Task `total` of TotalSegmentator 2, for CT (Wasserthal 2023, doi:10.1148/ryai.230024).
    #[serde(rename = "totalsegmentator_v2")]
    #[value(name = "totalsegmentator_v2")]
    TotalSegmentator,
    /// Its task `total_mr`, for MRI.
    #[serde(rename = "totalsegmentator_v2_mr")]
    #[value(name = "totalsegmentator_v2_mr")]
    TotalSegmentatorMr,
}

impl Numbering {
    /// The name of each label.
    pub fn names(self) -> &'static BTreeMap<u16, String> {
        static CT: LazyLock<BTreeMap<u16, String>> =
            LazyLock::new(|| table(include_str!("../../data/anatomy/totalsegmentator_v2.tsv")));
        static MR: LazyLock<BTreeMap<u16, String>> =
            LazyLock::new(|| table(include_str!("../../data/anatomy/totalsegmentator_v2_mr.tsv")));
        match self {
            Self::TotalSegmentator => &CT,
            Self::TotalSegmentatorMr => &MR,
        }
    }
}

/// The rows below the heading; tests read every table, so that none is skipped.
fn table(tsv: &str) -> BTreeMap<u16, String> {
    let row = |line: &str| {
        let (index, name) = line.split_once('\t')?;
        Some((index.parse().ok()?, name.to_owned()))
    };
    tsv.lines().skip(1).filter_map(row).collect()
}

/// The organs of one label image. A label that is no organ we know is none: not an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Anatomy {
    organs: BTreeMap<u16, Organ>,
}

impl Anatomy {
    /// From what the labels are called: a [`Numbering`]'s names, or those of
    /// [`Labels`](crate::volume::Labels).
    pub fn from_names(names: &BTreeMap<u16, String>) -> Self {
        Self { organs: names.iter().filter_map(|(&label, name)| Some((label, Organ::from_name(name)?))).collect() }
    }

    /// What a label is.
    pub fn organ(&self, label: u16) -> Option<Organ> {
        self.organs.get(&label).copied()
    }

    /// The labels of an organ, in order; several may be one organ, such as its left and right part.
    pub fn labels(&self, organ: Organ) -> impl Iterator<Item = u16> + '_ {
        self.organs.iter().filter(move |&(_, &o)| o == organ).map(|(&label, _)| label)
    }

    /// The voxels of an organ, all its labels together, in order; empty where it does not occur.
    pub fn voxels(&self, organ: Organ, regions: &Regions) -> Vec<usize> {
        let mut voxels: Vec<usize> = self.labels(organ).flat_map(|label| regions.voxels(label)).copied().collect();
        voxels.sort_unstable();
        voxels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts and places by the source's own table; a shifted one would put other organs there.
    #[test]
    fn totalsegmentator_is_built_in() {
        for (numbering, n, places) in [
            (Numbering::TotalSegmentator, 117, [(5, Organ::Liver), (1, Organ::Spleen), (52, Organ::Aorta)]),
            (Numbering::TotalSegmentatorMr, 50, [(5, Organ::Liver), (1, Organ::Spleen), (23, Organ::Aorta)]),
        ] {
            let names = numbering.names();
            assert!(names.len() == n && names.keys().copied().eq(1..=n as u16), "{numbering:?}");
            let anatomy = Anatomy::from_names(names);
            for (label, organ) in places {
                assert_eq!(anatomy.organ(label), Some(organ), "{numbering:?} {label}");
            }
            for organ in Organ::ALL {
                let lacks = [Organ::HepaticVein, Organ::HepaticVessels, Organ::Fat].contains(&organ);
                assert_eq!(anatomy.labels(organ).next().is_none(), lacks, "{numbering:?} {organ:?}");
            }
        }
    }

    #[test]
    fn several_labels_are_one_organ_and_cysts_and_tumours_are_none() {
        let anatomy = Anatomy::from_names(Numbering::TotalSegmentator.names());
        assert!(anatomy.labels(Organ::Kidney).eq([2, 3]));
        assert!(anatomy.labels(Organ::Muscle).eq([86, 87, 88, 89]));
        assert!(anatomy.labels(Organ::PortalVein).eq([64]));
        for none in ["kidney_cyst_left", "liver_tumor", "liver lesions", "Leber", "liver_segment_9", "", "left"] {
            assert_eq!(Organ::from_name(none), None, "{none}");
        }
        assert_eq!(anatomy.organ(0), None);
    }

    #[test]
    fn case_separators_and_sides_do_not_count() {
        for (name, organ) in [
            ("Liver", Organ::Liver),
            ("liver, left", Organ::Liver),
            ("liver-segment 4a", Organ::Liver),
            ("Portal Vein", Organ::PortalVein),
            ("portal_vein_and_splenic_vein", Organ::PortalVein),
            ("HepaticVeins", Organ::HepaticVein),
            ("Left Kidney", Organ::Kidney),
            ("IVC", Organ::InferiorVenaCava),
        ] {
            assert_eq!(Organ::from_name(name), Some(organ), "{name}");
        }
        for organ in Organ::ALL {
            assert_eq!(Organ::from_name(organ.name()), Some(organ));
        }
    }

    #[test]
    fn voxels_of_all_labels_come_in_order() {
        let names = BTreeMap::from([(7, "kidney left".to_owned()), (9, "kidney_right".to_owned())]);
        let regions = Regions::new(&[9, 7, 0, 9, 1]);
        let anatomy = Anatomy::from_names(&names);
        assert_eq!(anatomy.voxels(Organ::Kidney, &regions), [0, 1, 3]);
        assert!(anatomy.voxels(Organ::Liver, &regions).is_empty());
    }
}
