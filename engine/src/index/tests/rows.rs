//! What coding does to rows and queries.

use proptest::prelude::*;

use super::*;
use crate::index::rows::{CodedRows, Query, Rows};

fn view(coded: &CodedRows) -> Rows<'_> {
    let CodedRows { format, dim, stride, bytes, scale_ids, scales } = coded;
    Rows { format: *format, dim: *dim, stride: *stride, bytes, scale_ids, scales }
}

/// Rows of very different sizes: nothing, denormals, plain ones, huge ones.
fn rows() -> impl Strategy<Value = (usize, Vec<f32>)> {
    let row = |dim| {
        let size = prop_oneof![
            4 => Just(1.0f32), 2 => 1e-5f32..1e5, 1 => Just(0.0), 1 => Just(1e-40), 1 => Just(1e-30), 1 => Just(1e30), 1 => Just(3e38)
        ];
        (prop::collection::vec(-1.0f32..1.0, dim), size)
            .prop_map(|(row, size)| row.into_iter().map(|value| value * size).collect::<Vec<_>>())
    };
    (1usize..70)
        .prop_flat_map(move |dim| (Just(dim), prop::collection::vec(row(dim), 1..30).prop_map(|rows| rows.concat())))
}

proptest! {
    #[test]
    fn every_value_is_within_half_a_step((dim, values) in rows()) {
        let order: Vec<u32> = (0..(values.len() / dim) as u32).rev().collect();
        for format in FORMATS {
            let coded = CodedRows::encode(&values, dim, &order, format);
            let rows = view(&coded);
            prop_assert_eq!((rows.len(), rows.stride % 64), (order.len(), 0));
            prop_assert!(rows.scales.iter().all(|scale| scale.is_normal() && *scale > 0.0), "{:?}", rows.scales);
            prop_assert!(rows.scales.is_sorted(), "scales rise: {:?}", rows.scales);
            let mut decoded = vec![0.0; dim];
            for (place, &row) in order.iter().enumerate() {
                rows.decode(place as u32, &mut decoded);
                for (&found, &value) in decoded.iter().zip(&values[row as usize * dim..]) {
                    let (off, size) = ((f64::from(found) - f64::from(value)).abs(), f64::from(value.abs()));
                    let most = match format {
                        // Half a step, and what rounding in single precision adds: 127 steps at most.
                        RowFormat::Int8 => f64::from(rows.scale(place as u32)) * (0.5 + 1e-4),
                        RowFormat::F16 if size > 65_504.0 => size - 65_504.0,
                        RowFormat::F16 => (size / 2_048.0).max(2.0f64.powi(-25)),
                        RowFormat::F32 => 0.0,
                    };
                    prop_assert!(off <= most, "{:?}: {} became {}, a scale of {}", format, value, found, rows.scales[0]);
                }
            }
        }
    }

    #[test]
    fn a_scale_is_hardly_larger_than_its_row_needs((dim, values) in rows()) {
        let order: Vec<u32> = (0..(values.len() / dim) as u32).collect();
        let coded = CodedRows::encode(&values, dim, &order, RowFormat::Int8);
        let rows = view(&coded);
        for (place, row) in values.chunks(dim).enumerate() {
            let needed = row.iter().fold(0.0f32, |most, value| most.max(value.abs())) / 127.0;
            // 255 steps span a factor of 10⁴ at most; what needs less than the least scale has that one.
            let fits = (needed * 1.04).max(rows.scales[0] * 1.0001);
            prop_assert!(rows.scale(place as u32) <= fits, "{} for {}", rows.scale(place as u32), needed);
        }
    }

    #[test]
    fn a_row_as_query_is_its_values_as_query((dim, values) in rows()) {
        let order: Vec<u32> = (0..(values.len() / dim) as u32).collect();
        for format in FORMATS {
            let coded = CodedRows::encode(&values, dim, &order, format);
            let rows = view(&coded);
            let (mut by_row, mut by_values) = (Query::empty(), Query::empty());
            let mut decoded = vec![0.0; dim];
            for place in 0..order.len() as u32 {
                rows.decode(place, &mut decoded);
                by_row.set_row(&rows, place);
                by_values.set(&decoded, &rows);
                prop_assert_eq!(by_row.codes.len(), RowFormat::Int8.stride(dim));
                prop_assert_eq!(by_row.offset, 128 * by_row.codes.iter().map(|&code| i32::from(code)).sum::<i32>());
                if format == RowFormat::Int8 {
                    // Codes as they are; as values they are spread over the whole range again.
                    let wanted = by_row.codes.iter().map(|&code| f32::from(code) * by_row.scale);
                    prop_assert!(decoded.iter().copied().eq(wanted.take(dim)));
                    let close = |(&value, &code): (&f32, &i8)| {
                        f64::from((value - f32::from(code) * by_values.scale).abs()) <= f64::from(by_values.scale) * 0.501
                    };
                    prop_assert!(decoded.iter().zip(&by_values.codes).all(close) );
                } else {
                    prop_assert_eq!(&by_row.codes, &by_values.codes);
                    prop_assert_eq!((by_row.scale, by_row.offset), (by_values.scale, by_values.offset));
                    prop_assert_eq!(&by_row.vector, &by_values.vector);
                }
            }
        }
    }
}

#[test]
fn rows_take_whole_cache_lines() {
    assert_eq!([1, 64, 65].map(|dim| RowFormat::Int8.stride(dim)), [64, 64, 128]);
    assert_eq!([1, 32, 33].map(|dim| RowFormat::F16.stride(dim)), [64, 64, 128]);
    assert_eq!([1, 16, 17].map(|dim| RowFormat::F32.stride(dim)), [64, 64, 128]);
}
