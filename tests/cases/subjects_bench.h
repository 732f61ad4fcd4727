/* Structures behind the bench's adapter interface, as the laboratory drives them: peers and baselines. */
#ifndef WEFT_TESTS_CASES_SUBJECTS_BENCH_H
#define WEFT_TESTS_CASES_SUBJECTS_BENCH_H

#include "check/history/drive.h"

/* Makes subjects of all adapters that hold values and are not Weft's; at most `room`. Returns how many. */
size_t lin_bench_subjects(lin_subject *out, size_t room);

#endif
