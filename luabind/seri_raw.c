/* SPDX-License-Identifier: MIT */
#include "luabind/seri_raw.h"

#define TRY(result)                                                                                \
	do {                                                                                       \
		enum seri_raw_result tried = (result);                                             \
		if (UNLIKELY(tried != SERI_RAW_DONE))                                              \
			return tried;                                                              \
	} while (0)

static PARKABLE enum seri_raw_result put_string(struct seri_writer *w, const struct rawstring *s)
{
	if (UNLIKELY(seri_room(w) < s->length + (size_t)SERI_SCALAR_MAX))
		return SERI_RAW_FULL;
	seri_put_text(w, s->text, s->length);
	return SERI_RAW_DONE;
}

static PARKABLE enum seri_raw_result put_object(struct seri_writer *w, rawvalue v, int depth)
{
	const struct rawcdata *c;
	switch (raw_tag(v)) {
	case RAW_TAG_STRING:
		return put_string(w, raw_object(v));
	case RAW_TAG_TABLE:
		return seri_raw_table(w, raw_object(v), depth);
	case RAW_TAG_NIL:
		seri_put_head(w, SERI_KIND_NIL, 0);
		return SERI_RAW_DONE;
	case RAW_TAG_FALSE:
	case RAW_TAG_TRUE:
		seri_put_head(w, SERI_KIND_BOOL, raw_tag(v) == RAW_TAG_TRUE);
		return SERI_RAW_DONE;
	case RAW_TAG_CDATA:
		c = raw_object(v);
		if (!raw_is_int64(c))
			return SERI_RAW_OTHER;
		seri_put_integer(w, c->integer);
		return SERI_RAW_DONE;
	}
	return SERI_RAW_OTHER;
}

static PARKABLE inline enum seri_raw_result put_value(struct seri_writer *w, rawvalue v, int depth)
{
	if (UNLIKELY(seri_room(w) < SERI_SCALAR_MAX))
		return SERI_RAW_FULL;
	if (raw_is_number(v)) {
		seri_put_number(w, raw_number(v));
		return SERI_RAW_DONE;
	}
	return put_object(w, v, depth);
}

/* What of the array part is no part of the array: key 0, and what stands behind a hole. In the order of `next`. */
static PARKABLE enum seri_raw_result put_array_pairs(struct seri_writer *w, const struct rawtable *t, uint32_t length,
						     int depth)
{
	for (uint32_t i = 0; i < t->asize; i = i == 0 ? length + 1 : i + 1) {
		if (t->array[i] == RAW_NIL)
			continue;
		TRY(put_value(w, raw_of_number(i), depth));
		TRY(put_value(w, t->array[i], depth));
	}
	return SERI_RAW_DONE;
}

static PARKABLE enum seri_raw_result put_hash_pairs(struct seri_writer *w, const struct rawtable *t, uint32_t length,
						    int depth)
{
	rawvalue goes_on = raw_of_number((double)length + 1);
	for (uint32_t i = 0; i <= t->hmask; i++) {
		const struct rawnode *n = &t->node[i];
		if (n->value == RAW_NIL)
			continue;
		if (UNLIKELY(n->key == goes_on))
			return SERI_RAW_OTHER; /* the array is longer than its part */
		TRY(put_value(w, n->key, depth));
		TRY(put_value(w, n->value, depth));
	}
	return SERI_RAW_DONE;
}

PARKABLE enum seri_raw_result seri_raw_table(struct seri_writer *w, const struct rawtable *t, int depth)
{
	static const char pairs[] = "__pairs";
	if (UNLIKELY(depth >= SERI_DEPTH_MAX))
		return SERI_RAW_OTHER;
	if (t->metatable && rawtable_has_key(t->metatable, pairs, sizeof(pairs) - 1))
		return SERI_RAW_OTHER;
	if (UNLIKELY(seri_room(w) < SERI_SCALAR_MAX))
		return SERI_RAW_FULL;
	uint32_t length = rawtable_border(t);
	seri_put_array_head(w, length);
	for (uint32_t i = 1; i <= length; i++)
		TRY(put_value(w, t->array[i], depth + 1));
	TRY(put_array_pairs(w, t, length, depth + 1));
	TRY(put_hash_pairs(w, t, length, depth + 1));
	if (UNLIKELY(seri_room(w) < SERI_SCALAR_MAX))
		return SERI_RAW_FULL;
	seri_put_head(w, SERI_KIND_NIL, 0);
	return SERI_RAW_DONE;
}

PARKABLE enum seri_raw_result seri_raw_values(struct seri_writer *w, const rawvalue *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		TRY(put_value(w, values[i], 0));
	return SERI_RAW_DONE;
}

PARKABLE size_t seri_raw_bound(const rawvalue *values, size_t count)
{
	size_t bytes = SERI_SCALAR_MAX;
	for (size_t i = 0; i < count; i++) {
		unsigned tag = raw_tag(values[i]);
		bytes += SERI_SCALAR_MAX;
		if (tag == RAW_TAG_STRING)
			bytes += ((const struct rawstring *)raw_object(values[i]))->length;
		else if (tag > RAW_TAG_TRUE && tag <= RAW_TAG_NUMBERS)
			return 0;
	}
	return bytes;
}
