//! Links between products that the same people would like, added to the graph that `build` makes.
//!
//! Users' vectors do not lie where products' vectors lie: the ten best products of a user may be far from one another,
//! so that links to near products alone lead a search into one corner of them. So the exact best products of a sample
//! of users are linked with one another (after Chen et al. 2024, "RoarGraph: a projected bipartite graph for
//! efficient cross-modal approximate nearest neighbor search"; we count how often two products meet in a list, where
//! the paper prunes by distance).

use rayon::prelude::*;

use super::build::BuiltGraph;
use super::{Exact, Hnsw, VectorIndex};
use crate::bundle::shapes::NONE;

/// Products of a user's list that are linked with one another.
const LIST: usize = 128;
/// Places in the list from a product to the last one that it is linked with.
const SPAN: usize = 16;
/// Nodes that are asked to take in a node that nobody links to.
const PARENTS: usize = 32;

impl BuiltGraph {
    /// Links products that are among the best of the same `queries`, vectors of as many dimensions as the products.
    ///
    /// Half of a node's places stay with its nearest nodes. Cost: an exact search a query.
    pub(super) fn bridge(&mut self, exact: Exact<'_>, queries: &[&[f32]]) {
        let width = 2 * self.links;
        if self.ground.is_empty() {
            return;
        }
        let list = |query: &&[f32]| exact.search(query, LIST, None).into_iter().map(|found| found.row).collect();
        let lists: Vec<Vec<u32>> = queries.par_iter().map(list).collect();
        let mut meetings: Vec<Vec<u32>> = vec![Vec::new(); exact.len()];
        for list in &lists {
            for (at, &one) in list.iter().enumerate() {
                for &other in list.iter().skip(at + 1).take(SPAN) {
                    meetings[one as usize].push(other);
                    meetings[other as usize].push(one);
                }
            }
        }
        let links = self.links;
        self.ground
            .par_chunks_exact_mut(width)
            .zip(meetings)
            .for_each(|(places, met)| fill(places, most_often(met), links));
    }

    /// Makes every node reachable from the entry on the ground level.
    ///
    /// A node that is not gets a link from the first of the nodes that fit it best with a free place, or, where all of
    /// these are full, from any reached node with one.
    pub(super) fn connect(&mut self, exact: Exact<'_>) {
        if self.ground.is_empty() {
            return;
        }
        let mut reached = self.reached();
        let lost: Vec<u32> = (0..exact.len() as u32).filter(|&node| !reached[node as usize]).collect();
        let index = Hnsw::new(self.view(), exact, PARENTS);
        let near = |&node: &u32| {
            let found = index.search(exact.vector(node), PARENTS, None).into_iter();
            found.map(|found| found.row).filter(|&row| reached[row as usize]).collect()
        };
        let parents: Vec<Vec<u32>> = lost.par_iter().map(near).collect();
        let mut spare = 0;
        for (node, parents) in lost.into_iter().zip(parents) {
            if reached[node as usize] {
                continue;
            }
            let free = |&row: &u32| self.has_place(row);
            let parent = parents.iter().copied().find(free).or_else(|| {
                spare = (spare..exact.len() as u32).find(|&row| reached[row as usize] && self.has_place(row))?;
                Some(spare)
            });
            let Some(parent) = parent else { return };
            self.link(parent, node);
            self.walk(node, &mut reached);
            spare = spare.min(node);
        }
    }

    fn has_place(&self, node: u32) -> bool {
        self.ground[(node as usize + 1) * 2 * self.links - 1] == NONE
    }

    /// Puts a link into the first free place of `from`.
    fn link(&mut self, from: u32, to: u32) {
        let width = 2 * self.links;
        let mut places = self.ground[from as usize * width..(from as usize + 1) * width].iter_mut();
        if let Some(place) = places.find(|place| **place == NONE) {
            *place = to;
        }
    }

    /// Which nodes a walk from the entry reaches on the ground level.
    pub(super) fn reached(&self) -> Vec<bool> {
        let mut reached = vec![false; self.ground.len() / (2 * self.links)];
        self.walk(self.entry, &mut reached);
        reached
    }

    /// Marks what a walk from `start` reaches beyond what is marked.
    fn walk(&self, start: u32, reached: &mut [bool]) {
        let width = 2 * self.links;
        let mut open = vec![start];
        reached[start as usize] = true;
        while let Some(node) = open.pop() {
            for &link in &self.ground[node as usize * width..(node as usize + 1) * width] {
                if link != NONE && !std::mem::replace(&mut reached[link as usize], true) {
                    open.push(link);
                }
            }
        }
    }
}

/// The rows by how often they occur, most often first, equal ones by row.
fn most_often(mut rows: Vec<u32>) -> Vec<u32> {
    rows.sort_unstable();
    let mut counted: Vec<(usize, u32)> = rows.chunk_by(|a, b| a == b).map(|same| (same.len(), same[0])).collect();
    counted.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    counted.into_iter().map(|(_, row)| row).collect()
}

/// The first `kept` links of a node, then its bridges, then the rest of its links, as many as there are places.
fn fill(places: &mut [u32], bridges: Vec<u32>, kept: usize) {
    let near: Vec<u32> = places.iter().copied().take_while(|&link| link != NONE).collect();
    let (first, rest) = near.split_at(kept.min(near.len()));
    let mut filled: Vec<u32> = Vec::with_capacity(places.len());
    for &link in first.iter().chain(&bridges).chain(rest) {
        if filled.len() < places.len() && !filled.contains(&link) {
            filled.push(link);
        }
    }
    places[..filled.len()].copy_from_slice(&filled);
}
