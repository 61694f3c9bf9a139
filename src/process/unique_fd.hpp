#pragma once

#include "launcher/fd.hpp"

namespace ocw {

using launcher::unique_fd;

} // namespace ocw
