# SPDX-License-Identifier: GPL-2.0
"""The page of a benchmark report: two plots and a table, one file."""

import html
import os
import subprocess
import sys

OURS = "#2166ac"
PEER = "#b2182b"

STYLE = """
body { font: 15px/1.4 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0 }
th, td { padding: .25em .8em; border-bottom: 1px solid #ddd; text-align: right }
th:nth-child(-n+3), td:nth-child(-n+3) { text-align: left }
td.behind { color: #b2182b; font-weight: bold }
svg { max-width: 100%; height: auto }
"""

NOTE = """Ours and the stock peer alternated in one boot. Their figures are medians of all pairs; ratio is the
median of peer/ours of the pairs, so more than 1 means that ours is ahead, and spread the interquartile range of
these ratios as a part of it. Figures of an emulated machine compare two devices; as absolute times they mean
nothing."""


def label(result):
    return " ".join(result[k] for k in ("id", "variant") if k in result)


def gnuplot(script):
    """SVG of a gnuplot script."""
    done = subprocess.run(["gnuplot"], input=script, capture_output=True, text=True, check=False)
    start = done.stdout.find("<svg")
    if done.returncode or start < 0:
        sys.exit(f"bench.sh: gnuplot makes no plot: {' '.join(done.stderr.split())}")
    return done.stdout[start:]


def head(height, tics):
    """What both plots share: a row for each figure, from the top."""
    places = ", ".join(f'"{text}" {at}' for at, text in tics)
    return f"""
set terminal svg size 900,{height} font "sans,13" background "white"
set key outside top center horizontal
set ytics ({places})
set yrange [{len(tics) - 0.5}:-0.5]
set grid xtics linecolor "#dddddd"
set border 3
set tics nomirror
"""


def plot_ratios(results):
    """Bars of the ratios, by id and kernel, with a point for each pair."""
    tics, bars, points = [], [], []
    for i, r in enumerate(results):
        tics.append((i, f"{label(r)} ({r['kernel']})"))
        colour = int((PEER if r["ratio"] < 1 else OURS)[1:], 16)
        bars.append(f"{i} {r['ratio']:.4f} {colour}")
        points += [f"{p / o:.4f} {i}" for o, p in zip(r["samples"]["ours"], r["samples"]["peer"])]
    return gnuplot(head(120 + 34 * len(bars), tics) + f"""
set xrange [0:*]
set xlabel "ratio: more than 1 means that ours is ahead"
set arrow from 1, graph 0 to 1, graph 1 nohead linewidth 2 linecolor "#444444" front
set style fill solid
$ratios << END
{chr(10).join(bars)}
END
$points << END
{chr(10).join(points)}
END
plot $ratios using (0):1:(0):2:($1-0.35):($1+0.35):3 \\
	with boxxyerror linecolor rgb variable notitle, \\
	$points using 1:2 with points pointtype 6 linecolor "black" title "pairs"
""")


def plot_samples(results):
    """Every run as a point, relative to the peer's median."""
    tics, ours, peer = [], [], []
    for i, r in enumerate(results):
        tics.append((i, f"{label(r)} ({r['kernel']})"))
        ours += [f"{v / r['peer']:.4f} {i - 0.12}" for v in r["samples"]["ours"]]
        peer += [f"{v / r['peer']:.4f} {i + 0.12}" for v in r["samples"]["peer"]]
    return gnuplot(head(140 + 34 * len(results), tics) + f"""
set xrange [0:*]
set xlabel "cost of every run, the peer's median = 1"
$ours << END
{chr(10).join(ours)}
END
$peer << END
{chr(10).join(peer)}
END
plot $ours using 1:2 title "ours" with points pointtype 7 linecolor rgb "{OURS}", \\
	$peer using 1:2 title "peer" with points pointtype 6 linecolor rgb "{PEER}"
""")


def row(r):
    if "ratio" in r:
        cells = [f"{r['ours']:.1f}", f"{r['peer']:.1f}", f"{r['ratio']:.2f}"]
        behind = r["ratio"] < 1
    else:
        cells = [f"{r['value']:.2f}", f"{r['limit']:.2f}", "met" if r["met"] else "not met"]
        behind = not r["met"]
    cells = [label(r), r["kernel"], r["unit"], *cells, str(r["runs"]), f"{r['spread']:.3f}"]
    mark = ' class="behind"' if behind else ""
    return "<tr>" + "".join(f"<td{mark if i == 5 else ''}>{html.escape(c)}</td>"
                            for i, c in enumerate(cells)) + "</tr>"


def write(results, out):
    """Write index.html below the directory out."""
    ratios = [r for r in results if "ratio" in r]
    plots = [plot_ratios(ratios), plot_samples(ratios)] if ratios else []
    names = ("id", "kernel", "unit", "ours", "peer", "ratio", "runs", "spread")
    kinds = ", ".join(sorted({f"{r['env']}, peer {r['peer_name']}" for r in results}))
    body = "\n".join([
        "<!DOCTYPE html>", '<html lang="en">', '<meta charset="utf-8">',
        "<title>vmaccel benchmarks</title>", f"<style>{STYLE}</style>",
        "<h1>vmaccel benchmarks</h1>", f"<p>{NOTE}</p>",
        f"<p>Environment: {html.escape(kinds)}.</p>",
        *plots,
        "<table>", "<tr>" + "".join(f"<th>{n}</th>" for n in names) + "</tr>",
        *[row(r) for r in results], "</table>", "</html>", ""])
    with open(os.path.join(out, "index.html"), "w", encoding="utf-8") as f:
        f.write(body)
