// SPDX-License-Identifier: Apache-2.0
// Catch2's main, and one use more: `--ctest LISTING EXECUTABLE PREFIX` writes the CMake file that makes each test case
// a ctest test (cmake/GroveDiscoverTests.cmake says which labels come from which tags; Catch2 2.13's own discovery
// knows no tags).
#if __has_include(<catch2/catch_session.hpp>)
#include <catch2/catch_session.hpp>
#include <catch2/catch_test_case_info.hpp>
#include <catch2/internal/catch_test_case_registry_impl.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

#include <fstream>
#include <string>
#include <string_view>

namespace {

struct Settings {
  std::string labels = "fast;ci";
  int timeout = 300;  // seconds; generous, since a machine may be busy
  bool threads = false;
};

Settings settings_of(std::string const& tags) {
  auto const has = [&](std::string_view tag) { return tags.find(tag) != std::string::npos; };
  Settings settings;
  settings.threads = has("[threads]");
  if (has("[full]")) {
    settings = {.labels = "full", .timeout = 7200, .threads = settings.threads};
  } else if (has("[checks]")) {
    settings = {.labels = "checks", .timeout = 1800, .threads = settings.threads};
  } else if (has("[slow]")) {
    settings.labels = "ci";
  }
  return settings;
}

/// The name as Catch2's command line wants it: a comma, bracket, quote, star or backslash means something there.
std::string escaped(std::string const& name) {
  std::string out;
  for (char const c : name) {
    if (std::string_view("\\,[\"*~").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

void write_test(std::ostream& out, std::string const& executable, std::string const& prefix, std::string const& name,
                std::string const& tags) {
  Settings const settings = settings_of(tags);
  std::string const test = "[=[" + prefix + ": " + name + "]=]";
  out << "add_test(" << test << " [=[" << executable << "]=] [=[" << escaped(name) << "]=])\n"
      << "set_tests_properties(" << test << " PROPERTIES LABELS \"" << settings.labels << "\" TIMEOUT "
      << settings.timeout;
  if (settings.threads) {
    out << " PROCESSORS 2";
  } else {
    // Two OpenMP teams that spin on the same cores slow each other down many times over.
    out << " ENVIRONMENT \"OMP_NUM_THREADS=1;MKL_NUM_THREADS=1\"";
  }
  out << ")\n";
}

template <class TestCase>
auto const& info_of(TestCase const& test) {
  if constexpr (requires { test.getTestCaseInfo(); }) {
    return test.getTestCaseInfo();
  } else {
    return test;
  }
}

}  // namespace

int main(int argc, char** argv) {
  Catch::Session session;
  if (argc == 5 && std::string_view(argv[1]) == "--ctest") {
    std::ofstream out(argv[2]);
    for (auto const& test : Catch::getAllTestCasesSorted(session.config())) {
      auto const& info = info_of(test);
      if (!info.isHidden()) write_test(out, argv[3], argv[4], info.name, info.tagsAsString());
    }
    return out.flush() ? 0 : 1;
  }
  return session.run(argc, argv);
}
