//! From a question to an answer.

use std::sync::Arc;

use juntos_datasets::units::Timestamp;

use crate::live::records::{FriendshipRecord, ProductRecord, TeamRecord, UserRecord};
use crate::live::{Applied, Change, ChangeFault};
use crate::request::{Answer, Context, FriendItem, GroupProductItem, ProductItem, RequestFault, TeamItem};

/// The recommender over one bundle and the live state since it was cut.
///
/// Readers take [`Engine::snapshot`] and never lock; changes are applied one at a time.
#[derive(Debug)]
pub struct Engine {}

impl Engine {
    /// What is known at this moment: it never changes, so that one request sees one state of the world.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        todo!()
    }

    /// Applies one change at moment `now`: it holds in every snapshot taken from then on.
    ///
    /// # Errors
    /// [`ChangeFault`] when the change cannot be; nothing has changed then.
    pub fn apply(&self, _change: Change, _now: Timestamp) -> Result<Applied, ChangeFault> {
        todo!()
    }
}

/// One immutable state of the world.
#[derive(Debug)]
pub struct Snapshot {}

impl Snapshot {
    /// What this person should see now.
    ///
    /// # Errors
    /// [`RequestFault`] when the question itself is wrong.
    pub fn feed(&self, _user_id: &str, _context: &Context) -> Result<Answer<ProductItem>, RequestFault> {
        todo!()
    }

    /// Products like the given ones.
    ///
    /// # Errors
    /// [`RequestFault`] when the question itself is wrong.
    pub fn similar(
        &self,
        _product_ids: &[String],
        _user_id: Option<&str>,
        _context: &Context,
    ) -> Result<Answer<ProductItem>, RequestFault> {
        todo!()
    }

    /// What is popular in the market now.
    ///
    /// # Errors
    /// [`RequestFault`] when the question itself is wrong.
    pub fn trending(&self, _user_id: Option<&str>, _context: &Context) -> Result<Answer<ProductItem>, RequestFault> {
        todo!()
    }

    /// What this person is due to buy again.
    ///
    /// # Errors
    /// [`RequestFault`] when the question itself is wrong.
    pub fn repurchase(&self, _user_id: &str, _context: &Context) -> Result<Answer<ProductItem>, RequestFault> {
        todo!()
    }

    /// What these people (the first one initiates) could buy together; `with_friends` adds the initiator's friends.
    ///
    /// # Errors
    /// [`RequestFault`] when the question itself is wrong.
    pub fn group_products(
        &self,
        _user_ids: &[String],
        _with_friends: bool,
        _context: &Context,
    ) -> Result<Answer<GroupProductItem>, RequestFault> {
        todo!()
    }

    /// Whom to invite to a team on this product.
    ///
    /// # Errors
    /// [`RequestFault`] when the question itself is wrong.
    pub fn group_friends(
        &self,
        _user_id: &str,
        _product_id: &str,
        _context: &Context,
    ) -> Result<Answer<FriendItem>, RequestFault> {
        todo!()
    }

    /// Open teams that this person could join.
    ///
    /// # Errors
    /// [`RequestFault`] when the question itself is wrong.
    pub fn group_teams(&self, _user_id: &str, _context: &Context) -> Result<Answer<TeamItem>, RequestFault> {
        todo!()
    }

    /// A user's record.
    pub fn user(&self, _user_id: &str) -> Option<UserRecord> {
        todo!()
    }

    /// A product's record.
    pub fn product(&self, _product_id: &str) -> Option<ProductRecord> {
        todo!()
    }

    /// A team's record: teams that were open at the cut, and all since.
    pub fn team(&self, _team_id: &str) -> Option<TeamRecord> {
        todo!()
    }

    /// A user's ties, by the friend's id.
    pub fn friendships(&self, _user_id: &str) -> Vec<FriendshipRecord> {
        todo!()
    }

    /// Whom a user has blocked, by id; a bundle keeps blocks without their direction, so those are listed for both.
    pub fn blocks(&self, _user_id: &str) -> Vec<String> {
        todo!()
    }
}
