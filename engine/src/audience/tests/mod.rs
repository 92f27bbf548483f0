//! What a seller's audience has to do:
//!
//! 1. the exact numbers are those of plain lists: no gift, nothing sensitive, nobody without `personalise` (`counting`);
//! 2. one person moves them by no more than the noise is made for, and a deleted one was never there (`counting`);
//! 3. fewer than 50 people are never told, and one more or less is told no better than ε allows (`mechanism`);
//! 4. error bars keep their word (`mechanism`);
//! 5. an answer stands all month, another one spends budget, a spent budget is told, all of it over restarts (`budget`).

mod budget;
mod counting;
mod mechanism;
