// SPDX-License-Identifier: GPL-2.0
/*
 * Places in a disk's window that processors have in advance.
 *
 * Problem: whose turn it is, is decided under one lock for the whole disk, and each
 * request takes it twice. While nobody waits there is nothing to decide, but the lock
 * goes from processor to processor nevertheless.
 *
 * Model: the window is a number of places. Some of those that are free are lent to a
 * processor, for the requests of one class. It takes them and brings them back without
 * the others; for them a place that is lent is taken, whether there is a request or not.
 *
 * Control: places are lent after %VMLEASE_CALM requests in a row that found nobody
 * waiting: when a processor has none left, %VMLEASE_SLOTS, but no more than half of those
 * that are free, so that others find some. All are recalled as soon as anybody waits, or
 * anything changes that a turn depends on. Requests that are at the disk then stay there,
 * and count as if the place had not been lent; they are told by their term, which ends with
 * the recall. What a class has by a lease it does not pay for: in the virtual time of shares
 * what is served while nobody else has a request does not count anyway.
 *
 * Limits: classes with limits or reservations, which count every request, borrow nothing;
 * nor does anybody from a window that is found out, as that is no larger than what is at
 * the disk, or while a VM has a latency target.
 */
#include <linux/minmax.h>

#include "lease_core.h"

/**
 * vmlease_take() - a request goes to the disk
 * @l: lease
 *
 * Return: true, false if there is no place for it.
 */
bool vmlease_take(struct vmlease *l)
{
	if (!l->slots)
		return false;
	l->slots--;
	l->busy++;
	l->used = true;
	return true;
}

/**
 * vmlease_done() - a request has come back
 * @l: lease that it went by
 * @term: &vmlease.term of that time
 *
 * Return: true; false if that was recalled, so that the disk counts the request.
 */
bool vmlease_done(struct vmlease *l, u32 term)
{
	if (l->term != term)
		return false;
	l->busy--;
	l->slots++;
	return true;
}

/**
 * vmlease_is_idle() - may somebody else have the lease?
 * @l: lease
 *
 * Return: true if nothing has gone since this was asked last.
 */
bool vmlease_is_idle(struct vmlease *l)
{
	const bool used = l->used;

	l->used = false;
	return !used;
}

/**
 * vmlease_offer() - a request has found nobody waiting: how many places may be lent?
 * @b: what the disk has lent
 * @busy: places that are taken otherwise
 * @window: places
 *
 * Return: at most %VMLEASE_SLOTS.
 */
u32 vmlease_offer(struct vmlease_book *b, u32 busy, u32 window)
{
	const u32 taken = busy + b->lent;

	if (b->calm < VMLEASE_CALM) {
		b->calm++;
		return 0;
	}
	return taken < window ? min((window - taken) / 2, (u32)VMLEASE_SLOTS) : 0;
}

/**
 * vmlease_lend() - lend some more
 * @b: what the disk has lent
 * @l: lease
 * @n: places
 */
void vmlease_lend(struct vmlease_book *b, struct vmlease *l, u32 n)
{
	b->lent += n;
	l->slots += n;
	l->used = true;
}

/**
 * vmlease_recall() - the end of a term
 * @b: what the disk has lent
 * @l: lease
 *
 * Return: how many requests are still at the disk; they count there from now on.
 */
u32 vmlease_recall(struct vmlease_book *b, struct vmlease *l)
{
	const u32 busy = l->busy;

	b->lent -= l->slots + busy;
	l->slots = 0;
	l->busy = 0;
	l->term++;
	return busy;
}
