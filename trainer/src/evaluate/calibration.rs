//! Whether chances mean what they say: of all that is given a chance of three in ten, three in ten should happen.
//!
//! - Brier score: Brier, *Verification of forecasts expressed in terms of probability* (1950); skill against the base rate
//!   after Murphy (1973)
//! - expected calibration error in bins of equal width: Naeini, Cooper and Hauskrecht, *Obtaining well calibrated
//!   probabilities using Bayesian binning* (AAAI 2015); in bins of equal size: Nguyen and O'Connor (EMNLP 2015)
//! - interval of a share: Wilson (1927)

use serde::Serialize;

use super::bootstrap::{Bootstrap, Interval, Sample};

/// Number of bins of either kind.
pub const BINS: usize = 10;

/// One chance that was given, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// Whose forecast it is: those of one owner are drawn together.
    pub owner: u32,
    /// The chance, 0 to 1.
    pub chance: f64,
    /// Whether it happened.
    pub happened: bool,
}

/// How well chances are calibrated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// Chance of what: `joining` or `success`.
    pub of: &'static str,
    /// Number of forecasts.
    pub forecasts: u64,
    /// Test teams that they are about.
    pub teams: u64,
    /// Of these, teams that succeeded; the others expired.
    pub succeeded: u64,
    /// Mean chance given.
    pub mean_chance: f64,
    /// Share that happened.
    pub base_rate: f64,
    /// Mean square of chance less outcome, 0 is best.
    pub brier: f64,
    /// Where the Brier score lies, by the bootstrap over initiators.
    pub brier_interval: Interval,
    /// What always giving the base rate would score.
    pub brier_of_base_rate: f64,
    /// One less the ratio of the two: 1 is perfect, 0 no better than the base rate; absent where only one outcome occurred.
    pub brier_skill: Option<f64>,
    /// Expected calibration error over `bins`: mean distance of chance and share, weighed by forecasts.
    pub ece: f64,
    /// The same over `equal_bins`.
    pub ece_equal_bins: f64,
    /// Ten bins of equal width: 0 to 0.1, and so on; empty ones left out.
    pub bins: Vec<Bin>,
    /// Ten bins with as equal numbers of forecasts as ties of the chance allow.
    pub equal_bins: Vec<Bin>,
}

/// Forecasts of about the same chance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Lowest chance: of the bin where bins are of equal width, else of the forecasts in it.
    pub low: f64,
    /// Highest chance.
    pub high: f64,
    /// Number of forecasts.
    pub forecasts: u64,
    /// Their mean chance.
    pub mean_chance: f64,
    /// Share that happened.
    pub happened: f64,
    /// 95 % interval of that share, as if the forecasts were independent.
    pub happened_interval: Interval,
}

/// Test teams that forecasts are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Teams {
    /// All of them, each succeeded or expired.
    pub all: u64,
    /// Those that succeeded.
    pub succeeded: u64,
}

impl Calibration {
    /// Measures `forecasts`; nothing where there are none.
    pub fn of(of: &'static str, teams: Teams, forecasts: &[Forecast], bootstrap: Bootstrap) -> Option<Self> {
        if forecasts.is_empty() {
            return None;
        }
        let mean = |value: &dyn Fn(&Forecast) -> f64| forecasts.iter().map(value).sum::<f64>() / forecasts.len() as f64;
        let brier = mean(&square);
        let base_rate = mean(&outcome);
        let brier_of_base_rate = base_rate * (1.0 - base_rate);
        let owners: Vec<u32> = forecasts.iter().map(|forecast| forecast.owner).collect();
        let squares: Vec<f64> = forecasts.iter().map(square).collect();
        let (bins, equal_bins) = (equal_width(forecasts), equal_size(forecasts));
        Some(Self {
            of,
            forecasts: forecasts.len() as u64,
            teams: teams.all,
            succeeded: teams.succeeded,
            mean_chance: mean(&|forecast| forecast.chance),
            base_rate,
            brier,
            brier_interval: bootstrap.draw(&Sample::new(&owners, 1, &squares)).interval(0),
            brier_of_base_rate,
            brier_skill: (brier_of_base_rate > 0.0).then(|| 1.0 - brier / brier_of_base_rate),
            ece: error(&bins),
            ece_equal_bins: error(&equal_bins),
            bins,
            equal_bins,
        })
    }

    /// Whether every test team ended the same way, so that nothing is said about the other.
    pub fn one_sided(&self) -> bool {
        self.succeeded == 0 || self.succeeded == self.teams
    }
}

fn outcome(forecast: &Forecast) -> f64 {
    f64::from(u8::from(forecast.happened))
}

fn square(forecast: &Forecast) -> f64 {
    (forecast.chance - outcome(forecast)).powi(2)
}

fn equal_width(forecasts: &[Forecast]) -> Vec<Bin> {
    let mut parts = vec![Vec::new(); BINS];
    for forecast in forecasts {
        parts[((forecast.chance * BINS as f64) as usize).min(BINS - 1)].push(*forecast);
    }
    let ends = |part: usize| (part as f64 / BINS as f64, (part + 1) as f64 / BINS as f64);
    let filled = parts.iter().enumerate().filter(|(_, part)| !part.is_empty());
    filled.map(|(part, forecasts)| bin(ends(part), forecasts)).collect()
}

fn equal_size(forecasts: &[Forecast]) -> Vec<Bin> {
    let mut sorted = forecasts.to_vec();
    sorted.sort_by(|left, right| left.chance.total_cmp(&right.chance));
    let mut bins = Vec::new();
    let mut start = 0;
    for part in 1..=BINS {
        let mut end = (sorted.len() * part).div_ceil(BINS);
        // Equal chances must not be told apart by the order they came in.
        while end > start && end < sorted.len() && sorted[end].chance == sorted[end - 1].chance {
            end += 1;
        }
        if end > start {
            let inside = &sorted[start..end];
            bins.push(bin((inside[0].chance, inside[inside.len() - 1].chance), inside));
            start = end;
        }
    }
    bins
}

fn bin((low, high): (f64, f64), forecasts: &[Forecast]) -> Bin {
    let count = forecasts.len() as f64;
    let happened = forecasts.iter().map(outcome).sum::<f64>();
    Bin {
        low,
        high,
        forecasts: forecasts.len() as u64,
        mean_chance: forecasts.iter().map(|forecast| forecast.chance).sum::<f64>() / count,
        happened: happened / count,
        happened_interval: wilson(happened, count),
    }
}

fn error(bins: &[Bin]) -> f64 {
    let all: f64 = bins.iter().map(|bin| bin.forecasts as f64).sum();
    bins.iter().map(|bin| bin.forecasts as f64 / all * (bin.mean_chance - bin.happened).abs()).sum()
}

/// 95 % interval of a share of which `happened` out of `count` happened.
fn wilson(happened: f64, count: f64) -> Interval {
    const Z: f64 = 1.959_963_984_540_054;
    let share = happened / count;
    let scale = 1.0 + Z * Z / count;
    let middle = (share + Z * Z / (2.0 * count)) / scale;
    let half = Z * (share * (1.0 - share) / count + Z * Z / (4.0 * count * count)).sqrt() / scale;
    Interval { low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
}

#[cfg(test)]
mod tests {
    //! 1. Bins of either kind share out the forecasts, and the errors are no larger than the largest distance.
    //! 2. Chances that tell the truth have next to no error; chances that say half as much have the error they made.
    //! 3. A worked example, with the Wilson interval of a textbook.

    use proptest::prelude::*;

    use super::*;

    fn measured(forecasts: &[Forecast]) -> Calibration {
        let bootstrap = Bootstrap { resamples: 100, ..Bootstrap::new(1) };
        Calibration::of("joining", Teams { all: 2, succeeded: 1 }, forecasts, bootstrap).unwrap()
    }

    proptest! {
        #[test]
        fn bins_share_out_the_forecasts(rows in prop::collection::vec((0u32..50, any::<bool>()), 1..90)) {
            let forecasts: Vec<Forecast> = rows
                .into_iter()
                .map(|(chance, happened)| Forecast { owner: chance % 7, chance: f64::from(chance) / 49.0, happened })
                .collect();
            let found = measured(&forecasts);
            for bins in [&found.bins, &found.equal_bins] {
                prop_assert_eq!(bins.iter().map(|bin| bin.forecasts).sum::<u64>(), found.forecasts);
                prop_assert!(bins.windows(2).all(|pair| pair[0].high <= pair[1].low + 1e-12));
                for bin in bins {
                    prop_assert!(bin.low <= bin.mean_chance + 1e-12 && bin.mean_chance <= bin.high + 1e-12);
                    let Interval { low, high } = bin.happened_interval;
                    prop_assert!(low <= bin.happened + 1e-12 && bin.happened <= high + 1e-12);
                    let inside = |forecast: &&Forecast| (bin.low..=bin.high).contains(&forecast.chance);
                    prop_assert!(bin.forecasts as usize <= forecasts.iter().filter(inside).count());
                }
                let largest = bins.iter().map(|bin| (bin.mean_chance - bin.happened).abs()).fold(0.0, f64::max);
                prop_assert!(error(bins) <= largest + 1e-12);
            }
            let slowly = forecasts.iter().map(square).sum::<f64>() / forecasts.len() as f64;
            prop_assert!((found.brier - slowly).abs() < 1e-12);
        }
    }

    /// For each chance k/20, twenty forecasts of which k happen, with the chance told as `told` says.
    fn world(told: impl Fn(f64) -> f64) -> Vec<Forecast> {
        let of_chance = |part: u32| {
            let chance = told(f64::from(part) / 20.0);
            (0..20).map(move |row| Forecast { owner: part * 20 + row, chance, happened: row < part })
        };
        (0..=20).flat_map(of_chance).collect()
    }

    #[test]
    fn the_truth_has_no_error_and_half_of_it_has() {
        let honest = measured(&world(|chance| chance));
        assert!(honest.ece < 1e-12 && honest.ece_equal_bins < 1e-12, "{honest:?}");
        assert!(honest.brier_skill > Some(0.0));
        let timid = measured(&world(|chance| chance / 2.0));
        // The mean of chance / 2 over the chances 0, .05, … 1.
        assert!((timid.ece - 0.25).abs() < 1e-12 && (timid.ece_equal_bins - 0.25).abs() < 1e-12);
        assert!(timid.brier > honest.brier);
    }

    #[test]
    fn a_worked_example() {
        let forecast = |chance: f64, happened: bool| Forecast { owner: 0, chance, happened };
        let found = measured(&[forecast(0.05, false), forecast(0.05, true), forecast(1.0, true), forecast(0.6, false)]);
        assert!((found.brier - (0.0025 + 0.9025 + 0.0 + 0.36) / 4.0).abs() < 1e-12);
        assert_eq!((found.base_rate, found.brier_of_base_rate), (0.5, 0.25));
        assert_eq!(found.bins.iter().map(|bin| bin.forecasts).collect::<Vec<_>>(), [2, 1, 1]);
        assert!((found.ece - (0.5 * 0.45 + 0.25 * 0.6)).abs() < 1e-12);
        // Newcombe (1998), method 3: 81 of 263 is .2553 to .3662.
        let Interval { low, high } = wilson(81.0, 263.0);
        assert!((low - 0.2553).abs() < 5e-5 && (high - 0.3662).abs() < 5e-5, "{low} {high}");
        assert!(Calibration::of("success", Teams { all: 0, succeeded: 0 }, &[], Bootstrap::new(1)).is_none());
    }
}
