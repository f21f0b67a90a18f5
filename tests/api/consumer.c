/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest program of a user: built with what is installed alone. */
#include <stdio.h>

#include <vif/vif.h>

int main(void)
{
	struct vif_port *port = NULL;
	struct vif_error error;
	int r = vif_port_open("null:", NULL, &port, &error);

	if (r < 0) {
		(void)fprintf(stderr, "%s: %s\n", error.what, error.why);
		return 1;
	}
	vif_port_close(port);
	puts(vif_version());
	return 0;
}
