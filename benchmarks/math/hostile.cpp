// SPDX-License-Identifier: Apache-2.0
// The longest and the largest check of each policy over texts made to make it so (tests/math/hostile_texts.hpp):
// milliseconds of CPU, the best of three, and megabytes taken beyond those before, for the worst texts, with the gold
// answer "$7$", with the text itself for gold, and as pairs. A program of its own, since it counts what is allocated.
#include <gmp.h>
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <new>
#include <string>
#include <vector>

#include "../../tests/math/hostile_texts.hpp"
#include "grove/math/policy_compatible.hpp"
#include "grove/math/policy_qwen.hpp"
#include "grove/math/policy_strict.hpp"

namespace {

/// Bytes that are allocated now, and the most there were.
std::size_t allocated = 0;
std::size_t most = 0;

void* count(void* memory) {
  allocated += malloc_usable_size(memory);
  most = std::max(most, allocated);
  return memory;
}

void* take(std::size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return count(memory);
}

void* retake(void* memory, std::size_t, std::size_t size) {
  allocated -= malloc_usable_size(memory);
  return count(std::realloc(memory, size));
}

void give(void* memory) noexcept {
  allocated -= malloc_usable_size(memory);
  std::free(memory);
}

void give_sized(void* memory, std::size_t) { give(memory); }

}  // namespace

void* operator new(std::size_t size) { return take(size); }
void operator delete(void* memory) noexcept { give(memory); }
void operator delete(void* memory, std::size_t) noexcept { give(memory); }

namespace {

using namespace grove::math;

struct LibraryDefaults : Compatible {
  static constexpr std::string_view name = "library-defaults";
  LibraryDefaults() : Compatible(library_defaults()) {}
};

struct Measured {
  double milliseconds;
  double megabytes;
  std::string what;
};

template <Policy P>
class Judge {
 public:
  void operator()(std::string const& gold, std::string const& text, std::string what) {
    Measured best{1e9, 0, std::move(what)};
    for (int i = 0; i < 3; ++i) {
      std::size_t const start = most = allocated;
      timespec before{};
      timespec behind{};
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
      verdicts_ += static_cast<unsigned>(policy_.judge(workspace_, gold, text).verdict);
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &behind);
      double const seconds = static_cast<double>(behind.tv_sec - before.tv_sec) +
                             1e-9 * static_cast<double>(behind.tv_nsec - before.tv_nsec);
      best.milliseconds = std::min(best.milliseconds, 1e3 * seconds);
      best.megabytes = std::max(best.megabytes, static_cast<double>(held_ + most - start) / (1 << 20));
      held_ += allocated - start;
      if (best.milliseconds < 1) break;
    }
    all_.push_back(best);
  }

  void print() {
    auto const slower = [](auto const& a, auto const& b) { return a.milliseconds > b.milliseconds; };
    auto const larger = [](auto const& a, auto const& b) { return a.megabytes < b.megabytes; };
    std::sort(all_.begin(), all_.end(), slower);
    std::printf("%s: %zu pairs, worst %.2f ms, %.1f MB (verdicts %u)\n", std::string(P::name).c_str(), all_.size(),
                all_.front().milliseconds, std::max_element(all_.begin(), all_.end(), larger)->megabytes, verdicts_);
    for (std::size_t i = 0; i < 8 && i < all_.size(); ++i)
      std::printf("  %8.2f ms %6.1f MB  %s\n", all_[i].milliseconds, all_[i].megabytes, all_[i].what.c_str());
  }

 private:
  std::size_t const before_ = allocated;
  P policy_;
  Workspace workspace_;
  std::size_t held_ = allocated - before_;  ///< by the workspace
  std::vector<Measured> all_;
  unsigned verdicts_ = 0;
};

std::string title(std::string const& text) {
  std::string what = text.substr(0, 50);
  std::replace(what.begin(), what.end(), '\n', ' ');
  return what;
}

template <Policy P>
void hostile() {
  Judge<P> judge;
  for (auto const& texts :
       {grove::test::hostile_values(), grove::test::hostile_texts(), grove::test::hostile_candidates()}) {
    for (std::string const& text : texts) {
      judge("$7$", text, "7: " + title(text));
      judge(text, text, "itself: " + title(text));
    }
  }
  for (auto const& [gold, answer] : grove::test::hostile_pairs()) judge(gold, answer, "pair: " + title(gold));
  judge.print();
}

}  // namespace

int main() {
  mp_set_memory_functions(take, retake, give_sized);
  hostile<Strict>();
  hostile<Compatible>();
  hostile<CompatibleOpenRs>();
  hostile<LibraryDefaults>();
  hostile<Lighteval>();
  hostile<QwenGrader>();
  return 0;
}
