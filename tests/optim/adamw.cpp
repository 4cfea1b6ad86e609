// SPDX-License-Identifier: Apache-2.0
// AdamW and gradient clipping against torch (tests/oracle/adamw.py wrote the numbers).
#include "grove/optim/adamw.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "grove/random.hpp"
#include "support/catch.hpp"

using grove::AdamW;
using grove::AdamWOptions;
using grove::Dtype;
using grove::ParameterView;
using nlohmann::json;

namespace {

json const& data() {
  static json const all = json::parse(std::ifstream(GROVE_TEST_DATA "/optim/adamw.json"));
  return all;
}

/// Two parameters as the oracle has them; the second has no weight decay.
template <class T>
struct Model {
  std::vector<std::vector<T>> values, gradients;

  explicit Model(json const& start) : values(start.get<decltype(values)>()), gradients(values) {}

  std::vector<ParameterView> parameters() {
    std::vector<ParameterView> views;
    for (std::size_t i = 0; i < values.size(); ++i)
      views.push_back({.name = i ? "bias" : "weight",
                       .shape = {},
                       .size = values[i].size(),
                       .value = values[i].data(),
                       .gradient = gradients[i].data(),
                       .dtype = std::same_as<T, double> ? Dtype::F64 : Dtype::F32,
                       .decay = i == 0});
    return views;
  }
};

template <class T>
void follow(json const& run, double tolerance) {
  Model<T> model(run["start"]);
  AdamW optimizer({.beta2 = run["beta2"], .weight_decay = run["weight_decay"]});
  double const clip = run["clip"];
  for (auto const& step : run["steps"]) {
    model.gradients = step["gradients"].get<decltype(model.gradients)>();
    double const norm = grove::gradient_norm(model.parameters());
    if (clip > 0) CHECK(norm == Approx(step["norm"].get<double>()).epsilon(tolerance));
    optimizer.step(model.parameters(), step["rate"], grove::clip_scale(norm, clip));
    for (std::size_t i = 0; i < model.values.size(); ++i)
      for (std::size_t k = 0; k < model.values[i].size(); ++k)
        REQUIRE(static_cast<double>(model.values[i][k]) ==
                Approx(step["values"][i][k].get<double>()).epsilon(tolerance).margin(tolerance * 0.1));
  }
  CHECK(optimizer.steps() == run["steps"].size());
}

float widen(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

}  // namespace

TEST_CASE("ten steps are torch's, with weight decay, bias correction and clipping") {
  for (auto const& run : data()["runs"]) {
    INFO(run["dtype"] << ", weight decay " << run["weight_decay"] << ", clip " << run["clip"]);
    if (run["dtype"] == "float64")
      follow<double>(run, 1e-13);
    else
      follow<float>(run, 1e-6);
  }
}

TEST_CASE("clipping is torch's, also just at the limit") {
  for (auto const& c : data()["clipping"]) {
    Model<double> model(c["gradients"]);
    model.gradients = model.values;
    double const norm = grove::gradient_norm(model.parameters());
    CHECK(norm == Approx(c["norm"].get<double>()).epsilon(1e-14));
    double const scale = grove::clip_scale(norm, c["max_norm"]);
    for (std::size_t i = 0; i < model.gradients.size(); ++i)
      for (std::size_t k = 0; k < model.gradients[i].size(); ++k)
        REQUIRE(model.gradients[i][k] * scale == Approx(c["clipped"][i][k].get<double>()).epsilon(1e-14));
  }
  CHECK(grove::clip_scale(100, 0) == 1);
}

TEST_CASE("one step by hand") {
  std::vector<double> value{1.0}, gradient{3.0};
  ParameterView const p{
      .name = "x", .size = 1, .value = value.data(), .gradient = gradient.data(), .dtype = Dtype::F64};
  AdamW optimizer({.weight_decay = 0.5});
  optimizer.step(std::span(&p, 1), 0.1);
  // The first step moves by the rate, whatever the gradient; decay comes first: 1 (1 - 0.1 0.5) - 0.1.
  CHECK(value[0] == Approx(0.85).epsilon(1e-8));
  optimizer.step(std::span(&p, 1), 0.0);
  CHECK(value[0] == Approx(0.85).epsilon(1e-8));
  CHECK(optimizer.steps() == 2);
}

TEST_CASE("bf16 parameters move as their f32 masters: 50 updates of 1e-6 are not lost") {
  std::size_t constexpr n = 2000;
  grove::RandomStream const random({.seed = 5});
  std::vector<float> f32(n), gradient(n);
  std::vector<std::uint16_t> bf16(n);
  for (std::uint32_t i = 0; i < n; ++i) {
    bf16[i] = static_cast<std::uint16_t>(
        std::bit_cast<std::uint32_t>(static_cast<float>(0.02 * grove::normal(random, {.token = i}))) >> 16);
    f32[i] = widen(bf16[i]);
  }
  auto const start = f32;
  auto const start_bits = bf16;
  ParameterView const exact{.name = "w", .size = n, .value = f32.data(), .gradient = gradient.data()};
  ParameterView const rounded{
      .name = "w", .size = n, .value = bf16.data(), .gradient = gradient.data(), .dtype = Dtype::BF16};
  AdamW a, b;
  for (std::uint32_t step = 0; step < 50; ++step) {
    for (std::uint32_t i = 0; i < n; ++i)
      gradient[i] = static_cast<float>(1.0 + grove::normal(random, {.index = 1, .sample = step, .token = i}));
    a.step(std::span(&exact, 1), 1e-6);
    b.step(std::span(&rounded, 1), 1e-6);
  }
  auto const& master = std::get<AdamW::Moments<float>>(b.states()[0]).master;
  REQUIRE(master.size() == n);
  double moved = 0, difference = 0;
  for (std::size_t i = 0; i < n; ++i) {
    moved += std::abs(static_cast<double>(f32[i]) - static_cast<double>(start[i]));
    difference += std::abs(static_cast<double>(master[i]) - static_cast<double>(f32[i]));
    // What the model computes with is the master, rounded to 8 bits of mantissa.
    REQUIRE(std::abs(widen(bf16[i]) - master[i]) <= std::abs(master[i]) / 256);
  }
  CHECK(moved / n > 2e-5);
  CHECK(difference < 0.01 * moved);
  CHECK(bf16 != start_bits);
}

TEST_CASE("rounding to bf16 is to the nearest, ties to even") {
  auto const rounds = [](std::uint32_t bits) {
    std::uint16_t stored = 0;
    float gradient = 0;
    ParameterView const p{.name = "w", .size = 1, .value = &stored, .gradient = &gradient, .dtype = Dtype::BF16};
    AdamW optimizer;
    AdamW::Moments<float> moments{{0}, {0}, {std::bit_cast<float>(bits)}};
    std::vector<AdamW::State> states;
    states.emplace_back(moments);
    optimizer.restore(std::move(states), 3);
    optimizer.step(std::span(&p, 1), 0.1);  // no gradient, no decay: the master stays
    CHECK(optimizer.steps() == 4);
    return stored;
  };
  CHECK(rounds(0x3F800000) == 0x3F80);
  CHECK(rounds(0x3F807FFF) == 0x3F80);
  CHECK(rounds(0x3F808000) == 0x3F80);
  CHECK(rounds(0x3F808001) == 0x3F81);
  CHECK(rounds(0x3F818000) == 0x3F82);
  CHECK(rounds(0xBF818000) == 0xBF82);
}

TEST_CASE("a state of other parameters is refused before anything changes") {
  auto const message = [](AdamW& optimizer, std::vector<ParameterView> const& parameters) -> std::string {
    try {
      optimizer.step(parameters, 0.1);
    } catch (grove::Error const& e) {
      return e.what();
    }
    return {};
  };
  std::vector<float> values(3, 1.0f), gradients(3, 1.0f);
  ParameterView p{.name = "w", .size = 2, .value = values.data(), .gradient = gradients.data()};
  AdamW optimizer;
  optimizer.step(std::span(&p, 1), 0.0);
  CHECK(message(optimizer, {p, p}) == "AdamW: 2 parameters; expected 1, as many as the optimizer's state has");
  p.size = 3;
  CHECK(message(optimizer, {p}) ==
        "AdamW: the state of parameter w has another size or type; expected 3 elements; resume with the model the "
        "checkpoint was written of");
  p.size = 2;
  p.dtype = Dtype::BF16;
  CHECK(!message(optimizer, {p}).empty());
  CHECK(optimizer.steps() == 1);
  CHECK(values == std::vector<float>(3, 1.0f));
}

TEST_CASE("the norm runs over all parameters, and zero_gradients clears them all") {
  std::vector<double> d{3, 0}, value(2);
  std::vector<float> f{4}, g{12};
  std::uint16_t bits = 0;
  float single = 0;
  std::vector<ParameterView> const parameters = {
      {.name = "a", .size = 2, .value = value.data(), .gradient = d.data(), .dtype = Dtype::F64},
      {.name = "b", .size = 1, .value = &single, .gradient = f.data(), .dtype = Dtype::F32},
      {.name = "c", .size = 1, .value = &bits, .gradient = g.data(), .dtype = Dtype::BF16}};
  CHECK(grove::gradient_norm(parameters) == 13);
  grove::zero_gradients(parameters);
  CHECK(grove::gradient_norm(parameters) == 0);
  CHECK(grove::gradient_norm({}) == 0);
}
