// SPDX-License-Identifier: Apache-2.0
// Gradients that leave while a backward pass goes on, over ranks that are made up.
#include "grove/optim/sharded_adamw.hpp"

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "support/catch.hpp"

using grove::ParameterView;

namespace {

/// The first of two ranks, where the other one has the same gradients.
struct Twin {
  std::size_t rank() const { return 0; }
  std::size_t size() const { return 2; }
  void all_reduce_sum(std::span<double> values) const {
    for (double& x : values) x *= 2;
  }
  void all_to_all(std::span<const std::byte> from, std::span<std::byte> to) const {
    auto const half = from.size() / 2;
    std::memcpy(to.data(), from.data(), half);
    std::memcpy(to.data() + half, from.data(), half);
  }
  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) const {
    std::memcpy(all.data(), mine.data(), mine.size());
    std::memcpy(all.data() + mine.size(), mine.data(), mine.size());
  }
};
static_assert(grove::MovesPieces<Twin> && !grove::MovesPiecesBehind<Twin>);

/// That goes on meanwhile; writes down what begins and what is waited for, by the bucket's first number.
struct BusyTwin : Twin {
  std::vector<std::string>* log = nullptr;

  explicit BusyTwin(std::vector<std::string>& to) : log(&to) {}
  std::function<void()> begin_all_to_all(std::span<const std::byte> from, std::span<std::byte> to,
                                         std::shared_ptr<void> const& memory) const {
    float first = 0;
    std::memcpy(&first, from.data(), sizeof first);
    auto const name = std::to_string(static_cast<int>(first));
    log->push_back("begin " + name);
    return [*this, from, to, memory, name] {
      log->push_back("wait " + name);
      all_to_all(from, to);
    };
  }
};
static_assert(grove::MovesPiecesBehind<BusyTwin>);

/// Four parameters of four elements, a bucket each; the gradient of parameter p begins with p + 1.
struct Model {
  std::vector<std::vector<float>> values{4, std::vector<float>(4, 1)}, gradients{4, std::vector<float>(4, 0)};

  std::vector<ParameterView> parameters() {
    std::vector<ParameterView> views;
    for (std::size_t p = 0; p < values.size(); ++p)
      views.push_back({.name = "p", .size = 4, .value = values[p].data(), .gradient = gradients[p].data()});
    return views;
  }
  void backward(std::size_t p) {
    for (std::size_t i = 0; i < 4; ++i) gradients[p][i] += static_cast<float>(p + 1) + 0.1f * static_cast<float>(i);
  }
};

grove::ShardedAdamW optimizer() { return grove::ShardedAdamW({}, {.level = grove::Zero::Nothing, .bucket = 4}); }

}  // namespace

TEST_CASE("a bucket leaves as soon as all its gradients are complete, and no more than two are under way") {
  Model model;
  std::vector<std::string> log;
  BusyTwin ranks(log);
  auto adamw = optimizer();
  auto const parameters = model.parameters();
  adamw.begin(parameters, ranks, 1);
  model.backward(3);
  adamw.complete(parameters, ranks, 3);
  CHECK(log == std::vector<std::string>{"begin 4"});
  model.backward(2);
  model.backward(1);
  adamw.complete(parameters, ranks, 1);
  CHECK(log == std::vector<std::string>{"begin 4", "begin 3", "wait 4", "begin 2"});
  model.backward(0);
  adamw.reduce(parameters, ranks);
  CHECK(log ==
        std::vector<std::string>{"begin 4", "begin 3", "wait 4", "begin 2", "wait 3", "begin 1", "wait 2", "wait 1"});
}

TEST_CASE("told of or not, behind the caller or not, the sums are the same") {
  auto const gradients = [](auto ranks, bool told) {
    Model model;
    auto adamw = optimizer();
    auto const parameters = model.parameters();
    adamw.begin(parameters, ranks, 2);
    for (int micro_batch = 0; micro_batch < 2; ++micro_batch) {
      for (std::size_t p = 4; p-- > 0;) {
        model.backward(p);
        if (told) adamw.complete(parameters, ranks, p);
      }
      adamw.reduce(parameters, ranks);
    }
    adamw.finish(parameters, ranks, true);
    return model.gradients;
  };
  std::vector<std::string> log;
  auto const expected = gradients(Twin{}, false);
  // Two ranks and two micro-batches; each rank's half of a bucket is that of the other.
  for (std::size_t p = 0; p < 4; ++p) {
    CHECK(expected[p][0] == Approx(4.0 * static_cast<double>(p + 1)));
    CHECK(expected[p][1] == Approx(4.0 * (static_cast<double>(p + 1) + 0.1)));
    CHECK(expected[p][2] == expected[p][0]);
  }
  CHECK(gradients(Twin{}, true) == expected);
  CHECK(gradients(BusyTwin(log), false) == expected);
  CHECK(gradients(BusyTwin(log), true) == expected);
}

TEST_CASE("an update that was broken off leaves nothing to the next") {
  Model model;
  std::vector<std::string> log;
  BusyTwin ranks(log);
  auto adamw = optimizer();
  auto const parameters = model.parameters();
  adamw.begin(parameters, ranks, 1);
  model.backward(3);
  adamw.complete(parameters, ranks, 3);
  log.clear();
  adamw.begin(parameters, ranks, 1);
  for (std::size_t p = 0; p < 4; ++p) model.backward(p);
  adamw.reduce(parameters, ranks);
  CHECK(log.front() == "begin 4");
  adamw.finish(parameters, ranks, true);
  for (std::size_t p = 0; p < 4; ++p) CHECK(model.gradients[p][0] == Approx(2.0 * static_cast<double>(p + 1)));
}
