// SPDX-License-Identifier: GPL-2.0
/*
 * A connection to QEMU's monitor that never waits.
 *
 * QEMU may be in the hands of its guest: what it sends is bounded in length, for each message
 * and for each second, and is looked at only when it is a whole line.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "qmp.h"

#define VMA_QMP_FIRST 4096

/* vma_qmp_init() - not connected */
void vma_qmp_init(struct vma_qmp *qmp)
{
	memset(qmp, 0, sizeof(*qmp));
	qmp->fd = -1;
}

/*
 * vma_qmp_connect() - connect to a socket
 *
 * Return: 0 or a negative error.
 */
int vma_qmp_connect(struct vma_qmp *qmp, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int err;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	vma_qmp_close(qmp);
	qmp->in = malloc(VMA_QMP_FIRST);
	if (!qmp->in)
		return -ENOMEM;
	qmp->room = VMA_QMP_FIRST;
	qmp->quota = VMA_QMP_QUOTA;
	qmp->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* A socket of this kind is connected at once, or not at all. */
	if (qmp->fd < 0 || connect(qmp->fd, (struct sockaddr *)&address, sizeof(address))) {
		err = -errno;
		vma_qmp_close(qmp);
		return err;
	}
	return 0;
}

/* vma_qmp_close() - end a connection, if there is one */
void vma_qmp_close(struct vma_qmp *qmp)
{
	if (qmp->fd >= 0)
		close(qmp->fd);
	free(qmp->in);
	vma_qmp_init(qmp);
}

/*
 * vma_qmp_ask() - send a command
 * @arguments: a reference that is taken, or NULL
 *
 * Return: 0 or a negative error.
 */
int vma_qmp_ask(struct vma_qmp *qmp, const char *command, json_t *arguments)
{
	size_t room = sizeof(qmp->out) - qmp->pending;
	json_t *message;
	size_t n;

	qmp->id++;
	message = json_pack("{s:s, s:I, s:o*}", "execute", command, "id", (json_int_t)qmp->id,
			    "arguments", arguments);
	if (!message)
		return -ENOMEM;
	n = json_dumpb(message, qmp->out + qmp->pending, room, JSON_COMPACT);
	json_decref(message);
	if (!n || n >= room)
		return -EMSGSIZE;
	qmp->pending += n;
	qmp->out[qmp->pending++] = '\n';
	return vma_qmp_flush(qmp);
}

/*
 * vma_qmp_flush() - send what was not
 *
 * Return: 0, also if not all could be sent, or a negative error.
 */
int vma_qmp_flush(struct vma_qmp *qmp)
{
	ssize_t n;

	while (qmp->pending) {
		n = send(qmp->fd, qmp->out, qmp->pending, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		qmp->pending -= n;
		memmove(qmp->out, qmp->out + n, qmp->pending);
	}
	return 0;
}

/*
 * vma_qmp_receive() - take what is there, once
 *
 * Return: 0, also if nothing is, or a negative error: -EPIPE: the other side is gone;
 * -EMSGSIZE: a message is too long; -ENOBUFS: there is too much.
 */
int vma_qmp_receive(struct vma_qmp *qmp)
{
	ssize_t n;

	if (qmp->start) {
		qmp->used -= qmp->start;
		qmp->scanned -= qmp->start;
		memmove(qmp->in, qmp->in + qmp->start, qmp->used);
		qmp->start = 0;
	}
	if (qmp->used == qmp->room) {
		char *in;

		if (qmp->room >= VMA_QMP_LINE)
			return -EMSGSIZE;
		in = realloc(qmp->in, 2 * qmp->room);
		if (!in)
			return -ENOMEM;
		qmp->in = in;
		qmp->room *= 2;
	}
	if (!qmp->quota)
		return -ENOBUFS;
	n = qmp->room - qmp->used;
	if ((size_t)n > qmp->quota)
		n = qmp->quota;
	n = recv(qmp->fd, qmp->in + qmp->used, n, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (!n)
		return -EPIPE;
	qmp->used += n;
	if (n < VMA_QMP_COST)
		n = VMA_QMP_COST;
	qmp->quota -= (size_t)n < qmp->quota ? (size_t)n : qmp->quota;
	return 0;
}

/*
 * vma_qmp_next() - the next message
 * @message: result, a reference; NULL: there is none yet
 *
 * Numbers are reals: QEMU's are of 64 bits without a sign, the largest of them says that it
 * does not know, and sizes are exact up to 2^53.
 *
 * Return: 0 or a negative error; -EPROTO: it is none.
 */
int vma_qmp_next(struct vma_qmp *qmp, json_t **message)
{
	char *line = qmp->in + qmp->start;
	char *end = memchr(qmp->in + qmp->scanned, '\n', qmp->used - qmp->scanned);

	*message = NULL;
	if (!end) {
		qmp->scanned = qmp->used;
		return 0;
	}
	*message = json_loadb(line, end - line, JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES,
			      NULL);
	qmp->start = end + 1 - qmp->in;
	qmp->scanned = qmp->start;
	if (!json_is_object(*message)) {
		json_decref(*message);
		*message = NULL;
		return -EPROTO;
	}
	return 0;
}

/* vma_qmp_answers() - whether a message is the answer to the last command */
bool vma_qmp_answers(const struct vma_qmp *qmp, json_t *message)
{
	return json_number_value(json_object_get(message, "id")) == qmp->id;
}

/* vma_qmp_events() - what to wait for */
short vma_qmp_events(const struct vma_qmp *qmp)
{
	return POLLIN | (qmp->pending ? POLLOUT : 0);
}
