// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace grove {

/// A token's number in the vocabulary. Signed, as in every tensor library; a negative one is never valid.
using TokenId = std::int32_t;

}  // namespace grove
