/* SPDX-License-Identifier: MIT
 *
 * Atomics through functions whose names carry the order, so that the orders in use can be listed by
 * reading this page. `relaxed` is for figures that nobody bases a decision of ownership on; every
 * `release` names the `acquire` that it pairs with in a comment at the call. `seq` is for the two-sided
 * "publish mine, then look at yours" protocols.
 */
#ifndef CORE_ATOMICS_H
#define CORE_ATOMICS_H

#include <stdatomic.h>

#define load_relaxed(p)        atomic_load_explicit((p), memory_order_relaxed)
#define load_acquire(p)        atomic_load_explicit((p), memory_order_acquire)
#define load_seq(p)            atomic_load_explicit((p), memory_order_seq_cst)
#define store_relaxed(p, v)    atomic_store_explicit((p), (v), memory_order_relaxed)
#define store_release(p, v)    atomic_store_explicit((p), (v), memory_order_release)
#define store_seq(p, v)        atomic_store_explicit((p), (v), memory_order_seq_cst)
#define exchange_acq_rel(p, v) atomic_exchange_explicit((p), (v), memory_order_acq_rel)
#define exchange_seq(p, v)     atomic_exchange_explicit((p), (v), memory_order_seq_cst)
#define add_relaxed(p, v)      atomic_fetch_add_explicit((p), (v), memory_order_relaxed)
#define add_acq_rel(p, v)      atomic_fetch_add_explicit((p), (v), memory_order_acq_rel)
#define sub_relaxed(p, v)      atomic_fetch_sub_explicit((p), (v), memory_order_relaxed)
#define sub_acq_rel(p, v)      atomic_fetch_sub_explicit((p), (v), memory_order_acq_rel)
#define or_relaxed(p, v)       atomic_fetch_or_explicit((p), (v), memory_order_relaxed)
#define cas_weak_acq_rel(p, want, v)                                                               \
	atomic_compare_exchange_weak_explicit((p), (want), (v), memory_order_acq_rel,              \
					      memory_order_acquire)
#define cas_strong_acq_rel(p, want, v)                                                             \
	atomic_compare_exchange_strong_explicit((p), (want), (v), memory_order_acq_rel,            \
						memory_order_acquire)
#define cas_strong_seq(p, want, v)                                                                 \
	atomic_compare_exchange_strong_explicit((p), (want), (v), memory_order_seq_cst,            \
						memory_order_seq_cst)

#endif
