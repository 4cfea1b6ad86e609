// SPDX-License-Identifier: Apache-2.0
// The one file that knows c10d. Debian's gloo headers are older than the wheel's gloo, so that nothing of gloo's own
// may be used here but what ProcessGroupGloo hands on: no virtual table of gloo's is emitted (tests/dist/symbols.sh).
#include "grove/dist/process_group.hpp"

#include <ATen/Functions.h>

#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO
#endif
#include <algorithm>
#include <exception>
#include <mutex>
#include <numeric>
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

/// Held while a collective is begun (not while it runs). c10d has one flight recorder in a process, which adds a group
/// to its tree before it takes its own lock: two ranks that are threads of one process would tear the tree.
std::mutex& beginning() {
  static std::mutex mutex;
  return mutex;
}

/// The first line of c10d's messages, which go on with stacks.
std::string first_line(std::exception const& e) {
  std::string const text = e.what();
  return text.substr(0, text.find('\n'));
}

}  // namespace

/// What a process tells all others through the store: where it is, why it stopped, that it misses someone. Shared by
/// the groups that it is in.
struct Presence {
  Store store;
  std::size_t self = 0, size = 1;  // of all ranks
  std::string phase = "start";
  bool told = false;
  milliseconds deadline{};
  Heartbeat heartbeat{};

  std::string where(std::size_t r) const { return text_at(store, "phase/" + std::to_string(r)); }
};

class ProcessGroup::Group {
 public:
  Group(std::shared_ptr<Presence> presence, std::string const& name, std::vector<std::size_t> members, bool here)
      : presence_(std::move(presence)), members_(std::move(members)) {
    auto const at = std::ranges::find(members_, presence_->self);
    rank_ = static_cast<std::size_t>(at - members_.begin());
    here_ = here;
    if (members_.size() == 1) return;
    auto options = c10d::ProcessGroupGloo::Options::create(presence_->deadline);
    options->devices.push_back(here ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                                    : c10d::ProcessGroupGloo::createDefaultDevice());
    gloo_ = c10::make_intrusive<c10d::ProcessGroupGloo>(c10::make_intrusive<c10d::PrefixStore>(name, presence_->store),
                                                        static_cast<int>(rank_), static_cast<int>(members_.size()),
                                                        std::move(options));
  }

  static std::shared_ptr<Group> meet(Launch const& launch, milliseconds deadline, Heartbeat heartbeat) {
    try {
      auto presence = std::make_shared<Presence>();
      presence->store = c10::make_intrusive<c10d::PrefixStore>("grove", connect(launch, deadline));
      presence->self = launch.rank;
      presence->size = launch.size;
      presence->deadline = deadline;
      presence->heartbeat = std::move(heartbeat);
      put(presence->store, "phase/" + std::to_string(launch.rank), presence->phase);
      std::vector<std::size_t> all(launch.size);
      std::iota(all.begin(), all.end(), std::size_t{0});
      bool const here = launch.address == "127.0.0.1" || launch.address == "localhost";
      return std::make_shared<Group>(std::move(presence), "all", std::move(all), here);
    } catch (std::exception const& e) {
      throw Error(
          "rank " + std::to_string(launch.rank) + " of " + std::to_string(launch.size) + ", start",
          "the ranks did not meet at " + launch.address + ":" + std::to_string(launch.port) + ": " + first_line(e),
          "all of them within " + seconds(deadline), "see whether every rank was started");
    }
  }

  std::shared_ptr<Group> subgroup(std::string const& name, std::span<std::size_t const> members) const {
    try {
      return std::make_shared<Group>(presence_, name, std::vector<std::size_t>(members.begin(), members.end()), here_);
    } catch (std::exception const& e) {
      throw lost(first_line(e));
    }
  }

  std::size_t rank() const { return rank_; }
  std::size_t size() const { return members_.size(); }
  milliseconds deadline() const { return presence_->deadline; }

  void all_reduce_sum(std::span<double> values) {
    wait_for([&] {
      std::vector<at::Tensor> tensors = {
          at::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, at::kDouble)};
      return gloo_->allreduce(tensors);
    });
  }

  void broadcast(std::span<std::byte> bytes, std::size_t from) {
    wait_for([&] {
      std::vector<at::Tensor> tensors = {tensor(bytes)};
      c10d::BroadcastOptions options;
      options.rootRank = static_cast<std::int64_t>(from);
      return gloo_->broadcast(tensors, options);
    });
  }

  std::function<void()> begin_all_to_all(std::span<const std::byte> from, std::span<std::byte> to,
                                         std::shared_ptr<void> const& memory) {
    // The work holds its tensors and they the memory: whoever loses interest leaves nothing behind that is written to.
    auto source = tensor(from, memory), target = tensor(to, memory);
    std::vector<std::int64_t> equal;
    auto work = begin([&] { return gloo_->alltoall_base(target, source, equal, equal); });
    return [this, work = std::move(work)] { finish(*work); };
  }

  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) {
    auto source = tensor(mine), target = tensor(all);
    wait_for([&] { return gloo_->_allgather_base(target, source); });
  }

  void phase(std::string_view name) {
    presence_->phase = name;
    try {
      put(presence_->store, "phase/" + std::to_string(presence_->self), name);
    } catch (std::exception const& e) {
      throw lost(first_line(e));
    }
  }

  void fail(std::string_view cause) noexcept {
    try {
      if (!presence_->told)
        put(presence_->store, "failure/" + std::to_string(presence_->self),
            "in phase " + presence_->phase + ": " + std::string(cause));
      presence_->told = true;
    } catch (std::exception const&) {  // the others see that the connection is gone
    }
  }

 private:
  /// A view; one that has an owner keeps it.
  static at::Tensor tensor(std::span<const std::byte> bytes, std::shared_ptr<void> const& owner = nullptr) {
    // The collectives read their input and take it as a tensor that could be written.
    auto* const memory = const_cast<std::byte*>(bytes.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    return at::from_blob(
        memory, {static_cast<std::int64_t>(bytes.size())}, [owner](void*) {}, at::kByte);
  }

  template <class F>
  void wait_for(F const& start) {
    finish(*begin(start));
  }

  template <class F>
  c10::intrusive_ptr<c10d::Work> begin(F const& start) {
    try {
      std::lock_guard const one_at_a_time(beginning());
      return start();
    } catch (std::exception const& e) {
      throw lost(first_line(e));
    }
  }

  void finish(c10d::Work& work) {
    try {
      auto const& heartbeat = presence_->heartbeat;
      for (milliseconds waited{0}; heartbeat.every.count() > 0;) {
        if (came(work, heartbeat.every)) break;
        waited += heartbeat.every;
        heartbeat.tell(waiting(waited));
      }
      work.wait();
    } catch (std::exception const& e) {
      throw lost(first_line(e));
    }
  }

  /// Whether the work ends, well or not, within a time.
  static bool came(c10d::Work& work, milliseconds within) {
    try {
      return work.wait(within);
    } catch (std::exception const&) {  // how it ended is asked once more
      return work.isCompleted();
    }
  }

  static std::string seconds(milliseconds time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
  }

  std::string waiting(milliseconds waited) const {
    std::string text =
        "rank " + std::to_string(presence_->self) + " waits in phase " + presence_->phase + " since " + seconds(waited);
    for (auto const r : members_) {
      if (r == presence_->self) continue;
      auto const where = presence_->where(r);
      text += "; rank " + std::to_string(r) + " is in phase " + (where.empty() ? "none" : where);
    }
    return text;
  }

  /// What became of the others. Those that lost someone too say so here, so who is silent is the one that is missing.
  Error lost(std::string const& cause) const {
    auto const& store = presence_->store;
    presence_->told = true;
    std::string missing;
    try {
      put(store, "lost/" + std::to_string(presence_->self), presence_->phase);
      auto const until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
      while (missing = report(), missing.empty() && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(milliseconds(50));
      if (missing.empty()) missing = silent();
    } catch (std::exception const&) {
      missing = "the store where ranks meet is gone, and with it rank 0 or the launcher";
    }
    return {"rank " + std::to_string(presence_->self) + ", phase " + presence_->phase, missing + " (" + cause + ")",
            "all ranks to come within " + seconds(presence_->deadline)};
  }

  /// What a rank said before it stopped.
  std::string report() const {
    std::string text;
    for (std::size_t r = 0; r < presence_->size; ++r)
      if (auto const cause = text_at(presence_->store, "failure/" + std::to_string(r)); !cause.empty())
        text += (text.empty() ? "rank " : "; rank ") + std::to_string(r) + " stopped " + cause;
    return text;
  }

  std::string silent() const {
    std::string text;
    for (auto const r : members_) {
      if (r == presence_->self || presence_->store->check({"lost/" + std::to_string(r)})) continue;
      auto const where = presence_->where(r);
      text += (text.empty() ? "rank " : "; rank ") + std::to_string(r) + " died or hangs" +
              (where.empty() ? "" : ", last seen in phase " + where);
    }
    return text.empty() ? "the connection to another rank broke" : text;
  }

  std::shared_ptr<Presence> presence_;
  std::vector<std::size_t> members_;  // by their numbers among all ranks
  std::size_t rank_ = 0;
  bool here_ = false;  // all on this machine
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo_;
};

ProcessGroup::ProcessGroup(Launch const& launch, milliseconds deadline, Heartbeat heartbeat)
    : group_(launch.size > 1 ? Group::meet(launch, deadline, std::move(heartbeat)) : nullptr) {}

ProcessGroup ProcessGroup::subgroup(std::string const& name, std::span<std::size_t const> members) const {
  return ProcessGroup(group_ ? group_->subgroup(name, members) : nullptr);
}

std::size_t ProcessGroup::rank() const { return group_ ? group_->rank() : 0; }
std::size_t ProcessGroup::size() const { return group_ ? group_->size() : 1; }
milliseconds ProcessGroup::deadline() const { return group_ ? group_->deadline() : milliseconds(0); }

void ProcessGroup::all_reduce_sum(std::span<double> values) {
  if (size() > 1 && !values.empty()) group_->all_reduce_sum(values);
}

void ProcessGroup::broadcast(std::span<std::byte> bytes, std::size_t from) {
  if (size() > 1 && !bytes.empty()) group_->broadcast(bytes, from);
}

void ProcessGroup::all_to_all(std::span<const std::byte> from, std::span<std::byte> to) {
  begin_all_to_all(from, to, nullptr)();
}

std::function<void()> ProcessGroup::begin_all_to_all(std::span<const std::byte> from, std::span<std::byte> to,
                                                     std::shared_ptr<void> const& memory) {
  if (from.size() != to.size() || from.size() % size() != 0)
    throw Error("ProcessGroup::all_to_all",
                std::to_string(from.size()) + " and " + std::to_string(to.size()) + " bytes",
                "the same, one piece a rank");
  if (size() > 1 && !from.empty()) return group_->begin_all_to_all(from, to, memory);
  std::ranges::copy(from, to.begin());
  return [] {};
}

void ProcessGroup::all_gather(std::span<const std::byte> mine, std::span<std::byte> all) {
  if (all.size() != mine.size() * size())
    throw Error("ProcessGroup::all_gather", std::to_string(all.size()) + " bytes for all",
                std::to_string(mine.size() * size()));
  if (size() == 1)
    std::ranges::copy(mine, all.begin());
  else if (!mine.empty())
    group_->all_gather(mine, all);
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
