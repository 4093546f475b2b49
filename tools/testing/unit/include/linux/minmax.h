/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_LINUX_MINMAX_H
#define UNIT_LINUX_MINMAX_H

/* The comparison of pointers warns about operands of two types, as min() does. */
#define __unit_cmp(x, y, op) ({			\
	__typeof__(x) __x = (x);		\
	__typeof__(y) __y = (y);		\
	(void)(&__x == &__y);			\
	__x op __y ? __x : __y; })

#define min(x, y) __unit_cmp(x, y, <)
#define max(x, y) __unit_cmp(x, y, >)
#define clamp(x, lo, hi) min(max(x, lo), hi)
#define min_t(type, x, y) min((type)(x), (type)(y))

#define swap(a, b) do {				\
	__typeof__(a) __tmp = (a);		\
	(a) = (b);				\
	(b) = __tmp;				\
} while (0)

#endif /* UNIT_LINUX_MINMAX_H */
