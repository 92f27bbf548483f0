//! Standing groups that decide together, in the files of AGREE (Cao et al., SIGIR 2018) and ConsRec.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};

use super::OnError;
use super::intake::Intake;
use super::known::id_in;
use super::lightgcn::read_friends;
use super::report::ImportReport;
use super::text::{BLANKS, words};
use crate::error::{DatasetError, RowFault};
use crate::progress::Progress;
use crate::tables::{Event, EventKind, PurchaseVisibility, Split, Team, TeamOutcome};

/// Files of a group-recommendation data set. Groups, users and items have id spaces of their own.
#[derive(Debug, Clone, Default)]
pub struct GroupFiles {
    /// Lines `group user,user,…`.
    pub members: PathBuf,
    /// Lines `group item [rating]`.
    pub group_train: PathBuf,
    /// The same, held out for the final figures.
    pub group_test: PathBuf,
    /// Lines `(group,item) item item …`: the products among which the held-out one is ranked.
    pub negatives: Option<PathBuf>,
    /// Lines `user item [rating]`.
    pub user_train: Option<PathBuf>,
    /// The same, held out for the final figures.
    pub user_test: Option<PathBuf>,
    /// Lines `user friend [strength]`.
    pub friends: Option<PathBuf>,
    /// What becomes of bad lines.
    pub on_error: OnError,
}

/// Imports group ratings to the new folder `out`.
///
/// Each group rating is a succeeded team whose initiator is the group's first member, named `{group}-{line}`, or
/// `{group}-test-{line}` with split `test` and its negatives; each user rating is a `rate` event. Negatives that no test
/// line asks for are refused.
///
/// # Errors
/// A file that is missing or empty, an occupied `out`, or bad lines unless they may be quarantined.
pub fn groups(files: &GroupFiles, out: &Path, progress: &dyn Progress) -> Result<ImportReport, DatasetError> {
    let mut intake = Intake::begin(out, files.on_error, progress)?;
    let mut members = Members::new();
    intake.read_lines("members", &files.members, |intake, _, line| Ok(take_members(intake, &mut members, line)))?;
    let mut negatives = Negatives::new();
    if let Some(path) = &files.negatives {
        intake.read_lines(NEGATIVES, path, |_, number, line| Ok(take_negatives(&mut negatives, number, line)))?;
    }
    let mut none = Negatives::new();
    for (role, path, split) in
        [("group_train", &files.group_train, Split::Train), ("group_test", &files.group_test, Split::Test)]
    {
        let against = if split == Split::Test { &mut negatives } else { &mut none };
        let mut groups = Groups { members: &members, negatives: against, split };
        intake.read_lines(role, path, |intake, number, line| groups.take(intake, number, line))?;
    }
    refuse_unused(&mut intake, negatives)?;
    for (role, path, split) in
        [("user_train", &files.user_train, Split::Train), ("user_test", &files.user_test, Split::Test)]
    {
        let Some(path) = path else { continue };
        intake.read_lines(role, path, |intake, _, line| take_user_rating(intake, split, line))?;
    }
    read_friends(&mut intake, files.friends.as_deref())?;
    intake.push_known(PurchaseVisibility::Everyone)?;
    intake.finish()
}

type Members = HashMap<String, Vec<String>>;
/// Lists of products by `(group, item)`, in the order of the file: a pair tested twice has two.
type Negatives = HashMap<(String, String), VecDeque<NegativeList>>;

/// What the file of negatives is called in messages.
const NEGATIVES: &str = "negatives";

/// One line of negatives.
struct NegativeList {
    line: u64,
    items: Vec<String>,
    /// Whether a test line asked for it.
    used: bool,
}

fn take_members(intake: &mut Intake<'_>, members: &mut Members, line: &str) -> Result<(), RowFault> {
    let mut words = words(line, &[' ', '\t', ',']);
    let group = id_in("group", words.next().unwrap_or_default())?;
    let mut ids: Vec<String> = Vec::new();
    let mut repeated = 0;
    for word in words {
        let user = id_in("user", word)?;
        if ids.iter().any(|id| id == user) {
            repeated += 1;
        } else {
            ids.push(user.to_owned());
        }
    }
    if ids.is_empty() {
        return Err(RowFault::new("user", "is missing", "write `group user,user,…`"));
    }
    if members.contains_key(group) {
        return Err(RowFault::new("group", format!("`{group}` is listed twice"), "list each group once"));
    }
    intake.repaired(repeated);
    for user in &ids {
        intake.users.see(user);
    }
    members.insert(group.to_owned(), ids);
    Ok(())
}

fn take_negatives(negatives: &mut Negatives, number: u64, line: &str) -> Result<(), RowFault> {
    let shape = || RowFault::new("line", "does not begin with `(group,item)`", "write `(group,item) item item …`");
    let (pair, rest) = line.strip_prefix('(').and_then(|line| line.split_once(')')).ok_or_else(shape)?;
    let (group, item) = pair.split_once(',').ok_or_else(shape)?;
    let group = id_in("group", group.trim())?;
    let item = id_in("item", item.trim())?;
    let items = words(rest, BLANKS).map(|word| id_in("item", word)).collect::<Result<Vec<_>, _>>()?;
    if items.is_empty() {
        return Err(RowFault::new("item", "is missing", "give the products to rank against, or remove the line"));
    }
    let lists = negatives.entry((group.to_owned(), item.to_owned())).or_default();
    let items = items.into_iter().map(str::to_owned).collect();
    lists.push_back(NegativeList { line: number, items, used: false });
    Ok(())
}

/// Refuses the lists that no test line asked for, in the order of the file.
fn refuse_unused(intake: &mut Intake<'_>, negatives: Negatives) -> Result<(), DatasetError> {
    let unused = |(pair, lists): ((String, String), VecDeque<NegativeList>)| {
        lists.into_iter().filter(|list| !list.used).map(move |list| (list.line, pair.clone()))
    };
    let mut unused: Vec<(u64, (String, String))> = negatives.into_iter().flat_map(unused).collect();
    unused.sort_unstable();
    for (line, (group, item)) in unused {
        let reason = format!("belong to no line of the group test, got `({group},{item})`");
        let fault = RowFault::new(NEGATIVES, reason, "add the line to the group test, or remove these negatives");
        intake.refuse_of(NEGATIVES, line, fault)?;
    }
    Ok(())
}

/// What the ratings of one part of the groups refer to.
struct Groups<'g> {
    members: &'g Members,
    negatives: &'g mut Negatives,
    split: Split,
}

impl<'g> Groups<'g> {
    fn take(&mut self, intake: &mut Intake<'_>, number: u64, line: &str) -> Result<Result<(), RowFault>, DatasetError> {
        match rating("group", line).and_then(|rating| Ok((rating, self.members_of(rating.who)?))) {
            Ok((rating, members)) => {
                let part = if self.split == Split::Test { "test-" } else { "" };
                let team_id = format!("{}-{part}{number}", rating.who);
                match id_in("group", &team_id) {
                    Ok(team_id) => self.push(intake, team_id, rating, members).map(Ok),
                    Err(fault) => Ok(Err(fault)),
                }
            }
            Err(fault) => Ok(Err(fault)),
        }
    }

    fn members_of(&self, group: &str) -> Result<&'g [String], RowFault> {
        self.members.get(group).map(Vec::as_slice).ok_or_else(|| {
            RowFault::new("group", format!("`{group}` has no members"), "add the group to the members file")
        })
    }

    fn push(
        &mut self,
        intake: &mut Intake<'_>,
        team_id: &str,
        rating: Rating<'_>,
        members: &[String],
    ) -> Result<(), DatasetError> {
        intake.products.see(rating.item);
        let negatives = self.negatives_of(rating);
        for item in &negatives {
            intake.products.see(item);
        }
        intake.push_team(&Team {
            team_id,
            product_id: rating.item,
            initiator_id: &members[0],
            participant_ids: members[1..].iter().map(String::as_str).collect(),
            min_size: members.len() as u32,
            opened_at: None,
            deadline: None,
            outcome: TeamOutcome::Succeeded,
            split: self.split,
            negative_ids: negatives.iter().map(String::as_str).collect(),
            public: None,
        })
    }

    /// The negatives of one test of a pair: the first test gets the first list, the second the second, and the last list
    /// serves all that follow.
    fn negatives_of(&mut self, rating: Rating<'_>) -> Vec<String> {
        let lists = self.negatives.get_mut(&(rating.who.to_owned(), rating.item.to_owned()));
        let Some(lists) = lists else { return Vec::new() };
        if lists.len() > 1 {
            return lists.pop_front().map_or_else(Vec::new, |list| list.items);
        }
        lists.front_mut().map_or_else(Vec::new, |last| {
            last.used = true;
            last.items.clone()
        })
    }
}

fn take_user_rating(intake: &mut Intake<'_>, split: Split, line: &str) -> Result<Result<(), RowFault>, DatasetError> {
    let Rating { who, item, value } = match rating("user", line) {
        Ok(rating) => rating,
        Err(fault) => return Ok(Err(fault)),
    };
    intake.users.see(who);
    intake.products.see(item);
    intake.push_event(&Event { value, split, ..Event::new(who, item, EventKind::Rate) }).map(Ok)
}

#[derive(Clone, Copy)]
struct Rating<'l> {
    who: &'l str,
    item: &'l str,
    value: Option<f64>,
}

fn rating<'l>(who: &str, line: &'l str) -> Result<Rating<'l>, RowFault> {
    let fields: Vec<&str> = words(line, BLANKS).collect();
    let (id, item, value) = match fields[..] {
        [id, item] => (id, item, None),
        [id, item, value] => (id, item, Some(value)),
        _ => {
            let reason = format!("has {} fields", fields.len());
            return Err(RowFault::new("line", reason, format!("write `{who} item` or `{who} item rating`")));
        }
    };
    let number = |text: &str| match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(RowFault::new("rating", format!("is `{text}`"), "give a finite number")),
    };
    Ok(Rating { who: id_in(who, id)?, item: id_in("item", item)?, value: value.map(number).transpose()? })
}
