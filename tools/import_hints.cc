#include "tools/import_hints.h"

namespace lr::cli {

namespace {

struct Hint {
  std::string_view module;
  std::string_view name;
  std::string_view text;
};

constexpr Hint kHints[] = {
#define IMPORT_HINT(module, name, text) {module, name, text},
#include "tools/import_hints.def"
};

// A module's name of one word is meant whole: "go" is not the beginning of "google".
bool matches(std::string_view pattern, std::string_view module) {
  const bool is_prefix =
      !pattern.empty() && std::string_view(":_./").find(pattern.back()) != std::string_view::npos;
  return is_prefix ? module.starts_with(pattern) : module == pattern;
}

}  // namespace

std::string_view import_hint(std::string_view module, std::string_view name) {
  for (const Hint& hint : kHints) {
    if (matches(hint.module, module) && name.starts_with(hint.name)) return hint.text;
  }
  return {};
}

}  // namespace lr::cli
