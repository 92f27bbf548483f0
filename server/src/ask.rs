//! One question from its body to the bytes of its answer: computed and written on the CPU pool, counted, made to fit.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use juntos_engine::Snapshot;
use juntos_engine::request::{Answer, Context, RequestFault};
use juntos_engine::texts::{TextLanguage, Wording};
use serde::Serialize;

use crate::door::Visit;
use crate::error::{ApiError, ApiResult, Code, json_content_type};
use crate::listing::Listing;
use crate::state::AppState;
use crate::telemetry;
use crate::wire::answer::Envelope;
use crate::wire::explanation::Explanation;
use crate::wire::items::Item;
use crate::wire::question::{Common, Explain, Style};
use crate::wire::surface::{Fit, fit};

/// `degraded` of an answer with fewer items than there are, because no more have room on its surface.
const NO_ROOM: &str = "no_room";

/// Asks `question` (its name in metrics and ids) on the CPU pool. `compute` runs once, and again with a smaller limit
/// when the answer is too large for its surface. `explain=full` needs the operator's key.
pub(crate) async fn ask<W>(
    state: AppState,
    visit: Visit,
    question: &'static str,
    mut common: Common,
    compute: impl Fn(&Snapshot, &Context) -> Result<Answer<W::Engine>, RequestFault> + Send + 'static,
) -> ApiResult<Response>
where
    W: Item + Serialize,
{
    if common.explain() == Explain::Full {
        state.operator_key().admit(visit.authorization.as_ref())?;
    }
    let listing = Listing::new(question, common.asker.as_deref(), &common.about);
    let cursor = common.cursor.map(|cursor| listing.open(&cursor)).transpose().map_err(request_fault)?;
    common.cursor = cursor;
    let (context, style) = common.split(&visit, W::ID, W::FIELDS)?;
    let engine = state.engine();
    let recommendation_id = visit.recommendation_id(question);
    let job = move || {
        let snapshot = engine.snapshot();
        let bundle = snapshot.bundle().version().to_owned();
        let asked = Asked { question, listing, recommendation_id, bundle, style };
        let language = asked.style.languages.as_ref().map(|languages| languages.choose(&snapshot));
        let wording = language.map(|language| Wording::new(&snapshot, language, context.now));
        asked.body::<W>(&snapshot, context, wording.as_ref(), compute).map(|body| (body, language))
    };
    let (body, language) = state.cpu().run(job).await?;
    let mut response = ([json_content_type()], body).into_response();
    if let Some(language) = language {
        tell_language(&mut response, language);
    }
    Ok(response)
}

/// The language of the texts depends on the request's `Accept-Language`.
fn tell_language(response: &mut Response, language: TextLanguage) {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.word()));
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
}

struct Asked {
    question: &'static str,
    listing: Listing,
    recommendation_id: String,
    bundle: String,
    style: Style,
}

impl Asked {
    fn body<W: Item + Serialize>(
        &self,
        snapshot: &Snapshot,
        mut context: Context,
        wording: Option<&Wording<'_>>,
        compute: impl Fn(&Snapshot, &Context) -> Result<Answer<W::Engine>, RequestFault>,
    ) -> ApiResult<Vec<u8>> {
        let unknown: Vec<String> = snapshot.unknown_in(&context.filter).into_iter().map(str::to_owned).collect();
        let mut shortened = false;
        loop {
            let mut envelope = if context.limit == 0 {
                self.without_items()
            } else {
                let answer = compute(snapshot, &context).map_err(request_fault)?;
                self.envelope::<W>(answer, &unknown, wording)
            };
            if shortened {
                say_no_room(&mut envelope);
            }
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

    /// `unknown` are the ids of the filter that nobody knows.
    fn envelope<W: Item>(
        &self,
        answer: Answer<W::Engine>,
        unknown: &[String],
        wording: Option<&Wording<'_>>,
    ) -> Envelope<W> {
        let Answer { items, mut missing, degraded, next_cursor, explanation } = answer;
        let besides: Vec<String> = unknown.iter().filter(|id| !missing.contains(id)).cloned().collect();
        missing.extend(besides);
        let mut items: Vec<W> = items.into_iter().map(|item| W::told(item, wording)).collect();
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
            next_cursor: next_cursor.map(|cursor| self.listing.seal(&cursor)),
            explanation: explanation.map(|explanation| Explanation::from(*explanation)),
        }
    }

    /// Not even one item fits, which takes ids of near their greatest length on the smallest surface.
    fn without_items<W>(&self) -> Envelope<W> {
        Envelope {
            recommendation_id: self.recommendation_id.clone(),
            bundle: self.bundle.clone(),
            experiment: None,
            degraded: None,
            items: Vec::new(),
            missing: Vec::new(),
            next_cursor: None,
            explanation: None,
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

/// Tells that items went, unless there are still some and the list has something else to tell of how it was found.
fn say_no_room<W>(envelope: &mut Envelope<W>) {
    if envelope.items.is_empty() || envelope.degraded.is_none() {
        envelope.degraded = Some(NO_ROOM);
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
