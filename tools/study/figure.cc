#include "tools/study/figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/study/report.h"
#include "tools/study/svg.h"

namespace lr::study {

namespace {

// Colours: the palette of Okabe and Ito; lighter blues and greens on dark ground.
constexpr std::string_view kStyle = R"(
text { font-family: Helvetica, Arial, "Liberation Sans", sans-serif; font-size: 12px; fill: #222 }
.title { font-size: 17px; font-weight: bold }
.panel { font-size: 13px; font-weight: bold }
.note { font-size: 11px; fill: #666 }
.ground { fill: #fff }
.frame { fill: none; stroke: #888 }
.grid { stroke: #e3e3e3 }
.zero { stroke: #666 }
.noise { fill: #ececec }
.stripe { fill: #f7f7f7 }
.p0 { fill: #888; stroke: #888 }
.p1 { fill: #0072b2; stroke: #0072b2 }
.p2 { fill: #d55e00; stroke: #d55e00 }
.p3 { fill: #009e73; stroke: #009e73 }
.p4 { fill: #cc79a7; stroke: #cc79a7 }
.p5 { fill: #e69f00; stroke: #e69f00 }
.bar { stroke-width: 1.5 }
.curve { fill: none; stroke-width: 2 }
.hogs { stroke-dasharray: 5 3 }
@media (prefers-color-scheme: dark) {
text { fill: #ddd }
.note { fill: #999 }
.ground { fill: #161616 }
.frame { stroke: #777 }
.grid { stroke: #333 }
.zero { stroke: #999 }
.noise { fill: #2a2a2a }
.stripe { fill: #1d1d1d }
.p0 { fill: #999; stroke: #999 }
.p1 { fill: #56b4e9; stroke: #56b4e9 }
.p3 { fill: #2ec498; stroke: #2ec498 }
.curve { fill: none }
}
)";
constexpr u32 kPalette = 6;

constexpr f64 kWidth = 1000;
constexpr f64 kMargin = 24;
constexpr f64 kNameWidth = 110;   // Left of an axis, for names.
constexpr f64 kValueWidth = 172;  // Right of the means, for numbers.
constexpr f64 kMeanRow = 34;
constexpr f64 kTopHeight = 330;  // Of the two upper panels.
constexpr f64 kMark = 4;         // Half of a mark's size.
constexpr f64 kMarkStep = 5;     // Between marks of one program.
constexpr f64 kAxisHeight = 40;
constexpr f64 kLogBeyond = 1.6;  // Ratios beyond this need a logarithmic axis.

// A plotting area.
struct Box {
  f64 left, top, right, bottom;
};

// None has number 0.
std::string style_of(jit::Preempt preempt) {
  return fmt::format("p{}", static_cast<u32>(preempt) % kPalette);
}

// The shape says the same as the colour.
void mark(Svg& svg, Point at, jit::Preempt preempt, f64 size = kMark) {
  const std::string style = style_of(preempt);
  const f64 s = size;
  switch (static_cast<u32>(preempt) % kPalette) {
    case 0:
      return svg.rect({at.x - s / 3, at.y - s}, s / 1.5, 2 * s, style);
    case 1:
      return svg.circle(at, s, style);
    case 2:
      return svg.polygon({{at.x, at.y - s}, {at.x + s, at.y + s}, {at.x - s, at.y + s}}, style);
    case 3:
      return svg.rect({at.x - s, at.y - s}, 2 * s, 2 * s, style);
    case 4:
      return svg.polygon({{at.x, at.y - s * 1.3},
                          {at.x + s * 1.3, at.y},
                          {at.x, at.y + s * 1.3},
                          {at.x - s * 1.3, at.y}},
                         style);
    default:
      return svg.polygon({{at.x, at.y + s}, {at.x + s, at.y - s}, {at.x - s, at.y - s}}, style);
  }
}

class Figure {
 public:
  Figure(const Results& results, const Summary& summary)
      : results_(results),
        summary_(summary),
        columns_(results.columns.size()),
        svg_(kWidth, height(), kStyle, "Cost of preemption", description()) {}

  std::string draw() {
    svg_.rect({0, 0}, kWidth, height(), "ground");
    f64 top = draw_head();
    const bool both = has_slowdown() && has_latency();
    const f64 middle = both ? kWidth * 0.53 : 0;
    if (has_slowdown()) {
      draw_means({kMargin + kNameWidth, top + 30, (both ? middle : kWidth) - kMargin - kValueWidth,
                  top + 30 + kMeanRow * static_cast<f64>(columns_ - kControl)});
    }
    if (has_latency()) {
      draw_latency(
          {middle + kMargin + 60, top + 30, kWidth - kMargin, top + kTopHeight - kAxisHeight});
    }
    top += kTopHeight;
    if (has_slowdown()) draw_programs(top);
    return svg_.finish();
  }

 private:
  bool has_slowdown() const { return results_.rounds > 0; }
  bool has_latency() const {
    return std::ranges::any_of(summary_.columns, [](const ColumnSummary& column) {
      return !column.idle.ns.empty() || !column.hogs.ns.empty();
    });
  }
  f64 row_height() const { return kMarkStep * static_cast<f64>(columns_ - kControl) + 6; }
  f64 head_height() const { return 92; }
  f64 height() const {
    const f64 rows = static_cast<f64>(results_.rows.size());
    const f64 programs = has_slowdown() ? 36 + rows * row_height() + kAxisHeight : 0;
    return head_height() + kTopHeight + programs + kMargin;
  }

  std::string description() const {
    std::string text = "Slowdown of WebAssembly programs under mechanisms of preemption:";
    for (usize i = kControl + 1; has_slowdown() && i < columns_; i++) {
      text += " " + verdict(results_, summary_, i) + ".";
    }
    return text;
  }

  f64 draw_head() {
    svg_.text({kMargin, 32}, "What preemption costs, and how fast it answers", "title");
    const Machine& machine = results_.machine;
    svg_.text({kMargin, 52},
              fmt::format("{} · {} processors{} · {}", machine.processor, machine.processors,
                          machine.is_virtual ? " (virtual)" : "", machine.system),
              "note");
    svg_.text(
        {kMargin, 67},
        fmt::format("{} · {} programs, {} rounds, seed {} · load {:.1f} to {:.1f} · {}",
                    results_.version, results_.rows.size(), results_.rounds, results_.settings.seed,
                    results_.before.average[0], results_.after.average[0], results_.started),
        "note");
    f64 x = kMargin;
    for (usize column = kControl; column < columns_; column++) {
      const std::string& name = results_.columns[column].name;
      mark(svg_, {x + kMark, 84}, results_.columns[column].preempt);
      svg_.text({x + 14, 88}, name, "");
      x += 34 + 6.6 * static_cast<f64>(name.size());
    }
    return head_height();
  }

  // --- Slowdown.

  // An axis that holds every interval of `estimates` (ratios), and the noise.
  Scale ratio_scale(const std::vector<Estimate>& estimates, f64 from, f64 to) const {
    // Ratios are positive; a noise beyond all measure is cut off.
    f64 low = std::min(0.995, std::max(0.5, 1 - summary_.noise));
    f64 high = std::max(1.01, 1 + summary_.noise);
    for (const Estimate& estimate : estimates) {
      low = std::min(low, estimate.low);
      high = std::max(high, estimate.high);
    }
    const f64 room = (high - low) * 0.04;
    const bool log = high > kLogBeyond;
    return Scale(log ? Scale::Kind::Log : Scale::Kind::Linear, log ? low * 0.98 : low - room,
                 log ? high * 1.04 : high + room, from, to);
  }

  void draw_ratio_axis(const Scale& x, const Box& box) {
    std::vector<f64> ticks;
    if (x.high() > kLogBeyond) {
      f64 last = -1e9;
      for (const f64 ratio :
           {0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0, 50.0, 100.0}) {
        if (ratio < x.low() || ratio > x.high() || x(ratio) - last < 40) continue;
        last = x(ratio);
        ticks.push_back(ratio);
      }
    } else {
      const u32 about = std::max(2u, static_cast<u32>((box.right - box.left) / 60));
      for (const f64 percent : round_ticks((x.low() - 1) * 100, (x.high() - 1) * 100, about)) {
        ticks.push_back(1 + percent / 100);
      }
    }
    for (const f64 ratio : ticks) {
      svg_.line({x(ratio), box.top}, {x(ratio), box.bottom}, "grid");
      const f64 percent = std::round((ratio - 1) * 1000) / 10;
      svg_.text({x(ratio), box.bottom + 15},
                percent == 0 ? std::string("0") : fmt::format("{:+g} %", percent), "",
                Anchor::Middle);
    }
    svg_.line({x(1), box.top}, {x(1), box.bottom}, "zero");
    svg_.rect({box.left, box.top}, box.right - box.left, box.bottom - box.top, "frame");
    svg_.text({(box.left + box.right) / 2, box.bottom + 32},
              "slowdown against none; grey: the noise", "note", Anchor::Middle);
  }

  void draw_noise(const Scale& x, const Box& box) {
    const f64 left = x(std::max(x.low(), 1 - summary_.noise));
    const f64 right = x(std::min(x.high(), 1 + summary_.noise));
    svg_.rect({left, box.top}, right - left, box.bottom - box.top, "noise");
  }

  void draw_estimate(const Scale& x, f64 y, const Estimate& estimate, usize column, f64 size) {
    const jit::Preempt preempt = results_.columns[column].preempt;
    svg_.line({x(estimate.low), y}, {x(estimate.high), y}, "bar " + style_of(preempt));
    mark(svg_, {x(estimate.value), y}, preempt, size);
  }

  void draw_means(const Box& box) {
    svg_.text({kMargin, box.top - 12},
              fmt::format("Geometric mean of {} programs, 95 % intervals", results_.rows.size()),
              "panel");
    std::vector<Estimate> estimates;
    for (usize i = kControl; i < columns_; i++) estimates.push_back(summary_.columns[i].slowdown);
    const Scale x = ratio_scale(estimates, box.left, box.right);
    draw_noise(x, box);
    draw_ratio_axis(x, box);
    for (usize i = 0; i < estimates.size(); i++) {
      const f64 y = box.top + kMeanRow * (static_cast<f64>(i) + 0.5);
      const Estimate& estimate = estimates[i];
      svg_.text({box.left - 8, y + 4}, results_.columns[i + kControl].name, "", Anchor::End);
      draw_estimate(x, y, estimate, i + kControl, kMark + 1);
      svg_.text({box.right + 8, y + 4},
                fmt::format("{} % ({} to {})", percent_text(estimate.value, 2),
                            percent_text(estimate.low, 2), percent_text(estimate.high, 2)),
                "");
    }
  }

  void draw_programs(f64 top) {
    const f64 rows = static_cast<f64>(results_.rows.size());
    const Box box = {kMargin + kNameWidth, top + 36, kWidth - kMargin,
                     top + 36 + rows * row_height()};
    svg_.text({kMargin, box.top - 12}, "Each program, 95 % intervals", "panel");
    std::vector<Estimate> all;
    for (const RowSummary& row : summary_.rows) {
      all.insert(all.end(), row.slowdown.begin(), row.slowdown.end());
    }
    const Scale x = ratio_scale(all, box.left, box.right);
    for (usize i = 0; i < results_.rows.size(); i += 2) {
      const f64 y = box.top + static_cast<f64>(i) * row_height();
      svg_.rect({box.left, y}, box.right - box.left, row_height(), "stripe");
    }
    draw_ratio_axis(x, box);
    for (usize i = 0; i < results_.rows.size(); i++) {
      const f64 y = box.top + static_cast<f64>(i) * row_height();
      svg_.text({box.left - 8, y + row_height() / 2 + 4}, shortened(results_.rows[i].program), "",
                Anchor::End);
      for (usize column = kControl; column < columns_; column++) {
        draw_estimate(x, y + 3 + kMarkStep * (static_cast<f64>(column - kControl) + 0.5),
                      summary_.rows[i].slowdown[column], column, 2.4);
      }
    }
  }

  // The end of a long name says more than its start.
  static std::string shortened(const std::string& name) {
    constexpr usize kLengthMax = 16;
    if (name.size() <= kLengthMax) return name;
    return "..." + name.substr(name.size() - kLengthMax + 3);
  }

  // --- Latency.

  void draw_latency(const Box& box) {
    svg_.text({box.left - 60, box.top - 12}, "Time from request to yield", "panel");
    f64 low = 1e12, high = 1;
    usize samples_max = 1;
    for (const ColumnSummary& column : summary_.columns) {
      for (const Latency* latency : {&column.idle, &column.hogs}) {
        if (latency->ns.empty()) continue;
        low = std::min(low, static_cast<f64>(latency->ns.front()));
        high = std::max(high, static_cast<f64>(latency->ns.back()));
        samples_max = std::max(samples_max, latency->ns.size());
      }
    }
    const f64 rarest = std::pow(10, -std::ceil(std::log10(static_cast<f64>(samples_max)) + 1e-9));
    const Scale x(Scale::Kind::Log, std::pow(10, std::floor(std::log10(std::max(low, 10.0)))),
                  std::pow(10, std::ceil(std::log10(high * 1.01))), box.left, box.right);
    const Scale y(Scale::Kind::Log, std::min(rarest, 0.1), 1, box.bottom, box.top);
    draw_latency_axes(x, y, box);
    for (usize i = kControl + 1; i < columns_; i++) {
      const std::string style = style_of(results_.columns[i].preempt);
      draw_curve(x, y, summary_.columns[i].idle, "curve " + style);
      draw_curve(x, y, summary_.columns[i].hogs, "curve hogs " + style);
    }
    f64 left = box.right - 190;
    for (const auto& [name, style] :
         {std::pair{"alone", "curve p0"}, std::pair{"among hogs", "curve hogs p0"}}) {
      svg_.line({left, box.top - 16}, {left + 30, box.top - 16}, style);
      svg_.text({left + 37, box.top - 12}, name, "note");
      left += 92;
    }
  }

  void draw_latency_axes(const Scale& x, const Scale& y, const Box& box) {
    for (f64 ns = x.low(); ns <= x.high() * 1.001; ns *= 10) {
      svg_.line({x(ns), box.top}, {x(ns), box.bottom}, "grid");
      std::string label = duration_text(ns * 1.0000001);
      if (const usize dot = label.find(".0 "); dot != std::string::npos) label.erase(dot, 2);
      svg_.text({x(ns), box.bottom + 16}, label, "", Anchor::Middle);
    }
    for (f64 share = 1; share >= y.low() * 0.999; share /= 10) {
      svg_.line({box.left, y(share)}, {box.right, y(share)}, "grid");
      const f64 middle = std::min(y(share) + 4, box.bottom - 1);
      svg_.text({box.left - 6, middle}, fmt::format("{:g} %", share * 100), "", Anchor::End);
    }
    svg_.rect({box.left, box.top}, box.right - box.left, box.bottom - box.top, "frame");
    svg_.text({(box.left + box.right) / 2, box.bottom + 32}, "time (logarithmic)", "note",
              Anchor::Middle);
    svg_.text_upwards({box.left - 52, (box.top + box.bottom) / 2}, "requests that take longer",
                      "note");
  }

  // How many samples exceed a value, as a curve of steps that are too small to see; one point for
  // each pixel at most.
  void draw_curve(const Scale& x, const Scale& y, const Latency& latency,
                  const std::string& style) {
    if (latency.ns.empty()) return;
    std::vector<Point> points;
    const f64 count = static_cast<f64>(latency.ns.size());
    for (usize i = 0; i < latency.ns.size(); i++) {
      const Point point = {x(std::max(static_cast<f64>(latency.ns[i]), x.low())),
                           y((count - static_cast<f64>(i)) / count)};
      const bool is_end = i + 1 == latency.ns.size();
      const bool is_near = !points.empty() && std::abs(point.x - points.back().x) < 1 &&
                           std::abs(point.y - points.back().y) < 1;
      if (!is_near || is_end) points.push_back(point);
    }
    svg_.polyline(points, style);
  }

  const Results& results_;
  const Summary& summary_;
  const usize columns_;
  Svg svg_;
};

}  // namespace

std::string svg_figure(const Results& results, const Summary& summary) {
  return Figure(results, summary).draw();
}

}  // namespace lr::study
