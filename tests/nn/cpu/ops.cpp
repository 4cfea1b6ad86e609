// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/ops.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "grove/random.hpp"
#include "support/catch.hpp"

using namespace grove::nn::cpu::detail;
using Row = std::vector<float>;

namespace {

Row random_row(std::size_t n, std::uint64_t index, double width = 1) {
  grove::RandomSequence random(grove::RandomStream({.seed = 7}), index);
  Row row(n);
  for (float& x : row) x = static_cast<float>(random.normal() * width);
  return row;
}

std::vector<RowOps const*> all_ops() {
  std::vector<RowOps const*> found;
  for (Isa isa : {Isa::Portable, Isa::Avx2, Isa::Avx512}) {
    if (auto const* ops = find_row_ops(isa)) found.push_back(ops);
  }
  return found;
}

double ulps(float x, double exact) {
  float const rounded = static_cast<float>(exact);
  double const ulp = std::nextafter(rounded, std::numeric_limits<float>::infinity()) - static_cast<double>(rounded);
  return std::abs(static_cast<double>(x) - exact) / ulp;
}

// Numerical derivative of a scalar function of a double vector.
template <class F>
double slope(F const& f, std::vector<double> x, std::size_t i) {
  double const h = 1e-5;
  x[i] += h;
  double const above = f(x);
  x[i] -= 2 * h;
  return (above - f(x)) / (2 * h);
}

std::vector<double> widen(Row const& row) { return {row.begin(), row.end()}; }

}  // namespace

TEST_CASE("exponential is within 2 ulp, exact at its ends and keeps NaN") {
  float const infinity = std::numeric_limits<float>::infinity();
  for (auto const* ops : all_ops()) {
    Row x;
    for (double v = -87.33; v < 88.72; v += 0.00097) x.push_back(static_cast<float>(v));
    Row y(x.size());
    ops->exponential(x.data(), x.size(), y.data());
    double worst = 0;
    for (std::size_t i = 0; i < x.size(); ++i) worst = std::max(worst, ulps(y[i], std::exp(static_cast<double>(x[i]))));
    CHECK(worst < 2);
    Row const special{0, -infinity, -88, -1e30F, infinity, 1e30F, std::nanf("")};
    Row out(special.size());
    ops->exponential(special.data(), special.size(), out.data());
    CHECK(out[0] == 1);
    CHECK(out[1] == 0);
    CHECK(out[2] == 0);
    CHECK(out[3] == 0);
    CHECK(out[4] > 3.4e38F);
    CHECK(std::isfinite(out[5]));
    CHECK(std::isnan(out[6]));
  }
}

TEST_CASE("RMS norm and its gradients") {
  std::size_t const n = GENERATE(5U, 16U, 32U, 131U);
  Row const x = random_row(n, 1);
  Row const weight = random_row(n, 2);
  Row const dy = random_row(n, 3);
  auto const loss = [&](std::vector<double> const& v) {
    double squares = 0;
    for (double a : v) squares += a * a;
    double const r = 1 / std::sqrt(squares / static_cast<double>(n) + 1e-6);
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += v[i] * r * weight[i] * dy[i];
    return sum;
  };
  for (auto const* ops : all_ops()) {
    Row y(n);
    float const r = ops->rms_norm(x.data(), weight.data(), n, 1e-6F, y.data());
    double squares = 0;
    for (float a : x) squares += static_cast<double>(a) * a;
    CHECK(r == Approx(1 / std::sqrt(squares / static_cast<double>(n) + 1e-6)).epsilon(1e-6));
    Row dx = random_row(n, 4);
    Row const before = dx;
    ops->rms_norm_backward(dy.data(), x.data(), weight.data(), n, 1e-6F, dx.data());
    Row dweight(n, 0.5F);
    ops->rms_norm_weight_backward(dy.data(), n, x.data(), n, &r, 1, n, dweight.data());
    for (std::size_t i = 0; i < n; ++i) {
      CHECK(y[i] == Approx(x[i] * r * weight[i]).epsilon(1e-6));
      CHECK(dx[i] - before[i] == Approx(slope(loss, widen(x), i)).epsilon(1e-4).margin(1e-5));
      CHECK(dweight[i] == Approx(0.5F + dy[i] * x[i] * r).epsilon(1e-5));
    }
  }
}

TEST_CASE("Sums over rows begin with what is there, so a batch may come in pieces") {
  std::size_t const rows = 23;
  std::size_t const n = 37;
  Row const dy = random_row(rows * n, 1);
  Row const x = random_row(rows * n, 2);
  Row const r = random_row(rows, 3);
  for (auto const* ops : all_ops()) {
    Row whole(n, 0.25F);
    Row pieces(n, 0.25F);
    ops->column_sums(dy.data(), n, rows, n, whole.data());
    ops->rms_norm_weight_backward(dy.data(), n, x.data(), n, r.data(), rows, n, whole.data());
    ops->column_sums(dy.data(), n, 10, n, pieces.data());
    ops->column_sums(dy.data() + 10 * n, n, rows - 10, n, pieces.data());
    ops->rms_norm_weight_backward(dy.data(), n, x.data(), n, r.data(), 7, n, pieces.data());
    ops->rms_norm_weight_backward(dy.data() + 7 * n, n, x.data() + 7 * n, n, r.data() + 7, rows - 7, n, pieces.data());
    CHECK(whole == pieces);
    double sum = 0.25;
    for (std::size_t row = 0; row < rows; ++row) sum += dy[row * n] * (1.0 + static_cast<double>(x[row * n]) * r[row]);
    CHECK(whole[0] == Approx(sum).epsilon(1e-5));
  }
}

TEST_CASE("A rotation turns the halves of a head and its gradient turns back") {
  std::size_t const half = GENERATE(4U, 16U, 20U);
  Row const x = random_row(2 * half, 1);
  Row cos(half);
  Row sin(half);
  for (std::size_t i = 0; i < half; ++i) {
    cos[i] = std::cos(0.3F * static_cast<float>(i));
    sin[i] = std::sin(0.3F * static_cast<float>(i));
  }
  for (auto const* ops : all_ops()) {
    Row y = x;
    ops->rotate(y.data(), cos.data(), sin.data(), half, false);
    for (std::size_t i = 0; i < half; ++i) {
      CHECK(y[i] == Approx(x[i] * cos[i] - x[i + half] * sin[i]).margin(1e-6));
      CHECK(y[i + half] == Approx(x[i + half] * cos[i] + x[i] * sin[i]).margin(1e-6));
    }
    ops->rotate(y.data(), cos.data(), sin.data(), half, true);
    for (std::size_t i = 0; i < 2 * half; ++i) CHECK(y[i] == Approx(x[i]).margin(1e-6));
  }
}

TEST_CASE("SwiGLU and its gradients") {
  std::size_t const n = GENERATE(3U, 48U, 61U);
  Row gate = random_row(n, 1, 3);
  gate[0] = -100;
  gate[1] = 100;
  Row const up = random_row(n, 2);
  Row const dy = random_row(n, 3);
  for (auto const* ops : all_ops()) {
    Row y(n);
    Row again(n);
    Row dgate(n);
    Row dup(n);
    ops->swiglu(gate.data(), up.data(), n, y.data());
    ops->swiglu_backward(dy.data(), gate.data(), up.data(), n, dgate.data(), dup.data(), again.data());
    CHECK(y == again);
    for (std::size_t i = 0; i < n; ++i) {
      double const s = 1 / (1 + std::exp(-static_cast<double>(gate[i])));
      CHECK(y[i] == Approx(gate[i] * s * up[i]).epsilon(1e-6).margin(1e-30));
      CHECK(dup[i] == Approx(dy[i] * gate[i] * s).epsilon(1e-6).margin(1e-30));
      CHECK(dgate[i] == Approx(dy[i] * up[i] * s * (1 + gate[i] * (1 - s))).epsilon(1e-5).margin(1e-6));
    }
  }
}

TEST_CASE("AVX2 and AVX-512 give the same bits") {
  auto const* a = find_row_ops(Isa::Avx2);
  auto const* b = find_row_ops(Isa::Avx512);
  if (a == nullptr || b == nullptr) {
    WARN("skipped: this CPU has no AVX-512");
    return;
  }
  std::size_t const n = 515;
  Row const x = random_row(n, 1, 5);
  Row const w = random_row(n, 2);
  Row p(n);
  Row q(n);
  CHECK(a->rms_norm(x.data(), w.data(), n, 1e-6F, p.data()) == b->rms_norm(x.data(), w.data(), n, 1e-6F, q.data()));
  CHECK(p == q);
  a->rms_norm_backward(w.data(), x.data(), x.data(), n, 1e-6F, p.data());
  b->rms_norm_backward(w.data(), x.data(), x.data(), n, 1e-6F, q.data());
  CHECK(p == q);
  a->swiglu(x.data(), w.data(), n, p.data());
  b->swiglu(x.data(), w.data(), n, q.data());
  CHECK(p == q);
  CHECK(a->scaled_maximum(x.data(), n, 0.7F) == b->scaled_maximum(x.data(), n, 0.7F));
  CHECK(a->exponential_sum(x.data(), n, 0.7F, 9, p.data()) == b->exponential_sum(x.data(), n, 0.7F, 9, q.data()));
  CHECK(p == q);
  auto const first = a->spread_sums(x.data(), n, 0.7F, 9);
  auto const second = b->spread_sums(x.data(), n, 0.7F, 9);
  CHECK((first.first == second.first && first.second == second.second));
}
