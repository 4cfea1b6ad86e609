// SPDX-License-Identifier: Apache-2.0
// What every subcommand shares: options of a model, `--help`, and errors as one line on stderr with exit code 2.
#pragma once

#include <boost/program_options.hpp>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grove/policy/causal_lm.hpp"

namespace open_rs {

namespace po = boost::program_options;
using Arguments = std::vector<std::string>;

/// Throws grove::Error where an option that counts something is given a negative number, which lexical conversion would
/// turn into a huge one.
void refuse_negative_counts(po::parsed_options const& parsed, std::string const& prefix);

/// The words of a list with commas between; empty ones are left out.
std::vector<std::string> comma_list(std::string const& text);

/// A subcommand: its options, read from the arguments after its name.
class Command {
 public:
  Command(std::string name, std::string summary);

  po::options_description& options() { return options_; }
  /// A table that the help ends with, of things that are no options of the command itself.
  void show(std::string table) { appendix_ = std::move(table); }
  /// Parses; prints the help and answers nothing when it was asked for. Throws grove::Error for an unknown option.
  std::optional<po::variables_map> parse(Arguments const& arguments) const;

 private:
  std::string name_, summary_, appendix_;
  po::options_description options_{"Options"};
};

/// A number of bytes as one writes it: 500000000, 512M or 8G, in powers of 1024; 0 where an option means "no bound".
struct Bytes {
  std::size_t count = 0;
};
std::istream& operator>>(std::istream& in, Bytes& bytes);
std::ostream& operator<<(std::ostream& out, Bytes const& bytes);

/// --model, --dtype, --device, --threads, --batch; --kv-cache-bytes where something is sampled.
struct ModelFlags {
  std::filesystem::path folder{};
  std::string dtype{};
  std::string device{};
  std::size_t threads = 0;
  std::size_t batch = 0;
  Bytes kv_cache{};

  void add_to(po::options_description& options, bool model_required = true);
  void add_cache_to(po::options_description& options);
  grove::CausalLmOptions resolved() const;
  grove::AnyCausalLm load() const;
};

/// A folder under runs/ with the program's name and the time; not made yet.
std::filesystem::path new_run_folder(std::string const& program);

/// Runs `f` and turns what it throws into one line on stderr: exit code 2 for bad input, 1 for anything unforeseen.
int guarded(std::string_view program, std::function<int()> const& f);

}  // namespace open_rs
