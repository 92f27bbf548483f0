//! Property 1: what is written is read back.

use super::*;

#[test]
fn ids_users_and_ties_are_read_back() {
    let bundle = small().open();
    assert_eq!((bundle.n_users(), bundle.n_products(), bundle.dim()), (4, 5, DIM));
    for (row, id) in ["ana", "bob", "чжан", "d"].into_iter().enumerate() {
        let row = UserRow(row as u32);
        assert_eq!((bundle.users().row(id), bundle.users().id(row)), (Some(row), id));
        assert_eq!(bundle.users().rows_by_short_hash(short_hash(id)).collect::<Vec<_>>(), [row]);
    }
    assert_eq!(bundle.users().row("nobody"), None);
    let ana = bundle.profile(UserRow(0));
    assert_eq!((ana.country.map(|code| code.to_string()), ana.birth_year), (Some("ES".into()), Some(1990)));
    let visibility = [0, 1, 2].map(|user| bundle.profile(UserRow(user)).purchase_visibility);
    assert_eq!(visibility, [PurchaseVisibility::Nobody, PurchaseVisibility::Friends, PurchaseVisibility::Everyone]);
    assert_eq!(bundle.profile(UserRow(2)).invites, Invites::Nobody);
    assert_eq!([0, 3].map(|user| bundle.profile(UserRow(user)).personalise), [true, false]);
    assert_eq!(bundle.friends(UserRow(1)), (&[0, 2][..], &[0.5, 1.0][..]));
    assert_eq!(bundle.co_joined(UserRow(1)), (&[0, 2][..], &[2.0, 2.0][..]), "two succeeded training teams");
    assert_eq!([0, 1, 3].map(|user| bundle.blocked(UserRow(user)).to_vec()), [vec![3], vec![], vec![0]]);
}

#[test]
fn the_catalogue_is_read_back() {
    let bundle = small().open();
    let (goods, tea) = (bundle.catalogue(), ProductRow(0));
    assert_eq!(goods.price(tea).map(|price| price.minor_units), Some(990));
    assert_eq!(goods.group_price(tea).map(|price| price.currency.to_string()), Some("EUR".into()));
    assert_eq!((goods.group_min_size(tea), goods.stock(tea), goods.min_age(tea)), (Some(3), Some(4), Some(18)));
    assert_eq!(
        (goods.title(tea), goods.description(tea), goods.brand(tea)),
        (Some("Té verde"), Some("Hojas"), Some("Hoja"))
    );
    assert_eq!(goods.created_at(tea), Some(Timestamp::from_millis(5 * DAY)));
    assert!(goods.sensitive(tea) && !goods.hidden(tea));
    let seller = goods.seller(tea).unwrap();
    assert_eq!((bundle.sellers().id(seller), goods.seller_name(seller)), ("late", None));
    let shop = bundle.sellers().row("s").unwrap();
    assert_eq!((goods.seller_name(shop), goods.seller_page(shop)), (Some("Shop"), Some("https://s.example")));
    let green = goods.category(tea).unwrap();
    let path: Vec<&str> = std::iter::successors(Some(green), |&row| goods.category_parent(row))
        .map(|row| goods.category_path(row))
        .collect();
    assert_eq!(path, ["food/tea/green", "food/tea", "food"]);
    let [offer] = goods.offers(tea) else { panic!("one offer") };
    assert_eq!((offer.cost_minor, offer.min_days, offer.max_days), (150, 1, 3));
    assert_eq!(goods.offer_payment_methods(offer).collect::<Vec<_>>(), ["visa", "mir"]);
    let plain = ProductRow(4);
    assert_eq!(
        (goods.price(plain), goods.stock(plain), goods.seller(plain), goods.title(plain)),
        (None, None, None, None)
    );
    assert!(goods.offers(plain).is_empty() && goods.min_age(plain).is_none() && goods.category(plain).is_none());
}

#[test]
fn history_and_teams_are_read_back() {
    let bundle = small().open();
    let had: Vec<_> =
        bundle.possessions(UserRow(0)).iter().map(|had| (had.product, had.purchases, had.gifts, had.last())).collect();
    assert_eq!(had, [(0, 6, 0, None), (4, 0, 1, None)]);
    assert_eq!([0, 2, 4].map(|product| bundle.buyers(ProductRow(product)).to_vec()), [vec![0], vec![3], vec![]]);
    assert_eq!(bundle.popularity(ProductRow(1)), 1.0, "bought at the cut");
    assert_eq!([2, 3].map(|row| bundle.popularity(ProductRow(row))), [0.0; 2], "not personal, and held out");
    assert_eq!(&bundle.popular()[..2], [0, 1], "six purchases, each halved every thirty days, are more than one");
    assert!(bundle.trend(ProductRow(1)) > 0.0 && bundle.trend(ProductRow(0)) < 0.0);
    assert_eq!(bundle.popular_in("ES".parse().unwrap()).0, [0]);
    assert!(bundle.popular_in("FR".parse().unwrap()).0.is_empty());
    let rhythm = bundle.rhythm(ProductRow(0)).unwrap();
    assert!((9.8..10.2).contains(&rhythm.days) && rhythm.habit > rhythm.again, "{rhythm:?}");
    assert_eq!(bundle.rhythm(ProductRow(1)), None, "five gaps are too few for a category");
    let open: Vec<_> = bundle.open_teams().map(|team| (team.team_id, team.public)).collect();
    assert_eq!(open, [("t5", None), ("t6", Some(true)), ("t7", Some(false))]);
    let team = bundle.open_team("t5").unwrap();
    assert_eq!(
        (team.initiator, team.product, team.participants, team.min_size),
        (UserRow(1), ProductRow(1), &[0, 2][..], 4)
    );
    assert_eq!((team.opened_at, team.deadline), (Some(Timestamp::from_millis(99 * DAY)), None));
    assert_eq!(bundle.open_team("t1"), None);
}

/// The latest rating on the scale counts, and only of what she bought.
#[test]
fn feedback_is_read_back_and_a_bundle_without_it_opens() {
    let bundle = small().write_and_keep();
    let said = |bundle: &Bundle| -> Vec<_> {
        let all =
            (0..5).flat_map(|product| bundle.feedback(ProductRow(product)).iter().map(move |said| (product, said)));
        all.map(|(product, said)| (product, said.user, said.stars(), said.is_returned())).collect()
    };
    assert_eq!(said(&Bundle::open(bundle.path()).unwrap()), [(2, 3, Some(4.0), true)]);
    let path = bundle.path().join(MANIFEST);
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    manifest["files"].as_object_mut().unwrap().remove("feedback.bin").unwrap();
    forge_manifest(bundle.path(), &manifest);
    assert_eq!(said(&Bundle::open(bundle.path()).unwrap()), []);
}

#[test]
fn vectors_and_models_are_read_back() {
    let world = small();
    let bundle = world.open();
    for (user, trained) in world.users.chunks_exact(DIM).enumerate() {
        let user = UserRow(user as u32);
        let (read, mut filled) = (bundle.user_vector(user), [0.0; DIM]);
        bundle.read_user_vector(user, &mut filled);
        assert_eq!(read, filled);
        let half_a_scale = trained.iter().fold(0.0f32, |most, value| most.max(value.abs())) / 127.0 * 0.5001;
        assert!(read.iter().zip(trained).all(|(read, trained)| (read - trained).abs() <= half_a_scale));
    }
    assert_eq!(bundle.product_vector(ProductRow(4)), &world.products[12..15]);
    assert_eq!(bundle.group_vector(&[UserRow(0), UserRow(1), UserRow(2)]), Some(&[4.0, 5.0, 6.0][..]));
    assert_eq!(bundle.group_vector(&[UserRow(1), UserRow(2)]), None);
    for at in 0..DIM * DIM {
        let cell: f32 = world.products.chunks(DIM).map(|y| y[at / DIM] * y[at % DIM]).sum();
        assert!((bundle.gram()[at] - cell).abs() < 1e-5);
    }
    assert_eq!(bundle.serving(), &ServingModel::default());
    assert_eq!(bundle.manifest().config, serde_json::json!({"model": "als"}));
    let query = bundle.user_vector(UserRow(0));
    assert_eq!(bundle.index().search(&query, 3, None), bundle.exact().search(&query, 3, None));
}
