/*
 * Adapters for C++ libraries are a class per structure; the templates here make its C table. As in C adapters,
 * operations of queues, stacks and maps are out-of-line calls, and those of reclamation are inlined. An exception in
 * create means no memory.
 */
#ifndef BENCH_PEERS_PEER_HPP
#define BENCH_PEERS_PEER_HPP

#include "bench/measure/loops_container.h"
#include "bench/measure/loops_map.h"
#include "bench/measure/loops_reclaim.h"

#include <cerrno>
#include <new>

namespace bench {

/* For all maps, the same as that of the baselines. */
struct hash {
    size_t operator()(uint64_t key) const { return bench_mix(key); }
};

/* Defaults for a structure without thread handles. */
struct peer_base {
    void *begin() { return this; } /* a thread's handle */
    void end(void *) {}
};

template <class Peer> int create(void **out, const bench_setup *setup)
{
    *out = nullptr;
    try {
        *out = new Peer(*setup);
    } catch (...) {
        return -ENOMEM;
    }
    return 0;
}

template <class Peer> void destroy(void *object)
{
    delete static_cast<Peer *>(object);
}

template <class Peer> void *thread_begin(void *object)
{
    try {
        return static_cast<Peer *>(object)->begin();
    } catch (...) {
        return nullptr;
    }
}

template <class Peer> void thread_end(void *object, void *thread)
{
    static_cast<Peer *>(object)->end(thread);
}

template <class Peer>
constexpr bench_impl impl(const char *name, bench_family family, bench_role role, const char *limits, const char *note)
{
    bench_impl i{};
    i.name = name;
    i.family = family;
    i.role = role;
    i.limits = limits;
    i.note = note;
    i.create = create<Peer>;
    i.destroy = destroy<Peer>;
    i.thread_begin = thread_begin<Peer>;
    i.thread_end = thread_end<Peer>;
    return i;
}

/* bool put(void *thread, void *value), bool take(void *thread, void *&value) */
template <class Peer> struct container {
    static __attribute__((noinline)) bool put(void *object, void *thread, void *value)
    {
        return static_cast<Peer *>(object)->put(thread, value);
    }

    static __attribute__((noinline)) bool take(void *object, void *thread, void **value)
    {
        return static_cast<Peer *>(object)->take(thread, *value);
    }

    BENCH_CONTAINER(loops, put, take);

    static constexpr bench_impl make(const char *name, bench_family family, const char *limits, const char *note)
    {
        bench_impl i = impl<Peer>(name, family, BENCH_PEER, limits, note);
        i.container = &loops_ops;
        i.drive = loops_drive;
        return i;
    }

    static constexpr bench_impl make_bounded(const char *name, bench_family family, const char *limits,
                                             const char *note)
    {
        bench_impl i = make(name, family, limits, note);
        i.bounded = true;
        return i;
    }
};

/* The same, and bool steal(void *thread, void *&value) */
template <class Peer> struct deque {
    using owned = container<Peer>;

    static __attribute__((noinline)) bool steal(void *object, void *thread, void **value)
    {
        return static_cast<Peer *>(object)->steal(thread, *value);
    }

    BENCH_STOLEN_FROM(loops, owned::put, owned::take, steal);

    static constexpr bench_impl make_bounded(const char *name, const char *limits, const char *note)
    {
        bench_impl i = owned::make_bounded(name, BENCH_DEQUE, limits, note);
        i.drive = loops_drive;
        return i;
    }
};

/* void *get(uint64_t key), bool insert(uint64_t key, void *value), bool remove(uint64_t key), size_t size() */
template <class Peer> struct map {
    static __attribute__((noinline)) void *get(void *object, void *, uint64_t key)
    {
        return static_cast<Peer *>(object)->get(key);
    }

    static __attribute__((noinline)) bool insert(void *object, void *, uint64_t key, void *value)
    {
        return static_cast<Peer *>(object)->insert(key, value);
    }

    static __attribute__((noinline)) bool remove(void *object, void *, uint64_t key)
    {
        return static_cast<Peer *>(object)->remove(key);
    }

    static size_t size(void *object, void *) { return static_cast<Peer *>(object)->size(); }

    BENCH_MAP_LOOPS(loops, get, insert, remove, size);

    static constexpr bench_impl make(const char *name, bench_role role, const char *limits, const char *note)
    {
        bench_impl i = impl<Peer>(name, BENCH_MAP, role, limits, note);
        i.map = &loops_ops;
        i.drive = loops_drive;
        return i;
    }
};

/* static functions as in bench_reclaim_ops */
template <class Peer> struct reclaim {
    bench_inline void enter(void *object, void *thread) { Peer::enter(object, thread); }
    bench_inline void leave(void *object, void *thread) { Peer::leave(object, thread); }
    bench_inline bench_object *protect(void *object, void *thread, bench_cell *cell)
    {
        return Peer::protect(object, thread, cell);
    }
    static void retire(void *object, void *thread, bench_object *what) { Peer::retire(object, thread, what); }
    static void flush(void *object, void *thread) { Peer::flush(object, thread); }

    BENCH_RECLAIM_LOOPS(loops, enter, leave, protect, retire, flush);

    static constexpr bench_impl make(const char *name, const char *limits, const char *note)
    {
        bench_impl i = impl<Peer>(name, BENCH_RECLAIM, BENCH_PEER, limits, note);
        i.reclaim = &loops_ops;
        i.drive = loops_drive;
        return i;
    }
};

} // namespace bench

#endif
