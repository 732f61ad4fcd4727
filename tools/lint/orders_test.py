#!/usr/bin/env python3
"""Seeds each kind of fault into a clean tree: orders.py must report it, on its line, and nothing else."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))

import cases  # noqa: E402
from orders import Lint, pairs_from_above  # noqa: E402
from source import Source  # noqa: E402

DOOR = """#include <stdatomic.h>
#define weft_i_load(p, order) atomic_load_explicit((p), (order))
#define weft_i_store(p, v, order) atomic_store_explicit((p), (v), (order))
#define weft_i_cas(p, expected, desired, success, failure) atomic_compare_exchange_strong_explicit(p, expected, desired, success, failure)
#define weft_i_full_fence() atomic_thread_fence(memory_order_seq_cst)
"""
KERNEL = """/* private. A comment may say malloc( and memory_order_acquire. */
#include <weft/reclaim/domain.h>
#ifndef WEFT_SEAM_ORDERS
#define MSQ_R1 memory_order_release /* link node -> A2, THREAD_A1: publishes the value */
#define MSQ_A2 memory_order_acquire /* read head -> R1: sees the value */
#endif
static void put(struct q *q, void *v)
{
    void *t = weft_i_load(&q->tail, MSQ_A2);
    /* relaxed: only a hint,
       and validated below */
    void *h = weft_i_load(&q->head, memory_order_relaxed);
    weft_i_load(&q->again, memory_order_relaxed);
    g(h);
    if (weft_i_cas(&q->tail, &t, f(v, "memory_order_release"), MSQ_R1,
                   memory_order_relaxed)) /* relaxed: a failure reads nothing */
        q->allocator.free(h);
}
"""
THREAD = """#ifndef WEFT_SEAM_ORDERS
#define THREAD_A1 memory_order_acquire /* walk <- R2: sees it */
#define THREAD_R2 memory_order_release /* add -> A1: publishes it */
#endif
static inline void *walk(void) { return weft_i_load(&list, THREAD_A1); }
static inline void add(void *p) { weft_i_store(&list, p, THREAD_R2); }
"""
CLEAN = {"base/atomic.h": DOOR, "queues/msq_kernel.h": KERNEL, "reclaim/thread.h": THREAD}
K, T = "queues/msq_kernel.h", "reclaim/thread.h"

# name, file, text to replace, replacement, where and what must be reported (the file if it is another)
SEEDS = [
    ("include", K, "#include <weft/reclaim/domain.h>", "#include <stdatomic.h>", "only base/atomic.h includes <stdatomic.h>"),
    ("include_cxx", K, "#include <weft/reclaim/domain.h>", "#include <atomic>", "only base/atomic.h includes <atomic>"),
    ("c11_atomic", K, "q->allocator.free(h)", "atomic_store(&q->x, h)", "atomic_store: atomics go through"),
    ("gcc_atomic", T, "weft_i_load(&list, THREAD_A1)", "__atomic_load_n(&list, 2), THREAD_A1", "__atomic_load_n: atomics go"),
    ("gcc_sync", K, "q->allocator.free(h)", "__sync_synchronize()", "__sync_synchronize: atomics go"),
    ("std_atomic", K, "q->allocator.free(h)", "std::atomic<int> i", "std::atomic: atomics go"),
    ("asm", K, "q->allocator.free(h)", '__asm__ volatile("mfence")', "inline assembly"),
    ("strong_outside", K, "&q->tail, MSQ_A2)", "&q->tail, memory_order_acquire), MSQ_A2", "strong order outside the table"),
    ("strong_define", K, "static void put", "#define MINE memory_order_release\nstatic void put", "strong order outside the table"),
    ("cxx_order", K, "q->allocator.free(h)", "q->x(std::memory_order::seq_cst)", "strong order outside the table"),
    ("consume", K, "q->allocator.free(h)", "q->x(memory_order_consume)", "strong order outside the table"),
    ("no_ifndef", K, "#ifndef WEFT_SEAM_ORDERS\n", "\n", "must stand between"),
    ("other_ifndef", K, "#ifndef WEFT_SEAM_ORDERS\n", "#ifndef MSQ_R1\n", "must stand between"),
    ("no_endif", T, "publishes it */\n#endif\n", "publishes it */\n\n", "must stand between"),
    ("more_in_it", K, "#define MSQ_A2", "static int x;\n#define MSQ_A2", "must stand between"),
    ("outside", K, "publishes the value */\n", "publishes the value */\n#endif\n#ifdef OTHER\n", "must stand between"),
    ("letter", K, "MSQ_R1 memory_order_release", "MSQ_R1 memory_order_acq_rel", "the letter R says release"),
    ("twice", T, "static inline", "#define THREAD_A1 memory_order_acquire /* x -> R2: y */\nstatic inline",
     "is defined already"),
    ("relaxed_name", K, "MSQ_A2 memory_order_acquire", "MSQ_A2 memory_order_relaxed", "a named order is a strong one"),
    ("no_comment", K, "/* read head -> R1: sees the value */", "", "needs a comment of the form"),
    ("no_partner", K, "read head -> R1: sees", "read head: sees", "needs a comment of the form"),
    ("no_why", K, "read head -> R1: sees the value", "read head -> R1:", "needs a comment of the form"),
    ("unknown_partner", K, "-> A2, THREAD_A1:", "-> A2, THREAD_A1, A9:", "MSQ_A9, which is defined nowhere"),
    ("one_sided", T, "walk <- R2", "walk <- R2, MSQ_X9", "MSQ_X9, which is defined nowhere"),
    ("not_mutual", K, "-> A2, THREAD_A1:", "-> THREAD_A1:", "does not name it back"),
    ("upwards", T, "walk <- R2", "walk <- R2, MSQ_R1", "MSQ_R1, of a room above its own"),
    ("same_side", K, "read head -> R1:", "read head -> R1, THREAD_A1:", "MSQ_A2 cannot pair with THREAD_A1"),
    ("unused", K, "weft_i_load(&q->tail, MSQ_A2)", "q->plain_tail", "MSQ_A2 is used nowhere"),
    ("below_use", K, "static void put", "static int a = MSQ_R1;\n#define MSQ_S8 memory_order_seq_cst /* x -> S8: y */\n"
     "static int b = MSQ_S8;\nstatic void put", "below the first use"),
    ("not_a_name", K, "&q->tail, MSQ_A2)", "&q->tail, order), MSQ_A2", "'order' is neither a named order"),
    ("release_load", K, "&q->tail, MSQ_A2)", "&q->tail, MSQ_R1), MSQ_A2", "weft_i_load: MSQ_R1 makes no sense"),
    ("release_failure", K, "memory_order_relaxed)) /* relaxed: a failure reads nothing */", "MSQ_R1))", "weft_i_cas: MSQ_R1 makes no sense"),
    ("missing_order", K, "weft_i_load(&q->tail, MSQ_A2)", "weft_i_load(&q->tail), MSQ_A2", "takes 2 arguments, not 1"),
    ("no_why_relaxed", K, "/* relaxed: only a hint,\n       and validated below */", "/* a hint */", "relaxed access without"),
    ("empty_why", K, "/* relaxed: a failure reads nothing */", "/* relaxed: */", "relaxed access without"),
    ("likewise", K, "/* relaxed: a failure reads nothing */", "/* relaxed: likewise */", "relaxed access without"),
    ("says_nothing", K, "static void put", "/* True. */\nstatic void put", "a comment that says nothing"),
    ("why_too_far", K, "    weft_i_load(&q->again", "    g();\n    weft_i_load(&q->again", "relaxed access without"),
    ("malloc", K, "q->allocator.free(h)", "free(h)", "free: memory comes from the seam"),
    ("aligned_alloc", T, "return weft", "aligned_alloc(8, 8); return weft", "aligned_alloc: memory comes"),
    ("syscall", K, "q->allocator.free(h)", "syscall(1)", "syscall: system calls belong"),
    ("thread_local", K, "static void put", "static _Thread_local int x;\nstatic void put", "_Thread_local: threads are"),
    ("pthread_key", T, "static inline", "pthread_key_t key;\nstatic inline", "pthread_key_t: threads are"),
    ("memset", T, "return weft", "memset(&list, 0, 8); return weft", "memset on memory"),
    ("arrow", K, "<weft/reclaim/domain.h>", "<weft/stacks/treiber.h>", "queues/ must not include stacks/"),
    ("arrow_back", T, "static inline", '#include "queues/fifo.h"\nstatic inline', "reclaim/ must not include queues/"),
]


def faults_of(files):
    return Lint().run([Source(path, text) for path, text in files.items()])


def seed_problem(path, old, new, expected):
    if old not in CLEAN[path]:
        return "the seed does not apply"
    faults = faults_of(dict(CLEAN, **{path: CLEAN[path].replace(old, new, 1)}))
    return None if any(expected in message for _, _, message in faults) else "not reported: %s; but %s" % (expected, faults)


def place_problem():
    faults = faults_of(dict(CLEAN, **{K: KERNEL.replace("q->allocator.free(h)", "free(h)")}))
    return None if [fault[:2] for fault in faults] == [(K, 17)] else faults


def pairs_problem():
    lint = Lint()
    lint.run([Source(path, text) for path, text in CLEAN.items()])
    pairs = pairs_from_above(lint.orders)
    return None if pairs.endswith("|---|---|\n| THREAD_A1 | MSQ_R1 (%s) |\n" % K) else pairs


def main():
    everything = [("pairs", pairs_problem), ("clean", lambda: faults_of(CLEAN)), ("place", place_problem)]
    everything += [(name, lambda seed=seed: seed_problem(*seed)) for name, *seed in SEEDS]
    return cases.run(everything)


if __name__ == "__main__":
    sys.exit(main())
