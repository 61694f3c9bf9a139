#pragma once

#include "app/http_client.hpp"
#include "ocw/messages/job.hpp"

#include <caf/error.hpp>
#include <caf/expected.hpp>

#include <string>
#include <vector>

namespace ocw {

/// What a job left, as its node lists it.
caf::expected<std::vector<artifact_info>>
list_artifacts(http_client& node, const std::string& job_id);

/// Writes a job's artifacts below `directory`, which is made if it is not
/// there. A path that would lead out of it is refused, a link in the way is
/// never followed, and each file appears whole or not at all: its size and
/// digest are compared with the node's.
caf::error save_artifacts(http_client& node, const std::string& job_id,
                          const std::vector<artifact_info>& which,
                          const std::string& directory);

} // namespace ocw
