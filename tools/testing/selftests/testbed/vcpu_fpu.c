// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's exits while another processor restores its FPU state without an end: what KVM's
 * host does whenever it switches tasks. An emulator that changes flags of one processor from
 * another (tools/testing/vm/patches/qemu-ignne.patch) mixes up guest and host within seconds;
 * the host VM does not survive that.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY		0x10000
#define ENTRY		0x1000
#define PORT		0x10
/* CPUID exits between two exits to here; how many of the latter. */
#define INSIDE		100
#define RUNS		500

/* mov $INSIDE, %si; 1: xor %ax, %ax; cpuid; dec %si; jnz 1b; out %al, $PORT; jmp 0b */
static const unsigned char code[] = {
	0xbe, INSIDE, 0, 0x31, 0xc0, 0x0f, 0xa2, 0x4e, 0x75, 0xf9, 0xe6, PORT, 0xeb, 0xf2,
};

static _Alignas(16) unsigned char fpu_state[512];
static volatile int stop;
static volatile long restores;

static int bind_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

/* restore() - FPU state of the second processor, on and on; without one @restores stays 0. */
static void *restore(void *arg)
{
	if (bind_to(1))
		return NULL;
	asm volatile("fxsave %0" : "=m"(fpu_state));
	while (!stop) {
		asm volatile("fxrstor %0" : : "m"(fpu_state));
		restores++;
	}
	return NULL;
}

/* vcpu_create() - A guest with one processor, at @code. Returns its descriptor or -1. */
static int vcpu_create(struct kvm_run **run)
{
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY };
	struct kvm_regs regs = { .rip = ENTRY, .rflags = 2 };
	struct kvm_sregs sregs;
	int kvm, vm, vcpu;
	char *memory;

	kvm = open("/dev/kvm", O_RDWR);
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm < 0 || memory == MAP_FAILED)
		return -1;
	memcpy(memory + ENTRY, code, sizeof(code));
	region.userspace_addr = (unsigned long)memory;
	vcpu = ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0 || ioctl(vcpu, KVM_GET_SREGS, &sregs))
		return -1;
	*run = mmap(NULL, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE,
		    MAP_SHARED, vcpu, 0);
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (*run == MAP_FAILED || ioctl(vcpu, KVM_SET_SREGS, &sregs) ||
	    ioctl(vcpu, KVM_SET_REGS, &regs))
		return -1;
	return vcpu;
}

int main(void)
{
	struct kvm_run *run = NULL;
	pthread_t thread;
	int vcpu, i;

	vcpu = bind_to(0) ? -1 : vcpu_create(&run);
	if (vcpu < 0)
		err(1, "no guest");
	if (pthread_create(&thread, NULL, restore, NULL))
		errx(1, "no thread");
	while (!restores)
		sched_yield();
	for (i = 0; i < RUNS; i++) {
		if (ioctl(vcpu, KVM_RUN, 0) || run->exit_reason != KVM_EXIT_IO ||
		    run->io.port != PORT)
			errx(1, "run %d ended with exit %u", i, run->exit_reason);
	}
	stop = 1;
	pthread_join(thread, NULL);
	return 0;
}
