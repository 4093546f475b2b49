// SPDX-License-Identifier: GPL-2.0
/*
 * Traffic in both directions at once whose every byte is known beforehand.
 *
 *   guest_flow serve ADDRESS STATUS    on the host: answers one guest, figures in file STATUS
 *   guest_flow run ADDRESS             in the guest: talks to that server till it is killed
 *   guest_flow lines FILE              writes numbered lines, some hundred a second
 *
 * Both ends send without a pause on one TCP connection, and datagrams of all sizes beside it: a
 * burst when one has arrived since the last burst. More than the slower end can take would fill
 * the tap's queue for ever, and TCP, which backs off, would stand still beside it.
 *
 * Byte i of the stream is byte i of a table that repeats after a prime number of bytes, so that
 * no shift by pages or frames goes unnoticed; a datagram has a part of the table that its number
 * gives. ADDRESS also shifts the table: what arrives through another network than it left by is
 * wrong. A datagram carries what its sender has counted itself, so that the server knows both
 * sides and shows in STATUS:
 *
 *   TCP bytes received here, by the guest; datagrams received here, by the guest; errors
 *
 * Lost datagrams are no error: a tap drops them when its queue is full. Lost or changed bytes of
 * a stream are.
 *
 * The guest's end also writes to some pages all the time, so that a migration never catches up
 * before it shall.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT		7000
#define TABLE		1048573
#define CHUNK		65536
#define DGRAM_MAX	1400
#define DGRAM_BURST	8
#define DGRAM_NS	(10 * 1000 * 1000)
#define DGRAM_PATIENCE	10
#define CONNECT_US	(100 * 1000)
#define PAGE		4096
#define BUSY_PAGES	256

struct counters {
	uint64_t stream;
	uint64_t dgrams;
	uint64_t errors;
};

struct dgram {
	uint64_t number;
	struct counters seen;
	char data[DGRAM_MAX];
};

/* The start once more behind the end: no chunk wraps. */
static char table[TABLE + CHUNK];
static struct counters mine, theirs;
static uint64_t sent_stream, sent_dgrams;
static struct sockaddr_in server = { .sin_family = AF_INET };
static unsigned int shift;
static int status = -1;

static void fill_table(void)
{
	uint32_t x = 1;
	int i;

	for (i = 0; i < TABLE; i++) {
		x = x * 1664525 + 1013904223;
		table[i] = x >> 24;
	}
	memcpy(table + TABLE, table, CHUNK);
}

static const char *expected(uint64_t at)
{
	return table + (at + shift) % TABLE;
}

static void wrong(const char *what, uint64_t at, const char *got, const char *want, size_t len)
{
	size_t i = 0;

	while (i < len && got[i] == want[i])
		i++;
	mine.errors++;
	fprintf(stderr, "%s: byte %llu is %02x, not %02x\n", what, (unsigned long long)(at + i),
		(unsigned char)got[i], (unsigned char)want[i]);
}

/* 0 when the connection is over. */
static int stream_in(int fd)
{
	static char buf[CHUNK];
	ssize_t n;

	n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	if (memcmp(buf, expected(mine.stream), n))
		wrong("stream", mine.stream, buf, expected(mine.stream), n);
	mine.stream += n;
	return 1;
}

static int stream_out(int fd)
{
	ssize_t n;

	n = send(fd, expected(sent_stream), CHUNK, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	sent_stream += n;
	return 1;
}

static size_t dgram_size(uint64_t number)
{
	return number * 37 % DGRAM_MAX + 1;
}

static void dgram_in(int fd, struct sockaddr_in *from)
{
	socklen_t len = sizeof(*from);
	struct dgram d;
	ssize_t n;

	n = recvfrom(fd, &d, sizeof(d), MSG_DONTWAIT, (struct sockaddr *)from, &len);
	if (n < 0)
		return;
	n -= sizeof(d) - sizeof(d.data);
	if (n < 0 || (size_t)n != dgram_size(d.number)) {
		mine.errors++;
		fprintf(stderr, "datagram %llu has %zd bytes\n", (unsigned long long)d.number, n);
	} else if (memcmp(d.data, expected(d.number * 7919), n)) {
		wrong("datagram", 0, d.data, expected(d.number * 7919), n);
	} else {
		mine.dgrams++;
		theirs = d.seen;
	}
}

static void dgrams_out(int fd, struct sockaddr_in *to, int n)
{
	struct dgram d;
	size_t len;

	while (n--) {
		d.number = sent_dgrams++;
		d.seen = mine;
		len = dgram_size(d.number);
		memcpy(d.data, expected(d.number * 7919), len);
		sendto(fd, &d, sizeof(d) - sizeof(d.data) + len, MSG_DONTWAIT,
		       (struct sockaddr *)to, sizeof(*to));
	}
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void write_pages(void)
{
	static char pages[BUSY_PAGES * PAGE];
	int i;

	for (i = 0; i < BUSY_PAGES; i++)
		__atomic_fetch_add(&pages[i * PAGE], 1, __ATOMIC_RELAXED);
}

/* What the server knows, for whoever started it. */
static void publish(void)
{
	char line[128];
	int len;

	len = snprintf(line, sizeof(line), "%20ju %20ju %20ju %20ju %20ju\n",
		       (uintmax_t)mine.stream, (uintmax_t)theirs.stream, (uintmax_t)mine.dgrams,
		       (uintmax_t)theirs.dgrams, (uintmax_t)(mine.errors + theirs.errors));
	if (pwrite(status, line, len, 0) != len)
		perror("status");
}

/* Till the connection is over. */
static void talk(int stream, int dgram, struct sockaddr_in *peer)
{
	struct pollfd p[2] = {
		{ .fd = stream, .events = POLLIN | POLLOUT },
		{ .fd = dgram, .events = POLLIN },
	};
	uint64_t next = 0, answered = 0;
	int alive = 1, waited = 0;

	while (alive) {
		poll(p, 2, 10);
		if (p[0].revents & (POLLIN | POLLERR | POLLHUP))
			alive = stream_in(stream);
		if (alive && (p[0].revents & POLLOUT))
			alive = stream_out(stream);
		if (p[1].revents & POLLIN)
			dgram_in(dgram, peer);
		if (now() >= next) {
			next = now() + DGRAM_NS;
			if (mine.dgrams != answered) {
				answered = mine.dgrams;
				waited = 0;
				dgrams_out(dgram, peer, DGRAM_BURST);
			} else if (peer->sin_port && ++waited >= DGRAM_PATIENCE) {
				waited = 0;
				dgrams_out(dgram, peer, 1);
			}
			if (status >= 0)
				publish();
			else
				write_pages();
		}
	}
}

static int serve(void)
{
	struct sockaddr_in peer = { 0 };
	int listener, stream, dgram, one = 1;

	listener = socket(AF_INET, SOCK_STREAM, 0);
	dgram = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&server, sizeof(server)) || listen(listener, 1) ||
	    bind(dgram, (struct sockaddr *)&server, sizeof(server))) {
		perror("bind");
		return 1;
	}
	publish();
	stream = accept(listener, NULL, NULL);
	if (stream < 0) {
		perror("accept");
		return 1;
	}
	talk(stream, dgram, &peer);
	fprintf(stderr, "the connection is over\n");
	return 1;
}

static int run(void)
{
	int stream, dgram;

	dgram = socket(AF_INET, SOCK_DGRAM, 0);
	/* The interface may need a while until it carries frames. */
	for (;;) {
		stream = socket(AF_INET, SOCK_STREAM, 0);
		if (!connect(stream, (struct sockaddr *)&server, sizeof(server)))
			break;
		perror("connect");
		close(stream);
		usleep(CONNECT_US);
	}
	talk(stream, dgram, &server);
	fprintf(stderr, "the connection is over\n");
	return 1;
}

static int lines(const char *file)
{
	unsigned long i;
	int fd;

	fd = open(file, O_WRONLY | O_CREAT, 0644);
	if (fd < 0) {
		perror(file);
		return 1;
	}
	for (i = 1; dprintf(fd, "%lu\n", i) > 0; i++)
		usleep(5000);
	perror(file);
	return 1;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[1] : "";
	int serving = argc == 4 && !strcmp(mode, "serve");

	if (!strcmp(mode, "lines"))
		return lines(argv[2]);
	if ((!serving && strcmp(mode, "run")) ||
	    inet_pton(AF_INET, argv[2], &server.sin_addr) != 1) {
		fprintf(stderr, "usage: %s serve ADDRESS STATUS | run ADDRESS | lines FILE\n",
			argv[0]);
		return 2;
	}
	server.sin_port = htons(PORT);
	shift = ntohl(server.sin_addr.s_addr) % 65521 * 13;
	fill_table();
	if (!serving)
		return run();
	status = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (status < 0) {
		perror(argv[3]);
		return 1;
	}
	return serve();
}
