//! A world as a dataset on disk.

use std::path::Path;

use crate::dataset::{Dataset, DatasetWriter};
use crate::error::DatasetError;
use crate::progress::Progress;
use crate::tables::{
    Block, Blocks, Event, Events, Friendship, Friendships, Product, Products, Seller, Sellers, Team, Teams, User, Users,
};

use super::{Rows, World};

/// Makes `world` and writes its tables to `out`, which must be absent or an empty folder.
///
/// Memory holds people, ties, products and teams, [`super::Planted`] says how much; events pass through.
///
/// ```
/// use juntos_datasets::{generate::{World, generate}, progress::Silent, tables::Events};
///
/// let folder = tempfile::tempdir()?;
/// let world = World { users: 50, products: 40, events: Some(300), test_days: 0, seed: 1 };
/// let dataset = generate(&world, &folder.path().join("world"), &Silent)?;
/// assert!(dataset.row_count::<Events>()? > 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When `out` is occupied or the disk refuses; then nothing is left at `out`.
pub fn generate(world: &World, out: &Path, progress: &dyn Progress) -> Result<Dataset, DatasetError> {
    let mut writer = DatasetWriter::create(out)?;
    progress.stage("people, products, friendships and teams", 0);
    world.planted().write(&mut writer, progress)?;
    writer.finish()
}

impl Rows for DatasetWriter {
    type Fault = DatasetError;

    fn user(&mut self, row: &User<'_>) -> Result<(), DatasetError> {
        self.push::<Users>(row)
    }
    fn seller(&mut self, row: &Seller<'_>) -> Result<(), DatasetError> {
        self.push::<Sellers>(row)
    }
    fn product(&mut self, row: &Product<'_>) -> Result<(), DatasetError> {
        self.push::<Products>(row)
    }
    fn friendship(&mut self, row: &Friendship<'_>) -> Result<(), DatasetError> {
        self.push::<Friendships>(row)
    }
    fn block(&mut self, row: &Block<'_>) -> Result<(), DatasetError> {
        self.push::<Blocks>(row)
    }
    fn team(&mut self, row: &Team<'_>) -> Result<(), DatasetError> {
        self.push::<Teams>(row)
    }
    fn event(&mut self, row: &Event<'_>) -> Result<(), DatasetError> {
        self.push::<Events>(row)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::progress::Silent;

    #[test]
    fn same_world_same_bytes_and_every_row_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let world = World { users: 400, products: 150, events: None, test_days: 0, seed: 5 };
        let first = generate(&world, &folder.path().join("first"), &Silent).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let second = pool.install(|| generate(&world, &folder.path().join("second"), &Silent)).unwrap();
        for name in ["users", "products", "sellers", "friendships", "blocks", "events", "teams"] {
            let bytes = |root: &Path| fs::read(root.join(format!("{name}.parquet"))).ok();
            assert!(bytes(first.root()) == bytes(second.root()), "{name} differ");
        }
        assert!(first.has::<Events>() && first.has::<Users>() && first.has::<Teams>());
        let planted = world.planted();
        let events: usize = (0..400).map(|user| planted.events(user).len()).sum();
        assert_eq!(first.for_each::<Events>(|_| Ok(())).unwrap(), events as u64);
        assert_eq!(first.for_each::<Products>(|_| Ok(())).unwrap(), 150);
        assert_eq!(first.for_each::<Users>(|_| Ok(())).unwrap(), 400);
        first.for_each::<Teams>(|_| Ok(())).unwrap();
        first.for_each::<Friendships>(|_| Ok(())).unwrap();
    }

    #[test]
    fn an_occupied_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("precious"), "x").unwrap();
        let world = World { users: 1, products: 1, events: None, test_days: 0, seed: 1 };
        assert!(matches!(generate(&world, folder.path(), &Silent), Err(DatasetError::Exists { .. })));
    }
}
