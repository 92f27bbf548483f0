//! The chances that a generated world drew from.

use std::collections::HashMap;

use juntos_datasets::UserRow;
use juntos_datasets::generate::{World, product_id, team_id, user_id};
use juntos_datasets::training::TrainingData;

/// For each team by its id, the chance that each friend had of joining it, by the dataset's rows.
pub(crate) type Chances = HashMap<String, HashMap<UserRow, f32>>;

/// The chances behind `data`, which `juntos generate` made with this seed.
pub(crate) fn chances(data: &TrainingData, seed: u64) -> Result<Chances, String> {
    let (users, products) = (data.users.len() as u32, data.products.len() as u32);
    let planted = World { users, products, events: None, test_days: 0, seed }.planted();
    let mut chances = Chances::new();
    for (number, of_team) in (0..users).flat_map(|user| planted.join_chances(user)) {
        let by_row =
            of_team.into_iter().filter_map(|(friend, chance)| Some((data.users.row(&user_id(friend))?, chance)));
        chances.insert(team_id(number), by_row.collect());
    }
    for team in &data.teams {
        let number = team.team_id.get(1..).and_then(|digits| digits.parse::<usize>().ok());
        let same = number.and_then(|number| planted.teams().get(number)).is_some_and(|planted| {
            data.users.id(team.initiator) == user_id(planted.initiator)
                && data.products.id(team.product) == product_id(planted.product)
        });
        if !same {
            return Err(format!(
                "`{}` is no team of the world of seed {seed}; name the seed that made it",
                team.team_id
            ));
        }
    }
    Ok(chances)
}
