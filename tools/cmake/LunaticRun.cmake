# What every folder of the project shares: language level, warnings, packages, and the two
# functions that declare a library and its tests.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
find_program(LR_CCACHE ccache)
if(LR_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${LR_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${LR_CCACHE})
endif()

# Finds a package or says which distribution package holds it.
macro(lr_package name debian)
  find_package(${name} QUIET ${ARGN})
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR "${name} is missing: install the package ${debian} (./dev setup does)")
  endif()
endmacro()

lr_package(Threads libc6-dev)
lr_package(fmt libfmt-dev)
lr_package(GTest libgtest-dev)
lr_package(CLI11 libcli11-dev)
lr_package(benchmark libbenchmark-dev)

# asmjit and Zydis come without a usable CMake package on some distributions.
macro(lr_plain_library target header library debian)
  find_path(${target}_INCLUDE ${header})
  find_library(${target}_LIBRARY ${library})
  if(NOT ${target}_INCLUDE OR NOT ${target}_LIBRARY)
    message(FATAL_ERROR "${library} is missing: install the package ${debian} (./dev setup does)")
  endif()
  add_library(${target} INTERFACE IMPORTED)
  target_include_directories(${target} SYSTEM INTERFACE ${${target}_INCLUDE})
  target_link_libraries(${target} INTERFACE ${${target}_LIBRARY})
endmacro()
lr_plain_library(lr_asmjit asmjit/asmjit.h asmjit libasmjit-dev)
lr_plain_library(lr_zydis Zydis/Zydis.h Zydis libzydis-dev)
lr_plain_library(lr_mimalloc mimalloc.h mimalloc libmimalloc-dev)

function(lr_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wconversion
    -Wno-sign-conversion -Wnon-virtual-dtor -Wimplicit-fallthrough -Werror)
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR})
endfunction()

# lr_library(name sources...): a static library without exceptions and RTTI.
function(lr_library name)
  add_library(lr_${name} STATIC ${ARGN})
  lr_warnings(lr_${name})
  target_compile_options(lr_${name} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions> $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
endfunction()

# lr_test(name library sources...): a GoogleTest program named <name>, registered with CTest.
function(lr_test name library)
  add_executable(${name} ${ARGN})
  lr_warnings(${name})
  target_link_libraries(${name} PRIVATE ${library} GTest::gtest GTest::gtest_main fmt::fmt)
  add_test(NAME ${name} COMMAND ${name})
endfunction()
