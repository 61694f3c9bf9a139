#include "support/catch.hpp"
#include "support/policy_verdicts.hpp"

#include <string>

using namespace ocw;
using test::rule_of;
using test::verdict;

// 36 ways past a filter that looks at the first word. Each tries to run `id`,
// which is taken off the list here.

namespace {

struct attempt {
  std::string command;
  std::string rule; ///< empty: nothing that reads commands can see it
};

const security_config& without_id() {
  static const auto settings = test::checked({"xargs"}, {"id"});
  return settings;
}

void check(const attempt& one) {
  CAPTURE(one.command);
  const auto sentence = verdict(one.command, without_id());
  CAPTURE(sentence);
  CHECK(rule_of(sentence) == one.rule);
}

const auto list = std::string{"security.command_allowlist"};

} // namespace

TEST_CASE("a program off the list is found wherever it is written") {
  check({"id", list});
  check({"ls; id", list});
  check({"ls && id", list});
  check({"ls /x || id", list});
  check({"echo x & id", list});
  check({"ls\nid", list});
  check({"echo root|xargs id", list});
  check({"find . -maxdepth 0 -exec id \\;", list});
  check({"env id", list});
  check({"awk 'BEGIN{system(\"id\")}'", "runs commands"});
  check({"sed '1e id' f", "runs commands"});
  check({"tar --checkpoint=1 --checkpoint-action=exec=id -cf x .", list});
  check({"git -c alias.x='!id' x", list});
  check({"env GIT_SSH_COMMAND=id git ls-remote ssh://x/y", list});
  check({"cat <(id)", list});
  check({"echo; /usr/bin/i[d]", "static"});
  check({"echo; x=id; $x", "static"});
  check({"echo; eval i''d", list});
  check({"echo; i''d", list});
  check({"echo; $'\\x69d'", list});
  check({"echo aWQ=|base64 -d|bash", "| sh"});
  check({"cat <<E |bash\nid\nE", "| sh"});
  check({"ls(){ id; }; ls", list});
  check({"/lib64/ld-linux-x86-64.so.2 /usr/bin/id", "path"});
  check({"cp /lib64/ld-linux-x86-64.so.2 l; ./l /usr/bin/id", "path"});
  check(
    {"cp /lib64/ld-linux-x86-64.so.2 l; cp /usr/bin/id i; ./l ./i", "path"});
  check({"cp /usr/bin/id ./ls; ./ls", "path"});
  check({"ln -s /usr/bin/id ls; ./ls", "path"});
  check({"ln /usr/bin/id ls; ./ls", "path"});
  check({"./uploaded", "path"});
  check({"/lib64/ld-linux-x86-64.so.2 ./uploaded", "path"});
  check({"LD_PRELOAD=./x.so ls", "variable"});
  check({"printf '#!/usr/bin/id\\n' > s; chmod +x s; ./s", "path"});
}

TEST_CASE("what an allowed language does is out of sight, and is not denied") {
  // The list of words has no say in these; a sandbox does.
  check({"python3 -c 'import os; os.system(\"id\")'", ""});
  check({"python3 uploaded.py", ""});
  check({"bash uploaded.sh", ""});
  check({"python3 -c 'import ctypes; ctypes.CDLL(\"./x.so\")'", ""});
  check({"python3 -c 'import os; fd = os.memfd_create(\"x\")'", ""});
  check({"python3 -c 'import os; os.execve(3, [\"id\"], {})'", ""});
  check({"make -f uploaded.mk", ""});
  check({"npx uploaded", ""});
}

TEST_CASE("a program off the list is found in every place a shell has") {
  const auto command = GENERATE(
    as<std::string>{}, "ls $(id)", "ls `id`", "ls \"$(id)\"", "ls \"`id`\"",
    "x=$(id)", "x=(a $(id))", "ls ${x:-$(id)}", "ls \"${x:-`id`}\"",
    "ls $((1 + $(id)))", "((x = $(id)))", "[[ -n $(id) ]]", "ls > $(id)",
    "ls <<< $(id)", "cat <<E\n$(id)\nE", "cat <<E\n`id`\nE",
    "cat <<E\n${x:-$(id)}\nE", "if id; then ls; fi", "if ls; then id; fi",
    "if ls; then ls; elif id; then ls; fi", "if ls; then ls; else id; fi",
    "while id; do ls; done", "while ls; do id; done",
    "for x in $(id); do ls; done", "for x in a; do id; done",
    "for ((x = $(id);;)); do ls; done", "select x in a; do id; done",
    "case $(id) in a) ls ;; esac", "case a in $(id)) ls ;; esac",
    "case a in a) id ;; esac", "case a in a) ls ;& b) id; esac", "( id )",
    "{ id; }", "! id", "time id", "time -p id", "ls | id", "ls |& id",
    "id | ls", "a=1 id", "> f id", "2>&1 id", "ls >&2 & id", "f() { id; }",
    "function f { id; }", "f() ( id )", "ls; (ls; (ls; id))",
    "ls $(ls $(ls $(id)))", "ls \\\n; id", "i\\\nd", "\\id", "'id'", "\"id\"",
    "$'id'", "i$'d'", "$'\\151\\x64'", "command id", "command -p id",
    "builtin id", "exec id", "exec -a ls id", "nice id", "nice -n 5 id",
    "nohup id", "timeout 5 id", "timeout -k 1 5s id", "stdbuf -oL id",
    "env A=1 id", "env -i -u X id", "env nice timeout 1 id",
    "xargs -n 1 id < f", "xargs -I X id X < f", "find . -execdir id {} +",
    "find . -ok id \\;", "eval id", "eval 'ls; id'", "eval eval id",
    "trap id EXIT", "bash -c id", "bash -ec 'ls; id'", "sh -o errexit -c id",
    "bash -c \"eval 'id'\"", "bash <<'E'\nid\nE", "bash <<< id",
    "git rebase -x id", "git bisect run id", "git submodule foreach id",
    "git -c core.pager=id log", "git config alias.x '!id'",
    "git clone -c core.sshCommand=id x", "git ls-remote --upload-pack=id x",
    "git clone -u id x", "GIT_EDITOR=id git commit", "PAGER='ls; id' git log",
    "tar --to-command=id -xf x", "tar -I id -xf x", "tar -xIid -f x",
    "tar --use-compress=id -xf x", "sort --compress-program=id f",
    "sort --compress-prog id f", "split --filter=id f", "wget --use-askpass=id",
    "install --strip-program=id -s a b", "/usr/bin/id", "ls;id", "ls&&id",
    "ls||id", "ls|id", "ls&id", "ls \"$(ls \"$(id)\")\"", "ls >(id)",
    "[[ a =~ $(id) ]]", "x[$(id)]=1", "declare x=$(id)", "ls ${x/$(id)/}",
    "export -n id=1; id", "if true; then id() { ls; }; fi; id",
    "id; id() { ls; }", "(id() { ls; }); id", "id() { ls; } | ls; id",
    "false && id() { ls; }; id", "f() { id; }; f; id() { ls; }",
    "id() { ls; } & id", "f() { id() { ls; }; }; id", "id() { ls; }; env id",
    "id() { ls; }; command id");
  CAPTURE(command);
  const auto sentence = verdict(command, without_id());
  CAPTURE(sentence);
  CHECK(rule_of(sentence) == list);
  CHECK(sentence.find("id' (rule") != std::string::npos);
}

TEST_CASE("what is only known when it runs is refused where it would run") {
  const auto command = GENERATE(
    as<std::string>{}, "$x", "${x}", "\"$x\"", "$x ls", "l$x", "$(echo ls)",
    "`echo ls`", "l?", "l*", "{ls,-l}", "l{s,}", "env $x", "env $x ls",
    "env A=$x ls", "env -u $x ls", "nice $x", "timeout $t ls", "timeout 5 $x",
    "find . -exec $x \\;", "find . -exec {} \\;", "eval $x", "eval \"ls $x\"",
    "eval \"$(cat f)\"", "bash -c \"$x\"", "bash -c \"ls $x\"", "bash $x",
    "bash -$x ls", "bash <<E\n$x\nE", "bash <<< \"$x\"", "trap \"$x\" EXIT",
    "command $x", "exec $x", "ls | xargs bash -c", "ls | xargs env",
    "ls | xargs -I{} bash -c {}", "ls | xargs -I{} {}", "GIT_EDITOR=$x git log",
    "git $x", "git -c $x log", "git -c \"core.pager=$x\" log",
    "tar --to-command=\"$x\" -xf f", "\"${a[@]}\"", "$\"ls\"", "~+/$x");
  CAPTURE(command);
  const auto sentence = verdict(command, without_id());
  CAPTURE(sentence);
  CHECK(rule_of(sentence) == "static");
}

TEST_CASE("roundabout ways to run a command are refused") {
  const auto command = GENERATE(
    as<std::string>{}, ". ./f", "source f", ". <(ls)", "alias ls=id; ls",
    "enable -f ./x.so x", "hash -p /tmp/x ls", "PATH=.:$PATH ls",
    "export PATH=/tmp", "read PATH < f", "printf -v PATH /tmp",
    "for PATH in .; do ls; done", "env PATH=. ls", "BASH_ENV=f bash g",
    "BASH_ALIASES[ls]=id; ls", "BASH_CMDS[ls]=/tmp/x; ls",
    "env 'BASH_FUNC_ls%%=() { id; }' bash -c ls", "PS4='$(id)'; set -x; ls",
    "TAR_OPTIONS=--to-command=id tar xf x", "GIT_CONFIG_COUNT=1 git x",
    "env -S 'ls id'", "mapfile -C id -c 1 x < f", "x='a[$(id)]'; ((x))",
    "declare -i 'x=a[$(id)]'", "let 'a[$(id)]=1'", "[ -v 'a[$(id)]' ]",
    "[[ 'a[$(id)]' -eq 1 ]]", "echo ${x@P}", "echo ${ id; }", "echo ${| id; }",
    "bash", "bash -i", "bash -s", "bash -", "bash /dev/stdin", "bash <(ls)",
    "ls | bash", "ls | sh -", "ls | bash -s x", "ls | { bash; }", "ls | (bash)",
    "ls | env bash", "ls | nice timeout 5 sh",
    "ls | while read -r x; do bash; done", "ls | tee >(sh)", "echo $(ls | sh)",
    "bash < <(ls)", "ls | exec bash", "curl -s x | python3",
    "curl -s x | python3 -", "wget -qO- x | node",
    "curl x | tee f | python3 -u", "curl x | sh", "curl x | cat | bash",
    "git --exec-path=. x", "git -c core.hooksPath=. commit",
    "git clone 'ext::sh -c id'", "git filter-branch --tree-filter id",
    "git --config-env=alias.x=Y x", "git -c include.path=f x",
    "sed -n 's/x/id/e' f", "sed -i -e 'e id' f", "sed --expression=e f",
    "sed '/a/{s/b/c/;e id\n}' f", "sed 's/a/b/ge;p' f", "sed -ne '1!e id' f",
    "awk '{ \"id\" | getline }'", "awk '{ print | \"id\" }'",
    "awk 'BEGIN { f = \"system\"; @f(\"id\") }'", "gawk -l x 'BEGIN { }'",
    "tar cIf id x .", "zip x y -T -TT id", "wget -e use_askpass=id x",
    "ls() { ls; }; unset -f ls; ls", "f() { ls; }; unset $x; f");
  CAPTURE(command);
  const auto sentence = verdict(command, test::checked({"xargs", "gawk"}));
  CAPTURE(sentence);
  CHECK(sentence.starts_with("the command policy refuses '"));
}

TEST_CASE("the environment of a request is judged like one in the command") {
  auto request = test::shell_job("ls");
  request.env = {{"LD_PRELOAD", "/tmp/x.so"}};
  CHECK(rule_of(verdict(request)) == "variable");
  request.env = {{"PATH", "/tmp"}};
  CHECK(rule_of(verdict(request)) == "variable");
  request.env = {{"GIT_SSH_COMMAND", "nc x"}};
  CHECK(rule_of(verdict(request)) == list);
  request.env = {{"CFLAGS", "-O2"}, {"GIT_PAGER", "cat"}};
  CHECK(verdict(request) == "");
  request.env.clear();
  request.secrets = {{"BASH_ENV", "hush"}};
  CHECK(rule_of(verdict(request)) == "variable");
  CHECK(verdict(request).find("hush") == std::string::npos);
}
