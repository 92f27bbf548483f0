//! Random walks through random worlds: things happen, people ask, and every answer is held against [`truth::Truth`],
//! which knows the rules as plainly as they can be said. What these walks prove:
//!
//! 1. Every friend named consented, to this viewer, and no block is between them (`answers`).
//! 2. Every count is of at least three consenting people (`answers`), is the same all day whatever people buy or send
//!    back, and no answer to anybody changes by a purchase that its buyer shows to nobody, a gift, or a purchase of
//!    something sensitive: neither on that day nor on the next (`secrets`).
//! 3. Sensitive products and gifts are never social proof (`answers`, `secrets`).
//! 4. Nobody is shown what she may be too young for, by no filter, team, group or fallback; minors are not hurried
//!    (`answers`).
//! 5. With personalisation off, in the question or for good, nobody is named or counted (`answers`).
//! 6. After a deletion every answer is what it would be had she never done anything, or never been there (`deletion`).
//!    What one person was shown changes nothing for anybody else (`secrets`).
//! 7. A team that is full, over, cancelled, hidden, blocked or past its deadline is not offered (`answers`).
//!
//! CI asks [`ANSWERS`] times. The long run asks ten million times, or `JUNTOS_ANSWERS` times:
//! `cargo test --release -p juntos-engine --test main -- --ignored ten_million`

mod answers;
mod changes;
mod deletion;
mod journal;
mod secrets;
mod truth;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use juntos_engine::Engine;
use juntos_engine::rules::Rules;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::rules::random_rules;
use super::world::World;
use truth::Truth;

/// Answers that the test of every build looks at.
const ANSWERS: usize = 100_000;
/// Answers that the long run looks at, if the environment does not say.
const LONG_RUN: usize = 10_000_000;
/// Changes in one walk.
const STEPS: usize = 40;

/// One walk: a world, what is true in it, and the engine that serves it.
struct Walk {
    random: ChaCha8Rng,
    truth: Truth,
    engine: Engine,
    answers: usize,
}

impl Walk {
    fn new(seed: u64) -> Self {
        let world = World::random(seed);
        let (engine, truth) = (world.engine(), Truth::of(&world));
        // Every other world has business rules of all kinds: none of them may open what is closed.
        let rules = if seed.is_multiple_of(2) { Rules::default() } else { random_rules(&world, seed) };
        let engine = engine.with_rules(rules).unwrap();
        Self { random: ChaCha8Rng::seed_from_u64(seed ^ 0x5eed), truth, engine, answers: 0 }
    }

    /// Walks to the end; the number of answers looked at.
    fn walk(mut self) -> Result<usize, String> {
        for step in 0..STEPS {
            self.step().map_err(|fault| format!("step {step}: {fault}"))?;
        }
        Ok(self.answers)
    }

    fn step(&mut self) -> Result<(), String> {
        match self.random.random_range(0..4) {
            0 => self.keep_a_secret()?,
            1 => self.keep_counts_stable()?,
            _ => self.change(),
        }
        for _ in 0..4 {
            self.ask_and_check()?;
        }
        Ok(())
    }
}

/// Walks on all cores until `wanted` answers have been looked at.
fn walk_for(wanted: usize) {
    let (seed, answers) = (AtomicU64::new(0), AtomicUsize::new(0));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while answers.load(Ordering::Relaxed) < wanted {
                    let seed = seed.fetch_add(1, Ordering::Relaxed);
                    let walked = Walk::new(seed).walk();
                    // A fault ends the walks of the other cores, too.
                    answers.fetch_add(*walked.as_ref().unwrap_or(&wanted), Ordering::Relaxed);
                    walked.unwrap_or_else(|fault| panic!("seed {seed}, {fault}"));
                }
            });
        }
    });
}

#[test]
fn no_answer_tells_what_it_must_not() {
    walk_for(ANSWERS);
}

#[test]
#[ignore = "the long run: hours in a debug build; CI asks a hundredth of it"]
fn ten_million_answers_tell_nothing_they_must_not() {
    let wanted = std::env::var("JUNTOS_ANSWERS").ok().and_then(|text| text.parse().ok());
    walk_for(wanted.unwrap_or(LONG_RUN));
}
