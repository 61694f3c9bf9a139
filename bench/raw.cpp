// bench_raw: the limits of this machine, to hold a node against.
//
//   bench_raw spawn N K [--warm-up=W] [-- CMD ARGS...]
//                                        the default is /bin/sh -c true
//   bench_raw relay head|lines SIZE [SUBSCRIBERS [FILE]]
//   bench_raw relay fbw COUNT INTERVAL_US [FILE]
//                                        FILE gets every byte as well
//   bench_raw lines SIZE                 a producer, used as a job
//   bench_raw fbw COUNT INTERVAL_US      a producer, used as a job
//
// Prints one JSON object; the producers print what they produce.

#include "raw.hpp"

#include "common.hpp"

#include <cstddef>
#include <cstdio>
#include <string_view>

namespace {

using namespace ocw::bench;

using arguments = std::vector<std::string>;

int usage() {
  fputs("usage: bench_raw spawn N K [--warm-up=W] [-- CMD ARGS...]\n"
        "       bench_raw relay head|lines SIZE [SUBSCRIBERS [FILE]]\n"
        "       bench_raw relay fbw COUNT INTERVAL_US [FILE]\n"
        "       bench_raw lines SIZE\n"
        "       bench_raw fbw COUNT INTERVAL_US\n",
        stderr);
  return 2;
}

int spawn_mode(const arguments& args) {
  if (args.size() < 3)
    return usage();
  auto plan = spawn_plan{};
  plan.total = parse_number(args[1], "N");
  plan.in_flight = parse_number(args[2], "K");
  plan.argv = {"/bin/sh", "-c", "true"};
  constexpr auto warm_up = std::string_view{"--warm-up="};
  for (auto i = size_t{3}; i < args.size(); ++i) {
    if (args[i].starts_with(warm_up)) {
      plan.warm_up = parse_number(args[i].substr(warm_up.size()), "W");
    } else if (args[i] == "--" && i + 1 < args.size()) {
      plan.argv.assign(args.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                       args.end());
      break;
    } else {
      return usage();
    }
  }
  if (plan.total == 0 || plan.in_flight == 0)
    fail("N and K must be at least 1");
  run_spawn(plan);
  return 0;
}

int relay_mode(const arguments& args) {
  const auto self = program_dir() + "/bench_raw";
  if (args.size() < 3)
    return usage();
  auto plan = relay_plan{};
  if (args.size() > 4)
    plan.kept_in = args[4];
  if (args[1] == "fbw" && args.size() > 3) {
    plan.producer = {self, "fbw", args[2], args[3]};
    run_relay_latency(plan);
    return 0;
  }
  if (args.size() > 3)
    plan.subscribers = parse_number(args[3], "SUBSCRIBERS");
  if (args[1] == "head")
    plan.producer = {"head", "-c", args[2], "/dev/zero"};
  else if (args[1] == "lines")
    plan.producer = {self, "lines", args[2]};
  else
    return usage();
  run_relay(plan);
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  const auto args = arguments(argv + 1, argv + argc);
  if (args.empty())
    return usage();
  if (args[0] == "spawn")
    return spawn_mode(args);
  if (args[0] == "relay")
    return relay_mode(args);
  if (args[0] == "lines" && args.size() == 2)
    write_lines(parse_number(args[1], "SIZE"));
  else if (args[0] == "fbw" && args.size() == 3)
    write_timestamps(parse_number(args[1], "COUNT"),
                     parse_number(args[2], "INTERVAL_US"));
  else
    return usage();
  return 0;
}
