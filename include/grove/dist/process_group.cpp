// SPDX-License-Identifier: Apache-2.0
// The one file that knows c10d. Debian's gloo headers are older than the wheel's gloo, so that nothing of gloo's own
// may be used here but what ProcessGroupGloo hands on: no virtual table of gloo's is emitted (tests/dist/symbols.sh).
#include "grove/dist/process_group.hpp"

#include <ATen/Functions.h>

#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO
#endif
#include <exception>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <vector>

#include "grove/error.hpp"

namespace grove {
namespace {

using Store = c10::intrusive_ptr<c10d::Store>;
using std::chrono::milliseconds;

void put(Store const& store, std::string const& key, std::string_view text) {
  store->set(key, std::vector<std::uint8_t>(text.begin(), text.end()));
}

/// The text under a key, or nothing; does not wait for it.
std::string text_at(Store const& store, std::string const& key) {
  if (!store->check({key})) return "";
  auto const bytes = store->get(key);
  return {bytes.begin(), bytes.end()};
}

c10::intrusive_ptr<c10d::TCPStore> connect(Launch const& launch, milliseconds deadline) {
  c10d::TCPStoreOptions options;
  options.port = launch.port;
  options.isServer = !launch.store_is_there && launch.rank == 0;
  options.waitWorkers = false;
  options.timeout = deadline;
  return c10::make_intrusive<c10d::TCPStore>(launch.address, options);
}

/// The first line of c10d's messages, which go on with stacks.
std::string first_line(std::exception const& e) {
  std::string const text = e.what();
  return text.substr(0, text.find('\n'));
}

}  // namespace

class ProcessGroup::Group {
 public:
  Group(Launch const& launch, milliseconds deadline) : rank_(launch.rank), size_(launch.size), deadline_(deadline) {
    try {
      store_ = c10::make_intrusive<c10d::PrefixStore>("grove", connect(launch, deadline));
      auto options = c10d::ProcessGroupGloo::Options::create(deadline);
      bool const here = launch.address == "127.0.0.1" || launch.address == "localhost";
      options->devices.push_back(here ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                                      : c10d::ProcessGroupGloo::createDefaultDevice());
      put(store_, "phase/" + std::to_string(rank_), phase_);
      gloo_ = c10::make_intrusive<c10d::ProcessGroupGloo>(store_, static_cast<int>(rank_), static_cast<int>(size_),
                                                          std::move(options));
    } catch (std::exception const& e) {
      throw Error(
          "rank " + std::to_string(rank_) + " of " + std::to_string(size_) + ", start",
          "the ranks did not meet at " + launch.address + ":" + std::to_string(launch.port) + ": " + first_line(e),
          "all of them within " + seconds(), "see whether every rank was started");
    }
  }

  std::size_t rank() const { return rank_; }
  std::size_t size() const { return size_; }
  milliseconds deadline() const { return deadline_; }

  void all_reduce_sum(std::span<double> values) {
    wait_for([&] {
      std::vector<at::Tensor> tensors = {
          at::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, at::kDouble)};
      return gloo_->allreduce(tensors);
    });
  }

  void broadcast(std::span<std::byte> bytes, std::size_t from) {
    wait_for([&] {
      std::vector<at::Tensor> tensors = {
          at::from_blob(bytes.data(), {static_cast<std::int64_t>(bytes.size())}, at::kByte)};
      c10d::BroadcastOptions options;
      options.rootRank = static_cast<std::int64_t>(from);
      return gloo_->broadcast(tensors, options);
    });
  }

  void phase(std::string_view name) {
    phase_ = name;
    try {
      put(store_, "phase/" + std::to_string(rank_), name);
    } catch (std::exception const& e) {
      throw lost(first_line(e));
    }
  }

  void fail(std::string_view cause) noexcept {
    try {
      if (!told_) put(store_, "failure/" + std::to_string(rank_), "in phase " + phase_ + ": " + std::string(cause));
      told_ = true;
    } catch (std::exception const&) {  // the others see that the connection is gone
    }
  }

 private:
  template <class F>
  void wait_for(F const& start) {
    try {
      start()->wait();
    } catch (std::exception const& e) {
      throw lost(first_line(e));
    }
  }

  std::string seconds() const {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(deadline_).count()) + " s";
  }

  /// What became of the others. Those that lost someone too say so here, so who is silent is the one that is missing.
  Error lost(std::string const& cause) {
    told_ = true;
    std::string missing;
    try {
      put(store_, "lost/" + std::to_string(rank_), phase_);
      auto const until = std::chrono::steady_clock::now() + std::chrono::seconds(2);
      while (missing = report(), missing.empty() && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(milliseconds(50));
      if (missing.empty()) missing = silent();
    } catch (std::exception const&) {
      missing = "the store where ranks meet is gone, and with it rank 0 or the launcher";
    }
    return {"rank " + std::to_string(rank_) + ", phase " + phase_, missing + " (" + cause + ")",
            "all ranks to come within " + seconds()};
  }

  /// What a rank said before it stopped.
  std::string report() {
    std::string text;
    for (std::size_t r = 0; r < size_; ++r)
      if (auto const cause = text_at(store_, "failure/" + std::to_string(r)); !cause.empty())
        text += (text.empty() ? "rank " : "; rank ") + std::to_string(r) + " stopped " + cause;
    return text;
  }

  std::string silent() {
    std::string text;
    for (std::size_t r = 0; r < size_; ++r) {
      if (r == rank_ || store_->check({"lost/" + std::to_string(r)})) continue;
      auto const where = text_at(store_, "phase/" + std::to_string(r));
      text += (text.empty() ? "rank " : "; rank ") + std::to_string(r) + " died or hangs" +
              (where.empty() ? "" : ", last seen in phase " + where);
    }
    return text.empty() ? "the connection to another rank broke" : text;
  }

  std::size_t rank_, size_;
  milliseconds deadline_;
  std::string phase_ = "start";
  bool told_ = false;
  Store store_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo_;
};

ProcessGroup::ProcessGroup(Launch const& launch, milliseconds deadline)
    : group_(launch.size > 1 ? std::make_shared<Group>(launch, deadline) : nullptr) {}

std::size_t ProcessGroup::rank() const { return group_ ? group_->rank() : 0; }
std::size_t ProcessGroup::size() const { return group_ ? group_->size() : 1; }
milliseconds ProcessGroup::deadline() const { return group_ ? group_->deadline() : milliseconds(0); }

void ProcessGroup::all_reduce_sum(std::span<double> values) {
  if (group_ && !values.empty()) group_->all_reduce_sum(values);
}

void ProcessGroup::broadcast(std::span<std::byte> bytes, std::size_t from) {
  if (group_ && !bytes.empty()) group_->broadcast(bytes, from);
}

void ProcessGroup::phase(std::string_view name) {
  if (group_) group_->phase(name);
}

void ProcessGroup::fail(std::string_view cause) noexcept {
  if (group_) group_->fail(cause);
}

class RankStore::Store {
 public:
  Store() {
    c10d::TCPStoreOptions options;
    options.port = 0;
    options.isServer = true;
    options.waitWorkers = false;
    store = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
  }
  c10::intrusive_ptr<c10d::TCPStore> store;
};

RankStore::RankStore() : store_(std::make_unique<Store>()) {}
RankStore::~RankStore() = default;
std::uint16_t RankStore::port() const { return store_->store->getPort(); }

}  // namespace grove
