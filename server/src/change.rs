//! Changes to live state: applied on the CPU pool, their faults turned into errors of the API; and the merge of PATCH.

use juntos_datasets::units::Timestamp;
use juntos_engine::Engine;
use juntos_engine::live::{Applied, Change, ChangeFault, NotKept};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::door::Visit;
use crate::error::{ApiError, ApiResult, Code};
use crate::read::shape;
use crate::state::AppState;

/// Runs `job` with the engine and the moment, on the CPU pool.
///
/// # Errors
/// Those of `job` and of the pool.
pub(crate) async fn with_engine<T: Send + 'static>(
    state: &AppState,
    visit: &Visit,
    job: impl FnOnce(&Engine, Timestamp) -> ApiResult<T> + Send + 'static,
) -> ApiResult<T> {
    let engine = state.engine();
    let now = visit.now;
    state.cpu().run(move || job(&engine, now)).await
}

/// The same for a job that changes something: answers when every change that it made outlives a crash.
///
/// # Errors
/// Those of `job` and of the pool; `not_kept` when changes cannot be kept.
pub(crate) async fn changing<T: Send + 'static>(
    state: &AppState,
    visit: &Visit,
    job: impl FnOnce(&Engine, Timestamp) -> ApiResult<T> + Send + 'static,
) -> ApiResult<T> {
    let job = move |engine: &Engine, now| {
        let result = job(engine, now);
        Ok((result, engine.kept()))
    };
    let (result, kept) = with_engine(state, visit, job).await?;
    kept.await.map_err(|NotKept| not_kept())?;
    result
}

/// Applies one change.
///
/// # Errors
/// The fault that the engine finds.
pub(crate) fn apply(engine: &Engine, change: Change, now: Timestamp) -> ApiResult<Applied> {
    engine.apply(change, now).map_err(change_fault)
}

/// Applies a change that takes something away; done as well when it is not there, so that it may be repeated.
///
/// # Errors
/// Any other fault that the engine finds.
pub(crate) fn remove(engine: &Engine, change: Change, now: Timestamp) -> ApiResult<()> {
    match engine.apply(change, now) {
        Ok(Applied::Done | Applied::Duplicate | Applied::Waiting)
        | Err(ChangeFault::UnknownUser(_) | ChangeFault::UnknownProduct(_) | ChangeFault::UnknownTeam(_)) => Ok(()),
        Err(fault) => Err(change_fault(fault)),
    }
}

/// `value` with the fields of `patch` in the place of its own; `null` puts a field back to its default
/// (RFC 7396, on the first level: lists and objects are replaced whole).
///
/// # Errors
/// `patch` is no object, or the result is not of the right shape.
pub(crate) fn merged<T: Serialize + DeserializeOwned>(value: &T, patch: Value) -> ApiResult<T> {
    let Value::Object(patch) = patch else {
        return Err(ApiError::new(Code::InvalidField, "the body: expected an object with the fields to change"));
    };
    let mut whole = serde_json::to_value(value).map_err(|fault| {
        tracing::error!(%fault, "a record cannot be written as JSON");
        ApiError::internal()
    })?;
    let fields = whole.as_object_mut().ok_or_else(ApiError::internal)?;
    for (name, new) in patch {
        if new.is_null() && fields.contains_key(&name) {
            fields.remove(&name);
        } else {
            fields.insert(name, new);
        }
    }
    shape(whole)
}

/// What the engine finds wrong with a change.
fn change_fault(fault: ChangeFault) -> ApiError {
    let code = match &fault {
        ChangeFault::BadRecord { .. } => Code::InvalidField,
        ChangeFault::UnknownUser(_) => Code::UnknownUser,
        ChangeFault::UnknownProduct(_) => Code::UnknownProduct,
        ChangeFault::UnknownTeam(_) => Code::UnknownTeam,
        ChangeFault::TeamNotOpen { .. } => Code::TeamNotOpen,
        ChangeFault::TeamFull(_) => Code::TeamFull,
        ChangeFault::AlreadyInTeam { .. } => Code::AlreadyInTeam,
        ChangeFault::NotInTeam { .. } => Code::NotInTeam,
        ChangeFault::NotAllowedInTeam { .. } => Code::NotAllowedInTeam,
        ChangeFault::NotInvitable { .. } => Code::NotInvitable,
        ChangeFault::NotKept(NotKept) => return not_kept(),
    };
    ApiError::new(code, fault.to_string())
}

fn not_kept() -> ApiError {
    let message = "changes cannot be kept at present; send it again when the operator has mended the server's disk";
    ApiError::new(Code::NotKept, message)
}

/// The error for something that is not there.
pub(crate) fn unknown(code: Code, id: &str) -> ApiError {
    ApiError::new(code, format!("nobody knows `{id}`; PUT it first"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::people::User;

    #[test]
    fn a_patch_changes_what_it_names_and_null_restores_the_default() {
        let user = User { user_id: Some("u".into()), birth_year: Some(1990), personalise: false, ..User::default() };
        let changed = merged(&user, json!({"birth_year": 1991, "personalise": null})).unwrap();
        assert_eq!(changed, User { birth_year: Some(1991), personalise: true, ..user });
    }

    #[test]
    fn a_patch_with_unknown_fields_or_no_object_is_refused() {
        let user = User::default();
        assert_eq!(merged(&user, json!({"birthyear": 1})).unwrap_err().code, Code::UnknownField);
        assert_eq!(merged(&user, json!({"birthyear": null})).unwrap_err().code, Code::UnknownField);
        assert_eq!(merged(&user, json!([1])).unwrap_err().code, Code::InvalidField);
    }
}
