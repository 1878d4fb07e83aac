/* SPDX-License-Identifier: MIT */
#include "services/logger.h"
#include "core/log.h"
#include "core/log_queue.h"
#include "core/name.h"
#include "sched/sched.h"

static void write_line(uint32_t source, const char *text, size_t size_bytes)
{
	log_order_take();
	log_write(source, text, size_bytes);
	log_order_release();
}

/* At the end of a flood nobody else says how many lines are missing. */
static void say_dropped(const struct service *s)
{
	char text[LOG_QUEUE_TEXT_BYTES];
	uint64_t dropped = mailbox_length(&s->mailbox) == 0 ? log_queue_take_dropped(true) : 0;
	if (dropped)
		write_line(0, text, log_queue_text(dropped, text));
}

static void deliver(struct service *s, struct message *m)
{
	if (m->type == MESSAGE_TEXT) {
		write_line(m->source, m->data ? m->data : "", m->size_bytes);
		log_queue_left(m->size_bytes);
		say_dropped(s);
	} else if (message_is_request(m) && requests_forget(&s->open, m->source, m->session)) {
		sched_answer_error(service_handle(s), m->source, m->session);
	}
	message_free(m);
}

static void close_logger(struct service *s)
{
	(void)s;
}

static void interrupt_logger(struct service *s, enum interrupt_why why, uintptr_t pc,
			     enum park_tier tier)
{
	(void)s;
	(void)why;
	(void)pc;
	(void)tier;
}

/* It is never parked: its code is ours, not the VM's. */
static enum parked_fate fate(struct service *s, enum park_tier tier, bool late)
{
	(void)s;
	(void)tier;
	(void)late;
	return FATE_RUN_ON;
}

static const struct service_body logger_body = {
	.kind = "logger",
	.deliver = deliver,
	.close = close_logger,
	.abandon = close_logger,
	.interrupt = interrupt_logger,
	.fate = fate,
};

uint32_t logger_launch(const struct settings *settings, const struct limits *limits)
{
	struct service *s = service_new(&logger_body, "logger", 0, settings);
	service_set_limits(s, limits);
	uint32_t handle = service_publish(s);
	log_queue_is_counted();
	if (handle)
		name_register("logger", handle);
	return handle;
}
