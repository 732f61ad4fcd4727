#include "bench/count/tally.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/count/seam.h"

enum { LINE = 64, LINES = 1 << 20, MOST_NOTES = 1 << 16 };

typedef struct line {
    uintptr_t number;
    unsigned touched; /* a bit per thread */
    uint64_t last;    /* the last operation that touched it */
} line;

static line *lines;
static bool counting; /* written by the thread whose turn it is; turns change under a lock */
static unsigned now;
static uint64_t operation;
static struct {
    line *at;
    int kind;
} notes[MOST_NOTES];
static unsigned note_count;

static line *line_of(const volatile void *place)
{
    uintptr_t number = (uintptr_t)place / LINE + 1;
    size_t i = (size_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 44);
    for (unsigned tries = 0; tries < LINES; tries++, i = (i + 1) % LINES)
        if (lines[i].number == number || lines[i].number == 0) {
            lines[i].number = number;
            return &lines[i];
        }
    fputs("weft bench: error: --count met too many lines\n", stderr);
    exit(1);
}

size_t count_thread_now(void)
{
    return now;
}

void count_note(const volatile void *place, int kind)
{
    if (!counting || note_count == MOST_NOTES)
        return;
    line *at = place ? line_of(place) : NULL;
    if (at)
        at->touched |= 1u << now;
    notes[note_count].at = at;
    notes[note_count++].kind = kind;
}

void count_reset(void)
{
    if (!lines && !(lines = malloc(LINES * sizeof *lines))) {
        fputs("weft bench: error: out of memory\n", stderr);
        exit(1);
    }
    memset(lines, 0, LINES * sizeof *lines);
}

void count_begin(unsigned thread)
{
    now = thread;
    note_count = 0;
    operation++;
    counting = true;
}

void count_end(count_sums *sums)
{
    counting = false;
    for (unsigned i = 0; i < note_count && sums; i++) {
        line *at = notes[i].at;
        bool shared = at && at->touched == 3;
        sums->loads += notes[i].kind == COUNT_LOAD;
        sums->stores += notes[i].kind == COUNT_STORE || (notes[i].kind == COUNT_FENCE && at);
        sums->rmws += notes[i].kind == COUNT_RMW;
        sums->shared_rmws += notes[i].kind == COUNT_RMW && shared;
        sums->fences += notes[i].kind == COUNT_FENCE;
        sums->shared_lines += shared && at->last != operation;
        if (at)
            at->last = operation;
    }
    if (sums)
        sums->calls++;
}
