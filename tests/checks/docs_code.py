#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each ```cpp block of README.md, CONTRIBUTING.md and docs/*.md stands, word for word, in a file that is compiled.

Spaces, line ends and `//` comments do not count. A line that holds only `...` or `// ...` leaves something out: the pieces around it are looked for apart.
"""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parents[2]


def squeezed(text):
    return re.sub(r"\s+", "", re.sub(r"//[^\n]*", "", text))


compiled = {
    path: squeezed(path.read_text(encoding="utf-8"))
    for folder in ("include", "examples", "tests", "benchmarks")
    for path in sorted((root / folder).rglob("*"))
    if path.suffix in (".hpp", ".cpp", ".cu", ".cuh")
}
pages = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]
blocks, missing = 0, []
for page in pages:
    if not page.exists():
        continue
    text = page.read_text(encoding="utf-8")
    for block in re.finditer(r"^```(?:cpp|c\+\+)\n(.*?)^```", text, re.M | re.S):
        blocks += 1
        for piece in re.split(r"^\s*(?://\s*)?\.\.\.\s*$", block.group(1), flags=re.M):
            if squeezed(piece) and not any(squeezed(piece) in source for source in compiled.values()):
                line = text.count("\n", 0, block.start()) + 2
                missing.append(f"{page.relative_to(root)}:{line}: no compiled file holds this code:\n{piece.rstrip()}")
print(f"{blocks} blocks of code in {len(pages)} pages")
sys.exit("\n\n".join(missing) if missing else 0)
