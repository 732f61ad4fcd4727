/* A program to stop in a debugger: consumers_test.py lets gdb print what it holds. */
#include <stdlib.h>
#include <weft/hashmap/split_map.h>
#include <weft/hashmap/table.h>
#include <weft/queues/deque.h>
#include <weft/queues/mailbox.h>
#include <weft/queues/msq.h>
#include <weft/queues/ring.h>
#include <weft/queues/segq.h>
#include <weft/queues/spsc.h>
#include <weft/stacks/treiber.h>

static __attribute__((noinline)) void stop_here(void)
{
    __asm__ __volatile__("" ::: "memory");
}

static void free_it(void *object, void *ctx)
{
    (void)ctx;
    free(object);
}

static weft_mail mail[3];

int main(void)
{
    weft_domain *domain;
    weft_msq *queue;
    weft_segq *segments;
    weft_spsc *ring;
    weft_ring *shared, *pool;
    weft_mailbox *box;
    weft_deque *deque;
    weft_treiber *stack;
    weft_map *map;
    weft_table *table;
    weft_guard guard;
    weft_atomic_ptr source;
    static const weft_domain_config epochs = {.scheme = WEFT_EPOCH};
    if (weft_domain_create(&domain, &epochs) != 0 || weft_msq_create(&queue, NULL) != 0 ||
        weft_segq_create(&segments, NULL) != 0 || weft_spsc_create(&ring, 3, 4, 0) != 0 ||
        weft_ring_create(&shared, 4, 4, 0) != 0 || weft_ring_create(&pool, 3, 3, 0) != 0 ||
        weft_mailbox_create(&box) != 0 || weft_deque_create(&deque, NULL) != 0 ||
        weft_treiber_create(&stack, domain) != 0 || weft_map_create(&map, NULL, &weft_map_strings) != 0 ||
        weft_table_create(&table, NULL, NULL) != 0)
        return 1;
    for (size_t i = 1; i <= 3; i++)
        if (weft_msq_enqueue(queue, (void *)(i * 0x100)) != 0 ||
            weft_segq_enqueue(segments, (void *)(i * 0x100)) != 0 || weft_treiber_push(stack, (void *)(i * 0x100)) != 0)
            return 1;
    if (weft_map_insert(map, "warp", (void *)0x10) != 0 || weft_map_insert(map, "weft", (void *)0x20) != 0)
        return 1;
    for (uint64_t key = 1; key <= 4; key++) /* the last one makes the table grow */
        if (weft_table_insert(table, key << 61, (void *)(key * 0x100)) != 0)
            return 1;
    void *first;
    if (!weft_segq_try_dequeue(segments, &first))
        return 1;
    (void)weft_mailbox_push(box,
                            &mail[0]); /* one that is taken, one that is turned round then, and one that comes later */
    (void)weft_mailbox_push(box, &mail[1]);
    if (weft_mailbox_take(box) != &mail[0])
        return 1;
    (void)weft_mailbox_push(box, &mail[2]);
    for (size_t i = 1; i <= 3; i++)
        if (weft_deque_push(deque, (void *)(i * 0x100)) != 0)
            return 1;
    if (!weft_deque_try_steal(deque, &first))
        return 1;
    int number = 0, taken[2];
    for (number = 1; number <= 5; number++) /* around the end */
        if (!weft_spsc_try_push(ring, &number) || (number == 3 && weft_spsc_pop_many(ring, taken, 2) != 2))
            return 1;
    for (number = 1; number <= 6; number++) /* 1 is popped, 2 displaced */
        if (weft_ring_force_push(shared, &number, NULL) != (number == 6) ||
            (number == 1 && !weft_ring_try_pop(shared, taken)))
            return 1;
    if (weft_ring_push_many(pool, "abcdefghi", 3) != 3)
        return 1;
    void *slot = weft_ring_take(pool);
    weft_segq_close(segments);
    weft_enter(&guard, domain);
    weft_ptr_store(&source, malloc(16));
    if (!weft_protect(&guard, &source) || weft_retire(domain, weft_ptr_load(&source), free_it, NULL) != 0)
        return 1;
    stop_here();
    weft_leave(&guard);
    weft_map_destroy(map, NULL, NULL);
    weft_table_destroy(table, NULL, NULL);
    weft_treiber_destroy(stack, NULL, NULL);
    weft_segq_destroy(segments, NULL, NULL);
    weft_spsc_destroy(ring);
    weft_ring_destroy(shared);
    weft_ring_give_back(pool, slot);
    weft_ring_destroy(pool);
    weft_mailbox_destroy(box, NULL, NULL);
    weft_deque_destroy(deque, NULL, NULL);
    weft_msq_destroy(queue, NULL, NULL);
    return weft_domain_destroy(domain) == 0 ? 0 : 1;
}
