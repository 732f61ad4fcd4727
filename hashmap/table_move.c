#include <weft/hashmap/table_array.h>
#include <weft/hashmap/table_move.h>
#include <weft/hashmap/table_values.h>

/* ---- nodes of slots ---- */

/*
 * Extends a bucket's chain to so many slots, while it has that head. False: no memory. If the head changes, it may remain
 * shorter: the caller's next step then fails.
 */
static bool extend(weft_i_table_walk *w, weft_i_table_bucket *bucket, uint64_t head, unsigned slots)
{
    weft_domain *domain = w->table->domain;
    weft_scheme scheme = weft_i_scheme(domain);
    weft_atomic_ptr *link = &bucket->more;
    for (unsigned have = WEFT_TABLE_INLINE; have < slots; have += WEFT_I_TABLE_IN_NODE) {
        void *node = weft_i_load(link, TABLE_A2);
        if (!node) {
            weft_i_table_node *made = weft_i_node_alloc(domain, weft_i_local_get(domain), WEFT_I_LARGE);
            if (!made)
                return false;
            /* relaxed: the node is private until TABLE_R2 */
            weft_i_store(&made->next, NULL, memory_order_relaxed);
            for (int i = 0; i < WEFT_I_TABLE_IN_NODE; i++) {
                /* relaxed: the node is private until TABLE_R2 */
                weft_i_store(&made->slot[i].key, 0, memory_order_relaxed);
                /* relaxed: the node is private until TABLE_R2 */
                weft_i_store(&made->slot[i].value, NULL, memory_order_relaxed);
            }
            weft_i_publish(w->hold, 0, made, scheme); /* before others see it, and retire it */
            if (weft_i_cas(link, &node, (void *)made, TABLE_R2, TABLE_A2)) {
                link = &made->next;
                continue;
            }
            weft_i_node_free(domain, weft_i_local_get(domain), WEFT_I_LARGE, made);
        }
        if (node == WEFT_I_TABLE_CLOSED)
            return true;
        weft_i_publish(w->hold, 0, node, scheme);
        if (scheme == WEFT_HAZARD && weft_i_load(&bucket->head, TABLE_S1) != head)
            return true;
        link = &((weft_i_table_node *)node)->next;
    }
    return true;
}

bool weft_i_table_extend(weft_i_table_walk *w, unsigned index)
{
    return extend(w, w->bucket, w->head, index + 1);
}

/* Retires the nodes of a bucket that this thread has made MOVED. */
static void retire_nodes(weft_table *table, weft_i_table_bucket *bucket)
{
    weft_i_list nodes = {0};
    weft_atomic_ptr *link = &bucket->more;
    void *node = weft_i_load(link, TABLE_A2);
    while (node || !weft_i_cas(link, &node, WEFT_I_TABLE_CLOSED, TABLE_R2, TABLE_A2)) {
        link = &((weft_i_table_node *)node)->next;
        weft_i_list_push(&nodes, &((weft_i_table_node *)node)->hook);
        node = weft_i_load(link, TABLE_A2);
    }
    if (nodes.count)
        weft_i_retire_list_held(table->domain, weft_i_local_get(table->domain), &nodes, &weft_i_recycle[WEFT_I_LARGE]);
}

/* ---- moving a group ---- */

typedef struct group {
    weft_i_table_walk *w;
    weft_i_table_array *into; /* where the buckets of `to` are */
    unsigned froms, tos;
    weft_i_table_bucket *from[2], *to[2];
    size_t first_to;             /* the index of to[0] */
    uint64_t fresh;              /* the head of `to` before it is open */
    weft_i_table_bucket *passed; /* the one between, if two buckets pass by it; else NULL */
    weft_i_hold hold;            /* then holds the array that they go to: */
    weft_guard own;
} group;

typedef struct contents {
    unsigned count;
    struct {
        uint64_t key; /* as in its slot */
        void *value;
        unsigned state;
    } of[2 * WEFT_TABLE_SLOTS];
} contents;

static group group_of(weft_i_table_walk *w, weft_i_table_array *next, size_t index)
{
    bool grows = next->shift < w->array->shift;
    size_t from = grows ? index : index & ~(size_t)1, to = grows ? 2 * index : index / 2;
    return (group){.w = w,
                   .into = next,
                   .froms = grows ? 1 : 2,
                   .tos = grows ? 2 : 1,
                   .from = {&w->array->bucket[from], &w->array->bucket[from + !grows]},
                   .to = {&next->bucket[to], &next->bucket[to + grows]},
                   .first_to = to,
                   .fresh = grows ? WEFT_I_TABLE_VIRGIN : WEFT_I_TABLE_MERGING};
}

static unsigned used(uint64_t head)
{
    return weft_i_table_count_of(weft_i_table_live(head) | weft_i_table_dead(head));
}

/* Adds a bucket's entries. False: its head has changed. */
static bool collect(group *g, weft_i_table_bucket *from, uint64_t head, contents *e)
{
    weft_scheme scheme = weft_i_scheme(g->w->table->domain);
    for (uint64_t set = weft_i_table_live(head) | weft_i_table_dead(head); set; set &= set - 1) {
        unsigned index = weft_i_table_first(set);
        weft_i_table_slot *slot = index < WEFT_TABLE_INLINE
                                      ? &from->slot[index]
                                      : weft_i_table_slot_beyond(g->w->hold, from, head, index, 0, scheme);
        if (!slot)
            return false;
        e->of[e->count].key = weft_i_load(&slot->key, TABLE_A1);
        e->of[e->count].value = weft_i_load(&slot->value, TABLE_A1);
        e->of[e->count++].state = (unsigned)(head >> (WEFT_I_TABLE_STATES + 2 * index)) & WEFT_I_TABLE_DEAD;
    }
    return weft_i_load(&from->head, TABLE_S1) == head;
}

static bool goes_to(const group *g, uint64_t key, unsigned to)
{
    return key >> g->into->shift == g->first_to + to;
}

/* Two buckets pass by one that they do not fit into, to the array behind it. False: no memory. */
static bool pass_by(group *g)
{
    weft_domain *domain = g->w->table->domain;
    weft_scheme scheme = weft_i_scheme(domain);
    weft_i_table_array *between = g->into;
    g->passed = g->to[0];
    g->hold = weft_i_begin(&g->own, domain, scheme);
    if (!weft_i_load(&between->next, TABLE_A3) &&
        !weft_i_table_make_next(g->w->table, between, weft_i_table_bits(between) + 1))
        return false;
    g->into = weft_i_load(&between->next, TABLE_A3);
    weft_i_publish(g->hold, 1, g->into, scheme);
    bool retired =
        scheme == WEFT_HAZARD && (ptrdiff_t)(weft_i_load(&g->w->table->number, TABLE_A6) - between->number) > 1;
    if (retired || g->into->shift != g->w->array->shift) { /* the group was moved, and the table has gone on since */
        g->froms = g->tos = 0;
        return true;
    }
    g->fresh = WEFT_I_TABLE_VIRGIN;
    g->tos = 2;
    g->first_to *= 2;
    for (unsigned to = 0; to < 2; to++)
        g->to[to] = &g->into->bucket[g->first_to + to];
    return true;
}

/* Step 1, for two buckets. False: no memory. */
static bool seal(group *g)
{
    uint64_t head[2], is = WEFT_I_TABLE_VIRGIN;
    for (int i = 0; i < 2; i++) {
        head[i] = weft_i_load(&g->from[i]->head, TABLE_S1);
        while (weft_i_table_mode(head[i]) == WEFT_I_TABLE_OPEN &&
               !weft_i_cas(&g->from[i]->head, &head[i], weft_i_table_with_mode(head[i], WEFT_I_TABLE_SEALED), TABLE_S2,
                           TABLE_S1))
            ;
    }
    bool fit = used(head[0]) + used(head[1]) <= WEFT_TABLE_SLOTS;
    uint64_t becomes = fit ? WEFT_I_TABLE_MERGING : WEFT_I_TABLE_PASSING;
    if (weft_i_cas(&g->to[0]->head, &is, becomes, TABLE_S2, TABLE_S1))
        is = becomes;
    return is != WEFT_I_TABLE_PASSING || pass_by(g);
}

/* Steps 2 and 3 for one bucket. *known: e has all entries of the group, for good. False: no memory. */
static bool freeze(group *g, unsigned i, contents *e, bool *known)
{
    for (;;) {
        uint64_t head[2];
        bool changed = false;
        *known = false;
        e->count = 0;
        for (unsigned k = 0; k < g->froms; k++) {
            head[k] = weft_i_load(&g->from[k]->head, TABLE_S1);
            if (weft_i_table_mode(head[k]) == WEFT_I_TABLE_MOVED)
                return true;
            changed = changed || !collect(g, g->from[k], head[k], e);
        }
        *known = g->froms == 1 && !changed;
        if (weft_i_table_mode(head[i]) == WEFT_I_TABLE_FROZEN)
            return true;
        for (unsigned to = 0; to < g->tos && !changed; to++) {
            unsigned count = 0;
            for (unsigned k = 0; k < e->count; k++)
                count += goes_to(g, e->of[k].key, to);
            if (count > WEFT_TABLE_INLINE && !extend(g->w, g->to[to], g->fresh, count))
                return false;
        }
        if (!changed && weft_i_cas(&g->from[i]->head, &head[i], weft_i_table_with_mode(head[i], WEFT_I_TABLE_FROZEN),
                                   TABLE_S2, TABLE_S1))
            return true;
    }
}

/* Step 4 for one bucket, if that has not been done. */
static void open_from(group *g, const contents *e, unsigned to)
{
    unsigned count = 0;
    uint64_t head = WEFT_I_TABLE_OPEN, fresh = g->fresh;
    weft_i_table_bucket *bucket = g->to[to];
    weft_scheme scheme = weft_i_scheme(g->w->table->domain);
    for (unsigned k = 0; k < e->count; k++) {
        uint64_t none = 0;
        void *nothing = NULL;
        if (!goes_to(g, e->of[k].key, to))
            continue;
        weft_i_table_slot *slot = count < WEFT_TABLE_INLINE
                                      ? &bucket->slot[count]
                                      : weft_i_table_slot_beyond(g->w->hold, bucket, fresh, count, 0, scheme);
        if (!slot)
            return; /* it is open */
        /* relaxed: read only after TABLE_S1 has seen that the bucket is open, by which all have seen these words */
        (void)weft_i_cas(&slot->key, &none, e->of[k].key, memory_order_relaxed, memory_order_relaxed);
        /* relaxed: the same */
        (void)weft_i_cas(&slot->value, &nothing, e->of[k].value, memory_order_relaxed, memory_order_relaxed);
        head = weft_i_table_with(head, count++, e->of[k].state);
    }
    (void)weft_i_cas(&bucket->head, &fresh, head, TABLE_S2, TABLE_S1);
}

/* Steps 2 to 5. False: no memory. */
static bool move_sealed(group *g)
{
    contents e;
    bool known = false;
    for (unsigned i = 0; i < g->froms; i++)
        if (!freeze(g, i, &e, &known))
            return false;
    if (!known) {
        e.count = 0;
        known = true;
        for (unsigned i = 0; i < g->froms; i++) {
            uint64_t head = weft_i_load(&g->from[i]->head, TABLE_S1);
            known = known && weft_i_table_mode(head) == WEFT_I_TABLE_FROZEN && collect(g, g->from[i], head, &e);
        }
    }
    for (unsigned to = 0; to < g->tos && known; to++)
        if (weft_i_load(&g->to[to]->head, TABLE_S1) == g->fresh)
            open_from(g, &e, to);
    uint64_t passing = WEFT_I_TABLE_PASSING;
    if (g->passed)
        (void)weft_i_cas(&g->passed->head, &passing, WEFT_I_TABLE_MOVED, TABLE_S2, TABLE_S1);
    for (unsigned i = 0; i < g->froms; i++) {
        uint64_t head = weft_i_load(&g->from[i]->head, TABLE_S1);
        if (weft_i_table_mode(head) == WEFT_I_TABLE_FROZEN &&
            weft_i_cas(&g->from[i]->head, &head, weft_i_table_with_mode(head, WEFT_I_TABLE_MOVED), TABLE_S2, TABLE_S1))
            retire_nodes(g->w->table, g->from[i]);
    }
    return true;
}

/* Retires what waits in a bucket, as far as there is memory, so that it does not move. */
static void bury_all(group *g, weft_i_table_bucket *from)
{
    weft_i_table_walk w = *g->w;
    w.bucket = from;
    do
        w.head = weft_i_load(&from->head, TABLE_S1);
    while (weft_i_table_dead(w.head) && weft_i_table_mode(w.head) < WEFT_I_TABLE_FROZEN && weft_i_table_bury(&w));
}

bool weft_i_table_move_to(weft_i_table_walk *w, weft_i_table_array *next, size_t index)
{
    group g = group_of(w, next, index);
    for (unsigned i = 0; i < g.froms && w->table->kinds; i++)
        bury_all(&g, g.from[i]);
    bool moved = (g.froms == 1 || seal(&g)) && move_sealed(&g);
    if (g.passed) {
        weft_i_table_end(g.hold, weft_i_scheme(w->table->domain));
        weft_i_end(g.hold, &g.own);
    }
    return moved;
}

bool weft_i_table_move(weft_i_table_walk *w)
{
    weft_scheme scheme = weft_i_scheme(w->table->domain);
    weft_i_table_array *next = weft_i_table_next(w, scheme);
    if (next)
        return weft_i_table_move_to(w, next, (size_t)(w->bucket - w->array->bucket));
    weft_i_table_begin(w, scheme);
    return true;
}

bool weft_i_table_widen(weft_i_table_walk *w)
{
    return w->bucket != &w->table->zero &&
           (weft_i_load(&w->array->next, TABLE_A3) ||
            weft_i_table_make_next(w->table, w->array, weft_i_table_bits(w->array) + 1)) &&
           weft_i_table_move(w);
}
