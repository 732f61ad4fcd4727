/*
 * A seccomp filter refuses membarrier(2): from the start, or after it has worked for a while; alone, or together with
 * mlock(2), which the other way to interrupt all threads needs. Each case has a process of its own, since a filter
 * cannot be removed.
 */
#include "tests/unit/object.h"
#include "tests/unit/workload.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

enum { SECONDS = 120, THREADS = 4, MANY = 5000 };

/* From now on the kernel refuses this call to all threads of the process. */
static void refuse(unsigned call)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {T_COUNT(code), code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0);
    errno = 4711;
}

static void refuse_membarrier(void)
{
    refuse(SYS_membarrier);
    CHECK(syscall(SYS_membarrier, 0, 0, 0) == -1 && errno == EPERM);
    errno = 4711;
}

/* Whether a change of the page tables interrupts all processors, as in base/seam.c. */
static bool pages_interrupt(void)
{
#if (defined(__x86_64__) || defined(__i386__)) && !WEFT_I_TSAN
    unsigned a, b, c, d;
    return !(__get_cpuid(0x80000008, &a, &b, &c, &d) && (b >> 3 & 1));
#else
    return false;
#endif
}

/* Whether the library uses membarrier here: not under the thread sanitizer, nor on a kernel without it. */
static bool membarrier_works(void)
{
    enum { QUERY = 0, PRIVATE_EXPEDITED = 8 };
    long commands = syscall(SYS_membarrier, QUERY, 0, 0);
    return !WEFT_I_TSAN && commands > 0 && (commands & PRIVATE_EXPEDITED);
}

static weft_scheme scheme_of(void *ctx)
{
    return ((const t_case *)ctx)->scheme;
}

static void refused_from_the_start(void *ctx)
{
    t_alloc alloc;
    refuse_membarrier();
    weft_domain *domain = t_domain(scheme_of(ctx), &alloc);
    for (int i = 0; i < 3; i++)
        t_structures_exercise(domain, THREADS);
    CHECK(errno == 4711);
    t_domain_done(domain, &alloc);
    t_structures_exercise(NULL, THREADS);
}

static void pass(void *ctx)
{
    weft_atomic_ptr source;
    weft_guard guard;
    weft_ptr_store(&source, ctx);
    weft_enter(&guard, ctx);
    CHECK(weft_protect(&guard, &source) == ctx);
    weft_leave(&guard);
}

static int flushed(weft_domain *domain, atomic_int *count)
{
    for (int i = 0; i < 3; i++)
        weft_domain_flush(domain);
    return atomic_load(count);
}

/*
 * Other threads have records and sleep. If they cannot be interrupted, what is retired must wait until each of them has
 * passed a fence or ended. If they can, it waits only for guards.
 */
static void refused_later(void *ctx, bool also_mlock)
{
    t_alloc alloc;
    bool waits = membarrier_works() && (also_mlock || !pages_interrupt());
    weft_domain *domain = t_domain(scheme_of(ctx), &alloc);
    t_worker passing, ending, holding;
    t_object held = {0};
    t_hold hold = {.domain = domain, .pointer = &held};
    atomic_int count = 0;
    t_structures s;
    t_worker_start(&passing);
    t_worker_start(&ending);
    t_worker_start(&holding);
    t_worker_do(&passing, pass, domain);
    t_worker_do(&ending, pass, domain);
    t_retire_many(domain, 10, &count);
    CHECK(flushed(domain, &count) == 10); /* membarrier works */
    t_worker_do(&holding, t_hold_enter, &hold);
    refuse_membarrier();
    if (also_mlock)
        refuse(SYS_mlock);

    t_object first = {0};
    t_retire(domain, &first);
    t_retire(domain, &held);
    t_retire_many(domain, MANY, &count);
    pass(domain);
    if (waits) {
        CHECK(t_reclaimed(domain, &first) == 0 && atomic_load(&count) == 10);
        CHECK(weft_domain_barrier(domain, 0) == -ETIMEDOUT);
        CHECK(t_stats(domain).pending >= MANY);
    } else if (scheme_of(ctx) == WEFT_HAZARD) {
        CHECK(t_reclaimed(domain, &first) == 1 && flushed(domain, &count) == MANY + 10);
        CHECK(t_stats(domain).pending == 1 && weft_domain_barrier(domain, 0) == -ETIMEDOUT);
    }
    t_structures_open(&s, domain); /* everything works, except that memory is not given back */
    t_structures_use(&s, 0, 200);
    t_run(THREADS, t_structures_body, &s);
    t_worker_do(&passing, pass, domain);
    if (waits)
        CHECK(flushed(domain, &count) == 10);
    t_worker_end(&ending);
    if (waits)
        CHECK(flushed(domain, &count) == 10);
    t_worker_do(&holding, pass, domain);
    pass(domain);

    if (scheme_of(ctx) == WEFT_HAZARD) /* a guard held under epochs holds back all */
        CHECK(flushed(domain, &count) == MANY + 10 && atomic_load(&first.reclaimed) == 1);
    CHECK(t_reclaimed(domain, &held) == 0);
    t_worker_do(&holding, t_hold_leave, &hold);
    CHECK(t_reclaimed(domain, &held) == 1 && atomic_load(&first.reclaimed) == 1);
    CHECK(flushed(domain, &count) == MANY + 10);
    t_structures_use(&s, 0, 200);
    t_run(THREADS, t_structures_body, &s);
    t_structures_close(&s);
    t_worker_end(&passing);
    t_worker_end(&holding);
    CHECK(errno == 4711);
    t_domain_done(domain, &alloc);
}

static void refused_later_but_mlock(void *ctx)
{
    refused_later(ctx, false);
}

static void refused_later_with_mlock(void *ctx)
{
    refused_later(ctx, true);
}

/* membarrier is refused in the middle of traffic. */
typedef struct traffic {
    t_structures s;
    atomic_uint started;
} traffic;

static void body(unsigned index, void *ctx)
{
    traffic *t = ctx;
    atomic_fetch_add(&t->started, 1);
    if (index == 0) {
        while (atomic_load(&t->started) < THREADS)
            ;
        t_structures_use(&t->s, index, 100);
        refuse_membarrier();
    }
    t_structures_use(&t->s, index, T_SCALE(20000, 2000));
}

static void refused_in_traffic(void *ctx)
{
    t_alloc alloc;
    traffic t = {.started = 0};
    weft_domain *domain = t_domain(scheme_of(ctx), &alloc);
    t_structures_open(&t.s, domain);
    t_run(THREADS, body, &t);
    pass(domain);
    t_structures_close(&t.s);
    t_domain_done(domain, &alloc);
}

static void exercise(void *ctx)
{
    t_structures_exercise(ctx, THREADS);
}

/* A child of a process in which membarrier had worked and was then refused. */
static void refused_before_a_fork(void *ctx)
{
    t_alloc alloc;
    weft_domain *domain = t_domain(scheme_of(ctx), &alloc);
    exercise(domain);
    refuse_membarrier();
    t_in_child(exercise, domain, SECONDS);
    pass(domain);
    exercise(domain);
    t_domain_done(domain, &alloc);
}

static void both(void (*child)(void *ctx))
{
    t_in_child(child, &t_hazard, SECONDS);
    t_in_child(child, &t_epoch, SECONDS);
}

static void test_refused_from_the_start(void **state)
{
    (void)state;
    both(refused_from_the_start);
}

static void test_refused_later(void **state)
{
    (void)state;
    both(refused_later_but_mlock);
    both(refused_later_with_mlock);
}

static void test_refused_in_traffic(void **state)
{
    (void)state;
    both(refused_in_traffic);
}

static void test_refused_before_a_fork(void **state)
{
    (void)state;
    both(refused_before_a_fork);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_from_the_start),
        cmocka_unit_test(test_refused_later),
        cmocka_unit_test(test_refused_in_traffic),
        cmocka_unit_test(test_refused_before_a_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
