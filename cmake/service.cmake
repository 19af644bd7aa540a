# merx-service: the HTTP server. The program alone links it, so that who embeds libmerx drags in nothing of it.
if(MERX_SERVER)
  add_library(merx_service STATIC ${MERX_SERVICE_SOURCES})
  target_include_directories(merx_service PUBLIC ${CMAKE_SOURCE_DIR}/include PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_compile_definitions(merx_service PRIVATE MERX_BUILDING INTERFACE MERX_HAVE_SERVER)
  target_link_libraries(merx_service PRIVATE merx_flags PUBLIC merx_static PkgConfig::MICROHTTPD PkgConfig::JANSSON PkgConfig::SODIUM Threads::Threads)
endif()
