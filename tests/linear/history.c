#define _GNU_SOURCE
#include "tests/linear/history.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    lin_type type;
} kinds[LIN_KINDS] = {
    {"enqueue", LIN_QUEUE}, {"dequeue", LIN_QUEUE}, {"push", LIN_STACK}, {"pop", LIN_STACK},
    {"get", LIN_MAP},       {"insert", LIN_MAP},    {"put", LIN_MAP},    {"remove", LIN_MAP},
};

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

const char *lin_kind_name(lin_kind kind)
{
    return kinds[kind].name;
}

bool lin_kind_of(lin_kind kind, lin_type type)
{
    return kinds[kind].type == type;
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
    for (int k = 0; name && k < LIN_KINDS; k++)
        if (kinds[k].type == type && strcmp(kinds[k].name, name) == 0) {
            op->kind = (uint8_t)k;
            return true;
        }
    static const char *const expected[] = {"\"enqueue\" or \"dequeue\"", "\"push\" or \"pop\"",
                                           "\"get\", \"insert\", \"put\" or \"remove\""};
    return bad(r, "\"op\" must be %s", expected[type]);
}

static bool read_arg(const reader *r, const json_t *object, lin_operation *op)
{
    const json_t *arg = json_object_get(object, "arg");
    switch (op->kind) {
    case LIN_ENQUEUE:
    case LIN_PUSH:
        if (!json_is_integer(arg))
            return bad(r, "\"arg\" of %s must be a whole number", lin_kind_name(op->kind));
        op->value = json_integer_value(arg);
        return true;
    case LIN_GET:
    case LIN_REMOVE:
        if (!json_is_integer(arg))
            return bad(r, "\"arg\" of %s must be the key, a whole number", lin_kind_name(op->kind));
        op->key = json_integer_value(arg);
        return true;
    case LIN_INSERT:
    case LIN_PUT:
        if (!json_is_array(arg) || json_array_size(arg) != 2 || !json_is_integer(json_array_get(arg, 0)) ||
            !json_is_integer(json_array_get(arg, 1)))
            return bad(r, "\"arg\" of %s must be [key, value], whole numbers", lin_kind_name(op->kind));
        op->key = json_integer_value(json_array_get(arg, 0));
        op->value = json_integer_value(json_array_get(arg, 1));
        return true;
    default:
        return true; /* dequeue and pop take none */
    }
}

static bool read_result(const reader *r, const json_t *object, lin_operation *op)
{
    const json_t *ret = json_object_get(object, "ret");
    bool truth = op->kind == LIN_INSERT || op->kind == LIN_REMOVE, none = op->kind == LIN_ENQUEUE || op->kind == LIN_PUSH;
    if (op->ret == LIN_NEVER)
        return true;
    if (truth && !json_is_boolean(ret))
        return bad(r, "\"ret\" of %s must be true or false", lin_kind_name(op->kind));
    if (none && !json_is_null(ret))
        return bad(r, "\"ret\" of %s must be null", lin_kind_name(op->kind));
    if (!truth && !none && !json_is_integer(ret) && !json_is_null(ret))
        return bad(r, "\"ret\" of %s must be a whole number or null", lin_kind_name(op->kind));
    op->got = json_is_true(ret) ? LIN_TRUE : json_is_false(ret) ? LIN_FALSE : json_is_integer(ret) ? LIN_VALUE : LIN_NOTHING;
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
    if (!read_kind(r, object, type, op) || !read_arg(r, object, op) || !read_time(r, object, "call", false, &op->call) ||
        !read_time(r, object, "return", true, &op->ret) || !read_result(r, object, op))
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
    fprintf(out, "{\"client\":%" PRIu32 ",\"op\":\"%s\",\"arg\":", op->client, lin_kind_name(op->kind));
    if (op->kind == LIN_INSERT || op->kind == LIN_PUT)
        fprintf(out, "[%" PRId64 ",%" PRId64 "]", op->key, op->value);
    else if (op->kind == LIN_GET || op->kind == LIN_REMOVE)
        fprintf(out, "%" PRId64, op->key);
    else if (op->kind == LIN_ENQUEUE || op->kind == LIN_PUSH)
        fprintf(out, "%" PRId64, op->value);
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
