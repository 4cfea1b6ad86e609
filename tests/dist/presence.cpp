// SPDX-License-Identifier: Apache-2.0
// Who is named when a rank is missed: on a board that these tests hold, with pulses that they stop.
#include "grove/dist/presence.hpp"

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"

using namespace grove;
using namespace std::chrono_literals;
using detail::Presence;
using detail::Signs;

namespace {

struct Wall {
  std::mutex mutex{};
  std::map<std::string, std::string> texts{};

  detail::Board board() {
    return {.put =
                [this](std::string const& key, std::string_view text) {
                  std::lock_guard const lock(mutex);
                  texts[key] = text;
                },
            .get = [this](std::string const& key) -> std::string {
              std::lock_guard const lock(mutex);
              auto const at = texts.find(key);
              return at == texts.end() ? "" : at->second;
            }};
  }
};

/// One of three ranks, whose pulse can be stopped while the rest of it goes on.
struct Rank {
  Rank(Wall& wall, std::size_t rank, std::string const& phase, std::chrono::milliseconds slow = 0ms) {
    auto beside = wall.board();
    beside.put = [put = beside.put, beats = beats, slow](std::string const& key, std::string_view text) {
      std::this_thread::sleep_for(slow);
      if (*beats) put(key, text);
    };
    presence = std::make_unique<Presence>(Launch{.rank = rank, .size = 3, .store_is_there = true}, wall.board(),
                                          std::move(beside), 600s, Heartbeat{});
    presence->enter(phase);
  }

  std::shared_ptr<std::atomic<bool>> beats = std::make_shared<std::atomic<bool>>(true);
  std::unique_ptr<Presence> presence{};
};

std::vector<std::size_t> const all = {0, 1, 2};
constexpr auto broke = "Connection closed by peer";
constexpr auto timed_out = "Timed out waiting 600000ms for recv operation to complete";

bool says(std::string const& text, std::string const& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a rank that computes for long is not named where another one died") {
  Wall wall;
  Rank const one(wall, 0, "update of step 3"), busy(wall, 1, "update of step 3"), dead(wall, 2, "gather of step 3");
  *dead.beats = false;
  std::string const message = one.presence->lost(all, broke).what();
  INFO(message);
  CHECK(says(message,
             "rank 0, phase update of step 3: rank 2 died or hangs, last seen in phase gather of step 3, no "
             "sign of life for 1 s (Connection closed by peer)"));
  CHECK_FALSE(says(message, "rank 1"));
}

TEST_CASE("a rank that dies among some is named by one that waits for others") {
  Wall wall;
  Rank const one(wall, 0, "update of step 3"), busy(wall, 1, "update of step 3"), dead(wall, 2, "sample, collection 4");
  *dead.beats = false;
  static_cast<void>(one.presence->lost(all, broke));
  std::string const message = busy.presence->lost(std::vector<std::size_t>{0, 1}, broke).what();
  INFO(message);
  CHECK(says(message, "rank 2 died or hangs, last seen in phase sample, collection 4"));
  CHECK_FALSE(says(message, "rank 0"));
}

TEST_CASE("where every rank lives, the message says that it is not known whose connection broke") {
  Wall wall;
  Rank const one(wall, 0, "update of step 3"), two(wall, 1, "gather of step 4"), three(wall, 2, "score of step 3");
  std::string const message = one.presence->lost(all, broke).what();
  INFO(message);
  CHECK(says(message,
             "whose end that was is not known: rank 1 lives, last seen in phase gather of step 4; rank 2 "
             "lives, last seen in phase score of step 3"));
  CHECK_FALSE(says(message, "died"));
}

TEST_CASE("a live rank that did not come in time is named with its phase, and not one that waits, too") {
  Wall wall;
  Rank const one(wall, 0, "update of step 3"), two(wall, 1, "gather of step 3"), three(wall, 2, "update of step 3");
  std::thread other([&] {
    std::string const message = three.presence->lost(all, broke).what();  // rank 0 gave up, and so it did
    CHECK(says(message, "rank 1 lives and did not come, last seen in phase gather of step 3"));
  });
  std::string const message = one.presence->lost(all, timed_out).what();
  other.join();
  INFO(message);
  CHECK(says(message, "rank 1 lives and did not come, last seen in phase gather of step 3"));
  CHECK_FALSE(says(message, "rank 2"));
  CHECK(says(message, "expected all ranks to come within 600 s"));
}

TEST_CASE("where this process's own beats do not get through, the others' silence says nothing") {
  Wall wall;
  Rank const slow(wall, 0, "update of step 3", 700ms), two(wall, 1, "gather of step 3"),
      dead(wall, 2, "score of step 3");
  *dead.beats = false;
  std::string const message = slow.presence->lost(all, timed_out).what();
  INFO(message);
  CHECK(says(message, "rank 1 lives and did not come"));
  CHECK(says(message, "whether rank 2 lives is not known, last seen in phase score of step 3"));
  CHECK_FALSE(says(message, "died"));
}

TEST_CASE("a rank that ended is named without waiting for its pulse, and one that said why with its cause") {
  Wall wall;
  Rank const one(wall, 0, "update of step 3"), three(wall, 2, "update of step 3");
  { Rank const two(wall, 1, "gather of step 3"); }
  std::string const ended = one.presence->lost(all, broke).what();
  INFO(ended);
  CHECK(says(ended, "rank 1 ended, last seen in phase gather of step 3"));
  three.presence->fail("no such gold answer");
  Rank const again(wall, 1, "score of step 3");
  CHECK(says(again.presence->lost(all, broke).what(),
             "rank 2 stopped in phase update of step 3: no such gold answer (Connection closed by peer)"));
}

TEST_CASE("silence is counted in own beats from where a count was last seen to change") {
  Signs signs;
  signs.see(1, 4, 10);
  CHECK_FALSE(signs.moved(1));
  CHECK(signs.since(1, 13) == 3);
  signs.see(1, 5, 14);
  CHECK(signs.moved(1));
  CHECK(signs.since(1, 14) == 0);
  signs.see(1, 5, 20);
  CHECK(signs.since(1, 20) == Signs::silence);
  signs.forget_moves();
  CHECK_FALSE(signs.moved(1));
  CHECK(signs.since(1, 20) == 6);
  CHECK(signs.since(2, 20) == 0);  // never looked for
}
