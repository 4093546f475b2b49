/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _ABI_PLAY_H
#define _ABI_PLAY_H

#include "abi_test.h"

#define SOON_MS		20000	/* surely happens in less */
#define NEVER_MS	150	/* would have happened by then */
#define FRAME		200
#define BUFS		32

/**
 * struct play - One device with buffers and the host's end of its tap.
 * @f: The device under test.
 * @d: Its guest.
 * @t: Receives the words.
 * @rx: RX buffers.
 * @tx: TX buffers.
 * @peer: Packet socket of the tap.
 * @seq: Number of the last frame.
 */
struct play {
	struct fix *f;
	struct vg_dev *d;
	struct text *t;
	struct vg_pool rx;
	struct vg_pool tx;
	int peer;
	__u32 seq;
};

void play_start(struct play *p, struct fix *f, struct text *t);
void play_end(struct play *p);

/** play_put() - Put a frame into the TX ring; the caller kicks, or does not. */
void play_put(struct play *p);

/** play_tx_arrives() - Say whether the frame put last arrives. */
void play_tx_arrives(struct play *p, int peer, int ms);

/** play_tx() - Send a frame and say what became of it. */
void play_tx(struct play *p);

/** play_rx_send() - The peer sends a frame. */
void play_rx_send(struct play *p, int peer);

/** play_rx_arrives() - Say whether the guest gets it. */
void play_rx_arrives(struct play *p, int ms);

/** play_rx() - Both. */
void play_rx(struct play *p);

/** play_say() - Put the result of a call into words. */
void play_say(struct play *p, const char *what, long err);

/** play_say_base() - Put the index of both rings into words. */
void play_say_base(struct play *p);

/** play_event() - A new eventfd. */
int play_event(unsigned int count);

/** play_fired() - Whether an eventfd is signalled; consumes it. */
bool play_fired(int fd, int ms);

/* Scenarios of the dirty log and of the IOTLB. */
void e_log(struct fix *f, struct text *t);
void e_log_flag(struct fix *f, struct text *t);
void e_log_fd(struct fix *f, struct text *t);
void e_log_swap(struct fix *f, struct text *t);
void e_log_bad_live(struct fix *f, struct text *t);
void e_iotlb(struct fix *f, struct text *t);
void e_iotlb_misses(struct fix *f, struct text *t);
void e_iotlb_start(struct fix *f, struct text *t);
void e_iotlb_perm(struct fix *f, struct text *t);
void e_iotlb_invalidate(struct fix *f, struct text *t);
void e_iotlb_drop(struct fix *f, struct text *t);
void e_iotlb_again(struct fix *f, struct text *t);

#define ABI_PACKED_RESULTS	3

extern const char * const abi_packed_names[ABI_PACKED_RESULTS];

/**
 * abi_packed() - Check packed rings, which the reference does not have.
 * @f: Taps, and room for a device.
 * @path: Device.
 * @ok: Receives a result for each of the names.
 */
void abi_packed(struct fix *f, const char *path, bool *ok);

#endif /* _ABI_PLAY_H */
