/*
 * Maintenance never shows as a pause: counts the nodes that one call touches at most, while one thread allocates what
 * another frees. Each node has a page of its own, forbidden until it is touched: its first touch in a call is a signal,
 * which is counted. So the test needs no clock.
 */
#include "tests/unit/sequence.h"

#include <weft/reclaim/local.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Without caches (address sanitizer) nodes go back to the allocator, eight at a time. */
enum { NODES = 1 << 13, TURNS = 7000, FEW = WEFT_I_ASAN ? 12 : 4, STEP = 512 };

typedef struct arena {
    char *pages;
    size_t page, next;   /* the bytes of a node's pages; the first node that was never given */
    size_t largest;      /* the bytes of the largest node */
    size_t spare[NODES]; /* numbers of pages that came back */
    size_t spares;
    pthread_mutex_t lock;
    const container *kind;
    void *sequence;
    uintptr_t turn;
    size_t touched, page_of[NODES]; /* in the call under way */
} arena;

static arena *observed;

static void on_touch(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    uintptr_t offset = (uintptr_t)info->si_addr - (uintptr_t)observed->pages;
    if (offset >= NODES * observed->page) {
        signal(signal_number, SIG_DFL); /* another fault: it happens again, and ends the process */
        return;
    }
    size_t number = offset / observed->page;
    observed->page_of[observed->touched++] = number;
    CHECK(mprotect(observed->pages + number * observed->page, observed->page, PROT_READ | PROT_WRITE) == 0);
}

static bool is_node(size_t size)
{
    return size == 4 * sizeof(void *) || size == WEFT_I_SEGMENT_SIZE;
}

static void *arena_alloc(size_t size, size_t alignment, void *ctx)
{
    arena *a = ctx;
    void *memory = NULL;
    if (!is_node(size))
        return posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) == 0 ? memory
                                                                                                           : NULL;
    pthread_mutex_lock(&a->lock);
    size_t number = a->spares > 0 ? a->spare[--a->spares] : a->next++;
    CHECK(number < NODES);
    a->largest = size > a->largest ? size : a->largest;
    pthread_mutex_unlock(&a->lock);
    return a->pages + number * a->page;
}

static void arena_free(void *memory, size_t size, void *ctx)
{
    arena *a = ctx;
    if (!is_node(size)) {
        free(memory);
        return;
    }
    pthread_mutex_lock(&a->lock);
    a->spare[a->spares++] = (size_t)((char *)memory - a->pages) / a->page;
    pthread_mutex_unlock(&a->lock);
}

static void put(void *ctx)
{
    arena *a = ctx;
    CHECK(a->kind->put(a->sequence, t_ptr(a->turn)) == 0);
}

static void take(void *ctx)
{
    arena *a = ctx;
    void *value = NULL;
    CHECK(a->kind->take(a->sequence, &value) && t_int(value) == a->turn);
}

static void set_all(arena *a, int protection)
{
    CHECK(mprotect(a->pages, NODES * a->page, protection) == 0);
}

/* The number of nodes that the call touches. Their pages are forbidden again afterwards. */
static size_t touches(arena *a, t_worker *worker, void (*call)(void *ctx))
{
    a->touched = 0;
    t_worker_do(worker, call, a);
    for (size_t i = 0; i < a->touched; i++)
        CHECK(mprotect(a->pages + a->page_of[i] * a->page, a->page, PROT_NONE) == 0);
    return a->touched;
}

typedef struct extremes {
    size_t least, most;
} extremes;

static void note(extremes *all, size_t touched)
{
    all->least = touched < all->least ? touched : all->least;
    all->most = touched > all->most ? touched : all->most;
}

static arena *new_arena(const t_env *env, weft_domain **domain)
{
    arena *a = calloc(1, sizeof *a);
    CHECK(a != NULL);
    a->page = (size_t)sysconf(_SC_PAGESIZE);
    while (a->page < WEFT_I_SEGMENT_SIZE)
        a->page *= 2;
    a->pages = mmap(NULL, NODES * a->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(a->pages != MAP_FAILED && pthread_mutex_init(&a->lock, NULL) == 0);
    CHECK(weft_domain_create(
              domain, &(weft_domain_config){.scheme = env->scheme, .allocator = {arena_alloc, arena_free, a}}) == 0);
    a->kind = env->what;
    CHECK(a->kind->create(&a->sequence, *domain) == 0);
    observed = a;
    return a;
}

static void test_one_call_touches_few_nodes(void **state)
{
    t_env *env = *state;
    weft_domain *domain;
    arena *a = new_arena(env, &domain);
    struct sigaction action = {.sa_sigaction = on_touch, .sa_flags = SA_SIGINFO}, before;
    assert_int_equal(sigaction(SIGSEGV, &action, &before), 0);
    t_worker producer, consumer, sleeper;
    t_hold hold = {.domain = domain, .pointer = a}; /* while something is held, a scan looks at each node */
    t_worker_start(&producer);
    t_worker_start(&sleeper);
    if (env->scheme == WEFT_HAZARD)
        t_worker_do(&sleeper, t_hold_enter, &hold);
    t_worker_start(&consumer);
    extremes in = {SIZE_MAX, 0}, out = in;
    set_all(a, PROT_NONE);
    uintptr_t turns = a->largest > 4 * sizeof(void *) ? (uintptr_t)6 * TURNS : TURNS; /* an array lasts longer */
    for (a->turn = 1; a->turn <= turns; a->turn++) {
        note(&in, touches(a, &producer, put));
        note(&out, touches(a, &consumer, take));
    }
    set_all(a, PROT_READ | PROT_WRITE);
    t_worker_end(&producer);
    t_worker_end(&consumer);
    if (env->scheme == WEFT_HAZARD)
        t_worker_do(&sleeper, t_hold_leave, &hold);
    t_worker_end(&sleeper);
    assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
    assert_true(in.least > 0 && in.most <= FEW);
    assert_true(out.least > 0 && out.most <= (env->scheme == WEFT_HAZARD ? STEP + FEW : FEW));
    assert_true(WEFT_I_ASAN || a->next < TURNS - 2000); /* free nodes went from one thread to the other */
    a->kind->destroy(a->sequence, NULL, NULL);
    assert_int_equal(weft_domain_destroy(domain), 0);
    CHECK(munmap(a->pages, NODES * a->page) == 0 && pthread_mutex_destroy(&a->lock) == 0);
    free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T_SEQUENCES(test_one_call_touches_few_nodes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
