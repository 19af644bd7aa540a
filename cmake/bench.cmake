# bench/NAME.c is the program bench_NAME: measured by hand or by bench/figure, never as a test.
# It links libmerx.a and may include src/ headers; bench/worker.h is the protocol of a timing beside a peer.
file(GLOB bench_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/*.c)
foreach(source IN LISTS bench_sources)
  get_filename_component(name ${source} NAME_WE)
  add_executable(bench_${name} ${source})
  set_target_properties(bench_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  target_link_libraries(bench_${name} PRIVATE merx_flags merx_static ${MERX_LIBRARIES} m)
  target_include_directories(bench_${name} PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/src)
endforeach()
