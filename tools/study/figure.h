// The study as a picture: mean slowdown with its interval and the noise, the distribution of the
// time from request to yield, and the slowdown of each program. Mechanisms differ in colour (of a
// palette that is safe for colour-blind readers) and in shape; the picture brings its background
// and follows the reader's choice of a light or dark one.
#pragma once

#include <string>

#include "tools/study/results.h"
#include "tools/study/summary.h"

namespace lr::study {

std::string svg_figure(const Results& results, const Summary& summary);

}  // namespace lr::study
