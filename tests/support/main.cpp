#define CATCH_CONFIG_RUNNER
#include "ocw/type_ids.hpp"

#include <caf/init_global_meta_objects.hpp>

#include "support/catch.hpp"

int main(int argc, char** argv) {
  caf::init_global_meta_objects<caf::id_block::ocw>();
  caf::init_global_meta_objects<caf::id_block::ocw_local>();
  caf::core::init_global_meta_objects();
  return Catch::Session().run(argc, argv);
}
