/* SPDX-License-Identifier: Apache-2.0 */
/* Identities of a trunk besides its own, which circuits can be dialled to. */
#include "trunk/core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct identity {
	struct list link;
	struct noise_pair pair;
};

/*
 * One by one: there are VIF_CIRCUIT_IDENTITIES_MAX at most, so a table would save
 * little. Asked for once in an OPEN, of which there are only so many.
 */
const struct noise_pair *identity_find(const struct vif_trunk *trunk,
				       const uint8_t key[VIF_KEY_LEN])
{
	struct list *link, *after;

	list_foreach(&trunk->identities, link, after) {
		const struct identity *identity =
			container_of(link, struct identity, link);

		if (memcmp(identity->pair.public_key, key, VIF_KEY_LEN) == 0)
			return &identity->pair;
	}
	return NULL;
}

static bool has(const struct vif_trunk *trunk, const uint8_t key[VIF_KEY_LEN])
{
	return (trunk->has_identity &&
		memcmp(trunk->identity.public_key, key, VIF_KEY_LEN) == 0) ||
	       identity_find(trunk, key);
}

static void forget(struct identity *identity)
{
	noise_pair_fini(&identity->pair);
	free(identity);
}

void identity_forget_all(struct vif_trunk *trunk)
{
	struct list *link;

	while ((link = list_first(&trunk->identities))) {
		list_remove(link);
		forget(container_of(link, struct identity, link));
	}
}

int vif_trunk_add_identity(struct vif_trunk *trunk,
			   const uint8_t private_key[VIF_KEY_LEN])
{
	struct identity *identity;
	int r = trunk_check(trunk);

	if (r < 0)
		return r;
	if (trunk->n_identities == VIF_CIRCUIT_IDENTITIES_MAX)
		return -EDQUOT;
	identity = calloc(1, sizeof(*identity));
	if (!identity)
		return -ENOMEM;
	r = noise_pair_init(&identity->pair, &trunk->crypto, private_key);
	if (r == 0 && has(trunk, identity->pair.public_key))
		r = -EEXIST;
	if (r < 0) {
		forget(identity);
		return r;
	}
	list_append(&trunk->identities, &identity->link);
	trunk->n_identities++;
	return 0;
}
