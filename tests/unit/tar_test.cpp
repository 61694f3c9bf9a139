#include "net/tar.hpp"

#include "support/catch.hpp"
#include "support/test_job.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace ocw::net;

namespace {

std::string file_text(const std::filesystem::path& path) {
  auto in = std::ifstream{path, std::ios::binary};
  auto out = std::ostringstream{};
  out << in.rdbuf();
  return out.str();
}

} // namespace

TEST_CASE("tar unpacks what was packed, long names too") {
  const auto dir = ocw::test::temp_dir{};
  const auto long_name = std::string(80, 'd') + '/' + std::string(120, 'f');
  const auto big = std::string(1000, 'x');
  auto archive = std::ofstream{dir / "a.tar", std::ios::binary};
  archive << tar_header({"plain.txt", 5, 1700000000}) << "hello"
          << tar_padding(5);
  archive << tar_header({long_name, big.size(), 1700000000}) << big
          << tar_padding(big.size());
  archive << tar_header({"empty", 0, 0}) << tar_padding(0) << tar_end();
  archive.close();
  const auto command = "cd " + dir.path() + " && tar xf a.tar 2>errors";
  REQUIRE(std::system(command.c_str()) == 0);
  CHECK(file_text(dir / "errors").empty());
  CHECK(file_text(dir / "plain.txt") == "hello");
  CHECK(file_text(dir / long_name) == big);
  CHECK(std::filesystem::file_size(dir / "empty") == 0);
}

TEST_CASE("everything in an archive is whole blocks") {
  for (const auto size : {0u, 1u, 511u, 512u, 513u})
    CHECK((size + tar_padding(size).size()) % 512 == 0);
  CHECK(tar_header({"a", 1, 0}).size() == 512);
  CHECK(tar_header({std::string(101, 'a'), 1, 0}).size() == 1536);
  CHECK(tar_header({"a", uint64_t{1} << 40, 0}).size() == 1536);
}
