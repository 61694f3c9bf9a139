#include "app/cli.hpp"
#include "ocw/type_ids.hpp"

#include <caf/init_global_meta_objects.hpp>

int main(int argc, char** argv) {
  // Before anything else: an error cannot be made without its type's id.
  caf::init_global_meta_objects<caf::id_block::ocw>();
  caf::init_global_meta_objects<caf::id_block::ocw_local>();
  caf::core::init_global_meta_objects();
  return ocw::run_cli(argc, argv);
}
