// SPDX-License-Identifier: Apache-2.0
// Distributions over actions against torch.distributions (tests/oracle/control_heads.py wrote the numbers).
#include "grove/control/heads.hpp"

#include <array>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "support/catch.hpp"

namespace control = grove::control;
using nlohmann::json;

namespace {

json const& data() {
  static json const all = json::parse(std::ifstream(GROVE_TEST_DATA "/control/heads.json"));
  return all;
}

template <class H>
void check(H const& head, json const& row, std::vector<float> const& outputs, typename H::Action const& action) {
  auto const near = [](double expected) { return Approx(expected).epsilon(1e-5).margin(2e-6); };
  auto const likelihood = head.likelihood(outputs.data(), action);
  CHECK(likelihood.log_prob == near(row["log_prob"]));
  CHECK(likelihood.entropy == near(row["entropy"]));
  for (bool of_entropy : {false, true}) {
    auto const& expected = row[of_entropy ? "d_entropy" : "d_log_prob"];
    std::array<float, 3> d_outputs{}, d_free{};
    head.add_gradient(outputs.data(), action, of_entropy ? 0.0f : 1.0f, of_entropy ? 1.0f : 0.0f, d_outputs.data(),
                      d_free.data());
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(d_outputs[i] == near(expected[0][i]));
      if (H::free_parameters > 0) CHECK(d_free[i] == near(expected[1][i]));
    }
  }
}

}  // namespace

TEST_CASE("Categorical is torch's") {
  REQUIRE(data()["categorical"].size() == 5);
  for (auto const& row : data()["categorical"])
    check(control::Categorical<3>(nullptr), row, row["logits"], row["action"].get<std::uint32_t>());
}

TEST_CASE("DiagonalGaussian is torch's Normal") {
  REQUIRE(data()["gaussian"].size() == 4);
  for (auto const& row : data()["gaussian"]) {
    std::vector<float> const log_deviation = row["log_deviation"];
    check(control::DiagonalGaussian<3>(log_deviation.data()), row, row["mean"],
          row["action"].get<std::array<float, 3>>());
  }
}

TEST_CASE("Categorical draws each choice as often as its probability says") {
  std::array<float, 3> const logits = {0.3f, -1.0f, 1.2f};
  control::Categorical<3> const head(nullptr);
  grove::RandomStream const random({1, grove::Purpose::Action});
  std::array<double, 3> count{};
  constexpr int draws = 40000;
  for (std::uint64_t i = 0; i < draws; ++i) count[head.sample(logits.data(), random, {.index = i})] += 1;
  double chi_square = 0;
  for (std::uint32_t a = 0; a < 3; ++a) {
    double const expected = draws * std::exp(static_cast<double>(head.likelihood(logits.data(), a).log_prob));
    chi_square += (count[a] - expected) * (count[a] - expected) / expected;
  }
  CHECK(chi_square < 13.8);  // 2 degrees of freedom, 1 in 1,000
  CHECK(head.mode(logits.data()) == 2);
}

TEST_CASE("DiagonalGaussian draws independent numbers of its mean and deviation") {
  std::array<float, 3> const mean = {1.0f, -2.0f, 0.5f}, log_deviation = {0.0f, -1.0f, 1.0f};
  control::DiagonalGaussian<3> const head(log_deviation.data());
  grove::RandomStream const random({1, grove::Purpose::Action});
  constexpr int draws = 40000;
  std::array<double, 3> sum{}, squares{};
  std::array<double, 3> cross{};
  for (std::uint64_t i = 0; i < draws; ++i) {
    auto const action = head.sample(mean.data(), random, {.index = i});
    std::array<double, 3> z{};
    for (std::size_t k = 0; k < 3; ++k) {
      z[k] = (static_cast<double>(action[k]) - static_cast<double>(mean[k])) /
             std::exp(static_cast<double>(log_deviation[k]));
      sum[k] += z[k];
      squares[k] += z[k] * z[k];
    }
    for (std::size_t k = 0; k < 3; ++k) cross[k] += z[k] * z[(k + 1) % 3];
  }
  double const error = 1 / std::sqrt(static_cast<double>(draws));
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(std::abs(sum[k] / draws) < 4 * error);
    CHECK(std::abs(squares[k] / draws - 1) < 4 * std::sqrt(2.0) * error);
    CHECK(std::abs(cross[k] / draws) < 4 * error);
  }
  CHECK(head.mode(mean.data()) == mean);
}

TEST_CASE("Extreme logits stay finite") {
  std::array<float, 2> const logits = {1e4f, -1e4f};
  control::Categorical<2> const head(nullptr);
  for (std::uint32_t action : {0u, 1u}) {
    auto const l = head.likelihood(logits.data(), action);
    CHECK(std::isfinite(l.log_prob));
    CHECK(l.entropy == 0.0f);
    std::array<float, 2> gradient{};
    head.add_gradient(logits.data(), action, 1.0f, 1.0f, gradient.data(), nullptr);
    CHECK(std::isfinite(gradient[0]));
    CHECK(gradient[0] == -gradient[1]);
  }
}
