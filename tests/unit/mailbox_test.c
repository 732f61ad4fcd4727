/* weft_mailbox: order, arming, mail that comes back at once, and that no wake-up is lost. */
#include "tests/unit/support.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include <weft/queues/mailbox.h>

enum { PRODUCERS = 3, LETTERS = T_SCALE(200000, 20000), SECONDS = 60 };

typedef struct letter {
    size_t from, number;
    weft_mail mail;
} letter;

WEFT_MAILBOX_OF(inbox, letter, mail);

static inbox *new_box(void)
{
    inbox *box;
    CHECK(inbox_create(&box) == 0);
    return box;
}

/* ---- one thread ---- */

/* Any sequence, beside what it must answer. */
static void test_any_sequence(void **state)
{
    enum { MOST = 64 };
    letter letters[MOST];
    t_rng random = {3};
    inbox *box = new_box();
    size_t pushed = 0, taken = 0, woken = 0, refused = 0, empty = 0;
    bool armed = false;
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        unsigned what = (unsigned)(t_random(&random) % 8), pushes = i / 200 % 2 ? 4 : 2; /* of 8: more comes, or goes */
        if (what < 2) {
            CHECK(inbox_arm(box) == (pushed == taken));
            refused += pushed != taken;
            armed |= pushed == taken;
        } else if (what < 2 + pushes && pushed - taken < MOST) {
            letters[pushed % MOST].number = pushed;
            CHECK(inbox_push(box, &letters[pushed % MOST]) == armed);
            pushed++;
            woken += armed;
            armed = false;
        } else {
            letter *got = inbox_take(box);
            CHECK((got != NULL) == (pushed != taken));
            empty += !got;
            if (got)
                CHECK(got == &letters[taken % MOST] && got->number == taken);
            taken += got != NULL;
        }
    }
    assert_true(woken > 50 && refused > 500 && empty > 100 && taken > 5000);
    inbox_destroy(box, NULL, NULL);
}

static void note(letter *got, void *ctx)
{
    size_t *next = ctx;
    CHECK(got->number == (*next)++);
}

/* Mail that was turned round already and mail that came later are drained in their order. */
static void test_drain(void **state)
{
    (void)state;
    for (size_t first = 0; first <= 3; first++)
        for (size_t taken = 0; taken <= first; taken++) {
            letter letters[6];
            inbox *box = new_box();
            size_t next = taken;
            for (size_t i = 0; i < 6; i++) {
                letters[i].number = i;
                for (size_t t = 0; i == first && t < taken; t++)
                    CHECK(inbox_take(box) == &letters[t]);
                CHECK(!inbox_push(box, &letters[i]));
            }
            inbox_destroy(box, note, &next);
            assert_int_equal(next, 6);
        }
}

static void test_bad_input(void **state)
{
    weft_mail mail;
    weft_mailbox *box = (void *)state;
    assert_int_equal(weft_mailbox_create(NULL), -EINVAL);
    assert_int_equal(inbox_create(NULL), -EINVAL);
    assert_int_equal(weft_mailbox_create(&box), 0);
    assert_false(weft_mailbox_push(NULL, &mail));
    assert_true(weft_mailbox_arm(box) && weft_mailbox_arm(box));
    assert_false(weft_mailbox_push(box, NULL)); /* wakes nobody: there is no mail */
    assert_null(weft_mailbox_take(box));
    assert_true(weft_mailbox_push(box, &mail));
    assert_false(weft_mailbox_arm(box));
    assert_ptr_equal(weft_mailbox_take(box), &mail);
    assert_null(weft_mailbox_take(NULL));
    assert_false(weft_mailbox_arm(NULL));
    weft_mailbox_destroy(NULL, NULL, NULL);
    weft_mailbox_destroy(box, NULL, NULL);
}

/* ---- several threads ---- */

typedef struct office {
    inbox *box;
    sem_t bell;
    atomic_size_t rung;
    size_t slept;
} office;

/* Threads 1 and above send letters that they allocate; thread 0 sleeps while there are none, and frees them. */
static void send_or_receive(unsigned index, void *ctx)
{
    office *o = ctx;
    size_t next[PRODUCERS + 1] = {0};
    for (size_t i = 0; index > 0 && i < LETTERS; i++) {
        letter *sent = malloc(sizeof *sent);
        CHECK(sent != NULL);
        sent->from = index;
        sent->number = i;
        if (inbox_push(o->box, sent)) {
            atomic_fetch_add(&o->rung, 1);
            CHECK(sem_post(&o->bell) == 0);
        }
        if (i % 64 == index)
            sched_yield();
    }
    for (size_t got = 0; index == 0 && got < (size_t)PRODUCERS * LETTERS;) {
        letter *received = inbox_take(o->box);
        if (received) {
            CHECK(received->number == next[received->from]++);
            free(received);
            got++;
        } else if (inbox_arm(o->box)) {
            o->slept++;
            while (sem_wait(&o->bell) != 0)
                CHECK(errno == EINTR);
        }
    }
}

/* A lost wake-up would let the consumer sleep for ever. */
static void test_no_wake_is_lost(void **state)
{
    office o = {.box = new_box()};
    (void)state;
    CHECK(sem_init(&o.bell, 0, 0) == 0);
    alarm(SECONDS);
    do /* on a busy machine there may be mail all the time */
        t_run(PRODUCERS + 1, send_or_receive, &o);
    while (o.slept <= 10);
    alarm(0);
    assert_int_equal(o.slept, atomic_load(&o.rung)); /* each successful arm is heard by one push */
    assert_null(inbox_take(o.box));
    inbox_destroy(o.box, NULL, NULL);
    (void)sem_destroy(&o.bell);
}

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_sequence),
        cmocka_unit_test(test_drain),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_no_wake_is_lost),
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
