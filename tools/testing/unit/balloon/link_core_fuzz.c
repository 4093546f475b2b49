// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzer of the protocol: a connection that sends any bytes.
 *
 * Input: messages of 64 bytes, each after a byte that says how many milliseconds later.
 */
#include <string.h>

#include "../fuzz.h"
#include "link_core.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct vml_wire wire, again;
	struct vml_message message;
	struct vml_peer peer;
	u64 now = 0;
	u32 n = 0;

	vml_peer_start(&peer, now);
	for (; size > sizeof(wire); data += 1 + sizeof(wire), size -= 1 + sizeof(wire)) {
		now += *data;
		memcpy(&wire, data + 1, sizeof(wire));
		if (!vml_decode(&message, &wire))
			return 0;
		vml_encode(&again, &message);
		CHECK(!memcmp(&wire, &again, sizeof(wire)));
		switch (vml_peer_accept(&peer, &message, now)) {
		case VML_TAKE:
			n++;
			CHECK(message.seq == n);
			CHECK(message.type == (n == 1 ? VML_HELLO : VML_REPORT));
			break;
		case VML_IGNORE:
			/* An input is too short for so many. */
			abort();
		case VML_CLOSE:
			return 0;
		}
	}
	return 0;
}
