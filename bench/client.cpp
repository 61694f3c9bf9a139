// bench_client: uses a running node over HTTP, WebSocket and SSE, and measures.
//
//   bench_client jobs URL TOKEN_FILE N K [argv|command] [WARM_UP]
//   bench_client submits URL TOKEN_FILE N K
//   bench_client stream URL TOKEN_FILE head|lines SIZE [ws|sse] [SUBSCRIBERS]
//   bench_client fbw URL TOKEN_FILE COUNT INTERVAL_US
//   bench_client sleepers URL TOKEN_FILE N SECONDS
//   bench_client idle-ws|idle-sse URL TOKEN_FILE N    until stdin ends
//   bench_client stall URL TOKEN_FILE head|lines SIZE
//
// Prints one JSON object.

#include "client.hpp"

#include <cstdio>

namespace {

using namespace ocw::bench;

/// The arguments after the token file.
class arguments {
public:
  arguments(int argc, char** argv) : words_(argv + 4, argv + argc) {}

  std::string word(size_t index, const char* fallback = nullptr) const {
    if (index < words_.size())
      return words_[index];
    if (fallback == nullptr)
      fail("too few arguments; see the head of client.cpp");
    return fallback;
  }

  uint64_t number(size_t index, const char* name,
                  const char* fallback = nullptr) const {
    return parse_number(word(index, fallback), name);
  }

private:
  std::vector<std::string> words_;
};

void jobs_mode(const endpoint& node, const arguments& args) {
  auto plan = load_plan{};
  plan.total = args.number(0, "N");
  plan.in_flight = args.number(1, "K");
  plan.warm_up = args.number(3, "WARM_UP", "0");
  plan.method_target = "POST /v1/jobs?wait=30";
  plan.body = args.word(2, "argv") == "command"
                ? R"({"command":"true"})"
                : job_request({"/bin/sh", "-c", "true"}, {}, 0);
  plan.expected = "\"exit_code\":0";
  run_load(node, plan);
}

// Submits and does not wait for the jobs.
void submit_many(const endpoint& node, load_plan plan,
                 const std::vector<std::string>& argv) {
  plan.body = job_request(argv, {}, 0);
  plan.expected = "\"job_id\"";
  run_load(node, plan);
}

void submits_mode(const endpoint& node, const arguments& args) {
  auto plan = load_plan{};
  plan.total = args.number(0, "N");
  plan.in_flight = args.number(1, "K");
  submit_many(node, plan, {"/bin/sh", "-c", "true"});
}

void sleepers_mode(const endpoint& node, const arguments& args) {
  auto plan = load_plan{};
  plan.total = args.number(0, "N");
  plan.in_flight = 16;
  submit_many(node, plan, {"sleep", args.word(1)});
}

void stream_mode(const endpoint& node, const arguments& args) {
  auto plan = stream_plan{};
  plan.kind = args.word(0);
  plan.size = args.number(1, "SIZE");
  plan.use_sse = args.word(2, "ws") == "sse";
  plan.subscribers = args.number(3, "SUBSCRIBERS", "1");
  run_stream(node, plan);
}

bool run(const std::string& mode, const endpoint& node, const arguments& args) {
  if (mode == "jobs")
    jobs_mode(node, args);
  else if (mode == "submits")
    submits_mode(node, args);
  else if (mode == "sleepers")
    sleepers_mode(node, args);
  else if (mode == "stream")
    stream_mode(node, args);
  else if (mode == "fbw")
    run_latency(node, args.number(0, "COUNT"), args.number(1, "INTERVAL_US"));
  else if (mode == "stall")
    run_stall(node, args.word(0), args.number(1, "SIZE"));
  else if (mode == "idle-ws" || mode == "idle-sse")
    hold_subscribers(node, args.number(0, "N"), mode == "idle-sse");
  else
    return false;
  return true;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    fputs("usage: bench_client MODE URL TOKEN_FILE ARGS...\n", stderr);
    return 2;
  }
  raise_file_limit();
  const auto mode = std::string{argv[1]};
  const auto node = parse_endpoint(argv[2], argv[3]);
  if (!run(mode, node, arguments{argc, argv}))
    fail("unknown mode " + mode);
  return 0;
}
