/*
 * Fork in the middle of traffic. Threads hammer containers, maps and the domain itself; the main thread forks
 * again and again, and each child uses, drains and destroys what it has inherited, also with threads of its own.
 */
#include "tests/unit/support.h"

#include "tests/support/containers.h"
#include "tests/support/maps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { THREADS = 3, FORKS = T_SCALE(60, 50), KEYS = 512, SECONDS = 60, FILLED = 200 };

/*
 * The address sanitizer's allocator does not survive a fork during another thread's allocation (glibc's does). So under
 * it this test's threads allocate under this lock, which forks take. A thread's start and registration allocate without
 * the lock, so forks wait until every thread has done a turn.
 */
static pthread_mutex_t heap = PTHREAD_MUTEX_INITIALIZER;

static void heap_lock(void)
{
    if (T_SANITIZED)
        pthread_mutex_lock(&heap);
}

static void heap_unlock(void)
{
    if (T_SANITIZED)
        pthread_mutex_unlock(&heap);
}

static void *heap_alloc(size_t size, size_t alignment, void *ctx)
{
    void *memory = NULL;
    (void)ctx;
    heap_lock();
    if (posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) != 0)
        memory = NULL;
    heap_unlock();
    return memory;
}

static void heap_free(void *memory, size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    heap_lock();
    free(memory);
    heap_unlock();
}

typedef struct traffic {
    weft_domain *domain;
    void *each[CONTAINERS];
    void *map[MAPS];
    weft_atomic_ptr shared; /* replaced all the time */
    atomic_bool stop;
    atomic_size_t turns;
    atomic_uint turning; /* threads past their first turn */
    atomic_bool park;
    atomic_uint parked;
    int gate[2];
} traffic;

enum { ALIVE = 0x600d };

static atomic_int ignored;

static void free_shared(void *object, void *ctx)
{
    (void)ctx;
    CHECK(*(uint64_t *)object == ALIVE);
    *(uint64_t *)object = 0;
    heap_free(object, sizeof(uint64_t), NULL);
}

static void replace_shared(traffic *t)
{
    uint64_t *object = heap_alloc(sizeof *object, 8, NULL);
    weft_guard guard;
    CHECK(object != NULL);
    *object = ALIVE;
    weft_enter(&guard, t->domain);
    void *old = weft_protect(&guard, &t->shared);
    CHECK(*(uint64_t *)old == ALIVE);
    bool mine = weft_ptr_cas(&t->shared, &old, object);
    weft_leave(&guard);
    if (mine)
        CHECK(weft_retire(t->domain, old, free_shared, NULL) == 0);
    else
        heap_free(object, sizeof *object, NULL);
}

/* A value consists of its producer and a number that ascends within one producer. */
static void turn(traffic *t, unsigned worker, uintptr_t i)
{
    void *value = t_ptr(((uintptr_t)worker + 1) << 40 | i);
    void *out;
    uintptr_t key = i * 7 % KEYS;
    for (size_t c = 0; c < CONTAINERS; c++)
        CHECK(containers[c].put(t->each[c], value) == 0);
    for (size_t m = 0; m < MAPS; m++)
        (void)!maps[m].put(t->map[m], key, t_ptr(key + 1), NULL);
    for (size_t c = 0; c < CONTAINERS; c++)
        CHECK(containers[c].take(t->each[c], &out));
    for (size_t m = 0; m < MAPS; m++)
        (void)maps[m].remove(t->map[m], (key + KEYS / 2) % KEYS, NULL);
    replace_shared(t);
    if (i % 64 == 0)
        weft_domain_flush(t->domain);
    if (i % 256 == 0)
        (void)!weft_domain_barrier(t->domain, 0);
}

/*
 * The thread sanitizer's runtime (gcc 12) takes locks in every atomic operation and leaves them locked in a child
 * whose parent's other threads were inside: there, forks come between turns, with the threads in read(2).
 */
static void park_while_forking(traffic *t)
{
    char token;
    if (!WEFT_I_TSAN || !atomic_load(&t->park))
        return;
    atomic_fetch_add(&t->parked, 1);
    CHECK(read(t->gate[0], &token, 1) == 1);
}

static int fork_in_traffic(traffic *t)
{
    if (!WEFT_I_TSAN)
        return fork();
    atomic_store(&t->park, true);
    while (atomic_load(&t->parked) < THREADS)
        ;
    pid_t pid = fork();
    if (pid != 0) {
        atomic_store(&t->park, false);
        atomic_store(&t->parked, 0);
        CHECK(write(t->gate[1], "....", THREADS) == THREADS);
    }
    return pid;
}

static void hammer(unsigned worker, void *ctx)
{
    traffic *t = ctx;
    for (uintptr_t i = 1; !atomic_load(&t->stop); i++) {
        turn(t, worker, i);
        if (i == 1)
            atomic_fetch_add(&t->turning, 1);
        atomic_fetch_add(&t->turns, 1);
        park_while_forking(t);
    }
}

/* ---- threads of parent and child ---- */

/* Own stacks: the thread sanitizer takes a child's thread on a vanished thread's stack for that vanished thread. */
enum { STACK = 1 << 20 };

typedef struct runner {
    pthread_t thread;
    unsigned worker;
    void (*body)(unsigned worker, void *ctx);
    void *ctx;
    void *stack;
} runner;

static void *runner_main(void *argument)
{
    runner *r = argument;
    r->body(r->worker, r->ctx);
    return NULL;
}

static void start_threads(runner *r, unsigned n, void (*body)(unsigned worker, void *ctx), void *ctx)
{
    for (unsigned i = 0; i < n; i++) {
        pthread_attr_t attributes;
        void *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(stack != MAP_FAILED);
        r[i] = (runner){.worker = i, .body = body, .ctx = ctx, .stack = stack};
        CHECK(pthread_attr_init(&attributes) == 0);
        CHECK(pthread_attr_setstack(&attributes, stack, STACK) == 0);
        CHECK(pthread_create(&r[i].thread, &attributes, runner_main, &r[i]) == 0);
        CHECK(pthread_attr_destroy(&attributes) == 0);
    }
}

static void join_threads(runner *r, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        CHECK(pthread_join(r[i].thread, NULL) == 0);
        CHECK(munmap(r[i].stack, STACK) == 0);
    }
}

/* ---- in the child ---- */

static void drain(const container *is, void *object)
{
    uintptr_t last[THREADS + 1] = {0};
    size_t taken = 0;
    for (void *value; is->take(object, &value); taken++) {
        uintptr_t worker = t_int(value) >> 40, i = t_int(value) & 0xffffffffffu;
        CHECK(worker <= THREADS);
        CHECK(is->lifo || worker == 0 || i > last[worker]);
        last[worker] = i;
    }
    CHECK(taken >= FILLED && taken <= FILLED + THREADS);
    CHECK(is->is_empty(object));
}

static bool see_entry(uintptr_t key, void *value, void *seen)
{
    CHECK(t_int(value) == key + 1);
    ++*(size_t *)seen;
    return true;
}

static void empty_map(const map_subject *of, void *map)
{
    size_t seen = 0, removed = 0;
    of->walk(map, see_entry, &seen);
    for (uintptr_t k = 0; k < KEYS; k++) {
        CHECK(of->contains(map, k) == (of->get(map, NULL, k) != NULL));
        removed += of->remove(map, k, NULL);
    }
    CHECK(seen == removed);
    CHECK(of->size(map) <= THREADS || of->size(map) >= (size_t)0 - THREADS); /* updates that broke off */
}

static void some_turns(unsigned worker, void *ctx)
{
    for (uintptr_t i = 1; i <= 300; i++)
        turn(ctx, worker, i);
}

static void use_by_new_threads(traffic *t)
{
    runner runners[2];
    start_threads(runners, 2, some_turns, t);
    join_threads(runners, 2);
}

static void child(traffic *t, int which)
{
    CHECK(t_stats(t->domain).guards_held == 0);
    if (which % 3 == 0) { /* straight into use by new threads */
        use_by_new_threads(t);
        CHECK(weft_domain_barrier(t->domain, UINT64_MAX) == 0);
    }
    for (size_t c = 0; c < CONTAINERS; c++)
        drain(&containers[c], t->each[c]);
    for (size_t m = 0; m < MAPS; m++)
        empty_map(&maps[m], t->map[m]);
    for (uintptr_t i = 1; i <= 3000; i++)
        turn(t, 0, i);
    CHECK(weft_domain_barrier(t->domain, UINT64_MAX) == 0);
    if (which % 3 == 1)
        use_by_new_threads(t);
    for (size_t c = 0; c < CONTAINERS; c++)
        containers[c].destroy(t->each[c], NULL, NULL);
    for (size_t m = 0; m < MAPS; m++)
        maps[m].destroy(t->map[m]);
    CHECK(weft_domain_barrier(t->domain, UINT64_MAX) == 0);
    /* what vanished threads were handling at that moment may leak: at most a batch each */
    CHECK(t_stats(t->domain).pending <= THREADS * 1024);
    CHECK(weft_domain_destroy(t->domain) == 0);
    CHECK(weft_retire(NULL, t, t_count, &ignored) == 0); /* the default domain, too */
    t_barrier(NULL);
}

static void fork_once(traffic *t, int which)
{
    size_t turns = atomic_load(&t->turns);
    while (atomic_load(&t->turns) < turns + 20) /* another place in the traffic each time */
        ;
    pid_t pid = fork_in_traffic(t);
    CHECK(pid >= 0);
    if (pid == 0) {
        t_child_begin(SECONDS);
        child(t, which);
        _exit(0);
    }
    t_child_wait(pid);
}

static void open_traffic(traffic *t, weft_scheme scheme)
{
    const weft_domain_config config = {.scheme = scheme, .allocator = {heap_alloc, heap_free, NULL}};
    memset(t, 0, sizeof *t);
    assert_int_equal(pipe(t->gate), 0);
    assert_int_equal(weft_domain_create(&t->domain, &config), 0);
    for (size_t c = 0; c < CONTAINERS; c++) {
        assert_int_equal(containers[c].create(&t->each[c], t->domain), 0);
        for (uintptr_t i = 1; i <= FILLED; i++)
            assert_int_equal(containers[c].put(t->each[c], t_ptr(i)), 0);
    }
    for (size_t m = 0; m < MAPS; m++)
        assert_int_equal(maps[m].create(&t->map[m], t->domain, NULL, NULL), 0);
    uint64_t *first = heap_alloc(sizeof *first, 8, NULL);
    *first = ALIVE;
    weft_ptr_store(&t->shared, first);
}

static void test_fork_in_traffic(void **state)
{
    static traffic t;
    runner runners[THREADS];
    open_traffic(&t, ((const t_case *)*state)->scheme);
    start_threads(runners, THREADS, hammer, &t);
    while (atomic_load(&t.turning) < THREADS) /* see heap */
        ;
    for (int i = 0; i < FORKS; i++)
        fork_once(&t, i);
    atomic_store(&t.stop, true);
    join_threads(runners, THREADS);
    print_message("%d forks in the middle of %zu turns of %d threads\n", FORKS, atomic_load(&t.turns), THREADS);
    for (size_t c = 0; c < CONTAINERS; c++) /* the parent went on undisturbed */
        containers[c].destroy(t.each[c], NULL, NULL);
    for (size_t m = 0; m < MAPS; m++)
        maps[m].destroy(t.map[m]);
    t_barrier(t.domain);
    assert_int_equal(t_stats(t.domain).pending, 0);
    assert_int_equal(weft_domain_destroy(t.domain), 0);
    heap_free(weft_ptr_load(&t.shared), sizeof(uint64_t), NULL);
    close(t.gate[0]);
    close(t.gate[1]);
}

/* ---- by a callback ---- */

static weft_domain *forked_in;
static pid_t forked;

static void wait_for_barrier(unsigned worker, void *ctx)
{
    (void)worker;
    *(int *)ctx = weft_domain_barrier(forked_in, UINT64_C(50000000));
}

/* In the child this callback is still running, so another thread's barrier has to wait. */
static void fork_and_ask(void *object, void *ctx)
{
    int error = 0;
    runner other;
    (void)object;
    forked = fork();
    CHECK(forked >= 0);
    if (forked > 0)
        return;
    t_child_begin(SECONDS);
    start_threads(&other, 1, wait_for_barrier, &error);
    join_threads(&other, 1);
    *(int *)ctx = error;
}

static int asked;

static void retire_one(unsigned worker, void *ctx)
{
    (void)worker;
    CHECK(weft_retire(ctx, &forked, fork_and_ask, &asked) == 0);
}

/* The callback runs in a barrier, or for a thread that has ended. */
static void fork_in_a_callback(weft_domain *domain, bool in_barrier)
{
    runner other;
    weft_guard guard;
    forked_in = domain;
    asked = 0;
    if (in_barrier) {
        retire_one(0, domain);
    } else {
        weft_atomic_ptr cell;
        weft_ptr_store(&cell, &forked);
        weft_enter(&guard, domain);
        CHECK(weft_protect(&guard, &cell) == &forked);
        start_threads(&other, 1, retire_one, domain);
        join_threads(&other, 1);
        weft_leave(&guard);
        weft_domain_flush(domain);
    }
    CHECK(weft_domain_barrier(domain, UINT64_MAX) == 0);
    if (forked == 0) {
        CHECK(asked == -ETIMEDOUT);
        CHECK(weft_domain_barrier(domain, UINT64_C(5000000000)) == 0);
        CHECK(weft_domain_destroy(domain) == 0);
        _exit(0);
    }
    t_child_wait(forked);
    assert_int_equal(weft_domain_destroy(domain), 0);
}

static void test_fork_in_a_callback(void **state)
{
    const weft_domain_config config = {.scheme = ((const t_case *)*state)->scheme};
    for (int in_barrier = 0; in_barrier < 2; in_barrier++) {
        weft_domain *domain;
        assert_int_equal(weft_domain_create(&domain, &config), 0);
        fork_in_a_callback(domain, in_barrier);
    }
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        {"test_fork_in_a_callback (hazard)", test_fork_in_a_callback, NULL, NULL, &t_hazard},
        {"test_fork_in_a_callback (epoch)", test_fork_in_a_callback, NULL, NULL, &t_epoch},
        {"test_fork_in_traffic (hazard)", test_fork_in_traffic, NULL, NULL, &t_hazard},
        {"test_fork_in_traffic (epoch)", test_fork_in_traffic, NULL, NULL, &t_epoch},
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    CHECK(pthread_atfork(heap_lock, heap_unlock, heap_unlock) == 0); /* first, so that its prepare handler runs last */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
