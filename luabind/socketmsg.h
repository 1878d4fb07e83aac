/* SPDX-License-Identifier: MIT
 *
 * What a message of type "socket" holds, with skynet's layout: modules that take messages of sockets apart get the
 * address of one, as a light userdata.
 */
#ifndef LUABIND_SOCKETMSG_H
#define LUABIND_SOCKETMSG_H

#include "core/base.h"

enum socketmsg_type {
	SOCKETMSG_DATA = 1, /* `ud` bytes at `buffer`, which the receiver frees (core/mem.h) */
	SOCKETMSG_CONNECT = 2, /* connected, or listening; text: the address, ud: the port */
	SOCKETMSG_CLOSE = 3,
	SOCKETMSG_ACCEPT = 4, /* id: who listens, ud: the new one; text: the peer's address */
	SOCKETMSG_ERROR = 5,  /* text: what failed */
	SOCKETMSG_UDP = 6,
	SOCKETMSG_WARNING = 7, /* `ud` KB wait to be sent */
};

struct socketmsg {
	int type;
	int id; /* of the socket */
	int ud; /* by type */
	char *buffer; /* NULL: the text follows this struct, to the end of the message */
};

#endif
