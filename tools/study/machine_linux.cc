#include <fmt/format.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "sched/os.h"
#include "tools/study/machine.h"

namespace lr::study {

namespace {

static_assert(sizeof(cpu_set_t) <= 128);

// The value of the first line "KEY : VALUE".
std::string cpu_info(std::string_view key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const usize colon = line.find(':');
    if (!line.starts_with(key) || colon == std::string::npos) continue;
    const usize start = line.find_first_not_of(' ', colon + 1);
    return start == std::string::npos ? "" : line.substr(start);
  }
  return "";
}

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string processor_name() {
  std::string name = cpu_info("model name");
  if (!name.empty()) return name;
  // What AArch64 has instead.
  const std::string implementer = cpu_info("CPU implementer");
  if (implementer.empty()) return "";
  return fmt::format("implementer {}, part {}", implementer, cpu_info("CPU part"));
}

}  // namespace

Machine describe_machine() {
  Machine machine;
  machine.processor = processor_name();
  if (utsname name{}; ::uname(&name) == 0) {
    machine.system = fmt::format("{} {} {}", name.sysname, name.release, name.machine);
  }
  machine.governor = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  machine.is_virtual = (" " + cpu_info("flags") + " ").find(" hypervisor ") != std::string::npos;
  machine.processors = static_cast<u32>(::sysconf(_SC_NPROCESSORS_ONLN));
  machine.allowed = sched::allowed_processors();
  machine.memory_bytes =
      static_cast<u64>(::sysconf(_SC_PHYS_PAGES)) * static_cast<u64>(::sysconf(_SC_PAGESIZE));
  return machine;
}

Load current_load() {
  Load load;
  if (::getloadavg(load.average.data(), 3) != 3) load.average = {};
  // cpu user nice system idle iowait irq softirq steal ...
  std::istringstream line(first_line("/proc/stat"));
  std::string word;
  line >> word;
  for (u32 column = 0; column < 8; column++) {
    u64 ticks = 0;
    line >> ticks;
    load.all_ticks += ticks;
    if (column == 7) load.stolen_ticks = ticks;
  }
  return load;
}

std::string utc_time() {
  const time_t now = ::time(nullptr);
  tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  const usize size = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, size};
}

u64 thread_time_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<u64>(time.tv_sec) * 1'000'000'000 + static_cast<u64>(time.tv_nsec);
}

u64 times_displaced() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return static_cast<u64>(usage.ru_nivcsw);
}

Pinned::Pinned(u32 index) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
  for (i32 cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
    if (!CPU_ISSET(cpu, &allowed) || index-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (::sched_setaffinity(0, sizeof(one), &one) != 0) return;
    std::memcpy(before_.data(), &allowed, sizeof(allowed));
    processor_ = cpu;
    return;
  }
}

Pinned::~Pinned() {
  if (processor_ < 0) return;
  cpu_set_t before;
  std::memcpy(&before, before_.data(), sizeof(before));
  ::sched_setaffinity(0, sizeof(before), &before);
}

}  // namespace lr::study
