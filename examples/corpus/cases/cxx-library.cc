// The C++ library: containers, algorithms, strings, streams, smart pointers, virtual calls.
#include <algorithm>
#include <bitset>
#include <chrono>
#include <cstdio>
#include <deque>
#include <functional>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

static int live = 0;

struct Node {
  explicit Node(int v) : value(v) { live++; }
  virtual ~Node() { live--; }
  virtual std::string describe() const { return "node " + std::to_string(value); }
  int value;
  std::vector<std::shared_ptr<Node>> children;
};

struct Leaf : Node {
  using Node::Node;
  std::string describe() const override { return "leaf " + std::to_string(value); }
};

static std::shared_ptr<Node> grow(int depth) {
  if (depth == 0) return std::make_shared<Leaf>(depth);
  auto node = std::make_shared<Node>(depth);
  for (int i = 0; i < 3; i++) node->children.push_back(grow(depth - 1));
  return node;
}

static int total(const Node& node) {
  return std::accumulate(node.children.begin(), node.children.end(), node.value,
                         [](int sum, auto& child) { return sum + total(*child); });
}

static std::optional<int> parse(const std::string& text) {
  std::istringstream in(text);
  int value;
  if (in >> value) return value;
  return std::nullopt;
}

int main(int argc, char** argv) {
  std::cout << "arguments " << argc - 1 << ' ' << (argc > 1 ? argv[1] : "none") << '\n';
  {
    auto tree = grow(5);
    std::cout << live << " nodes, sum " << total(*tree) << ", " << tree->describe() << ", "
              << tree->children[0]->children[0]->children[0]->children[0]->children[0]->describe()
              << '\n';
  }
  std::cout << live << " nodes left\n";

  std::mt19937 random(42);
  std::vector<unsigned> numbers(10000);
  std::generate(numbers.begin(), numbers.end(), std::ref(random));
  std::sort(numbers.begin(), numbers.end());
  std::cout << numbers.front() << ' ' << numbers[5000] << ' ' << numbers.back() << ' '
            << std::is_sorted(numbers.begin(), numbers.end()) << '\n';

  std::map<std::string, int> ordered;
  std::unordered_map<std::string, int> hashed;
  std::istringstream words("a rose is a rose is a rose and a daisy is not");
  for (std::string w; words >> w;) ordered[w]++, hashed[w]++;
  for (auto& [word, count] : ordered)
    std::cout << word << '=' << count << '/' << hashed[word] << ' ';
  std::cout << '\n'
            << std::fixed << std::setprecision(3) << 3.14159 << ' ' << std::hex << 255 << std::dec
            << ' ' << std::setw(8) << std::setfill('*') << 42 << '\n';

  std::variant<int, double, std::string> v = 2.5;
  std::cout << v.index() << ' ' << std::get<double>(v) << ' ' << parse("17").value_or(-1) << ' '
            << parse("x").value_or(-1) << ' ' << std::bitset<12>(0xa5a) << '\n';
  std::function<int(int)> square = [](int x) { return x * x; };
  std::deque<int> queue{1, 2, 3};
  queue.push_front(square(5));
  std::set<int> unique(queue.begin(), queue.end());
  std::cout << unique.size() << ' ' << *unique.rbegin() << '\n';

  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
  if (File out{std::fopen("/work/stream.txt", "w"), std::fclose})
    std::fputs("first\nsecond\nthird\n", out.get());
  File in{std::fopen("/work/stream.txt", "r"), std::fclose};
  char line[64];
  for (int n = 1; in && std::fgets(line, sizeof line, in.get()); n++)
    std::cout << n << ": " << line;
  auto start = std::chrono::steady_clock::now();
  std::cout << (std::chrono::steady_clock::now() >= start) << '\n';
  return 5;
}
