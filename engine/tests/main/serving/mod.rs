//! Serving over small random worlds. What these tests prove:
//!
//! 1. Nobody sees what is hidden, sold out, not delivered to her, above her certain age, refused or already bought.
//! 2. Every count needs three consenting friends; every name needs consent, friendship and no block (`privacy`).
//! 3. With personalisation off, everybody in a market gets the same answer (`privacy`).
//! 4. A deleted user is nowhere (`privacy`).
//! 5. Page two never repeats page one, whatever happens in between; the pages end (`lists`).
//! 6. A list is never empty where something allowed exists (`lists`).
//! 7. Without shops, friends and dates the feed is the exact taste order (`lists`).
//! 8. Every change shows in the next answer (`live`), and an event counts once.
//! 9. Teams go their states and refuse what they must (`live`).
//! 10. Whatever happens, in whatever order, no answer tells what it must not (`walk`).
//! 11. Teams live by the time of what happened, in whatever order it is reported (`teams`).
//! 12. Nobody is suggested too often, after a no, or to whom she has muted (`teams`).
//! 13. Business rules do what they say, and open nothing that is closed (`rules`).
//! 14. Products for a group come in the order asked for, and friends who come in narrow nothing (`groups`).
//! 15. To explain an answer changes nothing in it, and what is told sums up to the scores (`explanation`).
//! 16. For every product an operator is told truly why it is not there (`explanation`).
//! 17. Explanations name nobody, and keep every secret that answers keep (`explanation`, `walk`).
//! 18. What is used up comes back in time (`repurchase`).
//! 19. What became of teams since the cut corrects what is told, and tells of nobody (`drift`).
//! 20. Who has many friends is told the same of the likeliest as if everybody had been looked at (`many_friends`).

mod drift;
mod explanation;
mod groups;
mod inference;
mod lists;
mod live;
mod many_friends;
mod privacy;
mod repurchase;
mod rules;
mod teams;
mod walk;
mod world;
