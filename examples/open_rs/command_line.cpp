// SPDX-License-Identifier: Apache-2.0
#include "open_rs/command_line.hpp"

#include <charconv>
#include <ctime>
#include <iostream>
#include <limits>
#include <sstream>
#include <thread>

#include "grove/error.hpp"

namespace open_rs {

Command::Command(std::string name, std::string summary) : name_(std::move(name)), summary_(std::move(summary)) {
  options_.add_options()("help,h", "print this help");
}

namespace {

bool counts(po::value_semantic const& semantic) {
  return dynamic_cast<po::typed_value<std::size_t> const*>(&semantic) != nullptr ||
         dynamic_cast<po::typed_value<std::uint32_t> const*>(&semantic) != nullptr;
}

}  // namespace

void refuse_negative_counts(po::parsed_options const& parsed, std::string const& prefix) {
  for (auto const& option : parsed.options) {
    auto const* known = parsed.description->find_nothrow(option.string_key, false);
    if (known == nullptr || option.value.empty() || !option.value.front().starts_with('-')) continue;
    if (counts(*known->semantic()))
      throw grove::Error(option.string_key.starts_with('-') ? option.string_key : prefix + option.string_key,
                         "is " + option.value.front(), "a whole number from 0");
  }
}

std::vector<std::string> comma_list(std::string const& text) {
  std::vector<std::string> words;
  std::istringstream in(text);
  for (std::string word; std::getline(in, word, ',');)
    if (!word.empty()) words.push_back(word);
  return words;
}

std::optional<po::variables_map> Command::parse(Arguments const& arguments) const {
  po::variables_map values;
  try {
    auto const parsed = po::command_line_parser(arguments).options(options_).positional({}).run();
    refuse_negative_counts(parsed, "--");
    po::store(parsed, values);
    if (values.count("help")) {
      std::cout << "usage: " << name_ << " [options]\n" << summary_ << "\n\n" << options_ << appendix_;
      return std::nullopt;
    }
    po::notify(values);
  } catch (po::error const& e) {
    throw grove::Error(name_, e.what(), {}, "see " + name_ + " --help");
  }
  return values;
}

void ModelFlags::add_to(po::options_description& options, bool model_required) {
  auto* const model = po::value(&folder)->value_name("DIR");
  if (model_required) model->required();
  options.add_options()                                      //
      ("model", model, "model folder in Hugging Face form")  //
      ("dtype", po::value(&dtype)->default_value("auto")->value_name("f32|bf16"),
       "of the parameters; auto: f32 on the CPU, bf16 on CUDA")  //
      ("device", po::value(&device)->default_value("auto")->value_name("cpu|cuda|auto"),
       "auto: CUDA where this build sees a device")                                                                //
      ("threads", po::value(&threads)->default_value(0)->value_name("N"), "0: all cores; never changes a result")  //
      ("batch", po::value(&batch)->default_value(0)->value_name("N"),
       "sequences at once, 0: chosen for speed; never changes a result");
}

void ModelFlags::add_cache_to(po::options_description& options) {
  options.add_options()(
      "kv-cache-bytes", po::value(&kv_cache)->default_value({})->value_name("BYTES"),
      "most memory for keys and values while sampling, such as 512M or 8G: completions wait for room; "
      "0: no bound; never changes a result on the CPU");
}

std::istream& operator>>(std::istream& in, Bytes& bytes) {
  std::string text;
  in >> text;
  std::string_view digits = text;
  constexpr std::string_view units = "KMGT";
  auto const unit = digits.empty() ? units.npos : units.find(digits.back());
  if (unit != units.npos) digits.remove_suffix(1);
  auto const shift = unit == units.npos ? 0 : 10 * (unit + 1);
  auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bytes.count);
  bool const whole = error == std::errc() && end == digits.data() + digits.size();
  if (!whole || bytes.count > (std::numeric_limits<std::size_t>::max() >> shift)) {
    in.setstate(std::ios::failbit);
    return in;
  }
  bytes.count <<= shift;
  return in;
}

std::ostream& operator<<(std::ostream& out, Bytes const& bytes) { return out << bytes.count; }

namespace {

grove::Device device_of(std::string const& name) {
  if (name == "auto") return grove::nn::torch::best_device();
  if (name == "cpu") return grove::Device::Cpu;
  if (name != "cuda") throw grove::Error("--device", "'" + name + "'", "cpu, cuda or auto");
  try {
    grove::nn::torch::require(grove::Device::Cuda);
  } catch (grove::Error const& e) {
    throw grove::Error("--device", e.problem, e.expected, e.fix);
  }
  return grove::Device::Cuda;
}

}  // namespace

grove::CausalLmOptions ModelFlags::resolved() const {
  if (dtype != "auto" && dtype != "f32" && dtype != "bf16")
    throw grove::Error("--dtype", "'" + dtype + "'", "f32 or bf16");
  if (!folder.empty() && !std::filesystem::is_directory(folder))
    throw grove::Error("--model", "there is no folder '" + folder.string() + "'", "a model folder in Hugging Face form",
                       "hf download NAME --local-dir FOLDER gets one from the hub");
  auto const where = device_of(device);
  bool const bf16 = dtype == "bf16" || (dtype == "auto" && where == grove::Device::Cuda);
  grove::CausalLmOptions options{.dtype = bf16 ? grove::Dtype::BF16 : grove::Dtype::F32, .device = where};
  if (threads > 0) options.threads = threads;
  return options;
}

grove::AnyCausalLm ModelFlags::load() const { return grove::AnyCausalLm::load(folder, resolved()); }

std::filesystem::path new_run_folder(std::string const& program) {
  auto const now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char stamp[20];
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &local);
  return std::filesystem::path("runs") / (program + "-" + stamp);
}

int guarded(std::string_view program, std::function<int()> const& f) {
  try {
    int const code = f();
    if (!std::cout.flush())
      throw grove::Error("stdout", "cannot be written", "room for the results", "they are not complete");
    return code;
  } catch (grove::Error const& e) {
    std::cout.flush();
    std::cerr << program << ": " << e.what() << '\n';
    return 2;
  } catch (std::filesystem::filesystem_error const& e) {
    std::cout.flush();
    std::cerr << program << ": " << e.path1().string() << ": cannot be read or written: " << e.code().message() << '\n';
    return 2;
  } catch (std::exception const& e) {
    std::cout.flush();
    std::cerr << program << ": unforeseen: " << e.what() << '\n';
    return 1;
  }
}

}  // namespace open_rs
