//! The facts about everybody who might join one team, with what is the same for all of them gathered once.

use juntos_datasets::{ProductRow, UserRow};

use super::model::{JoinEvidence, JoinFacts, cosine_of, dot, length};

/// A team that might be opened: its initiator, its product, and what the facts about all who might join have in common.
#[derive(Debug)]
pub struct Opening {
    initiator: UserRow,
    product: ProductRow,
    /// Times anybody joined the initiator.
    joined_by_all: f32,
    /// Her friends.
    friends: Members,
    /// What she bought besides the product.
    products: Members,
    vector: Vec<f32>,
    /// Length of `vector`.
    length: f32,
    goods: Vec<f32>,
    goods_length: f32,
}

impl Opening {
    /// The team that `initiator` might open on `product`.
    pub fn new(evidence: &impl JoinEvidence, initiator: UserRow, product: ProductRow) -> Self {
        let vector = evidence.user_vector(initiator).into_owned();
        let goods = evidence.product_vector(product).to_vec();
        let besides = evidence.products(initiator).filter(|&other| other != product.0).collect();
        Self {
            initiator,
            product,
            joined_by_all: evidence.co_joined(initiator).1.iter().sum(),
            friends: Members::new(evidence.friends(initiator).0.to_vec()),
            products: Members::new(besides),
            length: length(&vector),
            vector,
            goods_length: length(&goods),
            goods,
        }
    }

    /// The facts about `friend` joining, from the same evidence.
    ///
    /// Cost: linear in the friend's friends and products.
    pub fn facts(&self, evidence: &impl JoinEvidence, friend: UserRow) -> JoinFacts {
        let strength = self.strength(evidence, friend);
        let (mut has_product, mut friend_products, mut common_products) = (false, 0, 0);
        for product in evidence.products(friend) {
            if product == self.product.0 {
                has_product = true;
            } else {
                friend_products += 1;
                common_products += usize::from(self.products.contains(product));
            }
        }
        let friends = evidence.friends(friend).0;
        let common_friends = friends.iter().filter(|&&other| self.friends.contains(other)).count();
        let vector = evidence.user_vector(friend);
        let (taste, length) = (dot(&vector, &self.goods), length(&vector));
        JoinFacts {
            joined: times(evidence.co_joined(self.initiator), friend),
            joined_by_all: self.joined_by_all,
            reverse: times(evidence.co_joined(friend), self.initiator),
            strength,
            common_friends: share_in_common(common_friends, self.friends.len(), friends.len()),
            common_products: share_in_common(common_products, self.products.len(), friend_products),
            friend_products: friend_products as f32,
            friend_friends: friends.len() as f32,
            taste,
            affinity: cosine_of(dot(&self.vector, &vector), self.length, length),
            has_product,
            initiator_friends: self.friends.len() as f32,
            closer_friends: evidence.stronger_ties(self.initiator, strength) as f32,
            fit: cosine_of(taste, length, self.goods_length),
            taste_known: vector.iter().any(|&value| value != 0.0),
        }
    }

    /// Facts between which those about `friend` lie, of which a glimpse and the evidence about the initiator are known.
    pub(crate) fn range(
        &self,
        evidence: &impl JoinEvidence,
        friend: UserRow,
        glimpse: &Glimpse,
    ) -> (JoinFacts, JoinFacts) {
        let known = glimpse.longest > 0.0;
        let (taste, cosine) = (glimpse.longest * self.goods_length, f32::from(u8::from(known)));
        let strength = self.strength(evidence, friend);
        let most = JoinFacts {
            joined: times(evidence.co_joined(self.initiator), friend),
            joined_by_all: self.joined_by_all,
            reverse: glimpse.reverse,
            strength,
            common_friends: 1.0,
            common_products: 1.0,
            friend_products: glimpse.most_products,
            friend_friends: glimpse.most_friends,
            taste,
            affinity: cosine,
            has_product: true,
            initiator_friends: self.friends.len() as f32,
            closer_friends: evidence.stronger_ties(self.initiator, strength) as f32,
            fit: cosine,
            taste_known: known,
        };
        let least = JoinFacts {
            common_friends: 0.0,
            common_products: 0.0,
            friend_products: 0.0,
            friend_friends: 0.0,
            taste: -taste,
            affinity: -cosine,
            has_product: false,
            fit: -cosine,
            taste_known: false,
            ..most
        };
        (least, most)
    }

    /// Strength of the initiator's tie with `friend`.
    fn strength(&self, evidence: &impl JoinEvidence, friend: UserRow) -> f32 {
        self.friends.place(friend.0).map_or(0.0, |at| evidence.friends(self.initiator).1[at])
    }
}

/// What is known of a friend without a close look.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Glimpse {
    /// Times the initiator joined a succeeded team of hers.
    pub(crate) reverse: f32,
    /// At least as many as her friends.
    pub(crate) most_friends: f32,
    /// At least as many as the products that she bought.
    pub(crate) most_products: f32,
    /// At least the length of her vector, and zero only where that is; zero where it may not be used.
    pub(crate) longest: f32,
}

/// A set of rows that many are looked for in, few of which it holds.
#[derive(Debug)]
struct Members {
    /// Ascending, without repeats.
    rows: Vec<u32>,
    /// One bit for each value of a hash, set where some member has it.
    sieve: Vec<u64>,
    /// Bits of a hash that are left out.
    shift: u32,
}

impl Members {
    /// Bits of the sieve for each member, at least: few who are none pass it.
    const BITS_EACH: usize = 16;
    /// Bits of the largest sieve.
    const MOST_BITS: usize = 1 << 24;

    /// The set of `rows`, which are ascending and without repeats.
    fn new(rows: Vec<u32>) -> Self {
        let bits = (rows.len() * Self::BITS_EACH).next_power_of_two().clamp(64, Self::MOST_BITS);
        let mut members = Self { rows, sieve: vec![0; bits / 64], shift: u32::BITS - bits.trailing_zeros() };
        for at in 0..members.rows.len() {
            let (word, bit) = members.cell(members.rows[at]);
            members.sieve[word] |= bit;
        }
        members
    }

    /// Word and bit of a row's hash: multiplicative hashing, Knuth, *The Art of Computer Programming*, volume 3, 6.4.
    fn cell(&self, row: u32) -> (usize, u64) {
        let hash = row.wrapping_mul(0x9e37_79b1) >> self.shift;
        ((hash / 64) as usize, 1 << (hash % 64))
    }

    /// Place of a row among the members.
    fn place(&self, row: u32) -> Option<usize> {
        let (word, bit) = self.cell(row);
        if self.sieve[word] & bit == 0 { None } else { self.rows.binary_search(&row).ok() }
    }

    fn contains(&self, row: u32) -> bool {
        self.place(row).is_some()
    }

    fn len(&self) -> usize {
        self.rows.len()
    }
}

/// Cosine of two sets of these sizes, 0 to 1: common members over the geometric mean of the sizes, and `0` where one of
/// them is empty.
fn share_in_common(common: usize, left: usize, right: usize) -> f32 {
    if left == 0 || right == 0 {
        return 0.0;
    }
    common as f32 / (left as f32 * right as f32).sqrt()
}

fn times((friends, counts): (&[u32], &[f32]), friend: UserRow) -> f32 {
    friends.binary_search(&friend.0).map_or(0.0, |at| counts[at])
}

#[cfg(test)]
mod tests {
    //! 1. Overlaps of friends and of products equal their definition.
    //! 2. Members are found in their places, and nobody else is.
    //! 3. Whatever the facts are, they lie in the range that was foretold, and so do log-odds.

    use std::borrow::Cow;
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::model::JoinModel;
    use super::*;

    proptest! {
        #[test]
        fn overlaps_equal_their_definition(
            lists in prop::collection::vec(prop::collection::btree_set(0u32..30, 0..20), 4),
            longer in 0u32..400,
            product in 0u32..30,
        ) {
            let list = |set: &BTreeSet<u32>| set.iter().copied().collect::<Vec<_>>();
            let hers: BTreeSet<u32> = lists[0].iter().copied().chain(30..30 + longer).collect();
            let (friends, products) = ([list(&hers), list(&lists[1])], [list(&lists[2]), list(&lists[3])]);
            let world = World { friends, products, ..World::default() };
            let facts = JoinFacts::gather(&world, UserRow(0), UserRow(1), ProductRow(product));
            let expected = |left: &BTreeSet<u32>, right: &BTreeSet<u32>| {
                let both = left.intersection(right).count() as f32;
                if left.is_empty() || right.is_empty() { 0.0 } else { both / ((left.len() * right.len()) as f32).sqrt() }
            };
            let without = |set: &BTreeSet<u32>| set.iter().copied().filter(|&other| other != product).collect();
            let (own, others): (BTreeSet<u32>, BTreeSet<u32>) = (without(&lists[2]), without(&lists[3]));
            prop_assert!((facts.common_friends - expected(&hers, &lists[1])).abs() < 1e-6);
            prop_assert!((facts.common_products - expected(&own, &others)).abs() < 1e-6);
            prop_assert_eq!(facts.friend_products, others.len() as f32);
            prop_assert_eq!(facts.has_product, lists[3].contains(&product));
        }

        #[test]
        fn members_are_found_in_their_places(rows in prop::collection::btree_set(any::<u32>(), 0..300), others in prop::collection::vec(any::<u32>(), 0..100)) {
            let list: Vec<u32> = rows.iter().copied().collect();
            let members = Members::new(list.clone());
            for (place, row) in list.iter().enumerate() {
                prop_assert_eq!(members.place(*row), Some(place));
            }
            prop_assert!(others.iter().all(|other| members.contains(*other) == rows.contains(other)));
        }

        #[test]
        fn no_facts_are_beyond_their_range(
            lists in prop::collection::vec(prop::collection::btree_set(0u32..30, 0..20), 4),
            vectors in prop::collection::vec(prop::collection::vec(-2.0f32..2.0, 3), 3),
            joined in prop::array::uniform2(0u8..4),
            known in any::<bool>(),
            weights in prop::array::uniform32(-3.0f32..3.0),
        ) {
            let list = |at: usize| lists[at].iter().copied().collect::<Vec<_>>();
            let friends_vector = if known { vectors[1].clone() } else { Vec::new() };
            let world = World {
                friends: [list(0), list(1)],
                products: [list(2), list(3)],
                vectors: [vectors[0].clone(), friends_vector],
                goods: vectors[2].clone(),
                joined: joined.map(f32::from),
            };
            let (initiator, friend) = (UserRow(0), UserRow(1));
            let glimpse = Glimpse {
                reverse: world.joined[1],
                most_friends: 30.0,
                most_products: 30.0,
                longest: 1.5 * length(&world.vectors[1]),
            };
            let model = JoinModel { intercept: 0.5, weights: std::array::from_fn(|at| weights[at]) };
            let opening = Opening::new(&world, initiator, ProductRow(7));
            let (least, most) = opening.range(&world, friend, &glimpse);
            let (told, bound) = (model.log_odds(&opening.facts(&world, friend)), model.at_most(&least, &most));
            prop_assert!(told <= bound + 1e-3, "{told} is beyond {bound}");
        }
    }

    /// Two people.
    #[derive(Debug, Default)]
    struct World {
        friends: [Vec<u32>; 2],
        products: [Vec<u32>; 2],
        vectors: [Vec<f32>; 2],
        goods: Vec<f32>,
        /// Times that each joined the other.
        joined: [f32; 2],
    }

    impl JoinEvidence for World {
        fn co_joined(&self, user: UserRow) -> (&[u32], &[f32]) {
            let (initiator, other) = (user.0 as usize, 1 - user.0 as usize);
            (&[[0], [1]][other], &self.joined[initiator..=initiator])
        }
        fn friends(&self, user: UserRow) -> (&[u32], &[f32]) {
            (&self.friends[user.0 as usize], &[0.5; 500][..self.friends[user.0 as usize].len()])
        }
        fn products(&self, user: UserRow) -> impl Iterator<Item = u32> {
            self.products[user.0 as usize].iter().copied()
        }
        fn user_vector(&self, user: UserRow) -> Cow<'_, [f32]> {
            Cow::Borrowed(&self.vectors[user.0 as usize])
        }
        fn product_vector(&self, _: ProductRow) -> &[f32] {
            &self.goods
        }
    }
}
