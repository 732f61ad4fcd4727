/* A plugin that uses the shared library. It is unloaded while other threads go on, so Weft must stay (-z nodelete). */
#include <weft/queues/msq.h>

int plugin_work(int turns)
{
    weft_msq *queue;
    void *value;
    if (weft_msq_create(&queue, NULL) != 0)
        return -1;
    for (int i = 0; i < turns; i++)
        if (weft_msq_enqueue(queue, &queue) != 0 || !weft_msq_try_dequeue(queue, &value) || value != &queue)
            return -1;
    weft_msq_destroy(queue, NULL, NULL);
    return turns;
}
