/* A table of a row's members, which are written and read by it. */
#include "bench/result/fields.h"

#include "bench/machine/clock.h"
#include "bench/measure/workload.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef enum kind { TEXT, WHOLE, SMALL, REAL, TRUTH, INTERVAL, ROUNDS, PENDING } kind;

enum { SPEED = 1 << BENCH_SPEED, LATENCY = 1 << BENCH_LATENCY, MEMORY = 1 << BENCH_MEMORY, TIMED = SPEED | LATENCY };
enum {
    MAP = 1 << BENCH_MAP,
    RECLAIM = 1 << BENCH_RECLAIM,
    WORDS = 1 << BENCH_WORDS,
    GROWING = MAP | 1 << BENCH_QUEUE | 1 << BENCH_STACK,
    EVERY = (1 << BENCH_FAMILIES) - 1
};

typedef struct field {
    const char *name;
    kind kind;
    size_t at;
    unsigned whats, families;
} field;

#define AT(member) offsetof(bench_row, member)

/* PENDING: a number if a reader was stalled, else null. INTERVAL: NAME or NAME_median, and NAME_low and NAME_high. */
static const field fields[] = {
    {"workload", TEXT, AT(workload), TIMED | MEMORY, EVERY},
    {"keys", WHOLE, AT(keys), TIMED | MEMORY, MAP},
    {"distribution", TEXT, AT(distribution), TIMED, MAP},
    {"group", SMALL, AT(group), TIMED, MAP},
    {"implementation", TEXT, AT(implementation), TIMED | MEMORY, EVERY},
    {"scheme", TEXT, AT(scheme), TIMED | MEMORY, EVERY},
    {"threads", SMALL, AT(threads), TIMED | MEMORY, EVERY},
    {"work_ns", SMALL, AT(work_ns), TIMED, EVERY},
    {"rounds", SMALL, AT(rounds), TIMED, EVERY},
    {"mops_median", INTERVAL, AT(speed), TIMED, EVERY},
    {"mops_min", REAL, AT(mops_min), TIMED, EVERY},
    {"mops_max", REAL, AT(mops_max), TIMED, EVERY},
    {"mops_rounds", ROUNDS, AT(mops), TIMED, EVERY},
    {"ns_median", REAL, AT(ns_median), SPEED, RECLAIM},
    {"thread_least_mops", REAL, AT(thread_least), SPEED, EVERY},
    {"thread_most_mops", REAL, AT(thread_most), SPEED, EVERY},
    {"repeated_rounds", SMALL, AT(repeated), TIMED, EVERY},
    {"ratio_to_mutex", INTERVAL, AT(to_mutex), SPEED, EVERY},
    {"ratio_to_best_peer", INTERVAL, AT(to_best_peer), SPEED, EVERY},
    {"best_peer", TEXT, AT(best_peer), SPEED, EVERY},
    {"stalled", TRUTH, AT(stalled), SPEED | MEMORY, RECLAIM},
    {"pending_peak", PENDING, AT(pending_peak), SPEED | MEMORY, RECLAIM},
    {"pending_end", PENDING, AT(pending_end), SPEED | MEMORY, RECLAIM},
    {"words_total", WHOLE, AT(words_total), SPEED, WORDS},
    {"words_distinct", WHOLE, AT(words_distinct), SPEED, WORDS},
    {"open", TRUTH, AT(open), LATENCY, EVERY},
    {"rate_mops", REAL, AT(rate), LATENCY, EVERY},
    {"p50_ns", REAL, AT(p50_ns), LATENCY, EVERY},
    {"p90_ns", REAL, AT(p90_ns), LATENCY, EVERY},
    {"p99_ns", REAL, AT(p99_ns), LATENCY, EVERY},
    {"p999_ns", REAL, AT(p999_ns), LATENCY, EVERY},
    {"p9999_ns", REAL, AT(p9999_ns), LATENCY, EVERY},
    {"max_ns", REAL, AT(max_ns), LATENCY, EVERY},
    {"elements", WHOLE, AT(elements), MEMORY, GROWING},
    {"bytes_per_element", REAL, AT(bytes_per_element), MEMORY, GROWING},
    {"rss_per_element", REAL, AT(rss_per_element), MEMORY, GROWING},
    {"bytes_emptied", WHOLE, AT(bytes_emptied), MEMORY, GROWING},
    {"bytes_peak", WHOLE, AT(bytes_peak), MEMORY, EVERY},
    {"bytes_left", WHOLE, AT(bytes_left), MEMORY, EVERY},
    {"rss_peak", WHOLE, AT(rss_peak), MEMORY, EVERY},
    {"huge_pages", TRUTH, AT(huge_pages), TIMED | MEMORY, EVERY},
    {"oversubscribed", TRUTH, AT(crowded), TIMED, EVERY},
    {"regime", TEXT, AT(regime), TIMED, EVERY},
    {"floor_mops", REAL, AT(floor_mops), TIMED, EVERY},
    {"round_trip_ns", REAL, AT(round_trip_ns), TIMED, EVERY},
    {"private_slowdown", REAL, AT(slowdown), TIMED, EVERY},
    {"false_empty", WHOLE, AT(empty), TIMED, GROWING | 1 << BENCH_RING | 1 << BENCH_SPSC | 1 << BENCH_MAILBOX},
    {"fault", TEXT, AT(fault), TIMED | MEMORY, EVERY},
};

/* Room for a text, including the terminator. */
static size_t room_of(const field *f)
{
    static const struct {
        size_t at, room;
    } rooms[] = {
        {AT(workload), sizeof((bench_row *)0)->workload},
        {AT(distribution), sizeof((bench_row *)0)->distribution},
        {AT(scheme), sizeof((bench_row *)0)->scheme},
        {AT(implementation), sizeof((bench_row *)0)->implementation},
        {AT(best_peer), sizeof((bench_row *)0)->best_peer},
        {AT(regime), sizeof((bench_row *)0)->regime},
        {AT(fault), sizeof((bench_row *)0)->fault},
    };
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
        if (rooms[i].at == f->at)
            return rooms[i].room;
    return 1;
}

/* The name of an interval's end: "mops_median" has "mops_low". */
static const char *end_name(const char *name, const char *end, char *out, size_t size)
{
    size_t length = strlen(name), cut = sizeof "_median" - 1;
    if (length > cut && strcmp(name + length - cut, "_median") == 0)
        length -= cut;
    snprintf(out, size, "%.*s_%s", (int)length, name, end);
    return out;
}

/* ---- writing ---- */

/* Null: not measured, or not a finite number. */
json_t *bench_json_real(double value)
{
    return isfinite(value) && value > 0 ? json_real(value) : json_null();
}

json_t *bench_json_text(const char *value)
{
    json_t *whole = value && *value ? json_string(value) : json_null();
    return whole ? whole : json_string("(not UTF-8)");
}

static void put_field(json_t *object, const field *f, const bench_row *row)
{
    const void *at = (const char *)row + f->at;
    char name[48];
    if (f->kind == TEXT)
        json_object_set_new(object, f->name, bench_json_text(at));
    else if (f->kind == WHOLE)
        json_object_set_new(object, f->name, json_integer((json_int_t) * (const uint64_t *)at));
    else if (f->kind == PENDING)
        json_object_set_new(object, f->name,
                            row->stalled ? json_integer((json_int_t) * (const uint64_t *)at) : json_null());
    else if (f->kind == SMALL)
        json_object_set_new(object, f->name, json_integer(*(const unsigned *)at));
    else if (f->kind == REAL)
        json_object_set_new(object, f->name, bench_json_real(*(const double *)at));
    else if (f->kind == TRUTH)
        json_object_set_new(object, f->name, json_boolean(*(const bool *)at));
    else if (f->kind == INTERVAL) {
        const bench_interval *i = at;
        json_object_set_new(object, f->name, bench_json_real(i->median));
        json_object_set_new(object, end_name(f->name, "low", name, sizeof name), bench_json_real(i->low));
        json_object_set_new(object, end_name(f->name, "high", name, sizeof name), bench_json_real(i->high));
    } else {
        json_t *rounds = json_array();
        for (unsigned r = 0; r < row->rounds; r++)
            json_array_append_new(rounds, json_real(((const double *)at)[r]));
        json_object_set_new(object, f->name, rounds);
    }
}

/* [[middle of the bucket in ns, count], ...] */
static json_t *histogram_json(const bench_histogram *histogram)
{
    json_t *buckets = json_array();
    double per_ns = bench_ticks_per_ns();
    for (unsigned i = 0; i < BENCH_HISTOGRAM_SIZE; i++)
        if (histogram->count[i] > 0)
            json_array_append_new(buckets, json_pack("[f,I]", (double)bench_histogram_middle(i) / per_ns,
                                                     (json_int_t)histogram->count[i]));
    return buckets;
}

json_t *bench_json_row(const bench_row *row)
{
    json_t *object = json_object();
    json_object_set_new(object, "family", json_string(bench_family_names[row->family]));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].whats & 1u << row->what && fields[i].families & 1u << row->family)
            put_field(object, &fields[i], row);
    if (row->histogram)
        json_object_set_new(object, "histogram", histogram_json(row->histogram));
    return object;
}

/* ---- reading ---- */

static bool get_field(const json_t *object, const field *f, bench_row *row)
{
    void *at = (char *)row + f->at;
    const json_t *value = json_object_get(object, f->name);
    char name[48];
    if (f->kind == TEXT)
        snprintf(at, room_of(f), "%s", json_is_string(value) ? json_string_value(value) : "");
    else if (f->kind == WHOLE || f->kind == PENDING)
        *(uint64_t *)at = (uint64_t)json_integer_value(value);
    else if (f->kind == SMALL)
        *(unsigned *)at = (unsigned)json_integer_value(value);
    else if (f->kind == REAL)
        *(double *)at = json_number_value(value);
    else if (f->kind == TRUTH)
        *(bool *)at = json_is_true(value);
    else if (f->kind == INTERVAL)
        *(bench_interval *)at =
            (bench_interval){json_number_value(value),
                             json_number_value(json_object_get(object, end_name(f->name, "low", name, sizeof name))),
                             json_number_value(json_object_get(object, end_name(f->name, "high", name, sizeof name)))};
    else
        for (unsigned r = 0; r < row->rounds && r < BENCH_MOST_ROUNDS; r++)
            ((double *)at)[r] = json_number_value(json_array_get(value, r));
    return value != NULL || f->at == AT(work_ns); /* files from before --work lack it */
}

/* Puts each time back into its bucket. */
static bool get_histogram(const json_t *buckets, bench_row *row)
{
    size_t i;
    json_t *bucket;
    if (!json_is_array(buckets))
        return true;
    if (!(row->histogram = calloc(1, sizeof *row->histogram)))
        return false;
    json_array_foreach(buckets, i, bucket)
    {
        uint64_t ticks = (uint64_t)(json_number_value(json_array_get(bucket, 0)) * bench_ticks_per_ns() + 0.5);
        uint64_t count = (uint64_t)json_integer_value(json_array_get(bucket, 1));
        row->histogram->count[bench_histogram_index(ticks)] += count;
        row->histogram->total += count;
    }
    row->histogram->max = (uint64_t)(row->max_ns * bench_ticks_per_ns());
    return true;
}

bool bench_json_get_row(const json_t *object, bench_what what, bench_row *row)
{
    const char *family = json_string_value(json_object_get(object, "family"));
    bool good = family != NULL, known = false;
    *row = (bench_row){.what = what};
    while (good && row->family < BENCH_FAMILIES && strcmp(bench_family_names[row->family], family) != 0)
        row->family++;
    good = good && row->family < BENCH_FAMILIES;
    for (size_t i = 0; i < sizeof fields / sizeof *fields && good; i++)
        if (fields[i].whats & 1u << what && fields[i].families & 1u << row->family)
            good = get_field(object, &fields[i], row);
    for (const bench_impl **at = bench_impls; *at && good && !known; at++)
        if ((*at)->family == row->family && strcmp((*at)->name, row->implementation) == 0) {
            row->role = (*at)->role;
            known = true;
        }
    return known && row->rounds <= BENCH_MOST_ROUNDS && get_histogram(json_object_get(object, "histogram"), row);
}
