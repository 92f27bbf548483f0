//! Scores of rows and of centroids.

use proptest::prelude::*;

use super::vector;
use crate::index::kernels::{available, half};
use crate::index::lists::CodedCentroids;
use crate::index::rows::{CodedRows, Query, RowFormat, Rows};

const FORMATS: [RowFormat; 3] = [RowFormat::Int8, RowFormat::F16, RowFormat::F32];

fn view(coded: &CodedRows) -> Rows<'_> {
    let CodedRows { format, dim, stride, bytes, scale_ids, scales } = coded;
    Rows { format: *format, dim: *dim, stride: *stride, bytes, scale_ids, scales }
}

/// The score of a row, and by how much a sum in single precision may miss it: nothing for codes, else the bound of
/// Higham 2002, "Accuracy and stability of numerical algorithms", section 3.1, with half the least number for each
/// product that may underflow.
fn expected(rows: &Rows<'_>, query: &Query, row: u32) -> (f64, f64) {
    let bytes = rows.row(row);
    let product = |at: usize| match rows.format {
        RowFormat::Int8 => unreachable!("codes have a reference of their own"),
        RowFormat::F16 => f64::from(half::to_f32(u16::from_le_bytes([bytes[2 * at], bytes[2 * at + 1]]))),
        RowFormat::F32 => f64::from(f32::from_le_bytes(bytes[4 * at..4 * at + 4].try_into().unwrap())),
    };
    let products: Vec<f64> = query.vector.iter().enumerate().map(|(at, &q)| product(at) * f64::from(q)).collect();
    let errors = products.len() as f64 * f64::from(f32::EPSILON / 2.0);
    let sizes: f64 = products.iter().map(|product| product.abs()).sum();
    let underflow = products.len() as f64 * f64::from(f32::from_bits(1));
    (products.iter().sum(), errors / (1.0 - errors) * sizes + underflow)
}

fn expected_of_codes(rows: &Rows<'_>, query: &Query, row: u32) -> f32 {
    let pairs = rows.row(row).iter().zip(&query.codes);
    let sum: i64 = pairs.map(|(&row, &code)| (i64::from(row) - 128) * i64::from(code)).sum();
    sum as f32 * query.scale * rows.scale(row)
}

fn check(rows: &Rows<'_>, query: &Query, ids: &[u32], scores: &[f32], name: &str) {
    assert!(scores.len() >= ids.len(), "{name}: {} scores of {}", scores.len(), ids.len());
    for (&id, &score) in ids.iter().zip(scores) {
        if rows.format == RowFormat::Int8 {
            let wanted = expected_of_codes(rows, query, id);
            assert_eq!(score.to_bits(), wanted.to_bits(), "{name}: row {id} is {score}, not {wanted}");
        } else {
            let (wanted, error) = expected(rows, query, id);
            let found = f64::from(score);
            assert!((found - wanted).abs() <= error, "{name} {:?}: row {id} is {found}, not {wanted}", rows.format);
        }
    }
}

fn case() -> impl Strategy<Value = (usize, Vec<Vec<f32>>, Vec<f32>)> {
    (1usize..200, 1usize..40)
        .prop_flat_map(|(dim, rows)| (Just(dim), prop::collection::vec(vector(dim), rows), vector(dim)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_are_scored((dim, vectors, asked) in case(), picks in prop::collection::vec(any::<prop::sample::Index>(), 0..70), bounds in any::<[prop::sample::Index; 2]>()) {
        let order: Vec<u32> = (0..vectors.len() as u32).collect();
        let ids: Vec<u32> = picks.iter().map(|pick| pick.index(order.len()) as u32).collect();
        let [from, to] = bounds.map(|bound| bound.index(order.len() + 1));
        let range = from.min(to)..from.max(to);
        let in_range: Vec<u32> = range.clone().map(|id| id as u32).collect();
        for format in FORMATS {
            let coded = CodedRows::encode(&vectors.concat(), dim, &order, format);
            let rows = view(&coded);
            let mut query = Query::empty();
            query.set(&asked, &rows);
            for kernels in available() {
                // What an earlier search left must not matter.
                let mut scores = vec![f32::NAN; 3];
                (kernels.gather)(&rows, &query, &ids, &mut scores);
                check(&rows, &query, &ids, &scores, kernels.name);
                (kernels.range)(&rows, &query, range.clone(), &mut scores);
                check(&rows, &query, &in_range, &scores, kernels.name);
            }
        }
    }

    #[test]
    fn centroids_are_scored((dim, vectors, asked) in case()) {
        let coded = CodedCentroids::encode(&vectors.concat(), dim);
        let centroids = coded.view();
        let mut query = Query::empty();
        query.set_codes(&asked, centroids.stride);
        for kernels in available() {
            let mut scores = vec![f32::NAN; 3];
            (kernels.centroids)(&centroids, &query, &mut scores);
            prop_assert!(scores.len() >= vectors.len());
            for (at, &score) in scores[..vectors.len()].iter().enumerate() {
                let block = &centroids.bytes[at / 16 * 16 * centroids.stride..];
                let code = |j: usize| i64::from(block[j / 4 * 64 + at % 16 * 4 + j % 4]) - 128;
                let sum: i64 = query.codes.iter().enumerate().map(|(j, &q)| code(j) * i64::from(q)).sum();
                let wanted = sum as f32 * query.scale * centroids.scales[at];
                prop_assert_eq!(score.to_bits(), wanted.to_bits(), "{}: centroid {}", kernels.name, at);
            }
        }
    }
}

/// Products of whole registers of the largest codes must not saturate anywhere.
#[test]
fn the_largest_codes_do_not_overflow() {
    for dim in [64, 127, 200, 4_096] {
        for sign in [-1.0f32, 1.0] {
            let coded = CodedRows::encode(&vec![sign; dim * 17], dim, &(0..17).collect::<Vec<_>>(), RowFormat::Int8);
            let rows = view(&coded);
            let mut query = Query::empty();
            query.set(&vec![-1.0; dim], &rows);
            let ids: Vec<u32> = (0..17).collect();
            for kernels in available() {
                let mut scores = Vec::new();
                (kernels.gather)(&rows, &query, &ids, &mut scores);
                check(&rows, &query, &ids, &scores, kernels.name);
                (kernels.range)(&rows, &query, 0..17, &mut scores);
                check(&rows, &query, &ids, &scores, kernels.name);
                assert!((scores[0] / (-sign * dim as f32) - 1.0).abs() < 1e-3, "{}: {}", kernels.name, scores[0]);
            }
        }
    }
}
