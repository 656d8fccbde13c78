// Floating point in a structure of few bodies: planets under gravity.
#include "support.h"

typedef struct {
  double x, y, z, vx, vy, vz, mass;
} Body;

enum { kBodies = 5 };

static const Body kStart[kBodies] = {
    {0, 0, 0, 0, 0, 0, 39.5},
    {4.8, -1.2, -0.1, 0.6, 2.8, -0.02, 0.037},
    {8.3, 4.1, -0.4, -1.0, 1.8, 0.008, 0.011},
    {12.9, -15.1, -0.2, 1.1, 0.9, -0.01, 0.0017},
    {15.4, -25.9, 0.2, 0.98, 0.6, -0.03, 0.002},
};

static void advance(Body* bodies, double dt) {
  for (i32 i = 0; i < kBodies; i++) {
    Body* a = &bodies[i];
    for (i32 j = i + 1; j < kBodies; j++) {
      Body* b = &bodies[j];
      double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
      double square = dx * dx + dy * dy + dz * dz;
      double force = dt / (square * __builtin_sqrt(square));
      a->vx -= dx * b->mass * force;
      a->vy -= dy * b->mass * force;
      a->vz -= dz * b->mass * force;
      b->vx += dx * a->mass * force;
      b->vy += dy * a->mass * force;
      b->vz += dz * a->mass * force;
    }
  }
  for (i32 i = 0; i < kBodies; i++) {
    bodies[i].x += dt * bodies[i].vx;
    bodies[i].y += dt * bodies[i].vy;
    bodies[i].z += dt * bodies[i].vz;
  }
}

i32 run(i32 n) {
  Body bodies[kBodies];
  for (i32 i = 0; i < kBodies; i++) bodies[i] = kStart[i];
  for (i32 i = 0; i < n; i++) advance(bodies, 0.001);
  u32 checksum = 0;
  for (i32 i = 0; i < kBodies; i++) {
    checksum = fold_double(checksum, bodies[i].x);
    checksum = fold_double(checksum, bodies[i].vz);
  }
  return (i32)checksum;
}
