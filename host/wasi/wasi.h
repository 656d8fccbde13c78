// The functions of WASI preview 1, as C++ sees them; wasi.def has a row for each. By file:
//   args.cc    arguments, environment      clocks.cc  clocks, random numbers, ending, yielding
//   fd.cc      what descriptors are        io.cc      reading and writing
//   dir.cc     reading directories         path.cc    names: open, stat;  names.cc: making,
//   removing poll.cc    waiting                     sock.cc    sockets
#pragma once

#include <span>

#include "host/host_function.h"
#include "host/wasi/errno.h"
#include "host/wasi/state.h"
#include "host/wasi/types.h"

namespace lr::wasi {

Errno args_get(Caller& caller, GuestPointer argv, GuestPointer buffer);
Errno args_sizes_get(Caller& caller, GuestOut<u32> count, GuestOut<u32> size);
Errno environ_get(Caller& caller, GuestPointer environ, GuestPointer buffer);
Errno environ_sizes_get(Caller& caller, GuestOut<u32> count, GuestOut<u32> size);

Errno clock_res_get(Caller& caller, u32 id, GuestOut<u64> resolution);
Errno clock_time_get(Caller& caller, u32 id, u64 precision, GuestOut<u64> time);
Halt proc_exit(Caller& caller, u32 status);
TrapOr<Errno> proc_raise(Caller& caller, u32 signal);
Step<Errno> sched_yield(Caller& caller);
Step<Errno> random_get(Caller& caller, GuestBytes buffer);

Task<Errno> fd_advise(Caller& caller, u32 fd, u64 offset, u64 length, u32 advice);
Task<Errno> fd_allocate(Caller& caller, u32 fd, u64 offset, u64 length);
Errno fd_close(Caller& caller, u32 fd);
Task<Errno> fd_datasync(Caller& caller, u32 fd);
Errno fd_fdstat_get(Caller& caller, u32 fd, GuestOut<Fdstat> stat);
Errno fd_fdstat_set_flags(Caller& caller, u32 fd, u32 flags);
Errno fd_fdstat_set_rights(Caller& caller, u32 fd, u64 base, u64 inheriting);
Errno fd_filestat_get(Caller& caller, u32 fd, GuestOut<Filestat> stat);
Task<Errno> fd_filestat_set_size(Caller& caller, u32 fd, u64 size);
Task<Errno> fd_filestat_set_times(Caller& caller, u32 fd, u64 accessed, u64 modified, u32 flags);
Errno fd_prestat_dir_name(Caller& caller, u32 fd, GuestBytes name);
Errno fd_prestat_get(Caller& caller, u32 fd, GuestOut<Prestat> prestat);
Errno fd_renumber(Caller& caller, u32 fd, u32 to);
Errno fd_seek(Caller& caller, u32 fd, i64 offset, u32 whence, GuestOut<u64> position);
Task<Errno> fd_sync(Caller& caller, u32 fd);
Errno fd_tell(Caller& caller, u32 fd, GuestOut<u64> position);

Step<Errno> fd_pread(Caller& caller, u32 fd, GuestArray<Iovec> iovs, u64 offset,
                     GuestOut<u32> nread);
Step<Errno> fd_pwrite(Caller& caller, u32 fd, GuestArray<Iovec> iovs, u64 offset,
                      GuestOut<u32> nwritten);
Step<Errno> fd_read(Caller& caller, u32 fd, GuestArray<Iovec> iovs, GuestOut<u32> nread);
Step<Errno> fd_write(Caller& caller, u32 fd, GuestArray<Iovec> iovs, GuestOut<u32> nwritten);

Task<Errno> fd_readdir(Caller& caller, u32 fd, GuestBytes buffer, u64 cookie, GuestOut<u32> used);

Task<Errno> path_create_directory(Caller& caller, u32 fd, GuestString path);
Task<Errno> path_filestat_get(Caller& caller, u32 fd, u32 flags, GuestString path,
                              GuestOut<Filestat> stat);
Task<Errno> path_filestat_set_times(Caller& caller, u32 fd, u32 flags, GuestString path,
                                    u64 accessed, u64 modified, u32 fst_flags);
Task<Errno> path_link(Caller& caller, u32 old_fd, u32 old_flags, GuestString old_path, u32 new_fd,
                      GuestString new_path);
Task<Errno> path_open(Caller& caller, u32 fd, u32 dirflags, GuestString path, u32 oflags, u64 base,
                      u64 inheriting, u32 fdflags, GuestOut<u32> opened);
Task<Errno> path_readlink(Caller& caller, u32 fd, GuestString path, GuestBytes buffer,
                          GuestOut<u32> used);
Task<Errno> path_remove_directory(Caller& caller, u32 fd, GuestString path);
Task<Errno> path_rename(Caller& caller, u32 fd, GuestString old_path, u32 new_fd,
                        GuestString new_path);
Task<Errno> path_symlink(Caller& caller, GuestString target, u32 fd, GuestString new_path);
Task<Errno> path_unlink_file(Caller& caller, u32 fd, GuestString path);

// Counts after the arrays, so the arrays are claimed by the function.
Step<Errno> poll_oneoff(Caller& caller, GuestPointer subscriptions, GuestPointer events, u32 count,
                        GuestOut<u32> event_count);

Step<Errno> sock_accept(Caller& caller, u32 fd, u32 flags, GuestOut<u32> opened);
Step<Errno> sock_recv(Caller& caller, u32 fd, GuestArray<Iovec> iovs, u32 flags,
                      GuestOut<u32> nread, GuestOut<u16> out_flags);
Step<Errno> sock_send(Caller& caller, u32 fd, GuestArray<Iovec> iovs, u32 flags,
                      GuestOut<u32> nwritten);
Errno sock_shutdown(Caller& caller, u32 fd, u32 how);

// The rows of wasi.def.
std::span<const HostFunction> functions();

}  // namespace lr::wasi
