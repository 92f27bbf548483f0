//! English.

use super::messages::{Counted, Messages, Named};

pub(super) const MESSAGES: Messages = Messages {
    friends_bought: Counted::two("At least {count} friend bought it", "At least {count} friends bought it"),
    because_you_bought: Named { with: "Because you bought {product}", without: "Because of something you bought" },
    similar_to: Named { with: "Similar to {product}", without: "Similar to what you are looking at" },
    your_taste: "Chosen for your taste",
    group_taste: "Chosen for the taste you share",
    open_team: "A team you can join",
    open_team_seats: Counted::two("A team you can join: {count} seat free", "A team you can join: {count} seats free"),
    trending_in_market: "Popular where you shop",
    bought_before: "You have bought this before",
    runs_out_in: Counted::two(
        "What you have lasts for about {count} more day",
        "What you have lasts for about {count} more days",
    ),
    runs_out_today: "What you have lasts until about today",
    ran_out_ago: Counted::two("Probably used up {count} day ago", "Probably used up {count} days ago"),
    new_from_seller: Named { with: "New from {seller}", without: "New in the shop" },
    team_price: "Together each of you saves {amount}",
    joined_you_before: "Has joined your teams before",
    close_friend: "A close friend",
    likes_this_kind: "Likes things of this kind",
};
