#include <weft/hashmap/split_map_hash.h>
#include <weft/hashmap/table_array.h>
#include <weft/hashmap/table_kernel.h>
#include <weft/reclaim/registry.h>

/* ---- life ---- */

/* The inverse of an odd number modulo 2^64, by Newton's iteration: each step doubles the bits that are right, from 3. */
static uint64_t inverse_of(uint64_t odd)
{
    uint64_t x = odd;
    for (int i = 0; i < 5; i++)
        x *= 2 - odd * x;
    return x;
}

int weft_table_create(weft_table **out, weft_domain *domain, const weft_table_config *config)
{
    if (!out)
        return -EINVAL;
    *out = NULL;
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    bool owns = config && config->destroy_value;
    weft_map_config of_values = {.destroy_value = owns ? config->destroy_value : NULL,
                                 .ctx = owns ? config->ctx : NULL};
    weft_table *table = weft_i_alloc(domain, sizeof *table, _Alignof(weft_table));
    weft_i_table_array *array = table ? weft_i_table_array_make(domain, WEFT_TABLE_FIRST_BITS, 0, true) : NULL;
    weft_i_map_kinds *kinds = array && owns ? weft_i_map_kinds_make(domain, &of_values) : NULL;
    if (!array || (owns && !kinds)) {
        if (array)
            weft_i_table_array_free(array);
        weft_i_free(domain, table, sizeof *table);
        return -ENOMEM;
    }
    weft_i_domain_use(domain);
    *table = (weft_table){.domain = domain, .kinds = kinds};
    weft_i_map_seed(table, &table->seed);
    table->inverse = inverse_of(table->seed.k1 | 1);
    weft_i_store(&table->zero.head, WEFT_I_TABLE_OPEN, TABLE_S2);
    weft_i_store(&table->array, array, TABLE_R3);
    weft_i_born(table);
    *out = table;
    return 0;
}

typedef struct ending {
    weft_table *table;
    void (*drain)(uint64_t key, void *value, void *ctx);
    void *ctx;
} ending;

/* Hands over what is in the bucket, of a table that nobody uses any more, and frees its nodes. */
static void empty_bucket(const ending *l, weft_i_table_bucket *bucket, bool zero)
{
    weft_table *table = l->table;
    uint64_t head = weft_i_load(&bucket->head, TABLE_S1);
    weft_i_table_node *node = NULL;
    if (weft_i_table_mode(head) == WEFT_I_TABLE_MOVED)
        return; /* its nodes were retired */
    for (unsigned index = 0; index < WEFT_TABLE_SLOTS; index++) {
        unsigned beyond = index - WEFT_TABLE_INLINE;
        if (index >= WEFT_TABLE_INLINE && beyond % WEFT_I_TABLE_IN_NODE == 0) {
            node = weft_i_load(node ? &node->next : &bucket->more, TABLE_A2);
            if (!node)
                break;
        }
        weft_i_table_slot *slot =
            index < WEFT_TABLE_INLINE ? &bucket->slot[index] : &node->slot[beyond % WEFT_I_TABLE_IN_NODE];
        unsigned state = (unsigned)(head >> (WEFT_I_TABLE_STATES + 2 * index)) & WEFT_I_TABLE_DEAD;
        if (state < WEFT_I_TABLE_LIVE)
            continue;
        void *value = weft_i_load(&slot->value, TABLE_A1);
        if (state == WEFT_I_TABLE_LIVE && l->drain)
            l->drain(zero ? weft_i_table_unmix(table, 0) : weft_i_table_unmix(table, weft_i_load(&slot->key, TABLE_A1)),
                     value, l->ctx);
        else if (table->kinds)
            weft_i_map_destroy_parts(&table->kinds->config, NULL, false, value);
    }
    for (void *link = weft_i_load(&bucket->more, TABLE_A2); link;) {
        node = link;
        link = weft_i_load(&node->next, TABLE_A2);
        weft_i_table_node_drop(table, (weft_i_map_node *)(void *)node);
    }
}

static void empty_array(const ending *l, weft_i_table_array *array)
{
    size_t buckets = (size_t)1 << weft_i_table_bits(array);
    for (size_t i = 0; i < buckets; i++)
        empty_bucket(l, &array->bucket[i], false);
    weft_i_table_array_free(array);
}

void weft_table_destroy(weft_table *table, void (*drain)(uint64_t key, void *value, void *ctx), void *ctx)
{
    if (!table)
        return;
    weft_i_dies(table);
    ending l = {table, drain, ctx};
    weft_domain *domain = table->domain;
    weft_i_table_settle_all(table);
    empty_bucket(&l, &table->zero, true);
    for (weft_i_table_array *array = weft_i_load(&table->array, TABLE_A3), *next; array; array = next) {
        next = weft_i_load(&array->next, TABLE_A3);
        empty_array(&l, array);
    }
    weft_i_free_zeroed(domain, weft_i_load(&table->stripes, TABLE_A5), sizeof(weft_i_table_stripes));
    if (table->kinds)
        weft_i_map_kinds_unuse(table->kinds, domain);
    weft_i_free(domain, table, sizeof *table);
    weft_i_domain_unuse(domain);
}

/* ---- operations ---- */

static int result_of(weft_i_table_outcome outcome)
{
    return outcome == WEFT_I_TABLE_NO_MEMORY ? -ENOMEM : outcome == WEFT_I_TABLE_REPLACED;
}

int weft_table_insert(weft_table *table, uint64_t key, void *value)
{
    void *old;
    if (weft_i_unlikely(!table || !value))
        return -EINVAL;
    weft_i_check(table);
    const weft_i_table_wish wish = {.value = value, .may_insert = true};
    weft_i_table_outcome outcome = WEFT_I_BY_SCHEME(table->domain, weft_i_table_put_key, table, key, &wish, &old);
    return weft_i_likely(outcome == WEFT_I_TABLE_DONE) ? 0 : outcome == WEFT_I_TABLE_IS_THERE ? -EEXIST : -ENOMEM;
}

int weft_table_get_or_insert(weft_table *table, weft_guard *guard, uint64_t key, void *value, void **present)
{
    if (present)
        *present = NULL;
    if (!table || !value || !present)
        return -EINVAL;
    weft_i_check(table);
    void *old;
    const weft_i_table_wish wish = {.value = value, .may_insert = true};
    if (guard)
        weft_guard_set(guard, value); /* before another thread can see and retire it */
    weft_i_table_outcome outcome = weft_i_table_put_again(table, key, &wish, guard, &old);
    if (outcome == WEFT_I_TABLE_NO_MEMORY)
        return -ENOMEM;
    *present = outcome == WEFT_I_TABLE_DONE ? value : old;
    return outcome != WEFT_I_TABLE_DONE;
}

/* A put that replaces. With a destructor, and nobody who takes the old value, that is destroyed. */
static weft_i_noinline weft_i_table_outcome replace(weft_table *table, uint64_t key, const weft_i_table_wish *wish,
                                                    void **old)
{
    void *replaced = NULL;
    bool destroy = !old && table->kinds;
    weft_i_map_node *node = destroy ? weft_i_table_node_make(table) : NULL;
    if (destroy && !node)
        return WEFT_I_TABLE_NO_MEMORY;
    weft_i_table_outcome outcome = weft_i_table_put_again(table, key, wish, NULL, &replaced);
    bool gone = outcome == WEFT_I_TABLE_REPLACED && replaced != wish->value;
    if (destroy && gone)
        weft_i_table_retire(table, node, replaced);
    else
        weft_i_table_node_drop(table, node);
    if (destroy)
        weft_i_catch_up(table->domain);
    if (old && outcome == WEFT_I_TABLE_REPLACED)
        *old = replaced;
    return outcome;
}

int weft_table_put(weft_table *table, uint64_t key, void *value, void **old)
{
    if (old)
        *old = NULL;
    if (!table || !value)
        return -EINVAL;
    weft_i_check(table);
    const weft_i_table_wish wish = {.value = value, .may_insert = true, .may_replace = true};
    if (table->kinds)
        return result_of(replace(table, key, &wish, old));
    void *replaced = NULL;
    weft_i_table_outcome outcome = WEFT_I_BY_SCHEME(table->domain, weft_i_table_put_key, table, key, &wish, &replaced);
    if (old && outcome == WEFT_I_TABLE_REPLACED)
        *old = replaced;
    return result_of(outcome);
}

void *weft_table_get(weft_table *table, weft_guard *guard, uint64_t key)
{
    if (weft_i_unlikely(!table))
        return NULL;
    weft_i_check(table);
    if (guard)
        return weft_i_table_get_under(table, guard, weft_i_table_mix(table, key));
    return WEFT_I_BY_SCHEME(table->domain, weft_i_table_get, table, key);
}

/* Many keys at once: their hashes, and their buckets on the way into the cache. */
enum { AHEAD = 16 };

weft_i_inline void ahead(weft_table *table, const uint64_t *keys, size_t count, weft_scheme scheme)
{
    weft_i_hold hold;
    if (weft_i_unlikely(!weft_i_reading_begin(&hold, table->domain, scheme)))
        return;
    weft_i_table_walk w = weft_i_table_reader(table, hold, 0);
    weft_i_table_begin(&w, scheme);
    for (size_t i = 0; i < count; i++)
        __builtin_prefetch(&w.array->bucket[weft_i_table_mix(table, keys[i]) >> w.array->shift]);
    weft_i_table_end(hold, scheme);
    weft_i_attempt_end(hold);
}

size_t weft_table_get_many(weft_table *table, weft_guard *guards, const uint64_t *keys, void **values, size_t count)
{
    size_t found = 0;
    if (!table || !keys || !values) {
        for (size_t i = 0; values && i < count; i++)
            values[i] = NULL;
        return 0;
    }
    weft_i_check(table);
    for (size_t done = 0, n; done < count; done += n) {
        n = count - done < AHEAD ? count - done : AHEAD;
        WEFT_I_BY_SCHEME(table->domain, ahead, table, &keys[done], n);
        for (size_t i = done; i < done + n; i++) {
            values[i] = weft_table_get(table, guards ? &guards[i] : NULL, keys[i]);
            found += values[i] != NULL;
        }
    }
    return found;
}

bool weft_table_contains(weft_table *table, uint64_t key)
{
    return weft_table_get(table, NULL, key) != NULL;
}

int weft_table_compare_and_replace(weft_table *table, uint64_t key, void *expected, void *desired)
{
    if (!table || !expected || !desired)
        return -EINVAL;
    weft_i_check(table);
    const weft_i_table_wish wish = {.value = desired, .expected = expected, .may_replace = true};
    weft_i_table_outcome outcome = replace(table, key, &wish, NULL);
    return outcome == WEFT_I_TABLE_REPLACED    ? 0
           : outcome == WEFT_I_TABLE_IS_ABSENT ? -ENOENT
           : outcome == WEFT_I_TABLE_IS_THERE  ? -EAGAIN
                                               : -ENOMEM;
}

bool weft_table_remove(weft_table *table, uint64_t key, void **value)
{
    void *removed = NULL;
    if (value)
        *value = NULL;
    if (weft_i_unlikely(!table))
        return false;
    weft_i_check(table);
    weft_i_table_outcome outcome =
        weft_i_unlikely(table->kinds != NULL)
            ? weft_i_table_remove_again(table, key, NULL, !value, &removed)
            : WEFT_I_BY_SCHEME(table->domain, weft_i_table_remove_key, table, key, NULL, &removed);
    if (outcome != WEFT_I_TABLE_DONE)
        return false;
    if (value)
        *value = removed;
    return true;
}

int weft_table_compare_and_remove(weft_table *table, uint64_t key, void *expected)
{
    void *removed;
    if (!table || !expected)
        return -EINVAL;
    weft_i_check(table);
    weft_i_table_outcome outcome =
        table->kinds ? weft_i_table_remove_again(table, key, expected, true, &removed)
                     : WEFT_I_BY_SCHEME(table->domain, weft_i_table_remove_key, table, key, expected, &removed);
    return outcome == WEFT_I_TABLE_DONE ? 0 : outcome == WEFT_I_TABLE_IS_THERE ? -EAGAIN : -ENOENT;
}

size_t weft_table_size(weft_table *table)
{
    if (!table)
        return 0;
    weft_i_check(table);
    return weft_i_table_sum(table);
}

int weft_table_reserve(weft_table *table, size_t count)
{
    if (!table)
        return -EINVAL;
    weft_i_check(table);
    return weft_i_table_reserve(table, count);
}

void weft_table_clear(weft_table *table)
{
    weft_table_iterator it;
    uint64_t key;
    if (!table)
        return;
    weft_i_check(table);
    weft_table_iterate(&it, table);
    while (weft_table_next(&it, &key, NULL)) {
        weft_leave(&it.held);
        (void)weft_table_remove(table, key, NULL);
        weft_enter(&it.held, table->domain);
    }
    weft_table_iterate_end(&it);
    /* a bound, since others may insert meanwhile */
    for (size_t steps = 2 * weft_i_table_buckets(table) + 64; steps > 0 && weft_i_table_adjust(table) > 0; steps--)
        ;
}
