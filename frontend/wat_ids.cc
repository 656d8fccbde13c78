#include "frontend/wat_ids.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/reader.h"

namespace lr {

namespace {

bool is_id_char(char c) {
  return c > ' ' && c <= '~' && std::string_view("\"(),;[]{}").find(c) == std::string_view::npos;
}

// Subsections by id; Type stands for those that are no flat map.
struct Subsection {
  u8 id;
  Space space;
};
constexpr Subsection kFlatSubsections[] = {
    {1, Space::Func},   {4, Space::Type}, {5, Space::Table}, {6, Space::Memory},
    {7, Space::Global}, {8, Space::Elem}, {9, Space::Data},  {11, Space::Tag}};
constexpr u8 kModuleName = 0;
constexpr u8 kLocalNames = 2;
constexpr u8 kLabelNames = 3;
constexpr u8 kFieldNames = 10;

template <typename Add>
void read_map(Reader& reader, Add add) {
  u32 count = reader.vector_count();
  for (u32 i = 0; i < count && reader.ok(); i++) {
    u32 index = reader.leb_u32();
    std::string_view name = reader.name();
    if (reader.ok() && !name.empty()) add(index, name);
  }
}

template <typename Tables>
void read_indirect_map(Reader& reader, Tables& tables) {
  u32 count = reader.vector_count();
  for (u32 i = 0; i < count && reader.ok(); i++) {
    auto& table = tables[reader.leb_u32()];
    read_map(reader, [&](u32 index, std::string_view name) {
      if constexpr (requires { table.add(index, name); }) {
        table.add(index, name);
      } else {
        table.emplace(index, name);
      }
    });
  }
}

void read_subsection(Reader& reader, u8 id, NameSection& names) {
  switch (id) {
    case kModuleName:
      names.module = reader.name();
      return;
    case kLocalNames:
      return read_indirect_map(reader, names.locals);
    case kLabelNames:
      return read_indirect_map(reader, names.labels);
    case kFieldNames:
      return read_indirect_map(reader, names.fields);
    default:
      break;
  }
  for (const Subsection& row : kFlatSubsections) {
    if (row.id != id) continue;
    IdTable& table = names.spaces[static_cast<usize>(row.space)];
    read_map(reader, [&](u32 index, std::string_view name) { table.add(index, name); });
  }
}

}  // namespace

std::string quoted(std::string_view bytes) {
  bool keeps_high = is_utf8(bytes);
  std::string out = "\"";
  for (char c : bytes) {
    auto byte = static_cast<u8>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < ' ' || byte == 0x7f || (byte >= 0x80 && !keeps_high)) {
      fmt::format_to(std::back_inserter(out), "\\{:02x}", byte);
    } else {
      out += c;
    }
  }
  out += '"';
  return out;
}

std::string id_text(std::string_view name) {
  bool is_plain = std::ranges::all_of(name, is_id_char);
  return is_plain ? fmt::format("${}", name) : fmt::format("${}", quoted(name));
}

void IdTable::add(u32 index, std::string_view name) {
  if (has_name(index)) return;
  bool has_id = taken_.insert(name).second;
  entries_.emplace(index, Entry{name, has_id});
}

std::string IdTable::ref(u32 index) const {
  auto found = entries_.find(index);
  if (found == entries_.end() || !found->second.has_id) return fmt::format("{}", index);
  return id_text(found->second.name);
}

std::string IdTable::definition(u32 index) const {
  auto found = entries_.find(index);
  if (found == entries_.end()) return "";
  if (found->second.has_id) return fmt::format(" {}", id_text(found->second.name));
  return fmt::format(" (@name {})", quoted(found->second.name));
}

bool IdTable::truncate(u32 size) {
  return std::erase_if(entries_, [&](const auto& entry) { return entry.first >= size; }) > 0;
}

std::optional<NameSection> read_name_section(std::span<const u8> bytes, u32 from, u32 to) {
  NameSection names;
  Diag diag;
  Reader reader(bytes, from, to, diag);
  while (reader.ok() && !reader.at_end()) {
    u8 id = reader.byte();
    u32 size = reader.length();
    if (!reader.ok()) break;
    Reader part(bytes, reader.offset(), reader.offset() + size, diag);
    read_subsection(part, id, names);
    reader.skip_to(part.end_offset());
  }
  if (!diag.ok()) return std::nullopt;
  return names;
}

}  // namespace lr
