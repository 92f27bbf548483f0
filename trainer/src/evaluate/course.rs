//! The recommender as it stood on the day on which each test team was opened: people meet while the time of the test goes by.

use std::collections::BTreeMap;
use std::sync::Arc;

use juntos_datasets::Dataset;
use juntos_datasets::tables::{Friendship, FriendshipKind, Friendships};
use juntos_datasets::training::TrainingData;
use juntos_datasets::units::Timestamp;
use juntos_engine::live::Change;
use juntos_engine::live::records::FriendshipRecord;
use juntos_engine::recommend::Snapshot;
use juntos_engine::{Bundle, Engine};

use crate::error::TrainError;

/// A bundle's recommender, day by day, with the friendships that a dataset tells of since the bundle's cut. Nothing else that
/// happened since is known.
pub struct Course {
    at_the_cut: Arc<Snapshot>,
    /// As the world stood at the end of a day on which somebody met.
    days: Vec<(i64, Arc<Snapshot>)>,
    /// Strength of each tie made since, by the bundle's rows.
    ties: BTreeMap<(u32, u32), f32>,
}

impl Course {
    /// Follows the friendships of `dataset`, of which `data` was loaded; blocked and unknown people meet nobody.
    ///
    /// # Errors
    /// When the table is damaged, or the recommender refuses a friendship.
    pub fn follow(dataset: &Dataset, data: &TrainingData, bundle: Arc<Bundle>) -> Result<Self, TrainError> {
        let blocks = data.blocks(dataset)?;
        let cut = bundle.manifest().cut;
        let mut later: Vec<(Timestamp, FriendshipRecord)> = Vec::new();
        let known = |id: &str| bundle.users().row(id).is_some();
        dataset.for_each::<Friendships>(|tie| {
            let apart = data.users.row(tie.user_id).zip(data.users.row(tie.friend_id)).is_none_or(|(user, friend)| {
                user == friend
                    || blocks.binary_search(&(user, friend)).is_ok()
                    || blocks.binary_search(&(friend, user)).is_ok()
            });
            let since = tie.since.filter(|&since| cut.is_some_and(|cut| since > cut));
            if let Some(since) = since.filter(|_| !apart && known(tie.user_id) && known(tie.friend_id)) {
                later.push((since, record(tie)));
            }
            Ok(())
        })?;
        later.sort_by_key(|(since, _)| *since);
        let engine = Engine::new(bundle.clone());
        let mut course = Self { at_the_cut: engine.snapshot(), days: Vec::new(), ties: BTreeMap::new() };
        for (since, tie) in later {
            course.note(&tie, &bundle);
            engine.apply(Change::PutFriendship(tie), cut.unwrap_or_default())?;
            course.days.pop_if(|(day, _)| *day == since.day());
            course.days.push((since.day(), engine.snapshot()));
        }
        Ok(course)
    }

    fn note(&mut self, tie: &FriendshipRecord, bundle: &Bundle) {
        let rows = bundle.users().row(&tie.user_id).zip(bundle.users().row(&tie.friend_id));
        let Some((user, friend)) = rows else { return };
        self.ties.insert((user.0, friend.0), tie.strength);
        if tie.kind != FriendshipKind::Follow {
            self.ties.insert((friend.0, user.0), tie.strength);
        }
    }

    /// The recommender at the beginning of the day of `moment`; at the cut where there is no moment.
    pub fn at(&self, moment: Option<Timestamp>) -> &Snapshot {
        let before = moment.map_or(0, |moment| self.days.partition_point(|(day, _)| *day < moment.day()));
        before.checked_sub(1).map_or(&self.at_the_cut, |last| &self.days[last].1)
    }

    /// Strength of the tie from one user to another, by the bundle's rows, if it was made since the cut.
    pub fn strength(&self, user: u32, friend: u32) -> Option<f32> {
        self.ties.get(&(user, friend)).copied()
    }
}

fn record(tie: &Friendship<'_>) -> FriendshipRecord {
    FriendshipRecord {
        user_id: tie.user_id.to_owned(),
        friend_id: tie.friend_id.to_owned(),
        kind: tie.kind,
        strength: tie.strength,
        since: tie.since,
    }
}
