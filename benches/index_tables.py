"""What index_report.py measured, as an object for JSON and as a page of tables."""
import datetime
import math
import os
import platform
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGETS = (0.90, 0.95, 0.99)
FILTER_TARGET = 0.95
FEATURES = (
    "avx2", "f16c", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx512_fp16", "avx_vnni", "amx_int8", "asimd",
    "asimddp", "sve",
)


def machine(core):
    """The processor as Linux describes it, and how busy it was."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    fields = {name.strip(): value.strip() for name, value in fields.items()}
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    memory = re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    huge = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    return {
        "cpu": fields.get("model name", platform.machine()),
        "cores": os.cpu_count(),
        "core_used": core,
        "features": [feature for feature in FEATURES if feature in flags],
        "memory_gib": round(int(memory.group(1)) / 2**20, 1),
        "transparent_huge_pages": re.search(r"\[(\w+)\]", huge.read_text()).group(1) if huge.exists() else "none",
        "kernel": re.match(r"[\d.]*\d", platform.release()).group(0),
        "load_before": os.getloadavg()[0],
    }


def locked_version(package):
    """The version of a Rust package that the workspace is built with."""
    found = re.search(rf'name = "{package}"\nversion = "([^"]+)"', (ROOT / "Cargo.lock").read_text())
    return found.group(1) if found else None


def commit():
    git = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return git.stdout.strip() or None


def command():
    """How this was called; files outside the repository by their names alone."""
    def plain(part):
        path = Path(part)
        if not path.is_absolute():
            return part
        return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else path.name
    return shlex.join(["python3", "benches/index_report.py", *map(plain, sys.argv[1:])])


def at(curve, wanted):
    """QPS at a recall: between points by the logarithm of QPS. The second value tells whether even the lowest effort
    found more, so that more QPS than told may be had; `None` where no effort found enough."""
    points = sorted((point["recall"], point["qps"]) for point in curve)
    if points[0][0] >= wanted:
        return max(qps for recall, qps in points if recall >= wanted), True
    for (low, slow), (high, fast) in zip(points, points[1:]):
        if low <= wanted <= high:
            share = (wanted - low) / max(high - low, 1e-9)
            return math.exp(math.log(slow) * (1 - share) + math.log(fast) * share), False
    return None


def first_reaching(curve, wanted):
    """The point of the lowest effort that found enough."""
    return next((point for point in curve if point["recall"] >= wanted), None)


def report(given, machine, data, libraries, filtered):
    kind = data["made_up"]["shape"] if data["made_up"] else Path(given.vectors).stem
    for name, library in libraries.items():
        if name.startswith("juntos"):
            library["version"] = commit()
        reached = {f"{wanted:.2f}": at(library["curve"], wanted) for wanted in TARGETS}
        library["qps_at"] = {wanted: found and found[0] for wanted, found in reached.items()}
        library["lowest_effort_finds_more"] = [wanted for wanted, found in reached.items() if found and found[1]]
        library["latency_at_0.95"] = first_reaching(library["curve"], 0.95)
    return {
        "name": given.name or f"{kind}-{data['rows']}x{data['dim']}",
        "date": datetime.date.today().isoformat(),
        "command": command(),
        "machine": machine,
        "data": data,
        "rounds": given.rounds,
        "repeat": given.repeat,
        "python": platform.python_version(),
        "libraries": libraries,
        "filters": filtered,
    }


def table(head, rows):
    """A table whose first column is text and whose others are numbers."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def number(value, digits=0):
    return "–" if value is None else f"{value:,.{digits}f}"


def reached(library, wanted):
    sign = "≥ " if wanted in library["lowest_effort_finds_more"] else ""
    return sign + number(library["qps_at"][wanted])


def main_table(libraries):
    rows = []
    for name, library in sorted(libraries.items(), key=lambda entry: -(entry[1]["qps_at"]["0.95"] or 0)):
        point = library["latency_at_0.95"]
        times = f"{point['p50_us']:.1f} / {point['p99_us']:.1f}" if point else "–"
        cost = [times, number(library["memory_mib"]), number(library["build_cpu_s"], 1)]
        rows.append([name, *(reached(library, f"{wanted:.2f}") for wanted in TARGETS), *cost])
    head = [f"QPS at {wanted:.2f}" for wanted in TARGETS]
    return table(["library", *head, "p50 / p99 µs at 0.95", "memory MiB", "build CPU s"], rows)


def ratio(ours, theirs):
    return number(ours / theirs if ours and theirs else None, 2)


def ratios(libraries):
    """Ours over each other library, at each recall that both reach."""
    ours, rows = libraries["juntos"], []
    for name, library in libraries.items():
        if name != "juntos":
            speeds = [ratio(ours["qps_at"][f"{wanted:.2f}"], library["qps_at"][f"{wanted:.2f}"]) for wanted in TARGETS]
            rows.append([name, *speeds, ratio(ours["build_cpu_s"], library["build_cpu_s"])])
    head = ["juntos over", *(f"QPS at {wanted:.2f}" for wanted in TARGETS), "build CPU"]
    return table(head, rows) if rows else ""


def filter_row(name, curve, free):
    found, point = at(curve, FILTER_TARGET), first_reaching(curve, FILTER_TARGET)
    disallowed = str(max(point["disallowed"] for point in curve))
    if not found or not point:
        return [name, "–", "–", "–", number(max(point["recall"] for point in curve), 3), "–", disallowed]
    speed = ("≥ " if found[1] else "") + number(found[0])
    there = [number(point["effort"]), number(point["recall"], 3), number(point["p99_us"], 1)]
    return [name, speed, ratio(found[0], free), *there, disallowed]


def filter_table(report):
    free = report["libraries"]["juntos"]["qps_at"]["0.95"]
    rows = []
    for part in report["filters"]:
        for name, curve in part["curves"].items():
            rows.append(filter_row(f"{part['percent']:g} %, {name}", curve, free))
    head = ["kept, library", "QPS at 0.95", "over juntos unfiltered", "effort", "recall", "p99 µs", "rows not allowed"]
    return table(head, rows)


NOTES = """QPS is of batch calls, interpolated between efforts; «≥» where even the lowest effort found more. p50 and p99
are of single calls at the lowest effort that reached 0.95, the Python libraries' with some 3 to 10 µs of Python in each.
Memory is what opening (ours) or building (others) added to resident memory; ours leaves the f32 rows mapped on disk,
whose pages are not in it. hnsw_rs, where listed, searches one query at a time and ran before the rounds."""

FILTER_NOTES = """Rows are kept at random. Only libraries that filter without calling back into Python are listed. Effort,
recall and p99 are of the lowest effort that reached 0.95; without one, recall is the highest that was reached."""


def heading(report):
    data, rounds = report["data"], report["rounds"]
    origin = "given"
    if data["made_up"]:
        origin = f"made up ({data['made_up']['shape']}, seed {data['made_up']['seed']})"
    return (
        f"# Vector index: {report['name']}\n\n"
        f"{data['rows']:,} vectors of {data['dim']} dimensions, {origin}; {data['queries']:,} queries, inner product,\n"
        f"recall@{data['k']} against an exact scan. One core, one thread, median of {rounds} interleaved rounds."
    )


def circumstances(report):
    machine = report["machine"]
    versions = [f"{name} {library.get('version') or '?'}" for name, library in report["libraries"].items()]
    return (
        f"- {report['date']}, {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"Linux {machine['kernel']}\n"
        f"- {' '.join(machine['features'])}; transparent huge pages: {machine['transparent_huge_pages']}; "
        f"load before: {machine['load_before']:.2f}\n"
        f"- {', '.join(versions)}, Python {report['python']}\n"
        f"- `{report['command']}`"
    )


def markdown(report):
    libraries = report["libraries"]
    parts = [heading(report), circumstances(report), main_table(libraries), NOTES, ratios(libraries)]
    if report["filters"]:
        parts += ["## Filters", filter_table(report), FILTER_NOTES]
    return "\n\n".join(part for part in parts if part) + "\n"
