// SPDX-License-Identifier: Apache-2.0
#include "grove/metrics/jsonl_writer.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "io/helpers.hpp"

using namespace grove::metrics;
using grove::test::contains;
using grove::test::error_of;
using grove::test::read_file;
using grove::test::TemporaryFolder;

TEST_CASE("every line is in the file when write returns") {
  TemporaryFolder folder;
  std::string const path = folder / "m.jsonl";
  JsonlWriter writer(path);
  writer.write(grove::io::JsonLine().field("step", 1).field("loss", 0.5));
  CHECK(read_file(path) == "{\"step\":1,\"loss\":0.5}\n");
  JsonlWriter moved = std::move(writer);
  moved.write("{}");
  CHECK(read_file(path) == "{\"step\":1,\"loss\":0.5}\n{}\n");
}

TEST_CASE("a resumed file drops half a line and the steps that come again") {
  TemporaryFolder folder;
  std::string const lines = "{\"step\":1}\n{\"note\":\"x\"}\n{\"step\":2.0}\n{\"step\":3}\n{\"step\":4}\n";
  auto const resumed = [&](std::string const& content, std::optional<std::uint64_t> last_step) {
    std::string const path = folder.write("m.jsonl", content);
    JsonlWriter(path, last_step).write("{\"step\":9}");
    return read_file(path);
  };
  std::string const next = "{\"step\":9}\n";
  CHECK(resumed("", {}) == next);
  CHECK(resumed(lines, {}) == lines + next);
  CHECK(resumed(lines + "{\"step\":5,\"lo", {}) == lines + next);
  CHECK(resumed(lines, 2) == "{\"step\":1}\n{\"note\":\"x\"}\n{\"step\":2.0}\n" + next);
  CHECK(resumed(lines, 0) == next);
  CHECK(resumed(lines, 100) == lines + next);
  CHECK(resumed("{\"step\":1}", 5) == next);
}

TEST_CASE("a line that does not fit on the disk is taken back") {
  TemporaryFolder folder;
  std::string const path = folder / "m.jsonl";
  pid_t const child = ::fork();  // the bound on file sizes stands for the full disk, and holds for the whole process
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit const limit{100, 100};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    JsonlWriter writer(path);
    writer.write("{\"step\":1}");
    std::string const what = error_of([&] { writer.write("\"" + std::string(200, 'x') + "\""); });
    writer.write("{\"step\":2}");
    ::_exit(contains(what, "m.jsonl: cannot be written: File too large") ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(read_file(path) == "{\"step\":1}\n{\"step\":2}\n");
}

TEST_CASE("an unwritable file is an error that names it") {
  TemporaryFolder folder;
  CHECK(contains(error_of([&] { JsonlWriter(folder / "none/m.jsonl"); }),
                 "none/m.jsonl: cannot be opened: No such file"));
}
