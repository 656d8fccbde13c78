// Texts as other formats spell them.
#pragma once

#include <string>
#include <string_view>

namespace lr::cli {

// In quotes, as a JSON string.
std::string json_string(std::string_view text);

// As text or an attribute's value in XML, which has no other control characters: they become
// spaces.
std::string xml_escape(std::string_view text);

}  // namespace lr::cli
