// SPDX-License-Identifier: GPL-2.0
/*
 * Talks to QEMU's monitor as libvirt does: opens files itself and hands them over.
 *
 *   guest_plug SOCKET [NAME=FILE]... COMMAND...
 *
 * Each FILE is opened and becomes known to QEMU as NAME; "tap:IFACE" stands for a queue of that
 * tap. Then each COMMAND, JSON, is given; answers go to the standard output. The names last as
 * long as the connection, so what uses them belongs into the same call. Exits with 1 on the first
 * error.
 */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static FILE *in;
static int monitor;

/* Till the next answer; events are dropped. */
static int answered(int show)
{
	char line[65536];

	while (fgets(line, sizeof(line), in)) {
		if (strncmp(line, "{\"return\"", 9) && strncmp(line, "{\"error\"", 8))
			continue;
		if (show || line[2] == 'e')
			fputs(line, stdout);
		return line[2] == 'e' ? -1 : 0;
	}
	fprintf(stderr, "the monitor is gone\n");
	return -1;
}

/* The command, with a descriptor unless that is -1. */
static int command(const char *json, int fd, int show)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { (void *)json, strlen(json) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (fd >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	if (sendmsg(monitor, &msg, 0) != (ssize_t)iov.iov_len) {
		perror("sendmsg");
		return -1;
	}
	return answered(show);
}

static int open_file(const char *file)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd;

	if (strncmp(file, "tap:", 4)) {
		fd = open(file, O_RDWR);
		if (fd < 0)
			perror(file);
		return fd;
	}
	fd = open("/dev/net/tun", O_RDWR);
	snprintf(ifr.ifr_name, IFNAMSIZ, "%s", file + 4);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr)) {
		perror(file);
		return -1;
	}
	return fd;
}

static int hand_over(const char *name, int len, const char *file)
{
	char json[256];
	int fd, ret;

	fd = open_file(file);
	if (fd < 0)
		return -1;
	snprintf(json, sizeof(json), "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"%.*s\"}}",
		 len, name);
	ret = command(json, fd, 0);
	close(fd);
	return ret;
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *eq;
	int i;

	if (argc < 3) {
		fprintf(stderr, "usage: guest_plug SOCKET [NAME=FILE]... COMMAND...\n");
		return 2;
	}
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", argv[1]);
	monitor = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(monitor, (struct sockaddr *)&addr, sizeof(addr))) {
		perror(argv[1]);
		return 1;
	}
	in = fdopen(dup(monitor), "r");
	if (!in || command("{\"execute\":\"qmp_capabilities\"}", -1, 0))
		return 1;
	for (i = 2; i < argc; i++) {
		eq = argv[i][0] == '{' ? NULL : strchr(argv[i], '=');
		if (eq ? hand_over(argv[i], eq - argv[i], eq + 1) : command(argv[i], -1, 1))
			return 1;
	}
	return 0;
}
