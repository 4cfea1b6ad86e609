// SPDX-License-Identifier: Apache-2.0
// The only way a test includes Catch2, so that versions 2 and 3 both serve and torch's CHECK macros do not clash.
#pragma once

#ifdef CHECK
#undef CHECK
#endif
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif
