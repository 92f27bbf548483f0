//! Spanish.

use super::messages::{Counted, Messages, Named};

pub(super) const MESSAGES: Messages = Messages {
    friends_bought: Counted::romance(
        "Al menos {count} de tus amistades lo ha comprado",
        "Al menos {count} de tus amistades lo han comprado",
        "Al menos {count} de tus amistades lo han comprado",
    ),
    because_you_bought: Named { with: "Porque compraste {product}", without: "Por algo que compraste" },
    similar_to: Named { with: "Parecido a {product}", without: "Parecido a lo que estás viendo" },
    your_taste: "Elegido según tus gustos",
    group_taste: "Elegido según los gustos que compartís",
    open_team: "Un equipo al que puedes unirte",
    open_team_seats: Counted::romance(
        "Un equipo al que puedes unirte: {count} plaza libre",
        "Un equipo al que puedes unirte: {count} de plazas libres",
        "Un equipo al que puedes unirte: {count} plazas libres",
    ),
    trending_in_market: "Popular donde compras",
    bought_before: "Ya lo has comprado antes",
    runs_out_in: Counted::romance(
        "Lo que tienes dura aproximadamente {count} día más",
        "Lo que tienes dura aproximadamente {count} de días más",
        "Lo que tienes dura aproximadamente {count} días más",
    ),
    runs_out_today: "Lo que tienes dura aproximadamente hasta hoy",
    ran_out_ago: Counted::romance(
        "Se te habrá acabado hace {count} día",
        "Se te habrá acabado hace {count} de días",
        "Se te habrá acabado hace {count} días",
    ),
    new_from_seller: Named { with: "Novedad de {seller}", without: "Novedad en la tienda" },
    team_price: "En equipo, cada persona ahorra {amount}",
    joined_you_before: "Ya ha comprado contigo",
    close_friend: "De tus amistades más cercanas",
    likes_this_kind: "Le gustan los productos de este tipo",
};
