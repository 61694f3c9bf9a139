#include "hostile/job/hostile_job.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

// What a job can leave in its output directory for whoever collects it. Those
// that it may not make, it goes without.

namespace hostile {
namespace {

void write_file(const std::string& path, const std::string& text) {
  const auto fd = ::open(path.c_str(), O_WRONLY | O_CREAT, 0644);
  (void)!::write(fd, text.data(), text.size());
  ::close(fd);
}

void links(const words& outside) {
  ::mkfifo("fifo", 0666);
  (void)!::mknod("null", S_IFCHR | 0666, makedev(1, 3));
  (void)!::mknod("disk", S_IFBLK | 0666, makedev(254, 0));
  int n = 0;
  for (const auto& path : outside) {
    const auto name = std::to_string(n++);
    (void)!::link(path.c_str(), ("hard" + name).c_str());
    (void)!::symlink(path.c_str(), ("symbolic" + name).c_str());
  }
  (void)!::symlink("/", "root");
  (void)!::symlink("../../..", "up");
  (void)!::symlink("/proc/self/root", "magic_root");
  (void)!::symlink("/proc/self/environ", "magic_environ");
  (void)!::symlink("/proc/self/fd/0", "magic_fd");
  (void)!::symlink("loop", "loop");
  write_file("..name", "mine");
  write_file("new\nline", "mine");
  write_file("byte\xff", "mine");
}

void sparse(const words&) {
  const auto fd = ::open("sparse", O_WRONLY | O_CREAT, 0644);
  (void)!::ftruncate(fd, off_t{1} << 40);
  ::close(fd);
}

void many(const words&) {
  ::mkdir("many", 0755);
  (void)!::chdir("many");
  for (int i = 0; i < 100'000; ++i)
    ::close(::open(std::to_string(i).c_str(), O_WRONLY | O_CREAT, 0644));
}

void deep(const words&) {
  for (int i = 0; i < 10'000; ++i)
    if (::mkdir("d", 0755) != 0 || ::chdir("d") != 0)
      return std::perror("deep");
  write_file("bottom", "mine");
}

void closed(const words&) {
  ::mkdir("closed", 0755);
  ::mkdir("closed/inner", 0755);
  write_file("closed/inner/file", "mine");
  ::chmod("closed/inner/file", 0);
  ::chmod("closed/inner", 0);
  ::chmod("closed", 0);
}

struct kind {
  const char* name;
  void (*lay)(const words&);
};

constexpr kind kinds[] = {
  {"links", links}, {"sparse", sparse}, {"many", many},
  {"deep", deep},   {"closed", closed},
};

} // namespace

int lay_traps(const words& arguments) {
  const auto* output = std::getenv("OUTPUT_DIR");
  if (arguments.empty() || output == nullptr || ::chdir(output) != 0)
    return 2;
  write_file("honest", "mine");
  for (const auto& each : kinds)
    if (arguments[0] == each.name) {
      each.lay({arguments.begin() + 1, arguments.end()});
      return 0;
    }
  return 2;
}

} // namespace hostile
