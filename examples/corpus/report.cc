// The corpus program in C++; README.md says what it does. The other languages' do the same.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

// Debian's C++ library for WebAssembly has no file streams.
struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

int main(int argc, char** argv) {
  for (int i = 1; i < argc; i++) std::cout << "argument " << i << ": " << argv[i] << "\n";
  const char* greeting = std::getenv("GREETING");
  std::cout << "greeting: " << (greeting ? greeting : "(none)") << "\n";

  const File in(std::fopen(argv[1], "r"));
  if (!in) return 100;
  std::string text;
  for (int c; (c = std::getc(in.get())) != EOF;) text += static_cast<char>(c);
  std::map<std::string, int> counts;
  std::string word;
  int words = 0;
  for (char c : text) {
    if (c >= 'a' && c <= 'z') {
      word += c;
    } else if (!word.empty()) {
      counts[word]++;
      words++;
      word.clear();
    }
  }
  std::cout << "lines " << std::count(text.begin(), text.end(), '\n') << " words " << words
            << " bytes " << text.size() << "\n";

  std::vector<std::pair<int, std::string>> ranked;
  for (const auto& [key, count] : counts) ranked.emplace_back(-count, key);
  std::sort(ranked.begin(), ranked.end());
  for (int i = 0; i < 3; i++) std::cout << ranked[i].second << " " << -ranked[i].first << "\n";
  std::cout << "average " << std::fixed << std::setprecision(3)
            << static_cast<double>(text.size()) / words << "\n";

  File out(std::fopen(argv[2], "w"));
  if (!out) return 100;
  for (const auto& [key, count] : counts) std::fprintf(out.get(), "%s\n", key.c_str());
  out.reset();

  const File missing(std::fopen("/data/missing.txt", "r"));
  std::cout << "missing: " << (missing ? "found" : "not found") << "\n";

  int total = 0;
  for (std::string line; std::getline(std::cin, line);) total += std::atoi(line.c_str());
  std::cout << "total " << total << std::endl;
  std::cerr << "leaving with " << argv[3] << "\n";
  return std::atoi(argv[3]);
}
