/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM that is looked after by way of its QEMU's monitor.
 */
#ifndef VMA_BALLOON_VM_H
#define VMA_BALLOON_VM_H

#include <stdbool.h>
#include <stdint.h>

#include "balloon_core.h"
#include "qmp.h"

/**
 * struct vma_job - what to do with all VMs
 * @sysfs: directory of vmballoon_host
 * @sysfs_path: its name
 * @dry: change nothing, print what would be changed
 * @verbose: say what is changed
 * @clock: what time it is
 */
struct vma_job {
	int sysfs;
	const char *sysfs_path;
	bool dry;
	bool verbose;
	struct vma_clock clock;
};

/**
 * struct vma_vm - a VM
 * @number: in /sys/kernel/vmballoon
 * @path: of its QEMU's socket
 * @found: the socket was found in a directory: the VM goes with it
 * @wanted: it is still among those to look after
 * @qmp: connection
 * @step: what it does
 * @due: milliseconds, when it is silent for too long, or is tried again
 * @failures: connections in a row that came to nothing
 * @list: of the devices, which are looked through
 * @device: path of its balloon
 * @plugged: bytes of memory that QEMU says it has
 * @running: QEMU says so
 * @guest: what is known of the guest
 * @size: its sizes
 * @sent: size that was last asked for, 0: none
 * @sent_at: milliseconds, when
 * @told: the host was told something of it
 * @turns: how often it was looked after
 * @failed: it could not be
 * @said: the last message about it
 */
struct vma_vm {
	uint64_t number;
	char *path;
	bool found;
	bool wanted;
	struct vma_qmp qmp;
	unsigned int step;
	uint64_t due;
	unsigned int failures;
	unsigned int list;
	char device[256];
	uint64_t plugged;
	bool running;
	struct vma_guest guest;
	struct vma_size size;
	uint64_t sent;
	uint64_t sent_at;
	bool told;
	unsigned int turns;
	bool failed;
	char said[256];
};

struct vma_vm *vma_vm_new(uint64_t number, const char *path);
void vma_vm_free(struct vma_vm *vm);
void vma_vm_tick(struct vma_job *job, struct vma_vm *vm);
void vma_vm_event(struct vma_job *job, struct vma_vm *vm, short events);
bool vma_vm_busy(const struct vma_vm *vm);
bool vma_vm_moves(const struct vma_job *job, const struct vma_vm *vm);
void vma_vm_leave(struct vma_job *job, struct vma_vm *vm);

#endif /* VMA_BALLOON_VM_H */
