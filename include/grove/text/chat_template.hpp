// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>

#include "grove/message.hpp"

namespace grove::text {

/// What a rendering may use. `ordered_json` because templates print objects in the order of their keys.
struct RenderOptions {
  bool add_generation_prompt = true;                  ///< end with the opening of the assistant's turn
  nlohmann::ordered_json const* variables = nullptr;  ///< further variables (tools, enable_thinking, ...), borrowed
  /// What `strftime_now` reads, in local time; the clock if absent. Set it where prompts must not change by the day.
  std::optional<std::chrono::system_clock::time_point> now = std::nullopt;
  /// Bound on the work of one rendering: about one unit for an evaluated expression or 16 bytes made. Memory stays
  /// under 16 bytes a unit.
  std::uint64_t work = std::uint64_t{1} << 25;
};

/// A chat template: Jinja as transformers configures jinja2 (sandboxed, `trim_blocks`, `lstrip_blocks`, loop controls,
/// the `generation` tag), rendered by an interpreter. Immutable, so one value serves many threads.
///
/// A template that uses what is not supported, or fails as it would in jinja2, throws grove::Error, which names the
/// construct, the template and the line. The text holds the special tokens it needs: encode it without adding any.
class ChatTemplate {
 public:
  /// The template of a model folder: `chat_template.jinja`, else `chat_template` of `tokenizer_config.json` (a text, or
  /// a list of {name, template}, of which "default" is taken). The special tokens that tokenizer_config.json (else
  /// special_tokens_map.json) names become variables: `bos_token`, `eos_token`, ... Throws grove::Error if the folder
  /// has no template.
  static ChatTemplate load(std::filesystem::path const& folder);

  /// A template from its text; `name` is what errors call it.
  static ChatTemplate parse(std::string const& source, std::string name = "chat template");

  /// The prompt for a conversation: `messages`, `tools` and `documents` (none unless given), `add_generation_prompt`,
  /// the special tokens and `options.variables`, of which the last win.
  std::string render(std::span<Message const> messages, RenderOptions const& options = {}) const;

  /// Renders with these variables (an object) and the special tokens, nothing else.
  /// `options.add_generation_prompt` is not used.
  std::string render(nlohmann::ordered_json const& variables, RenderOptions const& options = {}) const;

 private:
  struct State;
  explicit ChatTemplate(std::shared_ptr<State const> state);

  std::shared_ptr<State const> state_;
};

}  // namespace grove::text
