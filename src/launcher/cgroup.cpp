#include "launcher/cgroup.hpp"
namespace ocw::launcher {
std::unique_ptr<cgroup_tree> open_cgroup_tree(const std::string&, uint64_t,
                                              std::vector<std::string>&) {
  return {};
}
} // namespace ocw::launcher
