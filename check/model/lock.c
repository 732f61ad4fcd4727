#define _GNU_SOURCE
#include "check/model/lock.h"
#include "check/model/show.h"
#include "check/model/view.h"

mutex *m_mutex_at(const void *address)
{
    for (int i = 0; i < m->mutexes; i++)
        if (m->mutex[i].address == address)
            return &m->mutex[i];
    m_room(m->mutexes, MUTEXES, "locks");
    m->mutex[m->mutexes] = (mutex){.address = address, .holder = -1};
    return &m->mutex[m->mutexes++];
}

static bool take_lock(void *address)
{
    mutex *x = m_mutex_at(address);
    if (x->holder >= 0)
        return false;
    x->holder = (int)m->running;
    m_join(&m->thread[m->running].cur, &x->left);
    m_trace("takes the lock", address, 0, MODEL_ACQUIRE, NULL);
    return true;
}

void model_lock(void *address)
{
    m_turn(OP_TAKE, address, false);
    if (!take_lock(address))
        m_fail("a lock is taken that its taker holds", NULL, 0);
}

bool model_trylock(void *address)
{
    m_turn(OP_LOCK, address, false);
    return take_lock(address);
}

void model_unlock(void *address)
{
    m_turn(OP_LOCK, address, false);
    mutex *x = m_mutex_at(address);
    x->holder = -1;
    m_copy(&x->left, &m->thread[m->running].cur);
    m_trace("leaves the lock", address, 0, MODEL_RELEASE, NULL);
}
