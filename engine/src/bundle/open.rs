//! Opening a bundle: map, compare with the manifest, check every offset and row once.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;
use rayon::prelude::*;
use serde::Deserialize;
use xxhash_rust::xxh3::xxh3_64;

use super::choices::{self, CHOICES};
use super::feedback::{self, FEEDBACK};
use super::manifest::{FORMAT, MANIFEST, MANIFEST_CHECKSUM, Manifest, Shapes, hex};
use super::map::{MappedFile, map};
use super::people::People;
use super::rhythms::{self, RHYTHMS};
use super::sections::FORMAT_VERSION;
use super::shapes::{IdMapView, Lists, NONE, Texts};
use super::teams::{OpenTeams, StoredTeam};
use super::user_vectors::{USER_VECTORS, UserVectors};
use super::write::MOST_DIM;
use super::{Axes, Bundle, Vectors};
use crate::catalogue::Catalogue;
use crate::cohorts::{COHORTS_FILE, Cohorts};
use crate::content::{CONTENT_FILE, ContentModel};
use crate::error::EngineError;
use crate::filter::Deliverable;
use crate::friends::{Ties, Weighted};
use crate::history::{History, StoredPossession};
use crate::index::{Base, FlatIndex};

/// Most rows of a kind: row numbers are `u32`, and the last one stands for none.
const MOST_ROWS: usize = u32::MAX as usize - 1;
/// Most effort of search that a manifest may ask for.
const MOST_EFFORT: usize = 1 << 16;
/// Digits of a manifest's checksum that name a bundle.
const VERSION_DIGITS: usize = 12;

impl Bundle {
    /// Opens the bundle in folder `path`, and compares every byte with the checksums of the manifest.
    ///
    /// # Errors
    /// When the folder is no bundle or one of another version, or a file is missing, damaged or cut short. An opened
    /// bundle cannot fail any more, as long as nobody writes to its files.
    pub fn open(path: &Path) -> Result<Self, EngineError> {
        open(path, true)
    }

    /// As [`Bundle::open`] without the checksums of the binary files, for bundles far larger than memory on a trusted
    /// disk: sizes, headers, offsets and row numbers are checked all the same, so that no question can fail.
    ///
    /// # Errors
    /// As [`Bundle::open`].
    pub fn open_unverified(path: &Path) -> Result<Self, EngineError> {
        open(path, false)
    }
}

fn open(folder: &Path, verify: bool) -> Result<Bundle, EngineError> {
    let (manifest, version) = read_manifest(folder)?;
    let files = map_files(folder, &manifest, verify)?;
    let manifest_path = folder.join(MANIFEST);
    check_shapes(&manifest).map_err(|problem| EngineError::damaged(&manifest_path, problem))?;
    let file = |name: &str| match files.get(name) {
        Some(map) => MappedFile::new(&folder.join(name), Arc::clone(map)),
        None => Err(EngineError::damaged(&manifest_path, format!("it does not list `{name}`"))),
    };
    let shapes = manifest.shapes;
    let (users, products, sellers) = (file("users.bin")?, file("products.bin")?, file("sellers.bin")?);
    let vector_file = file("vectors.bin")?;
    let content = files.contains_key(CONTENT_FILE).then(|| ContentModel::open(&file(CONTENT_FILE)?, shapes.dim));
    let cohorts = files.contains_key(COHORTS_FILE).then(|| Cohorts::open(&file(COHORTS_FILE)?, shapes.dim));
    let feedback =
        files.contains_key(FEEDBACK).then(|| feedback::open(&file(FEEDBACK)?, shapes.products, shapes.users));
    let rhythms =
        files.contains_key(RHYTHMS).then(|| rhythms::Stored::open(&file(RHYTHMS)?, shapes.products, shapes.categories));
    let catalogue = catalogue(&products, &sellers, &shapes)?;
    let n_offers = catalogue.offers.items().len();
    let choices = files
        .contains_key(CHOICES)
        .then(|| choices::Stored::open(&file(CHOICES)?, n_offers, shapes.sellers, shapes.users));
    Ok(Bundle {
        users: IdMapView::open(&users, "ids", shapes.users)?,
        people: people(&users, shapes.users)?,
        products: IdMapView::open(&products, "ids", shapes.products)?,
        catalogue,
        choices: choices.transpose()?,
        sellers: IdMapView::open(&sellers, "ids", shapes.sellers)?,
        index: index(&file("index.bin")?, &vector_file, &shapes)?,
        vectors: vectors(&vector_file, &file(USER_VECTORS)?, &shapes)?,
        ties: ties(&file("ties.bin")?, shapes.users)?,
        history: history(&file("history.bin")?, &shapes)?,
        feedback: feedback.transpose()?,
        rhythms: rhythms.transpose()?,
        teams: teams(&file("teams.bin")?, &shapes)?,
        deliverable: Deliverable::default(),
        content: content.transpose()?,
        cohorts: cohorts.transpose()?,
        manifest,
        version,
    })
}

/// What every version of the manifest has.
#[derive(Deserialize)]
struct Head {
    format: String,
    format_version: u32,
}

/// The manifest, and the name that its checksum gives the bundle.
fn read_manifest(folder: &Path) -> Result<(Manifest, String), EngineError> {
    let path = folder.join(MANIFEST);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(fault) if matches!(fault.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Err(EngineError::NotABundle { path: folder.to_owned(), problem: format!("it has no {MANIFEST}") });
        }
        Err(fault) => return Err(EngineError::Io { path, source: fault }),
    };
    let checksum = hex(xxh3_64(&text));
    check_manifest(folder, &checksum)?;
    let head: Head = serde_json::from_slice(&text).map_err(|fault| unreadable(&path, &fault))?;
    if head.format != FORMAT {
        let problem = format!("{MANIFEST} calls itself `{}`", head.format);
        return Err(EngineError::NotABundle { path: folder.to_owned(), problem });
    }
    if head.format_version != FORMAT_VERSION {
        return Err(EngineError::Version { path, got: head.format_version, expected: FORMAT_VERSION });
    }
    let manifest = serde_json::from_slice(&text).map_err(|fault| unreadable(&path, &fault))?;
    Ok((manifest, checksum[..VERSION_DIGITS].to_owned()))
}

fn unreadable(path: &Path, fault: &serde_json::Error) -> EngineError {
    EngineError::damaged(path, format!("it cannot be read: {fault}"))
}

fn check_manifest(folder: &Path, checksum: &str) -> Result<(), EngineError> {
    let path = folder.join(MANIFEST_CHECKSUM);
    let expected = match fs::read(&path) {
        Ok(expected) => expected,
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => {
            return Err(EngineError::damaged(&path, "the file is missing"));
        }
        Err(fault) => return Err(EngineError::Io { path, source: fault }),
    };
    if expected != format!("{checksum}\n").as_bytes() {
        return Err(EngineError::damaged(
            &folder.join(MANIFEST),
            format!("its checksum is {checksum}, which {MANIFEST_CHECKSUM} does not say"),
        ));
    }
    Ok(())
}

/// Maps every file that the manifest lists, in parallel.
fn map_files(folder: &Path, manifest: &Manifest, verify: bool) -> Result<HashMap<String, Arc<Mmap>>, EngineError> {
    let files: Vec<_> = manifest.files.iter().collect();
    let open = |(name, entry): &(&String, &super::FileEntry)| {
        let path = plain_path(folder, name)?;
        let map = map(&path, entry.bytes)?;
        if verify {
            let checksum = hex(xxh3_64(&map));
            if checksum != entry.xxh3 {
                let problem = format!("its checksum is {checksum}, the manifest says {}", entry.xxh3);
                return Err(EngineError::damaged(&path, problem));
            }
        }
        Ok(((*name).clone(), map))
    };
    files.par_iter().map(open).collect()
}

/// The place of a file, which must lie in the folder itself.
fn plain_path(folder: &Path, name: &str) -> Result<PathBuf, EngineError> {
    let is_plain = Path::new(name).file_name().is_some_and(|last| last == name);
    if is_plain {
        return Ok(folder.join(name));
    }
    Err(EngineError::damaged(&folder.join(MANIFEST), format!("it lists `{name}`, which is no name of a file")))
}

fn check_shapes(manifest: &Manifest) -> Result<(), String> {
    let shapes = &manifest.shapes;
    let rows = [
        ("users", shapes.users),
        ("products", shapes.products),
        ("sellers", shapes.sellers),
        ("categories", shapes.categories),
        ("brands", shapes.brands),
        ("countries", shapes.countries),
        ("groups", shapes.groups),
        ("open_teams", shapes.open_teams),
    ];
    let limits = rows.into_iter().map(|(name, rows)| (name, rows, 0, MOST_ROWS)).chain([
        ("payment_methods", shapes.payment_methods, 0, 64),
        ("dim", shapes.dim, 1, MOST_DIM),
        ("index.effort", manifest.index.effort, 1, MOST_EFFORT),
    ]);
    for (name, got, least, most) in limits {
        if !(least..=most).contains(&got) {
            return Err(format!("`{name}` is {got}, not within {least} and {most}"));
        }
    }
    Ok(())
}

fn people(file: &MappedFile, users: usize) -> Result<People, EngineError> {
    Ok(People {
        country: file.column_of("country", users)?,
        language: file.column_of("language", users)?,
        birth_year: file.column_of("birth_year", users)?,
        flags: file.column_of("flags", users)?,
        created: file.column_of("created", users)?,
    })
}

fn catalogue(file: &MappedFile, sellers: &MappedFile, shapes: &Shapes) -> Result<Catalogue, EngineError> {
    let n = shapes.products;
    let methods = Texts::open(file, "methods", shapes.payment_methods)?;
    let category_parent = file.rows_of("category_parent", shapes.categories, shapes.categories, Some(NONE))?;
    if category_parent.iter().enumerate().any(|(row, &parent)| parent != NONE && parent as usize >= row) {
        return file.refuse("section `category_parent` names a parent after its child");
    }
    Ok(Catalogue {
        price: file.column_of("price", n)?,
        currency: file.column_of("currency", n)?,
        group_price: file.column_of("group_price", n)?,
        group_min_size: file.column_of("group_min_size", n)?,
        stock: file.column_of("stock", n)?,
        seller: file.rows_of("seller", n, shapes.sellers, Some(NONE))?,
        category: file.rows_of("category", n, shapes.categories, Some(NONE))?,
        brand: file.rows_of("brand", n, shapes.brands, Some(NONE))?,
        ships_from: file.column_of("ships_from", n)?,
        language: file.column_of("language", n)?,
        min_age: file.column_of("min_age", n)?,
        flags: file.column_of("flags", n)?,
        created: file.column_of("created", n)?,
        title: Texts::open(file, "title", n)?,
        description: Texts::open(file, "description", n)?,
        image_url: Texts::open(file, "image_url", n)?,
        offers: Lists::open(file, "offers", n)?,
        sellable: file.column_of("sellable", n.div_ceil(64))?,
        for_all_ages: file.column_of("for_all_ages", n.div_ceil(64))?,
        category_parent,
        categories: IdMapView::open(file, "categories", shapes.categories)?,
        brands: Texts::open(file, "brands", shapes.brands)?,
        n_brands: shapes.brands,
        payment_methods: (0..shapes.payment_methods).map(|at| methods.get(at).to_owned()).collect(),
        seller_name: Texts::open(sellers, "name", shapes.sellers)?,
        seller_country: sellers.column_of("country", shapes.sellers)?,
        seller_page: Texts::open(sellers, "page_url", shapes.sellers)?,
    })
}

/// Lists `name` of rows below `end`.
fn rows(file: &MappedFile, name: &str, lists: usize, end: usize) -> Result<Lists<u32>, EngineError> {
    let rows = Lists::<u32>::open(file, name, lists)?;
    file.check_rows(name, rows.items(), end, None)?;
    Ok(rows)
}

/// Lists `name` of rows below `end`, with a weight for each entry.
fn weighted(file: &MappedFile, name: &str, lists: usize, end: usize) -> Result<Weighted, EngineError> {
    let rows = rows(file, name, lists, end)?;
    let weights = file.column_of(&format!("{name}.weights"), rows.items().len())?;
    Ok(Weighted { rows, weights })
}

fn ties(file: &MappedFile, users: usize) -> Result<Ties, EngineError> {
    Ok(Ties {
        friends: weighted(file, "friends", users, users)?,
        co_joined: weighted(file, "co_joined", users, users)?,
        blocked: rows(file, "blocked", users, users)?,
    })
}

fn history(file: &MappedFile, shapes: &Shapes) -> Result<History, EngineError> {
    let n = shapes.products;
    let possessions = Lists::<StoredPossession>::open(file, "possessions", shapes.users)?;
    let products: Vec<u32> = possessions.items().iter().map(|possession| possession.product).collect();
    file.check_rows("possessions", &products, n, None)?;
    Ok(History {
        possessions,
        buyers: rows(file, "buyers", n, shapes.users)?,
        popularity: file.column_of("popularity", n)?,
        trend: file.column_of("trend", n)?,
        ranking: file.rows_of("ranking", n, n, None)?,
        countries: file.column_of("countries", shapes.countries)?,
        by_country: weighted(file, "by_country", shapes.countries, n)?,
    })
}

fn teams(file: &MappedFile, shapes: &Shapes) -> Result<OpenTeams, EngineError> {
    let teams = file.column_of::<StoredTeam>("teams", shapes.open_teams)?;
    let products: Vec<u32> = teams.iter().map(|team| team.product).collect();
    let initiators: Vec<u32> = teams.iter().map(|team| team.initiator).collect();
    file.check_rows("teams", &products, shapes.products, None)?;
    file.check_rows("teams", &initiators, shapes.users, None)?;
    Ok(OpenTeams {
        ids: IdMapView::open(file, "ids", shapes.open_teams)?,
        participants: rows(file, "participants", shapes.open_teams, shapes.users)?,
        teams,
    })
}

fn vectors(file: &MappedFile, users: &MappedFile, shapes: &Shapes) -> Result<Vectors, EngineError> {
    let group_table = file.column::<u32>("group_table")?;
    file.check_rows("group_table", &group_table, shapes.groups, Some(NONE))?;
    if !group_table.len().is_power_of_two() {
        return file.refuse("section `group_table` is not a hash table: its size is no power of two");
    }
    Ok(Vectors {
        users: UserVectors::open(users, shapes.users, shapes.dim)?,
        groups: file.column_of("groups", shapes.groups * shapes.dim)?,
        group_members: rows(file, "group_members", shapes.groups, shapes.users)?,
        group_table,
        gram: file.column_of("gram", shapes.dim * shapes.dim)?,
        axes: axes(file, shapes.dim)?,
    })
}

/// The axes of the products' vectors, which bundles written before do not have.
fn axes(file: &MappedFile, dim: usize) -> Result<Option<Axes>, EngineError> {
    if !file.has("axes") {
        return Ok(None);
    }
    let directions = file.column_of("axes", dim * dim)?;
    Ok(Some(Axes { directions, squares: file.column_of("axes.squares", dim)? }))
}

/// The index, and the products' vectors that it was built from.
fn index(file: &MappedFile, vectors: &MappedFile, shapes: &Shapes) -> Result<Arc<Base>, EngineError> {
    let index = FlatIndex::from_file(file)?;
    if (index.len(), index.dim()) != (shapes.products, shapes.dim) {
        return file.refuse(format!("it is not of {} products of {} dimensions", shapes.products, shapes.dim));
    }
    let products = vectors.column_of("products", shapes.products * shapes.dim)?;
    Base::of_parts(index, products.into(), None).map(Arc::new).or_else(|fault| file.refuse(fault.to_string()))
}
