#include "messages/utf8.hpp"
#include "policy/shell_parser.hpp"

#include "support/catch.hpp"
#include "support/policy_verdicts.hpp"

#include <chrono>
#include <random>
#include <string>

using namespace ocw;
using namespace ocw::policy;

namespace {

/// The commands of a text, a line for each; `?` for what is not known.
std::string commands_of(const std::string& text) {
  const auto parsed = parse_shell(text);
  if (const auto* failed = std::get_if<parse_failure>(&parsed))
    return "failed: " + failed->what;
  auto out = std::string{};
  for (const auto& one : std::get<shell_script>(parsed).commands) {
    if (one.words.empty())
      continue;
    auto line = std::string{};
    for (const auto& word : one.words)
      line += (line.empty() ? "" : "|") + (word.known() ? word.text : "?");
    out += line + '\n';
  }
  return out;
}

bool fails(const std::string& text) {
  return std::holds_alternative<parse_failure>(parse_shell(text));
}

std::string repeated(const std::string& text, size_t times) {
  auto out = std::string{};
  out.reserve(text.size() * times);
  for (auto i = size_t{0}; i < times; ++i)
    out += text;
  return out;
}

} // namespace

TEST_CASE("words are what they are after quotes are removed") {
  CHECK(commands_of("a 'b c' \"d e\" f\\ g h''i") == "a|b c|d e|f g|hi\n");
  CHECK(commands_of("\"a\\\"b\\$c\\d\"") == "a\"b$c\\d\n");
  CHECK(commands_of("a\\\nb c \\\n d") == "ab|c|d\n");
  CHECK(commands_of("$'\\x69\\144\\n' $'a\\'b' $'\\u00e9' $'a\\0b'")
        == "id\n|a'b|\xC3\xA9|a\n");
  CHECK(commands_of("a # b\nc#d '#e'") == "a\nc#d|#e\n");
  CHECK(commands_of("a $ b$ '$x'") == "a|$|b$|$x\n");
}

TEST_CASE("what is not known is marked") {
  CHECK(commands_of("$a ${b} $1 $? $@ \"$c\" a$b $((1)) ~")
        == "?|?|?|?|?|?|?|?|~\n");
  CHECK(commands_of("*.c a? [ab] {a,b} {1..3} [ {} {a} '*' \"?\"")
        == "?|?|?|?|?|[|{}|{a}|*|?\n");
}

TEST_CASE("nested commands follow the one they are part of") {
  CHECK(commands_of("a $(b `c` | d) <(e)") == "a|?|?\nb|?\nc\nd\ne\n");
  CHECK(commands_of("x=$(a) b") == "b\na\n");
  CHECK(commands_of("a `b \\`c\\``") == "a|?\nb|?\nc\n");
}

TEST_CASE("here-documents are data, and what they expand is not") {
  CHECK(commands_of("a <<E\n$(b) ; c\nE\nd") == "a\nb\nd\n");
  CHECK(commands_of("a <<'E'\n$(b)\nE\nd") == "a\nd\n");
  CHECK(commands_of("a <<-E\n\tx\n\tE\nd") == "a\nd\n");
  CHECK(commands_of("a <<A <<B | c\n1\nA\n2\nB\nd") == "a\nc\nd\n");
  CHECK(commands_of("a <<E\nx\\\nE\nE\nd") == "a\nd\n");
  CHECK(commands_of("a $(b <<E\nx\nE\n)\nc") == "a|?\nb\nc\n");
  CHECK(commands_of("if a <<E; then\nx\nE\nb; fi") == "a\nb\n");
}

TEST_CASE("what cannot be read for certain is a failure") {
  const auto text = GENERATE(
    as<std::string>{}, "'", "\"", "`", "$(", "${", "$((", "((", "(", "{", "[[",
    "$(ls", "ls)", "fi", "if", "if ls", "if ls; then", "if ls; then ls",
    "then ls", "while ls", "while ls; do ls", "for", "for x", "for x in a",
    "for 1 in a; do ls; done", "case", "case x", "case x in", "case x in a) ls",
    "case x in ) ls ;; esac", "ls ;;", "| ls", "ls |", "ls &&", "&& ls",
    "ls || || ls", "; ls", "ls ; ; ls", "& ls", "ls &;", "f()", "f() ls",
    "function", "ls (", "ls ( x )", "a(b)", "x=(a;b)", "ls <", "ls >", "ls > ;",
    "ls <<", "ls <<E", "ls <<E\nx", "ls <<$x\n$x", "ls \\", "$[1+1]",
    "$((1 + ')'))", "$(( (1) ) )", "$((echo a) | (cat))", "((ls) )",
    "\"${x:-'}\"", "${x@P}", "${ ls; }", "!(a)b (", "ls @(a|b)",
    "ls $(cat <<E)", "cat <<E \"a\nE\nb\"", "cat <<E $(ls\n)\nE", "[[ a",
    "[[ a; ]]", "ls |& & ls", "}", "do", "esac", "coproc ls", "time |", "!");
  CAPTURE(text);
  CHECK(fails(text));
}

TEST_CASE("a byte of value 0 is a failure") {
  CHECK(fails(std::string{"ls\0id", 5}));
}

TEST_CASE("failures say where and near what") {
  const auto parsed = parse_shell("ls\nls | | ls");
  const auto& failed = std::get<parse_failure>(parsed);
  CHECK(failed.line == 2);
  CHECK(failed.near == "| ls");
}

TEST_CASE("a refusal is text whatever the command is") {
  for (const auto* command : {"ls <<E\xd3", "\xff", "ls; \xc3(", "$'\\xff'",
                              "x \x01\x02", "\xe2\x82"}) {
    CAPTURE(command);
    const auto said = test::verdict(command);
    CHECK_FALSE(said.empty());
    CHECK(is_text(said));
  }
  CHECK(is_text(test::verdict(repeated("\xc3\xa9", 500))));
}

TEST_CASE("nesting ten thousand deep is a failure, not a crash") {
  constexpr auto deep = size_t{10000};
  for (const auto* open : {"(",
                           "{ ",
                           "$(",
                           "\"$(",
                           "${x:-",
                           "$((",
                           "((",
                           "if ",
                           "while ",
                           "for x in a; do ",
                           "case a in a) ",
                           "f() { ",
                           "! ",
                           "time ",
                           "a(){ ",
                           "<(",
                           "[[ ( ",
                           "x=(",
                           "$(((",
                           "if a; then ",
                           "cat <<E\n$(",
                           "coproc ",
                           "function f { ",
                           "\"${x:-\"",
                           "$[",
                           "select x in "}) {
    CAPTURE(open);
    CHECK(fails(repeated(open, deep)));
  }
  CHECK(fails(repeated("( ", deep) + "ls" + repeated(")", deep)));
  CHECK(fails(repeated("$(", deep) + "ls" + repeated(")", deep)));
  CHECK_FALSE(
    fails("((" + repeated("(", deep) + "1" + repeated(")", deep) + "))"));
  const auto settings = test::checked({"xargs"});
  for (const auto* word : {"env ", "nice ", "command ", "eval ", "xargs ",
                           "timeout 1 ", "find -exec ", "builtin "}) {
    CAPTURE(word);
    auto generous = settings;
    generous.max_command_length = 1000000;
    CHECK(test::rule_of(test::verdict(repeated(word, deep) + "ls", generous))
          == "readable");
  }
}

TEST_CASE("a megabyte of anything is read in a moment") {
  constexpr auto size = size_t{1000000};
  const auto begin = std::chrono::steady_clock::now();
  for (const auto* part :
       {"a ",       "a;",     "a|",   "a&",          "a\n",  "\"$a\" ",
        "$(a) ",    "`a` ",   "<<E ", "a <<E\nE\n",  "x=1 ", "{a,b}",
        "'a' ",     "((1));", "${a}", "a() { a; };", "(a);", "\\\\",
        "$'\\x41'", "#",      "[",    "a>b ",        "$",    "`",
        "\"",       "\xff"}) {
    CAPTURE(part);
    const auto text = repeated(part, size / std::string{part}.size());
    auto settings = test::checked({"a"});
    settings.max_command_length = 10 * size;
    static_cast<void>(test::verdict(text, settings));
  }
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{100});
}

// The same texts on every run: pieces of the grammar in any order, and bytes.
TEST_CASE("no text crashes the reader or the judge") {
  static const auto pieces
    = std::vector<std::string>{"ls",      " ",         "\n",
                               ";",       "&",         "|",
                               "&&",      "||",        "(",
                               ")",       "{ ",        "}",
                               "$(",      "`",         "\"",
                               "'",       "\\",        "$x",
                               "${",      "<",         ">",
                               "<<E",     "\nE\n",     "<(",
                               "$((",     "))",        "((",
                               "[[ ",     "]]",        "if ",
                               "then ",   "fi",        "for x in ",
                               "do ",     "done",      "case ",
                               " in ",    "esac",      ";;",
                               "f() ",    "function ", "x=",
                               "x=(",     "#",         "!",
                               "time ",   "eval ",     "bash -c ",
                               "env ",    "git -c ",   "find . -exec ",
                               "sed -e ", "s/a/b/e",   "awk ",
                               "xargs ",  "\x01",      "\xff",
                               "$'",      "\\x",       "=",
                               "[",       "]",         "-",
                               "--"};
  auto random = std::mt19937{20260119};
  const auto settings = test::checked({"xargs"});
  for (auto round = 0; round < 20000; ++round) {
    auto text = std::string{};
    for (auto n = random() % 40; n > 0; --n)
      text += random() % 20 == 0 ? std::string(1, static_cast<char>(random()))
                                 : pieces[random() % pieces.size()];
    static_cast<void>(test::verdict(text, settings));
  }
  SUCCEED();
}
