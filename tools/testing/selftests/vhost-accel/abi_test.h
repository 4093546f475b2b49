/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differential test of the vhost ABI: what its parts share.
 *
 * A call is one system call with good or bad arguments. It is made in every state a
 * device can be in, on the reference device and on ours; what it returns, what it
 * writes and what the device then says of itself is put into words and compared.
 */
#ifndef _ABI_TEST_H
#define _ABI_TEST_H

#include "vhost_backend.h"
#include "vhost_guest.h"

/**
 * enum state - What happened to a device before a call.
 * @ST_FRESH: Opened; no owner.
 * @ST_OWNER: Owned, nothing else.
 * @ST_HALF: Features, memory and one ring's size, index and addresses; no eventfd.
 * @ST_READY: All but the backend.
 * @ST_LIVE: Both rings run on a tap.
 * @ST_STOPPED: Ran, was stopped.
 * @ST_RESET: Ran, then RESET_OWNER.
 * @ST_FOREIGN: As READY, but the call comes from another process.
 * @STATES: Number of states.
 */
enum state {
	ST_FRESH,
	ST_OWNER,
	ST_HALF,
	ST_READY,
	ST_LIVE,
	ST_STOPPED,
	ST_RESET,
	ST_FOREIGN,
	STATES
};

#define FIX_FEATURES	VG_F_MODERN
#define TEXT_SIZE	1024

struct text {
	char s[TEXT_SIZE];
	size_t n;
};

__printf(2, 3)
void text_add(struct text *t, const char *fmt, ...);

/** text_err() - "0" or the symbol of a negative errno. */
const char *text_err(long err);

/**
 * struct fix - A device in some state, and what bad arguments are made of.
 * @d: The device.
 * @state: As built.
 * @tap: Backend of the LIVE state.
 * @tap2: Another one.
 * @req: Request of the group of calls.
 * @name: Interface of @tap.
 * @name2: Interface of @tap2.
 */
struct fix {
	struct vg_dev d;
	enum state state;
	int tap;
	int tap2;
	unsigned long req;
	char name[16];
	char name2[16];
};

/**
 * struct call - One system call.
 * @name: Unique; deviations refer to it.
 * @fn: Makes it, and adds to the text what it wrote.
 * @a: Arguments, as @fn likes.
 * @b: Argument.
 * @c: Argument.
 */
struct call {
	const char *name;
	long (*fn)(struct fix *f, const struct call *c, struct text *t);
	__u64 a;
	__u64 b;
	__u64 c;
};

/**
 * struct call_group - Calls on one subject; they share a device, in order.
 * @name: Unique.
 * @call: The calls.
 * @n: How many.
 * @req: Request of those that do not name one.
 */
struct call_group {
	const char *name;
	const struct call *call;
	unsigned int n;
	unsigned long req;
};

extern const struct call_group abi_groups[];
extern const unsigned int abi_ngroups;

/**
 * struct effect - A scenario whose course is put into words.
 * @name: Unique.
 * @fn: Plays it on a READY device.
 */
struct effect {
	const char *name;
	void (*fn)(struct fix *f, struct text *t);
};

extern const struct effect abi_effects[];
extern const unsigned int abi_neffects;

/** fix_bad_fd() - A descriptor of the kind, made on first use. */
enum fd_kind {
	FD_NONE,	/* -1 */
	FD_MINUS2,
	FD_CLOSED,
	FD_EVENT,
	FD_EVENT2,
	FD_PIPE,
	FD_EPOLL,
	FD_TIMER,
	FD_FILE,
	FD_DIR,
	FD_DEVNULL,
	FD_TTY,
	FD_INET_DGRAM,
	FD_INET_STREAM,
	FD_INET_RAW,
	FD_UNIX,
	FD_NETLINK,
	FD_PACKET_DGRAM,
	FD_PACKET_RAW,
	FD_TUN_UNBOUND,
	FD_TAP,
	FD_TAP2,
	FD_SELF,
	FD_OTHER,	/* another open of the same device */
	FD_KINDS
};

int fix_fd(struct fix *f, enum fd_kind kind);

#endif /* _ABI_TEST_H */
