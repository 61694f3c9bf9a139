#pragma once

#include <string>

namespace ocw::net {

/// The OpenAPI 3.1 document of all operations, as JSON text. Made once.
const std::string& openapi_text();

} // namespace ocw::net
