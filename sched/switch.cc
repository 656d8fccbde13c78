#include "sched/switch.h"

#include "base/check.h"

namespace lr::sched {

void prepare_native(RunState& run, NativeEntry entry, void* argument) {
  // The picture that lr_native_start wants; see context_*.S.
  u64* picture = reinterpret_cast<u64*>(run.stack_top & ~u64{15}) - 4;
  picture[0] = reinterpret_cast<u64>(&lr_native_start);
  picture[1] = 0;
  picture[2] = reinterpret_cast<u64>(entry);
  picture[3] = reinterpret_cast<u64>(argument);
  run.sp = reinterpret_cast<u64>(picture);
  DCHECK(run.sp > run.stack_limit);
}

}  // namespace lr::sched
