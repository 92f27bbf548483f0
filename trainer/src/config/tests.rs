//! 1. The shipped file is the defaults, and lists every key.
//! 2. Unknown keys and values out of range are refused by name.
//! 3. Every model name makes the model of that name.

use super::*;

const SHIPPED: &str = include_str!("../../../config/train.toml");

#[test]
fn the_shipped_file_is_the_defaults_and_lists_every_key() {
    let shipped: TrainConfig = toml::from_str(SHIPPED).unwrap();
    assert_eq!(shipped, TrainConfig::default());
    let listed: toml::Table = toml::from_str(SHIPPED).unwrap();
    let every: toml::Table = toml::Table::try_from(TrainConfig::default()).unwrap();
    assert_eq!(keys(&listed), keys(&every));
    assert!(SHIPPED.contains("# half_life_days = "), "the one key without a default is shown as a comment");
}

fn keys(table: &toml::Table) -> Vec<String> {
    let mut keys = Vec::new();
    for (name, value) in table {
        match value.as_table() {
            Some(section) => keys.extend(section.keys().map(|key| format!("{name}.{key}"))),
            None => keys.push(name.clone()),
        }
    }
    keys.sort();
    keys
}

#[test]
fn unknown_keys_are_refused_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.toml");
    for text in ["dimm = 3", "[als]\nsweep = 3", "[events]\nveiw = 1.0", "dim = \"many\""] {
        std::fs::write(&path, text).unwrap();
        let message = TrainConfig::read(&path).unwrap_err().to_string();
        assert!(message.contains("train.toml"), "{message}");
    }
    std::fs::write(&path, "dim = 3").unwrap();
    assert_eq!(TrainConfig::read(&path).unwrap(), TrainConfig { dim: 3, ..TrainConfig::default() });
    assert!(TrainConfig::read(&folder.path().join("none.toml")).unwrap_err().to_string().contains("none.toml"));
}

#[test]
fn values_out_of_range_are_refused_by_name() {
    let cases = [
        ("model = \"alss\"", "model"),
        ("dim = 513", "dim"),
        ("repeat_exponent = 1.5", "repeat_exponent"),
        ("[auto]\ntrials = 0", "auto.trials"),
        ("[events]\nview = -1.0", "events.view"),
        ("[events]\nhalf_life_days = 0.0", "events.half_life_days"),
        ("[als]\nsweeps = 0", "als.sweeps"),
        ("[als]\nunobserved_ratio = 0.0", "als.unobserved_ratio"),
        ("[als]\nregularization = nan", "als.regularization"),
        ("[als]\nregularization_exponent = 1.5", "als.regularization_exponent"),
        ("[als]\nfriend_weight = inf", "als.friend_weight"),
        ("[als]\ngroup_members_weight = 2.0", "als.group_members_weight"),
        ("[item_knn]\nneighbours = 0", "item_knn.neighbours"),
        ("[item_knn]\nshrinkage = -1.0", "item_knn.shrinkage"),
        ("[propagation]\nlayers = 0", "propagation.layers"),
        ("[propagation]\nlayers = 9", "propagation.layers"),
        ("[propagation]\nsteps = 0", "propagation.steps"),
        ("[propagation]\nbatch_size = 0", "propagation.batch_size"),
        ("[propagation]\nlearning_rate = -1.0", "propagation.learning_rate"),
        ("[propagation]\ntemperature = 11.0", "propagation.temperature"),
        ("[propagation]\npopularity_correction = 2.0", "propagation.popularity_correction"),
        ("[propagation]\nfriend_weight = inf", "propagation.friend_weight"),
        ("[propagation]\ngroup_members_weight = 1.1", "propagation.group_members_weight"),
        ("[softmax]\nbatch_size = 0", "softmax.batch_size"),
        ("[softmax]\nlearning_rate = 0.0", "softmax.learning_rate"),
        ("[softmax]\nlearning_rate = 1000.0", "softmax.learning_rate"),
        ("[softmax]\ntemperature = 0.01", "softmax.temperature"),
        ("[softmax]\npopularity_correction = 1.5", "softmax.popularity_correction"),
        ("[softmax]\nuser_hop_weight = -0.1", "softmax.user_hop_weight"),
        ("[softmax]\nproduct_hop_weight = nan", "softmax.product_hop_weight"),
        ("[softmax]\nfriend_weight = nan", "softmax.friend_weight"),
        ("[softmax]\ngroup_members_weight = -1.0", "softmax.group_members_weight"),
    ];
    for (text, key) in cases {
        let config: TrainConfig = toml::from_str(text).unwrap();
        let message = config.validate().unwrap_err().to_string();
        assert!(message.starts_with(&format!("`{key}` is ")), "{text}: {message}");
    }
}

#[test]
fn every_name_makes_the_model_of_that_name() {
    for name in MODEL_NAMES {
        let config = TrainConfig { model: (*name).to_owned(), ..TrainConfig::default() };
        assert_eq!(config.model().unwrap().name(), *name);
    }
}

#[test]
fn dimensions_follow_the_number_of_users_unless_chosen() {
    let auto = TrainConfig::default();
    assert_eq!([10, 602, 1_892, 20_000].map(|users| auto.dim_for(users)), [16, 32, 112, AUTO_DIM]);
    assert_eq!(TrainConfig { dim: 7, ..auto }.dim_for(1_000_000), 7);
}
