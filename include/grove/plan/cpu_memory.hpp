// SPDX-License-Identifier: Apache-2.0
// Memory of a training step on the CPU engine, phase by phase, from the sizes alone. What the engine keeps: the weights
// in f32, once more in the order of its products (as bfloat16 where all of a matrix are such numbers), and for the
// backward pass in a third order; every buffer stays for the next step.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

#include "grove/error.hpp"
#include "grove/plan/model_shape.hpp"
#include "grove/plan/plan.hpp"

namespace grove::plan {

/// One step on one process.
struct CpuWorkload {
  std::size_t prompts = 1;  ///< each sampled `group` times
  std::size_t group = 1;
  std::size_t prompt = 0;                       ///< tokens of each
  std::size_t completion = 0;                   ///< tokens of each
  std::size_t micro_batch = 1;                  ///< sequences
  std::size_t forward_tokens = 8192;            ///< of one forward pass of scoring, prompts included
  std::size_t logits = std::size_t{32} << 20U;  ///< that training holds at a time
  std::size_t threads = 1;
  std::size_t width = 64;              ///< sequences that decode at a time, at most
  bool narrow = false;                 ///< all weights are bfloat16 numbers
  bool masters = false;                ///< the parameters are bfloat16, with f32 copies of parameters and optimizer
  bool recompute = false;              ///< of a layer only its input is kept (CausalLmOptions::gradient_checkpointing)
  bool local = true;                   ///< the objective is local to a token: the head takes a chunk of rows at a time
  bool reference = true;               ///< a copy of the model is scored
  std::size_t adapters = 0;            ///< parameters of adapters; 0: all weights are trained
  std::size_t adapter_rank = 16;       ///< of the adapters, if any
  double moment_bytes = full_moments;  ///< of a trained parameter
  double kv_cache_bytes = 0;           ///< most for keys and values; 0: no bound
};

namespace detail {

class CpuPlanner {
 public:
  CpuPlanner(ModelShape const& model, CpuWorkload const& work) : m_(model), w_(work) {}

  std::vector<Phase> phases() const {
    Phase gather{.name = "gather", .bytes = model(), .seconds = {}};
    gather.bytes.push_back({"decode", decode()});
    if (kv_cache() <= kept_cache) gather.bytes.push_back({"kv_cache", kv_cache()});
    auto const stays = gather.bytes;
    if (kv_cache() > kept_cache) gather.bytes.push_back({"kv_cache", kv_cache()});
    Phase score{.name = "score", .bytes = stays, .seconds = {}};
    if (w_.reference && w_.adapters == 0) score.bytes.push_back({"reference", reference()});
    score.bytes.push_back({"forward", forward_buffers(scored_tokens(), 1, 1) + tile_logits()});
    Phase update{.name = "update", .bytes = stays, .seconds = {}};
    if (w_.reference && w_.adapters == 0) update.bytes.push_back({"reference", reference()});
    if (w_.masters) update.bytes.push_back({"masters", 6 * m_.parameters()});
    if (w_.adapters == 0) update.bytes.push_back({"gradients", 4 * m_.parameters()});
    double const trained = w_.adapters > 0 ? static_cast<double>(w_.adapters) : m_.parameters();
    add(update.bytes,
        {{"weights_backward", packed(true)},
         {"moments", w_.moment_bytes * trained},
         {"activations", forward_buffers(micro_batch_tokens(), m_.layers + 1, kept_layers()) + kept_per_token()},
         {"backward", backward_buffers()},
         {"head", head()}});
    return {gather, score, update};
  }

 private:
  static constexpr double kept_cache = 32 << 20;  // smaller ones stay for the next step

  static void add(std::vector<Term>& to, std::vector<Term> const& terms) {
    to.insert(to.end(), terms.begin(), terms.end());
  }
  /// Large buffers are whole huge pages.
  static double buffer(double values, double size = 4) {
    constexpr double huge = 2 << 20;
    double const bytes = values * size;
    return bytes >= 2 * huge ? std::ceil(bytes / huge) * huge : bytes;
  }
  static double product(std::size_t a, std::size_t b) { return static_cast<double>(a) * static_cast<double>(b); }
  static std::size_t up(std::size_t n, std::size_t step) { return (n + step - 1) / step * step; }

  std::size_t query() const { return m_.heads * m_.head_dim; }
  std::size_t key() const { return m_.kv_heads * m_.head_dim; }
  std::size_t qkv() const { return query() + 2 * key(); }
  std::size_t length() const { return w_.prompt + w_.completion; }
  std::size_t sequences() const { return w_.prompts * w_.group; }
  std::size_t micro_batch_tokens() const { return std::min(w_.micro_batch, sequences()) * (length() - 1); }
  std::size_t micro_batch_rows() const { return std::min(w_.micro_batch, sequences()) * w_.completion; }
  std::size_t scored_sequences() const {
    return std::min(sequences(), (w_.forward_tokens + length() - 2) / (length() - 1));
  }
  std::size_t scored_tokens() const { return scored_sequences() * (length() - 1); }

  /// Matrices in panels of 32 outputs.
  double packed(bool turned) const {
    struct Matrix {
      std::size_t out, in, count;
    };
    std::array<Matrix, 5> const matrices = {{{qkv(), m_.hidden, m_.layers},
                                             {m_.hidden, query(), m_.layers},
                                             {2 * m_.intermediate, m_.hidden, m_.layers},
                                             {m_.hidden, m_.intermediate, m_.layers},
                                             {m_.vocabulary, m_.hidden, 1}}};
    double bytes = 0;
    for (auto const& x : matrices)
      bytes += static_cast<double>(x.count) *
               buffer(turned ? product(up(x.in, 32), x.out) : product(up(x.out, 32), x.in), w_.narrow ? 2 : 4);
    return bytes;
  }
  double embedding() const { return (w_.narrow ? 2 : 4) * m_.embedding(); }
  double reference() const { return 4 * m_.parameters() + packed(false) + embedding(); }

  /// Values, gradients, and each factor in two orders, in panels of 32 outputs.
  double adapters() const {
    double const rank = static_cast<double>(w_.adapter_rank), panel = static_cast<double>(up(w_.adapter_rank, 32));
    return 4 * static_cast<double>(w_.adapters) * (1 + 1 + (1 + panel / rank));
  }

  std::vector<Term> model() const {
    std::vector<Term> terms = {
        {"weights", 4 * m_.parameters()}, {"weights_forward", packed(false)}, {"embedding", embedding()}};
    if (w_.adapters > 0) terms.push_back({"adapters", adapters()});
    return terms;
  }

  /// Keys and values in pages of 16 tokens; a group shares the full pages of its prompt.
  double kv_cache() const {
    std::size_t const width = std::min(w_.width, sequences());
    std::size_t const groups = (width + w_.group - 1) / w_.group;
    std::size_t const shared = w_.prompt / 16;
    std::size_t const own = (length() + 15) / 16 - shared;
    double const page =
        4 * static_cast<double>(m_.layers) * product(m_.kv_heads, 16 * (m_.head_dim + up(m_.head_dim, 16)));
    double const pages = static_cast<double>(groups * shared + width * own);
    if (w_.kv_cache_bytes == 0) return page * pages;
    double const fit = std::floor(w_.kv_cache_bytes / page);
    std::size_t const longest = (length() + 14) / 16;  // the last token's are never kept
    double const alone = page * static_cast<double>(longest);
    if (w_.kv_cache_bytes < alone)
      throw Error("plan", "keys and values of one sequence take " + std::to_string(std::llround(alone)) + " bytes",
                  "at most kv_cache_bytes, " + std::to_string(std::llround(w_.kv_cache_bytes)),
                  "raise it or shorten the completions");
    return page * std::min(pages, fit);
  }
  double decode() const {
    std::size_t const width = std::min(w_.width, sequences());
    std::size_t const prefill = std::min<std::size_t>(64 * w_.threads, std::max(w_.prompt * w_.prompts, width));
    return 4 *
           (product(width, m_.vocabulary) + product(prefill, 2 * m_.hidden + qkv() + query() + 3 * m_.intermediate));
  }

  /// Layers of which everything is kept; of the others only x.
  std::size_t kept_layers() const { return w_.recompute ? 1 : m_.layers; }

  /// So many states x of each token, qkv of so many layers; pages of two layers. Never less than scoring took.
  double forward_buffers(std::size_t tokens, std::size_t states, std::size_t layers) const {
    std::size_t const scored = scored_tokens(), most = std::max(tokens, scored);
    std::size_t const pages = (length() + 14) / 16 * (most / (length() - 1));
    double const page = product(m_.kv_heads, 16 * (m_.head_dim + up(m_.head_dim, 16)));
    return buffer(product(std::max(tokens * states, scored), m_.hidden)) +
           buffer(product(std::max(tokens * layers, scored), qkv())) + buffer(product(most, m_.head_dim)) +
           buffer(2 * page * static_cast<double>(pages));
  }
  /// Attention, its statistics, the middle and both halves of the MLP.
  double kept_per_token() const {
    std::size_t const n = kept_layers();
    return of_tokens({n * query(), n * 2 * m_.heads, n * m_.hidden, n * 2 * m_.intermediate});
  }
  double backward_buffers() const {
    std::size_t const h = m_.hidden;
    return of_tokens({h, h, h, h, h, h, h, query(), qkv(), 2 * m_.intermediate, m_.intermediate,
                      2 + m_.heads + m_.kv_heads}) +
           4 * static_cast<double>(w_.threads) * product(64, m_.intermediate);
  }
  double of_tokens(std::initializer_list<std::size_t> widths) const {
    double bytes = 0;
    for (auto const width : widths) bytes += buffer(product(micro_batch_tokens(), width));
    return bytes;
  }
  /// The vocabulary projection: states three times, and a chunk of logits.
  double head() const {
    std::size_t const rows = micro_batch_rows();
    std::size_t const chunk = std::min(rows, std::max<std::size_t>(64, w_.logits / m_.vocabulary));
    return 3 * buffer(product(w_.local ? chunk : rows, m_.hidden)) + buffer(product(chunk, m_.vocabulary));
  }
  /// Scoring holds the logits of a tile of rows on each thread.
  double tile_logits() const {
    std::size_t const rows = std::min<std::size_t>(64, scored_sequences() * w_.completion);
    return static_cast<double>(w_.threads) * buffer(product(rows, m_.vocabulary));
  }

  ModelShape const& m_;
  CpuWorkload const& w_;
};

}  // namespace detail

/// What each phase of a step holds at its end, in bytes. An f32 model; one of bfloat16 numbers sets `narrow`.
inline std::vector<Phase> cpu_memory(ModelShape const& model, CpuWorkload const& work) {
  return detail::CpuPlanner(model, work).phases();
}

}  // namespace grove::plan
