#include "policy/program_rules.hpp"

#include <algorithm>

namespace ocw::policy {

namespace {

constexpr auto shortest_abbreviation = size_t{3};

shell_word part_of(const shell_word& word, size_t from) {
  auto made = word;
  made.text.erase(0, from);
  return made;
}

/// Reads the words of one program from left to right.
class argument_reader {
public:
  argument_reader(word_span words, const option_names& names)
    : words_(words), names_(names) {}

  arguments read() {
    auto at_operands = words_.size();
    while (++at_ < words_.size()) {
      const auto& word = words_[at_];
      const auto is_option = word.text.size() > 1 && word.text[0] == '-';
      if (word.text == "--" || !is_option) {
        const auto from = word.text == "--" ? at_ + 1 : at_;
        if (at_operands == words_.size())
          at_operands = from;
        if (word.text == "--" || names_.operands_end_options) {
          for (auto i = from; i < words_.size(); ++i)
            add({}, words_[i]);
          break;
        }
        add({}, word);
      } else if (word.text[1] == '-') {
        long_option(word);
      } else {
        short_options(word);
      }
    }
    made_.operands_at = at_operands;
    return std::move(made_);
  }

private:
  void add(std::string name, shell_word value) {
    made_.all.push_back({std::move(name), std::move(value)});
  }

  shell_word next() {
    return at_ + 1 < words_.size() ? words_[++at_] : shell_word{};
  }

  void long_option(const shell_word& word) {
    const auto equals = word.text.find('=');
    auto name = word.text.substr(0, equals);
    const auto is_it = [&name](std::string_view known) {
      return name.size() >= shortest_abbreviation && known.starts_with(name);
    };
    const auto full
      = std::find_if(names_.words.begin(), names_.words.end(), is_it);
    const auto flag
      = std::find_if(names_.flags.begin(), names_.flags.end(), is_it);
    if (full != names_.words.end())
      name = *full;
    else if (flag != names_.flags.end())
      name = *flag;
    if (equals != std::string::npos)
      add(std::move(name), part_of(word, equals + 1));
    else
      add(std::move(name), full != names_.words.end() ? next() : shell_word{});
  }

  void short_options(const shell_word& word) {
    for (auto i = size_t{1}; i < word.text.size(); ++i) {
      const auto name = std::string{'-', word.text[i]};
      if (names_.attached.find(word.text[i]) != std::string_view::npos)
        return add(name, part_of(word, i + 1));
      if (names_.letters.find(word.text[i]) == std::string_view::npos) {
        add(name, shell_word{});
        continue;
      }
      add(name, i + 1 < word.text.size() ? part_of(word, i + 1) : next());
      return;
    }
  }

  word_span words_;
  const option_names& names_;
  size_t at_ = 0;
  arguments made_;
};

} // namespace

arguments read_arguments(word_span words, const option_names& names) {
  return argument_reader{words, names}.read();
}

const shell_word* arguments::option(std::string_view name) const {
  for (const auto& one : all)
    if (one.name == name)
      return &one.value;
  return nullptr;
}

bool arguments::has(std::initializer_list<std::string_view> names) const {
  return std::any_of(names.begin(), names.end(), [this](std::string_view name) {
    return option(name) != nullptr;
  });
}

std::vector<shell_word> arguments::operands() const {
  auto made = std::vector<shell_word>{};
  for (const auto& one : all)
    if (one.name.empty())
      made.push_back(one.value);
  return made;
}

} // namespace ocw::policy
