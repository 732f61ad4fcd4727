#include "bench/result/rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bench_label bench_label_of(const char *name, const char *scheme)
{
    bench_label label;
    bool has = scheme && scheme[0];
    snprintf(label.text, sizeof label.text, "%s%s%s", name, has ? " " : "", has ? scheme : "");
    return label;
}

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

void bench_rows_free(bench_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free(rows->row[i].histogram);
    free(rows->row);
    *rows = (bench_rows){0};
}

bool bench_rows_same_point(const bench_row *a, const bench_row *b)
{
    return a->what == b->what && a->family == b->family && strcmp(a->workload, b->workload) == 0 &&
           a->keys == b->keys && strcmp(a->distribution, b->distribution) == 0 && a->huge_pages == b->huge_pages &&
           a->threads == b->threads && a->work_ns == b->work_ns && a->open == b->open && a->group == b->group;
}

size_t bench_rows_point_end(const bench_rows *rows, size_t first)
{
    size_t end = first;
    while (end < rows->count && bench_rows_same_point(&rows->row[first], &rows->row[end]))
        end++;
    return end;
}

bool bench_rows_have_point(const bench_rows *rows, const bench_row *point, const bench_impl *impl)
{
    for (size_t i = 0; i < rows->count; i++) {
        const bench_row *row = &rows->row[i];
        if (bench_rows_same_point(row, point) &&
            (!impl || (strcmp(row->implementation, impl->name) == 0 &&
                       strcmp(row->scheme, impl->scheme ? impl->scheme : "") == 0)))
            return true;
    }
    return false;
}

bool bench_rows_have(const bench_rows *rows, const bench_impl *impl)
{
    for (size_t i = 0; i < rows->count; i++)
        if (rows->row[i].family == impl->family && strcmp(rows->row[i].implementation, impl->name) == 0)
            return true;
    return false;
}

/* Leaves out rounds in which the other did nothing. */
static bench_interval ratio_of(const bench_row *row, const bench_row *other)
{
    double ratio[BENCH_MOST_ROUNDS];
    size_t count = 0;
    for (unsigned r = 0; r < row->rounds && r < other->rounds; r++)
        if (other->mops[r] > 0)
            ratio[count++] = row->mops[r] / other->mops[r];
    return bench_interval_of(ratio, count);
}

void bench_rows_ratios(bench_rows *rows, size_t first)
{
    const bench_row *mutex = NULL, *peer = NULL;
    for (size_t i = first; i < rows->count; i++) {
        const bench_row *row = &rows->row[i];
        if (row->fault[0] || row->empty > 0)
            continue; /* others are not compared with a wrong one */
        if (row->role == BENCH_BASELINE && strncmp(row->implementation, "mutex-", 6) == 0)
            mutex = row;
        if (row->role == BENCH_PEER && (!peer || row->speed.median > peer->speed.median))
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

/* ---- from process to process ---- */

static bool send_bytes(int file, const void *bytes, size_t size)
{
    while (size > 0) {
        ssize_t done = write(file, bytes, size);
        if (done < 0 && errno != EINTR)
            return false;
        bytes = (const char *)bytes + (done > 0 ? done : 0);
        size -= (size_t)(done > 0 ? done : 0);
    }
    return true;
}

static bool receive_bytes(int file, void *bytes, size_t size)
{
    while (size > 0) {
        ssize_t done = read(file, bytes, size);
        if (done == 0 || (done < 0 && errno != EINTR))
            return false;
        bytes = (char *)bytes + (done > 0 ? done : 0);
        size -= (size_t)(done > 0 ? done : 0);
    }
    return true;
}

bool bench_rows_send(const bench_rows *rows, size_t first, int file)
{
    size_t count = rows->count - first;
    bool sent = send_bytes(file, &count, sizeof count);
    for (size_t i = first; i < rows->count && sent; i++) {
        const bench_row *row = &rows->row[i];
        sent = send_bytes(file, row, sizeof *row) &&
               (!row->histogram || send_bytes(file, row->histogram, sizeof *row->histogram));
    }
    return sent;
}

static bool receive_row(bench_rows *rows, int file)
{
    bench_row row;
    if (!receive_bytes(file, &row, sizeof row))
        return false;
    if (row.histogram && (!(row.histogram = malloc(sizeof *row.histogram)) ||
                          !receive_bytes(file, row.histogram, sizeof *row.histogram))) {
        free(row.histogram);
        return false;
    }
    return bench_rows_add(rows, &row);
}

bool bench_rows_receive(bench_rows *rows, int file)
{
    size_t count, before = rows->count;
    bool whole = receive_bytes(file, &count, sizeof count);
    for (size_t i = 0; i < count && whole; i++)
        whole = receive_row(rows, file);
    if (!whole) {
        for (size_t i = before; i < rows->count; i++)
            free(rows->row[i].histogram);
        rows->count = before;
    }
    return whole;
}
