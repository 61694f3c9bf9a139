#include "support/catch.hpp"
#include "support/policy_verdicts.hpp"

#include <string>

using namespace ocw;
using test::verdict;

// What people and agents write every day must pass.

TEST_CASE("honest commands pass the policy") {
  const auto command = GENERATE(
    as<std::string>{}, "ls", "ls -la /tmp", "true", ":", "cd src && make -j8",
    "make test 2>&1 | tail -n 50", "make > build.log 2>&1 || cat build.log",
    "git status --short && git diff --stat", "git log --oneline -5 | cat",
    "git -C repo -c core.pager=cat -c user.name='A B' log",
    "GIT_PAGER=cat git log -3", "GIT_EDITOR=true git rebase --continue",
    "git commit -m \"Fix: don't lose $(date +%F) logs; see #12\"",
    "git clone --depth 1 https://example.org/x.git && cd x",
    "git rebase -x 'make test' main", "git bisect run make test",
    "git submodule update --init --recursive",
    "git config user.email ci@example.org",
    "git submodule foreach 'git pull origin main'",
    "cmake -S . -B build -DCMAKE_BUILD_TYPE=Release && cmake --build build",
    "python3 -c 'import sys; print(sys.version)'",
    "python3 - <<'EOF'\nimport os\nprint(os.getcwd())\nEOF",
    "python3 -m venv .venv && python3 -m pip --version",
    "npm ci --no-audit && npm run build -- --mode production",
    "npx tsc --noEmit; node dist/index.js", "uv run pytest -q",
    "cargo build --release 2> /dev/null", "go test ./...",
    "pip install -r requirements.txt > /dev/null 2>&1",
    "curl -fsSL https://example.org/a.json | jq -r '.items[] | .name'",
    "curl -s https://example.org/x | python3 -m json.tool",
    "curl -s https://example.org/x | python3 -c 'import json,sys; "
    "print(json.load(sys.stdin)[\"a\"])'",
    "wget -q https://example.org/a.tar.gz && tar xzf a.tar.gz",
    "tar -czf out.tar.gz --exclude=.git .", "tar xvf a.tar -C dir",
    "tar -C src -cf - . | tar -C dst -xf -", "unzip -o a.zip -d out",
    "find . -name '*.py' -not -path './.git/*' | head",
    "find . -type f -exec grep -l TODO {} +", "find build -name '*.o' -delete",
    "find . -name '*.tmp' -exec rm -f {} \\;",
    "grep -rn \"foo\\|bar\" src/ | wc -l", "grep -q x f && echo yes || echo no",
    "sed -i 's/foo/bar/g' file.txt", "sed -n '1,20p;$p' file | cat -A",
    "sed -e 's|/usr|/opt|' -e '/^#/d' conf", "sed -i.bak \"s/$old/$new/\" f",
    "awk -F: '{ print $1 }' /etc/passwd | sort -u",
    "awk '/a|b/ { n += $2 / 2 } END { print n }' f",
    "awk 'BEGIN { if (1 || 0) print \"a | b\" }'",
    "for i in 1 2 3; do echo \"run $i\"; sleep 0; done",
    "for ((i = 0; i < 10; i++)); do echo $i; done",
    "for f in *.c; do echo \"${f%.c}\"; done > list",
    "while IFS= read -r line; do echo \"> $line\"; done < input.txt",
    "i=0; until [ $i -ge 3 ]; do i=$((i + 1)); done; echo $i",
    "if [ -f Makefile ]; then make; elif [[ -d build ]]; then cmake --build "
    "build; else echo none; fi",
    "case \"$1\" in start|go) echo s ;; (stop) echo t ;; *) exit 1 ;; esac",
    "set -euo pipefail; trap 'rm -rf \"$tmp\"' EXIT; tmp=$(mktemp -d); echo hi",
    "cat > f.json <<EOF\n{\"a\": \"$HOME\", \"b\": \"$(date)\"}\nEOF",
    "cat <<-'E' | sort\n\tb\n\ta\n\tE",
    "cat << A; cat << 'B'\n${x:-none}\nA\n$(rm -rf /)\nB",
    "diff <(sort a) <(sort b)", "tee >(wc -l) < a",
    "log() { printf '%s\\n' \"$*\" >&2; }; log start; log end",
    "main() { step; }; step() { ls; }; main \"$@\"",
    "function build { make \"$@\"; }; build all",
    "arr=(a \"b c\" $(ls)); echo \"${arr[@]}\" ${#arr[@]} ${arr[0]}",
    "declare -A m=([a]=1 [b]=2); export X=1 Y=\"$X\"; echo ${m[a]}",
    "export PATH=\"$PATH:$HOME/.local/bin\"; which uv",
    "[[ \"$v\" =~ ^v([0-9]+)\\.(x|y)$ && -n $v ]] && echo ok",
    "((n = 1 + 2)); echo $((n * (3 + 4) % 5))",
    "timeout 30 make test; echo \"rc=$?\"", "nohup make > log 2>&1 & wait $!",
    "env -u FOO A=1 B=\"$x\" make", "time make", "! grep -q bad log",
    "bash -c 'cd sub && ls | wc -l'", "bash -euo pipefail -c 'make'",
    "bash ./configure --prefix=/usr", "sh \"$dir/run.sh\" a b",
    "bash -s -- a <<'EOF'\nls \"$1\"\nEOF", "bash <<< 'ls'", "eval 'ls -l'",
    "command -v cmake > /dev/null && cmake --version",
    "exec > out.log 2>&1; ls", "exec 3< in; read -r a <&3; exec 3<&-",
    "{ ls; pwd; } > /dev/null 2>&1", "(cd x && make) | tee -a log",
    "echo a # a comment with $(nothing) in it", "ls \\\n  -la \\\n  src",
    "echo $'a\\tb' \"it's\" 'say \"hi\"' a\\ b", "x=`date`; echo \"`pwd`/$x\"",
    "rm -rf build dist node_modules", "rm -rf ./* && rm -rf \"$TMPDIR\"/x",
    "rm -f /tmp/lock; rm -rf /tmp/work/a", "chmod +x run.sh; chmod 755 a",
    "chmod -R u+rwX,go-w out", "chmod 0644 f; chmod g-s d",
    "dd if=/dev/zero of=f bs=1M count=1 status=none",
    "head -c 16 /dev/urandom | base64 > key", "echo x > /dev/stderr",
    "/usr/bin/env python3 x.py", "/bin/ls | /usr/bin/sort",
    "sort -t, -k2 data.csv | uniq -c | sort -rn | head -5",
    "[ -n \"$(git status --porcelain)\" ] && echo dirty",
    "printf '%s\\n' {1..3} a{b,c}", "read -r a b <<< \"1 2\"; echo $b",
    "kill -0 $$ && jobs; wait", "sudo_user=x; echo $sudo_user",
    "test -x /usr/bin/gcc || echo 'no gcc'; type make",
    "cp -r src dst && mv dst old && ln -s old new && mkdir -p -m 755 d");
  CAPTURE(command);
  CHECK(verdict(command) == "");
}

TEST_CASE("argv passes by the same rules") {
  CHECK(verdict(test::argv_job({"ls", "-la", "$(id)", "*"})) == "");
  CHECK(verdict(test::argv_job({"/usr/bin/env", "A=1", "make"})) == "");
  CHECK(verdict(test::argv_job({"bash", "-c", "ls | wc -l"})) == "");
  CHECK(verdict(test::argv_job({"echo", "rm -rf /"})) == "");
}

TEST_CASE("what xargs runs is judged where an operator allows xargs") {
  const auto settings = test::checked({"xargs"});
  CHECK(verdict("find . -name '*.c' -print0 | xargs -0 grep -n main", settings)
        == "");
  CHECK(verdict("ls | xargs -I{} cp {} /tmp/{}.bak", settings) == "");
  CHECK(verdict("ls | xargs", settings) == "");
}
