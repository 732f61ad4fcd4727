/* weft_spsc: elements of all sizes in rings of all capacities and forms, spans, memory of the caller's, bad input. */
#include "tests/unit/support.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <weft/queues/spsc_kernel.h>

enum { PLAIN = 0, CONTIGUOUS = WEFT_SPSC_CONTIGUOUS, STAMPED = WEFT_SPSC_STAMPED, LARGEST = 5000, MOST = 1100 };

static const unsigned forms[] = {PLAIN, CONTIGUOUS, STAMPED};
static const size_t sizes[] = {1, 2, 3, 4, 7, 8, 12, 16, 24, 64, 100, 4096, LARGEST};
static const size_t capacities[] = {1, 2, 3, 7, 64, 1000};

static weft_spsc *new_ring(size_t capacity, size_t size, unsigned form)
{
    weft_spsc *ring;
    CHECK(weft_spsc_create(&ring, capacity, size, form) == 0);
    CHECK(weft_spsc_capacity(ring) == capacity && weft_spsc_size(ring) == 0);
    return ring;
}

static void check_elements(const void *elements, size_t size, size_t n, size_t count)
{
    for (size_t i = 0; i < count; i++)
        CHECK(t_is_element((const char *)elements + i * size, size, n + i));
}

/* ---- any operations, one after the other, beside two counters ---- */

typedef struct walk {
    weft_spsc *ring;
    size_t capacity, size, pushed, popped;
    unsigned form;
    char *buffer;
    size_t broken; /* spans that the ring's end has cut short */
} walk;

static void push_some(walk *w, t_rng *random)
{
    size_t room = w->capacity - (w->pushed - w->popped), count = t_below(random, w->capacity + 3);
    size_t fits = count < room ? count : room;
    void *span;
    for (size_t i = 0; i < count; i++)
        t_write_element(w->buffer + i * w->size, w->size, w->pushed + i);
    switch (t_below(random, 3)) {
    case 0:
        CHECK(weft_spsc_try_push(w->ring, count ? w->buffer : NULL) == (fits > 0));
        w->pushed += fits > 0;
        return;
    case 1:
        CHECK(weft_spsc_push_many(w->ring, w->buffer, count) == fits);
        w->pushed += fits;
        return;
    default:;
        size_t got = weft_spsc_reserve(w->ring, count, &span);
        CHECK(got <= fits && (got > 0) == (fits > 0) && (span != NULL) == (got > 0));
        CHECK(w->form != CONTIGUOUS || got == fits);
        CHECK(w->form != STAMPED || got <= 1);
        w->broken += got < fits;
        size_t given = got ? t_below(random, got + 1) : 0;
        memcpy(span ? span : w->buffer, w->buffer, got * w->size);
        weft_spsc_commit(w->ring, given);
        w->pushed += given;
    }
}

static void pop_some(walk *w, t_rng *random)
{
    size_t filled = w->pushed - w->popped, count = t_below(random, w->capacity + 3);
    size_t fits = count < filled ? count : filled;
    const void *span;
    memset(w->buffer, 0, w->size * (count + 1));
    switch (t_below(random, 3)) {
    case 0:
        CHECK(weft_spsc_try_pop(w->ring, count ? w->buffer : NULL) == (fits > 0));
        check_elements(w->buffer, w->size, w->popped, fits > 0);
        w->popped += fits > 0;
        return;
    case 1:
        CHECK(weft_spsc_pop_many(w->ring, w->buffer, count) == fits);
        check_elements(w->buffer, w->size, w->popped, fits);
        w->popped += fits;
        return;
    default:;
        size_t got = weft_spsc_peek(w->ring, count, &span);
        CHECK(got <= fits && (got > 0) == (fits > 0) && (span != NULL) == (got > 0));
        CHECK(w->form != CONTIGUOUS || got == fits);
        check_elements(span, w->size, w->popped, got);
        w->broken += got < fits;
        size_t taken = got ? t_below(random, got + 1) : 0;
        weft_spsc_release(w->ring, taken);
        w->popped += taken;
    }
}

static void test_any_sequence(void **state)
{
    t_rng random = {7};
    size_t elements = 0, broken[3] = {0};
    char *buffer = malloc((MOST + 3) * LARGEST);
    (void)state;
    CHECK(buffer != NULL);
    for (size_t f = 0; f < T_COUNT(forms); f++)
        for (size_t s = 0; s < T_COUNT(sizes); s++)
            for (size_t c = 0; c < T_COUNT(capacities); c++) {
                size_t capacity = sizes[s] < LARGEST ? capacities[c] : 1 + capacities[c] % 8;
                walk w = {new_ring(capacity, sizes[s], forms[f]), capacity, sizes[s], 0, 0, forms[f], buffer, 0};
                for (int i = 0; i < T_SCALE(400, 60); i++) {
                    if (t_below(&random, 2))
                        push_some(&w, &random);
                    else
                        pop_some(&w, &random);
                    CHECK(weft_spsc_size(w.ring) == w.pushed - w.popped);
                }
                elements += w.popped;
                broken[f] += w.broken;
                CHECK(w.pushed > 2 * capacity || T_SANITIZED); /* more than once around */
                weft_spsc_destroy(w.ring);
            }
    assert_true(elements > T_SCALE(900000, 100000));
    assert_true(broken[0] > 100 && broken[1] == 0 && broken[2] > 100);
    free(buffer);
}

/* A span begins where an object of any type of that size may lie. */
static void test_alignment(void **state)
{
    (void)state;
    for (size_t f = 0; f < T_COUNT(forms); f++)
        for (size_t size = 1; size <= 4096; size += size < 130 ? 1 : 127) {
            size_t alignment = size & (~size + 1);
            weft_spsc *ring = new_ring(5, size, forms[f]);
            void *span;
            for (int i = 0; i < 12; i++) {
                CHECK(weft_spsc_reserve(ring, 1, &span) == 1);
                CHECK((uintptr_t)span % (alignment < 128 ? alignment : 128) == 0);
                weft_spsc_commit(ring, 1);
                weft_spsc_release(ring, 1);
            }
            weft_spsc_destroy(ring);
        }
}

/* What belongs to no reservation is not pushed; what is not there is not removed. */
static void test_too_much(void **state)
{
    (void)state;
    for (size_t f = 0; f < T_COUNT(forms); f++) {
        weft_spsc *ring = new_ring(3, 8, forms[f]);
        void *span;
        weft_spsc_release(ring, 9);
        assert_int_equal(weft_spsc_size(ring), 0);
        assert_true(weft_spsc_try_push(ring, &(uint64_t){1}));
        assert_true(weft_spsc_reserve(ring, 3, &span) >= 1);
        weft_spsc_commit(ring, SIZE_MAX);
        assert_int_equal(weft_spsc_size(ring), forms[f] == STAMPED ? 2 : 3);
        weft_spsc_commit(ring, SIZE_MAX);
        weft_spsc_commit(ring, SIZE_MAX);
        assert_int_equal(weft_spsc_size(ring), 3);
        weft_spsc_release(ring, SIZE_MAX);
        assert_int_equal(weft_spsc_size(ring), forms[f] == STAMPED ? 2 : 0);
        weft_spsc_destroy(ring);
    }
}

/* ---- two threads ---- */

enum { PASSED = T_SCALE(400000, 40000) };

typedef struct pass {
    weft_spsc *ring;
    size_t size;
} pass;

/* Thread 0 pushes the elements 0, 1, ..., thread 1 pops them. Both now and then use the other functions. */
static void hand_over(unsigned index, void *ctx)
{
    const pass *p = ctx;
    t_rng random = {index + 5};
    char element[8 * 64];
    void *span;
    const void *seen;
    for (size_t n = 0, done = 0; n < PASSED / p->size; n += done) {
        size_t way = t_below(&random, 16) ? 0 : 1 + t_below(&random, 2), count = 1 + t_below(&random, 8);
        count = count < PASSED / p->size - n ? count : PASSED / p->size - n;
        done = 0;
        for (size_t i = 0; index == 0 && i < (way ? count : 1); i++)
            t_write_element(element + i * p->size, p->size, n + i);
        if (way == 0)
            done = index ? weft_spsc_try_pop(p->ring, element) : weft_spsc_try_push(p->ring, element);
        else if (way == 1)
            done = index ? weft_spsc_pop_many(p->ring, element, count) : weft_spsc_push_many(p->ring, element, count);
        else if (index == 0 && (done = weft_spsc_reserve(p->ring, count, &span)) > 0) {
            memcpy(span, element, done * p->size);
            weft_spsc_commit(p->ring, done);
        } else if (index == 1 && (done = weft_spsc_peek(p->ring, count, &seen)) > 0) {
            memcpy(element, seen, done * p->size);
            weft_spsc_release(p->ring, done);
        }
        if (index == 1)
            check_elements(element, p->size, n, done);
        if (done == 0)
            sched_yield();
    }
}

static void test_two_threads(void **state)
{
    (void)state;
    for (size_t f = 0; f < T_COUNT(forms); f++)
        for (size_t size = 1; size <= 64; size *= 8)
            for (size_t capacity = 1; capacity <= 64; capacity *= 8) {
                pass p = {new_ring(capacity, size, forms[f]), size};
                t_run(2, hand_over, &p);
                assert_int_equal(weft_spsc_size(p.ring), 0);
                weft_spsc_destroy(p.ring);
            }
}

/* ---- the caller's memory ---- */

static void *line_of_memory(size_t bytes)
{
    void *memory = aligned_alloc(128, (bytes + 127) / 128 * 128 + 128);
    CHECK(memory != NULL);
    memset(memory, 0, bytes);
    return memory;
}

/* Neither init nor use touches a byte behind weft_spsc_bytes. */
static void test_in_place(void **state)
{
    (void)state;
    for (size_t f = 0; f < T_COUNT(forms); f += 2)
        for (size_t s = 0; s < T_COUNT(sizes); s++) {
            size_t size = sizes[s], bytes = weft_spsc_bytes(3, size, forms[f]);
            char *memory = line_of_memory(bytes), element[LARGEST];
            weft_spsc *ring, *other;
            memset(memory + bytes, 0x5a, 100);
            assert_int_equal(weft_spsc_attach(&ring, memory, bytes), -EAGAIN);
            assert_null(ring);
            assert_int_equal(weft_spsc_init(&ring, memory, bytes - 1, 3, size, forms[f]), -EINVAL);
            assert_int_equal(weft_spsc_init(&ring, memory, bytes, 3, size, forms[f]), 0);
            assert_ptr_equal(ring, memory);
            assert_int_equal(weft_spsc_attach(&other, memory, bytes - 1), -EINVAL);
            assert_int_equal(weft_spsc_attach(&other, memory, bytes), 0);
            assert_ptr_equal(ring, other);
            for (size_t n = 0; n < 20; n++) {
                t_write_element(element, size, n);
                assert_true(weft_spsc_try_push(ring, element));
                memset(element, 0, size);
                assert_true(weft_spsc_try_pop(other, element));
                assert_true(t_is_element(element, size, n));
            }
            weft_spsc_destroy(ring); /* the memory is not the ring's */
            assert_int_equal(weft_spsc_attach(&other, memory, bytes), 0);
            for (size_t i = 0; i < 100; i++)
                assert_int_equal(memory[bytes + i], 0x5a);
            free(memory);
        }
}

static void test_attach_refuses(void **state)
{
    size_t bytes = weft_spsc_bytes(4, 8, PLAIN);
    char *memory = line_of_memory(bytes);
    weft_spsc *ring, *other = (void *)memory;
    (void)state;
    assert_int_equal(weft_spsc_init(&ring, memory, bytes, 4, 8, PLAIN), 0);
    assert_int_equal(weft_spsc_attach(NULL, memory, bytes), -EINVAL);
    assert_int_equal(weft_spsc_attach(&other, NULL, bytes), -EINVAL);
    assert_null(other);
    assert_int_equal(weft_spsc_attach(&other, memory + 64, bytes - 64), -EINVAL);
    assert_int_equal(weft_spsc_attach(&other, memory, 64), -EINVAL);
    size_t mark = ring->mark;
    ring->mark = mark + 1; /* another version, word size or layout */
    assert_int_equal(weft_spsc_attach(&other, memory, bytes), -EINVAL);
    ring->mark = mark;
    ring->first = SIZE_MAX;
    assert_int_equal(weft_spsc_attach(&other, memory, bytes), -EINVAL);
    assert_null(other);
    free(memory);
}

/* One of 8 bytes and the same of 4096 at two addresses: there are no pointers in it. */
static void test_two_addresses(void **state)
{
    (void)state;
    for (size_t f = 0; f < T_COUNT(forms); f += 2) {
        size_t bytes = weft_spsc_bytes(3, 24, forms[f]);
        int file = memfd_create("spsc_test", 0);
        assert_true(file >= 0 && ftruncate(file, (off_t)bytes) == 0);
        void *here = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        void *there = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        assert_true(here != MAP_FAILED && there != MAP_FAILED && here != there);
        weft_spsc *out, *in;
        char element[24];
        assert_int_equal(weft_spsc_init(&out, here, bytes, 3, 24, forms[f]), 0);
        assert_int_equal(weft_spsc_attach(&in, there, bytes), 0);
        for (size_t n = 0; n < 50; n++) {
            t_write_element(element, 24, n);
            assert_true(weft_spsc_try_push(out, element));
            memset(element, 0, 24);
            assert_true(weft_spsc_try_pop(in, element));
            assert_true(t_is_element(element, 24, n));
        }
        (void)munmap(here, bytes);
        (void)munmap(there, bytes);
        (void)close(file);
    }
}

/* After a fork, parent and child have the same contiguous ring. */
static void test_fork(void **state)
{
    weft_spsc *ring = new_ring(100, 8, CONTIGUOUS);
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    for (uint64_t n = 0; child == 0 && n < 10000;) {
        if (weft_spsc_try_push(ring, &n))
            n++;
        else
            sched_yield();
    }
    if (child == 0)
        _exit(0);
    for (uint64_t n = 0, got; n < 10000;) {
        if (weft_spsc_try_pop(ring, &got))
            CHECK(got == n++);
        else
            sched_yield();
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    weft_spsc_destroy(ring);
}

/* ---- an index that was left behind (invariant 5 of the kernel) ---- */

static void test_left_behind(void **state)
{
    (void)state;
    for (size_t capacity = 1; capacity <= 3; capacity++)
        for (size_t before = 0; before < 2 * capacity; before++)
            for (uint64_t popped = 0; popped < 2; popped++) {
                weft_spsc *ring = new_ring(capacity, 8, STAMPED);
                uint64_t n = 0, got;
                for (; n < before; n++)
                    CHECK(weft_spsc_try_push(ring, &n) && weft_spsc_try_pop(ring, &got) && got == n);
                size_t tail = ring->tail, head = ring->head;
                CHECK(weft_spsc_try_push(ring, &n));
                ring->tail = tail; /* the producer was killed after its stamp */
                if (popped)
                    CHECK(weft_spsc_try_pop(ring, &got) && got == n);
                uint64_t more = n + 1, room = capacity - !popped;
                for (uint64_t i = 0; i < room; i++, more++)
                    CHECK(weft_spsc_try_push(ring, &more));
                CHECK(!weft_spsc_try_push(ring, &more) && weft_spsc_size(ring) == capacity);
                n += popped;
                CHECK(weft_spsc_try_pop(ring, &got) && got == n++);
                ring->head = popped ? ring->head : head; /* the consumer was killed after its stamp */
                while (weft_spsc_try_pop(ring, &got))
                    CHECK(got == n++);
                CHECK(n == more && weft_spsc_size(ring) == 0);
                weft_spsc_destroy(ring);
            }
}

/* ---- bad input ---- */

static void test_create_refuses(void **state)
{
    static const struct {
        size_t capacity, size;
        unsigned flags;
        int error;
    } bad[] = {
        {0, 8, 0, -EINVAL},
        {8, 0, 0, -EINVAL},
        {8, 8, 4, -EINVAL},
        {8, 8, CONTIGUOUS | STAMPED, -EINVAL},
        {SIZE_MAX, 1, 0, -EINVAL},
        {1, SIZE_MAX, 0, -EINVAL},
        {1, SIZE_MAX, STAMPED, -EINVAL},
        {1, SIZE_MAX / 4, CONTIGUOUS, -EINVAL},
        {SIZE_MAX / 2, 3, 0, -EINVAL},
        {SIZE_MAX / 4, 2, 0, -EINVAL},
        {SIZE_MAX / 4, 2, CONTIGUOUS, -EINVAL},
        {SIZE_MAX / 4 + 1, 1, STAMPED, -EINVAL},
#if !T_SANITIZED && SIZE_MAX > UINT32_MAX /* sanitizers end a program that asks for so much; 1 GiB may be had */
        {SIZE_MAX / 4, 1, 0, -ENOMEM},
        {SIZE_MAX / 8, 1, CONTIGUOUS, -ENOMEM}
#endif
    };
    (void)state;
    for (size_t i = 0; i < T_COUNT(bad); i++) {
        weft_spsc *ring = (void *)state;
        errno = 77;
        int error = weft_spsc_create(&ring, bad[i].capacity, bad[i].size, bad[i].flags);
        assert_int_equal(errno, 77);
        assert_null(ring);
        if (bad[i].error == -ENOMEM && bad[i].flags) /* ftruncate says that no file is so large */
            assert_true(error == -ENOMEM || error == -EFBIG || error == -EINVAL);
        else
            assert_int_equal(error, bad[i].error);
        if (bad[i].error == -EINVAL)
            assert_int_equal(weft_spsc_bytes(bad[i].capacity, bad[i].size, bad[i].flags), 0);
    }
    assert_int_equal(weft_spsc_create(NULL, 1, 1, 0), -EINVAL);
    assert_int_equal(weft_spsc_bytes(1, 1, CONTIGUOUS), 0);
}

static void test_null(void **state)
{
    weft_spsc *ring = new_ring(2, 8, PLAIN), *out = ring;
    char memory[8] = {0};
    void *span = memory;
    const void *seen = memory;
    (void)state;
    assert_int_equal(weft_spsc_init(NULL, memory, 8, 1, 1, 0), -EINVAL);
    assert_int_equal(weft_spsc_init(&out, NULL, 4096, 1, 1, 0), -EINVAL);
    assert_null(out);
    assert_false(weft_spsc_try_push(NULL, memory));
    assert_false(weft_spsc_try_push(ring, NULL));
    assert_false(weft_spsc_try_pop(NULL, memory));
    assert_int_equal(weft_spsc_push_many(NULL, memory, 1), 0);
    assert_int_equal(weft_spsc_push_many(ring, NULL, 1), 0);
    assert_int_equal(weft_spsc_push_many(ring, NULL, 0), 0);
    assert_true(weft_spsc_try_push(ring, memory));
    assert_false(weft_spsc_try_pop(ring, NULL));
    assert_int_equal(weft_spsc_pop_many(NULL, memory, 1), 0);
    assert_int_equal(weft_spsc_pop_many(ring, NULL, 1), 0);
    assert_int_equal(weft_spsc_reserve(NULL, 1, &span), 0);
    assert_null(span);
    assert_int_equal(weft_spsc_reserve(ring, 1, NULL), 0);
    assert_int_equal(weft_spsc_reserve(ring, 0, &span), 0);
    assert_int_equal(weft_spsc_peek(NULL, 1, &seen), 0);
    assert_null(seen);
    assert_int_equal(weft_spsc_peek(ring, 1, NULL), 0);
    assert_int_equal(weft_spsc_peek(ring, 0, &seen), 0);
    weft_spsc_commit(NULL, 1);
    weft_spsc_commit(ring, 0);
    weft_spsc_release(NULL, 1);
    weft_spsc_release(ring, 0);
    assert_int_equal(weft_spsc_size(ring), 1);
    assert_int_equal(weft_spsc_size(NULL), 0);
    assert_int_equal(weft_spsc_capacity(NULL), 0);
    weft_spsc_destroy(NULL);
    weft_spsc_destroy(ring);
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_sequence),   cmocka_unit_test(test_alignment), cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_two_threads),    cmocka_unit_test(test_in_place),  cmocka_unit_test(test_attach_refuses),
        cmocka_unit_test(test_two_addresses),  cmocka_unit_test(test_fork),      cmocka_unit_test(test_left_behind),
        cmocka_unit_test(test_create_refuses), cmocka_unit_test(test_null),
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
