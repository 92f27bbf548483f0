//! From notes to an explanation: what an operator asked for, worked out after the answer is made.

use std::collections::{HashMap, HashSet};

use crate::allowed::Conditions;
use crate::bitmap::Bitmap;
use crate::candidates::trending;
use crate::cursor::Shown;
use crate::explanation::{Explained, Explanation, MOST_LEFT_OUT, Outcome, Part, Rule, TastePlace, Verdict};
use crate::live::view::dot;
use crate::recommend::{Snapshot, pool};
use crate::request::{Answer, Context, Source};
use crate::rules::page::Counts;
use crate::trace::{Notes, Trace};
use crate::viewer::Viewer;

/// What a list of products was made under.
pub(crate) struct Grounds<'a> {
    pub(crate) viewer: &'a Viewer,
    pub(crate) context: &'a Context,
    pub(crate) shown: &'a Shown,
    /// What may be shown in it.
    pub(crate) allowed: &'a Bitmap,
    /// The vector that it goes by, if it goes by one.
    pub(crate) taste: Option<&'a [f32]>,
    /// So many of the closest to it become candidates.
    pub(crate) looked_at: usize,
    /// Rules of this list alone that remove a product.
    pub(crate) removed_by: &'a dyn Fn(u32) -> Vec<Rule>,
}

impl<'a> Grounds<'a> {
    /// Those of a list that goes by no taste and has no rules of its own.
    pub(crate) fn of_list(viewer: &'a Viewer, context: &'a Context, shown: &'a Shown, allowed: &'a Bitmap) -> Self {
        Self { viewer, context, shown, allowed, taste: None, looked_at: pool(context), removed_by: &|_| Vec::new() }
    }
}

/// Scores closer than this are the same but for rounding.
const ROUNDING: f32 = 1e-5;

impl Snapshot {
    /// The answer with its explanation, where one was asked for.
    pub(crate) fn explained<T>(&self, mut answer: Answer<T>, trace: Trace, grounds: &Grounds<'_>) -> Answer<T> {
        if let Some(notes) = trace.into_notes() {
            let list = ListNotes::new(self, &notes, grounds, answer.items.len());
            answer.explanation = Some(Box::new(list.explanation()));
        }
        answer
    }

    /// The explanation of a list of people or teams on these ids, where one was asked for, with what keeps `product_id` from
    /// the viewer. It tells nothing of those who are not listed: why somebody is not to be invited is hers to tell.
    pub(crate) fn explanation_of(
        &self,
        ids: &[&str],
        trace: Trace,
        product_id: Option<&str>,
        viewer: &Viewer,
        context: &Context,
    ) -> Option<Box<Explanation>> {
        let notes = trace.into_notes()?;
        let item = |(at, id): (usize, &&str)| {
            let noted = notes.other(id).cloned();
            Explained {
                place: Some(at + 1),
                ..noted.unwrap_or(Explained { id: (*id).to_owned(), ..Explained::default() })
            }
        };
        Some(Box::new(Explanation {
            items: ids.iter().enumerate().map(item).collect(),
            left_out: Vec::new(),
            product: product_id.map(|id| self.eligibility(id, viewer, context)),
        }))
    }

    /// Whether the viewer may be shown a product at all, and why not.
    fn eligibility(&self, id: &str, viewer: &Viewer, context: &Context) -> Verdict {
        let product = Explained { id: id.to_owned(), ..Explained::default() };
        let Some(row) = self.product_row(id) else {
            return Verdict { outcome: Outcome::Unknown, product, taste: None, popular_place: None };
        };
        let rules = self.obstacles_under(row, &viewer.conditions(context));
        let outcome = if rules.is_empty() { Outcome::Eligible } else { Outcome::RuledOut };
        Verdict { outcome, product: Explained { rules, ..product }, taste: None, popular_place: None }
    }

    /// Rules of every list that keep a product from this question.
    pub(crate) fn obstacles(&self, row: u32, viewer: &Viewer, context: &Context, shown: &Shown) -> Vec<Rule> {
        let id = self.product_id(row);
        let mut rules = self.obstacles_under(row, &viewer.conditions(context));
        let refused = viewer.personal.is_some_and(|user| self.refused_by(user).binary_search(&row).is_ok());
        let besides = [
            (context.exclude.iter().any(|excluded| excluded == id), Rule::Excluded),
            (shown.contains(id), Rule::ShownBefore),
            (refused, Rule::Refused),
        ];
        rules.extend(besides.into_iter().filter(|(holds, _)| *holds).map(|(_, rule)| rule));
        rules
    }

    /// Conditions that a product does not meet.
    pub(crate) fn obstacles_under(&self, row: u32, conditions: &Conditions<'_>) -> Vec<Rule> {
        let Some(record) = self.product(self.product_id(row)) else { return Vec::new() };
        let excluded = self.rules.excludes(conditions.excluded, &record).then_some(Rule::Exclusion);
        record.obstacles(conditions).into_iter().chain(excluded).collect()
    }
}

/// The notes of one list, with places worked out.
struct ListNotes<'a> {
    world: &'a Snapshot,
    notes: &'a Notes,
    grounds: &'a Grounds<'a>,
    page: &'a [(u32, Source, f32)],
    /// By row, from 1.
    places_by_score: HashMap<u32, usize>,
}

impl<'a> ListNotes<'a> {
    fn new(world: &'a Snapshot, notes: &'a Notes, grounds: &'a Grounds<'a>, page: usize) -> Self {
        let ranked = notes.ranked().iter().enumerate();
        let places_by_score = ranked.map(|(at, &(row, ..))| (row, at + 1)).collect();
        Self { world, notes, grounds, page: notes.page(page), places_by_score }
    }

    fn explanation(&self) -> Explanation {
        let asked = self.grounds.context.explain.as_ref().and_then(|explain| explain.product_id.as_deref());
        Explanation {
            items: (0..self.page.len()).map(|at| self.item(at)).collect(),
            left_out: self.left_out(),
            product: asked.map(|id| self.verdict(id)),
        }
    }

    /// The item at a place of the page.
    fn item(&self, at: usize) -> Explained {
        let (row, source, score) = self.page[at];
        let rules = match (self.notes.placed(row), self.places_by_score.contains_key(&row)) {
            (Some(rule), _) => vec![rule],
            (None, false) => vec![Rule::Fill],
            (None, true) => self.caps_met(row, at),
        };
        Explained { place: Some(at + 1), rules, ..self.candidate(row, source, score) }
    }

    /// A ranked product: what sources said of it; where only one source makes the list, that one.
    fn candidate(&self, row: u32, source: Source, score: f32) -> Explained {
        let mut explained = self.proposal(row);
        explained.score = Some(score);
        if let Err(at) = explained.sources.binary_search(&source) {
            explained.sources.insert(at, source);
        }
        let sum: f32 = explained.parts.iter().map(|part| part.points).sum();
        if explained.parts.is_empty() {
            explained.parts.push(Part { what: source.word(), points: score });
        } else if (score - sum).abs() > ROUNDING {
            explained.parts.push(Part { what: "business_rules", points: score - sum });
        }
        explained
    }

    /// What sources said of a product.
    fn proposal(&self, row: u32) -> Explained {
        let proposal = self.notes.proposal(row).cloned().unwrap_or_default();
        Explained {
            id: self.world.product_id(row).to_owned(),
            sources: proposal.sources,
            parts: proposal.parts,
            place_by_score: self.places_by_score.get(&row).copied(),
            ..Explained::default()
        }
    }

    /// Caps that the first `before` items of the page leave no room under for a product.
    fn caps_met(&self, row: u32, before: usize) -> Vec<Rule> {
        let mut counts = Counts::new(&self.world.rules.rules.caps, self.grounds.context.limit);
        self.page[..before].iter().for_each(|&(other, ..)| counts.add(&self.world.goods(other)));
        let caps = [Rule::SellerCap, Rule::BrandCap, Rule::CategoryCap];
        let met = counts.full(&self.world.goods(row)).into_iter().zip(caps);
        met.filter(|(met, _)| *met).map(|(_, rule)| rule).collect()
    }

    /// Candidates that the page does not show: those that may be shown by score, behind them the others by id.
    fn left_out(&self) -> Vec<Explained> {
        let on_page: HashSet<u32> = self.page.iter().map(|&(row, _, _)| row).collect();
        let ranked = self.notes.ranked().iter().filter(|(row, ..)| !on_page.contains(row));
        let mut left_out: Vec<Explained> = ranked.take(MOST_LEFT_OUT).map(|&draft| self.not_on_page(draft)).collect();
        let gone = |row: &u32| !on_page.contains(row) && !self.places_by_score.contains_key(row);
        let mut removed: Vec<u32> = self.notes.proposed().filter(gone).collect();
        removed.sort_unstable_by_key(|&row| self.world.product_id(row));
        let room = MOST_LEFT_OUT - left_out.len();
        left_out.extend(removed.into_iter().take(room).map(|row| self.removed(row)));
        left_out
    }

    /// A candidate for which the page had no place.
    fn not_on_page(&self, (row, source, score): (u32, Source, f32)) -> Explained {
        let mut candidates = self.page.iter().filter(|(other, ..)| self.places_by_score.contains_key(other));
        let rules = if candidates.any(|&(.., other)| other < score) {
            Some(self.caps_met(row, self.page.len())).filter(|met| !met.is_empty()).unwrap_or(vec![Rule::GaveWay])
        } else {
            vec![Rule::BelowLimit]
        };
        Explained { rules, ..self.candidate(row, source, score) }
    }

    /// A product that may not be shown here.
    fn removed(&self, row: u32) -> Explained {
        let Grounds { viewer, context, shown, .. } = self.grounds;
        let mut explained = self.proposal(row);
        explained.rules = self.world.obstacles(row, viewer, context, shown);
        explained.rules.extend((self.grounds.removed_by)(row));
        explained.rules.sort_unstable();
        explained.rules.dedup();
        if explained.rules.is_empty() {
            explained.rules.push(Rule::OtherRule);
        }
        explained
    }

    fn verdict(&self, id: &str) -> Verdict {
        let Some(row) = self.world.product_row(id) else {
            let product = Explained { id: id.to_owned(), ..Explained::default() };
            return Verdict { outcome: Outcome::Unknown, product, taste: None, popular_place: None };
        };
        let (outcome, product) = self.ending(row);
        let may_be_shown = self.grounds.allowed.contains(row);
        let taste = self.grounds.taste.filter(|_| may_be_shown).map(|taste| self.taste_place(row, taste));
        let popular_place = (may_be_shown && taste.is_none()).then(|| self.popular_place(row)).flatten();
        Verdict { outcome, product, taste, popular_place }
    }

    fn ending(&self, row: u32) -> (Outcome, Explained) {
        if let Some(at) = self.page.iter().position(|&(other, _, _)| other == row) {
            return (Outcome::Shown, self.item(at));
        }
        if !self.grounds.allowed.contains(row) {
            return (Outcome::RuledOut, self.removed(row));
        }
        match self.notes.ranked().iter().find(|&&(other, ..)| other == row) {
            Some(&draft) => (Outcome::NotOnPage, self.not_on_page(draft)),
            None => (Outcome::NotProposed, Explained { rules: vec![Rule::BelowLimit], ..self.proposal(row) }),
        }
    }

    /// Counts what is more popular in the market.
    fn popular_place(&self, row: u32) -> Option<usize> {
        let Grounds { viewer, context, allowed, .. } = self.grounds;
        let market = trending::Market { country: viewer.country, day: context.now.day() };
        let popular = trending::popular(self.world, &market, allowed.count(), allowed, &HashSet::new());
        Some(1 + popular.iter().position(|draft| draft.row == row)?)
    }

    /// Counts what is closer to the taste: one look at every product that may be shown.
    fn taste_place(&self, row: u32, taste: &[f32]) -> TastePlace {
        let closeness = |row: u32| dot(taste, self.world.product_vector(row));
        let score = closeness(row);
        let closer = |other: &u32| {
            let others = closeness(*other);
            others > score || others == score && *other < row
        };
        let place = 1 + self.grounds.allowed.rows().filter(closer).count();
        TastePlace { score, place, looked_at: self.grounds.looked_at }
    }
}
