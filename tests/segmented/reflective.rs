//! The bounded least squares that the reference programs find D* with, for one unknown, so that a test can say voxel by
//! voxel where they ended: the trust-region reflective method (Branch MA, Coleman TF, Li Y. SIAM J Sci Comput 1999;21:1,
//! doi:10.1137/S1064827595289108) with the stopping rules of scipy's `least_squares`.

/// Relative decrease of the sum of squares, relative step, and scaled slope at which it stops.
const TOLERANCE: f64 = 1e-8;
/// Evaluations after which it gives up.
const MOST_EVALUATIONS: usize = 100;

/// Half the sum of squares, its slope, and the sum of squared derivatives of the residuals.
pub struct Local {
    pub cost: f64,
    pub slope: f64,
    pub curvature: f64,
}

/// A step, scaled, with the change of the quadratic model it promises.
struct Step {
    scaled: f64,
    change: f64,
}

/// Where the method ends that starts at `start`.
pub fn minimum(local: impl Fn(f64) -> Local, start: f64, [low, high]: [f64; 2]) -> f64 {
    let mut x = start.clamp(low + 1e-10, high - 1e-10);
    let mut at = local(x);
    let distance = |x: f64, slope: f64| if slope < 0.0 { high - x } else { x - low };
    let mut radius = x / distance(x, at.slope).sqrt();
    let mut evaluations = 1;
    loop {
        let room = distance(x, at.slope);
        let steepness = at.slope.abs() * room;
        if steepness < TOLERANCE || evaluations == MOST_EVALUATIONS {
            return x;
        }
        let scale = room.sqrt();
        // In the scaled unknown, the bound's pull adds to the curvature.
        let model = Quadratic { slope: scale * at.slope, curvature: scale * scale * at.curvature + at.slope.abs() };
        let back = f64::max(0.995, 1.0 - steepness);
        loop {
            let step = model.step(radius, ((low - x) / scale, (high - x) / scale), back);
            let next = (x + scale * step.scaled).clamp(low.next_up(), high.next_down());
            let there = local(next);
            evaluations += 1;
            let decrease = at.cost - there.cost;
            let ratio = if step.change < 0.0 { decrease / -step.change } else { 0.0 };
            let length = step.scaled.abs();
            let stops =
                decrease < TOLERANCE * at.cost && ratio > 0.25 || scale * length < TOLERANCE * (TOLERANCE + x.abs());
            if ratio < 0.25 {
                radius = 0.25 * length;
            } else if ratio > 0.75 && length > 0.95 * radius {
                radius *= 2.0;
            }
            if decrease > 0.0 {
                (x, at) = (next, there);
            }
            if stops {
                return x;
            }
            if decrease > 0.0 || evaluations == MOST_EVALUATIONS {
                break;
            }
        }
    }
}

/// slope·t + ½·curvature·t²
struct Quadratic {
    slope: f64,
    curvature: f64,
}

impl Quadratic {
    fn at(&self, t: f64) -> f64 {
        t * (self.slope + 0.5 * self.curvature * t)
    }

    /// The least value between two points.
    fn least_between(&self, from: f64, to: f64) -> Step {
        let inner = -self.slope / self.curvature;
        let inner = if (from.min(to)..from.max(to)).contains(&inner) { inner } else { from };
        let candidates = [from, to, inner].map(|t| Step { scaled: t, change: self.at(t) });
        candidates.into_iter().min_by(|a, b| a.change.total_cmp(&b.change)).unwrap()
    }

    /// The best of the Newton step cut short before the bound, its reflection at the bound, and steepest descent.
    fn step(&self, radius: f64, (to_low, to_high): (f64, f64), back: f64) -> Step {
        let whole = (-self.slope / self.curvature).clamp(-radius, radius);
        if (to_low..=to_high).contains(&whole) {
            return Step { scaled: whole, change: self.at(whole) };
        }
        let bound = if whole < 0.0 { to_low } else { to_high };
        let share = bound / whole;
        let cut = Step { scaled: back * bound, change: self.at(back * bound) };
        let mut best = vec![cut];
        // Along −whole from the bound, in multiples of it.
        let to_other = (to_high - to_low) / whole.abs();
        let to_radius = (radius + bound.abs()) / whole.abs();
        let longest = to_other.min(to_radius);
        let (from, to) =
            ((1.0 - back) * share / longest, if longest == to_other { back * to_other } else { to_radius });
        if from <= to {
            best.push(self.least_between(bound - from * whole, bound - to * whole));
        }
        let descent = -self.slope;
        let bound = if descent < 0.0 { to_low } else { to_high };
        let furthest = if bound.abs() < radius { back * bound } else { radius.copysign(descent) };
        best.push(self.least_between(0.0, furthest));
        best.into_iter().min_by(|a, b| a.change.total_cmp(&b.change)).unwrap()
    }
}
