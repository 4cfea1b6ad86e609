// SPDX-License-Identifier: Apache-2.0
// Decode over pages by own kernels, in steps of few shapes that are recorded.
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "grove/error.hpp"
#include "grove/nn/torch/paged_step.hpp"
#include "grove/nn/torch/session_impl.hpp"
#include "grove/nn/torch/tensors.hpp"

namespace grove::nn::torch::detail {
namespace {

constexpr std::size_t head_rows = 8;  // states after prompts that meet the vocabulary at a time

template <class Variant>
class PagedSession : public SessionImpl {
 public:
  PagedSession(Decoder<Variant> const& decoder, DecodeKernels const& kernels)
      : model_(decoder.impl()),
        kernels_(kernels),
        cache_(model_.config, model_.rotary, model_.weights.embedding.value.options().requires_grad(false)) {}

  Slot open(std::size_t first_position) override { return cache_.open(first_position); }
  void append(PackedBatch pieces, std::span<Slot const> slots, std::span<float> logits) override {
    kernels_.in_order([&] { do_append(pieces, slots, logits); });
  }
  Slot fork(Slot parent) override {
    Slot slot = 0;
    kernels_.in_order([&] { slot = cache_.fork(parent); });
    return slot;
  }
  void step(std::span<Slot const> slots, std::span<TokenId const> tokens, std::span<float> logits) override {
    kernels_.in_order([&] {
      auto& step = do_step(grown(slots, tokens), {});
      if (!logits.empty()) copy_out(step.result().narrow(0, 0, extent(slots.size())), logits);
    });
  }
  void release(Slot slot) override { cache_.close(slot); }
  [[nodiscard]] std::size_t length(Slot slot) const override { return cache_.table().length(slot); }

  bool limit(std::size_t pages) override {
    cache_.limit(pages);
    return true;
  }
  [[nodiscard]] std::size_t free_pages() const override { return cache_.table().free_pages(); }
  [[nodiscard]] std::size_t extend_pages(Slot slot, std::size_t tokens) const override {
    return cache_.table().extend_pages(slot, tokens);
  }
  [[nodiscard]] std::size_t fork_pages(Slot slot) const override { return cache_.table().fork_pages(slot); }

  bool draw_by(cpu::SamplingOptions const& options, RandomStream const& random) override {
    options_ = options;
    draws_.emplace(StepDraws{{options.temperature, options.top_k, options.top_p, options.min_p}, random});
    steps_.clear();
    schedule_ = {};
    return true;
  }
  void step(std::span<Slot const> slots, std::span<TokenId const> tokens, std::span<Draw const> draws,
            std::span<cpu::SampledToken> drawn) override {
    kernels_.in_order([&] {
      auto const& step = do_step(grown(slots, tokens), draws);
      std::vector<cuda::DrawnToken> found(slots.size());
      step.read(found);
      for (std::size_t i = 0; i < found.size(); ++i) {
        if (found[i].fault != cuda::RowFault::None) refuse(step.result().select(0, extent(i)), draws[i]);
        drawn[i] = {found[i].token, found[i].log_prob, found[i].kept_mass};
      }
    });
  }

 private:
  /// One more token of each slot.
  std::vector<StepRow> grown(std::span<Slot const> slots, std::span<TokenId const> tokens) {
    std::vector<StepRow> rows;
    for (std::size_t i = 0; i < slots.size(); ++i) {
      rows.push_back({slots[i], cache_.table().length(slots[i]), tokens[i]});
      cache_.extend(slots[i], 1);
    }
    return rows;
  }

  /// The tokens of prompts are rows of steps, too, as many as go into one at a time: no product and no attention of a
  /// row depends on what else is among them.
  void do_append(PackedBatch const& pieces, std::span<Slot const> slots, std::span<float> logits) {
    std::vector<StepRow> rows;
    for (std::size_t s = 0; s < slots.size(); ++s) {
      auto const tokens = pieces.tokens.subspan(pieces.cu_seqlens[s], pieces.cu_seqlens[s + 1] - pieces.cu_seqlens[s]);
      auto const length = cache_.table().length(slots[s]);
      for (std::size_t i = 0; i < tokens.size(); ++i) rows.push_back({slots[s], length + i, tokens[i]});
      cache_.extend(slots[s], tokens.size());
    }
    auto const wanted = logits.size() / model_.config.vocab_size;
    auto const& embedding = model_.weights.embedding.value;
    auto const padded_rows = (wanted + head_rows - 1) / head_rows * head_rows;
    auto const last = at::zeros({extent(padded_rows), embedding.size(1)}, embedding.options().requires_grad(false));
    std::size_t next = 0;
    for (std::size_t begin = 0; begin < rows.size(); begin += prompt_rows) {
      auto const part = std::span<StepRow const>(rows).subspan(begin, std::min(prompt_rows, rows.size() - begin));
      auto const& states = do_step(part, {}, true).result();
      for (; next < wanted && pieces.cu_seqlens[next + 1] <= begin + part.size(); ++next)
        last.select(0, extent(next)).copy_(states.select(0, extent(pieces.cu_seqlens[next + 1] - 1 - begin)));
    }
    for (std::size_t i = 0; i < wanted; i += head_rows) {
      auto const n = std::min(head_rows, wanted - i);
      auto const found =
          kernels_.logits(last.narrow(0, extent(i), extent(head_rows)), model_.weights.head.value.detach());
      copy_out(found.narrow(0, 0, extent(n)),
               logits.subspan(i * model_.config.vocab_size, n * model_.config.vocab_size));
    }
  }

  PagedStep<Variant>& do_step(std::span<StepRow const> rows, std::span<Draw const> draws, bool prompt = false) {
    std::size_t pages = 0;
    for (auto const& row : rows) pages = std::max(pages, cache_.table().pages(row.slot).size());
    auto const shape = padded({rows.size(), pages, prompt});
    if (cache_.epoch() != schedule_.epoch()) steps_.clear();
    auto const mode = schedule_.next(shape, cache_.epoch());
    auto const [at, made] = steps_.try_emplace(shape, nullptr);
    if (!at->second) at->second = std::make_unique<PagedStep<Variant>>(model_, cache_, kernels_, shape, draws_);
    at->second->fill(rows, draws);
    at->second->run(mode);
    return *at->second;
  }

  /// With the CPU sampler's words.
  [[noreturn]] void refuse(at::Tensor const& logits, Draw const& draw) const {
    std::vector<float> row(static_cast<std::size_t>(logits.numel()));
    copy_out(logits, row);
    std::string const where = "id " + std::to_string(draw.index) + ", sample " + std::to_string(draw.sample) +
                              ", token " + std::to_string(draw.token);
    try {
      static_cast<void>(cpu::TokenSampler(options_)(row, 0));
    } catch (Error const& error) {
      throw Error(where, error.problem, error.expected, error.fix);
    }
    throw Error(where, "the device finds no token in logits that the host takes");
  }

  typename Decoder<Variant>::Impl const& model_;
  DecodeKernels const& kernels_;
  PagedCache cache_;
  StepSchedule schedule_;
  std::map<StepShape, std::unique_ptr<PagedStep<Variant>>> steps_;
  cpu::SamplingOptions options_{};
  std::optional<StepDraws> draws_{};
};

}  // namespace

bool fits_kernels(io::ModelConfig const& config) {
  return cuda::has_attention_kernel(config.head_dim) && config.hidden_size % 8 == 0 &&
         config.vocab_size <= cuda::sampling_segment * cuda::most_sampling_segments;
}

template <class Variant>
std::unique_ptr<SessionImpl> make_paged_session(Decoder<Variant> const& decoder, DecodeKernels const& kernels) {
  return std::make_unique<PagedSession<Variant>>(decoder, kernels);
}

template std::unique_ptr<SessionImpl> make_paged_session(Decoder<Qwen2> const&, DecodeKernels const&);
template std::unique_ptr<SessionImpl> make_paged_session(Decoder<Qwen3> const&, DecodeKernels const&);
template std::unique_ptr<SessionImpl> make_paged_session(Decoder<Llama> const&, DecodeKernels const&);

}  // namespace grove::nn::torch::detail
