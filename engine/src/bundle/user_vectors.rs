//! Vectors of users: a file of its own, int8 codes in pages, read where they lie.
//!
//! There may be more of them than memory holds, and a question needs only a few: opening reads the header alone, and a
//! look-up loads one page.

use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use super::map::{Column, MappedFile};
use super::sections::{ALIGN, ENTRY_BYTES, HEADER_BYTES, header};
use crate::error::EngineError;
use crate::vectors::{PAGE, PagedRows, PagedWriter, paged_bytes};

/// Name of the file.
pub(super) const USER_VECTORS: &str = "user_vectors.bin";
/// Section that says how many vectors of how many dimensions there are.
const SHAPE: &str = "shape";
/// Section of the pages; it starts at a page.
const ROWS: &str = "rows";
/// Where the shape lies: behind a table of two sections.
const SHAPE_START: usize = (HEADER_BYTES + 2 * ENTRY_BYTES).next_multiple_of(ALIGN);

/// Vectors of users in the map.
pub(super) struct UserVectors {
    pages: Column<u8>,
    users: u64,
    dim: usize,
}

impl UserVectors {
    /// The file of `users` vectors of `dim` numbers; none of them is read.
    pub(super) fn open(file: &MappedFile, users: usize, dim: usize) -> Result<Self, EngineError> {
        let shape = file.column_of::<u64>(SHAPE, 2)?;
        if shape[..] != [users as u64, dim as u64] {
            return file
                .refuse(format!("it holds {} vectors of {} dimensions, not {users} of {dim}", shape[0], shape[1]));
        }
        let pages = file.column::<u8>(ROWS)?;
        if pages.start() % PAGE != 0 {
            return file.refuse(format!("section `{ROWS}` starts at byte {}, which is no page", pages.start()));
        }
        if PagedRows::new(&pages, users as u64, dim).is_none() {
            return file.refuse(format!("section `{ROWS}` has {} bytes: not {users} vectors", pages.len()));
        }
        pages.expect_look_ups();
        Ok(Self { pages, users: users as u64, dim })
    }

    /// The vectors, in the order of rows.
    #[inline]
    pub(super) fn rows(&self) -> PagedRows<'_> {
        PagedRows::new(&self.pages, self.users, self.dim).expect("the size was compared when the file was opened")
    }
}

/// Writes the file vector by vector.
pub(super) struct UserVectorsWriter {
    path: PathBuf,
    rows: PagedWriter<BufWriter<File>>,
    dim: usize,
}

impl UserVectorsWriter {
    /// Makes the new file `path` for vectors of `dim` numbers.
    pub(super) fn create(path: &Path, dim: usize) -> Result<Self, EngineError> {
        let start = || {
            let mut out = BufWriter::with_capacity(64 * PAGE, File::create_new(path)?);
            out.write_all(&[0; PAGE])?;
            Ok(PagedWriter::new(out, dim))
        };
        Ok(Self { path: path.to_owned(), rows: start().map_err(EngineError::io(path))?, dim })
    }

    /// Adds the vector of the next user.
    pub(super) fn push(&mut self, vector: &[f32]) -> Result<(), EngineError> {
        self.rows.push(vector).map_err(EngineError::io(&self.path))
    }

    /// Writes the header, and waits until all is on disk.
    pub(super) fn finish(self) -> Result<(), EngineError> {
        let Self { path, rows, dim } = self;
        let end = || {
            let (out, users) = rows.finish()?;
            let mut file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
            file.rewind()?;
            file.write_all(&first_page(users, dim)?)?;
            file.sync_all()
        };
        end().map_err(EngineError::io(&path))
    }
}

/// The page before the vectors: table of sections and shape.
fn first_page(users: u64, dim: usize) -> std::io::Result<Vec<u8>> {
    let too_large = || std::io::Error::from(std::io::ErrorKind::FileTooLarge);
    let bytes = paged_bytes(users, dim).ok_or_else(too_large)?;
    let mut page = header(&[(SHAPE, SHAPE_START as u64, 16), (ROWS, PAGE as u64, bytes)]);
    page.resize(SHAPE_START, 0);
    page.extend_from_slice(&users.to_le_bytes());
    page.extend_from_slice(&(dim as u64).to_le_bytes());
    page.resize(PAGE, 0);
    Ok(page)
}

#[cfg(test)]
mod tests {
    //! 1. What is pushed is read back; no user at all is a file too.
    //! 2. A file of another shape, or whose pages lie elsewhere, is refused.
    //! 3. A hundred million vectors are opened and looked up in less than a mebibyte of memory.

    use super::*;

    fn open(path: &Path, users: usize, dim: usize) -> Result<UserVectors, EngineError> {
        let bytes = path.metadata().unwrap().len();
        UserVectors::open(&MappedFile::open(path, bytes)?, users, dim)
    }

    fn refusal(path: &Path, users: usize, dim: usize) -> String {
        match open(path, users, dim) {
            Ok(_) => panic!("a file that does not fit was opened"),
            Err(fault) => fault.to_string(),
        }
    }

    fn write(path: &Path, rows: &[Vec<f32>], dim: usize) {
        let mut file = UserVectorsWriter::create(path, dim).unwrap();
        rows.iter().for_each(|row| file.push(row).unwrap());
        file.finish().unwrap();
    }

    #[test]
    fn vectors_are_read_back() {
        let folder = tempfile::tempdir().unwrap();
        for count in [0, 1, 60, 61, 500] {
            let path = folder.path().join(count.to_string());
            let vector = |row| (0..64).map(|at| ((row * at) % 255) as f32 - 127.0).collect();
            let rows: Vec<Vec<f32>> = (0..count).map(vector).collect();
            write(&path, &rows, 64);
            let file = open(&path, count, 64).unwrap();
            assert_eq!((file.rows().len(), file.rows().dim()), (count as u64, 64));
            for (at, row) in rows.iter().enumerate() {
                let read = file.rows().vector(at as u64);
                assert!(
                    read.iter().zip(row).all(|(read, value)| (read - value).abs() <= 0.5001),
                    "row {at} of {count}"
                );
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(USER_VECTORS);
        write(&path, &vec![vec![1.0; 8]; 5], 8);
        assert!(refusal(&path, 6, 8).contains("it holds 5 vectors of 8 dimensions, not 6 of 8"));
        assert!(refusal(&path, 5, 9).contains("not 5 of 9"));
        let whole = std::fs::read(&path).unwrap();
        let entry = HEADER_BYTES + ENTRY_BYTES + super::super::sections::NAME_BYTES;
        for (at, byte, problem) in [(entry, 64, "which is no page"), (entry + 9, 15, "has 3840 bytes: not 5 vectors")] {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            bytes.resize(whole.len() + 64, 0);
            std::fs::write(&path, bytes).unwrap();
            let message = refusal(&path, 5, 8);
            assert!(message.contains(problem), "{message}");
        }
    }

    /// Bytes of memory that the map of `path` takes; advice splits it into several areas.
    #[cfg(target_os = "linux")]
    fn resident(path: &Path) -> usize {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let (mut of_file, mut bytes) = (false, 0);
        for line in maps.lines() {
            match line.strip_prefix("Rss:") {
                Some(rss) if of_file => bytes += rss.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1_024,
                _ if line.split(' ').next().is_some_and(|first| !first.ends_with(':')) => {
                    of_file = line.ends_with(path.to_str().unwrap())
                }
                _ => (),
            }
        }
        bytes
    }

    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    #[test]
    fn a_hundred_million_vectors_are_not_loaded() {
        use std::os::unix::fs::FileExt;
        const USERS: usize = 100_000_000;
        const DIM: usize = 64;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join(USER_VECTORS);
        let file = File::create_new(&path).unwrap();
        file.write_all_at(&first_page(USERS as u64, DIM).unwrap(), 0).unwrap();
        file.set_len(PAGE as u64 + paged_bytes(USERS as u64, DIM).unwrap()).unwrap();
        let ramp: Vec<f32> = (0..DIM).map(|at| (at as f32 - 63.0) * 2.0 - 1.0).collect();
        let mut record = PagedWriter::new(Vec::new(), DIM);
        record.push(&ramp).unwrap();
        let record = record.finish().unwrap().0;
        let ends = [(0, 0), (USERS - 1, 1_666_666 * 4_096 + 39 * 68)];
        ends.iter().for_each(|&(_, at)| file.write_all_at(&record[..68], PAGE as u64 + at).unwrap());

        let vectors = open(&path, USERS, DIM).unwrap();
        assert!(resident(&path) <= 64 << 10, "opening loaded {} bytes", resident(&path));
        for (user, _) in ends {
            assert_eq!(vectors.rows().vector(user as u64), ramp);
        }
        for user in (1..USERS - 1).step_by(USERS / 100) {
            assert_eq!(vectors.rows().vector(user as u64), [0.0; DIM]);
        }
        let loaded = resident(&path);
        assert!((100 * PAGE..1 << 20).contains(&loaded), "{loaded} bytes were loaded");
        let on_disk = std::os::unix::fs::MetadataExt::blocks(&file.metadata().unwrap()) * 512;
        assert!(on_disk < 1 << 20, "holes take no room on disk: {on_disk}");
    }
}
