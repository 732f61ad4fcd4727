#include <weft/reclaim/list.h>

void weft_i_list_splice(weft_i_list *to, weft_i_list *from)
{
    weft_i_list taken = *from;
    *from = (weft_i_list){0};
    weft_i_compiler_fence(); /* a fork finds no object in two lists */
    if (!taken.head)
        return;
    taken.tail->next = to->head;
    if (!to->head)
        to->tail = taken.tail;
    weft_i_compiler_fence(); /* a fork finds the list whole at any moment */
    to->head = taken.head;
    to->count += taken.count;
}

void weft_i_list_mend(weft_i_list *list)
{
    list->count = 0;
    for (weft_i_hook *hook = list->head; hook; hook = hook->next) {
        list->tail = hook;
        list->count++;
    }
}

bool weft_i_bags_empty(const weft_i_bags *bags)
{
    for (int b = 0; b < WEFT_I_BAGS; b++)
        if (bags->of[b].head)
            return false;
    return true;
}

size_t weft_i_bags_count(const weft_i_bags *bags)
{
    size_t count = 0;
    for (int b = 0; b < WEFT_I_BAGS; b++)
        count += bags->of[b].count;
    return count;
}

weft_i_hook *weft_i_bags_pop(weft_i_bags *bags)
{
    weft_i_hook *hook = NULL;
    for (int b = WEFT_I_BAGS; !hook && b-- > 0;)
        hook = weft_i_list_pop(&bags->of[b]);
    return hook;
}

void weft_i_bags_splice(weft_i_bags *to, weft_i_bags *from)
{
    for (int b = 0; b < WEFT_I_BAGS; b++)
        weft_i_list_splice(&to->of[b], &from->of[b]);
}

void weft_i_bags_mend(weft_i_bags *bags)
{
    for (int b = 0; b < WEFT_I_BAGS; b++)
        weft_i_list_mend(&bags->of[b]);
}

size_t weft_i_size_of(const weft_i_hook *hook)
{
    if (hook->kind->shape == WEFT_I_RANGE)
        return ((const weft_hook *)(const void *)hook)->size;
    return hook->kind->size;
}
