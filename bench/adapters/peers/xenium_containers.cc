/* xenium (Manuel Pöter): queues and maps, Michael and Scott's and Harris and Michael's under hazard pointers and epochs. */
#include "bench/adapters/peers/peer.hpp"

#include <cassert> /* which xenium's headers need, but do not include */

#include <xenium/chase_work_stealing_deque.hpp>
#include <xenium/harris_michael_hash_map.hpp>
#include <xenium/michael_scott_queue.hpp>
#include <xenium/ramalhete_queue.hpp>
#include <xenium/reclamation/generic_epoch_based.hpp>
#include <xenium/reclamation/hazard_pointer.hpp>
#include <xenium/vyukov_bounded_queue.hpp>
#include <xenium/vyukov_hash_map.hpp>

#include <memory>

namespace {

namespace policy = xenium::policy;
using pointers = xenium::reclamation::hazard_pointer<>::with<
    policy::allocation_strategy<xenium::reclamation::hp_allocation::dynamic_strategy<3>>>;
using epochs = xenium::reclamation::epoch_based<>;

template <class Queue> struct queue : bench::peer_base {
    Queue held;
    explicit queue(const bench_setup &) {}

    bool put(void *, void *value)
    {
        held.push(value);
        return true;
    }

    bool take(void *, void *&value) { return held.try_pop(value); }
};

/* Containers hold pointers to this, and do not own it. */
struct anything {};

template <class Queue> struct of_pointers : queue<Queue> {
    using queue<Queue>::queue;

    bool put(void *, void *value)
    {
        this->held.push(static_cast<anything *>(value));
        return true;
    }

    bool take(void *, void *&value)
    {
        anything *got;
        if (!this->held.try_pop(got))
            return false;
        value = got;
        return true;
    }
};

struct ring : bench::peer_base {
    xenium::vyukov_bounded_queue<void *> held{BENCH_PLACES};
    explicit ring(const bench_setup &) {}
    bool put(void *, void *value) { return held.try_push(value); }
    bool take(void *, void *&value) { return held.try_pop(value); }
};

/* Its array that grows loses elements when it does (it masks by % where & is meant), so here it has one that does not. */
struct deque : bench::peer_base {
    using array = xenium::detail::fixed_size_circular_array<anything, BENCH_PLACES>;
    xenium::chase_work_stealing_deque<anything, policy::container<array>> held;
    explicit deque(const bench_setup &) {}
    bool put(void *, void *value) { return held.try_push(static_cast<anything *>(value)); }

    bool take(void *, void *&value)
    {
        anything *got = nullptr;
        bool done = held.try_pop(got);
        value = got;
        return done;
    }

    bool steal(void *, void *&value)
    {
        anything *got = nullptr;
        bool done = held.try_steal(got);
        value = got;
        return done;
    }
};

/* Neither map has a size function: counts the entries while there are no updates. */
template <class Map> size_t count(Map &map)
{
    size_t found = 0;
    for (auto it = map.begin(); it != map.end(); ++it)
        found++;
    return found;
}

/*
 * The number of buckets is a template parameter: one type for each of the bench's sizes, with about one entry per
 * bucket.
 */
template <class Reclaimer> struct list_map : bench::peer_base {
    template <size_t Buckets>
    using type = xenium::harris_michael_hash_map<uint64_t, void *, policy::reclaimer<Reclaimer>,
                                                 policy::hash<bench::hash>, policy::buckets<Buckets>>;
    std::unique_ptr<type<(1 << 10)>> small;
    std::unique_ptr<type<(1 << 17)>> middle;
    std::unique_ptr<type<(1 << 20)>> large;
    std::unique_ptr<type<(1 << 23)>> huge;

    explicit list_map(const bench_setup &setup)
    {
        if (setup.capacity <= 10 << 10)
            small.reset(new type<(1 << 10)>());
        else if (setup.capacity <= 512 << 10)
            middle.reset(new type<(1 << 17)>());
        else if (setup.capacity <= 5 << 20)
            large.reset(new type<(1 << 20)>());
        else
            huge.reset(new type<(1 << 23)>());
    }

    template <class Action> auto on_the_one(Action action)
    {
        return middle ? action(*middle) : large ? action(*large) : small ? action(*small) : action(*huge);
    }

    void *get(uint64_t key)
    {
        return on_the_one([key](auto &held) -> void * {
            auto found = held.find(key);
            return found == held.end() ? nullptr : found->second;
        });
    }

    bool insert(uint64_t key, void *value)
    {
        return on_the_one([=](auto &held) { return held.emplace(key, value); });
    }

    bool remove(uint64_t key)
    {
        return on_the_one([=](auto &held) { return held.erase(key); });
    }

    size_t size()
    {
        return on_the_one([](auto &held) { return count(held); });
    }
};

struct locked_map : bench::peer_base {
    xenium::vyukov_hash_map<uint64_t, uint64_t, policy::reclaimer<epochs>, policy::hash<bench::hash>> held;
    explicit locked_map(const bench_setup &setup) : held(setup.capacity ? setup.capacity : 1024) {}

    void *get(uint64_t key)
    {
        decltype(held)::accessor found;
        return held.try_get_value(key, found) ? reinterpret_cast<void *>(*found) : nullptr;
    }

    bool insert(uint64_t key, void *value) { return held.emplace(key, reinterpret_cast<uint64_t>(value)); }
    bool remove(uint64_t key) { return held.erase(key); }
    size_t size() { return count(held); }
};

template <class Reclaimer>
using michael_scott = queue<xenium::michael_scott_queue<void *, policy::reclaimer<Reclaimer>>>;
using ramalhete = of_pointers<xenium::ramalhete_queue<anything *, policy::reclaimer<epochs>>>;

} // namespace

extern "C" const bench_impl bench_xenium_ms_hazard = bench::container<michael_scott<pointers>>::make(
    "xenium-ms-hazard", BENCH_QUEUE, nullptr, "xenium michael_scott_queue, hazard pointers");
extern "C" const bench_impl bench_xenium_ms_epoch = bench::container<michael_scott<epochs>>::make(
    "xenium-ms-epoch", BENCH_QUEUE, nullptr, "xenium michael_scott_queue, epochs");
extern "C" const bench_impl bench_xenium_ramalhete = bench::container<ramalhete>::make(
    "xenium-ramalhete", BENCH_QUEUE, nullptr, "xenium ramalhete_queue, epochs: a list of arrays (Correia, Ramalhete)");
extern "C" const bench_impl bench_xenium_vyukov = bench::container<ring>::make_bounded(
    "xenium-vyukov", BENCH_RING, "bounded, may wait", "xenium vyukov_bounded_queue");
extern "C" const bench_impl bench_xenium_chase = bench::deque<deque>::make_bounded(
    "xenium-chase", "bounded, one owner", "xenium chase_work_stealing_deque on an array that does not grow");
extern "C" const bench_impl bench_xenium_hm_hazard = bench::map<list_map<pointers>>::make(
    "xenium-hm-hazard", BENCH_PEER, "fixed buckets",
    "xenium harris_michael_hash_map, about as many buckets as keys, for good, hazard pointers");
extern "C" const bench_impl bench_xenium_hm_epoch = bench::map<list_map<epochs>>::make(
    "xenium-hm-epoch", BENCH_PEER, "fixed buckets",
    "xenium harris_michael_hash_map, about as many buckets as keys, for good, epochs");
extern "C" const bench_impl bench_xenium_vyukov_map =
    bench::map<locked_map>::make("xenium-vyukov-map", BENCH_PEER, "may wait",
                                 "xenium vyukov_hash_map: buckets of a cache line, writers lock theirs, epochs");
