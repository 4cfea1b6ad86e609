// SPDX-License-Identifier: Apache-2.0
#include "learning_curve.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <string_view>

#include "grove/error.hpp"

namespace control_example {
namespace {

constexpr double width = 720, height = 420, left = 70, right = 20, top = 40, bottom = 50;

/// From numbers to places on one axis.
struct Axis {
  double from, to;    ///< numbers
  double start, end;  ///< places
  double step = 1;    ///< between ticks

  double operator()(double x) const { return start + (x - from) / (to - from) * (end - start); }
  std::size_t ticks() const { return static_cast<std::size_t>(std::lround((to - from) / step)) + 1; }
  double tick(std::size_t i) const { return from + static_cast<double>(i) * step; }
};

/// Ticks at 1, 2 or 5 times a power of ten, some five of them; the ends lie on ticks.
Axis axis_over(double least, double greatest, double start, double end) {
  if (greatest <= least) greatest = least + 1;
  double const rough = (greatest - least) / 5, power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (double factor : {5.0, 2.0, 1.0})
    if (factor * power >= rough) step = factor * power;
  return {std::floor(least / step) * step, std::ceil(greatest / step) * step, start, end, step};
}

std::string number(double x) {
  std::ostringstream text;
  text << (std::abs(x) < 1e-9 ? 0.0 : x);
  return text.str();
}

void line(std::ostream& out, double x1, double y1, double x2, double y2, std::string_view style) {
  out << "<line x1=\"" << x1 << "\" y1=\"" << y1 << "\" x2=\"" << x2 << "\" y2=\"" << y2 << "\" " << style << "/>\n";
}

void text(std::ostream& out, double x, double y, std::string_view anchor, std::string_view content) {
  out << "<text x=\"" << x << "\" y=\"" << y << "\" text-anchor=\"" << anchor << "\">" << content << "</text>\n";
}

void grid(std::ostream& out, Axis const& x, Axis const& y) {
  constexpr std::string_view style = "stroke=\"#dddddd\"";
  for (std::size_t i = 0; i < x.ticks(); ++i) {
    double const tick = x.tick(i);
    line(out, x(tick), y.start, x(tick), y.end, style);
    text(out, x(tick), y.start + 18, "middle", tick >= 1000 ? number(tick / 1000) + "k" : number(tick));
  }
  for (std::size_t i = 0; i < y.ticks(); ++i) {
    double const tick = y.tick(i);
    line(out, x.start, y(tick), x.end, y(tick), style);
    text(out, x.start - 8, y(tick) + 4, "end", number(tick));
  }
  text(out, (x.start + x.end) / 2, y.start + 38, "middle", "environment steps");
}

void path(std::ostream& out, std::vector<CurvePoint> const& points, Axis const& x, Axis const& y,
          std::string_view colour) {
  if (points.empty()) return;
  out << "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"" << colour << "\" points=\"";
  for (auto const& p : points) out << x(static_cast<double>(p.steps)) << ',' << y(p.value) << ' ';
  out << "\"/>\n";
}

}  // namespace

std::string to_svg(LearningCurve const& curve) {
  double least = curve.solved, greatest = curve.solved, steps = 1;
  for (auto const* points : {&curve.training, &curve.evaluation})
    for (auto const& p : *points) {
      least = std::min(least, p.value);
      greatest = std::max(greatest, p.value);
      steps = std::max(steps, static_cast<double>(p.steps));
    }
  auto const x = axis_over(0, steps, left, width - right);
  auto const y = axis_over(least, greatest, height - bottom, top);
  std::ostringstream out;
  out.precision(6);
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << width << "\" height=\"" << height
      << "\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  grid(out, x, y);
  line(out, x.start, y(curve.solved), x.end, y(curve.solved), "stroke=\"#888888\" stroke-dasharray=\"6 4\"");
  path(out, curve.training, x, y, "#9ecae1");
  path(out, curve.evaluation, x, y, "#08519c");
  text(out, width / 2, 20, "middle",
       curve.title + ": mean return, while exploring (light) and greedy (dark); solved at the dashed line");
  out << "</svg>\n";
  return out.str();
}

void write(LearningCurve const& curve, std::filesystem::path const& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::ofstream svg(folder / "learning_curve.svg"), csv(folder / "learning_curve.csv");
  svg << to_svg(curve);
  csv << "kind,steps,return\n";
  for (auto const& p : curve.training) csv << "training," << p.steps << ',' << p.value << '\n';
  for (auto const& p : curve.evaluation) csv << "evaluation," << p.steps << ',' << p.value << '\n';
  svg.close();
  csv.close();
  if (!svg || !csv)
    throw grove::Error(folder.string(), "the learning curve could not be written", {}, "choose another --out");
}

}  // namespace control_example
