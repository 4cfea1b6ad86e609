// SPDX-License-Identifier: Apache-2.0
// A child process that answers, hangs, crashes and talks nonsense.
#include "grove/reward/external.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "grove/concepts.hpp"
#include "grove/error.hpp"
#include "grove/reward/named.hpp"
#include "grove/reward/score_batch.hpp"
#include "reward/helpers.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using grove::ExternalReward;
using std::chrono::milliseconds;
using test::asks;
using test::says;

namespace {

static_assert(grove::Reward<ExternalReward>);

/// A child of the shell: `body` sees each request in $line.
std::vector<std::string> shell(std::string const& body) {
  return {"sh", "-c", "while IFS= read -r line; do " + body + "; done"};
}

/// What a child does depends on the completion's text.
std::vector<std::string> moody() {
  return shell(
      "case \"$line\" in"
      " *HANG*) sleep 60;;"
      " *CRASH*) exit 3;;"
      " *GARBAGE*) echo hello;;"
      " *LIST*) echo '[1]';;"
      " *TEXT*) echo '{\"score\": \"high\"}';;"
      " *TWO*) printf '{\"score\": 1}\\n{\"score\": 2}\\n';;"
      " *LONG*) printf '%02000d\\n' 1;;"
      " *LATER*) echo '{\"score\": 0.5}'; sleep 0.1; echo '{\"score\": 7}';;"
      " *NULL*) echo '{\"score\": null}';;"
      " *PID*) echo \"{\\\"score\\\": $$}\";;"
      " *) echo '{\"score\": 0.5}';;"
      " esac");
}

ExternalReward moody_reward(milliseconds deadline = milliseconds(5000), std::size_t processes = 1) {
  return ExternalReward({.command = moody(),
                         .processes = processes,
                         .deadline = deadline,
                         .start_deadline = milliseconds(5000),
                         .max_reply = 1000});
}

std::string message_of(ExternalReward const& reward, std::string text) {
  try {
    reward(asks("", 1), says(std::move(text)));
  } catch (grove::Error const& e) {
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("an external reward's child answers request after request") {
  auto const reward = moody_reward();
  CHECK(reward(asks(""), says("x")) == 0.5);
  CHECK(reward(asks(""), says("NULL")) == std::nullopt);
  auto const first = reward(asks(""), says("PID")).value();
  CHECK(reward(asks(""), says("PID")) == first);  // the same process
  auto const copy = reward;
  CHECK(copy(asks(""), says("PID")) == first);
}

TEST_CASE("what is wrong with a reply is said, and the next request has a new process") {
  auto const reward = moody_reward();
  auto const first = reward(asks(""), says("PID")).value();
  CHECK(message_of(reward, "CRASH") == "the process: ended or closed its output");
  CHECK(message_of(reward, "GARBAGE").find("its reply") == 0);
  CHECK(message_of(reward, "LIST") == "its reply: [1]; expected {\"score\": a number or null}");
  CHECK(message_of(reward, "TEXT") == "its reply: {\"score\":\"high\"}; expected {\"score\": a number or null}");
  CHECK(message_of(reward, "LONG") == "its reply: longer than 1000 bytes; expected one line");
  CHECK(reward(asks(""), says("x")) == 0.5);
  CHECK(reward(asks(""), says("PID")) != first);
  CHECK(::kill(static_cast<pid_t>(first), 0) != 0);  // the one that failed is gone
}

TEST_CASE("a second line never answers the next request") {
  auto const reward = moody_reward();
  CHECK(message_of(reward, "TWO") == "its reply: more than one line; expected one line for a request");
  CHECK(reward(asks(""), says("x")) == 0.5);
  CHECK(reward(asks(""), says("LATER")) == 0.5);
  std::this_thread::sleep_for(milliseconds(300));
  CHECK(reward(asks(""), says("NULL")) == std::nullopt);
}

TEST_CASE("a child that ended between two requests is replaced") {
  auto const reward = moody_reward();
  auto const first = reward(asks(""), says("PID")).value();
  REQUIRE(::kill(static_cast<pid_t>(first), SIGKILL) == 0);
  std::this_thread::sleep_for(milliseconds(100));
  CHECK(reward(asks(""), says("x")) == 0.5);
}

TEST_CASE("a child that hangs is killed at the deadline, with what it started") {
  auto const reward = moody_reward(milliseconds(200));
  CHECK(reward(asks(""), says("x")) == 0.5);
  auto const begin = std::chrono::steady_clock::now();
  CHECK(message_of(reward, "HANG") == "its reply: none by the deadline");
  auto const waited = std::chrono::steady_clock::now() - begin;
  CHECK(waited >= milliseconds(200));
  CHECK(waited < milliseconds(5000));
  CHECK(reward(asks(""), says("x")) == 0.5);
}

TEST_CASE("a child that does not read does not block the writer") {
  ExternalReward const reward({.command = {"sleep", "60"}, .start_deadline = milliseconds(200)});
  CHECK(message_of(reward, std::string(4 << 20, 'x')) == "its reply: none by the deadline");
}

TEST_CASE("a child that ends at once, or cannot be started, is an error and not a signal") {
  ExternalReward const ends({.command = {"true"}});
  CHECK(message_of(ends, std::string(1 << 20, 'x')).find("the process: ended") == 0);
  ExternalReward const missing({.command = {"no-such-program-anywhere"}});
  CHECK(message_of(missing, "x").find("no-such-program-anywhere: cannot be started") == 0);
}

TEST_CASE("as many requests are under way as there are processes, and no more") {
  TemporaryFolder const folder("external_reward");
  std::filesystem::create_directories(folder.path);
  auto const body = "f=" + (folder.path / "busy").string() + ".$$; : >$f; n=$(ls " + folder.path.string() +
                    " | wc -l); sleep 0.02; rm $f; echo \"{\\\"score\\\": $n}\"";
  ExternalReward const reward({.command = shell(body), .processes = 2});
  test::Answers answers;
  for (std::size_t i = 0; i < 24; ++i) answers.add(asks("", i), says("x", 1));
  auto const matrix = grove::score_batch(reward, answers, 8);
  double most = 0;
  for (std::size_t i = 0; i < 24; ++i) most = std::max(most, matrix(0, i).value());
  CHECK(most == 2);
}

TEST_CASE("failures of a child are declined up to a rate, and the others are judged") {
  test::Answers answers;
  for (auto const* text : {"x", "CRASH", "x", "GARBAGE", "x", "x"})
    answers.add(asks("", answers.problems.size()), says(text));
  grove::Scorer scorer({.threads = 3, .max_error_rate = 0.34});
  auto const matrix = scorer(grove::Named{"judge", moody_reward()}, answers);
  CHECK(matrix(0, 0) == 0.5);
  CHECK(matrix(0, 1) == std::nullopt);
  CHECK(matrix(0, 3) == std::nullopt);
  CHECK(matrix(0, 5) == 0.5);
  CHECK(scorer.statistics()[0].errors == 2);
  grove::Scorer strict;
  CHECK_THROWS_AS(strict(moody_reward(), answers), grove::Error);
}

TEST_CASE("the request has the problem's columns and the completion, whatever bytes they hold") {
  TemporaryFolder const folder("external_reward");
  std::filesystem::create_directories(folder.path);
  auto const file = folder.path / "request";
  ExternalReward const reward(
      {.command = shell("printf '%s' \"$line\" >" + file.string() + "; echo '{\"score\": 1}'")});
  auto problem = asks("7", 3);
  problem.prompt = "2 + 5\n?";
  problem.columns = {{"level", "easy"}};
  CHECK(reward(problem, says("a\xFF\"b", 2)) == 1);
  std::ifstream in(file);
  std::string const request{std::istreambuf_iterator<char>(in), {}};
  CHECK(request ==
        "{\"problem\":{\"id\":3,\"prompt\":\"2 + 5\\n?\",\"messages\":[],\"level\":\"easy\",\"gold\":\"7\"},"
        "\"completion\":{\"text\":\"a\xEF\xBF\xBD\\\"b\",\"tokens\":2,\"finish\":\"length\"}}");
}

TEST_CASE("an external reward without a command or with zeros is refused") {
  CHECK_THROWS_AS(ExternalReward({}), grove::Error);
  CHECK_THROWS_AS(ExternalReward({.command = {"true"}, .processes = 0}), grove::Error);
  CHECK_THROWS_AS(ExternalReward({.command = {"true"}, .deadline = milliseconds(0)}), grove::Error);
}

TEST_CASE("the Python example of an external reward answers") {
  if (std::system("python3 -c pass >/dev/null 2>&1") != 0) {
    WARN("skipped: there is no python3");
    return;
  }
  auto const script = std::filesystem::path(GROVE_TEST_DATA) / "../../examples/external_reward.py";
  ExternalReward const reward({.command = {"python3", script.string()}});
  CHECK(reward(asks("42"), says("It is 42.")) == 1);
  CHECK(reward(asks("42"), says("It is 41.")) == 0);
  CHECK(reward(asks(""), says("It is 42.")) == std::nullopt);
}
