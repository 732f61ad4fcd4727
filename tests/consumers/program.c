/* A newcomer's first program; each way of using Weft builds and runs it. */
#include <stdio.h>
#include <weft/base/version.h>
#include <weft/hashmap/split_map.h>
#include <weft/queues/msq.h>
#include <weft/stacks/treiber.h>

int main(void)
{
    weft_msq *queue;
    weft_treiber *stack;
    weft_map *map;
    void *value = NULL;
    if (weft_msq_create(&queue, NULL) != 0 || weft_treiber_create(&stack, NULL) != 0 ||
        weft_map_create(&map, NULL, NULL) != 0)
        return 1;
    if (weft_msq_enqueue(queue, "woven") != 0 || !weft_msq_try_dequeue(queue, &value) ||
        weft_treiber_push(stack, value) != 0 || !weft_treiber_try_pop(stack, &value) ||
        weft_map_insert(map, (void *)1, value) != 0 || weft_map_size(map) != 1)
        return 1;
    weft_msq_destroy(queue, NULL, NULL);
    weft_treiber_destroy(stack, NULL, NULL);
    weft_map_destroy(map, NULL, NULL);
    if (weft_version() != WEFT_VERSION || weft_domain_barrier(NULL, UINT64_MAX) != 0)
        return 1;
    return printf("%s %s\n", (char *)value, weft_version_string()) > 0 ? 0 : 1;
}
