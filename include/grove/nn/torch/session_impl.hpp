// SPDX-License-Identifier: Apache-2.0
// The two ways to decode that stand behind DecodeSession: ATen operations over rows of fixed capacity, for any device,
// and own kernels over pages.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "grove/nn/torch/decode_kernels.hpp"
#include "grove/nn/torch/decoder.hpp"
#include "grove/nn/torch/decoder_session.hpp"

namespace grove::nn::torch::detail {

/// Arguments are those of DecodeSession's functions, and checked.
class SessionImpl {
 public:
  using Slot = std::uint32_t;

  SessionImpl() = default;
  virtual ~SessionImpl() = default;
  SessionImpl(SessionImpl const&) = delete;
  SessionImpl& operator=(SessionImpl const&) = delete;

  virtual Slot open(std::size_t first_position) = 0;
  virtual void append(PackedBatch pieces, std::span<Slot const> slots, std::span<float> logits) = 0;
  virtual Slot fork(Slot parent) = 0;
  virtual void step(std::span<Slot const> slots, std::span<TokenId const> tokens, std::span<float> logits) = 0;
  virtual void release(Slot slot) = 0;
  [[nodiscard]] virtual std::size_t length(Slot slot) const = 0;

  /// False where this session has no pages.
  virtual bool limit(std::size_t /*pages*/) { return false; }
  [[nodiscard]] virtual std::size_t free_pages() const { return static_cast<std::size_t>(-1); }
  [[nodiscard]] virtual std::size_t extend_pages(Slot /*slot*/, std::size_t /*tokens*/) const { return 0; }
  [[nodiscard]] virtual std::size_t fork_pages(Slot /*slot*/) const { return 0; }

  /// False where this session does not draw.
  virtual bool draw_by(cpu::SamplingOptions const& /*options*/, RandomStream const& /*random*/) { return false; }
  /// A step whose logits stay where they are: the tokens after it.
  virtual void step(std::span<Slot const> /*slots*/, std::span<TokenId const> /*tokens*/,
                    std::span<Draw const> /*draws*/, std::span<cpu::SampledToken> /*drawn*/) {}
};

/// Whether the kernels take a model of these sizes.
[[nodiscard]] bool fits_kernels(io::ModelConfig const& config);

/// `kernels` must outlive the session.
template <class Variant>
[[nodiscard]] std::unique_ptr<SessionImpl> make_paged_session(Decoder<Variant> const& decoder,
                                                              DecodeKernels const& kernels);

extern template std::unique_ptr<SessionImpl> make_paged_session(Decoder<Qwen2> const&, DecodeKernels const&);
extern template std::unique_ptr<SessionImpl> make_paged_session(Decoder<Qwen3> const&, DecodeKernels const&);
extern template std::unique_ptr<SessionImpl> make_paged_session(Decoder<Llama> const&, DecodeKernels const&);

}  // namespace grove::nn::torch::detail
