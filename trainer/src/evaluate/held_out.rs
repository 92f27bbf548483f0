//! How much of what was held out is ranked, and what became of the rest: no row leaves a mean unseen.

use std::collections::BTreeMap;
use std::fmt;

use juntos_datasets::dataset::Dataset;
use juntos_datasets::training::TrainingData;
use juntos_engine::bundle::Bundle;
use serde::Serialize;

use super::source::Rows;
use super::{EvaluateConfig, Task, friends, groups, products, teams};
use crate::error::TrainError;

/// Counts of what was held out for a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldOut {
    /// What is counted, such as `test teams`.
    pub of: &'static str,
    /// How many there are in the dataset.
    pub all: u64,
    /// How many of them count in the means.
    pub ranked: u64,
    /// The others, by why they are left out.
    pub left_out: BTreeMap<&'static str, u64>,
}

impl HeldOut {
    /// Counts the ranked and, by reason, the others; reasons without any are not told.
    pub fn new(of: &'static str, ranked: usize, left_out: impl IntoIterator<Item = (&'static str, usize)>) -> Self {
        let mut reasons = BTreeMap::new();
        for (reason, count) in left_out.into_iter().filter(|&(_, count)| count > 0) {
            *reasons.entry(reason).or_default() += count as u64;
        }
        let ranked = ranked as u64;
        Self { of, all: ranked + reasons.values().sum::<u64>(), ranked, left_out: reasons }
    }

    /// Counts cases that were made, and the reasons of those that were not.
    pub(super) fn tally<T>(of: &'static str, cases: impl IntoIterator<Item = Result<T, &'static str>>) -> Self {
        let (mut ranked, mut left_out) = (0, Vec::new());
        for case in cases {
            match case {
                Ok(_) => ranked += 1,
                Err(reason) => left_out.push((reason, 1)),
            }
        }
        Self::new(of, ranked, left_out)
    }

    /// Counts what `dataset`, loaded as `data`, holds out for the task of `config`.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn of(
        config: &EvaluateConfig,
        dataset: &Dataset,
        data: &TrainingData,
        rows: &Rows,
        bundle: &Bundle,
    ) -> Result<Self, TrainError> {
        Ok(match config.task {
            Task::Products => {
                products::held_out(data, &data.test, config.include_seen, data.private_test_pairs(dataset)?)
            }
            Task::Friends => friends::held_out(data, rows),
            Task::Teams => teams::held_out(data, rows, bundle),
            Task::Groups => groups::held_out(data, rows),
        })
    }
}

impl fmt::Display for HeldOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "of {} {} {} count", self.all, self.of, self.ranked)?;
        self.left_out.iter().try_for_each(|(reason, count)| write!(f, ", {count} {}", reason.replace('_', " ")))
    }
}

#[cfg(test)]
mod tests {
    //! 1. Of pairs, those had in training and those of people without personalise are told, each by its number.
    //! 2. Of teams, those without negatives or participants are told, and those that the bundle does not know.

    use juntos_datasets::DatasetWriter;
    use juntos_datasets::tables::{Event, EventKind, Events, Split, Team, TeamOutcome, Teams, User, Users};
    use juntos_datasets::training::EventWeights;

    use super::*;

    /// What is written, and the same as it is loaded.
    fn written(write: impl FnOnce(&mut DatasetWriter)) -> (tempfile::TempDir, Dataset, TrainingData) {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = DatasetWriter::create(folder.path().join("data")).unwrap();
        write(&mut writer);
        let dataset = writer.finish().unwrap();
        let data = TrainingData::load(&dataset, &EventWeights::default()).unwrap();
        (folder, dataset, data)
    }

    #[test]
    fn pairs_that_are_not_ranked_are_told_by_reason() {
        let (_folder, dataset, data) = written(|writer| {
            writer.push::<Users>(&User { personalise: false, ..User::new("private") }).unwrap();
            let events = [
                ("a", "p", EventKind::Purchase, Split::Train),
                ("a", "p", EventKind::Purchase, Split::Test),
                ("a", "q", EventKind::Like, Split::Test),
                ("a", "q", EventKind::Purchase, Split::Test),
                ("a", "r", EventKind::View, Split::Test),
                ("private", "p", EventKind::Purchase, Split::Test),
                ("private", "p", EventKind::Gift, Split::Test),
                ("private", "q", EventKind::Cart, Split::Test),
                ("private", "q", EventKind::Rate, Split::Valid),
            ];
            for (user, product, kind, split) in events {
                writer.push::<Events>(&Event { split, ..Event::new(user, product, kind) }).unwrap();
            }
        });
        let private = data.private_test_pairs(&dataset).unwrap();
        let told = products::held_out(&data, &data.test, false, private);
        let why = [("had_in_training", 1), ("without_personalise", 1)];
        assert_eq!(told, HeldOut::new("test pairs", 1, why));
        assert_eq!(told.to_string(), "of 3 test pairs 1 count, 1 had in training, 1 without personalise");
        let with_seen = products::held_out(&data, &data.test, true, private);
        assert_eq!(with_seen, HeldOut::new("test pairs", 2, [("without_personalise", 1)]));
    }

    #[test]
    fn teams_that_are_not_ranked_are_told_by_reason() {
        let (_folder, _, data) = written(|writer| {
            let teams: [(&str, &str, &[&str], &[&str]); 5] = [
                ("ranked", "a", &["b"], &["q", "r"]),
                ("without negatives", "a", &["b"], &[]),
                ("of a stranger", "stranger", &["b"], &["q"]),
                ("with a stranger", "a", &["stranger"], &["q"]),
                ("alone", "a", &[], &["q"]),
            ];
            for (team_id, initiator_id, participants, negatives) in teams {
                let team = Team {
                    team_id,
                    product_id: "p",
                    initiator_id,
                    participant_ids: participants.to_vec(),
                    min_size: 2,
                    opened_at: None,
                    deadline: None,
                    outcome: TeamOutcome::Succeeded,
                    split: Split::Test,
                    negative_ids: negatives.to_vec(),
                    public: None,
                };
                writer.push::<Teams>(&team).unwrap();
            }
        });
        let rows = Rows::all_but(&data, "stranger");
        let told = groups::held_out(&data, &rows);
        assert_eq!(told.ranked as usize, groups::cases(&data, &rows).len());
        let why = [("with_unknown_members", 2), ("without_negatives", 1)];
        assert_eq!(told, HeldOut::new("test teams", 2, why));
        let told = friends::held_out(&data, &rows);
        assert_eq!(told.ranked as usize, friends::cases(&data, &rows).len());
        assert_eq!(told, HeldOut::new("test teams", 3, [("unknown_to_the_bundle", 1), ("without_participants", 1)]));
    }
}
