#include "host/wait.h"

#include "host/process.h"

namespace lr {

void Job::run_on_helper(sched::HelperJob& helper_job) {
  Job& job = static_cast<Job&>(helper_job);
  job.work_and_finish();
  // The reference goes first out of the job: the process may be the last that holds it.
  const sched::ProcessRef process = std::move(job.keep);
  if (process) static_cast<Process&>(*process).wake();
  job.release();
}

}  // namespace lr
