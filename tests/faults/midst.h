/*
 * Something happens in the middle of a function: before its n-th atomic operation, in a build whose atomics can hold a
 * thread up, or, on x86-64, after its n-th instruction, by the trap flag.
 */
#ifndef WEFT_TESTS_FAULTS_MIDST_H
#define WEFT_TESTS_FAULTS_MIDST_H

#include "tests/unit/support.h"

#include "check/history/park.h"

#include <signal.h>

#ifdef __x86_64__
#define M_STEPS 1
#else
#define M_STEPS 0
#endif

typedef void m_call(void *ctx);

static struct m_midst {
    m_call *happens;
    void *ctx;
    volatile long left; /* steps */
    volatile bool reached;
} m_midst;

static void m_now(void *unused)
{
    (void)unused;
    m_midst.reached = true;
    m_midst.happens(m_midst.ctx);
}

#if M_STEPS
static void m_trap(int number)
{
    (void)number;
    if (m_midst.left-- == 0)
        m_now(NULL);
}

static void m_by_steps(m_call *run, void *ctx)
{
    const struct sigaction action = {.sa_handler = m_trap};
    CHECK(sigaction(SIGTRAP, &action, NULL) == 0);
    __asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
    run(ctx);
    __asm__ volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
    m_midst.left = -1;
}
#endif

/* False: `run` has fewer than n places, and ended before. */
static bool m_run(bool by_steps, size_t n, m_call *run, m_call *happens, void *ctx)
{
    m_midst = (struct m_midst){.happens = happens, .ctx = ctx, .left = (long)n};
#if M_STEPS
    if (by_steps) {
        m_by_steps(run, ctx);
        return m_midst.reached;
    }
#endif
    (void)by_steps;
    lin_park_at(n, m_now, NULL);
    run(ctx);
    (void)lin_park_cancel();
    return m_midst.reached;
}

#endif
