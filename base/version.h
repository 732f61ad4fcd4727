/*
 * Weft's version, by semantic versioning (semver.org, 2.0.0): a program that compiles, or is linked, with one version is
 * so with every later one of the same first number; that goes for 0, too. The shared library's name ends with that number,
 * and its symbols carry the version that brought them. What begins with weft_i_ or WEFT_I_ is not for use, and not
 * covered, and neither is what a header marks private.
 */
#ifndef WEFT_BASE_VERSION_H
#define WEFT_BASE_VERSION_H

#include <weft/base/defs.h>

/* Raised by what breaks programs. */
#define WEFT_VERSION_MAJOR 0
/* Raised by what is new. */
#define WEFT_VERSION_MINOR 1
/* Raised by what is mended. */
#define WEFT_VERSION_PATCH 0
/* The three, with dots. */
#define WEFT_VERSION_STRING "0.1.0"

/* For comparing: 10000 times the first, 100 times the second, and the third. */
#define WEFT_VERSION (WEFT_VERSION_MAJOR * 10000 + WEFT_VERSION_MINOR * 100 + WEFT_VERSION_PATCH)

WEFT_BEGIN_DECLS

/* WEFT_VERSION of the library that is linked, which may be newer than the headers. Wait-free. */
WEFT_API WEFT_NODISCARD unsigned weft_version(void);

/* The same as WEFT_VERSION_STRING. Never freed. Wait-free. */
WEFT_API WEFT_NODISCARD const char *weft_version_string(void);

WEFT_END_DECLS

#endif
