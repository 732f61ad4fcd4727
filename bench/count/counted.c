/* weft-counted: prints each operation's accesses to shared memory as JSON: the number of calls, and sums over them. */
#include "bench/count/operations.h"
#include "bench/count/tally.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { WARM = 4096, COUNTED = 8192, MOST = 16 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned turn; /* its parity is the thread whose turn it is */
    count_place place;
    unsigned first, count; /* operations */
    count_sums sums[MOST];
} run = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void *take_turns(void *argument)
{
    unsigned number = argument ? 1 : 0;
    pthread_mutex_lock(&run.lock);
    void *thread = count_thread(&run.place);
    for (unsigned i = 0; i < WARM + COUNTED; i++) {
        while (run.turn % 2 != number)
            pthread_cond_wait(&run.changed, &run.lock);
        for (unsigned o = 0; o < run.count; o++) {
            count_begin(number);
            count_operations[run.first + o].run(&run.place, thread, number);
            count_end(i < WARM ? NULL : &run.sums[o]);
        }
        run.turn++;
        pthread_cond_signal(&run.changed);
    }
    run.place.impl->thread_end(run.place.object, thread);
    pthread_mutex_unlock(&run.lock);
    return NULL;
}

static void print(const char *scheme, const char **between)
{
    for (unsigned o = 0; o < run.count; o++) {
        const count_operation *operation = &count_operations[run.first + o];
        const count_sums *s = &run.sums[o];
        double n = (double)s->calls;
        printf(
            "%s{\"structure\": \"%s\", \"operation\": \"%s\", \"function\": \"%s\", \"scheme\": \"%s\", \"calls\": %.0f, \"loads\": %.3f, "
            "\"stores\": %.3f, \"rmws\": %.3f, \"shared_rmws\": %.3f, \"fences\": %.3f, \"shared_lines\": %.3f}",
            *between, operation->structure, operation->name, operation->function, scheme, n, (double)s->loads / n,
            (double)s->stores / n, (double)s->rmws / n, (double)s->shared_rmws / n, (double)s->fences / n,
            (double)s->shared_lines / n);
        *between = ",\n";
    }
}

static int count_structure(const char *scheme)
{
    pthread_t other;
    count_create(&run.place, &count_operations[run.first], scheme);
    count_reset();
    memset(run.sums, 0, sizeof run.sums);
    run.turn = 0;
    if (pthread_create(&other, NULL, take_turns, &run) != 0) {
        fputs("weft bench: error: no second thread\n", stderr);
        return 1;
    }
    take_turns(NULL);
    pthread_join(other, NULL);
    count_destroy(&run.place);
    return 0;
}

int main(void)
{
    static const char *const schemes[] = {"hazard", "epoch"};
    const char *between = "[\n";
    for (run.first = 0; count_operations[run.first].structure; run.first += run.count) {
        for (run.count = 1; count_is_of(&count_operations[run.first + run.count], &count_operations[run.first]);)
            run.count++;
        bench_family family = count_operations[run.first].family;
        bool plain = family == BENCH_RING || family == BENCH_SPSC || family == BENCH_MAILBOX; /* they have no domain */
        for (unsigned s = 0; s < (plain ? 1 : 2); s++) {
            const char *scheme = plain ? "" : schemes[s];
            if (count_structure(scheme) != 0)
                return 1;
            print(scheme, &between);
        }
    }
    puts("\n]");
    return fflush(stdout) != 0 || ferror(stdout);
}
