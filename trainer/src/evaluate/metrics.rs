//! Ranking metrics: pure functions of where the relevant items stand.
