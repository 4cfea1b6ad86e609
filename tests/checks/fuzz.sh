#!/usr/bin/env bash
# fuzz.sh build: builds the fuzzers with clang's libFuzzer. fuzz.sh NAME: runs one for GROVE_FUZZ_SECONDS (default 20), starting from
# tests/fuzz/corpus/NAME where there is one. What makes it fail is kept under build/fuzz/failures.
. "$(dirname "$0")/common.sh"
need clang++
runtime=$(clang++ -print-file-name="libclang_rt.fuzzer-$(uname -m).a")
[ -e "$runtime" ] || skip "clang++ has no libFuzzer here: install libclang-rt-dev"

if [ "$1" = build ]; then
  cmake --preset fuzz --log-level=WARNING
  exec ninja -C build/fuzz -j "$jobs"
fi
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
mkdir -p build/fuzz/failures
corpus=()
[ ! -d "tests/fuzz/corpus/$1" ] || corpus=("tests/fuzz/corpus/$1")
"build/fuzz/tests/fuzz_$1" -max_total_time="${GROVE_FUZZ_SECONDS:-20}" -timeout=20 -rss_limit_mb=3000 -verbosity=0 -print_final_stats=1 -error_exitcode=1 \
  -artifact_prefix="build/fuzz/failures/$1-" "$found" "${corpus[@]}"
