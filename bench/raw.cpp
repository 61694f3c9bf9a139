// bench_raw: the limits of this machine, to hold a node against.
//
//   bench_raw spawn N K [--warm-up=W] [-- CMD ARGS...]   default: /bin/sh -c
//   true bench_raw relay head|lines SIZE bench_raw relay fbw COUNT INTERVAL_US
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
        "       bench_raw relay head|lines SIZE [SUBSCRIBERS]\n"
        "       bench_raw relay fbw COUNT INTERVAL_US\n"
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
  if (args[1] == "fbw" && args.size() == 4) {
    run_relay_latency({self, "fbw", args[2], args[3]});
    return 0;
  }
  const auto subscribers
    = args.size() > 3 ? parse_number(args[3], "SUBSCRIBERS") : 1;
  if (args[1] == "head")
    run_relay({"head", "-c", args[2], "/dev/zero"}, subscribers);
  else if (args[1] == "lines")
    run_relay({self, "lines", args[2]}, subscribers);
  else
    return usage();
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
