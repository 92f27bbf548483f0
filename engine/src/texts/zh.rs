//! Chinese, in simplified characters.

use super::messages::{Counted, Messages, Named};

pub(super) const MESSAGES: Messages = Messages {
    friends_bought: Counted::same("至少有{count}位好友买过"),
    because_you_bought: Named { with: "因为你买过“{product}”", without: "因为你买过的商品" },
    similar_to: Named { with: "与“{product}”相似", without: "与你正在看的商品相似" },
    your_taste: "符合你的喜好",
    group_taste: "符合你们共同的喜好",
    open_team: "可以加入的拼团",
    open_team_seats: Counted::same("可以加入的拼团：还有{count}个空位"),
    trending_in_market: "在你购物的地区很受欢迎",
    bought_before: "你以前买过",
    runs_out_in: Counted::same("现有的大约还能用{count}天"),
    runs_out_today: "现有的大约用到今天",
    ran_out_ago: Counted::same("可能在{count}天前用完"),
    new_from_seller: Named { with: "“{seller}”的新品", without: "店铺新品" },
    team_price: "一起买，每人可省{amount}",
    joined_you_before: "以前和你一起买过",
    close_friend: "亲密好友",
    likes_this_kind: "喜欢这类商品",
};
