/* Weft's structures, as check/history/drive.h drives them. */
#ifndef WEFT_TESTS_CASES_SUBJECTS_H
#define WEFT_TESTS_CASES_SUBJECTS_H

#include "check/history/drive.h"

/* Each structure under each scheme; ends with NULL. */
extern const lin_subject *const lin_weft_subjects[];

/* Shows what a violation looks like: a stack that claims to be a queue. */
extern const lin_subject lin_broken_queue;

#endif
