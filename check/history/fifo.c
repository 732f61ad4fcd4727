/*
 * A queue's history with distinct values and nothing pending is linearizable unless (1) a value is dequeued without
 * being enqueued, or before it is enqueued; (2) a value is dequeued twice; (3) a is enqueued before b, and b is
 * dequeued before a, or a is never dequeued; (4) a dequeue finds nothing although some value must be inside at every
 * moment of it. A value must be inside from the return of its enqueue to the call of its dequeue. (4) means that these
 * open intervals cover the closed interval of the empty dequeue.
 */
#include "check/history/item.h"

#include <stdlib.h>

static int by_enqueue_return(const void *a, const void *b)
{
    return lin_compare(((const lin_item *)a)->in_return, ((const lin_item *)b)->in_return);
}

static int by_enqueue_call(const void *a, const void *b)
{
    return lin_compare((*(lin_item *const *)a)->in_call, (*(lin_item *const *)b)->in_call);
}

static void out_of_order(const lin_history *h, const lin_item *a, const lin_item *b, lin_finding *out)
{
    lin_find(out, LIN_VIOLATION, "%lld was enqueued before %lld, and %s", (long long)a->value, (long long)b->value,
             a->out == LIN_NONE ? "is still inside although the second was dequeued" : "dequeued after it");
    lin_show(out, h, a->in);
    lin_show(out, h, b->in);
    lin_show(out, h, b->out);
    lin_show(out, h, a->out);
}

/*
 * Takes each b by the call of its enqueue. Of all values enqueued before b, the one whose dequeue is called last
 * decides.
 */
static bool in_order(const lin_history *h, lin_item *item, size_t count, lin_finding *out)
{
    lin_item **b = malloc((count + 1) * sizeof *b);
    const lin_item *latest = NULL;
    bool fine = b != NULL;
    if (!b)
        lin_find(out, LIN_NO_MEMORY, "out of memory");
    for (size_t i = 0; b && i < count; i++)
        b[i] = &item[i];
    if (b)
        qsort(b, count, sizeof *b, by_enqueue_call);
    for (size_t i = 0, before = 0; fine && i < count; i++) {
        for (; before < count && item[before].in_return < b[i]->in_call; before++)
            if (!latest || item[before].out_call > latest->out_call)
                latest = &item[before];
        if (latest && b[i]->out != LIN_NONE && b[i]->out_return < latest->out_call) {
            out_of_order(h, latest, b[i], out);
            fine = false;
        }
    }
    free(b);
    return fine;
}

void lin_check_queue(const lin_history *history, lin_finding *out)
{
    lin_items items = {0};
    lin_find(out, LIN_LINEARIZABLE, "linearizable");
    if (lin_items_make(history, LIN_ENQUEUE, LIN_DEQUEUE, &items, out)) {
        qsort(items.item, items.count, sizeof *items.item, by_enqueue_return);
        if (in_order(history, items.item, items.count, out))
            (void)lin_empties(history, &items, out);
    }
    lin_items_free(&items);
}
