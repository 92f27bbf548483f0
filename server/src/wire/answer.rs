//! The body around every list of recommendations.

use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::explanation::Explanation;

/// An answer to a question.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Envelope<T> {
    /// Names this answer; send it with the events it leads to.
    #[schema(example = "rec-0f8e2b6f0d5c4f0f9a7d1c3b5e7a9f01")]
    pub recommendation_id: String,
    /// Version of the bundle that answered.
    pub bundle: String,
    /// Experiment and arm that the user is in; always `null` as long as there are no experiments.
    pub experiment: Option<String>,
    /// Why the list was not found the usual way: `unknown_user`, `new_user`, `not_personalised`, `few_candidates`,
    /// `nothing_allowed`; or `no_room` where items went because they have no room on the surface; `null` otherwise.
    pub degraded: Option<&'static str>,
    /// Best first.
    pub items: Vec<T>,
    /// Ids of the request that nobody knows; the first or none of them where the surface has no room for all.
    pub missing: Vec<String>,
    /// Send it as `cursor` for the next page, which repeats nothing; `null` at the end.
    pub next_cursor: Option<String>,
    /// How the list came about; only with `explain` as `full` and the operator's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}
