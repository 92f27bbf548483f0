//! What has been added to, or taken from, the popularity of products since the cut.
//!
//! A popular list must not tell that one person has just bought something. So what somebody does counts from the next
//! day (UTC) on, and only once [`FEWEST_PEOPLE`] people have done something to the product in that market. Amounts are
//! whole millionths, so that taking somebody's part out again leaves exactly what was there without her.

use imbl::HashMap;
use juntos_datasets::units::Country;

/// People who must have moved a product's popularity before it shows.
pub(crate) const FEWEST_PEOPLE: u32 = 3;

/// Millionths in one unit of weight.
const UNIT: f64 = 1_000_000.0;

/// A market; `None` is everywhere.
type Market = Option<Country>;

/// What one person added to one product's popularity in one market since the cut, for taking it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Added {
    pub(crate) product: u32,
    pub(crate) country: Market,
    /// Day of the first addition.
    first_day: i64,
    /// Before `day`.
    settled: i64,
    /// On `day`.
    today: i64,
    day: i64,
}

/// All that people did to one product in one market.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Moved {
    /// Before `day`.
    settled: i64,
    settled_people: u32,
    /// On `day`, which is the last one on which anything happened.
    today: i64,
    people_today: u32,
    day: i64,
    /// What deleted people had added before the cut: taken out at once.
    withdrawn: i64,
}

impl Moved {
    /// Goes on to `day`; a clock that went back stays on the later day.
    fn turn(&mut self, day: i64) {
        if day > self.day {
            self.settled += self.today;
            self.settled_people += self.people_today;
            (self.today, self.people_today, self.day) = (0, 0, day);
        }
    }

    fn shown(mut self, day: i64) -> i64 {
        self.turn(day);
        let moved = if self.settled_people >= FEWEST_PEOPLE { self.settled } else { 0 };
        moved - self.withdrawn
    }
}

/// Every change of popularity since the cut.
#[derive(Debug, Clone, Default)]
pub(crate) struct Popularity {
    moved: HashMap<Market, HashMap<u32, Moved>>,
    /// The latest day that anything happened on.
    last_day: i64,
}

impl Popularity {
    /// Changes in `market` that show on `day`, by product, in no order; none is zero.
    pub(crate) fn shown(&self, market: Market, day: i64) -> impl Iterator<Item = (u32, f32)> {
        let moved = self.moved.get(&market).into_iter().flatten();
        moved.map(move |(&product, moved)| (product, weight(moved.shown(day)))).filter(|(_, weight)| *weight != 0.0)
    }

    /// Adds `weight` for one person on `day`, and notes it in what she `added`.
    pub(crate) fn add(&mut self, added: &mut Vec<Added>, country: Market, product: u32, weight: f32, day: i64) {
        self.add_amount(added, country, product, millionths(weight), day);
    }

    fn add_amount(&mut self, added: &mut Vec<Added>, country: Market, product: u32, amount: i64, day: i64) {
        // A clock that went back stays on the later day.
        let day = day.max(self.last_day);
        self.last_day = day;
        // Who has moved to another country is new there, but nobody new among all.
        let new_to_all = added.iter().all(|added| added.product != product);
        let known = added.iter_mut().find(|added| (added.product, added.country) == (product, country));
        let new_to_country = known.is_none();
        match known {
            Some(known) => known.grow(amount, day),
            None => added.push(Added { product, country, first_day: day, settled: 0, today: amount, day }),
        }
        self.in_markets(country, product, |market, moved| {
            moved.turn(day);
            moved.today += amount;
            moved.people_today += u32::from(if market.is_some() { new_to_country } else { new_to_all });
        });
    }

    /// Takes back for one person, from the next day on, all that she added to `product`.
    pub(crate) fn refuse(&mut self, added: &mut Vec<Added>, product: u32, day: i64) {
        let of_product = added.iter().filter(|added| added.product == product);
        let hers: Vec<(Market, i64)> = of_product.map(|added| (added.country, added.settled + added.today)).collect();
        for (country, amount) in hers {
            self.add_amount(added, country, product, -amount, day);
        }
    }

    /// Takes out at once what one person added since the cut, as if she had never been there.
    pub(crate) fn forget(&mut self, added: &[Added]) {
        for (at, hers) in added.iter().enumerate() {
            let first_of_all = added[..at].iter().all(|before| before.product != hers.product);
            self.in_markets(hers.country, hers.product, |market, moved| {
                moved.settled -= hers.settled;
                let amount = if hers.day == moved.day { &mut moved.today } else { &mut moved.settled };
                *amount -= hers.today;
                let people =
                    if hers.first_day == moved.day { &mut moved.people_today } else { &mut moved.settled_people };
                *people -= u32::from(market.is_some() || first_of_all);
            });
        }
    }

    /// Takes out at once (or gives back, where `weight` is negative) what one person had added before the cut.
    pub(crate) fn withdraw(&mut self, country: Market, product: u32, weight: f32) {
        self.in_markets(country, product, |_, moved| moved.withdrawn += millionths(weight));
    }

    /// Changes the entries of a product in a person's market and in everybody's.
    fn in_markets(&mut self, country: Market, product: u32, change: impl Fn(Market, &mut Moved)) {
        for market in [country.map(Some), Some(None)].into_iter().flatten() {
            change(market, self.moved.entry(market).or_default().entry(product).or_default());
        }
    }
}

impl Added {
    fn grow(&mut self, amount: i64, day: i64) {
        if day > self.day {
            self.settled += self.today;
            (self.today, self.day) = (0, day);
        }
        self.today += amount;
    }
}

fn millionths(weight: f32) -> i64 {
    (f64::from(weight) * UNIT).round() as i64
}

fn weight(amount: i64) -> f32 {
    (amount as f64 / UNIT) as f32
}

#[cfg(test)]
mod tests {
    //! 1. What shows is what a list of all additions says: from the next day on, from three people on.
    //! 2. Who is forgotten was never there.

    use proptest::prelude::*;

    use super::*;

    const PRODUCTS: u32 = 3;

    fn shown(popularity: &Popularity, day: i64) -> Vec<(u32, f32)> {
        let mut shown: Vec<(u32, f32)> = popularity.shown(None, day).collect();
        shown.sort_by_key(|entry| entry.0);
        shown
    }

    /// Additions of whole units: person, product, days since the one before.
    fn additions() -> impl Strategy<Value = Vec<(usize, u32, i64)>> {
        proptest::collection::vec((0usize..5, 0..PRODUCTS, 0i64..2), 0..30)
    }

    fn played(additions: &[(usize, u32, i64)], without: Option<usize>) -> (Popularity, Vec<Vec<Added>>, i64) {
        let (mut popularity, mut added, mut day) = (Popularity::default(), vec![Vec::new(); 5], 0);
        for &(person, product, later) in additions {
            day += later;
            if without != Some(person) {
                popularity.add(&mut added[person], None, product, 1.0, day);
            }
        }
        (popularity, added, day)
    }

    proptest! {
        #[test]
        fn shows_what_three_people_did_before_today(additions in additions()) {
            let (popularity, _, last) = played(&additions, None);
            for asked in [last, last + 1] {
                let mut expected = Vec::new();
                for product in 0..PRODUCTS {
                    let mut day = 0;
                    let mut people = std::collections::BTreeSet::new();
                    let mut weight = 0.0;
                    for &(person, what, later) in &additions {
                        day += later;
                        if what == product && day < asked {
                            people.insert(person);
                            weight += 1.0;
                        }
                    }
                    if people.len() >= 3 {
                        expected.push((product, weight));
                    }
                }
                prop_assert_eq!(shown(&popularity, asked), expected);
            }
        }

        #[test]
        fn who_is_forgotten_was_never_there(additions in additions(), gone in 0usize..5) {
            let (mut popularity, added, last) = played(&additions, None);
            popularity.forget(&added[gone]);
            let (never, _, _) = played(&additions, Some(gone));
            for asked in [last, last + 1] {
                prop_assert_eq!(shown(&popularity, asked), shown(&never, asked));
            }
        }
    }

    #[test]
    fn who_moves_to_another_country_is_one_person_still() {
        let [here, there] = ["RU", "ES"].map(|code| code.parse::<Country>().ok());
        let (mut popularity, mut added) = (Popularity::default(), vec![Vec::new(); 3]);
        popularity.add(&mut added[0], here, 0, 1.0, 0);
        popularity.add(&mut added[1], here, 0, 1.0, 0);
        popularity.add(&mut added[0], there, 0, 1.0, 1);
        assert_eq!(shown(&popularity, 2), [], "two people are not three");
        popularity.add(&mut added[2], there, 0, 1.0, 2);
        assert_eq!(shown(&popularity, 3), [(0, 4.0)]);
        popularity.forget(&added[0]);
        assert_eq!(shown(&popularity, 3), []);
        popularity.add(&mut added[0].split_off(2), here, 0, 1.0, 3);
        assert_eq!(shown(&popularity, 4), [(0, 3.0)]);
    }

    #[test]
    fn a_refusal_counts_from_the_next_day_on_and_a_withdrawal_at_once() {
        let (mut popularity, mut added) = (Popularity::default(), vec![Vec::new(); 3]);
        for hers in &mut added {
            popularity.add(hers, None, 0, 1.0, 0);
        }
        assert_eq!([0, 1].map(|day| shown(&popularity, day)), [vec![], vec![(0, 3.0)]]);
        popularity.refuse(&mut added[0], 0, 1);
        assert_eq!([1, 2].map(|day| shown(&popularity, day)), [vec![(0, 3.0)], vec![(0, 2.0)]]);
        popularity.withdraw(None, 0, 0.5);
        assert_eq!(shown(&popularity, 1), [(0, 2.5)]);
    }
}
