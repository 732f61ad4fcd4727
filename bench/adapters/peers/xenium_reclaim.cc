/* xenium's reclamation schemes: a region, a guard inside it, and objects that hold the scheme's data in their room. */
#include "bench/adapters/peers/peer.hpp"

#include <optional>
#include <xenium/reclamation/generic_epoch_based.hpp>
#include <xenium/reclamation/hazard_pointer.hpp>
#include <xenium/reclamation/stamp_it.hpp>

namespace {

template <class Scheme> struct peer : bench::peer_base {
    struct node;

    struct deleter {
        void operator()(node *what) const { bench_object_free(reinterpret_cast<bench_object *>(what)); }
    };

    struct node : Scheme::template enable_concurrent_ptr<node, 0, deleter> {};

    using shared = typename Scheme::template concurrent_ptr<node, 0>;
    using guard = typename shared::guard_ptr;

    struct handle {
        alignas(BENCH_LINE) std::optional<typename Scheme::region_guard> region;
        guard held;
    };

    explicit peer(const bench_setup &) {}
    void *begin() { return new handle; }
    void end(void *thread) { delete static_cast<handle *>(thread); }

    static void enter(void *, void *thread) { static_cast<handle *>(thread)->region.emplace(); }

    static void leave(void *, void *thread)
    {
        static_cast<handle *>(thread)->held.reset();
        static_cast<handle *>(thread)->region.reset();
    }

    static bench_object *protect(void *, void *thread, bench_cell *cell)
    {
        static_assert(sizeof(shared) == sizeof cell->pointer && sizeof(node) <= sizeof(bench_object::room));
        auto &from = reinterpret_cast<shared &>(cell->pointer);
        static_cast<handle *>(thread)->held.acquire(from, std::memory_order_acquire);
        return reinterpret_cast<bench_object *>(static_cast<handle *>(thread)->held.get());
    }

    /* Overwrites only the room, which readers do not read. */
    static void retire(void *, void *, bench_object *what)
    {
        guard last(typename shared::marked_ptr(new (what->room) node));
        last.reclaim();
    }

    /* The scheme may reclaim each time a region is left. */
    static void flush(void *object, void *thread)
    {
        for (int i = 0; i < 300; i++) {
            enter(object, thread);
            leave(object, thread);
        }
    }
};

using namespace xenium::reclamation;
using pointers = hazard_pointer<>::with<xenium::policy::allocation_strategy<hp_allocation::dynamic_strategy<3>>>;

} // namespace

extern "C" const bench_impl bench_xenium_hazard =
    bench::reclaim<peer<pointers>>::make("xenium-hazard", nullptr, "xenium hazard_pointer, dynamic allocation");
extern "C" const bench_impl bench_xenium_epoch =
    bench::reclaim<peer<epoch_based<>>>::make("xenium-epoch", nullptr, "xenium epoch_based (Fraser)");
extern "C" const bench_impl bench_xenium_debra =
    bench::reclaim<peer<debra<>>>::make("xenium-debra", nullptr, "xenium debra (Brown)");
extern "C" const bench_impl bench_xenium_stamp =
    bench::reclaim<peer<stamp_it>>::make("xenium-stamp-it", nullptr, "xenium stamp_it (Pöter, Träff)");
