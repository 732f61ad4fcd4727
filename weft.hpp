/*
 * Weft for C++17: typed, owning wrappers over the C interface, whose headers define how everything behaves.
 *
 *     weft::ms_queue<std::string> queue;        // weft::treiber_stack<T>, weft::map<K, V>, weft::table<V> likewise
 *     queue.enqueue("hello");                   // any thread
 *     if (auto text = queue.try_dequeue())      // std::optional
 *         use(*text);
 *
 * Cost. A trivially copyable T no larger than a pointer is stored inside the C structure, with the same instructions as
 * in C. Any other T, even a move-only one, is moved into a box of its own (one new and one delete per element).
 *
 * Errors. std::bad_alloc where C returns -ENOMEM; then nothing has happened, except that a T passed by value has been
 * moved from. std::invalid_argument for a null pointer as a map's value, and for what no ring can be. All else is a return value. Hash and == of
 * keys must neither throw nor end their thread, since they run inside an operation. A reclaim callback that ends its
 * thread unwinds through its callers; functions that may run callbacks are not noexcept, ~domain included. Progress and
 * linearization points are those of the C functions.
 *
 * Objects are not movable, since other threads hold their addresses. A domain must outlive all that was made in it.
 * (This file is longer than our others, since users copy it as one.)
 */
#ifndef WEFT_HPP
#define WEFT_HPP

#include <weft/base/version.h>

#if __cplusplus >= 201703L /* else base/defs.h has reported the error */

#include <atomic>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <weft/hashmap/split_map.h>
#include <weft/hashmap/table.h>
#include <weft/queues/deque.h>
#include <weft/queues/mailbox.h>
#include <weft/queues/msq.h>
#include <weft/queues/ring.h>
#include <weft/queues/segq.h>
#include <weft/queues/spsc.h>
#include <weft/stacks/treiber.h>

namespace weft {

enum class scheme { hazard = WEFT_HAZARD, epoch = WEFT_EPOCH };

namespace detail {

inline void check(int error)
{
    if (error == -ENOMEM)
        throw std::bad_alloc();
    if (error < 0)
        throw std::invalid_argument("weft: not a value, or a domain, that can be used here");
}

template <class T>
inline constexpr bool storable = std::is_object_v<T> && !std::is_array_v<T> && std::is_move_constructible_v<T> &&
                                 std::is_same_v<T, std::remove_cv_t<T>>;

/* How a T becomes a void *: as it is, or in a box. */
template <class T> constexpr bool does_fit()
{
    if constexpr (storable<T>)
        return std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(void *);
    return false;
}
template <class T> inline constexpr bool fits = does_fit<T>();

template <class T> T unpack(void *bits)
{
    alignas(T) unsigned char value[sizeof(T)];
    std::memcpy(value, &bits, sizeof value);
    return std::move(*std::launder(reinterpret_cast<T *>(value)));
}

template <class T, bool = fits<T>> struct word {
    static void *put(T &&value)
    {
        void *bits = nullptr;
        std::memcpy(&bits, std::addressof(value), sizeof value);
        return bits;
    }

    static T take(void *bits) { return unpack<T>(bits); }
    static void drop(void *, void *) {}
};

template <class T> struct word<T, false> {
    static void *put(T &&value) { return new T(std::move(value)); }

    static T take(void *box)
    {
        std::unique_ptr<T> owner(static_cast<T *>(box));
        return std::move(*owner);
    }

    static void drop(void *box, void *) { delete static_cast<T *>(box); }
};

/* Destroys its box unless a function has taken it. The box is lent to a function that may not return, since a reclaim
   callback may end the thread there. Then it is not known whether the box was taken, so unwinding must not destroy
   it. */
template <class Word, class Bits = void *> class held {
public:
    explicit held(Bits bits) : bits_(bits) {}
    held(const held &) = delete;
    held &operator=(const held &) = delete;
    ~held()
    {
        if (mine_)
            Word::drop(bits_, nullptr);
    }
    Bits lend()
    {
        mine_ = false;
        return bits_;
    }
    void take_back() { mine_ = true; }

private:
    Bits bits_;
    bool mine_ = true;
};

} // namespace detail

/* ---- reclamation (weft/reclaim/domain.h) ---- */

/*
 * weft_shutdown. False: something is in use, and nothing has happened. Static structures are in use until after main.
 */
[[nodiscard]] inline bool shutdown()
{
    return weft_shutdown() == 0;
}

/* Owns a domain. Its guards must be left and its structures destroyed before its destructor runs; else it leaks. */
class domain {
public:
    explicit domain(scheme which = scheme::hazard)
    {
        weft_domain_config config = {};
        config.scheme = static_cast<weft_scheme>(which);
        detail::check(weft_domain_create(&domain_, &config));
    }
    domain(const domain &) = delete;
    domain &operator=(const domain &) = delete;
    ~domain() noexcept(false) { (void)!weft_domain_destroy(domain_); }

    weft_domain *get() const noexcept { return domain_; }
    void flush() { weft_domain_flush(domain_); }
    /* False: the time is over, or the caller is inside a guard or a callback of this domain. */
    bool barrier(std::uint64_t timeout_ns = UINT64_MAX) { return weft_domain_barrier(domain_, timeout_ns) == 0; }

    weft_domain_statistics statistics() const noexcept
    {
        weft_domain_statistics result;
        weft_domain_stats(domain_, &result);
        return result;
    }

private:
    weft_domain *domain_ = nullptr;
};

/* Enters when constructed, leaves when destroyed, in one thread. Protects the pointer that it was used for last. */
class guard {
public:
    guard() noexcept : guard(nullptr) {}
    explicit guard(const domain &in) noexcept : guard(in.get()) {}
    explicit guard(weft_domain *in) noexcept { weft_enter(&guard_, in); }
    guard(const guard &) = delete;
    guard &operator=(const guard &) = delete;
    ~guard() { weft_leave(&guard_); }

    void *protect(weft_atomic_ptr &source) noexcept { return weft_protect(&guard_, &source); }
    template <class T> T *protect_as(weft_atomic_ptr &source) noexcept { return static_cast<T *>(protect(source)); }
    void refresh() noexcept { weft_guard_refresh(&guard_); }
    weft_guard *get() noexcept { return &guard_; }

private:
    weft_guard guard_;
};

/* Calls `delete object` when no guard holds it, which the caller has made unreachable. After std::bad_alloc it is still
   the caller's. */
template <class T> void retire(T *object, const domain *in = nullptr)
{
    void *bits = const_cast<void *>(static_cast<const volatile void *>(object));
    detail::check(weft_retire(
        in ? in->get() : nullptr, bits, [](void *o, void *) { delete static_cast<T *>(o); }, nullptr));
}

/* ---- queue and stack ---- */

/* Unbounded FIFO, any number of producers and consumers (weft/queues/msq.h). */
template <class T> class ms_queue {
    static_assert(detail::storable<T>, "weft: a queue holds objects that can be moved; no references, arrays, const");
    using word = detail::word<T>;

public:
    ms_queue() { detail::check(weft_msq_create(&queue_, nullptr)); }
    explicit ms_queue(const domain &in) { detail::check(weft_msq_create(&queue_, in.get())); }
    ms_queue(const ms_queue &) = delete;
    ms_queue &operator=(const ms_queue &) = delete;
    ~ms_queue() { weft_msq_destroy(queue_, word::drop, nullptr); }

    void enqueue(T value)
    {
        detail::held<word> bits(word::put(std::move(value)));
        int error = weft_msq_enqueue(queue_, bits.lend());
        if (error)
            bits.take_back();
        detail::check(error);
    }

    std::optional<T> try_dequeue()
    {
        void *bits;
        return weft_msq_try_dequeue(queue_, &bits) ? std::optional<T>(word::take(bits)) : std::nullopt;
    }

    bool empty() const noexcept { return weft_msq_is_empty(queue_); }
    weft_msq *get() const noexcept { return queue_; }

private:
    weft_msq *queue_ = nullptr;
};

/* The same on arrays; it can be closed (weft/queues/segq.h). */
template <class T> class segment_queue {
    static_assert(detail::storable<T>, "weft: a queue holds objects that can be moved; no references, arrays, const");
    using word = detail::word<T>;

public:
    segment_queue() { detail::check(weft_segq_create(&queue_, nullptr)); }
    explicit segment_queue(const domain &in) { detail::check(weft_segq_create(&queue_, in.get())); }
    segment_queue(const segment_queue &) = delete;
    segment_queue &operator=(const segment_queue &) = delete;
    ~segment_queue() { weft_segq_destroy(queue_, word::drop, nullptr); }

    /* False: the queue is closed, and the value is gone. */
    [[nodiscard]] bool enqueue(T value)
    {
        detail::held<word> bits(word::put(std::move(value)));
        int error = weft_segq_enqueue(queue_, bits.lend());
        if (error)
            bits.take_back();
        if (error != -EPIPE)
            detail::check(error);
        return !error;
    }

    std::optional<T> try_dequeue()
    {
        void *bits;
        return weft_segq_try_dequeue(queue_, &bits) ? std::optional<T>(word::take(bits)) : std::nullopt;
    }

    void close() noexcept { weft_segq_close(queue_); }
    bool closed() const noexcept { return weft_segq_is_closed(queue_); }
    bool empty() const noexcept { return weft_segq_is_empty(queue_); }
    weft_segq *get() const noexcept { return queue_; }

private:
    weft_segq *queue_ = nullptr;
};

/* An owner pushes and pops, last in, first out; other threads steal the oldest (weft/queues/deque.h). */
template <class T> class work_deque {
    static_assert(detail::storable<T>, "weft: a deque holds objects that can be moved; no references, arrays, const");
    using word = detail::word<T>;

public:
    work_deque() { detail::check(weft_deque_create(&deque_, nullptr)); }
    explicit work_deque(const domain &in) { detail::check(weft_deque_create(&deque_, in.get())); }
    work_deque(const work_deque &) = delete;
    work_deque &operator=(const work_deque &) = delete;
    ~work_deque() { weft_deque_destroy(deque_, word::drop, nullptr); }

    void push(T value)
    {
        detail::held<word> bits(word::put(std::move(value)));
        int error = weft_deque_push(deque_, bits.lend());
        if (error)
            bits.take_back();
        detail::check(error);
    }

    std::optional<T> try_pop()
    {
        void *bits;
        return weft_deque_try_pop(deque_, &bits) ? std::optional<T>(word::take(bits)) : std::nullopt;
    }

    std::optional<T> try_steal()
    {
        void *bits;
        return weft_deque_try_steal(deque_, &bits) ? std::optional<T>(word::take(bits)) : std::nullopt;
    }

    /* Into `to`, which this thread owns. How many. */
    std::size_t steal_half(work_deque &to) { return weft_deque_steal_half(deque_, to.deque_); }

    weft_deque *get() const noexcept { return deque_; }

private:
    weft_deque *deque_ = nullptr;
};

/* What objects that go into a mailbox are derived from. */
struct mail : weft_mail {};

/*
 * Any number of producers, one consumer; it allocates nothing (weft/queues/mailbox.h). T is derived from weft::mail. The box
 * owns nothing: what is inside at its end stays with whoever has it.
 */
template <class T> class mailbox {
    static_assert(std::is_base_of_v<mail, T>, "weft: what goes into a mailbox is derived from weft::mail");

public:
    mailbox() { detail::check(weft_mailbox_create(&box_)); }
    mailbox(const mailbox &) = delete;
    mailbox &operator=(const mailbox &) = delete;
    ~mailbox() { weft_mailbox_destroy(box_, nullptr, nullptr); }

    /* True: the consumer was armed, wake it. */
    bool push(T *object) noexcept { return weft_mailbox_push(box_, object); }

    /* The oldest, or nullptr. */
    [[nodiscard]] T *take() noexcept { return static_cast<T *>(static_cast<mail *>(weft_mailbox_take(box_))); }

    /* False: there is mail. */
    [[nodiscard]] bool arm() noexcept { return weft_mailbox_arm(box_); }

    weft_mailbox *get() const noexcept { return box_; }

private:
    weft_mailbox *box_ = nullptr;
};

namespace detail {

struct spsc_calls {
    using type = weft_spsc;
    static constexpr auto create = weft_spsc_create;
    static constexpr auto try_push = weft_spsc_try_push;
    static constexpr auto try_pop = weft_spsc_try_pop;
    static constexpr auto push_many = weft_spsc_push_many;
    static constexpr auto pop_many = weft_spsc_pop_many;
    static constexpr auto size = weft_spsc_size;
    static constexpr auto capacity = weft_spsc_capacity;
    static constexpr auto destroy = weft_spsc_destroy;
};

struct ring_calls {
    using type = weft_ring;
    static constexpr auto create = weft_ring_create;
    static constexpr auto try_push = weft_ring_try_push;
    static constexpr auto try_pop = weft_ring_try_pop;
    static constexpr auto push_many = weft_ring_push_many;
    static constexpr auto pop_many = weft_ring_pop_many;
    static constexpr auto size = weft_ring_size;
    static constexpr auto capacity = weft_ring_capacity;
    static constexpr auto destroy = weft_ring_destroy;
};

/* What every ring has. Elements are copied as bytes. std::bad_alloc also where the system refuses WEFT_SPSC_CONTIGUOUS. */
template <class T, class C> class any_ring {
    static_assert(std::is_trivially_copyable_v<T>, "weft: a ring's elements are copied as bytes");

public:
    explicit any_ring(std::size_t capacity, unsigned flags = 0)
    {
        int error = C::create(&ring_, capacity, sizeof(T), flags);
        if (error == -EINVAL)
            throw std::invalid_argument("weft: a ring without room, or of more than memory can have, or unknown flags");
        if (error)
            throw std::bad_alloc();
    }
    any_ring(const any_ring &) = delete;
    any_ring &operator=(const any_ring &) = delete;

    /* False: full. */
    [[nodiscard]] bool try_push(const T &element) noexcept { return C::try_push(ring_, std::addressof(element)); }

    std::optional<T> try_pop() noexcept
    {
        return filled_by([this](void *bytes) { return C::try_pop(ring_, bytes); });
    }

    [[nodiscard]] std::size_t push_many(const T *elements, std::size_t count) noexcept
    {
        return C::push_many(ring_, elements, count);
    }
    [[nodiscard]] std::size_t pop_many(T *elements, std::size_t count) noexcept
    {
        return C::pop_many(ring_, elements, count);
    }

    std::size_t size() const noexcept { return C::size(ring_); }
    std::size_t capacity() const noexcept { return C::capacity(ring_); }
    typename C::type *get() const noexcept { return ring_; }

protected:
    ~any_ring() { C::destroy(ring_); }

    /* The T whose bytes `fill` has written, if it says so. */
    template <class F> static std::optional<T> filled_by(F fill) noexcept
    {
        alignas(T) unsigned char bytes[sizeof(T)];
        if (!fill(bytes))
            return std::nullopt;
        return *std::launder(reinterpret_cast<T *>(bytes));
    }

    typename C::type *ring_ = nullptr;
};

} // namespace detail

/* Bounded, one producer and one consumer (weft/queues/spsc.h says who may call what). */
template <class T> class spsc_ring : public detail::any_ring<T, detail::spsc_calls> {
    using base = detail::any_ring<T, detail::spsc_calls>;
    using base::ring_;

public:
    using base::base;

    [[nodiscard]] std::size_t reserve(std::size_t count, T *&span) noexcept
    {
        void *place;
        count = weft_spsc_reserve(ring_, count, &place);
        span = static_cast<T *>(place);
        return count;
    }
    void commit(std::size_t count) noexcept { weft_spsc_commit(ring_, count); }
    [[nodiscard]] std::size_t peek(std::size_t count, const T *&span) noexcept
    {
        const void *place;
        count = weft_spsc_peek(ring_, count, &place);
        span = static_cast<const T *>(place);
        return count;
    }
    void release(std::size_t count) noexcept { weft_spsc_release(ring_, count); }
};

/* Bounded, any number of producers and consumers (weft/queues/ring.h). */
template <class T> class ring : public detail::any_ring<T, detail::ring_calls> {
    using base = detail::any_ring<T, detail::ring_calls>;
    using base::ring_;

public:
    using base::base;

    /* The element that made room, or that could not be pushed because others hold all slots; nullopt: there was room. */
    std::optional<T> force_push(const T &element) noexcept
    {
        return base::filled_by(
            [&](void *bytes) { return weft_ring_force_push(ring_, std::addressof(element), bytes); });
    }

    /* A slot to be written and then committed or aborted, by any thread; nullptr: full. */
    [[nodiscard]] T *reserve() noexcept { return static_cast<T *>(weft_ring_reserve(ring_)); }
    void commit(T *slot) noexcept { weft_ring_commit(ring_, slot); }
    void abort(T *slot) noexcept { weft_ring_abort(ring_, slot); }

    /* The oldest element, in place until it is given back; nullptr: empty. */
    [[nodiscard]] T *take() noexcept { return static_cast<T *>(weft_ring_take(ring_)); }
    void give_back(T *slot) noexcept { weft_ring_give_back(ring_, slot); }
};

/* Unbounded LIFO, any number of threads (weft/stacks/treiber.h). */
template <class T> class treiber_stack {
    static_assert(detail::storable<T>, "weft: a stack holds objects that can be moved; no references, arrays, const");
    using word = detail::word<T>;

public:
    treiber_stack() { detail::check(weft_treiber_create(&stack_, nullptr)); }
    explicit treiber_stack(const domain &in) { detail::check(weft_treiber_create(&stack_, in.get())); }
    treiber_stack(const treiber_stack &) = delete;
    treiber_stack &operator=(const treiber_stack &) = delete;
    ~treiber_stack() { weft_treiber_destroy(stack_, word::drop, nullptr); }

    void push(T value)
    {
        detail::held<word> bits(word::put(std::move(value)));
        int error = weft_treiber_push(stack_, bits.lend());
        if (error)
            bits.take_back();
        detail::check(error);
    }

    std::optional<T> try_pop()
    {
        void *bits;
        return weft_treiber_try_pop(stack_, &bits) ? std::optional<T>(word::take(bits)) : std::nullopt;
    }

    bool empty() const noexcept { return weft_treiber_is_empty(stack_); }
    weft_treiber *get() const noexcept { return stack_; }

private:
    weft_treiber *stack_ = nullptr;
};

/* ---- map and table ---- */

namespace detail {

/* Integers and enumerations are the word itself, as in C's default configuration. Other keys are boxed, compared by ==,
   and hashed by std::hash. Strings are hashed with the map's seed, so that an attacker cannot choose keys that collide.
   This covers only types whose == compares bytes: a type that converts to a string may have an == of its own. */
template <class K> inline constexpr bool plain_key = fits<K> && (std::is_integral_v<K> || std::is_enum_v<K>);
template <class K> inline constexpr bool byte_string = std::is_same_v<K, std::string_view>;
template <class A> inline constexpr bool byte_string<std::basic_string<char, std::char_traits<char>, A>> = true;
template <class K>
inline constexpr bool hashable = plain_key<K> || byte_string<K> || std::is_default_constructible_v<std::hash<K>>;

template <class K, bool = plain_key<K>> struct key {
    static void *put(K &&value) { return reinterpret_cast<void *>(static_cast<std::uintptr_t>(value)); }
    static const void *look(const K &value)
    {
        return reinterpret_cast<const void *>(static_cast<std::uintptr_t>(value));
    }
    static K see(void *bits) { return static_cast<K>(reinterpret_cast<std::uintptr_t>(bits)); }
    static void drop(void *, void *) {}
    static void configure(weft_map_config &) {}
};

template <class K> struct key<K, false> {
    static void *put(K &&value) { return new K(std::move(value)); }
    static const void *look(const K &value) { return std::addressof(value); }
    static const K &see(void *box) { return *static_cast<const K *>(box); }
    static void drop(void *box, void *) { delete static_cast<K *>(box); }

    static std::uint64_t hash(const void *k, const weft_map_seed *seed, void *) noexcept
    {
        const K &it = *static_cast<const K *>(k);
        if constexpr (byte_string<K>) {
            return weft_map_hash_bytes(it.data(), it.size(), seed);
        } else {
            std::size_t made = std::hash<K>()(it);
            return weft_map_hash_bytes(&made, sizeof made, seed);
        }
    }

    static bool equal(const void *a, const void *b, void *) noexcept
    {
        return *static_cast<const K *>(a) == *static_cast<const K *>(b);
    }

    static void configure(weft_map_config &config)
    {
        config.hash = hash;
        config.equal = equal;
        config.destroy_key = drop;
    }
};

/* The keys of a table. */
struct integer_key {
    static std::uint64_t put(std::uint64_t k) { return k; }
    static std::uint64_t look(std::uint64_t k) { return k; }
    static std::uint64_t see(std::uint64_t k) { return k; }
    static void drop(std::uint64_t, void *) {}
    static void configure(weft_table_config &) {}
};

/* A map's value is never NULL. Pointers are stored as they are; a smaller value is stored beside a byte that is not 0;
   any other value is stored in a box, which is destroyed when no reader can see it any more. */
enum class how { pointer, small, box };
template <class V>
inline constexpr how stored = std::is_pointer_v<V>                    ? how::pointer
                              : fits<V> && sizeof(V) < sizeof(void *) ? how::small
                                                                      : how::box;

template <class V, how = stored<V>> struct value {
    static void *put(V &&v)
    {
        if constexpr (std::is_function_v<std::remove_pointer_t<V>>)
            return reinterpret_cast<void *>(v); /* as for the result of dlsym */
        else
            return const_cast<void *>(static_cast<const volatile void *>(v));
    }

    static V see(void *bits) { return reinterpret_cast<V>(bits); }
    static void drop(void *, void *) {}
    template <class C> static void configure(C &) {}
};

template <class V> struct value<V, how::small> {
    static void *put(V &&v)
    {
        unsigned char bytes[sizeof(void *)] = {};
        void *bits;
        std::memcpy(bytes, std::addressof(v), sizeof v);
        bytes[sizeof bytes - 1] = 1;
        std::memcpy(&bits, bytes, sizeof bits);
        return bits;
    }

    static V see(void *bits) { return unpack<V>(bits); }
    static void drop(void *, void *) {}
    template <class C> static void configure(C &) {}
};

template <class V> struct value<V, how::box> {
    static void *put(V &&v) { return new V(std::move(v)); }
    static const V &see(void *box) { return *static_cast<const V *>(box); }
    static void drop(void *box, void *) { delete static_cast<V *>(box); }
    template <class C> static void configure(C &config) { config.destroy_value = drop; }
};

struct map_calls {
    using type = weft_map;
    using config = weft_map_config;
    using iterator = weft_map_iterator;
    using key = void *;
    using sought = const void *;
    static constexpr auto create = weft_map_create;
    static constexpr auto insert = weft_map_insert;
    static constexpr auto put = weft_map_put;
    static constexpr auto get = weft_map_get;
    static constexpr auto get_many = weft_map_get_many;
    static constexpr auto contains = weft_map_contains;
    static constexpr auto remove = weft_map_remove;
    static constexpr auto compare_and_remove = weft_map_compare_and_remove;
    static constexpr auto size = weft_map_size;
    static constexpr auto reserve = weft_map_reserve;
    static constexpr auto clear = weft_map_clear;
    static constexpr auto iterate = weft_map_iterate;
    static constexpr auto next = weft_map_next;
    static constexpr auto iterate_end = weft_map_iterate_end;
    static constexpr auto destroy = weft_map_destroy;
};

struct table_calls {
    using type = weft_table;
    using config = weft_table_config;
    using iterator = weft_table_iterator;
    using key = std::uint64_t;
    using sought = std::uint64_t;
    static constexpr auto create = weft_table_create;
    static constexpr auto insert = weft_table_insert;
    static constexpr auto put = weft_table_put;
    static constexpr auto get = weft_table_get;
    static constexpr auto get_many = weft_table_get_many;
    static constexpr auto contains = weft_table_contains;
    static constexpr auto remove = weft_table_remove;
    static constexpr auto compare_and_remove = weft_table_compare_and_remove;
    static constexpr auto size = weft_table_size;
    static constexpr auto reserve = weft_table_reserve;
    static constexpr auto clear = weft_table_clear;
    static constexpr auto iterate = weft_table_iterate;
    static constexpr auto next = weft_table_next;
    static constexpr auto iterate_end = weft_table_iterate_end;
    static constexpr auto destroy = weft_table_destroy;
};

/* What map and table have. Key makes of a K what the functions of C take. */
template <class C, class Key, class K, class V> class any_map {
    static_assert(storable<K> && storable<V>,
                  "weft: a map holds objects that can be moved; no references, arrays, const");
    using value = detail::value<V>;

public:
    any_map() { create(nullptr); }
    explicit any_map(const domain &in) : domain_(in.get()) { create(domain_); }
    any_map(const any_map &) = delete;
    any_map &operator=(const any_map &) = delete;

    /* False: the key is there, and nothing changed. */
    bool insert(K k, V v)
    {
        held<Key, typename C::key> key_bits(Key::put(std::move(k)));
        held<value> value_bits(value::put(std::move(v)));
        int error = C::insert(map_, key_bits.lend(), value_bits.lend());
        if (error) {
            key_bits.take_back();
            value_bits.take_back();
        }
        if (error == -EEXIST)
            return false;
        check(error);
        return true;
    }

    /* True: a value was replaced. */
    bool insert_or_assign(K k, V v)
    {
        held<Key, typename C::key> key_bits(Key::put(std::move(k)));
        held<value> value_bits(value::put(std::move(v)));
        int done = C::put(map_, key_bits.lend(), value_bits.lend(), nullptr);
        if (done != 0)
            key_bits.take_back();
        if (done < 0)
            value_bits.take_back();
        check(done);
        return done == 1;
    }

    /* Calls see(const V &) while the value cannot go away. False: absent. */
    template <class F> bool visit(const K &k, F &&see) const
    {
        guard hold(domain_);
        void *bits = C::get(map_, hold.get(), Key::look(k));
        if (bits)
            std::forward<F>(see)(value::see(bits));
        return bits != nullptr;
    }

    /* Returns a copy of the value. */
    std::optional<V> get(const K &k) const
    {
        static_assert(std::is_copy_constructible_v<V>, "weft: get makes a copy; visit does not");
        std::optional<V> result;
        if constexpr (stored<V> == how::box) {
            visit(k, [&](const V &v) { result.emplace(v); });
        } else if (void *bits = C::get(map_, nullptr, Key::look(k))) {
            result.emplace(value::see(bits));
        }
        return result;
    }

    /* Calls see(i, const V &) for each keys[i] that is present, while the value cannot go away. Each lookup is of a
       moment of its own, as in weft_map_get_many. Returns how many were present. */
    template <class F> std::size_t visit_many(const K *keys, std::size_t count, F &&see) const
    {
        std::size_t found = 0;
        for (std::size_t done = 0; done < count; done += several::most) {
            several of(domain_, count - done < several::most ? count - done : several::most);
            for (std::size_t i = 0; i < of.count; i++)
                of.key[i] = Key::look(keys[done + i]);
            found += C::get_many(map_, of.guard, of.key, of.value, of.count);
            for (std::size_t i = 0; i < of.count; i++)
                if (of.value[i])
                    see(done + i, value::see(of.value[i]));
        }
        return found;
    }

    bool contains(const K &k) const { return C::contains(map_, Key::look(k)); }
    bool erase(const K &k) { return C::remove(map_, Key::look(k), nullptr); }
    /* Erases the entry only if it has this value. Not for boxed values, which would be compared by address. */
    bool erase(const K &k, const V &expected)
    {
        static_assert(stored<V> != how::box, "only values that fit in a word can be compared");
        return C::compare_and_remove(map_, Key::look(k), value::put(V(expected))) == 0;
    }
    void clear() { C::clear(map_); }
    /* Makes buckets for so many entries, and keeps them; 0: from now on the table shrinks again. */
    void reserve(std::size_t count) { check(C::reserve(map_, count)); }
    std::size_t size() const noexcept { return C::size(map_); }

    /* Calls see(const K &, const V &) for each entry, also beside updates (guarantee 3 of the C header). */
    template <class F> void for_each(F &&see) const
    {
        struct walk {
            typename C::iterator iterator;
            explicit walk(typename C::type *m) { C::iterate(&iterator, m); }
            ~walk() { C::iterate_end(&iterator); }
        } at(map_);
        typename C::key k;
        void *v;
        while (C::next(&at.iterator, &k, &v))
            see(Key::see(k), value::see(v));
    }

    typename C::type *get() const noexcept { return map_; }

protected:
    ~any_map() { C::destroy(map_, nullptr, nullptr); }

private:
    void create(weft_domain *in)
    {
        typename C::config config = {};
        Key::configure(config);
        value::configure(config);
        check(C::create(&map_, in, &config));
    }

    /* As many keys as weft_map_get_many looks up together. */
    struct several {
        static constexpr std::size_t most = 16;
        weft_guard guard[most];
        typename C::sought key[most];
        void *value[most];
        const std::size_t count;

        several(weft_domain *in, std::size_t n) noexcept : count(n)
        {
            for (std::size_t i = 0; i < count; i++)
                weft_enter(&guard[i], in);
        }
        several(const several &) = delete;
        ~several()
        {
            for (std::size_t i = count; i > 0; i--)
                weft_leave(&guard[i - 1]);
        }
    };

    weft_domain *domain_ = nullptr;
    typename C::type *map_ = nullptr;
};

} // namespace detail

/* A hash map that grows and shrinks without stopping a thread (weft/hashmap/split_map.h). It owns keys and values. */
template <class K, class V> class map : public detail::any_map<detail::map_calls, detail::key<K>, K, V> {
    static_assert(detail::hashable<K>, "weft: a key needs std::hash (and ==)");
    using base = detail::any_map<detail::map_calls, detail::key<K>, K, V>;

public:
    using base::base;
};

/* The same for integers, with an operation on one cache line (weft/hashmap/table.h). It owns the values. */
template <class V> class table : public detail::any_map<detail::table_calls, detail::integer_key, std::uint64_t, V> {
    using base = detail::any_map<detail::table_calls, detail::integer_key, std::uint64_t, V>;

public:
    using base::base;
};

} // namespace weft

#endif
#endif
