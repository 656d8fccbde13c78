# Writes the kernels of bench/kernels/built as constants into a C++ file.
#
#   cmake -DFOLDER=.../bench/kernels/built -DOUTPUT=kernel_data.cc -P kernel_data.cmake

file(STRINGS ${FOLDER}/table.txt lines REGEX "^[^#]")
set(bytes "")
set(rows "")
foreach(line IN LISTS lines)
  string(REGEX REPLACE " +" ";" row "${line}")
  list(POP_FRONT row name)
  file(READ ${FOLDER}/${name}.wasm hex HEX)
  string(REGEX REPLACE "(..)" "0x\\1," hex "${hex}")
  string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)"
    "\\1\n" hex "${hex}")
  list(JOIN row ", " numbers)
  string(APPEND bytes "constexpr u8 k_${name}[] = {\n${hex}};\n")
  string(APPEND rows "    {\"${name}\", k_${name}, ${numbers}},\n")
endforeach()
file(WRITE ${OUTPUT} "// Made from bench/kernels/built by tools/cmake/kernel_data.cmake.
#include \"tools/study/program.h\"

namespace lr::study {
namespace {

${bytes}
constexpr Kernel kKernels[] = {
${rows}};

}  // namespace

std::span<const Kernel> kernels() { return kKernels; }

}  // namespace lr::study
")
