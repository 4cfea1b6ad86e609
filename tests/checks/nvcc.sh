#!/usr/bin/env bash
# Every CUDA file compiles for the devices of the reference machines: sm_86 (A40) and sm_90 (H100). Needs nvcc, no GPU.
. "$(dirname "$0")/common.sh"
mapfile -t files < <(sources include examples benchmarks tests | grep '\.cu$')
[ ${#files[@]} -gt 0 ] || skip "there are no CUDA files"
nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
[ -x "$nvcc" ] || skip "nvcc is not here"
mkdir -p build/nvcc
for file in "${files[@]}"; do
  echo "$file"
  "$nvcc" -std=c++20 -O2 -Iinclude -Xcompiler -Wall,-Wextra -gencode arch=compute_86,code=sm_86 -gencode arch=compute_90,code=sm_90 \
    -c "$file" -o build/nvcc/object.o
done
