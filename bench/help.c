#include "bench/help.h"
#include "bench/report/table.h"

#include <stdio.h>
#include <string.h>

void bench_options_help(void)
{
    fputs(
        "usage: ./weft bench [options] [FILE...]\n"
        "\n"
        "Measures Weft beside mutex-guarded baselines and other libraries, on this machine, now. Rounds of all\n"
        "implementations are interleaved; tables give their median, least and most.\n"
        "Without options: everything, about half an hour. Progress goes to standard error, tables to standard output.\n"
        "\n"
        "what to run (comma lists; all that is named is run)\n"
        "  --family LIST        queue, stack, ring, spsc, mailbox, deque, map, reclaim, words\n"
        "  --workload LIST      queue, stack, ring: pairs, 1:1, 1:3, 1:N, N:1, burst; spsc: 1:1, pairs (1 thread); mailbox:\n"
        "                       N:1, pairs (1 thread); these, queue, ring: round-trip (times only); deque: owner (and thieves);\n"
        "                       map: 100/0/0, 90/5/5, 50/25/25 (get/insert/remove), fill (a new one); reclaim: enter-leave, read,\n"
        "                       stalled; words\n"
        "  --impl LIST          implementations, as --list shows them (floor-xadd is always there with queue and stack)\n"
        "  --threads LIST       default 1,2,4,8; auto: 1 to twice the processors\n"
        "  --work LIST          ns of private work after each operation of a container or map, 0 to 1000000; default 0. Rows\n"
        "                       without work (reclaim, words, round-trip) are measured if 0 is in the list, as in 0,100\n"
        "  --keys LIST          entries in the map, drawn from twice as many keys; default 1Ki,100Ki,1Mi,10Mi\n"
        "  --distribution LIST  uniform, zipf (exponent 0.99); default both\n"
        "  --huge-pages WHICH   on, off, both: for all implementations alike; default both for map, on for the others and with --peers\n"
        "  --quick              a useful table within a minute per family: threads 1,2,8, keys 1Ki,1Mi, uniform\n"
        "  --peers              also every library that can be installed; with --quick: 2 threads, pairs and 90/5/5 only\n"
        "\n",
        stdout);
    fputs(
        "how to measure\n"
        "  --rounds N           default 5\n"
        "  --duration-ms N      of one measurement; default 100, with --peers 50, with --quick what fits\n"
        "  --pin POLICY         spread (default): each thread on a core of its own, sockets in turn; compact: neighbours\n"
        "                       first; none. More threads than processors are not pinned\n"
        "  --latency            adds p50 to p99.99 and max of single operations, from runs of their own: of the first workload\n"
        "                       (90/5/5, read) or those named, at 1,2,4,8,32 threads or those named; each operation when the one\n"
        "                       before has ended, and again with operations due at fixed times, even if one is late. Queues also:\n"
        "                       round-trip: to another thread, and back by a second queue\n"
        "  --rate M             operations due, in millions per second, of all threads together; default half of what the mutex does\n"
        "  --memory             adds bytes per element, and the most under load or beside a stalled reader, from runs of their own\n"
        "\n"
        "what to print\n"
        "  --json FILE          all rows and the machine as one JSON object; '-': to standard output instead of tables\n"
        "  --html FILE          the same as one page that a browser shows without a network; adds --latency and --memory\n"
        "  --from FILE          with --html: of what --json wrote, nothing is measured\n"
        "  --measured FILE      writes docs/measured.md and .svg, and README.md's table, here of what --json wrote\n"
        "  --compare OLD [NEW]  two such files row by row, or one with a run that the other options describe; exit status 1\n"
        "                       where something is slower, beyond noise, by more than --threshold PERCENT (default 5)\n"
        "  --resume             with the options of a run that was interrupted (by Ctrl-C, say): goes on with what --json holds\n"
        "  --count              what each operation of Weft costs in instructions (where valgrind is installed), atomic\n"
        "                       operations, fences and shared lines: figures that no noise moves; with --json FILE or alone\n"
        "  --list               the implementations, with the limits of each\n"
        "  --help\n"
        "\n"
        "FILE...: the text that --family words counts; default: text files below /usr/share/doc,\n"
        "/usr/share/common-licenses and this repository, at most 32 MiB.\n"
        "\n"
        "An implementation that crashes or does not end is named and left out. Exit status: 0 success, 1 one of ours lost\n"
        "or invented a value, or returned a wrong one, or a file could not be written; 2 wrong use, not built, or no\n"
        "standard output; 130 interrupted.\n",
        stdout);
}

void bench_options_list(void)
{
    for (const bench_impl **at = bench_impls; *at; at++) {
        const bench_impl *impl = *at;
        printf("%-8s %-12s %-7s ", bench_family_names[impl->family], impl->name, impl->scheme ? impl->scheme : "-");
        bench_print_note(stdout, impl);
    }
}
