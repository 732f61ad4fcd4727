/* What --help and --list print. */
#ifndef BENCH_HELP_H
#define BENCH_HELP_H

void bench_options_help(void);
void bench_options_list(void);

#endif
