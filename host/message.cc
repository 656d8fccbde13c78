#include "host/message.h"

#include <algorithm>
#include <cstdlib>

#include "host/node_pool.h"
#include "host/report.h"
#include "host/signal.h"
#include "sched/reclaimer.h"

namespace lr {
namespace {

using MessagePool = NodePool<sizeof(Message)>;
using SignalPool = NodePool<sizeof(Signal)>;

// The chunks of a large message that nobody reads any more.
template <typename Chunks>
class UsedChunks final : public sched::Reclaimer::Scrap {
 public:
  explicit UsedChunks(Chunks chunks) : chunks_(std::move(chunks)) {}
  u64 step() override {
    if (chunks_.empty()) return 0;
    const usize piece = std::min<usize>(chunks_.size(), kPiece);
    chunks_.resize(chunks_.size() - piece);
    return piece * Message::kChunkBytes;
  }

 private:
  static constexpr usize kPiece = sched::Reclaimer::kPieceBytes / Message::kChunkBytes;
  Chunks chunks_;
};

}  // namespace

void* Message::operator new(usize size) {
  DCHECK(size == sizeof(Message));
  static_cast<void>(size);
  return MessagePool::take();
}

void Message::operator delete(void* block) { MessagePool::give(block); }

void* Signal::operator new(usize size) {
  DCHECK(size == sizeof(Signal));
  static_cast<void>(size);
  return SignalPool::take();
}

void Signal::operator delete(void* block) { SignalPool::give(block); }

void Message::reset(i64 new_tag) {
  type = Type::Data;
  tag = new_tag;
  process = 0;
  read_at = 0;
  size_ = 0;
  if (cold_ == nullptr) return;
  free_chunks();
  cold_.reset();
}

void Message::free_block() { std::free(bytes_); }

void Message::Unmap::operator()(u8* chunk) const { sched::unmap_pages(chunk, kChunkBytes); }

// Each takes some 10 us.
void Message::free_chunks() {
  if (cold_->chunks.size() * kChunkBytes <= sched::Reclaimer::kLargeBytes) return;
  sched::Reclaimer::get().take(std::make_unique<UsedChunks<Chunks>>(std::move(cold_->chunks)));
}

// The first block grows by doubling; it is the only one that is ever copied.
bool Message::enlarge_first(u64 wanted) {
  const u64 capacity = std::min(kChunkBytes, std::max(wanted, 2 * first_capacity_));
  void* block = std::realloc(bytes_ == inline_ ? nullptr : bytes_, capacity);
  if (block == nullptr) return false;
  if (bytes_ == inline_) std::memcpy(block, inline_, std::min<u64>(size_, kInlineBytes));
  bytes_ = static_cast<u8*>(block);
  first_capacity_ = capacity;
  return true;
}

bool Message::append_slowly(const u8* from, u64 length) {
  if (first_capacity_ < kChunkBytes && !enlarge_first(size_ + length)) return false;
  while (length > 0) {
    u8* to = bytes_ + size_;
    u64 room = first_capacity_ - std::min(size_, first_capacity_);
    if (room == 0) {
      auto& chunks = cold().chunks;
      const u64 beyond = size_ - first_capacity_;
      if (beyond / kChunkBytes == chunks.size()) {
        Result<u8*> chunk = sched::map_pages(kChunkBytes);
        if (!chunk.ok()) return false;
        chunks.emplace_back(*chunk);
      }
      to = chunks[beyond / kChunkBytes].get() + beyond % kChunkBytes;
      room = kChunkBytes - beyond % kChunkBytes;
    }
    const u64 piece = std::min(room, length);
    std::memcpy(to, from, piece);
    from += piece;
    length -= piece;
    size_ += piece;
  }
  return true;
}

void Message::copy_out_slowly(u64 at, u8* to, u64 length) const {
  while (length > 0) {
    const u8* from = bytes_ + at;
    u64 piece = first_capacity_ - std::min(at, first_capacity_);
    if (piece == 0) {
      const u64 beyond = at - first_capacity_;
      from = cold_->chunks[beyond / kChunkBytes].get() + beyond % kChunkBytes;
      piece = kChunkBytes - beyond % kChunkBytes;
    }
    piece = std::min(piece, length);
    std::memcpy(to, from, piece);
    to += piece;
    at += piece;
    length -= piece;
  }
}

Envelope* drop_envelopes(Envelope* first, usize max) {
  for (usize n = 0; first != nullptr && n < max; ++n) {
    Envelope* const next = first->next;
    if (first->kind == Envelope::Kind::Message) {
      delete static_cast<Message*>(first);
    } else if (first->kind == Envelope::Kind::Report) {
      delete static_cast<ReportRequest*>(first);
    } else {
      delete static_cast<Signal*>(first);
    }
    first = next;
  }
  return first;
}

}  // namespace lr
