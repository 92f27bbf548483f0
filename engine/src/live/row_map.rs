//! Persistent maps by row. Rows are given out by us, one after the other: nobody can choose them so that many meet in one
//! place, and a multiplication spreads them well enough.

use std::hash::{BuildHasherDefault, Hasher};

use imbl::GenericHashMap;
use imbl::shared_ptr::DefaultSharedPtr;

/// A persistent map from rows of users or products.
pub(crate) type RowMap<V> = GenericHashMap<u32, V, BuildHasherDefault<RowHasher>, DefaultSharedPtr>;

/// Hashes one row.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RowHasher(u64);

/// 2^64 over the golden ratio: Knuth, *The Art of Computer Programming*, volume 3, 6.4.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for RowHasher {
    /// The map looks at the lowest bits first, and the highest bits of a product are the best ones.
    fn finish(&self) -> u64 {
        self.0.swap_bytes()
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u32(u32::from(byte)));
    }

    fn write_u32(&mut self, row: u32) {
        self.0 = (self.0 ^ u64::from(row)).wrapping_mul(SPREAD);
    }
}
