// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of the protocol.
 */
#include <kunit/test.h>
#include <linux/sizes.h>

#include "link_cases.h"

KUNIT_ARRAY_PARAM_DESC(peer, peer_cases, name);
KUNIT_ARRAY_PARAM_DESC(wire, wire_cases, name);
KUNIT_ARRAY_PARAM_DESC(talk, talk_cases, name);
KUNIT_ARRAY_PARAM_DESC(room, room_cases, name);

static void peer_case_test(struct kunit *test)
{
	const struct peer_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, vml_may_connect(c->cid, c->port), c->may);
}

static void wire_case_test(struct kunit *test)
{
	const struct vml_message hello = { VML_HELLO, 7, { 1, 2 } };
	const struct wire_case *c = test->param_value;
	struct vml_message message;
	struct vml_wire wire;

	BUILD_BUG_ON(sizeof(wire) != 64);
	vml_encode(&wire, &hello);
	((u8 *)&wire)[c->at] = c->to;
	KUNIT_EXPECT_EQ(test, vml_decode(&message, &wire), c->good);
}

static void talk_case_test(struct kunit *test)
{
	const struct talk_case *c = test->param_value;
	struct vml_peer peer;
	unsigned int i;

	vml_peer_start(&peer, 0);
	for (i = 0; i < c->n; i++) {
		struct vml_message message = { c->type[i], c->seq[i], { } };

		KUNIT_EXPECT_EQ(test, vml_peer_accept(&peer, &message, 0),
				i + 1 < c->n ? VML_TAKE : c->verdict);
	}
}

static void room_case_test(struct kunit *test)
{
	const struct room_case *c = test->param_value;
	struct vml_room room = {
		.total = c->room.total << 20,
		.avail = c->room.avail << 20,
		.active_file = c->room.active_file << 20,
		.held = c->room.held << 20,
		.order = c->room.order << 20,
		.credit = c->room.credit << 20,
	};

	KUNIT_EXPECT_EQ(test, vml_floor(room.total, room.active_file) >> 20, c->floor);
	KUNIT_EXPECT_EQ(test, (vml_hold(&room) + SZ_1M - 1) >> 20, c->hold);
}

static void connect_test(struct kunit *test)
{
	struct vml_peer peer;
	unsigned int i;

	vml_peer_start(&peer, 0);
	for (i = 0; i < VML_BURST / VML_CONNECT; i++)
		KUNIT_EXPECT_TRUE(test, vml_peer_connect(&peer, 0));
	KUNIT_EXPECT_FALSE(test, vml_peer_connect(&peer, 0));
	KUNIT_EXPECT_FALSE(test, vml_peer_connect(&peer, 1000 * VML_CONNECT / VML_RATE - 1));
	KUNIT_EXPECT_TRUE(test, vml_peer_connect(&peer, 1000 * VML_CONNECT / VML_RATE));
}

static void order_test(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, vml_order_good(5, 5));
	KUNIT_EXPECT_TRUE(test, vml_order_good(5, 5 + VML_STALE_MS - 1));
	KUNIT_EXPECT_FALSE(test, vml_order_good(5, 5 + VML_STALE_MS));
	KUNIT_EXPECT_FALSE(test, vml_order_good(5, 4));
}

static struct kunit_case link_tests[] = {
	KUNIT_CASE_PARAM(peer_case_test, peer_gen_params),
	KUNIT_CASE_PARAM(wire_case_test, wire_gen_params),
	KUNIT_CASE_PARAM(talk_case_test, talk_gen_params),
	KUNIT_CASE_PARAM(room_case_test, room_gen_params),
	KUNIT_CASE(connect_test),
	KUNIT_CASE(order_test),
	{ }
};

static struct kunit_suite link_suite = {
	.name = "balloon_link",
	.test_cases = link_tests,
};

kunit_test_suite(link_suite);
