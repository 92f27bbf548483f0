//! Embeddings for notebooks: Parquet tables and one safetensors file, written into the bundle's folder.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Builder, ListBuilder, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use juntos_datasets::{IdMap, Row};
use juntos_engine::EngineError;
use parquet::arrow::ArrowWriter;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::models::Embeddings;

/// Name of the table of users: `user_id`, `vector` (list of f32).
pub const USERS_PARQUET: &str = "user_embeddings.parquet";
/// Name of the table of products: `product_id`, `vector` (list of f32).
pub const PRODUCTS_PARQUET: &str = "product_embeddings.parquet";
/// Name of the file with tensors `users (n_users, dim)` and `products (n_products, dim)`, rows as in the tables.
pub const SAFETENSORS: &str = "embeddings.safetensors";

/// Rows in one batch of a table.
const BATCH_ROWS: usize = 16_384;

/// Writes the three files into `folder`.
///
/// # Errors
/// When the disk refuses.
pub fn write_embeddings<U: Row, P: Row>(
    folder: &Path,
    users: &IdMap<U>,
    products: &IdMap<P>,
    embeddings: &Embeddings,
) -> Result<(), EngineError> {
    let dim = embeddings.dim;
    write_table(&folder.join(USERS_PARQUET), "user_id", users, &embeddings.users, dim)?;
    write_table(&folder.join(PRODUCTS_PARQUET), "product_id", products, &embeddings.products, dim)?;
    write_tensors(&folder.join(SAFETENSORS), embeddings)
}

fn write_table<R: Row>(
    path: &Path,
    id_column: &str,
    ids: &IdMap<R>,
    vectors: &[f32],
    dim: usize,
) -> Result<(), EngineError> {
    let item = Arc::new(Field::new_list_field(DataType::Float32, false));
    let schema = Arc::new(Schema::new(vec![
        Field::new(id_column, DataType::Utf8, false),
        Field::new("vector", DataType::List(item.clone()), false),
    ]));
    let file = File::create(path).map_err(io(path))?;
    let mut writer = ArrowWriter::try_new(file, schema.clone(), None).map_err(|fault| io(path)(fault.into()))?;
    let all: Vec<&str> = ids.ids().collect();
    for (ids, vectors) in all.chunks(BATCH_ROWS).zip(vectors.chunks(BATCH_ROWS * dim)) {
        let mut lists = ListBuilder::new(Float32Builder::with_capacity(vectors.len())).with_field(item.clone());
        for vector in vectors.chunks(dim) {
            lists.values().append_slice(vector);
            lists.append(true);
        }
        let columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(ids.to_vec())), Arc::new(lists.finish())];
        let batch =
            RecordBatch::try_new(schema.clone(), columns).map_err(|fault| io(path)(std::io::Error::other(fault)))?;
        writer.write(&batch).map_err(|fault| io(path)(fault.into()))?;
    }
    writer.close().map_err(|fault| io(path)(fault.into()))?;
    Ok(())
}

fn write_tensors(path: &Path, embeddings: &Embeddings) -> Result<(), EngineError> {
    let (users, products) = (bytes(&embeddings.users), bytes(&embeddings.products));
    let dim = embeddings.dim;
    let view = |values: &[f32], bytes| TensorView::new(Dtype::F32, vec![values.len() / dim, dim], bytes);
    let other = |fault: safetensors::SafeTensorError| io(path)(std::io::Error::other(fault));
    let tensors = [
        ("users", view(&embeddings.users, &users).map_err(other)?),
        ("products", view(&embeddings.products, &products).map_err(other)?),
    ];
    let file = safetensors::serialize(tensors, None).map_err(other)?;
    fs::write(path, file).map_err(io(path))
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> EngineError + '_ {
    move |source| EngineError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    //! 1. What is written is read back, in row order, from both formats.

    use arrow::array::AsArray;
    use arrow::datatypes::Float32Type;
    use juntos_datasets::{ProductRow, UserRow};
    use juntos_engine::serving_model::FoldIn;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use safetensors::SafeTensors;

    use super::*;

    #[test]
    fn embeddings_are_read_back() {
        let (mut users, mut products) = (IdMap::<UserRow>::new(), IdMap::<ProductRow>::new());
        for id in ["ana", "bo"] {
            users.insert(id);
        }
        products.insert("tea");
        let embeddings = Embeddings {
            dim: 2,
            users: vec![1.0, 2.0, 3.0, 4.0],
            products: vec![-0.5, 0.25],
            groups: Vec::new(),
            fold: FoldIn::default(),
        };
        let folder = tempfile::tempdir().unwrap();
        write_embeddings(folder.path(), &users, &products, &embeddings).unwrap();

        let file = File::open(folder.path().join(USERS_PARQUET)).unwrap();
        let mut batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        let batch = batches.next().unwrap().unwrap();
        let ids: Vec<_> = batch.column(0).as_string::<i32>().iter().flatten().collect();
        assert_eq!(ids, ["ana", "bo"]);
        let second = batch.column(1).as_list::<i32>().value(1);
        assert_eq!(second.as_primitive::<Float32Type>().values().to_vec(), [3.0, 4.0]);

        let bytes = fs::read(folder.path().join(SAFETENSORS)).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(tensors.tensor("users").unwrap().shape(), [2, 2]);
        assert_eq!(tensors.tensor("products").unwrap().data(), super::bytes(&embeddings.products));
    }
}
