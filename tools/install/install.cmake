# What is installed. CMakeLists.txt includes this; ./weft install puts the files in place and writes a list of them.
install(TARGETS weft_static weft_shared ARCHIVE DESTINATION lib LIBRARY DESTINATION lib)

# All headers that are not kernels and do not begin with the word private, as in tools/library.py.
foreach(room ${_weft_rooms})
  file(GLOB headers RELATIVE "${PROJECT_SOURCE_DIR}" CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${room}/*.h")
  foreach(header ${headers})
    file(READ "${PROJECT_SOURCE_DIR}/${header}" beginning LIMIT 40)
    if(NOT header MATCHES "_kernel\\.h$" AND NOT beginning MATCHES "^/\\*[ \n*]*private")
      install(FILES "${PROJECT_SOURCE_DIR}/${header}" DESTINATION "include/weft/${room}")
    endif()
  endforeach()
endforeach()
install(FILES "${PROJECT_SOURCE_DIR}/weft.hpp" DESTINATION include/weft)
install(FILES "${CMAKE_CURRENT_LIST_DIR}/weft.supp" DESTINATION share/weft)
install(FILES "${PROJECT_SOURCE_DIR}/CHANGELOG.md" DESTINATION share/doc/weft)
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION share/doc/weft RENAME copyright)

foreach(file weft-config.cmake weft-config-version.cmake)
  configure_file("${CMAKE_CURRENT_LIST_DIR}/${file}.in" "${PROJECT_BINARY_DIR}/${file}" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${file}" DESTINATION lib/cmake/weft)
endforeach()

# These contain the prefix, which cmake --install --prefix may still change.
install(CODE "set(PROJECT_VERSION \"${PROJECT_VERSION}\")
configure_file(\"${CMAKE_CURRENT_LIST_DIR}/weft.pc.in\" \"${PROJECT_BINARY_DIR}/weft.pc\" @ONLY)")
install(FILES "${PROJECT_BINARY_DIR}/weft.pc" DESTINATION lib/pkgconfig)
install(FILES "${CMAKE_CURRENT_LIST_DIR}/libweft-gdb.py" DESTINATION "share/gdb/auto-load\${CMAKE_INSTALL_PREFIX}/lib"
  RENAME "libweft.so.${PROJECT_VERSION}-gdb.py")

# The reference: pages for man, and a small site.
find_program(WEFT_DOXYGEN doxygen)
find_program(WEFT_PYTHON python3)
if(WEFT_DOXYGEN AND WEFT_PYTHON)
  set(script "${PROJECT_SOURCE_DIR}/tools/docs/reference.py")
  file(GLOB headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/*/*.h")
  add_custom_command(OUTPUT reference.made
    COMMAND "${WEFT_PYTHON}" -B "${script}" "${PROJECT_BINARY_DIR}/reference"
    COMMAND "${CMAKE_COMMAND}" -E touch reference.made
    WORKING_DIRECTORY "${PROJECT_BINARY_DIR}" DEPENDS "${script}" ${headers})
  add_custom_target(weft_reference ALL DEPENDS reference.made)
  install(DIRECTORY "${PROJECT_BINARY_DIR}/reference/man3" DESTINATION share/man)
  install(DIRECTORY "${PROJECT_BINARY_DIR}/reference/html/" DESTINATION share/doc/weft/reference)
endif()
