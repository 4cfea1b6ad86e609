// expect: grove::Product: a product of no rewards scores nothing; give it at least one.
// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/product.hpp"

grove::Product<> product;
