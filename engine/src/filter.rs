//! Which products may be shown: a filter, a market and an age become a bitmap.

use crate::bitmap::Bitmap;
use crate::bundle::Bundle;
use crate::request::{Filter, Market};

/// Delivery sets made so far, one for each question about delivery.
#[derive(Default)]
pub(crate) struct Deliverable {}

/// Rows of the products of the bundle that may be shown: neither hidden nor sold out, for the age, deliverable in the
/// market, and meeting every condition of the filter.
///
/// `age` is in whole years; an unknown age (`None`) counts as a minor's of whom nothing is known: she is shown no
/// product with a youngest age. The country is the filter's `ship_to`, else the market's; without either, nothing is
/// asked of the country. Payment methods are the filter's, else the market's. A product without offers is delivered
/// everywhere and paid by any method, but promises no day: a limit on delivery days leaves it out. A price bound
/// is in the filter's currency, else the market's; products with no price, or one in another currency, do not meet it.
pub fn allowed(bundle: &Bundle, filter: &Filter, market: &Market, age: Option<u32>) -> Bitmap {
    let _ = (bundle, filter, market, age);
    todo!()
}
