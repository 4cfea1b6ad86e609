#!/usr/bin/env bash
# symbols.sh LIBRARY: no virtual table of gloo's comes from our objects. LibTorch's gloo is newer than the headers they were compiled with,
# and two layouts under one name would call the wrong functions.
set -euo pipefail
symbols=$(nm -C "$1" 2>/dev/null)
grep -q 'c10d::ProcessGroupGloo::createDefaultDevice' <<<"$symbols" || { echo "$1 does not use ProcessGroupGloo: is it the right library?"; exit 1; }
if grep -E ' [VvDd] vtable for gloo::' <<<"$symbols"; then exit 1; fi
