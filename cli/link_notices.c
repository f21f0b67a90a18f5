/* SPDX-License-Identifier: Apache-2.0 */
/* Notices of ports. A worker must not wait for whoever reads the output. */
#include "cli/link_notices.h"

bool notices_add(struct notices *notices, const struct vif_port *port,
		 const char *text)
{
	unsigned int i = atomic_fetch_add(&notices->n, 1);

	if (i >= NOTICES_MAX) {
		(void)atomic_fetch_sub(&notices->n, 1);
		return false;
	}
	(void)snprintf(notices->notice[i].port, sizeof(notices->notice[i].port),
		       "%s", vif_port_name(port));
	(void)snprintf(notices->notice[i].text, sizeof(notices->notice[i].text),
		       "%s", text);
	atomic_store(&notices->notice[i].ready, true);
	return true;
}

void notices_tell(struct notices *notices, bool json, bool quiet)
{
	for (; notices->n_told < NOTICES_MAX; notices->n_told++) {
		unsigned int i = notices->n_told;
		const char *port = notices->notice[i].port;
		const char *text = notices->notice[i].text;

		if (!atomic_load(&notices->notice[i].ready))
			return;
		if (json)
			cli_json_line(json_pack("{s:s, s:o, s:o}", "event",
						"notice", "port",
						cli_json_text(port), "text",
						cli_json_text(text)));
		else if (!quiet)
			(void)fprintf(stderr, "%s: %s\n", port, text);
	}
}
