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

void bench_rows_ratios(bench_rows *rows, size_t first)
{
    double mutex = 0, peer = 0;
    for (size_t i = first; i < rows->count; i++) {
        const bench_row *row = &rows->row[i];
        if (row->role == BENCH_BASELINE && strncmp(row->implementation, "mutex-", 6) == 0)
            mutex = row->mops_median;
        if (row->role == BENCH_PEER && row->mops_median > peer)
            peer = row->mops_median;
    }
    for (size_t i = first; i < rows->count; i++) {
        rows->row[i].ratio_to_mutex = mutex > 0 ? rows->row[i].mops_median / mutex : 0;
        rows->row[i].ratio_to_best_peer = peer > 0 ? rows->row[i].mops_median / peer : 0;
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *samples, size_t count)
{
    qsort(samples, count, sizeof *samples, compare);
    return count == 0 ? 0 : count % 2 ? samples[count / 2] : (samples[count / 2 - 1] + samples[count / 2]) / 2;
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
