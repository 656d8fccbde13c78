// Single-precision vectors, min and max, branches and calls: spheres over a plane with reflections.
#include "support.h"

typedef struct {
  float x, y, z;
} Vec;

typedef struct {
  Vec centre;
  float radius, shine;
} Sphere;

static const Sphere kSpheres[] = {
    {{0, 1, 4}, 1, 0.5f},
    {{1.8f, 0.6f, 3}, 0.6f, 0.2f},
    {{-1.6f, 0.7f, 3.2f}, 0.7f, 0.8f},
    {{0.4f, 0.3f, 2.2f}, 0.3f, 0},
};

static Vec add(Vec a, Vec b) { return (Vec){a.x + b.x, a.y + b.y, a.z + b.z}; }
static Vec sub(Vec a, Vec b) { return (Vec){a.x - b.x, a.y - b.y, a.z - b.z}; }
static Vec scale(Vec a, float s) { return (Vec){a.x * s, a.y * s, a.z * s}; }
static float dot(Vec a, Vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static Vec unit(Vec a) { return scale(a, 1 / __builtin_sqrtf(dot(a, a))); }

// The distance along the ray to the sphere, or a negative number.
static float hit(const Sphere* s, Vec origin, Vec direction) {
  Vec to_centre = sub(s->centre, origin);
  float along = dot(to_centre, direction);
  float square = s->radius * s->radius - (dot(to_centre, to_centre) - along * along);
  if (square < 0) return -1;
  float distance = along - __builtin_sqrtf(square);
  return distance > 0.001f ? distance : -1;
}

NOINLINE static float trace(Vec origin, Vec direction, i32 depth) {
  const Sphere* nearest = 0;
  float distance = 1e9f;
  for (size_t i = 0; i < COUNT_OF(kSpheres); i++) {
    float d = hit(&kSpheres[i], origin, direction);
    if (d > 0 && d < distance) {
      distance = d;
      nearest = &kSpheres[i];
    }
  }
  if (nearest) {
    Vec point = add(origin, scale(direction, distance));
    Vec normal = unit(sub(point, nearest->centre));
    float light = dot(normal, (Vec){0.48f, 0.8f, -0.36f});
    float shade = 0.1f + 0.7f * (light > 0 ? light : 0);
    if (depth == 0) return shade;
    Vec mirrored = sub(direction, scale(normal, 2 * dot(direction, normal)));
    return shade + nearest->shine * trace(point, mirrored, depth - 1);
  }
  if (direction.y >= 0) return 0.3f + 0.5f * direction.y;
  float t = -origin.y / direction.y;
  i32 tile = (i32)(origin.x + direction.x * t + 1000) + (i32)(origin.z + direction.z * t + 1000);
  return tile & 1 ? 0.2f : 0.9f;
}

i32 run(i32 n) {
  u32 checksum = 0;
  for (i32 row = 0; row < n; row++) {
    for (i32 column = 0; column < n; column++) {
      Vec direction =
          unit((Vec){(float)(column * 2 - n) / (float)n, (float)(n - row * 2) / (float)n, 1.5f});
      float value = trace((Vec){0, 1.2f, -1}, direction, 4);
      checksum = fold(checksum, (u32)(value * 255));
    }
  }
  return (i32)checksum;
}
