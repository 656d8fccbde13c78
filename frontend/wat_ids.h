// Identifiers for the printer, from the name section.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "base/types.h"
#include "frontend/wat_context.h"

namespace lr {

// A string of the text format, quotes included; bytes from 80 on stay as they are if the whole is
// UTF-8.
std::string quoted(std::string_view bytes);
// A name as an identifier, dollar included.
std::string id_text(std::string_view name);

// The identifiers of one index space. Of two indices with one name the first to be added has the
// identifier; the other one is named by an annotation, so that nothing is lost.
class IdTable {
 public:
  void add(u32 index, std::string_view name);
  // How text refers to an index: by identifier if it has one, else in decimal.
  std::string ref(u32 index) const;
  // What stands behind the word that defines the index, a space first; may be empty.
  std::string definition(u32 index) const;
  bool has_name(u32 index) const { return entries_.contains(index); }
  // Forgets the names of indices from `size` on, which nothing defines. Whether there were any.
  bool truncate(u32 size);

 private:
  struct Entry {
    std::string_view name;
    bool has_id = false;
  };
  std::unordered_map<u32, Entry> entries_;
  std::unordered_set<std::string_view> taken_;
};

using LabelNames = std::unordered_map<u32, std::string_view>;

// All of a name section. Views point into the module's bytes.
struct NameSection {
  std::string_view module;  // Empty for none.
  std::array<IdTable, kSpaceCount> spaces;
  std::unordered_map<u32, IdTable> locals;  // By function.
  std::unordered_map<u32, LabelNames> labels;
  std::unordered_map<u32, IdTable> fields;  // By type.

  const IdTable& operator[](Space space) const { return spaces[static_cast<usize>(space)]; }
};

// The section's content is bytes[from, to); nothing if any of it is malformed.
std::optional<NameSection> read_name_section(std::span<const u8> bytes, u32 from, u32 to);

}  // namespace lr
