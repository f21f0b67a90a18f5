/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists whose links lie in their elements, doubly linked, in a ring.
 *
 * A list is a link itself, the head. A link that is in no list points at itself,
 * so that taking it out twice is harmless. An element is found from its link
 * with container_of().
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev, *next;
};

/* Make an empty list, or a link that is in none. */
static inline void list_init(struct list *list)
{
	list->prev = list;
	list->next = list;
}

/* Whether a list is empty, or a link in no list. */
static inline bool list_is_empty(const struct list *list)
{
	return list->next == list;
}

/* Put a link at the end of a list. It must be in none. */
static inline void list_append(struct list *list, struct list *link)
{
	link->prev = list->prev;
	link->next = list;
	list->prev->next = link;
	list->prev = link;
}

/* Take a link out of its list, if it is in one. */
static inline void list_remove(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

/* Put a link at the end, unless it is in the list already. */
static inline void list_want(struct list *list, struct list *link)
{
	if (list_is_empty(link))
		list_append(list, link);
}

/* The first link; NULL for an empty list. */
static inline struct list *list_first(const struct list *list)
{
	return list_is_empty(list) ? NULL : list->next;
}

/* Each link of a list; the one in hand may be removed. */
#define list_foreach(list, link, after)                                       \
	for ((link) = (list)->next, (after) = (link)->next; (link) != (list); \
	     (link) = (after), (after) = (link)->next)

#endif
