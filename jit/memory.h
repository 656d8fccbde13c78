// Memory: a linear memory, as machine code sees it (MemoryView) and with what grows it.
//
//   base                    extent          size            capacity
//    |  may be touched        |  asks first   |  not yet grown  |
//    +------------------------+---------------+-----------------+  guard (Guarded only)
//
// Guarded: an own reservation of 4 GiB and kGuardBytes, committed up to `size`; extent == size.
// Dense: a raw area, from a slot of the process or a reservation of its own; code compares with the
// extent, which rises when something beyond it is touched, so that it ends where a page does: the
// base need not (it is 64-byte aligned). Bytes beyond the extent are zero in the area; data
// segments that reach there are copied when the extent rises, and if they are long, a page at a
// time when it is touched (jit/held_pages.h): the host asks for more than the extent then.
//
// Belongs to one process: no locks. Contexts whose memory 0 it is are attached and get every new
// base and extent; machine code reloads its registers after whatever may have changed them.
//
// A shared memory may belong to several processes: grow() and raise_extent() take a lock, the base
// never changes (addresses for the declared maximum are reserved), and no context but the caller's
// learns of a new extent: code that finds its own too small asks. Its bytes come from a source of
// their own, which may be called from any thread; a process's limit bounds its size alone.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "frontend/module.h"
#include "jit/compiler/compile.h"
#include "jit/context.h"
#include "jit/held_pages.h"
#include "jit/wait_queue.h"

namespace lr::jit {

// Zeroed bytes that somebody owns.
struct MemoryArea {
  u8* base = nullptr;
  u64 capacity = 0;
};

// Where memories get their bytes from and whom they are charged to. The process layer derives its
// own; what it does not override reserves with mmap and charges nobody.
class MemorySource {
 public:
  virtual ~MemorySource() = default;
  // Asked before `bytes` more of a memory become touchable. False refuses.
  virtual bool charge(u64 bytes) { return (void)bytes, true; }
  virtual void release_charge(u64 bytes) { (void)bytes; }
  // The same for a dense memory whose extent rises in `area`: an upper bound of what it touches.
  virtual bool charge_extent(MemoryArea area, u64 from, u64 to) {
    return (void)area, charge(to - from);
  }
  // A zeroed area of at least `bytes` for a dense memory; base null if there is none.
  virtual MemoryArea acquire(u64 bytes);
  // A larger area that begins with the first `used` bytes of `area`, which is given back; where it
  // is impossible, base is null and `area` stays valid.
  virtual MemoryArea enlarge(MemoryArea area, u64 used, u64 bytes);
  // Beyond its first `used` bytes the area is as it was handed out.
  virtual void release(MemoryArea area, u64 used);
  // Gives the addresses of a guarded memory back, which did not come from here.
  virtual void unmap(MemoryArea area, u64 used);
  // Makes [from, to) of an area zero again, for another process. False if it would rather have the
  // area back.
  virtual bool wipe(MemoryArea area, u64 from, u64 to) {
    return (void)area, (void)from, (void)to, false;
  }
  // Makes pages of an area fault, whatever they held. False if it cannot, and they are as they were
  // or zero.
  virtual bool hold(MemoryArea area, u64 from, u64 to) {
    return (void)area, (void)from, (void)to, false;
  }
  // Makes those that fault pages of zeros. Called by signal handlers too.
  virtual void let_in(MemoryArea area, u64 from, u64 to) { (void)area, (void)from, (void)to; }

  // Reserves with mmap and charges nobody.
  static MemorySource& plain();
};

struct MemoryOptions {
  MemoryClass memory_class = MemoryClass::Guarded;
  MemorySource* source = nullptr;  // Null: MemorySource::plain().
  // Of shared memories, which may outlive the process; it outlives them. Null: plain().
  MemorySource* shared_source = nullptr;
  u64 size_max = ~u64{0};  // A limit of the process, in bytes.
  // Test modes: the extent rises by exactly what was asked for, and all data waits for a touch;
  // every growth moves a dense memory.
  bool exact_extent = false;
  bool move_always = false;
};

// Initial contents, in the order in which they are written: later ones win.
class DataImage {
 public:
  // The bytes must live as long as whatever uses the image.
  void add(u64 offset, std::span<const u8> bytes);
  u64 end() const { return end_; }
  // The longest stretch without large gaps; nothing if pieces overlap or are in no order.
  struct Stretch {
    u64 from = 0;
    u64 to = 0;
  };
  Stretch longest() const { return is_sorted_ ? longest_ : Stretch(); }
  // The first byte at or behind `from` that it sets; ~0 if there is none.
  u64 next(u64 from) const;
  // Copies those bytes that lie in [from, to).
  void copy(u8* base, u64 from, u64 to) const;
  u64 bookkeeping_bytes() const { return pieces_.capacity() * sizeof(Piece); }

 private:
  struct Piece {
    u64 offset;
    std::span<const u8> bytes;
    u64 end() const { return offset + bytes.size(); }
  };
  const Piece* first_behind(u64 from) const;

  std::vector<Piece> pieces_;
  u64 end_ = 0;
  Stretch last_;  // What the next piece may continue.
  Stretch longest_;
  bool is_sorted_ = true;  // By offset, and none overlaps another.
};

// The part that machine code knows.
struct MemoryHead {
  MemoryView view;
};

class Memory : public MemoryHead {
 public:
  // Guarded is refused for 64-bit memories and other page sizes: they become Dense.
  static MemoryClass class_for(const MemoryType& type, MemoryClass wanted);
  // With copies of type and options.
  static Result<std::unique_ptr<Memory>> create(const MemoryType& type,
                                                const MemoryOptions& options);
  // For whoever keeps `type` and `options` as long as the memory; not for shared ones. To be
  // started before anything else.
  Memory(const MemoryType& type, const MemoryOptions& options, MemoryClass memory_class);
  Status start();
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  static Memory& of(MemoryView* view) {
    return static_cast<Memory&>(*reinterpret_cast<MemoryHead*>(view));
  }

  const MemoryType& type() const { return *type_; }
  MemoryClass memory_class() const {
    return is_guarded_ ? MemoryClass::Guarded : MemoryClass::Dense;
  }
  // In bytes. Others may make it larger meanwhile if it is shared.
  u64 size() const { return __atomic_load_n(&view.size, __ATOMIC_ACQUIRE); }
  u64 pages() const { return size() >> type_->page_size_log2; }
  bool is_shared() const { return type_->limits.is_shared; }
  // Null if it is not shared.
  WaitQueue* wait_queue() { return is_shared() ? &own_->sharing->queue : nullptr; }

  // Old number of pages, or nothing when a limit, the charge or the system refuses. May move.
  std::optional<u64> grow(u64 delta_pages);
  // Moves a dense memory to another area: what tests do at every point where code allows it.
  bool relocate();
  // Makes [0, end) touchable by code, without moving. False if end > size or the charge is refused
  // (then `why` says which trap it is).
  bool raise_extent(u64 end, Trap* why = nullptr);
  // Makes [offset, offset + length) touchable by anybody, the system's calls included.
  bool touch(u64 offset, u64 length);
  // Whether they are.
  bool may_touch(u64 offset, u64 length) const {
    if (length > view.extent || offset > view.extent - length) return false;
    return offset + length <= view.ready || !held()->holds_any(offset, offset + length);
  }
  // After a fault: lets the page in if it is one that is held. The handler of a signal calls it.
  bool admit(const void* address);

  // The bytes [offset, offset + length), touchable; nothing if out of bounds or refused. Valid
  // until the memory grows.
  std::optional<std::span<u8>> range(u64 offset, u64 length);

  // Initial contents, in order: `bytes` at `offset`, which is in bounds. Copied at once where the
  // extent reaches, else later; `bytes` must live as long as the memory.
  void add_segment(u64 offset, std::span<const u8> bytes);
  // All initial contents, of a memory without any so far, copied as above. The image lives as long
  // as the memory.
  void set_image(const DataImage& image);
  // What was added or set; null if nothing was.
  const DataImage* image() const { return image_; }

  // For the next process: size and contents are what they were once start() and set_image() had
  // been called. False, with nothing changed, if the area is not one that its source would wipe.
  bool reset();

  void attach(Context* context);
  void detach(Context* context);

  // True for what an unchecked access of this memory can reach, its guard included.
  bool owns_guarded(const void* address) const;
  u64 bookkeeping_bytes() const;

 private:
  struct Sharing {
    std::mutex mutex;
    WaitQueue queue;
  };
  struct Kind {
    MemoryType type;
    MemoryOptions options;
  };
  // What only some memories have.
  struct Own {
    std::unique_ptr<HeldPages> held;  // Null: no data has been held in this area.
    std::vector<Context*> contexts;   // All but the first.
    std::unique_ptr<Sharing> sharing;
    std::unique_ptr<DataImage> image;
    std::unique_ptr<Kind> kind;
  };

  MemorySource& source() const;
  Own& own();
  HeldPages* held() const { return own_ == nullptr ? nullptr : own_->held.get(); }
  u64 size_max() const;
  std::unique_lock<std::mutex> lock();
  void use(const MemoryArea& area);
  void set_size(u64 size);
  void set_extent(u64 extent);
  bool grow_guarded(u64 size);
  bool grow_dense(u64 size);
  void let_all_in();
  void forget_held();
  u64 used() const;
  void hold_back(u64 extent);
  void let_in(u64 from, u64 to);
  void copy_image(u64 from, u64 to);
  bool wipe();
  void restore_held();
  void set_ready();
  u64 next_extent(u64 end) const;
  void publish();
  MemoryArea area() const { return {view.base, capacity_}; }

  const MemoryType* type_;
  const MemoryOptions* options_;
  // Of the area, which begins at view.base. What has been charged is the extent.
  u64 capacity_ : 63 = 0;
  bool is_guarded_ : 1;
  Context* context_ = nullptr;        // The first that is attached.
  const DataImage* image_ = nullptr;  // Copied as far as the extent.
  std::unique_ptr<Own> own_;
};

}  // namespace lr::jit
