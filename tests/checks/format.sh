#!/usr/bin/env bash
# Every C++ file is as clang-format leaves it. Other releases than 14 lay some lines out differently, so they are no judge.
. "$(dirname "$0")/common.sh"
need clang-format git
version=$(clang-format --version | grep -oE '[0-9]+' | head -n 1)
[ "$version" = 14 ] || skip "clang-format is of release $version; the layout is that of 14"
mapfile -t files < <(sources include examples tests benchmarks)
[ ${#files[@]} -gt 0 ] || skip "git lists no files here"
printf '%s\0' "${files[@]}" | xargs -0 -n 20 -P "$jobs" clang-format --dry-run -Werror
echo "${#files[@]} files are formatted"
