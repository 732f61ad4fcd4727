#ifndef BENCH_SAY_H
#define BENCH_SAY_H

/* One line on standard error, with the program's name in front. */
void bench_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
