// SPDX-License-Identifier: GPL-2.0
/*
 * vmaccel: the command of the suite.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vmaccel.h"

static const char vma_usage[] =
	"Usage: vmaccel COMMAND [OPTION...]\n"
	"\n"
	"  balloon         look after VMs whose guests have a stock balloon driver\n"
	"  balloon status  show all VMs of vmballoon_host\n"
	"\n"
	"vmaccel COMMAND --help tells more.\n";

/*
 * vma_fail() - say in a line what is wrong, and what to do about it
 *
 * Return: 1, the exit status.
 */
int vma_fail(const char *command, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "vmaccel%s%s: ", *command ? " " : "", command);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return 1;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(command, "--help") || !strcmp(command, "-h") || !strcmp(command, "help")) {
		fputs(vma_usage, stdout);
		return 0;
	}
	if (!strcmp(command, "--version")) {
		puts("vmaccel " VMA_VERSION);
		return 0;
	}
	if (!strcmp(command, "balloon")) {
		/* For the messages of getopt(). */
		argv[1] = "vmaccel balloon";
		if (argc > 2 && !strcmp(argv[2], "status")) {
			argv[2] = "vmaccel balloon status";
			return vma_balloon_status(argc - 2, argv + 2);
		}
		return vma_balloon(argc - 1, argv + 1);
	}
	if (!*command)
		fputs(vma_usage, stderr);
	else
		vma_fail("", "no such command: %s; see vmaccel --help", command);
	return 2;
}
