#include "check/history/timeline.h"

#include "check/history/order.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL = 128 };

void lin_label(const lin_operation *op, char *out, size_t room)
{
    char argument[72] = "", answer[32] = "";
    const lin_form *form = &lin_forms[op->kind];
    if (form->argument == LIN_TAKES_TRIPLE)
        snprintf(argument, sizeof argument, " %" PRId64 ": %" PRId64 " by %" PRId64, op->key, op->result, op->value);
    else if (form->argument == LIN_TAKES_PAIR)
        snprintf(argument, sizeof argument, " %" PRId64 " = %" PRId64, op->key, op->value);
    else if (form->argument == LIN_TAKES_KEY || form->argument == LIN_TAKES_VALUE)
        snprintf(argument, sizeof argument, " %" PRId64, form->argument == LIN_TAKES_KEY ? op->key : op->value);
    if (op->ret == LIN_NEVER)
        snprintf(answer, sizeof answer, " ...");
    else if (op->got == LIN_VALUE)
        snprintf(answer, sizeof answer, ": %" PRId64, op->result);
    else if (op->got >= LIN_FALSE)
        snprintf(answer, sizeof answer, ": %s", op->got == LIN_TRUE ? "true" : "false");
    else if (form->answer != LIN_GIVES_NOTHING)
        snprintf(answer, sizeof answer, ": %s", form->type == LIN_MAP ? "absent" : "empty");
    snprintf(out, room, "%s%s%s", form->name, argument, answer);
}

/*
 * The layout. Each time that occurs gets a column, far enough from the one before for the labels between, with room
 * behind it for operations that begin and end at that time. A client's operations that touch are drawn end to end.
 */

typedef struct layout {
    const lin_history *window;
    lin_program program;
    uint64_t *time;
    size_t *column, *last, times; /* last: the column behind operations that took no time */
    size_t *from, *to;            /* of each operation */
    uint32_t *client;
    size_t clients;
} layout;

static int by_time(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int by_client(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static size_t lane(const layout *l, uint32_t client)
{
    return (size_t)((const uint32_t *)bsearch(&client, l->client, l->clients, sizeof client, by_client) - l->client);
}

static size_t width_of(const lin_operation *op)
{
    char label[LABEL];
    lin_label(op, label, sizeof label);
    return strlen(label) + 3;
}

static void choose_columns(layout *l)
{
    const lin_program *p = &l->program;
    for (size_t t = 0; t < l->times; t++) {
        l->column[t] = t ? l->last[t - 1] + 2 : 0;
        for (size_t i = 0; i < l->window->count; i++) {
            const lin_operation *op = &l->window->op[i];
            size_t needed = op->ret == l->time[t] && op->call != op->ret ? l->from[i] + width_of(op) : 0;
            if (l->column[t] < needed)
                l->column[t] = needed;
        }
        l->last[t] = l->column[t];
        for (size_t n = 0; n < l->window->count; n++) { /* client by client, in each one's order */
            size_t i = p->order[n];
            const lin_operation *op = &l->window->op[i];
            if (op->call != l->time[t])
                continue;
            l->from[i] = l->column[t];
            if (p->previous[i] != LIN_NONE && l->window->op[p->previous[i]].call == op->call)
                l->from[i] = l->to[p->previous[i]];
            l->to[i] = l->from[i] + width_of(op);
            if (op->ret == op->call && l->last[t] < l->to[i])
                l->last[t] = l->to[i];
            if (op->ret != op->call && l->last[t] < l->from[i])
                l->last[t] = l->from[i];
        }
        for (size_t i = 0; i < l->window->count; i++) {
            const lin_operation *op = &l->window->op[i];
            if (op->ret == l->time[t] && op->ret != op->call)
                l->to[i] = p->followed[i] ? l->column[t] : l->last[t];
            else if (op->ret == l->time[t] && !p->followed[i])
                l->to[i] = l->last[t];
        }
    }
}

static bool lay_out(layout *l, const lin_history *window)
{
    *l = (layout){.window = window};
    l->time = malloc((2 * window->count + 1) * sizeof *l->time);
    l->column = malloc((2 * window->count + 1) * sizeof *l->column);
    l->last = malloc((2 * window->count + 1) * sizeof *l->last);
    l->from = malloc((window->count + 1) * sizeof *l->from);
    l->to = malloc((window->count + 1) * sizeof *l->to);
    l->client = malloc((window->count + 1) * sizeof *l->client);
    if (!l->time || !l->column || !l->last || !l->from || !l->to || !l->client ||
        !lin_program_make(window, &l->program))
        return false;
    for (size_t i = 0; i < window->count; i++) {
        l->time[2 * i] = window->op[i].call;
        l->time[2 * i + 1] = window->op[i].ret;
        l->client[i] = window->op[i].client;
    }
    qsort(l->time, 2 * window->count, sizeof *l->time, by_time);
    qsort(l->client, window->count, sizeof *l->client, by_client);
    for (size_t i = 0; i < 2 * window->count; i++)
        if (l->times == 0 || l->time[i] != l->time[l->times - 1])
            l->time[l->times++] = l->time[i];
    for (size_t i = 0; i < window->count; i++)
        if (l->clients == 0 || l->client[i] != l->client[l->clients - 1])
            l->client[l->clients++] = l->client[i];
    choose_columns(l);
    return true;
}

static void release(layout *l)
{
    free(l->time);
    free(l->column);
    free(l->last);
    free(l->from);
    free(l->to);
    free(l->client);
    lin_program_free(&l->program);
}

/* ---- in a terminal ---- */

static void draw_bar(char *row, size_t from, size_t to, const char *label, bool returned)
{
    memset(row + from, '-', to - from);
    row[from] = '|';
    row[to] = returned ? '|' : '>';
    memcpy(row + from + 2, label, strlen(label));
    row[from + 1] = row[from + 2 + strlen(label)] = ' ';
}

bool lin_draw_text(FILE *out, const lin_history *window)
{
    layout l;
    char label[LABEL], *row = NULL;
    bool fine = lay_out(&l, window) && (l.times == 0 || (row = malloc(l.last[l.times - 1] + LABEL + 2)) != NULL);
    for (size_t c = 0; fine && c < l.clients; c++) {
        size_t width = l.last[l.times - 1] + 1;
        memset(row, ' ', width);
        for (size_t i = 0; i < window->count; i++) {
            const lin_operation *op = &window->op[i];
            if (op->client != l.client[c])
                continue;
            lin_label(op, label, sizeof label);
            draw_bar(row, l.from[i], l.to[i], label, op->ret != LIN_NEVER);
        }
        while (width > 0 && row[width - 1] == ' ')
            width--;
        fprintf(out, "  client %-4" PRIu32 " %.*s\n", l.client[c], (int)width, row);
    }
    free(row);
    release(&l);
    return fine;
}

/* ---- as a page ---- */

static const char head[] =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
    "<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:2rem;max-width:100%}"
    "div{overflow-x:auto}text{font:13px monospace;fill:currentColor}rect{fill:#4a90d933;stroke:#3f7cbd}"
    "line{stroke:#8886}td,th{text-align:left;padding-right:1.5rem}</style>";

static void draw_svg(FILE *out, const layout *l)
{
    char label[LABEL];
    size_t width = (l->times ? l->last[l->times - 1] : 0) * 9 + 130;
    fprintf(out, "<div><svg width=\"%zu\" height=\"%zu\" role=\"img\" aria-label=\"operations over time\">", width,
            l->clients * 40 + 10);
    for (size_t c = 0; c < l->clients; c++)
        fprintf(out,
                "<line x1=\"90\" x2=\"%zu\" y1=\"%zu\" y2=\"%zu\"/><text x=\"0\" y=\"%zu\">client %" PRIu32 "</text>",
                width, c * 40 + 22, c * 40 + 22, c * 40 + 27, l->client[c]);
    for (size_t i = 0; i < l->window->count; i++) {
        const lin_operation *op = &l->window->op[i];
        size_t from = l->from[i] * 9 + 95, to = l->to[i] * 9 + 95;
        size_t y = lane(l, op->client) * 40;
        lin_label(op, label, sizeof label);
        fprintf(out,
                "<rect x=\"%zu\" y=\"%zu\" width=\"%zu\" height=\"26\" rx=\"4\"/><text x=\"%zu\" y=\"%zu\">%s</text>",
                from, y + 9, to - from, from + 8, y + 27, label);
    }
    fputs("</svg></div>", out);
}

static void escape(FILE *out, const char *text)
{
    for (; *text; text++)
        if (*text == '<' || *text == '&')
            fprintf(out, "&#%d;", *text);
        else
            fputc(*text, out);
}

bool lin_draw_html(FILE *out, const lin_history *window, const char *title, const char *why)
{
    layout l;
    char label[LABEL];
    bool fine = lay_out(&l, window);
    fputs(head, out);
    fputs("<title>", out);
    escape(out, title);
    fputs("</title><h1>", out);
    escape(out, title);
    fputs("</h1><p>", out);
    escape(out, why);
    fputs("</p>", out);
    if (fine)
        draw_svg(out, &l);
    fputs("<table><tr><th>client<th>operation<th>call<th>return", out);
    for (size_t i = 0; i < window->count; i++) {
        const lin_operation *op = &window->op[i];
        lin_label(op, label, sizeof label);
        fprintf(out, "<tr><td>%" PRIu32 "<td>%s<td>%" PRIu64 "<td>", op->client, label, op->call);
        if (op->ret == LIN_NEVER)
            fputs("never", out);
        else
            fprintf(out, "%" PRIu64, op->ret);
    }
    fputs("</table></html>\n", out);
    release(&l);
    return fine;
}
