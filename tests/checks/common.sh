# What every check needs: `skip WHY` (ctest counts 77 as skipped), `need TOOL...`, $root, and one job a core.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
jobs=${GROVE_JOBS:-$(nproc)}
cd "$root"

skip() { printf 'skipped: %s\n' "$*"; exit 77; }
need() {
  local tool
  for tool in "$@"; do command -v "$tool" >/dev/null 2>&1 || skip "$tool is not here"; done
}

# The project's own C++ files, newest change first where git knows.
sources() {
  git -c core.quotePath=off ls-files -- "$@" 2>/dev/null | grep -E '\.(hpp|cpp|cu|cuh)$' || true
}
