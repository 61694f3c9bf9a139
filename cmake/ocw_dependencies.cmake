# Everything this project links against. `scripts/setup` brings it all.

find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(SQLite3 3.35 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(Boost 1.81 REQUIRED)

# CAF: one that is installed wins; else the one scripts/setup keeps.
set(ocw_caf_flavor release)
if(OCW_SANITIZE STREQUAL "tsan")
  set(ocw_caf_flavor tsan)
endif()
if(NOT DEFINED ocw_caf_prefix)
  execute_process(
    COMMAND "${PROJECT_SOURCE_DIR}/scripts/setup" "--flavor=${ocw_caf_flavor}"
            --print-prefix
    OUTPUT_VARIABLE ocw_caf_prefix OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
if(ocw_caf_flavor STREQUAL "tsan")
  # An uninstrumented library would hide its locks from ThreadSanitizer.
  set(CMAKE_FIND_PACKAGE_PREFER_CONFIG ON)
  find_package(CAF 0.18.7 REQUIRED COMPONENTS core io
               PATHS "${ocw_caf_prefix}" NO_DEFAULT_PATH)
else()
  find_package(CAF 0.18.7 REQUIRED COMPONENTS core io
               HINTS "${ocw_caf_prefix}")
endif()
message(STATUS "CAF ${CAF_VERSION} in ${CAF_DIR}")

# Third-party headers are not ours to keep free of warnings. Beast and Asio are
# header-only; Asio's own implementation is compiled once, in src/net/asio.cpp.
add_library(ocw_boost INTERFACE)
target_include_directories(ocw_boost SYSTEM INTERFACE ${Boost_INCLUDE_DIRS})
target_compile_definitions(ocw_boost INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION
  BOOST_BEAST_SEPARATE_COMPILATION BOOST_ERROR_CODE_HEADER_ONLY)
target_link_libraries(ocw_boost INTERFACE Threads::Threads)

add_library(ocw_caf INTERFACE)
get_target_property(ocw_caf_includes CAF::core INTERFACE_INCLUDE_DIRECTORIES)
target_include_directories(ocw_caf SYSTEM INTERFACE ${ocw_caf_includes})
target_link_libraries(ocw_caf INTERFACE CAF::core)
