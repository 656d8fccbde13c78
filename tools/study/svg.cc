#include "tools/study/svg.h"

#include <fmt/format.h>

#include <cmath>

#include "base/check.h"
#include "tools/escape.h"

namespace lr::study {

namespace {

// A tenth of a pixel is enough; no "-0".
std::string number(f64 value) {
  CHECK(std::isfinite(value));
  const f64 rounded = std::round(value * 10) / 10;
  return fmt::format("{:g}", rounded == 0 ? 0.0 : rounded);
}

std::string_view word(Anchor anchor) {
  return anchor == Anchor::Start ? "start" : anchor == Anchor::Middle ? "middle" : "end";
}

}  // namespace

Svg::Svg(f64 width, f64 height, std::string_view style, std::string_view title,
         std::string_view description) {
  out_ = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
      "viewBox=\"0 0 {0} {1}\" role=\"img\">\n<title>{2}</title>\n<desc>{3}</desc>\n"
      "<style>\n{4}</style>\n",
      number(width), number(height), cli::xml_escape(title), cli::xml_escape(description),
      cli::xml_escape(style));
}

void Svg::line(Point from, Point to, std::string_view css_class) {
  out_ +=
      fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"{}\"/>\n", number(from.x),
                  number(from.y), number(to.x), number(to.y), cli::xml_escape(css_class));
}

void Svg::rect(Point corner, f64 width, f64 height, std::string_view css_class) {
  out_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" class=\"{}\"/>\n",
                      number(corner.x), number(corner.y), number(width), number(height),
                      cli::xml_escape(css_class));
}

void Svg::circle(Point centre, f64 radius, std::string_view css_class) {
  out_ += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"{}\" class=\"{}\"/>\n", number(centre.x),
                      number(centre.y), number(radius), cli::xml_escape(css_class));
}

void Svg::points(std::string_view element, const std::vector<Point>& points,
                 std::string_view css_class) {
  out_ += fmt::format("<{} points=\"", element);
  for (usize i = 0; i < points.size(); i++) {
    out_ += fmt::format("{}{},{}", i == 0 ? "" : " ", number(points[i].x), number(points[i].y));
  }
  out_ += fmt::format("\" class=\"{}\"/>\n", cli::xml_escape(css_class));
}

void Svg::polygon(const std::vector<Point>& list, std::string_view css_class) {
  points("polygon", list, css_class);
}

void Svg::polyline(const std::vector<Point>& list, std::string_view css_class) {
  points("polyline", list, css_class);
}

void Svg::text(Point at, std::string_view text, std::string_view css_class, Anchor anchor) {
  out_ += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"{}\" class=\"{}\">{}</text>\n",
                      number(at.x), number(at.y), word(anchor), cli::xml_escape(css_class),
                      cli::xml_escape(text));
}

void Svg::text_upwards(Point at, std::string_view text, std::string_view css_class) {
  out_ += fmt::format(
      "<text x=\"{0}\" y=\"{1}\" text-anchor=\"middle\" transform=\"rotate(-90 {0} {1})\" "
      "class=\"{2}\">{3}</text>\n",
      number(at.x), number(at.y), cli::xml_escape(css_class), cli::xml_escape(text));
}

std::string Svg::finish() { return std::move(out_) + "</svg>\n"; }

Scale::Scale(Kind kind, f64 low, f64 high, f64 from, f64 to)
    : kind_(kind), low_(low), high_(high), from_(from), to_(to) {
  CHECK(low < high && (kind == Kind::Linear || low > 0));
}

f64 Scale::operator()(f64 value) const {
  const f64 share = kind_ == Kind::Linear ? (value - low_) / (high_ - low_)
                                          : std::log(value / low_) / std::log(high_ / low_);
  return from_ + share * (to_ - from_);
}

std::vector<f64> round_ticks(f64 low, f64 high, u32 about) {
  CHECK(low < high && about > 0);
  // Steps are 1, 2 and 5 times a power of 10: number 3n is 10^n.
  const auto step_of = [](i32 number) {
    constexpr f64 kFactors[] = {1, 2, 5};
    const i32 power = (number >= 0 ? number : number - 2) / 3;
    return kFactors[number - 3 * power] * std::pow(10, power);
  };
  i32 number = 3 * static_cast<i32>(std::floor(std::log10((high - low) / about)));
  while (step_of(number) < (high - low) / about) number++;
  std::vector<f64> ticks;
  for (; ticks.size() < 2; number--) {
    const f64 step = step_of(number);
    ticks.clear();
    for (f64 i = std::ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
      ticks.push_back(i == 0 ? 0 : i * step);
    }
  }
  return ticks;
}

}  // namespace lr::study
