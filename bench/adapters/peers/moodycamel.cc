/*
 * moodycamel::ConcurrentQueue (Cameron Desrochers): a queue for each producer, from which consumers take in turn.
 * Values of different producers come in any order, so it is not linearizable.
 */
#include "bench/adapters/peers/peer.hpp"

#include <concurrentqueue/concurrentqueue.h>

namespace {

using queue = moodycamel::ConcurrentQueue<void *>;

struct plain : bench::peer_base {
    queue held;
    explicit plain(const bench_setup &) {}
    bool put(void *, void *value) { return held.enqueue(value); }
    bool take(void *, void *&value) { return held.try_dequeue(value); }
};

struct by_tokens {
    struct tokens {
        moodycamel::ProducerToken producer;
        moodycamel::ConsumerToken consumer;
        explicit tokens(queue &of) : producer(of), consumer(of) {}
    };

    queue held;
    explicit by_tokens(const bench_setup &) {}
    void *begin() { return new tokens(held); }
    void end(void *thread) { delete static_cast<tokens *>(thread); }
    bool put(void *thread, void *value) { return held.enqueue(static_cast<tokens *>(thread)->producer, value); }
    bool take(void *thread, void *&value) { return held.try_dequeue(static_cast<tokens *>(thread)->consumer, value); }
};

} // namespace

extern "C" const bench_impl bench_moodycamel = bench::container<plain>::make(
    "moodycamel", BENCH_QUEUE, "not linearizable", "moodycamel::ConcurrentQueue: order holds for each producer alone");
extern "C" const bench_impl bench_moodycamel_tokens =
    bench::container<by_tokens>::make("moodycamel-tokens", BENCH_QUEUE, "not linearizable",
                                      "moodycamel::ConcurrentQueue with tokens: order holds for each producer alone");
extern "C" const bench_impl bench_moodycamel_mailbox =
    bench::container<by_tokens>::make("moodycamel-tokens", BENCH_MAILBOX, "not linearizable",
                                      "moodycamel::ConcurrentQueue with tokens: order holds for each producer alone");
