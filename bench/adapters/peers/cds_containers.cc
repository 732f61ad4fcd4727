/* libcds's queues and stacks, under its hazard pointers unless they need no reclamation. */
#include "bench/adapters/peers/cds.hpp"

#include <cds/container/fcqueue.h>
#include <cds/container/fcstack.h>
#include <cds/container/moir_queue.h>
#include <cds/container/msqueue.h>
#include <cds/container/optimistic_queue.h>
#include <cds/container/treiber_stack.h>
#include <cds/container/vyukov_mpmc_cycle_queue.h>

namespace {

using cds::gc::HP;

template <class Queue> struct queue : bench::cds_peer<Queue> {
    using bench::cds_peer<Queue>::held;
    explicit queue(const bench_setup &) {}
    bool put(void *, void *value) { return held.enqueue(value); }
    bool take(void *, void *&value) { return held.dequeue(value); }
};

struct cycle : bench::cds_peer<cds::container::VyukovMPMCCycleQueue<void *>> {
    explicit cycle(const bench_setup &) : cds_peer(size_t{BENCH_PLACES}) {}
    bool put(void *, void *value) { return held.enqueue(value); }
    bool take(void *, void *&value) { return held.dequeue(value); }
};

template <class Stack> struct stack : bench::cds_peer<Stack> {
    using bench::cds_peer<Stack>::held;
    explicit stack(const bench_setup &) {}
    bool put(void *, void *value) { return held.push(value); }
    bool take(void *, void *&value) { return held.pop(value); }
};

struct eliminating : cds::container::treiber_stack::traits {
    static constexpr bool enable_elimination = true;
};

namespace container = cds::container;

template <class Queue> constexpr bench_impl a_queue(const char *name, const char *limits, const char *note)
{
    return bench::container<Queue>::make(name, BENCH_QUEUE, limits, note);
}

template <class Stack> constexpr bench_impl a_stack(const char *name, const char *limits, const char *note)
{
    return bench::container<Stack>::make(name, BENCH_STACK, limits, note);
}

} // namespace

extern "C" const bench_impl bench_cds_msqueue =
    a_queue<queue<container::MSQueue<HP, void *>>>("cds-msqueue", nullptr, "libcds MSQueue, hazard pointers");
extern "C" const bench_impl bench_cds_moir = a_queue<queue<container::MoirQueue<HP, void *>>>(
    "cds-moirqueue", nullptr, "libcds MoirQueue (Doherty et al.), hazard pointers");
extern "C" const bench_impl bench_cds_optimistic = a_queue<queue<container::OptimisticQueue<HP, void *>>>(
    "cds-optimistic", nullptr, "libcds OptimisticQueue (Ladan-Mozes, Shavit), hazard pointers");
extern "C" const bench_impl bench_cds_fcqueue =
    a_queue<queue<container::FCQueue<void *>>>("cds-fcqueue", "may wait", "libcds FCQueue: flat combining");
extern "C" const bench_impl bench_cds_cycle =
    bench::container<cycle>::make_bounded("cds-vyukov", BENCH_RING, "bounded, may wait", "libcds VyukovMPMCCycleQueue");
extern "C" const bench_impl bench_cds_treiber =
    a_stack<stack<container::TreiberStack<HP, void *>>>("cds-treiber", nullptr, "libcds TreiberStack, hazard pointers");
extern "C" const bench_impl bench_cds_elimination = a_stack<stack<container::TreiberStack<HP, void *, eliminating>>>(
    "cds-elimination", "may wait", "libcds TreiberStack with elimination in places under spinlocks, hazard pointers");
extern "C" const bench_impl bench_cds_fcstack =
    a_stack<stack<container::FCStack<void *>>>("cds-fcstack", "may wait", "libcds FCStack: flat combining");
