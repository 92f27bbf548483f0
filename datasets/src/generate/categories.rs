//! What is sold: leaf categories with their seasons, prices and repurchase cycles.

/// Facts of one leaf category that no language changes. Its names are in `texts`, at the same place.
#[derive(Debug, Clone, Copy)]
pub struct CategoryFacts {
    /// Department, which decides brands and attributes: a place in `texts::BRANDS`.
    pub department: usize,
    /// Median price in euro.
    pub euros: f32,
    /// Days after which it is used up and bought again; absent for what lasts.
    pub interval_days: Option<f32>,
    /// Days in which a second one is not bought, for what lasts.
    pub rest_days: f32,
    /// Month of its season, 0 for January; absent for what sells all year.
    pub peak_month: Option<u32>,
    /// Youngest buyer.
    pub min_age: Option<u32>,
    /// Never used in social proof.
    pub sensitive: bool,
    /// Share of purchases, before taste and season.
    pub demand: f32,
}

const fn lasting(department: usize, euros: f32, rest_days: f32, demand: f32) -> CategoryFacts {
    CategoryFacts {
        department,
        euros,
        interval_days: None,
        rest_days,
        peak_month: None,
        min_age: None,
        sensitive: false,
        demand,
    }
}

const fn used_up(department: usize, euros: f32, interval_days: f32, demand: f32) -> CategoryFacts {
    CategoryFacts { interval_days: Some(interval_days), ..lasting(department, euros, 0.0, demand) }
}

const fn in_season(facts: CategoryFacts, month: u32) -> CategoryFacts {
    CategoryFacts { peak_month: Some(month), ..facts }
}

const fn adults_only(facts: CategoryFacts) -> CategoryFacts {
    CategoryFacts { min_age: Some(18), ..facts }
}

const fn sensitive(facts: CategoryFacts) -> CategoryFacts {
    CategoryFacts { sensitive: true, ..facts }
}

/// Number of leaf categories.
pub const CATEGORIES: usize = 24;

/// The leaf categories, each known by its place in this list.
pub const CATEGORY_FACTS: [CategoryFacts; CATEGORIES] = [
    lasting(0, 260.0, 700.0, 0.8),                           // phones
    lasting(0, 45.0, 200.0, 1.0),                            // headphones
    lasting(0, 620.0, 900.0, 0.5),                           // laptops
    lasting(1, 32.0, 60.0, 1.0),                             // cookware
    lasting(1, 28.0, 60.0, 1.0),                             // bedding
    lasting(1, 35.0, 60.0, 0.8),                             // lamps
    in_season(lasting(2, 38.0, 20.0, 1.3), 5),               // dresses
    lasting(2, 62.0, 60.0, 1.2),                             // sneakers
    in_season(lasting(2, 95.0, 120.0, 0.9), 10),             // winter coats
    in_season(lasting(2, 25.0, 60.0, 0.7), 6),               // swimwear
    used_up(3, 18.0, 60.0, 1.1),                             // skin care
    used_up(3, 14.0, 90.0, 1.0),                             // make-up
    used_up(4, 11.0, 30.0, 1.2),                             // coffee
    used_up(4, 8.0, 45.0, 0.9),                              // tea
    in_season(used_up(4, 6.0, 25.0, 0.9), 11),               // sweets
    adults_only(in_season(used_up(4, 12.0, 35.0, 0.6), 11)), // wine
    used_up(5, 16.0, 28.0, 0.9),                             // cat food
    used_up(5, 22.0, 30.0, 0.8),                             // dog food
    in_season(lasting(6, 24.0, 15.0, 1.2), 11),              // toys
    used_up(6, 19.0, 21.0, 0.7),                             // nappies
    in_season(lasting(7, 70.0, 120.0, 0.8), 6),              // camping
    in_season(lasting(7, 30.0, 90.0, 0.7), 3),               // garden
    sensitive(used_up(8, 15.0, 50.0, 0.7)),                  // vitamins and medicine
    sensitive(adults_only(lasting(8, 30.0, 120.0, 0.3))),    // intimate goods
];

/// How much more than usual a category sells in a month (0 for January): 1 on average over the year.
pub fn season(category: usize, month: u32) -> f32 {
    match CATEGORY_FACTS[category].peak_month {
        None => 1.0,
        Some(peak) => {
            let angle = (month as f32 - peak as f32) / 12.0 * std::f32::consts::TAU;
            // The mean of exp(2 cos x) is the Bessel function I0(2).
            (2.0 * angle.cos()).exp() / 2.279_585
        }
    }
}
