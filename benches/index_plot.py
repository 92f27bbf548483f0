#!/usr/bin/env python3
"""Draws recall against queries a second from a report of index_report.py, as SVG.

    python3 -m venv venv && venv/bin/pip install matplotlib
    venv/bin/python benches/index_plot.py benches/results/index-NAME.json --out docs/index-recall-qps.svg

The same report gives the same bytes.
"""
import argparse
import json
import math

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

OURS, OTHERS, RIVALS = "#c2410c", ["#1d4ed8", "#0f766e", "#7c3aed", "#a16207", "#475569", "#be185d"], "#64748b"
INK, FAINT = "#1f2937", "#e5e7eb"
LABEL_POINTS = 11
# Right of recall 1, as shares of the width of the axes, begins the column of names.
LABEL_AT = 1.03


def frontier(curve, least):
    """The points beyond `least` recall that no other beats in both, by recall."""
    kept = []
    for point in sorted(curve, key=lambda point: (-point["recall"], -point["qps"])):
        if point["recall"] >= least and (not kept or point["qps"] > kept[-1]["qps"]):
            kept.append(point)
    return kept[::-1]


def spread(heights, gap):
    """The heights moved apart to at least `gap`, in the same order, as little as one pass up and one down can do."""
    order = sorted(range(len(heights)), key=lambda at: heights[at])
    placed = list(heights)
    for before, at in zip(order, order[1:]):
        placed[at] = max(placed[at], placed[before] + gap)
    excess = max(placed, default=0) - max(heights, default=0)
    for at in order:
        placed[at] -= excess / 2
    return placed


def colours(names):
    others = iter(OTHERS)
    return {name: OURS if name == "juntos" else next(others, RIVALS) for name in names}


def draw_axes(axes, report, least):
    data, machine = report["data"], report["machine"]
    axes.set_yscale("log")
    axes.set_xlim(least, 1.0)
    axes.xaxis.set_major_locator(matplotlib.ticker.MultipleLocator(0.05 if least < 0.9 else 0.02))
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda speed, _: f"{speed / 1000:g}k" if speed >= 1000 else f"{speed:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(which="both", length=0, colors=INK, labelsize=10)
    axes.grid(which="major", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.set_xlabel(f"recall@{data['k']}", fontsize=11, color=INK)
    title = f"Queries a second on one core, {data['rows']:,} × {data['dim']}"
    axes.set_title(title, loc="left", fontsize=13, fontweight="bold", color=INK, pad=26)
    below = f"up and to the right is better · {machine['cpu']} · {report['date']}"
    axes.text(0, 1.035, below, transform=axes.transAxes, fontsize=9, color="#6b7280")


def draw_curves(axes, curves, colour):
    for name, curve in curves.items():
        style = {"linewidth": 2.6, "zorder": 3} if name == "juntos" else {"linewidth": 1.6, "zorder": 2}
        recalls, speeds = [point["recall"] for point in curve], [point["qps"] for point in curve]
        axes.plot(recalls, speeds, color=colour[name], marker="o", markersize=3.5, **style)


def draw_names(axes, curves, colour):
    """Each name beside the end of its curve, with a thin line where it had to move."""
    low, high = (math.log10(bound) for bound in axes.get_ylim())
    height = lambda speed: (math.log10(speed) - low) / (high - low)
    points_high = axes.get_window_extent().height * 72 / axes.figure.dpi
    ends = [curve[-1] for curve in curves.values()]
    placed = spread([height(end["qps"]) for end in ends], 1.35 * LABEL_POINTS / points_high)
    left, right = axes.get_xlim()
    for (name, end), at in zip(zip(curves, ends), placed):
        start = ((end["recall"] - left) / (right - left), height(end["qps"]))
        line = {"color": colour[name], "linewidth": 0.7, "alpha": 0.55, "clip_on": False, "transform": axes.transAxes}
        axes.plot([start[0], LABEL_AT - 0.01], [start[1], at], **line)
        weight = "bold" if name == "juntos" else "normal"
        place = {"transform": axes.transAxes, "va": "center", "fontsize": LABEL_POINTS, "fontweight": weight}
        axes.text(LABEL_AT, at, name, color=colour[name], **place)


def draw(report, out, least):
    curves = {name: frontier(library["curve"], least) for name, library in report["libraries"].items()}
    curves = {name: curve for name, curve in curves.items() if curve}
    colour = colours(curves)
    figure, axes = plt.subplots(figsize=(8.4, 5))
    figure.subplots_adjust(left=0.07, right=0.83, top=0.86, bottom=0.11)
    draw_axes(axes, report, least)
    draw_curves(axes, curves, colour)
    draw_names(axes, curves, colour)
    figure.savefig(out, facecolor="white", metadata={"Date": None, "Creator": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", help="benches/results/index-NAME.json")
    parser.add_argument("--out", default="docs/index-recall-qps.svg")
    parser.add_argument("--from-recall", type=float, default=0.8, help="left end of the plot")
    given = parser.parse_args()
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "juntos", "font.family": "sans-serif"})
    plt.rcParams["font.sans-serif"] = ["Helvetica", "Arial", "DejaVu Sans"]
    with open(given.report) as report:
        draw(json.load(report), given.out, given.from_recall)


if __name__ == "__main__":
    main()
