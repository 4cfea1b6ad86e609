#!/usr/bin/env bash
# expect_failure.sh FILE COMPILER FLAGS...: passes if the compiler rejects FILE, and its output holds the text of each line
# `// expect: TEXT` at the head of FILE (before the first line that is no comment).
set -uo pipefail
file=$1
shift
mapfile -t expected < <(sed -n '/^\/\//!q; s|^// expect: *||p' "$file")
if [ ${#expected[@]} -eq 0 ]; then
  echo "$file: has no line '// expect: TEXT' at its head"
  exit 1
fi
if output=$("$@" -fsyntax-only "$file" 2>&1); then
  echo "$file: compiles, and should not"
  exit 1
fi
for text in "${expected[@]}"; do
  if ! grep -qF -- "$text" <<<"$output"; then
    printf '%s: is rejected, but without the sentence\n    %s\nThe compiler said:\n%s\n' "$file" "$text" "$(head -n 40 <<<"$output")"
    exit 1
  fi
done
