/* ./weft linearize: reads histories, says whether they are linearizable, and shows why not. */
#define _GNU_SOURCE
#include "check/history/check.h"
#include "check/history/timeline.h"
#include "tools/output/output.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum { FINE = 0, NOT = 1, BAD = 2, UNDECIDED = 3, DRAWN = 40 };

typedef struct request {
    int type;         /* lin_type */
    size_t capacity;  /* of a ring */
    const char *html; /* NULL: not wanted, or written already */
} request;

static const char help[] =
    "usage: ./weft linearize --spec TYPE [--html FILE] FILE...\n"
    "\n"
    "Says of each FILE (-: standard input) whether the history in it is linearizable. A line is an operation:\n"
    "\n"
    "  {\"client\":0,\"op\":\"enqueue\",\"arg\":5,\"ret\":null,\"call\":123,\"return\":456}\n"
    "\n"
    "  op      queue: enqueue, dequeue; stack: push, pop\n"
    "          map: get, insert, put, remove, get_or_insert, replace, remove_if\n"
    "          ring: try_enqueue, try_dequeue, force_enqueue; reserve, commit, hold, release of a place\n"
    "          deque: push_bottom, pop_bottom, steal; channel: send, receive, close\n"
    "  arg     what goes in: the value; get, remove: the key; insert, put, get_or_insert: [key, value]; replace:\n"
    "          [key, expected, value]; remove_if: [key, expected]; whole numbers, and what goes into a queue or stack, distinct\n"
    "  ret     what comes out, null: none there; put: the replaced value or null; get_or_insert: the value that was\n"
    "          there, null: inserted; force_enqueue: the value that made room, perhaps its own; insert, remove,\n"
    "          try_enqueue and reserve (full), send (closed): true or false; replace and remove_if: true, false or\n"
    "          null (absent); enqueue, push, push_bottom, commit, release, close: null\n"
    "  call    the time of the call, return that of the return, null: it never returned, and may have happened\n"
    "\n"
    "An operation precedes another if its return is less than the other's call. A client does one at a time, in the order\n"
    "of its calls; those that begin and end at one time, in the order of their lines. Operations of two clients that only\n"
    "touch, since one returns at the time at which the other is called, are concurrent.\n"
    "\n"
    "  --spec TYPE   what the history is of: queue, stack, map; or, decided by search, so that they must be short:\n"
    "                ring:CAPACITY (1 to 24), deque, channel\n"
    "  --html FILE   the operations that cannot be ordered, as a page; of the first history that has such\n"
    "  --help        this text\n"
    "\n"
    "Exit status: 0 linearizable, 1 not, 3 undecided; 2 no answer: wrong use, bad input, it could not be built, or what it\n"
    "found could not be written; of several files, the worst, which is 2, then 1.\n";

static int usage_error(const char *what, const char *which)
{
    fprintf(stderr, "weft linearize: %s%s (see ./weft linearize --help)\n", what, which);
    return BAD;
}

static bool write_html(const char *path, const char *name, const lin_finding *found)
{
    char title[400];
    output_file out;
    snprintf(title, sizeof title, "%s: not linearizable", name);
    bool opened = output_open(&out, path),
         fine = opened && lin_draw_html(out.stream, &found->window, title, found->why);
    if (opened && !output_commit(&out))
        fine = false;
    if (!fine)
        fprintf(stderr, "weft linearize: cannot write %s: %s\n", path, strerror(errno));
    return fine;
}

static int report(const char *name, const lin_history *history, request *r)
{
    lin_finding found;
    int status = FINE;
    lin_spec ring = lin_ring_spec(r->capacity);
    if (r->type == LIN_RING)
        lin_check_searched(history, &ring, &found);
    else
        lin_check(history, (lin_type)r->type, &found);
    lin_shrink(&found, (lin_type)r->type);
    if (found.verdict == LIN_LINEARIZABLE) {
        printf("%s: linearizable (%zu operations)\n", name, history->count);
    } else if (found.verdict == LIN_VIOLATION) {
        printf("%s: not linearizable: %s\n\n", name, found.why);
        if (found.window.count > DRAWN)
            printf("  (%zu operations; --html shows them)\n", found.window.count);
        else if (!lin_draw_text(stdout, &found.window))
            fprintf(stderr, "weft linearize: out of memory\n");
        status = NOT;
        if (r->html && !write_html(r->html, name, &found))
            status = BAD;
        r->html = NULL;
    } else {
        printf("%s: undecided: %s\n", name, found.why);
        status = UNDECIDED;
    }
    lin_free(&found.window);
    return status;
}

static int one_file(const char *path, request *r)
{
    char error[400];
    lin_history history = {0};
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (!in) {
        fprintf(stderr, "weft linearize: cannot read %s: %s\n", path, strerror(errno));
        return BAD;
    }
    int status = BAD;
    if (lin_read(in, name, (lin_type)r->type, &history, error, sizeof error))
        status = report(name, &history, r);
    else
        fprintf(stderr, "weft linearize: %s\n", error);
    if (in != stdin)
        fclose(in);
    lin_free(&history);
    return status;
}

/* Bad input is worst, then a violation, then an undecided history. */
static int worse(int a, int b)
{
    static const int rank[] = {[FINE] = 0, [UNDECIDED] = 1, [NOT] = 2, [BAD] = 3};
    return rank[a] > rank[b] ? a : b;
}

/* queue, ring:4, ... */
static bool read_type(const char *text, request *r)
{
    int used = 0;
    for (r->type = 0; r->type < LIN_TYPES; r->type++)
        if (r->type != LIN_RING && strcmp(text, lin_type_name((lin_type)r->type)) == 0)
            return true;
    r->type = LIN_RING;
    return sscanf(text, "ring:%zu%n", &r->capacity, &used) == 1 && !text[used] && r->capacity >= 1 && r->capacity <= 24;
}

static int main_part(int count, char **argument)
{
    static const struct option options[] = {{"spec", required_argument, NULL, 's'},
                                            {"html", required_argument, NULL, 'o'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    request r = {.type = -1};
    int letter, status = FINE;
    opterr = 0;
    while ((letter = getopt_long(count, argument, "h", options, NULL)) != -1) {
        if (letter == 'h') {
            fputs(help, stdout);
            return FINE;
        }
        if (letter == 'o')
            r.html = optarg;
        if (letter == 's' && !read_type(optarg, &r))
            return usage_error("--spec expects queue, stack, map, ring:1 to ring:24, deque or channel, not ", optarg);
        if (letter == '?')
            return usage_error("unknown argument or missing value: ", argument[optind - 1]);
    }
    if (r.type < 0)
        return usage_error("--spec expects queue, stack, map, ring:CAPACITY, deque or channel", "");
    if (optind == count)
        return usage_error("expected a FILE with a history, or - for standard input", "");
    for (int i = optind; i < count; i++)
        status = worse(status, one_file(argument[i], &r));
    return status;
}

int main(int count, char **argument)
{
    output_begin();
    int status = main_part(count, argument);
    return output_written("weft linearize") ? status : BAD;
}
