/*
 * A cache whose entries expire. The map does not own the values: a replaced or removed value comes back to the caller,
 * who retires it, because a reader may still use it. Each value contains the hook for that, so that retiring cannot
 * fail. A thread that meets an expired entry replaces it, and a sweep removes the others now and then.
 */
#include <stdio.h>
#include <stdlib.h>
#include <weft/hashmap/split_map.h>

struct answer {
    weft_hook hook;
    uint64_t computed, expires; /* in turns of a clock of our own, so that the example always prints the same */
};

WEFT_MAP_OF(cache, uintptr_t, struct answer *); /* keys are integers, values pointers */

static uint64_t now, computations;

static void free_answer(void *answer, void *ctx)
{
    (void)ctx;
    free(answer);
}

/* Retires an answer that no new reader can find. It may be called inside a guard or an iteration. */
static void let_go(struct answer *answer)
{
    weft_retire_hook(NULL, &answer->hook, answer, sizeof *answer, free_answer, NULL);
}

static struct answer *compute(uintptr_t question)
{
    struct answer *answer = malloc(sizeof *answer);
    if (answer) {
        computations++;
        *answer = (struct answer){.computed = question * question, .expires = now + 10};
    }
    return answer;
}

/* The answer, from the cache or new. False: out of memory. */
static bool ask(cache *c, uintptr_t question, uint64_t *result)
{
    weft_guard guard;
    struct answer *found;
    weft_enter(&guard, NULL);
    found = cache_get(c, &guard, question);
    if (found && found->expires > now) {
        *result = found->computed; /* copied while the guard protects it */
        weft_leave(&guard);
        return true;
    }
    weft_leave(&guard);

    struct answer *made = compute(question), *old;
    if (!made)
        return false;
    *result = made->computed; /* before it is shared: another thread may replace and free it at once */
    if (cache_put(c, question, made, &old) < 0) {
        free(made);
        return true; /* not cached, but answered */
    }
    if (old)
        let_go(old);
    return true;
}

/* Removes expired answers while other threads go on asking. It never removes a newer answer that has replaced one. */
static size_t sweep(cache *c)
{
    weft_map_iterator at;
    uintptr_t question;
    struct answer *answer;
    size_t removed = 0;
    cache_iterate(&at, c);
    while (cache_next(&at, &question, &answer))
        if (answer->expires <= now && cache_compare_and_remove(c, question, answer) == 0) {
            let_go(answer);
            removed++;
        }
    cache_iterate_end(&at);
    return removed;
}

static void drop(uintptr_t question, struct answer *answer, void *ctx)
{
    (void)question;
    (void)ctx;
    free(answer);
}

int main(void)
{
    cache *c;
    uint64_t answer, sum = 0;

    if (cache_create(&c, NULL, NULL) != 0)
        return 1;
    for (now = 0; now < 100; now++)
        for (uintptr_t question = 0; question < 5; question++) {
            if (!ask(c, question, &answer))
                return 1;
            sum += answer;
        }
    now += 100;
    printf("sum %llu, computed %llu of 500 times, %zu swept\n", (unsigned long long)sum,
           (unsigned long long)computations, sweep(c));
    cache_destroy(c, drop, NULL);
    return sum == 100 * (0 + 1 + 4 + 9 + 16) && computations == 50 ? 0 : 1;
}
