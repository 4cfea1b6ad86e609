#!/usr/bin/env bash
# Everything that needs no LibTorch, built with AddressSanitizer and UndefinedBehaviorSanitizer, passes its tests.
. "$(dirname "$0")/common.sh"
cmake --preset asan --log-level=WARNING
ninja -C build/asan -j "$jobs"
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1
ctest --test-dir build/asan -L '^ci$' -j "$jobs" --output-on-failure --no-tests=error --timeout 1500
