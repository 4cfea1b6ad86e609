// SPDX-License-Identifier: Apache-2.0
// Moments in 8 bits: the levels, how far a number moves when it is stored, and AdamW with them beside an oracle and
// bitsandbytes (tests/oracle/adamw_8bit.py wrote the numbers).
#include "grove/optim/block_quantized.hpp"

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "grove/optim/adamw.hpp"
#include "grove/random.hpp"
#include "support/catch.hpp"

using namespace grove;
using nlohmann::json;

namespace {

json const& data() {
  static json const all = json::parse(std::ifstream(GROVE_TEST_DATA "/optim/adamw_8bit.json"));
  return all;
}

template <Sign S, class T = float>
std::vector<T> stored_and_loaded(std::vector<T> const& in) {
  BlockQuantized<T, S> q(in.size());
  std::vector<T> out(in.size());
  for (std::size_t begin = 0; begin < in.size(); begin += quantized_block) {
    auto const n = std::min(quantized_block, in.size() - begin);
    q.store(begin, std::span(in).subspan(begin, n));
    q.load(begin, std::span(out).subspan(begin, n));
  }
  return out;
}

/// Numbers of many magnitudes.
std::vector<float> numbers(std::size_t n, std::uint64_t seed, bool magnitudes) {
  RandomStream const random({.seed = seed});
  std::vector<float> x(n);
  for (std::uint32_t i = 0; i < n; ++i) {
    double const y = normal(random, {.token = i}) * std::pow(10.0, -static_cast<double>(i % 6));
    x[i] = static_cast<float>(magnitudes ? y * y : y);
  }
  return x;
}

/// One tensor and its gradient.
template <class T = float>
struct Tensor {
  std::vector<T> value, gradient;
  explicit Tensor(std::size_t size) : value(size), gradient(size) {}
  ParameterView view() {
    return {.name = "w",
            .size = value.size(),
            .value = value.data(),
            .gradient = gradient.data(),
            .dtype = std::same_as<T, double> ? Dtype::F64 : Dtype::F32};
  }
};

AdamWOptions const in_8_bits{.moments = MomentFormat::Block8};

}  // namespace

TEST_CASE("the dynamic maps by hand: middles of equal parts of seven decades, 0 and 1") {
  using Either = DynamicMap<Sign::Either>;
  using None = DynamicMap<Sign::None>;
  CHECK(Either::level(0) == 0);
  CHECK(Either::level(1) == Approx(0.55e-6).epsilon(1e-6));   // one in (1e-7, 1e-6)
  CHECK(Either::level(2) == Approx(0.325e-5).epsilon(1e-6));  // two in (1e-6, 1e-5)
  CHECK(Either::level(3) == Approx(0.775e-5).epsilon(1e-6));
  CHECK(Either::level(127) == Approx(1 - 0.9 / 128).epsilon(1e-6));  // the last of 64 in (0.1, 1)
  CHECK(Either::level(128) == 1);
  CHECK(None::level(1) == Approx(0.325e-6).epsilon(1e-6));
  CHECK(None::level(254) == Approx(1 - 0.9 / 256).epsilon(1e-6));
  CHECK(None::level(255) == 1);
}

TEST_CASE("the maps are bitsandbytes'") {
  BlockQuantized<float, Sign::Either> either(quantized_block);
  BlockQuantized<float, Sign::None> none(quantized_block);
  either.scales[0] = none.scales[0] = 1;
  for (std::size_t i = 0; i < 256; ++i) either.codes[i] = none.codes[i] = static_cast<std::uint8_t>(i);
  std::vector<float> a(256), b(256);
  either.load(0, a);
  none.load(0, b);
  for (std::size_t i = 0; i < 256; ++i) {
    CHECK(a[i] == Approx(data()["signed"][i].get<double>()).epsilon(1e-6).margin(0));
    CHECK(b[i] == Approx(data()["unsigned"][i].get<double>()).epsilon(1e-6).margin(0));
  }
}

TEST_CASE("each number is stored as the nearest level") {
  using Either = DynamicMap<Sign::Either>;
  for (std::size_t k = 0; k + 1 < Either::count; ++k) {
    float const border = (Either::level(k) + Either::level(k + 1)) / 2;
    CHECK(Either::place(border) == k);  // of two as near the smaller
    CHECK(Either::place(std::nextafter(border, 1.0f)) == k + 1);
    CHECK(Either::place(Either::level(k)) == k);
  }
  CHECK(Either::place(1) == 128);
}

TEST_CASE("a number moves by half of its decade's step at most") {
  for (bool const magnitudes : {false, true}) {
    auto const x = numbers(5000, 7, magnitudes);
    auto const y = magnitudes ? stored_and_loaded<Sign::None>(x) : stored_and_loaded<Sign::Either>(x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      float scale = 0;
      for (std::size_t k = i / 256 * 256; k < std::min(x.size(), i / 256 * 256 + 256); ++k)
        scale = std::max(scale, std::abs(x[k]));
      double const ratio = static_cast<double>(std::abs(x[i]) / scale);
      double const decade = std::min(6.0, std::max(0.0, std::floor(std::log10(ratio)) + 7));
      double const step = 0.9 * std::pow(10.0, decade - 6) / std::pow(2.0, decade + (magnitudes ? 1 : 0));
      INFO(x[i] << " of " << scale << " is stored as " << y[i]);
      // A step at the decade's end may be that of the next one.
      CHECK(std::abs(static_cast<double>(y[i]) - static_cast<double>(x[i])) <=
            static_cast<double>(scale) * std::max(step / 2, 0.55e-6) * (1 + 1e-5));
      bool const tiny = std::abs(x[i]) < 0.2751e-6f * scale, same_sign = (x[i] > 0) == (y[i] > 0);
      CHECK((tiny || same_sign));
    }
  }
}

TEST_CASE("zeros stay zeros, the largest of a block stays, and a magnitude never becomes 0") {
  std::vector<float> const x = {0, 1e-12f, 3, 0};
  CHECK(stored_and_loaded<Sign::Either>(x) == std::vector<float>{0, 0, 3, 0});
  auto const y = stored_and_loaded<Sign::None>(x);
  CHECK(y[0] == 0);
  CHECK(y[1] == Approx(3 * 0.325e-6).epsilon(1e-6));
  CHECK(y[2] == 3);
  CHECK(stored_and_loaded<Sign::Either>(std::vector<float>(300)) == std::vector<float>(300));
  CHECK(stored_and_loaded<Sign::None, double>({0.25, 1e-30, 0}) ==
        std::vector<double>{0.25, 0.25 * static_cast<double>(DynamicMap<Sign::None>::level(1)), 0});
}

TEST_CASE("an outlier spoils its own block alone") {
  std::vector<float> x(512, 1e-3f);
  x[3] = 1e6f;
  auto const y = stored_and_loaded<Sign::Either>(x);
  CHECK(y[4] == 0);
  for (std::size_t i = 256; i < 512; ++i) CHECK(y[i] == 1e-3f);
}

TEST_CASE("what is not finite is stored as something finite or its scale") {
  float const inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  BlockQuantized<float, Sign::Either> q(4);
  q.store(0, std::vector<float>{nan, 1, -1, 0});
  std::vector<float> out(4);
  q.load(0, out);
  CHECK(out[1] == 1);
  CHECK(out[3] == 0);
  q.store(0, std::vector<float>{inf, -inf, nan, 0});
  CHECK(q.scales[0] == inf);
}

TEST_CASE("six steps are the oracle's, and bitsandbytes' within a twentieth of the way") {
  std::size_t const size = data()["size"], every = data()["every"], steps = data()["steps"];
  for (auto const& run : data()["runs"]) {
    Tensor w(size);
    for (std::size_t i = 0; i < size; ++i)
      w.value[i] = static_cast<float>(static_cast<int>(i * 613 % 2001) - 1000) / 1024;
    AdamWOptions options = in_8_bits;
    options.beta2 = run["beta2"];
    options.weight_decay = run["weight_decay"];
    AdamW optimizer(options);
    for (std::size_t step = 0; step < steps; ++step) {
      for (std::size_t i = 0; i < size; ++i) {
        auto const k = static_cast<float>((i * 7919 + step * 104729) % 901 + 100) / 1024;
        w.gradient[i] = ((i * 31 + step * 17) % 3 == 0 ? -k : k) * std::ldexp(1.0f, -static_cast<int>(i % 5));
      }
      auto const view = w.view();
      optimizer.step(std::span(&view, 1), 1e-2);
    }
    auto const& moments = std::get<AdamW::QuantizedMoments<float>>(optimizer.states()[0]);
    for (std::size_t k = 0; k * every < size; ++k) {
      CHECK(w.value[k * every] == Approx(run["values"][k].get<double>()).epsilon(1e-6).margin(1e-7));
      CHECK(w.value[k * every] ==
            Approx(run["bitsandbytes"][k].get<double>()).epsilon(0).margin(0.05 * 1e-2 * static_cast<double>(steps)));
      CHECK(moments.first.codes[k * every] == run["first"][k]);
      CHECK(moments.second.codes[k * every] == run["second"][k]);
    }
    for (std::size_t b = 0; b < quantized_blocks(size); ++b) {
      CHECK(moments.first.scales[b] == Approx(run["first_scale"][b].get<double>()).epsilon(1e-6));
      CHECK(moments.second.scales[b] == Approx(run["second_scale"][b].get<double>()).epsilon(1e-6));
    }
  }
}

TEST_CASE("a small gradient beside a large one takes no step beyond the rate's order") {
  // Its second moment, 1e-10 of the block's largest, is below the smallest level. Were it stored as 0, the next step
  // with no gradient would be 0.9 * 1e-6 / 1e-8 = 90 rates long.
  Tensor w(AdamW::least_quantized);
  AdamW optimizer(in_8_bits);
  auto const view = w.view();
  w.gradient[0] = 1;
  w.gradient[1] = 1e-5f;
  optimizer.step(std::span(&view, 1), 0.1);
  w.gradient[0] = 1;
  w.gradient[1] = 0;
  float const before = w.value[1];
  optimizer.step(std::span(&view, 1), 0.1);
  CHECK(std::abs(w.value[1] - before) < 0.1f);
}

TEST_CASE("small tensors keep full moments, and a piece goes by the tensor that it is of") {
  Tensor large(AdamW::least_quantized), small(AdamW::least_quantized - 1);
  AdamW const optimizer(in_8_bits);
  auto piece = small.view();
  CHECK(std::holds_alternative<AdamW::QuantizedMoments<float>>(optimizer.zero_moments(large.view(), 10)));
  CHECK(std::holds_alternative<AdamW::Moments<float>>(optimizer.zero_moments(piece, piece.size)));
  piece.whole = 10000;
  CHECK(std::holds_alternative<AdamW::QuantizedMoments<float>>(optimizer.zero_moments(piece, piece.size)));
  CHECK(std::holds_alternative<AdamW::QuantizedMoments<double>>(
      optimizer.zero_moments(Tensor<double>(5000).view(), 5000)));
  auto const bytes = std::visit([](auto const& m) { return m.bytes(); }, optimizer.zero_moments(large.view(), 4096));
  CHECK(bytes == 2 * 4096 + 2 * 16 * sizeof(float));
  AdamW full;
  auto const view = large.view();
  full.step(std::span(&view, 1), 0.0);
  AdamW other(in_8_bits);
  other.restore({full.states().begin(), full.states().end()}, 1);
  CHECK_THROWS_AS(other.step(std::span(&view, 1), 0.0), Error);
}
