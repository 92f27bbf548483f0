//! How often one person is suggested and invited: nobody is asked too often, and not always the same three.

use std::collections::BTreeMap;

use juntos_datasets::units::{Country, Timestamp};

use crate::live::records::InviteKind;
use crate::recommend::Snapshot;
use crate::request::{Context, Market};
use crate::viewer::Viewer;

/// How often people may be suggested for invitations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvitePolicy {
    /// In how many invitations one person is suggested within seven days, whoever initiates; another look at the same
    /// invitation does not count again. Zero suggests nobody.
    pub suggestions_a_week: u32,
}

impl Default for InvitePolicy {
    fn default() -> Self {
        Self { suggestions_a_week: 3 }
    }
}

/// Days that the cap and the variety look back on.
const WEEK: f64 = 7.0;
/// Days that fatigue looks back on.
const FATIGUE_DAYS: f64 = 28.0;
/// Log-odds to join that invitations take away, those of the same initiator that she followed left out, times the logarithm of
/// one more than their number.
const FATIGUE: f32 = 0.3;
/// Log-odds that the same initiator's other invitations of the week take away, in the same way.
const VARIETY: f32 = 0.5;

impl Snapshot {
    /// Whether a friend may be suggested to an initiator for a product, apart from consent: she has not declined it, and
    /// was not suggested too often this week.
    pub(crate) fn open_to(&self, friend: u32, initiator: u32, product: u32, now: Timestamp) -> bool {
        let invites = &self.live.invites;
        let since = now.plus_days(-WEEK).millis();
        self.live.invitation(friend, initiator, product) != Some(InviteKind::Declined)
            && invites.suggested_since(friend, initiator, product, since) < self.invites.suggestions_a_week as usize
    }

    /// Everybody who is with this person in an open team on the product, and so needs no invitation.
    pub(crate) fn company(&self, user: u32, product: u32, now: Timestamp) -> Vec<u32> {
        let open = self.live.teams.open_of_member(user).filter(|team| team.product == product && !team.overdue(now));
        open.flat_map(|team| team.members().collect::<Vec<u32>>()).collect()
    }

    /// Log-odds to join that recent invitations take away; zero without any.
    pub(crate) fn fatigue(&self, friend: u32, initiator: u32, product: u32, now: Timestamp) -> f32 {
        let invites = &self.live.invites;
        let lately = self.live.invited_since(friend, initiator, now.plus_days(-FATIGUE_DAYS).millis());
        let again = invites.by_initiator_since(friend, initiator, product, now.plus_days(-WEEK).millis());
        FATIGUE * (lately as f32).ln_1p() + VARIETY * (again as f32).ln_1p()
    }

    /// Leaves the friends to whom the product can be delivered where they live, paid as the question says.
    pub(crate) fn keep_served(&self, friends: &mut Vec<u32>, product: u32, viewer: &Viewer, context: &Context) {
        let mut served: BTreeMap<Option<Country>, bool> = BTreeMap::new();
        friends.retain(|&friend| {
            let country = self.country_of(friend).or(viewer.country);
            *served.entry(country).or_insert_with(|| {
                let mut conditions = viewer.conditions(context);
                conditions.market = Market { country, ..conditions.market };
                // Each friend's own age has been looked at already.
                conditions.age = u32::MAX;
                self.allowed(&conditions).contains(product)
            })
        });
    }
}
