#include "process/start_stage.hpp"

namespace ocw {

std::string_view stage_name(wire::start_stage stage) {
  switch (stage) {
  case wire::start_stage::decode:
    return "reading its description";
  case wire::start_stage::spool:
    return "opening its output files";
  case wire::start_stage::pipes:
    return "making its pipes";
  case wire::start_stage::clone:
    return "making its process";
  case wire::start_stage::directory:
    return "entering its directory";
  case wire::start_stage::limits:
    return "setting its limits";
  case wire::start_stage::exec:
    return "running it";
  case wire::start_stage::network:
    return "entering its network";
  case wire::start_stage::mounts:
    return "making its root";
  case wire::start_stage::cgroup:
    return "entering its control groups";
  case wire::start_stage::identity:
    return "taking its identity";
  case wire::start_stage::filters:
    return "setting its filters";
  case wire::start_stage::disk:
    return "attaching its disk";
  }
  return "unknown stage";
}

} // namespace ocw
