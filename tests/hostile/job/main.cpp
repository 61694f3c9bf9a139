#include "hostile/job/hostile_job.hpp"

#include <poll.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace hostile {
namespace {

constexpr long life_s = 60;

long now_s() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

const long end_s = now_s() + life_s;

struct subcommand {
  const char* name;
  int (*run)(const words&);
};

constexpr subcommand subcommands[] = {
  {"tree", grow_tree},    {"try", try_attacks},
  {"plant", plant},       {"memory", take_memory},
  {"spin", spin},         {"memory_file", fill_memory_file},
  {"forks", count_forks}, {"beat", beat},
  {"flood", flood},       {"traps", lay_traps},
};

} // namespace

long number(const words& arguments, size_t index, long otherwise) {
  return index < arguments.size() ? std::atol(arguments[index].c_str())
                                  : otherwise;
}

void say_up() {
  (void)!::write(1, "up\n", 3);
}

bool time_is_over() {
  return now_s() >= end_s;
}

void stay() {
  while (!time_is_over())
    ::poll(nullptr, 0, 1000);
  ::_exit(0);
}

} // namespace hostile

int main(int argc, char** argv) {
  // What is harmless in a session may not be harmless outside of one.
  if (::getenv("JOB_ID") == nullptr || ::getenv("SESSION_ID") == nullptr) {
    std::fprintf(stderr, "hostile_job: this is for jobs only\n");
    return 2;
  }
  for (const auto& each : hostile::subcommands)
    if (argc > 1 && std::string{argv[1]} == each.name)
      return each.run({argv + 2, argv + argc});
  std::fprintf(stderr, "hostile_job: no such subcommand\n");
  return 2;
}
