/*
 * The forms in which Weft's rings are measured, for each KIND of structures.def: its flags are its own, and a ring that
 * serves one producer and one consumer by them stands beside those that serve no others.
 *
 * WEFT_RING_FORMS(X, ...) is X(FAMILY, name, form, suffix, flags, ...) for each of them.
 */
#ifndef BENCH_RING_FORMS_H
#define BENCH_RING_FORMS_H

#include "structures.def"

/* clang-format off */
#define WEFT_FORMS_OF_SPSC(X, name, ...)                                            \
    X(SPSC, name, name, "", 0, __VA_ARGS__)                                         \
    X(SPSC, name, name##_stamped, "-stamped", WEFT_SPSC_STAMPED, __VA_ARGS__)
#define WEFT_FORMS_OF_RING(X, name, ...)                                            \
    X(RING, name, name, "", 0, __VA_ARGS__)                                         \
    X(SPSC, name, name##_one_each, "-one-each", WEFT_RING_ONE_PRODUCER | WEFT_RING_ONE_CONSUMER, __VA_ARGS__)

#define WEFT_FORMS_OF(KIND, name, X, ...) WEFT_FORMS_OF_##KIND(X, name, __VA_ARGS__)
#define WEFT_RING_FORMS(X, ...) WEFT_RINGS(WEFT_FORMS_OF, X, __VA_ARGS__)
/* clang-format on */

#endif
