#!/usr/bin/env bash
# symbols.sh LIBRARY: no virtual table of gloo's comes from our objects. LibTorch's gloo is newer than the headers they were compiled with,
# and two layouts under one name would call the wrong functions.
set -euo pipefail
emitted=$(nm -C "$1" 2>/dev/null | grep -E ' [VvDd] vtable for gloo::' || true)
[ -z "$emitted" ] || { echo "$emitted"; exit 1; }
nm -C "$1" 2>/dev/null | grep -q 'c10d::ProcessGroupGloo::createDefaultDevice' || { echo "$1 does not use ProcessGroupGloo: is it the right library?"; exit 1; }
