#define _GNU_SOURCE
#include "check/history/history.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const lin_form lin_forms[LIN_KINDS] = {
    [LIN_ENQUEUE] = {"enqueue", LIN_QUEUE, LIN_TAKES_VALUE, LIN_GIVES_NOTHING},
    [LIN_DEQUEUE] = {"dequeue", LIN_QUEUE, LIN_TAKES_NOTHING, LIN_GIVES_VALUE},
    [LIN_PUSH] = {"push", LIN_STACK, LIN_TAKES_VALUE, LIN_GIVES_NOTHING},
    [LIN_POP] = {"pop", LIN_STACK, LIN_TAKES_NOTHING, LIN_GIVES_VALUE},
    [LIN_GET] = {"get", LIN_MAP, LIN_TAKES_KEY, LIN_GIVES_VALUE},
    [LIN_INSERT] = {"insert", LIN_MAP, LIN_TAKES_PAIR, LIN_GIVES_TRUTH},
    [LIN_PUT] = {"put", LIN_MAP, LIN_TAKES_PAIR, LIN_GIVES_VALUE},
    [LIN_REMOVE] = {"remove", LIN_MAP, LIN_TAKES_KEY, LIN_GIVES_TRUTH},
    [LIN_GET_OR_INSERT] = {"get_or_insert", LIN_MAP, LIN_TAKES_PAIR, LIN_GIVES_VALUE},
    [LIN_REPLACE] = {"replace", LIN_MAP, LIN_TAKES_TRIPLE, LIN_GIVES_MAYBE},
    [LIN_REMOVE_IF] = {"remove_if", LIN_MAP, LIN_TAKES_PAIR, LIN_GIVES_MAYBE},
    [LIN_TRY_ENQUEUE] = {"try_enqueue", LIN_RING, LIN_TAKES_VALUE, LIN_GIVES_TRUTH},
    [LIN_TRY_DEQUEUE] = {"try_dequeue", LIN_RING, LIN_TAKES_NOTHING, LIN_GIVES_VALUE},
    [LIN_FORCE_ENQUEUE] = {"force_enqueue", LIN_RING, LIN_TAKES_VALUE, LIN_GIVES_VALUE},
    [LIN_RESERVE] = {"reserve", LIN_RING, LIN_TAKES_NOTHING, LIN_GIVES_TRUTH},
    [LIN_COMMIT] = {"commit", LIN_RING, LIN_TAKES_VALUE, LIN_GIVES_NOTHING},
    [LIN_HOLD] = {"hold", LIN_RING, LIN_TAKES_NOTHING, LIN_GIVES_VALUE},
    [LIN_RELEASE] = {"release", LIN_RING, LIN_TAKES_NOTHING, LIN_GIVES_NOTHING},
    [LIN_PUSH_BOTTOM] = {"push_bottom", LIN_DEQUE, LIN_TAKES_VALUE, LIN_GIVES_NOTHING},
    [LIN_POP_BOTTOM] = {"pop_bottom", LIN_DEQUE, LIN_TAKES_NOTHING, LIN_GIVES_VALUE},
    [LIN_STEAL] = {"steal", LIN_DEQUE, LIN_TAKES_NOTHING, LIN_GIVES_VALUE},
    [LIN_SEND] = {"send", LIN_CHANNEL, LIN_TAKES_VALUE, LIN_GIVES_TRUTH},
    [LIN_RECEIVE] = {"receive", LIN_CHANNEL, LIN_TAKES_NOTHING, LIN_GIVES_VALUE},
    [LIN_CLOSE] = {"close", LIN_CHANNEL, LIN_TAKES_NOTHING, LIN_GIVES_NOTHING},
};

const char *lin_type_name(lin_type type)
{
    static const char *const names[LIN_TYPES] = {"queue", "stack", "map", "ring", "deque", "channel"};
    return names[type];
}

bool lin_add(lin_history *history, lin_operation op)
{
    if (history->count == history->room) {
        size_t room = history->room ? history->room * 2 : 1024;
        lin_operation *grown = realloc(history->op, room * sizeof *grown);
        if (!grown)
            return false;
        history->op = grown;
        history->room = room;
    }
    history->op[history->count++] = op;
    return true;
}

void lin_free(lin_history *history)
{
    free(history->op);
    *history = (lin_history){0};
}

/* ---- reading ---- */

typedef struct reader {
    const char *name;
    size_t line;
    char *error;
    size_t room;
} reader;

static bool bad(const reader *r, const char *format, ...)
{
    va_list rest;
    int used = snprintf(r->error, r->room, "%s:%zu: ", r->name, r->line);
    va_start(rest, format);
    if (used >= 0 && (size_t)used < r->room)
        (void)vsnprintf(r->error + used, r->room - (size_t)used, format, rest);
    va_end(rest);
    return false;
}

static bool read_time(const reader *r, const json_t *object, const char *field, bool may_be_null, uint64_t *out)
{
    const json_t *time = json_object_get(object, field);
    if (may_be_null && json_is_null(time)) {
        *out = LIN_NEVER;
        return true;
    }
    if (!json_is_integer(time) || json_integer_value(time) < 0)
        return bad(r, "\"%s\" must be a whole number of 0 or more%s", field, may_be_null ? ", or null" : "");
    *out = (uint64_t)json_integer_value(time);
    return true;
}

static bool read_kind(const reader *r, const json_t *object, lin_type type, lin_operation *op)
{
    const char *name = json_string_value(json_object_get(object, "op"));
    char expected[120] = "";
    for (int k = 0; k < LIN_KINDS; k++) {
        if (lin_forms[k].type != type)
            continue;
        if (name && strcmp(lin_forms[k].name, name) == 0) {
            op->kind = (uint8_t)k;
            return true;
        }
        size_t used = strlen(expected);
        (void)snprintf(expected + used, sizeof expected - used, "%s\"%s\"", used ? ", " : "", lin_forms[k].name);
    }
    return bad(r, "\"op\" must be one of %s", expected);
}

/* An array of `n` whole numbers. */
static bool read_numbers(const json_t *array, size_t n, int64_t *out)
{
    bool fine = json_is_array(array) && json_array_size(array) == n;
    for (size_t i = 0; fine && i < n; i++) {
        fine = json_is_integer(json_array_get(array, i));
        out[i] = json_integer_value(json_array_get(array, i));
    }
    return fine;
}

static bool read_arg(const reader *r, const json_t *object, lin_operation *op)
{
    const json_t *arg = json_object_get(object, "arg");
    const lin_form *form = &lin_forms[op->kind];
    int64_t number[3] = {0};
    switch (form->argument) {
    case LIN_TAKES_VALUE:
        op->value = json_integer_value(arg);
        return json_is_integer(arg) || bad(r, "\"arg\" of %s must be a whole number", form->name);
    case LIN_TAKES_KEY:
        op->key = json_integer_value(arg);
        return json_is_integer(arg) || bad(r, "\"arg\" of %s must be the key, a whole number", form->name);
    case LIN_TAKES_PAIR:
        if (!read_numbers(arg, 2, number))
            return bad(r, "\"arg\" of %s must be [key, value], whole numbers", form->name);
        op->key = number[0];
        op->value = number[1];
        return true;
    case LIN_TAKES_TRIPLE:
        if (!read_numbers(arg, 3, number))
            return bad(r, "\"arg\" of %s must be [key, expected, value], whole numbers", form->name);
        op->key = number[0];
        op->result = number[1];
        op->value = number[2];
        return true;
    default:
        return true;
    }
}

static bool read_result(const reader *r, const json_t *object, lin_operation *op)
{
    static const char *const expected[] = {"null", "a whole number or null", "true or false", "true, false or null"};
    const json_t *ret = json_object_get(object, "ret");
    const lin_form *form = &lin_forms[op->kind];
    if (op->ret == LIN_NEVER)
        return true;
    op->got = json_is_true(ret)      ? LIN_TRUE
              : json_is_false(ret)   ? LIN_FALSE
              : json_is_integer(ret) ? LIN_VALUE
                                     : LIN_NOTHING;
    bool fits = form->answer == LIN_GIVES_NOTHING ? op->got == LIN_NOTHING
                : form->answer == LIN_GIVES_VALUE ? op->got <= LIN_VALUE
                : form->answer == LIN_GIVES_TRUTH ? op->got >= LIN_FALSE
                                                  : op->got != LIN_VALUE;
    if (!fits || (op->got == LIN_NOTHING && !json_is_null(ret)))
        return bad(r, "\"ret\" of %s must be %s", form->name, expected[form->answer]);
    if (op->got == LIN_VALUE)
        op->result = json_integer_value(ret);
    return true;
}

static bool read_operation(const reader *r, const json_t *object, lin_type type, lin_operation *op)
{
    const json_t *client = json_object_get(object, "client");
    if (!json_is_object(object))
        return bad(r, "an object was expected, {\"client\":0,\"op\":...}");
    if (!json_is_integer(client) || json_integer_value(client) < 0 || json_integer_value(client) > UINT32_MAX)
        return bad(r, "\"client\" must be a whole number of 0 or more");
    op->client = (uint32_t)json_integer_value(client);
    if (!read_kind(r, object, type, op) || !read_arg(r, object, op) ||
        !read_time(r, object, "call", false, &op->call) || !read_time(r, object, "return", true, &op->ret) ||
        !read_result(r, object, op))
        return false;
    if (op->ret < op->call)
        return bad(r, "\"return\" comes before \"call\"");
    return true;
}

typedef struct placed {
    const lin_operation *op;
    size_t line;
} placed;

static int by_client_and_call(const void *a, const void *b)
{
    const lin_operation *x = ((const placed *)a)->op, *y = ((const placed *)b)->op;
    if (x->client != y->client)
        return x->client < y->client ? -1 : 1;
    if (x->call != y->call)
        return x->call < y->call ? -1 : 1;
    return (x->ret > y->ret) - (x->ret < y->ret);
}

/* A client does one thing at a time. */
static bool check_clients(reader *r, const lin_history *history, const size_t *lines)
{
    placed *order = malloc((history->count + 1) * sizeof *order);
    bool fine = order != NULL || bad(r, "out of memory");
    for (size_t i = 0; order && i < history->count; i++)
        order[i] = (placed){&history->op[i], lines[i]};
    if (order)
        qsort(order, history->count, sizeof *order, by_client_and_call);
    for (size_t i = 1; fine && i < history->count; i++)
        if (order[i].op->client == order[i - 1].op->client && order[i].op->call < order[i - 1].op->ret) {
            r->line = order[i].line;
            fine = bad(r, "client %" PRIu32 " calls again before its operation of line %zu has returned",
                       order[i].op->client, order[i - 1].line);
        }
    free(order);
    return fine;
}

bool lin_read(FILE *in, const char *name, lin_type type, lin_history *out, char *error, size_t room)
{
    reader r = {name, 0, error, room};
    char *text = NULL;
    size_t size = 0, *lines = NULL, line_room = 0;
    bool fine = true;
    ssize_t length;
    while (fine && (length = getline(&text, &size, in)) >= 0) {
        json_error_t why;
        lin_operation op = {0};
        r.line++;
        if (strspn(text, " \t\r\n") == (size_t)length)
            continue;
        json_t *object = json_loadb(text, (size_t)length, 0, &why);
        fine = object ? read_operation(&r, object, type, &op) : bad(&r, "not JSON: %s", why.text);
        json_decref(object);
        if (fine && out->count >= line_room) {
            size_t *grown = realloc(lines, (line_room = line_room * 2 + 1024) * sizeof *lines);
            fine = grown != NULL || bad(&r, "out of memory");
            lines = grown ? grown : lines;
        }
        if (fine)
            lines[out->count] = r.line;
        if (fine && !lin_add(out, op))
            fine = bad(&r, "out of memory");
    }
    if (fine && ferror(in))
        fine = bad(&r, "cannot be read");
    fine = fine && check_clients(&r, out, lines);
    free(lines);
    free(text);
    return fine;
}

/* ---- writing ---- */

void lin_write(FILE *out, const lin_operation *op)
{
    const lin_form *form = &lin_forms[op->kind];
    fprintf(out, "{\"client\":%" PRIu32 ",\"op\":\"%s\",\"arg\":", op->client, form->name);
    if (form->argument == LIN_TAKES_TRIPLE)
        fprintf(out, "[%" PRId64 ",%" PRId64 ",%" PRId64 "]", op->key, op->result, op->value);
    else if (form->argument == LIN_TAKES_PAIR)
        fprintf(out, "[%" PRId64 ",%" PRId64 "]", op->key, op->value);
    else if (form->argument == LIN_TAKES_KEY || form->argument == LIN_TAKES_VALUE)
        fprintf(out, "%" PRId64, form->argument == LIN_TAKES_KEY ? op->key : op->value);
    else
        fputs("null", out);
    if (op->ret == LIN_NEVER || op->got == LIN_NOTHING)
        fputs(",\"ret\":null", out);
    else if (op->got == LIN_VALUE)
        fprintf(out, ",\"ret\":%" PRId64, op->result);
    else
        fprintf(out, ",\"ret\":%s", op->got == LIN_TRUE ? "true" : "false");
    fprintf(out, ",\"call\":%" PRIu64 ",\"return\":", op->call);
    if (op->ret == LIN_NEVER)
        fputs("null}\n", out);
    else
        fprintf(out, "%" PRIu64 "}\n", op->ret);
}
