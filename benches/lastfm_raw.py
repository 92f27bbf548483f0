#!/usr/bin/env python3
"""Writes the raw HetRec 2011 Last.fm files as NDJSON tables with texts, for `juntos import ndjson` and `cold-bench`.

    benches/lastfm_raw.py RAW OUT
    juntos import ndjson products=OUT/products.ndjson events=OUT/events.ndjson friendships=OUT/friendships.ndjson --out DATA
    cold-bench --data DATA

An artist's title is the name; the description is its tags, most used first. Every artist that a user listened to is a
purchase: weights of plays are left out, as in the LightGCN split of the same data.
"""

import collections
import csv
import json
import pathlib
import sys

MOST_TAGS = 20


def rows(path):
    with open(path, encoding="utf-8", errors="replace", newline="") as lines:
        yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)


def main(raw, out):
    raw, out = pathlib.Path(raw), pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    tags = {row["tagID"]: row["tagValue"] for row in rows(raw / "tags.dat")}
    used = collections.defaultdict(collections.Counter)
    for row in rows(raw / "user_taggedartists.dat"):
        used[row["artistID"]][tags[row["tagID"]]] += 1

    def write(table, records):
        with open(out / f"{table}.ndjson", "w", encoding="utf-8") as file:
            file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)

    def product(row):
        found = sorted(used[row["id"]].items(), key=lambda tag: (-tag[1], tag[0]))[:MOST_TAGS]
        words = ". ".join(tag for tag, _ in found)
        return {"product_id": row["id"], "title": row["name"], **({"description": words} if words else {})}

    write("products", map(product, rows(raw / "artists.dat")))
    listened = rows(raw / "user_artists.dat")
    write("events", ({"user_id": r["userID"], "product_id": r["artistID"], "kind": "purchase"} for r in listened))
    ties = ((r["userID"], r["friendID"]) for r in rows(raw / "user_friends.dat"))
    write("friendships", ({"user_id": u, "friend_id": f} for u, f in sorted({tuple(sorted(tie)) for tie in ties})))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
