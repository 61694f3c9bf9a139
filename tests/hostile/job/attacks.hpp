#pragma once

#include <cerrno>
#include <string>

namespace hostile {

/// 0 when it worked, else an errno.
using attack = int (*)(const std::string& what);

struct named_attack {
  const char* name;
  attack run;
};

constexpr int outcome(long result) {
  return result < 0 ? errno : 0;
}

/// Each list ends with one that has no name.
extern const named_attack file_attacks[];
extern const named_attack kernel_attacks[];
extern const named_attack network_attacks[];

} // namespace hostile
