//! Empirical-Bayes shrinkage of group means towards a common value.

use std::collections::BTreeMap;

/// The means of groups of observations that scatter around 0, shrunk towards 0: a group of `n` keeps the weight `n / (n + k)`.
///
/// `k` is the variance within groups over the variance between them, both estimated from the observations by one-way
/// random-effects analysis of variance (method of moments; Searle, Casella and McCulloch 1992, "Variance Components"). Where
/// groups differ no more than chance would have it, everything shrinks to 0.
pub(super) fn shrunken_means<K: Ord + Copy>(observations: impl Iterator<Item = (K, f64)>) -> BTreeMap<K, f64> {
    let mut groups: BTreeMap<K, Moments> = BTreeMap::new();
    for (key, value) in observations {
        groups.entry(key).or_default().add(value);
    }
    let k = within_over_between(&groups);
    groups.into_iter().map(|(key, group)| (key, group.mean() * group.count / (group.count + k))).collect()
}

#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: f64,
    sum: f64,
    sum_of_squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        self.sum_of_squares += value * value;
    }

    fn mean(&self) -> f64 {
        self.sum / self.count
    }
}

fn within_over_between<K>(groups: &BTreeMap<K, Moments>) -> f64 {
    let count: f64 = groups.values().map(|group| group.count).sum();
    let number = groups.len() as f64;
    if count <= number || number < 2.0 {
        // Nothing is known of the scatter within groups: nothing they say may be trusted.
        return f64::INFINITY;
    }
    let grand_mean = groups.values().map(|group| group.sum).sum::<f64>() / count;
    let within_sum: f64 = groups.values().map(|group| group.sum_of_squares - group.sum * group.mean()).sum();
    let deviations = groups.values().map(|group| (group.count, group.mean() - grand_mean));
    let between_sum: f64 = deviations.map(|(count, deviation)| count * (deviation * deviation)).sum();
    let within = within_sum / (count - number);
    let squares: f64 = groups.values().map(|group| group.count * group.count).sum();
    let effective_size = (count - squares / count) / (number - 1.0);
    let between = (between_sum / (number - 1.0) - within) / effective_size;
    if between > 0.0 { within.max(0.0) / between } else { f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use rand_pcg::Pcg64Mcg;
    use rand_pcg::rand_core::SeedableRng;

    use super::*;
    use crate::draws::normal;

    /// Groups of five with the given scatter between them and scatter 1 within.
    fn observations(between_sd: f64) -> Vec<(usize, f64)> {
        let mut rng = Pcg64Mcg::seed_from_u64(3);
        let mut all = Vec::new();
        for group in 0..2_000 {
            let level = between_sd * normal(&mut rng);
            all.extend((0..5).map(|_| (group, level + normal(&mut rng))));
        }
        all
    }

    fn weight(observations: &[(usize, f64)]) -> f64 {
        let first = observations.iter().filter(|(group, _)| *group == 0).map(|(_, value)| value).sum::<f64>() / 5.0;
        shrunken_means(observations.iter().copied())[&0] / first
    }

    #[test]
    fn the_weight_is_that_of_the_true_variances() {
        // k = 1 / 0.25 = 4, so groups of five keep 5 / 9.
        let kept = weight(&observations(0.5));
        assert!((kept - 5.0 / 9.0).abs() < 0.03, "{kept}");
    }

    #[test]
    fn single_observations_say_nothing() {
        let means = shrunken_means([(1, 3.0), (2, -3.0)].into_iter());
        assert_eq!(means[&1], 0.0);
    }
}
