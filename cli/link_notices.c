/* SPDX-License-Identifier: Apache-2.0 */
/* Notices of ports. A worker must not wait for whoever reads the output. */
#include "cli/link_notices.h"

/* Claims a place. Returns whether there is one. */
static bool claim(struct notices *notices, unsigned int *ret_place)
{
	unsigned int n = atomic_load(&notices->n);

	do {
		if (n - atomic_load(&notices->n_told) >= NOTICES_MAX)
			return false;
	} while (!atomic_compare_exchange_weak(&notices->n, &n, n + 1));
	*ret_place = n % NOTICES_MAX;
	return true;
}

bool notices_add(struct notices *notices, const struct vif_port *port,
		 const char *text)
{
	unsigned int i;

	if (!claim(notices, &i))
		return false;
	(void)snprintf(notices->notice[i].port, sizeof(notices->notice[i].port),
		       "%s", vif_port_name(port));
	(void)snprintf(notices->notice[i].text, sizeof(notices->notice[i].text),
		       "%s", text);
	atomic_store(&notices->notice[i].ready, true);
	return true;
}

static void tell(const char *port, const char *text, bool json, bool quiet)
{
	if (json)
		cli_json_line(json_pack("{s:s, s:o, s:o}", "event", "notice",
					"port", cli_json_text(port), "text",
					cli_json_text(text)));
	else if (!quiet)
		(void)fprintf(stderr, "%s: %s\n", port, text);
}

void notices_tell(struct notices *notices, bool json, bool quiet)
{
	for (;;) {
		unsigned int i = atomic_load(&notices->n_told) % NOTICES_MAX;

		if (!atomic_load(&notices->notice[i].ready))
			return;
		tell(notices->notice[i].port, notices->notice[i].text, json,
		     quiet);
		atomic_store(&notices->notice[i].ready, false);
		atomic_fetch_add(&notices->n_told, 1);
	}
}
