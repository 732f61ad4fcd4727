#include "tests/unit/support.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

t_case t_hazard = {WEFT_HAZARD, NULL};
t_case t_epoch = {WEFT_EPOCH, NULL};

_Noreturn void t_fail(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
    abort();
}

/* ---- allocator ---- */

/* Precedes each block: `free` must be given the size that `alloc` was given. */
typedef struct header {
    size_t size, alignment;
} header;

static size_t header_room(size_t alignment)
{
    return alignment > sizeof(header) ? alignment : sizeof(header);
}

static bool must_fail(t_alloc *alloc)
{
    long left = atomic_load(&alloc->left);
    while (left >= 0) {
        long next = left > 0 ? left - 1 : atomic_load(&alloc->for_good) ? 0 : -1;
        if (atomic_compare_exchange_weak(&alloc->left, &left, next))
            return left == 0;
    }
    return false;
}

static void *alloc_alloc(size_t size, size_t alignment, void *ctx)
{
    t_alloc *alloc = ctx;
    CHECK(size > 0);
    CHECK(alignment > 0 && (alignment & (alignment - 1)) == 0);
    size_t largest = atomic_load(&alloc->largest);
    if ((largest && size > largest) || must_fail(alloc)) {
        atomic_fetch_add(&alloc->refused, 1);
        return NULL;
    }
    size_t room = header_room(alignment);
    void *block = memalign(room, room + size); /* not one of those that interpose.c can refuse */
    CHECK(block != NULL);
    char *memory = (char *)block + room;
    memset(memory, 0xa5, size); /* no caller may rely on zeroes */
    ((header *)(void *)memory)[-1] = (header){size, alignment};
    atomic_fetch_add(&alloc->bytes, size);
    atomic_fetch_add(&alloc->calls, 1);
    return memory;
}

static void alloc_free(void *memory, size_t size, void *ctx)
{
    t_alloc *alloc = ctx;
    CHECK(memory != NULL);
    header *head = (header *)memory - 1;
    CHECK(head->size == size);
    size_t room = header_room(head->alignment);
    memset(memory, 0xfe, size < 64 ? size : 64); /* late reads give nonsense */
    CHECK(atomic_fetch_sub(&alloc->bytes, size) >= size);
    free((char *)memory - room);
}

void t_alloc_init(t_alloc *alloc)
{
    memset(alloc, 0, sizeof *alloc);
    atomic_store(&alloc->left, -1);
}

weft_allocator t_allocator(t_alloc *alloc)
{
    return (weft_allocator){alloc_alloc, alloc_free, alloc};
}

void t_alloc_fail(t_alloc *alloc, long nth, bool for_good)
{
    atomic_store(&alloc->refused, 0);
    atomic_store(&alloc->for_good, for_good);
    atomic_store(&alloc->left, nth - 1);
}

void t_alloc_fail_never(t_alloc *alloc)
{
    atomic_store(&alloc->left, -1);
}

/* ---- environment ---- */

weft_domain *t_domain(weft_scheme scheme, t_alloc *alloc)
{
    weft_domain_config config = {.scheme = scheme};
    weft_domain *domain = NULL;
    if (alloc) {
        t_alloc_init(alloc);
        config.allocator = t_allocator(alloc);
    }
    CHECK(weft_domain_create(&domain, &config) == 0);
    CHECK(domain != NULL);
    return domain;
}

void t_domain_done(weft_domain *domain, const t_alloc *alloc)
{
    CHECK(weft_domain_destroy(domain) == 0);
    if (alloc)
        CHECK(atomic_load(&alloc->bytes) == 0);
}

int t_env_setup(void **state)
{
    const t_case *initial = *state;
    t_env *env = calloc(1, sizeof *env);
    CHECK(env != NULL);
    env->scheme = initial->scheme;
    env->what = initial->what;
    env->domain = t_domain(env->scheme, &env->alloc);
    *state = env;
    return 0;
}

int t_env_teardown(void **state)
{
    t_env *env = *state;
    int result = weft_domain_destroy(env->domain);
    size_t bytes = atomic_load(&env->alloc.bytes);
    if (result != 0 || bytes != 0) {
        print_error("teardown: weft_domain_destroy %d, %zu bytes left\n", result, bytes);
        return -1;
    }
    free(env);
    return 0;
}

weft_domain_statistics t_stats(weft_domain *domain)
{
    weft_domain_statistics stats;
    memset(&stats, 0xee, sizeof stats);
    weft_domain_stats(domain, &stats);
    return stats;
}

/* ---- threads ---- */

typedef struct start {
    pthread_t thread;
    pthread_barrier_t *together; /* NULL: at once */
    unsigned index;
    void (*body)(unsigned index, void *ctx);
    void *ctx;
} start;

static void *start_main(void *argument)
{
    start *s = argument;
    if (s->together)
        pthread_barrier_wait(s->together);
    s->body(s->index, s->ctx);
    return NULL;
}

void t_run(unsigned n, void (*body)(unsigned index, void *ctx), void *ctx)
{
    pthread_barrier_t together;
    if (n == 0)
        return;
    start *starts = calloc(n, sizeof *starts);
    CHECK(starts != NULL && pthread_barrier_init(&together, NULL, n) == 0);
    for (unsigned i = 0; i < n; i++) {
        starts[i] = (start){.together = &together, .index = i, .body = body, .ctx = ctx};
        CHECK(pthread_create(&starts[i].thread, NULL, start_main, &starts[i]) == 0);
    }
    for (unsigned i = 0; i < n; i++)
        CHECK(pthread_join(starts[i].thread, NULL) == 0);
    pthread_barrier_destroy(&together);
    free(starts);
}

void t_run_in_turn(unsigned n, void (*body)(unsigned index, void *ctx), void *ctx)
{
    for (unsigned i = 0; i < n; i++) {
        start s = {.index = i, .body = body, .ctx = ctx};
        CHECK(pthread_create(&s.thread, NULL, start_main, &s) == 0);
        CHECK(pthread_join(s.thread, NULL) == 0);
    }
}

/* Sets its key again until Weft's exit hook has run. */
static void last_destructor(void *value)
{
    t_last *last = value;
    if (last->rounds++ < 2)
        CHECK(pthread_setspecific(last->key, last) == 0);
    else
        last->body(last->ctx);
}

static void *last_main(void *ctx)
{
    t_last *last = ctx;
    CHECK(weft_domain_attach(last->domain) == 0);
    CHECK(pthread_setspecific(last->key, last) == 0);
    return NULL;
}

void t_last_start(t_last *last, weft_domain *domain, void (*body)(void *ctx), void *ctx)
{
    *last = (t_last){.domain = domain, .body = body, .ctx = ctx};
    CHECK(pthread_key_create(&last->key, last_destructor) == 0);
    CHECK(pthread_create(&last->thread, NULL, last_main, last) == 0);
}

void t_last_join(t_last *last)
{
    CHECK(pthread_join(last->thread, NULL) == 0);
    CHECK(pthread_key_delete(last->key) == 0);
}

void t_sem_wait(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        ; /* interrupted by a signal */
}

static void *worker_main(void *argument)
{
    t_worker *worker = argument;
    worker->thread_id = (int)syscall(SYS_gettid);
    sem_post(&worker->done);
    for (;;) {
        t_sem_wait(&worker->told);
        if (!worker->action)
            return NULL;
        worker->action(worker->ctx);
        sem_post(&worker->done);
    }
}

void t_worker_start(t_worker *worker)
{
    memset(worker, 0, sizeof *worker);
    CHECK(sem_init(&worker->told, 0, 0) == 0 && sem_init(&worker->done, 0, 0) == 0);
    CHECK(pthread_create(&worker->thread, NULL, worker_main, worker) == 0);
    t_sem_wait(&worker->done);
}

void t_worker_tell(t_worker *worker, void (*action)(void *ctx), void *ctx)
{
    worker->action = action;
    worker->ctx = ctx;
    sem_post(&worker->told);
}

void t_worker_do(t_worker *worker, void (*action)(void *ctx), void *ctx)
{
    t_worker_tell(worker, action, ctx);
    t_sem_wait(&worker->done);
}

void t_worker_end(t_worker *worker)
{
    worker->action = NULL;
    sem_post(&worker->told);
    CHECK(pthread_join(worker->thread, NULL) == 0);
    sem_destroy(&worker->told);
    sem_destroy(&worker->done);
}

void t_hold_enter(void *hold)
{
    t_hold *h = hold;
    weft_enter(&h->guard, h->domain);
    if (h->source)
        h->seen = weft_protect(&h->guard, h->source);
    else if (h->pointer)
        weft_guard_set(&h->guard, h->pointer);
}

void t_hold_leave(void *hold)
{
    weft_leave(&((t_hold *)hold)->guard);
}

void t_child_wait(int pid)
{
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        fprintf(stderr, "child exited with %d\n", WEXITSTATUS(status));
    if (WIFSIGNALED(status))
        fprintf(stderr, "child ended by signal %d%s\n", WTERMSIG(status),
                WTERMSIG(status) == SIGALRM ? " (it hung)" : "");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void t_child_begin(unsigned seconds)
{
    static const int caught[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS};
    for (size_t i = 0; i < T_COUNT(caught) && !T_SANITIZED; i++)
        signal(caught[i], SIG_DFL);
    alarm(seconds);
}

void t_in_child(void (*child)(void *ctx), void *ctx, unsigned seconds)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        t_child_begin(seconds);
        child(ctx);
        _exit(0);
    }
    t_child_wait(pid);
}

/* ---- retiring ---- */

void t_count(void *object, void *ctx)
{
    CHECK(object != NULL);
    atomic_fetch_add((atomic_int *)ctx, 1);
}

void t_count_free(void *object, void *ctx)
{
    t_count(object, ctx);
    free(object);
}

void t_retire_many(weft_domain *domain, size_t n, atomic_int *count)
{
    for (size_t i = 0; i < n; i++) {
        void *object = malloc(16);
        CHECK(object != NULL);
        CHECK(weft_retire(domain, object, t_count_free, count) == 0);
    }
}

void t_barrier(weft_domain *domain)
{
    CHECK(weft_domain_barrier(domain, UINT64_MAX) == 0);
}

/* ---- random numbers: S. Vigna's splitmix64 ---- */

uint64_t t_random(t_rng *rng)
{
    uint64_t z = rng->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

size_t t_below(t_rng *rng, size_t bound)
{
    return (size_t)(t_random(rng) % bound);
}

/* ---- elements of rings ---- */

static unsigned char byte_of(size_t n, size_t i)
{
    return (unsigned char)(n * 31 + i * 7 + (n >> 8) + 1);
}

void t_write_element(void *element, size_t size, size_t n)
{
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)element)[i] = byte_of(n, i);
}

bool t_is_element(const void *element, size_t size, size_t n)
{
    for (size_t i = 0; i < size; i++)
        if (((const unsigned char *)element)[i] != byte_of(n, i))
            return false;
    return true;
}
