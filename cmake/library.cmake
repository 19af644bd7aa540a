# The library: one set of objects, as libmerx.so (public names only) and libmerx.a (for tests, programs and static users).
add_library(merx_flags INTERFACE)
target_compile_options(merx_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith -Wwrite-strings
  -Wundef -Wformat=2 -Wcast-qual -Werror -fno-math-errno -ffp-contract=off)
target_compile_definitions(merx_flags INTERFACE _GNU_SOURCE)
if(MERX_SANITIZE)
  # Assertions are on where bugs are looked for.
  target_compile_options(merx_flags INTERFACE -UNDEBUG -fsanitize=${MERX_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(merx_flags INTERFACE -fsanitize=${MERX_SANITIZE})
else()
  target_compile_options(merx_flags INTERFACE $<$<CONFIG:Release,RelWithDebInfo>:-O3>)
endif()

file(GLOB_RECURSE MERX_SOURCES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/*.c)
# What runs in the helper processes alone, with libraries that libmerx does not link (cmake/media.cmake).
set(MERX_HELPER_SOURCES ${MERX_SOURCES})
list(FILTER MERX_HELPER_SOURCES INCLUDE REGEX "/src/(media/decode/|base/confine\\.c$)")
list(FILTER MERX_SOURCES EXCLUDE REGEX "/src/(media/decode/|base/confine\\.c$)")
# The service, a library of its own that the program links (cmake/service.cmake).
set(MERX_SERVICE_SOURCES ${MERX_SOURCES})
list(FILTER MERX_SERVICE_SOURCES INCLUDE REGEX "/src/server/")
list(FILTER MERX_SOURCES EXCLUDE REGEX "/src/server/")
if(NOT MERX_POSTGRES)
  list(FILTER MERX_SOURCES EXCLUDE REGEX "/store/drivers/(records_)?postgres[a-z_]*\\.c$")
endif()
# Inner loops per instruction set: the suffix of the file names the set; the table in src/kernels picks at start.
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  list(FILTER MERX_SOURCES EXCLUDE REGEX "_avx[0-9a-z]*\\.c$")
endif()
add_library(merx_objects OBJECT ${MERX_SOURCES})
foreach(source IN LISTS MERX_SOURCES)
  if(source MATCHES "_avx2\\.c$")
    set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-mavx2;-mfma;-mf16c")
  elseif(source MATCHES "_avx512\\.c$")
    set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-mavx512f;-mavx512bw;-mavx512dq;-mavx512vl;-mfma")
  endif()
endforeach()
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/media/decoder.c PROPERTIES COMPILE_DEFINITIONS
  "MERX_LIBEXEC=\"${CMAKE_INSTALL_LIBEXECDIR}/merx\";MERX_INSTALLED_DECODE=\"${CMAKE_INSTALL_FULL_LIBEXECDIR}/merx/merx-decode\"")
target_include_directories(merx_objects PUBLIC ${CMAKE_SOURCE_DIR}/include PRIVATE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(merx_objects PRIVATE MERX_BUILDING
  MERX_VERSION_STRING="${PROJECT_VERSION}" MERX_BUILD_TYPE="${CMAKE_BUILD_TYPE}" MERX_SANITIZERS="${MERX_SANITIZE}")
set(MERX_LIBRARIES merx_blas PkgConfig::SQLITE PkgConfig::JANSSON PkgConfig::ZLIB PkgConfig::ZSTD PkgConfig::SODIUM
    Threads::Threads)
if(MERX_POSTGRES)
  # Its header alone: libpq is loaded when an address of PostgreSQL is opened (store/drivers/postgres_library.h).
  target_include_directories(merx_objects PRIVATE ${LIBPQ_INCLUDE_DIRS})
  set_source_files_properties(${CMAKE_SOURCE_DIR}/src/store/records.c PROPERTIES COMPILE_DEFINITIONS MERX_POSTGRES)
  set_source_files_properties(${CMAKE_SOURCE_DIR}/src/store/drivers/records_postgres.c PROPERTIES COMPILE_DEFINITIONS
    "MERX_LIBPQ_VERSION=\"${LIBPQ_VERSION}\"")
endif()
target_link_libraries(merx_objects PRIVATE merx_flags ${MERX_LIBRARIES})

add_library(merx_static STATIC $<TARGET_OBJECTS:merx_objects>)
set_target_properties(merx_static PROPERTIES OUTPUT_NAME merx)
target_include_directories(merx_static INTERFACE ${CMAKE_SOURCE_DIR}/include)
target_link_libraries(merx_static PRIVATE ${MERX_LIBRARIES})

add_library(merx SHARED $<TARGET_OBJECTS:merx_objects>)
set_target_properties(merx PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
target_include_directories(merx INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(merx PRIVATE merx_flags ${MERX_LIBRARIES})
