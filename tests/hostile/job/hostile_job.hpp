#pragma once

// What a hostile job does: one program with a subcommand for each kind, run as
// a job by the tests beside it. It depends on nothing but the kernel, so that
// it runs in any root. Whatever it leaves behind ends by itself within a
// minute: a test that fails leaves nothing on the machine.

#include <string>
#include <vector>

namespace hostile {

using words = std::vector<std::string>;

/// A number among the arguments; `otherwise` when it is not there.
long number(const words& arguments, size_t index, long otherwise);

/// Says on standard output that everything is in place.
void say_up();

/// Waits for the end that should come from outside, a minute at most.
[[noreturn]] void stay();
bool time_is_over();

/// tree NAME stay|leave: processes that are hard to find and to end.
int grow_tree(const words& arguments);

/// try NAME[=WHAT] …: a line "NAME DONE", or "NAME" and the errno, for each.
int try_attacks(const words& arguments);
/// plant NAME: leaves things for others to find and waits for its input's end.
int plant(const words& arguments);

/// memory PROCESSES MIB, files MIB, spin PROCESSES MS, forks COUNT,
/// beat ROUNDS, flood MIB: uses a lot of one thing.
int take_memory(const words& arguments);
int fill_memory_file(const words& arguments);
int spin(const words& arguments);
int count_forks(const words& arguments);
int beat(const words& arguments);
int flood(const words& arguments);

/// traps KIND: lays traps for whoever looks into $OUTPUT_DIR.
int lay_traps(const words& arguments);

} // namespace hostile
