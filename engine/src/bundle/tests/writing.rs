//! Properties 4 and 5: the same bytes, or nothing.

use super::*;

#[test]
fn the_same_source_gives_the_same_bytes() {
    let world = small();
    let (one, other) = (world.write("one").unwrap(), world.write("other").unwrap());
    assert_eq!(files(&one).len(), 14);
    for (left, right) in files(&one).iter().zip(files(&other)) {
        assert_eq!(fs::read(left).unwrap(), fs::read(&right).unwrap(), "{}", left.display());
    }
}

#[test]
fn what_does_not_fit_is_not_written() {
    let mut world = small();
    world.products[4] = f32::NAN;
    let fault = world.write("bundle").unwrap_err().to_string();
    assert!(fault.contains("dimension 1 of vector 1 of products is not finite"), "{fault}");
    world.products.truncate(4);
    assert!(matches!(world.write("bundle"), Err(EngineError::Unwritable { .. })));
    let mut world = small();
    world.groups[0].members.reverse();
    assert!(matches!(world.write("bundle"), Err(EngineError::Unwritable { .. })));
    let mut world = small();
    world.data.users = ids(["ana", "bob", "x", "d"].into_iter());
    let fault = world.write("bundle").unwrap_err().to_string();
    assert!(fault.contains("`чжан`"), "{fault}");
    let left: Vec<_> = files(world.folder.path()).into_iter().filter(|path| !path.ends_with("data")).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    let fine = small();
    let out = fine.write("bundle").unwrap();
    assert!(matches!(fine.write("bundle"), Err(EngineError::Exists { .. })));
    Bundle::open(&out).unwrap();
}

#[test]
fn a_world_of_nothing_is_a_bundle() {
    let bundle = World::new(&[], &[]).open();
    assert_eq!((bundle.n_users(), bundle.n_products()), (0, 0));
    assert!(bundle.index().search(&[1.0; DIM], 5, None).is_empty());
    assert_eq!(bundle.products().row("p"), None);
    use_everything(&bundle);
}
