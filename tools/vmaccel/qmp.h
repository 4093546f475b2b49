/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A connection to QEMU's monitor that never waits.
 */
#ifndef VMA_QMP_H
#define VMA_QMP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** VMA_QMP_LINE - bytes of the longest message that is taken */
#define VMA_QMP_LINE 65536

/** VMA_QMP_QUOTA - bytes that are taken for each second */
#define VMA_QMP_QUOTA 262144

/** VMA_QMP_COST - bytes that fewer ones, taken at once, count for */
#define VMA_QMP_COST 256

/**
 * struct vma_qmp - a connection
 * @fd: its socket, or -1
 * @in: what was received
 * @room: bytes in @in
 * @start: of what was not looked at
 * @scanned: up to here there is no end of a line
 * @used: up to here something was received
 * @quota: bytes that may still be received
 * @out: what was not sent
 * @pending: bytes of that
 * @id: of the last command
 */
struct vma_qmp {
	int fd;
	char *in;
	size_t room;
	size_t start;
	size_t scanned;
	size_t used;
	size_t quota;
	char out[1024];
	size_t pending;
	uint32_t id;
};

void vma_qmp_init(struct vma_qmp *qmp);
int vma_qmp_connect(struct vma_qmp *qmp, const char *path);
void vma_qmp_close(struct vma_qmp *qmp);
int vma_qmp_ask(struct vma_qmp *qmp, const char *command, json_t *arguments);
int vma_qmp_flush(struct vma_qmp *qmp);
int vma_qmp_receive(struct vma_qmp *qmp);
int vma_qmp_next(struct vma_qmp *qmp, json_t **message);
bool vma_qmp_answers(const struct vma_qmp *qmp, json_t *message);
short vma_qmp_events(const struct vma_qmp *qmp);

#endif /* VMA_QMP_H */
