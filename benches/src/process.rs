//! What this process has cost so far, from Linux's `/proc` (see proc(5)).

use std::fs;
use std::io;
use std::path::Path;

const KIB_IN_MIB: f64 = 1024.0;

/// CPU seconds of this process, its own and the system's for it, all threads together.
///
/// # Errors
/// If `/proc` cannot be read, as elsewhere than on Linux.
pub fn cpu_seconds() -> io::Result<f64> {
    /// Ticks of `/proc/self/stat`, the same on every Linux machine.
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat")?;
    let ticks = stat.rsplit_once(')').and_then(|(_, after_name)| {
        let mut fields = after_name.split_whitespace().skip(11);
        Some(fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?)
    });
    ticks.map(|ticks| ticks / TICKS_A_SECOND).ok_or_else(|| unexpected("/proc/self/stat"))
}

/// Memory of this process at one moment, in MiB.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Memory {
    /// All that is resident: `VmRSS`, and `HugetlbPages`, which Linux leaves out of it.
    pub resident_mib: f64,
    /// The most that was resident so far: `VmHWM`.
    pub peak_mib: f64,
    /// What belongs to no file: `RssAnon`, `RssShmem` and `HugetlbPages`. Transparent huge pages are among it.
    pub anonymous_mib: f64,
    /// Resident pages of mapped files, the program among them: `RssFile`. The system may drop them at any time.
    pub file_mib: f64,
}

impl Memory {
    /// Memory now.
    ///
    /// # Errors
    /// If `/proc` cannot be read, as elsewhere than on Linux.
    pub fn now() -> io::Result<Self> {
        Self::parse(&fs::read_to_string("/proc/self/status")?).ok_or_else(|| unexpected("/proc/self/status"))
    }

    fn parse(status: &str) -> Option<Self> {
        let mib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            Some(kib(line)? / KIB_IN_MIB)
        };
        let huge = mib("HugetlbPages").unwrap_or(0.0);
        Some(Self {
            resident_mib: mib("VmRSS")? + huge,
            peak_mib: mib("VmHWM")?,
            anonymous_mib: mib("RssAnon")? + mib("RssShmem")? + huge,
            file_mib: mib("RssFile")?,
        })
    }
}

/// Resident MiB of the mappings of one file in this process.
///
/// # Errors
/// If the file or `/proc` cannot be read.
pub fn mapped_mib(path: &Path) -> io::Result<f64> {
    let path = path.canonicalize()?;
    Ok(mapped_kib(&fs::read_to_string("/proc/self/smaps")?, &path.to_string_lossy()) / KIB_IN_MIB)
}

fn mapped_kib(smaps: &str, path: &str) -> f64 {
    let (mut within, mut sum) = (false, 0.0);
    for line in smaps.lines() {
        if let Some(rss) = line.strip_prefix("Rss:") {
            sum += if within { kib(rss).unwrap_or(0.0) } else { 0.0 };
        } else if line.split_whitespace().next().is_some_and(|first| !first.ends_with(':')) {
            within = line.ends_with(path) && line[..line.len() - path.len()].ends_with(' ');
        }
    }
    sum
}

/// The number in «   1234 kB».
fn kib(text: &str) -> Option<f64> {
    text.trim().strip_suffix("kB")?.trim().parse().ok()
}

fn unexpected(file: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{file} is not as proc(5) says; measure on Linux"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tx\nVmHWM:\t  4096 kB\nVmRSS:\t  3072 kB\nRssAnon:\t  1024 kB\nRssFile:\t  1536 kB\n\
        RssShmem:\t   512 kB\nHugetlbPages:\t  2048 kB\n";
    const SMAPS: &str = "7f00-7f01 r--p 0000 00:1f 5    /a/rows\nSize:  4 kB\nRss:   3 kB\nVmFlags: rd mr\n\
        7f01-7f02 r--p 0000 00:1f 6    /b/a/rows\nRss:   8 kB\n7f02-7f03 rw-p 0000 00:00 0 \nRss:   16 kB\n\
        7f03-7f04 r--s 0000 00:1f 5    /a/rows\nRss:   32 kB\n";

    #[test]
    fn the_lines_of_status_are_added_up() {
        let expected = Memory { resident_mib: 5.0, peak_mib: 4.0, anonymous_mib: 3.5, file_mib: 1.5 };
        assert_eq!(Memory::parse(STATUS), Some(expected));
        assert_eq!(Memory::parse("Name:\tx\n"), None);
    }

    #[test]
    fn only_mappings_of_the_file_count() {
        assert_eq!(mapped_kib(SMAPS, "/a/rows"), 35.0);
        assert_eq!(mapped_kib(SMAPS, "/b/a/rows"), 8.0);
        assert_eq!(mapped_kib(SMAPS, "/rows"), 0.0);
    }

    #[test]
    fn this_process_has_cost_something() {
        assert!(Memory::now().unwrap().resident_mib > 0.1);
        assert!(cpu_seconds().unwrap() >= 0.0);
    }
}
