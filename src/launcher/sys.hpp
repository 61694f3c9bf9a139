#pragma once

#include <type_traits>

#include <sys/syscall.h>

namespace ocw::launcher {

/// A system call and nothing else: its result, or -errno. For processes that
/// share their parent's memory while it runs: `errno` would be shared, too.
[[gnu::always_inline]] inline long raw_sys(long number, long a, long b, long c,
                                           long d, long e) {
#if defined(__x86_64__)
  long result = 0;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
                   : "memory");
  return x0;
#else
#error "system calls are written for x86_64 and aarch64"
#endif
}

template <class T>
[[gnu::always_inline]] inline long as_argument(T value) {
  if constexpr (std::is_pointer_v<T>)
    return reinterpret_cast<long>(value); // NOLINT: what a system call takes
  else if constexpr (std::is_null_pointer_v<T>)
    return 0;
  else
    return static_cast<long>(value);
}

template <class A = int, class B = int, class C = int, class D = int,
          class E = int>
[[gnu::always_inline]] inline long sys(long number, A a = 0, B b = 0, C c = 0,
                                       D d = 0, E e = 0) {
  return raw_sys(number, as_argument(a), as_argument(b), as_argument(c),
                 as_argument(d), as_argument(e));
}

} // namespace ocw::launcher
