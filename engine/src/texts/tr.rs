//! Turkish: a noun behind a number stays in the singular, so the forms differ in nothing.

use super::messages::{Counted, Messages, Named};

pub(super) const MESSAGES: Messages = Messages {
    friends_bought: Counted::two("En az {count} arkadaşın bunu aldı", "En az {count} arkadaşın bunu aldı"),
    because_you_bought: Named { with: "Şunu aldığın için: {product}", without: "Aldığın bir ürün nedeniyle" },
    similar_to: Named { with: "Şuna benziyor: {product}", without: "Baktığın ürüne benziyor" },
    your_taste: "Zevkine göre seçildi",
    group_taste: "Ortak zevkinize göre seçildi",
    open_team: "Katılabileceğin bir ekip",
    open_team_seats: Counted::two(
        "Katılabileceğin bir ekip: {count} boş yer",
        "Katılabileceğin bir ekip: {count} boş yer",
    ),
    trending_in_market: "Alışveriş yaptığın yerde popüler",
    bought_before: "Bunu daha önce aldın",
    runs_out_in: Counted::two("Elindeki yaklaşık {count} gün daha yeter", "Elindeki yaklaşık {count} gün daha yeter"),
    runs_out_today: "Elindeki yaklaşık bugüne kadar yeter",
    ran_out_ago: Counted::two("Muhtemelen {count} gün önce bitti", "Muhtemelen {count} gün önce bitti"),
    new_from_seller: Named { with: "{seller} mağazasından yeni", without: "Mağazada yeni" },
    team_price: "Birlikte alırsanız kişi başı tasarruf: {amount}",
    joined_you_before: "Daha önce seninle birlikte aldı",
    close_friend: "Yakın arkadaşlarından biri",
    likes_this_kind: "Bu tür ürünleri seviyor",
};
