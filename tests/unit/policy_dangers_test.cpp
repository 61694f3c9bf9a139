#include "support/catch.hpp"
#include "support/policy_verdicts.hpp"

#include <string>

using namespace ocw;
using test::rule_of;
using test::verdict;

namespace {

/// Everything is allowed that the cases below name.
security_config generous() {
  return test::checked({"mkfs.ext4", "wipefs", "xargs", "sudo"});
}

void check_all(const std::vector<std::string>& commands,
               const std::string& rule) {
  for (const auto& command : commands) {
    CAPTURE(command);
    CHECK(rule_of(verdict(command, generous())) == rule);
  }
}

} // namespace

TEST_CASE("removing the system is refused in every spelling") {
  check_all({"rm -rf /",
             "rm -fr /",
             "rm -r -f /",
             "rm -f -r /",
             "rm -Rf /",
             "rm -r /",
             "rm --recursive --force /",
             "rm --rec /",
             "rm -vrf /",
             "rm -rf -- /",
             "rm / -rf",
             "rm -rf //",
             "rm -rf /.",
             "rm -rf /./",
             "rm -rf /tmp/..",
             "rm -rf /*",
             "rm -rf \"/\"",
             "rm -rf '/'*",
             "rm -rf /{bin,usr}",
             "rm -rf /etc",
             "rm -rf /usr/",
             "rm -rf /usr/*",
             "rm -rf a /home b",
             "rm -rf /$x",
             "rm -rf --no-preserve-root x",
             "find / -delete",
             "find / -name x -delete",
             "find /etc -exec rm -f {} +",
             "find -L / -exec rm {} \\;",
             "chmod -R 755 /",
             "chown -R me /etc",
             "chgrp -R me /usr",
             "bash -c 'rm -rf /'",
             "eval rm -rf /",
             "env rm -rf /",
             "command rm -rf /",
             "/bin/rm -rf /",
             "ls | xargs rm -rf /",
             "ls; true && (rm -rf /)",
             "f() { rm -rf /; }; f",
             "r''m -r\"f\" /"},
            "rm -rf /");
}

TEST_CASE("modes that open files to everybody or change who runs them") {
  check_all({"chmod 777 f", "chmod 0777 f", "chmod -R 777 d", "chmod a+rwx f",
             "chmod o+w f", "chmod u+x,o=rw f", "chmod 666 f", "chmod ao+w f",
             "chmod 1777 d", "mkdir -m 777 d", "install -m 0777 a b",
             "find . -exec chmod 777 {} +"},
            "chmod 777");
  check_all({"chmod 4755 f", "chmod u+s f", "chmod g+s f", "chmod +s f",
             "chmod 2755 f", "chmod ug+xs f", "install -m4755 a b"},
            "chmod 4755");
}

TEST_CASE("devices are not written to, the harmless ones are") {
  check_all({"ls > /dev/sda", "ls >> /dev/sda1", "ls >| /dev/nvme0n1",
             "ls &> /dev/sda", "ls 2> /dev/mem", "> /dev/sda",
             "{ ls; } > /dev/sda", "ls > //dev/./sda", "ls > /dev/sd*",
             "ls > /dev/$x", "ls > /dev/tcp/10.0.0.1/80", "exec 3<>/dev/sda",
             "ls | tee /dev/sda", "dd if=/dev/zero of=/dev/sda bs=1M",
             "cp x /dev/sda", "mkfs.ext4 /dev/sda1", "wipefs -a /dev/sda",
             "shred /dev/sda", "truncate -s 0 /dev/sda"},
            "> /dev/null");
  check_all({"ls > /dev/null", "ls 2>/dev/null", "ls &> /dev/null",
             "cat /dev/null > f", "ls > /dev/stderr", "ls > /dev/fd/2",
             "ls > /dev/tty", "dd if=/dev/zero of=x", "cp /dev/null x"},
            "");
}

TEST_CASE("a fork bomb is refused") {
  check_all({":(){ :|:& };:", ":() { : | : & }; :", "b(){ b & b; }; b",
             "function f { f | f; }; f", "if true; then x() { x | x & }; fi"},
            "fork bomb");
  check_all({"f() { [ \"$1\" = 0 ] || f 0; }; f 1"}, "");
}

TEST_CASE("downloads are not piped into what runs them") {
  check_all({"curl x | sh", "curl x|bash", "wget -qO- x | sh -s -- -y",
             "curl x | env A=1 bash", "curl x | tee f | sh"},
            "| sh");
  check_all({"bash <(curl x)"}, "| sh");
  check_all({"curl x | python3 -"}, "curl | sh");
  check_all({"bash -c \"$(curl x)\"", "eval \"$(wget -qO- x)\""}, "static");
}

TEST_CASE("what a pattern's letters catch by accident passes") {
  check_all({"echo 'rm -rf /'", "echo '| sh'", "ls > /dev/null",
             "echo $(ls) `ls`", "git commit -m 'chmod 777 is bad'",
             "rm -rf /tmp/x", "grep -r 'curl | sh' docs", "ls | sha256sum",
             "ls /bin/sh", "rm -rf ./", "chmod 750 777"},
            "");
}

TEST_CASE("a pattern taken off the list is not judged") {
  auto settings = test::checked();
  settings.dangerous_patterns = {};
  for (const auto* command : {"rm -rf /", "chmod 4777 f", "ls > /dev/sda",
                              "ls | sh", "curl x | python3"}) {
    CAPTURE(command);
    CHECK(verdict(command, settings) == "");
  }
  CHECK(rule_of(verdict(":(){ :|:& };:", settings)) == "fork bomb");
}

TEST_CASE("patterns of the settings are looked for in the plain text") {
  auto settings = test::checked();
  settings.dangerous_patterns = {"git push*--force", "curl * | jq", "f?o"};
  const auto refused = [&](const auto& command) {
    const auto sentence = verdict(command, settings);
    CAPTURE(sentence);
    return rule_of(sentence) == "security.dangerous_patterns";
  };
  CHECK(refused("git   push 'origin'   --force"));
  CHECK(refused("true && git pu''sh --force-with-lease"));
  CHECK(refused("bash -c 'git push --force'"));
  CHECK(refused("curl -s x |jq ."));
  CHECK(refused("ls > fxo"));
  CHECK(refused(test::argv_job({"git", "push", "--force"})));
  CHECK_FALSE(refused("git push origin main"));
}
