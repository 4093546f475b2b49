// SPDX-License-Identifier: GPL-2.0
/*
 * A guest without a kernel: drives the rings of vhost-vsock by hand, and takes what the host
 * sends only when told to.
 *
 *   link_guest CID OPERATION...
 *
 *   request      a connection to the host's port, another one each time; takes nothing
 *   connect      the same, and takes what is sent until it is accepted
 *   hello RAM    the first message
 *   ask N        ask N times how much room there is; takes nothing; prints "asked" when the
 *                host has read that
 *   take         take all that is sent, until nothing comes for a second; prints how many packets
 *   until FILE   wait until there is such a file
 *
 * Exits with 0 if everything went as it says here. Waiting ends after a minute.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_vsock.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define HOST_CID	2
#define HOST_PORT	1005
#define FIRST_PORT	600
#define NUM		1024
#define BUFFER		256
#define RING		0x10000
#define PATIENCE_MS	60000

enum { RX, TX, QUEUES };

struct message {
	struct virtio_vsock_hdr hdr;
	unsigned char data[64];
} __attribute((packed));

struct queue {
	struct vring ring;
	unsigned char *buffers;
	uint16_t avail;
	uint16_t used;
	int kick;
};

static struct queue queues[QUEUES];
static uint64_t cid;
static uint32_t port = FIRST_PORT;
static uint32_t taken_bytes;
static int fd;

static __attribute((noreturn)) void die(const char *what)
{
	fprintf(stderr, "link_guest: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void call(unsigned long request, const void *arg, const char *what)
{
	if (ioctl(fd, request, arg) < 0)
		die(what);
}

/* Each queue has its ring, and a buffer for each entry of it. Addresses of the guest are ours. */
static void start(void)
{
	const size_t size = QUEUES * (RING + NUM * BUFFER);
	unsigned char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct {
		struct vhost_memory head;
		struct vhost_memory_region region;
	} table = {
		.head.nregions = 1,
		.region = {
			.guest_phys_addr = (uintptr_t)memory,
			.userspace_addr = (uintptr_t)memory,
			.memory_size = size,
		},
	};
	uint64_t features = 1ULL << VIRTIO_F_VERSION_1;
	unsigned int i;
	int on = 1;

	fd = open("/dev/vhost-vsock", O_RDWR);
	if (fd < 0 || memory == MAP_FAILED)
		die("/dev/vhost-vsock");
	call(VHOST_SET_OWNER, NULL, "owner");
	call(VHOST_SET_FEATURES, &features, "features");
	call(VHOST_SET_MEM_TABLE, &table, "memory");
	for (i = 0; i < QUEUES; i++) {
		struct queue *q = &queues[i];
		struct vhost_vring_state state = { .index = i, .num = NUM };
		struct vhost_vring_file file = { .index = i };
		struct vhost_vring_addr addr = { .index = i };

		vring_init(&q->ring, NUM, memory, 4096);
		q->buffers = memory + RING;
		memory += RING + NUM * BUFFER;
		call(VHOST_SET_VRING_NUM, &state, "num");
		state.num = 0;
		call(VHOST_SET_VRING_BASE, &state, "base");
		addr.desc_user_addr = (uintptr_t)q->ring.desc;
		addr.avail_user_addr = (uintptr_t)q->ring.avail;
		addr.used_user_addr = (uintptr_t)q->ring.used;
		call(VHOST_SET_VRING_ADDR, &addr, "addresses");
		q->kick = eventfd(0, 0);
		file.fd = q->kick;
		call(VHOST_SET_VRING_KICK, &file, "kick");
		file.fd = eventfd(0, 0);
		call(VHOST_SET_VRING_CALL, &file, "call");
	}
	call(VHOST_VSOCK_SET_GUEST_CID, &cid, "cid");
	call(VHOST_VSOCK_SET_RUNNING, &on, "running");
}

/* Give the host the next buffer of a queue. */
static void offer(struct queue *q, uint32_t len, uint16_t flags)
{
	unsigned int i = q->avail % NUM;

	q->ring.desc[i].addr = (uintptr_t)q->buffers + i * BUFFER;
	q->ring.desc[i].len = len;
	q->ring.desc[i].flags = flags;
	q->ring.avail->ring[i] = i;
	__atomic_store_n(&q->ring.avail->idx, ++q->avail, __ATOMIC_RELEASE);
	eventfd_write(q->kick, 1);
}

/* Whether the host has used all that it was given, within @ms. */
static int all_used(struct queue *q, unsigned int ms)
{
	for (; __atomic_load_n(&q->ring.used->idx, __ATOMIC_ACQUIRE) != q->avail; ms--) {
		if (!ms)
			return 0;
		usleep(1000);
	}
	return 1;
}

static void put(uint16_t op, const void *data, uint32_t len)
{
	struct queue *q = &queues[TX];
	uint16_t used = __atomic_load_n(&q->ring.used->idx, __ATOMIC_ACQUIRE);
	struct message m = {
		.hdr = {
			.src_cid = cid,
			.dst_cid = HOST_CID,
			.src_port = port,
			.dst_port = HOST_PORT,
			.len = len,
			.type = VIRTIO_VSOCK_TYPE_STREAM,
			.op = op,
			.buf_alloc = 0x40000,
			.fwd_cnt = taken_bytes,
		},
	};

	/* Not more than the ring has room for. */
	if ((uint16_t)(q->avail - used) >= NUM / 2 && !all_used(q, PATIENCE_MS))
		die("the host reads no more");
	memcpy(m.data, data, len);
	memcpy(q->buffers + q->avail % NUM * BUFFER, &m, sizeof(m));
	offer(q, sizeof(m.hdr) + len, 0);
}

/* The next packet that the host sends within @ms: its operation, or 0. */
static unsigned int take(unsigned int ms)
{
	static int offered;
	struct queue *q = &queues[RX];
	struct message m;

	if (!offered)
		offer(q, BUFFER, VRING_DESC_F_WRITE);
	/* One that was not used may be yet: the next call finds it. */
	offered = 1;
	if (!all_used(q, ms))
		return 0;
	offered = 0;
	memcpy(&m, q->buffers + (uint16_t)(q->avail - 1) % NUM * BUFFER, sizeof(m));
	if (m.hdr.op == VIRTIO_VSOCK_OP_RW && m.hdr.dst_port == port)
		taken_bytes += m.hdr.len;
	return m.hdr.op;
}

static void request(void)
{
	port++;
	taken_bytes = 0;
	put(VIRTIO_VSOCK_OP_REQUEST, NULL, 0);
}

static void hello(uint64_t ram)
{
	struct {
		uint32_t magic;
		uint8_t version, type;
		uint16_t zero;
		uint32_t seq, zero2;
		uint64_t arg[6];
	} wire = { .magic = 0x4c424d56, .version = 1, .type = 1, .seq = 1, .arg[0] = ram };

	put(VIRTIO_VSOCK_OP_RW, &wire, sizeof(wire));
}

int main(int argc, char **argv)
{
	unsigned long n;
	int i;

	if (argc < 3)
		return 2;
	cid = strtoul(argv[1], NULL, 0);
	start();
	for (i = 2; i < argc; i++) {
		const char *op = argv[i], *arg = argv[i + 1];

		if (!strcmp(op, "request")) {
			request();
			continue;
		}
		if (!strcmp(op, "connect")) {
			request();
			while ((n = take(PATIENCE_MS)) != VIRTIO_VSOCK_OP_RESPONSE)
				if (!n)
					die("no connection");
			continue;
		}
		if (!strcmp(op, "take")) {
			for (n = 0; take(1000); n++)
				;
			printf("took %lu\n", n);
			fflush(stdout);
			continue;
		}
		if (!arg)
			return 2;
		if (!strcmp(op, "hello")) {
			hello(strtoull(arg, NULL, 0));
		} else if (!strcmp(op, "ask")) {
			for (n = strtoul(arg, NULL, 0); n; n--)
				put(VIRTIO_VSOCK_OP_CREDIT_REQUEST, NULL, 0);
			if (!all_used(&queues[TX], PATIENCE_MS))
				die("the host reads no more");
			printf("asked\n");
			fflush(stdout);
		} else if (!strcmp(op, "until")) {
			for (n = PATIENCE_MS; access(arg, F_OK); n--) {
				if (!n)
					die(arg);
				usleep(1000);
			}
		} else {
			return 2;
		}
		i++;
	}
	return 0;
}
