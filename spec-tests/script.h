// Runs the official suite's scripts as they are, each in an engine of its own. A command is skipped
// only if the engine refuses its module for a feature that is off and the validator accepts it with
// every feature on, or if it needs what such a module would have made; each skip names the feature.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "spec-tests/engine.h"

namespace lr::spec {

struct Failure {
  u32 line = 0;
  std::string what;
};

// Every assertion, and every other command that fails or is skipped, counts once.
struct ScriptResult {
  std::string file;
  u32 passed = 0;
  u32 failed = 0;
  u32 skipped = 0;
  std::vector<Failure> failures;
  std::map<std::string, u32> skips;  // By reason.

  void pass() { passed++; }
  void fail(u32 line, std::string what);
  void skip(const std::string& reason);
};

// `file` is what reports call the script; its path says which language it is judged by.
ScriptResult run_script(ScriptEngine& engine, std::string file, std::string_view text);

}  // namespace lr::spec
