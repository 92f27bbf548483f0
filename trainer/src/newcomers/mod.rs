//! How newcomers are to be served, learnt from people of the past who are taken for newcomers.
//!
//! Some people are withheld with all that they did ([`Withheld`]), the model is fitted once more without them, and what they
//! bought next is to be found after their first events, with the friends that they have and without ([`judge()`]). So vectors
//! of products and of friends know as little of them as those of a bundle know of people who will come. What is learnt: how far
//! cohorts are believed, how firmly events leave each kind of prior where it is, and how much what is popular counts beside
//! taste. How firmly users' own vectors are held is judged by people who stayed ([`own_hold`]).

mod compare;
mod folding;
mod judge;
mod own;
mod popular;
mod rankings;
#[cfg(test)]
mod tests;
mod withheld;

use std::fmt;

use juntos_engine::cohorts::Believed;
use juntos_engine::serving_model::Popular;
use serde::Serialize;

pub use self::compare::Compared;
use self::judge::Judge;
pub use self::own::own_hold;
pub use self::rankings::Rankings;
pub use self::withheld::Withheld;
use crate::models::Embeddings;
use crate::models::cohorts::People;

/// Length of the lists judged.
const CUT: usize = 20;

/// How products were ranked for people who were withheld: mean NDCG@20 of what they bought next, without and with what is
/// learnt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Newcomers {
    /// Without friends or events: what is popular in their country, or everywhere, against their cohort's vector.
    pub alone: Compared,
    /// With friends who have vectors: friends alone, against friends beside the cohort.
    pub with_friends: Compared,
    /// After one, three and eight events, friends hidden: events alone, against events folded into the cohort's vector.
    pub with_events: Compared,
    /// After as many events, with friends: their prior held as the model gives it, against as ranks best.
    pub friends_held: Compared,
    /// After as many events, friends hidden: beside what is popular as it counts by default, against as ranks best.
    pub beside_popular: Compared,
}

/// What the past tells of newcomers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// How far cohorts are to be believed.
    pub believed: Believed,
    /// How firmly events leave a prior made of friends where it is.
    pub hold_friends: f32,
    /// The same of a prior made of a cohort alone.
    pub hold_cohort: f32,
    /// How much what is popular counts in a newcomer's list.
    pub popular: Popular,
    /// What all this is worth.
    pub told: Newcomers,
}

impl fmt::Display for Newcomers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("cohorts alone", self.alone),
            ("beside friends", self.with_friends),
            ("beside events", self.with_events),
            ("friends held", self.friends_held),
            ("beside what is popular", self.beside_popular),
        ];
        let measured = parts.iter().filter(|(_, compared)| compared.is_measured());
        let told: Vec<String> = measured.map(|(name, compared)| format!("{name} {compared}")).collect();
        match told.is_empty() {
            true => write!(f, "newcomers: too few people with anything in common to learn how they are served best"),
            false => write!(f, "newcomers, ndcg@20 without and with what is learnt: {}", told.join("; ")),
        }
    }
}

/// How newcomers are to be served. `embeddings` are learnt from the history that the `withheld` people left, and `rankings` are of
/// it.
pub fn judge(withheld: &Withheld, people: &People, rankings: &Rankings, embeddings: &Embeddings) -> Verdict {
    Judge::new(withheld, people, rankings, embeddings).verdict()
}
