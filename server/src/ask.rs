//! One question from its body to the bytes of its answer: computed and written on the CPU pool, counted, made to fit.

use axum::response::{IntoResponse, Response};
use juntos_engine::Snapshot;
use juntos_engine::request::{Answer, Context, RequestFault};
use serde::Serialize;

use crate::door::Visit;
use crate::error::{ApiError, ApiResult, Code, json_content_type};
use crate::state::AppState;
use crate::telemetry;
use crate::wire::answer::Envelope;
use crate::wire::items::Item;
use crate::wire::question::{Common, Style};
use crate::wire::surface::{Fit, fit};

/// Asks `question` (its name in metrics and ids) on the CPU pool. `compute` runs once, and again with a smaller limit
/// when the answer is too large for its surface.
pub(crate) async fn ask<E, W>(
    state: AppState,
    visit: Visit,
    question: &'static str,
    common: Common,
    compute: impl Fn(&Snapshot, &Context) -> Result<Answer<E>, RequestFault> + Send + 'static,
) -> ApiResult<Response>
where
    E: 'static,
    W: From<E> + Item + Serialize,
{
    let (context, style) = common.split(&visit, W::ID, W::FIELDS)?;
    let engine = state.engine();
    let recommendation_id = visit.recommendation_id(question);
    let job = move || {
        let snapshot = engine.snapshot();
        let asked = Asked { question, recommendation_id, bundle: snapshot.bundle().version().to_owned(), style };
        asked.body::<E, W>(&snapshot, context, compute)
    };
    let body = state.cpu().run(job).await?;
    Ok(([json_content_type()], body).into_response())
}

struct Asked {
    question: &'static str,
    recommendation_id: String,
    bundle: String,
    style: Style,
}

impl Asked {
    fn body<E, W: From<E> + Item + Serialize>(
        &self,
        snapshot: &Snapshot,
        mut context: Context,
        compute: impl Fn(&Snapshot, &Context) -> Result<Answer<E>, RequestFault>,
    ) -> ApiResult<Vec<u8>> {
        let mut shortened = false;
        loop {
            let mut envelope = if context.limit == 0 {
                self.without_items()
            } else {
                let answer = compute(snapshot, &context).map_err(request_fault)?;
                self.envelope::<E, W>(answer)
            };
            match fit(&mut envelope, self.style.profile) {
                Fit::Fits { body, lighter } => {
                    self.count(&envelope, shortened || lighter);
                    return Ok(body);
                }
                Fit::Only(count) => {
                    context.limit = count;
                    shortened = true;
                }
            }
        }
    }

    fn envelope<E, W: From<E> + Item>(&self, answer: Answer<E>) -> Envelope<W> {
        let Answer { items, missing, degraded, next_cursor } = answer;
        let mut items: Vec<W> = items.into_iter().map(W::from).collect();
        if let Some(fields) = &self.style.fields {
            items.iter_mut().for_each(|item| item.keep_only(fields));
        }
        Envelope {
            recommendation_id: self.recommendation_id.clone(),
            bundle: self.bundle.clone(),
            experiment: None,
            degraded: degraded.map(|how| how.word()),
            items,
            missing,
            next_cursor,
        }
    }

    /// Not even one item fits, which takes ids and cursors of near their greatest length on the smallest surface.
    fn without_items<W>(&self) -> Envelope<W> {
        Envelope {
            recommendation_id: self.recommendation_id.clone(),
            bundle: self.bundle.clone(),
            experiment: None,
            degraded: None,
            items: Vec::new(),
            missing: Vec::new(),
            next_cursor: None,
        }
    }

    fn count<W: Item>(&self, envelope: &Envelope<W>, bounded: bool) {
        let question = self.question;
        let found = envelope.degraded.unwrap_or("full");
        metrics::counter!(telemetry::ANSWERS, "question" => question, "degraded" => found).increment(1);
        if envelope.items.is_empty() {
            metrics::counter!(telemetry::EMPTY_ANSWERS, "question" => question).increment(1);
        }
        if bounded {
            let surface = self.style.profile.surface.word();
            metrics::counter!(telemetry::BOUNDED_ANSWERS, "question" => question, "surface" => surface).increment(1);
        }
    }
}

/// What the engine finds wrong with a question.
fn request_fault(fault: RequestFault) -> ApiError {
    let code = match &fault {
        RequestFault::BadLimit { .. } => Code::InvalidLimit,
        RequestFault::NoIds { .. } | RequestFault::TooMany { .. } => Code::InvalidCount,
        RequestFault::BadCursor => Code::InvalidCursor,
        RequestFault::BadFilter { .. } => Code::InvalidFilter,
        RequestFault::BadLambda => Code::InvalidField,
    };
    ApiError::new(code, fault.to_string())
}
