#include "launcher/setup.hpp"

#include "launcher/texts.hpp"

#include <cstring>

// The launcher's set-up as bytes; the layout is in wire.hpp.

namespace ocw::launcher {

std::string encode(const setup_request& request) {
  const auto& root = request.root;
  auto fixed = request.fixed;
  fixed.readonly_count = static_cast<uint32_t>(root.readonly.size());
  fixed.hidden_count = static_cast<uint32_t>(root.hidden.size());
  fixed.workspace_count = static_cast<uint32_t>(root.workspaces.size());
  fixed.program_count = static_cast<uint32_t>(root.programs.size());
  auto payload = std::string{bytes_of(fixed)};
  for (const auto* text :
       {&request.group_name, &root.base, &root.sessions_dir, &root.spool_dir})
    put_text(payload, *text);
  for (const auto* texts :
       {&root.readonly, &root.hidden, &root.workspaces, &root.programs})
    put_texts(payload, *texts);
  return payload;
}

std::string_view decode(std::string_view payload, setup_request& request) {
  auto& fixed = request.fixed;
  auto& root = request.root;
  if (payload.size() < sizeof(fixed))
    return "shorter than a launcher_setup";
  std::memcpy(&fixed, payload.data(), sizeof(fixed));
  if (fixed.program_count > wire::max_programs)
    return "more programs than there may be";
  text_reader texts{payload.substr(sizeof(fixed))};
  if (!texts.next(request.group_name) || !texts.next(root.base)
      || !texts.next(root.sessions_dir) || !texts.next(root.spool_dir)
      || !texts.next(root.readonly, fixed.readonly_count)
      || !texts.next(root.hidden, fixed.hidden_count)
      || !texts.next(root.workspaces, fixed.workspace_count)
      || !texts.next(root.programs, fixed.program_count))
    return "a text goes beyond the frame";
  return texts.at_end() ? std::string_view{} : "bytes after the last text";
}

} // namespace ocw::launcher
