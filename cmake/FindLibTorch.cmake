# LibTorch without Torch's own config: that one wants a CUDA toolkit for a CUDA wheel and alters the arch flags.
# Looked for in LIBTORCH (variable or environment), CMAKE_PREFIX_PATH, and the private environment beside the build.
# Defines LibTorch::LibTorch (libtorch_cpu, libc10) and LibTorch_VERSION.
file(GLOB _private_env ${PROJECT_SOURCE_DIR}/build/env/lib/python3*/site-packages/torch)
set(_hints ${LIBTORCH} $ENV{LIBTORCH} ${CMAKE_PREFIX_PATH} ${_private_env})
find_path(LibTorch_INCLUDE_DIR ATen/core/Tensor.h HINTS ${_hints} PATH_SUFFIXES include NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY torch_cpu HINTS ${_hints} PATH_SUFFIXES lib NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 HINTS ${_hints} PATH_SUFFIXES lib NO_DEFAULT_PATH)

if(LibTorch_INCLUDE_DIR AND EXISTS ${LibTorch_INCLUDE_DIR}/torch/version.h)
  file(STRINGS ${LibTorch_INCLUDE_DIR}/torch/version.h _version REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
  string(REGEX REPLACE "[^0-9;]" "" _version "${_version}")
  string(REPLACE ";" "." LibTorch_VERSION "${_version}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch REQUIRED_VARS LibTorch_INCLUDE_DIR LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "set LIBTORCH to a LibTorch folder, or run ./examples/run, which fetches the wheel")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  # A CUDA wheel's libtorch_cpu needs these two; they stand in a sibling folder of the wheel's site-packages.
  get_filename_component(_site ${LibTorch_INCLUDE_DIR}/../.. ABSOLUTE)
  file(GLOB _cuda_libs ${_site}/nvidia/cu*/lib ${_site}/nvidia/cuda_runtime/lib ${_site}/nvidia/cuda_cupti/lib)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE ${LibTorch_INCLUDE_DIR} ${LibTorch_INCLUDE_DIR}/torch/csrc/api/include)
  target_link_libraries(LibTorch::LibTorch INTERFACE ${LibTorch_CPU_LIBRARY} ${LibTorch_C10_LIBRARY})
  target_compile_definitions(LibTorch::LibTorch INTERFACE AT_PER_OPERATOR_HEADERS)
  foreach(_dir IN LISTS _cuda_libs)
    target_link_options(LibTorch::LibTorch INTERFACE -Wl,-rpath-link,${_dir} -Wl,-rpath,${_dir})
  endforeach()
endif()
mark_as_advanced(LibTorch_INCLUDE_DIR LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY)
