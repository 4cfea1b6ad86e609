// SPDX-License-Identifier: Apache-2.0
#include "grove/nn/cpu/decoder_head.hpp"

#include <algorithm>

#include "grove/io/bf16.hpp"
#include "grove/nn/cpu/gemm.hpp"
#include "grove/nn/cpu/ops.hpp"
#include "grove/nn/cpu/vocab.hpp"

namespace grove::nn::cpu::detail {
namespace {

constexpr std::size_t statistics = 4;  // scale, maximum, sum, log_sum

std::span<float> row_of(float* matrix, std::size_t row, std::size_t width) { return {matrix + row * width, width}; }

bool projects(HeadOutputs const& wanted) {
  return !wanted.log_prob.empty() || !wanted.entropy.empty() || !wanted.sum_squares.empty();
}

float in_bf16(float x) { return io::bf16_to_f32(io::f32_to_bf16(x)); }

}  // namespace

// Rows that fit the caches, but no fewer tiles than threads.
std::size_t HeadPass::tile_rows() const noexcept {
  std::size_t const share = (rows_.rows.size() + pool_.size() - 1) / pool_.size();
  return std::clamp<std::size_t>(share, 1, PackedRows::tile_rows);
}

HeadPass::Range HeadPass::tile(Range of, std::size_t index) const noexcept {
  std::size_t const begin = index * tile_rows();
  return {of.begin + begin, std::min(tile_rows(), of.count - begin)};
}

std::size_t HeadPass::chunk_rows() const noexcept {
  std::size_t const most = std::max<std::size_t>(PackedRows::tile_rows, logits_ / layout_.config.vocab_size);
  return std::min(most, rows_.rows.size());
}

bool HeadPass::keeps_logits() const noexcept { return chunk_rows() == rows_.rows.size(); }

void HeadPass::forward(float const* x, HeadOutputs outputs, bool keep) {
  std::size_t const n = rows_.rows.size();
  if (keep) {
    memory_.head.x.reserve(n * layout_.hidden);
    memory_.head.normed.reserve(n * layout_.hidden);
    memory_.head.inverse.reserve(n);
    memory_.head.statistics.reserve(n * statistics);
    if (!outputs.log_prob.empty()) memory_.head.logits.reserve(chunk_rows() * layout_.config.vocab_size);
  }
  if (projects(outputs)) memory_.head.projected += n;
  Range const all{0, n};
  pool_.parallel_for((n + tile_rows() - 1) / tile_rows(),
                     [&](std::size_t index) { forward_tile(x, outputs, keep, tile(all, index)); });
}

void HeadPass::forward_tile(float const* x, HeadOutputs outputs, bool keep, Range range) {
  ScratchPool::Lease const scratch(memory_.scratch);
  std::size_t const hidden = layout_.hidden;
  std::size_t const vocab = layout_.config.vocab_size;
  float* const normed =
      keep ? memory_.head.normed.data() + range.begin * hidden : scratch->normed.reserve(range.count * hidden);
  for (std::size_t i = 0; i < range.count; ++i) {
    float const* const row = x + rows_.rows[range.begin + i] * hidden;
    float const r = row_ops().rms_norm(row, weights_.norm.data(), hidden, layout_.epsilon, normed + i * hidden);
    if (!keep) continue;
    memory_.head.inverse.data()[range.begin + i] = r;
    std::copy(row, row + hidden, memory_.head.x.data() + (range.begin + i) * hidden);
  }
  if (!outputs.hidden.empty()) std::copy_n(normed, range.count * hidden, outputs.hidden.data() + range.begin * hidden);
  if (!projects(outputs)) return;
  bool const kept = keep && keeps_logits();
  float* const logits =
      kept ? memory_.head.logits.data() + range.begin * vocab : scratch->logits.reserve(range.count * vocab);
  project(normed, range.count, logits);
  read_outputs(logits, outputs, keep, range);
}

void HeadPass::project(float const* normed, std::size_t rows, float* logits) const {
  std::size_t const vocab = layout_.config.vocab_size;
  gemm_tile(normed, layout_.hidden, rows, weights_.head, 0, vocab, logits, vocab);
  if (rows_.bf16) std::transform(logits, logits + rows * vocab, logits, in_bf16);
}

void HeadPass::read_outputs(float const* logits, HeadOutputs outputs, bool keep, Range range) const {
  std::size_t const vocab = layout_.config.vocab_size;
  for (std::size_t i = 0; i < range.count; ++i) {
    std::size_t const at = range.begin + i;
    std::span<float const> const row(logits + i * vocab, vocab);
    Softmax const soft = softmax(row, rows_.temperature);
    if (!outputs.log_prob.empty()) {
      float const log_prob = soft.log_prob(row[static_cast<std::size_t>(rows_.targets[at])]);
      outputs.log_prob[at] = rows_.bf16 ? in_bf16(log_prob) : log_prob;
    }
    if (!outputs.entropy.empty() || !outputs.sum_squares.empty()) {
      Spread const wide = spread(row, soft);
      if (!outputs.entropy.empty()) outputs.entropy[at] = wide.entropy;
      if (!outputs.sum_squares.empty()) outputs.sum_squares[at] = wide.sum_squares;
    }
    if (!keep) continue;
    float* const to = memory_.head.statistics.data() + at * statistics;
    to[0] = soft.scale;
    to[1] = soft.maximum;
    to[2] = soft.sum;
    to[3] = soft.log_sum;
  }
}

void HeadPass::logits_gradient(Range range, std::span<float const> entropy, HeadGradients gradients,
                               float* logits) const {
  std::size_t const vocab = layout_.config.vocab_size;
  for (std::size_t i = 0; i < range.count; ++i) {
    std::size_t const at = range.begin + i;
    float const* const from = memory_.head.statistics.data() + at * statistics;
    Softmax const soft{.scale = from[0], .maximum = from[1], .sum = from[2], .log_sum = from[3]};
    float const d_entropy = gradients.entropy.empty() ? 0.0F : gradients.entropy[at];
    float const mean = entropy.empty() ? 0.0F : entropy[at];
    softmax_gradient(row_of(logits, i, vocab), soft, rows_.targets[at], gradients.log_prob[at], d_entropy, mean);
  }
}

void HeadPass::backward(std::span<float const> entropy, HeadGradients gradients, float* dx, Offsets const& offsets,
                        std::span<float> values) {
  std::size_t const n = rows_.rows.size();
  std::size_t const hidden = layout_.hidden;
  std::size_t const vocab = layout_.config.vocab_size;
  float* const dnormed = memory_.head.gradient.reserve(n * hidden);
  auto const through_norm = [&](Range range) {
    for (std::size_t i = range.begin; i < range.begin + range.count; ++i)
      row_ops().rms_norm_backward(dnormed + i * hidden, memory_.head.x.data() + i * hidden, weights_.norm.data(),
                                  hidden, layout_.epsilon, dx + rows_.rows[i] * hidden);
  };
  if (gradients.log_prob.empty()) {
    std::fill_n(dnormed, n * hidden, 0.0F);
    std::ranges::copy(gradients.hidden, dnormed);
    through_norm({0, n});
  }
  if (!gradients.log_prob.empty() && !keeps_logits()) memory_.head.projected += n;
  for (std::size_t begin = 0; begin < n && !gradients.log_prob.empty(); begin += chunk_rows()) {
    Range const chunk{begin, std::min(chunk_rows(), n - begin)};
    float* const logits = memory_.head.logits.data();
    pool_.parallel_for((chunk.count + tile_rows() - 1) / tile_rows(), [&](std::size_t index) {
      Range const range = tile(chunk, index);
      backward_tile(range, entropy, gradients, logits + (range.begin - begin) * vocab);
      through_norm(range);
    });
    if (values.empty()) continue;
    gemm_weight_gradient(pool_, logits, vocab, memory_.head.normed.data() + begin * hidden, hidden, chunk.count, vocab,
                         hidden, values.data() + offsets.head, hidden);
  }
  if (values.empty()) return;
  row_ops().rms_norm_weight_backward(dnormed, hidden, memory_.head.x.data(), hidden, memory_.head.inverse.data(), n,
                                     hidden, values.data() + offsets.norm);
}

/// Logits (once more where they were not kept) to their gradients, and those of the rows' normed states.
void HeadPass::backward_tile(Range range, std::span<float const> entropy, HeadGradients gradients, float* logits) {
  std::size_t const hidden = layout_.hidden;
  std::size_t const vocab = layout_.config.vocab_size;
  float const* const normed = memory_.head.normed.data() + range.begin * hidden;
  if (!keeps_logits()) project(normed, range.count, logits);
  logits_gradient(range, entropy, gradients, logits);
  float* const dnormed = memory_.head.gradient.data() + range.begin * hidden;
  bool const outer = !gradients.hidden.empty();
  if (outer) std::copy_n(gradients.hidden.data() + range.begin * hidden, range.count * hidden, dnormed);
  gemm_tile(logits, vocab, range.count, weights_.head_back, 0, hidden, dnormed, hidden, {.accumulate = outer});
}

}  // namespace grove::nn::cpu::detail
