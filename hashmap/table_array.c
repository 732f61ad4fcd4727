#include <weft/hashmap/table_array.h>

size_t weft_i_table_bytes(size_t bits)
{
    return sizeof(weft_i_table_array) + ((size_t)1 << bits) * sizeof(weft_i_table_bucket);
}

weft_i_table_array *weft_i_table_array_make(weft_domain *domain, size_t bits, size_t number, bool open)
{
    weft_i_table_array *array = weft_i_alloc_zeroed(domain, weft_i_table_bytes(bits));
    if (!array)
        return NULL;
    array->shift = (unsigned)(64 - bits);
    array->number = number;
    array->domain = domain;
    for (size_t i = 0; open && i < (size_t)1 << bits; i++)
        weft_i_store(&array->bucket[i].head, WEFT_I_TABLE_OPEN, TABLE_S2);
    return array;
}

void weft_i_table_array_free(weft_i_table_array *array)
{
    weft_i_free_zeroed(array->domain, array, weft_i_table_bytes(weft_i_table_bits(array)));
}

/* A larger table counts in stripes; without memory for them it goes on with one counter. */
static void make_stripes(weft_table *table)
{
    void *none = NULL;
    if (weft_i_load(&table->stripes, TABLE_A5))
        return;
    void *made = weft_i_alloc_zeroed(table->domain, sizeof(weft_i_table_stripes));
    if (made && !weft_i_cas(&table->stripes, &none, made, TABLE_R5, TABLE_A5))
        weft_i_free_zeroed(table->domain, made, sizeof(weft_i_table_stripes));
}

bool weft_i_table_make_next(weft_table *table, weft_i_table_array *array, size_t bits)
{
    void *none = NULL;
    if (bits >= WEFT_TABLE_LEVELS)
        return false;
    if (bits >= WEFT_TABLE_STRIPES_FROM)
        make_stripes(table);
    weft_i_table_array *made = weft_i_table_array_make(table->domain, bits, array->number + 1, false);
    if (made && !weft_i_cas(&array->next, &none, (void *)made, TABLE_R3, TABLE_A3))
        weft_i_table_array_free(made);
    return made;
}
