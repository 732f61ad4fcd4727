/*
 * The edges of a thread's life: callbacks that an ending thread runs, and callbacks that end their thread; barriers and
 * destructions in threads without a record; the bound on garbage while threads come and go; caches.
 */
#define _GNU_SOURCE
#include "tests/unit/keys.h"
#include "tests/unit/sequence.h"

#include "tests/unit/interpose.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <weft/reclaim/right.h>

enum { BATCH = 1024, SECONDS = 60 };

/* ---- callbacks that an ending thread runs ---- */

typedef struct twice {
    weft_domain *domain, *then; /* of the first objects, and of the second */
    size_t each;
    atomic_int first, second;
} twice;

static void retire_second(void *object, void *ctx)
{
    twice *t = ctx;
    free(object);
    atomic_fetch_add(&t->first, 1);
    CHECK(weft_retire(t->then, malloc(8), t_count_free, &t->second) == 0);
}

static void retire_first(unsigned index, void *ctx)
{
    twice *t = ctx;
    (void)index;
    CHECK(weft_domain_attach(t->then) == 0);
    for (size_t i = 0; i < t->each; i++)
        CHECK(weft_retire(t->domain, malloc(8), retire_second, t) == 0);
}

/*
 * What an ending thread's callbacks retire is reclaimed by others, even in a domain that the thread has left already
 * (the newer one).
 */
static void test_ending_threads_retire_again(void **state)
{
    t_env *env = *state;
    weft_domain *domains[][2] = {{env->domain, env->domain}, {NULL, NULL}, {NULL, env->domain}};
    for (size_t d = 0; d < T_COUNT(domains); d++) {
        twice t = {.domain = domains[d][0], .then = domains[d][1], .each = 700};
        size_t attached = t_stats(t.then).threads;
        t_run_in_turn(4, retire_first, &t);
        t_barrier(t.domain);
        t_barrier(t.then);
        assert_int_equal(atomic_load(&t.first), 2800);
        assert_int_equal(atomic_load(&t.second), 2800);
        assert_int_equal(t_stats(t.then).threads, attached); /* no ended thread is attached, wherever it retired */
    }
}

enum { COMERS = 8, GENERATIONS = T_SCALE(40, 8), KEYS_EACH = 700 };

typedef struct comers {
    const map_subject *of;
    void *map;
    unsigned generation;
    atomic_int destroyed;
} comers;

static void destroy_value(void *value, void *ctx)
{
    free(value);
    atomic_fetch_add(&((comers *)ctx)->destroyed, 1);
}

static void insert_and_remove(unsigned index, void *ctx)
{
    comers *c = ctx;
    uintptr_t base = ((uintptr_t)c->generation * COMERS + index) * KEYS_EACH;
    for (uintptr_t i = 0; i < KEYS_EACH; i++)
        CHECK(c->of->insert(c->map, base + i, malloc(8)) == 0);
    for (uintptr_t i = 0; i < KEYS_EACH; i++)
        CHECK(c->of->remove(c->map, base + i, NULL));
}

/* Threads come and go and use a map in the default domain; its callbacks use nodes, too. No node is in two lists. */
static void test_comers_share_a_map(void **state)
{
    (void)state;
    for (size_t m = 0; m < MAPS; m++) {
        comers c = {.of = &maps[m]};
        assert_int_equal(c.of->create(&c.map, NULL, destroy_value, &c), 0);
        for (; c.generation < GENERATIONS; c.generation++)
            t_run(COMERS, insert_and_remove, &c);
        assert_int_equal(c.of->size(c.map), 0);
        c.of->destroy(c.map);
        t_barrier(NULL);
        assert_int_equal(atomic_load(&c.destroyed), GENERATIONS * COMERS * KEYS_EACH);
    }
}

/* An allocator that keeps its free nodes in a container of Weft's. */
static const container *container_of_nodes;
static void *free_nodes;
static atomic_int nodes_made, nodes_freed;

static void *node_from_container(size_t size, size_t alignment, void *ctx)
{
    void *memory = NULL;
    (void)ctx;
    if (size <= 64 && container_of_nodes->take(free_nodes, &memory))
        return memory;
    atomic_fetch_add(&nodes_made, size <= 64);
    size = size <= 64 ? 64 : size;
    return posix_memalign(&memory, alignment < sizeof memory ? sizeof memory : alignment, size) == 0 ? memory : NULL;
}

static void node_to_container(void *memory, size_t size, void *ctx)
{
    (void)ctx;
    if (size <= 64)
        CHECK(container_of_nodes->put(free_nodes, memory) == 0);
    else
        free(memory);
}

static void free_node(void *node, void *ctx)
{
    (void)ctx;
    atomic_fetch_add(&nodes_freed, 1);
    free(node);
}

static void use_container(unsigned index, void *ctx)
{
    void *value;
    for (uintptr_t i = 1; i <= 1500; i++)
        CHECK(container_of_nodes->put(ctx, t_ptr(((uintptr_t)index + 1) << 32 | i)) == 0);
    for (int i = 0; i < 1500; i++)
        CHECK(container_of_nodes->take(ctx, &value) && value);
}

static void test_an_allocator_with_weft_inside(void **state)
{
    const t_env *env = *state;
    const container *kind = container_of_nodes = env->what;
    const weft_domain_config config = {.scheme = env->scheme,
                                       .allocator = {node_from_container, node_to_container, NULL}};
    weft_domain *domain;
    void *sequence;
    atomic_store(&nodes_made, 0);
    atomic_store(&nodes_freed, 0);
    assert_int_equal(kind->create(&free_nodes, NULL), 0);
    assert_int_equal(weft_domain_create(&domain, &config), 0);
    assert_int_equal(kind->create(&sequence, domain), 0);
    for (int i = 0; i < GENERATIONS; i++)
        t_run(4, use_container, sequence);
    assert_true(kind->is_empty(sequence));
    kind->destroy(sequence, NULL, NULL);
    t_barrier(domain);
    assert_int_equal(weft_domain_destroy(domain), 0);
    kind->destroy(free_nodes, free_node, NULL);
    assert_int_equal(atomic_load(&nodes_made), atomic_load(&nodes_freed));
}

/* ---- callbacks that end their thread ---- */

typedef enum way { EXIT, CANCEL } way;

typedef struct ending {
    weft_domain *domain;
    way way;
    atomic_int to_end, ended, count;
} ending;

static void end_thread(void *object, void *ctx)
{
    ending *e = ctx;
    free(object);
    atomic_fetch_add(&e->count, 1);
    /* never ends the main thread: after a failed check the process would end with status 0 */
    if (getpid() == (pid_t)syscall(SYS_gettid) || atomic_fetch_sub(&e->to_end, 1) <= 0)
        return;
    atomic_fetch_add(&e->ended, 1);
    if (e->way == EXIT)
        pthread_exit(NULL);
    pthread_cancel(pthread_self());
    pthread_testcancel();
}

static void retire_ending(ending *e, size_t n)
{
    for (size_t i = 0; i < n; i++)
        CHECK(weft_retire(e->domain, malloc(8), end_thread, e) == 0);
}

static void *only_barrier(void *ctx)
{
    ending *e = ctx;
    (void)!weft_domain_barrier(e->domain, UINT64_MAX);
    return NULL;
}

static void *only_retire(void *ctx)
{
    retire_ending(ctx, 1000); /* less than a batch: every second thread's exit hook reclaims those of two */
    return NULL;
}

static void run_one(void *(*body)(void *ctx), void *ctx)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, ctx) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static size_t records(void)
{
    size_t n = 0;
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        n++;
    return n;
}

/* Callbacks end a thread that has only used a barrier, and threads whose exit hook runs them, again and again. */
static void test_callbacks_end_threads(void **state)
{
    t_env *env = *state;
    weft_domain *domains[] = {env->domain, NULL};
    for (size_t d = 0; d < T_COUNT(domains); d++)
        for (way w = EXIT; w <= CANCEL; w++) {
            ending e = {.domain = domains[d], .way = w};
            retire_ending(&e, 20);
            atomic_store(&e.to_end, 1);
            run_one(only_barrier, &e);
            assert_int_equal(atomic_load(&e.ended), 1);
            assert_int_equal(weft_domain_barrier(e.domain, UINT64_C(20000000000)), 0);
            assert_int_equal(atomic_load(&e.count), 20);

            size_t before = records();
            if (WEFT_I_TSAN) /* tsan has forgotten a thread that ends in its exit hooks for the second time */
                continue;
            for (int i = 0; i < 10; i++) {
                atomic_store(&e.to_end, 5);
                run_one(only_retire, &e);
            }
            assert_in_range(atomic_load(&e.ended), w == EXIT ? 20 : 5, 51); /* a thread is cancelled once at most */
            atomic_store(&e.to_end, 0);
            assert_int_equal(weft_domain_barrier(e.domain, UINT64_C(20000000000)), 0);
            assert_int_equal(atomic_load(&e.count), 20 + 10 * 1000);
            assert_in_range(records(), 0, before + 1);
        }
}

static void *flush_and_end(void *ctx)
{
    ending *e = ctx;
    retire_ending(e, 1);
    weft_domain_flush(e->domain);
    return NULL;
}

static void attach(void *ctx)
{
    CHECK(weft_domain_attach(ctx) == 0);
}

/* It does not count as running when another thread gets the record, and with it the place. */
static void test_a_callback_that_ended_its_thread_is_over(void **state)
{
    t_env *env = *state;
    ending e = {.domain = env->domain};
    t_worker next;
    atomic_store(&e.to_end, 1);
    run_one(flush_and_end, &e);
    assert_int_equal(atomic_load(&e.ended), 1);
    t_worker_start(&next);
    t_worker_do(&next, attach, env->domain);
    assert_int_equal(weft_domain_barrier(env->domain, UINT64_C(5000000000)), 0);
    t_worker_end(&next);
}

typedef struct halves {
    weft_domain *domain, *newer;
    void (*callback)(void *object, void *ctx);
    int objects;
    sem_t inside, go_on;
    atomic_int calls, barrier;
} halves;

static void wait_for_main(void *ctx)
{
    halves *h = ctx;
    CHECK(sem_post(&h->inside) == 0);
    t_sem_wait(&h->go_on);
}

/* The first one ends the thread, whose exit hook calls the second, which stays inside for a while. */
static void end_then_wait(void *object, void *ctx)
{
    halves *h = ctx;
    free(object);
    if (atomic_fetch_add(&h->calls, 1) == 0)
        pthread_exit(NULL);
    wait_for_main(h);
}

static void *retire_and_flush(void *ctx)
{
    halves *h = ctx;
    for (int i = 0; i < h->objects; i++)
        CHECK(weft_retire(h->domain, malloc(8), h->callback, h) == 0);
    for (int i = 0; i < 3; i++)
        weft_domain_flush(h->domain);
    return NULL;
}

static pthread_t start_inside(halves *h)
{
    pthread_t thread;
    CHECK(sem_init(&h->inside, 0, 0) == 0 && sem_init(&h->go_on, 0, 0) == 0);
    CHECK(pthread_create(&thread, NULL, retire_and_flush, h) == 0);
    t_sem_wait(&h->inside);
    return thread;
}

static void let_go_on(halves *h, pthread_t thread)
{
    CHECK(sem_post(&h->go_on) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

/* A barrier waits for a callback that the exit hook runs after another has ended the thread. */
static void test_a_barrier_waits_for_the_exit_hook(void **state)
{
    t_env *env = *state;
    halves h = {.domain = env->domain, .callback = end_then_wait, .objects = 2};
    pthread_t thread = start_inside(&h);
    int beside = weft_domain_barrier(env->domain, 20000000);
    let_go_on(&h, thread);
    assert_int_equal(beside, -ETIMEDOUT);
    assert_int_equal(weft_domain_barrier(env->domain, UINT64_C(5000000000)), 0);
    assert_int_equal(atomic_load(&h.calls), 2);
}

/* An allocator that keeps what is freed, to see that nobody writes there. */
typedef struct grave {
    unsigned char *block[64];
    size_t size[64];
    size_t count;
} grave;

static void *grave_alloc(size_t size, size_t alignment, void *ctx)
{
    (void)ctx;
    return aligned_alloc(alignment, weft_i_round_up(size, alignment));
}

static void grave_free(void *memory, size_t size, void *ctx)
{
    grave *g = ctx;
    CHECK(g->count < T_COUNT(g->block));
    memset(memory, 0xdb, size);
    g->block[g->count] = memory;
    g->size[g->count++] = size;
}

static void end_slowly(void *object, void *ctx)
{
    free(object);
    pthread_cleanup_push(wait_for_main, ctx);
    pthread_exit(NULL);
    pthread_cleanup_pop(0);
}

/* A callback has ended its thread, whose exit hook has not run yet. Until then the domain may be destroyed. */
static void test_the_domain_is_gone_when_the_hook_runs(void **state)
{
    t_env *env = *state;
    grave g = {.count = 0};
    const weft_domain_config config = {.scheme = env->scheme, .allocator = {grave_alloc, grave_free, &g}};
    halves h = {.callback = end_slowly, .objects = 1};
    CHECK(weft_domain_create(&h.domain, &config) == 0);
    pthread_t thread = start_inside(&h);
    assert_int_equal(weft_domain_destroy(h.domain), 0);
    let_go_on(&h, thread);
    assert_true(g.count >= 2);
    for (size_t i = 0; i < g.count; i++) {
        for (size_t k = 0; k < g.size[i]; k++)
            CHECK(g.block[i][k] == 0xdb);
        free(g.block[i]);
    }
}

static void wait_in_older(void *object, void *ctx)
{
    halves *h = ctx;
    free(object);
    atomic_store(&h->barrier, weft_domain_barrier(h->domain, UINT64_C(5000000000)));
}

static void end_there(void *object, void *ctx)
{
    (void)ctx;
    free(object);
    pthread_exit(NULL);
}

static void *retire_in_two(void *ctx)
{
    halves *h = ctx;
    CHECK(weft_retire(h->newer, malloc(8), wait_in_older, h) == 0);
    return retire_and_flush(h);
}

/* The exit hook leaves the newer domain first. Its callback waits in the older one, whose callback has ended the thread. */
static void test_a_callback_that_ended_its_thread_is_over_there(void **state)
{
    t_env *env = *state;
    halves h = {
        .domain = env->domain, .callback = end_there, .objects = 1, .newer = t_domain(env->scheme, NULL), .barrier = 1};
    run_one(retire_in_two, &h);
    assert_int_equal(atomic_load(&h.barrier), 0);
    t_domain_done(h.newer, NULL);
}

/*
 * The library holds no guard while it calls a callback: the callback may end the thread, and then a linked guard on its
 * stack would stay on the domain's list.
 */
typedef struct asking {
    weft_domain *domain;
    bool inside;        /* an operation of the map is under way */
    size_t calls, most; /* callbacks in it; the most guards that they found held */
} asking;

static void ask_for_guards(void *object, void *ctx)
{
    asking *a = ctx;
    free(object);
    if (!a->inside)
        return;
    size_t held = t_stats(a->domain).guards_held;
    a->calls++;
    a->most = held > a->most ? held : a->most;
}

typedef void operation(const map_subject *of, void *map, uintptr_t key);

static void one_insertion(const map_subject *of, void *map, uintptr_t key)
{
    CHECK(of->insert(map, key, t_ptr(1)) == 0);
}

static void one_removal(const map_subject *of, void *map, uintptr_t key)
{
    CHECK(of->remove(map, key, NULL));
}

static void one_clearing(const map_subject *of, void *map, uintptr_t key)
{
    if (key % 1000 == 999)
        of->clear(map);
}

/* Callbacks are always due: half of the batches are being reclaimed, two objects with each retirement. */
static void ask_in(asking *a, const map_subject *of, void *map, operation *does)
{
    a->calls = a->most = 0;
    for (uintptr_t key = 0; key < 20000; key++) {
        CHECK(weft_retire(a->domain, malloc(8), ask_for_guards, a) == 0);
        a->inside = true;
        does(of, map, key);
        a->inside = false;
    }
}

static void test_callbacks_find_no_guard_of_ours(void **state)
{
    t_env *env = *state;
    const map_subject *of = env->what;
    asking a = {.domain = env->domain};
    void *map;
    assert_int_equal(of->create(&map, env->domain, NULL, NULL), 0);
    operation *const those_that_retire[] = {one_insertion, one_removal, one_insertion, one_clearing};
    for (size_t i = 0; i < T_COUNT(those_that_retire); i++) {
        ask_in(&a, of, map, those_that_retire[i]);
        print_message("%zu callbacks, %zu guards at most\n", a.calls, a.most);
        assert_in_range(a.calls, 100, 40000);
        assert_int_equal(a.most, 0);
    }
    of->destroy(map);
    t_barrier(env->domain);
}

/* "Still in use, try again later": each callback retires its object once more. */
static atomic_int tries;

static void try_again(void *object, void *ctx)
{
    atomic_fetch_add(&tries, 1);
    if (atomic_load((atomic_int *)ctx))
        weft_retire_hook(*(weft_domain **)((char *)object + sizeof(weft_hook)), object, object, sizeof(weft_hook),
                         try_again, ctx);
    else
        free(object);
}

typedef struct trying {
    weft_domain *domain;
    atomic_int in_use;
    size_t objects;
} trying;

static void *retire_to_try(void *ctx)
{
    trying *t = ctx;
    for (size_t i = 0; i < t->objects; i++) {
        char *object = malloc(sizeof(weft_hook) + sizeof(weft_domain *));
        *(weft_domain **)(object + sizeof(weft_hook)) = t->domain;
        weft_retire_hook(t->domain, (weft_hook *)object, object, sizeof(weft_hook), try_again, &t->in_use);
    }
    return NULL;
}

/* More guards than a record has slots, so some are linked. Their domain is older than the callback's. */
enum { HELD_AT_THE_END = 40 };

typedef struct late_barrier {
    weft_domain *older, *newer;
    weft_guard guard[HELD_AT_THE_END]; /* outlives the thread */
    int result;
} late_barrier;

static void wait_in_the_older(void *object, void *ctx)
{
    late_barrier *l = ctx;
    free(object);
    l->result = weft_domain_barrier(l->older, 0);
}

static void end_with_guards(unsigned index, void *ctx)
{
    late_barrier *l = ctx;
    (void)index;
    for (int i = 0; i < HELD_AT_THE_END; i++)
        weft_enter(&l->guard[i], l->older);
    CHECK(weft_retire(l->newer, malloc(8), wait_in_the_older, l) == 0);
}

/* An ending thread has left all its guards, in every domain, before a callback is called. */
static void test_all_guards_are_left_before_callbacks(void **state)
{
    t_env *env = *state;
    late_barrier l = {.older = env->domain, .newer = t_domain(env->scheme, NULL), .result = 1};
    t_run(1, end_with_guards, &l);
    assert_int_equal(l.result, 0);
    assert_int_equal(t_stats(env->domain).guards_held, 0);
    assert_int_equal(weft_domain_destroy(l.newer), 0);
}

/* A callback of the older domain ends its thread in a barrier or destruction; the exit hook calls one of the newer. */
typedef struct cut_off {
    weft_domain *older, *newer;
    bool destroys;
    int result;
} cut_off;

static int wait_or_destroy(const cut_off *c)
{
    return c->destroys ? weft_domain_destroy(c->older) : weft_domain_barrier(c->older, UINT64_MAX);
}

static void end_the_thread(void *object, void *ctx)
{
    (void)ctx;
    free(object);
    pthread_exit(NULL);
}

static void do_it_once_more(void *object, void *ctx)
{
    cut_off *c = ctx;
    free(object);
    c->result = wait_or_destroy(c);
}

static void be_cut_off(unsigned index, void *ctx)
{
    cut_off *c = ctx;
    (void)index;
    CHECK(weft_retire(c->newer, malloc(8), do_it_once_more, c) == 0);
    CHECK(weft_retire(c->older, malloc(8), end_the_thread, NULL) == 0);
    (void)!wait_or_destroy(c);
    CHECK(!"it ends there");
}

/* The barrier or destruction in which a callback ended the thread does not block the thread's exit hook. */
static void test_a_thread_that_ends_is_not_in_its_own_way(void **state)
{
    t_env *env = *state;
    for (int destroys = 0; destroys < 2; destroys++) {
        cut_off c = {.older = t_domain(env->scheme, NULL),
                     .newer = t_domain(env->scheme, NULL),
                     .destroys = destroys,
                     .result = 1};
        (void)alarm(SECONDS);
        t_run(1, be_cut_off, &c);
        (void)alarm(0);
        assert_int_equal(c.result, 0);
        assert_int_equal(weft_domain_destroy(c.newer), 0);
        if (!destroys)
            assert_int_equal(weft_domain_destroy(c.older), 0);
    }
}

static void test_callbacks_that_always_retire_again(void **state)
{
    t_env *env = *state;
    const size_t counts[] = {1, 3 * BATCH};
    for (size_t i = 0; i < T_COUNT(counts); i++) {
        trying t = {.domain = env->domain, .in_use = 1, .objects = counts[i]};
        atomic_store(&tries, 0);
        run_one(retire_to_try, &t); /* the thread ends */
        weft_domain_flush(env->domain);
        t_barrier(env->domain);
        int tried = atomic_load(&tries); /* once in each that was called, or as often as a barrier looks */
        atomic_store(&t.in_use, 0);
        assert_true(tried >= (int)counts[i]);
        t_barrier(env->domain);
        assert_int_equal(t_stats(env->domain).pending, 0);
    }
}

/* ---- a thread without a record ---- */

typedef struct late {
    weft_domain *domain, *other;
    pthread_key_t key;
    int rounds;
    int barrier, destroy, outer_barrier, outer_destroy, done;
    atomic_int count;
} late;

static void ask_of_other(void *object, void *ctx)
{
    late *l = ctx;
    free(object);
    l->outer_barrier = weft_domain_barrier(l->domain, 0);
    l->outer_destroy = weft_domain_destroy(l->domain);
}

static void ask(void *object, void *ctx)
{
    late *l = ctx;
    free(object);
    l->barrier = weft_domain_barrier(l->domain, UINT64_MAX);
    l->destroy = weft_domain_destroy(l->domain);
    CHECK(weft_retire(l->other, malloc(8), ask_of_other, l) == 0);
    CHECK(weft_domain_barrier(l->other, UINT64_MAX) == 0); /* its callback runs inside this one */
}

static void ask_all(late *l)
{
    CHECK(weft_retire(l->domain, malloc(8), ask, l) == 0);
    l->done = weft_domain_barrier(l->domain, UINT64_MAX);
}

/* Sets its key again until Weft's exit hook has run. */
static void destructor(void *value)
{
    late *l = value;
    if (l->rounds++ < 2)
        CHECK(pthread_setspecific(l->key, l) == 0);
    else
        ask_all(l);
}

static void *set_key(void *ctx)
{
    late *l = ctx;
    CHECK(weft_domain_attach(l->domain) == 0);
    CHECK(pthread_setspecific(l->key, l) == 0);
    return NULL;
}

static void *no_record(void *ctx)
{
    ask_all(ctx); /* the first use in this thread */
    return NULL;
}

static void *no_record_to_be_had(void *ctx)
{
    atomic_store(&t_setspecific.refuse, true);
    ask_all(ctx);
    atomic_store(&t_setspecific.refuse, false);
    return NULL;
}

static void test_busy_is_said_without_a_record(void **state)
{
    t_env *env = *state;
    void *(*const bodies[])(void *) = {no_record, set_key, no_record_to_be_had};
    for (size_t i = 0; i < T_COUNT(bodies); i++) {
        late l = {.domain = env->domain};
        assert_int_equal(weft_domain_create(&l.other, NULL), 0);
        assert_int_equal(pthread_key_create(&l.key, destructor), 0);
        run_one(bodies[i], &l);
        assert_int_equal(l.barrier, -EBUSY);
        assert_int_equal(l.destroy, -EBUSY);
        assert_int_equal(l.outer_barrier, -EBUSY);
        assert_int_equal(l.outer_destroy, -EBUSY);
        assert_int_equal(l.done, 0);
        assert_int_equal(pthread_key_delete(l.key), 0);
        assert_int_equal(weft_domain_destroy(l.other), 0);
    }
}

/* ---- the bound on garbage ---- */

typedef struct littering {
    weft_domain *domain;
    atomic_int count;
    size_t most; /* pending, as seen by any thread */
} littering;

/* 3 words for each guard held: one at a time in each thread, the held one's, and an operation's. */
static size_t bound(size_t threads)
{
    return (threads + 2) * (2 * BATCH + 3 * 4);
}

static void litter(unsigned index, void *ctx)
{
    littering *l = ctx;
    (void)index;
    t_retire_many(l->domain, 1000, &l->count);
}

static void litter_at_last(void *ctx)
{
    litter(0, ctx);
}

static void litter_in_turn(littering *l, unsigned threads)
{
    for (unsigned i = 0; i < threads; i++) {
        t_run(1, litter, l);
        size_t pending = t_stats(l->domain).pending;
        l->most = pending > l->most ? pending : l->most;
    }
}

static void test_threads_that_come_and_go_leave_little(void **state)
{
    t_env *env = *state;
    littering l = {.domain = env->domain};
    litter_in_turn(&l, T_SCALE(1000, 100));
    assert_in_range(l.most, 0, bound(2));
    t_barrier(env->domain);
    assert_int_equal(atomic_load(&l.count), T_SCALE(1000, 100) * 1000);
}

static void wait_in_barrier(void *ctx)
{
    littering *l = ctx;
    CHECK(weft_domain_barrier(l->domain, UINT64_MAX) == 0);
}

static void test_also_beside_a_barrier(void **state)
{
    t_env *env = *state;
    littering l = {.domain = env->domain};
    t_worker holder, waiter;
    weft_atomic_ptr source;
    atomic_int held = 0;
    t_hold hold = {.domain = env->domain, .source = &source};
    weft_ptr_store(&source, malloc(8));
    t_worker_start(&holder);
    t_worker_start(&waiter);
    t_worker_do(&holder, t_hold_enter, &hold);
    void *object = weft_ptr_load(&source);
    weft_ptr_store(&source, NULL);
    assert_int_equal(weft_retire(env->domain, object, t_count_free, &held), 0);
    t_worker_tell(&waiter, wait_in_barrier, &l);
    usleep(20000); /* then it waits in the barrier */
    litter_in_turn(&l, T_SCALE(300, 30));
    for (int i = 0; i < 6; i++) { /* threads without a place: others must be able to reclaim their orphans */
        t_last last;
        t_last_start(&last, env->domain, litter_at_last, &l);
        t_last_join(&last);
    }
    assert_int_equal(atomic_load(&held), 0);
    if (env->scheme == WEFT_HAZARD)
        assert_in_range(l.most, 1, bound(4));
    t_worker_do(&holder, t_hold_leave, &hold);
    t_sem_wait(&waiter.done);
    assert_int_equal(atomic_load(&held), 1);
    t_worker_end(&holder);
    t_worker_end(&waiter);
    t_barrier(env->domain);
}

/* A callback that sleeps holds up no other object's reclamation. */
static sem_t sleeping, wake;

static void sleep_inside(void *object, void *ctx)
{
    (void)ctx;
    free(object);
    sem_post(&sleeping);
    t_sem_wait(&wake);
}

static void retire_sleeper(void *ctx)
{
    littering *l = ctx;
    CHECK(weft_retire(l->domain, malloc(8), sleep_inside, NULL) == 0);
    t_retire_many(l->domain, 1000, &l->count);
}

static void flush(void *ctx)
{
    weft_domain_flush(((littering *)ctx)->domain);
}

static void test_also_beside_a_callback_that_sleeps(void **state)
{
    t_env *env = *state;
    littering l = {.domain = env->domain};
    t_last sleeper;
    t_worker flusher;
    sem_init(&sleeping, 0, 0);
    sem_init(&wake, 0, 0);
    t_last_start(&sleeper, env->domain, retire_sleeper, &l);
    t_last_join(&sleeper);
    t_worker_start(&flusher);
    t_worker_tell(&flusher, flush, &l);
    t_sem_wait(&sleeping);
    litter_in_turn(&l, T_SCALE(300, 30));
    assert_in_range(l.most, 1, bound(3));
    /* a barrier waits for the callback, although another thread has taken it from the orphans */
    assert_int_equal(weft_domain_barrier(env->domain, 20000000), -ETIMEDOUT);
    sem_post(&wake);
    t_sem_wait(&flusher.done);
    t_worker_end(&flusher);
    t_barrier(env->domain);
    assert_int_equal(t_stats(env->domain).pending, 0);
}

/*
 * One collecting thread cannot keep up with all threads without a place. So under hazard pointers a thread that finds
 * two batches of orphans helps; under epochs, where garbage has no bound, it leaves them to the other. Here the test
 * holds the right all the time, which a thread does for moments only, so a thread that helps waits for it.
 */
static void test_orphans_are_not_left_to_one(void **state)
{
    t_env *env = *state;
    littering l = {.domain = env->domain};
    t_last last[3];
    assert_true(weft_i_take_right(&env->domain->shared_right, 1));
    for (int i = 0; i < 3; i++) {
        t_last_start(&last[i], env->domain, litter_at_last, &l);
        if (i < 2)
            t_last_join(&last[i]);
    }
    usleep(100000);
    int joined = env->scheme == WEFT_HAZARD ? pthread_tryjoin_np(last[2].thread, NULL) : EBUSY;
    weft_i_give_right(&env->domain->shared_right);
    assert_int_equal(joined, EBUSY);
    t_last_join(&last[2]);
    weft_domain_flush(env->domain);
    t_barrier(env->domain);
    assert_int_equal(atomic_load(&l.count), 3000);
}

/* ---- what a thread held when it ended ---- */

enum { CHAIN = 6 };

static atomic_int until_end; /* comparisons until the thread ends; 0: never */

static uint64_t same_hash(const void *key, const weft_map_seed *seed, void *ctx)
{
    (void)key;
    (void)seed;
    (void)ctx;
    return 4711;
}

static bool equal_or_end(const void *a, const void *b, void *ctx)
{
    (void)ctx;
    if (atomic_load(&until_end) > 0 && atomic_fetch_sub(&until_end, 1) == 1)
        pthread_exit(NULL);
    return a == b;
}

static void *look_up_and_end(void *ctx)
{
    (void)!weft_map_contains(ctx, t_ptr(CHAIN + 1));
    return ctx;
}

/* In the middle of a lookup, by a comparison: no hazard of its guard is left, whichever the walk was using. */
static void test_a_comparison_ends_its_thread(void **state)
{
    t_env *env = *state;
    const weft_map_config config = {.hash = same_hash, .equal = equal_or_end};
    weft_map *map;
    assert_int_equal(weft_map_create(&map, env->domain, &config), 0);
    for (int at = 1; at <= CHAIN; at++) {
        for (uintptr_t key = 1; key <= CHAIN; key++)
            assert_int_equal(weft_map_insert(map, t_ptr(key), t_ptr(1)), 0);
        atomic_store(&until_end, at);
        run_one(look_up_and_end, map);
        assert_int_equal(atomic_load(&until_end), 0);
        for (uintptr_t key = 1; key <= CHAIN; key++)
            assert_true(weft_map_remove(map, t_ptr(key), NULL));
        assert_int_equal(weft_domain_barrier(env->domain, UINT64_C(5000000000)), 0);
        assert_int_equal(t_stats(env->domain).guards_held, 0);
    }
    weft_map_destroy(map, NULL, NULL);
}

/* ---- one thread in many domains ---- */

enum { APART = 16, OPERATIONS = 4000 };

/* Two domains share an entry of the table of hints (WEFT_HINTS apart). A thread finds its places without a lock. */
static void test_places_are_found_without_locks(void **state)
{
    t_env *env = *state;
    weft_domain *domain[APART + 1];
    void *made[2], *value;
    for (int i = 0; i <= APART; i++)
        domain[i] = t_domain(env->scheme, NULL);
    assert_int_equal((domain[APART]->id - domain[0]->id) % WEFT_HINTS, 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(containers->create(&made[i], domain[i * APART]), 0);
        assert_int_equal(weft_domain_attach(domain[i * APART]), 0);
    }
    size_t locks = atomic_load(&t_mutex_lock.calls);
    for (int i = 0; i < OPERATIONS / 2; i++) {
        CHECK(containers->put(made[i % 2], t_ptr(1)) == 0);
        CHECK(containers->take(made[i % 2], &value));
    }
    assert_int_equal(atomic_load(&t_mutex_lock.calls) - locks, 0);
    for (int i = 0; i < 2; i++)
        containers->destroy(made[i], NULL, NULL);
    for (int i = 0; i <= APART; i++)
        t_domain_done(domain[i], NULL);
}

/* ---- caches ---- */

static void many_pairs(void *ctx)
{
    void *made = ctx;
    void *value;
    for (uintptr_t i = 0; i < T_SCALE(2000000, 100000); i++) {
        CHECK(containers->put(made, t_ptr(i)) == 0);
        CHECK(containers->take(made, &value));
    }
}

/* Nodes kept for reuse: WEFT_CACHE (2 batches) per thread and class, and four such lists in the domain. */
static void test_caches_have_a_limit(void **state)
{
    t_env *env = *state;
    t_worker worker, holder;
    t_hold hold = {.domain = env->domain};
    void *made;
    assert_int_equal(containers->create(&made, env->domain), 0);
    t_worker_start(&worker);
    t_worker_start(&holder);
    t_worker_do(&holder, t_hold_enter, &hold);
    t_worker_do(&worker, many_pairs, made); /* epochs: all wait */
    t_worker_do(&holder, t_hold_leave, &hold);
    t_worker_do(&worker, many_pairs, made); /* enough for its scans, which are rare with so many, to reach them */
    t_barrier(env->domain);
    weft_domain_flush(env->domain);
    assert_in_range(t_stats(env->domain).allocated, 1, 65536 + 3 * 2 * BATCH * 32 + 4 * 2 * BATCH * 32);
    t_worker_end(&worker);
    t_worker_end(&holder);
    containers->destroy(made, NULL, NULL);
}

/* Known sizes bring reclamation forward: WEFT_BATCH_BYTES (4 MiB). */
static void test_large_objects_do_not_wait_for_a_batch(void **state)
{
    t_env *env = *state;
    static weft_hook hook[12];
    static char object[12];
    atomic_int count = 0;
    for (size_t i = 0; i < T_COUNT(hook); i++)
        weft_retire_hook(env->domain, &hook[i], &object[i], 1 << 20, t_count, &count);
    assert_in_range(atomic_load(&count), 3, T_COUNT(hook));
    t_barrier(env->domain);
    assert_int_equal(atomic_load(&count), T_COUNT(hook));
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        T_BOTH(test_ending_threads_retire_again),
        cmocka_unit_test(test_comers_share_a_map),
        T_SEQUENCES(test_an_allocator_with_weft_inside),
        T_BOTH(test_callbacks_end_threads),
        T_BOTH(test_a_callback_that_ended_its_thread_is_over),
        T_BOTH(test_a_barrier_waits_for_the_exit_hook),
        T_BOTH(test_a_callback_that_ended_its_thread_is_over_there),
        T_BOTH(test_the_domain_is_gone_when_the_hook_runs),
        T_MAPS(test_callbacks_find_no_guard_of_ours),
        T_BOTH(test_all_guards_are_left_before_callbacks),
        T_BOTH(test_a_thread_that_ends_is_not_in_its_own_way),
        T_BOTH(test_callbacks_that_always_retire_again),
        T_BOTH(test_busy_is_said_without_a_record),
        T_BOTH(test_threads_that_come_and_go_leave_little),
        T_BOTH(test_also_beside_a_barrier),
        T_BOTH(test_also_beside_a_callback_that_sleeps),
        T_BOTH(test_orphans_are_not_left_to_one),
        T_BOTH(test_a_comparison_ends_its_thread),
        T_BOTH(test_places_are_found_without_locks),
        T_BOTH(test_caches_have_a_limit),
        T_BOTH(test_large_objects_do_not_wait_for_a_batch),
    };
    atomic_store(&t_key_create.refuse, false);
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
