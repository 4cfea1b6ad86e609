// SPDX-License-Identifier: Apache-2.0
// Ranks that divide the sampling of a step.
#include <vector>

#include "support/catch.hpp"
#include "support/tiny_language_model.hpp"

using namespace grove;

TEST_CASE("ranks sample what one process samples") {
  auto policy = tiny::policy();
  GroupSamplerOptions options{.problems = 3, .group = 2, .max_tokens = 12, .seed = 9};
  auto whole = tiny::sampler(options);
  std::vector<Share> const shares = {{0, 2}, {1, 2}};
  for (int collection = 0; collection < 2; ++collection) {
    auto const all = whole.collect(policy);
    std::size_t s = 0;
    for (auto const& share : shares) {
      options.share = share;
      auto part = tiny::sampler(options);
      part.set_collections(static_cast<std::uint64_t>(collection));
      for (auto const& sample : part.collect(policy).samples) {
        CHECK(sample.id == all.samples[s].id);
        CHECK(sample.completion.tokens == all.samples[s].completion.tokens);
        CHECK(sample.completion.log_probs == all.samples[s].completion.log_probs);
        ++s;
      }
    }
    CHECK(s == all.samples.size());
  }
}
