// Prints the name of each command that the parser finds in texts: one text
// after another on standard input, each ended by a byte of value 0; a line for
// each. `?` stands for a name that is not known.

#include "policy/shell_parser.hpp"

#include <iostream>
#include <string>

using namespace ocw::policy;

namespace {

std::string one_word(std::string text) {
  for (auto& c : text)
    if (c == ' ' || c == '\n')
      c = '_';
  return text;
}

} // namespace

int main() {
  auto text = std::string{};
  while (std::getline(std::cin, text, '\0')) {
    const auto parsed = parse_shell(text);
    if (const auto* failed = std::get_if<parse_failure>(&parsed)) {
      std::cout << "failed " << one_word(failed->what) << '\n';
      continue;
    }
    std::cout << "parsed";
    for (const auto& one : std::get<shell_script>(parsed).commands)
      if (!one.words.empty())
        std::cout << ' '
                  << (one.words[0].known() ? one_word(one.words[0].text) : "?");
    std::cout << '\n';
  }
}
