#!/usr/bin/env bash
# clang-tidy over each header (alone) and each compiled file of the library and the examples, those changed last first, until
# GROVE_TIDY_SECONDS (default 1200) are spent: all of them while that suffices. Says how many were left out. Arguments: files to look at instead.
. "$(dirname "$0")/common.sh"
need clang++ clang-tidy git
cmake --preset tidy --log-level=WARNING
commands=build/tidy/compile_commands.json

# Changed and not committed; then by last commit; each once.
mapfile -t files < <(
  if [ $# -gt 0 ]; then printf '%s\n' "$@"; exit; fi
  { git diff --name-only HEAD; git log --format= --name-only; } |
    grep -E '^(include|examples)/.*\.(hpp|cpp)$' | awk '!seen[$0]++' | while read -r file; do [ ! -e "$file" ] || printf '%s\n' "$file"; done
)
[ ${#files[@]} -gt 0 ] || skip "git knows no files here"

# A header's compile command is that of any file of its layer, with a file that includes it alone.
torch_flags=$(grep -o -m 1 -E -- '-DAT_PER_OPERATOR_HEADERS' "$commands" || true)
includes=$(grep -oE -- '-isystem [^ "]+' "$commands" | sort -u | tr '\n' ' ')
flags="-std=c++20 -DGROVE_EXAMPLE_DIR=\"\" -DOPEN_RS_RECIPES=\"\" -Iinclude -Iexamples $includes $torch_flags -Wall -Wextra -Wpedantic"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export flags work commands
end=$(($(date +%s) + ${GROVE_TIDY_SECONDS:-1200}))
export end
look() {
  local file=$1 target=$1
  [ "$(date +%s)" -lt "$end" ] || { echo "$file" >>"$work/left"; return 0; }
  local name=${file//\//_}
  if [[ $file == *.hpp ]]; then
    # Reported once, where it stands: other headers have their own turn.
    target=$work/$name.cpp
    name_in_code=${file#include/}
    printf '#include "%s"\n' "${name_in_code#examples/}" >"$target"
  fi
  # shellcheck disable=SC2086
  if ! clang-tidy --quiet --config-file=.clang-tidy --warnings-as-errors='*' --header-filter="$(printf '%s' "$file" | sed 's/[.]/\\./g')\$" "$target" -- $flags \
    >"$work/$name.log" 2>/dev/null; then
    echo "$file" >>"$work/failed"
    cat "$work/$name.log"
  fi
}
export -f look
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$jobs" bash -c 'look "$1"' _
left=0
[ ! -e "$work/left" ] || left=$(wc -l <"$work/left")
echo "clang-tidy looked at $((${#files[@]} - left)) of ${#files[@]} files"
[ ! -e "$work/failed" ] || { echo "with findings:"; sort "$work/failed"; exit 1; }
