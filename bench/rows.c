#include "bench/rows.h"

#include <stdlib.h>
#include <string.h>

bool bench_rows_add(bench_rows *rows, const bench_row *row)
{
    if (rows->count == rows->room) {
        size_t room = rows->room ? rows->room * 2 : 64;
        bench_row *more = realloc(rows->row, room * sizeof *more);
        if (!more)
            return false;
        rows->row = more;
        rows->room = room;
    }
    rows->row[rows->count++] = *row;
    return true;
}

static bool same_point(const bench_row *a, const bench_row *b)
{
    return a->family == b->family && strcmp(a->workload, b->workload) == 0 && a->keys == b->keys &&
           strcmp(a->distribution, b->distribution) == 0 && a->huge_pages == b->huge_pages && a->threads == b->threads;
}

size_t bench_rows_point_end(const bench_rows *rows, size_t first)
{
    size_t end = first;
    while (end < rows->count && same_point(&rows->row[first], &rows->row[end]))
        end++;
    return end;
}

/* Rounds where the other has nothing to show say nothing. */
static bench_interval ratio_of(const bench_row *row, const bench_row *other)
{
    double ratio[BENCH_MOST_ROUNDS];
    size_t count = 0;
    for (unsigned r = 0; r < row->rounds; r++)
        if (other->mops[r] > 0)
            ratio[count++] = row->mops[r] / other->mops[r];
    return bench_interval_of(ratio, count);
}

void bench_rows_ratios(bench_rows *rows, size_t first)
{
    const bench_row *mutex = NULL, *peer = NULL;
    for (size_t i = first; i < rows->count; i++) {
        const bench_row *row = &rows->row[i];
        if (row->role == BENCH_BASELINE && strncmp(row->implementation, "mutex-", 6) == 0)
            mutex = row;
        if (row->role == BENCH_PEER && !row->fault[0] && (!peer || row->speed.median > peer->speed.median))
            peer = row;
    }
    for (size_t i = first; i < rows->count; i++) {
        bench_row *row = &rows->row[i];
        if (mutex)
            row->to_mutex = ratio_of(row, mutex);
        if (peer) {
            row->to_best_peer = ratio_of(row, peer);
            memcpy(row->best_peer, peer->implementation, sizeof row->best_peer);
        }
    }
}

bool bench_rows_write(const bench_rows *rows, size_t first, FILE *file)
{
    size_t count = rows->count - first;
    return fwrite(&rows->row[first], sizeof *rows->row, count, file) == count && fflush(file) == 0;
}

bool bench_rows_read(bench_rows *rows, FILE *file)
{
    bench_row row;
    while (fread(&row, sizeof row, 1, file) == 1)
        if (!bench_rows_add(rows, &row))
            return false;
    return !ferror(file);
}
