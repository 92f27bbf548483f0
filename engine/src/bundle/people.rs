//! Users' settings, by row.

use juntos_datasets::tables::{Invites, PurchaseVisibility};
use juntos_datasets::units::{Country, Language, Timestamp};
use juntos_datasets::{Row, UserRow};

use super::map::Column;
use crate::catalogue::{country, language, moment};
use crate::cohorts::Home;

/// Stands for an absent year of birth.
pub(super) const NO_YEAR: i32 = i32::MIN;
/// Bits of `flags`: friends may see her purchases.
pub(super) const SEEN_BY_FRIENDS: u8 = 1;
/// Everyone may see her purchases.
pub(super) const SEEN_BY_ALL: u8 = 2;
/// Nobody may be told to invite her.
pub(super) const NO_INVITES: u8 = 4;
/// Recommendations may not use what is known about her.
pub(super) const NOT_PERSONAL: u8 = 8;

/// What a user says about herself, and what she allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserProfile {
    /// Country she lives in.
    pub country: Option<Country>,
    /// Language she reads.
    pub language: Option<Language>,
    /// Year of birth; absent means that the age is unknown, which counts as a minor's.
    pub birth_year: Option<i32>,
    /// Who may see her purchases.
    pub purchase_visibility: PurchaseVisibility,
    /// Who may be told to invite her.
    pub invites: Invites,
    /// Whether recommendations may use what is known about her.
    pub personalise: bool,
    /// When the account was made.
    pub created_at: Option<Timestamp>,
}

/// What a user allows: the part of her [`UserProfile`] that every question about her friends asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Consent {
    pub(crate) purchase_visibility: PurchaseVisibility,
    pub(crate) invites: Invites,
    pub(crate) personalise: bool,
}

impl UserProfile {
    /// What she allows.
    pub(crate) fn consent(&self) -> Consent {
        let Self { purchase_visibility, invites, personalise, .. } = *self;
        Consent { purchase_visibility, invites, personalise }
    }

    /// Where she lives and what she reads.
    pub fn home(&self) -> Home {
        Home::new(self.country, self.language)
    }
}

/// Columns of the users.
pub(super) struct People {
    pub(super) country: Column<[u8; 2]>,
    pub(super) language: Column<[u8; 2]>,
    pub(super) birth_year: Column<i32>,
    pub(super) flags: Column<u8>,
    pub(super) created: Column<i64>,
}

impl People {
    pub(super) fn profile(&self, user: UserRow) -> UserProfile {
        let at = user.index();
        let Consent { purchase_visibility, invites, personalise } = self.consent(user);
        UserProfile {
            country: country(self.country[at]),
            language: language(self.language[at]),
            birth_year: Some(self.birth_year[at]).filter(|&year| year != NO_YEAR),
            purchase_visibility,
            invites,
            personalise,
            created_at: moment(self.created[at]),
        }
    }

    pub(super) fn country_of(&self, user: UserRow) -> Option<Country> {
        country(self.country[user.index()])
    }

    pub(super) fn consent(&self, user: UserRow) -> Consent {
        let flags = self.flags[user.index()];
        Consent {
            purchase_visibility: visibility(flags),
            invites: if flags & NO_INVITES == 0 { Invites::Friends } else { Invites::Nobody },
            personalise: flags & NOT_PERSONAL == 0,
        }
    }
}

fn visibility(flags: u8) -> PurchaseVisibility {
    if flags & SEEN_BY_ALL != 0 {
        PurchaseVisibility::Everyone
    } else if flags & SEEN_BY_FRIENDS != 0 {
        PurchaseVisibility::Friends
    } else {
        PurchaseVisibility::Nobody
    }
}
