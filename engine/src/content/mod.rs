//! A vector for a product that nobody has bought yet, from what its record says: texts, category, brand, seller, price.
//!
//! A record becomes features ([`mod@features`]: words, pieces of words and facts, hashed), the features that training knew
//! become a sparse row ([`Encoder`]), and a linear map that the trainer learnt against the vectors of products with
//! events turns the row into a vector ([`ContentModel`]). The same code runs in training and in serving, so the two
//! cannot read one record differently. Hashing follows Weinberger et al. 2009, "Feature Hashing for Large Scale
//! Multitask Learning": a second hash gives each feature a sign, so that features in one bucket cancel out on average.

mod encoder;
mod features;
mod file;
mod model;
mod words;

pub use encoder::{Encoder, Row};
pub use features::{BUCKET_BITS, FIELDS, Feature, Field, features};
pub use file::CONTENT_FILE;
pub use model::{ContentModel, Map};

#[cfg(test)]
mod tests;
