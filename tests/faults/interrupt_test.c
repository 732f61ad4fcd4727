/*
 * A signal handler pushes mail while its thread is inside push, take and arm of the same box: at each atomic operation, and
 * on x86-64 at each instruction, where the trap flag calls the handler after each of them.
 */
#include "tests/faults/midst.h"

#include <string.h>

#include <weft/queues/mailbox.h>

enum { BEFORE = 3, FROM_HANDLER = 2, ALL = BEFORE + 1 + FROM_HANDLER };

typedef struct letter {
    weft_mail mail;
    size_t number; /* in the order of the pushes */
    bool pushed;
} letter;

static struct scene {
    weft_mailbox *box;
    letter letters[ALL];
    size_t numbers, taken, woken, armed;
} scene;

/* ---- what is interrupted ---- */

static void push(void *unused)
{
    letter *own = &scene.letters[BEFORE];
    (void)unused;
    own->pushed = true;
    scene.woken += weft_mailbox_push(scene.box, &own->mail);
}

static void take(void *unused)
{
    weft_mail *mail = weft_mailbox_take(scene.box);
    (void)unused;
    if (mail)
        ((letter *)(void *)mail)->pushed = false;
    scene.taken += mail != NULL;
}

static void arm(void *unused)
{
    (void)unused;
    scene.armed += weft_mailbox_arm(scene.box);
}

static const struct operation {
    const char *name;
    m_call *run;
} operations[] = {{"push", push}, {"take", take}, {"arm", arm}};

/* ---- the handler ---- */

static void push_two(void *unused)
{
    (void)unused;
    for (size_t i = BEFORE + 1; i < ALL; i++) {
        scene.letters[i].number = scene.numbers++;
        scene.letters[i].pushed = true;
        scene.woken += weft_mailbox_push(scene.box, &scene.letters[i].mail);
    }
}

/* ---- before and after ---- */

/* `before` letters, of which `turned` are in the list that take has turned round already. */
static void begin(size_t before, size_t turned)
{
    memset(&scene, 0, sizeof scene);
    CHECK(weft_mailbox_create(&scene.box) == 0);
    for (size_t i = 0; i < before; i++) {
        scene.letters[i].number = scene.numbers++;
        scene.letters[i].pushed = true;
        (void)weft_mailbox_push(scene.box, &scene.letters[i].mail);
        if (i + 1 == turned)
            take(NULL); /* turns, and takes the oldest */
    }
    scene.taken = 0;
}

/* All that was pushed comes out once; the handler's two in their order, and nothing before what was there first. */
static void finish(void)
{
    size_t last_of_handler = 0, last_of_before = 0, came = 0, pushed = 0;
    weft_mail *mail;
    for (size_t i = 0; i < ALL; i++)
        pushed += scene.letters[i].pushed;
    for (; (mail = weft_mailbox_take(scene.box)) != NULL; came++) {
        letter *got = (letter *)(void *)mail;
        size_t which = (size_t)(got - scene.letters);
        CHECK(got->pushed);
        got->pushed = false;
        if (which < BEFORE) {
            CHECK(got->number >= last_of_before && last_of_handler == 0);
            last_of_before = got->number;
        } else if (which > BEFORE) {
            CHECK(got->number > last_of_handler || last_of_handler == 0);
            last_of_handler = got->number;
        }
    }
    CHECK(came == pushed);
    CHECK(scene.woken <= scene.armed && weft_mailbox_arm(scene.box));
    weft_mailbox_destroy(scene.box, NULL, NULL);
}

static void test_interrupted(const struct operation *operation, bool by_steps)
{
    size_t places = 0, most = 0, woken = 0;
    for (size_t before = 0; before <= BEFORE; before++)
        for (size_t turned = 0; turned <= before; turned++)
            for (size_t n = 0, goes_on = 1; goes_on; n++) {
                begin(before, turned);
                goes_on = m_run(by_steps, n, operation->run, push_two, NULL);
                woken += scene.woken;
                places += goes_on;
                most = n > most ? n : most;
                finish();
            }
    print_message("%s: interrupted %zu times, at up to %zu %s; the handler woke %zu times\n", operation->name, places,
                  most, by_steps ? "instructions" : "atomic operations", woken);
    assert_true(most >= (by_steps ? 20 : 1) && places >= most);
    assert_true(operation->run != arm || !by_steps || woken > 0);
}

static void test_at_atomic_operations(void **state)
{
    (void)state;
    for (size_t i = 0; i < T_COUNT(operations); i++)
        test_interrupted(&operations[i], false);
}

#if M_STEPS
static void test_at_instructions(void **state)
{
    (void)state;
    for (size_t i = 0; i < T_COUNT(operations); i++)
        test_interrupted(&operations[i], true);
}
#endif

int main(int count, char **argument)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_atomic_operations),
#if M_STEPS
        cmocka_unit_test(test_at_instructions),
#endif
    };
    if (count > 1)
        cmocka_set_test_filter(argument[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
