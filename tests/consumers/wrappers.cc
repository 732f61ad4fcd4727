/* weft.hpp: each wrapper with what fits a word and with what does not, move-only values, destructors counted. */
#include <weft/weft.hpp>

#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
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
    std::size_t operator()(const place &p) const noexcept { return static_cast<std::size_t>(p.x + 31 * p.y + 961 * p.z); }
};

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

    weft::treiber_stack<std::string> texts(domain);
    texts.push("below, and too long for a word of any kind");
    texts.push("on top");
    REQUIRE(texts.try_pop() == "on top" && !texts.empty());

    {
        weft::ms_queue<counted> queue;
        weft::treiber_stack<counted> stack(domain);
        for (int i = 0; i < 100; i++) {
            queue.enqueue(counted(i));
            stack.push(counted(i));
        }
        REQUIRE(queue.try_dequeue()->value == 0 && stack.try_pop()->value == 99);
        REQUIRE(alive == 198);
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
    names.clear();
    REQUIRE(names.size() == 0);

    weft::map<int, bool> flags; // a word that is not NULL, whatever the value
    REQUIRE(flags.insert(-1, false) && flags.insert(0, true) && flags.get(-1) == false && flags.get(0) == true);
    weft::map<unsigned, std::uint64_t> wide;
    REQUIRE(wide.insert(3, 0) && wide.get(3) == 0u && wide.insert_or_assign(3, UINT64_MAX) && wide.get(3) == UINT64_MAX);
    weft::map<place, int> places;
    REQUIRE(places.insert({1, 2, 3}, 5) && places.get({1, 2, 3}) == 5 && !places.get({3, 2, 1}));
    int target = 0;
    weft::map<int, int *> pointers;
    REQUIRE(pointers.insert(1, &target) && pointers.get(1) == &target);
    REQUIRE(flags.erase(0, false) == false && flags.erase(0, true) && pointers.erase(1, &target) && !pointers.erase(1, &target));
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

int main()
{
    for (auto scheme : {weft::scheme::hazard, weft::scheme::epoch}) {
        weft::domain domain(scheme);
        if (queues_and_stacks(domain) || maps(domain) || reclamation(domain))
            return 1;
    }
    std::puts("wrapped");
    return 0;
}
