//! How much of the true answer is found.

use super::*;

/// Each query's filter, and its true best 10 rows.
type Truths = Vec<(Option<Bitmap>, Vec<u32>)>;

fn truths(world: &World, allowed: impl Fn(&[f32]) -> Option<Bitmap>) -> Truths {
    let truth = |query: &[f32]| {
        let allowed = allowed(query);
        let rows = rows_of(&sorted(&world.vectors, query, 10, allowed.as_ref()));
        (allowed, rows)
    };
    world.queries().map(truth).collect()
}

/// The part of the true rows of all queries that is found.
fn recall(world: &World, index: &dyn VectorIndex, truths: &Truths) -> f64 {
    let (mut hits, mut wanted) = (0, 0);
    for (query, (allowed, truth)) in world.queries().zip(truths) {
        let found = rows_of(&index.search(query, 10, allowed.as_ref()));
        assert_eq!(found.len(), truth.len());
        hits += found.iter().filter(|row| truth.contains(row)).count();
        wanted += truth.len();
    }
    hits as f64 / f64::from(wanted as u32)
}

fn nearly_all_is_found(shape: Shape) {
    let world = World::of(shape);
    for share in [None, Some(1.0), Some(0.5), Some(0.1), Some(0.01), Some(0.001)] {
        let allowed = share.map(|share| {
            let mut allowed = some_of(world.rows(), share, 5);
            [3, 1_500].into_iter().for_each(|row| allowed.insert(row));
            allowed
        });
        let truths = truths(world, |_| allowed.clone());
        for (name, index) in world.all() {
            let recall = recall(world, &*index, &truths);
            assert!(recall >= 0.95, "{name} finds {recall} with {share:?} allowed, {shape:?}");
        }
    }
}

#[test]
fn nearly_all_is_found_where_lengths_are_spread() {
    nearly_all_is_found(Shape::Spread);
}

#[test]
fn nearly_all_is_found_where_lengths_are_equal() {
    nearly_all_is_found(Shape::Normal);
}

#[test]
fn nearly_all_is_found_where_there_are_no_clusters() {
    nearly_all_is_found(Shape::Loose);
}

/// A filter may keep only rows far from the query: what is known about the average does not hold.
#[test]
fn nearly_all_is_found_among_rows_far_from_the_query() {
    for shape in [Shape::Spread, Shape::Normal, Shape::Loose] {
        let world = World::of(shape);
        for share in [0.9, 0.5, 0.1, 0.01, 0.004] {
            let far = |query: &[f32]| {
                let ranked = rows_of(&sorted(&world.vectors, query, world.rows(), None));
                let mut allowed = Bitmap::none(world.rows());
                let kept = (share * world.rows() as f64) as usize;
                ranked[world.rows() - kept..].iter().for_each(|&row| allowed.insert(row));
                Some(allowed)
            };
            let truths = truths(world, far);
            for (name, index) in world.all() {
                let recall = recall(world, &*index, &truths);
                assert!(recall >= 0.95, "{name} finds {recall} of the farthest {share}, {shape:?}");
            }
        }
    }
}

/// The choice between walk and scan must not hide a walk that loses its way.
#[test]
fn a_narrow_walk_misses_something_and_a_wide_one_hardly_anything() {
    let world = World::of(Shape::Loose);
    let truths = truths(world, |_| None);
    for (name, index) in world.indexes.iter().filter(|(name, _)| name.contains("graph")) {
        let narrow = recall(world, &index.searcher(&world.vectors, 1), &truths);
        let wide = recall(world, &index.searcher(&world.vectors, 400), &truths);
        assert!(narrow < wide && wide >= 0.99, "{name}: {narrow}, {wide}");
    }
}
