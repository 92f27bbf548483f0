#!/usr/bin/env python3
"""One library beside ours, for index_report.py: a process that builds an index, then answers requests.

    index_peers.py LIBRARY BASE.npy QUERIES.npy K

Prints one JSON object a line: what building took, then the answer to each request on standard input, also one JSON
object a line: {"effort": E, "repeat": R, "results": FILE, "mask": FILE or null}. A library that is not installed
prints {"missing": WHY}. All libraries run on one thread; queries go in as one batch, so that Python's share is not in
the QPS, and then one by one, where some 3 to 10 microseconds a call are Python's.
"""
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = "1"

import ctypes
import importlib.metadata
import json
import sys
import time

import numpy as np

LINKS, EF_CONSTRUCTION = 16, 200


class Hnswlib:
    package = "hnswlib"

    def __init__(self, base, k):
        import hnswlib

        self.k, self.index = k, hnswlib.Index(space="ip", dim=base.shape[1])
        self.index.init_index(len(base), M=LINKS, ef_construction=EF_CONSTRUCTION)
        self.index.set_num_threads(1)
        self.index.add_items(base)

    def searcher(self, effort, mask):
        self.index.set_ef(max(effort, self.k))
        return lambda queries: self.index.knn_query(queries, self.k, num_threads=1)[0]


class FaissHnsw:
    package = "faiss-cpu"
    filters = True

    def __init__(self, base, k):
        import faiss

        faiss.omp_set_num_threads(1)
        self.faiss, self.k, self.rows = faiss, k, len(base)
        self.index = faiss.IndexHNSWFlat(base.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
        self.index.hnsw.efConstruction = EF_CONSTRUCTION
        self.index.add(base)

    def searcher(self, effort, mask):
        options = {"efSearch": effort}
        if mask is not None:
            self.bits = np.packbits(mask.astype(bool), bitorder="little")
            options["sel"] = self.faiss.IDSelectorBitmap(self.rows, self.faiss.swig_ptr(self.bits))
        parameters = self.faiss.SearchParametersHNSW(**options)
        return lambda queries: self.index.search(queries, self.k, params=parameters)[1]


class Usearch:
    package = "usearch"

    def __init__(self, base, k):
        from usearch.index import Index

        self.k = k
        self.index = Index(
            ndim=base.shape[1], metric="ip", dtype="f16", connectivity=LINKS, expansion_add=EF_CONSTRUCTION
        )
        self.index.add(np.arange(len(base)), base, threads=1)

    def searcher(self, effort, mask):
        self.index.expansion_search = effort

        def search(queries):
            keys = self.index.search(queries, self.k, threads=1).keys
            return keys.reshape(len(queries), -1).astype(np.int64)

        return search


class Scann:
    package = "scann"

    def __init__(self, base, k):
        import scann

        self.k, rows = k, len(base)
        builder = scann.scann_ops_pybind.builder(base, k, "dot_product")
        builder = builder.tree(
            num_leaves=int(2 * rows**0.5), num_leaves_to_search=32, training_sample_size=min(rows, 100_000)
        )
        self.index = builder.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(100).build()

    def searcher(self, effort, mask):
        options = {"leaves_to_search": max(2, effort // 2), "pre_reorder_num_neighbors": max(30, effort)}

        def search(queries):
            if len(queries) > 1:
                return self.index.search_batched(queries, self.k, **options)[0]
            return self.index.search(queries[0], self.k, **options)[0][None]

        return search


LIBRARIES = {"hnswlib": Hnswlib, "faiss-hnsw": FaissHnsw, "usearch-f16": Usearch, "scann": Scann}


def own_memory_mib():
    """Resident memory that belongs to no file, after giving free memory back."""
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/status") as status:
        return sum(int(line.split()[1]) for line in status if line.startswith("RssAnon:")) / 1024


def build(library, base, k):
    memory, wall, cpu = own_memory_mib(), time.perf_counter(), time.process_time()
    made = library(base, k)
    built = {"build_s": time.perf_counter() - wall, "build_cpu_s": time.process_time() - cpu}
    built["memory_mib"] = own_memory_mib() - memory
    built["version"] = importlib.metadata.version(library.package)
    return made, built


def timed(search, queries):
    start = time.perf_counter()
    found = search(queries)
    return found, time.perf_counter() - start


def answer(made, queries, request):
    mask = np.load(request["mask"]) if request["mask"] else None
    search = made.searcher(request["effort"], mask)
    found, _ = timed(search, queries)
    batches = [timed(search, queries)[1] for _ in range(request["repeat"])]
    alone = np.array([timed(search, queries[at : at + 1])[1] for at in range(len(queries))])
    np.save(request["results"], np.asarray(found, np.int64))
    return {
        "qps": len(queries) / float(np.median(batches)),
        "single_qps": len(queries) / float(alone.sum()),
        "p50_us": float(np.percentile(alone, 50)) * 1e6,
        "p99_us": float(np.percentile(alone, 99)) * 1e6,
    }


def main():
    # What a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    name, base, queries, k = sys.argv[1], np.load(sys.argv[2]), np.load(sys.argv[3]), int(sys.argv[4])
    try:
        made, built = build(LIBRARIES[name], base, k)
    except ImportError as fault:
        print(json.dumps({"missing": str(fault)}), file=answers)
        return
    del base
    print(json.dumps(built), file=answers)
    for line in sys.stdin:
        print(json.dumps(answer(made, queries, json.loads(line))), file=answers)


if __name__ == "__main__":
    main()
