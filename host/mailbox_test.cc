// Messages, the mailbox, the inbox and the set of ids, without processes.

#include "host/mailbox.h"

#include <gtest/gtest.h>

#include <thread>

#include "host/signal.h"

namespace lr {
namespace {

MessagePtr message(i64 tag, u64 mark = 0) {
  auto made = std::make_unique<Message>();
  made->reset(tag);
  made->append(reinterpret_cast<const u8*>(&mark), sizeof(mark));
  return made;
}

u64 mark_of(const MessagePtr& message) {
  u64 mark = ~u64{0};
  if (message != nullptr) message->copy_out(0, reinterpret_cast<u8*>(&mark), sizeof(mark));
  return mark;
}

constexpr u64 kNothing = ~u64{0};

// --- Bytes.

class MessageBytes : public testing::TestWithParam<u64> {};

TEST_P(MessageBytes, WhatGoesInComesOut) {
  const u64 total = GetParam();
  Message data;
  std::vector<u8> expected;
  u64 piece = 1;
  while (expected.size() < total) {
    std::vector<u8> bytes(std::min<u64>(piece, total - expected.size()));
    for (u8& byte : bytes) byte = static_cast<u8>(expected.size() * 31 + (&byte - bytes.data()));
    ASSERT_TRUE(data.append(bytes.data(), bytes.size()));
    expected.insert(expected.end(), bytes.begin(), bytes.end());
    piece = piece * 3 + 1;
  }
  ASSERT_EQ(data.size(), total);
  EXPECT_GE(data.footprint(), total);
  std::vector<u8> copy(total);
  data.copy_out(0, copy.data(), total);
  EXPECT_EQ(copy, expected);
  const u64 middle = total / 3;
  std::vector<u8> tail(total - middle);
  data.copy_out(middle, tail.data(), tail.size());
  EXPECT_TRUE(std::equal(tail.begin(), tail.end(), expected.begin() + static_cast<i64>(middle)));
  data.reset(7);
  EXPECT_EQ(data.size(), 0u);
  EXPECT_EQ(data.tag, 7);
}

INSTANTIATE_TEST_SUITE_P(Sizes, MessageBytes,
                         testing::Values(0, 1, Message::kInlineBytes, Message::kInlineBytes + 1,
                                         4096, Message::kChunkBytes - 1, Message::kChunkBytes,
                                         Message::kChunkBytes + 1, 5 * Message::kChunkBytes + 17));

// --- Receiving.

TEST(Mailbox, TakesInOrderOfArrival) {
  Mailbox mailbox;
  for (u64 i = 0; i < 100; ++i) mailbox.deliver(message(static_cast<i64>(i % 3), i), {});
  for (u64 i = 0; i < 100; ++i) EXPECT_EQ(mark_of(mailbox.take()), i);
  EXPECT_EQ(mailbox.take(), nullptr);
  EXPECT_EQ(mailbox.count(), 0u);
  EXPECT_EQ(mailbox.bytes(), 0u);
}

// With few messages and with an index.
class MailboxTags : public testing::TestWithParam<u64> {};

TEST_P(MailboxTags, TakesTheOldestOfTheTags) {
  Mailbox mailbox;
  for (u64 i = 0; i < GetParam(); ++i) mailbox.deliver(message(1000 + static_cast<i64>(i), i), {});
  mailbox.deliver(message(5, 1), {});
  mailbox.deliver(message(6, 2), {});
  mailbox.deliver(message(5, 3), {});
  mailbox.deliver(message(0, 4), {});
  const i64 both[] = {6, 5};
  const i64 six[] = {6};
  const i64 none[] = {0, 77};
  EXPECT_EQ(mark_of(mailbox.take(none)), kNothing);
  EXPECT_EQ(mark_of(mailbox.take(six)), 2u);
  EXPECT_EQ(mark_of(mailbox.take(both)), 1u);
  mailbox.deliver(message(6, 5), {});
  EXPECT_EQ(mark_of(mailbox.take(both)), 3u);
  EXPECT_EQ(mark_of(mailbox.take(both)), 5u);
  EXPECT_EQ(mark_of(mailbox.take(both)), kNothing);
  EXPECT_EQ(mailbox.count(), GetParam() + 1);
}

INSTANTIATE_TEST_SUITE_P(Before, MailboxTags, testing::Values(0, 3, 13, 100, 1000));

TEST(Mailbox, HandsTheAwaitedMessageOver) {
  Mailbox mailbox;
  mailbox.deliver(message(5, 1), {});
  const i64 tags[] = {5};
  mailbox.await(tags);  // Without a search: what is there is skipped.
  EXPECT_FALSE(mailbox.has_awaited());
  mailbox.deliver(message(6, 2), {});
  EXPECT_FALSE(mailbox.has_awaited());
  mailbox.deliver(message(5, 3), {});
  mailbox.deliver(message(5, 4), {});
  EXPECT_EQ(mark_of(mailbox.take_awaited()), 3u);
  EXPECT_EQ(mark_of(mailbox.take()), 1u);
  EXPECT_EQ(mark_of(mailbox.take()), 2u);
  EXPECT_EQ(mark_of(mailbox.take()), 4u);
}

TEST(Mailbox, AnyTagMeansAny) {
  Mailbox mailbox;
  mailbox.await({});
  mailbox.deliver(message(0, 9), {});
  EXPECT_EQ(mark_of(mailbox.take_awaited()), 9u);
}

TEST(Mailbox, WhatCameTooLateIsKept) {
  Mailbox mailbox;
  const i64 many[] = {1, 2, 3, 4, 5, 6, 7};
  mailbox.await(many);
  mailbox.deliver(message(7, 9), {});
  mailbox.stop_waiting();
  EXPECT_EQ(mark_of(mailbox.take()), 9u);
}

TEST(Mailbox, DropsWhatTheLimitsDoNotAllow) {
  Mailbox mailbox;
  const MailboxLimits two = {.messages_max = 2};
  EXPECT_TRUE(mailbox.deliver(message(1), two));
  EXPECT_TRUE(mailbox.deliver(message(1), two));
  EXPECT_FALSE(mailbox.deliver(message(1), two));
  const MailboxLimits small = {.bytes_max = 2 * sizeof(Message) + 8};
  EXPECT_FALSE(mailbox.deliver(message(1), small));
  EXPECT_EQ(mailbox.dropped(), 2u);
  EXPECT_EQ(mailbox.count(), 2u);
}

// --- The inbox.

TEST(Inbox, TellsWhoMustWakeAndWhenItIsClosed) {
  Inbox<> inbox;
  Signal first(Envelope::Kind::Kill, 1);
  Signal second(Envelope::Kind::Kill, 2);
  Signal third(Envelope::Kind::Kill, 3);
  EXPECT_EQ(inbox.push(&first), Pushed::WakeOwner);
  EXPECT_EQ(inbox.push(&second), Pushed::Quietly);
  const Envelope* taken = inbox.take_all();
  ASSERT_EQ(taken, &first);
  EXPECT_EQ(taken->next, &second);
  EXPECT_EQ(inbox.take_all(), nullptr);
  EXPECT_EQ(inbox.push(&third), Pushed::WakeOwner);
  EXPECT_EQ(inbox.close(), &third);
  EXPECT_EQ(inbox.push(&first), Pushed::Refused);
  inbox.reopen();
  EXPECT_EQ(inbox.push(&first), Pushed::WakeOwner);
  EXPECT_EQ(inbox.take_all(), &first);
}

TEST(Inbox, LosesNothingAndKeepsEachSendersOrder) {
  constexpr u64 kSenders = 4;
  constexpr u64 kEach = 20'000;
  Inbox<> inbox;
  std::vector<std::thread> senders;
  for (u64 sender = 0; sender < kSenders; ++sender) {
    senders.emplace_back([&inbox, sender] {
      for (u64 i = 0; i < kEach; ++i) {
        inbox.push(new Signal(Envelope::Kind::Link, sender, static_cast<i64>(i)));
      }
    });
  }
  std::vector<i64> next(kSenders, 0);
  u64 seen = 0;
  while (seen < kSenders * kEach) {
    for (Envelope* at = inbox.take_all(); at != nullptr; ++seen) {
      const std::unique_ptr<Signal> signal(static_cast<Signal*>(std::exchange(at, at->next)));
      EXPECT_EQ(signal->tag, next[signal->pid]++);
    }
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_TRUE(inbox.empty());
}

}  // namespace
}  // namespace lr
