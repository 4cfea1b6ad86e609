// SPDX-License-Identifier: Apache-2.0
// The parts of model_config.cpp that are tables: which keys are known, and the rotary embedding. Not for other users.
#pragma once

#include <cstddef>
#include <string_view>

#include "grove/io/json.hpp"
#include "grove/io/model_config.hpp"
#include "grove/io/rope.hpp"

namespace grove::io::detail {

/// "Qwen2ForCausalLM" and so on, the only entry that `architectures` may have.
std::string_view causal_lm_name(Architecture architecture);

/// Throws at the first key of `config.json` that is neither read elsewhere, nor known to leave the arithmetic alone,
/// nor at the one value that does.
void check_model_keys(JsonFields const& fields);

/// `rope_parameters`, or `rope_scaling` and `rope_theta`.
Rope read_rope(JsonFields const& fields, std::size_t max_position_embeddings);

}  // namespace grove::io::detail
