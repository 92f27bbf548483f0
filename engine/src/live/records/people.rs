//! What clients say of people and of the ties between them.

use juntos_datasets::tables::{FriendshipKind, Invites, PurchaseVisibility, User};
use juntos_datasets::units::{Country, Language, Timestamp};
use serde::{Deserialize, Serialize};

use super::{bad, known_id, two_people};
use crate::live::ChangeFault;

/// One person, as table `users` has her.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "UserFields")]
pub struct UserRecord {
    /// Outside id.
    pub user_id: String,
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

/// The same with every optional column optional: absent columns take the table's defaults.
#[derive(Deserialize)]
struct UserFields {
    user_id: String,
    country: Option<Country>,
    language: Option<Language>,
    birth_year: Option<i32>,
    purchase_visibility: Option<PurchaseVisibility>,
    invites: Option<Invites>,
    personalise: Option<bool>,
    created_at: Option<Timestamp>,
}

impl From<UserFields> for UserRecord {
    fn from(fields: UserFields) -> Self {
        let plain = Self::new(fields.user_id);
        Self {
            country: fields.country,
            language: fields.language,
            birth_year: fields.birth_year,
            purchase_visibility: fields.purchase_visibility.unwrap_or(plain.purchase_visibility),
            invites: fields.invites.unwrap_or(plain.invites),
            personalise: fields.personalise.unwrap_or(plain.personalise),
            created_at: fields.created_at,
            ..plain
        }
    }
}

impl UserRecord {
    /// A user of whom only the id is known, with every default of the table.
    pub fn new(user_id: impl Into<String>) -> Self {
        let plain = User::new("");
        Self {
            user_id: user_id.into(),
            country: None,
            language: None,
            birth_year: plain.birth_year,
            purchase_visibility: plain.purchase_visibility,
            invites: plain.invites,
            personalise: plain.personalise,
            created_at: plain.created_at,
        }
    }

    /// Checks what types alone do not.
    ///
    /// # Errors
    /// [`ChangeFault::BadRecord`] names the field.
    pub fn check(&self) -> Result<(), ChangeFault> {
        known_id("user_id", &self.user_id)?;
        if self.birth_year.is_some_and(|year| !(1880..=2200).contains(&year)) {
            return Err(bad("birth_year", "is not a year from 1880 to 2200"));
        }
        Ok(())
    }
}

/// A tie between two users; all kinds but `follow` hold in both directions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FriendshipRecord {
    /// One user.
    pub user_id: String,
    /// The other user.
    pub friend_id: String,
    /// What ties them.
    #[serde(default = "friend")]
    pub kind: FriendshipKind,
    /// Strength of the tie, 0 to 1.
    #[serde(default = "full_strength")]
    pub strength: f32,
    /// Since when.
    pub since: Option<Timestamp>,
}

fn friend() -> FriendshipKind {
    FriendshipKind::Friend
}

fn full_strength() -> f32 {
    1.0
}

impl FriendshipRecord {
    /// A plain friendship of full strength.
    pub fn new(user_id: impl Into<String>, friend_id: impl Into<String>) -> Self {
        Self {
            user_id: user_id.into(),
            friend_id: friend_id.into(),
            kind: friend(),
            strength: full_strength(),
            since: None,
        }
    }

    /// Checks what types alone do not.
    ///
    /// # Errors
    /// [`ChangeFault::BadRecord`] names the field.
    pub fn check(&self) -> Result<(), ChangeFault> {
        two_people("friend_id", &self.user_id, &self.friend_id)?;
        if !(0.0..=1.0).contains(&self.strength) {
            return Err(bad("strength", "is not a number from 0 to 1"));
        }
        Ok(())
    }
}
