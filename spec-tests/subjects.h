// The modules that the robustness test starts from: every module of every script, each as the
// binary it encodes to and as its own text, and .wasm and .wat files as they are.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace lr::robustness {

struct Subject {
  std::string file;
  u32 line = 0;  // Of the command in the script; 0 for a file that is one module.
  bool is_text = false;
  std::vector<u8> bytes;
};

// "i32.wast:3, as text"
std::string name_of(const Subject& subject);

struct SubjectForms {
  bool binary = true;
  bool text = true;
};

// Directories are searched for scripts. Equal modules are taken once. Fails if a path cannot be
// read, is of another kind, or is a script that does not parse.
Result<std::vector<Subject>> collect_subjects(const std::vector<std::filesystem::path>& paths,
                                              const SubjectForms& forms);

}  // namespace lr::robustness
