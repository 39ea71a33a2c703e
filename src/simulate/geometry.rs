//! Solids in mm (x to the right, y anterior, z superior) from which a phantom is painted.

use serde::Deserialize;

use crate::{Error, Result};

/// A solid.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Form {
    /// An ellipsoid, turned about the z axis from x towards y.
    Ellipsoid {
        centre_mm: [f64; 3],
        radii_mm: [f64; 3],
        #[serde(default)]
        turned_deg: f64,
    },
    /// An elliptic cylinder along z, without end.
    Cylinder {
        centre_mm: [f64; 2],
        radii_mm: [f64; 2],
        #[serde(default)]
        turned_deg: f64,
    },
    /// A round tube through points, whose radius changes evenly along each stretch; its ends are round.
    Tube { points_mm: Vec<[f64; 3]>, radii_mm: Vec<f64> },
}

impl Form {
    /// Refuses sizes that make no solid; `name` is for the message.
    pub(super) fn check(&self, complain: impl Fn(String) -> Error) -> Result<()> {
        let radii: &[f64] = match self {
            Self::Ellipsoid { radii_mm, .. } => radii_mm,
            Self::Cylinder { radii_mm, .. } => radii_mm,
            Self::Tube { radii_mm, .. } => radii_mm,
        };
        if let Some(bad) = radii.iter().find(|r| !(r.is_finite() && **r > 0.0)) {
            return Err(complain(format!("a radius is {bad} mm; radii are above 0")));
        }
        match self {
            Self::Tube { points_mm, .. } if points_mm.len() < 2 || points_mm.len() != radii.len() => {
                Err(complain(format!(
                    "a tube has {} points and {} radii; it needs two or more of each, one radius a point",
                    points_mm.len(),
                    radii.len()
                )))
            }
            _ => Ok(()),
        }
    }

    /// Whether a point in mm lies inside or on the surface.
    pub(super) fn contains(&self, [x, y, z]: [f64; 3]) -> bool {
        match self {
            Self::Ellipsoid { centre_mm: [cx, cy, cz], radii_mm: [a, b, c], turned_deg } => {
                let [u, v] = turned_back([x - cx, y - cy], *turned_deg);
                (u / a).powi(2) + (v / b).powi(2) + ((z - cz) / c).powi(2) <= 1.0
            }
            Self::Cylinder { centre_mm: [cx, cy], radii_mm: [a, b], turned_deg } => {
                let [u, v] = turned_back([x - cx, y - cy], *turned_deg);
                (u / a).powi(2) + (v / b).powi(2) <= 1.0
            }
            Self::Tube { points_mm, radii_mm } => {
                points_mm.windows(2).zip(radii_mm.windows(2)).any(|(ends, radii)| in_stretch([x, y, z], ends, radii))
            }
        }
    }
}

fn turned_back([x, y]: [f64; 2], degrees: f64) -> [f64; 2] {
    let (sin, cos) = degrees.to_radians().sin_cos();
    [cos * x + sin * y, cos * y - sin * x]
}

/// Whether a point is nearer to the line between two ends than the radius at its foot.
fn in_stretch(point: [f64; 3], ends: &[[f64; 3]], radii: &[f64]) -> bool {
    let minus = |a: [f64; 3], b: [f64; 3]| -> [f64; 3] { std::array::from_fn(|i| a[i] - b[i]) };
    let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    let (along, from) = (minus(ends[1], ends[0]), minus(point, ends[0]));
    let length2 = dot(along, along);
    let share = if length2 > 0.0 { (dot(from, along) / length2).clamp(0.0, 1.0) } else { 0.0 };
    let off: [f64; 3] = std::array::from_fn(|i| from[i] - share * along[i]);
    dot(off, off) <= (radii[0] + share * (radii[1] - radii[0])).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of a fine lattice of a cube of edge 2·half that lies inside, times its volume.
    fn volume(form: &Form, half: f64) -> f64 {
        const N: i32 = 80;
        let at = |i: i32| half * (2.0 * (f64::from(i) + 0.5) / f64::from(N) - 1.0);
        let inside = |i: i32| form.contains([at(i % N), at(i / N % N), at(i / N / N)]);
        let count = (0..N.pow(3)).filter(|&i| inside(i)).count();
        count as f64 * (2.0 * half / f64::from(N)).powi(3)
    }

    #[test]
    fn volumes_are_those_of_the_solids() {
        use std::f64::consts::PI;
        let ellipsoid = Form::Ellipsoid { centre_mm: [1.0, -2.0, 0.5], radii_mm: [4.0, 6.0, 5.0], turned_deg: 30.0 };
        let cylinder = Form::Cylinder { centre_mm: [1.0, 0.0], radii_mm: [3.0, 5.0], turned_deg: -20.0 };
        let tube = Form::Tube { points_mm: vec![[-3.0, 0.0, 0.0], [3.0, 0.0, 0.0]], radii_mm: vec![2.0, 2.0] };
        for (form, half, expected) in [
            (ellipsoid, 10.0, 4.0 / 3.0 * PI * 4.0 * 6.0 * 5.0),
            (cylinder, 7.0, PI * 3.0 * 5.0 * 14.0),
            (tube, 6.0, PI * 4.0 * 6.0 + 4.0 / 3.0 * PI * 8.0),
        ] {
            let found = volume(&form, half);
            assert!((found / expected - 1.0).abs() < 0.01, "{form:?}: {found} {expected}");
        }
    }

    #[test]
    fn a_positive_turn_moves_the_long_axis_from_x_towards_y() {
        let form = Form::Ellipsoid { centre_mm: [0.0; 3], radii_mm: [10.0, 1.0, 1.0], turned_deg: 45.0 };
        assert!(form.contains([5.0, 5.0, 0.0]));
        assert!(!form.contains([5.0, -5.0, 0.0]));
    }

    #[test]
    fn a_tube_narrows_along_its_way() {
        let form = Form::Tube { points_mm: vec![[0.0; 3], [0.0, 0.0, 10.0]], radii_mm: vec![4.0, 2.0] };
        assert!(form.contains([3.5, 0.0, 1.0]));
        assert!(!form.contains([3.5, 0.0, 9.0]));
    }

    #[test]
    fn what_is_no_solid_is_refused() {
        let complain = |problem: String| Error::data("phantom.toml", problem, "mend it");
        let flat = Form::Cylinder { centre_mm: [0.0; 2], radii_mm: [3.0, 0.0], turned_deg: 0.0 };
        let point = Form::Tube { points_mm: vec![[0.0; 3]], radii_mm: vec![1.0] };
        for (form, words) in [(flat, "a radius is 0 mm"), (point, "1 points and 1 radii")] {
            let message = form.check(complain).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
