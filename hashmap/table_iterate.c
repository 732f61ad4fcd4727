#include <weft/hashmap/table_resize.h>

/* Copies the mixed keys that are LIVE in w->head. False: it has changed. */
weft_i_inline bool copy_keys(weft_i_table_walk *w, weft_table_iterator *it, weft_scheme scheme)
{
    it->left = 0;
    for (uint64_t live = weft_i_table_live(w->head); live; live &= live - 1) {
        weft_i_table_slot *slot = weft_i_table_slot_at(w, weft_i_table_first(live), scheme);
        if (!slot)
            return false;
        it->keys[it->left++] = weft_i_load(&slot->key, TABLE_A1);
    }
    return weft_i_load(&w->bucket->head, TABLE_S1) == w->head;
}

/* Copies the keys of the bucket at it->from, and moves that behind the bucket. */
weft_i_inline void fill_under(weft_table_iterator *it, weft_i_hold hold, weft_scheme scheme)
{
    weft_i_table_walk w = weft_i_table_reader(it->table, hold, it->from);
    for (weft_i_table_begin(&w, scheme);;) {
        w.head = weft_i_load(&w.bucket->head, TABLE_S1);
        unsigned shift = w.array->shift, kept = 0;
        if (weft_i_table_mode(w.head) == WEFT_I_TABLE_MOVED) {
            weft_i_table_step(&w, scheme);
            continue;
        }
        if (!copy_keys(&w, it, scheme))
            continue;
        if (it->from == 0) { /* the bucket of the one key that is mixed to 0 */
            it->keys[0] = 0;
            it->from = 1;
            return;
        }
        uint64_t to = it->from | ((UINT64_C(1) << shift) - 1);
        for (unsigned i = 0; i < it->left; i++)
            if (it->keys[i] >= it->from && it->keys[i] <= to)
                it->keys[kept++] = it->keys[i];
        it->left = kept;
        it->from = to + 1;
        it->ended = to == UINT64_MAX;
        return;
    }
}

weft_i_inline void fill(weft_table_iterator *it, weft_scheme scheme)
{
    weft_guard own;
    weft_i_hold hold;
    bool fast = weft_i_reading_begin(&hold, it->table->domain, scheme);
    if (weft_i_unlikely(!fast))
        hold = weft_i_begin(&own, it->table->domain, scheme);
    fill_under(it, hold, scheme);
    weft_i_table_end(hold, scheme);
    if (weft_i_likely(fast))
        weft_i_attempt_end(hold);
    else
        weft_i_end(hold, &own);
}

/* The value of a key that the iterator has copied, protected by its guard. */
weft_i_inline void *look_again(weft_table_iterator *it, uint64_t mixed, weft_scheme scheme)
{
    return weft_i_table_get_held(it->table, weft_i_hold_of(&it->held), mixed, scheme);
}

void weft_table_iterate(weft_table_iterator *iterator, weft_table *table)
{
    if (!iterator)
        return;
    iterator->table = table;
    iterator->from = 0;
    iterator->left = 0;
    iterator->ended = false;
    if (!table)
        return;
    weft_i_check(table);
    weft_enter(&iterator->held, table->domain);
}

bool weft_table_next(weft_table_iterator *iterator, uint64_t *key, void **value)
{
    if (!iterator || !iterator->table)
        return false;
    weft_table *table = iterator->table;
    weft_i_check(table);
    for (;;) {
        while (iterator->left > 0) {
            uint64_t mixed = iterator->keys[--iterator->left];
            void *found = WEFT_I_BY_SCHEME(table->domain, look_again, iterator, mixed);
            if (!found)
                continue; /* removed since the bucket was copied */
            if (key)
                *key = weft_i_table_unmix(table, mixed);
            if (value)
                *value = found;
            return true;
        }
        if (iterator->ended)
            return false;
        WEFT_I_BY_SCHEME(table->domain, fill, iterator);
    }
}

void weft_table_iterate_end(weft_table_iterator *iterator)
{
    if (!iterator || !iterator->table)
        return;
    weft_i_check(iterator->table);
    weft_leave(&iterator->held);
    iterator->table = NULL;
}

void weft_table_stats(weft_table *table, weft_table_statistics *out)
{
    weft_table_iterator it;
    if (!out)
        return;
    *out = (weft_table_statistics){0};
    if (!table)
        return;
    weft_i_check(table);
    out->size = weft_i_table_sum(table);
    weft_table_iterate(&it, table);
    while (!it.ended) {
        WEFT_I_BY_SCHEME(table->domain, fill, &it);
        out->fullest = it.left > out->fullest ? it.left : out->fullest;
        out->buckets++;
    }
    weft_table_iterate_end(&it);
    out->buckets -= 1; /* without that of the one key */
    out->load = (double)out->size / (double)out->buckets;
    out->bucket_bytes = out->buckets * sizeof(weft_i_table_bucket);
}
