// SPDX-License-Identifier: Apache-2.0
#include "grove/io/atomic_file.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "io/helpers.hpp"

using namespace grove::io;
using grove::test::contains;
using grove::test::error_of;
using grove::test::read_file;
using grove::test::TemporaryFolder;
namespace fs = std::filesystem;

TEST_CASE("a file appears whole or not at all") {
  TemporaryFolder folder;
  std::string const path = folder / "a.txt";
  {
    AtomicFile file(path);
    file.write("half");
    CHECK(!fs::exists(path));
  }
  CHECK(folder.entries() == 0);  // not committed: nothing is left
  write_file(path, "old");
  {
    AtomicFile file(path);
    AtomicFile second(path);  // two writers do not disturb each other
    file.write("new");
    second.write("newer");
    CHECK(read_file(path) == "old");
    file.commit();
    CHECK(read_file(path) == "new");
    second.commit();
  }
  CHECK(read_file(path) == "newer");
  CHECK(folder.entries() == 1);
}

TEST_CASE("what cannot be written is an error that names the file") {
  TemporaryFolder folder;
  std::string const blocker = folder.write("file", "x");
  CHECK(contains(error_of([&] { write_file(folder / "none/a.txt", "x"); }),
                 "none/a.txt: cannot be created: No such file or directory"));
  CHECK(contains(error_of([&] { write_file(blocker + "/a.txt", "x"); }),
                 "file/a.txt: cannot be created: Not a directory"));
  CHECK(contains(error_of([&] { AtomicFolder(blocker + "/run"); }), "file/run: cannot be created: Not a directory"));
  fs::create_directory(folder / "taken");
  CHECK(
      contains(error_of([&] { write_file(folder / "taken", "x"); }), "taken: cannot be put in place: Is a directory"));
  CHECK(folder.entries() == 2);
}

TEST_CASE("a disk that fills up leaves the old file and no temporary") {
  TemporaryFolder folder;
  std::string const path = folder.write("a.bin", "old");
  // A bound on the size of files stands for the full disk; in a child, since it holds for the whole process.
  pid_t const child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit const limit{1 << 16, 1 << 16};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::string const what = error_of([&] { write_file(path, std::string(1 << 20, 'x')); });
    ::_exit(contains(what, "a.bin: cannot be written: File too large; expected a writable folder with room") ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(read_file(path) == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a folder appears whole or not at all, and replaces an old one") {
  TemporaryFolder folder;
  std::string const target = folder / "parent/step-1/";  // with a trailing slash, and a parent to be made
  { AtomicFolder never(target); }
  CHECK(fs::is_empty(folder / "parent"));
  for (std::string const text : {"first", "second"}) {
    AtomicFolder next(target);
    fs::create_directory(next.path() / "sub");
    write_file(next.path() / "sub/a.txt", text);
    if (text == "first") write_file(next.path() / "only-first", "");
    next.commit();
    CHECK(read_file(target + "sub/a.txt") == text);
  }
  CHECK(!fs::exists(target + "only-first"));
  CHECK(std::distance(fs::directory_iterator(folder / "parent"), {}) == 1);
}

TEST_CASE("what killed writers left can be removed, and nothing else") {
  TemporaryFolder folder;
  folder.write("model.safetensors", "x");
  folder.write(".hidden", "x");
  pid_t const child = ::fork();
  if (child == 0) {
    AtomicFile file(folder / "a.txt");
    AtomicFolder checkpoint(folder / "step-1");
    write_file(checkpoint.path() / "b.txt", "half");
    ::kill(::getpid(), SIGKILL);
  }
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  CHECK(folder.entries() == 4);
  CHECK(remove_leftovers(folder.path()) == 2);
  CHECK(folder.entries() == 2);
  CHECK(remove_leftovers(folder / "none") == 0);
}
