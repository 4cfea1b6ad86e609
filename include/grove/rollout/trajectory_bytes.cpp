// SPDX-License-Identifier: Apache-2.0
#include "grove/rollout/trajectory_bytes.hpp"

#include <cstring>
#include <type_traits>

#include "grove/error.hpp"

namespace grove {
namespace {

/// Appends values; each list has its length before it.
class Writer {
 public:
  template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void operator()(T const& value) { bytes_.append(reinterpret_cast<char const*>(&value), sizeof value); }
  void operator()(std::string const& text) { list(text); }
  template <class T>
    requires std::is_arithmetic_v<T>
  void operator()(std::vector<T> const& values) { list(values); }

  std::string take() { return std::move(bytes_); }

 private:
  template <class L>
  void list(L const& values) {
    (*this)(values.size());
    bytes_.append(reinterpret_cast<char const*>(values.data()), values.size() * sizeof values[0]);
  }

  std::string bytes_;
};

/// Takes the same values in the same order.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void operator()(T& value) { copy(&value, sizeof value); }
  void operator()(std::string& text) { list(text); }
  template <class T>
    requires std::is_arithmetic_v<T>
  void operator()(std::vector<T>& values) { list(values); }

 private:
  template <class L>
  void list(L& values) {
    std::size_t size = 0;
    (*this)(size);
    if (size > bytes_.size() / sizeof values[0]) fail();
    values.resize(size);
    copy(values.data(), size * sizeof values[0]);
  }
  void copy(void* to, std::size_t size) {
    if (size > bytes_.size()) fail();
    if (size > 0) std::memcpy(to, bytes_.data(), size);
    bytes_.remove_prefix(size);
  }
  [[noreturn]] static void fail() { throw Error("trajectories of another rank", "end too early"); }

  std::string_view bytes_;
};

/// The one order of the fields: both ways.
template <class F, class P>
void visit_problem(F& field, P& problem) {
  field(problem.id);
  field(problem.prompt);
  auto messages = problem.messages.size(), columns = problem.columns.size();
  field(messages);
  field(columns);
  if constexpr (!std::is_const_v<P>) {
    problem.messages.resize(messages);
    problem.columns.resize(columns);
  }
  for (auto& message : problem.messages) {
    field(message.role);
    field(message.content);
  }
  field(problem.gold);
  for (auto& [name, value] : problem.columns) {
    field(name);
    field(value);
  }
}

template <class F, class S>
void visit_sample(F& field, S& sample) {
  field(sample.id);
  field(sample.problem);
  field(sample.index);
  field(sample.prompt);
  field(sample.train_prompt);
  auto& completion = sample.completion;
  field(completion.tokens);
  field(completion.log_probs);
  field(completion.kept_mass);
  field(completion.versions);
  field(completion.finish);
  field(completion.text);
}

}  // namespace

std::string to_bytes(TokenTrajectories const& t) {
  Writer write;
  write(t.problems.size());
  for (auto const& problem : t.problems) visit_problem(write, problem);
  write(t.samples.size());
  for (std::size_t s = 0; s < t.samples.size(); ++s) {
    write(t.episodes.group[s]);
    visit_sample(write, t.samples[s]);
  }
  return write.take();
}

TokenTrajectories from_bytes(std::string_view bytes) {
  Reader read(bytes);
  TokenTrajectories t;
  std::size_t count = 0;
  read(count);
  for (std::size_t p = 0; p < count; ++p) visit_problem(read, t.problems.emplace_back());
  read(count);
  for (std::size_t s = 0; s < count; ++s) {
    std::uint32_t group = 0;
    read(group);
    TokenSample sample;
    visit_sample(read, sample);
    t.add(std::move(sample), group);
  }
  return t;
}

}  // namespace grove
