//! Looks at a whole dataset: counts, ranges, duplicates, dangling references, coverage. It never stops at a bad row.
//!
//! Ids are remembered as hashes, so memory grows with the number of ids, not with the size of the tables.

mod report;

use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use crate::dataset::Dataset;
use crate::error::{DatasetError, RowFault};
use crate::ids::IdSet;
use crate::parquet::{read_batches, read_row};
use crate::quarantine::Quarantine;
use crate::tables::{Blocks, Events, Friendship, FriendshipKind, Friendships, Products, Sellers, Table, Teams, Users};

pub use report::{CheckReport, Finding, Range, Severity, TableReport};

/// Checks every row of every table of `dataset`. Bad rows are listed in `quarantine`.
///
/// # Errors
/// When a file cannot be read as a table at all, or the quarantine file cannot be written.
pub fn check(dataset: &Dataset, quarantine: &mut Quarantine) -> Result<CheckReport, DatasetError> {
    let mut checker = Checker { dataset, quarantine, report: CheckReport::default() };
    let users = checker.users()?;
    let sellers = checker.sellers()?;
    let products = checker.products(&sellers)?;
    checker.friendships(&users)?;
    checker.blocks(&users)?;
    let teams = checker.teams(&users, &products)?;
    checker.events(&users, &products, &teams)?;
    checker.report.bad_rows = checker.quarantine.count();
    checker.report.quarantine = checker.quarantine.path().map(Path::to_owned);
    checker.report.sum_up();
    Ok(checker.report)
}

/// What names a tie: the same both ways round, but for `follow`, which is directed.
fn name_tie(tie: &Friendship<'_>) -> String {
    let (mut one, mut other) = (tie.user_id, tie.friend_id);
    if tie.kind != FriendshipKind::Follow && one > other {
        std::mem::swap(&mut one, &mut other);
    }
    format!("{one}\n{other}\n{}", u8::from(tie.kind == FriendshipKind::Follow))
}

struct Checker<'a> {
    dataset: &'a Dataset,
    quarantine: &'a mut Quarantine,
    report: CheckReport,
}

impl Checker<'_> {
    /// Streams one table: counts rows and filled cells, sets bad rows aside, hands good ones to `visit`.
    fn table<T: Table>(&mut self, mut visit: impl FnMut(&T::Row<'_>, &mut CheckReport)) -> Result<(), DatasetError> {
        let mut table = TableReport::default();
        for part in self.dataset.parts::<T>()? {
            let mut number = 0;
            read_batches::<T>(&part, |cells, rows| {
                cells.filled().for_each(|(column, count)| table.add_filled(column, count));
                for row in 0..rows {
                    number += 1;
                    match read_row::<T>(cells, row) {
                        Ok(row) => visit(&row, &mut self.report),
                        Err(fault) => {
                            table.bad_rows += 1;
                            self.bad_row(T::NAME, &part, number, &fault)?;
                        }
                    }
                }
                Ok(())
            })?;
            table.rows += number;
            table.files += 1;
        }
        if table.files > 0 {
            self.report.tables.push((T::NAME.to_owned(), table));
        }
        Ok(())
    }

    fn bad_row(&mut self, table: &str, file: &Path, row: u64, fault: &RowFault) -> Result<(), DatasetError> {
        let what = format!("bad row: {fault}");
        self.report.find(Severity::Fault, table, "rows that cannot be read", || format!("row {row}, {what}"));
        self.quarantine.refuse(file, row, fault)
    }

    fn users(&mut self) -> Result<IdSet, DatasetError> {
        let mut ids = IdSet::default();
        self.table::<Users>(|user, report| {
            if !ids.insert(user.user_id) {
                report.find(Severity::Fault, "users", "user_id used twice", || user.user_id.to_owned());
            }
            report.count("users by country", user.country.unwrap_or("unknown"));
            report.count("users by purchase_visibility", user.purchase_visibility.word());
            if let Some(year) = user.birth_year {
                report.range("users.birth_year", f64::from(year));
            }
        })?;
        Ok(ids)
    }

    fn sellers(&mut self) -> Result<IdSet, DatasetError> {
        let mut ids = IdSet::default();
        self.table::<Sellers>(|seller, report| {
            if !ids.insert(seller.seller_id) {
                report.find(Severity::Fault, "sellers", "seller_id used twice", || seller.seller_id.to_owned());
            }
        })?;
        Ok(ids)
    }

    fn products(&mut self, sellers: &IdSet) -> Result<IdSet, DatasetError> {
        let mut ids = IdSet::default();
        self.table::<Products>(|product, report| {
            let id = product.product_id;
            if !ids.insert(id) {
                report.find(Severity::Fault, "products", "product_id used twice", || id.to_owned());
            }
            if product.seller_id.is_some_and(|seller| !sellers.is_empty() && !sellers.contains(seller)) {
                report.find(Severity::Warning, "products", "seller_id not in table sellers", || id.to_owned());
            }
            if product.currency.is_none() && product.price_minor.is_some() {
                report.find(Severity::Warning, "products", "a price without currency", || id.to_owned());
            }
            if let (Some(group), Some(alone)) = (product.group_price_minor, product.price_minor)
                && group > alone
            {
                report.find(Severity::Warning, "products", "group price above the price for one", || id.to_owned());
            }
            if let Some(price) = product.price_minor {
                report.range("products.price_minor", price as f64);
            }
        })?;
        Ok(ids)
    }

    fn friendships(&mut self, users: &IdSet) -> Result<(), DatasetError> {
        let mut pairs = IdSet::default();
        let mut friends = std::collections::HashMap::<u64, u32>::new();
        self.table::<Friendships>(|tie, report| {
            if tie.user_id == tie.friend_id {
                report.find(Severity::Warning, "friendships", "a user tied to herself", || tie.user_id.to_owned());
            }
            for end in [tie.user_id, tie.friend_id] {
                *friends.entry(xxh3_64(end.as_bytes())).or_default() += 1;
                if !users.contains(end) {
                    report.find(Severity::Warning, "friendships", "a user not in table users", || end.to_owned());
                }
            }
            if !pairs.insert(&name_tie(tie)) {
                report.find(Severity::Warning, "friendships", "a pair stated twice", || {
                    format!("{} and {}", tie.user_id, tie.friend_id)
                });
            }
            report.range("friendships.strength", f64::from(tie.strength));
        })?;
        friends.values().for_each(|&count| self.report.range("friends of a user with any", f64::from(count)));
        Ok(())
    }

    fn blocks(&mut self, users: &IdSet) -> Result<(), DatasetError> {
        self.table::<Blocks>(|block, report| {
            for end in [block.user_id, block.blocked_id] {
                if !users.contains(end) {
                    report.find(Severity::Warning, "blocks", "a user not in table users", || end.to_owned());
                }
            }
        })
    }

    fn teams(&mut self, users: &IdSet, products: &IdSet) -> Result<IdSet, DatasetError> {
        let mut ids = IdSet::default();
        self.table::<Teams>(|team, report| {
            let id = team.team_id;
            if !ids.insert(id) {
                report.find(Severity::Fault, "teams", "team_id used twice", || id.to_owned());
            }
            if !products.contains(team.product_id) {
                report.find(Severity::Warning, "teams", "a product not in table products", || id.to_owned());
            }
            if std::iter::once(&team.initiator_id).chain(&team.participant_ids).any(|member| !users.contains(member)) {
                report.find(Severity::Warning, "teams", "a member not in table users", || id.to_owned());
            }
            if team.participant_ids.contains(&team.initiator_id) {
                report.find(Severity::Warning, "teams", "the initiator among the participants", || id.to_owned());
            }
            report.count("teams by outcome", team.outcome.word());
            report.count("teams by split", team.split.word());
            report.range("teams: members", team.participant_ids.len() as f64 + 1.0);
        })?;
        Ok(ids)
    }

    fn events(&mut self, users: &IdSet, products: &IdSet, teams: &IdSet) -> Result<(), DatasetError> {
        let mut event_ids = IdSet::default();
        self.table::<Events>(|event, report| {
            if !users.contains(event.user_id) {
                report.find(Severity::Warning, "events", "a user not in table users", || event.user_id.to_owned());
            }
            if !products.contains(event.product_id) {
                report.find(Severity::Warning, "events", "a product not in table products", || {
                    event.product_id.to_owned()
                });
            }
            if event.team_id.is_some_and(|team| !teams.is_empty() && !teams.contains(team)) {
                report.find(Severity::Warning, "events", "a team not in table teams", || {
                    event.team_id.unwrap_or("").to_owned()
                });
            }
            if event.event_id.is_some_and(|id| !event_ids.insert(id)) {
                report
                    .find(Severity::Fault, "events", "event_id used twice", || event.event_id.unwrap_or("").to_owned());
            }
            report.count("events by kind", event.kind.word());
            report.count("events by split", event.split.word());
            if let Some(ts) = event.ts {
                report.moment(ts);
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::DatasetWriter;
    use crate::tables::{Event, EventKind, Product, User};

    #[test]
    fn duplicates_dangling_references_and_bad_rows_are_found_and_nothing_stops_the_check() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("data");
        let mut writer = DatasetWriter::create(&out).unwrap();
        for user in ["u1", "u1", "u2"] {
            writer.push::<Users>(&User::new(user)).unwrap();
        }
        writer.push::<Products>(&Product { price_minor: Some(-5), ..Product::new("p1") }).unwrap();
        writer.push::<Products>(&Product::new("p2")).unwrap();
        let tie = |friend_id| Friendship {
            user_id: "u1",
            friend_id,
            kind: FriendshipKind::Friend,
            strength: 1.0,
            since: None,
        };
        writer.push::<Friendships>(&tie("u2")).unwrap();
        writer.push::<Friendships>(&tie("u9")).unwrap();
        for id in ["e1", "e1", "e2"] {
            let event = Event { event_id: Some(id), ..Event::new("u1", "p2", EventKind::View) };
            writer.push::<Events>(&event).unwrap();
        }
        let dataset = writer.finish().unwrap();
        let report = check(&dataset, &mut Quarantine::beside(&out)).unwrap();
        let found: Vec<(&str, &str, u64)> =
            report.findings.iter().map(|finding| (&*finding.table, &*finding.what, finding.count)).collect();
        assert!(found.contains(&("users", "user_id used twice", 1)));
        assert!(found.contains(&("products", "rows that cannot be read", 1)));
        assert!(found.contains(&("friendships", "a user not in table users", 1)));
        assert!(found.contains(&("events", "event_id used twice", 1)));
        assert!(!report.is_good());
        assert_eq!(report.counts["events by kind"]["view"], 3);
        let listed = std::fs::read_to_string(report.quarantine.unwrap()).unwrap();
        assert!(listed.contains("price_minor") && listed.contains("give zero or more"), "{listed}");
    }
}
