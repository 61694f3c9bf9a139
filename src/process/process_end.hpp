#pragma once

#include "launcher/wire.hpp"
#include "ocw/messages/local.hpp"

namespace ocw {

/// The node's reading of what a shim left.
process_end process_end_of(const wire::end_record& record);

} // namespace ocw
