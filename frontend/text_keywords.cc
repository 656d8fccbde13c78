#include "frontend/text_keywords.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

namespace lr {

namespace {

constexpr std::string_view kKeywordText[] = {
#define KEYWORD(name, text) text,
#include "frontend/text_keywords.def"
};
constexpr u32 kKeywordCount = std::size(kKeywordText);
constexpr u32 kWordCount = kOpCount + kKeywordCount;

constexpr std::string_view word_text(u32 index) {
  return index < kOpCount ? kOpInfo[index].text : kKeywordText[index - kOpCount];
}

constexpr u32 hash(std::string_view text) {
  u32 h = 2166136261;
  for (char c : text) h = (h ^ static_cast<u8>(c)) * 16777619;
  return h ^ (h >> 15);
}

// Open addressing; the slots hold word numbers plus one.
struct Table {
  static constexpr u32 kSlots = 2048;
  std::array<u16, kSlots> slots{};
};
static_assert(kWordCount * 2 < Table::kSlots);

consteval Table make_table() {
  Table table;
  for (u32 n = kWordCount; n-- > 0;) {  // Backwards: keywords come first and win.
    u32 slot = hash(word_text(n)) % Table::kSlots;
    while (table.slots[slot] != 0) {
      u32 other = table.slots[slot] - 1u;
      if (word_text(other) == word_text(n)) break;
      slot = (slot + 1) % Table::kSlots;
    }
    u32 old = table.slots[slot];
    // Of two instructions with one text the earlier stays.
    if (old == 0 || old - 1 < kOpCount) table.slots[slot] = static_cast<u16>(n + 1);
  }
  return table;
}

constexpr Table kTable = make_table();

// Longer texts are no misspelt words, and words that differ by more are others.
constexpr usize kLongestMisspelt = 48;
constexpr usize kFurthest = 3;

// Levenshtein's distance, given up (with a larger number) when it exceeds `limit`.
u32 edit_distance(std::string_view a, std::string_view b, u32 limit) {
  if (a.size() > b.size() + limit || b.size() > a.size() + limit) return limit + 1;
  u32 row[kLongestMisspelt + 2 * kFurthest];
  for (u32 j = 0; j <= b.size(); j++) row[j] = j;
  for (u32 i = 1; i <= a.size(); i++) {
    // What is further from the diagonal is further than the limit.
    const u32 first = i > limit ? i - limit : 1;
    const u32 last = std::min(static_cast<u32>(b.size()), i + limit);
    u32 diagonal = row[first - 1];
    u32 smallest = row[first - 1] = first == 1 ? i : limit + 1;
    for (u32 j = first; j <= last; j++) {
      u32 substituted = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
      smallest = std::min(smallest, row[j]);
    }
    if (smallest > limit) return limit + 1;
  }
  return row[b.size()];
}

// Old names of instructions, which no distance would find.
constexpr std::pair<std::string_view, std::string_view> kRenamed[] = {
    {"get_local", "local.get"},     {"set_local", "local.set"},   {"tee_local", "local.tee"},
    {"get_global", "global.get"},   {"set_global", "global.set"}, {"current_memory", "memory.size"},
    {"grow_memory", "memory.grow"}, {"anyfunc", "funcref"},       {"i32.wrap/i64", "i32.wrap_i64"},
};

}  // namespace

Word find_word(std::string_view text) {
  u32 slot = hash(text) % Table::kSlots;
  for (; kTable.slots[slot] != 0; slot = (slot + 1) % Table::kSlots) {
    u32 index = kTable.slots[slot] - 1u;
    if (word_text(index) == text) return static_cast<Word>(index);
  }
  return Word::Unknown;
}

std::string_view text_of(Word word) {
  return word == Word::Unknown ? "" : word_text(static_cast<u32>(word));
}

std::string_view nearest_word(std::string_view text) {
  if (text.size() > kLongestMisspelt) return "";
  for (auto [old_text, new_text] : kRenamed) {
    if (text == old_text) return new_text;
  }
  u32 best = static_cast<u32>(std::clamp<usize>(text.size() / 3, 1, kFurthest)) + 1;
  std::string_view nearest;
  for (u32 i = 0; i < kWordCount; i++) {
    u32 distance = edit_distance(text, word_text(i), best - 1);
    if (distance < best) {
      best = distance;
      nearest = word_text(i);
    }
  }
  return nearest;
}

}  // namespace lr
