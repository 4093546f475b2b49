#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Turn what benchmark runs print into figures, a table, JSON and a page.

Reads the output of tools/testing/vm/run.sh. A benchmark prints a line for each
run and a TAP result for each id:

    run: id=vhost.rx.64.split unit=ns/pkt side=ours value=812.35 ops=12288
    ok 1 vhost.rx.64.split

As soon as an id is complete, its figure is printed:

    bench: id=... unit=... ours=812 peer=1430 ratio=1.76 runs=7 spread=0.04 ...

ours and peer are medians. ratio is the median of peer/ours of the pairs, whose
rounds alternated and met the same conditions; more than 1 means that ours is ahead.
Runs with better=more, of speeds and not of costs, are divided the other way round.
spread is the interquartile range of these, as a part of the median. A run with
limit=peer makes a figure without a ratio: its value must not exceed the peer's;
with limit=N it must not exceed N, and the peer's value, if it has any, is told.
peer= names the peer where it is not vhost-net; cpu= is CPU seconds to be stated.
"""

import argparse
import json
import os
import re
import statistics
import sys

sys.dont_write_bytecode = True
import page  # noqa: E402


def fields(text):
    """The name=value words of a line."""
    return dict(word.split("=", 1) for word in text.split() if "=" in word)


def number(value):
    """As many digits as say something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def spread(values):
    """Interquartile range as a part of the median."""
    if len(values) < 2:
        return 0.0
    middle = statistics.median(values)
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / middle if middle else 0.0


def figure(runs, env, kernel):
    """The result of an id from its runs, or None if a side is missing."""
    sides = {name: [float(r["value"]) for r in runs if r["side"] == name]
             for name in ("ours", "peer")}
    first = runs[0]
    fixed = first.get("limit", "peer") != "peer"
    sides = {name: values for name, values in sides.items() if values}
    if "ours" not in sides or not (fixed or "peer" in sides):
        return None
    medians = {name: statistics.median(values) for name, values in sides.items()}
    ours, peer = medians["ours"], medians.get("peer")
    result = {key: first[key] for key in ("id", "variant", "unit") if key in first}
    if "limit" in first:
        limit = float(first["limit"]) if fixed else peer
        result.update(value=ours, limit=limit, met=int(ours <= limit))
        if fixed and peer is not None:
            result["peer"] = peer
        noise = spread(sides["ours"])
    else:
        pairs = zip(sides["ours"], sides["peer"])
        if first.get("better") == "more":
            ratios = [o / p for o, p in pairs if p]
        else:
            ratios = [p / o for o, p in pairs if o]
        result.update(ours=ours, peer=peer,
                      ratio=statistics.median(ratios) if ratios else 0.0)
        noise = spread(ratios)
    result.update(runs=min(len(s) for s in sides.values()), spread=noise,
                  env=env, kernel=kernel, peer_name=first.get("peer", "vhost-net"),
                  samples=sides)
    for side in sides:
        seconds = [float(r["cpu"]) for r in runs if r["side"] == side and "cpu" in r]
        if seconds:
            result[f"cpu_{side}"] = statistics.median(seconds)
    return result


def line(result):
    """The contract's line."""
    words = []
    for key, value in result.items():
        if key == "samples":
            continue
        if key in ("ratio", "spread"):
            value = f"{value:.2f}"
        elif isinstance(value, float):
            value = number(value)
        words.append(f"{key}={value}")
    return "bench: " + " ".join(words)


def table(results, names):
    """Text of the table, widths by content."""
    rows = [("", "kernel", "unit", *names, "ratio", "spread")]
    for r in results:
        if "ratio" in r:
            cells = (number(r["ours"]), number(r["peer"]), f"{r['ratio']:.2f}")
        else:
            cells = (number(r["value"]), number(r["limit"]),
                     "met" if r["met"] else "NOT MET")
        rows.append((page.label(r), r["kernel"], r["unit"], *cells, f"{r['spread']:.2f}"))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) if i < 3 else cell.rjust(w)
                               for i, (cell, w) in enumerate(zip(row, widths))).rstrip()
                     for row in rows)


class Reader:
    """Follows the output of the test bed."""

    def __init__(self, env, log):
        self.machine = self.env = env
        self.log = log
        self.kernel = "unknown"
        self.runs = []
        self.results = []
        self.problems = []
        self.last = ""

    def progress(self, text):
        """On a terminal one line that is overwritten."""
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def say(self, text):
        self.progress("")
        print(text, flush=True)

    def finish(self):
        groups = {}
        for run in self.runs:
            groups.setdefault((run["id"], run.get("variant")), []).append(run)
        self.runs = []
        for runs in groups.values():
            result = figure(runs, self.env, self.kernel)
            if result:
                self.results.append(result)
                self.say(line(result))

    def feed(self, raw):
        self.log.write(raw)
        text = re.sub(r"^(# )+", "", raw.rstrip())
        started = re.match(r"booting (\d[\d.]*(?:-\d+)?)( \(uml\))?", text)
        if started:
            self.kernel = started.group(1)
            self.env = "uml" if started.group(2) else self.machine
        if text.startswith(("building ", "booting ", "demo: ")):
            self.say(f"# {text}")
        elif text.startswith("run: "):
            run = fields(text)
            self.runs.append(run)
            self.progress(f"# {run['id']} turn {(len(self.runs) + 1) // 2}: "
                          f"{run['side']} {run['value']} {run['unit']}")
        elif re.match(r"(not )?ok \d+ (\w+\.)+[\w-]+", text):
            if text.startswith("not"):
                self.runs = []
                self.problems.append(text)
                self.say(f"# FAILED: {text} (see the log)")
            elif "# SKIP" in text:
                self.say(f"# {text}")
            self.finish()
        elif text.startswith("bench: "):
            # What went wrong stands before this, in whatever words.
            if not self.problems:
                self.say(f"# {self.last}")
            self.problems.append(text)
            self.say(f"# {text}")
        elif re.match(r"FAILED: |Bail out!|1\.\.0 # SKIP|run\.sh: ", text) or \
                re.search(r"\berror: |\*\*\*", text):
            self.problems.append(text)
            self.say(f"# {text}")
        self.last = text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--env", default="tcg", help="where the benchmarks run")
    parser.add_argument("--log", required=True, help="file that keeps all output")
    parser.add_argument("--names", nargs=2, default=("ours", "peer"),
                        help="heads of the columns in the table")
    parser.add_argument("--no-page", action="store_true", help="write no index.html")
    parser.add_argument("out", help="directory of results.json and index.html")
    args = parser.parse_args()

    with open(args.log, "w", encoding="utf-8", buffering=1) as log:
        reader = Reader(args.env, log)
        for raw in sys.stdin:
            reader.feed(raw)
        reader.progress("")
    if not reader.results:
        print(f"bench.sh: no figure; the reason stands in {args.log}", file=sys.stderr)
        return 1

    with open(os.path.join(args.out, "results.json"), "w", encoding="utf-8") as f:
        json.dump({"results": reader.results}, f, indent=1)
        f.write("\n")
    print("\n" + table(reader.results, args.names) + "\n")
    print("ratio: more than 1 means that ours is ahead")
    where = os.path.relpath(args.out)
    if args.no_page:
        print(f"results: {where}/results.json")
    else:
        page.write(reader.results, args.out)
        print(f"results: {where}/results.json, {where}/index.html")
    return 1 if reader.problems else 0


if __name__ == "__main__":
    sys.exit(main())
