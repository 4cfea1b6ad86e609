// SPDX-License-Identifier: Apache-2.0
// For the tests of whoever writes a term: how far its derivatives are from differences of its loss.
#pragma once

#include <algorithm>
#include <cmath>

#include "grove/objective/token.hpp"

namespace grove {

/// The largest error of a term's derivatives with respect to log-prob, entropy and value at `token`, against central
/// differences of its loss with step `h`: |derivative - difference| / max(1, |difference|). About 1e-9 for a right term
/// away from its kinks. `log_p` moves and `log_p_detached` stays, so a term with a stop-gradient is held to the
/// derivative that is defined. Terms of Scope::Token.
template <ObjectiveTerm Term>
  requires(Term::scope == Scope::Token)
double derivative_error(Term const& term, Token<double> const& token, double h = 1e-6) {
  auto const value = term(token);
  auto const error = [&](double Token<double>::*column, double derivative) {
    auto up = token, down = token;
    up.*column += h;
    down.*column -= h;
    double const difference = (term(up).loss - term(down).loss) / (2 * h);
    return std::abs(derivative - difference) / std::max(1.0, std::abs(difference));
  };
  return std::max({error(&Token<double>::log_p, value.d_log_p), error(&Token<double>::entropy, value.d_entropy),
                   error(&Token<double>::value, value.d_value)});
}

}  // namespace grove
