// Pointer chasing with allocation: a treap with insertions, look-ups and deletions.
#include "support.h"

typedef struct Node {
  struct Node *left, *right;
  u32 key, priority;
} Node;

enum { kNodes = 1 << 15 };
static Node nodes[kNodes];
static Node* free_nodes;
static u32 seed;

static Node* new_node(u32 key) {
  Node* node = free_nodes;
  free_nodes = node->left;
  *node = (Node){0, 0, key, next_random(&seed)};
  return node;
}

static void delete_node(Node* node) {
  node->left = free_nodes;
  free_nodes = node;
}

static Node* rotate_right(Node* node) {
  Node* left = node->left;
  node->left = left->right;
  left->right = node;
  return left;
}

static Node* rotate_left(Node* node) {
  Node* right = node->right;
  node->right = right->left;
  right->left = node;
  return right;
}

static Node* insert(Node* node, u32 key) {
  if (!node) return new_node(key);
  if (key < node->key) {
    node->left = insert(node->left, key);
    if (node->left->priority > node->priority) return rotate_right(node);
  } else if (key > node->key) {
    node->right = insert(node->right, key);
    if (node->right->priority > node->priority) return rotate_left(node);
  }
  return node;
}

static Node* join(Node* left, Node* right) {
  if (!left) return right;
  if (!right) return left;
  if (left->priority > right->priority) {
    left->right = join(left->right, right);
    return left;
  }
  right->left = join(left, right->left);
  return right;
}

static Node* erase(Node* node, u32 key) {
  if (!node) return 0;
  if (key < node->key) {
    node->left = erase(node->left, key);
  } else if (key > node->key) {
    node->right = erase(node->right, key);
  } else {
    Node* rest = join(node->left, node->right);
    delete_node(node);
    return rest;
  }
  return node;
}

static u32 contains(const Node* node, u32 key) {
  while (node && node->key != key) node = key < node->key ? node->left : node->right;
  return node != 0;
}

static u32 checksum_of(const Node* node, u32 depth) {
  if (!node) return depth;
  return fold(checksum_of(node->left, depth + 1) + node->key, checksum_of(node->right, depth + 1));
}

i32 run(i32 n) {
  seed = 17;
  free_nodes = 0;
  for (u32 i = 0; i < kNodes; i++) delete_node(&nodes[i]);
  Node* root = 0;
  u32 found = 0;
  for (i32 i = 0; i < n; i++) {
    u32 key = next_random(&seed) % (kNodes - 1);
    root = insert(root, key);
    found += contains(root, key ^ 1) + contains(root, key * 3 % (kNodes - 1));
    if (i % 3 == 2) root = erase(root, next_random(&seed) % (kNodes - 1));
  }
  return (i32)fold(checksum_of(root, 0), found);
}
