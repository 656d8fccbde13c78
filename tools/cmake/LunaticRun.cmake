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

# vptr checks need RTTI, which the libraries are built without; clang's function checks read what it
# puts in front of each function, and machine code of our own has nothing there.
set(LR_SANITIZE "" CACHE STRING "sanitizers to build with, as -fsanitize= takes them")
if(LR_SANITIZE)
  add_compile_options(-fsanitize=${LR_SANITIZE} -fno-sanitize=vptr
    $<$<CXX_COMPILER_ID:Clang>:-fno-sanitize=function>
    -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${LR_SANITIZE})
endif()

# libFuzzer's counters in everything, for the targets in spec-tests/fuzz; without its traces of
# comparisons, which cost more than the rest: the seeds know all words of both formats.
option(LR_FUZZ "build for libFuzzer; needs clang" OFF)
if(LR_FUZZ)
  add_compile_options(-fsanitize-coverage=inline-8bit-counters,pc-table)
endif()

# gcov's counters in everything, for spec-tests/fuzz/coverage.
option(LR_COVERAGE "count what is executed; needs gcc" OFF)
if(LR_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()

include(LunaticRunPackages)
lr_package(GTest libgtest-dev)
lr_package(benchmark libbenchmark-dev)
lr_package(CLI11 libcli11-dev)

function(lr_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion
    -Wno-sign-conversion -Wnon-virtual-dtor -Wimplicit-fallthrough -Werror)
  # From g++ 13 on: it takes every function with a reference parameter and a reference result for one
  # that returns its parameter.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-dangling-reference>)
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
