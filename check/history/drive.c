#define _GNU_SOURCE
#include "check/history/drive.h"
#include "check/history/generate.h"
#include "check/history/park.h"
#include "check/history/recorder.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { MOST_THREADS = 64, MOST_KEYS = 256, ITERATED = 16 };

typedef struct round {
    const lin_subject *subject;
    const lin_plan *plan;
    void *object;
    uint64_t seed;
    lin_log log[MOST_THREADS + 1]; /* the last one drains */
    lin_iteration iteration[ITERATED + 1];
    size_t iterations;
    atomic_uint ready;
    atomic_int error;
} round;

typedef struct worker {
    round *round;
    unsigned index;
    void *thread;
    lin_random random;
    int64_t last[2 * MOST_KEYS]; /* by key: the value that this thread saw last, as an expected value */
} worker;

lin_plan lin_plan_of(uint64_t seed, const lin_subject *subject, unsigned cores, size_t operations)
{
    enum { SEARCHED = 4000 }; /* and few threads, since the search is exponential in their number */
    bool searched = subject->type == LIN_RING || subject->type == LIN_DEQUE;
    static const unsigned put_shares[] = {50, 50, 48, 52, 30, 60}, key_counts[] = {1, 2, 4, 12, 12, 64, 256};
    static const unsigned yields[] = {8, 20, 50, 200, 1000}, sleeps[] = {300, 1000, 3000, 20000};
    static const unsigned naps[] = {1000, 20000, 20000, 100000, 2000000};
    lin_random random = {seed};
    lin_plan plan = {.threads = 2 + (unsigned)lin_below(&random, 4 * cores - 1)};
    plan.threads = subject->roles == LIN_ONE_EACH ? 2
                   : searched                     ? 3
                   : plan.threads < MOST_THREADS  ? plan.threads
                                                  : MOST_THREADS;
    plan.operations = (searched && operations > SEARCHED ? SEARCHED : operations) / plan.threads;
    plan.puts = put_shares[lin_below(&random, 6)];
    plan.keys = key_counts[lin_below(&random, 7)];
    plan.yields = 4 + (unsigned)lin_below(&random, 60);
    plan.park_yields = yields[lin_below(&random, 5)];
    plan.park_sleeps = sleeps[lin_below(&random, 4)];
    plan.park_ns = naps[lin_below(&random, 5)];
    if (subject->type != LIN_MAP && lin_below(&random, 8) == 0)
        plan.park_yields = 0; /* no thread is held up: full speed shows other faults */
    if (plan.park_ns > 1000000 && plan.park_sleeps < 20000)
        plan.park_sleeps = 20000;
    if (lin_below(&random, 200) == 0) { /* a few threads sleep for a second */
        plan.park_sleeps = 200000;
        plan.park_ns = 999999999;
    }
    return plan;
}

/* The kind of a take is the next one. */
static lin_kind kind_of_put(lin_type type)
{
    return type == LIN_QUEUE   ? LIN_ENQUEUE
           : type == LIN_RING  ? LIN_TRY_ENQUEUE
           : type == LIN_DEQUE ? LIN_PUSH_BOTTOM
                               : LIN_PUSH;
}

static lin_operation *choose(worker *w, size_t i)
{
    round *r = w->round;
    lin_log *log = &r->log[w->index];
    lin_type type = r->subject->type;
    int64_t value = 1 + (int64_t)(i * r->plan->threads + w->index), key = 0;
    lin_kind kind = kind_of_put(type);
    bool puts = r->subject->roles == LIN_EACH_DOES_BOTH ? lin_below(&w->random, 100) < r->plan->puts
                : r->subject->roles == LIN_ONE_EACH     ? w->index == 0
                                                        : w->index != 0;
    if (r->subject->roles == LIN_ONE_OWNS) /* it pops more than it pushes: the specification has room for a few */
        return lin_call(log, w->index ? LIN_STEAL : lin_below(&w->random, 3) == 0 ? kind : kind + 1, 0, value);
    if (type != LIN_MAP)
        return lin_call(log, puts ? kind : kind + 1, 0, value);
    key = (int64_t)lin_below(&w->random, r->plan->keys);
    kind = r->subject->map_kind[lin_below(&w->random, r->subject->map_kinds)];
    if (lin_below(&w->random, 4) == 0) { /* a key that is mostly read */
        key += r->plan->keys;
        kind = lin_below(&w->random, 16) ? LIN_GET : kind;
    }
    lin_operation *op = lin_call(log, kind, key, kind == LIN_GET || kind == LIN_REMOVE ? 0 : value);
    if (kind == LIN_REPLACE)
        op->result = w->last[key] ? w->last[key] : value;
    else if (kind == LIN_REMOVE_IF)
        op->value = w->last[key] ? w->last[key] : value;
    return op;
}

static void iterate(round *r, bool quiet)
{
    lin_iteration *it = &r->iteration[r->iterations++];
    it->call = lin_time_of_call();
    if (!r->subject->iterate(r->object, it))
        atomic_store(&r->error, -ENOMEM);
    it->ret = lin_time_of_return();
    it->has_size = quiet && r->subject->size;
    it->size = it->has_size ? r->subject->size(r->object) : 0;
}

static void perform(round *r, void *thread, lin_operation *op)
{
    r->subject->perform(r->object, thread, op);
    op->ret = lin_time_of_return();
}

static void *work(void *argument)
{
    worker *w = argument;
    round *r = w->round;
    const lin_plan *plan = r->plan;
    w->thread = r->subject->thread_begin(r->object);
    if (!w->thread)
        atomic_store(&r->error, -ENOMEM);
    atomic_fetch_add(&r->ready, 1);
    while (atomic_load(&r->ready) < plan->threads) /* spins: a barrier would wake one after another */
        sched_yield();
    for (size_t i = 0; i < plan->operations && w->thread; i++) {
        lin_operation *op = choose(w, i);
        if (lin_below(&w->random, plan->yields) ==
            0) /* between the recorded call and the operation: others run, even on one core */
            sched_yield();
        perform(r, w->thread, op);
        if (r->subject->type == LIN_MAP && op->got <= LIN_VALUE)
            w->last[op->key] = op->kind == LIN_PUT || op->got == LIN_NOTHING ? op->value : op->result;
        if (w->index == 0 && r->subject->iterate && i % (plan->operations / ITERATED + 1) == 0)
            iterate(r, false);
        if (lin_below(&w->random, plan->yields) == 0)
            sched_yield();
    }
    if (w->thread)
        r->subject->thread_end(r->object, w->thread);
    return NULL;
}

/* One more client takes out what is left inside, or reads all keys of a map. */
static void drain(round *r)
{
    lin_log *log = &r->log[r->plan->threads];
    void *thread = r->subject->thread_begin(r->object);
    lin_kind kind = kind_of_put(r->subject->type) + 1;
    if (!thread)
        atomic_store(&r->error, -ENOMEM);
    for (bool more = thread && r->subject->type != LIN_MAP; more;) {
        lin_operation *op = lin_call(log, kind, 0, 0);
        perform(r, thread, op);
        more = op->got == LIN_VALUE && log->history.count < log->history.room;
    }
    for (unsigned key = 0; thread && r->subject->type == LIN_MAP && key < 2 * r->plan->keys; key++) {
        lin_operation *op = lin_call(log, LIN_GET, key, 0);
        perform(r, thread, op);
    }
    if (thread && r->subject->iterate)
        iterate(r, true);
    if (thread)
        r->subject->thread_end(r->object, thread);
}

static int run_threads(round *r)
{
    pthread_t thread[MOST_THREADS];
    worker *workers = calloc(r->plan->threads, sizeof *workers);
    if (!workers)
        return -ENOMEM;
    lin_park_set(r->plan->park_yields, r->plan->park_sleeps, r->plan->park_ns);
    for (unsigned i = 0; i < r->plan->threads; i++) {
        workers[i] = (worker){.round = r, .index = i, .random = {r->seed * 64 + i}};
        if (pthread_create(&thread[i], NULL, work, &workers[i]) != 0)
            abort(); /* the other threads would wait for this one */
    }
    for (unsigned i = 0; i < r->plan->threads; i++)
        pthread_join(thread[i], NULL);
    lin_park_set(0, 0, 0);
    free(workers);
    return 0;
}

static int judge(round *r, lin_outcome *out)
{
    for (unsigned i = 0; i <= r->plan->threads; i++)
        for (size_t o = 0; o < r->log[i].history.count; o++)
            if (!lin_add(&out->history, r->log[i].history.op[o]))
                return -ENOMEM;
    out->concurrent = lin_concurrent(&out->history);
    out->iterations = r->iterations;
    lin_spec ring = lin_ring_spec(r->subject->capacity);
    if (r->subject->type == LIN_RING)
        lin_check_searched(&out->history, &ring, &out->finding);
    else
        lin_check(&out->history, r->subject->type, &out->finding);
    lin_shrink(&out->finding, r->subject->type);
    if (out->finding.verdict == LIN_LINEARIZABLE && r->iterations > 0)
        lin_check_iterations(&out->history, r->iteration, r->iterations, &out->seen, &out->finding);
    return 0;
}

static int open_logs(round *r)
{
    size_t most = r->plan->threads * r->plan->operations + 2 * MOST_KEYS + 1;
    for (unsigned i = 0; i <= r->plan->threads; i++)
        if (!lin_log_open(&r->log[i], i, i < r->plan->threads ? r->plan->operations : most))
            return -ENOMEM;
    for (size_t i = 0; r->subject->iterate && i <= ITERATED; i++) {
        r->iteration[i].room = 4 * MOST_KEYS;
        r->iteration[i].entry = malloc(r->iteration[i].room * sizeof *r->iteration[i].entry);
        if (!r->iteration[i].entry)
            return -ENOMEM;
    }
    return 0;
}

int lin_round(const lin_subject *subject, const lin_plan *plan, uint64_t seed, lin_outcome *out)
{
    round *r = calloc(1, sizeof *r);
    *out = (lin_outcome){0};
    if (!r)
        return -ENOMEM;
    *r = (round){.subject = subject, .plan = plan, .seed = seed};
    int error = open_logs(r);
    if (error == 0 && (error = subject->create(subject, &r->object, plan->threads + 1)) == 0) {
        error = run_threads(r);
        drain(r);
        out->pending = subject->pending ? subject->pending(r->object) : 0;
        subject->destroy(r->object);
        error = error ? error : atomic_load(&r->error);
        error = error ? error : judge(r, out);
    }
    for (unsigned i = 0; i <= plan->threads; i++)
        lin_free(&r->log[i].history);
    for (size_t i = 0; i <= ITERATED; i++)
        free(r->iteration[i].entry);
    free(r);
    return error;
}

void lin_outcome_free(lin_outcome *outcome)
{
    lin_free(&outcome->history);
    lin_free(&outcome->finding.window);
}
