/* Each row of docs/orders.md runs in a process of its own, since a weakened order may break even the checker. */
#define _GNU_SOURCE
#include "tests/cases/sweep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int sweep_order_of(const char *name)
{
    int order = MODEL_SEQ_CST;
    while (order >= 0 && strcmp(model_order_name(order), name) != 0)
        order--;
    return order;
}

const int *sweep_weaker(int order)
{
    static const int seq_cst[] = {MODEL_ACQ_REL, MODEL_ACQUIRE, MODEL_RELEASE, MODEL_RELAXED, -1};
    return order == MODEL_SEQ_CST   ? seq_cst
           : order == MODEL_ACQ_REL ? seq_cst + 1
           : order == MODEL_RELAXED ? seq_cst + 4
                                    : seq_cst + 3;
}

const char sweep_heavy_fence[] = "HEAVY_FENCE";

/* ---- why nothing notices ---- */

typedef struct reason {
    const char *order;
    int to; /* -1: any weaker order */
    const char *why;
} reason;

static const reason reasons[] = {
    {"CALLBACK_R1", -1,
     "a thread that runs a callback of orphans beside a barrier has taken their right, and gives it back: no case is large enough to show the rest"},
    {"EPOCHS_X1", MODEL_RELEASE, "who reads a later epoch reads from the release sequence of the earlier seals"},
    {"FENCE_A1", -1, "a full fence, membarrier or the lock comes behind it, and acquires"},
    {"FENCE_A2", -1, "full fences stand before the store and after the load, and synchronize by them"},
    {"FENCE_R1", -1,
     "each thread that was told has passed a full fence before it, and another stands behind each reading: the reading orders the two "
     "(RC11's psc: hb, rf, hb), so that what was published before the one is seen behind the other"},
    {"HANDSHAKE_A2", -1,
     "needed where one thread sees the answer and another reclaims by it: `--case cell-hazard-asked-three --random 300000` notices, and the "
     "sweep tries 3,000"},
    {"HANDSHAKE_X1", -1,
     "needed where one thread takes a ticket, and another, which knows nothing of it otherwise, begins the round that counts for it, and "
     "asks a third, which looks twice: 2,000,000 executions by chance did not meet that"},
    {"HANDSHAKE_A3", -1, "the heavy fence is one in each thread, and so also in the one that reads that it is over"},
    {"HANDSHAKE_R2", -1, "as HANDSHAKE_A3"},
    {"HANDSHAKE_X2", -1,
     "the heavy fence orders all threads, and the machine executes a thread's writes in their order: by C11 the ticket orders what was "
     "unlinked before it"},
    {"TABLE_A1", -1,
     "the machine executes a thread's reads in their order, and a seq_cst read sees what is before it: hardware may read the head first"},
    {"TABLE_R1", -1, "as TABLE_A1"},
    {"TABLE_A6", -1, "the heavy fence before an array is freed is one in each thread"},
    {"TABLE_R6", -1, "as TABLE_A6"},
    {"TABLE_X1", -1,
     "the machine takes seq_cst operations in the order of its steps, in which a bucket is MOVED before it is counted; C11 knows other "
     "orders, in which who counts the last group leads others past a bucket that they do not see moved"},
    {"TABLE_A4", -1, "as TABLE_X1"},
    {"TABLE_R4", -1, "as TABLE_X1"},
    {"DEQUE_R4", -1, "the heavy fence is one in each thread, and so also in the thief that reads this"},
    {"DEQUE_A1", -1, "what a thread does after an empty answer, with memory that a pop has handed it, is in no case"},
    {"DEQUE_A3", -1,
     "`--case deque-epoch-large --pct 100000` notices, by its 19,620th execution; the sweep tries 3,000"},
    {"DEQUE_S2", MODEL_ACQ_REL, "as of acquire"},
    {"DEQUE_S2", MODEL_ACQUIRE,
     "`--case deque-hazard-half-three` notices, by its 6,236th execution; the sweep tries 3,000"},
    {"LIFE_A1", -1, "the machine's key is no memory: by C11 it orders the making of the key before its use"},
    {"LIFE_R1", -1, "as LIFE_A1"},
    {"MAP_A1", -1,
     "needed where a thread reads CLOSING and then an older word of the slot above: no case reaches that yet"},
    {"MAP_R1", -1, "as MAP_A1"},
    {"MAP_A3", -1,
     "links are seq_cst, and the machine passes each seq_cst change on as it is executed, which is more than RC11 promises: by RC11 it "
     "orders the unlinking of a bucket before its segment's end"},
    {"MAP_R3", -1, "as MAP_A3"},
    {"DEQUE_A2", -1,
     "with DEQUE_S1 it keeps the thief's read of the cell before the owner's next write there: the machine executes a read before all writes "
     "that follow it"},
    {"MSQ_A3", -1,
     "tail is only compared; whoever moved head here had seen tail at it or beyond, and MSQ_R3 hands that on"},
    {"MSQ_A5", -1,
     "head could pass tail by one node, which the enqueuer that linked behind it still protects: no case shows harm"},
    {"MSQ_A4", -1, "head is only compared, behind a fence; what the next node holds comes by MSQ_A2"},
    {"ORPHAN_A2", -1, "full fences stand on both sides (collect.c); it only spares a look in vain"},
    {"ORPHAN_R2", -1, "as ORPHAN_A2"},
    {"RECORD_R3", -1, "as FENCE_A2"},
    {"RECORD_A4", -1, "read under the registry's lock, which orders it, or before a full fence, which acquires it"},
    {"RING_A1", -1,
     "the machine takes seq_cst operations in the order of its steps, in which an entry changes before the index moves; "
     "C11 knows other orders, in which an entry older than the index would be taken for full"},
    {"RING_R2", -1, "as RING_A1"},
    {"TREIBER_R2", -1, "a pop goes on with the release sequence of the push that it has read"},
    {NULL, 0, NULL},
};

const char *sweep_reason(const char *order, int to)
{
    for (const reason *r = reasons; r->order; r++)
        if (strcmp(r->order, order) == 0 && (r->to == -1 || r->to == to))
            return r->why;
    return NULL;
}

/* ---- one of them ---- */

void sweep_run(const kernel_case *c, size_t order, int to, const model_options *options, model_result *out)
{
    kernel_case *changed = malloc(sizeof *changed); /* the machine restores static data */
    if (!changed)
        abort();
    *changed = *c;
    if (order == kernel_order_count)
        changed->flags |= BROKEN;
    else
        kernel_order_set(order, to);
    kernel_run(changed, options, out);
    kernel_orders_reset();
    free(changed);
}

bool sweep_notices(const kernel_case *c, size_t order, int to, bool deep, model_result *out)
{
    enum { SOME = 3000 };
    const uint64_t all = deep ? 4 * (c->executions ? c->executions : 1000000) + 1000 : SOME;
    const model_options ways[] = {{.quiet = true, .search = MODEL_RANDOM, .most = SOME, .seed = 1},
                                  {.quiet = true, .search = MODEL_PCT, .most = SOME, .seed = 1, .depth = 3},
                                  {.quiet = true, .most = all}};
    out->failed = false;
    for (size_t i = 0; i < sizeof ways / sizeof *ways - !!(c->flags & LARGE) && !out->failed; i++)
        sweep_run(c, order, to, &ways[i], out);
    return out->failed;
}

typedef struct row {
    size_t order;
    int to, noticed_by; /* a case; -1: none */
    pid_t worker;
    bool over;
    char why[200];
} row;

/* The cases, small ones first, and the orders that each uses. */
typedef struct plan {
    const kernel_case *c;
    bool *used;
} plan;

static int by_size(const void *a, const void *b)
{
    uint64_t x = ((const plan *)a)->c->executions - 1, y = ((const plan *)b)->c->executions - 1;
    return x < y ? -1 : x > y; /* 0, unknown, comes last */
}

static plan *make_plan(void)
{
    plan *made = malloc(kernel_case_count * sizeof *made);
    bool *used = malloc(kernel_case_count * kernel_order_count);
    if (!made || !used)
        abort();
    for (size_t i = 0; i < kernel_case_count; i++) {
        made[i] = (plan){&kernel_cases[i], used + i * kernel_order_count};
        kernel_uses(made[i].c, made[i].used);
    }
    qsort(made, kernel_case_count, sizeof *made, by_size);
    return made;
}

static void work(row *r, const plan *cases, bool deep)
{
    bool heavy = r->order == kernel_order_count;
    for (const plan *p = cases; p < cases + kernel_case_count && r->noticed_by < 0; p++) {
        model_result result;
        if ((!heavy && !p->used[r->order]) || !sweep_notices(p->c, r->order, r->to, deep, &result))
            continue;
        r->noticed_by = (int)(p->c - kernel_cases);
        snprintf(r->why, sizeof r->why, "%s", result.why);
    }
}

/* ---- all of them ---- */

static size_t make_rows(row *rows)
{
    size_t count = 0;
    for (size_t i = 0; i < kernel_order_count; i++)
        for (const int *to = sweep_weaker(kernel_orders[i].order); *to >= 0; to++)
            rows[count++] = (row){.order = i, .to = *to, .noticed_by = -1};
    rows[count++] = (row){.order = kernel_order_count, .to = MODEL_RELAXED, .noticed_by = -1};
    return count;
}

static void start(row *r, const plan *cases, bool deep)
{
    fflush(NULL);
    pid_t worker = fork();
    if (worker <= 0) {
        work(r, cases, deep);
        r->over = true;
    }
    if (worker == 0)
        _exit(0);
    r->worker = worker; /* shared memory: only the parent writes this field */
}

static bool show(const row *r, bool docs)
{
    bool heavy = r->order == kernel_order_count, noticed = r->noticed_by >= 0;
    const char *name = heavy ? sweep_heavy_fence : kernel_orders[r->order].name;
    const char *to =
        heavy || (strcmp(name, "FULL_FENCE") == 0 && r->to == MODEL_RELAXED) ? "removed" : model_order_name(r->to);
    const char *why = sweep_reason(name, r->to);
    const char *by = noticed ? kernel_cases[r->noticed_by].name : r->over ? "nothing notices" : "the checker crashed";
    if (docs)
        printf("| %s | %s | %s | %s |\n", name, to, noticed ? by : "",
               noticed ? r->why
               : why   ? why
                       : "**nothing notices**");
    else
        printf("%-14s %-8s %-28s %s\n", name, to, by, noticed ? r->why : why ? why : "");
    fflush(stdout);
    return noticed || why;
}

static const char head[] =
    "# Every memory order, made weaker\n"
    "\n"
    "Made by `./weft model --sweep --docs`. Each named order of the library, and the fences, are weakened one at a time, and\n"
    "the cases of tests/cases/cases.c run until one fails (docs/verification.md says what the model covers). Where none\n"
    "does, the reason is written here. `//tests/cases:kernels_test` checks each line again. To see a failure step by step:\n"
    "`./weft model --case CASE --weaken ORDER=TO`.\n"
    "\n"
    "| order | becomes | noticed by | what happens, or why nothing does |\n"
    "|---|---|---|---|\n";

size_t sweep_all(bool deep, bool docs)
{
    size_t room = kernel_order_count * 4 + 1, next = 0, unexplained = 0, noticed = 0;
    row *rows = mmap(NULL, room * sizeof *rows, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (rows == MAP_FAILED)
        abort();
    size_t count = make_rows(rows);
    const plan *cases = make_plan(); /* kept until the program ends */
    fputs(docs ? head : "", stdout);
    long workers = sysconf(_SC_NPROCESSORS_ONLN);
    for (size_t shown = 0; shown < count; shown++) {
        for (; next < count && next < shown + (size_t)workers; next++)
            start(&rows[next], cases, deep);
        if (isatty(STDERR_FILENO))
            fprintf(stderr, "\r%zu of %zu\033[K", shown + 1, count);
        if (rows[shown].worker > 0)
            (void)waitpid(rows[shown].worker, NULL, 0);
        if (isatty(STDERR_FILENO))
            fputs("\r\033[K", stderr);
        unexplained += !show(&rows[shown], docs);
        noticed += rows[shown].noticed_by >= 0;
    }
    if (!docs)
        printf("%zu of %zu weakenings are noticed, %zu have a written reason, %zu neither\n", noticed, count,
               count - noticed - unexplained, unexplained);
    (void)munmap(rows, room * sizeof *rows);
    return unexplained;
}
