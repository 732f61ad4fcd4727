/* What a reader asks first, in two lines per family: which implementation is fastest, and where Weft is behind. */
#include "bench/report/answer.h"

#include "bench/measure/workload.h"

#include <string.h>

enum { MOST_SHOWN = 2 };

/* The best rows of a point: of Weft, of mutexes, of other libraries, and of all except Weft. NULL: there is none. */
typedef struct best {
    const bench_row *weft, *mutex, *library, *other;
} best;

/* One point where another is ahead of Weft. */
typedef struct loss {
    const bench_row *weft, *other;
    double times;
} loss;

/* What is compared: throughput; of latency rows p99.9, where less is better. */
static double worth_of(const bench_row *row)
{
    return row->what == BENCH_SPEED ? row->speed.median : row->p999_ns > 0 ? 1 / row->p999_ns : 0;
}

static void better(const bench_row **best_so_far, const bench_row *row)
{
    if (worth_of(row) > 0 && (!*best_so_far || worth_of(row) > worth_of(*best_so_far)))
        *best_so_far = row;
}

/* Leaves out rows with a fault, peers that said "empty" when they were not, and the floor. */
static best best_of(const bench_rows *rows, size_t first, size_t end)
{
    best found = {0};
    for (size_t i = first; i < end; i++) {
        const bench_row *row = &rows->row[i];
        if (row->fault[0] || row->empty > 0 || row->role == BENCH_FLOOR)
            continue;
        better(row->role == BENCH_WEFT ? &found.weft : &found.other, row);
        if (row->role == BENCH_PEER)
            better(&found.library, row);
        if (strncmp(row->implementation, "mutex-", 6) == 0)
            better(&found.mutex, row);
    }
    return found;
}

/* How near a point is to the one that is shown: two threads, the family's first workload, 1 Mi keys of a map. */
static unsigned rank_of(const bench_row *row)
{
    const bench_workload *w = bench_workload_named(row->workload, row->family);
    bool first = w->burst == 1 || w->get_share == 90 || w->read || w->kind == BENCH_PROGRAM;
    return (row->what == BENCH_SPEED) * 16u + (row->threads == 2) * 8u + first * 4u + (row->keys == 1 << 20) * 2u +
           (row->work_ns == 0) + 1;
}

/* ---- words ---- */

typedef struct words {
    char text[160];
} words;

static words name_of(const bench_row *row)
{
    words w;
    const char *limits = NULL;
    for (const bench_impl **at = bench_impls; *at; at++)
        if ((*at)->family == row->family && strcmp((*at)->name, row->implementation) == 0)
            limits = (*at)->limits;
    snprintf(w.text, sizeof w.text, "%s%s%s%s", bench_label_of(row->implementation, row->scheme).text,
             limits ? " (" : "", limits ? limits : "", limits ? ")" : "");
    return w;
}

static words point_of(const bench_row *row)
{
    words w;
    size_t used = (size_t)snprintf(w.text, sizeof w.text, "%s, %u thread%s", row->workload, row->threads,
                                   row->threads > 1 ? "s" : "");
    if (row->keys)
        used += (size_t)snprintf(w.text + used, sizeof w.text - used, ", %llu keys %s%s", (unsigned long long)row->keys,
                                 row->distribution, row->huge_pages ? "" : ", small pages");
    if (row->work_ns)
        used += (size_t)snprintf(w.text + used, sizeof w.text - used, ", %u ns of work", row->work_ns);
    if (row->open)
        used += (size_t)snprintf(w.text + used, sizeof w.text - used, ", at a set rate");
    if (strcmp(row->regime, "busy") == 0)
        snprintf(w.text + used, sizeof w.text - used, ", DISTURBED");
    return w;
}

static words figure_of(const bench_row *row)
{
    words w;
    double value = row->what == BENCH_SPEED ? row->speed.median : row->p999_ns;
    snprintf(w.text, sizeof w.text, value >= 100 ? "%.0f" : "%.1f", value);
    return w;
}

static const char *unit_of(const bench_row *row)
{
    return row->what == BENCH_LATENCY ? "ns" : row->family == BENCH_WORDS ? "M words/s" : "M operations/s";
}

/* ---- the two lines ---- */

static void print_most(FILE *out, const best *at)
{
    const bench_row *most = at->weft;
    if (!most || (at->other && worth_of(at->other) > worth_of(most)))
        most = at->other;
    fprintf(out, "%s: %s %s at %s: %s %s", bench_family_names[most->family], name_of(most).text,
            most->what == BENCH_SPEED ? "does most" : "has the least p99.9", point_of(most).text, figure_of(most).text,
            unit_of(most));
    if (at->mutex && at->mutex != most && most->what == BENCH_SPEED)
        fprintf(out, ", %.1f times the mutex", worth_of(most) / worth_of(at->mutex));
    else if (at->mutex && at->mutex != most)
        fprintf(out, ", the mutex %s", figure_of(at->mutex).text);
    if (at->weft && at->weft != most)
        fprintf(out, "; best of Weft: %s, %s", name_of(at->weft).text, figure_of(at->weft).text);
    if (at->library && at->library != most)
        fprintf(out, "; best of other libraries: %s, %s", name_of(at->library).text, figure_of(at->library).text);
    fputs(".\n", out);
}

static bool is_ahead(const best *at)
{
    if (worth_of(at->other) <= worth_of(at->weft))
        return false;
    return at->other->what == BENCH_LATENCY || at->other->speed.low > at->weft->speed.high;
}

/* How often Weft is behind in throughput, or in p99.9, and the worst of it first. */
typedef struct losses {
    unsigned points, lost;
    loss worst[MOST_SHOWN];
} losses;

static void note_point(losses *all, const best *at)
{
    if (!at->weft || !at->other)
        return;
    all->points++;
    if (!is_ahead(at))
        return;
    all->lost++;
    loss next = {at->weft, at->other, worth_of(at->other) / worth_of(at->weft)};
    for (unsigned i = 0; i < MOST_SHOWN; i++)
        if (next.times > all->worst[i].times) {
            loss passed = all->worst[i];
            all->worst[i] = next;
            next = passed;
        }
}

static void print_losses(FILE *out, const char *of, const losses *all)
{
    fprintf(out, "in %s at %u of %u point%s", of, all->lost, all->points, all->points > 1 ? "s" : "");
    for (unsigned i = 0; i < MOST_SHOWN && all->worst[i].other; i++) {
        const loss *l = &all->worst[i];
        fprintf(out, "%s %s: %s %s, %s %s %s",
                i                        ? ";"
                : all->lost > MOST_SHOWN ? ", worst"
                                         : ":",
                point_of(l->weft).text, name_of(l->other).text, figure_of(l->other).text, name_of(l->weft).text,
                figure_of(l->weft).text, unit_of(l->weft));
    }
}

static void print_family(FILE *out, const bench_rows *rows, bench_family family)
{
    losses by[BENCH_WHATS] = {{0}};
    best first = {0};
    unsigned rank = 0;
    for (size_t i = 0, end; i < rows->count; i = end) {
        const bench_row *row = &rows->row[i];
        end = bench_rows_point_end(rows, i);
        if (row->family != family || row->what == BENCH_MEMORY)
            continue;
        best at = best_of(rows, i, end);
        if ((at.weft || at.other) && rank_of(row) > rank) {
            first = at;
            rank = rank_of(row);
        }
        note_point(&by[row->what], &at);
    }
    if (rank > 0)
        print_most(out, &first);
    if (by[BENCH_SPEED].points + by[BENCH_LATENCY].points == 0)
        return;
    fputs("  Weft is behind ", out);
    if (by[BENCH_SPEED].points)
        print_losses(out, "throughput, beyond noise,", &by[BENCH_SPEED]);
    if (by[BENCH_SPEED].points && by[BENCH_LATENCY].points)
        fputs(", and ", out);
    if (by[BENCH_LATENCY].points)
        print_losses(out, "p99.9", &by[BENCH_LATENCY]);
    fputs(".\n", out);
}

void bench_print_answers(FILE *out, const bench_rows *rows)
{
    fputc('\n', out);
    for (unsigned f = 0; f < BENCH_FAMILIES; f++)
        print_family(out, rows, (bench_family)f);
    fflush(out);
}
