// SPDX-License-Identifier: Apache-2.0
// A decoder-only transformer in f32 on the CPU, forward and backward written out by hand. Every number of a token is
// computed by the same operations in the same order, whatever stands beside it in a batch, in however many pieces a
// sequence arrives (at once or token by token) and however many threads share the work: the log-probs of a sampler and
// of a trainer are equal bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "grove/nn/cpu/adapters.hpp"
#include "grove/nn/cpu/decoder_layout.hpp"
#include "grove/nn/cpu/matrix.hpp"
#include "grove/nn/cpu/packed_adapters.hpp"
#include "grove/nn/cpu/parameters.hpp"
#include "grove/nn/cpu/thread_pool.hpp"
#include "grove/nn/decoder_types.hpp"
#include "grove/token_id.hpp"

namespace grove::nn::cpu {

namespace detail {
struct GradientPlaces;
}

using nn::Adapted;
using nn::HeadColumns;
using nn::HeadFunction;
using nn::HeadGradients;
using nn::HeadOutputs;
using nn::HeadRows;
using nn::LayerDone;
using nn::Llama;
using nn::PackedBatch;
using nn::Qwen2;
using nn::Qwen3;

struct WorkspaceOptions {
  std::size_t logits = std::size_t{32} << 20U;  ///< how many `accumulate` holds at a time; never changes a result
  bool recompute = false;  ///< `accumulate` keeps only the layers' inputs and computes each layer again on the way
                           ///< back: less memory, more time, the same bits
};

/// Threads and memory for `score` and `accumulate`; grows to what the largest batch needs and is used again. One call
/// at a time; decoders may share it.
class Workspace {
 public:
  explicit Workspace(ThreadPool& pool, WorkspaceOptions options = {});
  ~Workspace();
  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;

  [[nodiscard]] ThreadPool& pool() const noexcept { return *pool_; }
  [[nodiscard]] WorkspaceOptions const& options() const noexcept { return options_; }

  /// Rows that the vocabulary projection has computed logits of so far. A training pass adds its rows once, or twice
  /// where all outputs were wanted before any gradient and their logits were too many to be kept.
  [[nodiscard]] std::size_t projected_rows() const noexcept;

  struct Buffers;
  [[nodiscard]] Buffers& buffers() noexcept { return *buffers_; }

 private:
  ThreadPool* pool_;
  WorkspaceOptions options_;
  std::unique_ptr<Buffers> buffers_;
};

/// What `load` prepares.
enum class Use { Inference, Training };

template <class Variant>
class Decoder {
 public:
  using variant = Variant;

  /// No weights yet. Throws grove::Error where the configuration is not one of this variant.
  explicit Decoder(io::ModelConfig config);

  /// Packs the weights for the kernels; the decoder keeps no reference to them. `version` is whatever the caller wants
  /// to recognise them by. For Use::Training also in the order that the backward pass reads.
  void load(WeightSource const& source, std::uint64_t version, ThreadPool& pool, Use use = Use::Training);

  /// Makes weights that were loaded for Use::Inference ready for training; `source` has the same ones.
  void prepare_training(WeightSource const& source, ThreadPool& pool);

  /// Adapters that everything adds to the weights' products from now on, under a version of its own.
  void load_adapters(Adapters const& adapters, std::uint64_t version, ThreadPool& pool);

  [[nodiscard]] std::uint64_t version() const noexcept { return weights_.version; }
  [[nodiscard]] io::ModelConfig const& config() const noexcept { return layout_.config; }
  [[nodiscard]] std::size_t vocab_size() const noexcept { return layout_.config.vocab_size; }

  /// The wanted outputs of the wanted rows, no gradients. Logits exist for a chunk of rows at a time. Throws
  /// grove::Error for a token outside the vocabulary, rows or lengths that do not fit together, and weights that were
  /// not loaded.
  void score(PackedBatch batch, HeadRows rows, HeadOutputs outputs, Workspace& workspace,
             Adapted adapted = Adapted::Yes) const;

  /// Forward, `f` on the outputs of all rows, backward: adds to `gradients`, which has the layout of the parameters.
  /// The sum goes over tokens in order, so consecutive calls for parts of a batch give the same bits as one call, and
  /// so does any number of threads. Needs Use::Training.
  void accumulate(PackedBatch batch, HeadRows rows, HeadColumns columns, HeadFunction const& f, Parameters& gradients,
                  Workspace& workspace, LayerDone const& done = {}) const;

  /// The same for the adapters that are loaded: the weights themselves get no gradients, and none are computed.
  void accumulate(PackedBatch batch, HeadRows rows, HeadColumns columns, HeadFunction const& f, Adapters& gradients,
                  Workspace& workspace, LayerDone const& done = {}) const;

  [[nodiscard]] detail::Layout const& layout() const noexcept { return layout_; }
  [[nodiscard]] detail::Weights const& weights() const noexcept { return weights_; }
  [[nodiscard]] detail::PackedAdapters const& adapters() const noexcept { return adapters_; }

 private:
  void accumulate(PackedBatch batch, HeadRows rows, HeadColumns columns, HeadFunction const& f,
                  detail::GradientPlaces const& to, Workspace& workspace) const;

  detail::Layout layout_;
  detail::Weights weights_;
  detail::PackedAdapters adapters_;
};

extern template class Decoder<Qwen2>;
extern template class Decoder<Qwen3>;
extern template class Decoder<Llama>;

}  // namespace grove::nn::cpu
