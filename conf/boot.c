/* SPDX-License-Identifier: MIT */
#include "conf/boot.h"
#include "conf/cli.h"
#include "conf/reload.h"
#include "conf/shutdown.h"
#include "core/cgroup.h"
#include "core/cpus.h"
#include "core/handle.h"
#include "core/log.h"
#include "core/log_queue.h"
#include "core/loop.h"
#include "core/name.h"
#include "core/notify.h"
#include "core/text.h"
#include "core/timer.h"
#include "luabind/luabind.h"
#include "sched/affinity.h"
#include "sched/park.h"
#include "sched/sched.h"
#include "services/logger.h"
#include "watchdog/action.h"
#include "watchdog/crash.h"
#include "watchdog/dump.h"
#include "watchdog/errand.h"
#include "watchdog/monitor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* What the process started with; constant. What a reload may change is asked of conf/live.h. */
static const struct conf *config;
static uint32_t launch(const char *line, uint32_t creator, const char **error)
{
	if (load_relaxed(&sched.ending)) {
		*error = "the process is ending";
		return 0;
	}
	if (strncmp(line, "snlua ", 6) != 0) {
		*error = "only snlua services can be launched: services written in C for skynet do "
			 "not run here";
		return 0;
	}
	const char *rest = line + 6 + strspn(line + 6, " ");
	*error = *rest ? "no handle is free" : "no service name given";
	return *rest ? vm_launch(rest, creator) : 0;
}

static void fire_timer(uint32_t handle, int32_t session)
{
	sched_post(0, handle, MESSAGE_RESPONSE, session, NULL, 0);
}

static void on_hangup(int signo)
{
	(void)signo;
	log_reopen();
	reload_request(0, 0);
}

static void on_dump(int signo)
{
	(void)signo;
	dump_request();
}

static void on_ready(void)
{
	notify_send("READY=1\nSTATUS=running");
}

static void open_notify(void)
{
	if (!notify_open())
		log_printf(0, "warn: NOTIFY_SOCKET cannot be used: %s", strerror(errno));
}

static bool open_log(void)
{
	log_set_level((enum log_level)log_level_of(config->log_level));
	log_queue_set_limit_bytes((size_t)config->log_queue_bytes);
	/* With a logger of the user's own, `logger` is the name of that service. */
	bool own = config->logservice && strcmp(config->logservice, "snlua") == 0;
	const char *path = own ? NULL : config->logger;
	if (log_open(path) == 0)
		return true;
	fprintf(stderr, "equilune: logger: cannot open %s: %s\n", path, strerror(errno));
	return false;
}

static void init_affinity(struct cpus *list)
{
	list->count = 0;
	if (config->affinity)
		ensure(cpus_parse(config->affinity, list)); /* checked already */
	affinity_init(list);
}

/* `thread = 0`: as many as the process may use. A part of a CPU is worth a worker. */
static int usable_workers(const struct cpus *affinity)
{
	struct cpus allowed;
	char quota[32] = "none";
	int64_t millicpus = cgroup_quota_millicpus("/proc", "/sys/fs/cgroup");
	cpus_allowed(&allowed);
	int64_t most = affinity->count ? affinity->count : allowed.count;
	int64_t n = most;
	if (millicpus > 0 && (millicpus + 999) / 1000 < n)
		n = (millicpus + 999) / 1000;
	if (n > RUNQ_WORKERS_MAX)
		n = RUNQ_WORKERS_MAX;
	if (millicpus > 0)
		snprintf(quota, sizeof(quota), "%.3g", (double)millicpus / 1000);
	log_printf(0, "thread = 0: %d workers (affinity %d, cgroup quota %s)", (int)n, (int)most,
		   quota);
	return (int)n;
}

static void batch_settings(struct settings *out)
{
	api_preset(CLASS_BATCH, out);
}

static void say_restart(const char *name, uint32_t handle, const char *text, bool is_error)
{
	action_write(&(struct action){.kind = ACTION_RESTART,
				      .service = handle,
				      .name = name,
				      .is_error = is_error,
				      .text = text});
}

static void init_rooms(void)
{
	struct cpus affinity;
	init_affinity(&affinity);
	struct sched_options options = {
		.workers = config->thread_count ? (int)config->thread_count
						: usable_workers(&affinity),
		.spares_max = (int)config->spare_count,
		.stack_bytes = (size_t)config->stack_bytes,
		.min_run_ns = config->min_run_ns,
		.search_ns = config->idle_search_ns,
	};
	handle_init();
	timer_init(fire_timer);
	text_init(vm_library_address());
	crash_init();
	sched_init(&options);
	errand_init(batch_settings);
	vm_init();
	api_launch = launch;
	api_calltimeout_ns = config->calltimeout_ns;
	api_deadlock_ns = config->deadlock_ns;
	vm_prepare();
	shutdown_init(config->stop_ns);
	loop_on_signal(SIGHUP, on_hangup);
	api_ready = on_ready;
	api_say_restart = say_restart;
	loop_on_signal(SIGUSR1, on_dump);
	loop_on_signal(SIGTERM, shutdown_on_signal);
	loop_on_signal(SIGINT, shutdown_on_signal);
}

static enum line_format alert_format_of(const char *name)
{
	if (strcmp(name, "json") == 0)
		return LINE_JSON;
	return strcmp(name, "logfmt") == 0 ? LINE_LOGFMT : LINE_SKYNET;
}

static void start_threads(void)
{
	struct monitor_options options = {
		.format = alert_format_of(config->log_format),
		.limit =
			{
				[RULE_STARVED] = config->watchdog_starved_ns,
				[RULE_SLOT] = config->watchdog_slot_ns,
				[RULE_BLOCKED] = config->watchdog_blocked_ns,
				[RULE_STUCK] = config->watchdog_stuck_ns,
				[RULE_MAILBOX] = config->watchdog_mailbox,
				[RULE_MAILBOX_AGE] = config->watchdog_mailbox_age_ns,
				[RULE_MAILBOX_FULL] = config->watchdog_mailbox_full,
				[RULE_TASKS] = config->watchdog_tasks,
				[RULE_MEMORY] = config->watchdog_memory_bytes,
				[RULE_ERRORS] = config->watchdog_errors,
				[RULE_GC] = config->watchdog_gc_ns,
				[RULE_TIMER_LATE] = config->watchdog_timer_late_ns,
				[RULE_LOOP_LATE] = config->watchdog_loop_late_ns,
				[RULE_MONITOR_LATE] = config->watchdog_monitor_late_ns,
			},
		.restore_ns = config->watchdog_restore_ns,
		.handoff_ns = config->watchdog_handoff_ns,
		.abort_ns = config->watchdog_abort_ns,
	};
	loop_start();
	sched_start();
	monitor_start(&options);
	dump_start();
}

static bool start_services(void)
{
	const char *error = "";
	uint32_t logger;
	if (config->logservice && strcmp(config->logservice, "snlua") == 0) {
		logger = config->logger ? vm_launch(config->logger, 0) : 0;
		if (logger)
			name_register("logger", logger);
	} else {
		struct vm_options options;
		vm_options_for("logger", &options);
		logger = logger_launch(&options.sched, &options.limits);
	}
	if (logger == 0) {
		log_printf(0, "Can't launch logger service");
		return false;
	}
	if (launch(config->bootstrap, 0, &error) == 0) {
		log_printf(0, "Bootstrap error : %s (%s)", config->bootstrap, error);
		return false;
	}
	/* Ours says when all is there; of another one nothing is known but that it runs. */
	if (strcmp(config->bootstrap, "snlua bootstrap") != 0)
		on_ready();
	return true;
}

/* What limits the promise on this machine is said at the start, not found out later. */
static void say_limits(void)
{
	if (config->daemon)
		log_printf(0, "daemon: the process stays in the foreground; let a service manager "
			      "run it");
	if (config->cluster)
		log_printf(0, "cluster: not available, the node list is ignored");
	if (!park_is_possible())
		log_printf(0,
			   "hardware shadow stacks are on: services are preempted by hand-off to "
			   "another thread only, which is slower");
	if (text_fragile_count() == 0)
		log_printf(0,
			   "this LuaJIT library cannot be read: services are preempted in compiled "
			   "code only, elsewhere by hand-off to another thread");
}

int boot_run(struct conf *conf, const char *path)
{
	config = conf;
	reload_init(conf, path, shutdown_wake);
	/* 1. what the rooms below need before anything runs */
	conf_fill_env(config);
	if (!open_log())
		return CLI_EXIT_CONFIG;
	open_notify();
	init_rooms();
	say_limits();
	/* 2. the threads: loop, workers and spares, monitor */
	start_threads();
	/* 3. the first services; bootstrap starts the rest */
	if (!start_services())
		shutdown_request(CLI_EXIT_FAILURE);
	/* 4. until somebody asks for the end */
	shutdown_wait(reload_serve);
	reload_end();
	/* 5. services are told, ended, the log is flushed */
	return shutdown_run();
}
