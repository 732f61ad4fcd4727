/* The bench's peers and baselines, through its adapters, as check/history/drive.h drives them. */
#ifndef WEFT_TESTS_CASES_SUBJECTS_BENCH_H
#define WEFT_TESTS_CASES_SUBJECTS_BENCH_H

#include "check/history/drive.h"

/* Makes subjects of all adapters that hold values and are not Weft's, `room` at most. Returns their number. */
size_t lin_bench_subjects(lin_subject *out, size_t room);

#endif
