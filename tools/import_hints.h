// Says what a module is that imports what we do not have.
#pragma once

#include <string_view>

namespace lr::cli {

// What an import that nobody provides probably is, or nothing.
std::string_view import_hint(std::string_view module, std::string_view name);

}  // namespace lr::cli
