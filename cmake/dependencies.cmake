# What merx is built on; docs/dependencies.md says why each one.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.38)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson>=2.13)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)

# OpenBLAS in its serial build where the system offers one: merx has its own threads and never changes the host's setting.
find_library(MERX_OPENBLAS_LIBRARY NAMES openblas PATH_SUFFIXES openblas-serial NO_CACHE)
find_path(MERX_OPENBLAS_INCLUDE_DIR cblas.h PATH_SUFFIXES openblas-serial x86_64-linux-gnu/openblas-serial
          HINTS /usr/include/${CMAKE_LIBRARY_ARCHITECTURE} NO_CACHE)
find_library(MERX_OPENBLAS_SERIAL NAMES openblas PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-serial
             NO_DEFAULT_PATH NO_CACHE)
if(MERX_OPENBLAS_SERIAL)
  set(MERX_OPENBLAS_LIBRARY ${MERX_OPENBLAS_SERIAL})
endif()
find_library(MERX_LAPACKE_LIBRARY NAMES lapacke NO_CACHE)
if(NOT MERX_OPENBLAS_LIBRARY OR NOT MERX_LAPACKE_LIBRARY)
  message(FATAL_ERROR "OpenBLAS and LAPACKE are needed: apt-get install libopenblas-serial-dev liblapacke-dev")
endif()
add_library(merx_blas INTERFACE)
target_link_libraries(merx_blas INTERFACE ${MERX_LAPACKE_LIBRARY} ${MERX_OPENBLAS_LIBRARY} m)
if(MERX_OPENBLAS_INCLUDE_DIR)
  target_include_directories(merx_blas SYSTEM INTERFACE ${MERX_OPENBLAS_INCLUDE_DIR})
endif()
