//! 1. The narrowest cohort is found, and nobody's where nothing is known.
//! 2. A newcomer's vector is the weighted mean of what the rules name, written out.
//! 3. What is written is read back; a file cut anywhere, of another shape or with a small cohort is refused.

use std::fs;

use super::*;
use crate::bundle::map::MappedFile;

const BELIEVED: Believed = Believed { beside_friends: 3.0, alone: true, in_fold: 0.5 };

fn home(country: Option<&str>, language: Option<&str>) -> Home {
    Home::new(country.map(|code| code.parse().unwrap()), language.map(|code| code.parse().unwrap()))
}

fn cohorts() -> Cohorts {
    let cohort = |country, language, vector: [f32; 2]| Cohort {
        home: home(country, language),
        people: LEAST_PEOPLE,
        vector: vector.to_vec(),
    };
    let all = vec![
        cohort(Some("ES"), None, [1.0, 0.0]),
        cohort(Some("ES"), Some("es"), [2.0, 0.0]),
        cohort(None, Some("fr"), [0.0, 3.0]),
    ];
    Cohorts::new(2, BELIEVED, all)
}

#[test]
fn the_narrowest_cohort_stands_for_a_newcomer() {
    let cohorts = cohorts();
    let of = |country, language| cohorts.newcomer(home(country, language)).map(|newcomer| newcomer.vector[..].to_vec());
    assert_eq!(of(Some("ES"), Some("es")), Some(vec![2.0, 0.0]));
    assert_eq!(of(Some("ES"), Some("fr")), Some(vec![1.0, 0.0]), "the country comes before the language");
    assert_eq!(of(Some("ES"), None), Some(vec![1.0, 0.0]));
    assert_eq!(of(Some("IT"), Some("fr")), Some(vec![0.0, 3.0]));
    assert_eq!(of(Some("IT"), Some("it")), None);
    assert_eq!(of(None, None), None);
    assert_eq!((home(None, None).cohorts().count(), home(Some("ES"), None).cohorts().count()), (0, 1));
}

#[test]
fn friends_and_cohort_count_by_their_strengths() {
    let cohorts = cohorts();
    let newcomer = cohorts.newcomer(home(Some("ES"), None)).unwrap();
    let friends = || Some(FriendsMean { vector: vec![0.0, 4.0], strength: 1.0 });
    assert_eq!(newcomer.taste(friends()), Some(vec![0.75, 1.0]));
    assert_eq!(newcomer.taste(None), Some(vec![1.0, 0.0]));
    assert_eq!(newcomer.prior(friends(), 0.5), vec![0.375, 0.5]);
    assert_eq!(newcomer.prior(None, 0.5), vec![0.5, 0.0]);
    let unused = Newcomer { believed: Believed::default(), ..newcomer };
    assert_eq!((unused.taste(friends()), unused.taste(None)), (Some(vec![0.0, 4.0]), None));
    assert!(Believed::default().is_nothing() && !BELIEVED.is_nothing());
}

#[test]
fn what_is_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let (path, written) = (folder.path().join(COHORTS_FILE), cohorts());
    written.write(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    let open = || Cohorts::open(&MappedFile::open(&path, fs::metadata(&path).unwrap().len())?, 2);
    let read = open().unwrap();
    assert_eq!((&read.homes[..], &read.people[..]), (&written.homes[..], &written.people[..]));
    assert_eq!((&read.vectors[..], read.believed), (&written.vectors[..], BELIEVED));
    assert_eq!((read.len(), read.is_empty()), (3, false));
    for len in 0..whole.len() {
        fs::write(&path, &whole[..len]).unwrap();
        assert!(open().is_err(), "cut to {len} bytes");
    }
    fs::write(&path, &whole).unwrap();
    let file = MappedFile::open(&path, whole.len() as u64).unwrap();
    assert!(Cohorts::open(&file, 3).is_err(), "another number of dimensions");
}

#[test]
fn a_cohort_of_few_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(COHORTS_FILE);
    let few = Cohorts { people: vec![LEAST_PEOPLE, LEAST_PEOPLE - 1, LEAST_PEOPLE].into(), ..cohorts() };
    few.write(&path).unwrap();
    let file = MappedFile::open(&path, fs::metadata(&path).unwrap().len()).unwrap();
    let fault = Cohorts::open(&file, 2).err().unwrap().to_string();
    assert!(fault.contains("19 people"), "{fault}");
}
