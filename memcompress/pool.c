// SPDX-License-Identifier: GPL-2.0
/*
 * The store of a device: a page goes in, the same page comes out.
 *
 * Problem: swap hands over a page when memory is short, in a task that may dip
 * into the last reserves (PF_MEMALLOC), and takes slots back in atomic context. A
 * store that waits for memory waits for itself; one that helps itself drains the
 * reserves that writing to disk needs.
 *
 * Model: a slot is one word: empty, a 32-bit value repeated, or a pointer to an
 * object, which is 16 bytes of header and bytes in a zsmalloc arena. Objects never
 * change: a store makes a new one and swings the slot over.
 *
 * Control: a store compresses first, then asks for memory of that size without
 * waiting and without the reserves; then, in a task that reclaims, with the
 * reserves, but only %MCZ_RESERVE stores at once may; in any other task it gives
 * back its stream, waits for memory and compresses again. The bit lock of the slot
 * is held while an object is read, so that nobody frees it meanwhile, and while
 * the word is replaced, never across an allocation.
 *
 * Limits: what cannot be stored goes to the backing device (see back.c); without one
 * it is an error to the writer, and swap keeps the page.
 * What is read back was checked against its checksum: damaged bytes are an error,
 * never a page. Two writes to one slot at a time leave one of the two.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/zsmalloc.h>

#include "slot.h"
#include "sum_core.h"

/* Stores that may dip into the emergency reserve at the same time. */
#define MCZ_RESERVE 32

/* Pages for data in pieces that are there when memory is short. */
#define MCZ_BOUNCE 4

/* Pages that zsmalloc takes at a time, at most, as Linux is configured mostly. */
#define MCZ_GROUP 8UL

#define MCZ_GFP_NOW (__GFP_KSWAPD_RECLAIM | __GFP_NOWARN | __GFP_NOMEMALLOC)
#define MCZ_GFP_RESERVE (__GFP_KSWAPD_RECLAIM | __GFP_NOWARN)
#define MCZ_GFP_WAIT (GFP_NOIO | __GFP_NOWARN)

static struct kmem_cache *mcz_obj_cache;

/* May this store dip into the reserve? If so, mcz_reserve_put() follows. */
static bool mcz_reserve_get(struct mcz_pool *pool)
{
	if (!(current->flags & PF_MEMALLOC) ||
	    atomic_dec_if_positive(&pool->reserve_left) < 0)
		return false;
	mcz_count(pool, reserve, 1);
	return true;
}

static void mcz_reserve_put(struct mcz_pool *pool)
{
	atomic_inc(&pool->reserve_left);
}

static unsigned long mcz_leaf_alloc(struct mcz_pool *pool)
{
	unsigned long leaf = get_zeroed_page(MCZ_GFP_NOW);

	if (leaf)
		return leaf;
	if (!(current->flags & PF_MEMALLOC))
		return get_zeroed_page(MCZ_GFP_WAIT);
	if (mcz_reserve_get(pool)) {
		leaf = get_zeroed_page(MCZ_GFP_RESERVE);
		mcz_reserve_put(pool);
	}
	return leaf;
}

static unsigned long *mcz_slot_make(struct mcz_pool *pool, unsigned long index)
{
	unsigned long **where = &pool->leaf[index / MCZ_SLOTS_PER_LEAF];
	unsigned long *leaf = READ_ONCE(*where);

	if (unlikely(!leaf)) {
		unsigned long *old;

		leaf = (unsigned long *)mcz_leaf_alloc(pool);
		if (!leaf)
			return NULL;
		old = cmpxchg(where, NULL, leaf);
		if (old) {
			free_page((unsigned long)leaf);
			leaf = old;
		}
	}
	return leaf + index % MCZ_SLOTS_PER_LEAF;
}

static struct mcz_obj *mcz_obj_alloc(struct mcz_pool *pool, unsigned int len,
				     gfp_t gfp)
{
	struct mcz_obj *obj = kmem_cache_alloc(mcz_obj_cache, gfp);

	if (!obj)
		return NULL;
	obj->handle = zs_malloc(pool->arena, len,
				gfp | __GFP_HIGHMEM | __GFP_MOVABLE);
	if (IS_ERR_VALUE(obj->handle)) {
		kmem_cache_free(mcz_obj_cache, obj);
		return NULL;
	}
	obj->len = len;
	obj->owner = 0;
	return obj;
}

static void mcz_obj_free(struct mcz_pool *pool, struct mcz_obj *obj)
{
	zs_free(pool->arena, obj->handle);
	kmem_cache_free(mcz_obj_cache, obj);
}

/* An object in memory came (@n is 1) or went (-1). */
static void mcz_obj_account(struct mcz_pool *pool, struct mcz_owner *owner,
			    const struct mcz_obj *obj, int n)
{
	mcz_count(pool, bytes, n * (int)obj->len);
	mcz_owner_count(owner, bytes, n * (int)obj->len);
	mcz_owner_charge(owner, n * (int)(obj->len + MCZ_OBJ_COST));
	if (obj->codec != MCZ_RAW)
		return;
	mcz_count(pool, huge, n);
	mcz_owner_count(owner, huge, n);
}

/* The content of a slot has gone: forget it. */
static void mcz_slot_release(struct mcz_pool *pool, unsigned long word)
{
	struct mcz_owner *owner = NULL;

	switch (mcz_slot_kind(word)) {
	case MCZ_EMPTY:
		return;
	case MCZ_SAME:
		owner = mcz_slot_owner(word);
		mcz_count(pool, same, -1);
		mcz_owner_count(owner, same, -1);
		break;
	case MCZ_OBJ:
	case MCZ_IDLE:
	case MCZ_WB: {
		struct mcz_obj *obj = mcz_slot_obj(word);

		owner = mcz_owner_at(obj->owner);
		mcz_obj_account(pool, owner, obj, -1);
		mcz_obj_free(pool, obj);
		break;
	}
	case MCZ_DISK: {
		struct mcz_obj *obj = mcz_slot_obj(word);

		owner = mcz_owner_at(obj->owner);
		mcz_count(pool, bd_count, -1);
		mcz_owner_count(owner, disk, -1);
		mcz_back_free(pool->back, obj->handle);
		kmem_cache_free(mcz_obj_cache, obj);
		break;
	}
	}
	mcz_count(pool, pages, -1);
	mcz_owner_count(owner, pages, -1);
	mcz_owner_put(owner);
}

/* Put @word into the slot; return what was there. */
static unsigned long mcz_slot_replace(unsigned long *slot, unsigned long word)
{
	unsigned long old = mcz_slot_lock(slot);

	mcz_slot_set(slot, word);
	mcz_slot_unlock(slot);
	return old;
}

/**
 * struct mcz_packed - a page ready to be stored
 * @src: its bytes: the page, mapped, or a stream's buffer
 * @len: how many
 * @codec: what they are
 */
struct mcz_packed {
	const void *src;
	unsigned int len;
	enum mcz_codec codec;
};

static void mcz_pack(struct mcz_pool *pool, struct mcz_stream *stream,
		     const struct mcz_owner *owner, const void *page,
		     struct mcz_packed *p)
{
	const unsigned int alg = READ_ONCE(owner->alg);
	unsigned int len, slot = 0;

	p->src = page;
	p->len = MCZ_PAGE;
	p->codec = MCZ_RAW;
	if (mcz_fill_noise(page)) {
		mcz_count(pool, noise, 1);
		return;
	}
	if (alg < MCZ_ALG_KINDS) {
		/* Pairs with mcz_streams_add(). */
		slot = smp_load_acquire(&pool->slot_of[alg]);
	}
	len = pool->comp[slot]->pack(stream->work[slot], page, stream->buf,
				     2 * MCZ_PAGE);
	if (!len || len >= pool->huge_size)
		return;
	p->src = stream->buf;
	p->len = len;
	p->codec = MCZ_COMP + slot;
}

/* The checksum is of the bytes that lie in the arena, whatever the page does. */
static void mcz_obj_write(struct mcz_pool *pool, struct mcz_obj *obj,
			  const struct mcz_packed *p)
{
	void *to = zs_map_object(pool->arena, obj->handle, ZS_MM_WO);

	memcpy(to, p->src, p->len);
	obj->sum = mcz_sum(to, p->len);
	obj->codec = p->codec;
	zs_unmap_object(pool->arena, obj->handle);
}

static struct mcz_obj *mcz_obj_alloc_now(struct mcz_pool *pool, unsigned int len)
{
	struct mcz_obj *obj = mcz_obj_alloc(pool, len, MCZ_GFP_NOW);

	if (!obj && mcz_reserve_get(pool)) {
		obj = mcz_obj_alloc(pool, len, MCZ_GFP_RESERVE);
		mcz_reserve_put(pool);
	}
	return obj;
}

/* What a new page in the slot takes off its owner's charge. */
static int mcz_slot_gives(unsigned long *slot, const struct mcz_owner *owner)
{
	const unsigned long word = mcz_slot_lock(slot);
	int bytes = 0;

	if (mcz_slot_in_arena(word) && mcz_slot_obj(word)->owner == owner->index)
		bytes = mcz_slot_obj(word)->len + MCZ_OBJ_COST;
	mcz_slot_unlock(slot);
	return bytes;
}

/* May the owner not have an object of @len bytes in the slot? */
static bool mcz_spills(struct mcz_pool *pool, struct mcz_owner *owner,
		       unsigned long *slot, int len)
{
	return mcz_owner_admit(pool, owner, len) == MCZ_SPILL &&
	       mcz_owner_admit(pool, owner, len - mcz_slot_gives(slot, owner)) ==
	       MCZ_SPILL;
}

static struct mcz_obj *mcz_obj_make(struct mcz_pool *pool, unsigned long *slot,
				    struct page *page, struct mcz_owner *owner)
{
	struct mcz_obj *obj = NULL;
	struct mcz_stream *stream;
	bool spill = false;
	struct mcz_packed p;
	int tries;
	void *addr;

	/* The page may be written to meanwhile, and pack to another size. */
	for (tries = 0; tries < 3; tries++) {
		stream = mcz_stream_get(pool);
		addr = kmap_local_page(page);
		mcz_pack(pool, stream, owner, addr, &p);
		spill = mcz_spills(pool, owner, slot, p.len);
		if (obj && (spill || obj->len != p.len)) {
			mcz_obj_free(pool, obj);
			obj = NULL;
		}
		if (!obj && !spill)
			obj = mcz_obj_alloc_now(pool, p.len);
		if (obj)
			mcz_obj_write(pool, obj, &p);
		kunmap_local(addr);
		mcz_stream_put(stream);
		if (obj || spill || current->flags & PF_MEMALLOC)
			break;
		obj = mcz_obj_alloc(pool, p.len, MCZ_GFP_WAIT);
		if (!obj)
			break;
	}
	if (tries == 3 && obj) {
		mcz_obj_free(pool, obj);
		obj = NULL;
	}
	if (!obj)
		return ERR_PTR(spill ? -EAGAIN : -ENOMEM);
	return obj;
}

static struct mcz_obj *mcz_obj_make_pattern(struct mcz_pool *pool,
					    unsigned long *slot, u64 value,
					    struct mcz_owner *owner)
{
	const struct mcz_packed p = {
		.src = &value,
		.len = sizeof(value),
		.codec = MCZ_PATTERN,
	};
	struct mcz_obj *obj;

	if (mcz_spills(pool, owner, slot, p.len))
		return ERR_PTR(-EAGAIN);
	obj = mcz_obj_alloc_now(pool, p.len);
	if (!obj && !(current->flags & PF_MEMALLOC))
		obj = mcz_obj_alloc(pool, p.len, MCZ_GFP_WAIT);
	if (!obj)
		return ERR_PTR(-ENOMEM);
	mcz_obj_write(pool, obj, &p);
	return obj;
}

/* Is the arena within its limit? Note its size, too. */
static bool mcz_pool_fits(struct mcz_pool *pool)
{
	long pages = zs_get_total_pages(pool->arena);
	long max = atomic_long_read(&pool->used_max);
	unsigned long limit = READ_ONCE(pool->limit);

	if (limit && pages > limit)
		return false;
	while (pages > max) {
		if (atomic_long_try_cmpxchg(&pool->used_max, &max, pages))
			break;
	}
	return true;
}

/*
 * Is the arena so near its limit that a page may find no room? A new object may take
 * a group of pages at once; so much is left unused where it is little.
 */
static bool mcz_pool_full(struct mcz_pool *pool)
{
	unsigned long limit = READ_ONCE(pool->limit);

	return limit && zs_get_total_pages(pool->arena) +
			clamp(limit / 64, 1UL, MCZ_GROUP) > limit;
}

/* Make the word of a slot for a page. It is counted then, but nobody sees it yet. */
static int mcz_word_make(struct mcz_pool *pool, unsigned long *slot,
			 struct page *page, struct mcz_owner *owner,
			 unsigned long *word)
{
	struct mcz_obj *obj;
	void *addr;
	u64 value;
	bool same;

	addr = kmap_local_page(page);
	same = mcz_fill_same(addr, &value);
	kunmap_local(addr);

	if (same && (u32)value == value >> 32) {
		mcz_count(pool, same, 1);
		mcz_owner_count(owner, same, 1);
		*word = mcz_slot_from_value(value, owner);
	} else {
		/*
		 * Do not pack in vain: reclaim may offer all that a VM at its
		 * maximum has, over and over, and what goes to the backing
		 * device is packed there.
		 */
		if ((pool->back && mcz_pool_full(pool)) ||
		    mcz_spills(pool, owner, slot, 0))
			return -EAGAIN;
		obj = same ? mcz_obj_make_pattern(pool, slot, value, owner) :
			     mcz_obj_make(pool, slot, page, owner);
		if (IS_ERR(obj))
			return PTR_ERR(obj);
		if (!mcz_pool_fits(pool)) {
			mcz_obj_free(pool, obj);
			return -EAGAIN;
		}
		obj->owner = owner->index;
		mcz_obj_account(pool, owner, obj, 1);
		if (obj->codec == MCZ_RAW)
			mcz_count(pool, huge_since, 1);
		*word = mcz_slot_from_obj(obj, MCZ_OBJ);
	}
	mcz_count(pool, pages, 1);
	mcz_owner_count(owner, pages, 1);
	return 0;
}

/**
 * mcz_pool_store() - keep a page
 * @pool: store
 * @index: slot, below nslots; what it held is gone afterwards
 * @page: page; the caller holds it
 *
 * Context: process; may sleep, but not for memory when the task is a reclaimer's.
 * Return: 0; -EAGAIN beyond the limit of the store or of the page's owner; -ENOMEM
 * without memory. The slot is unchanged then.
 */
int mcz_pool_store(struct mcz_pool *pool, unsigned long index, struct page *page)
{
	unsigned long *slot = mcz_slot_make(pool, index), word;
	struct mcz_owner *owner;
	u64 start = 0;
	int r;

	if (!slot)
		return -ENOMEM;
	owner = mcz_owner_get(page);
	if (owner->index)
		start = local_clock();
	r = mcz_word_make(pool, slot, page, owner, &word);
	if (pool->demoter && (!r || r == -EAGAIN))
		mcz_demote_check(pool, owner);
	if (unlikely(r)) {
		mcz_owner_put(owner);
		return r;
	}
	mcz_owner_count(owner, stores, 1);
	if (owner->index)
		this_cpu_inc(owner->stats->store_ns[mcz_owner_bucket(start)]);
	/* Whoever frees the slot puts the owner: it may be gone from here on. */
	mcz_slot_release(pool, mcz_slot_replace(slot, word));
	return 0;
}

/**
 * mcz_pool_head() - make an object for a page of the backing device
 * @pool: store
 *
 * Context: process; may sleep, but not for memory when the task is a reclaimer's.
 * Return: an object for mcz_pool_pack() or mcz_pool_head_free(), or NULL.
 */
struct mcz_obj *mcz_pool_head(struct mcz_pool *pool)
{
	struct mcz_obj *obj = kmem_cache_alloc(mcz_obj_cache, MCZ_GFP_NOW);

	if (obj)
		return obj;
	if (!(current->flags & PF_MEMALLOC))
		return kmem_cache_alloc(mcz_obj_cache, MCZ_GFP_WAIT);
	if (mcz_reserve_get(pool)) {
		obj = kmem_cache_alloc(mcz_obj_cache, MCZ_GFP_RESERVE);
		mcz_reserve_put(pool);
	}
	return obj;
}

/**
 * mcz_pool_head_free() - it was not needed
 * @obj: from mcz_pool_head()
 */
void mcz_pool_head_free(struct mcz_obj *obj)
{
	kmem_cache_free(mcz_obj_cache, obj);
}

/**
 * mcz_pool_pack() - pack a page into a buffer instead of the arena
 * @pool: store
 * @obj: from mcz_pool_head(); it keeps the page's owner from now on
 * @page: page; its content has been taken on return
 * @buf: a page for its bytes
 *
 * Context: process; may sleep, but not for memory.
 */
void mcz_pool_pack(struct mcz_pool *pool, struct mcz_obj *obj, struct page *page,
		   void *buf)
{
	struct mcz_owner *owner = mcz_owner_get(page);
	struct mcz_stream *stream = mcz_stream_get(pool);
	struct mcz_packed p;
	void *addr;

	obj->owner = owner->index;
	addr = kmap_local_page(page);
	mcz_pack(pool, stream, owner, addr, &p);
	memcpy(buf, p.src, p.len);
	kunmap_local(addr);
	mcz_stream_put(stream);
	obj->sum = mcz_sum(buf, p.len);
	obj->len = p.len;
	obj->codec = p.codec;
}

/**
 * mcz_pool_drop() - a page could not be written to the backing device
 * @obj: from mcz_pool_pack(); gone
 *
 * Context: process.
 */
void mcz_pool_drop(struct mcz_obj *obj)
{
	struct mcz_owner *owner = mcz_owner_at(obj->owner);

	mcz_owner_count(owner, refused, 1);
	mcz_owner_put(owner);
	mcz_pool_head_free(obj);
}

/**
 * mcz_pool_publish() - a page has been written to the backing device
 * @pool: store
 * @index: slot that a store has been tried to
 * @obj: the page, from mcz_pool_pack(); its handle is its block
 *
 * Context: process.
 */
void mcz_pool_publish(struct mcz_pool *pool, unsigned long index,
		      struct mcz_obj *obj)
{
	struct mcz_owner *owner = mcz_owner_at(obj->owner);

	mcz_count(pool, pages, 1);
	mcz_count(pool, bd_count, 1);
	mcz_owner_count(owner, pages, 1);
	mcz_owner_count(owner, disk, 1);
	mcz_owner_count(owner, stores, 1);
	mcz_owner_count(owner, spilled, 1);
	mcz_slot_release(pool, mcz_slot_replace(mcz_slot_find(pool, index),
						mcz_slot_from_obj(obj, MCZ_DISK)));
}

/**
 * mcz_pool_move() - an object has been copied to the backing device
 * @pool: store
 * @index: its slot
 * @word: what the slot is, of kind %MCZ_WB, unless somebody touched it since
 * @block: where the copy is
 * @good: it is there indeed; else the object stays
 *
 * Context: process.
 * Return: true if the object is on the backing device now; else @block is free.
 */
bool mcz_pool_move(struct mcz_pool *pool, unsigned long index, unsigned long word,
		   unsigned long block, bool good)
{
	unsigned long *slot = mcz_slot_find(pool, index);
	struct mcz_obj *obj = mcz_slot_obj(word);
	struct mcz_owner *owner;
	unsigned long handle;

	if (mcz_slot_lock(slot) != word) {
		mcz_slot_unlock(slot);
		return false;
	}
	if (!good) {
		mcz_slot_set(slot, mcz_slot_from_obj(obj, MCZ_IDLE));
		mcz_slot_unlock(slot);
		return false;
	}
	owner = mcz_owner_at(obj->owner);
	mcz_obj_account(pool, owner, obj, -1);
	mcz_count(pool, bd_count, 1);
	mcz_owner_count(owner, disk, 1);
	mcz_owner_count(owner, demoted, 1);
	handle = obj->handle;
	obj->handle = block;
	mcz_slot_set(slot, mcz_slot_from_obj(obj, MCZ_DISK));
	mcz_slot_unlock(slot);
	zs_free(pool->arena, handle);
	return true;
}

/* Check an object's bytes and make a page of them. */
static int mcz_unpack(struct mcz_pool *pool, const struct mcz_obj *obj,
		      const void *src, struct mcz_stream *stream, void *page)
{
	const struct mcz_comp *comp;
	unsigned int slot;
	u64 value;
	int r;

	if (unlikely(mcz_sum(src, obj->len) != obj->sum)) {
		mcz_count(pool, bad_sum, 1);
		return -EBADMSG;
	}
	switch (obj->codec) {
	case MCZ_RAW:
		memcpy(page, src, MCZ_PAGE);
		return 0;
	case MCZ_PATTERN:
		memcpy(&value, src, sizeof(value));
		mcz_fill_page(page, value);
		return 0;
	default:
		slot = obj->codec - MCZ_COMP;
		comp = pool->comp[slot];
		r = comp->unpack(stream ? stream->work[slot] : NULL, src, obj->len,
				 page);
		if (r < 0)
			return r;
		return r == MCZ_PAGE ? 0 : -EBADMSG;
	}
}

/* Unpack an object; its slot's lock is held. */
static int mcz_obj_read(struct mcz_pool *pool, const struct mcz_obj *obj,
			struct mcz_stream *stream, void *page)
{
	const void *src = zs_map_object(pool->arena, obj->handle, ZS_MM_RO);
	int r = mcz_unpack(pool, obj, src, stream, page);

	zs_unmap_object(pool->arena, obj->handle);
	return r;
}

/**
 * mcz_pool_unpack() - make a page of bytes from the backing device
 * @pool: store
 * @head: copy of the object that they belong to; its owner is held
 * @src: they
 * @page: to fill
 *
 * Context: process; may sleep, but not for memory.
 * Return: 0, or -EBADMSG when they are damaged: @page is worthless then.
 */
int mcz_pool_unpack(struct mcz_pool *pool, const struct mcz_obj *head,
		    const void *src, struct page *page)
{
	struct mcz_stream *stream = NULL;
	void *addr;
	int r;

	if (!READ_ONCE(pool->bare))
		stream = mcz_stream_get(pool);
	addr = kmap_local_page(page);
	r = mcz_unpack(pool, head, src, stream, addr);
	kunmap_local(addr);
	if (stream)
		mcz_stream_put(stream);
	mcz_owner_count(mcz_owner_at(head->owner), loads, 1);
	if (r)
		mcz_owner_count(mcz_owner_at(head->owner), bad_sum, 1);
	return r;
}

/* As mcz_obj_read(); the owner's books are kept, too. */
static int mcz_obj_load(struct mcz_pool *pool, const struct mcz_obj *obj,
			struct mcz_stream *stream, void *page)
{
	struct mcz_owner *owner = mcz_owner_at(obj->owner);
	u64 start = obj->owner ? local_clock() : 0;
	int r = mcz_obj_read(pool, obj, stream, page);

	mcz_owner_count(owner, loads, 1);
	if (obj->owner)
		this_cpu_inc(owner->stats->load_ns[mcz_owner_bucket(start)]);
	if (unlikely(r))
		mcz_owner_count(owner, bad_sum, 1);
	return r;
}

static bool mcz_slot_needs_stream(struct mcz_pool *pool, unsigned long word)
{
	unsigned int codec;

	if (!mcz_slot_in_arena(word))
		return false;
	codec = mcz_slot_obj(word)->codec;
	return codec >= MCZ_COMP && !pool->comp[codec - MCZ_COMP]->bare_unpack;
}

/**
 * mcz_pool_load() - read a page back
 * @pool: store
 * @index: slot, below nslots
 * @page: to fill; an empty slot makes it zero
 *
 * Context: process; may sleep.
 * Return: 0; -EAGAIN when it is on the backing device; -EBADMSG when what was stored
 * is damaged: @page is worthless then.
 */
int mcz_pool_load(struct mcz_pool *pool, unsigned long index, struct page *page)
{
	unsigned long *slot = mcz_slot_find(pool, index);
	struct mcz_stream *stream = NULL;
	unsigned long word;
	void *addr;
	int r = 0;

	if (!slot) {
		clear_highpage(page);
		return 0;
	}
	/* A stream is waited for before the lock, where sleeping is allowed. */
	if (!READ_ONCE(pool->bare) && mcz_slot_in_arena(READ_ONCE(*slot))) {
again:
		stream = mcz_stream_get(pool);
	}
	word = mcz_slot_lock(slot);
	if (unlikely(!stream && mcz_slot_needs_stream(pool, word))) {
		mcz_slot_unlock(slot);
		goto again;
	}
	addr = kmap_local_page(page);
	switch (mcz_slot_kind(word)) {
	case MCZ_EMPTY:
		memset(addr, 0, MCZ_PAGE);
		break;
	case MCZ_SAME:
		mcz_owner_count(mcz_slot_owner(word), loads, 1);
		word >>= MCZ_SLOT_VALUE_SHIFT;
		mcz_fill_page(addr, (u64)word << 32 | word);
		break;
	case MCZ_IDLE:
	case MCZ_WB:
		/* It is wanted: it stays. */
		mcz_slot_set(slot, mcz_slot_from_obj(mcz_slot_obj(word), MCZ_OBJ));
		fallthrough;
	case MCZ_OBJ:
		r = mcz_obj_load(pool, mcz_slot_obj(word), stream, addr);
		break;
	case MCZ_DISK:
		r = -EAGAIN;
		break;
	}
	kunmap_local(addr);
	mcz_slot_unlock(slot);
	if (stream)
		mcz_stream_put(stream);
	return r;
}

/**
 * mcz_pool_free() - forget a page
 * @pool: store
 * @index: slot, below nslots
 *
 * Context: any but interrupts; also with interrupts off and under spinlocks.
 */
void mcz_pool_free(struct mcz_pool *pool, unsigned long index)
{
	unsigned long *slot = mcz_slot_find(pool, index);

	if (slot)
		mcz_slot_release(pool, mcz_slot_replace(slot, 0));
}

/**
 * mcz_pool_discard() - forget pages
 * @pool: store
 * @first: first slot
 * @end: slot after the last, at most nslots
 *
 * Takes as long as there are pages to free; what was never written costs little.
 * Context: process; may sleep.
 */
void mcz_pool_discard(struct mcz_pool *pool, unsigned long first,
		      unsigned long end)
{
	unsigned long index = first, next;

	while (index < end) {
		next = min(round_down(index, MCZ_SLOTS_PER_LEAF) +
			   MCZ_SLOTS_PER_LEAF, end);
		if (mcz_slot_find(pool, index)) {
			for (; index < next; index++)
				mcz_pool_free(pool, index);
		}
		index = next;
		cond_resched();
	}
	mcz_count(pool, notify_free, end - first);
}

/**
 * mcz_pool_sum() - the counters of all CPUs
 * @pool: store
 * @sum: the sums; while pages come and go, each may be off by those
 */
void mcz_pool_sum(const struct mcz_pool *pool, struct mcz_stats *sum)
{
	const size_t n = sizeof(*sum) / sizeof(s64);
	s64 *to = (s64 *)sum;
	unsigned int i;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		const s64 *from = (const s64 *)per_cpu_ptr(pool->stats, cpu);

		for (i = 0; i < n; i++)
			to[i] += READ_ONCE(from[i]);
	}
	/* A page may have been counted out on a CPU after it was counted in. */
	for (i = 0; i < n; i++)
		to[i] = max_t(s64, to[i], 0);
}

/**
 * mcz_pool_create() - make a store
 * @name: of the arena, for debugfs
 * @alg: algorithm
 * @bytes: size, a multiple of %MCZ_PAGE, at most %MCZ_DISKSIZE_MAX
 * @limit: pages that the arena may take, 0 = no limit
 *
 * Context: process; may sleep.
 * Return: the store, or an error pointer.
 */
struct mcz_pool *mcz_pool_create(const char *name, const char *alg, u64 bytes,
				 unsigned long limit)
{
	struct mcz_pool *pool = kzalloc(sizeof(*pool), GFP_KERNEL);
	int r = -ENOMEM;

	if (!pool)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&pool->node);
	atomic_set(&pool->reserve_left, MCZ_RESERVE);
	pool->limit = limit;
	pool->nslots = bytes / MCZ_PAGE;
	pool->leaf = kvcalloc(DIV_ROUND_UP(pool->nslots, MCZ_SLOTS_PER_LEAF),
			      sizeof(*pool->leaf), GFP_KERNEL);
	pool->stats = alloc_percpu(struct mcz_stats);
	if (!pool->leaf || !pool->stats ||
	    mempool_init_page_pool(&pool->bounce, MCZ_BOUNCE, 0))
		goto err;
	pool->arena = zs_create_pool(name);
	if (!pool->arena)
		goto err;
	pool->huge_size = zs_huge_class_size(pool->arena);
	r = mcz_streams_create(pool, alg);
	if (r)
		goto err;
	r = mcz_jobs_create(pool);
	if (r)
		goto err;
	mcz_owner_pool_add(pool);
	return pool;
err:
	mcz_pool_destroy(pool);
	return ERR_PTR(r);
}

/**
 * mcz_pool_destroy() - free a store with all that is in it
 * @pool: store that nobody uses; also one that mcz_pool_create() has half made
 *
 * Context: process; may sleep.
 */
void mcz_pool_destroy(struct mcz_pool *pool)
{
	unsigned long i, j;

	mcz_owner_pool_del(pool);
	for (i = 0; pool->leaf && i < DIV_ROUND_UP(pool->nslots,
						   MCZ_SLOTS_PER_LEAF); i++) {
		unsigned long *leaf = pool->leaf[i];

		if (!leaf)
			continue;
		for (j = 0; j < MCZ_SLOTS_PER_LEAF; j++)
			mcz_slot_release(pool, leaf[j]);
		free_page((unsigned long)leaf);
		cond_resched();
	}
	mcz_jobs_destroy(pool);
	mcz_streams_destroy(pool);
	mempool_exit(&pool->bounce);
	if (pool->arena)
		zs_destroy_pool(pool->arena);
	free_percpu(pool->stats);
	kvfree(pool->leaf);
	kfree(pool);
}

/**
 * mcz_pool_init() - before any store
 *
 * Return: 0 or -ENOMEM.
 */
int mcz_pool_init(void)
{
	BUILD_BUG_ON(sizeof(struct mcz_obj) != 16 || PAGE_SIZE != MCZ_PAGE ||
		     BITS_PER_LONG != 64);
	mcz_obj_cache = KMEM_CACHE(mcz_obj, 0);
	return mcz_obj_cache ? 0 : -ENOMEM;
}

/** mcz_pool_exit() - after the last store */
void mcz_pool_exit(void)
{
	kmem_cache_destroy(mcz_obj_cache);
}
