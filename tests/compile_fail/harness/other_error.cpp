// expect: grove: a sentence that no compiler prints
// SPDX-License-Identifier: Apache-2.0
static_assert(sizeof(int) == 1, "another sentence");
