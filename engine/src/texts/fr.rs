//! French. Before a colon stands a space that does not break.

use super::messages::{Counted, Messages, Named};

pub(super) const MESSAGES: Messages = Messages {
    friends_bought: Counted::romance(
        "Au moins {count} de vos amis l’a acheté",
        "Au moins {count} de vos amis l’ont acheté",
        "Au moins {count} de vos amis l’ont acheté",
    ),
    because_you_bought: Named {
        with: "Parce que vous avez acheté {product}", without: "D’après l’un de vos achats"
    },
    similar_to: Named { with: "Semblable à {product}", without: "Semblable à ce que vous regardez" },
    your_taste: "Choisi selon vos goûts",
    group_taste: "Choisi selon les goûts que vous partagez",
    open_team: "Une équipe à rejoindre",
    open_team_seats: Counted::romance(
        "Une équipe à rejoindre\u{a0}: {count} place libre",
        "Une équipe à rejoindre\u{a0}: {count} de places libres",
        "Une équipe à rejoindre\u{a0}: {count} places libres",
    ),
    trending_in_market: "Populaire là où vous achetez",
    bought_before: "Vous l’avez déjà acheté",
    runs_out_in: Counted::romance(
        "Ce que vous avez dure encore environ {count} jour",
        "Ce que vous avez dure encore environ {count} de jours",
        "Ce que vous avez dure encore environ {count} jours",
    ),
    runs_out_today: "Ce que vous avez dure à peu près jusqu’à aujourd’hui",
    ran_out_ago: Counted::romance(
        "Sans doute terminé il y a {count} jour",
        "Sans doute terminé il y a {count} de jours",
        "Sans doute terminé il y a {count} jours",
    ),
    new_from_seller: Named { with: "Nouveauté de {seller}", without: "Nouveauté en boutique" },
    team_price: "En équipe, chaque personne économise {amount}",
    joined_you_before: "A déjà acheté avec vous",
    close_friend: "Parmi vos amis proches",
    likes_this_kind: "Aime ce genre de produits",
};
