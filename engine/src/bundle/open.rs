//! Opening a bundle: map, compare with the manifest, check every offset and row once.

use std::path::Path;

use super::Bundle;
use crate::error::EngineError;

impl Bundle {
    /// Opens the bundle in folder `path`, and compares every byte with the checksums of the manifest.
    ///
    /// # Errors
    /// When the folder is no bundle or one of another version, or a file is missing, damaged or cut short. An opened
    /// bundle cannot fail any more.
    pub fn open(path: &Path) -> Result<Self, EngineError> {
        let _ = path;
        todo!()
    }

    /// As [`Bundle::open`] without the checksums, for bundles far larger than memory whose disk is trusted: sizes,
    /// headers, offsets and row numbers are checked all the same, so that no question can fail.
    ///
    /// # Errors
    /// As [`Bundle::open`].
    pub fn open_unverified(path: &Path) -> Result<Self, EngineError> {
        let _ = path;
        todo!()
    }
}
