// What each word of commands.def does. Every function returns the process's exit status and has
// said on standard error why, if it is not 0.
#pragma once

#include <string_view>

#include "base/result.h"
#include "tools/options.h"

namespace lr::cli {

// Exit statuses that are ours; everything else is the guest's own.
enum ExitStatus : int {
  kExitSuccess = 0,
  kExitRefused = 1,  // A file or module was refused, or a test failed.
  kExitUsage = 2,    // The command line is wrong.
  kExitTimeout = 124,
  kExitInterrupted = 130,
  kExitTrap = 134,
};

int run_program(const CommandLine& line);
// Whether cargo asks for the tests of a test executable, which is another mode of `run`.
bool is_test_run(const CommandLine& line);
int run_tests(const CommandLine& line);
int validate_files(const CommandLine& line);
int compile_file(const CommandLine& line);
int convert_file(const CommandLine& line);
int run_scripts(const CommandLine& line);
int run_study(const CommandLine& line);

// "lunatic-run: error: TEXT" on standard error, in colour if that is wanted there.
void say_error(std::string_view text);
// The error as `describe` puts it; returns kExitRefused.
int refuse(std::string_view file, const Error& error);

}  // namespace lr::cli
