# Makes one ctest test of each Catch2 test case of an executable, when it is built. Labels come from the case's tags:
#   none       fast and ci: the edit loop
#   [slow]     ci: more than a second or two
#   [checks]   checks
#   [full]     full: minutes
#   [threads]  uses more than one thread, so it takes two of ctest's places; all others run with one OpenMP thread
# A tag that begins with a dot hides the case, as in Catch2. tests/support/main.cpp writes the listing.
function(grove_discover_tests target prefix)
  set(listing ${CMAKE_CURRENT_BINARY_DIR}/${target}.tests.cmake)
  add_custom_command(TARGET ${target} POST_BUILD VERBATIM
    COMMAND $<TARGET_FILE:${target}> --ctest ${listing} $<TARGET_FILE:${target}> ${prefix})
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/${target}.include.cmake
    "if(EXISTS \"${listing}\")\n  include(\"${listing}\")\nelse()\n  add_test(\"${prefix}: not built\" ${target}-not-built)\n"
    "  set_tests_properties(\"${prefix}: not built\" PROPERTIES LABELS \"fast;ci\")\nendif()\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${CMAKE_CURRENT_BINARY_DIR}/${target}.include.cmake)
endfunction()
