// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of the heaps.
 *
 * Input, up to 256 bytes: a byte names one of 32 nodes by its low bits; if it is in the
 * heap it goes out, else it goes in, and the next byte is its key.
 */
#include "../fuzz.h"
#include "heap_model.h"

#define NODES 32

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct vmheap_node nodes[NODES] = { };
	struct vmheap heap = { };
	unsigned int i, in = 0;
	size_t at = 0;

	while (at < size && at < 256) {
		struct vmheap_node *n = &nodes[data[at++] % NODES];

		if (vmheap_has(n)) {
			vmheap_remove(&heap, n);
			in--;
		} else if (at < size) {
			/* Around the wrap. */
			n->key = (u64)data[at++] - 128;
			vmheap_insert(&heap, n);
			in++;
		}
		if (heap_model_count(heap.top, NULL) != in)
			abort();
		for (i = 0; i < NODES; i++) {
			if (vmheap_has(&nodes[i]) &&
			    vmheap_before(nodes[i].key, heap.top->key))
				abort();
		}
	}
	return 0;
}
