/* The smallest whole program: a queue, three values, and what is left when it is destroyed. */
#include <stdio.h>
#include <weft/queues/msq.h>

static void left_over(void *value, void *ctx)
{
    printf("%s: %s\n", (const char *)ctx, (const char *)value);
}

int main(void)
{
    weft_msq *queue;
    void *value;

    if (weft_msq_create(&queue, NULL) != 0) { /* NULL: the process's default domain */
        fputs("out of memory\n", stderr);
        return 1;
    }
    if (weft_msq_enqueue(queue, "first") != 0 || weft_msq_enqueue(queue, "second") != 0 ||
        weft_msq_enqueue(queue, "third") != 0)
        fputs("out of memory: what was enqueued is there, the rest is not\n", stderr);

    if (weft_msq_try_dequeue(queue, &value)) /* false: empty */
        printf("taken: %s\n", (const char *)value);

    weft_msq_destroy(queue, left_over, "left over"); /* NULL in the place of left_over: they are dropped */
    return 0;
}
