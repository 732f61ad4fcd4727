/*
 * private. Lists of retired objects, linked through their hooks. One thread at a time uses a list. At any moment an
 * object is in at most one list, and each list is whole from its head on: so a fork's child can use the lists of a
 * thread that vanished at any point.
 */
#ifndef WEFT_RECLAIM_LIST_H
#define WEFT_RECLAIM_LIST_H

#include <weft/reclaim/domain.h>

/*
 * Classes of nodes; OTHER is for objects that are not recycled. BRIEF is for nodes that live only for a moment. They
 * are as large as LARGE, but if they shared its memory, nodes that stay would be spread over more cache lines. SEGMENT
 * is for arrays of cells behind a header of three lines.
 */
enum {
    WEFT_I_SMALL,
    WEFT_I_LARGE,
    WEFT_I_BRIEF,
    WEFT_I_SEGMENT,
    WEFT_I_CLASSES,
    WEFT_I_OTHER = WEFT_I_CLASSES,
    WEFT_I_BAGS
};
#define WEFT_I_SMALL_SIZE (4 * sizeof(void *))
#define WEFT_I_LARGE_SIZE (4 * sizeof(void *) + 32)
#ifndef WEFT_SEGMENT_CELLS
#define WEFT_SEGMENT_CELLS 2048
#endif
#define WEFT_I_SEGMENT_SIZE                                                                                            \
    (3 * WEFT_I_LINE + (WEFT_SEGMENT_CELLS * sizeof(void *) + WEFT_I_LINE - 1) / WEFT_I_LINE * WEFT_I_LINE)

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
        __builtin_prefetch(hook->next, 1); /* freed long ago, and the next to be popped */
        list->count--;
        weft_i_compiler_fence(); /* a fork finds no object in a list that is in use again already */
    }
    return hook;
}

/* Moves all of `from` to the front of `to`. */
WEFT_I_PRIVATE void weft_i_list_splice(weft_i_list *to, weft_i_list *from);

/* Restores tail and count from the head, which is valid wherever the list's thread has stopped. */
WEFT_I_PRIVATE void weft_i_list_mend(weft_i_list *list);

WEFT_I_PRIVATE bool weft_i_bags_empty(const weft_i_bags *bags);
WEFT_I_PRIVATE size_t weft_i_bags_count(const weft_i_bags *bags);
WEFT_I_PRIVATE void weft_i_bags_splice(weft_i_bags *to, weft_i_bags *from);
/* Pops any object, those with callbacks first. NULL: there is none. */
WEFT_I_PRIVATE weft_i_hook *weft_i_bags_pop(weft_i_bags *bags);
WEFT_I_PRIVATE void weft_i_bags_mend(weft_i_bags *bags);

/* The object's size in bytes; 0 if it is not known. */
WEFT_I_PRIVATE size_t weft_i_size_of(const weft_i_hook *hook);

#endif
