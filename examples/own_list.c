/*
 * A lock-free structure of your own, made safe by a domain: a sorted set of integers, one linked list, as in M.
 * Michael, "High Performance Dynamic Lock-Free Hash Tables and List-Based Sets" (SPAA 2002). The lowest bit of a node's
 * link is a mark: the node is removed, and its link never changes again. docs/reclamation.md explains this program.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <weft/reclaim/domain.h>

typedef struct node {
    weft_atomic_ptr next; /* a pointer whose target guards protect */
    weft_hook hook;       /* the memory that retiring needs, so that it cannot fail */
    int key;
} node;

typedef struct set {
    weft_atomic_ptr head;
    weft_domain *domain;
} set;

#define IS_MARKED(link) ((uintptr_t)(link)&1)

/* Two guards, since two nodes are used at once: the one that holds the link `at`, and the one behind it. */
typedef struct place {
    weft_guard guard[2];
    weft_atomic_ptr *at;
    node *here; /* the first whose key is not less; NULL: the end */
} place;

static void free_node(void *object, void *ctx)
{
    (void)ctx;
    free(object);
}

static void find(set *s, int key, place *p)
{
again:
    p->at = &s->head;
    for (unsigned turn = 0;; turn ^= 1) {
        /* `at` was read again after publishing: the node was not retired then, if the holder of `at` is in the set */
        void *link = weft_protect(&p->guard[turn], p->at);
        if (IS_MARKED(link))
            goto again; /* the node that holds `at` was removed meanwhile */
        p->here = link;
        if (!p->here)
            return;
        void *next = weft_ptr_load(&p->here->next);
        if (IS_MARKED(next)) { /* removed, but still linked: unlink it; the thread that succeeds retires it */
            void *expected = p->here;
            if (!weft_ptr_cas(p->at, &expected, (void *)((uintptr_t)next & ~(uintptr_t)1)))
                goto again;
            weft_retire_hook(s->domain, &p->here->hook, p->here, sizeof *p->here, free_node, NULL);
            turn ^= 1; /* the guard of `at` stays */
            continue;
        }
        if (p->here->key >= key)
            return;
        p->at = &p->here->next; /* this node keeps its guard, and the next one gets the other */
    }
}

static void begin(set *s, place *p)
{
    weft_enter(&p->guard[0], s->domain);
    weft_enter(&p->guard[1], s->domain);
}

static void end(place *p)
{
    weft_leave(&p->guard[0]);
    weft_leave(&p->guard[1]);
}

/* 0, -EEXIST or -ENOMEM. Linearizes at the compare-and-swap that links the node. */
static int set_add(set *s, int key)
{
    node *made = malloc(sizeof *made);
    place p;
    if (!made)
        return -ENOMEM;
    made->key = key;
    begin(s, &p);
    for (;;) {
        find(s, key, &p);
        if (p.here && p.here->key == key) {
            end(&p);
            free(made); /* no other thread has seen it */
            return -EEXIST;
        }
        void *expected = p.here;
        weft_ptr_store(&made->next, p.here);
        if (weft_ptr_cas(p.at, &expected, made))
            break;
    }
    end(&p);
    return 0;
}

/* Linearizes at the compare-and-swap that marks the node's link. */
static bool set_remove(set *s, int key)
{
    place p;
    bool removed = false;
    begin(s, &p);
    while (!removed) {
        find(s, key, &p);
        if (!p.here || p.here->key != key)
            break;
        void *next = weft_ptr_load(&p.here->next);
        removed = !IS_MARKED(next) && weft_ptr_cas(&p.here->next, &next, (void *)((uintptr_t)next | 1));
    }
    if (removed)
        find(s, key, &p); /* unlinks it, unless another thread has */
    end(&p);
    return removed;
}

static set shared;
static int totals[2];

static void *work(void *total)
{
    unsigned random = total == totals;
    for (int i = 0; i < 100000; i++) {
        random = random * 1664525u + 1013904223u;
        int key = random >> 16 & 63;
        *(int *)total += random >> 31 ? set_add(&shared, key) == 0 : -set_remove(&shared, key);
    }
    return NULL;
}

int main(void)
{
    pthread_t other;
    int left = 0;
    weft_domain_config config = {.scheme = WEFT_HAZARD}; /* WEFT_EPOCH works, too, with no other change */
    if (weft_domain_create(&shared.domain, &config) != 0 || pthread_create(&other, NULL, work, &totals[0]) != 0)
        return 1;
    work(&totals[1]);
    pthread_join(other, NULL);
    for (int key = 0; key < 64; key++)
        left += set_remove(&shared, key);
    printf("%d in the set at the end, %d by what was added and removed\n", left, totals[0] + totals[1]);
    return weft_domain_destroy(shared.domain) == 0 && left == totals[0] + totals[1] ? 0 : 1; /* reclaims what is left */
}
