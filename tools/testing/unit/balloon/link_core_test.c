// SPDX-License-Identifier: GPL-2.0
/*
 * The protocol: the case tables, and properties.
 */
#include <string.h>

#include "../utest.h"
#include "tests/link_cases.h"

static void cases(void)
{
	const struct vml_message hello = { VML_HELLO, 7, { 1, 2 } };
	struct vml_message message;
	struct vml_peer last;
	struct vml_wire wire;
	unsigned int i, j;

	EXPECT_EQ(sizeof(wire), 64, "size of a message");
	for (i = 0; i < ARRAY_SIZE(peer_cases); i++) {
		const struct peer_case *c = &peer_cases[i];

		EXPECT_EQ(vml_may_connect(c->cid, c->port), c->may, "%s", c->name);
	}
	for (i = 0; i < ARRAY_SIZE(wire_cases); i++) {
		const struct wire_case *c = &wire_cases[i];

		vml_encode(&wire, &hello);
		((u8 *)&wire)[c->at] = c->to;
		EXPECT_EQ(vml_decode(&message, &wire), c->good, "%s", c->name);
	}
	/* A type is unknown also without arguments, and numbers come to an end. */
	message = (struct vml_message){ VML_HELLO, 1, { } };
	vml_encode(&wire, &message);
	for (i = 0; i < 256; i++) {
		wire.type = i;
		EXPECT_EQ(vml_decode(&message, &wire), i >= VML_HELLO && i <= VML_ORDER,
			  "type %u", i);
	}
	vml_peer_start(&last, 0);
	last.seq = ~0U;
	message = (struct vml_message){ VML_REPORT, 0, { } };
	EXPECT_EQ(vml_peer_accept(&last, &message, 0), VML_CLOSE, "after the last number");
	for (i = 0; i < ARRAY_SIZE(talk_cases); i++) {
		const struct talk_case *c = &talk_cases[i];
		struct vml_peer peer;

		vml_peer_start(&peer, 0);
		for (j = 0; j < c->n; j++) {
			struct vml_message m = { c->type[j], c->seq[j], { } };

			EXPECT_EQ(vml_peer_accept(&peer, &m, 0),
				  j + 1 < c->n ? VML_TAKE : c->verdict, "%s: message %u",
				  c->name, j);
		}
	}
	for (i = 0; i < ARRAY_SIZE(room_cases); i++) {
		const struct room_case *c = &room_cases[i];
		struct vml_room room = c->room;

		room.total <<= 20;
		room.avail <<= 20;
		room.active_file <<= 20;
		room.held <<= 20;
		room.order <<= 20;
		room.credit <<= 20;
		EXPECT_EQ(vml_floor(room.total, room.active_file) >> 20, c->floor, "%s: floor",
			  c->name);
		EXPECT_EQ((vml_hold(&room) + 0xfffff) >> 20, c->hold, "%s", c->name);
	}
	EXPECT(vml_order_good(5, 5), "an order at once");
	EXPECT(vml_order_good(5, 5 + VML_STALE_MS - 1), "an order at the last moment");
	EXPECT(!vml_order_good(5, 5 + VML_STALE_MS), "a stale order");
	EXPECT(!vml_order_good(5, 4), "an order of the future");
}

/* What is sent is received, and has one form. */
static void round_trip(void)
{
	unsigned long rounds = utest_iterations(100000);

	while (rounds--) {
		struct vml_message m = { .seq = utest_rand() }, got;
		struct vml_wire wire, again;
		unsigned int i, n;

		m.type = VML_HELLO + utest_below(3);
		n = m.type == VML_REPORT ? 6 : 2;
		for (i = 0; i < n; i++)
			m.arg[i] = utest_rand() >> utest_below(64);
		memset(&wire, 0x55, sizeof(wire));
		memset(&got, 0x55, sizeof(got));
		vml_encode(&wire, &m);
		EXPECT(vml_decode(&got, &wire), "its own message");
		EXPECT_EQ(got.type, m.type, "type");
		EXPECT_EQ(got.seq, m.seq, "number");
		EXPECT(!memcmp(got.arg, m.arg, sizeof(m.arg)), "arguments");
		vml_encode(&again, &got);
		EXPECT(!memcmp(&again, &wire, sizeof(wire)), "another form");
	}
}

/* No more is taken than the rate allows; after the time of one message one is taken. */
static void floods(void)
{
	unsigned long rounds = utest_iterations(300);

	while (rounds--) {
		u64 start = utest_rand(), now = start;
		u32 step = utest_below(100), taken = 0, ignored = 0, gap = 1000, i;
		struct vml_peer peer;

		if (start + 1000000 < start)
			continue;
		vml_peer_start(&peer, start);
		for (i = 0; i < 3000; i++) {
			struct vml_message m = { i ? VML_REPORT : VML_HELLO, i + 1, { } };
			enum vml_verdict v = vml_peer_accept(&peer, &m, now);
			u64 most = VML_BURST + (now - start) * VML_RATE / 1000;

			if (v == VML_CLOSE)
				break;
			taken += v == VML_TAKE;
			ignored += v == VML_IGNORE;
			EXPECT(taken <= most, "%u taken in %llu ms", taken, now - start);
			EXPECT(v == VML_TAKE || gap < 1000 / VML_RATE, "ignored too early");
			gap = utest_below(step + 1);
			now += gap;
		}
		EXPECT(ignored <= VML_PATIENCE, "%u ignored", ignored);
		EXPECT(i == 3000 || ignored == VML_PATIENCE, "cut off after %u", ignored);
	}
}

/* After a long silence there is one burst, not more. */
static void silence(void)
{
	struct vml_peer peer;
	u32 i, taken = 0;

	vml_peer_start(&peer, 0);
	for (i = 0; i < 500; i++) {
		struct vml_message m = { i ? VML_REPORT : VML_HELLO, i + 1, { } };

		taken += vml_peer_accept(&peer, &m, ~0ULL) == VML_TAKE;
	}
	EXPECT_EQ(taken, VML_BURST, "taken");
}

/* Who connects again and again gets no more through than who stays. */
static void reconnects(void)
{
	unsigned long rounds = utest_iterations(300);

	while (rounds--) {
		struct vml_message hello = { VML_HELLO, 1, { } };
		u32 taken = 0, connects = 0, step = utest_below(100), i;
		u64 now = 0;
		struct vml_peer peer;

		vml_peer_start(&peer, now);
		for (i = 0; i < 1000; i++) {
			u64 most = VML_BURST + now * VML_RATE / 1000;

			if (vml_peer_connect(&peer, now)) {
				connects++;
				EXPECT_EQ(peer.seq, 0, "number before the first message");
				EXPECT_EQ(peer.excess, 0, "patience is new");
				taken += vml_peer_accept(&peer, &hello, now) == VML_TAKE;
				peer.excess = VML_PATIENCE;
			}
			EXPECT(taken + connects * VML_CONNECT <= most,
			       "%u connections, %u messages in %llu ms", connects, taken, now);
			now += utest_below(step + 1);
		}
		EXPECT(connects >= VML_BURST / (VML_CONNECT + 1), "%u connections", connects);
	}
	{
		struct vml_peer peer;
		u32 i;

		vml_peer_start(&peer, 0);
		for (i = 0; i < VML_BURST / VML_CONNECT; i++)
			EXPECT(vml_peer_connect(&peer, 0), "connection %u", i);
		EXPECT(!vml_peer_connect(&peer, 1000 * VML_CONNECT / VML_RATE - 1), "too early");
		EXPECT(vml_peer_connect(&peer, 1000 * VML_CONNECT / VML_RATE), "in time");
	}
}

/* Whatever the figures: no more than ordered, and what is given leaves the floor. */
static void rooms(void)
{
	unsigned long rounds = utest_iterations(100000);

	while (rounds--) {
		struct vml_room r = {
			.total = utest_rand() >> 18 >> utest_below(30),
			.avail = utest_rand() >> 18 >> utest_below(30),
			.active_file = utest_rand() >> 18 >> utest_below(30),
			.held = utest_rand() >> 18 >> utest_below(30),
			.order = utest_rand() >> 18 >> utest_below(30),
			.credit = utest_rand() >> 18 >> utest_below(30),
		};
		u64 floor = vml_floor(r.total, r.active_file), hold = vml_hold(&r);

		EXPECT(floor <= r.total / 2, "a floor of %llu of %llu", floor, r.total);
		EXPECT(hold <= r.order, "more than ordered");
		EXPECT(hold <= r.held || hold - r.held + floor <= r.avail,
		       "%llu given of %llu with a floor of %llu", hold - r.held, r.avail, floor);
		if (r.held >= r.order)
			EXPECT(hold + r.credit >= r.order, "more than the credit taken back");
		else
			EXPECT(hold >= r.held || hold + r.credit >= r.order, "taken back");
	}
}

UTEST_ALL(UTEST(cases), UTEST(round_trip), UTEST(floods), UTEST(silence), UTEST(reconnects),
	  UTEST(rooms));
