//! A dataset: a folder with one Parquet file `NAME.parquet`, or one folder `NAME` or `NAME.parquet` of part files, for
//! each table.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use xxhash_rust::xxh3::Xxh3;

use crate::error::{DatasetError, RowFault};
use crate::parquet::{TableWriter, read_rows, row_count};
use crate::tables::{Blocks, Events, Friendships, Products, Sellers, Table, Teams, Users};

/// Names of all tables, in the order they are listed and hashed.
pub const TABLES: [&str; 7] =
    [Users::NAME, Products::NAME, Sellers::NAME, Friendships::NAME, Blocks::NAME, Events::NAME, Teams::NAME];

/// An opened dataset. Tables are read when asked for; an absent table reads as empty.
#[derive(Debug, Clone)]
pub struct Dataset {
    root: PathBuf,
}

impl Dataset {
    /// Opens the folder `root`.
    ///
    /// # Errors
    /// When it is no folder, or holds no table.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, DatasetError> {
        let dataset = Self { root: root.as_ref().to_owned() };
        let no = |reason| Err(DatasetError::NoDataset { path: dataset.root.clone(), reason });
        if !dataset.root.exists() {
            return no("nothing is there");
        }
        if !dataset.root.is_dir() {
            return no("it is a file, not a folder of tables");
        }
        let mut files = 0;
        for name in TABLES {
            files += dataset.parts_of(name)?.len();
        }
        if files == 0 {
            return no("it holds no table such as events.parquet");
        }
        Ok(dataset)
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the table is there.
    pub fn has<T: Table>(&self) -> bool {
        self.parts_of(T::NAME).is_ok_and(|parts| !parts.is_empty())
    }

    /// The table's files in the order they are read: one file, or part files by name.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn parts<T: Table>(&self) -> Result<Vec<PathBuf>, DatasetError> {
        self.parts_of(T::NAME)
    }

    fn parts_of(&self, name: &str) -> Result<Vec<PathBuf>, DatasetError> {
        let file = self.root.join(format!("{name}.parquet"));
        let plain = self.root.join(name);
        if file.exists() && plain.exists() {
            return Err(DatasetError::Usage(format!(
                "{} and {} both hold table {name}; keep one of them",
                file.display(),
                plain.display()
            )));
        }
        if file.is_file() {
            return Ok(vec![file]);
        }
        let folder = if file.is_dir() { file } else { plain };
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let mut parts = Vec::new();
        for entry in fs::read_dir(&folder).map_err(DatasetError::io(&folder))? {
            let path = entry.map_err(DatasetError::io(&folder))?.path();
            if path.extension().is_some_and(|extension| extension == "parquet") {
                parts.push(path);
            }
        }
        parts.sort();
        Ok(parts)
    }

    /// Number of rows, from the footers.
    ///
    /// # Errors
    /// When a file is damaged.
    pub fn row_count<T: Table>(&self) -> Result<u64, DatasetError> {
        self.parts::<T>()?.iter().map(|part| row_count::<T>(part)).sum()
    }

    /// Visits every row in order and returns how many there were; none when the table is absent.
    ///
    /// # Errors
    /// The first bad row, a damaged file, or what `visit` returned.
    pub fn for_each<T: Table>(
        &self,
        mut visit: impl FnMut(&T::Row<'_>) -> Result<(), DatasetError>,
    ) -> Result<u64, DatasetError> {
        self.for_each_checked::<T>(|part, number, row| match row {
            Ok(row) => visit(&row),
            Err(fault) => Err(DatasetError::Row { file: part.to_owned(), row: number, fault }),
        })
    }

    /// Visits every row, good or bad, with its file and its number from 1 in that file.
    ///
    /// # Errors
    /// A damaged file, or what `visit` returned.
    pub fn for_each_checked<T: Table>(
        &self,
        mut visit: impl FnMut(&Path, u64, Result<T::Row<'_>, RowFault>) -> Result<(), DatasetError>,
    ) -> Result<u64, DatasetError> {
        let mut rows = 0;
        for part in self.parts::<T>()? {
            rows += read_rows::<T>(&part, |number, row| visit(&part, number, row))?;
        }
        Ok(rows)
    }

    /// Checksum (xxh3) of all tables' bytes.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn checksum(&self) -> Result<u64, DatasetError> {
        let mut hash = Xxh3::new();
        let mut buffer = vec![0; 1 << 16];
        for name in TABLES {
            for part in self.parts_of(name)? {
                hash.update(name.as_bytes());
                let mut file = fs::File::open(&part).map_err(DatasetError::io(&part))?;
                loop {
                    let read = file.read(&mut buffer).map_err(DatasetError::io(&part))?;
                    if read == 0 {
                        break;
                    }
                    hash.update(&buffer[..read]);
                }
            }
        }
        Ok(hash.digest())
    }
}

/// Writes a dataset: into a temporary folder beside its place, renamed when whole.
pub struct DatasetWriter {
    target: PathBuf,
    folder: TempDir,
    users: TableWriter<Users>,
    products: TableWriter<Products>,
    sellers: TableWriter<Sellers>,
    friendships: TableWriter<Friendships>,
    blocks: TableWriter<Blocks>,
    events: TableWriter<Events>,
    teams: TableWriter<Teams>,
}

/// Picks the writer of one table.
pub trait Writes<T: Table> {
    /// The table's writer.
    fn writer(&mut self) -> &mut TableWriter<T>;
}

macro_rules! writes {
    ($($table:ident $field:ident),+) => {
        $(impl Writes<$table> for DatasetWriter {
            fn writer(&mut self) -> &mut TableWriter<$table> {
                &mut self.$field
            }
        })+
    };
}
writes!(Users users, Products products, Sellers sellers, Friendships friendships, Blocks blocks, Events events, Teams teams);

impl DatasetWriter {
    /// Begins a dataset at `out`, which must be absent or an empty folder.
    ///
    /// # Errors
    /// When `out` holds something, or its parent cannot be written to.
    pub fn create(out: impl AsRef<Path>) -> Result<Self, DatasetError> {
        let target = out.as_ref().to_owned();
        refuse_occupied(&target)?;
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        fs::create_dir_all(&parent).map_err(DatasetError::io(&parent))?;
        let folder =
            tempfile::Builder::new().prefix(".juntos-").tempdir_in(&parent).map_err(DatasetError::io(&parent))?;
        let file = |name: &str| folder.path().join(format!("{name}.parquet"));
        Ok(Self {
            users: TableWriter::create(&file(Users::NAME))?,
            products: TableWriter::create(&file(Products::NAME))?,
            sellers: TableWriter::create(&file(Sellers::NAME))?,
            friendships: TableWriter::create(&file(Friendships::NAME))?,
            blocks: TableWriter::create(&file(Blocks::NAME))?,
            events: TableWriter::create(&file(Events::NAME))?,
            teams: TableWriter::create(&file(Teams::NAME))?,
            target,
            folder,
        })
    }

    /// Appends a row to its table.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn push<T: Table>(&mut self, row: &T::Row<'_>) -> Result<(), DatasetError>
    where
        Self: Writes<T>,
    {
        Writes::<T>::writer(self).push(row)
    }

    /// Rows appended to a table so far.
    pub fn rows<T: Table>(&mut self) -> u64
    where
        Self: Writes<T>,
    {
        Writes::<T>::writer(self).rows()
    }

    /// Waits until the disk has every table, then gives the folder its name.
    ///
    /// # Errors
    /// When the disk refuses; then nothing is left at the target.
    pub fn finish(self) -> Result<Dataset, DatasetError> {
        self.users.finish()?;
        self.products.finish()?;
        self.events.finish()?;
        finish_optional(self.sellers)?;
        finish_optional(self.friendships)?;
        finish_optional(self.blocks)?;
        finish_optional(self.teams)?;
        publish(self.folder, &self.target)?;
        Dataset::open(&self.target)
    }
}

/// Completes a table that a dataset can do without, and takes its file away when it got no row.
fn finish_optional<T: Table>(writer: TableWriter<T>) -> Result<(), DatasetError> {
    let path = writer.path().to_owned();
    if writer.finish()? == 0 {
        fs::remove_file(&path).map_err(DatasetError::io(&path))?;
    }
    Ok(())
}

/// Refuses a target that a write would overwrite.
fn refuse_occupied(target: &Path) -> Result<(), DatasetError> {
    let occupied = match fs::read_dir(target) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => target.exists(),
    };
    if occupied { Err(DatasetError::Exists { path: target.to_owned() }) } else { Ok(()) }
}

/// Renames a finished temporary folder to its target and makes both durable.
fn publish(folder: TempDir, target: &Path) -> Result<(), DatasetError> {
    let sync = |path: &Path| fs::File::open(path).and_then(|folder| folder.sync_all()).map_err(DatasetError::io(path));
    sync(folder.path())?;
    open_to_others(folder.path())?;
    fs::rename(folder.path(), target).map_err(DatasetError::io(target))?;
    // The folder has its new name: nothing is left to remove under the old one.
    drop(folder.keep());
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync(parent),
        _ => sync(Path::new(".")),
    }
}

/// Temporary folders are private; a dataset is as readable as any folder of its owner.
fn open_to_others(folder: &Path) -> Result<(), DatasetError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).map_err(DatasetError::io(folder))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{Event, EventKind, Offer, Product, Team, TeamOutcome, User};
    use crate::units::Timestamp;

    fn write(out: &Path) -> Dataset {
        let mut writer = DatasetWriter::create(out).unwrap();
        writer.push::<Users>(&User::new("u1")).unwrap();
        let offer = Offer { cost_minor: 250, payment_methods: vec!["visa"], ..Offer::new("ES", 1, 3) };
        let product = Product { offers: vec![offer], price_minor: Some(100), ..Product::new("p1") };
        writer.push::<Products>(&product).unwrap();
        let event = Event { ts: Some(Timestamp::from_millis(5)), ..Event::new("u1", "p1", EventKind::Purchase) };
        writer.push::<Events>(&event).unwrap();
        let team = Team {
            team_id: "t",
            product_id: "p1",
            initiator_id: "u1",
            participant_ids: vec!["u2", "u3"],
            min_size: 3,
            opened_at: None,
            deadline: None,
            outcome: TeamOutcome::Succeeded,
            split: crate::tables::Split::Test,
            negative_ids: vec![],
            public: None,
        };
        writer.push::<Teams>(&team).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn rows_come_back_as_written_and_bytes_repeat() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = write(&folder.path().join("a"));
        let again = write(&folder.path().join("b"));
        assert_eq!(dataset.checksum().unwrap(), again.checksum().unwrap());
        let mut seen = 0;
        dataset
            .for_each::<Products>(|product| {
                assert_eq!(product.offers[0].payment_methods, ["visa"]);
                assert_eq!(product.price_minor, Some(100));
                seen += 1;
                Ok(())
            })
            .unwrap();
        dataset
            .for_each::<Teams>(|team| {
                assert_eq!(team.participant_ids, ["u2", "u3"]);
                seen += 1;
                Ok(())
            })
            .unwrap();
        assert_eq!((seen, dataset.row_count::<Events>().unwrap()), (2, 1));
    }

    #[test]
    fn a_target_that_holds_something_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mine"), "mine").unwrap();
        assert!(matches!(DatasetWriter::create(folder.path()), Err(DatasetError::Exists { .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
