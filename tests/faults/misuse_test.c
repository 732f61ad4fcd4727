/*
 * With -DWEFT_DEBUG in program and library, misuse ends the program with a line that says what was done; correct use
 * does not. Each case has a process of its own. Freed memory keeps its contents, so that late reads give known values.
 */
#include "tests/unit/support.h"

#include "tests/support/containers.h"
#include "tests/support/maps.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct things {
    weft_domain *domain;
    const container *is; /* the container that the mistake is about */
    void *it;
    void *each[CONTAINERS];
    const map_subject *of; /* the map that it is about */
    void *the_map;
    void *map[MAPS];
    weft_guard guard;
    weft_hook hook;
    long object[4];
} things;

static void *give(size_t size, size_t alignment, void *ctx)
{
    void *memory = NULL;
    (void)ctx;
    return posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) == 0 ? memory : NULL;
}

static void keep(void *memory, size_t size, void *ctx)
{
    (void)memory, (void)size, (void)ctx;
}

static void nothing(void *object, void *ctx)
{
    (void)object, (void)ctx;
}

static void make(things *t, weft_scheme scheme)
{
    *t = (things){0};
    CHECK(weft_domain_create(&t->domain, &(weft_domain_config){.scheme = scheme, .allocator = {give, keep, NULL}}) ==
          0);
    for (size_t c = 0; c < CONTAINERS; c++)
        CHECK(containers[c].create(&t->each[c], t->domain) == 0);
    for (size_t m = 0; m < MAPS; m++)
        CHECK(maps[m].create(&t->map[m], t->domain, NULL, NULL) == 0);
}

static void end(things *t)
{
    for (size_t c = 0; c < CONTAINERS; c++)
        containers[c].destroy(t->each[c], NULL, NULL);
    for (size_t m = 0; m < MAPS; m++)
        maps[m].destroy(t->map[m]);
    CHECK(weft_domain_destroy(t->domain) == 0);
}

static void right_use(things *t)
{
    void *value;
    for (int round = 0; round < 3000; round++) {
        for (size_t c = 0; c < CONTAINERS; c++)
            CHECK(containers[c].put(t->each[c], t) == 0 && containers[c].take(t->each[c], &value));
        for (size_t m = 0; m < MAPS; m++)
            CHECK(maps[m].insert(t->map[m], 7, t) == 0 && maps[m].remove(t->map[m], 7, NULL));
        weft_retire_hook(t->domain, &t->hook, t->object, sizeof t->object, nothing, NULL);
        CHECK(weft_retire(t->domain, &t->object[round % 4 + (round % 4 == 0)], nothing, NULL) == 0);
        CHECK(weft_domain_barrier(t->domain, 0) == 0);
    }
    weft_enter(&t->guard, t->domain);
    weft_leave(&t->guard);
    end(t);
}

/* ---- of each container ---- */

static void put_late(things *t)
{
    t->is->destroy(t->it, NULL, NULL);
    (void)!t->is->put(t->it, t);
}

static void put_many_late(things *t)
{
    t->is->destroy(t->it, NULL, NULL);
    (void)!t->is->put_many(t->it, (void *[]){t, t}, 2);
}

static void take_late(things *t)
{
    void *value;
    t->is->destroy(t->it, NULL, NULL);
    (void)!t->is->take(t->it, &value);
}

static void destroy_twice(things *t)
{
    t->is->destroy(t->it, NULL, NULL);
    t->is->destroy(t->it, NULL, NULL);
}

static void use_what_was_never_made(things *t)
{
    static long memory[64];
    memory[0] = (long)t->domain;
    (void)!t->is->is_empty(memory);
}

static void create_late(things *t)
{
    end(t);
    (void)!t->is->create(&t->it, t->domain);
}

/* ---- of one thing ---- */

static void pop_all_late(things *t)
{
    void *stack = t->each[CONTAINER_treiber];
    weft_treiber_destroy(stack, NULL, NULL);
    (void)weft_treiber_pop_all(stack, NULL, NULL);
}

/* ---- of each map ---- */

static void get_late(things *t)
{
    t->of->destroy(t->the_map);
    (void)(t->of->get(t->the_map, NULL, 7) == NULL);
}

static void put_into_map_late(things *t)
{
    t->of->destroy(t->the_map);
    (void)!t->of->put(t->the_map, 7, t, NULL);
}

static void remove_late(things *t)
{
    t->of->destroy(t->the_map);
    (void)t->of->remove(t->the_map, 7, NULL);
}

static void destroy_map_twice(things *t)
{
    t->of->destroy(t->the_map);
    t->of->destroy(t->the_map);
}

static bool destroy_meanwhile(uintptr_t key, void *value, void *ctx)
{
    things *t = ctx;
    (void)key;
    (void)value;
    t->of->destroy(t->the_map);
    return true;
}

static void iterate_on(things *t)
{
    CHECK(t->of->insert(t->the_map, 7, t) == 0);
    t->of->walk(t->the_map, destroy_meanwhile, t);
}

/* ---- of one thing again ---- */

static void enter_late(things *t)
{
    end(t);
    weft_enter(&t->guard, t->domain);
}

static void flush_late(things *t)
{
    end(t);
    weft_domain_flush(t->domain);
}

static void destroy_domain_twice(things *t)
{
    end(t);
    (void)!weft_domain_destroy(t->domain);
}

static void retire_twice(things *t)
{
    CHECK(weft_retire(t->domain, t->object, nothing, NULL) == 0);
    (void)!weft_retire(t->domain, t->object, nothing, NULL);
}

static void retire_by_hook_too(things *t)
{
    CHECK(weft_retire(t->domain, t->object, nothing, NULL) == 0);
    weft_retire_hook(NULL, &t->hook, t->object, sizeof t->object, nothing, NULL);
}

static void *retire_elsewhere(void *argument)
{
    things *t = argument;
    (void)!weft_retire(t->domain, t->object, nothing, NULL);
    return NULL;
}

static void retire_in_two_threads(things *t)
{
    pthread_t other;
    CHECK(weft_retire(t->domain, t->object, nothing, NULL) == 0);
    CHECK(pthread_create(&other, NULL, retire_elsewhere, t) == 0 && pthread_join(other, NULL) == 0);
}

static void *leave_elsewhere(void *guard)
{
    weft_leave(guard);
    return NULL;
}

static void leave_in_another_thread(things *t)
{
    pthread_t other;
    weft_enter(&t->guard, t->domain);
    CHECK(pthread_create(&other, NULL, leave_elsewhere, &t->guard) == 0 && pthread_join(other, NULL) == 0);
}

static void leave_twice(things *t)
{
    weft_enter(&t->guard, t->domain);
    weft_leave(&t->guard);
    weft_leave(&t->guard);
}

/* ---- fork handlers, registered before the library was loaded ---- */

static things *in_prepare, *in_child;

static void use(things *t)
{
    if (t)
        CHECK(t->is->put(t->it, t) == 0);
}

static void enter(things *t)
{
    weft_enter(&t->guard, t->domain);
}

static void early_prepare(void)
{
    use(in_prepare);
}

static void early_child(void)
{
    if (in_child && in_child->is)
        use(in_child);
    else if (in_child)
        enter(in_child);
}

/* Runs before the library's own constructor. */
__attribute__((constructor(101))) static void register_early(void)
{
    if (pthread_atfork(early_prepare, NULL, early_child) != 0)
        abort();
}

static void fork_once(void)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status))
        abort(); /* as the child has done, which has printed the line */
}

static void use_in_early_prepare(things *t)
{
    in_prepare = t;
    fork_once();
}

static void use_in_early_child(things *t)
{
    in_child = t;
    fork_once();
}

static void enter_in_early_child(things *t)
{
    t->is = NULL;
    in_child = t;
    fork_once();
}

static things *in_late;

static void late(void)
{
    use(in_late);
}

static void use_in_late_handlers(things *t)
{
    in_late = t;
    CHECK(pthread_atfork(late, late, late) == 0);
    fork_once();
}

typedef struct mistake {
    void (*make)(things *t);
    const char *said; /* NULL: nothing, since the use is correct */
    size_t place;     /* of the container, or of the map */
} mistake;

#define STRUCTURE "weft: a structure is used that has been destroyed, or never was created\n"
#define DOMAIN "weft: a domain is used that has been destroyed, or never was created\n"
#define RETIRED "weft: an object is retired that has been retired already, and was not reclaimed since\n"

#define HANDLER "weft: Weft is used in a fork handler that was registered before the library was loaded\n"

static void run_it(const mistake *m, weft_scheme scheme, int to)
{
    things t;
    (void)signal(SIGABRT, SIG_DFL);
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    (void)alarm(20);
    CHECK(dup2(to, STDERR_FILENO) == STDERR_FILENO);
    make(&t, scheme);
    t.is = &containers[m->place % CONTAINERS];
    t.it = t.each[m->place % CONTAINERS];
    t.of = &maps[m->place % MAPS];
    t.the_map = t.map[m->place % MAPS];
    m->make(&t);
    _exit(0);
}

static void test_misuse(void **state)
{
    t_env *env = *state;
    const mistake *m = env->what;
    int ends[2], status;
    char said[300] = {0};
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0)
        run_it(m, env->scheme, ends[1]);
    (void)close(ends[1]);
    for (size_t have = 0, got;
         (got = (size_t)read(ends[0], said + have, sizeof said - 1 - have)) > 0 && got < sizeof said;)
        have += got;
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_string_equal(said, m->said ? m->said : "");
    assert_true(m->said ? WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT
                        : WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#define MISTAKE_WITH(index, label, how, says)                                                                          \
    T_CASE(test_misuse, #how label ", hazard", (&(t_case){WEFT_HAZARD, &(const mistake){how, says, index}})),          \
        T_CASE(test_misuse, #how label ", epoch", (&(t_case){WEFT_EPOCH, &(const mistake){how, says, index}}))
#define MISTAKE(how, says) MISTAKE_WITH(0, "", how, says)
#define OF_EACH(KIND, name, put, take, ...) MISTAKE_WITH(CONTAINER_##name, ", " #name, __VA_ARGS__)
#define MISTAKES(how, says) WEFT_CONTAINERS_BETWEEN(WEFT_COMMA, OF_EACH, how, says)
#define OF_EACH_MAP(KIND, name, ...) MISTAKE_WITH(MAP_##name, ", " #name, __VA_ARGS__)
#define MISTAKES_WITH_MAPS(how, says) WEFT_MAPS_BETWEEN(WEFT_COMMA, OF_EACH_MAP, how, says)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MISTAKE(right_use, NULL),
        MISTAKES(put_late, STRUCTURE),
        MISTAKES(put_many_late, STRUCTURE),
        MISTAKES(take_late, STRUCTURE),
        MISTAKES(destroy_twice, STRUCTURE),
        MISTAKES(use_what_was_never_made, STRUCTURE),
        MISTAKE(pop_all_late, STRUCTURE),
        MISTAKES_WITH_MAPS(get_late, STRUCTURE),
        MISTAKES_WITH_MAPS(put_into_map_late, STRUCTURE),
        MISTAKES_WITH_MAPS(remove_late, STRUCTURE),
        MISTAKES_WITH_MAPS(destroy_map_twice, STRUCTURE),
        MISTAKES_WITH_MAPS(iterate_on, STRUCTURE),
        MISTAKE(enter_late, DOMAIN),
        MISTAKE(flush_late, DOMAIN),
        MISTAKES(create_late, DOMAIN),
        MISTAKE(destroy_domain_twice, DOMAIN),
        MISTAKES(use_in_early_prepare, HANDLER),
        MISTAKES(use_in_early_child, HANDLER),
        MISTAKE(enter_in_early_child, HANDLER),
        MISTAKES(use_in_late_handlers, NULL),
        MISTAKE(retire_twice, RETIRED),
        MISTAKE(retire_by_hook_too, RETIRED),
        MISTAKE(retire_in_two_threads, RETIRED),
        MISTAKE(leave_in_another_thread, "weft: a guard is used or left by a thread that did not enter it\n"),
        MISTAKE(leave_twice, "weft: a guard is used or left that has been left already\n"),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
