//! Italian.

use super::messages::{Counted, Messages, Named};

pub(super) const MESSAGES: Messages = Messages {
    friends_bought: Counted::romance(
        "Almeno {count} dei tuoi amici lo ha comprato",
        "Almeno {count} dei tuoi amici lo hanno comprato",
        "Almeno {count} dei tuoi amici lo hanno comprato",
    ),
    because_you_bought: Named { with: "Perché hai comprato {product}", without: "Per qualcosa che hai comprato" },
    similar_to: Named { with: "Simile a {product}", without: "Simile a ciò che stai guardando" },
    your_taste: "Scelto secondo i tuoi gusti",
    group_taste: "Scelto secondo i gusti che condividete",
    open_team: "Una squadra a cui puoi unirti",
    open_team_seats: Counted::romance(
        "Una squadra a cui puoi unirti: {count} posto libero",
        "Una squadra a cui puoi unirti: {count} di posti liberi",
        "Una squadra a cui puoi unirti: {count} posti liberi",
    ),
    trending_in_market: "Popolare dove fai acquisti",
    bought_before: "Lo hai già comprato",
    runs_out_in: Counted::romance(
        "Quello che hai dura ancora circa {count} giorno",
        "Quello che hai dura ancora circa {count} di giorni",
        "Quello che hai dura ancora circa {count} giorni",
    ),
    runs_out_today: "Quello che hai dura circa fino a oggi",
    ran_out_ago: Counted::romance(
        "Probabilmente è finito {count} giorno fa",
        "Probabilmente è finito {count} di giorni fa",
        "Probabilmente è finito {count} giorni fa",
    ),
    new_from_seller: Named { with: "Novità di {seller}", without: "Novità nel negozio" },
    team_price: "In squadra ognuno risparmia {amount}",
    joined_you_before: "Ha già comprato insieme a te",
    close_friend: "Tra i tuoi amici più stretti",
    likes_this_kind: "Ama i prodotti di questo tipo",
};
