#!/usr/bin/env bash
# consumer.sh CASE SOURCE BUILD WORK COMPILER [LIBTORCH]: one project that uses Grove as others would. WORK is where it may write.
set -euo pipefail
case=$1 source=$2 build=$3 work=$4 compiler=$5 libtorch=${6:-}
here=$source/tests/consumer
prefix=$work/moved/here

unset LIBTORCH VIRTUAL_ENV CMAKE_PREFIX_PATH

fail() { printf '%s\n' "$@"; exit 1; }

# project NAME OPTIONS...: configures tests/consumer/NAME anew.
configure() {
  local name=$1
  shift
  rm -rf "$work/$case"
  cmake -S "$here/$name" -B "$work/$case" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" "$@"
}

build_and_run() {
  ninja -C "$work/$case" -j 1
  "$work/$case/consumer" | tee "$work/$case/output"
  grep -q '^grove [0-9]' "$work/$case/output" || fail "the consumer did not say its version"
}

# must_not_configure SENTENCE NAME OPTIONS...
must_not_configure() {
  local sentence=$1 output
  shift
  if output=$(configure "$@" 2>&1); then fail "configured, and should not:" "$output"; fi
  grep -qF "$sentence" <<<"$(tr -s ' \n' ' ' <<<"$output")" || fail "was refused, but without '$sentence':" "$output"
}

without=(-DCMAKE_DISABLE_FIND_PACKAGE_{nlohmann_json,PkgConfig,LibTorch,Torch,Boost,Catch2}=ON)

case $case in
  install)
    # Installed in one place and moved to another, which every other case uses.
    rm -rf "$work/first" "$work/moved"
    cmake --install "$build" --prefix "$work/first" >/dev/null
    mkdir -p "$work/moved"
    mv "$work/first" "$prefix"
    if paths=$(grep -rnE "$source|$build|$work|[\"; =]/[A-Za-z]" "$prefix" --include='*.cmake'); then
      fail "an installed file holds an absolute path:" "$paths"
    fi
    others=$(cd "$prefix" && find . -type f ! -name '*.hpp' ! -path './lib*/libgrove_*.a' ! -path './lib*/cmake/grove/*.cmake' ! -path './share/doc/grove/*')
    [ -z "$others" ] || fail "something beside headers, libraries, the package and the licence is installed:" "$others"
    ;;
  core)
    configure core -DCMAKE_PREFIX_PATH="$prefix" "${without[@]}"
    build_and_run
    ;;
  runtime)
    configure runtime -DCMAKE_PREFIX_PATH="$prefix" -DLIBTORCH="$libtorch"
    build_and_run
    ;;
  own_torch)
    configure runtime -DCMAKE_PREFIX_PATH="$prefix" -DLIBTORCH="$libtorch" -DOWN_TORCH=ON
    build_and_run
    ;;
  other_abi)
    must_not_configure "C++11 ABI and the compiler is set to another" runtime -DCMAKE_PREFIX_PATH="$prefix" -DLIBTORCH="$libtorch" \
      -DCMAKE_CXX_FLAGS=-D_GLIBCXX_USE_CXX11_ABI=0
    ;;
  other_torch)
    # The same LibTorch under another release's number.
    fake=$work/fake_torch
    rm -rf "$fake"
    mkdir -p "$fake/include/torch/headeronly" "$fake/include/ATen/core"
    touch "$fake/include/ATen/core/Tensor.h"
    ln -s "$libtorch/lib" "$fake/lib"
    printf '#define TORCH_VERSION_%s\n' 'MAJOR 2' 'MINOR 99' 'PATCH 0' >"$fake/include/torch/headeronly/version.h"
    must_not_configure "grove::runtime was built with LibTorch" runtime -DCMAKE_PREFIX_PATH="$prefix" -DLIBTORCH="$fake"
    ;;
  no_torch)
    must_not_configure "LibTorch" runtime -DCMAKE_PREFIX_PATH="$prefix"
    ;;
  subdirectory)
    configure subdirectory -DGROVE_SOURCE="$source" "${without[@]}"
    build_and_run
    ;;
  subdirectory_text)
    configure subdirectory -DGROVE_SOURCE="$source" -DWITH_TEXT=ON
    build_and_run
    ;;
  fetch)
    configure fetch -DFETCHCONTENT_SOURCE_DIR_GROVE="$source" -DFETCHCONTENT_FULLY_DISCONNECTED=ON "${without[@]}"
    build_and_run
    ;;
  *) fail "no case $case" ;;
esac
