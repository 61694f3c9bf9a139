#pragma once

namespace ocw {

/// The whole program: reads the command line, does what it says, and returns
/// the exit code. Call it once, on the main thread, before there are others.
int run_cli(int argc, char** argv);

} // namespace ocw
