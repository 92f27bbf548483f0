#!/usr/bin/env python3
"""Our ALS beside that of the Python package `implicit`: CPU seconds and quality in one run, one thread each.

    python3 -m venv venv && venv/bin/pip install implicit==0.7.3 scipy threadpoolctl
    cargo build --release -p juntos-benches
    venv/bin/python benches/als_vs_implicit.py --data DIR [--bin target/release/fit-bench] [--rounds 3] [--factors 64]
        [--regularization 60] [--alpha 30] [--iterations 15] [--config benches/als_64.toml]

DIR holds train.txt and test.txt in LightGCN's form (`user item item ...`, 0-based), such as gowalla. `implicit` runs
with its default solver, conjugate gradient, the faster of its two, and by default with what suits gowalla at 64 factors:
15 iterations, regularization 60 and confidence 30 for every cell; ours with the settings of `--config`. Recall is
hits among the first 20 unseen items over all test items, NDCG is binary with the ideal list cut at 20: the same for
both. Rounds alternate, and the fastest of each is compared. The last line is JSON; the exit status is 1 if ours takes
more CPU time or finds less.
"""
import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import json
import subprocess
import sys
import time

try:
    import numpy as np
    import scipy.sparse as sparse
    from implicit.als import AlternatingLeastSquares

    MISSING = None
except ModuleNotFoundError as fault:
    MISSING = fault

CUT = 20
SETTINGS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "als_64.toml")


def read(path):
    rows, columns = [], []
    with open(path) as lines:
        for line in lines:
            user, *items = map(int, line.split())
            rows.extend([user] * len(items))
            columns.extend(items)
    return rows, columns


def matrices(folder):
    train, test = read(os.path.join(folder, "train.txt")), read(os.path.join(folder, "test.txt"))
    shape = (max(train[0] + test[0]) + 1, max(train[1] + test[1]) + 1)
    return [sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape) for rows, columns in (train, test)]


def quality(users, items, train, test):
    gains = 1 / np.log2(np.arange(CUT) + 2)
    asked = np.flatnonzero(np.diff(test.indptr))
    recalls, ndcgs = [], []
    for start in range(0, len(asked), 1024):
        block = asked[start : start + 1024]
        scores = users[block] @ items.T
        seen = train[block].tocoo()
        scores[seen.row, seen.col] = -np.inf
        best = np.argpartition(-scores, CUT, axis=1)[:, :CUT]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
        best = np.take_along_axis(best, order, axis=1)
        for user, ranked in zip(block, best):
            relevant = test.indices[test.indptr[user] : test.indptr[user + 1]]
            hits = np.isin(ranked, relevant)
            recalls.append(hits.sum() / len(relevant))
            ndcgs.append(gains[hits].sum() / gains[: min(CUT, len(relevant))].sum())
    return float(np.mean(recalls)), float(np.mean(ndcgs))


def run_implicit(train, test, seed, given):
    model = AlternatingLeastSquares(
        factors=given.factors, iterations=given.iterations, regularization=given.regularization, alpha=given.alpha,
        num_threads=1, random_state=seed,
    )
    cpu, wall = time.process_time(), time.perf_counter()
    model.fit(train, show_progress=False)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    recall, ndcg = quality(model.user_factors, model.item_factors, train, test)
    return {"cpu_s": cpu, "wall_s": wall, "recall": recall, "ndcg": ndcg}


def run_ours(seed, given):
    command = [given.bin, "--data", given.data, "--config", given.config, "--model", "als", "--dim", str(given.factors)]
    command += ["--k", str(CUT), "--threads", "1", "--seed", str(seed)]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(out)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", required=True)
    arguments.add_argument("--bin", default="target/release/fit-bench")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--factors", type=int, default=64)
    arguments.add_argument("--iterations", type=int, default=15)
    arguments.add_argument("--regularization", type=float, default=60.0)
    arguments.add_argument("--alpha", type=float, default=30.0)
    arguments.add_argument("--config", default=SETTINGS)
    given = arguments.parse_args()
    if MISSING:
        arguments.error(f"{MISSING}; --help says how to install what is needed")
    train, test = matrices(given.data)
    best = {}
    print(f"{'':10}{'CPU s':>8}{'wall s':>8}{'recall@20':>11}{'ndcg@20':>9}")
    for seed in range(given.rounds):
        results = {"implicit": run_implicit(train, test, seed, given), "ours": run_ours(seed, given)}
        for name, got in results.items():
            print(f"{name:10}{got['cpu_s']:8.2f}{got['wall_s']:8.2f}{got['recall']:11.4f}{got['ndcg']:9.4f}", flush=True)
            if name not in best or got["cpu_s"] < best[name]["cpu_s"]:
                best[name] = got
    ratio = best["ours"]["cpu_s"] / best["implicit"]["cpu_s"]
    gain = best["ours"]["recall"] / best["implicit"]["recall"]
    print(f"ours takes {ratio:.2f} times the CPU time and finds {gain:.3f} times as much")
    print(json.dumps({"cpu_ratio": ratio, "recall_ratio": gain, **best}))
    return 0 if ratio <= 1 and gain >= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
