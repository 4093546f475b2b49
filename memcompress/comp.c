// SPDX-License-Identifier: GPL-2.0
/*
 * Compressors.
 *
 * LZ4 and zstd are called as libraries: the crypto API's zstd prepares for content of
 * any length on 6.1, which costs time and bytes on one page, and its LZ4 takes a
 * workspace to unpack, which needs none. All others go through the crypto API.
 */
#include <linux/crypto.h>
#include <linux/err.h>
#include <linux/lz4.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/zstd.h>

#include "internal.h"

/* The level that zram and the crypto API have. */
#define MCZ_ZSTD_LEVEL 3

static void mcz_work_free(void *work)
{
	kvfree(work);
}

/* ---- LZ4 ---------------------------------------------------------------- */

static void *mcz_lz4_create(const char *name)
{
	void *work = kvmalloc(LZ4_MEM_COMPRESS, GFP_KERNEL);

	return work ?: ERR_PTR(-ENOMEM);
}

static unsigned int mcz_lz4_pack(void *work, const void *page, void *to,
				 unsigned int len)
{
	return LZ4_compress_fast(page, to, MCZ_PAGE, len,
				 LZ4_ACCELERATION_DEFAULT, work);
}

static int mcz_lz4_unpack(void *work, const void *from, unsigned int len,
			  void *page)
{
	int r = LZ4_decompress_safe(from, page, len, MCZ_PAGE);

	return r < 0 ? -EBADMSG : r;
}

/* ---- zstd --------------------------------------------------------------- */

/**
 * struct mcz_zstd_work - a workspace
 * @params: for content of one page
 * @cctx: to compress
 * @dctx: to uncompress; both lie in the memory behind
 */
struct mcz_zstd_work {
	zstd_parameters params;
	zstd_cctx *cctx;
	zstd_dctx *dctx;
};

static void *mcz_zstd_create(const char *name)
{
	zstd_parameters params = zstd_get_params(MCZ_ZSTD_LEVEL, MCZ_PAGE);
	size_t csize = ALIGN(zstd_cctx_workspace_bound(&params.cParams), 64);
	size_t dsize = zstd_dctx_workspace_bound();
	size_t head = ALIGN(sizeof(struct mcz_zstd_work), 64);
	struct mcz_zstd_work *z = kvzalloc(head + csize + dsize, GFP_KERNEL);

	if (!z)
		return ERR_PTR(-ENOMEM);
	z->params = params;
	z->cctx = zstd_init_cctx((void *)z + head, csize);
	z->dctx = zstd_init_dctx((void *)z + head + csize, dsize);
	if (!z->cctx || !z->dctx) {
		kvfree(z);
		return ERR_PTR(-EINVAL);
	}
	return z;
}

static unsigned int mcz_zstd_pack(void *work, const void *page, void *to,
				  unsigned int len)
{
	struct mcz_zstd_work *z = work;
	size_t r = zstd_compress_cctx(z->cctx, to, len, page, MCZ_PAGE,
				      &z->params);

	return zstd_is_error(r) ? 0 : r;
}

static int mcz_zstd_unpack(void *work, const void *from, unsigned int len,
			   void *page)
{
	struct mcz_zstd_work *z = work;
	size_t r = zstd_decompress_dctx(z->dctx, page, MCZ_PAGE, from, len);

	return zstd_is_error(r) ? -EBADMSG : r;
}

/* ---- all others --------------------------------------------------------- */

static void *mcz_crypto_create(const char *name)
{
	return crypto_alloc_comp(name, 0, 0);
}

static void mcz_crypto_destroy(void *work)
{
	crypto_free_comp(work);
}

static unsigned int mcz_crypto_pack(void *work, const void *page, void *to,
				    unsigned int len)
{
	return crypto_comp_compress(work, page, MCZ_PAGE, to, &len) ? 0 : len;
}

static int mcz_crypto_unpack(void *work, const void *from, unsigned int len,
			     void *page)
{
	unsigned int size = MCZ_PAGE;
	int r = crypto_comp_decompress(work, from, len, page, &size);

	return r ? -EBADMSG : size;
}

static const struct mcz_comp mcz_lz4 = {
	.bare_unpack = true,
	.create = mcz_lz4_create,
	.destroy = mcz_work_free,
	.pack = mcz_lz4_pack,
	.unpack = mcz_lz4_unpack,
};

static const struct mcz_comp mcz_zstd = {
	.create = mcz_zstd_create,
	.destroy = mcz_work_free,
	.pack = mcz_zstd_pack,
	.unpack = mcz_zstd_unpack,
};

static const struct mcz_comp mcz_crypto = {
	.create = mcz_crypto_create,
	.destroy = mcz_crypto_destroy,
	.pack = mcz_crypto_pack,
	.unpack = mcz_crypto_unpack,
};

/**
 * mcz_comp_find() - how to use an algorithm
 * @name: its name
 *
 * Context: process; may load a module.
 * Return: how, or NULL when this kernel has no such algorithm.
 */
const struct mcz_comp *mcz_comp_find(const char *name)
{
	if (!strcmp(name, "lz4"))
		return &mcz_lz4;
	if (!strcmp(name, "zstd"))
		return &mcz_zstd;
	return crypto_has_comp(name, 0, 0) ? &mcz_crypto : NULL;
}
