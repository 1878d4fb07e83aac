/* SPDX-License-Identifier: MIT */
#include "conf/setup.h"

#include <fnmatch.h>

const struct conf_rule *setup_rule_for(const struct conf *c, const char *service_name)
{
	for (size_t i = 0; i < c->rule_count; i++) {
		if (fnmatch(c->rules[i].pattern, service_name, 0) == 0)
			return &c->rules[i];
	}
	return NULL;
}

/* The keys that an entry of `service` or `class` spells out. */
static void override(struct settings *s, const struct conf_rule *entry)
{
	if (entry->set & CONF_RULE_SLICE)
		s->slice_ns = entry->slice_ns;
	if (entry->set & CONF_RULE_WEIGHT)
		s->weight = (int32_t)entry->weight;
	if (entry->set & CONF_RULE_CREDIT)
		s->credit_ns = entry->credit_ns;
	if (entry->set & CONF_RULE_GROUP)
		s->group = entry->grouped;
}

void setup_preset(const struct conf *c, enum settings_class class, struct settings *out)
{
	*out = settings_preset[class];
	override(out, &c->preset[class]);
}

void setup_service(const struct conf *c, const char *service_name, struct vm_options *out)
{
	const struct conf_rule *rule = setup_rule_for(c, service_name);
	*out = (struct vm_options){
		.mailbox_policy = BOUND_REJECT,
		.sched = settings_preset[CLASS_NORMAL],
		.jit = c->jit,
		.lua54 = c->lua54,
		.memlimit_bytes = (size_t)c->memlimit_bytes,
		.maxmcode_bytes = (size_t)c->maxmcode_bytes,
	};
	out->sched.slice_ns = c->slice_ns;
	out->sched.weight = (int32_t)c->weight;
	if (rule == NULL)
		return;
	if (rule->set & CONF_RULE_CLASS)
		setup_preset(c, rule->class, &out->sched);
	override(&out->sched, rule);
	if (rule->set & CONF_RULE_JIT)
		out->jit = rule->jit;
	if (rule->set & CONF_RULE_LUA54)
		out->lua54 = rule->lua54;
	if (rule->set & CONF_RULE_MEMLIMIT)
		out->memlimit_bytes = (size_t)rule->memlimit_bytes;
	if (rule->set & CONF_RULE_MAXMCODE)
		out->maxmcode_bytes = (size_t)rule->maxmcode_bytes;
	if (rule->set & CONF_RULE_MAX_TASKS)
		out->max_tasks = rule->max_tasks;
	if (rule->set & CONF_RULE_MAILBOX)
		out->mailbox_max = (uint32_t)rule->mailbox_max;
	if (rule->set & CONF_RULE_MAILBOX_POLICY)
		ensure(bound_policy_of(rule->mailbox_policy, &out->mailbox_policy));
}
