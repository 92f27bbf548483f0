//! Takes notes of how a list comes about, when somebody asked for an explanation. Otherwise a note costs one look at an
//! empty pointer.

use std::collections::HashMap;

use crate::candidates::{ProductDraft, best_first};
use crate::explanation::{Explained, Part, Rule};
use crate::request::{Context, Source};
use crate::rules::page::Plan;

/// The notes, or nothing.
#[derive(Debug, Default)]
pub(crate) struct Trace(Option<Box<Notes>>);

/// What is known of the candidates of one list.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// What sources said, by row; also of products that may not be shown.
    proposals: HashMap<u32, Proposal>,
    /// Candidates that passed privacy, best first: row, source and score.
    ranked: Vec<(u32, Source, f32)>,
    /// The list in its final order: row, source and score.
    listed: Vec<(u32, Source, f32)>,
    /// Products whose places are settled before anything is ranked, by row.
    placed: HashMap<u32, Rule>,
    /// People and teams, which are no products, by id.
    others: HashMap<String, Explained>,
}

/// What sources said of one product.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proposal {
    pub(crate) sources: Vec<Source>,
    pub(crate) parts: Vec<Part>,
}

impl Trace {
    /// Notes where the question wants an explanation.
    pub(crate) fn of(context: &Context) -> Self {
        Self(context.explain.is_some().then(Box::default))
    }

    /// The notes, if any were taken.
    pub(crate) fn into_notes(self) -> Option<Box<Notes>> {
        self.0
    }

    /// Whether notes are taken.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// A source proposes a product.
    pub(crate) fn proposed(&mut self, row: u32, source: Source) {
        let Some(notes) = &mut self.0 else { return };
        let sources = &mut notes.proposals.entry(row).or_default().sources;
        if let Err(at) = sources.binary_search(&source) {
            sources.insert(at, source);
        }
    }

    /// Something adds to the score of a proposed product.
    pub(crate) fn adds(&mut self, row: u32, what: &'static str, points: f32) {
        let Some(notes) = &mut self.0 else { return };
        notes.proposals.entry(row).or_default().parts.push(Part { what, points });
    }

    /// These are ranked.
    pub(crate) fn ranks(&mut self, drafts: &[ProductDraft]) {
        let Some(notes) = &mut self.0 else { return };
        let mut drafts: Vec<&ProductDraft> = drafts.iter().collect();
        drafts.sort_by(|a, b| best_first(a, b));
        notes.ranked = drafts.into_iter().map(listed).collect();
    }

    /// A plan settles places.
    pub(crate) fn places(&mut self, plan: &Plan) {
        let Some(notes) = &mut self.0 else { return };
        let drawn = plan.drawn.iter().map(|draft| (draft.row, Rule::Explore));
        notes.placed = drawn.chain(plan.pins.iter().map(|(_, pin)| (pin.row, Rule::Pin))).collect();
    }

    /// This came of it.
    pub(crate) fn lists(&mut self, list: &[ProductDraft]) {
        let Some(notes) = &mut self.0 else { return };
        notes.listed = list.iter().map(listed).collect();
    }

    /// How a person or a team was ranked; `explained` is made only when somebody wants to know.
    pub(crate) fn tells(&mut self, explained: impl FnOnce() -> Explained) {
        let Some(notes) = &mut self.0 else { return };
        let explained = explained();
        notes.others.insert(explained.id.clone(), explained);
    }

    /// A rule moved a person or a team.
    pub(crate) fn moves(&mut self, id: &str, rule: Rule) {
        let Some(notes) = &mut self.0 else { return };
        let noted = notes.others.entry(id.to_owned());
        noted.or_insert_with(|| Explained { id: id.to_owned(), ..Explained::default() }).rules.push(rule);
    }
}

fn listed(draft: &ProductDraft) -> (u32, Source, f32) {
    (draft.row, draft.source, draft.score)
}

impl Notes {
    /// What sources said of a product.
    pub(crate) fn proposal(&self, row: u32) -> Option<&Proposal> {
        self.proposals.get(&row)
    }

    /// Products that sources proposed, in no order.
    pub(crate) fn proposed(&self) -> impl Iterator<Item = u32> {
        self.proposals.keys().copied()
    }

    /// Candidates, best first.
    pub(crate) fn ranked(&self) -> &[(u32, Source, f32)] {
        &self.ranked
    }

    /// The first `page` of the list.
    pub(crate) fn page(&self, page: usize) -> &[(u32, Source, f32)] {
        &self.listed[..page.min(self.listed.len())]
    }

    /// The rule that gave a product its place, if it was not its score. What was drawn and is a candidate besides has its
    /// place by score.
    pub(crate) fn placed(&self, row: u32) -> Option<Rule> {
        let rule = self.placed.get(&row).copied()?;
        let ranked = || self.ranked.iter().any(|&(other, ..)| other == row);
        Some(rule).filter(|&rule| rule == Rule::Pin || !ranked())
    }

    /// What was noted of a person or team.
    pub(crate) fn other(&self, id: &str) -> Option<&Explained> {
        self.others.get(id)
    }
}
