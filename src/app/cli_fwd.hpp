#pragma once

// The parser library's own name; its headers are heavy.
namespace CLI { // NOLINT(readability-identifier-naming)
class App;
}
