/* moodycamel::ReaderWriterQueue (Cameron Desrochers): one producer, one consumer, blocks of slots. */
#include "bench/adapters/peers/peer.hpp"

#include <readerwriterqueue/readerwriterqueue.h>

namespace {

struct blocks : bench::peer_base {
    moodycamel::ReaderWriterQueue<void *> held{BENCH_PLACES};
    explicit blocks(const bench_setup &) {}
    bool put(void *, void *value) { return held.try_enqueue(value); }
    bool take(void *, void *&value) { return held.try_dequeue(value); }
};

} // namespace

extern "C" const bench_impl bench_readerwriterqueue = bench::container<blocks>::make_bounded(
    "readerwriterq", BENCH_SPSC, "bounded", "moodycamel::ReaderWriterQueue, with try_enqueue, which does not allocate");
