// SPDX-License-Identifier: Apache-2.0
// Completions of many prompts with the weights of one tensor decoder: the decode loop and the random keys of the CPU
// engine, over this engine's sessions. Tokens are drawn by the CPU engine's sampler, to which logits come, or by the
// kernel that does the same. Of the same weights, prompt, options and key both engines draw the same completion, but
// where rounding moves a number across the border of two tokens.
#pragma once

#include <cstddef>
#include <span>

#include "grove/nn/cpu/generation_options.hpp"
#include "grove/nn/cpu/thread_pool.hpp"
#include "grove/nn/torch/decoder.hpp"

namespace grove::nn::torch {

class DecodeKernels;

/// Hands every completion to `sink`, as cpu::Generator::generate does. `pool` draws tokens; keys and values take at
/// most `cache_bytes` (and at least one sequence), or `options.kv_cache_bytes` where that is given. Over pages this is
/// a bound on those in use, and sequences enter and make room as they do on the CPU; without kernels for pages it says
/// how many sequences run at a time. `kernels` stand in for those that the decoder's device has.
template <class Variant>
void generate(Decoder<Variant> const& decoder, std::span<cpu::GenerationRequest const> requests,
              cpu::GenerationOptions const& options, cpu::GenerationSink const& sink, cpu::ThreadPool& pool,
              std::size_t cache_bytes, DecodeKernels const* kernels = nullptr);

extern template void generate(Decoder<Qwen2> const&, std::span<cpu::GenerationRequest const>,
                              cpu::GenerationOptions const&, cpu::GenerationSink const&, cpu::ThreadPool&, std::size_t,
                              DecodeKernels const*);
extern template void generate(Decoder<Qwen3> const&, std::span<cpu::GenerationRequest const>,
                              cpu::GenerationOptions const&, cpu::GenerationSink const&, cpu::ThreadPool&, std::size_t,
                              DecodeKernels const*);
extern template void generate(Decoder<Llama> const&, std::span<cpu::GenerationRequest const>,
                              cpu::GenerationOptions const&, cpu::GenerationSink const&, cpu::ThreadPool&, std::size_t,
                              DecodeKernels const*);

}  // namespace grove::nn::torch
