/* SPDX-License-Identifier: MIT
 *
 * The C modules for Lua that ship inside the executable. They are found by the same searcher as the Lua files
 * that ship (find_embedded in api.c), after the user's own, and cost a VM nothing before it requires them.
 *
 * What those for shared things have outside of the VM is held by leases (lease.h); the others have no state there. A
 * service may be stopped and moved between any two calls. None is PARKABLE, since they use the allocator and OpenSSL.
 */
#ifndef LUABIND_CMODULE_H
#define LUABIND_CMODULE_H

#include <lua.h>

/* Users' own C modules have functions of the same names (skynet's sproto has), which the loader would otherwise bind to
 * these, since the executable exports its symbols. */
#pragma GCC visibility push(hidden)

/* The function that makes the module `name`; NULL when none ships. Any thread. */
lua_CFunction cmodule_find(const char *name);

/* luabind/crypt.c: skynet.crypt (client.crypt is the same). */
int crypt_open(lua_State *L);
/* luabind/md5.c: md5 (md5.core is the same). */
int md5_open(lua_State *L);
/* luabind/netpack.c: skynet.netpack. */
int netpack_open(lua_State *L);
/* luabind/debugchannel.c: skynet.debugchannel, for skynet.remotedebug. */
int debugchannel_open(lua_State *L);
/* luabind/stm.c: skynet.stm.core, on which skynet.stm is built. */
int stm_open(lua_State *L);
/* luabind/sharedview.c: skynet.sharedata.core, on which skynet.sharedata is built. */
int sharedview_open(lua_State *L);
/* luabind/sproto.c: sproto.core, on which sproto.lua and sprotoloader.lua are built. */
int sproto_open(lua_State *L);

/* Of crypt.c: text without keys. luabind/crypt_text.c */
int crypt_hexencode(lua_State *L);
int crypt_hexdecode(lua_State *L);
int crypt_base64encode(lua_State *L);
int crypt_base64decode(lua_State *L);
int crypt_xor_str(lua_State *L);

/* Of crypt.c: skynet's own functions on keys of 8 bytes. luabind/crypt_key.c */
int crypt_hashkey(lua_State *L);
int crypt_randomkey(lua_State *L);
int crypt_hmac64(lua_State *L);
int crypt_hmac64_md5(lua_State *L);
int crypt_hmac_hash(lua_State *L);
int crypt_dhexchange(lua_State *L);
int crypt_dhsecret(lua_State *L);

#pragma GCC visibility pop

#endif
