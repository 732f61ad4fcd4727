/* libcds's maps: MichaelHashMap over its lists, SplitListMap and FeldmanHashMap, each under hazard pointers and RCU. */
#include "bench/adapters/peers/cds.hpp"

#include <cds/container/feldman_hashmap_hp.h>
#include <cds/container/feldman_hashmap_rcu.h>
#include <cds/container/michael_kvlist_hp.h>
#include <cds/container/michael_kvlist_rcu.h>
#include <cds/container/michael_map.h>
#include <cds/container/michael_map_rcu.h>
#include <cds/container/split_list_map.h>
#include <cds/container/split_list_map_rcu.h>

namespace {

using bench::cds_rcu;
using cds::gc::HP;
namespace container = cds::container;

struct compare {
    int operator()(uint64_t a, uint64_t b) const { return a < b ? -1 : a > b; }
};

struct kv_traits : container::michael_list::traits {
    using compare = ::compare;
};

struct michael_traits : container::michael_map::traits {
    using hash = bench::hash;
    using item_counter = cds::atomicity::item_counter;
};

struct split_traits : container::split_list::traits {
    using ordered_list = container::michael_list_tag;
    using hash = bench::hash;
    using item_counter = cds::atomicity::item_counter;
    struct ordered_list_traits : container::michael_list::traits {
        using compare = ::compare;
    };
};

/* bench::hash is one-to-one; FeldmanHashMap requires different hashes for different keys. */
struct feldman_traits : container::feldman_hashmap::traits {
    using hash = bench::hash;
};

/* The key is looked up and the value copied under libcds's own protection. */
template <class Map> struct map : bench::cds_peer<Map> {
    using bench::cds_peer<Map>::held;
    template <class... Arguments> explicit map(Arguments... arguments) : bench::cds_peer<Map>(arguments...) {}

    void *get(uint64_t key)
    {
        void *found = nullptr;
        held.find(key, [&found](auto &pair, auto &...) { found = pair.second; });
        return found;
    }

    bool insert(uint64_t key, void *value) { return held.insert(key, value); }
    bool remove(uint64_t key) { return held.erase(key); }
    size_t size() { return held.size(); }
};

/* With a load factor of one, which liburcu's and Weft's tables reach by growing. */
template <class Map> struct sized : map<Map> {
    explicit sized(const bench_setup &setup) : map<Map>(setup.capacity ? setup.capacity : 1024, size_t{1}) {}
};

template <class Map> struct feldman : map<Map> {
    explicit feldman(const bench_setup &) : map<Map>(size_t{8}, size_t{4}) {}
};

template <class GC>
using michael =
    sized<container::MichaelHashMap<GC, container::MichaelKVList<GC, uint64_t, void *, kv_traits>, michael_traits>>;
template <class GC> using split = sized<container::SplitListMap<GC, uint64_t, void *, split_traits>>;
template <class GC> using trie = feldman<container::FeldmanHashMap<GC, uint64_t, void *, feldman_traits>>;

template <class Map> constexpr bench_impl a_map(const char *name, const char *limits, const char *note)
{
    return bench::map<Map>::make(name, BENCH_PEER, limits, note);
}

} // namespace

extern "C" const bench_impl bench_cds_michael_hp = a_map<michael<HP>>(
    "cds-michael-hp", "fixed buckets", "libcds MichaelHashMap, hazard pointers; as many buckets as keys, for good");
extern "C" const bench_impl bench_cds_michael_rcu =
    a_map<michael<cds_rcu>>("cds-michael-rcu", "fixed buckets, may wait",
                            "libcds MichaelHashMap, its own RCU; as many buckets as keys, for good");
extern "C" const bench_impl bench_cds_split_hp =
    a_map<split<HP>>("cds-splitlist-hp", nullptr, "libcds SplitListMap, hazard pointers");
extern "C" const bench_impl bench_cds_split_rcu =
    a_map<split<cds_rcu>>("cds-splitlist-rcu", "may wait", "libcds SplitListMap, its own RCU");
extern "C" const bench_impl bench_cds_feldman_hp =
    a_map<trie<HP>>("cds-feldman-hp", nullptr, "libcds FeldmanHashMap, a trie of hashes, hazard pointers");
extern "C" const bench_impl bench_cds_feldman_rcu =
    a_map<trie<cds_rcu>>("cds-feldman-rcu", "may wait", "libcds FeldmanHashMap, a trie of hashes, its own RCU");
