/*
 * boost::lockfree: a queue and a stack with tagged pointers, whose nodes are recycled, and freed with the structure; the
 * queue with a fixed number of nodes; and a ring for one producer and one consumer.
 */
#include "bench/adapters/peers/peer.hpp"

#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <boost/lockfree/stack.hpp>

namespace {

/* Places 0: no limit. */
template <class Structure, size_t Places = 0> struct boosted : bench::peer_base {
    Structure held;
    explicit boosted(const bench_setup &setup) : held(Places ? Places : setup.capacity) {}
    bool put(void *, void *value) { return held.push(value); }
    bool take(void *, void *&value) { return held.pop(value); }
};

using queue = bench::container<boosted<boost::lockfree::queue<void *>>>;
using ring =
    bench::container<boosted<boost::lockfree::queue<void *, boost::lockfree::fixed_sized<true>>, BENCH_PLACES>>;
using spsc = bench::container<boosted<boost::lockfree::spsc_queue<void *>, BENCH_PLACES>>;
using stack = bench::container<boosted<boost::lockfree::stack<void *>>>;

} // namespace

extern "C" const bench_impl bench_boost_queue =
    queue::make("boost-queue", BENCH_QUEUE, nullptr,
                "boost::lockfree::queue, Michael and Scott's, nodes recycled and never freed before the end");
extern "C" const bench_impl bench_boost_stack =
    stack::make("boost-stack", BENCH_STACK, nullptr,
                "boost::lockfree::stack, Treiber's, nodes recycled and never freed before the end");
extern "C" const bench_impl bench_boost_ring = ring::make_bounded(
    "boost-fixed", BENCH_RING, "bounded", "boost::lockfree::queue, fixed_sized: as many nodes as places");
extern "C" const bench_impl bench_boost_spsc =
    spsc::make_bounded("boost-spsc", BENCH_SPSC, "bounded", "boost::lockfree::spsc_queue");
