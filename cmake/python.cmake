# The Python package's extension, merx/_merx.abi3.so: the public API alone, one file for CPython 3.11 and newer (the stable ABI).
option(MERX_BUILD_PYTHON "Build the Python package's extension (needs the headers of CPython 3.11 or newer)" OFF)
if(MERX_BUILD_PYTHON)
  find_package(Python3 3.11 REQUIRED COMPONENTS Interpreter Development.Module)
  file(GLOB merx_python_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bindings/python/src/*.c)
  Python3_add_library(merx_python MODULE ${merx_python_sources})
  set_target_properties(merx_python PROPERTIES OUTPUT_NAME _merx PREFIX "" SUFFIX ".abi3.so"
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/python/merx)
  target_compile_definitions(merx_python PRIVATE Py_LIMITED_API=0x030b0000)
  target_link_libraries(merx_python PRIVATE merx_flags merx_static PkgConfig::JANSSON)
  # CPython's tables of slots hold functions as void *, and its keyword lists are char *.
  set_source_files_properties(${merx_python_sources} PROPERTIES COMPILE_OPTIONS
    "-Wno-pedantic;-Wno-write-strings;$<IF:$<C_COMPILER_ID:GNU>,-Wno-discarded-qualifiers,-Wno-incompatible-pointer-types-discards-qualifiers>")
  target_link_options(merx_python PRIVATE -Wl,--exclude-libs,ALL)
  # A build folder is a package too: the sources beside the extension, so that what was built is what is tried.
  file(GLOB_RECURSE merx_python_files CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/bindings/python/merx
    ${CMAKE_SOURCE_DIR}/bindings/python/merx/*.py ${CMAKE_SOURCE_DIR}/bindings/python/merx/*.pyi ${CMAKE_SOURCE_DIR}/bindings/python/merx/py.typed)
  foreach(file IN LISTS merx_python_files)
    get_filename_component(folder ${file} DIRECTORY)
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/python/merx/${folder})
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/bindings/python/merx/${file} ${CMAKE_BINARY_DIR}/python/merx/${file} SYMBOLIC)
  endforeach()
  # The programs that travel in the package lie beside the extension here too: the library looks for merx-decode there.
  foreach(program program_merx merx_decode)
    if(TARGET ${program})
      add_custom_command(TARGET ${program} POST_BUILD COMMAND ${CMAKE_COMMAND} -E create_symlink
        $<TARGET_FILE:${program}> ${CMAKE_BINARY_DIR}/python/merx/$<TARGET_FILE_NAME:${program}> VERBATIM)
    endif()
  endforeach()
  # A wheel is built in a temporary folder and installed anywhere: the programs are found beside the extension, and no path of the build is looked at.
  if(SKBUILD)
    set_source_files_properties(${CMAKE_SOURCE_DIR}/src/media/decoder.c PROPERTIES COMPILE_DEFINITIONS "MERX_LIBEXEC=\"${CMAKE_INSTALL_LIBEXECDIR}/merx\"")
  endif()
  install(TARGETS merx_python LIBRARY DESTINATION merx COMPONENT python)
  install(TARGETS program_merx RUNTIME DESTINATION merx COMPONENT python)
  if(TARGET merx_decode)
    install(TARGETS merx_decode RUNTIME DESTINATION merx COMPONENT python)
  endif()
endif()
