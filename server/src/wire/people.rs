//! Users and the ties and blocks between them.

use juntos_datasets::tables::{FriendshipKind, Invites, PurchaseVisibility};
use juntos_datasets::units::{Country, Language, Timestamp};
use juntos_engine::live::records::{FriendshipRecord, UserRecord};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::ApiResult;
use crate::wire::product::same_id;
use crate::wire::schema;

/// One person. Absent and `null` mean unknown; for settings, the careful default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = User, example = json!({"country": "ES", "birth_year": 1990, "purchase_visibility": "friends"}))]
pub struct User {
    /// The id; the path's when absent.
    pub user_id: Option<String>,
    /// Country she lives in.
    #[schema(schema_with = schema::country)]
    pub country: Option<Country>,
    /// Language she reads.
    #[schema(schema_with = schema::language)]
    pub language: Option<Language>,
    /// Year of birth; unknown counts as a minor's.
    pub birth_year: Option<i32>,
    /// Who may see what she bought; `nobody` when absent.
    #[schema(schema_with = schema::purchase_visibility)]
    pub purchase_visibility: PurchaseVisibility,
    /// Who may be told to invite her; `friends` when absent.
    #[schema(schema_with = schema::invites)]
    pub invites: Invites,
    /// Whether answers may use what is known about her; `true` when absent.
    pub personalise: bool,
    /// When the account was made.
    #[schema(schema_with = schema::time)]
    pub created_at: Option<Timestamp>,
}

impl Default for User {
    fn default() -> Self {
        Self {
            user_id: None,
            country: None,
            language: None,
            birth_year: None,
            purchase_visibility: PurchaseVisibility::Nobody,
            invites: Invites::Friends,
            personalise: true,
            created_at: None,
        }
    }
}

impl User {
    /// The engine's record of the user called `id`.
    ///
    /// # Errors
    /// The body names another id.
    pub fn into_record(self, id: &str) -> ApiResult<UserRecord> {
        same_id("user_id", self.user_id.as_deref(), id)?;
        Ok(UserRecord {
            user_id: id.to_owned(),
            country: self.country,
            language: self.language,
            birth_year: self.birth_year,
            purchase_visibility: self.purchase_visibility,
            invites: self.invites,
            personalise: self.personalise,
            created_at: self.created_at,
        })
    }
}

impl From<UserRecord> for User {
    fn from(record: UserRecord) -> Self {
        Self {
            user_id: Some(record.user_id),
            country: record.country,
            language: record.language,
            birth_year: record.birth_year,
            purchase_visibility: record.purchase_visibility,
            invites: record.invites,
            personalise: record.personalise,
            created_at: record.created_at,
        }
    }
}

/// A tie between two users. All kinds but `follow` hold in both directions, whichever is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Friendship, example = json!({"user_id": "u1", "friend_id": "u2", "kind": "friend", "strength": 0.8}))]
pub struct Friendship {
    /// One user.
    pub user_id: String,
    /// The other user.
    pub friend_id: String,
    /// What ties them; `friend` when absent.
    #[serde(default = "friend")]
    #[schema(schema_with = schema::friendship_kind)]
    pub kind: FriendshipKind,
    /// Strength of the tie, 0 to 1; 1 when absent.
    #[serde(default = "full_strength")]
    #[schema(minimum = 0, maximum = 1)]
    pub strength: f32,
    /// Since when.
    #[schema(schema_with = schema::time)]
    pub since: Option<Timestamp>,
}

fn friend() -> FriendshipKind {
    FriendshipKind::Friend
}

fn full_strength() -> f32 {
    1.0
}

impl Friendship {
    /// The engine's record.
    pub fn into_record(self) -> FriendshipRecord {
        let Self { user_id, friend_id, kind, strength, since } = self;
        FriendshipRecord { user_id, friend_id, kind, strength, since }
    }
}

impl From<FriendshipRecord> for Friendship {
    fn from(record: FriendshipRecord) -> Self {
        let FriendshipRecord { user_id, friend_id, kind, strength, since } = record;
        Self { user_id, friend_id, kind, strength, since }
    }
}

/// `user_id` wants nothing to do with `blocked_id`; both directions are honoured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
#[schema(as = Block, example = json!({"user_id": "u1", "blocked_id": "u2"}))]
pub struct Block {
    /// Who blocks.
    pub user_id: String,
    /// Who is blocked.
    pub blocked_id: String,
}

/// Names one friendship in a query string.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FriendshipKey {
    /// One user.
    pub user_id: String,
    /// The other user.
    pub friend_id: String,
}

/// Names one user in a query string.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UserKey {
    /// The user.
    pub user_id: String,
}

/// The friendships of a user.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Friendships {
    /// One for each tie, by the other user's id.
    pub friendships: Vec<Friendship>,
    /// The user, if nobody knows her.
    pub missing: Vec<String>,
}

/// The blocks of a user.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Blocks {
    /// Those whom the user blocked, by id.
    pub blocks: Vec<Block>,
    /// The user, if nobody knows her.
    pub missing: Vec<String>,
}
