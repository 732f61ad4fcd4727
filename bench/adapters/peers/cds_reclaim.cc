/* libcds's reclamation: HP with a fixed number of hazard pointers, DHP with a dynamic one, and its buffered RCU. */
#include "bench/adapters/peers/cds.hpp"

namespace {

void free_object(void *object)
{
    bench_object_free(static_cast<bench_object *>(object));
}

/* One guard per section, as in its structures; HP takes it from an array that each thread allocates at its start. */
template <class GC> struct pointers {
    bench::cds_library library;

    struct handle {
        alignas(BENCH_LINE) typename GC::Guard guard;
    };

    explicit pointers(const bench_setup &) {}

    void *begin()
    {
        bench::cds_library::attach();
        return new handle;
    }

    void end(void *thread)
    {
        GC::scan();
        delete static_cast<handle *>(thread);
        bench::cds_library::detach();
    }

    static void enter(void *, void *) {}
    static void leave(void *, void *thread) { static_cast<handle *>(thread)->guard.clear(); }

    static bench_object *protect(void *, void *thread, bench_cell *cell)
    {
        auto *atom = reinterpret_cast<atomics::atomic<bench_object *> *>(&cell->pointer);
        return static_cast<handle *>(thread)->guard.protect(*atom);
    }

    static void retire(void *, void *, bench_object *what) { GC::template retire<bench_object>(what, free_object); }
    static void flush(void *, void *) { GC::scan(); }
};

struct rcu {
    bench::cds_library library;
    explicit rcu(const bench_setup &) {}

    void *begin()
    {
        bench::cds_library::attach();
        return this;
    }

    void end(void *)
    {
        bench::cds_rcu::synchronize();
        bench::cds_library::detach();
    }

    static void enter(void *, void *) { bench::cds_rcu::access_lock(); }
    static void leave(void *, void *) { bench::cds_rcu::access_unlock(); }

    static bench_object *protect(void *, void *, bench_cell *cell)
    {
        return static_cast<bench_object *>(__atomic_load_n(&cell->pointer, __ATOMIC_ACQUIRE));
    }

    static void retire(void *, void *, bench_object *what) { bench::cds_rcu::retire_ptr(what, free_object); }
    static void flush(void *, void *) { bench::cds_rcu::synchronize(); }
};

} // namespace

extern "C" const bench_impl bench_cds_hp =
    bench::reclaim<pointers<cds::gc::HP>>::make("cds-hp", nullptr, "libcds gc::HP, a guard kept by the thread");
extern "C" const bench_impl bench_cds_dhp =
    bench::reclaim<pointers<cds::gc::DHP>>::make("cds-dhp", nullptr, "libcds gc::DHP, a guard kept by the thread");
extern "C" const bench_impl bench_cds_rcu = bench::reclaim<rcu>::make(
    "cds-rcu", "may wait", "libcds urcu::general_buffered; a full buffer waits for a grace period");
