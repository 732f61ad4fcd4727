/*
 * Two processes share a ring, and one of them is killed by SIGKILL: at each atomic operation of each function in turn, and
 * on x86-64 at each instruction. The other one then sees whole elements, in their order, and a new partner attaches.
 */
#include "tests/faults/midst.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weft/queues/spsc.h>

enum { CAPACITY = 3, WORDS = 3, OFFSETS = 2 * CAPACITY, MOST = 2, CHILD_DONE = 5 };

/* Its words must agree. */
typedef struct element {
    uint64_t word[WORDS];
} element;

typedef struct scene {
    void *here, *there; /* the shared memory: where the child sees it, and where the parent does */
    size_t bytes;
    weft_spsc *ring;
    uint64_t pushed, popped; /* before the child's operation; elements are numbered */
} scene;

static element numbered(uint64_t n)
{
    return (element){{n, ~n, n * 3}};
}

static bool is_whole(const element *e)
{
    return e->word[1] == ~e->word[0] && e->word[2] == e->word[0] * 3;
}

/* ---- what the child does ---- */

static void push_one(void *ctx)
{
    scene *s = ctx;
    element e = numbered(s->pushed);
    (void)!weft_spsc_try_push(s->ring, &e);
}

static void push_two(void *ctx)
{
    scene *s = ctx;
    element e[MOST] = {numbered(s->pushed), numbered(s->pushed + 1)};
    (void)!weft_spsc_push_many(s->ring, e, MOST);
}

static void push_in_place(void *ctx)
{
    scene *s = ctx;
    void *span;
    size_t room = weft_spsc_reserve(s->ring, MOST, &span);
    for (size_t i = 0; i < room; i++)
        ((element *)span)[i] = numbered(s->pushed + i);
    weft_spsc_commit(s->ring, room);
}

static void pop_one(void *ctx)
{
    scene *s = ctx;
    element e;
    (void)!weft_spsc_try_pop(s->ring, &e);
}

static void pop_two(void *ctx)
{
    scene *s = ctx;
    element e[MOST];
    (void)!weft_spsc_pop_many(s->ring, e, MOST);
}

static void pop_in_place(void *ctx)
{
    scene *s = ctx;
    const void *span;
    size_t filled = weft_spsc_peek(s->ring, MOST, &span);
    weft_spsc_release(s->ring, filled);
}

static const struct operation {
    const char *name;
    m_call *run;
    bool pushes;
} operations[] = {{"push", push_one, true}, {"push_many", push_two, true}, {"reserve, commit", push_in_place, true},
                  {"pop", pop_one, false},  {"pop_many", pop_two, false},  {"peek, release", pop_in_place, false}};

/* ---- the killing ---- */

static void die(void *unused)
{
    (void)unused;
    (void)kill(getpid(), SIGKILL);
}

/* A child of its own does the operation. False: it was done before the n-th place was reached. */
static bool killed_at(scene *s, const struct operation *operation, size_t n, bool by_steps)
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (weft_spsc_attach(&s->ring, s->here, s->bytes) != 0)
            _exit(1);
        (void)m_run(by_steps, n, operation->run, die, s);
        _exit(CHILD_DONE);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == CHILD_DONE);
    return WIFSIGNALED(status);
}

/* ---- before and after ---- */

/* A ring with `filled` elements, whose first index is `offset`. */
static void begin(scene *s, unsigned form, uint64_t offset, uint64_t filled)
{
    weft_spsc *ring;
    element e;
    CHECK(weft_spsc_init(&ring, s->there, s->bytes, CAPACITY, sizeof e, form) == 0);
    for (s->pushed = 0; s->pushed < offset + filled; s->pushed++) {
        e = numbered(s->pushed);
        CHECK(weft_spsc_try_push(ring, &e));
        if (s->pushed < offset)
            CHECK(weft_spsc_try_pop(ring, &e));
    }
    s->popped = offset;
}

static void check_next(weft_spsc *ring, uint64_t n)
{
    element e = {{0}};
    CHECK(weft_spsc_try_pop(ring, &e));
    CHECK(is_whole(&e) && e.word[0] == n);
}

/* Pushes and pops what the ring holds, exactly. */
static void check_use(weft_spsc *ring)
{
    element e = {{0}};
    for (uint64_t n = 1000; n < 1000 + 2 * OFFSETS; n += CAPACITY) {
        for (uint64_t i = 0; i < CAPACITY; i++) {
            e = numbered(n + i);
            CHECK(weft_spsc_try_push(ring, &e));
        }
        CHECK(!weft_spsc_try_push(ring, &e) && weft_spsc_size(ring) == CAPACITY);
        for (uint64_t i = 0; i < CAPACITY; i++)
            check_next(ring, n + i);
        CHECK(!weft_spsc_try_pop(ring, &e) && weft_spsc_size(ring) == 0);
    }
}

/* The producer is gone: what it has pushed is there, and up to two elements more. Returns how many more. */
static uint64_t check_after_producer(scene *s, weft_spsc *ring)
{
    element e = {{0}};
    uint64_t n = s->popped;
    for (; weft_spsc_try_pop(ring, &e); n++)
        CHECK(is_whole(&e) && e.word[0] == n);
    CHECK(n >= s->pushed && n <= s->pushed + MOST);
    return n - s->pushed;
}

/* The consumer is gone, perhaps with up to two elements; the others are there. Returns how many are gone. */
static uint64_t check_after_consumer(scene *s, weft_spsc *ring)
{
    element e = {{0}};
    if (!weft_spsc_try_pop(ring, &e)) {
        CHECK(s->pushed - s->popped <= MOST);
        return s->pushed - s->popped;
    }
    CHECK(is_whole(&e) && e.word[0] >= s->popped && e.word[0] <= s->popped + MOST);
    for (uint64_t n = e.word[0] + 1; n < s->pushed; n++)
        check_next(ring, n);
    CHECK(!weft_spsc_try_pop(ring, &e));
    return e.word[0] - s->popped;
}

static void test_killed(const struct operation *operation, unsigned form, bool by_steps)
{
    scene s = {.bytes = weft_spsc_bytes(CAPACITY, sizeof(element), form)};
    size_t killed = 0, most = 0;
    uint64_t seen = 0; /* a bit for each number of elements that the killed one has moved */
    int file = memfd_create("kill_test", 0);
    CHECK(file >= 0 && ftruncate(file, (off_t)s.bytes) == 0);
    s.here = mmap(NULL, s.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    s.there = mmap(NULL, s.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(s.here != MAP_FAILED && s.there != MAP_FAILED);
    for (uint64_t offset = 0; offset < OFFSETS; offset += by_steps ? T_SCALE(2, 5) : 1)
        for (uint64_t filled = 0; filled <= CAPACITY; filled += by_steps ? 2 : 1)
            for (size_t n = 0, goes_on = 1; goes_on; n++) {
                weft_spsc *ring;
                begin(&s, form, offset, filled);
                goes_on = killed_at(&s, operation, n, by_steps);
                CHECK(weft_spsc_attach(&ring, s.there, s.bytes) == 0);
                seen |= 1u << (operation->pushes ? check_after_producer(&s, ring) : check_after_consumer(&s, ring));
                check_use(ring);
                killed += goes_on;
                most = n > most ? n : most;
            }
    print_message("%s, form %u, %s: killed %zu times, at up to %zu places\n", operation->name, form,
                  by_steps ? "instructions" : "atomic operations", killed, most);
    assert_true(seen & 1 && seen & ~(uint64_t)1); /* before it took effect, and after */
    assert_true(most >= (by_steps ? 40 : 2) && killed >= most);
    CHECK(munmap(s.here, s.bytes) == 0 && munmap(s.there, s.bytes) == 0 && close(file) == 0);
}

static void test_all(unsigned form, bool by_steps)
{
    for (size_t i = 0; i < T_COUNT(operations); i++)
        test_killed(&operations[i], form, by_steps);
}

static void test_indices(void **state)
{
    (void)state;
    test_all(0, false);
}

static void test_stamps(void **state)
{
    (void)state;
    test_all(WEFT_SPSC_STAMPED, false);
}

#if M_STEPS
static void test_indices_by_steps(void **state)
{
    (void)state;
    test_all(0, true);
}

static void test_stamps_by_steps(void **state)
{
    (void)state;
    test_all(WEFT_SPSC_STAMPED, true);
}
#endif

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_indices),
        cmocka_unit_test(test_stamps),
#if M_STEPS
        cmocka_unit_test(test_indices_by_steps),
        cmocka_unit_test(test_stamps_by_steps),
#endif
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
