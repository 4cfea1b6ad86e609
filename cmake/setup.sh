# Sourced by examples/run, tests/run and benchmarks/run: finds or installs what a build needs, configures, builds.
# Whatever it prints goes to stderr, so that stdout belongs to the program that is run in the end.
#
#   setup examples|tests|benchmarks|checks   packages, LibTorch, configuration; sets $build, the build folder
#   build TARGET...                          brings the targets up to date
#
# Environment: LIBTORCH or CMAKE_PREFIX_PATH (a LibTorch to use instead of fetching one), GROVE_PARQUET=auto|on|off, PYARROW (an Arrow to
# use instead of fetching one), GROVE_CUDA=auto|on|off, CUDA_HOME, TORCH_CUDA_ARCH_LIST (for a CUDA build where there is no device), CXX, GROVE_JOBS.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
env_dir=$root/build/env
given_compiler=${CXX:-}
torch_release=2.11.0
# What torch's own metadata pins for its libtorch_cpu, which needs these two even where there is no GPU.
torch_companions=(nvidia-cuda-runtime==13.0.96.* nvidia-cuda-cupti==13.0.85.*)
arrow_wheel=pyarrow==26.0.1
nvcc_package=cuda-toolkit-13-0

say() { printf 'grove: %s\n' "$*" >&2; }
die() { say "$@"; exit 2; }
have() { command -v "$1" >/dev/null 2>&1; }

# at_least 3.25 3.31.2: is the second version no older than the first?
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

prefixes() { printf '%s\n' /usr /usr/local; printf '%s\n' "${CMAKE_PREFIX_PATH:-}" | tr ':;' '\n\n'; }

has_header() {
  local prefix
  while IFS= read -r prefix; do
    if [ -n "$prefix" ] && [ -e "$prefix/include/$1" ]; then return 0; fi
  done < <(prefixes)
  return 1
}

# Is what this Debian package brings here, from the package or from anywhere else?
present() {
  case $1 in
    g++) [ -n "${CXX:-}" ] || have g++ ;;
    g++-12) choose_compiler ;;
    cmake) have cmake ;;
    ninja-build) have ninja ;;
    python3-venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
    libboost-program-options-dev) has_header boost/program_options.hpp ;;
    librange-v3-dev) has_header range/v3/version.hpp ;;
    libeigen3-dev) has_header eigen3/Eigen/Core || has_header Eigen/Core ;;
    nlohmann-json3-dev) has_header nlohmann/json.hpp ;;
    libutf8proc-dev) has_header utf8proc.h ;;
    libgmp-dev) has_header gmp.h || has_header "$(uname -m)-linux-gnu/gmp.h" ;;
    libmpfr-dev) has_header mpfr.h ;;
    libgloo-dev) has_header gloo/algorithm.h ;;
    catch2) has_header catch2/catch.hpp || has_header catch2/catch_all.hpp ;;
    libbenchmark-dev) has_header benchmark/benchmark.h ;;
    clang) have clang++ ;;
    libclang-rt-dev) [ -e "$(clang++ -print-file-name="libclang_rt.fuzzer-$(uname -m).a" 2>/dev/null)" ] ;;
    *) have "$1" ;;
  esac
}

# The first g++ that is new enough, unless CXX says otherwise.
choose_compiler() {
  [ -z "${CXX:-}" ] || return 0
  local candidate
  for candidate in g++ g++-15 g++-14 g++-13 g++-12; do
    if have "$candidate" && at_least 12 "$("$candidate" -dumpversion)"; then
      [ "$candidate" = g++ ] || export CXX=$candidate
      return 0
    fi
  done
  return 1
}

by_hand() {
  say "$1. To do it by hand, then run this again:"
  printf '    %s\n' "sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" \
    "(elsewhere: g++ >= 12 or clang >= 14, CMake >= 3.25, Ninja, pkg-config, Python 3 with venv, and the libraries named above)" >&2
  exit 2
}

# require PACKAGE...: installs those whose contents are missing; says so first.
require() {
  local package sudo=() missing=()
  for package in "$@"; do present "$package" || missing+=("$package"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  have apt-get || by_hand "missing: ${missing[*]}, and there is no apt-get here"
  if [ "$(id -u)" != 0 ]; then
    have sudo || by_hand "missing: ${missing[*]}, and installing them needs root or sudo"
    sudo=(sudo)
    [ -t 0 ] || sudo=(sudo -n)
  fi
  # Not needed, but a second build is much quicker with them.
  for package in ccache mold; do present "$package" || missing+=("$package"); done
  say "about to install with apt-get: ${missing[*]}"
  "${sudo[@]}" apt-get update -qq >&2 </dev/null || say "apt-get update failed; trying with the package lists that are here"
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}" \
    >&2 </dev/null || by_hand "apt-get could not install: ${missing[*]}"
}

pip() { "$env_dir/bin/python" -m pip --disable-pip-version-check --no-input "$@" >&2 </dev/null; }

make_env() {
  [ -x "$env_dir/bin/python" ] && "$env_dir/bin/python" -c 'import pip' 2>/dev/null && return
  require python3-venv
  python3 -m venv "$env_dir" >&2 || die "python3 -m venv $env_dir failed; install python3-venv and run this again"
}

# An old distribution's CMake is replaced, for this build alone, by the wheel.
require_cmake() {
  [ ! -x "$env_dir/bin/cmake" ] || export PATH=$env_dir/bin:$PATH
  at_least 3.25 "$(cmake --version | sed -n '1s/[^0-9]*//p')" && return
  make_env
  say "about to install into the private environment build/env: cmake (this system's is older than 3.25)"
  pip install -q 'cmake>=3.25,<4' || die "pip could not install cmake; install CMake 3.25 or later and run this again"
  export PATH=$env_dir/bin:$PATH
  hash -r
}

# Sets $cuda to on or off, and $nvcc and $cuda_archs.
decide_cuda() {
  cuda=off nvcc='' cuda_archs=''
  local wanted=${GROVE_CUDA:-auto} gpu=''
  case $wanted in
    off) return ;;
    auto | on) ;;
    *) die "GROVE_CUDA=$wanted: expected auto, on or off" ;;
  esac
  ! have nvidia-smi || gpu=$(nvidia-smi -L 2>/dev/null | head -n 1) || gpu=''
  nvcc=$(command -v nvcc || true)
  local toolkit=${CUDA_HOME:-/usr/local/cuda}
  [ -n "$nvcc" ] || [ ! -x "$toolkit/bin/nvcc" ] || nvcc=$toolkit/bin/nvcc
  [ -n "$gpu" ] || [ "$wanted" = on ] || return 0
  if [ -z "$nvcc" ]; then
    local line="nvcc is missing beside the GPU: install $nvcc_package (from NVIDIA's package repository) for a CUDA build"
    [ "$wanted" = auto ] || die "$line, or set GROVE_CUDA=off"
    say "$line; building for the CPU"
    return
  fi
  cuda=on
  cuda_archs=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | tr -d '. ' | sort -u | paste -sd';' || true)
  [ -n "$cuda_archs" ] || [ -z "${TORCH_CUDA_ARCH_LIST:-}" ] || cuda_archs=$(tr -d '.' <<<"${TORCH_CUDA_ARCH_LIST// /;}")
  if [ -z "$cuda_archs" ]; then
    cuda_archs='86;90'
    say "GROVE_CUDA=on without a GPU: building for architectures $cuda_archs"
  fi
}

given_libtorch() {
  local place
  if [ -n "${LIBTORCH:-}" ]; then
    [ -e "$LIBTORCH/include/ATen/core/Tensor.h" ] ||
      die "LIBTORCH=$LIBTORCH holds no LibTorch: expected include/ATen/core/Tensor.h in it (the unpacked zip, or site-packages/torch)"
    printf '%s\n' "$LIBTORCH"
    return
  fi
  while IFS= read -r place; do
    if [ -n "$place" ] && [ -e "$place/include/ATen/core/Tensor.h" ]; then printf '%s\n' "$place"; return; fi
  done < <(prefixes)
}

# Does the private environment hold these already, in these versions?
has_wheels() {
  local wheel name version found
  for wheel in "$@"; do
    name=${wheel%%==*} version=${wheel#*==}
    found=("$env_dir"/lib/python3*/site-packages/"${name//-/_}"-${version}.dist-info)
    [ -d "${found[0]}" ] || found=("$env_dir"/lib/python3*/site-packages/"${name//-/_}"-${version%.\*}.dist-info)
    [ -d "${found[0]}" ] || return 1
  done
}

require_libtorch() {
  local given done_stamp kind=CPU
  given=$(given_libtorch) || exit 2
  if [ -n "$given" ]; then
    say "using the LibTorch in $given"
    return
  fi
  [ "$cuda" = off ] || kind=CUDA
  done_stamp=$env_dir/.torch-$torch_release-$kind
  [ ! -e "$done_stamp" ] || return 0
  make_env
  if [ "$kind" = CPU ] && has_wheels "torch==$torch_release" "${torch_companions[@]}"; then
    touch "$done_stamp"
    return
  fi
  say "about to install into the private environment build/env: LibTorch $torch_release ($kind) from PyPI's torch wheel, about 0.6 GB to fetch"
  local quiet=(-q)
  [ ! -t 2 ] || quiet=()
  local fix="set LIBTORCH to an unpacked LibTorch (>= 2.7), or make pip reach PyPI, and run this again"
  pip install "${quiet[@]}" --no-deps "torch==$torch_release" || die "pip could not install torch==$torch_release; $fix"
  if [ "$cuda" = on ]; then
    local needs
    mapfile -t needs < <("$env_dir/bin/python" -c 'import importlib.metadata as m
for need in m.requires("torch"):
    if need.startswith(("nvidia-", "cuda-toolkit")): print(need.split(";")[0].strip())')
    say "about to install into build/env, for CUDA, some GB: ${needs[*]}"
    pip install "${quiet[@]}" "${needs[@]}" || die "pip could not install the libraries of torch's CUDA build; $fix"
  else
    pip install "${quiet[@]}" --no-deps "${torch_companions[@]}" || die "pip could not install ${torch_companions[*]}; $fix"
  fi
  touch "$done_stamp"
}

# Arrow C++, for Parquet: the pyarrow wheel has its headers and libraries. Without it everything else is built.
require_arrow() {
  local wanted=${GROVE_PARQUET:-auto}
  case $wanted in
    off) return 0 ;;
    auto | on) ;;
    *) die "GROVE_PARQUET=$wanted: expected auto, on or off" ;;
  esac
  [ -z "${PYARROW:-}" ] || return 0
  make_env
  ! has_wheels "$arrow_wheel" || return 0
  say "about to install into the private environment build/env, for Parquet: Arrow from PyPI's $arrow_wheel, about 50 MB to fetch"
  pip install -q --no-deps "$arrow_wheel" && return
  local line="pip could not install $arrow_wheel; set PYARROW to the folder of one that is here (site-packages/pyarrow)"
  [ "$wanted" = auto ] || die "$line, or set GROVE_PARQUET=off"
  say "$line; building without Parquet"
}

# A configuration is good until one of these changes.
configuration_key() {
  cksum <"$root/cmake/setup.sh"
  printf '%s|' "$root" "${LIBTORCH:-}" "${CMAKE_PREFIX_PATH:-}" "$given_compiler" "${CXXFLAGS:-}" "${GROVE_CUDA:-auto}" "${TORCH_CUDA_ARCH_LIST:-}" \
    "${GROVE_PARQUET:-auto}" "${PYARROW:-}" "$(command -v nvidia-smi nvcc g++ ninja || true)" "$(ls -d "$env_dir"/.torch-* 2>/dev/null || true)"
}

configure() {
  local options=() fresh=()
  case $1 in
    tests) options=(-DGROVE_TESTS=ON -DGROVE_EXAMPLES=ON) ;;
    checks) options=(-DGROVE_TESTS=ON -DGROVE_EXAMPLES=ON -DGROVE_BENCHMARKS=ON) ;;
    benchmarks) options=(-DGROVE_BENCHMARKS=ON) ;;
  esac
  # What one script has switched on stays on for the others; the first one starts with little.
  if [ ! -e "$build/CMakeCache.txt" ]; then
    [ "$1" = tests ] || [ "$1" = checks ] || options+=(-DGROVE_TESTS=OFF)
  elif ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$build/CMakeCache.txt"; then
    fresh=(--fresh)
  fi
  [ "$cuda" = off ] || options+=("-DCMAKE_CUDA_COMPILER=$nvcc" "-DCMAKE_CUDA_ARCHITECTURES=$cuda_archs")
  say "configuring $build"
  (cd "$root" && cmake --preset "$preset" "${fresh[@]}" -U 'LibTorch_*' -U 'ArrowParquet_*' "-DGROVE_PARQUET=${GROVE_PARQUET:-auto}" --log-level=WARNING "${options[@]}" >&2) || exit 1
}

setup() {
  mkdir -p "$root/build"
  # Two scripts started at once take turns.
  exec 9>"$root/build/.lock"
  flock 9
  local key=''
  key=$(configuration_key)
  for preset in cuda release; do
    build=$root/build/$preset
    if [ -e "$build/build.ninja" ] && [ "$key" = "$(cat "$build/.ready-$1" 2>/dev/null)" ]; then
      [ ! -x "$env_dir/bin/cmake" ] || export PATH=$env_dir/bin:$PATH
      choose_compiler
      return
    fi
  done

  local packages=(g++ cmake ninja-build pkg-config git python3-venv libboost-program-options-dev librange-v3-dev libeigen3-dev
    nlohmann-json3-dev libutf8proc-dev libgmp-dev libmpfr-dev libgloo-dev)
  case $1 in
    tests) packages+=(catch2) ;;
    checks) packages+=(catch2 libbenchmark-dev clang clang-tidy clang-format libclang-rt-dev doxygen) ;;
    benchmarks) packages+=(libbenchmark-dev) ;;
  esac
  # A test configuration that stands must stay configurable.
  if grep -qs '^GROVE_TESTS:BOOL=ON' "$root"/build/{release,cuda}/CMakeCache.txt; then packages+=(catch2); fi
  require "${packages[@]}"
  choose_compiler || { require g++-12; choose_compiler || die "no g++ of version 12 or later was found; set CXX to one"; }
  require_cmake
  decide_cuda
  require_libtorch
  require_arrow
  preset=release
  [ "$cuda" = off ] || preset=cuda
  build=$root/build/$preset
  configure "$1"
  configuration_key >"$build/.ready-$1"
}

# One job a core, fewer where memory is short: a file that includes LibTorch takes about 1.5 GB.
job_count() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable/ {print int($2 / 1572864)}' /proc/meminfo 2>/dev/null || echo "$cores")
  [ "${memory:-1}" -ge 1 ] || memory=1
  [ "$memory" -ge "$cores" ] && memory=$cores
  printf '%s\n' "${GROVE_JOBS:-$memory}"
}

# What a build of an empty folder costs in processor time is noted for tests/checks/build_time.sh.
build() {
  local clean=no
  [ -e "$build/.ninja_log" ] || clean=yes
  ninja -C "$build" -j "$(job_count)" "$@" >&2 </dev/null || { say "the build failed"; exit 1; }
  [ $clean = no ] || times >"$build/.clean-build-times"
  exec 9>&-
}
