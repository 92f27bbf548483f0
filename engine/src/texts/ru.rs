//! Russian. Texts about a friend do without forms that tell a gender.

use super::messages::{Counted, Messages, Named};

pub(super) const MESSAGES: Messages = Messages {
    friends_bought: Counted::slavic(
        "Это купили не менее {count} вашего друга",
        "Это купили не менее {count} ваших друзей",
        "Это купили не менее {count} ваших друзей",
        "Это купили не менее {count} ваших друзей",
    ),
    because_you_bought: Named {
        with: "Потому что вы купили «{product}»", without: "Потому что вы покупали похожее"
    },
    similar_to: Named {
        with: "Похоже на «{product}»", without: "Похоже на то, что вы смотрите"
    },
    your_taste: "Подобрано по вашему вкусу",
    group_taste: "Подобрано по вашему общему вкусу",
    open_team: "Можно присоединиться к команде",
    open_team_seats: Counted::slavic(
        "Можно присоединиться к команде: {count} свободное место",
        "Можно присоединиться к команде: {count} свободных места",
        "Можно присоединиться к команде: {count} свободных мест",
        "Можно присоединиться к команде: {count} свободного места",
    ),
    trending_in_market: "Популярно в вашем регионе",
    bought_before: "Вы уже покупали это",
    runs_out_in: Counted::slavic(
        "Вашего запаса хватит примерно на {count} день",
        "Вашего запаса хватит примерно на {count} дня",
        "Вашего запаса хватит примерно на {count} дней",
        "Вашего запаса хватит примерно на {count} дня",
    ),
    runs_out_today: "Вашего запаса хватит примерно до сегодня",
    ran_out_ago: Counted::slavic(
        "Вероятно, закончилось {count} день назад",
        "Вероятно, закончилось {count} дня назад",
        "Вероятно, закончилось {count} дней назад",
        "Вероятно, закончилось {count} дня назад",
    ),
    new_from_seller: Named { with: "Новинка от «{seller}»", without: "Новинка в магазине" },
    team_price: "Вместе каждый из вас сэкономит {amount}",
    joined_you_before: "Вы уже покупали вместе",
    close_friend: "Из близких друзей",
    likes_this_kind: "Любит такие товары",
};
