/* SPDX-License-Identifier: Apache-2.0 */
/* Why something ended: names, and the form in which frames carry it. */
#include "trunk/core.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
	[VIF_REASON_NONE] = "none",
	[VIF_REASON_CLOSED] = "closed",
	[VIF_REASON_TRUNCATED] = "truncated",
	[VIF_REASON_PROTOCOL] = "protocol",
	[VIF_REASON_CREDIT] = "credit",
	[VIF_REASON_SEAL] = "seal",
	[VIF_REASON_VERSION] = "version",
	[VIF_REASON_SUITE] = "suite",
	[VIF_REASON_IDENTITY] = "identity",
	[VIF_REASON_HANDSHAKE] = "handshake",
	[VIF_REASON_REFUSED] = "refused",
	[VIF_REASON_DRAINING] = "draining",
	[VIF_REASON_LIMIT] = "limit",
	[VIF_REASON_FLOOD] = "flood",
	[VIF_REASON_TIMEOUT] = "timeout",
	[VIF_REASON_START] = "start",
	[VIF_REASON_IDLE] = "idle",
	[VIF_REASON_HEALTH] = "health",
	[VIF_REASON_NO_ROUTE] = "no_route",
	[VIF_REASON_RELAY_LOST] = "relay_lost",
	[VIF_REASON_MEMORY] = "memory",
};

static_assert(ARRAY_LEN(names) == VIF_REASON_N, "each reason has a name");

const char *vif_reason_name(uint32_t reason)
{
	if (reason < VIF_REASON_N)
		return names[reason];
	return reason >= VIF_REASON_PROGRAM ? "program" : "unknown";
}

void ending_set(struct ending *ending, uint32_t reason, const char *text,
		size_t len)
{
	if (ending->is_set)
		return;
	if (len > VIF_TRUNK_TEXT_MAX) {
		len = VIF_TRUNK_TEXT_MAX;
		while (len > 0 && (text[len] & 0xc0) == 0x80)
			len--; /* not in the middle of a character */
	}
	ending->is_set = true;
	ending->reason = reason;
	memcpy(ending->text, text, len);
	ending->text[len] = '\0';
}

/* Bytes of the character at the beginning, in UTF-8; 0 for none. */
static size_t char_len(uint8_t first)
{
	return first < 0x80     ? 1 :
	       first >> 5 == 6  ? 2 :
	       first >> 4 == 14 ? 3 :
	       first >> 3 == 30 ? 4 :
				  0;
}

/* Reads one, spelled as it has to be; its length, or 0. */
static size_t read_char(const uint8_t *text, size_t len, uint32_t *ret_char)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = char_len(text[0]);
	uint32_t c = n == 1 ? text[0] : text[0] & (0x7fu >> n);

	if (n > len)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (text[i] & 0x3f);
	}
	*ret_char = c;
	return n > 0 && c >= least[n] && c <= 0x10ffff && c >> 11 != 0x1b ? n :
									    0;
}

bool text_is_clean(const uint8_t *text, size_t len)
{
	size_t at = 0, n;
	uint32_t c;

	for (; at < len; at += n) {
		n = read_char(text + at, len - at, &c);
		if (n == 0 || c < ' ' || (c >= 0x7f && c < 0xa0))
			return false;
	}
	return true;
}

void ending_get(struct ending *ending, const uint8_t *from, size_t len)
{
	const char *text = (const char *)from + 4;

	if (!text_is_clean(from + 4, len - 4))
		len = 4;
	ending->is_set = false;
	ending_set(ending, get_be32(from), text, len - 4);
}

void trunk_log(const struct vif_trunk *trunk, enum vif_log_level have,
	       enum vif_log_level level, const char *format, ...)
{
	char text[512];
	va_list list;

	if (!trunk->config.log || level > have)
		return;
	va_start(list, format);
	(void)vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	trunk->config.log(trunk->config.user, level, text);
}
