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

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
	return a_ns == 0 || (b_ns != 0 && b_ns < a_ns) ? b_ns : a_ns;
}

/* Interrupting and killing are for those who were named, or are not trusted. */
static void limits_for(const struct conf *c, const struct conf_rule *rule, struct limits *out)
{
	int64_t *at = out->at_ns;
	unsigned set = rule ? rule->set : 0;
	bool untrusted = set & CONF_RULE_UNTRUSTED && rule->untrusted;
	*out = (struct limits){.within_ns = 60 * NS_PER_S, .backoff_ns = NS_PER_S};
	at[STEP_WARN] = set & CONF_RULE_WARN ? rule->warn_ns : c->watchdog_warn_ns;
	at[STEP_DEMOTE] = set & CONF_RULE_DEMOTE ? rule->demote_ns : c->watchdog_demote_ns;
	at[STEP_DUMP] = set & CONF_RULE_DUMP ? rule->dump_ns : c->watchdog_dump_ns;
	if (set & CONF_RULE_INTERRUPT)
		at[STEP_INTERRUPT] = rule->interrupt_ns;
	else if (untrusted)
		at[STEP_INTERRUPT] = c->watchdog_interrupt_ns;
	if (set & CONF_RULE_KILL)
		at[STEP_KILL] = rule->kill_ns;
	else if (untrusted)
		at[STEP_KILL] = earlier(c->watchdog_kill_ns, c->watchdog_untrusted_kill_ns);
	if (set & CONF_RULE_RESTART)
		out->restart_max = set & CONF_RULE_RESTART_MAX ? (int32_t)rule->restart_max : 3;
	if (set & CONF_RULE_WITHIN)
		out->within_ns = rule->within_ns;
	if (set & CONF_RULE_BACKOFF)
		out->backoff_ns = rule->backoff_ns;
}

void setup_service(const struct conf *c, const char *service_name, struct vm_options *out)
{
	const struct conf_rule *rule = setup_rule_for(c, service_name);
	*out = (struct vm_options){
		.sched = settings_preset[CLASS_NORMAL],
		.jit = c->jit,
		.lua54 = c->lua54,
		.memlimit_bytes = (size_t)c->memlimit_bytes,
		.maxmcode_bytes = (size_t)c->maxmcode_bytes,
	};
	out->sched.slice_ns = c->slice_ns;
	out->sched.weight = (int32_t)c->weight;
	limits_for(c, rule, &out->limits);
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
}
