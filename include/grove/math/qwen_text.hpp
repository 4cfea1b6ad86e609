// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace grove::math::detail {

/// The answer in a completion as Qwen2.5-Math's evaluation finds it: behind "final answer is $", in the last box,
/// behind "he answer is", else the last number.
std::string qwen_answer(std::string_view completion);

/// Qwen2.5-Math's `strip_string`, step for step: its verdicts are comparisons of what remains.
std::string qwen_strip(std::string_view raw);

}  // namespace grove::math::detail
