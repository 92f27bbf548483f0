//! The door through which every importer's rows go: it counts, refuses, and writes all or nothing.

use std::path::Path;

use super::known::Known;
use super::report::{FileCount, ImportReport};
use super::text::Lines;
use crate::dataset::{DatasetWriter, Writes};
use crate::error::{DatasetError, RowFault};
use crate::ids::{IdSet, ProductRow, SellerRow, UserRow};
use crate::progress::Progress;
use crate::quarantine::{OnError, Quarantine};
use crate::tables::{
    Event, Events, Friendship, FriendshipKind, Friendships, Product, Products, PurchaseVisibility, Split, Table, Team,
    Teams, User, Users,
};

/// How often progress is told, in rows.
const TOLD_EVERY: u64 = 4_096;

/// One import under way.
pub(super) struct Intake<'p> {
    writer: DatasetWriter,
    quarantine: Quarantine,
    on_error: OnError,
    report: ImportReport,
    progress: &'p dyn Progress,
    pub(super) users: Known<UserRow>,
    pub(super) products: Known<ProductRow>,
    pub(super) sellers: Known<SellerRow>,
    pub(super) teams: Known<SellerRow>,
    /// Ids of events: there may be tens of millions, so their texts are not kept.
    pub(super) events: IdSet,
    ties: Vec<Tie>,
}

/// A tie between users as read; `(low, high)` identifies it.
struct Tie {
    user: UserRow,
    friend: UserRow,
    strength: f32,
}

impl Tie {
    fn ends(&self) -> (UserRow, UserRow) {
        (self.user.min(self.friend), self.user.max(self.friend))
    }
}

impl<'p> Intake<'p> {
    /// Begins an import to `out`.
    pub(super) fn begin(out: &Path, on_error: OnError, progress: &'p dyn Progress) -> Result<Self, DatasetError> {
        Ok(Self {
            writer: DatasetWriter::create(out)?,
            quarantine: Quarantine::beside(out),
            on_error,
            report: ImportReport::default(),
            progress,
            users: Known::new(),
            products: Known::new(),
            sellers: Known::new(),
            teams: Known::new(),
            events: IdSet::default(),
            ties: Vec::new(),
        })
    }

    /// Begins a file; counts go to it until the next.
    pub(super) fn begin_file(&mut self, role: &str, path: &Path) {
        self.progress.stage(role, 0);
        self.report.files.push(FileCount { role: role.to_owned(), path: path.to_owned(), ..FileCount::default() });
    }

    fn file(&mut self) -> &mut FileCount {
        self.report.files.last_mut().expect("begin_file comes before the rows of a file")
    }

    /// Counts a row of the current file.
    pub(super) fn count_row(&mut self) {
        let file = self.file();
        file.rows += 1;
        if file.rows.is_multiple_of(TOLD_EVERY) {
            self.progress.advance(TOLD_EVERY);
        }
    }

    /// Ends the current file, which must have had a row.
    pub(super) fn end_file(&mut self) -> Result<(), DatasetError> {
        let file = self.file();
        if file.rows == 0 {
            let what = format!("{} ({})", file.path.display(), file.role);
            return Err(DatasetError::Empty { what, mend: "give a file with rows, or leave it out if it is optional" });
        }
        Ok(())
    }

    /// Reads a text file line by line; a line that `take` finds fault with is refused.
    pub(super) fn read_lines(
        &mut self,
        role: &str,
        path: &Path,
        mut take: impl FnMut(&mut Self, u64, &str) -> Result<Result<(), RowFault>, DatasetError>,
    ) -> Result<(), DatasetError> {
        self.begin_file(role, path);
        let mut lines = Lines::open(path)?;
        while let Some((number, line)) = lines.next()? {
            self.count_row();
            let verdict = match line {
                Ok(line) => take(self, number, line)?,
                Err(fault) => Err(fault),
            };
            if let Err(fault) = verdict {
                self.refuse(number, fault)?;
            }
        }
        self.end_file()
    }

    /// Refuses the row `number` of the current file.
    pub(super) fn refuse(&mut self, number: u64, fault: RowFault) -> Result<(), DatasetError> {
        let role = self.file().role.clone();
        self.refuse_of(&role, number, fault)
    }

    /// Refuses the row `number` of the file that was read as `role`.
    pub(super) fn refuse_of(&mut self, role: &str, number: u64, fault: RowFault) -> Result<(), DatasetError> {
        let read = self.report.files.iter_mut().rfind(|file| file.role == role);
        let file = read.expect("begin_file comes before the rows of a file");
        file.quarantined += 1;
        let path = file.path.clone();
        self.quarantine.refuse(&path, number, &fault)
    }

    /// Counts `entries` of the current file that repeat others.
    pub(super) fn repaired(&mut self, entries: u64) {
        self.file().repaired += entries;
    }

    /// Writes a row of a table without splits.
    pub(super) fn push<T: Table>(&mut self, row: &T::Row<'_>) -> Result<(), DatasetError>
    where
        DatasetWriter: Writes<T>,
    {
        self.report.tables.entry(T::NAME).or_default().rows += 1;
        self.writer.push::<T>(row)
    }

    fn count_split<T: Table>(&mut self, split: Split) {
        *self.report.tables.entry(T::NAME).or_default().splits.entry(split.word()).or_default() += 1;
    }

    /// Writes an event.
    pub(super) fn push_event(&mut self, event: &Event<'_>) -> Result<(), DatasetError> {
        self.count_split::<Events>(event.split);
        self.push::<Events>(event)
    }

    /// Writes a team.
    pub(super) fn push_team(&mut self, team: &Team<'_>) -> Result<(), DatasetError> {
        self.count_split::<Teams>(team.split);
        self.push::<Teams>(team)
    }

    /// Keeps a tie until [`Self::push_ties`].
    pub(super) fn see_tie(&mut self, user: &str, friend: &str, strength: f32) {
        let (user, friend) = (self.users.see(user), self.users.see(friend));
        self.ties.push(Tie { user, friend, strength });
    }

    /// Writes each undirected tie once, where it was first read, with its greatest strength; the rest count as repaired.
    pub(super) fn push_ties(&mut self) -> Result<(), DatasetError> {
        let ties = std::mem::take(&mut self.ties);
        let mut order: Vec<u32> = (0..ties.len() as u32).collect();
        order.sort_unstable_by_key(|&at| (ties[at as usize].ends(), at));
        let mut firsts: Vec<(u32, f32)> = Vec::new();
        for same in order.chunk_by(|&a, &b| ties[a as usize].ends() == ties[b as usize].ends()) {
            let strength = same.iter().map(|&at| ties[at as usize].strength).fold(0.0, f32::max);
            firsts.push((same[0], strength));
        }
        self.repaired((ties.len() - firsts.len()) as u64);
        firsts.sort_unstable_by_key(|&(at, _)| at);
        for (at, strength) in firsts {
            let tie = &ties[at as usize];
            let (user_id, friend_id) = (self.users.id(tie.user).to_owned(), self.users.id(tie.friend).to_owned());
            let kind = FriendshipKind::Friend;
            let row = Friendship { user_id: &user_id, friend_id: &friend_id, kind, strength, since: None };
            self.push::<Friendships>(&row)?;
        }
        Ok(())
    }

    /// Writes every user and product that was met but not listed, in natural order.
    pub(super) fn push_known(&mut self, purchase_visibility: PurchaseVisibility) -> Result<(), DatasetError> {
        let users = std::mem::replace(&mut self.users, Known::new());
        for user_id in users.in_natural_order() {
            self.push::<Users>(&User { purchase_visibility, ..User::new(user_id) })?;
        }
        let products = std::mem::replace(&mut self.products, Known::new());
        for product_id in products.in_natural_order() {
            self.push::<Products>(&Product::new(product_id))?;
        }
        Ok(())
    }

    /// Publishes the dataset, unless rows were refused and nobody allowed that.
    pub(super) fn finish(mut self) -> Result<ImportReport, DatasetError> {
        let report = &mut self.report;
        report.quarantined = report.files.iter().map(|file| file.quarantined).sum();
        report.repaired = report.files.iter().map(|file| file.repaired).sum();
        report.accepted = report.files.iter().map(|file| file.rows).sum::<u64>() - report.quarantined;
        self.quarantine.settle(self.on_error)?;
        report.reasons = self.quarantine.reasons().clone();
        report.quarantine = self.quarantine.path().map(Path::to_owned);
        self.writer.finish()?;
        Ok(self.report)
    }
}
