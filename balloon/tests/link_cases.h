/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Peers, messages and connections of link_core.c, for KUnit and for user space.
 */
#ifndef VML_LINK_CASES_H
#define VML_LINK_CASES_H

#include "../link_core.h"

/**
 * struct peer_case - somebody who connects
 * @name: of the case
 * @cid: its context
 * @port: its port
 * @may: expected
 */
struct peer_case {
	const char *name;
	u32 cid;
	u32 port;
	bool may;
};

static const struct peer_case peer_cases[] = {
	{ "a guest's kernel", 3, 1023, true },
	{ "the last guest", 0xfffffffe, 1, true },
	{ "a guest's user", 3, 1024, false },
	{ "any port", 3, 0xffffffff, false },
	{ "the hypervisor", 0, 1000, false },
	{ "loopback", 1, 1000, false },
	{ "the host", 2, 1000, false },
	{ "nobody", 0xffffffff, 1000, false },
};

/**
 * struct wire_case - bytes
 * @name: of the case
 * @at: offset of one byte that is changed in a hello of number 7
 * @to: value that it gets
 * @good: whether it is still a message
 */
struct wire_case {
	const char *name;
	unsigned int at;
	u8 to;
	bool good;
};

static const struct wire_case wire_cases[] = {
	{ "as it was", 8, 7, true },
	{ "another magic", 0, 0, false },
	{ "another version", 4, 2, false },
	{ "no type", 5, 0, false },
	{ "a type with all numbers", 5, VML_REPORT, true },
	{ "an unknown type", 5, 4, false },
	{ "what must be zero", 6, 1, false },
	{ "what must be zero, its other half", 7, 1, false },
	{ "another number", 9, 1, true },
	{ "what else must be zero", 15, 128, false },
	{ "another argument", 16, 9, true },
	{ "the last one that it has", 31, 9, true },
	{ "one that it has not", 32, 1, false },
	{ "the last one", 63, 1, false },
};

/**
 * struct talk_case - messages of a connection
 * @name: of the case
 * @type: of each
 * @seq: of each
 * @n: how many; all but the last are taken
 * @verdict: on the last
 */
struct talk_case {
	const char *name;
	enum vml_type type[4];
	u32 seq[4];
	unsigned int n;
	enum vml_verdict verdict;
};

static const struct talk_case talk_cases[] = {
	{ "hello", { VML_HELLO }, { 1 }, 1, VML_TAKE },
	{ "a report first", { VML_REPORT }, { 1 }, 1, VML_CLOSE },
	{ "an order first", { VML_ORDER }, { 1 }, 1, VML_CLOSE },
	{ "number 0", { VML_HELLO }, { 0 }, 1, VML_CLOSE },
	{ "number 2", { VML_HELLO }, { 2 }, 1, VML_CLOSE },
	{ "reports", { VML_HELLO, VML_REPORT, VML_REPORT }, { 1, 2, 3 }, 3, VML_TAKE },
	{ "hello again", { VML_HELLO, VML_HELLO }, { 1, 2 }, 2, VML_CLOSE },
	{ "an order", { VML_HELLO, VML_ORDER }, { 1, 2 }, 2, VML_CLOSE },
	{ "the same number", { VML_HELLO, VML_REPORT, VML_REPORT }, { 1, 2, 2 }, 3, VML_CLOSE },
	{ "a number left out", { VML_HELLO, VML_REPORT }, { 1, 3 }, 2, VML_CLOSE },
};

/**
 * struct room_case - a guest's memory and an order, in MiB
 * @name: of the case
 * @room: see &struct vml_room
 * @floor: expected
 * @hold: expected
 */
struct room_case {
	const char *name;
	struct vml_room room;
	u64 floor;
	u64 hold;
};

static const struct room_case room_cases[] = {
	{ "no order", { 1024, 900, 0, 0, 0, 0 }, 96, 0 },
	{ "an order", { 1024, 900, 0, 0, 512, 0 }, 96, 512 },
	{ "down to the floor", { 1024, 900, 0, 0, 900, 0 }, 96, 804 },
	{ "page cache in use", { 1024, 900, 100, 0, 900, 0 }, 196, 704 },
	{ "much page cache in use", { 1024, 900, 800, 0, 900, 0 }, 352, 548 },
	{ "a small guest", { 64, 60, 64, 0, 60, 0 }, 32, 28 },
	{ "all in use", { 1024, 0, 0, 0, 512, 100 }, 96, 0 },
	{ "more available than there is", { 1024, 4096, 0, 0, 2048, 0 }, 96, 928 },
	{ "obeyed", { 512, 200, 0, 512, 512, 50 }, 80, 512 },
	{ "below the floor, no credit", { 512, 20, 0, 512, 512, 0 }, 80, 512 },
	{ "below the floor, some credit", { 512, 20, 0, 512, 512, 50 }, 80, 462 },
	{ "below the floor, enough credit", { 512, 20, 0, 512, 512, 100 }, 80, 452 },
	{ "the credit used", { 562, 20, 0, 462, 512, 50 }, 81, 462 },
	{ "below the floor before it obeyed", { 512, 20, 0, 300, 512, 50 }, 80, 300 },
	{ "more credit than order", { 512, 0, 0, 60, 60, 100 }, 80, 0 },
	{ "ordered to take back", { 512, 400, 0, 512, 128, 0 }, 80, 128 },
};

#endif /* VML_LINK_CASES_H */
