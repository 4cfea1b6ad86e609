// SPDX-License-Identifier: Apache-2.0
// The list of system calls that a sandboxed program may make, as a program for the kernel's packet filter.
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "grove/reward/sandbox.hpp"

namespace grove::detail {
namespace {

/// Reading, memory, time, threads' own business: harmless with any argument.
constexpr std::uint32_t harmless[] = {
    SYS_read,
    SYS_readv,
    SYS_pread64,
    SYS_write,
    SYS_writev,
    SYS_close,
    SYS_lseek,
    SYS_fstat,
    SYS_newfstatat,
    SYS_statx,
    SYS_faccessat,
    SYS_readlinkat,
    SYS_getdents64,
    SYS_getcwd,
    SYS_fstatfs,
    SYS_statfs,
    SYS_dup,
    SYS_dup3,
    SYS_pipe2,
    SYS_mmap,
    SYS_munmap,
    SYS_mremap,
    SYS_mprotect,
    SYS_madvise,
    SYS_brk,
    SYS_mlock,
    SYS_munlock,
    SYS_membarrier,
    SYS_futex,
    SYS_set_robust_list,
    SYS_set_tid_address,
    SYS_rseq,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_rt_sigpending,
    SYS_sigaltstack,
    SYS_getpid,
    SYS_getppid,
    SYS_gettid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getresuid,
    SYS_getresgid,
    SYS_getgroups,
    SYS_uname,
    SYS_sysinfo,
    SYS_times,
    SYS_getrusage,
    SYS_getrandom,
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_restart_syscall,
    SYS_ppoll,
    SYS_pselect6,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_eventfd2,
    SYS_exit,
    SYS_exit_group,
    SYS_execve,  // the program itself; whatever it turns into has the same filter
#ifdef __x86_64__
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_readlink,
    SYS_dup2,
    SYS_pipe,
    SYS_poll,
    SYS_select,
    SYS_epoll_create,
    SYS_epoll_wait,
    SYS_eventfd,
    SYS_arch_prctl,
    SYS_time,
    SYS_getdents,
#endif
#ifdef SYS_faccessat2
    SYS_faccessat2,
#endif
};

#ifdef __x86_64__
constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
#else
constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
#endif

constexpr std::uint32_t refuse_with(std::uint32_t error) { return SECCOMP_RET_ERRNO | error; }

/// Room for the filter; it is written after fork, where no memory may be asked for.
class Filter {
 public:
  void add(std::uint32_t code, std::uint32_t value, std::uint8_t yes = 0, std::uint8_t no = 0) {
    program_[size_++] = {static_cast<std::uint16_t>(code), yes, no, value};
  }
  void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  void load_argument(std::size_t i) { load(offsetof(seccomp_data, args) + 8 * i); }
  void answer(std::uint32_t action) { add(BPF_RET | BPF_K, action); }
  /// The next `skipped` steps only for this call.
  void only_for(std::uint32_t call, std::uint8_t skipped) { add(BPF_JMP | BPF_JEQ | BPF_K, call, 0, skipped); }

  bool install() {
    sock_fprog const program{static_cast<unsigned short>(size_), program_.data()};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
  }

  /// Allows a call where the argument has none of the bits.
  void allow_without_bits(std::uint32_t call, std::size_t argument, std::uint32_t bits) {
    only_for(call, 4);
    load_argument(argument);
    add(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
    answer(refuse_with(EPERM));
    answer(SECCOMP_RET_ALLOW);
  }
  /// Allows a call where the argument is this value.
  void allow_with_value(std::uint32_t call, std::size_t argument, std::uint32_t value) {
    only_for(call, 4);
    load_argument(argument);
    add(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0);
    answer(refuse_with(EPERM));
    answer(SECCOMP_RET_ALLOW);
  }
  /// Allows a call where the argument is one of these values.
  template <std::size_t N>
  void allow_with_one_of(std::uint32_t call, std::size_t argument, std::array<std::uint32_t, N> const& values) {
    only_for(call, N + 3);
    load_argument(argument);
    for (std::size_t i = 0; i < N; ++i) add(BPF_JMP | BPF_JEQ | BPF_K, values[i], static_cast<std::uint8_t>(N - i));
    answer(refuse_with(EPERM));
    answer(SECCOMP_RET_ALLOW);
  }

 private:
  std::array<sock_filter, 2 * std::size(harmless) + 64> program_{};
  std::size_t size_ = 0;
};

}  // namespace

bool allow_only_computing() {
  constexpr std::uint32_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;
  Filter filter;
  filter.load(offsetof(seccomp_data, arch));
  filter.add(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0);
  filter.answer(SECCOMP_RET_KILL_PROCESS);
  filter.load(offsetof(seccomp_data, nr));
  for (auto const call : harmless) {
    filter.only_for(call, 1);
    filter.answer(SECCOMP_RET_ALLOW);
  }
  filter.allow_without_bits(SYS_openat, 2, writing);
#ifdef __x86_64__
  filter.allow_without_bits(SYS_open, 1, writing);
#endif
  // Not those that let the kernel send signals to whom we name.
  filter.allow_with_one_of<6>(SYS_fcntl, 1, {F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC});
  filter.allow_with_value(SYS_prlimit64, 0, 0);                                  // its own limits only
  filter.allow_with_value(SYS_tgkill, 0, static_cast<std::uint32_t>(getpid()));  // abort()
  // A thread, not a process; clone3 hides its flags in memory, and the C library does without.
  filter.only_for(SYS_clone, 4);
  filter.load_argument(0);
  filter.add(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0);
  filter.answer(refuse_with(EPERM));
  filter.answer(SECCOMP_RET_ALLOW);
  filter.only_for(SYS_clone3, 1);
  filter.answer(refuse_with(ENOSYS));
  // Terminals and such: the questions that a language's start asks of its standard streams.
  filter.only_for(SYS_ioctl, 1);
  filter.answer(refuse_with(ENOTTY));
  filter.answer(refuse_with(EPERM));
  return filter.install();
}

}  // namespace grove::detail
