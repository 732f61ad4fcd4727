/*
 * private. Lists of retired objects, linked through their hooks; each is one thread's at a time. An object is in one list at
 * any moment, or in its handler's hands: in a fork's child the lists of a thread that vanished anywhere are whole.
 */
#ifndef WEFT_RECLAIM_LIST_H
#define WEFT_RECLAIM_LIST_H

#include <weft/reclaim/domain.h>

/*
 * Classes of nodes, and what is not recycled. What is there for a moment has a class of its own, though large: else what stays
 * would lie between its places, in as many more cache lines.
 */
enum { WEFT_I_SMALL, WEFT_I_LARGE, WEFT_I_BRIEF, WEFT_I_CLASSES, WEFT_I_OTHER = WEFT_I_CLASSES, WEFT_I_BAGS };
#define WEFT_I_SMALL_SIZE (4 * sizeof(void *))
#define WEFT_I_LARGE_SIZE (4 * sizeof(void *) + 32)

/* What a scan compares with the hazards. */
typedef enum weft_i_shape {
    WEFT_I_NODE,  /* the hook's own address */
    WEFT_I_ENTRY, /* that, and the pointer at `also` in the node */
    WEFT_I_RANGE  /* a weft_hook's object and size */
} weft_i_shape;

typedef struct weft_i_kind {
    void (*reclaim)(weft_i_hook *hook, weft_domain *domain); /* NULL: recycle into the class's cache */
    size_t size;                                             /* of a node, for the statistics */
    weft_i_shape shape;
    int bag; /* WEFT_I_OTHER when there is a callback */
    size_t also;
} weft_i_kind;

typedef struct weft_i_list {
    weft_i_hook *head, *tail;
    size_t count;
} weft_i_list;

typedef struct weft_i_bags {
    weft_i_list of[WEFT_I_BAGS];
} weft_i_bags;

weft_i_inline void weft_i_list_push(weft_i_list *list, weft_i_hook *hook)
{
    hook->next = list->head;
    if (!list->head)
        list->tail = hook;
    weft_i_compiler_fence(); /* a fork finds the list whole at any moment */
    list->head = hook;
    list->count++;
}

weft_i_inline weft_i_hook *weft_i_list_pop(weft_i_list *list)
{
    weft_i_hook *hook = list->head;
    if (weft_i_likely(hook != NULL)) {
        list->head = hook->next;
        __builtin_prefetch(hook->next, 1); /* long ago freed, and the next to go */
        list->count--;
        weft_i_compiler_fence(); /* a fork finds nothing in a list that is in use already */
    }
    return hook;
}

/* All of `from` goes in front of `to`. */
WEFT_I_PRIVATE void weft_i_list_splice(weft_i_list *to, weft_i_list *from);

/* Heads are right wherever the list's thread has ended; the rest is derived from them. */
WEFT_I_PRIVATE void weft_i_list_mend(weft_i_list *list);

WEFT_I_PRIVATE bool weft_i_bags_empty(const weft_i_bags *bags);
WEFT_I_PRIVATE size_t weft_i_bags_count(const weft_i_bags *bags);
WEFT_I_PRIVATE void weft_i_bags_splice(weft_i_bags *to, weft_i_bags *from);
/* Any, those with callbacks first. NULL: there is none. */
WEFT_I_PRIVATE weft_i_hook *weft_i_bags_pop(weft_i_bags *bags);
WEFT_I_PRIVATE void weft_i_bags_mend(weft_i_bags *bags);

/* Bytes of the object, as far as they are known. */
WEFT_I_PRIVATE size_t weft_i_size_of(const weft_i_hook *hook);

#endif
