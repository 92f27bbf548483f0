//! Reasons in words: one line for each reason in seven languages, with the plural forms of each.
//!
//! A text is made from a [`Reason`], the catalogue and nothing else, so it cannot tell more than the code and its
//! parameters do. Nobody is named: no reason holds a person. Products and shops go by their names in the catalogue; a
//! product that is withdrawn, restricted by age or sensitive is not named. A reason without its hurrying parameter (free
//! seats, the day something runs out), as minors get it, has a calm text.
//!
//! The words of a language are in the file of its name, as [`messages::Messages`]; plural rules and numbers are CLDR's, through ICU4X.

mod en;
mod es;
mod fr;
mod it;
mod messages;
mod numbers;
mod ru;
mod tr;
mod zh;

#[cfg(test)]
mod tests;

use juntos_datasets::units::{Money, Timestamp};

use self::messages::{Messages, Named};
use self::numbers::Numbers;
use crate::reasons::Reason;
use crate::recommend::Snapshot;

juntos_datasets::words! {
    /// A language that reasons are written in.
    TextLanguage {
        /// English.
        English = "en",
        /// Spanish.
        Spanish = "es",
        /// French.
        French = "fr",
        /// Italian.
        Italian = "it",
        /// Russian.
        Russian = "ru",
        /// Turkish.
        Turkish = "tr",
        /// Chinese, in simplified characters.
        Chinese = "zh",
    }
}

impl TextLanguage {
    /// The language of a BCP 47 tag such as `ru` or `zh-Hans-CN`, if it is one of ours: the first subtag decides.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let first = tag.split(['-', '_']).next()?;
        first.to_ascii_lowercase().parse().ok()
    }

    const fn messages(self) -> &'static Messages {
        match self {
            Self::English => &en::MESSAGES,
            Self::Spanish => &es::MESSAGES,
            Self::French => &fr::MESSAGES,
            Self::Italian => &it::MESSAGES,
            Self::Russian => &ru::MESSAGES,
            Self::Turkish => &tr::MESSAGES,
            Self::Chinese => &zh::MESSAGES,
        }
    }
}

/// Longest name of a product or shop in a text, characters.
const MOST_NAME_CHARS: usize = 60;

/// Puts reasons into words, in one language at one moment.
pub struct Wording<'a> {
    world: &'a Snapshot,
    now: Timestamp,
    language: TextLanguage,
    messages: &'static Messages,
    numbers: Numbers,
}

impl<'a> Wording<'a> {
    /// Words in `language` for answers of `world` at `now`. Cost: a few microseconds; make one for each answer.
    pub fn new(world: &'a Snapshot, language: TextLanguage, now: Timestamp) -> Self {
        Self { world, now, language, messages: language.messages(), numbers: Numbers::new(language) }
    }

    /// The language.
    pub const fn language(&self) -> TextLanguage {
        self.language
    }

    /// The text of a reason.
    pub fn text(&self, reason: &Reason) -> String {
        let messages = self.messages;
        match reason {
            Reason::FriendsBought { count } => self.numbers.counted(&messages.friends_bought, count.least().into()),
            Reason::BecauseYouBought { product_id } => {
                named(&messages.because_you_bought, "{product}", self.product(product_id))
            }
            Reason::SimilarTo { product_id } => named(&messages.similar_to, "{product}", self.product(product_id)),
            Reason::YourTaste => messages.your_taste.to_owned(),
            Reason::GroupTaste => messages.group_taste.to_owned(),
            Reason::OpenTeam { seats_left: None, .. } => messages.open_team.to_owned(),
            Reason::OpenTeam { seats_left: Some(seats), .. } => {
                self.numbers.counted(&messages.open_team_seats, (*seats).into())
            }
            Reason::TrendingInMarket => messages.trending_in_market.to_owned(),
            Reason::TimeToRepurchase { due: None } => messages.bought_before.to_owned(),
            Reason::TimeToRepurchase { due: Some(due) } => self.runs_out(*due),
            Reason::NewFromSeller { seller_id } => named(&messages.new_from_seller, "{seller}", self.seller(seller_id)),
            Reason::TeamPrice { saving } => self.saving(*saving),
            Reason::JoinedYouBefore => messages.joined_you_before.to_owned(),
            Reason::CloseFriend => messages.close_friend.to_owned(),
            Reason::LikesThisKind => messages.likes_this_kind.to_owned(),
        }
    }

    /// When something bought is used up, in days (UTC) from now.
    fn runs_out(&self, due: Timestamp) -> String {
        let days = due.day() - self.now.day();
        match days {
            0 => self.messages.runs_out_today.to_owned(),
            1.. => self.numbers.counted(&self.messages.runs_out_in, days.unsigned_abs()),
            _ => self.numbers.counted(&self.messages.ran_out_ago, days.unsigned_abs()),
        }
    }

    fn saving(&self, saving: Money) -> String {
        let amount = self.numbers.amount(saving.minor_units, saving.currency);
        self.messages.team_price.replacen("{amount}", &amount, 1)
    }

    /// The name of a product that anybody may be told.
    fn product(&self, id: &str) -> Option<String> {
        let record = self
            .world
            .product(id)
            .filter(|product| !product.hidden && !product.sensitive && product.min_age.is_none())?;
        readable(record.title.as_deref()?)
    }

    fn seller(&self, id: &str) -> Option<String> {
        let bundle = self.world.bundle();
        readable(bundle.catalogue().seller_name(bundle.sellers().row(id)?)?)
    }
}

fn named(message: &Named, parameter: &str, name: Option<String>) -> String {
    match name {
        Some(name) => message.with.replacen(parameter, &name, 1),
        None => message.without.to_owned(),
    }
}

/// A name from the catalogue on one line of readable length; none when nothing is left.
fn readable(name: &str) -> Option<String> {
    let words: Vec<&str> = name.split(|letter: char| letter.is_whitespace() || letter.is_control()).collect();
    let mut name = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    if name.chars().count() > MOST_NAME_CHARS {
        name = name.chars().take(MOST_NAME_CHARS - 1).chain(['…']).collect();
    }
    (!name.is_empty()).then_some(name)
}
