#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One table of what benchmarks of estimators and objectives measure: name, size, ns a token, GB/s, and that as a share of
the memory bandwidth measured in the same run.

    table.py EXECUTABLE... [--filter REGEX] [--json FILE] [--svg FILE] [OPTION of Google Benchmark]...

Each EXECUTABLE is a Google Benchmark program whose rows have the counters `tokens`, `ns/token`, `GB/s`, `copy_GB/s` and `of_copy`.
"""
import argparse
import json
import subprocess
import sys
from html import escape

COLUMNS = ("tokens", "ns/token", "GB/s", "copy_GB/s", "of_copy")


def refuse(reason):
    print(f"table.py: {reason}", file=sys.stderr)
    sys.exit(2)


def write(path, text):
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        refuse(f"{path}: cannot be written: {error.strerror}")


def measure(executables, pattern, options):
    rows = []
    for executable in executables:
        command = [executable, "--benchmark_format=json", *options]
        if pattern:
            command.append(f"--benchmark_filter={pattern}")
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        except OSError as error:
            refuse(f"{executable}: cannot be started: {error.strerror}")
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
            refuse(f"{executable}: {said[-1]}")
        if not done.stdout.strip():
            continue  # no name matches
        try:
            benchmarks = json.loads(done.stdout)["benchmarks"]
        except (ValueError, KeyError, TypeError):
            refuse(f"{executable}: printed no JSON of Google Benchmark")
        for row in benchmarks:
            if all(column in row for column in COLUMNS):
                rows.append({"name": row["name"].removesuffix("/real_time"), **{column: row[column] for column in COLUMNS}})
    return rows


def table(rows):
    cells = [("name", "tokens", "ns/token", "GB/s", "memory GB/s", "share")]
    for row in rows:
        cells.append((row["name"], f"{row['tokens'] / 1e6:.1f} M", f"{row['ns/token']:.3f}", f"{row['GB/s']:.1f}",
                      f"{row['copy_GB/s']:.1f}", f"{100 * row['of_copy']:.0f} %"))
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return "\n".join("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(row, widths))) for row in cells)


def plot(rows):
    """A bar a row, as long as its share of the memory bandwidth; the line is all of it."""
    left, width, step, top = 210, 420, 26, 54
    longest = max(1.0, *(row["of_copy"] for row in rows))
    scale = width / longest
    height = top + step * len(rows) + 40
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 130}" height="{height}" font-family="sans-serif" font-size="13">',
           '<rect width="100%" height="100%" fill="#fff"/>',
           '<text x="16" y="26" font-size="15" font-weight="bold">Share of the memory bandwidth measured in the same run</text>']
    for tick in range(0, int(longest * 4) + 1):
        x = left + scale * tick / 4
        out.append(f'<line x1="{x:.1f}" y1="{top - 8}" x2="{x:.1f}" y2="{height - 32}" stroke="{"#444" if tick == 4 else "#ddd"}"/>')
        out.append(f'<text x="{x:.1f}" y="{height - 14}" text-anchor="middle" fill="#555">{25 * tick} %</text>')
    for i, row in enumerate(rows):
        y = top + step * i
        out.append(f'<text x="{left - 10}" y="{y + 14}" text-anchor="end">{escape(row["name"])}</text>')
        out.append(f'<rect x="{left}" y="{y}" width="{scale * row["of_copy"]:.1f}" height="18" fill="#3b7dd8"/>')
        out.append(f'<text x="{left + scale * row["of_copy"] + 6:.1f}" y="{y + 14}" fill="#333">{row["ns/token"]:.2f} ns/token</text>')
    return "\n".join(out) + "\n</svg>\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("executables", nargs="+", metavar="EXECUTABLE")
    parser.add_argument("--filter", default="", metavar="REGEX", help="only rows whose name matches")
    parser.add_argument("--json", metavar="FILE", help="also write the rows as JSON")
    parser.add_argument("--svg", metavar="FILE", help="also draw the shares")
    arguments, options = parser.parse_known_args()
    rows = measure(arguments.executables, arguments.filter, options)
    if not rows:
        refuse(f"no benchmark's name matches {arguments.filter!r}")
    print(table(rows))
    if arguments.json:
        write(arguments.json, json.dumps(rows, indent=1) + "\n")
    if arguments.svg:
        write(arguments.svg, plot(rows))


main()
