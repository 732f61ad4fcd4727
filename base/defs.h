/* Names that every Weft header uses: language glue, attributes, cache lines. */
#ifndef WEFT_BASE_DEFS_H
#define WEFT_BASE_DEFS_H

#if defined(__cplusplus) ? __cplusplus < 201703L : !defined(__STDC_VERSION__) || __STDC_VERSION__ < 201112L
#error "Weft needs C11 or C++17: compile with -std=c11 or -std=c++17, or later"
#endif

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

/*
 * Visibility. WEFT_API: for users of the library; a build may define it as another attribute, or as nothing.
 * WEFT_I_PRIVATE: for the library's own files. A definition takes its declaration's linkage; the definition of an
 * object says WEFT_I_OBJECT. With WEFT_STATIC, in the single header, all names belong to the including file.
 */
#ifdef WEFT_STATIC
#undef WEFT_API
#define WEFT_API static __attribute__((unused))
#define WEFT_I_PRIVATE static __attribute__((unused))
#define WEFT_API_OBJECT static __attribute__((unused))
#define WEFT_I_PRIVATE_OBJECT static __attribute__((unused))
#define WEFT_I_OBJECT static
#else
#ifndef WEFT_API
#define WEFT_API __attribute__((visibility("default")))
#endif
#define WEFT_I_PRIVATE __attribute__((visibility("hidden")))
#define WEFT_API_OBJECT extern WEFT_API
#define WEFT_I_PRIVATE_OBJECT extern WEFT_I_PRIVATE
#define WEFT_I_OBJECT
#endif
#define WEFT_NODISCARD __attribute__((warn_unused_result))

#define weft_i_likely(x) __builtin_expect(!!(x), 1)
#define weft_i_unlikely(x) __builtin_expect(!!(x), 0)

/* Inlining is forced only when optimising, so that a debugger can step through ordinary calls otherwise. */
#ifdef __OPTIMIZE__
#define weft_i_inline static inline __attribute__((always_inline, unused))
#else
#define weft_i_inline static inline __attribute__((unused))
#endif
#define weft_i_noinline __attribute__((noinline, unused))

/* A thread-local variable that is reached without a call. */
#define WEFT_I_THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))

/* Two lines, because x86-64 and Apple's and some other arm64 cores fetch lines in pairs. */
#define WEFT_I_LINE 128
#define weft_i_aligned __attribute__((aligned(WEFT_I_LINE)))

weft_i_inline size_t weft_i_round_up(size_t size, size_t alignment)
{
    return (size + alignment - 1) / alignment * alignment;
}

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
