#include "app/cli.hpp"

int main(int argc, char** argv) {
  return ocw::run_cli(argc, argv);
}
