/*
 * Weft's version, by semantic versioning (semver.org, 2.0.0). A program that compiles, or is linked, with one version
 * works so with every later version of the same major number; this holds for 0, too. The shared library's name ends
 * with the major number, and each symbol carries the version that introduced it. Names that begin with weft_i_ or
 * WEFT_I_, and headers marked private, are not for users and not covered.
 */
#ifndef WEFT_BASE_VERSION_H
#define WEFT_BASE_VERSION_H

#include <weft/base/defs.h>

/* Raised by changes that break programs. */
#define WEFT_VERSION_MAJOR 0
/* Raised by additions. */
#define WEFT_VERSION_MINOR 1
/* Raised by corrections. */
#define WEFT_VERSION_PATCH 0
/* The three numbers, with dots. */
#define WEFT_VERSION_STRING "0.1.0"

/* For comparison: 10000 times the major number, plus 100 times the minor one, plus the patch. */
#define WEFT_VERSION (WEFT_VERSION_MAJOR * 10000 + WEFT_VERSION_MINOR * 100 + WEFT_VERSION_PATCH)

WEFT_BEGIN_DECLS

/* WEFT_VERSION of the library that is linked, which may be newer than the headers. Wait-free. */
WEFT_API WEFT_NODISCARD unsigned weft_version(void);

/* WEFT_VERSION_STRING of the library that is linked. Never freed. Wait-free. */
WEFT_API WEFT_NODISCARD const char *weft_version_string(void);

WEFT_END_DECLS

#endif
