/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Places in a disk's window that processors have in advance.
 */
#ifndef CGIO_LEASE_CORE_H
#define CGIO_LEASE_CORE_H

#include <linux/types.h>

/** VMLEASE_SLOTS - most places that are lent at a time */
#define VMLEASE_SLOTS 4

/** VMLEASE_CALM - requests in a row that find nobody waiting, before places are lent */
#define VMLEASE_CALM 32

/**
 * struct vmlease - a processor's places; starts zeroed: none
 * @slots: those that are free
 * @busy: those whose requests are at the disk
 * @term: number of the term that they are lent for
 * @used: a request has gone since vmlease_is_idle() looked
 */
struct vmlease {
	u32 slots;
	u32 busy;
	u32 term;
	bool used;
};

/**
 * struct vmlease_book - what a disk has lent; starts zeroed: nothing
 * @lent: places, free or not
 * @calm: requests in a row that found nobody waiting, at most %VMLEASE_CALM
 */
struct vmlease_book {
	u32 lent;
	u32 calm;
};

bool vmlease_take(struct vmlease *l);
bool vmlease_done(struct vmlease *l, u32 term);
bool vmlease_is_idle(struct vmlease *l);
u32 vmlease_offer(struct vmlease_book *b, u32 busy, u32 window);
void vmlease_lend(struct vmlease_book *b, struct vmlease *l, u32 n);
u32 vmlease_recall(struct vmlease_book *b, struct vmlease *l);

#endif /* CGIO_LEASE_CORE_H */
