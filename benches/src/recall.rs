//! How much of the right answer was found.

use std::path::Path;

use crate::npy::{Matrix, NpyError, Writer};

/// Stands where an answer has fewer rows than were asked for.
pub const NO_ROW: u32 = u32::MAX;

/// The share of true rows that were found, the mean over the queries that have any; `None` where none has.
///
/// Both are `(queries, k)` row numbers, [`NO_ROW`] where there is none; the order within a query is of no matter. A
/// row that is found twice counts once.
///
/// # Errors
/// If the two have different shapes.
pub fn recall(found: &Matrix<u32>, truth: &Matrix<u32>) -> Result<Option<f64>, String> {
    if (found.rows, found.dim) != (truth.rows, truth.dim) {
        return Err(format!(
            "the results are {} × {}, the truth is {} × {}; make both with the same queries and the same --k",
            found.rows, found.dim, truth.rows, truth.dim
        ));
    }
    let shares: Vec<f64> = found.iter().zip(truth.iter()).filter_map(|(found, truth)| share(found, truth)).collect();
    Ok((!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64))
}

fn share(found: &[u32], truth: &[u32]) -> Option<f64> {
    let wanted = truth.iter().filter(|&&row| row != NO_ROW);
    let hits = wanted.clone().filter(|row| found.contains(row)).count();
    let count = wanted.count();
    (count > 0).then(|| hits as f64 / count as f64)
}

/// Writes answers as `(queries, k)` row numbers, short ones filled up with [`NO_ROW`].
///
/// # Errors
/// If the file cannot be written.
pub fn write_answers<'a>(
    path: &Path,
    k: usize,
    answers: impl ExactSizeIterator<Item = &'a [u32]>,
) -> Result<(), NpyError> {
    let mut writer = Writer::create(path, &[answers.len(), k])?;
    let mut padded = vec![NO_ROW; k];
    for rows in answers {
        padded.fill(NO_ROW);
        padded.iter_mut().zip(rows).for_each(|(place, &row)| *place = row);
        writer.push(&padded)?;
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: &[[u32; 3]]) -> Matrix<u32> {
        Matrix { rows: rows.len(), dim: 3, values: rows.concat() }
    }

    #[test]
    fn the_share_of_true_rows_counts() {
        let truth = matrix(&[[1, 2, 3], [4, 5, NO_ROW], [NO_ROW; 3]]);
        let found = matrix(&[[3, 9, 1], [5, 5, NO_ROW], [7, 8, 9]]);
        assert_eq!(recall(&found, &truth), Ok(Some((2.0 / 3.0 + 0.5) / 2.0)));
        assert_eq!(recall(&truth, &truth), Ok(Some(1.0)));
        assert_eq!(recall(&found, &matrix(&[[NO_ROW; 3]; 3])), Ok(None));
        assert!(recall(&found, &matrix(&[[1, 2, 3]])).unwrap_err().contains("same --k"));
    }

    #[test]
    fn short_answers_are_filled_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ids.npy");
        let answers = [vec![7, 8], vec![], vec![1, 2, 3]];
        write_answers(&path, 3, answers.iter().map(Vec::as_slice)).unwrap();
        let read = crate::npy::read_matrix::<u32>(&path).unwrap();
        assert_eq!(read, matrix(&[[7, 8, NO_ROW], [NO_ROW; 3], [1, 2, 3]]));
    }
}
