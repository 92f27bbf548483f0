//! The bodies of requests and answers: plain structs of their own, converted by hand to and from the engine's types,
//! so that the API changes only when somebody means it to.

pub mod answer;
pub mod audience;
pub mod events;
pub mod expected;
pub mod explanation;
pub mod filter;
pub mod items;
pub mod language;
pub mod people;
pub mod product;
pub mod query;
pub mod question;
pub mod schema;
pub mod surface;
pub mod team;
