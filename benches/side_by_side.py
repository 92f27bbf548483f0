#!/usr/bin/env python3
"""Every model side by side: each trained once with its default settings, and ranked on the test rows.

    cargo build --release
    python3 benches/side_by_side.py --data DATA --task products --k 20 [--flags=--include-seen] [--models als,softmax]
        [--bin target/release/juntos] [--seed 1] [--config FILE]

DATA is a dataset folder as `juntos import` or `juntos generate` writes it. Prints a table in Markdown: recall and NDCG at K, and
the seconds of the whole training, with what newcomers and feeds are served by. `item_knn` and `popularity` are the baselines of
`juntos evaluate`, which fits them by itself. A model that refuses the data says why.
"""
import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODELS = "als,spectral,softmax,propagation,two_roles,ensemble,auto"


def juntos(args, *command):
    return subprocess.run([args.bin, "-q", *map(str, command)], capture_output=True, text=True)


def measured(args, work, model):
    bundle, report = work / model, work / f"{model}.json"
    config = ["--config", args.config] if args.config else []
    begun = time.time()
    trained = juntos(args, "train", "--data", args.data, "--out", bundle, "--model", model, "--seed", args.seed, *config)
    seconds = time.time() - begun
    if trained.returncode:
        return trained.stderr.strip(), None
    done = juntos(args, "evaluate", "--data", args.data, "--bundle", bundle, "--task", args.task, "--k", args.k, "--resamples", 100,
                  "--json", report, *args.flags.split())
    if done.returncode:
        sys.exit(done.stderr.strip())
    return json.loads(report.read_text()), seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--bin", default="target/release/juntos")
    parser.add_argument("--task", default="products")
    parser.add_argument("--k", type=int, default=20)
    parser.add_argument("--flags", default="")
    parser.add_argument("--models", default=MODELS)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--config")
    args = parser.parse_args()

    def row(name, metrics, seconds):
        figures = [metrics.get(f"{metric}@{args.k}") for metric in ("recall", "ndcg")]
        shown = " | ".join("" if figure is None else f"{figure:.4f}".lstrip("0") for figure in figures)
        print(f"| `{name}` | {shown} | {'' if seconds is None else f'{seconds:.1f}'} |", flush=True)

    print(f"| model | recall@{args.k} | ndcg@{args.k} | s |\n|---|---|---|---|", flush=True)
    baselines = {}
    with tempfile.TemporaryDirectory(prefix="juntos-models-") as work:
        for model in args.models.split(","):
            report, seconds = measured(args, Path(work), model)
            if seconds is None:
                print(f"| `{model}` | {report} | | |", flush=True)
                continue
            baselines = report["baselines"]
            row(model, report["metrics"], seconds)
    for name, metrics in baselines.items():
        row(name, metrics, None)


if __name__ == "__main__":
    main()
