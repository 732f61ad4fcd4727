#define _GNU_SOURCE
#include "check/model/thread.h"
#include "check/model/view.h"

#include <stdlib.h>
#include <string.h>

uint32_t model_clock(unsigned of)
{
    return m->thread[m->running].cur.clock[of];
}

uint32_t model_tick(void)
{
    return ++m->thread[m->running].cur.clock[m->running];
}

int model_key(void (*hook)(void *value))
{
    m->hook = hook;
    return 0;
}

int model_set_key(void *value)
{
    m->thread[m->running].key = value;
    return 0;
}

void model_end_thread(void)
{
    for (int round = 0; round < 4 && m->hook && m->thread[m->running].key; round++) {
        void *value = m->thread[m->running].key;
        m->thread[m->running].key = NULL;
        m->hook(value);
    }
}

static void end_fiber(void)
{
    thread *t = &m->thread[m->running];
    t->cur.clock[m->running]++;
    t->status = ENDED;
    model_fiber_switch(t->fiber, m->explorer);
    abort();
}

void model_exit_thread(void)
{
    model_end_thread();
    end_fiber();
    abort();
}

void m_thread_main(void *ctx)
{
    thread *t = ctx;
    unsigned who = (unsigned)(t - m->thread);
    m->c->thread[who - 1]();
    end_fiber();
}

void m_be(unsigned who)
{
    m->running = who;
    if (!m->tls_size || m->tls_owner == who)
        return;
    memcpy(m->thread[m->tls_owner].tls, m->tls_now, m->tls_size);
    memcpy(m->tls_now, m->thread[who].tls, m->tls_size);
    m->tls_owner = who;
}

void model_as(unsigned who, void (*body)(void))
{
    m->thread[0].cur.clock[0]++;
    m_join(&m->thread[who].cur, &m->thread[0].cur);
    m_be(who);
    body();
    m_be(0);
    m->thread[who].cur.clock[who]++;
    m_join(&m->thread[0].cur, &m->thread[who].cur);
}
