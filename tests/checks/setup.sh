#!/usr/bin/env bash
# cmake/setup.sh on machines that lack things: each is played with a PATH of its own; nothing is installed.
. "$(dirname "$0")/common.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# machine NAME TOOL...: a PATH with the plain tools that every system has, and those named.
machine() {
  local tool name=$1
  shift
  mkdir -p "$work/$name"
  for tool in bash env cat cksum dirname sed sort head tail tr id paste awk nproc printf grep mkdir "$@"; do
    ln -sf "$(command -v "$tool")" "$work/$name/$tool"
  done
}

# fake NAME TOOL OUTPUT: a tool that prints OUTPUT.
fake() {
  printf '#!/bin/sh\ncat <<"END"\n%s\nEND\n' "$3" >"$work/$1/$2"
  chmod +x "$work/$1/$2"
}

# expect STATUS TEXT MACHINE VARIABLES -- COMMANDS: what setup.sh's functions say and return there.
expect() {
  local status=$1 text=$2 path=$work/$3 variables=() output code=0
  shift 3
  while [ "$1" != -- ]; do variables+=("$1"); shift; done
  output=$(env -i PATH="$path" HOME="$work" CUDA_HOME="$work/no-cuda" "${variables[@]}" bash -euo pipefail -c ". cmake/setup.sh; $2" 2>&1 </dev/null) || code=$?
  if [ "$code" -ne "$status" ] || ! grep -qF -- "$text" <<<"$output"; then
    printf 'on machine %s, %s: exit %s, expected %s with "%s"; it said:\n%s\n' "$(basename "$path")" "$2" "$code" "$status" "$text" "$output"
    failures=$((failures + 1))
  fi
}

machine bare
expect 2 'sudo apt-get update && sudo apt-get install -y --no-install-recommends cmake ninja-build' bare -- 'require cmake ninja-build'
expect 2 'there is no apt-get here' bare -- 'require ninja-build'
machine user
fake user apt-get 'must not be called'
rm "$work/user/id" && fake user id 1000
expect 2 'installing them needs root or sudo' user -- 'require ninja-build'
expect 0 'fine' user -- 'require nproc grep; echo fine'

expect 2 'expected auto, on or off' bare GROVE_CUDA=yes -- decide_cuda
expect 0 'cuda=off' bare -- 'decide_cuda; echo cuda=$cuda'
machine gpu
fake gpu nvidia-smi 'GPU 0: Some Device'
expect 0 'nvcc is missing beside the GPU: install cuda-toolkit-13-0' gpu -- 'decide_cuda; [ $cuda = off ]'
expect 2 'nvcc is missing beside the GPU: install cuda-toolkit-13-0' gpu GROVE_CUDA=on -- decide_cuda
expect 0 'cuda=off' gpu GROVE_CUDA=off -- 'decide_cuda; echo cuda=$cuda'
fake gpu nvcc 'release 13.0'
printf '#!/bin/sh\n[ "$1" = -L ] && echo "GPU 0: Some Device" || printf "9.0\\n8.6\\n9.0\\n"\n' >"$work/gpu/nvidia-smi"
expect 0 'cuda=on 86;90' gpu -- 'decide_cuda; echo "cuda=$cuda $cuda_archs"'
machine builder
fake builder nvcc 'release 13.0'
expect 0 'cuda=on 86;90' builder GROVE_CUDA=on -- 'decide_cuda; echo "cuda=$cuda $cuda_archs"'
expect 0 'cuda=on 80;90' builder GROVE_CUDA=on 'TORCH_CUDA_ARCH_LIST=8.0;9.0' -- 'decide_cuda; echo "cuda=$cuda $cuda_archs"'
expect 0 'cuda=off' builder -- 'decide_cuda; echo cuda=$cuda'

expect 2 'holds no LibTorch: expected include/ATen/core/Tensor.h' bare LIBTORCH="$work" -- 'cuda=off; require_libtorch'
mkdir -p "$work/torch/include/ATen/core"
touch "$work/torch/include/ATen/core/Tensor.h"
expect 0 "using the LibTorch in $work/torch" bare LIBTORCH="$work/torch" -- 'cuda=off; require_libtorch'
expect 0 "using the LibTorch in $work/torch" bare CMAKE_PREFIX_PATH="/nowhere:$work/torch" -- 'cuda=off; require_libtorch'

fake bare g++ 11
expect 1 '' bare -- 'choose_compiler'
fake bare g++-13 13
expect 0 'CXX=g++-13' bare -- 'choose_compiler; echo CXX=$CXX'
expect 0 'CXX=clang++' bare CXX=clang++ -- 'choose_compiler; echo CXX=$CXX'

[ "$failures" -eq 0 ]
