/* SPDX-License-Identifier: MIT
 *
 * The type stubs for editors (luabind/types), which lie in the executable: --types FOLDER.
 */
#ifndef CONF_TYPES_H
#define CONF_TYPES_H

/* Writes them into the folder, which is made if need be; files of the same names are replaced. Says on stdout how many, on
 * stderr what could not be written. Returns the exit status. */
int types_write(const char *folder);

#endif
