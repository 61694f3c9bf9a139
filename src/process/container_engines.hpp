#pragma once

#include <string>
#include <vector>

namespace ocw {

/// A container engine, as its own program describes it.
struct container_engine {
  std::string name;
  std::string path;    ///< empty: it is not on PATH
  std::string version; ///< such as "24.0.7"; empty: it did not say
  std::string problem; ///< why not
};

/// Looks for docker and podman, and runs those there are for their version.
/// One that does not answer within some seconds is ended.
std::vector<container_engine> find_container_engines();

/// The first word that begins with a digit, without a comma at its end.
std::string version_in(const std::string& text);

template <class Inspector>
bool inspect(Inspector& f, container_engine& x) {
  return f.object(x).fields(f.field("name", x.name), f.field("path", x.path),
                            f.field("version", x.version),
                            f.field("problem", x.problem));
}

} // namespace ocw
