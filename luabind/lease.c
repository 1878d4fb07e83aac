/* SPDX-License-Identifier: MIT */
#include "luabind/lease.h"

#include "luabind/vm.h"

void lease_begin(struct vm *vm, struct lease *l, void (*end)(struct lease *))
{
	l->end = end;
	l->next = vm->leases;
	l->link = &vm->leases;
	if (l->next)
		l->next->link = &l->next;
	vm->leases = l;
}

void lease_end(struct lease *l)
{
	*l->link = l->next;
	if (l->next)
		l->next->link = l->link;
	l->end(l);
}

void lease_end_all(struct vm *vm)
{
	while (vm->leases)
		lease_end(vm->leases);
}
