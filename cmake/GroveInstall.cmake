# Headers, libraries and a package config with the components core, text, cpu and runtime. Nothing installed names a path of this machine:
# dependencies are found anew by the project that uses the package.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/grove)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/grove DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")

# One export set a component, so that a project which asks for core alone needs nothing that the others link.
set(components)
foreach(component core control math text cpu runtime cuda)
  if(TARGET grove_${component})
    list(APPEND components ${component})
    install(TARGETS grove_${component} EXPORT grove-${component} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(EXPORT grove-${component} NAMESPACE grove:: DESTINATION ${config_dir})
  endif()
endforeach()

set(cuda)
if(GROVE_CUDA)
  set(cuda "COMPONENTS cuda")
endif()
string(REGEX MATCH "^[0-9]+\\.[0-9]+" libtorch_version "${LibTorch_VERSION}")
string(REGEX MATCH "^[0-9]+" grove_arrow_version "${ArrowParquet_VERSION}")
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/grove-config.cmake.in ${PROJECT_BINARY_DIR}/grove-config.cmake
  INSTALL_DESTINATION ${config_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/grove-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/grove-config.cmake ${PROJECT_BINARY_DIR}/grove-config-version.cmake
  ${CMAKE_CURRENT_LIST_DIR}/FindLibTorch.cmake ${CMAKE_CURRENT_LIST_DIR}/FindArrowParquet.cmake DESTINATION ${config_dir})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})
