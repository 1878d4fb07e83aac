/* SPDX-License-Identifier: MIT */
#include "luabind/cmodule.h"
#include "core/base.h"

#include <string.h>

static const struct {
	const char *name;
	lua_CFunction open;
} modules[] = {
	{"client.crypt", crypt_open},
	{"md5", md5_open},
	{"md5.core", md5_open},
	{"skynet.crypt", crypt_open},
	{"skynet.debugchannel", debugchannel_open},
	{"skynet.netpack", netpack_open},
	{"skynet.sharedata.core", sharedview_open},
	{"skynet.stm.core", stm_open},
	{"sproto.core", sproto_open},
};

lua_CFunction cmodule_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(modules); i++)
		if (strcmp(modules[i].name, name) == 0)
			return modules[i].open;
	return NULL;
}
