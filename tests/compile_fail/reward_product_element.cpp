// expect: grove::Product: a factor is no reward of single samples; give it a member `std::optional<double> operator()(Problem const&, Completion const&) const`.
// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/exact_answer.hpp"
#include "grove/reward/kimi_length.hpp"
#include "grove/reward/product.hpp"

/// A reward of groups has no score of a single sample to multiply.
grove::Product product(grove::ExactAnswer{}, grove::KimiLength<grove::ExactAnswer>{});
