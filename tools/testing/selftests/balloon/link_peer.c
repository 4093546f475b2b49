// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's end of the link to vmballoon_host, well behaved or not, as its arguments say.
 *
 *   link_peer [-c CID] [-p PORT] OPERATION...
 *
 *   connect                to the host, from PORT (default: any privileged one)
 *   hello RAM HELD         messages, with the next number
 *   report T A F R H M
 *   type N                 a message of another type
 *   seq N                  the next message has this number
 *   bytes HEX              anything
 *   part N                 the first N bytes of a report
 *   order                  wait for an order; prints what is to be held, and the credit
 *   closed                 wait for the end of the connection
 *   shut                   say that no more will be sent
 *   until FILE             wait until there is such a file, and stay connected
 *   wait MS                wait, and stay connected
 *   keep                   report ten times a second, until killed
 *   flood N                up to N reports, until the connection ends
 *   storm N                N connections, ended at once
 *   fuzz N SEED            N connections with damaged messages
 *
 * Exits with 0 if everything went as it says here. Waiting ends after a minute.
 */
#include <errno.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST_PORT	1005
#define MAGIC		0x4c424d56
#define PATIENCE_MS	60000

enum { HELLO = 1, REPORT, ORDER };

struct wire {
	uint32_t magic;
	uint8_t version;
	uint8_t type;
	uint16_t zero;
	uint32_t seq;
	uint32_t zero2;
	uint64_t arg[6];
};

static unsigned int cid = VMADDR_CID_LOCAL;
static unsigned int port;
static uint32_t seq;
static uint64_t state;
static int sock = -1;

static __attribute((noreturn)) void die(const char *what)
{
	fprintf(stderr, "link_peer: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint32_t rnd(uint32_t below)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % below;
}

static int try_connect(void)
{
	struct sockaddr_vm own = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY };
	struct sockaddr_vm host = { .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = HOST_PORT };
	unsigned int i;

	if (sock >= 0)
		close(sock);
	sock = socket(AF_VSOCK, SOCK_STREAM, 0);
	if (sock < 0)
		die("socket");
	for (i = 1023; ; i--) {
		own.svm_port = port ? port : i;
		if (!bind(sock, (struct sockaddr *)&own, sizeof(own)))
			break;
		if (errno != EADDRINUSE || port || i == 512)
			die("bind");
	}
	seq = 0;
	return connect(sock, (struct sockaddr *)&host, sizeof(host));
}

static struct wire message(uint8_t type)
{
	struct wire m = { .magic = MAGIC, .version = 1, .type = type, .seq = ++seq };

	return m;
}

static int put(const void *data, size_t size)
{
	return send(sock, data, size, MSG_NOSIGNAL) == (ssize_t)size ? 0 : -1;
}

static void send_args(uint8_t type, char **arg, unsigned int n)
{
	struct wire m = message(type);
	unsigned int i;

	for (i = 0; i < n; i++)
		m.arg[i] = strtoull(arg[i], NULL, 0);
	if (put(&m, sizeof(m)))
		die("send");
}

static int readable(void)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };

	return poll(&p, 1, PATIENCE_MS) == 1;
}

static void wait_order(void)
{
	struct wire m;
	size_t got = 0;

	while (got < sizeof(m)) {
		ssize_t n = readable() ? recv(sock, (char *)&m + got, sizeof(m) - got, 0) : -1;

		if (n <= 0)
			die("no order");
		got += n;
	}
	if (m.magic != MAGIC || m.version != 1 || m.type != ORDER || m.zero || m.zero2)
		die("no message");
	printf("order %llu %llu\n", (unsigned long long)m.arg[0], (unsigned long long)m.arg[1]);
	fflush(stdout);
}

static void wait_closed(void)
{
	char buf[512];
	ssize_t n;

	do {
		if (!readable())
			die("still connected");
		n = recv(sock, buf, sizeof(buf), 0);
	} while (n > 0);
	if (n < 0 && errno != ECONNRESET && errno != ENOTCONN && errno != EPIPE)
		die("not closed");
}

static void send_hex(const char *hex)
{
	unsigned char byte;

	for (; sscanf(hex, "%2hhx", &byte) == 1; hex += 2)
		if (put(&byte, 1))
			die("send");
}

static void flood(unsigned long n)
{
	unsigned long i;

	for (i = 0; i < n; i++) {
		struct wire m = message(REPORT);

		if (put(&m, sizeof(m)))
			return;
	}
}

/* Until there is such a file. */
static void until(const char *file)
{
	unsigned int i;

	for (i = 0; i < PATIENCE_MS / 10; i++) {
		if (!access(file, F_OK))
			return;
		usleep(10000);
	}
	die(file);
}

static void keep(void)
{
	char buf[512];

	for (;;) {
		struct wire m = message(REPORT);

		if (put(&m, sizeof(m)))
			die("send");
		usleep(100000);
		while (recv(sock, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
	}
}

static void storm(unsigned long n)
{
	while (n--)
		try_connect();
}

/* Where the host ends a connection the next one begins. */
static void fuzz(unsigned long n)
{
	while (n--) {
		unsigned int i;

		if (try_connect())
			continue;
		for (i = 0; i < 20; i++) {
			struct wire m = message(i ? REPORT : HELLO);
			unsigned int j;

			for (j = 0; j < (i ? 6 : 2); j++)
				m.arg[j] = (uint64_t)rnd(1U << 31) << rnd(34);
			if (!rnd(4))
				((uint8_t *)&m)[rnd(sizeof(m))] ^= 1U << rnd(8);
			if (put(&m, rnd(10) ? sizeof(m) : rnd(sizeof(m))))
				break;
		}
	}
}

static const struct op {
	const char *name;
	int args;
} ops[] = {
	{ "connect", 0 }, { "order", 0 }, { "closed", 0 }, { "hello", 2 }, { "report", 6 },
	{ "type", 1 }, { "seq", 1 }, { "bytes", 1 }, { "part", 1 }, { "wait", 1 },
	{ "keep", 0 }, { "shut", 0 }, { "until", 1 },
	{ "flood", 1 }, { "storm", 1 }, { "fuzz", 2 }, { NULL, 0 },
};

int main(int argc, char **argv)
{
	int c;

	signal(SIGPIPE, SIG_IGN);
	while ((c = getopt(argc, argv, "c:p:")) != -1) {
		if (c == 'c')
			cid = strtoul(optarg, NULL, 0);
		else if (c == 'p')
			port = strtoul(optarg, NULL, 0);
		else
			return 2;
	}
	for (argv += optind; *argv; argv++) {
		const struct op *op = ops;
		int i;

		while (op->name && strcmp(op->name, *argv))
			op++;
		for (i = 1; i <= op->args; i++)
			if (!argv[i])
				return 2;
		if (!op->name)
			return 2;
		if (!strcmp(*argv, "connect")) {
			if (try_connect())
				die("connect");
		} else if (!strcmp(*argv, "order")) {
			wait_order();
		} else if (!strcmp(*argv, "closed")) {
			wait_closed();
		} else if (!strcmp(*argv, "keep")) {
			keep();
		} else if (!strcmp(*argv, "shut")) {
			if (shutdown(sock, SHUT_WR))
				die("shutdown");
		} else if (!strcmp(*argv, "until")) {
			until(argv[1]);
		} else if (!strcmp(*argv, "hello")) {
			send_args(HELLO, argv + 1, 2);
		} else if (!strcmp(*argv, "report")) {
			send_args(REPORT, argv + 1, 6);
		} else if (!strcmp(*argv, "type")) {
			send_args(strtoul(argv[1], NULL, 0), NULL, 0);
		} else if (!strcmp(*argv, "seq")) {
			seq = strtoul(argv[1], NULL, 0) - 1;
		} else if (!strcmp(*argv, "bytes")) {
			send_hex(argv[1]);
		} else if (!strcmp(*argv, "part")) {
			struct wire m = message(REPORT);

			if (put(&m, strtoul(argv[1], NULL, 0)))
				die("send");
		} else if (!strcmp(*argv, "wait")) {
			usleep(strtoul(argv[1], NULL, 0) * 1000);
		} else if (!strcmp(*argv, "flood")) {
			flood(strtoul(argv[1], NULL, 0));
		} else if (!strcmp(*argv, "storm")) {
			storm(strtoul(argv[1], NULL, 0));
		} else {
			state = strtoull(argv[2], NULL, 0);
			fuzz(strtoul(argv[1], NULL, 0));
		}
		argv += op->args;
	}
	return 0;
}
