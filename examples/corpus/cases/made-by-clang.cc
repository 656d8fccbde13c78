// Templates and containers for a clang that itself runs as WebAssembly.
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <variant>
#include <vector>

struct Shape {
  virtual ~Shape() = default;
  virtual double area() const = 0;
};
struct Square : Shape {
  explicit Square(double s) : side(s) {}
  double area() const override { return side * side; }
  double side;
};
struct Circle : Shape {
  explicit Circle(double r) : radius(r) {}
  double area() const override { return 3.14159265358979 * radius * radius; }
  double radius;
};

int main() {
  std::vector<std::unique_ptr<Shape>> shapes;
  for (int i = 1; i <= 4; i++) {
    if (i % 2)
      shapes.push_back(std::make_unique<Square>(i));
    else
      shapes.push_back(std::make_unique<Circle>(i));
  }
  std::sort(shapes.begin(), shapes.end(), [](auto& a, auto& b) { return a->area() > b->area(); });
  for (auto& s : shapes) std::printf("%.4f\n", s->area());
  std::map<std::string, std::vector<int>> groups;
  for (int i = 0; i < 30; i++) groups[i % 3 ? (i % 5 ? "other" : "five") : "three"].push_back(i);
  for (auto& [name, members] : groups)
    std::printf("%s %zu %d\n", name.c_str(), members.size(),
                std::accumulate(members.begin(), members.end(), 0));
  std::variant<int, std::string> v = std::string("variant");
  std::printf("%zu %s\n", v.index(), std::get<std::string>(v).c_str());
}
