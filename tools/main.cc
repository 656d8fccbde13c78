// lunatic-run: reads the command line and hands over to the command it names.
#include <fmt/format.h>

#include <cstdio>
#include <span>

#include "tools/commands.h"
#include "tools/input.h"
#include "tools/terminal.h"
#include "tools/version.h"

namespace lr::cli {

namespace {

// `--help features`, `--help COMMAND` and `COMMAND --help` each have a page.
void print_help(const CommandLine& line, bool command_given) {
  const std::string topic = line.operands.empty() ? "" : line.operands[0];
  if (topic == "features") {
    fmt::print("{}", help_features());
    return;
  }
  for (usize i = 0; i < all_commands().size(); i++) {
    const auto command = static_cast<Command>(i);
    const bool named = command_given ? command == line.command : all_commands()[i].word == topic;
    if (named) {
      fmt::print("{}", help_text(command));
      return;
    }
  }
  fmt::print("{}", help_text());
}

int dispatch(const CommandLine& line) {
  switch (line.command) {
    case Command::Run:
      return run_program(line);
    case Command::Validate:
      return validate_files(line);
    case Command::Compile:
      return compile_file(line);
    case Command::Wat:
      return convert_file(line);
    case Command::Spec:
      return run_scripts(line);
    case Command::Study:
      return run_study(line);
  }
  return kExitUsage;
}

int run_main(std::span<const char* const> args) {
  set_colours("auto");
  const Result<CommandLine> parsed = parse_command_line(args);
  if (!parsed.ok()) {
    say_error(parsed.error().detail);
    fmt::print(stderr, "lunatic-run --help says what there is\n");
    return kExitUsage;
  }
  const CommandLine& line = parsed.value();
  set_colours(line.text(Opt::Color, "auto"));
  if (line.has(Opt::Version)) {
    fmt::print("lunatic-run {} ({})\n", kVersion, kCommit);
    return kExitSuccess;
  }
  if (line.has(Opt::Help)) {
    print_help(line, args[0] == info(line.command).word);
    return kExitSuccess;
  }
  return dispatch(line);
}

}  // namespace

void say_error(std::string_view text) {
  fmt::print(stderr, "lunatic-run: {} {}\n", paint(Stream::Err, Colour::Red, "error:"), text);
}

int refuse(std::string_view file, const Error& error) {
  say_error(describe(file, error));
  return kExitRefused;
}

}  // namespace lr::cli

int main(int argc, char** argv) {
  return lr::cli::run_main({argv + 1, static_cast<lr::usize>(argc > 0 ? argc - 1 : 0)});
}
