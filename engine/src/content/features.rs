//! What a product's record says, as hashed features.

use juntos_datasets::tables::Product;
use xxhash_rust::xxh3::xxh3_64;

use super::words::{Piece, pieces};

/// Features fall into `2^BUCKET_BITS` buckets.
pub const BUCKET_BITS: u32 = 18;

/// Number of fields.
pub const FIELDS: usize = Field::ALL.len();

/// Where in the record a feature comes from. Fields are weighed as wholes, however many features each has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Field {
    /// Words of the title and pairs of neighbouring ones; single, double and triple characters where there are no spaces.
    TitleWords,
    /// Three to five letters in a row within a word of the title, its ends marked (Bojanowski et al. 2017, "Enriching
    /// Word Vectors with Subword Information", §3.2): what inflected forms and misspellings have in common.
    TitleLetters,
    /// Words of the description, as of the title.
    Description,
    /// Every prefix of the category's path, and its words.
    Category,
    /// Brand.
    Brand,
    /// Seller.
    Seller,
    /// Half-octave of the price in its currency, alone and within the category.
    Price,
    /// Language of the texts, country that it ships from, countries that it is delivered to, age limit.
    Market,
}

impl Field {
    /// Every field, in order.
    pub const ALL: [Self; 8] = [
        Self::TitleWords,
        Self::TitleLetters,
        Self::Description,
        Self::Category,
        Self::Brand,
        Self::Seller,
        Self::Price,
        Self::Market,
    ];
}

/// One feature of one product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Feature {
    /// Field that it comes from.
    pub field: Field,
    /// Below `2^`[`BUCKET_BITS`].
    pub bucket: u32,
    /// `1 + ln(count)`, with the sign that the hash gives; never zero.
    pub value: f32,
}

/// The features of a product, by field and bucket. One bucket can occur twice in a field, with either sign.
///
/// Cost: some tens of microseconds for a title and a short description.
pub fn features(product: &Product<'_>) -> Vec<Feature> {
    let mut hits = Hits::default();
    if let Some(title) = product.title {
        let title = pieces(title);
        hits.words(Field::TitleWords, &title);
        hits.letters(Field::TitleLetters, &title);
    }
    if let Some(description) = product.description {
        hits.words(Field::Description, &pieces(description));
    }
    hits.category(product.category);
    hits.fact(Field::Brand, b'b', product.brand.map(str::to_lowercase).as_deref());
    hits.fact(Field::Seller, b's', product.seller_id);
    hits.price(product);
    hits.market(product);
    hits.into_features()
}

/// Widths of the pieces of words that are features.
const LETTERS: std::ops::RangeInclusive<usize> = 3..=5;
/// Widest piece of an unspaced run that is a feature.
const UNSPACED: usize = 3;
/// Most letters of one word and most characters of one run that are looked at: longer ones are no words.
const MOST_LETTERS: usize = 64;
/// Marks both ends of a word.
const END: char = '\u{2}';

/// What was met so far: field, and the bits of the hash that tell bucket and sign.
#[derive(Default)]
struct Hits {
    hits: Vec<(Field, u32)>,
    text: String,
}

impl Hits {
    /// Notes the text that [`Hits::text`] holds after `kind`, which keeps features of one field apart.
    fn note(&mut self, field: Field, kind: u8, text: &str) {
        self.text.clear();
        self.text.push(char::from(b'0' + field as u8));
        self.text.push(char::from(kind));
        self.text.push_str(text);
        let hash = xxh3_64(self.text.as_bytes()) as u32 & ((2 << BUCKET_BITS) - 1);
        self.hits.push((field, hash));
    }

    fn fact(&mut self, field: Field, kind: u8, fact: Option<&str>) {
        if let Some(fact) = fact.filter(|fact| !fact.is_empty()) {
            self.note(field, kind, fact);
        }
    }

    fn words(&mut self, field: Field, pieces: &[Piece]) {
        let mut before: Option<&str> = None;
        for piece in pieces {
            match piece {
                Piece::Word(word) => {
                    self.note(field, b'w', word);
                    if let Some(before) = before {
                        self.note(field, b'p', &format!("{before} {word}"));
                    }
                    before = Some(word);
                }
                Piece::Unspaced(run) => {
                    let run = &run[..run.len().min(MOST_LETTERS)];
                    for width in 1..=UNSPACED {
                        run.windows(width).for_each(|part| self.note(field, b'u', &part.iter().collect::<String>()));
                    }
                    before = None;
                }
            }
        }
    }

    fn letters(&mut self, field: Field, pieces: &[Piece]) {
        for piece in pieces {
            let Piece::Word(word) = piece else { continue };
            let inside = word.chars().take(MOST_LETTERS);
            let marked: Vec<char> = std::iter::once(END).chain(inside).chain([END]).collect();
            for width in LETTERS {
                marked.windows(width).for_each(|part| self.note(field, b'l', &part.iter().collect::<String>()));
            }
        }
    }

    fn category(&mut self, path: Option<&str>) {
        let Some(path) = path.map(|path| path.trim_matches('/')).filter(|path| !path.is_empty()) else { return };
        for end in path.match_indices('/').map(|(at, _)| at).chain([path.len()]) {
            self.note(Field::Category, b'c', &path[..end]);
        }
        self.words(Field::Category, &pieces(path));
    }

    fn price(&mut self, product: &Product<'_>) {
        let Some(price) = product.price_minor.filter(|&price| price > 0) else { return };
        let band = ((price as f64).log2() * 2.0).floor();
        let band = format!("{} {band}", product.currency.unwrap_or_default());
        self.note(Field::Price, b'm', &band);
        if let Some(category) = product.category {
            self.note(Field::Price, b'c', &format!("{band} {category}"));
        }
    }

    fn market(&mut self, product: &Product<'_>) {
        self.fact(Field::Market, b'l', product.language);
        self.fact(Field::Market, b'f', product.ships_from);
        let countries: std::collections::BTreeSet<&str> = product.offers.iter().map(|offer| offer.country).collect();
        countries.iter().for_each(|country| self.note(Field::Market, b't', country));
        if let Some(age) = product.min_age.filter(|&age| age > 0) {
            self.note(Field::Market, b'a', &age.to_string());
        }
    }

    fn into_features(mut self) -> Vec<Feature> {
        self.hits.sort_unstable();
        let counted = self.hits.chunk_by(|left, right| left == right);
        counted
            .map(|same| {
                let (field, hash) = same[0];
                let sign = if hash >> BUCKET_BITS == 0 { 1.0 } else { -1.0 };
                let bucket = hash & ((1 << BUCKET_BITS) - 1);
                Feature { field, bucket, value: sign * (1.0 + (same.len() as f32).ln()) }
            })
            .collect()
    }
}
