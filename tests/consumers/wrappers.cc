/* Tests weft.hpp: each wrapper with types that fit a word and others, every category of types, destructors counted. */
#include <weft/weft.hpp>

#include <pthread.h>

#include <atomic>
#include <cctype>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

static std::atomic<int> alive{0};

#define REQUIRE(condition)                                                                                             \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                       \
            return 1;                                                                                                  \
        }                                                                                                              \
    } while (0)

struct counted {
    int value;
    explicit counted(int v) : value(v) { alive++; }
    counted(counted &&other) noexcept : value(other.value) { alive++; }
    counted(const counted &) = delete;
    ~counted() { alive--; }
};

struct point {
    float x, y;
};

struct place {
    int x, y, z;
    bool operator==(const place &o) const { return x == o.x && y == o.y && z == o.z; }
};

template <> struct std::hash<place> {
    std::size_t operator()(const place &p) const noexcept
    {
        return static_cast<std::size_t>(p.x + 31 * p.y + 961 * p.z);
    }
};

/* ---- keys that are nearly strings: their std::hash and == decide, not their bytes ---- */

struct any_case {
    std::string text;
    operator std::string_view() const { return text; }
    std::string folded() const
    {
        std::string result = text;
        for (char &c : result)
            c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        return result;
    }
    bool operator==(const any_case &o) const { return folded() == o.folded(); }
};

template <> struct std::hash<any_case> {
    std::size_t operator()(const any_case &k) const noexcept { return std::hash<std::string>()(k.folded()); }
};

struct loose_traits : std::char_traits<char> {
    static int compare(const char *a, const char *b, std::size_t n)
    {
        for (; n > 0; n--, a++, b++)
            if (std::tolower(static_cast<unsigned char>(*a)) != std::tolower(static_cast<unsigned char>(*b)))
                return *a < *b ? -1 : 1;
        return 0;
    }
};

using loose_string = std::basic_string<char, loose_traits>;

template <> struct std::hash<loose_string> {
    std::size_t operator()(const loose_string &k) const noexcept { return k.size(); }
};

template <class T> struct own_allocator : std::allocator<T> {
    template <class U> struct rebind {
        using other = own_allocator<U>;
    };
};

static int keys(const weft::domain &domain)
{
    weft::map<any_case, int> names(domain);
    REQUIRE(names.insert({"Weft"}, 1) && !names.insert({"WEFT"}, 2) && names.get({"weft"}) == 1 && names.size() == 1);
    weft::map<loose_string, int> loose(domain);
    REQUIRE(loose.insert("Weft", 1) && !loose.insert("WEFT", 2) && loose.erase("wefT"));
    weft::map<std::basic_string<char, std::char_traits<char>, own_allocator<char>>, int> allocated(domain);
    REQUIRE(allocated.insert("one", 1) && !allocated.insert("one", 2));
    weft::map<std::string_view, int> views(domain);
    std::string a = "one", b = "one";
    REQUIRE(views.insert(a, 1) && !views.insert(b, 2));
    weft::map<const char *, int> addresses(domain); // like every pointer, by the address
    REQUIRE(addresses.insert(a.c_str(), 1) && addresses.insert(b.c_str(), 2) && addresses.get(b.c_str()) == 2);

    enum colour { red, green };
    enum class wide : std::int64_t { low = -1, high = INT64_MAX };
    weft::map<colour, wide> colours(domain);
    REQUIRE(colours.insert(green, wide::low) && colours.get(green) == wide::low && !colours.contains(red));
    weft::map<wide, colour> back(domain);
    REQUIRE(back.insert(wide::low, red) && back.insert(wide::high, green) && back.get(wide::low) == red &&
            back.get(wide::high) == green);
    weft::map<bool, bool> truths(domain);
    REQUIRE(truths.insert(false, false) && truths.insert(true, true) && truths.get(false) == false &&
            truths.get(true) == true);
    weft::map<double, char> reals(domain);
    REQUIRE(reals.insert(0.0, 'a') && !reals.insert(-0.0, 'b'));
    weft::map<std::unique_ptr<int>, int> owners(domain); // move-only
    auto owner = std::make_unique<int>(1);
    auto alias = owner.get();
    REQUIRE(owners.insert(std::move(owner), 5));
    int seen = 0;
    owners.for_each([&](const std::unique_ptr<int> &k, int v) { seen += k.get() == alias ? v : 100; });
    REQUIRE(seen == 5);
    return 0;
}

/* ---- values of each category ---- */

struct handle { // trivially copyable, and not to be copied
    int number;
    explicit handle(int n) : number(n) {}
    handle(handle &&) = default;
    handle(const handle &) = delete;
};

template <class T> struct shy { // its address cannot be taken with &
    T value;
    shy *operator&() = delete;
    const shy *operator&() const = delete;
    bool operator==(const shy &o) const { return value == o.value; }
};

template <class T> struct std::hash<shy<T>> {
    std::size_t operator()(const shy<T> &k) const noexcept { return std::hash<T>()(k.value); }
};

struct fixed { // no assignment
    const std::string text;
};

struct empty {};

struct alignas(64) line {
    char text[64];
};

static int twice(int x)
{
    return 2 * x;
}
static int silent(int x) noexcept
{
    return x;
}

static int values(const weft::domain &domain)
{
    weft::map<int, int (*)(int)> functions(domain);
    REQUIRE(functions.insert(1, twice) && functions.insert(2, silent) && (*functions.get(1))(21) == 42 &&
            (*functions.get(2))(1) == 1);
    REQUIRE(functions.insert_or_assign(1, silent) && functions.visit(1, [](int (*const &f)(int)) { (void)f(0); }));
    bool refused = false;
    try {
        functions.insert(3, nullptr);
    } catch (const std::invalid_argument &) {
        refused = true;
    }
    REQUIRE(refused);
    weft::map<int (*)(int), int> by_function(domain);
    REQUIRE(by_function.insert(twice, 2) && by_function.get(twice) == 2 && !by_function.contains(silent));
    weft::ms_queue<int (*)(int)> calls(domain);
    calls.enqueue(twice);
    REQUIRE((*calls.try_dequeue())(2) == 4);

    const int target = 1;
    volatile int changing = 1;
    weft::map<int, const int *> constant(domain);
    weft::map<int, const volatile int *> both(domain);
    weft::map<int, void *> any(domain);
    REQUIRE(constant.insert(1, &target) && *constant.get(1) == &target && both.insert(1, &changing) &&
            *both.get(1) == &changing);
    REQUIRE(any.insert(1, &any) && *any.get(1) == &any);

    int place::*member = &place::y;
    weft::map<int, int place::*> members(domain);
    weft::ms_queue<int place::*> queued(domain);
    queued.enqueue(member);
    queued.enqueue(nullptr);
    REQUIRE(members.insert(1, member) && members.insert(2, nullptr) && *members.get(1) == member &&
            *members.get(2) == nullptr);
    REQUIRE(*queued.try_dequeue() == member && *queued.try_dequeue() == nullptr);

    weft::map<int, std::unique_ptr<int>> owned(domain);
    REQUIRE(owned.insert(1, std::make_unique<int>(7)) && owned.insert_or_assign(1, nullptr) &&
            owned.visit(1, [](const std::unique_ptr<int> &) {}));
    weft::map<int, handle> handles(domain);
    weft::ms_queue<handle> handed(domain);
    weft::treiber_stack<handle> stacked(domain);
    handed.enqueue(handle(3));
    stacked.push(handle(4));
    int number = 0;
    REQUIRE(handles.insert(1, handle(2)) && handles.visit(1, [&](const handle &h) { number = h.number; }) &&
            number == 2);
    REQUIRE(handed.try_dequeue()->number == 3 && stacked.try_pop()->number == 4);

    weft::map<shy<int>, shy<short>> small(domain);
    weft::map<shy<std::string>, shy<std::string>> large(domain);
    weft::treiber_stack<shy<int>> shies(domain);
    shies.push({5});
    REQUIRE(small.insert({1}, {2}) && small.get({1})->value == 2 && large.insert({"a"}, {"b"}) &&
            large.get({"a"})->value == "b");
    REQUIRE(small.contains({1}) && large.erase({"a"}) && shies.try_pop()->value == 5);

    weft::map<int, fixed> texts(domain);
    REQUIRE(texts.insert(1, {"fixed"}) && texts.get(1)->text == "fixed");
    weft::map<int, empty> nothing(domain);
    REQUIRE(nothing.insert(0, {}) && nothing.get(0) && !nothing.get(1));
    weft::ms_queue<line> lines(domain);
    lines.enqueue({"whole"});
    REQUIRE(std::string(lines.try_dequeue()->text) == "whole");

    weft::retire<const counted>(new counted(1), &domain);
    return 0;
}

/* What cannot work is an error with a message of ours; tests/consumers/consumers_test.py compiles each. */
#if WRONG == 1
template class weft::map<int place::*, int>; // no std::hash
#elif WRONG == 2
template class weft::map<const int, int>;
#elif WRONG == 3
template class weft::map<int, int &>;
#elif WRONG == 4
template class weft::ms_queue<const int>;
#elif WRONG == 5
template class weft::treiber_stack<int[3]>;
#elif WRONG == 6
template class weft::map<std::string, handle &&>;
#elif WRONG == 7
auto wrong(weft::map<int, handle> &map) // it would copy the handle
{
    return map.get(1);
}
#elif WRONG == 8
template class weft::ms_queue<void>;
#elif WRONG == 9
template class weft::map<place[2], int>;
#elif WRONG == 10
template class weft::spsc_ring<std::string>;
#elif WRONG == 11
template class weft::mailbox<point>;
#elif WRONG == 12
template class weft::work_deque<int &>;
#elif WRONG == 13
template class weft::ring<std::string>;
#elif WRONG == 14
template class weft::table<int &>;
#endif

static int queues_and_stacks(const weft::domain &domain)
{
    weft::ms_queue<point> points(domain);
    points.enqueue({1, 2});
    auto p = points.try_dequeue();
    REQUIRE(p && p->x == 1 && p->y == 2 && !points.try_dequeue() && points.empty());

    weft::ms_queue<std::unique_ptr<int>> owners;
    owners.enqueue(std::make_unique<int>(7));
    owners.enqueue(nullptr);
    auto owner = owners.try_dequeue();
    REQUIRE(owner && **owner == 7);

    weft::segment_queue<std::string> words(domain);
    REQUIRE(words.enqueue("a word, and too long for one of the machine's") && !words.empty() && !words.closed());
    words.close();
    REQUIRE(words.closed() && !words.enqueue("late, and also too long for a machine's word"));
    REQUIRE(words.try_dequeue()->size() == 45 && !words.try_dequeue() && words.empty());

    weft::work_deque<std::string> work(domain), loot(domain);
    for (const char *job : {"the first job, which does not fit into a word", "second", "third", "fourth"})
        work.push(job);
    REQUIRE(work.try_pop() == "fourth" && work.try_steal()->size() == 45 && work.steal_half(loot) == 1);
    REQUIRE(loot.try_pop() == "second" && !loot.try_pop() && work.get() != loot.get());

    struct letter : weft::mail {
        int number = 0;
    } first, second;
    weft::mailbox<letter> box;
    second.number = 2;
    REQUIRE(box.arm() && box.push(&first) && !box.push(&second) && !box.arm() && !box.push(nullptr));
    REQUIRE(box.take() == &first && box.take()->number == 2 && !box.take() && weft_mailbox_arm(box.get()));

    weft::spsc_ring<point> path(3, WEFT_SPSC_STAMPED);
    REQUIRE(path.try_push({1, 2}) && path.size() == 1 && path.capacity() == 3 && path.try_pop()->y == 2 &&
            !path.try_pop());
    weft::spsc_ring<int> tones(4);
    int some[] = {1, 2, 3}, *span;
    const int *heard;
    REQUIRE(tones.push_many(some, 3) == 3 && tones.reserve(2, span) == 1 && (*span = 4));
    tones.commit(1);
    REQUIRE(!tones.try_push(5) && tones.peek(9, heard) == 4 && heard[3] == 4);
    tones.release(3);
    REQUIRE(tones.pop_many(some, 3) == 1 && some[0] == 4 && weft_spsc_size(tones.get()) == 0);
    weft::ring<point> route(2, WEFT_RING_ONE_CONSUMER);
    REQUIRE(route.try_push({1, 2}) && route.try_push({3, 4}) && !route.try_push({5, 6}) && route.size() == 2);
    REQUIRE(route.force_push({5, 6})->y == 2 && route.try_pop()->x == 3 && !route.force_push({7, 8}));
    REQUIRE(route.try_pop()->y == 6 && route.try_pop()->x == 7 && !route.try_pop() && route.capacity() == 2);
    weft::ring<line> page(2);
    line *slot = page.reserve(), *other = page.reserve();
    REQUIRE(slot && other && !page.reserve() && reinterpret_cast<std::uintptr_t>(slot) % alignof(line) == 0);
    REQUIRE(page.force_push({"nowhere to go"})->text[0] == 'n');
    *slot = {"in place"};
    page.commit(slot);
    page.abort(other);
    REQUIRE(page.take() == slot && !page.take() && std::string(slot->text) == "in place");
    page.give_back(slot);
    line some_lines[] = {{"a"}, {"b"}, {"c"}};
    REQUIRE(page.push_many(some_lines, 3) == 2 && page.pop_many(some_lines + 1, 2) == 2 &&
            some_lines[2].text[0] == 'b' && weft_ring_size(page.get()) == 0);

    int refused = 0;
    try {
        weft::spsc_ring<int> none(0);
    } catch (const std::invalid_argument &) {
        refused++;
    }
    try {
        weft::ring<int> unknown(1, 4);
    } catch (const std::invalid_argument &) {
        refused++;
    }
    REQUIRE(refused == 2);

    weft::treiber_stack<std::string> texts(domain);
    texts.push("below, and too long for a word of any kind");
    texts.push("on top");
    REQUIRE(texts.try_pop() == "on top" && !texts.empty());

    {
        weft::ms_queue<counted> queue;
        weft::segment_queue<counted> segments(domain);
        weft::treiber_stack<counted> stack(domain);
        for (int i = 0; i < 100; i++) {
            queue.enqueue(counted(i));
            REQUIRE(segments.enqueue(counted(i)));
            stack.push(counted(i));
        }
        REQUIRE(queue.try_dequeue()->value == 0 && stack.try_pop()->value == 99);
        segments.close();
        REQUIRE(!segments.enqueue(counted(100)));
        REQUIRE(alive == 298);
    }
    REQUIRE(alive == 0);
    return 0;
}

static int maps(weft::domain &domain)
{
    weft::map<std::string, std::string> names(domain);
    REQUIRE(names.insert("one", "un") && !names.insert("one", "uno") && names.get("one") == "un");
    REQUIRE(names.insert_or_assign("one", "eins") && !names.insert_or_assign("two", "zwei"));
    REQUIRE(names.get("one") == "eins" && !names.get("three") && names.contains("two") && names.size() == 2);
    std::size_t letters = 0;
    names.for_each([&](const std::string &k, const std::string &v) { letters += k.size() + v.size(); });
    REQUIRE(letters == 14 && names.erase("two") && !names.erase("two"));
    const std::string asked[] = {"two", "one"};
    std::size_t present =
        names.visit_many(asked, 2, [&](std::size_t i, const std::string &v) { letters += i + v.size(); });
    REQUIRE(present == 1 && letters == 14 + 1 + 4);
    names.reserve(1000);
    names.clear();
    REQUIRE(names.size() == 0 && names.visit_many(asked, 2, [](std::size_t, const std::string &) {}) == 0);

    weft::map<int, bool> flags; // a word that is not NULL, whatever the value
    REQUIRE(flags.insert(-1, false) && flags.insert(0, true) && flags.get(-1) == false && flags.get(0) == true);
    weft::map<unsigned, std::uint64_t> wide;
    REQUIRE(wide.insert(3, 0) && wide.get(3) == 0u && wide.insert_or_assign(3, UINT64_MAX) &&
            wide.get(3) == UINT64_MAX);
    weft::map<place, int> places;
    REQUIRE(places.insert({1, 2, 3}, 5) && places.get({1, 2, 3}) == 5 && !places.get({3, 2, 1}));
    int target = 0;
    weft::map<int, int *> pointers;
    REQUIRE(pointers.insert(1, &target) && pointers.get(1) == &target);
    REQUIRE(flags.erase(0, false) == false && flags.erase(0, true) && pointers.erase(1, &target) &&
            !pointers.erase(1, &target));
    bool refused = false;
    try {
        pointers.insert(2, nullptr);
    } catch (const std::invalid_argument &) {
        refused = true;
    }
    REQUIRE(refused && !pointers.contains(2));
    {
        weft::map<int, counted> owned(domain);
        for (int i = 0; i < 100; i++)
            REQUIRE(owned.insert(i, counted(i)));
        REQUIRE(owned.visit(42, [](const counted &c) { (void)c; }) && !owned.visit(100, [](const counted &) {}));
        REQUIRE(owned.erase(1) && owned.insert_or_assign(2, counted(-2)));
    }
    REQUIRE(domain.barrier() && alive == 0);
    return 0;
}

static int tables(weft::domain &domain)
{
    weft::table<std::string> names(domain);
    const std::uint64_t asked[] = {2, 1, UINT64_MAX};
    REQUIRE(names.insert(1, "un") && !names.insert(1, "uno") && names.get(1) == "un" && !names.get(2));
    REQUIRE(names.insert_or_assign(1, "eins, and too long for a word") && !names.insert_or_assign(UINT64_MAX, "last"));
    REQUIRE(names.visit(1, [](const std::string &v) { (void)v; }) && names.contains(UINT64_MAX) && names.size() == 2);
    std::size_t letters = 0;
    std::uint64_t sum = 0;
    names.for_each([&](std::uint64_t k, const std::string &v) { sum += k, letters += v.size(); });
    REQUIRE(sum == 0 && letters == 33);
    std::size_t present =
        names.visit_many(asked, 3, [&](std::size_t i, const std::string &v) { letters += 100 * i + v.size(); });
    REQUIRE(present == 2 && letters == 366 && names.erase(1) && !names.erase(1));
    names.reserve(1000);
    names.clear();
    REQUIRE(names.size() == 0 && weft_table_size(names.get()) == 0);

    weft::table<bool> flags; // a word that is not NULL, whatever the value
    REQUIRE(flags.insert(0, false) && flags.get(0) == false && !flags.erase(0, true) && flags.erase(0, false));
    weft::table<int *> pointers;
    int target = 0, refused = 0;
    REQUIRE(pointers.insert(1, &target) && pointers.get(1) == &target && pointers.erase(1, &target));
    try {
        pointers.insert(2, nullptr);
    } catch (const std::invalid_argument &) {
        refused++;
    }
    REQUIRE(refused == 1 && !pointers.contains(2));
    {
        weft::table<counted> owned(domain);
        for (int i = 0; i < 100; i++)
            REQUIRE(owned.insert(static_cast<std::uint64_t>(i), counted(i)));
        REQUIRE(!owned.insert(7, counted(-7)) && owned.erase(1) && owned.insert_or_assign(2, counted(-2)));
    }
    REQUIRE(domain.barrier() && alive == 0);
    return 0;
}

static int reclamation(weft::domain &domain)
{
    weft_atomic_ptr current{new counted(1)};
    std::thread reader([&] {
        for (int i = 0; i < 10000; i++) {
            weft::guard guard(domain);
            if (guard.protect_as<counted>(current)->value < 1)
                std::abort();
        }
    });
    for (int i = 2; i < 10000; i++)
        weft::retire(static_cast<counted *>(current.exchange(new counted(i))), &domain);
    reader.join();
    delete static_cast<counted *>(current.load());
    REQUIRE(domain.barrier() && domain.statistics().pending == 0 && alive == 0);
    return 0;
}

/* ---- a reclaim callback in C that ends its thread, in each function that may run one ---- */

static char ended;
static thread_local bool may_end = true;
static weft::map<int, counted> *replaced;

extern "C" {
static void end_thread(void *, void *)
{
    if (may_end)
        pthread_exit(&ended);
}

static void *flush(void *of)
{
    weft::domain &domain = *static_cast<weft::domain *>(of);
    if (weft_retire(domain.get(), of, end_thread, nullptr) == 0)
        domain.flush();
    return nullptr;
}

static void *barrier(void *of)
{
    weft::domain &domain = *static_cast<weft::domain *>(of);
    return weft_retire(domain.get(), of, end_thread, nullptr) == 0 && domain.barrier() ? of : nullptr;
}

static void *destroy(void *of)
{
    weft::domain domain;
    return weft_retire(domain.get(), of, end_thread, nullptr) == 0 ? of : nullptr;
}

static void *replace(void *of)
{
    weft::domain &domain = *static_cast<weft::domain *>(of);
    weft::map<int, counted> &map = *replaced;
    for (int i = 0; i < 100000; i++) {
        may_end = false;
        if (weft_retire(domain.get(), of, end_thread, nullptr) != 0)
            return nullptr;
        may_end = true;
        map.insert_or_assign(1, counted(i));
    }
    return nullptr;
}
}

static bool ends(void *(*body)(void *), weft::domain &domain)
{
    pthread_t thread;
    void *result = nullptr;
    return pthread_create(&thread, nullptr, body, &domain) == 0 && pthread_join(thread, &result) == 0 &&
           result == &ended;
}

static int ended_threads(weft::domain &domain)
{
    using strings = weft::map<std::string, std::string>;
    static_assert(!noexcept(std::declval<weft::domain &>().flush()) &&
                  !noexcept(std::declval<weft::domain &>().barrier()));
    static_assert(!noexcept(std::declval<strings &>().contains(std::declval<std::string &>())));
    REQUIRE(ends(flush, domain) && ends(barrier, domain) && ends(destroy, domain));
    {
        weft::map<int, counted> map(domain);
        replaced = &map;
        REQUIRE(ends(replace, domain));
        REQUIRE(
            map.visit(1, [](const counted &) {})); // what the thread has put in belongs to the map, and was not freed
    }
    REQUIRE(domain.barrier() && alive == 0);
    return 0;
}

/* Called first: ended_threads leaks a domain. */
static int shut_down()
{
    {
        weft::ms_queue<int> queue;
        queue.enqueue(1);
        if (weft::shutdown() || queue.try_dequeue() != 1)
            return 1;
    }
    weft_domain_statistics statistics;
    bool done = weft::shutdown();
    weft_domain_stats(nullptr, &statistics);
    return !done || statistics.allocated != 0;
}

int main()
{
    if (shut_down())
        return 1;
    for (auto scheme : {weft::scheme::hazard, weft::scheme::epoch}) {
        weft::domain domain(scheme);
        if (queues_and_stacks(domain) || maps(domain) || tables(domain) || keys(domain) || values(domain) ||
            reclamation(domain) || ended_threads(domain) || weft::shutdown())
            return 1;
    }
    std::puts("wrapped");
    return 0;
}
