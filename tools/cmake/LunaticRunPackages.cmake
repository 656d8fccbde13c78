# The packages that the library is made of, for us and for whoever links it.

# Finds a package or says which distribution package holds it.
macro(lr_package name debian)
  find_package(${name} QUIET ${ARGN})
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR "${name} is missing: install the package ${debian} (./dev setup does)")
  endif()
endmacro()

lr_package(Threads libc6-dev)

# fmt is compiled into us: as a shared library it costs a third of the start of a small program,
# mostly for the shared C++ library that comes with it.
find_path(lr_fmt_INCLUDE fmt/format.h)
mark_as_advanced(lr_fmt_INCLUDE)
if(NOT lr_fmt_INCLUDE)
  message(FATAL_ERROR "fmt is missing: install the package libfmt-dev (./dev setup does)")
endif()
add_library(fmt::fmt INTERFACE IMPORTED)
target_include_directories(fmt::fmt SYSTEM INTERFACE ${lr_fmt_INCLUDE})
target_compile_definitions(fmt::fmt INTERFACE FMT_HEADER_ONLY)

# asmjit, Zydis and mimalloc come without a usable CMake package on some distributions, and keep
# their headers in a folder that names the version on others.
macro(lr_plain_library target header library debian)
  find_path(${target}_INCLUDE ${header} PATH_SUFFIXES ${ARGN})
  find_library(${target}_LIBRARY ${library})
  mark_as_advanced(${target}_INCLUDE ${target}_LIBRARY)
  if(NOT ${target}_INCLUDE OR NOT ${target}_LIBRARY)
    message(FATAL_ERROR "${library} is missing: install the package ${debian} (./dev setup does)")
  endif()
  add_library(${target} INTERFACE IMPORTED)
  target_include_directories(${target} SYSTEM INTERFACE ${${target}_INCLUDE})
  target_link_libraries(${target} INTERFACE ${${target}_LIBRARY})
endmacro()
lr_plain_library(lr_asmjit asmjit/asmjit.h asmjit libasmjit-dev)
lr_plain_library(lr_mimalloc mimalloc.h mimalloc libmimalloc-dev mimalloc-2.0 mimalloc-3.0)

# Zydis is loaded when the first listing is asked for (jit/masm/disassemble_x64.cc).
lr_plain_library(lr_zydis Zydis/Zydis.h Zydis libzydis-dev)
get_filename_component(lr_zydis_FILE ${lr_zydis_LIBRARY} REALPATH)
get_filename_component(lr_zydis_FILE ${lr_zydis_FILE} NAME)
set_target_properties(lr_zydis PROPERTIES INTERFACE_LINK_LIBRARIES "${CMAKE_DL_LIBS}"
  INTERFACE_COMPILE_DEFINITIONS "LR_ZYDIS_FILE=\"${lr_zydis_FILE}\"")
