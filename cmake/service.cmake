# merx-service: the HTTP server. The program alone links it, so that who embeds libmerx drags in nothing of it.
if(MERX_SERVER)
  # The console's pages, built and committed in console/dist, become part of the program.
  file(GLOB_RECURSE merx_pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/console/dist/*)
  set(merx_pages_data ${CMAKE_BINARY_DIR}/pages_data.c)
  add_custom_command(
    OUTPUT ${merx_pages_data}
    COMMAND ${CMAKE_COMMAND} -DPAGES=${CMAKE_SOURCE_DIR}/console/dist -DOUT=${merx_pages_data} -P ${CMAKE_SOURCE_DIR}/cmake/embed_pages.cmake
    DEPENDS ${merx_pages} ${CMAKE_SOURCE_DIR}/cmake/embed_pages.cmake
    COMMENT "Embedding the console's pages"
    VERBATIM)
  # So do the schemas of what the API takes and gives.
  set(merx_schemas_data ${CMAKE_BINARY_DIR}/schemas_data.c)
  add_custom_command(
    OUTPUT ${merx_schemas_data}
    COMMAND ${CMAKE_COMMAND} -DFILE=${CMAKE_SOURCE_DIR}/api/schemas.json -DNAME=mx_schemas_file -DHEADER=server/schemas.h -DOUT=${merx_schemas_data} -P ${CMAKE_SOURCE_DIR}/cmake/embed_file.cmake
    DEPENDS ${CMAKE_SOURCE_DIR}/api/schemas.json ${CMAKE_SOURCE_DIR}/cmake/embed_file.cmake
    COMMENT "Embedding the API's schemas"
    VERBATIM)
  add_library(merx_service STATIC ${MERX_SERVICE_SOURCES} ${merx_pages_data} ${merx_schemas_data})
  target_include_directories(merx_service PUBLIC ${CMAKE_SOURCE_DIR}/include PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_compile_definitions(merx_service PRIVATE MERX_BUILDING INTERFACE MERX_HAVE_SERVER)
  target_link_libraries(merx_service PRIVATE merx_flags PUBLIC merx_static PkgConfig::MICROHTTPD PkgConfig::GNUTLS PkgConfig::JANSSON PkgConfig::SODIUM Threads::Threads)
endif()
