/*
 * Shortens a failing program. Something left out or halved stays so if the program still fails in the same way at least
 * once in some tries. The number of tries follows from how often the program failed before.
 */
#define _GNU_SOURCE
#include "tests/lives/program.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct shrinker {
    program *p;
    const char *what;
    int tries;
    double end;
    bool hasty;
    void (*show)(const program *p);
} shrinker;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool fails(const shrinker *s, const program *p)
{
    verdict v;
    lives_try(p, s->hasty, &v);
    return v.failed && strcmp(v.what, s->what) == 0;
}

/* Keeps the changed program if it still fails. */
static bool keep(shrinker *s, const program *changed)
{
    for (int i = 0; i < s->tries && now() < s->end; i++)
        if (fails(s, changed)) {
            *s->p = *changed;
            if (s->show)
                s->show(s->p);
            return true;
        }
    return false;
}

/* ---- what can be left out ---- */

static bool drop_threads(shrinker *s)
{
    bool any = false;
    for (int t = s->p->threads; t >= 1 && s->p->threads > 1; t--) {
        program changed = *s->p;
        changed.block[t] = changed.block[changed.threads];
        changed.block[changed.threads].count = 0;
        changed.threads--;
        any |= keep(s, &changed);
    }
    return any;
}

static void cut(block *b, int from, int count)
{
    memmove(&b->step[from], &b->step[from + count], (size_t)(b->count - from - count) * sizeof b->step[0]);
    b->count -= count;
}

/* From each block that is done, drops all steps, halves, quarters, single ones. */
static bool drop_steps(shrinker *s, const bool *done)
{
    bool any = false;
    for (int b = 0; b < s->p->blocks; b++)
        for (int size = s->p->block[b].count; done[b] && size > 0; size = size == 1 ? 0 : (size + 1) / 2)
            for (int from = s->p->block[b].count - size; from >= 0; from -= size) {
                if (from + size > s->p->block[b].count)
                    continue;
                program changed = *s->p;
                cut(&changed.block[b], from, size);
                any |= keep(s, &changed);
            }
    return any;
}

/* Replaces a step by the steps of its block (inner), or removes its block. */
static bool replace_step(shrinker *s, int b, int i, bool inner)
{
    program changed = *s->p;
    step *at = &changed.block[b].step[i];
    if (at->then == NO_BLOCK)
        return false;
    const block *then = &changed.block[at->then];
    if (!inner) {
        at->then = NO_BLOCK;
        return keep(s, &changed);
    }
    if (changed.block[b].count + then->count - 1 > MOST_STEPS)
        return false;
    step inside[MOST_STEPS];
    int count = then->count;
    memcpy(inside, then->step, sizeof inside);
    cut(&changed.block[b], i, 1);
    memmove(&changed.block[b].step[i + count], &changed.block[b].step[i],
            (size_t)(changed.block[b].count - i) * sizeof inside[0]);
    memcpy(&changed.block[b].step[i], inside, (size_t)count * sizeof inside[0]);
    changed.block[b].count += count;
    return keep(s, &changed);
}

static bool flatten(shrinker *s, const bool *done)
{
    bool any = false;
    for (int b = 0; b < s->p->blocks; b++)
        for (int i = 0; done[b] && i < s->p->block[b].count; i++)
            any |= replace_step(s, b, i, false) || replace_step(s, b, i, true);
    return any;
}

/* ---- what can be smaller ---- */

static int simplest(char letter)
{
    if (strchr("NCWEGm", letter))
        return 1;
    return letter == 'H' ? 1 : 0;
}

static bool try_argument(shrinker *s, int b, int i, int a, int value)
{
    program changed = *s->p;
    int *argument = &changed.block[b].step[i].argument[a];
    if (*argument == value)
        return false;
    *argument = value;
    return keep(s, &changed);
}

static bool simplify(shrinker *s, int b, int i)
{
    bool any = false;
    const char *arguments = lives_kinds[s->p->block[b].step[i].kind].arguments;
    for (int a = 0; arguments[a] && arguments[a] != 'B'; a++) {
        char letter = arguments[a];
        if (strchr("dqsm", letter) && !(letter == 'm' && a == 0 && !arguments[1]))
            continue; /* a slot, which other steps name */
        if (try_argument(s, b, i, a, simplest(letter))) {
            any = true;
            continue;
        }
        while (strchr("NCWGm", letter) && s->p->block[b].step[i].argument[a] > 1 &&
               try_argument(s, b, i, a, s->p->block[b].step[i].argument[a] / 2))
            any = true;
    }
    return any;
}

static bool simplify_all(shrinker *s, const bool *done)
{
    bool any = false;
    for (int b = 0; b < s->p->blocks; b++)
        for (int i = 0; done[b] && i < s->p->block[b].count; i++)
            any |= simplify(s, b, i);
    return any;
}

/* The number of tries that a change gets, by how often the unchanged program fails. */
static int measure(const shrinker *s)
{
    enum { TRIALS = 6, MOST_TRIES = 15 };
    int failed = 0;
    for (int i = 0; i < TRIALS && now() < s->end; i++)
        failed += fails(s, s->p);
    return failed ? 1 + 2 * TRIALS / failed : MOST_TRIES;
}

void lives_shrink(program *p, const verdict *v, double seconds, void (*show)(const program *p))
{
    shrinker s = {.p = p, .what = v->what, .end = now() + seconds, .hasty = true, .show = show};
    bool done[MOST_BLOCKS], any = true;
    s.tries = measure(&s);
    while (any && now() < s.end) {
        any = drop_threads(&s);
        lives_mark(p, done);
        any |= drop_steps(&s, done);
        lives_mark(p, done);
        any |= flatten(&s, done);
        lives_mark(p, done);
        any |= simplify_all(&s, done);
    }
}
