# Arrow C++ with Parquet out of the pyarrow wheel, which carries headers and libraries (or out of an installed Arrow).
#
# Looked for, in this order: PYARROW (variable or environment: site-packages/pyarrow, or a prefix with include and lib),
# CMAKE_PREFIX_PATH (variable or environment), the folder beside LIBTORCH (two wheels of one site-packages), GROVE_ENV (a Python environment
# that holds the wheel), VIRTUAL_ENV.
#
# Defines ArrowParquet::ArrowParquet and ArrowParquet_VERSION. An Arrow with another C++ ABI than this compiler's is not found, and one
# line says so.
include(FindPackageHandleStandardArgs)
include(CheckCXXSourceCompiles)

set(_arrow_problem "install the wheel: build/env/bin/pip install --no-deps 'pyarrow>=24', or set PYARROW to its folder")

set(_arrow_hints ${PYARROW} $ENV{PYARROW} ${CMAKE_PREFIX_PATH})
string(REPLACE ":" ";" _arrow_prefixes "$ENV{CMAKE_PREFIX_PATH}")
list(APPEND _arrow_hints ${_arrow_prefixes})
foreach(_arrow_torch IN ITEMS "${LIBTORCH}" "$ENV{LIBTORCH}" ${CMAKE_PREFIX_PATH} ${_arrow_prefixes})
  if(_arrow_torch)
    list(APPEND _arrow_hints ${_arrow_torch}/../pyarrow)
  endif()
endforeach()
foreach(_arrow_env IN ITEMS "${GROVE_ENV}" "$ENV{VIRTUAL_ENV}")
  if(_arrow_env)
    file(GLOB _arrow_wheel ${_arrow_env}/lib/python3*/site-packages/pyarrow)
    list(APPEND _arrow_hints ${_arrow_wheel})
  endif()
endforeach()

find_path(ArrowParquet_INCLUDE_DIR parquet/arrow/reader.h HINTS ${_arrow_hints} PATH_SUFFIXES include NO_DEFAULT_PATH)
if(ArrowParquet_INCLUDE_DIR)
  cmake_path(GET ArrowParquet_INCLUDE_DIR PARENT_PATH _arrow_root)
  # The wheel has no libarrow.so, only libarrow.so.2600.
  foreach(_arrow_library arrow parquet)
    if(NOT ArrowParquet_${_arrow_library}_LIBRARY)
      file(GLOB _arrow_found ${_arrow_root}/lib${_arrow_library}.so* ${_arrow_root}/lib/lib${_arrow_library}.so*)
      list(GET _arrow_found 0 _arrow_first)
      set(ArrowParquet_${_arrow_library}_LIBRARY ${_arrow_first} CACHE FILEPATH "lib${_arrow_library} of the wheel")
    endif()
  endforeach()
  file(STRINGS ${ArrowParquet_INCLUDE_DIR}/arrow/util/config.h ArrowParquet_VERSION REGEX "define ARROW_VERSION_STRING ")
  string(REGEX REPLACE ".*\"([0-9.]+)[^\"]*\".*" "\\1" ArrowParquet_VERSION "${ArrowParquet_VERSION}")
endif()
set(_arrow_required ArrowParquet_INCLUDE_DIR ArrowParquet_parquet_LIBRARY ArrowParquet_arrow_LIBRARY)

# std::string in an exported name tells the ABI; the compiler's own shows in <string>.
if(ArrowParquet_arrow_LIBRARY)
  file(STRINGS ${ArrowParquet_arrow_LIBRARY} _arrow_new_abi REGEX "^_ZN5arrow6StatusC1.*NSt7__cxx1112basic_string" LIMIT_COUNT 1)
  check_cxx_source_compiles("#include <string>
    #if !defined(__GLIBCXX__) || !_GLIBCXX_USE_CXX11_ABI
    #error another C++ ABI
    #endif
    int main() {}" ArrowParquet_COMPILER_HAS_CXX11_ABI)
  if(_arrow_new_abi AND ArrowParquet_COMPILER_HAS_CXX11_ABI)
    set(ArrowParquet_SAME_ABI TRUE)
  else()
    set(_arrow_problem "this Arrow and this compiler have different C++ ABIs (_GLIBCXX_USE_CXX11_ABI): take the pyarrow wheel of 24 or later")
  endif()
  list(APPEND _arrow_required ArrowParquet_SAME_ABI)
endif()

find_package_handle_standard_args(ArrowParquet REQUIRED_VARS ${_arrow_required} VERSION_VAR ArrowParquet_VERSION
  REASON_FAILURE_MESSAGE "${_arrow_problem}")

if(ArrowParquet_FOUND AND NOT TARGET ArrowParquet::ArrowParquet)
  add_library(ArrowParquet::ArrowParquet INTERFACE IMPORTED GLOBAL)
  target_include_directories(ArrowParquet::ArrowParquet SYSTEM INTERFACE ${ArrowParquet_INCLUDE_DIR})
  # Only programs that read Parquet load it: 70 MB that others need not map.
  cmake_path(GET ArrowParquet_arrow_LIBRARY PARENT_PATH _arrow_folder)
  target_link_libraries(ArrowParquet::ArrowParquet INTERFACE
    "-Wl,--push-state,--as-needed,${ArrowParquet_parquet_LIBRARY},${ArrowParquet_arrow_LIBRARY},--pop-state")
  target_link_options(ArrowParquet::ArrowParquet INTERFACE -Wl,-rpath,${_arrow_folder})
endif()
mark_as_advanced(ArrowParquet_INCLUDE_DIR ArrowParquet_parquet_LIBRARY ArrowParquet_arrow_LIBRARY)
