#include <weft/queues/segq_kernel.h>
#include <weft/reclaim/registry.h>

#include <limits.h>

int weft_segq_create(weft_segq **out, weft_domain *domain)
{
    if (!out)
        return -EINVAL;
    *out = NULL;
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    weft_segq *queue = weft_i_alloc(domain, sizeof *queue, WEFT_I_LINE);
    weft_i_segq_segment *first = queue ? weft_i_segq_segment_make(domain, 0) : NULL;
    if (!first) {
        weft_i_free(domain, queue, sizeof *queue);
        return -ENOMEM;
    }
    weft_i_domain_use(domain);
    *queue = (weft_segq){.domain = domain, .head = first, .tail = first};
    weft_i_born(queue);
    *out = queue;
    return 0;
}

/* Frees segments that no other thread can see. */
static void free_segments(weft_domain *domain, weft_i_segq_segment *segment)
{
    weft_i_local *local = weft_i_local_get(domain);
    for (weft_i_segq_segment *next; segment && segment != WEFT_I_SEGQ_END; segment = next) {
        next = weft_i_load(&segment->next, memory_order_relaxed); /* relaxed: private */
        weft_i_node_free(domain, local, WEFT_I_SEGMENT, segment);
    }
}

static weft_i_noinline int enqueue_again(weft_segq *queue, void *value, weft_i_outcome now)
{
    weft_i_segq_segment *spares = NULL;
    int error = weft_i_segq_enqueue_again(queue, value, &spares, now);
    free_segments(queue->domain, spares);
    return error;
}

int weft_segq_enqueue(weft_segq *queue, void *value)
{
    if (weft_i_unlikely(!queue))
        return -EINVAL;
    weft_i_check(queue);
    weft_i_outcome outcome = WEFT_I_BY_SCHEME(queue->domain, weft_i_segq_enqueue, queue, value, NULL, WEFT_I_FAST);
    return weft_i_likely(outcome == WEFT_I_DONE) ? 0 : enqueue_again(queue, value, outcome);
}

/* Makes the segments that so many values need if no other producer comes between. False: out of memory. */
static bool supply(weft_segq *queue, size_t count, weft_i_segq_segment **spares)
{
    size_t room = WEFT_I_BY_SCHEME(queue->domain, weft_i_segq_room, queue);
    for (; room < count; room += WEFT_SEGMENT_CELLS) {
        weft_i_segq_segment *segment = weft_i_segq_segment_make(queue->domain, 1);
        if (!segment)
            return false;
        weft_i_store(&segment->next, *spares, memory_order_relaxed); /* relaxed: private */
        *spares = segment;
    }
    return true;
}

int weft_segq_enqueue_many(weft_segq *queue, void *const *values, size_t count)
{
    weft_i_segq_segment *spares = NULL;
    if (!queue || (!values && count) || count > INT_MAX)
        return -EINVAL;
    weft_i_check(queue);
    weft_scheme scheme = weft_i_scheme(queue->domain);
    size_t left = count;
    int error = weft_segq_is_closed(queue) ? -EPIPE : supply(queue, count, &spares) ? 0 : -ENOMEM;
    while (left && !error) {
        weft_i_outcome outcome = WEFT_I_AGAIN;
        WEFT_I_REPEAT(outcome, weft_i_segq_fill(queue, &values, &left, scheme));
        if (left) { /* the segment is full, or the queue closed */
            error = weft_i_segq_enqueue_again(queue, *values, &spares, WEFT_I_AGAIN);
            left -= !error;
            values += !error;
        }
    }
    free_segments(queue->domain, spares);
    return error && left < count ? (int)(count - left) : error;
}

bool weft_segq_try_dequeue(weft_segq *queue, void **value)
{
    if (weft_i_unlikely(!queue || !value))
        return false;
    weft_i_check(queue);
    weft_i_outcome outcome = WEFT_I_BY_SCHEME(queue->domain, weft_i_segq_dequeue, queue, value, WEFT_I_FAST);
    if (weft_i_likely(outcome == WEFT_I_DONE))
        return true;
    return outcome != WEFT_I_EMPTY && weft_i_segq_dequeue_again(queue, value, outcome);
}

size_t weft_segq_dequeue_many(weft_segq *queue, void **values, size_t count)
{
    size_t got = 0;
    if (!queue || !values || !count)
        return 0;
    weft_i_check(queue);
    weft_scheme scheme = weft_i_scheme(queue->domain);
    weft_i_outcome outcome = WEFT_I_AGAIN;
    for (size_t sum = 0;; sum += got, outcome = WEFT_I_AGAIN) {
        got = 0;
        WEFT_I_REPEAT(outcome, weft_i_segq_dequeue_some(queue, values + sum, count - sum, &got, scheme));
        if (outcome == WEFT_I_EMPTY || sum + got == count)
            return sum + got;
    }
}

void weft_segq_close(weft_segq *queue)
{
    weft_i_outcome outcome = WEFT_I_AGAIN;
    if (!queue)
        return;
    weft_i_check(queue);
    weft_scheme scheme = weft_i_scheme(queue->domain);
    WEFT_I_REPEAT(outcome, weft_i_segq_close(queue, scheme));
}

bool weft_segq_is_closed(weft_segq *queue)
{
    if (!queue)
        return false;
    weft_i_check(queue);
    return WEFT_I_BY_SCHEME(queue->domain, weft_i_segq_is_closed, queue);
}

bool weft_segq_is_empty(weft_segq *queue)
{
    weft_i_outcome outcome = WEFT_I_AGAIN;
    if (!queue)
        return true;
    weft_i_check(queue);
    weft_scheme scheme = weft_i_scheme(queue->domain);
    WEFT_I_REPEAT(outcome, weft_i_segq_look(queue, scheme));
    return outcome == WEFT_I_EMPTY;
}

void weft_segq_destroy(weft_segq *queue, void (*drain)(void *value, void *ctx), void *ctx)
{
    if (!queue)
        return;
    weft_i_dies(queue);
    weft_domain *domain = queue->domain;
    /* relaxed: no other thread uses the queue */
    weft_i_segq_segment *first = weft_i_load(&queue->head, memory_order_relaxed), *next = NULL;
    for (weft_i_segq_segment *s = first; drain && s && s != WEFT_I_SEGQ_END; s = next) {
        next = weft_i_load(&s->next, memory_order_relaxed);      /* relaxed: as for head */
        size_t i = weft_i_load(&s->taken, memory_order_relaxed); /* relaxed: as for head */
        for (; i < WEFT_SEGMENT_CELLS; i++) {
            void *value = weft_i_load(weft_i_segq_cell(s, i), memory_order_relaxed); /* relaxed: as for head */
            if (!weft_i_segq_is_word(s, value))
                drain(value, ctx);
        }
    }
    free_segments(domain, first);
    weft_i_free(domain, queue, sizeof *queue);
    weft_i_domain_unuse(domain);
}
