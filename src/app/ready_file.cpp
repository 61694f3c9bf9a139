#include "app/ready_file.hpp"

#include "messages/log.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace ocw {

void write_ready_file(const std::string& state_dir, const std::string& api_url,
                      const std::string& websocket_url) {
  const auto path = state_dir + "/node.json";
  const auto fresh = path + ".new";
  const auto about = nlohmann::ordered_json{{"pid", ::getpid()},
                                            {"api_url", api_url},
                                            {"websocket_url", websocket_url}};
  auto file = std::ofstream{fresh};
  file << about.dump() << '\n';
  file.close();
  if (!file || std::rename(fresh.c_str(), path.c_str()) != 0)
    log::warn("node.ready_file", {}, "cannot write '{}'", path);
}

void remove_ready_file(const std::string& state_dir) {
  ::unlink((state_dir + "/node.json").c_str());
}

} // namespace ocw
