/* The interpreter: the kinds of steps, and a program's process. */
#define _GNU_SOURCE
#include "tests/lives/world.h"
#include "tests/lives/program.h"

_Atomic uint64_t *lives_tally;
int lives_sabotage;

#ifdef LIVES_SABOTAGE
#include "tests/lives/sabotage.h"
#endif

const char *const lives_tally_names[LIVES_TALLIES] = {
    "calls", "domains",   "reclaimed", "retired",    "guards", "barriers", "values",  "refusals", "destroyed",
    "ends",  "cancelled", "threads",   "last words", "forks",  "signals",  "refused", "piped",    "held",
};

#define TALLY(which, n)                                                                                                \
    (lives_tally ? (void)atomic_fetch_add_explicit(&lives_tally[LIVES_##which], (uint64_t)(n), memory_order_relaxed)   \
                 : (void)0)

#include "tests/lives/world_life.h"
#include "tests/lives/world_place.h"
#include "tests/lives/world_object.h"
#include "tests/lives/world_close.h"
#include "tests/lives/world_values.h"
#include "tests/lives/world_pipes.h"
#include "tests/lives/world_map.h"
#include "tests/lives/world_keys.h"
#include "tests/lives/world_ends.h"

/* ---- arguments ---- */

static const struct {
    const char *name;
    maker *maker;
} allocators[] = {{"none", none},           {"counted", counted}, {"locked", locked},
                  {"fork_safe", fork_safe}, {"woven", woven},     {"stingy", stingy}};

static const struct {
    const char *name;
    const map_kind *kind;
} map_kinds[] = {{"&integers", &integers},
                 {"&owned", &owned},
                 {"&strings", &strings},
                 {"&table_integers", &table_integers},
                 {"&table_owned", &table_owned}};
_Static_assert(sizeof map_kinds / sizeof map_kinds[0] == LIVES_MAP_KINDS, "generate.c knows how many kinds there are");

static const char *const pipe_kinds[] = {[RING] = "RING",       [RING_ONE_EACH] = "RING_ONE_EACH",
                                         [SPSC] = "SPSC",       [SPSC_STAMPED] = "SPSC_STAMPED",
                                         [MAILBOX] = "MAILBOX", [DEQUE] = "DEQUE"};
_Static_assert((int)PIPE_KINDS == (int)LIVES_PIPE_KINDS, "generate.c knows how many kinds there are");

const char *lives_word(char letter, int argument)
{
    static const char *const schemes[] = {"0", "WEFT_HAZARD", "WEFT_EPOCH"};
    switch (letter) {
    case 'A':
        return allocators[argument].name;
    case 'K':
        return map_kinds[argument].name;
    case 'X':
        return pipe_kinds[argument];
    case 'H':
        return schemes[argument];
    case 'T':
        return argument == FOREVER ? "FOREVER" : NULL;
    case 'D':
    case 'Q':
    case 'S':
    case 'P':
    case 'M':
        return argument == HERE ? "HERE" : NULL;
    default:
        return NULL;
    }
}

/* ---- kinds ---- */

#define RUN(name, ...) RUN_AS(name, name(__VA_ARGS__))
#define RUN_0(name) RUN_AS(name, name())
#define RUN_AS(name, call)                                                                                             \
    static void run_##name(const int *a, body *then)                                                                   \
    {                                                                                                                  \
        (void)a;                                                                                                       \
        (void)then;                                                                                                    \
        call;                                                                                                          \
    }

RUN_0(refuse_membarrier)
RUN_0(early_key)
RUN_0(late_key)
RUN(make_domain, a[0], a[1], allocators[a[2]].maker)
RUN(make_queue, a[0], a[1])
RUN(make_stack, a[0], a[1])
RUN(make_map, a[0], a[1], map_kinds[a[2]].kind, then)
RUN(make_pipe, a[0], a[1], a[2], a[3])
RUN_0(ticks)
RUN(retire, a[0], a[1], a[2], then)
RUN(swap, a[0], a[1], then)
RUN(with_guards, a[0], a[1], a[2], then)
RUN(barrier, a[0], a[1])
RUN(flush, a[0])
RUN(attach, a[0])
RUN(stats, a[0])
RUN(with_domain, a[0], allocators[a[1]].maker, then)
RUN_0(destroy_busy)
RUN(with_queue, a[0], then)
RUN(with_stack, a[0], then)
RUN(with_pipe, a[0], a[1], a[2], then)
RUN(with_map, a[0], map_kinds[a[1]].kind, then)
RUN(enqueues, a[0], a[1])
RUN(dequeues, a[0], a[1])
RUN(queue_pairs, a[0], a[1])
RUN(enqueue_many, a[0], a[1])
RUN(pushes, a[0], a[1])
RUN(pops, a[0], a[1])
RUN(stack_pairs, a[0], a[1])
RUN(pop_all, a[0])
RUN(pipe_puts, a[0], a[1])
RUN(pipe_takes, a[0], a[1])
RUN(pipe_pairs, a[0], a[1])
RUN(pipe_put_many, a[0], a[1])
RUN(pipe_take_many, a[0], a[1])
RUN(force_puts, a[0], a[1])
RUN(reserve, a[0], a[1], then)
RUN(take_in_place, a[0], then)
RUN(steal_half, a[0], a[1])
RUN(map_keys, a[0], a[1], a[2])
RUN(map_fill, a[0], a[1])
RUN(map_mix, a[0], a[1])
RUN(map_walk, a[0])
RUN(crew, a[0], a[1], then)
RUN(rest, a[0])
RUN(yields, a[0])
RUN_0(end_here)
RUN_0(cancel_point)
RUN_0(cancel)
RUN(at_end, a[0], then)
RUN(forks_and, then)
RUN_0(interrupt_me)

/* clang-format off */
#define KIND(name, arguments, ...) {#name, arguments, run_##name, __VA_ARGS__}
/* clang-format on */

/* To add a kind of step: a function in world_*.h, a line with RUN above, one here. */
const kind lives_kinds[] = {
    KIND(refuse_membarrier, "", IN_SETUP | ANYWHERE, 0, 1, 10),
    KIND(early_key, "", IN_SETUP, 0, 1, 10),
    KIND(late_key, "", IN_SETUP, 0, 1, 10),
    KIND(make_domain, "dHA", IN_SETUP, 0, 6, 100),
    KIND(make_queue, "qD", IN_SETUP, 0, 4, 100),
    KIND(make_stack, "sD", IN_SETUP, 0, 4, 100),
    KIND(make_map, "mDKB", IN_SETUP, IN_CALLBACK, 6, 100),
    KIND(make_pipe, "pDXC", IN_SETUP, 0, 4, 100),
    KIND(ticks, "", IN_SETUP, 0, 1, 10),
    KIND(retire, "DNEB", ANYWHERE, IN_CALLBACK, 10, 3),
    KIND(swap, "DNB", ANYWHERE, IN_CALLBACK, 4, 4),
    KIND(with_guards, "DG2B", ANYWHERE, 0, 6, 20),
    KIND(barrier, "DT", ANYWHERE, 0, 6, 2000),
    KIND(flush, "D", ANYWHERE, 0, 4, 300),
    KIND(attach, "D", ANYWHERE, 0, 1, 30),
    KIND(stats, "D", ANYWHERE, 0, 1, 30),
    KIND(with_domain, "HAB", ANYWHERE, 0, 3, 200),
    KIND(destroy_busy, "", ANYWHERE, 0, 2, 10),
    KIND(with_queue, "DB", ANYWHERE, 0, 1, 100),
    KIND(with_stack, "DB", ANYWHERE, 0, 1, 100),
    KIND(with_pipe, "DXCB", ANYWHERE, 0, 4, 100),
    KIND(with_map, "DKB", ANYWHERE, 0, 2, 300),
    KIND(enqueues, "QN", ANYWHERE, 0, 2, 1),
    KIND(dequeues, "QN", ANYWHERE, 0, 2, 1),
    KIND(queue_pairs, "QN", ANYWHERE, 0, 3, 1),
    KIND(enqueue_many, "QN", ANYWHERE, 0, 1, 1),
    KIND(pushes, "SN", ANYWHERE, 0, 2, 1),
    KIND(pops, "SN", ANYWHERE, 0, 2, 1),
    KIND(stack_pairs, "SN", ANYWHERE, 0, 3, 1),
    KIND(pop_all, "S", ANYWHERE, 0, 1, 10),
    KIND(pipe_puts, "PN", ANYWHERE, 0, 4, 1),
    KIND(pipe_takes, "PN", ANYWHERE, 0, 4, 1),
    KIND(pipe_pairs, "PN", ANYWHERE, 0, 5, 1),
    KIND(pipe_put_many, "PN", ANYWHERE, 0, 2, 1),
    KIND(pipe_take_many, "PN", ANYWHERE, 0, 2, 1),
    KIND(force_puts, "PN", ANYWHERE, 0, 2, 1),
    KIND(reserve, "P2B", ANYWHERE, 0, 3, 10),
    KIND(take_in_place, "PB", ANYWHERE, 0, 3, 10),
    KIND(steal_half, "PP", ANYWHERE, 0, 2, 50),
    KIND(map_keys, "MNN", ANYWHERE, 0, 5, 4),
    KIND(map_fill, "MN", ANYWHERE, 0, 2, 4),
    KIND(map_mix, "MN", ANYWHERE, 0, 3, 3),
    KIND(map_walk, "M", ANYWHERE, 0, 1, 1000),
    KIND(crew, "CWB", ANYWHERE, IN_CREW, 6, 600),
    KIND(rest, "m", ANYWHERE, 0, 2, 10000),
    KIND(yields, "N", ANYWHERE, 0, 1, 5),
    KIND(end_here, "", ANYWHERE, 0, 3, 10),
    KIND(cancel_point, "", ANYWHERE, 0, 2, 10),
    KIND(cancel, "", ANYWHERE, 0, 2, 10),
    KIND(at_end, "2B", ANYWHERE, 0, 2, 10),
    KIND(forks_and, "B", ANYWHERE, IN_CREW, 4, 20000),
    KIND(interrupt_me, "", ANYWHERE, 0, 1, 20),
};
const int lives_kind_count = (int)(sizeof lives_kinds / sizeof lives_kinds[0]);

/* ---- running ---- */

static const program *running;

static void do_block(int which);

/* Each block as the function that it is in a printed program. */
/* clang-format off */
#define BLOCK(n) static void block_##n(void) { do_block(n); }
#define BLOCKS(X)                                                                  \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) \
    X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27)   \
    X(28) X(29) X(30) X(31)
/* clang-format on */
#define NAME(n) block_##n,
BLOCKS(BLOCK)
static body *const bodies[MOST_BLOCKS] = {BLOCKS(NAME)};

static void do_block(int which)
{
    const block *b = &running->block[which];
    for (int i = 0; i < b->count; i++) {
        const step *s = &b->step[i];
        lives_kinds[s->kind].run(s->argument, s->then == NO_BLOCK ? NULL : bodies[s->then]);
    }
}

_Noreturn void lives_perform(const program *p, int lasting_ms, int patience_ms)
{
    running = p;
#ifdef LIVES_SABOTAGE
    sabotage_begin();
#endif
    lasting = lasting_ms;
    patience = patience_ms;
    begin();
    do_block(0);
    run(bodies + 1, p->threads);
    _exit(end());
}
