/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Optimal string alignment distance, for "did you mean".
 *
 * Three rows of the usual table are enough; the third is for swapped
 * neighbours, the most common slip of a typist.
 */
#include "base/nearest.h"

#include <string.h>

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t min = a < b ? a : b;

	return min < c ? min : c;
}

static size_t cell(const char *a, const char *b, size_t i, size_t j,
		   size_t (*row)[NEAREST_WORD_MAX + 1])
{
	size_t cost = a[i - 1] != b[j - 1];
	size_t best =
		min3(row[1][j] + 1, row[2][j - 1] + 1, row[1][j - 1] + cost);

	if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
	    row[0][j - 2] + 1 < best)
		best = row[0][j - 2] + 1;
	return best;
}

size_t nearest_distance(const char *a, const char *b)
{
	size_t row[3][NEAREST_WORD_MAX + 1]; /* i - 2, i - 1, i */
	size_t a_len = strlen(a);
	size_t b_len = strlen(b);

	if (a_len > NEAREST_WORD_MAX || b_len > NEAREST_WORD_MAX)
		return NEAREST_WORD_MAX;
	memset(row, 0, sizeof(row));
	for (size_t j = 0; j <= b_len; j++)
		row[2][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		memcpy(row[0], row[1], sizeof(row[0]));
		memcpy(row[1], row[2], sizeof(row[1]));
		row[2][0] = i;
		for (size_t j = 1; j <= b_len; j++)
			row[2][j] = cell(a, b, i, j, row);
	}
	return row[2][b_len];
}

int nearest_worthy(size_t distance, size_t len)
{
	return distance <= 3 && 3 * distance <= len + 1;
}

struct nearest nearest_to(const char *word)
{
	return (struct nearest){ .word = word, .distance = NEAREST_WORD_MAX };
}

void nearest_try(struct nearest *nearest, const char *candidate)
{
	size_t distance = nearest_distance(candidate, nearest->word);

	if (distance < nearest->distance) {
		nearest->distance = distance;
		nearest->best = candidate;
	}
}

const char *nearest_found(const struct nearest *nearest)
{
	if (!nearest_worthy(nearest->distance, strlen(nearest->word)))
		return NULL;
	return nearest->best;
}
