#include "frontend/wat_context.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/reader.h"

namespace lr {

std::string_view text_of(Space space) {
  constexpr std::string_view kText[kSpaceCount] = {"type",   "func", "table", "memory",
                                                   "global", "tag",  "elem",  "data"};
  return kText[static_cast<usize>(space)];
}

bool IndexSpace::bind(std::string_view id) {
  names_.back() = id;
  return indices_.emplace(id, size() - 1).second;
}

std::optional<u32> IndexSpace::find(std::string_view id) const {
  auto found = indices_.find(id);
  if (found == indices_.end()) return std::nullopt;
  return found->second;
}

bool IndexSpace::has_names() const {
  return std::ranges::any_of(names_, [](const std::string& name) { return !name.empty(); });
}

void IndexSpace::clear() {
  names_.clear();
  indices_.clear();
}

WatContext::WatContext(const TokenizedText& source, TextPosition start)
    : in(source, start), annotation_used_(source.annotations.size()) {}

u32 WatContext::index(Space kind) { return index(space(kind), text_of(kind)); }

u32 WatContext::index(const IndexSpace& space, std::string_view what) {
  if (!in.at(TokenKind::Id)) {
    if (!in.at(TokenKind::Nat)) in.unexpected(fmt::format("an index of a {}", what));
    return in.nat32();
  }
  Token token = in.next();
  std::optional<u32> found = space.find(in.decode_id(token));
  if (!found) {
    in.fail_at(token, Err::UnknownIdentifier, fmt::format("{} {}", what, in.text_of(token)));
  }
  return found.value_or(0);
}

void WatContext::bind_id(IndexSpace& space, std::string_view what) {
  Token token = in.peek();
  if (std::optional<std::string_view> id = in.accept_id(); id && !space.bind(*id)) {
    in.fail_at(token, Err::DuplicateIdentifier, fmt::format("{} {}", what, in.text_of(token)));
  }
  if (std::optional<std::string> name = accept_name_annotation()) space.rename(std::move(*name));
}

bool WatContext::at_binder() const {
  if (in.at(TokenKind::Id)) return true;
  const std::vector<Annotation>& all = in.source().annotations;
  if (all.empty()) return false;
  auto at = std::ranges::lower_bound(all, in.index(), {}, &Annotation::before);
  for (; at != all.end() && at->before == in.index(); ++at) {
    if (at->id == kNameAnnotation) return true;
  }
  return false;
}

std::optional<std::string> WatContext::accept_name_annotation() {
  const Annotation* annotation = take_annotation(kNameAnnotation);
  if (annotation == nullptr) return std::nullopt;
  const Token* tokens = &in.source().annotation_tokens[annotation->first];
  if (tokens[0].kind != TokenKind::String || tokens[1].kind != TokenKind::End) {
    in.fail_at_offset(annotation->offset, Err::NameAnnotation, "expected one string");
    return std::nullopt;
  }
  std::string name = decode_string(in.text_of(tokens[0]));
  if (!is_utf8(name)) {
    in.fail_at_offset(annotation->offset, Err::NameAnnotation, "malformed UTF-8 encoding");
  }
  return name;
}

const Annotation* WatContext::take_annotation(std::string_view id) {
  const std::vector<Annotation>& all = in.source().annotations;
  if (all.empty() || !in.ok()) return nullptr;
  // Many annotations may stand in one place: each search goes on where the last one ended.
  if (searched_token_ != in.index() || searched_id_ != id) {
    auto first = std::ranges::lower_bound(all, in.index(), {}, &Annotation::before);
    searched_token_ = in.index();
    searched_id_ = id;
    search_next_ = static_cast<usize>(first - all.begin());
  }
  while (search_next_ < all.size() && all[search_next_].before == in.index()) {
    usize i = search_next_++;
    if (all[i].id != id || annotation_used_[i]) continue;
    annotation_used_[i] = true;
    return &all[i];
  }
  return nullptr;
}

void WatContext::refuse_unused_annotations() {
  auto unused = std::ranges::find(annotation_used_, false);
  if (unused == annotation_used_.end()) return;
  const Annotation& annotation =
      in.source().annotations[static_cast<usize>(unused - annotation_used_.begin())];
  if (annotation.id == kBranchHintAnnotation) {
    in.fail_at_offset(annotation.offset, Err::BranchHintAnnotation, "not in a function");
  } else {
    in.fail_at_offset(annotation.offset, Err::MisplacedAnnotation,
                      fmt::format("@{} annotation", annotation.id));
  }
}

}  // namespace lr
