/* One row per line, so that people can read the file and diff can compare it. */
#include "bench/report/json.h"

#include "bench/result/fields.h"
#include "bench/run/say.h"

#include <string.h>

/* ---- writing ---- */

static void dump(FILE *out, json_t *value)
{
    json_dumpf(value, out, JSON_REAL_PRECISION(6) | JSON_ENSURE_ASCII);
    json_decref(value);
}

static json_t *machine_json(const bench_machine *m)
{
    json_t *object = json_object();
    json_object_set_new(object, "cores", json_integer(m->cores));
    json_object_set_new(object, "cores_online", json_integer(m->cores_online));
    json_object_set_new(object, "processor", bench_json_text(m->processor));
    json_object_set_new(object, "topology", bench_json_text(m->topology));
    json_object_set_new(object, "pin", bench_json_text(m->pin));
    json_object_set_new(object, "compiler", bench_json_text(m->compiler));
    json_object_set_new(object, "flags", bench_json_text(m->flags));
    json_object_set_new(object, "allocator", bench_json_text(m->allocator));
    json_object_set_new(object, "huge_pages", json_boolean(m->huge_pages));
    json_object_set_new(object, "system_huge_pages", bench_json_text(m->system_huge_pages));
    json_object_set_new(object, "kernel", bench_json_text(m->kernel));
    json_object_set_new(object, "commit", bench_json_text(m->commit));
    json_object_set_new(object, "when", bench_json_text(m->when));
    json_object_set_new(object, "load", m->load >= 0 ? json_real(m->load) : json_null());
    json_object_set_new(object, "membarrier", json_boolean(m->membarrier));
    return object;
}

static json_t *driver_json(const bench_suite *suite)
{
    const bench_driver_cost *cost = &suite->cost;
    json_t *work = json_array();
    for (unsigned i = 0; i < suite->options->work_count; i++)
        if (suite->options->work_ns[i] > 0)
            json_array_append_new(work, json_pack("{s:i,s:o}", "work_ns", (int)suite->options->work_ns[i],
                                                  "container_ns", bench_json_real(cost->work_ns[i])));
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "container_ns", bench_json_real(cost->container_ns), "map_uniform_ns",
                     bench_json_real(cost->map_uniform_ns), "map_zipf_ns", bench_json_real(cost->map_zipf_ns),
                     "latency_ns", bench_json_real(cost->latency_ns), "work_turns_per_ns",
                     bench_json_real(cost->work_turns_per_ns), "work", work);
}

static json_t *probe_json(const bench_probe *p)
{
    json_t *object = json_object();
    json_object_set_new(object, "family", json_string(bench_family_names[p->family]));
    json_object_set_new(object, "when", json_string(p->when));
    json_object_set_new(object, "regime", bench_json_text(p->regime));
    json_object_set_new(object, "round_trip_ns", bench_json_real(p->look.round_trip_ns));
    json_object_set_new(object, "private_slowdown", bench_json_real(p->look.slowdown));
    json_object_set_new(object, "floor_mops", bench_json_real(p->look.floor_mops));
    return object;
}

/* Role, limits and note of each implementation that has rows. */
static json_t *implementations_json(const bench_rows *rows)
{
    static const char *const roles[] = {"weft", "baseline", "peer", "floor"};
    json_t *list = json_array();
    for (const bench_impl **at = bench_impls; *at; at++)
        if (bench_rows_have(rows, *at))
            json_array_append_new(
                list, json_pack("{s:s,s:s,s:o,s:s,s:o,s:o,s:o}", "family", bench_family_names[(*at)->family],
                                "implementation", (*at)->name, "scheme", bench_json_text((*at)->scheme), "role",
                                roles[(*at)->role], "limits", bench_json_text((*at)->limits), "note",
                                bench_json_text((*at)->note), "broken", bench_json_text((*at)->broken)));
    return list;
}

static json_t *arguments_json(const bench_options *options)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < options->argument_count; i++)
        json_array_append_new(list, bench_json_text(options->arguments[i]));
    return list;
}

static void write_rows(FILE *out, const bench_rows *rows, bench_what what, const char *name)
{
    const char *between = "\n";
    fprintf(out, ",\n\"%s\": [", name);
    for (size_t i = 0; i < rows->count; i++)
        if (rows->row[i].what == what) {
            fputs(between, out);
            dump(out, bench_json_row(&rows->row[i]));
            between = ",\n";
        }
    fputs("\n]", out);
}

static const char *const what_names[BENCH_WHATS] = {"results", "latency", "memory"};

bool bench_json_write(FILE *out, const bench_machine *machine, const bench_suite *suite, bool interrupted)
{
    fputs("{\"machine\": ", out);
    dump(out, machine_json(machine));
    fputs(",\n\"arguments\": ", out);
    dump(out, arguments_json(suite->options));
    fprintf(out, ",\n\"interrupted\": %s,\n\"driver\": ", interrupted ? "true" : "false");
    dump(out, driver_json(suite));
    if (suite->watch->words_ns > 0) {
        fputs(",\n\"text\": ", out);
        dump(out,
             json_pack("{s:I,s:I,s:o}", "files", (json_int_t)suite->text->files, "bytes",
                       (json_int_t)suite->text->bytes, "one_thread_mops",
                       bench_json_real((double)suite->watch->words_total * 1000 / (double)suite->watch->words_ns)));
    }
    fputs(",\n\"implementations\": ", out);
    dump(out, implementations_json(&suite->rows));
    fputs(",\n\"probes\": [", out);
    for (unsigned i = 0; i < suite->probe_count; i++) {
        fputs(i ? ",\n" : "\n", out);
        dump(out, probe_json(&suite->probes[i]));
    }
    fputs("\n]", out);
    for (unsigned what = 0; what < BENCH_WHATS; what++)
        write_rows(out, &suite->rows, (bench_what)what, what_names[what]);
    fputs("\n}\n", out);
    return fflush(out) == 0 && !ferror(out);
}

/* ---- reading ---- */

static bool get_rows(const json_t *root, bench_suite *suite)
{
    for (unsigned what = 0; what < BENCH_WHATS; what++) {
        const json_t *list = json_object_get(root, what_names[what]);
        for (size_t i = 0; i < json_array_size(list); i++) {
            bench_row row;
            if (!bench_json_get_row(json_array_get(list, i), (bench_what)what, &row) ||
                !bench_rows_add(&suite->rows, &row))
                return false;
        }
    }
    return true;
}

static bool same_arguments(const json_t *root, const bench_options *options)
{
    json_t *now = arguments_json(options);
    bool same = json_equal(now, json_object_get(root, "arguments"));
    json_decref(now);
    return same;
}

static const char *text_of(const json_t *machine, const char *name)
{
    const char *value = json_string_value(json_object_get(machine, name));
    return value ? value : "";
}

static void say_arguments(const json_t *root)
{
    const json_t *list = json_object_get(root, "arguments");
    char line[600] = "";
    for (size_t i = 0; i < json_array_size(list); i++) {
        size_t used = strlen(line);
        const char *word = json_string_value(json_array_get(list, i));
        snprintf(line + used, sizeof line - used, " %s", word ? word : "''");
    }
    bench_say("--resume expects the options of the run that was interrupted:%s", *line ? line : " none");
}

static void get_probes(const json_t *root, bench_suite *suite)
{
    const json_t *list = json_object_get(root, "probes");
    for (size_t i = 0; i < json_array_size(list) && suite->probe_count < BENCH_MOST_PROBES; i++) {
        const json_t *found = json_array_get(list, i);
        bench_probe probe = {.when = strcmp(text_of(found, "when"), "before") == 0 ? "before" : "after",
                             .regime = strcmp(text_of(found, "regime"), "near") == 0 ? "near" : "far"};
        while (probe.family < BENCH_FAMILIES - 1 &&
               strcmp(bench_family_names[probe.family], text_of(found, "family")) != 0)
            probe.family++;
        probe.look.round_trip_ns = json_number_value(json_object_get(found, "round_trip_ns"));
        probe.look.slowdown = json_number_value(json_object_get(found, "private_slowdown"));
        probe.look.floor_mops = json_number_value(json_object_get(found, "floor_mops"));
        suite->probes[suite->probe_count++] = probe;
    }
}

static void get_words(const json_t *root, bench_watch *watch)
{
    const json_t *text_found = json_object_get(root, "text");
    double mops = json_number_value(json_object_get(text_found, "one_thread_mops"));
    for (size_t i = 0; i < json_array_size(json_object_get(root, "results")) && mops > 0; i++) {
        const json_t *row = json_array_get(json_object_get(root, "results"), i);
        const json_t *total = json_object_get(row, "words_total");
        if (total) {
            watch->words_total = (uint64_t)json_integer_value(total);
            watch->words_ns = (uint64_t)((double)watch->words_total * 1000 / mops);
        }
    }
}

bool bench_json_resume(const char *path, const bench_machine *machine, bench_suite *suite)
{
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    const json_t *then = json_object_get(root, "machine");
    bool good = false;
    if (!then)
        bench_say("--resume expects --json to name what an interrupted run wrote, not '%s': %s", path,
                  root ? "no machine in it" : error.text);
    else if (!same_arguments(root, suite->options))
        say_arguments(root);
    else if (strcmp(text_of(then, "commit"), machine->commit) != 0 ||
             strcmp(text_of(then, "processor"), machine->processor) != 0)
        bench_say("--resume expects the machine and the commit of '%s': %s, %s", path, text_of(then, "processor"),
                  text_of(then, "commit"));
    else if (!(good = get_rows(root, suite)))
        bench_say("--resume expects rows of this build in '%s'", path);
    if (good) {
        get_words(root, suite->watch);
        get_probes(root, suite);
    }
    json_decref(root);
    return good;
}
