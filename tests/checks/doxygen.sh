#!/usr/bin/env bash
# The documentation builds without a warning.
. "$(dirname "$0")/common.sh"
need doxygen
mkdir -p build/docs
doxygen docs/Doxyfile 2>build/docs/warnings >/dev/null || { sort -u build/docs/warnings; exit 1; }
[ ! -s build/docs/warnings ] || { sort -u build/docs/warnings; exit 1; }
echo "build/docs/html/index.html"
