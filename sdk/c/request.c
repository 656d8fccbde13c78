// Requests and replies. A request begins with the asker's id and the tag of the reply, which no
// other message of the asker's has: so the asker need not search what came before.
#include "lunatic.h"

#define FIRST_FRESH_TAG (INT64_C(1) << 32)

static int64_t next_tag = FIRST_FRESH_TAG;
static int64_t reply_tag;  // Of the request being written.

int64_t lunatic_fresh_tag(void) { return next_tag++; }

void lunatic_request_begin(int64_t tag) {
  reply_tag = lunatic_fresh_tag();
  lunatic_begin(tag);
  lunatic_put_u64(lunatic_self());
  lunatic_put_i64(reply_tag);
}

uint32_t lunatic_ask(lunatic_pid pid, uint64_t timeout_ms) {
  return lunatic_message_send_receive_skip_search(pid, reply_tag, timeout_ms);
}

bool lunatic_request_read(lunatic_request* request) {
  return lunatic_get_u64(&request->from) && lunatic_get_i64(&request->reply_tag);
}

void lunatic_reply_begin(const lunatic_request* request) { lunatic_begin(request->reply_tag); }
