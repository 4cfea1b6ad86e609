// SPDX-License-Identifier: Apache-2.0
#include <ATen/core/Tensor.h>
#include <ATen/ops/ones.h>

#include <grove/version.hpp>
#include <iostream>

int main() { std::cout << "grove " << grove::version << " sums to " << at::ones({2, 3}).sum().item<float>() << '\n'; }
