# cmake --install: headers, libmerx, pkg-config file, CMake package, the program.
include(CMakePackageConfigHelpers)
install(TARGETS merx EXPORT merxTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
# merx/server.h is of merx-service, which the program links and libmerx is without.
install(DIRECTORY include/merx DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} PATTERN server.h EXCLUDE)
if(TARGET program_merx)
  install(TARGETS program_merx RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(EXPORT merxTargets NAMESPACE merx:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/merx)
configure_package_config_file(cmake/merxConfig.cmake.in ${CMAKE_BINARY_DIR}/merxConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/merx)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/merxConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/merxConfig.cmake ${CMAKE_BINARY_DIR}/merxConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/merx)
file(RELATIVE_PATH MERX_PC_TO_PREFIX /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" MERX_PC_TO_PREFIX ${MERX_PC_TO_PREFIX})
configure_file(cmake/merx.pc.in ${CMAKE_BINARY_DIR}/merx.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/merx.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
