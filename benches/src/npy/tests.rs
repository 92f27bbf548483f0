//! 1. what is written is read again, also by the header that NumPy itself writes;
//! 2. any bytes give an array or a fault, never a panic, and no more memory than the file is long;
//! 3. another type, order, shape or length is refused with how to mend it.

use proptest::prelude::*;

use super::*;

/// What `numpy.save` of NumPy 2.4 writes for such a dictionary, byte for byte.
fn as_numpy_writes(dictionary: &str, values: &[u8]) -> Vec<u8> {
    let width = (10 + dictionary.len() + 1).next_multiple_of(64) - 11;
    let text = format!("{dictionary:width$}\n");
    let length = (text.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, text.as_bytes(), values].concat()
}

fn decoded<T: Element>(bytes: &[u8]) -> Result<(Vec<u64>, Vec<T>), Fault> {
    decode(&mut &bytes[..], bytes.len() as u64)
}

fn refusal<T: Element>(bytes: &[u8]) -> String {
    decoded::<T>(bytes).map(|(shape, _)| shape).unwrap_err().to_string()
}

proptest! {
    #[test]
    fn what_is_written_is_read(rows in 1usize..40, dim in 1usize..9, first in any::<u32>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let values: Vec<u32> = (0..rows * dim).map(|at| first.wrapping_mul(at as u32)).collect();
        let mut writer = Writer::create(&path, &[rows, dim]).unwrap();
        values.chunks(7).for_each(|chunk| writer.push(chunk).unwrap());
        writer.finish().unwrap();
        prop_assert_eq!(read_matrix::<u32>(&path).unwrap(), Matrix { rows, dim, values });
        let told = read_vector::<u32>(&path).unwrap_err().to_string();
        prop_assert!(told.contains("expected one dimension"), "{}", told);
        let told = read_matrix::<f32>(&path).unwrap_err().to_string();
        prop_assert!(told.contains("expected float32"), "{}", told);
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(decoded::<f32>(&bytes).is_err());
    }

    /// Bytes that get past the magic and reach the dictionary.
    #[test]
    fn any_dictionary_is_answered(
        version in 0u8..5,
        length in any::<u16>(),
        text in "[{}()',:\" a-zTF0-9<|]{0,120}",
        tail in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let exact = [b"\x93NUMPY".as_slice(), &[version, 0], &length.to_le_bytes(), text.as_bytes(), &tail].concat();
        prop_assert!(decoded::<u8>(&exact).is_err());
        prop_assert!(decoded::<u8>(&as_numpy_writes(&text, &tail)).is_err());
    }

    /// Any shape, true or not, beside any number of values.
    #[test]
    fn any_shape_is_answered(shape in prop::collection::vec(any::<u64>(), 0..5), small in prop::collection::vec(0u64..4, 0..4), values in 0usize..40) {
        for shape in [shape, small] {
            let dictionary = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({}), }}", shape.iter().map(|length| format!("{length}, ")).collect::<String>());
            let product = shape.iter().try_fold(1u64, |product, &length| product.checked_mul(length));
            let read = decoded::<u8>(&as_numpy_writes(&dictionary, &vec![1; values]));
            prop_assert_eq!(read.is_ok(), product == Some(values as u64));
        }
    }

    #[test]
    fn a_cut_file_is_refused(cut in 0usize..152) {
        let whole = as_numpy_writes("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", &[0; 24]);
        prop_assert_eq!(whole.len(), 152);
        prop_assert!(decoded::<f32>(&whole[..cut]).is_err());
    }
}

#[test]
fn numpy_s_own_header_is_read() {
    let values: Vec<u8> = (0..6).flat_map(|value| (value as f32).to_le_bytes()).collect();
    let whole = as_numpy_writes("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", &values);
    let (shape, read) = decoded::<f32>(&whole).unwrap();
    assert_eq!((shape, read), (vec![2, 3], vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
    let second = [b"\x93NUMPY\x02\x00".as_slice(), &whole[8..10], &[0, 0], &whole[10..]].concat();
    assert_eq!(decoded::<f32>(&second).unwrap().0, [2, 3]);
    let mask = as_numpy_writes("{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }", &[1, 0, 1]);
    assert_eq!(decoded::<u8>(&mask).unwrap(), (vec![3], vec![1, 0, 1]));
}

#[test]
fn what_is_wrong_is_told() {
    let with = |dictionary: &str| as_numpy_writes(dictionary, &[0; 24]);
    let doubles = refusal::<f32>(&with("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 3), }"));
    assert_eq!(doubles, "values of type \"<f8\", expected float32; convert with `array.astype(numpy.float32)`");
    let columns = refusal::<f32>(&with("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }"));
    assert!(columns.contains("numpy.ascontiguousarray"), "{columns}");
    let short = refusal::<f32>(&with("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3), }"));
    assert!(short.starts_with("24 bytes of values where the header tells of 36"), "{short}");
    let records = refusal::<f32>(&with("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,), }"));
    assert!(records.contains("records"), "{records}");
    let text = refusal::<f32>(b"1.0,2.0,3.0");
    assert!(text.contains("magic bytes") && text.contains("numpy.save"), "{text}");
}

#[test]
fn values_that_are_no_numbers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let mut writer = Writer::create(&path, &[2, 2]).unwrap();
    writer.push(&[0.0, 1.0, f32::NAN, 2.0]).unwrap();
    writer.finish().unwrap();
    let told = read_matrix::<f32>(&path).unwrap_err().to_string();
    assert!(told.ends_with("a.npy: row 1 (from 0) holds a value that is not finite; leave such rows out"), "{told}");
}

#[test]
fn a_file_that_is_not_finished_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let mut writer = Writer::<f32>::create(&path, &[2, 2]).unwrap();
    writer.push(&[0.0; 3]).unwrap();
    assert!(matches!(writer.finish().unwrap_err().fault, Fault::Length { got: 12, expected: 16 }));
    assert!(matches!(read_matrix::<f32>(&path).unwrap_err().fault, Fault::Length { got: 12, expected: 16 }));
}
