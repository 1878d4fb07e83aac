/* SPDX-License-Identifier: MIT
 *
 * The first value of packed bytes as a text for people, without a VM: for alerts, where the VM is another thread's.
 */
#ifndef LUABIND_SERI_PEEK_H
#define LUABIND_SERI_PEEK_H

#include "core/base.h"

/* `"login"`, `42`, `true`, `a table`, ...; "" when the bytes begin with nothing that is known. A string is cut with the
 * bytes, which need not be all there are of the message, and ends in dots then; what is not printable is shown
 * as '?'. Reads no more than `size_bytes`, allocates nothing. Any thread, the monitor. */
void seri_peek(const void *bytes, size_t size_bytes, char *out, size_t out_size);

#endif
