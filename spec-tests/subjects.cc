#include "spec-tests/subjects.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>

#include "frontend/text_lexer.h"
#include "frontend/wast_script.h"

namespace lr::robustness {

namespace fs = std::filesystem;

namespace {

Result<std::vector<fs::path>> files_of(const std::vector<fs::path>& paths) {
  std::vector<fs::path> files;
  for (const fs::path& path : paths) {
    std::error_code failed;
    if (!fs::is_directory(path, failed)) {
      files.push_back(path);
      continue;
    }
    std::vector<fs::path> scripts;
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (entry.path().extension() == ".wast") scripts.push_back(entry.path());
    }
    std::ranges::sort(scripts);
    files.insert(files.end(), scripts.begin(), scripts.end());
  }
  return files;
}

Result<std::string> contents_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return make_error(Err::BadArgument, fmt::format("cannot read {}", path.string()));
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::vector<u8> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

// The text of a module: what a script has in parentheses, or what its strings hold. Nothing for
// strings that are bytes of the binary format, or no strings.
std::string text_of(const WastModule& module) {
  if (module.form == WastModule::Form::Text) return fmt::format("(module {})", module.source);
  std::string text;
  if (module.form == WastModule::Form::Binary) return text;
  const Result<TokenizedText> tokens = tokenize(module.source);
  if (!tokens.ok()) return text;
  for (const Token& token : tokens.value().tokens) {
    if (token.kind == TokenKind::String) text += decode_string(tokens.value().text_of(token));
  }
  return text;
}

class Collector {
 public:
  explicit Collector(const SubjectForms& forms) : forms_(forms) {}

  Status add_file(const fs::path& path) {
    const std::string contents = TRY(contents_of(path));
    const std::string extension = path.extension().string();
    if (extension == ".wast") return add_script(path.string(), contents);
    if (extension == ".wat") {
      add({path.string(), 0, true, bytes_of(contents)});
    } else if (extension == ".wasm") {
      add({path.string(), 0, false, bytes_of(contents)});
    } else {
      return make_error(Err::BadArgument,
                        fmt::format("{} is no .wast, .wat or .wasm file", path.string()));
    }
    return ok_status();
  }

  std::vector<Subject> take() { return std::move(subjects_); }

 private:
  Status add_script(const std::string& file, const std::string& contents) {
    const Result<std::vector<WastCommand>> commands = parse_wast(contents);
    if (!commands.ok()) {
      const Error& error = commands.error();
      return make_error(
          error.code, fmt::format("{}:{}:{}: {}", file, error.line, error.column, error.message()));
    }
    for (const WastCommand& command : commands.value()) add_command(file, command);
    return ok_status();
  }

  void add_command(const std::string& file, const WastCommand& command) {
    for (const WastCommand& inner : command.commands) add_command(file, inner);
    if (!command.module) return;
    if (forms_.binary) {
      Result<std::vector<u8>> binary = command.module->encode();
      if (binary.ok()) add({file, command.line, false, std::move(*binary)});
    }
    if (forms_.text) add({file, command.line, true, bytes_of(text_of(*command.module))});
  }

  void add(Subject subject) {
    const bool is_wanted = subject.is_text ? forms_.text : forms_.binary;
    if (!is_wanted || subject.bytes.empty()) return;
    if (!seen_.emplace(subject.is_text, subject.bytes).second) return;
    subjects_.push_back(std::move(subject));
  }

  SubjectForms forms_;
  std::vector<Subject> subjects_;
  std::set<std::pair<bool, std::vector<u8>>> seen_;
};

}  // namespace

std::string name_of(const Subject& subject) {
  const char* form = subject.is_text ? "text" : "binary";
  if (subject.line == 0) return fmt::format("{}, as {}", subject.file, form);
  return fmt::format("{}:{}, as {}", subject.file, subject.line, form);
}

Result<std::vector<Subject>> collect_subjects(const std::vector<fs::path>& paths,
                                              const SubjectForms& forms) {
  Collector collector(forms);
  const std::vector<fs::path> files = TRY(files_of(paths));
  for (const fs::path& file : files) TRY(collector.add_file(file));
  return collector.take();
}

}  // namespace lr::robustness
