/* Programs from seeds. The same seed, theme and omissions give the same program. */
#include "tests/lives/program.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_KINDS = 64, MADE = 4, FULL = 8, DEEP = 4, TENTHS = 2500000 /* of a microsecond: what a thread may take */ };

typedef struct maker {
    program *p;
    const wish *wish;
    uint64_t random;
    int theme;
    int weight[MOST_KINDS];
    int made[128]; /* by letter of a domain or structure: how many there are */
} maker;

/* The kinds of steps that each theme prefers. A theme does not say how they are combined. */
static const struct {
    const char *name, *prefers;
} themes[] = {
    {"mixed", ""},
    {"ends", "crew,end_here,cancel,cancel_point,at_end,retire,barrier,late_key,early_key"},
    {"garbage", "crew,retire,with_guards,rest,barrier,refuse_membarrier,make_domain"},
    {"pipes", "make_pipe,with_pipe,pipe_puts,pipe_takes,pipe_pairs,pipe_put_many,pipe_take_many,force_puts,reserve,"
              "take_in_place,steal_half,crew,retire"},
    {"maps", "map_keys,map_fill,map_mix,map_walk,with_map,make_map,crew"},
    {"forks",
     "forks_and,rest,make_domain,make_queue,make_stack,make_pipe,make_map,queue_pairs,stack_pairs,pipe_pairs,map_keys,locked,"
     "fork_safe"},
    {"caches",
     "queue_pairs,stack_pairs,with_guards,with_queue,with_stack,rest,make_domain,make_queue,make_stack,barrier,WEFT_EPOCH"},
    {"refusals", "barrier,destroy_busy,with_domain,retire,at_end,crew,late_key"},
    {"handlers", "ticks,with_guards,swap,interrupt_me,crew"},
};
enum { THEMES = sizeof themes / sizeof themes[0] };

const char *const lives_themes[] = {"mixed", "ends",   "garbage",  "pipes",    "maps",
                                    "forks", "caches", "refusals", "handlers", NULL};

/* ---- choices ---- */

static uint64_t draw(maker *m)
{
    uint64_t z = m->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int below(maker *m, int n)
{
    return n > 0 ? (int)(draw(m) % (unsigned)n) : 0;
}

/* From 1 to `most`, small numbers as likely as large ones. */
static int spread(maker *m, int most)
{
    int bits = 0, n;
    while (bits < 24 && 2 << bits <= most)
        bits++;
    n = 1 << below(m, bits + 1);
    n += below(m, n);
    return n < most ? n : most < 1 ? 1 : most;
}

static bool listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, name, length) == 0 && (at[length] == 0 || at[length] == ','))
            return true;
    return false;
}

/* Consecutive seeds have all themes in turn. */
static int choose_theme(const maker *m)
{
    int theme = (int)(m->p->seed % THEMES);
    for (int i = 0; m->wish->theme && i < THEMES; i++)
        if (strcmp(themes[i].name, m->wish->theme) == 0)
            theme = i;
    return theme;
}

/* Each program leaves out some kinds and prefers others, so that more steps of one kind meet than on average. */
static void weigh(maker *m)
{
    static const int factor[] = {0, 1, 2, 2, 4};
    for (int k = 0; k < lives_kind_count; k++) {
        const char *name = lives_kinds[k].name;
        m->weight[k] = lives_kinds[k].weight * factor[below(m, 5)];
        if (listed(themes[m->theme].prefers, name))
            m->weight[k] = (m->weight[k] + lives_kinds[k].weight) * FULL;
        if (listed(m->wish->without, name))
            m->weight[k] = 0;
    }
}

static int allocator(maker *m)
{
    for (;;) {
        int a = below(m, 6);
        if (listed(themes[m->theme].prefers, lives_word('A', 2)) && below(m, 2))
            a = 2 + below(m, 2);
        if (!listed(m->wish->without, lives_word('A', a)) || a == 0)
            return a;
    }
}

static int scheme(maker *m)
{
    int epochs = listed(themes[m->theme].prefers, "WEFT_EPOCH") ? 2 : 1; /* in three */
    return below(m, 3) < epochs && !listed(m->wish->without, "WEFT_EPOCH") ? 2 : 1;
}

/* ---- steps ---- */

static int choose_kind(maker *m, int where, int budget)
{
    int total = 0;
    for (int k = 0; k < lives_kind_count; k++)
        if (lives_kinds[k].where & where && lives_kinds[k].cost <= budget)
            total += m->weight[k];
    for (int k = 0, at = below(m, total); total && k < lives_kind_count; k++) {
        if (lives_kinds[k].where & where && lives_kinds[k].cost <= budget && (at -= m->weight[k]) < 0)
            return k;
    }
    return -1;
}

static int choose_object(maker *m, char letter)
{
    int made = m->made[(unsigned char)letter];
    return below(m, made + 2) < made ? below(m, made) : -1;
}

static int choose(maker *m, char letter, int most, int where)
{
    static const int every[] = {1, 1, 1, 3, 50};
    switch (letter) {
    case 'D':
    case 'Q':
    case 'S':
    case 'P':
    case 'M':
        return choose_object(m, letter);
    case 'H':
        return scheme(m);
    case 'A':
        return allocator(m);
    case 'K':
        return below(m, LIVES_MAP_KINDS);
    case 'X':
        return below(m, LIVES_PIPE_KINDS);
    case 'N':
        return spread(m, most < 400000 ? most : 400000);
    case 'C':
        return spread(m, most < 300 ? most : 300);
    case 'W':
        return 1 + below(m, 8);
    case 'T':
        return below(m, 4);
    case 'E':
        return every[below(m, 5)];
    case 'G':
        return below(m, 4) ? 1 + below(m, 3) : 1 + below(m, where == IN_CALLBACK ? 8 : 40);
    case 'm':
        return spread(m, most < 200 ? most : 200);
    default:
        return below(m, 2);
    }
}

static int make_block(maker *m, int where, int budget, int most, int depth);

/* Makes the block that a step does, perhaps several times. */
static int make_inner(maker *m, const step *s, int where, int budget, int depth)
{
    const kind *k = &lives_kinds[s->kind];
    int inside = k->inside ? k->inside : where, times = 1;
    bool needed = !strncmp(k->name, "with", 4) || !strcmp(k->name, "crew") || !strcmp(k->name, "at_end");
    if (depth >= DEEP || (!needed && below(m, 3) == 0))
        return NO_BLOCK;
    if (inside == IN_CREW)
        times = k->arguments[0] == 'C' ? s->argument[0] : 1;
    if (inside == IN_CALLBACK)
        times = k->arguments[2] == 'E'   ? 1 + s->argument[1] / s->argument[2]
                : k->arguments[1] == 'N' ? s->argument[1]
                                         : 2000;
    return make_block(m, inside, budget / times > 20 ? budget / times : 20, inside == IN_CALLBACK ? 2 : 4, depth + 1);
}

static void make_step(maker *m, step *s, int where, int budget, int depth)
{
    const kind *k = &lives_kinds[s->kind];
    int most = budget / k->cost;
    for (int i = 0; k->arguments[i] && k->arguments[i] != 'B'; i++) {
        s->argument[i] = choose(m, k->arguments[i], most, where);
        if (i && k->arguments[i] == 'N' && k->arguments[i - 1] == 'N')
            s->argument[i] = spread(m, s->argument[i - 1]);
    }
    s->then = strchr(k->arguments, 'B') ? make_inner(m, s, where, budget, depth) : NO_BLOCK;
}

static int make_block(maker *m, int where, int budget, int most, int depth)
{
    if (m->p->blocks >= MOST_BLOCKS)
        return NO_BLOCK;
    int which = m->p->blocks++;
    block *b = &m->p->block[which];
    int count = 1 + below(m, most);
    for (int i = 0; i < count && i < MOST_STEPS; i++) {
        int k = choose_kind(m, where, budget);
        if (k < 0)
            break;
        step s = {.kind = k};
        make_step(m, &s, where, budget / (depth ? 1 : 2), depth);
        b->step[b->count++] = s;
    }
    return which;
}

/* ---- the beginning ---- */

static int kind_named(const char *name)
{
    int k = 0;
    while (k < lives_kind_count && strcmp(lives_kinds[k].name, name) != 0)
        k++;
    return k;
}

static void set_up(maker *m, const char *name, int a, int b, int c, int d)
{
    block *first = &m->p->block[0];
    step *s = &first->step[first->count];
    int k = kind_named(name);
    if (first->count == MOST_STEPS || !m->weight[k])
        return;
    first->count++;
    *s = (step){k, {a, b, c, d}, NO_BLOCK};
}

static bool one_in(maker *m, const char *name, int n)
{
    int k = kind_named(name);
    return m->weight[k] && below(m, n * 8) < (m->weight[k] > lives_kinds[k].weight * FULL ? 5 * n : 8);
}

static void make_setup(maker *m)
{
    program *p = m->p;
    p->blocks = 1;
    if (one_in(m, "refuse_membarrier", 8))
        set_up(m, "refuse_membarrier", 0, 0, 0, 0);
    if (one_in(m, "early_key", 3))
        set_up(m, "early_key", 0, 0, 0, 0);
    if (one_in(m, "late_key", 3))
        set_up(m, "late_key", 0, 0, 0, 0);
    m->made['D'] = 1;
    for (int d = below(m, 4); d > 0 && m->made['D'] < MADE; d--)
        set_up(m, "make_domain", m->made['D']++, scheme(m), allocator(m), 0);
    if (below(m, 2))
        set_up(m, "make_queue", m->made['Q']++, below(m, m->made['D']), 0, 0);
    if (below(m, 2))
        set_up(m, "make_stack", m->made['S']++, below(m, m->made['D']), 0, 0);
    for (int n = below(m, 3); n > 0; n--)
        set_up(m, "make_pipe", m->made['P']++, below(m, m->made['D']), below(m, LIVES_PIPE_KINDS), spread(m, 300));
    for (int n = below(m, 3); n > 0; n--)
        set_up(m, "make_map", m->made['M']++, below(m, m->made['D']), below(m, LIVES_MAP_KINDS), 0);
    if (one_in(m, "ticks", 6))
        set_up(m, "ticks", 0, 0, 0, 0);
}

/* Chooses what destructors of the maps do, after the threads' blocks, which come first. */
static void make_destructors(maker *m)
{
    block *first = &m->p->block[0];
    for (int i = 0; i < first->count; i++) {
        step *s = &first->step[i];
        if (!strcmp(lives_kinds[s->kind].name, "make_map"))
            s->then = make_inner(m, s, IN_SETUP, TENTHS, 2);
    }
}

void lives_generate(program *p, uint64_t seed, const wish *wanted)
{
    maker m = {.p = p, .wish = wanted, .random = seed * 0x2545f4914f6cdd1du + 1};
    *p = (program){.seed = seed};
    m.theme = choose_theme(&m);
    weigh(&m);
    make_setup(&m);
    p->threads = 1 + below(&m, 4);
    p->blocks = 1 + p->threads;
    for (int t = 1; t <= p->threads; t++) { /* their blocks first, then all that they lead to */
        int after = p->blocks;
        p->blocks = t;
        p->block[t] = (block){0};
        int count = 1 + below(&m, 8);
        p->blocks = after;
        for (int i = 0; i < count; i++) {
            step s = {.kind = choose_kind(&m, IN_THREAD, TENTHS)};
            if (s.kind < 0)
                break;
            make_step(&m, &s, IN_THREAD, TENTHS / 2, 0);
            p->block[t].step[p->block[t].count++] = s;
        }
    }
    make_destructors(&m);
}

static void mark(const program *p, int b, bool *done)
{
    done[b] = true;
    for (int i = 0; i < p->block[b].count; i++)
        if (p->block[b].step[i].then != NO_BLOCK)
            mark(p, p->block[b].step[i].then, done);
}

void lives_mark(const program *p, bool *done)
{
    memset(done, 0, MOST_BLOCKS * sizeof *done);
    for (int b = 0; b <= p->threads; b++)
        mark(p, b, done);
}

int lives_steps(const program *p)
{
    bool done[MOST_BLOCKS];
    int steps = 0;
    lives_mark(p, done);
    for (int b = 0; b < p->blocks; b++)
        steps += done[b] ? p->block[b].count : 0;
    return steps;
}

/* ---- names ---- */

bool lives_known_theme(const char *name)
{
    bool known = false;
    for (int i = 0; i < THEMES; i++)
        known |= strcmp(themes[i].name, name) == 0;
    return known;
}

const char *lives_unknown(const char *list, char *name, size_t size)
{
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        bool known = false;
        snprintf(name, size, "%.*s", (int)strcspn(at, ","), at);
        for (int a = 1; a < 6; a++)
            known |= strcmp(name, lives_word('A', a)) == 0;
        if (!known && strcmp(name, "WEFT_EPOCH") != 0 && kind_named(name) == lives_kind_count)
            return name;
    }
    return NULL;
}
