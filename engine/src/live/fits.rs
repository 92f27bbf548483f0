//! Whether a record that was put since the cut meets the conditions of a question: the same rules that
//! [`crate::filter::allowed`] applies to the bundle's columns, for one product.

use super::records::{OfferRecord, ProductRecord};
use crate::allowed::Conditions;
use crate::explanation::Rule;
use crate::filter::prices_of;
use crate::request::Filter;

impl ProductRecord {
    /// Whether the product may be shown under these conditions.
    pub(crate) fn fits(&self, conditions: &Conditions<'_>) -> bool {
        let filter = conditions.filter;
        !self.hidden
            && self.stock != Some(0)
            && self.min_age.is_none_or(|min_age| conditions.age >= min_age)
            && self.is_delivered(conditions)
            && self.is_of_kind(filter)
            && self.costs_right(conditions)
            && (!filter.team_price || self.group_price_minor.is_some())
    }

    /// What it does not meet: nothing exactly where it [`fits`](Self::fits).
    pub(crate) fn obstacles(&self, conditions: &Conditions<'_>) -> Vec<Rule> {
        let filter = conditions.filter;
        let unmet = [
            (self.hidden, Rule::Hidden),
            (self.stock == Some(0), Rule::OutOfStock),
            (self.min_age.is_some_and(|min_age| conditions.age < min_age), Rule::Age),
            (!self.is_named(filter), Rule::Product),
            (!self.is_of_category(filter), Rule::Category),
            (!self.is_of_brand(filter), Rule::Brand),
            (!self.is_of_seller(filter), Rule::Seller),
            (!self.costs_right(conditions), Rule::Price),
            (filter.team_price && self.group_price_minor.is_none(), Rule::TeamPrice),
        ];
        let unmet = unmet.into_iter().filter(|(holds, _)| *holds).map(|(_, rule)| rule);
        unmet.chain(self.delivery_obstacles(conditions)).collect()
    }

    /// Why it does not come: not there at all, not paid so, not in time, or never both at once.
    fn delivery_obstacles(&self, conditions: &Conditions<'_>) -> Vec<Rule> {
        if self.is_delivered(conditions) {
            return Vec::new();
        }
        if self.offers.is_empty() {
            return vec![Rule::DeliveryDays];
        }
        let there: Vec<&OfferRecord> = self.offers.iter().filter(|offer| offer.reaches(conditions)).collect();
        let paid = there.iter().any(|offer| offer.accepts(conditions));
        let in_time = there.iter().any(|offer| offer.is_in_time(conditions));
        match (there.is_empty(), paid, in_time) {
            (true, ..) => vec![Rule::NotDelivered],
            (_, false, true) => vec![Rule::Payment],
            (_, true, false) => vec![Rule::DeliveryDays],
            (_, false, false) | (_, true, true) => vec![Rule::Payment, Rule::DeliveryDays],
        }
    }

    fn is_delivered(&self, conditions: &Conditions<'_>) -> bool {
        if self.offers.is_empty() {
            return conditions.filter.max_delivery_days.is_none();
        }
        self.offers.iter().any(|offer| offer.serves(conditions))
    }

    fn is_of_kind(&self, filter: &Filter) -> bool {
        self.is_named(filter) && self.is_of_category(filter) && self.is_of_brand(filter) && self.is_of_seller(filter)
    }

    fn is_named(&self, filter: &Filter) -> bool {
        filter.product_ids.is_empty() || filter.product_ids.contains(&self.product_id)
    }

    fn is_of_category(&self, filter: &Filter) -> bool {
        let below = |path: &String| self.category.as_deref().is_some_and(|category| is_within(category, path));
        (filter.categories.is_empty() || filter.categories.iter().any(below))
            && !filter.not_categories.iter().any(below)
    }

    fn is_of_brand(&self, filter: &Filter) -> bool {
        filter.brands.is_empty() || is_one_of(&filter.brands, &self.brand)
    }

    fn is_of_seller(&self, filter: &Filter) -> bool {
        (filter.seller_ids.is_empty() || is_one_of(&filter.seller_ids, &self.seller_id))
            && !is_one_of(&filter.not_seller_ids, &self.seller_id)
    }

    fn costs_right(&self, conditions: &Conditions<'_>) -> bool {
        let filter = conditions.filter;
        let Some(prices) = prices_of(filter) else { return true };
        let comparable = match filter.currency.or(conditions.market.currency) {
            Some(wanted) => self.currency.and_then(|own| conditions.rates.within(prices, wanted, own)),
            None => Some(prices),
        };
        comparable.is_some_and(|prices| self.price_minor.is_some_and(|price| prices.contains(&price)))
    }
}

impl OfferRecord {
    pub(crate) fn serves(&self, conditions: &Conditions<'_>) -> bool {
        self.reaches(conditions) && self.is_in_time(conditions) && self.accepts(conditions)
    }

    fn reaches(&self, conditions: &Conditions<'_>) -> bool {
        let country = conditions.filter.ship_to.or(conditions.market.country);
        country.is_none_or(|country| self.country == country)
    }

    fn is_in_time(&self, conditions: &Conditions<'_>) -> bool {
        conditions.filter.max_delivery_days.is_none_or(|days| self.max_days <= days)
    }

    fn accepts(&self, conditions: &Conditions<'_>) -> bool {
        let asked = &conditions.filter.payment_methods;
        let methods = if asked.is_empty() { &conditions.market.payment_methods } else { asked };
        methods.is_empty()
            || self.payment_methods.is_empty()
            || methods.iter().any(|method| self.payment_methods.contains(method))
    }
}

fn is_one_of(list: &[String], own: &Option<String>) -> bool {
    own.as_ref().is_some_and(|own| list.contains(own))
}

/// Whether `category` is `path` or lies below it; slashes at the ends mean nothing.
fn is_within(category: &str, path: &str) -> bool {
    category
        .trim_matches('/')
        .strip_prefix(path.trim_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use juntos_datasets::units::Country;
    use proptest::prelude::*;

    use super::*;
    use crate::exchange::NO_RATES;
    use crate::request::Market;

    fn fits(record: &ProductRecord, filter: &Filter) -> bool {
        record.fits(&Conditions { filter, market: Market::default(), age: 30, excluded: 0, rates: &NO_RATES })
    }

    #[test]
    fn a_category_takes_in_what_is_below_it_and_not_its_namesakes() {
        let record = ProductRecord { category: Some("food/tea".into()), ..ProductRecord::new("p") };
        let within = |path: &str| fits(&record, &Filter { categories: vec![path.into()], ..Filter::default() });
        assert!(within("food") && within("food/tea") && within("/food/"));
        assert!(!within("foo") && !within("food/te") && !within("food/tea/green"));
    }

    /// Names for anything, few enough to meet often.
    fn name() -> impl Strategy<Value = String> {
        prop::sample::select(vec!["a", "a/b", "c"]).prop_map(str::to_owned)
    }

    fn names() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(name(), 0..2)
    }

    fn country() -> impl Strategy<Value = Country> {
        prop::sample::select(vec!["ES", "IT"]).prop_map(|code| code.parse().unwrap())
    }

    fn offer() -> impl Strategy<Value = OfferRecord> {
        (country(), 0u32..4, names()).prop_map(|(country, max_days, payment_methods)| OfferRecord {
            payment_methods,
            ..OfferRecord::new(country, 0, max_days)
        })
    }

    fn record() -> impl Strategy<Value = ProductRecord> {
        let kind = (prop::option::of(name()), prop::option::of(name()), prop::option::of(name()));
        let price = (prop::option::of(0i64..4), prop::option::of(0i64..4));
        let state = (prop::bool::weighted(0.2), prop::option::of(0i64..3), prop::option::of(16u32..20));
        (kind, price, state, prop::collection::vec(offer(), 0..4)).prop_map(|(kind, price, state, offers)| {
            ProductRecord {
                category: kind.0,
                brand: kind.1,
                seller_id: kind.2,
                price_minor: price.0,
                group_price_minor: price.1,
                currency: Some("EUR".parse().unwrap()),
                hidden: state.0,
                stock: state.1,
                min_age: state.2,
                offers,
                ..ProductRecord::new("p")
            }
        })
    }

    fn filter() -> impl Strategy<Value = Filter> {
        let kinds = (
            names(),
            names(),
            names(),
            names(),
            names(),
            prop::collection::vec(prop::sample::select(vec!["p", "q"]).prop_map(str::to_owned), 0..2),
        );
        let delivery = (prop::option::of(country()), names(), prop::option::of(0u32..4));
        let price = (prop::option::of(0i64..3), any::<bool>(), any::<bool>());
        (kinds, delivery, price).prop_map(|(kinds, delivery, price)| Filter {
            categories: kinds.0,
            not_categories: kinds.1,
            brands: kinds.2,
            seller_ids: kinds.3,
            not_seller_ids: kinds.4,
            product_ids: kinds.5,
            ship_to: delivery.0,
            payment_methods: delivery.1,
            max_delivery_days: delivery.2,
            price_min_minor: price.0,
            currency: price.1.then(|| "EUR".parse().unwrap()),
            team_price: price.2,
            price_max_minor: None,
        })
    }

    proptest! {
        /// Whatever does not fit has an obstacle, and nothing else has; lifting every condition leaves none.
        #[test]
        fn obstacles_are_why_it_does_not_fit(record in record(), filter in filter(), age in 15u32..20) {
            let conditions = Conditions { filter: &filter, market: Market::default(), age, excluded: 0, rates: &NO_RATES };
            let obstacles = record.obstacles(&conditions);
            prop_assert_eq!(obstacles.is_empty(), record.fits(&conditions), "{:?}", obstacles);
            let of_record = [Rule::Hidden, Rule::OutOfStock, Rule::Age];
            let none = Filter::default();
            let left = record.obstacles(&Conditions { filter: &none, ..conditions.clone() });
            prop_assert!(left.iter().all(|rule| of_record.contains(rule)), "{:?} without a filter", left);
        }
    }

    #[test]
    fn one_offer_must_meet_country_days_and_payment_together() {
        let offer = |country: &str, max_days, method: &str| OfferRecord {
            payment_methods: vec![method.into()],
            ..OfferRecord::new(country.parse().unwrap(), 1, max_days)
        };
        let offers = vec![offer("ES", 9, "visa"), offer("IT", 2, "visa"), offer("ES", 2, "mir")];
        let record = ProductRecord { offers, ..ProductRecord::new("p") };
        let ask = |days, method: &str| Filter {
            ship_to: Some("ES".parse().unwrap()),
            max_delivery_days: Some(days),
            payment_methods: vec![method.into()],
            ..Filter::default()
        };
        assert!(fits(&record, &ask(9, "visa")) && fits(&record, &ask(2, "mir")));
        assert!(!fits(&record, &ask(2, "visa")));
        let why = |filter: &Filter| {
            record.obstacles(&Conditions { filter, market: Market::default(), age: 30, excluded: 0, rates: &NO_RATES })
        };
        assert_eq!(why(&ask(2, "visa")), [Rule::Payment, Rule::DeliveryDays]);
        assert_eq!(why(&ask(1, "visa")), [Rule::DeliveryDays]);
        assert_eq!(why(&ask(9, "cash")), [Rule::Payment]);
        assert_eq!(why(&Filter { ship_to: Some("FR".parse().unwrap()), ..ask(9, "visa") }), [Rule::NotDelivered]);
    }
}
