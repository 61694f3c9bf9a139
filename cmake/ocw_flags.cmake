# Flags every target of this project is built with, as one INTERFACE target.

# -- options -------------------------------------------------------------------

# What to instrument: empty, "asan" (Address + UndefinedBehavior) or "tsan".
set(OCW_SANITIZE "" CACHE STRING "empty, asan or tsan")
# Warnings are errors; packagers with newer compilers may turn this off.
option(OCW_WERROR "treat warnings as errors" ON)
# Needs Clang; explores the project's own code, not its libraries.
option(OCW_FUZZ "add the libFuzzer targets" OFF)

# -- the target ----------------------------------------------------------------

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

find_program(OCW_CCACHE ccache)
if(OCW_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${OCW_CCACHE}")
endif()

add_library(ocw_flags INTERFACE)
# Most of a file's compile time is headers: several sources are compiled as one
# (CMAKE_UNITY_BUILD, on in the presets). GCC then takes them for headers.
if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(ocw_flags INTERFACE -Wno-subobject-linkage)
endif()
target_compile_options(ocw_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow
  -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual -Wformat=2 -Wundef
  # Designated initialisers leave members out on purpose.
  -Wno-missing-field-initializers
  # GCC 12 sees overlaps in std::string that are not there (GCC bug 105651).
  -Wno-restrict)
if(OCW_WERROR)
  target_compile_options(ocw_flags INTERFACE -Werror)
endif()
if(OCW_SANITIZE STREQUAL "asan")
  target_compile_options(ocw_flags INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer
    # GCC 12 sees uninitialised members of std::regex when it instruments.
    -Wno-maybe-uninitialized)
  target_link_options(ocw_flags INTERFACE -fsanitize=address,undefined)
elseif(OCW_SANITIZE STREQUAL "tsan")
  target_compile_options(ocw_flags INTERFACE
    -fsanitize=thread -fno-omit-frame-pointer -Wno-tsan)
  target_link_options(ocw_flags INTERFACE -fsanitize=thread)
elseif(NOT OCW_SANITIZE STREQUAL "")
  message(FATAL_ERROR "OCW_SANITIZE is '${OCW_SANITIZE}'; use asan, tsan or nothing")
endif()
if(OCW_FUZZ)
  target_compile_options(ocw_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
