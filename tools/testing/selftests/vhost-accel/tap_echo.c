// SPDX-License-Identifier: GPL-2.0
/*
 * Sends frames into an interface whose other end sends all of them back, and checks
 * that they come back in order and intact: for tests with a foreign guest driver.
 *
 * Usage: tap_echo INTERFACE FRAMES
 */
#include <net/if.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "vhost_backend.h"

#define SOON_S		30
#define BURST		24
#define MAX_LEN		1514
#define PROBE		0xffffff

static __u8 frame[MAX_LEN + 64];

static unsigned int frame_len(unsigned int i)
{
	return 60 + i * 61 % (MAX_LEN - 60);
}

static bool comes_back(int fd, unsigned int i, int timeout_ms)
{
	int n = vg_peer_recv(fd, NULL, frame, sizeof(frame), timeout_ms);

	return n == (int)frame_len(i) && vg_frame_check(frame, n, i);
}

static bool put(int fd, unsigned int i)
{
	vg_frame_fill(frame, frame_len(i), i);
	return !vg_peer_send(fd, NULL, frame, frame_len(i));
}

/* The interface may not be there yet, nor whoever answers. */
static int answering(const char *name)
{
	time_t end = time(NULL) + SOON_S;
	int fd = -1;

	while (time(NULL) < end) {
		if (fd < 0 && if_nametoindex(name) && !vg_if_up(name, 0))
			fd = vg_packet_open(name, false);
		if (fd >= 0 && put(fd, PROBE) && comes_back(fd, PROBE, 200))
			break;
		usleep(50000);
	}
	/* Late answers to earlier probes. */
	while (fd >= 0 && vg_peer_recv(fd, NULL, frame, sizeof(frame), 200) > 0)
		;
	return time(NULL) < end ? fd : -1;
}

int main(int argc, char **argv)
{
	unsigned int i, j, n = argc > 2 ? atoi(argv[2]) : 0;
	int fd = argc > 1 ? answering(argv[1]) : -1;

	if (fd < 0) {
		fprintf(stderr, "tap_echo: nobody answers\n");
		return 1;
	}
	for (i = 0; i < n; i += BURST) {
		for (j = i; j < i + BURST; j++)
			if (!put(fd, j))
				return 1;
		for (j = i; j < i + BURST; j++) {
			if (comes_back(fd, j, SOON_S * 1000))
				continue;
			fprintf(stderr, "tap_echo: frame %u does not come back\n", j);
			return 1;
		}
	}
	return 0;
}
