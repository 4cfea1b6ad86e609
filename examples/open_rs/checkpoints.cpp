// SPDX-License-Identifier: Apache-2.0
#include "open_rs/checkpoints.hpp"

#include <csignal>
#include <fstream>
#include <sstream>
#include <system_error>

#include "grove/error.hpp"
#include "grove/io/atomic_file.hpp"
#include "grove/io/mapped_file.hpp"
#include "grove/io/model_config.hpp"
#include "grove/metrics/event_files.hpp"
#include "grove/rollout/run_folder.hpp"

namespace open_rs {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

volatile std::sig_atomic_t stop_wanted = 0;  // a signal handler can set nothing else

void want_stop(int) { stop_wanted = 1; }

}  // namespace

void ResumeFlags::add_to(po::options_description& options) {
  options.add_options()  //
      ("resume", po::value(&resume)->value_name("auto|DIR|off"),
       "go on from the newest checkpoint of the run directory if there is one, or from DIR (default: off)")  //
      ("resume-allow", po::value(&allowed)->value_name("KEY,..."),
       "settings that may differ from the checkpoint's; all: any");
}

std::vector<std::string> ResumeFlags::names() const {
  std::vector<std::string> names;
  std::istringstream text(allowed);
  for (std::string name; std::getline(text, name, ',');) names.push_back(name);
  return names;
}

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = want_stop;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  ::sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGXFSZ, SIG_IGN);
}

bool asked_to_stop() { return stop_wanted != 0; }

std::optional<grove::FoundCheckpoint> checkpoint_of(RunPlace const& place) {
  auto found = grove::checkpoint_to_resume(place.resume, place.folder);
  if (found) return found;
  if (auto const there = grove::checkpoints_in(place.folder);
      place.resume != "auto" && place.resume != "true" && !there.empty())
    throw grove::Error("--out " + place.folder.string(),
                       "holds a run that reached step " + std::to_string(there.back().step), {},
                       "go on with it by --resume auto, or choose another folder");
  return found;
}

void cut_after(fs::path const& folder, std::uint64_t step) {
  for (auto const& later : grove::checkpoints_in(folder)) {
    std::error_code error;
    if (later.step > step) grove::io::remove_folder(later.path, error);
    if (error) throw grove::Error(later.path.string(), "cannot be removed: " + error.message());
  }
  if (fs::is_directory(folder)) grove::metrics::cut_event_files(folder, step);
}

grove::CheckpointOptions checkpoint_options(RunPlace const& place, CheckpointKeys const& keys) {
  auto const model_files = [model = place.model, dtype = place.dtype](fs::path const& folder) {
    auto config = grove::io::read_model_config(model.string());
    config.dtype = dtype == grove::Dtype::BF16 ? grove::io::DType::BF16 : grove::io::DType::F32;
    grove::io::write_model_config(folder.string(), config);
    grove::copy_tokenizer(model, folder);
  };
  return {.folder = place.folder,
          .every = keys.save_steps,
          .keep = {.last = keys.save_total_limit,
                   .best = keys.save_best,
                   .metric = keys.metric_for_best_model,
                   .greater_is_better = keys.greater_is_better},
          .settings = place.settings,
          .beside = model_files,
          .stop = asked_to_stop};
}

std::string fingerprint_of_file(fs::path const& file) {
  auto const mapped = grove::io::MappedFile::open(file.string());
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a
  for (auto const byte : mapped.bytes()) hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3U;
  std::ostringstream text;
  text << std::hex << hash;
  return text.str();
}

}  // namespace open_rs
