//! What people made of invitations: by what was reported of them, and by joining a team.
//!
//! Who is in a team of the initiator on the product has followed the invitation, whether or not that was reported of the
//! invitation too, and whichever of the two became known first: it is looked up in the teams when it is asked for.

use super::Live;
use super::records::InviteKind;
use super::teams::Team;

impl Live {
    /// What has become of an invitation; none where nothing was reported of it but that a mute is over.
    pub(crate) fn invitation(&self, invited: u32, initiator: u32, product: u32) -> Option<InviteKind> {
        self.invites.state(invited, initiator, product, || self.joined_at(invited, initiator, product))
    }

    /// Products to which somebody was invited by `initiator` and will not join her, ascending: she declined.
    pub(crate) fn declined(&self, invited: u32, initiator: u32) -> Vec<u32> {
        let declined = |product: &u32| self.invitation(invited, initiator, *product) == Some(InviteKind::Declined);
        self.invites.products_from(invited, initiator).filter(declined).collect()
    }

    /// Invitations from anybody since `since_ms`, without those of `asker` that were followed.
    pub(crate) fn invited_since(&self, invited: u32, asker: u32, since_ms: i64) -> usize {
        let joined = |initiator: u32, product: u32| self.joined_at(invited, initiator, product);
        self.invites.invited_since(invited, asker, since_ms, joined)
    }

    /// When a user last joined a team of `initiator` on `product` that she is still in; none where she is in none.
    fn joined_at(&self, user: u32, initiator: u32, product: u32) -> Option<i64> {
        let hers = |team: &&std::sync::Arc<Team>| (team.initiator, team.product) == (Some(initiator), product);
        self.teams.of_member(user).filter(hers).filter_map(|team| team.joined_at(user)).max()
    }
}
