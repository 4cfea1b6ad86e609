// expect: grove::Product: a weight of a factor only scales the product; put weighted(w, Product{...}) into a Sum.
// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/exact_answer.hpp"
#include "grove/reward/format.hpp"
#include "grove/reward/product.hpp"

grove::Product product(grove::OpenRsFormat{}, grove::weighted(2.0, grove::ExactAnswer{}));
