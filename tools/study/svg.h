// An SVG file, element by element. Colours and fonts are the style sheet's: elements have classes.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/types.h"

namespace lr::study {

struct Point {
  f64 x = 0;
  f64 y = 0;
};

enum class Anchor : u8 { Start, Middle, End };

class Svg {
 public:
  // `style`: CSS. `title` and `description` are for those who do not see the picture.
  Svg(f64 width, f64 height, std::string_view style, std::string_view title,
      std::string_view description);

  void line(Point from, Point to, std::string_view css_class);
  void rect(Point corner, f64 width, f64 height, std::string_view css_class);
  void circle(Point centre, f64 radius, std::string_view css_class);
  void polygon(const std::vector<Point>& points, std::string_view css_class);
  void polyline(const std::vector<Point>& points, std::string_view css_class);
  void text(Point at, std::string_view text, std::string_view css_class,
            Anchor anchor = Anchor::Start);
  // Read from below to above.
  void text_upwards(Point at, std::string_view text, std::string_view css_class);

  // The whole file; nothing can be added after it.
  std::string finish();

 private:
  void points(std::string_view element, const std::vector<Point>& points,
              std::string_view css_class);
  std::string out_;
};

// From values to positions along an axis.
class Scale {
 public:
  enum class Kind : u8 { Linear, Log };
  // low < high; with Log, both above 0.
  Scale(Kind kind, f64 low, f64 high, f64 from, f64 to);
  f64 operator()(f64 value) const;
  f64 low() const { return low_; }
  f64 high() const { return high_; }

 private:
  Kind kind_;
  f64 low_, high_, from_, to_;
};

// Round numbers from low to high, about so many; at least two.
std::vector<f64> round_ticks(f64 low, f64 high, u32 about);

}  // namespace lr::study
