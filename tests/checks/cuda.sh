#!/usr/bin/env bash
# The preset cuda configures, compiles and links with the full torch wheel for A40 and H100, needs no device to start, and says what
# it is. Where there is a device, its tests run on it.
#   GROVE_CUDA_ENV   a Python environment for that wheel; made there (about 5 GB) if it does not exist
. "$(dirname "$0")/common.sh"
need cmake ninja readelf
command -v nvcc >/dev/null 2>&1 || [ -x "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc" ] || skip "nvcc is not here"
env=${GROVE_CUDA_ENV:-}
[ -n "$env" ] || skip "set GROVE_CUDA_ENV to a folder for a Python environment with torch's full wheel, about 5 GB"
release=$(sed -n 's/^torch_release=//p' cmake/setup.sh)
libraries=("$env"/lib/python3*/site-packages/torch/lib/libtorch_cuda.so)
if [ ! -e "${libraries[0]}" ]; then
  python3 -m venv "$env"
  "$env/bin/python" -m pip install -q "torch==$release"
fi

build=$root/build/cuda-check
export TORCH_CUDA_ARCH_LIST="8.6;9.0"
env -u LIBTORCH -u CMAKE_PREFIX_PATH cmake --preset cuda -B "$build" -DGROVE_ENV="$env" --log-level=WARNING
ninja -C "$build" -j "$jobs" open_rs test_nn_torch test_policy test_cuda

open_rs=$build/examples/open_rs
nm -C "$build/libgrove_runtime.a" 2>/dev/null | grep -c 'U c10d::ProcessGroupNCCL::ProcessGroupNCCL' >/dev/null || { echo "ranks have no NCCL: nccl.h was not found"; exit 1; }
readelf -d "$open_rs" | grep -q 'NEEDED.*libtorch_cuda' || { echo "libtorch_cuda is not linked: its kernels would not register"; exit 1; }
"$open_rs" --version | tee "$build/version.txt"
grep -q 'CUDA build, LibTorch .*, for compute capabilities 86,90' "$build/version.txt"
"$build/tests/test_nn_torch"
"$build/tests/test_policy"
"$build/tests/test_cuda"
if grep -q 'no device is seen' "$build/version.txt"; then
  status=0
  said=$(echo '{"ids":[1,2]}' | "$open_rs" logprobs --model examples/arithmetic/model --device cuda 2>&1) || status=$?
  echo "$said"
  [ $status -eq 2 ] && [ "$(wc -l <<<"$said")" -eq 1 ] && grep -q 'sees no CUDA device' <<<"$said"
fi
