// Writes the modules of scripts as files for libFuzzer: fuzz_seeds OUT_DIR PATHS, in OUT_DIR/wasm
// and OUT_DIR/wat; the scripts themselves go to OUT_DIR/wast.
#include <fmt/format.h>

#include <fstream>
#include <span>

#include "spec-tests/subjects.h"

namespace {

namespace fs = std::filesystem;

void write_file(const fs::path& path, std::span<const lr::u8> bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const fs::path out = argv[1];
  const std::vector<fs::path> paths(argv + 2, argv + argc);
  auto subjects = lr::robustness::collect_subjects(paths, {});
  if (!subjects.ok()) {
    fmt::print(stderr, "fuzz_seeds: {}\n", subjects.error().message());
    return 1;
  }
  for (const char* folder : {"wasm", "wat", "wast"}) fs::create_directories(out / folder);
  for (lr::usize i = 0; i < subjects->size(); i++) {
    const auto& subject = (*subjects)[i];
    const char* form = subject.is_text ? "wat" : "wasm";
    write_file(out / form / fmt::format("{}.{}", i, form), subject.bytes);
  }
  lr::u32 scripts = 0;
  for (const fs::path& path : paths) {
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (entry.path().extension() != ".wast") continue;
      fs::copy_file(entry.path(), out / "wast" / fmt::format("{}.wast", scripts++),
                    fs::copy_options::overwrite_existing);
    }
  }
  fmt::print("{} modules, {} scripts\n", subjects->size(), scripts);
  return 0;
}
