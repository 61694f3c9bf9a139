#pragma once

#include "launcher/wire.hpp"
#include "ocw/messages/local.hpp"
#include "store/spool_reader.hpp"

#include <string>

namespace ocw {

/// The node's reading of what a shim left.
process_end process_end_of(const wire::end_record& record);

/// The same for a process whose shim left no record: what its spool holds, and
/// why nothing more is known.
process_end process_end_of(const spool_reader::summary& spool,
                           reason_code lost);

/// Adds where the store is to an end that came of its lack of room.
void say_where(process_end& end, const std::string& store_dir);

} // namespace ocw
