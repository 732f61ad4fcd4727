/*
 * private. The walk along the map's list: it reads, protects, unlinks dead nodes, and steps on. split_map_layout.h has
 * the invariants.
 */
#ifndef WEFT_HASHMAP_SPLIT_MAP_WALK_H
#define WEFT_HASHMAP_SPLIT_MAP_WALK_H

#include <weft/hashmap/split_map_note.h>

/* Reads and protects a value. Its seq_cst loads are in one order with those of links; acquire loads would not be. */
weft_i_inline void *weft_i_map_protect_value(weft_i_hold hold, weft_atomic_ptr *source, weft_scheme scheme)
{
    void *value = weft_i_load(source, MAP_S3);
    while (scheme == WEFT_HAZARD) {
        weft_i_publish(hold, 0, weft_i_hazard(value), scheme);
        void *again = weft_i_load(source, MAP_S3);
        if (weft_i_likely(again == value))
            break;
        value = again;
    }
    return value;
}

/* Reads and protects what `prev` leads to. False: the holder of `prev` is dead. */
weft_i_inline bool weft_i_map_walk_read(weft_i_map_walk *w, weft_scheme scheme)
{
    void *at = weft_i_load(w->prev, MAP_S1);
    for (;;) {
        if (weft_i_unlikely(weft_i_map_bits(at) & WEFT_I_MAP_FROZEN))
            return false;
        w->at = at;
        w->here = weft_i_map_target(at);
        if (scheme != WEFT_HAZARD || !w->here)
            return true;
        weft_i_publish(w->hold, w->word, w->here, scheme);
        at = weft_i_load(w->prev, MAP_S1);
        if (weft_i_likely(at == w->at))
            return true;
    }
}

/* Steps over the node or bucket just seen. */
weft_i_inline void weft_i_map_walk_on(weft_i_map_walk *w, weft_atomic_ptr *its)
{
    w->prev = its;
    w->word = 3 - w->word;
}

/*
 * Looks at what is behind `prev`; unlinks dead nodes and steps over dummies. A dummy that starts after the hash ends
 * the walk. The start follows from the dummy's address in its segment, so its cache line is not read. RESTART: begin
 * again.
 */
weft_i_inline weft_i_map_seen weft_i_map_walk_look(weft_i_map_walk *w, weft_scheme scheme)
{
    uint64_t start;
    for (;;) {
        if (weft_i_unlikely(!weft_i_map_walk_read(w, scheme)))
            return WEFT_I_MAP_RESTART;
        if (!w->here)
            return WEFT_I_MAP_AT_END;
        bool dummy = weft_i_map_bits(w->at) & WEFT_I_MAP_DUMMY;
        if (dummy) {
            if (weft_i_unlikely(!weft_i_map_bucket_start(w->map, w->here, w->level, &start)) &&
                !weft_i_map_bucket_start(w->map, w->here, WEFT_MAP_LEVELS - 1, &start))
                return WEFT_I_MAP_RESTART; /* its segment is being dropped */
            if (start > w->hash)
                return WEFT_I_MAP_AT_END;
        }
        weft_atomic_ptr *its = dummy ? &((weft_i_map_bucket *)w->here)->link : &((weft_i_map_node *)w->here)->next;
        void *next = weft_i_load(its, MAP_S1);
        if (weft_i_likely(!(weft_i_map_bits(next) & (WEFT_I_MAP_FROZEN | WEFT_I_MAP_PENDING)))) {
            if (!dummy)
                return WEFT_I_MAP_AT_NODE;
            weft_i_map_walk_on(w, its);
            continue;
        }
        if (!dummy && weft_i_map_bits(next) & WEFT_I_MAP_PENDING) {
            weft_i_map_note_settle(w, next, scheme);
            continue;
        }
        if (!(weft_i_map_bits(next) &
              WEFT_I_MAP_FROZEN)) { /* it is on the list, so no longer pending: clear the bit, and look again */
            (void)weft_i_cas(its, &next, weft_i_map_without(next, WEFT_I_MAP_PENDING), MAP_S2, MAP_S1);
            continue;
        }
        void *expected = w->at;
        next = weft_i_map_without(next, WEFT_I_MAP_FROZEN | WEFT_I_MAP_PENDING);
        if (!weft_i_cas(w->prev, &expected, next, MAP_S2, MAP_S1))
            return WEFT_I_MAP_RESTART;
    }
}

weft_i_inline void weft_i_map_walk_end(weft_i_hold hold, weft_scheme scheme)
{
    weft_i_unpublish(hold, 1, scheme);
    weft_i_unpublish(hold, 2, scheme);
}

/* Freezes a link, so that no insertion comes behind a dead node. Returns the link without FROZEN. */
weft_i_inline void *weft_i_map_freeze(weft_atomic_ptr *link)
{
    void *next = weft_i_load(link, MAP_S1);
    while (!(weft_i_map_bits(next) & WEFT_I_MAP_FROZEN))
        if (weft_i_cas(link, &next, weft_i_map_link(next, WEFT_I_MAP_FROZEN), MAP_S2, MAP_S1))
            break;
    return weft_i_map_without(next, WEFT_I_MAP_FROZEN);
}

#endif
