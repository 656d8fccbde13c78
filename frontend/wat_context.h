// What every part of the parser of one text module shares: the tokens, the index spaces and what
// the annotations say.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "frontend/text_cursor.h"
#include "frontend/wat_writer.h"

namespace lr {

enum class Space : u8 { Type, Func, Table, Memory, Global, Tag, Elem, Data };
inline constexpr usize kSpaceCount = 8;

// As in "duplicate func".
std::string_view text_of(Space space);

// Identifiers of one kind and the indices they stand for.
class IndexSpace {
 public:
  u32 size() const { return static_cast<u32>(names_.size()); }
  // The next index, without a name.
  void add(u32 count = 1) { names_.resize(names_.size() + count); }
  // Names the last index. False if the identifier is taken.
  bool bind(std::string_view id);
  // Another name for the name section. The identifier stays what the text refers to.
  void rename(std::string name) { names_.back() = std::move(name); }
  std::optional<u32> find(std::string_view id) const;
  // For the name section; empty for an index without a name.
  const std::vector<std::string>& names() const { return names_; }
  bool has_names() const;
  void clear();

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string_view, u32> indices_;
};

// A type of the module's type section, as far as the text needs it.
struct TextType {
  // Parameters and results in the binary format; absent unless it is a function type.
  std::optional<std::string> signature;
  u32 params = 0;
};

struct WatContext {
  WatContext(const TokenizedText& source, TextPosition start);

  TextCursor in;
  std::array<IndexSpace, kSpaceCount> spaces;
  std::vector<TextType> types;
  // Final function types without supertypes that are alone in their recursion group.
  std::unordered_map<std::string, u32> plain_signatures;
  WatWriter implicit_types;
  std::unordered_map<u32, IndexSpace> fields;  // Of structure types that name some.

  bool narrow_limits = false;  // See WatOptions.
  bool uses_data = false;      // An instruction names a data segment: the binary counts them first.

  IndexSpace& space(Space kind) { return spaces[static_cast<usize>(kind)]; }

  // An index in decimal or an identifier.
  bool at_index() const { return in.at(TokenKind::Nat) || in.at(TokenKind::Id); }
  u32 index(Space kind);
  u32 index(const IndexSpace& space, std::string_view what);

  // Binds the identifier at the cursor, if there is one, and a @name behind it to the last index.
  void bind_id(IndexSpace& space, std::string_view what);
  std::optional<std::string> accept_name_annotation();
  // An identifier or a @name annotation stands at the cursor: one thing follows, not several.
  bool at_binder() const;

  // The annotation with that id in front of the current token, or null. Marks it as used.
  const Annotation* take_annotation(std::string_view id);
  // Refuses the first annotation that nobody took.
  void refuse_unused_annotations();

 private:
  std::vector<bool> annotation_used_;
  // The last search of take_annotation().
  u32 searched_token_ = ~u32{0};
  std::string_view searched_id_;
  usize search_next_ = 0;
};

}  // namespace lr
