//! Whether a record that was put since the cut meets the conditions of a question: the same rules that
//! [`crate::filter::allowed`] applies to the bundle's columns, for one product.

use super::records::{OfferRecord, ProductRecord};
use crate::allowed::Conditions;
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

    fn is_delivered(&self, conditions: &Conditions<'_>) -> bool {
        if self.offers.is_empty() {
            return conditions.filter.max_delivery_days.is_none();
        }
        self.offers.iter().any(|offer| offer.serves(conditions))
    }

    fn is_of_kind(&self, filter: &Filter) -> bool {
        let below = |path: &String| self.category.as_deref().is_some_and(|category| is_within(category, path));
        let any = |list: &[String], own: &Option<String>| own.as_ref().is_some_and(|own| list.contains(own));
        (filter.categories.is_empty() || filter.categories.iter().any(below))
            && !filter.not_categories.iter().any(below)
            && (filter.brands.is_empty() || any(&filter.brands, &self.brand))
            && (filter.seller_ids.is_empty() || any(&filter.seller_ids, &self.seller_id))
            && !any(&filter.not_seller_ids, &self.seller_id)
    }

    fn costs_right(&self, conditions: &Conditions<'_>) -> bool {
        let filter = conditions.filter;
        if filter.price_min_minor.is_none() && filter.price_max_minor.is_none() {
            return true;
        }
        let wanted = filter.currency.or(conditions.market.currency);
        let same_currency = wanted.is_none_or(|wanted| self.currency == Some(wanted));
        let (least, most) = (filter.price_min_minor.unwrap_or(i64::MIN), filter.price_max_minor.unwrap_or(i64::MAX));
        same_currency && self.price_minor.is_some_and(|price| (least..=most).contains(&price))
    }
}

impl OfferRecord {
    fn serves(&self, conditions: &Conditions<'_>) -> bool {
        let filter = conditions.filter;
        let country = filter.ship_to.or(conditions.market.country);
        let methods = if filter.payment_methods.is_empty() {
            &conditions.market.payment_methods
        } else {
            &filter.payment_methods
        };
        country.is_none_or(|country| self.country == country)
            && filter.max_delivery_days.is_none_or(|days| self.max_days <= days)
            && (methods.is_empty()
                || self.payment_methods.is_empty()
                || methods.iter().any(|method| self.payment_methods.contains(method)))
    }
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
    use super::*;
    use crate::request::Market;

    fn fits(record: &ProductRecord, filter: &Filter) -> bool {
        record.fits(&Conditions { filter, market: Market::default(), age: 30, excluded: 0 })
    }

    #[test]
    fn a_category_takes_in_what_is_below_it_and_not_its_namesakes() {
        let record = ProductRecord { category: Some("food/tea".into()), ..ProductRecord::new("p") };
        let within = |path: &str| fits(&record, &Filter { categories: vec![path.into()], ..Filter::default() });
        assert!(within("food") && within("food/tea") && within("/food/"));
        assert!(!within("foo") && !within("food/te") && !within("food/tea/green"));
    }

    #[test]
    fn one_offer_must_meet_country_days_and_payment_together() {
        let offer = |country: &str, max_days, method: &str| OfferRecord {
            country: country.parse().unwrap(),
            min_days: 1,
            max_days,
            cost_minor: 0,
            payment_methods: vec![method.into()],
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
    }
}
