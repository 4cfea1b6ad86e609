// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace grove::math::detail {

/// One mathematical environment in a text.
struct Environment {
  std::string_view content;
  bool percent = false;  ///< followed by a percent sign or word
};

/// Up to six environments joined by commas, "and" or "or".
struct EnvironmentMatch {
  static constexpr std::size_t most = 6;

  std::size_t begin = 0;
  std::size_t end = 0;      ///< with white space and the percent sign after the last environment
  std::size_t end_dry = 0;  ///< before that white space
  std::array<Environment, most> parts{};
  std::size_t size = 0;
  bool plain_box = false;  ///< `\boxed{` up to the last brace of the text, without an environment around it
};

/// Recognises environments at a position of a text. Remembers where the next closing delimiters are, so that a walk
/// over the text from left to right takes linear time.
class EnvironmentScanner {
 public:
  explicit EnvironmentScanner(std::string_view text) : text_(text) {}

  /// The environments that begin exactly at `at`. `boxed`: each must hold a `\boxed{..}`.
  std::optional<EnvironmentMatch> match(std::size_t at, bool boxed);

  /// The first position from `from` on where an environment could begin.
  [[nodiscard]] std::size_t candidate(std::size_t from) const;

 private:
  struct One {
    Environment environment;
    std::size_t end = 0;
    std::size_t end_dry = 0;
  };
  /// The next place of a delimiter, cached while queries move forward.
  struct Next {
    std::string_view what;
    std::size_t asked = 1;
    std::size_t found = 0;
  };

  std::optional<One> one(std::size_t at, bool boxed);
  std::optional<One> finish(std::size_t begin, std::size_t close, std::size_t after, bool boxed);
  std::optional<One> dollars(std::size_t at, bool boxed);
  std::optional<One> backslash(std::size_t at, bool boxed);
  std::optional<One> square(std::size_t at, bool boxed);
  std::optional<One> fraction(std::size_t at);
  std::size_t next(Next& cache, std::size_t from) const;
  bool holds_box(std::size_t begin, std::size_t end);

  std::string_view text_;
  Next double_dollar_{.what = "$$"};
  Next square_close_{.what = "\\]"};
  Next round_close_{.what = "\\)"};
  Next newline_{.what = "\n"};
  Next box_{.what = "\\boxed{"};
  Next brace_close_{.what = "}"};
};

/// The length of `%`, `\%`, "percent", "percentage" or "pct" at a position, as Math-Verify reads it; 0 if there is
/// none.
std::size_t percent_length(std::string_view text, std::size_t at);

}  // namespace grove::math::detail
