/*
 * oneTBB: a queue of micro-queues with tickets, without and with a limit, a hash map with locks in its buckets, and one that cannot remove. All
 * use std::allocator instead of tbbmalloc, since all implementations use the same allocator.
 */
#include "bench/adapters/peers/peer.hpp"

#include <oneapi/tbb/concurrent_hash_map.h>
#include <oneapi/tbb/concurrent_queue.h>
#include <oneapi/tbb/concurrent_unordered_map.h>

namespace {

using entries = std::allocator<std::pair<const uint64_t, void *>>;

struct queue : bench::peer_base {
    tbb::concurrent_queue<void *, std::allocator<void *>> held;
    explicit queue(const bench_setup &) {}

    bool put(void *, void *value)
    {
        held.push(value);
        return true;
    }

    bool take(void *, void *&value) { return held.try_pop(value); }
};

struct ring : bench::peer_base {
    tbb::concurrent_bounded_queue<void *, std::allocator<void *>> held;
    explicit ring(const bench_setup &) { held.set_capacity(BENCH_PLACES); }
    bool put(void *, void *value) { return held.try_push(value); }
    bool take(void *, void *&value) { return held.try_pop(value); }
};

struct compare {
    static size_t hash(const uint64_t &key) { return bench::hash{}(key); }
    static bool equal(const uint64_t &a, const uint64_t &b) { return a == b; }
};

struct locked : bench::peer_base {
    using type = tbb::concurrent_hash_map<uint64_t, void *, compare, entries>;
    type held;
    explicit locked(const bench_setup &setup) : held(setup.capacity) {}

    void *get(uint64_t key)
    {
        type::const_accessor found;
        return held.find(found, key) ? found->second : nullptr;
    }

    bool insert(uint64_t key, void *value) { return held.insert({key, value}); }
    bool remove(uint64_t key) { return held.erase(key); }
    size_t size() { return held.size(); }
};

/* A removal does nothing and returns false. */
struct growing : bench::peer_base {
    tbb::concurrent_unordered_map<uint64_t, void *, bench::hash, std::equal_to<uint64_t>, entries> held;
    explicit growing(const bench_setup &setup) : held(setup.capacity ? setup.capacity : 8) {}

    void *get(uint64_t key)
    {
        auto found = held.find(key);
        return found == held.end() ? nullptr : found->second;
    }

    bool insert(uint64_t key, void *value) { return held.insert({key, value}).second; }
    bool remove(uint64_t) { return false; }
    size_t size() { return held.size(); }
};

} // namespace

extern "C" const bench_impl bench_tbb_queue = bench::container<queue>::make(
    "tbb-queue", BENCH_QUEUE, "may wait", "tbb::concurrent_queue: tickets over eight micro-queues");
extern "C" const bench_impl bench_tbb_ring = bench::container<ring>::make_bounded(
    "tbb-bounded", BENCH_RING, "bounded, may wait", "tbb::concurrent_bounded_queue: tickets over eight micro-queues");
extern "C" const bench_impl bench_tbb_hash_map = bench::map<locked>::make(
    "tbb-hash-map", BENCH_PEER, "may wait", "tbb::concurrent_hash_map: a reader-writer lock in each bucket and entry");
extern "C" const bench_impl bench_tbb_unordered =
    bench::map<growing>::make("tbb-unordered", BENCH_PEER, "no removal",
                              "tbb::concurrent_unordered_map: cannot remove beside others; removals do nothing here");
