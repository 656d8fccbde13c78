// Message: what one process sends another, and what tells a process of a death that concerns it.
//
// The bytes of a small message lie in the message itself, those of a larger one in a block beside
// it, those of a very large one in further blocks of kChunkBytes: growing never copies more than
// one block. A message belongs to one process at a time; sending hands over the pointer.
#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "base/check.h"
#include "base/types.h"
#include "host/inbox.h"

namespace lr {

// What travels in a message beside bytes: a module, a socket. Released with the message.
class MessageResource {
 public:
  enum class Kind : u8 { Module, TcpStream, TlsStream, UdpSocket };
  explicit MessageResource(Kind which) : kind_(which) {}
  virtual ~MessageResource() = default;
  Kind kind() const { return kind_; }

 private:
  const Kind kind_;
};

class Message final : public Envelope {
 public:
  enum class Type : u8 { Data = 0, LinkDied = 1, ProcessDied = 2 };  // As `receive` returns them.

  static constexpr u32 kInlineBytes = 40;
  static constexpr u64 kChunkBytes = 128 * kKiB;

  Message() : Envelope(Kind::Message) {}
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  ~Message() {
    if (bytes_ != inline_) free_block();
    if (cold_ != nullptr) free_chunks();
  }

  // Small messages are made and freed for each one that is sent, often on two workers.
  static void* operator new(usize size);
  static void operator delete(void* block);

  // An empty data message, whatever it was. Keeps a block for the next bytes.
  void reset(i64 tag);

  Type type = Type::Data;
  i64 tag = 0;      // 0: none.
  u64 process = 0;  // ProcessDied: who.
  u64 read_at = 0;  // Data: where the next read begins. May lie beyond the end.

  u64 size() const { return size_; }
  // What it takes of memory, itself included.
  u64 footprint() const { return sizeof(Message) + (bytes_ == inline_ ? 0 : capacity()); }

  // Adds bytes at the end. False: no memory.
  bool append(const u8* from, u64 length) {
    if (!has_room(length)) return append_slowly(from, length);
    append_in_place(from, length);
    return true;
  }
  // So many bytes fit behind the others in the first block, where appending is a copy.
  bool has_room(u64 length) const {
    return size_ <= first_capacity_ && length <= first_capacity_ - size_;
  }
  void append_in_place(const u8* from, u64 length) {
    DCHECK(has_room(length));
    copy_few(bytes_ + size_, from, length);
    size_ += length;
  }
  // A position up to the end, and all bytes are in the first block.
  bool is_in_first(u64 at) const { return at <= size_ && size_ <= first_capacity_; }
  // Copies [at, at + length), which lies within size().
  void copy_out(u64 at, u8* to, u64 length) const {
    DCHECK(at + length <= size_);
    if (at + length <= first_capacity_) {
      copy_few(to, bytes_ + at, length);
    } else {
      copy_out_slowly(at, to, length);
    }
  }

  // Slots of resources; a taken one is null.
  std::vector<std::unique_ptr<MessageResource>>& resources() { return cold().resources; }
  usize resource_count() const { return cold_ == nullptr ? 0 : cold_->resources.size(); }

 private:
  friend class Mailbox;

  // Mappings of their own: the heap would keep what a large message has left, and lock others out
  // while it frees them.
  struct Unmap {
    void operator()(u8* chunk) const;
  };
  using Chunks = std::vector<std::unique_ptr<u8[], Unmap>>;
  struct Cold {
    Chunks chunks;  // Each of kChunkBytes, behind the first block.
    std::vector<std::unique_ptr<MessageResource>> resources;
  };

  // memcpy, inline for the sizes of single values.
  static void copy_few(u8* to, const u8* from, u64 length) {
    switch (length) {
      case 0:
        return;
      case 8:
        std::memcpy(to, from, 8);
        return;
      case 4:
        std::memcpy(to, from, 4);
        return;
      case 1:
        *to = *from;
        return;
      default:
        std::memcpy(to, from, length);
    }
  }

  Cold& cold() {
    if (cold_ == nullptr) cold_ = std::make_unique<Cold>();
    return *cold_;
  }
  u64 capacity() const {
    return first_capacity_ + (cold_ == nullptr ? 0 : cold_->chunks.size() * kChunkBytes);
  }
  bool append_slowly(const u8* from, u64 length);
  void copy_out_slowly(u64 at, u8* to, u64 length) const;
  bool enlarge_first(u64 wanted);
  void free_block();
  void free_chunks();

  // In a mailbox: the one before, the next of the same tag, and the order of arrival.
  Message* previous_ = nullptr;
  Message* tag_next_ = nullptr;
  u64 arrival_ = 0;

  u64 size_ = 0;
  u64 first_capacity_ = kInlineBytes;
  u8* bytes_ = inline_;
  std::unique_ptr<Cold> cold_;
  u8 inline_[kInlineBytes];
};

using MessagePtr = std::unique_ptr<Message>;

// Frees what nobody wants: a list of envelopes of any kind, `max` of them at most. What is left.
Envelope* drop_envelopes(Envelope* first, usize max = ~usize{0});

}  // namespace lr
