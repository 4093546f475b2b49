/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The word of a slot: what a page of the device is, and where it lies.
 */
#ifndef MCZ_SLOT_H
#define MCZ_SLOT_H

#include <linux/bit_spinlock.h>
#include <linux/bits.h>
#include <linux/types.h>

#include "internal.h"

/**
 * enum mcz_kind - what a slot holds
 * @MCZ_EMPTY: nothing was stored, or it was freed: reads as zeroes
 * @MCZ_SAME: one 32-bit value repeated; it stands in the upper half of the slot
 * @MCZ_OBJ: the upper bits point to a &struct mcz_obj, whose bytes are in the arena
 * @MCZ_IDLE: the same, not read for a while; see demote.c
 * @MCZ_WB: the same, and a copy of it is being written to the backing device
 * @MCZ_DISK: the same, and its bytes are on the backing device only
 */
enum mcz_kind {
	MCZ_EMPTY,
	MCZ_SAME,
	MCZ_OBJ,
	MCZ_IDLE,
	MCZ_WB,
	MCZ_DISK,
};

/*
 * A slot: bit 0 is its lock, bits 1 to 3 its kind; objects are 16-aligned. Where it
 * holds a value, bits 16 to 31 are the owner's index.
 */
#define MCZ_SLOT_LOCK 0
#define MCZ_SLOT_KIND_SHIFT 1
#define MCZ_SLOT_KIND_MASK 0xeUL
#define MCZ_SLOT_OWNER_SHIFT 16
#define MCZ_SLOT_VALUE_SHIFT 32

static inline enum mcz_kind mcz_slot_kind(unsigned long word)
{
	return (word & MCZ_SLOT_KIND_MASK) >> MCZ_SLOT_KIND_SHIFT;
}

/* Does it hold an object whose bytes are in the arena? */
static inline bool mcz_slot_in_arena(unsigned long word)
{
	enum mcz_kind kind = mcz_slot_kind(word);

	return kind >= MCZ_OBJ && kind <= MCZ_WB;
}

static inline struct mcz_obj *mcz_slot_obj(unsigned long word)
{
	return (struct mcz_obj *)(word & ~(MCZ_SLOT_KIND_MASK |
					   BIT(MCZ_SLOT_LOCK)));
}

static inline unsigned long mcz_slot_from_obj(const struct mcz_obj *obj,
					      enum mcz_kind kind)
{
	return (unsigned long)obj | (unsigned long)kind << MCZ_SLOT_KIND_SHIFT;
}

static inline struct mcz_owner *mcz_slot_owner(unsigned long word)
{
	return mcz_owner_at(word >> MCZ_SLOT_OWNER_SHIFT);
}

static inline unsigned long mcz_slot_from_value(u32 value,
						const struct mcz_owner *owner)
{
	return (unsigned long)value << MCZ_SLOT_VALUE_SHIFT |
	       (unsigned long)owner->index << MCZ_SLOT_OWNER_SHIFT |
	       MCZ_SAME << MCZ_SLOT_KIND_SHIFT;
}

/* The slot, or NULL while its leaf was never written to: it is empty then. */
static inline unsigned long *mcz_slot_find(const struct mcz_pool *pool,
					   unsigned long index)
{
	unsigned long *leaf = READ_ONCE(pool->leaf[index / MCZ_SLOTS_PER_LEAF]);

	return leaf ? leaf + index % MCZ_SLOTS_PER_LEAF : NULL;
}

/* Lock a slot; return its word without the lock. */
static inline unsigned long mcz_slot_lock(unsigned long *slot)
	__acquires(bitlock)
{
	bit_spin_lock(MCZ_SLOT_LOCK, slot);
	return READ_ONCE(*slot) & ~BIT(MCZ_SLOT_LOCK);
}

/* Give a locked slot another word. */
static inline void mcz_slot_set(unsigned long *slot, unsigned long word)
{
	WRITE_ONCE(*slot, word | BIT(MCZ_SLOT_LOCK));
}

static inline void mcz_slot_unlock(unsigned long *slot)
	__releases(bitlock)
{
	bit_spin_unlock(MCZ_SLOT_LOCK, slot);
}

#endif /* MCZ_SLOT_H */
