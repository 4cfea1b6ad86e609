# LibTorch without Torch's own config: that one wants a CUDA toolkit for a CUDA wheel and alters the arch flags.
#
# Looked for, in this order: an existing target `torch` (the project has called find_package(Torch) itself), LIBTORCH (variable or
# environment), CMAKE_PREFIX_PATH (variable or environment), GROVE_ENV (a Python environment that holds the wheel), VIRTUAL_ENV.
# Component cuda: its CUDA libraries too.
#
# Defines LibTorch::LibTorch (libtorch_cpu and libc10; with the component, libtorch_cuda and libc10_cuda), LibTorch_VERSION and
# LibTorch_INCLUDE_DIR. A LibTorch with another C++ ABI than this compiler's is not found, and one line says so.
include(FindPackageHandleStandardArgs)
include(CheckCXXSourceCompiles)

set(_libtorch_problem "set LIBTORCH (or CMAKE_PREFIX_PATH) to a LibTorch folder, the unpacked zip or site-packages/torch of the wheel")

if(TARGET torch)
  get_target_property(_libtorch_hints torch INTERFACE_INCLUDE_DIRECTORIES)
  list(TRANSFORM _libtorch_hints APPEND /..)
else()
  set(_libtorch_hints ${LIBTORCH} $ENV{LIBTORCH} ${CMAKE_PREFIX_PATH})
  string(REPLACE ":" ";" _libtorch_prefixes "$ENV{CMAKE_PREFIX_PATH}")
  list(APPEND _libtorch_hints ${_libtorch_prefixes})
  foreach(_libtorch_env IN ITEMS "${GROVE_ENV}" "$ENV{VIRTUAL_ENV}")
    if(_libtorch_env)
      file(GLOB _libtorch_wheel ${_libtorch_env}/lib/python3*/site-packages/torch)
      list(APPEND _libtorch_hints ${_libtorch_wheel})
    endif()
  endforeach()
endif()

find_path(LibTorch_INCLUDE_DIR ATen/core/Tensor.h HINTS ${_libtorch_hints} PATH_SUFFIXES include NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY torch_cpu HINTS ${_libtorch_hints} PATH_SUFFIXES lib NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY c10 HINTS ${_libtorch_hints} PATH_SUFFIXES lib NO_DEFAULT_PATH)
set(_libtorch_required LibTorch_INCLUDE_DIR LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY)
if("cuda" IN_LIST LibTorch_FIND_COMPONENTS)
  find_library(LibTorch_CUDA_LIBRARY torch_cuda HINTS ${_libtorch_hints} PATH_SUFFIXES lib NO_DEFAULT_PATH)
  find_library(LibTorch_C10_CUDA_LIBRARY c10_cuda HINTS ${_libtorch_hints} PATH_SUFFIXES lib NO_DEFAULT_PATH)
  if(LibTorch_FIND_REQUIRED_cuda)
    list(APPEND _libtorch_required LibTorch_CUDA_LIBRARY LibTorch_C10_CUDA_LIBRARY)
  endif()
  if(LibTorch_CUDA_LIBRARY AND LibTorch_C10_CUDA_LIBRARY)
    set(LibTorch_cuda_FOUND TRUE)
  endif()
endif()

# Newer releases moved the numbers to torch/headeronly.
foreach(_libtorch_header torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
  if(NOT LibTorch_VERSION AND EXISTS ${LibTorch_INCLUDE_DIR}/${_libtorch_header})
    file(STRINGS ${LibTorch_INCLUDE_DIR}/${_libtorch_header} LibTorch_VERSION REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
    string(REGEX REPLACE "[^0-9;]" "" LibTorch_VERSION "${LibTorch_VERSION}")
    string(REPLACE ";" "." LibTorch_VERSION "${LibTorch_VERSION}")
  endif()
endforeach()

# std::string in libc10's exported names tells its ABI; the compiler's own shows in <string>.
if(LibTorch_C10_LIBRARY)
  file(STRINGS ${LibTorch_C10_LIBRARY} _libtorch_new_abi REGEX "^_ZN3c105ErrorC1.*NSt7__cxx1112basic_string" LIMIT_COUNT 1)
  check_cxx_source_compiles("#include <string>
    #if !defined(__GLIBCXX__) || !_GLIBCXX_USE_CXX11_ABI
    #error another C++ ABI
    #endif
    int main() {}" LibTorch_COMPILER_HAS_CXX11_ABI)
  if(_libtorch_new_abi AND LibTorch_COMPILER_HAS_CXX11_ABI)
    set(LibTorch_SAME_ABI TRUE)
  elseif(_libtorch_new_abi)
    set(_libtorch_problem "this LibTorch has libstdc++'s C++11 ABI and the compiler is set to another: leave out -D_GLIBCXX_USE_CXX11_ABI=0 or -stdlib=libc++")
  else()
    set(_libtorch_problem "this LibTorch was built with the old C++ ABI (_GLIBCXX_USE_CXX11_ABI=0): take the cxx11-abi build or the wheel of 2.7 or later")
  endif()
  list(APPEND _libtorch_required LibTorch_SAME_ABI)
endif()

find_package_handle_standard_args(LibTorch REQUIRED_VARS ${_libtorch_required} VERSION_VAR LibTorch_VERSION HANDLE_COMPONENTS
  REASON_FAILURE_MESSAGE "${_libtorch_problem}")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED GLOBAL)
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE ${LibTorch_INCLUDE_DIR} ${LibTorch_INCLUDE_DIR}/torch/csrc/api/include)
  target_compile_definitions(LibTorch::LibTorch INTERFACE AT_PER_OPERATOR_HEADERS)
  if(TARGET torch)
    target_link_libraries(LibTorch::LibTorch INTERFACE torch)
  else()
    target_link_libraries(LibTorch::LibTorch INTERFACE ${LibTorch_CPU_LIBRARY} ${LibTorch_C10_LIBRARY})
    if(LibTorch_cuda_FOUND)
      # Nothing refers to libtorch_cuda by name: its kernels register themselves, so the linker must be told to keep it.
      target_link_libraries(LibTorch::LibTorch INTERFACE ${LibTorch_C10_CUDA_LIBRARY}
        "-Wl,--push-state,--no-as-needed,${LibTorch_CUDA_LIBRARY},--pop-state")
    endif()
  endif()
  # A CUDA wheel's libraries need the toolkit's, which stand in sibling folders of site-packages.
  cmake_path(GET LibTorch_INCLUDE_DIR PARENT_PATH _libtorch_site)
  cmake_path(GET _libtorch_site PARENT_PATH _libtorch_site)
  file(GLOB _libtorch_cuda_dirs ${_libtorch_site}/nvidia/*/lib)
  foreach(_libtorch_dir IN LISTS _libtorch_cuda_dirs)
    target_link_options(LibTorch::LibTorch INTERFACE -Wl,-rpath-link,${_libtorch_dir} -Wl,-rpath,${_libtorch_dir})
  endforeach()
endif()
mark_as_advanced(LibTorch_INCLUDE_DIR LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_CUDA_LIBRARY LibTorch_C10_CUDA_LIBRARY)
