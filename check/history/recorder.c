#define _GNU_SOURCE
#include "check/history/recorder.h"

#include <stdlib.h>
#include <string.h>

bool lin_counter;

void lin_clock_choose(void)
{
    char source[32] = "";
    FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "r");
    if (file && !fgets(source, sizeof source, file))
        source[0] = 0;
    if (file)
        fclose(file);
    lin_counter = strcmp(source, "tsc\n") == 0;
}

bool lin_log_open(lin_log *log, uint32_t client, size_t room)
{
    *log = (lin_log){.client = client};
    log->history.op = calloc(room, sizeof *log->history.op); /* allocated here, not while recording */
    log->history.room = room;
    return log->history.op != NULL;
}

static int by_call(const void *a, const void *b)
{
    uint64_t x = ((const lin_operation *)a)->call, y = ((const lin_operation *)b)->call;
    return (x > y) - (x < y);
}

size_t lin_concurrent(const lin_history *history)
{
    size_t met = 0;
    uint64_t latest = 0;
    lin_operation *op = malloc((history->count + 1) * sizeof *op);
    if (!op)
        return 0;
    if (history->count)
        memcpy(op, history->op, history->count * sizeof *op);
    qsort(op, history->count, sizeof *op, by_call);
    for (size_t i = 0; i < history->count; i++) { /* a client's own operations never overlap */
        met += i > 0 && op[i].call < latest;
        latest = op[i].ret > latest ? op[i].ret : latest;
    }
    free(op);
    return met;
}
