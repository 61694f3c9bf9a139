#include "actors/governor.hpp"
#include "support/catch.hpp"
#include "support/still_world.hpp"

using namespace ocw;

namespace {

/// Asks for slots and writes down what it is told.
class holder_state {
public:
  slot_holder_actor::behavior_type make_behavior() {
    return {
      [this](const slot_granted& slot) { granted->push_back(slot.job_id); },
      [this](const slot_refused& slot) { refused->push_back(slot.why); }};
  }
  holder_state(slot_holder_actor::pointer, std::vector<std::string>* granted_to,
               std::vector<std::string>* refused_to)
    : granted(granted_to), refused(refused_to) {}
  std::vector<std::string>* granted;
  std::vector<std::string>* refused;
};

struct governed : test::still_world {
  std::vector<std::string> granted;
  std::vector<std::string> refused;
  slot_holder_actor holder
    = sys.spawn<slot_holder_actor::stateful_impl<holder_state>>(&granted,
                                                                &refused);

  void ask_for(const governor_actor& gov, const std::string& id,
               uint32_t priority = 50, const std::string& owner = "") {
    caf::send_as(holder, gov, acquire_slot{id, 1, 100, priority, owner});
    settle();
  }
  void give_back(const governor_actor& gov, const std::string& id,
                 bool keeps_session = false) {
    caf::anon_send(gov, release_slot{id, keeps_session});
    settle();
  }
  node_load load(const governor_actor& gov) {
    return *request<node_load>(gov, get_load{});
  }
};

using names = std::vector<std::string>;

} // namespace

TEST_CASE_METHOD(governed, "a job waits until there is a slot", "[governor]") {
  auto gov = sys.spawn<governor>(node_capacity{1, 1, 0, 0});
  ask_for(gov, "a");
  ask_for(gov, "b");
  CHECK(granted == names{"a"});
  CHECK(load(gov).waiting == 1);
  give_back(gov, "a");
  CHECK(granted == names{"a", "b"});
  CHECK(load(gov).waiting == 0);
}

TEST_CASE_METHOD(governed, "the next job may run while the last is collected",
                 "[governor]") {
  auto gov = sys.spawn<governor>(node_capacity{1, 2, 0, 0});
  ask_for(gov, "a");
  ask_for(gov, "b");
  ask_for(gov, "c");
  give_back(gov, "a", true);
  CHECK(granted == names{"a", "b"});
  give_back(gov, "b", true);
  // Two sessions are still open, so the third has to wait for one to go.
  CHECK(granted == names{"a", "b"});
  give_back(gov, "a");
  CHECK(granted == names{"a", "b", "c"});
}

TEST_CASE_METHOD(governed, "a higher priority goes first, owners take turns",
                 "[governor]") {
  auto gov = sys.spawn<governor>(node_capacity{1, 1, 0, 0});
  ask_for(gov, "running");
  ask_for(gov, "big-1", 50, "big");
  ask_for(gov, "big-2", 50, "big");
  ask_for(gov, "big-3", 50, "big");
  ask_for(gov, "small-1", 50, "small");
  ask_for(gov, "urgent", 90, "big");
  for (const auto* id : {"running", "urgent", "big-1", "small-1", "big-2"})
    give_back(gov, id);
  CHECK(granted
        == names{"running", "urgent", "big-1", "small-1", "big-2", "big-3"});
}

TEST_CASE_METHOD(governed, "cores and memory are counted, and given back once",
                 "[governor]") {
  auto gov = sys.spawn<governor>(node_capacity{10, 10, 2, 250});
  ask_for(gov, "a");
  ask_for(gov, "b");
  ask_for(gov, "c");
  CHECK(granted == names{"a", "b"});
  give_back(gov, "a");
  give_back(gov, "a");
  CHECK(granted == names{"a", "b", "c"});
  CHECK(load(gov).memory_mib_in_use == 200);
  CHECK(load(gov).cpu_cores_in_use == 2);
}

TEST_CASE_METHOD(governed, "a job that could never fit is refused at once",
                 "[governor]") {
  auto gov = sys.spawn<governor>(node_capacity{1, 1, 0, 99});
  ask_for(gov, "a");
  CHECK(granted.empty());
  REQUIRE(refused.size() == 1);
  CHECK(refused.front().find("100 MB") != std::string::npos);
}

TEST_CASE_METHOD(governed, "leaving the queue lets nobody through twice",
                 "[governor]") {
  auto gov = sys.spawn<governor>(node_capacity{1, 1, 0, 0});
  ask_for(gov, "a");
  ask_for(gov, "b");
  ask_for(gov, "c");
  give_back(gov, "b");
  give_back(gov, "a");
  CHECK(granted == names{"a", "c"});
}

TEST_CASE_METHOD(governed, "slots outlive their holder by nothing",
                 "[governor]") {
  auto gov = sys.spawn<governor>(node_capacity{1, 1, 0, 0});
  ask_for(gov, "a");
  ask_for(gov, "b");
  caf::anon_send_exit(holder, caf::exit_reason::kill);
  settle();
  CHECK(load(gov).running == 0);
  CHECK(load(gov).waiting == 0);
}
