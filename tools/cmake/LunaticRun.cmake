# What every folder of the project shares: language level, warnings, packages, and the functions
# that declare a library, a program and its tests.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
find_program(LR_CCACHE ccache)
mark_as_advanced(LR_CCACHE)
if(LR_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${LR_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${LR_CCACHE})
endif()

# vptr checks need RTTI, which the libraries are built without.
set(LR_SANITIZE "" CACHE STRING "sanitizers to build with, as -fsanitize= takes them")
if(LR_SANITIZE)
  add_compile_options(-fsanitize=${LR_SANITIZE} -fno-sanitize=vptr
    -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${LR_SANITIZE})
endif()

# Finds a package or says which distribution package holds it.
macro(lr_package name debian)
  find_package(${name} QUIET ${ARGN})
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR "${name} is missing: install the package ${debian} (./dev setup does)")
  endif()
endmacro()

lr_package(Threads libc6-dev)
lr_package(GTest libgtest-dev)
lr_package(benchmark libbenchmark-dev)

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
lr_plain_library(lr_zydis Zydis/Zydis.h Zydis libzydis-dev)
lr_plain_library(lr_mimalloc mimalloc.h mimalloc libmimalloc-dev mimalloc-2.0 mimalloc-3.0)

function(lr_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion
    -Wno-sign-conversion -Wnon-virtual-dtor -Wimplicit-fallthrough -Werror)
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
endfunction()

# lr_library(name sources...): a static library without exceptions and RTTI.
function(lr_library name)
  add_library(lr_${name} STATIC ${ARGN})
  lr_warnings(lr_${name})
  target_compile_options(lr_${name} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions> $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
endfunction()

# lr_program(name library sources...): a program; it may use exceptions and RTTI.
function(lr_program name library)
  add_executable(${name} ${ARGN})
  lr_warnings(${name})
  target_link_libraries(${name} PRIVATE ${library} fmt::fmt)
endfunction()

# The binary that users start: without the shared C++ library, which takes as long to load as
# a small guest takes to run.
function(lr_quick_start target)
  if(NOT LR_SANITIZE)
    target_link_options(${target} PRIVATE -static-libstdc++ -static-libgcc)
  endif()
endfunction()

# lr_test(name library sources...): a GoogleTest program named <name>, registered with CTest.
function(lr_test name library)
  lr_program(${name} ${library} ${ARGN})
  target_link_libraries(${name} PRIVATE GTest::gtest GTest::gtest_main)
  # Tests are compiled more often than they run.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O0>)
  add_test(NAME ${name} COMMAND ${name})
endfunction()
