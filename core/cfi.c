/* SPDX-License-Identifier: MIT */
#include "core/cfi.h"

enum { PCREL_SDATA4 = 0x1b };

IN_HANDLER uint64_t cfi_uleb(const uint8_t **at, const uint8_t *end)
{
	uint64_t value = 0;
	for (int shift = 0; *at < end && shift < 64; shift += 7) {
		uint8_t byte = *(*at)++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			break;
	}
	return value;
}

IN_HANDLER int64_t cfi_sleb(const uint8_t **at, const uint8_t *end)
{
	uint64_t value = 0;
	for (int shift = 0; *at < end && shift < 64;) {
		uint8_t byte = *(*at)++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
		if (byte & 0x80)
			continue;
		if ((byte & 0x40) && shift < 64)
			value |= ~(uint64_t)0 << shift;
		break;
	}
	return (int64_t)value;
}

/* Bytes of a pointer in an encoding; 0: not one that we know. */
static IN_HANDLER int encoded_bytes(uint8_t encoding)
{
	int format = encoding & 0x0f;
	if ((encoding & 0x70) == 0x50)
		return 0;
	return format == 0x03 || format == 0x0b ? 4 : format == 0 || (format & 7) == 4 ? 8 : 0;
}

/* The values that the CIE's augmentation string announces: only the encoding of addresses matters. */
static IN_HANDLER bool read_augmentation(const char *letters, const uint8_t *at)
{
	bool relative = false;
	for (const char *a = letters + 1; *a; a++) {
		int bytes;
		switch (*a) {
		case 'R':
			relative = *at++ == PCREL_SDATA4;
			break;
		case 'L':
			at++;
			break;
		case 'P':
			bytes = encoded_bytes(*at++);
			if (bytes == 0)
				return false;
			at += bytes;
			break;
		default: /* 'S', a signal's frame, above all */
			return false;
		}
	}
	return relative;
}

static IN_HANDLER bool read_cie(const uint8_t *cie, struct cfi_description *d)
{
	uint32_t length = cfi_u32_at(cie);
	if (length >= 0xfffffff0u || cfi_u32_at(cie + 4) != 0 || (cie[8] != 1 && cie[8] != 3))
		return false;
	const uint8_t *end = cie + 4 + length, *at = cie + 9;
	const char *letters = (const char *)at;
	if (*letters != 'z')
		return false;
	while (*at++)
		;
	d->code_align = cfi_uleb(&at, end);
	d->data_align = cfi_sleb(&at, end);
	uint64_t return_register = cie[8] == 1 ? *at++ : cfi_uleb(&at, end);
	uint64_t augmentation_bytes = cfi_uleb(&at, end);
	d->initial = at + augmentation_bytes;
	d->initial_end = end;
	return return_register == CFI_RETURN_REGISTER && d->initial <= end &&
	       read_augmentation(letters, at);
}

IN_HANDLER bool cfi_describe(const uint8_t *fde, struct cfi_description *d)
{
	uint32_t length = cfi_u32_at(fde);
	if (length >= 0xfffffff0u || cfi_u32_at(fde + 4) == 0)
		return false;
	const uint8_t *end = fde + 4 + length, *at = fde + 8;
	if (!read_cie(fde + 4 - cfi_u32_at(fde + 4), d))
		return false;
	d->start = (uintptr_t)at + (uintptr_t)(intptr_t)cfi_i32_at(at);
	d->end = d->start + cfi_u32_at(at + 4);
	at += 8;
	uint64_t augmentation_bytes = cfi_uleb(&at, end);
	d->rows = at + augmentation_bytes;
	d->rows_end = end;
	return d->rows <= end;
}
