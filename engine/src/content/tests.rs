//! 1. Letters of any case and accent are the same word; runs of Chinese become single, double and triple characters.
//! 2. Any record has finite features in order, and the same record has the same ones.
//! 3. A row is what a slow reading of its definition gives, with no place twice, and no field longer than its weight.
//! 4. A vector is mean plus weights within the error of bytes, never longer than allowed; nothing known is no vector.
//! 5. What is written is read back; a file of another shape or version, or cut anywhere, is refused.

use std::collections::BTreeMap;

use juntos_datasets::tables::Product;
use proptest::prelude::*;

use super::words::{Piece, pieces};
use super::*;
use crate::bundle::map::MappedFile;
use crate::error::EngineError;

const EQUAL: [f32; FIELDS] = [1.0; FIELDS];

fn product<'a>(title: &'a str, brand: Option<&'a str>) -> Product<'a> {
    Product { title: Some(title), brand, ..Product::new("p") }
}

#[test]
fn words_are_read_as_people_type_them() {
    let words = |text: &str| {
        let word = |piece| match piece {
            Piece::Word(word) => word,
            Piece::Unspaced(run) => run.into_iter().collect(),
        };
        pieces(text).into_iter().map(word).collect::<Vec<_>>()
    };
    assert_eq!(words("Té VERDE, 250g"), ["te", "verde", "250g"]);
    assert_eq!(words("te\u{301} İPEK ıpek Ёлка"), ["te", "ipek", "ipek", "елка"]);
    assert_eq!(words("Nova智能手机 128"), ["nova", "智能手机", "128"]);
    assert!(words(" –·!").is_empty());
}

#[test]
fn chinese_titles_share_features_without_sharing_a_word() {
    let shared = |left: &str, right: &str| {
        let buckets = |title| features(&product(title, None)).into_iter().map(|f| f.bucket).collect::<Vec<_>>();
        let right = buckets(right);
        buckets(left).into_iter().filter(|bucket| right.contains(bucket)).count()
    };
    assert_eq!(shared("智能手机", "拍照手机"), 3, "手, 机 and 手机");
    assert_eq!(shared("智能手机", "绿茶"), 0);
    assert!(shared("кофеварка", "кофеварки") > 10, "endings differ, most letters do not");
}

fn texts() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[a-cé0-9 手机茶。/Ж]{0,12}")
}

/// Features of a product made of three texts.
fn features_of(title: &Option<String>, category: &Option<String>, brand: &Option<String>, price: i64) -> Vec<Feature> {
    features(&Product {
        title: title.as_deref(),
        description: title.as_deref(),
        category: category.as_deref(),
        brand: brand.as_deref(),
        price_minor: Some(price),
        currency: Some("EUR"),
        ..Product::new("p")
    })
}

/// The row by its definition: every known feature over the length of its field, added up by place.
fn row_by_definition(encoder: &Encoder, features: &[Feature]) -> BTreeMap<u32, f32> {
    let known = |feature: &Feature| {
        let place = encoder.buckets.iter().position(|&bucket| bucket == feature.bucket)?;
        Some((place as u32, feature.value * encoder.rarity[place]))
    };
    let mut row = BTreeMap::new();
    for field in Field::ALL {
        let of_field: Vec<_> = features.iter().filter(|feature| feature.field == field).filter_map(known).collect();
        let length = of_field.iter().map(|(_, value)| value * value).sum::<f32>().sqrt();
        for (place, value) in of_field {
            *row.entry(place).or_insert(0.0) += value * encoder.fields[field as usize] / length;
        }
    }
    row
}

proptest! {
    #[test]
    fn rows_are_as_defined(
        records in prop::collection::vec((texts(), texts(), texts(), 0i64..9_999), 1..12),
        least in 1u32..3,
        most in 1usize..80,
    ) {
        let all: Vec<Vec<Feature>> = records.iter().map(|(t, c, b, p)| features_of(t, c, b, *p)).collect();
        let again: Vec<Vec<Feature>> = records.iter().map(|(t, c, b, p)| features_of(t, c, b, *p)).collect();
        prop_assert_eq!(&all, &again);
        let weights = std::array::from_fn(|at| 0.5 + at as f32);
        let encoder = Encoder::learn(all.iter().map(Vec::as_slice), least, most, weights);
        prop_assert!(encoder.len() <= most);
        for features in &all {
            prop_assert!(features.is_sorted_by_key(|feature| feature.field));
            prop_assert!(features.iter().all(|f| f.value.is_finite() && f.value != 0.0 && f.bucket >> BUCKET_BITS == 0));
            let row = encoder.encode(features);
            prop_assert!(row.is_sorted_by(|left, right| left.0 < right.0));
            let defined = row_by_definition(&encoder, features);
            for (&place, &value) in &defined {
                let got = row.iter().find(|entry| entry.0 == place).map_or(0.0, |entry| entry.1);
                prop_assert!((got - value).abs() <= 1e-4, "place {place}: {got}, not {value}");
            }
            prop_assert!(row.len() <= defined.len());
        }
    }
}

const DIM: usize = 3;

/// A model of two titles with random-looking weights, and the weights before they became bytes.
fn model(longest: f32) -> (ContentModel, Encoder, Map) {
    let known = [features(&product("green tea", Some("Hoja"))), features(&product("black tea", None))];
    let encoder = || Encoder::learn(known.iter().map(Vec::as_slice), 1, 1_000, EQUAL);
    let weights = (0..encoder().len() * DIM).map(|at| ((at * 37 % 101) as f32 - 50.0) / 50.0).collect();
    let map = Map { mean: vec![0.5, -1.0, 2.0], weights, scale: 1.5, longest };
    (ContentModel::new(encoder(), map.clone()), encoder(), map)
}

#[test]
fn vectors_are_mean_and_weights_and_not_too_long() {
    let (model, encoder, map) = model(1e9);
    let tea = product("green tea", Some("hoja"));
    let row = encoder.encode(&features(&tea));
    let vector = model.vector(&tea).unwrap();
    for (at, &got) in vector.iter().enumerate() {
        let sum: f32 = row.iter().map(|&(place, value)| value * map.weights[place as usize * DIM + at]).sum();
        let error: f32 = row.iter().map(|&(_, value)| value.abs() * 0.501 / 127.0).sum();
        assert!((got - 1.5 * (map.mean[at] + sum)).abs() <= 1.5 * error + 1e-4, "{got} at {at}");
    }
    let short = self::model(0.25).0.vector(&tea).unwrap();
    assert!((short.iter().map(|value| value * value).sum::<f32>().sqrt() - 0.25).abs() < 1e-5);
    assert_eq!(model.vector(&Product::new("tea")), None, "the id says nothing");
    assert_eq!(model.vector(&product("???", None)), None);
}

fn open(path: &std::path::Path, dim: usize) -> Result<ContentModel, EngineError> {
    ContentModel::open(&MappedFile::open(path, path.metadata().unwrap().len())?, dim)
}

#[test]
fn the_file_is_read_back_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(CONTENT_FILE);
    let (model, ..) = model(7.0);
    model.write(&path).unwrap();
    let read = open(&path, DIM).unwrap();
    for title in ["green tea", "black", "tea tea hoja", "nothing alike"] {
        assert_eq!(read.vector(&product(title, None)), model.vector(&product(title, None)), "{title}");
    }
    let refused = open(&path, DIM + 1).err().unwrap().to_string();
    assert!(refused.contains("train the bundle anew"), "{refused}");
    let bytes = std::fs::read(&path).unwrap();
    let cut_path = folder.path().join("cut");
    for len in (0..bytes.len()).step_by(97) {
        std::fs::write(&cut_path, &bytes[..len]).unwrap();
        assert!(open(&cut_path, DIM).is_err(), "{len} of {} bytes were opened", bytes.len());
    }
}
