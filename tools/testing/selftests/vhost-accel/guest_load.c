// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps a vhost device busy in both directions till it is killed: for tests that do
 * something to a module, an interface or a process under traffic.
 *
 *   guest_load [TAP]     prints "ready" once frames flow; $VHOST_DEV is the device
 */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "kstest.h"
#include "test_bed.h"

#define FRAME	500

int main(int argc, char **argv)
{
	struct bed_config cfg = {
		.kind = BED_TAP,
		.tap = argc > 1 ? argv[1] : "vgload0",
		.features = VG_F_MODERN,
		.rx_buf = 2048,
	};
	struct virtio_net_hdr none = { 0 };
	struct bed b;
	__u64 rounds;

	if (bed_open(&b, &cfg) || bed_start(&b))
		return 1;
	vg_frame_fill(bed_buffer(0), FRAME, 1);
	for (rounds = 0;; rounds++) {
		while (!vg_tx_send(&b.d, &b.tx, NULL, bed_buffer(0), FRAME, VG_LAYOUT_HDR))
			vg_peer_send(b.peer, &none, bed_buffer(0), FRAME);
		vg_ring_kick(&b.d.ring[VG_TX]);
		if (rounds == 3)
			puts("ready");
		fflush(stdout);
		vg_ring_wait_any(&b.d.ring[VG_RX], &b.d.ring[VG_TX], BED_SOON_MS);
		vg_tx_reap(&b.d, &b.tx);
		while (vg_rx_get(&b.d, &b.rx, &(struct virtio_net_hdr_v1){ 0 }, bed_buffer(1),
				 VG_MAX_FRAME) >= 0)
			;
		vg_rx_fill(&b.d, &b.rx);
		while (vg_peer_recv(b.peer, &none, bed_buffer(2), VG_MAX_FRAME, 0) >= 0)
			;
	}
}
