/* std::unordered_map as people wrap it: under a mutex, under a shared mutex, and as 64 maps with a mutex each. */
#include "bench/adapters/peers/peer.hpp"

#include <array>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

namespace {

template <class Mutex, class Reader> struct alignas(BENCH_LINE) locked {
    Mutex lock;
    std::unordered_map<uint64_t, void *, bench::hash> held;

    void *get(uint64_t key)
    {
        Reader guard(lock);
        auto found = held.find(key);
        return found == held.end() ? nullptr : found->second;
    }

    bool insert(uint64_t key, void *value)
    {
        std::lock_guard<Mutex> guard(lock);
        return held.emplace(key, value).second;
    }

    bool remove(uint64_t key)
    {
        std::lock_guard<Mutex> guard(lock);
        return held.erase(key) > 0;
    }

    size_t size()
    {
        Reader guard(lock);
        return held.size();
    }
};

template <class Part, size_t Parts> struct parted : bench::peer_base {
    std::array<Part, Parts> part;
    explicit parted(const bench_setup &) {}
    Part &of(uint64_t key) { return part[Parts == 1 ? 0 : bench_mix(key) >> 58]; } /* the table uses the low bits */
    void *get(uint64_t key) { return of(key).get(key); }
    bool insert(uint64_t key, void *value) { return of(key).insert(key, value); }
    bool remove(uint64_t key) { return of(key).remove(key); }

    size_t size()
    {
        size_t sum = 0;
        for (Part &p : part)
            sum += p.size();
        return sum;
    }
};

using exclusive = locked<std::mutex, std::lock_guard<std::mutex>>;
using shared = locked<std::shared_mutex, std::shared_lock<std::shared_mutex>>;

} // namespace

extern "C" const bench_impl bench_std_mutex_map = bench::map<parted<exclusive, 1>>::make(
    "std-mutex-map", BENCH_BASELINE, "may wait", "std::unordered_map under a std::mutex");
extern "C" const bench_impl bench_std_shared_map = bench::map<parted<shared, 1>>::make(
    "std-shared-map", BENCH_BASELINE, "may wait", "std::unordered_map under a std::shared_mutex");
extern "C" const bench_impl bench_std_sharded_map = bench::map<parted<exclusive, 64>>::make(
    "std-sharded-map", BENCH_BASELINE, "may wait", "64 std::unordered_maps, each under a std::mutex of its own");
