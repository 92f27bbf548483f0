//! Tables become matrices: id maps, interactions, friendships, teams and held-out rows of one dataset.

use serde::{Deserialize, Serialize};

use crate::csr::Csr;
use crate::ids::{IdMap, ProductRow, UserRow};
use crate::shown::Showing;
use crate::tables::{EventKind, Split, TeamOutcome};
use crate::units::Timestamp;

/// How events become interaction weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventWeights {
    /// Weight of a `view`.
    pub view: f32,
    /// Weight of a `cart`.
    pub cart: f32,
    /// Weight of a `purchase`, and of being in a team that succeeded.
    pub purchase: f32,
    /// Weight of a `like`.
    pub like: f32,
    /// Weight of a `share`.
    pub share: f32,
    /// Weight of a `gift`: it tells of the giver's taste only in part.
    pub gift: f32,
    /// Weight of a `rate`, whatever the rating: who rates has used it.
    pub rate: f32,
    /// Weight of a `click`.
    pub click: f32,
    /// Days after which an event counts half; absent means that events do not age.
    pub half_life_days: Option<f64>,
}

impl Default for EventWeights {
    fn default() -> Self {
        Self {
            view: 0.1,
            cart: 0.4,
            purchase: 1.0,
            like: 0.5,
            share: 0.5,
            gift: 0.3,
            rate: 1.0,
            click: 0.1,
            half_life_days: None,
        }
    }
}

impl EventWeights {
    /// Weight of one event of `kind` before ageing; zero for kinds that say nothing about liking. A `dislike` or
    /// `return` cancels what the same user did to the same product before.
    pub fn of(&self, kind: EventKind) -> f32 {
        match kind {
            EventKind::View => self.view,
            EventKind::Cart => self.cart,
            EventKind::Purchase => self.purchase,
            EventKind::Like => self.like,
            EventKind::Share => self.share,
            EventKind::Gift => self.gift,
            EventKind::Rate => self.rate,
            EventKind::Click => self.click,
            EventKind::Dislike | EventKind::Return | EventKind::Shown => 0.0,
        }
    }
}

/// One group purchase over dense rows.
#[derive(Debug, Clone, PartialEq)]
pub struct TeamRecord {
    /// Outside id.
    pub team_id: String,
    /// Who opened it.
    pub initiator: UserRow,
    /// What is bought.
    pub product: ProductRow,
    /// Who joined, ascending, without the initiator.
    pub participants: Vec<UserRow>,
    /// Buyers needed, initiator included.
    pub min_size: u32,
    /// When it was opened.
    pub opened_at: Option<Timestamp>,
    /// When it expires.
    pub deadline: Option<Timestamp>,
    /// How it ended.
    pub outcome: TeamOutcome,
    /// Part of a research set.
    pub split: Split,
    /// Products among which a test row's product is ranked; empty where the whole catalogue is.
    pub negatives: Vec<ProductRow>,
    /// Whether its initiator shows it to strangers; as she shows her purchases when absent.
    pub public: Option<bool>,
}

impl TeamRecord {
    /// Initiator and participants, ascending: what identifies a standing group.
    pub fn members(&self) -> Vec<UserRow> {
        let mut members = self.participants.clone();
        members.push(self.initiator);
        members.sort_unstable();
        members.dedup();
        members
    }
}

/// What one user has had of one product, summed over the training events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Possession {
    /// The product.
    pub product: ProductRow,
    /// Purchases (gifts to others not included).
    pub purchases: u32,
    /// Gifts to others.
    pub gifts: u32,
    /// Last purchase or gift.
    pub last: Option<Timestamp>,
}

/// A dataset over dense rows, ready for models and for the bundle.
#[derive(Debug, Clone)]
pub struct TrainingData {
    /// Every user named anywhere in the dataset: the users table first, in its order, then by first appearance.
    pub users: IdMap<UserRow>,
    /// Every product likewise.
    pub products: IdMap<ProductRow>,
    /// `(users, products)`: summed weights of training events of users with `personalise`; no zero or negative cell.
    pub interactions: Csr,
    /// `(users, users)`: strength of ties, symmetric but for `follow`; ties with a block in either direction left out.
    pub friends: Csr,
    /// Every team of every split, in table order.
    pub teams: Vec<TeamRecord>,
    /// Per user, what she bought or gave before the cut, by product; of all users, also without `personalise`.
    pub possessions: Vec<Vec<Possession>>,
    /// Who may see them.
    pub showing: Showing,
    /// Positive products (`purchase`, `like`, `rate` …) of `split = valid` events, per user, value 1.
    pub valid: Csr,
    /// Positive products of `split = test` events, per user, value 1.
    pub test: Csr,
    /// Latest moment seen in training events and teams, if any has one.
    pub cut: Option<Timestamp>,
}
