#include "launcher/launcher.hpp"

// Started by the node with the control socket as its standard input.
int main() {
  return ocw::launcher::run_launcher(0);
}
