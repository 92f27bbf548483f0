#!/usr/bin/env python3
"""The vector index beside hnswlib, faiss HNSW, usearch, ScaNN and hnsw_rs: recall, speed, memory, building; one run.

    python3 -m venv venv && venv/bin/pip install numpy hnswlib faiss-cpu usearch scann matplotlib
    cargo build --release -p juntos-benches
    venv/bin/python benches/index_report.py --n 200000 --dim 64                       vectors made up by index-bench
    venv/bin/python benches/index_report.py --vectors items.npy --queries users.npy --name real    f32, one row each

All run on one core and one thread. Every library builds once and stays; then rounds measure each effort of each in
turn, and medians over rounds are reported. Libraries that are not installed are left out. hnsw_rs's own search, with
--with-hnsw-rs, runs before the rounds, because it takes minutes to build. Recall is against an exact scan.
Writes benches/results/index-NAME.md and .json; benches/index_plot.py draws the latter. The exit status is 1 if a
filtered search of ours returned a row that is not allowed.
"""
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import index_tables

try:
    import numpy as np
    from index_peers import LIBRARIES

    MISSING = None
except ModuleNotFoundError as fault:
    MISSING = fault

HERE = Path(__file__).resolve().parent
EFFORTS = [10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320]
FILTER_EFFORTS = [10, 20, 40, 80, 160, 320]
FILTERS = [50, 10, 1, 0.1]
NO_ROW = 2**32 - 1


class Refused(Exception):
    """A program would not do what it was asked to, or ended early."""


class Bench:
    """Runs index-bench, which prints its figures as JSON."""

    def __init__(self, program):
        self.program = program

    def run(self, task, **flags):
        command = [str(self.program), task]
        for flag, value in flags.items():
            if value is not None:
                command += ["--" + flag.replace("_", "-"), str(value)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise Refused(done.stderr.strip())
        return json.loads(done.stdout)


class Ours:
    """Our index: each search is a process of its own, that opens the index from disk."""

    filters = True

    def __init__(self, bench, run, builder):
        self.bench, self.run, self.index = bench, run, run.work / f"index-{builder or 'default'}"
        flags = {"vectors": run.vectors, "out": self.index, "threads": 1}
        self.built = bench.run("build", builder=builder, options=run.options, **flags)

    def search(self, effort, repeat, mask=None):
        results = self.run.work / "ours.npy"
        got = self.bench.run(
            "search", index=self.index, queries=self.run.queries, k=self.run.k, effort=effort, repeat=repeat,
            results=results, mask=mask,
        )
        if mask is None:
            taken = got["rss_mib"] - got["rss_before_mib"]
            self.built["memory_mib"] = max(taken, self.built.get("memory_mib", 0))
        return np.load(results).astype(np.int64), got


class Peer:
    """A Python library in a process of its own, that stays between searches."""

    def __init__(self, name, run):
        self.run, self.filters = run, getattr(LIBRARIES[name], "filters", False)
        self.results = run.work / f"{name}.npy"
        command = [sys.executable, HERE / "index_peers.py", name, run.vectors, run.queries, run.k]
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.built = self.answer(name)

    def answer(self, what):
        line = self.process.stdout.readline()
        if not line:
            raise Refused(f"{what} ended early, with status {self.process.wait()}")
        return json.loads(line)

    def search(self, effort, repeat, mask=None):
        request = {"effort": effort, "repeat": repeat, "results": str(self.results), "mask": mask and str(mask)}
        print(json.dumps(request), file=self.process.stdin, flush=True)
        got = self.answer(f"effort {effort}")
        return np.load(self.results), got

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Run:
    """The data of one run: where it lies, and the right answers."""

    def __init__(self, bench, work, given):
        self.bench, self.work, self.k, self.options = bench, work, given.k, given.options
        self.vectors, self.queries = given.vectors, given.queries
        if not self.vectors:
            self.vectors, self.queries = work / "base.npy", work / "q.npy"
            bench.run(
                "generate", n=given.n, dim=given.dim, queries=given.queries_count, seed=given.seed, shape=given.shape,
                out_vectors=self.vectors, out_queries=self.queries,
            )
        self.shape = np.load(self.vectors, mmap_mode="r").shape
        self.asked = len(np.load(self.queries, mmap_mode="r"))
        self.truth = self.exact()

    def exact(self, mask=None):
        path = self.work / "truth.npy"
        flags = {"vectors": self.vectors, "queries": self.queries, "k": self.k, "results": path, "mask": mask}
        self.bench.run("exact", **flags)
        return np.load(path).astype(np.int64)


def recall(found, truth):
    wanted = truth != NO_ROW
    hits = (truth[:, :, None] == found[:, None, :]).any(axis=2) & wanted
    return float((hits.sum(axis=1) / wanted.sum(axis=1)).mean())


def medians(samples):
    figures = ("recall", "qps", "single_qps", "p50_us", "p99_us")
    return {figure: float(np.median([sample[figure] for sample in samples])) for figure in figures}


def start(bench, run, given):
    """Builds every library that is there; ours first."""
    builders = given.builders.split(",") if given.builders else [None]
    made = {}
    for builder in builders:
        made["juntos" if builder in (None, builders[0]) else f"juntos ({builder})"] = Ours(bench, run, builder)
    for name in LIBRARIES:
        if given.only and name not in given.only.split(","):
            continue
        peer = Peer(name, run)
        if "missing" in peer.built:
            print(f"{name}: left out, {peer.built['missing']}", flush=True)
        else:
            made[name] = peer
    for name, library in made.items():
        print(f"{name}: built in {library.built['build_cpu_s']:.1f} CPU s", flush=True)
    return made


def sweep(made, run, efforts, rounds, repeat, truth, mask=None):
    """Medians over interleaved rounds: a list of points for each library, in the order of efforts."""
    samples = {name: {effort: [] for effort in efforts} for name in made}
    for number in range(rounds):
        for effort in efforts:
            for name, library in made.items():
                found, got = library.search(effort, repeat, mask)
                sample = {**got, "recall": recall(found, truth)}
                if mask is not None:
                    allowed = np.load(mask)
                    sample["disallowed"] = int((allowed[found[(found >= 0) & (found != NO_ROW)]] == 0).sum())
                samples[name][effort].append(sample)
        print(f"round {number + 1} of {rounds} done", flush=True)
    curves = {}
    for name, by_effort in samples.items():
        curves[name] = [{"effort": effort, **medians(taken)} for effort, taken in by_effort.items()]
        for point, taken in zip(curves[name], by_effort.values()):
            if mask is not None:
                point["disallowed"] = max(sample["disallowed"] for sample in taken)
    return curves


def rival(bench, run, given):
    """hnsw_rs with its own search, in the form of the others."""
    efforts = ",".join(map(str, given.efforts))
    folder = run.work / "rival"
    flags = {"vectors": run.vectors, "queries": run.queries, "k": run.k, "results": folder}
    got = bench.run("rival", efforts=efforts, repeat=given.repeat, **flags)
    curve = []
    for point in got.pop("efforts"):
        found = np.load(point.pop("results")).astype(np.int64)
        curve.append({**point, "recall": recall(found, run.truth)})
    return {**got, "version": index_tables.locked_version("hnsw_rs"), "curve": curve}


def filters(made, run, given):
    """For each share of allowed rows, the curves of the libraries that can filter."""
    drawn = np.random.default_rng(99).random(run.shape[0])
    able = {name: library for name, library in made.items() if library.filters}
    measured = []
    for percent in FILTERS:
        mask = (drawn < percent / 100).astype(np.uint8)
        if mask.sum() < 2 * run.k:
            print(f"filter keeping {percent} %: left out, only {mask.sum()} rows", flush=True)
            continue
        path = run.work / "mask.npy"
        np.save(path, mask)
        print(f"filter keeping {percent} %", flush=True)
        curves = sweep(able, run, FILTER_EFFORTS, given.rounds, given.repeat, run.exact(path), path)
        measured.append({"percent": percent, "rows": int(mask.sum()), "curves": curves})
    return measured


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", default="target/release/index-bench", help="the program")
    parser.add_argument("--name", help="of the report; from the data if left out")
    parser.add_argument("--out", default=HERE / "results", type=Path, help="folder of the report")
    parser.add_argument("--vectors", help="f32 [n, dim], .npy; made up if left out")
    parser.add_argument("--queries", help="f32 [m, dim], .npy, for --vectors")
    parser.add_argument("--n", type=int, default=200_000)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--queries-count", type=int, default=2000)
    parser.add_argument("--shape", default="clustered", help="clustered, uniform or norms")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--efforts", type=lambda text: [int(part) for part in text.split(",")], default=EFFORTS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=3, help="batch calls of a round, of which the median counts")
    parser.add_argument("--builders", help="of ours, with commas; the engine's default if left out")
    parser.add_argument("--options", help="of building ours, as JSON; see index-bench build --help")
    parser.add_argument("--only", help="other libraries to run, with commas; `none` for ours alone")
    parser.add_argument("--with-hnsw-rs", action="store_true", help="also hnsw_rs's own search")
    parser.add_argument("--no-filters", action="store_true")
    parser.add_argument("--core", type=int, help="core to run on; the last allowed one if left out")
    given = parser.parse_args()
    if MISSING:
        parser.error(f"{MISSING}; --help says how to install what is needed")
    if bool(given.vectors) != bool(given.queries):
        parser.error("--vectors and --queries go together")
    if not shutil.which(given.bench):
        parser.error(f"{given.bench}: not there; run `cargo build --release -p juntos-benches`, or point --bench to it")
    return given


def main():
    given = arguments()
    core = max(os.sched_getaffinity(0)) if given.core is None else given.core
    machine = index_tables.machine(core)
    os.sched_setaffinity(0, {core})
    bench = Bench(Path(shutil.which(given.bench)).resolve())
    with tempfile.TemporaryDirectory(prefix="juntos-index-") as work:
        run = Run(bench, Path(work), given)
        libraries = {}
        if given.with_hnsw_rs:
            try:
                libraries["hnsw_rs"] = rival(bench, run, given)
                print(f"hnsw_rs: built in {libraries['hnsw_rs']['build_cpu_s']:.1f} CPU s", flush=True)
            except Refused as reason:
                print(f"hnsw_rs: left out, {reason}", flush=True)
        made = start(bench, run, given)
        curves = sweep(made, run, given.efforts, given.rounds, given.repeat, run.truth)
        filtered = [] if given.no_filters else filters(made, run, given)
        for name, library in made.items():
            libraries[name] = {**library.built, "curve": curves[name]}
            if isinstance(library, Peer):
                library.close()
    made_up = None if given.vectors else {"shape": given.shape, "seed": given.seed}
    data = {"rows": run.shape[0], "dim": run.shape[1], "queries": run.asked, "k": run.k, "made_up": made_up}
    report = index_tables.report(given, machine, data, libraries, filtered)
    text = index_tables.markdown(report)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / f"index-{report['name']}.json").write_text(json.dumps(report, indent=1) + "\n")
    (given.out / f"index-{report['name']}.md").write_text(text)
    print("\n" + text)
    ours = (curve for part in filtered for name, curve in part["curves"].items() if name.startswith("juntos"))
    return 1 if any(point["disallowed"] for curve in ours for point in curve) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Refused as reason:
        sys.exit(f"index_report.py: {reason}")
