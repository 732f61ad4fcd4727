/* Names that every Weft header uses: language glue, attributes, cache lines. */
#ifndef WEFT_BASE_DEFS_H
#define WEFT_BASE_DEFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define WEFT_BEGIN_DECLS extern "C" {
#define WEFT_END_DECLS }
#else
#define WEFT_BEGIN_DECLS
#define WEFT_END_DECLS
#endif

#define WEFT_API __attribute__((visibility("default")))
#define WEFT_NODISCARD __attribute__((warn_unused_result))

#define weft_i_likely(x) __builtin_expect(!!(x), 1)
#define weft_i_unlikely(x) __builtin_expect(!!(x), 0)

/* Force inlining only when optimising: a debugger then still steps through ordinary calls. */
#ifdef __OPTIMIZE__
#define weft_i_inline static inline __attribute__((always_inline, unused))
#else
#define weft_i_inline static inline __attribute__((unused))
#endif
#define weft_i_noinline __attribute__((noinline))

/* Two lines, because x86-64 and Apple's and some other arm64 cores fetch lines in pairs. */
#define WEFT_I_LINE 128
#define weft_i_aligned __attribute__((aligned(WEFT_I_LINE)))

#if defined(__SANITIZE_ADDRESS__)
#define WEFT_I_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_I_ASAN 1
#endif
#endif
#ifndef WEFT_I_ASAN
#define WEFT_I_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define WEFT_I_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEFT_I_TSAN 1
#endif
#endif
#ifndef WEFT_I_TSAN
#define WEFT_I_TSAN 0
#endif

#endif
