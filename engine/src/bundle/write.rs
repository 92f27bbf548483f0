//! Writing a bundle: to a temporary folder beside its place, then renamed as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use juntos_datasets::UserRow;
use juntos_datasets::csr::Csr;
use juntos_datasets::dataset::Dataset;
use juntos_datasets::tables::{Split, TeamOutcome};
use juntos_datasets::training::{Possession, TeamRecord, TrainingData};
use juntos_datasets::units::Timestamp;
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use super::choices::{self, CHOICES};
use super::feedback::{self, FEEDBACK};
use super::folder;
use super::gather::{Demand, ProductColumns, SellerColumns, UserColumns, blocked, ranking};
use super::manifest::{FORMAT, FileEntry, IndexReport, MANIFEST, MANIFEST_CHECKSUM, Manifest, Shapes, hex};
use super::rhythms::RHYTHMS;
use super::sections::{FORMAT_VERSION, SectionFile};
use super::shapes::{IdSections, ListsBuilder, NONE, add_ids, insert};
use super::teams::StoredTeam;
use super::user_vectors::{USER_VECTORS, UserVectorsWriter};
use crate::catalogue::NO_MOMENT;
use crate::error::EngineError;
use crate::fold::Axes;
use crate::history::StoredPossession;
use crate::index::{BuildOptions, Exact, FlatIndex, VectorIndex};
use crate::serving_model::ServingModel;

/// Everything that a bundle is made of.
pub struct BundleSource<'a> {
    /// Tables, for profiles, the catalogue, blocks and moments of events.
    pub dataset: &'a Dataset,
    /// Rows, ties, teams and possessions, loaded from the same dataset.
    pub data: &'a TrainingData,
    /// The small models of serving.
    pub serving: &'a ServingModel,
    /// Dimensions of every vector, at least 1.
    pub dim: usize,
    /// `(users, dim)` row-major, finite.
    pub user_vectors: &'a [f32],
    /// `(products, dim)` row-major, finite.
    pub product_vectors: &'a [f32],
    /// How the index is built.
    pub index: BuildOptions,
    /// Vectors of standing groups.
    pub groups: &'a [GroupVector],
    /// Whole configuration of training.
    pub config: serde_json::Value,
    /// Quality measured in training.
    pub metrics: serde_json::Value,
    /// Seed of training.
    pub seed: u64,
}

/// The vector of one standing group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupVector {
    /// Members, ascending: what identifies the group.
    pub members: Vec<UserRow>,
    /// `dim` numbers, finite.
    pub vector: Vec<f32>,
}

/// Most dimensions of a vector.
pub(super) const MOST_DIM: usize = 4_096;

/// Most dimensions that axes are made for, which takes some seconds then.
const MOST_DIM_OF_AXES: usize = 512;

/// Writes a bundle to the new folder `out`, index included.
///
/// Everything is written to a temporary folder beside `out`, synced, and renamed at the end: `out` is whole or absent.
/// The same source gives the same bytes, but for the index where `hnsw_rs` builds it: that inserts in parallel.
///
/// # Errors
/// When `out` exists, the source does not fit together or is not finite, a table cannot be read, or the disk refuses.
pub fn write(out: &Path, source: &BundleSource<'_>) -> Result<Manifest, EngineError> {
    write_with(out, source, |_| Ok(()))
}

/// As [`write()`], with files of the caller's own: `more` gets the temporary folder and adds files to it (no folders),
/// which the manifest lists with their checksums like the others.
///
/// # Errors
/// As [`write()`], and what `more` returns.
pub fn write_with(
    out: &Path,
    source: &BundleSource<'_>,
    more: impl FnOnce(&Path) -> Result<(), EngineError>,
) -> Result<Manifest, EngineError> {
    check_source(source)?;
    folder::create(out, |folder| {
        let (shapes, index) = write_files(folder, source)?;
        more(folder)?;
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            shapes,
            seed: source.seed,
            config: source.config.clone(),
            data_checksum: hex(source.dataset.checksum()?),
            cut: source.data.cut,
            metrics: source.metrics.clone(),
            serving: source.serving.clone(),
            index,
            files: checksums(folder)?,
        };
        write_manifest(folder, &manifest)?;
        Ok(manifest)
    })
}

fn check_source(source: &BundleSource<'_>) -> Result<(), EngineError> {
    let dim = source.dim;
    if !(1..=MOST_DIM).contains(&dim) {
        return Err(EngineError::unwritable(format!("vectors have {dim} dimensions; use 1 to {MOST_DIM}")));
    }
    check_vectors("users", source.user_vectors, source.data.users.len(), dim)?;
    check_vectors("products", source.product_vectors, source.data.products.len(), dim)?;
    for (at, group) in source.groups.iter().enumerate() {
        check_vectors("a group", &group.vector, 1, dim)?;
        let known = group.members.last().is_some_and(|last| (last.0 as usize) < source.data.users.len());
        if !known || !group.members.is_sorted_by(|a, b| a < b) {
            return Err(EngineError::unwritable(format!("the members of group {at} are not ascending rows of users")));
        }
    }
    Ok(())
}

fn check_vectors(of: &str, vectors: &[f32], rows: usize, dim: usize) -> Result<(), EngineError> {
    if vectors.len() != rows * dim {
        return Err(EngineError::unwritable(format!(
            "{} values for {rows} vectors of {of}, {dim} each",
            vectors.len()
        )));
    }
    match vectors.par_iter().position_first(|value| !value.is_finite()) {
        Some(at) => Err(EngineError::unwritable(format!(
            "dimension {} of vector {} of {of} is not finite; training diverged, lower its learning rate or raise its regularisation",
            at % dim,
            at / dim
        ))),
        None => Ok(()),
    }
}

/// Writes all binary files, and tells what is in them.
fn write_files(folder: &Path, source: &BundleSource<'_>) -> Result<(Shapes, IndexReport), EngineError> {
    let (dataset, data) = (source.dataset, source.data);
    let users = UserColumns::gather(dataset, data)?;
    let mut sellers = SellerColumns::gather(dataset)?;
    let products = ProductColumns::gather(dataset, data, &mut sellers)?;
    let demand = Demand::gather(dataset, data, &users, &products)?;
    let open_teams: Vec<&TeamRecord> = data.teams.iter().filter(|team| is_open(team)).collect();
    let shapes = Shapes {
        users: data.users.len(),
        products: data.products.len(),
        sellers: sellers.ids.len(),
        categories: products.categories.len(),
        brands: products.brands.len(),
        payment_methods: products.payment_methods.len(),
        countries: demand.by_country.len(),
        groups: source.groups.len(),
        open_teams: open_teams.len(),
        dim: source.dim,
    };
    write_users(&folder.join("users.bin"), data, &users)?;
    choices::Learnt::learn(dataset, data, &users, &products)?.write(&folder.join(CHOICES))?;
    write_products(&folder.join("products.bin"), data, products)?;
    write_sellers(&folder.join("sellers.bin"), sellers)?;
    write_ties(&folder.join("ties.bin"), data, blocked(dataset, data)?)?;
    demand.rhythms.write(&folder.join(RHYTHMS))?;
    write_history(&folder.join("history.bin"), data, demand)?;
    feedback::write(&folder.join(FEEDBACK), dataset, data)?;
    write_teams(&folder.join("teams.bin"), &open_teams)?;
    write_vectors(&folder.join("vectors.bin"), source)?;
    write_user_vectors(&folder.join(USER_VECTORS), source)?;
    let index = write_index(&folder.join("index.bin"), source)?;
    Ok((shapes, index))
}

fn is_open(team: &TeamRecord) -> bool {
    team.outcome == TeamOutcome::Open && team.split == Split::Train
}

fn write_users(path: &Path, data: &TrainingData, users: &UserColumns) -> Result<(), EngineError> {
    let mut file = SectionFile::default();
    add_ids(&mut file, &IDS, data.users.ids());
    file.add("country", &users.country);
    file.add("language", &users.language);
    file.add("birth_year", &users.birth_year);
    file.add("flags", &users.flags);
    file.add("created", &users.created);
    file.write(path)
}

/// Section names of the id map of a file.
const IDS: IdSections = IdSections { ids: "ids", offsets: "ids.offsets", table: "ids.table" };

fn write_products(path: &Path, data: &TrainingData, products: ProductColumns) -> Result<(), EngineError> {
    let (sellable, for_all_ages) = (products.sellable(), products.for_all_ages());
    let mut file = SectionFile::default();
    add_ids(&mut file, &IDS, data.products.ids());
    let categories = IdSections { ids: "categories", offsets: "categories.offsets", table: "categories.table" };
    add_ids(&mut file, &categories, products.categories.ids());
    file.add("category_parent", &products.category_parent);
    add_texts(&mut file, "brands.offsets", "brands", products.brands.ids());
    add_texts(&mut file, "methods.offsets", "methods", products.payment_methods.ids());
    file.add("price", &products.price);
    file.add("currency", &products.currency);
    file.add("group_price", &products.group_price);
    file.add("group_min_size", &products.group_min_size);
    file.add("stock", &products.stock);
    file.add("seller", &products.seller);
    file.add("category", &products.category);
    file.add("brand", &products.brand);
    file.add("ships_from", &products.ships_from);
    file.add("language", &products.language);
    file.add("min_age", &products.min_age);
    file.add("flags", &products.flags);
    file.add("created", &products.created);
    file.add("sellable", sellable.words());
    file.add("for_all_ages", for_all_ages.words());
    let mut offers = ListsBuilder::new();
    products.offers.iter().for_each(|list| offers.push(list.iter().map(|offer| offer.terms)));
    offers.add_to(&mut file, "offers.offsets", "offers");
    add_texts(&mut file, "title.offsets", "title", products.title.iter().map(String::as_str));
    add_texts(&mut file, "description.offsets", "description", products.description.iter().map(String::as_str));
    add_texts(&mut file, "image_url.offsets", "image_url", products.image_url.iter().map(String::as_str));
    file.write(path)
}

fn add_texts<'t>(
    file: &mut SectionFile<'_>,
    offsets: &'static str,
    texts: &'static str,
    items: impl Iterator<Item = &'t str>,
) {
    let mut lists = ListsBuilder::new();
    items.for_each(|text| lists.push(text.bytes()));
    lists.add_to(file, offsets, texts);
}

fn write_sellers(path: &Path, sellers: SellerColumns) -> Result<(), EngineError> {
    let mut file = SectionFile::default();
    add_ids(&mut file, &IDS, sellers.ids.ids());
    add_texts(&mut file, "name.offsets", "name", sellers.name.iter().map(String::as_str));
    file.add("country", &sellers.country);
    add_texts(&mut file, "page_url.offsets", "page_url", sellers.page.iter().map(String::as_str));
    file.write(path)
}

fn write_ties(path: &Path, data: &TrainingData, blocked: Vec<Vec<u32>>) -> Result<(), EngineError> {
    let co_joined = co_joined(data);
    let mut file = SectionFile::default();
    add_csr(&mut file, ["friends.offsets", "friends", "friends.weights"], &data.friends);
    add_csr(&mut file, ["co_joined.offsets", "co_joined", "co_joined.weights"], &co_joined);
    let mut lists = ListsBuilder::new();
    blocked.into_iter().for_each(|row| lists.push(row));
    lists.add_to(&mut file, "blocked.offsets", "blocked");
    file.write(path)
}

fn add_csr<'a>(file: &mut SectionFile<'a>, [offsets, rows, weights]: [&'static str; 3], csr: &'a Csr) {
    let (row_offsets, columns, values) = csr.parts();
    file.add(offsets, row_offsets);
    file.add(rows, columns);
    file.add(weights, values);
}

/// How many times each user joined a succeeded training team of each initiator.
fn co_joined(data: &TrainingData) -> Csr {
    let succeeded =
        data.teams.iter().filter(|team| team.outcome == TeamOutcome::Succeeded && team.split == Split::Train);
    let joined = succeeded.flat_map(|team| team.participants.iter().map(|friend| (team.initiator.0, friend.0, 1.0)));
    Csr::from_entries(data.users.len(), data.users.len(), joined.collect())
}

fn write_history(path: &Path, data: &TrainingData, demand: Demand) -> Result<(), EngineError> {
    let mut file = SectionFile::default();
    let mut possessions = ListsBuilder::new();
    let mut buyers = vec![Vec::new(); data.products.len()];
    for (user, list) in data.possessions.iter().enumerate() {
        possessions.push(list.iter().map(stored_possession));
        for possession in list.iter().filter(|possession| possession.purchases > 0) {
            buyers[possession.product.0 as usize].push(user as u32);
        }
    }
    possessions.add_to(&mut file, "possessions.offsets", "possessions");
    let mut lists = ListsBuilder::new();
    buyers.into_iter().for_each(|list| lists.push(list));
    lists.add_to(&mut file, "buyers.offsets", "buyers");
    file.add_owned("ranking", ranking(&demand.popularity));
    file.add("popularity", &demand.popularity);
    file.add("trend", &demand.trend);
    file.add_owned("countries", demand.by_country.keys().copied().collect());
    let (mut rows, mut weights) = (ListsBuilder::new(), Vec::new());
    for products in demand.by_country.values() {
        let mut list: Vec<(u32, f32)> = products.iter().map(|(&row, &weight)| (row, weight as f32)).collect();
        list.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        rows.push(list.iter().map(|entry| entry.0));
        weights.extend(list.iter().map(|entry| entry.1));
    }
    rows.add_to(&mut file, "by_country.offsets", "by_country");
    file.add_owned("by_country.weights", weights);
    file.write(path)
}

fn stored_possession(possession: &Possession) -> StoredPossession {
    StoredPossession {
        last_ms: possession.last.map_or(NO_MOMENT, Timestamp::millis),
        product: possession.product.0,
        purchases: possession.purchases,
        gifts: possession.gifts,
        padding: 0,
    }
}

fn write_teams(path: &Path, teams: &[&TeamRecord]) -> Result<(), EngineError> {
    let moment = |moment: Option<Timestamp>| moment.map_or(NO_MOMENT, Timestamp::millis);
    let stored = |team: &&TeamRecord| StoredTeam {
        opened: moment(team.opened_at),
        deadline: moment(team.deadline),
        product: team.product.0,
        initiator: team.initiator.0,
        min_size: team.min_size,
        public: team.public.map_or(0, |public| 1 + u32::from(public)),
    };
    let mut file = SectionFile::default();
    add_ids(&mut file, &IDS, teams.iter().map(|team| team.team_id.as_str()));
    file.add_owned("teams", teams.iter().map(stored).collect());
    let mut participants = ListsBuilder::new();
    teams.iter().for_each(|team| participants.push(team.participants.iter().map(|user| user.0)));
    participants.add_to(&mut file, "participants.offsets", "participants");
    file.write(path)
}

fn write_user_vectors(path: &Path, source: &BundleSource<'_>) -> Result<(), EngineError> {
    let mut file = UserVectorsWriter::create(path, source.dim)?;
    source.user_vectors.chunks_exact(source.dim).try_for_each(|vector| file.push(vector))?;
    file.finish()
}

fn write_vectors(path: &Path, source: &BundleSource<'_>) -> Result<(), EngineError> {
    let mut file = SectionFile::default();
    file.add("products", source.product_vectors);
    file.add_owned("groups", source.groups.iter().flat_map(|group| group.vector.iter().copied()).collect());
    let mut members = ListsBuilder::new();
    let mut table = vec![NONE; (source.groups.len() * 2 + 1).next_power_of_two()];
    for (row, group) in source.groups.iter().enumerate() {
        let rows: Vec<u32> = group.members.iter().map(|member| member.0).collect();
        insert(&mut table, xxh3_64(bytemuck::cast_slice(&rows)), row as u32);
        members.push(rows);
    }
    members.add_to(&mut file, "group_members.offsets", "group_members");
    file.add_owned("group_table", table);
    let gram = gram(source.product_vectors, source.dim);
    if source.dim <= MOST_DIM_OF_AXES {
        let axes = Axes::of(&gram, source.dim);
        file.add_owned("axes", axes.directions);
        file.add_owned("axes.squares", axes.squares);
    }
    file.add_owned("gram", gram);
    file.write(path)
}

/// Rows added up before their sum joins the others: fixed, so that the result does not depend on the threads.
const GRAM_ROWS: usize = 4_096;

/// `Σ y yᵀ`, in double precision, chunk by chunk in order.
fn gram(vectors: &[f32], dim: usize) -> Vec<f32> {
    let chunk = |rows: &[f32]| {
        let mut sum = vec![0.0f64; dim * dim];
        for y in rows.chunks_exact(dim) {
            for (line, &left) in sum.chunks_exact_mut(dim).zip(y) {
                line.iter_mut().zip(y).for_each(|(cell, &right)| *cell += f64::from(left) * f64::from(right));
            }
        }
        sum
    };
    let mut total = vec![0.0f64; dim * dim];
    for batch in vectors.chunks(GRAM_ROWS * dim * 64) {
        let sums: Vec<Vec<f64>> = batch.par_chunks(GRAM_ROWS * dim).map(chunk).collect();
        sums.iter().for_each(|sum| total.iter_mut().zip(sum).for_each(|(total, value)| *total += value));
    }
    total.into_iter().map(|value| value as f32).collect()
}

fn write_index(path: &Path, source: &BundleSource<'_>) -> Result<IndexReport, EngineError> {
    let users: Vec<&[f32]> =
        source.user_vectors.chunks_exact(source.dim).filter(|x| x.iter().any(|&value| value != 0.0)).collect();
    let (shown, asked): (Vec<_>, Vec<_>) = users.into_iter().enumerate().partition(|(at, _)| at % ASKED_EVERY != 0);
    let vectors = |users: Vec<(usize, _)>| users.into_iter().map(|(_, vector)| vector).collect();
    let (shown, asked): (Vec<&[f32]>, Vec<&[f32]>) = (vectors(shown), vectors(asked));
    let mut index = FlatIndex::build(source.product_vectors, source.dim, &shown, &source.index);
    let mut report = measure(&index, source, &asked);
    if report.recall_at_10 < FLOOR {
        index = index.without_graph();
        report = IndexReport { refused_at: Some(report.recall_at_10), ..measure(&index, source, &asked) };
    }
    index.write(path)?;
    Ok(report)
}

/// Efforts of search to choose from: the first that reaches [`AIM`] is kept, else the last.
const EFFORTS: [usize; 6] = [48, 96, 192, 384, 768, 1_536];
/// Recall at ten and at a hundred that serving shall have.
const AIM: f64 = 0.995;
/// Recall at ten below which no graph is kept: a slow right answer is better than a fast wrong one.
const FLOOR: f64 = 0.95;
/// Most users whose vectors measure the recall.
const MOST_QUERIES: usize = 500;
/// Every so many users one measures the recall, and teaches the index nothing.
const ASKED_EVERY: usize = 8;

/// Finds the effort of search, and measures the recall it reaches on vectors of users whom the index has not seen.
fn measure(index: &FlatIndex, source: &BundleSource<'_>, users: &[&[f32]]) -> IndexReport {
    let mut report = IndexReport {
        builder: source.index.builder,
        rows: index.format(),
        links: index.degree(),
        lists: index.lists(),
        effort: EFFORTS[0],
        recall_at_10: 1.0,
        recall_at_100: 1.0,
        recall_queries: 0,
        refused_at: None,
    };
    if report.links == 0 || users.is_empty() {
        return report;
    }
    let exact = Exact::new(source.product_vectors, source.dim);
    let queries: Vec<&[f32]> = users.iter().copied().step_by(users.len().div_ceil(MOST_QUERIES)).collect();
    let truth: Vec<Vec<u32>> = queries.par_iter().map(|query| rows_found(&exact, query, 100)).collect();
    report.recall_queries = queries.len();
    for effort in EFFORTS {
        let searcher = index.searcher(source.product_vectors, effort);
        report.effort = effort;
        report.recall_at_10 = recall(&searcher, &queries, &truth, 10);
        report.recall_at_100 = recall(&searcher, &queries, &truth, 100);
        if report.recall_at_10.min(report.recall_at_100) >= AIM {
            break;
        }
    }
    report
}

/// Share of the first `k` of each list in `truth` that the index finds among its `k`.
fn recall(index: &(impl VectorIndex + Sync), queries: &[&[f32]], truth: &[Vec<u32>], k: usize) -> f64 {
    let hits = |(query, truth): (&&[f32], &Vec<u32>)| {
        let truth = &truth[..k.min(truth.len())];
        let found = rows_found(index, query, k);
        (found.iter().filter(|row| truth.contains(row)).count(), truth.len())
    };
    let counts: Vec<(usize, usize)> = queries.par_iter().zip(truth).map(hits).collect();
    let (found, wanted) = counts.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    found as f64 / wanted.max(1) as f64
}

fn rows_found(index: &impl VectorIndex, query: &[f32], k: usize) -> Vec<u32> {
    index.search(query, k, None).iter().map(|scored| scored.row).collect()
}

/// Size and checksum of every file in the folder.
fn checksums(folder: &Path) -> Result<BTreeMap<String, FileEntry>, EngineError> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(EngineError::io(folder))? {
        let path = entry.map_err(EngineError::io(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if !path.is_file() || name.is_empty() {
            return Err(EngineError::unwritable(format!(
                "{} is no plain file; a bundle holds files only",
                path.display()
            )));
        }
        files.insert(name, FileEntry::of(&path)?);
    }
    Ok(files)
}

/// Writes the manifest and its checksum, and makes sure that it can be read back.
fn write_manifest(folder: &Path, manifest: &Manifest) -> Result<(), EngineError> {
    let unreadable = |fault: serde_json::Error| {
        EngineError::unwritable(format!("the manifest cannot be read back, a setting or model is not finite: {fault}"))
    };
    let text = serde_json::to_vec_pretty(manifest).map_err(unreadable)?;
    serde_json::from_slice::<Manifest>(&text).map_err(unreadable)?;
    let checksum = hex(xxh3_64(&text)) + "\n";
    for (name, bytes) in [(MANIFEST, text.as_slice()), (MANIFEST_CHECKSUM, checksum.as_bytes())] {
        let path = folder.join(name);
        folder::write_durably(&path, bytes)?;
    }
    Ok(())
}
