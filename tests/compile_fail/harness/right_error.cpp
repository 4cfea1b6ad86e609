// expect: grove: an int has more than one byte
// SPDX-License-Identifier: Apache-2.0
static_assert(sizeof(int) == 1, "grove: an int has more than one byte");
