// Pointer chasing: linked lists in shuffled order are walked, reversed, split, merged and sorted.
#include "support.h"

typedef struct Node {
  struct Node* next;
  u32 value;
} Node;

enum { kNodes = 1 << 14 };
static Node nodes[kNodes];
static u32 order[kNodes];

static Node* build(u32 seed) {
  for (u32 i = 0; i < kNodes; i++) order[i] = i;
  for (u32 i = kNodes - 1; i > 0; i--) {
    u32 j = next_random(&seed) % (i + 1), t = order[i];
    order[i] = order[j];
    order[j] = t;
  }
  for (u32 i = 0; i < kNodes; i++) {
    nodes[order[i]].value = next_random(&seed) % 65521;
    nodes[order[i]].next = i + 1 < kNodes ? &nodes[order[i + 1]] : 0;
  }
  return &nodes[order[0]];
}

static Node* reverse(Node* list) {
  Node* reversed = 0;
  while (list) {
    Node* next = list->next;
    list->next = reversed;
    reversed = list;
    list = next;
  }
  return reversed;
}

static Node* merge(Node* a, Node* b) {
  Node head, *last = &head;
  while (a && b) {
    Node** smaller = a->value <= b->value ? &a : &b;
    last->next = *smaller;
    last = *smaller;
    *smaller = last->next;
  }
  last->next = a ? a : b;
  return head.next;
}

static Node* sort(Node* list) {
  if (!list || !list->next) return list;
  Node *slow = list, *fast = list->next;
  while (fast && fast->next) slow = slow->next, fast = fast->next->next;
  Node* second = slow->next;
  slow->next = 0;
  return merge(sort(list), sort(second));
}

static u32 walk(const Node* list) {
  u32 sum = 0;
  for (; list; list = list->next) sum = sum * 31 + list->value;
  return sum;
}

i32 run(i32 n) {
  u32 checksum = 0;
  for (i32 i = 0; i < n; i++) {
    Node* list = build((u32)i + 1);
    for (i32 times = 0; times < 10; times++) {
      checksum = fold(checksum, walk(list));
      list = reverse(list);
    }
    checksum = fold(checksum, walk(sort(list)));
  }
  return (i32)checksum;
}
