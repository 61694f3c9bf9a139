#include "hostile/job/attacks.hpp"

#include "hostile/job/hostile_job.hpp"

#include <cstdio>
#include <cstring>

namespace hostile {

int try_attacks(const words& arguments) {
  for (const auto& argument : arguments) {
    const auto sign = argument.find('=');
    const auto name = argument.substr(0, sign);
    const auto what
      = sign == std::string::npos ? std::string{} : argument.substr(sign + 1);
    const named_attack* found = nullptr;
    for (const auto* list : {file_attacks, kernel_attacks, network_attacks})
      for (const auto* at = list; at->name != nullptr; ++at)
        if (name == at->name)
          found = at;
    if (found == nullptr) {
      std::fprintf(stderr, "hostile_job: no attack '%s'\n", name.c_str());
      return 2;
    }
    errno = 0;
    const auto error = found->run(what);
    std::printf("%s %s\n", argument.c_str(),
                error == 0 ? "DONE" : ::strerrorname_np(error));
    std::fflush(stdout);
  }
  return 0;
}

} // namespace hostile
