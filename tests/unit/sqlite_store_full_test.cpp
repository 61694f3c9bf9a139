#include "support/store_fixture.hpp"

#include <sys/mount.h>

#include <cerrno>
#include <cstring>

namespace {

using namespace ocw;
using test::make_record;
using test::make_request;
using test::store_fixture;

/// A file system of a few hundred kilobytes. Needs the right to mount.
class small_disk {
public:
  small_disk()
    : mounted_(::mount("tmpfs", where().c_str(), "tmpfs", 0, "size=512k") == 0),
      why_(mounted_ ? "" : std::strerror(errno)) {}
  ~small_disk() {
    if (mounted_)
      ::umount2(where().c_str(), MNT_DETACH);
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;

  bool usable() const {
    if (!mounted_)
      WARN("not tested, no file system can be mounted here: " << why_);
    return mounted_;
  }

  std::string where() const { return dir_.path(); }

  void fill() const {
    auto file = std::ofstream{where() + "/ballast", std::ios::binary};
    const auto block = std::string(4096, 'x');
    while (file.write(block.data(), 4096).flush()) {
      // until there is no room
    }
  }

  void free_up() const { std::filesystem::remove(where() + "/ballast"); }

private:
  test::temp_dir dir_;
  bool mounted_;
  std::string why_;
};

// Accepts jobs until there is no more room in the file, then tells why.
caf::error insert_until_refused(store_fixture& fixture) {
  for (auto i = 0; i < 1000; ++i) {
    auto request = *make_request("filler-" + std::to_string(i));
    request.env["X"] = std::string(4000, 'x');
    const auto outcome
      = fixture.insert(std::make_shared<const job_request>(request));
    if (outcome.error)
      return outcome.error;
  }
  return {};
}

} // namespace

TEST_CASE("a full disk refuses jobs, keeps states, and is survived",
          "[store]") {
  const auto disk = small_disk{};
  if (!disk.usable())
    return;
  auto fixture = store_fixture{disk.where() + "/store"};
  REQUIRE_FALSE(fixture.insert("first").error);
  CHECK_FALSE(fixture.store().health());
  disk.fill();

  // refused, with the cause
  const auto refused = insert_until_refused(fixture);
  CHECK(code_of(refused) == ec::unavailable);
  CHECK(sentence_of(refused).find("the job store cannot write: ") == 0);
  CHECK(sentence_of(refused).find("full") != std::string::npos);
  CHECK(sentence_of(fixture.store().health()) == sentence_of(refused));

  // kept in memory, and what readers see
  auto written = std::make_shared<std::promise<caf::error>>();
  auto answer = written->get_future();
  fixture.store().update(make_record("first", job_status::running), {});
  fixture.store().update(make_record("first", job_status::finished),
                         [=](auto failed) { written->set_value(failed); });
  CHECK(fixture.find("first")->status == job_status::finished);
  CHECK(code_of(fixture.insert("refused").error) == ec::unavailable);
  CHECK(fixture.find("first")->status == job_status::finished);
  CHECK_FALSE(fixture.find("refused"));
  auto query = job_query{};
  query.limit = 1000;
  CHECK(fixture.list(query)->jobs.back().status == job_status::finished);

  // and written as soon as there is room, without being asked
  disk.free_up();
  REQUIRE(answer.wait_for(std::chrono::seconds{20})
          == std::future_status::ready);
  CHECK_FALSE(answer.get());
  CHECK(store_fixture::soon([&] { return !fixture.store().health(); }));
  CHECK_FALSE(fixture.insert("refused").error);
  fixture.close();
  CHECK(fixture.find("first")->status == job_status::finished);
}

TEST_CASE("an idle store notices that a full disk has room again", "[store]") {
  const auto disk = small_disk{};
  if (!disk.usable())
    return;
  auto fixture = store_fixture{disk.where() + "/store"};
  REQUIRE_FALSE(fixture.insert("first").error);
  disk.fill();
  REQUIRE(insert_until_refused(fixture));
  CHECK(fixture.store().health());
  // Not even what needs no room hides it.
  CHECK(code_of(fixture.insert("first").error) == ec::unavailable);
  CHECK(fixture.store().health());
  disk.free_up();
  CHECK(store_fixture::soon([&] { return !fixture.store().health(); }));
}
