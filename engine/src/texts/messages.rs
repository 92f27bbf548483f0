//! What a language has to say: every field is needed, so a language that lacks a message does not compile.

use icu_plurals::PluralCategory;

/// Every message of one language. A placeholder stands in braces; tests hold each message against the parameters that its
/// field names.
pub(super) struct Messages {
    /// At least `{count}` friends bought it.
    pub(super) friends_bought: Counted,
    /// Because you bought `{product}`.
    pub(super) because_you_bought: Named,
    /// Similar to `{product}`, which was asked about.
    pub(super) similar_to: Named,
    /// Close to the reader's taste.
    pub(super) your_taste: &'static str,
    /// Close to the taste that a group shares.
    pub(super) group_taste: &'static str,
    /// A team on it can be joined.
    pub(super) open_team: &'static str,
    /// The same, with `{count}` free seats.
    pub(super) open_team_seats: Counted,
    /// Popular in the market.
    pub(super) trending_in_market: &'static str,
    /// Bought before, without saying that it runs out.
    pub(super) bought_before: &'static str,
    /// What she has lasts for `{count}` more days.
    pub(super) runs_out_in: Counted,
    /// What she has is used up today.
    pub(super) runs_out_today: &'static str,
    /// What she had was used up `{count}` days ago.
    pub(super) ran_out_ago: Counted,
    /// New from `{seller}`.
    pub(super) new_from_seller: Named,
    /// Each member of a team saves `{amount}`.
    pub(super) team_price: &'static str,
    /// A friend who joined the reader's teams.
    pub(super) joined_you_before: &'static str,
    /// A close friend.
    pub(super) close_friend: &'static str,
    /// A friend who buys the same kind of products.
    pub(super) likes_this_kind: &'static str,
}

/// A message with a name in it, and one for when there is no name to tell.
pub(super) struct Named {
    pub(super) with: &'static str,
    pub(super) without: &'static str,
}

/// A message about a whole number, `{count}`, in the plural forms of its language.
pub(super) struct Counted {
    one: Option<&'static str>,
    few: Option<&'static str>,
    many: Option<&'static str>,
    other: &'static str,
}

impl Counted {
    /// Of a language whose words do not change with number.
    pub(super) const fn same(other: &'static str) -> Self {
        Self { one: None, few: None, many: None, other }
    }

    /// Of a language with singular and plural.
    pub(super) const fn two(one: &'static str, other: &'static str) -> Self {
        Self { one: Some(one), few: None, many: None, other }
    }

    /// Of a Romance language, which says "a million *of* days".
    pub(super) const fn romance(one: &'static str, many: &'static str, other: &'static str) -> Self {
        Self { one: Some(one), few: None, many: Some(many), other }
    }

    /// Of an East Slavic language; `other` is for fractions.
    pub(super) const fn slavic(one: &'static str, few: &'static str, many: &'static str, other: &'static str) -> Self {
        Self { one: Some(one), few: Some(few), many: Some(many), other }
    }

    /// The form for a category.
    pub(super) fn form(&self, category: PluralCategory) -> &'static str {
        self.own(category).unwrap_or(self.other)
    }

    /// The form that the message has for just this category.
    pub(super) fn own(&self, category: PluralCategory) -> Option<&'static str> {
        match category {
            PluralCategory::Zero | PluralCategory::Two => None,
            PluralCategory::One => self.one,
            PluralCategory::Few => self.few,
            PluralCategory::Many => self.many,
            PluralCategory::Other => Some(self.other),
        }
    }
}
