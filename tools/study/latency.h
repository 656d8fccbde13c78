// How long a running program takes from a request to yield to the yield.
#pragma once

#include "base/result.h"
#include "tools/study/results.h"
#include "tools/study/rig.h"
#include "tools/study/statistics.h"

namespace lr::study {

// The program alone on one worker, on a processor of its own if there are two, while a thread on
// another processor makes requests at random moments. Samples during which the system ran something
// else on the worker's processor, or delayed the request, do not count.
Result<Latency> idle_latency(const Program& program, const Setup& setup, jit::Preempt preempt,
                             u64 duration_ns, Random& random);

// `hogs` processes of the program on `workers` workers; the requests are those that the scheduler
// makes when a slice is over. Every sample counts. Under fuel nobody asks: slices end by
// themselves.
Result<Latency> hogs_latency(const Program& program, const Setup& setup, jit::Preempt preempt,
                             u32 workers, u32 hogs, u64 duration_ns);

}  // namespace lr::study
