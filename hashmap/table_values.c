#include <weft/hashmap/table_values.h>

weft_i_map_node *weft_i_table_node_make(weft_table *table)
{
    return weft_i_node_alloc(table->domain, weft_i_local_get(table->domain), WEFT_I_LARGE);
}

void weft_i_table_node_drop(weft_table *table, weft_i_map_node *node)
{
    if (node)
        weft_i_node_free(table->domain, weft_i_local_get(table->domain), WEFT_I_LARGE, node);
}

void weft_i_table_retire(weft_table *table, weft_i_map_node *node, void *value)
{
    node->dead = value;
    /* relaxed: the table is a user itself, so that this cannot be the first */
    (void)weft_i_fetch_add(&table->kinds->users, 1, memory_order_relaxed);
    (void)weft_i_retire_held(table->domain, weft_i_local_get(table->domain), &node->hook, &table->kinds->value,
                             WEFT_I_LARGE_SIZE);
}

bool weft_i_table_bury(weft_i_table_walk *w)
{
    uint64_t head = w->head;
    unsigned index = weft_i_table_first(weft_i_table_dead(head));
    weft_i_map_node *node = weft_i_table_node_make(w->table);
    if (!node)
        return false;
    weft_i_table_slot *slot = weft_i_table_slot_at(w, index, weft_i_scheme(w->table->domain));
    void *value = slot ? weft_i_load(&slot->value, TABLE_A1) : NULL;
    if (slot &&
        weft_i_cas(&w->bucket->head, &head, weft_i_table_with(head, index, WEFT_I_TABLE_FREE), TABLE_S2, TABLE_S1))
        weft_i_table_retire(w->table, node, value);
    else
        weft_i_table_node_drop(w->table, node);
    return true;
}
