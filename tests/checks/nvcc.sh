#!/usr/bin/env bash
# Every CUDA file compiles for the devices of the reference machines: sm_86 (A40) and sm_90 (H100). Needs nvcc, no GPU;
# where there is one, the kernels are run against the host.
. "$(dirname "$0")/common.sh"
mapfile -t files < <(sources include examples benchmarks tests | grep '\.cu$')
[ ${#files[@]} -gt 0 ] || skip "there are no CUDA files"
nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
[ -x "$nvcc" ] || skip "nvcc is not here"
mkdir -p build/nvcc
objects=()
for file in "${files[@]}"; do
  echo "$file"
  object=build/nvcc/${file//\//_}.o
  "$nvcc" -std=c++20 --expt-relaxed-constexpr -O2 -Iinclude -Xcompiler -Wall,-Wextra -Werror all-warnings -gencode arch=compute_86,code=sm_86 \
    -gencode arch=compute_90,code=sm_90 -c "$file" -o "$object"
  case $file in include/grove/cuda/* | tests/checks/cuda/*) objects+=("$object") ;; esac
done
# The kernels' own test; without a device it says so.
"$nvcc" -gencode arch=compute_86,code=sm_86 -gencode arch=compute_90,code=sm_90 "${objects[@]}" -o build/nvcc/kernels
build/nvcc/kernels
