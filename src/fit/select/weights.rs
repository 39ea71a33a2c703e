//! Akaike weights of one voxel, and what is averaged with them.

/// What a model's fit of a voxel says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Akaike's criterion; NaN where it is not defined.
    pub aicc: f64,
    /// Root mean square residual; NaN where nothing was fitted. A fit that leaves none has no AICc, and beats all that do.
    pub rmse: f64,
    /// Fitted parameters.
    pub n_parameters: usize,
}

/// Share of the weights below which it does not matter that a model's standard error is not known.
const NEGLIGIBLE: f64 = 0.01;

/// Up to how much above the least a criterion still has substantial support (Burnham and Anderson 2002, section 2.6).
pub(super) const SUPPORTED: f64 = 2.0;

/// Writes the weight of each model, their sum being 1, and gives back the place of the chosen one: of those whose criterion is
/// at most `SUPPORTED` above the least, the one of fewest parameters, then the better one, then the first. The least alone
/// would take a parameter without effect in up to 16 % of voxels, the more often the more samples there are. Where no model
/// has a criterion all weights are NaN. A model that is alone has the weight 1 where it was fitted.
pub fn akaike_weights(candidates: &[Candidate], weights: &mut [f64]) -> Option<usize> {
    let criterion = |c: &Candidate| match c {
        Candidate { rmse: 0.0, .. } => f64::NEG_INFINITY,
        Candidate { aicc, rmse, .. } if candidates.len() == 1 && aicc.is_nan() => *rmse,
        Candidate { aicc, .. } => *aicc,
    };
    let ranked = candidates.iter().enumerate().filter(|(_, c)| !criterion(c).is_nan());
    let least = ranked.clone().map(|(_, c)| criterion(c)).fold(f64::INFINITY, f64::min);
    let supported = ranked.filter(|(_, c)| criterion(c) == least || criterion(c) <= least + SUPPORTED);
    let simpler = |(i, a): &(usize, &Candidate), (j, b): &(usize, &Candidate)| {
        a.n_parameters.cmp(&b.n_parameters).then(criterion(a).total_cmp(&criterion(b))).then(i.cmp(j))
    };
    let Some((chosen, _)) = supported.min_by(simpler) else {
        weights.fill(f64::NAN);
        return None;
    };
    for (weight, candidate) in weights.iter_mut().zip(candidates) {
        let above = criterion(candidate) - least;
        // No number where both are infinite, and where there is no criterion.
        *weight = if above.is_nan() { 0.0 } else { (-0.5 * above).exp() };
    }
    if least.is_infinite() {
        weights[chosen] = 1.0;
    }
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= sum);
    Some(chosen)
}

/// A quantity averaged over the models that have it, and its standard error with what the choice of model adds, from
/// `[weight, value, standard error]` of each: θ = Σ wᵢθᵢ and Σ wᵢ·√(seᵢ² + (θᵢ − θ)²) with weights whose sum is 1 (Burnham
/// and Anderson 2002, equations 4.1 and 4.9). The error is NaN where a model of some weight has none, such as at a bound.
pub fn averaged(models: impl Iterator<Item = [f64; 3]> + Clone) -> [f64; 2] {
    let with_weight = models.filter(|[weight, value, _]| *weight > 0.0 && value.is_finite());
    let sum: f64 = with_weight.clone().map(|[weight, ..]| weight).sum();
    let mean = with_weight.clone().map(|[weight, value, _]| weight / sum * value).sum::<f64>();
    if sum == 0.0 {
        return [f64::NAN; 2];
    }
    let error = |[weight, value, error]: [f64; 3]| {
        let share = weight / sum;
        let error = if error.is_nan() && share < NEGLIGIBLE { 0.0 } else { error };
        share * error.hypot(value - mean)
    };
    [mean, with_weight.map(error).sum()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(aicc: &[f64]) -> (Vec<f64>, Option<usize>) {
        let candidates: Vec<Candidate> =
            (2..).zip(aicc).map(|(n_parameters, &aicc)| Candidate { aicc, rmse: 1.0, n_parameters }).collect();
        let mut weights = vec![0.0; aicc.len()];
        let chosen = akaike_weights(&candidates, &mut weights);
        (weights, chosen)
    }

    fn close(found: &[f64], want: &[f64], within: f64) -> bool {
        found.len() == want.len() && found.iter().zip(want).all(|(a, b)| (a - b).abs() <= within)
    }

    /// Burnham and Anderson 2002, section 2.9: Δ = 0, 1.2, 1.9 and 3.5 give relative likelihoods 1, 0.5488, 0.3867, 0.1738.
    #[test]
    fn weights_are_relative_likelihoods() {
        let (found, chosen) = weights(&[-100.0, -98.8, -98.1, -96.5]);
        let likelihoods = [1.0, 0.5488, 0.3867, 0.1738];
        let sum: f64 = likelihoods.iter().sum();
        let want = likelihoods.map(|l| l / sum);
        assert!(close(&found, &want, 5e-5), "{found:?}");
        assert!(!close(&found, &[want[1], want[0], want[2], want[3]], 5e-5));
        assert_eq!(chosen, Some(0));
    }

    #[test]
    fn the_simplest_of_what_is_supported_is_chosen() {
        // Models of 2, 3, 4 parameters.
        for (aicc, want) in [([1.9, 0.0, 1.0], 0), ([2.1, 0.0, 1.0], 1), ([9.0, 2.1, 0.0], 2), ([0.0, -1.0, -2.0], 0)] {
            assert_eq!(weights(&aicc).1, Some(want), "{aicc:?}");
        }
        // Of as many parameters the better one.
        let candidate = |aicc| Candidate { aicc, rmse: 1.0, n_parameters: 3 };
        assert_eq!(akaike_weights(&[candidate(1.0), candidate(0.0)], &mut [0.0; 2]), Some(1));
    }

    #[test]
    fn what_has_no_criterion_has_no_weight() {
        assert_eq!(weights(&[f64::NAN, 3.0, f64::NAN]), (vec![0.0, 1.0, 0.0], Some(1)));
        let (none, chosen) = weights(&[f64::NAN, f64::NAN]);
        assert!(chosen.is_none() && none.iter().all(|w| w.is_nan()));
        assert_eq!(weights(&[f64::NAN]), (vec![1.0], Some(0)));
    }

    #[test]
    fn of_fits_that_leave_nothing_the_simplest_is_chosen() {
        let candidate = |aicc, rmse, n_parameters| Candidate { aicc, rmse, n_parameters };
        let mut found = [0.0; 3];
        let all = [candidate(f64::NAN, 0.0, 4), candidate(f64::NAN, 0.0, 2), candidate(-50.0, 1e-3, 2)];
        assert_eq!(akaike_weights(&all, &mut found), Some(1));
        assert_eq!(found, [0.0, 1.0, 0.0]);
        let alone = [candidate(f64::NAN, f64::NAN, 2)];
        assert_eq!(akaike_weights(&alone, &mut found[..1]), None);
    }

    /// By hand: θ = 0.25·2 + 0.75·4 = 3.5, and 0.25·√(3² + 1.5²) + 0.75·√(2² + 0.5²).
    #[test]
    fn averages_carry_the_choice_in_their_error() {
        let models = [[0.2, 2.0, 3.0], [0.6, 4.0, 2.0], [0.2, f64::NAN, f64::NAN]];
        let want = [3.5, 0.25 * 11.25f64.sqrt() + 0.75 * 4.25f64.sqrt()];
        assert!(close(&averaged(models.into_iter()), &want, 1e-14));
        assert!(!close(&averaged(models[..1].iter().copied()), &want, 1e-3));
        let at_bound = [[0.5, 2.0, f64::NAN], [0.5, 4.0, 2.0]];
        let [mean, error] = averaged(at_bound.into_iter());
        assert!(mean == 3.0 && error.is_nan());
        let hardly = [[0.001, 2.0, f64::NAN], [0.999, 4.0, 2.0]];
        assert!((averaged(hardly.into_iter())[1] - 2.0).abs() < 0.01);
        assert!(averaged([[0.0, 1.0, 1.0]].into_iter()).iter().all(|x| x.is_nan()));
    }
}
