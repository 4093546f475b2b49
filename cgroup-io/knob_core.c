// SPDX-License-Identifier: GPL-2.0
/*
 * Parser of settings.
 *
 * Problem: whoever was given a part of the cgroup tree may write anything.
 *
 * Model: a setting is taken as a whole or not at all. Shares are a number, or one of the
 * names that vSphere has for them, in its ratios. Rates are "disk" and pairs key=value,
 * as io.max has them: a key that is not named keeps its value, "max" is no rate, k, M, G
 * and T count 1024 each. A latency is a number of us, or "max" for none. Words are divided
 * by blanks; an end of line may follow.
 *
 * Limits: a rate is 1 to %VMSHARE_RATE_MAX, a latency 1 to %CGIO_LATENCY_MAX. What is
 * larger, or overflows, is refused with ERANGE; all else that is no setting with EINVAL.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "knob_core.h"

static bool cgio_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static const char *cgio_skip_blanks(const char *at)
{
	while (cgio_is_blank(*at))
		at++;
	return at;
}

/* Behind @word and what ends it, or NULL if it is not there. */
static const char *cgio_skip_word(const char *at, const char *word, bool whole)
{
	const size_t len = strlen(word);

	if (strncmp(at, word, len))
		return NULL;
	at += len;
	return whole && *at && !cgio_is_blank(*at) ? NULL : at;
}

/* A decimal number up to @max, with a suffix if @scaled, that ends a word. */
static int cgio_number(const char **text, u64 max, bool scaled, u64 *number)
{
	static const char suffixes[] = "kMGT";
	const char *at = *text, *suffix;
	unsigned int shift = 0;
	u64 n = 0;

	if (*at < '0' || *at > '9')
		return -EINVAL;
	for (; *at >= '0' && *at <= '9'; at++) {
		/* What is beyond the limit stays so. */
		if (n <= max)
			n = n * 10 + (*at - '0');
	}
	suffix = scaled && *at ? strchr(suffixes, *at == 'K' ? 'k' : *at) : NULL;
	if (suffix) {
		shift = 10 * (suffix - suffixes + 1);
		at++;
	}
	if (*at && !cgio_is_blank(*at))
		return -EINVAL;
	if (!n || n > max >> shift)
		return -ERANGE;
	*number = n << shift;
	*text = at;
	return 0;
}

/**
 * cgio_knob_shares() - what is written to io.vm.shares
 * @text: a number, "low", "normal", "high" or "default"
 * @shares: set on success
 *
 * Return: 0, -EINVAL or -ERANGE.
 */
int cgio_knob_shares(const char *text, u32 *shares)
{
	static const struct {
		const char *name;
		u32 shares;
	} names[] = {
		{ "default", CGIO_SHARES_DEFAULT },
		{ "low", VMSHARE_WEIGHT_DEFAULT / 2 },
		{ "normal", VMSHARE_WEIGHT_DEFAULT },
		{ "high", VMSHARE_WEIGHT_DEFAULT * 2 },
	};
	const char *end = NULL;
	unsigned int i;
	u64 n = 0;
	int r;

	text = cgio_skip_blanks(text);
	for (i = 0; i < ARRAY_SIZE(names) && !end; i++) {
		end = cgio_skip_word(text, names[i].name, true);
		n = names[i].shares;
	}
	if (!end) {
		r = cgio_number(&text, VMSHARE_WEIGHT_MAX, false, &n);
		if (r)
			return r;
		end = text;
	}
	if (*cgio_skip_blanks(end))
		return -EINVAL;
	*shares = n;
	return 0;
}

/**
 * cgio_knob_weight() - what io.weight says
 * @text: "default" and a number, or the number alone; lines of devices may follow
 *
 * Return: the number; %VMSHARE_WEIGHT_DEFAULT where it says anything else.
 */
u32 cgio_knob_weight(const char *text)
{
	const char *end = cgio_skip_word(cgio_skip_blanks(text), "default", true);
	u64 n;

	text = cgio_skip_blanks(end ? end : text);
	return cgio_number(&text, VMSHARE_WEIGHT_MAX, false, &n) ? VMSHARE_WEIGHT_DEFAULT : n;
}

/**
 * cgio_knob_latency() - what is written to io.vm.latency
 * @text: a number, or "max"
 * @us: set on success; %CGIO_LATENCY_NONE for "max"
 *
 * Return: 0, -EINVAL or -ERANGE.
 */
int cgio_knob_latency(const char *text, u64 *us)
{
	const char *end;
	u64 n = CGIO_LATENCY_NONE;
	int r;

	text = cgio_skip_blanks(text);
	end = cgio_skip_word(text, "max", true);
	if (!end) {
		r = cgio_number(&text, CGIO_LATENCY_MAX, false, &n);
		if (r)
			return r;
		end = text;
	}
	if (*cgio_skip_blanks(end))
		return -EINVAL;
	*us = n;
	return 0;
}

/* One pair; returns what is behind it in @text. */
static int cgio_knob_pair(const char **text, u64 *rates)
{
	static const char * const keys[VMSHARE_UNITS] = { "iops=", "bps=" };
	const char *at = NULL, *end;
	unsigned int unit;
	int r;

	for (unit = 0; unit < VMSHARE_UNITS && !at; unit++)
		at = cgio_skip_word(*text, keys[unit], false);
	if (!at)
		return -EINVAL;
	unit--;
	end = cgio_skip_word(at, "max", true);
	if (end) {
		rates[unit] = 0;
	} else {
		r = cgio_number(&at, VMSHARE_RATE_MAX, true, &rates[unit]);
		if (r)
			return r;
		end = at;
	}
	*text = cgio_skip_blanks(end);
	return 0;
}

/**
 * cgio_knob_rates() - what is written to io.vm.limit or io.vm.reserve
 * @text: "disk", and then "iops=" and "bps=" with values
 * @rates: by enum vmshare_unit, 0 for none; those named are set on success
 *
 * Return: 0, -EINVAL or -ERANGE.
 */
int cgio_knob_rates(const char *text, u64 *rates)
{
	u64 taken[VMSHARE_UNITS];
	int r;

	memcpy(taken, rates, sizeof(taken));
	text = cgio_skip_word(cgio_skip_blanks(text), "disk", true);
	if (!text)
		return -EINVAL;
	text = cgio_skip_blanks(text);
	do {
		r = cgio_knob_pair(&text, taken);
		if (r)
			return r;
	} while (*text);
	memcpy(rates, taken, sizeof(taken));
	return 0;
}
