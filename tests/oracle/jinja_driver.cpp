// SPDX-License-Identifier: Apache-2.0
// Renders the JSON lines {"template", "variables"} of stdin to {"output"} or {"error"}: what jinja_differential.py
// compares with jinja2.
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "grove/error.hpp"
#include "grove/text/chat_template.hpp"

int main() {
  using nlohmann::ordered_json;
  // The moment that jinja_peer.py sets the clock to, in local time.
  std::tm moment{};
  moment.tm_year = 126, moment.tm_mon = 6, moment.tm_mday = 25, moment.tm_hour = 17, moment.tm_min = 20;
  moment.tm_isdst = -1;
  grove::text::RenderOptions const options{.now = std::chrono::system_clock::from_time_t(std::mktime(&moment)) +
                                                  std::chrono::microseconds(123456)};
  for (std::string line; std::getline(std::cin, line);) {
    auto const request = ordered_json::parse(line);
    ordered_json reply;
    try {
      auto const parsed = grove::text::ChatTemplate::parse(request["template"], "t");
      reply["output"] = parsed.render(request["variables"], options);
    } catch (grove::Error const& error) {
      reply["error"] = error.what();
    }
    std::cout << reply.dump(-1, ' ', false, ordered_json::error_handler_t::replace) << std::endl;
  }
}
