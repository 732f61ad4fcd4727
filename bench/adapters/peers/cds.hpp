/*
 * libcds (Maxim Khizhinsky): its structures share one instance of the library, of each hazard pointer scheme and of
 * RCU.
 */
#ifndef BENCH_PEERS_CDS_HPP
#define BENCH_PEERS_CDS_HPP

#include "bench/adapters/peers/peer.hpp"

#include <cds/gc/dhp.h>
#include <cds/gc/hp.h>
#include <cds/init.h>
#include <cds/urcu/general_buffered.h>

namespace bench {

using cds_rcu = cds::urcu::gc<cds::urcu::general_buffered<>>;

/* Keeps libcds initialised while at least one structure lives. */
class cds_library {
    struct all {
        cds::gc::HP hp{64, 64};
        cds::gc::DHP dhp{16};
        cds_rcu rcu;
    };
    static inline unsigned users;
    static inline all *held;

public:
    cds_library()
    {
        if (users++ > 0)
            return;
        cds::Initialize();
        held = new all;
        attach();
    }

    ~cds_library()
    {
        if (--users > 0)
            return;
        detach();
        delete held;
        cds::Terminate();
    }

    cds_library(const cds_library &) = delete;
    cds_library &operator=(const cds_library &) = delete;

    /* Counted, since the creating thread may also be one that works. */
    static inline thread_local unsigned attached;

    static void attach()
    {
        if (attached++ == 0)
            cds::threading::Manager::attachThread();
    }

    static void detach()
    {
        if (--attached == 0)
            cds::threading::Manager::detachThread();
    }
};

/* The member order makes the structure end before the library. */
template <class Structure> struct cds_peer {
    cds_library library;
    Structure held;

    template <class... Arguments> explicit cds_peer(Arguments... arguments) : held(arguments...) {}

    void *begin()
    {
        cds_library::attach();
        return this;
    }

    void end(void *) { cds_library::detach(); }
};

} // namespace bench

#endif
