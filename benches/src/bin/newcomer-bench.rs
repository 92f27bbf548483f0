//! How well products are ranked for newcomers: people are withheld with all that they did, a bundle is trained without
//! them, and what they did next is then to be found in the feeds that the recommender shows them, before their first event and
//! after some of them, beside lists of what is popular. Next is what the dataset marks as test rows; of a dataset without
//! such rows, the rest of what they did.
//!
//! Each of them is asked for twice: as the bundle has her, with her friends, and as somebody who has just come from the
//! same country, with the same language and age and without friends.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use juntos_datasets::Row;
use juntos_datasets::dataset::{Dataset, DatasetWriter};
use juntos_datasets::error::DatasetError;
use juntos_datasets::progress::Silent;
use juntos_datasets::tables::{Blocks, EventKind, Events, Friendships, Products, Sellers, Split, Teams, Users};
use juntos_datasets::training::{EventWeights, TrainingData};
use juntos_datasets::units::{Country, Timestamp};
use juntos_engine::live::Change;
use juntos_engine::live::records::{EventRecord, UserRecord};
use juntos_engine::request::Context;
use juntos_engine::{Bundle, Engine, Snapshot};
use juntos_trainer::config::TrainConfig;
use juntos_trainer::evaluate::metrics::ndcg;
use juntos_trainer::evaluate::rank::order_by_score;
use juntos_trainer::run::train;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde_json::{Value, json};

/// Serves people who are withheld from training, and prints one JSON object.
#[derive(Debug, Parser)]
#[command(name = "newcomer-bench")]
struct Args {
    /// Folder of the dataset
    #[arg(long)]
    data: PathBuf,
    /// Settings of training in TOML, as `juntos train` takes them
    #[arg(long)]
    config: Option<PathBuf>,
    /// Model that makes the vectors
    #[arg(long, default_value = "als")]
    model: String,
    /// Share of the people with a history that is withheld
    #[arg(long, default_value_t = 0.1)]
    share: f64,
    /// Fewest products that a withheld person has
    #[arg(long, default_value_t = 5)]
    products: usize,
    /// Cut of the ranked lists
    #[arg(long, default_value_t = 20)]
    k: usize,
    /// Decides every random choice
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Numbers of first events.
const EVENTS: [usize; 5] = [0, 1, 3, 5, 10];

type Fault = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(line) => match writeln!(io::stdout(), "{line:#}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(fault) => {
            // Standard error is the last place to tell; when it is closed there is nobody to tell.
            let _untold = writeln!(io::stderr(), "newcomer-bench: {fault}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<Value, Fault> {
    if !(args.share > 0.0 && args.share < 1.0) {
        return Err(format!("`--share` is {}; it must be above 0 and below 1", args.share).into());
    }
    let mut config = args.config.as_deref().map_or_else(|| Ok(TrainConfig::default()), TrainConfig::read)?;
    config.model.clone_from(&args.model);
    let dataset = Dataset::open(&args.data)?;
    let folder = tempfile::tempdir()?;
    let (data, out) = (folder.path().join("data"), folder.path().join("bundle"));
    let people = withhold(&dataset, &config, args)?;
    let left = without(&dataset, &people, &data)?;
    train(&data, &out, &config, &Silent)?;
    let bundle = Arc::new(Bundle::open(&out)?);
    let popular = Popular::of(&left, &TrainingData::load(&left, &config.events)?)?;
    let later = people.values().any(|her| !her.later.is_empty());
    let bench = Bench { bundle: &bundle, popular, people: people.values().collect(), later, k: args.k };
    let rows = EVENTS.map(|events| {
        let figures = |friends| bench.figures(events, friends);
        Ok::<_, Fault>(json!({
            "events": events, "with_friends": figures(true)?, "without_friends": figures(false)?,
        }))
    });
    let serving = bundle.serving();
    Ok(json!({
        "model": serving.name, "dim": bundle.dim(), "k": args.k, "withheld": people.len(),
        "fold": serving.fold, "blend": serving.blend, "judged": bundle.manifest().metrics["newcomers"],
        "rows": rows.into_iter().collect::<Result<Vec<Value>, Fault>>()?,
    }))
}

/// Somebody who is withheld.
struct Withheld {
    record: UserRecord,
    /// What she did, a product each, in an arbitrary fixed order, with the kind of event that tells most.
    did: Vec<(String, EventKind)>,
    /// Products of her test rows.
    later: BTreeSet<String>,
    /// Whether somebody of whom something is known is her friend.
    has_friends: bool,
}

impl Withheld {
    /// What she did next, after so many events.
    fn relevant(&self, events: usize, later: bool) -> Vec<&str> {
        let known = self.did.iter().take(events).map(|(product, _)| product.as_str()).collect::<BTreeSet<&str>>();
        let rest = self.did.iter().skip(events).map(|(product, _)| product.as_str());
        match later {
            true => self.later.iter().map(String::as_str).filter(|product| !known.contains(product)).collect(),
            false => rest.collect(),
        }
    }

    /// Her id as somebody who has just come.
    fn newcomer_id(&self) -> String {
        format!("newcomer-{}", self.record.user_id)
    }
}

/// Some of the people with a history, by id.
fn withhold(dataset: &Dataset, config: &TrainConfig, args: &Args) -> Result<BTreeMap<String, Withheld>, Fault> {
    let data = TrainingData::load(dataset, &config.events)?;
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    let known = (0..data.interactions.rows()).filter(|&user| data.interactions.row(user).0.len() >= args.products);
    let chosen: Vec<bool> = {
        let mut chosen = vec![false; data.interactions.rows()];
        known.filter(|_| rng.random_bool(args.share)).for_each(|user| chosen[user] = true);
        chosen
    };
    let mut people = BTreeMap::new();
    dataset.for_each::<Users>(|user| {
        let row = data.users.row(user.user_id).map(Row::index).filter(|&row| chosen[row] && user.personalise);
        let Some(row) = row else { return Ok(()) };
        let known = |friend: &u32| !chosen[*friend as usize] && !data.interactions.row(*friend as usize).0.is_empty();
        let record = UserRecord {
            country: user.country.and_then(|code| code.parse().ok()),
            language: user.language.and_then(|code| code.parse().ok()),
            birth_year: user.birth_year,
            ..UserRecord::new(user.user_id)
        };
        let has_friends = data.friends.row(row).0.iter().any(known);
        people
            .insert(user.user_id.to_owned(), Withheld { record, did: Vec::new(), later: BTreeSet::new(), has_friends });
        Ok(())
    })?;
    let mut kinds: BTreeMap<(String, String), (f32, EventKind)> = BTreeMap::new();
    let weights = EventWeights::default();
    dataset.for_each::<Events>(|event| {
        let weight = weights.of(event.kind);
        let Some(her) = people.get_mut(event.user_id).filter(|_| weight > 0.0) else { return Ok(()) };
        if event.split == Split::Test {
            her.later.insert(event.product_id.to_owned());
        }
        if event.split == Split::Train {
            let told = kinds.entry((event.user_id.to_owned(), event.product_id.to_owned()));
            let told = told.or_insert((weight, event.kind));
            if weight > told.0 {
                *told = (weight, event.kind);
            }
        }
        Ok(())
    })?;
    for ((user, product), (_, kind)) in kinds {
        people.entry(user).and_modify(|her| her.did.push((product, kind)));
    }
    for (salt, her) in (0u32..).zip(people.values_mut()) {
        her.did.sort_by_cached_key(|(product, _)| scrambled(product, salt));
    }
    Ok(people)
}

/// A fixed but arbitrary number of an id (FNV-1a).
fn scrambled(id: &str, salt: u32) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ u64::from(salt);
    id.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// The dataset as if these people had only come and made friends.
fn without(dataset: &Dataset, people: &BTreeMap<String, Withheld>, out: &Path) -> Result<Dataset, DatasetError> {
    let mut left = DatasetWriter::create(out)?;
    dataset.for_each::<Users>(|row| left.push::<Users>(row))?;
    dataset.for_each::<Products>(|row| left.push::<Products>(row))?;
    dataset.for_each::<Sellers>(|row| left.push::<Sellers>(row))?;
    dataset.for_each::<Friendships>(|row| left.push::<Friendships>(row))?;
    dataset.for_each::<Blocks>(|row| left.push::<Blocks>(row))?;
    dataset
        .for_each::<Events>(|row| if people.contains_key(row.user_id) { Ok(()) } else { left.push::<Events>(row) })?;
    dataset.for_each::<Teams>(|row| {
        let mut members = row.participant_ids.iter().copied().chain([row.initiator_id]);
        if members.any(|member| people.contains_key(member)) { Ok(()) } else { left.push::<Teams>(row) }
    })?;
    left.finish()
}

/// Products by the number of people who have them, in each country and everywhere.
struct Popular {
    ids: Vec<String>,
    countries: HashMap<Option<Country>, Vec<u32>>,
}

impl Popular {
    fn of(dataset: &Dataset, data: &TrainingData) -> Result<Self, DatasetError> {
        let mut counts: HashMap<Option<Country>, Vec<f32>> = HashMap::new();
        dataset.for_each::<Users>(|user| {
            let Some(row) = data.users.row(user.user_id).map(Row::index) else { return Ok(()) };
            let country = user.country.and_then(|code| code.parse().ok());
            let markets = if country.is_some() { vec![None, country] } else { vec![None] };
            for market in markets {
                let there = counts.entry(market).or_insert_with(|| vec![0.0; data.products.len()]);
                data.interactions.row(row).0.iter().for_each(|&product| there[product as usize] += 1.0);
            }
            Ok(())
        })?;
        let countries = counts.into_iter().map(|(market, counts)| (market, order_by_score(&counts))).collect();
        Ok(Self { ids: data.products.ids().map(str::to_owned).collect(), countries })
    }

    fn list(&self, country: Option<Country>, seen: &[String], k: usize) -> Vec<&str> {
        let order = self.countries.get(&country).map_or(&[][..], Vec::as_slice);
        let ids = order.iter().map(|&row| self.ids[row as usize].as_str());
        ids.filter(|id| seen.iter().all(|seen| seen != id)).take(k).collect()
    }
}

struct Bench<'a> {
    bundle: &'a Arc<Bundle>,
    popular: Popular,
    people: Vec<&'a Withheld>,
    /// Whether next is what test rows tell.
    later: bool,
    k: usize,
}

/// Names of the ways to make a list, in the order of [`Bench::gains`].
const WAYS: [&str; 4] = ["served", "trending", "popular_in_country", "popular"];

impl Bench<'_> {
    /// NDCG of each way to make lists after so many events, for everybody or for those with friends, and by how much what is
    /// served is better than what is popular.
    fn figures(&self, events: usize, with_friends: bool) -> Result<Value, Fault> {
        let asked = |her: &&&Withheld| {
            let knows = her.did.len() >= events && (her.has_friends || !with_friends);
            knows && !her.relevant(events, self.later).is_empty()
        };
        let people: Vec<&Withheld> = self.people.iter().filter(asked).copied().collect();
        let now = self.bundle.manifest().cut.unwrap_or_default();
        let engine = Engine::new(self.bundle.clone());
        let id = |her: &Withheld| if with_friends { her.record.user_id.clone() } else { her.newcomer_id() };
        for her in &people {
            let known = &her.did[..events];
            if !with_friends {
                let record = UserRecord { user_id: id(her), ..her.record.clone() };
                engine.apply(Change::PutUser(record), now)?;
            }
            for (product, kind) in known {
                engine.apply(Change::Event(EventRecord::new(id(her), product, *kind)), now)?;
            }
        }
        let snapshot = engine.snapshot();
        let gains = people.par_iter().map(|her| self.gains(her, &id(her), events, &snapshot, now));
        let gains: Vec<[f64; 4]> = gains.collect::<Result<_, Fault>>()?;
        let mean = |way: usize| gains.iter().map(|of| of[way]).sum::<f64>() / gains.len() as f64;
        let mut told = json!({ "people": gains.len() });
        for (way, name) in WAYS.into_iter().enumerate() {
            told[name] = json!(mean(way));
        }
        let best = (1..WAYS.len()).max_by(|&left, &right| mean(left).total_cmp(&mean(right))).unwrap_or(1);
        let (more, error) = difference(&gains.iter().map(|of| of[0] - of[best]).collect::<Vec<f64>>());
        told["more_than_popular"] = json!({ "mean": more, "standard_error": error, "against": WAYS[best] });
        Ok(told)
    }

    fn gains(
        &self,
        her: &Withheld,
        id: &str,
        events: usize,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> Result<[f64; 4], Fault> {
        let relevant = her.relevant(events, self.later);
        let seen: Vec<String> = her.did.iter().take(events).map(|(product, _)| product.clone()).collect();
        let gain = |list: &[&str]| {
            let hit = |&place: &usize| relevant.contains(&list[place]);
            ndcg(&(0..list.len()).filter(hit).collect::<Vec<usize>>(), relevant.len(), self.k)
        };
        let context = Context { exclude: seen.clone(), ..Context::new(now, self.k) };
        let (feed, trending) = (snapshot.feed(id, &context)?, snapshot.trending(Some(id), &context)?);
        let [feed, trending] =
            [feed, trending].map(|answer| answer.items.into_iter().map(|item| item.product_id).collect::<Vec<_>>());
        let shown = |list: &[String]| gain(&list.iter().map(String::as_str).collect::<Vec<&str>>());
        let popular = |country| gain(&self.popular.list(country, &seen, self.k));
        Ok([shown(&feed), shown(&trending), popular(her.record.country), popular(None)])
    }
}

/// Mean of these differences, and its standard error.
fn difference(differences: &[f64]) -> (f64, f64) {
    let count = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / count;
    let variance = differences.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, (variance / count).sqrt())
}
