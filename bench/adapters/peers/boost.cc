/*
 * boost::lockfree: a queue and a stack with tagged pointers, whose nodes are recycled, and freed with the structure; and a
 * ring for one producer and one consumer.
 */
#include "bench/adapters/peers/peer.hpp"

#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <boost/lockfree/stack.hpp>

namespace {

template <class Structure> struct boosted : bench::peer_base {
    Structure held;
    explicit boosted(const bench_setup &setup) : held(setup.capacity) {}
    bool put(void *, void *value) { return held.push(value); }
    bool take(void *, void *&value) { return held.pop(value); }
};

struct spsc : bench::peer_base {
    boost::lockfree::spsc_queue<void *> held{BENCH_PLACES};
    explicit spsc(const bench_setup &) {}
    bool put(void *, void *value) { return held.push(value); }
    bool take(void *, void *&value) { return held.pop(value); }
};

using queue = bench::container<boosted<boost::lockfree::queue<void *>>>;
using stack = bench::container<boosted<boost::lockfree::stack<void *>>>;

} // namespace

extern "C" const bench_impl bench_boost_queue =
    queue::make("boost-queue", BENCH_QUEUE, nullptr,
                "boost::lockfree::queue, Michael and Scott's, nodes recycled and never freed before the end");
extern "C" const bench_impl bench_boost_stack =
    stack::make("boost-stack", BENCH_STACK, nullptr,
                "boost::lockfree::stack, Treiber's, nodes recycled and never freed before the end");
extern "C" const bench_impl bench_boost_spsc =
    bench::container<spsc>::make_bounded("boost-spsc", BENCH_SPSC, "bounded", "boost::lockfree::spsc_queue");
