/*
 * Weft 0.1.0, the whole library in one header, made by ./weft amalgamate: edit the files that the sections name, not this one.
 *
 * One C file of the program defines WEFT_IMPLEMENTATION before it includes this file. All others only include it, from C11 or
 * C++17. If a file defines WEFT_STATIC, which implies WEFT_IMPLEMENTATION, it gets a library of its own, and no other file
 * can use the objects of that library. Link with -pthread.
 *
 * If a shared object of yours must not export Weft's functions, define WEFT_API before each inclusion, as another attribute
 * than __attribute__((visibility("default"))) or as nothing. A shared object that contains the implementation must stay in
 * memory after dlclose, since threads that used it run its exit hooks when they end. With glibc it arranges that itself when it
 * is loaded, musl never unloads anything, and elsewhere you link it with -Wl,-z,nodelete.
 *
 * Documentation: the comments of the public part below.
 *
 * BSD 2-Clause License
 *
 * Copyright (c) 2026, The Weft authors
 *
 * Redistribution and use in source and binary forms, with or without
 * modification, are permitted provided that the following conditions are met:
 *
 * 1. Redistributions of source code must retain the above copyright notice, this
 *    list of conditions and the following disclaimer.
 *
 * 2. Redistributions in binary form must reproduce the above copyright notice,
 *    this list of conditions and the following disclaimer in the documentation
 *    and/or other materials provided with the distribution.
 *
 * THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS"
 * AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE
 * IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
 * DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE
 * FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL
 * DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
 * SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER
 * CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY,
 * OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE
 * OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
 */

#if defined(__cplusplus) ? __cplusplus < 201703L : !defined(__STDC_VERSION__) || __STDC_VERSION__ < 201112L
#error "Weft needs C11 or C++17: compile with -std=c11 or -std=c++17, or later"
typedef int weft_i_refused;
#else

/* ---- base/defs.h ---- */

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

/* ---- base/atomic.h ---- */

/*
 * The atomics seam. Weft touches all shared memory through the macros below, and nothing else in the library includes
 * <stdatomic.h>. In a normal build they are the C11 `_explicit` operations (C++: std::atomic's members). A build with
 * -DWEFT_SEAM='"header.h"' takes this part and that of base/seam.h from that header instead.
 *
 * Public here: weft_atomic_ptr, the type of every pointer field that a guard may protect, and four helpers that
 * read the same in C and C++. Size and alignment are those of a plain pointer.
 */
#ifndef WEFT_BASE_ATOMIC_H
#define WEFT_BASE_ATOMIC_H


#ifdef WEFT_SEAM

#include WEFT_SEAM

#elif defined(__cplusplus)

#include <atomic>

typedef std::atomic<void *> weft_atomic_ptr;
typedef std::atomic<size_t> weft_i_atomic_size;
typedef std::atomic<int> weft_i_atomic_int;
typedef std::atomic<uint64_t> weft_i_atomic_wide;

/* Brings the C names of the orders into a function's scope. */
#define WEFT_I_ORDERS                                                                                                  \
    using std::memory_order_relaxed;                                                                                   \
    using std::memory_order_acquire;                                                                                   \
    using std::memory_order_release;                                                                                   \
    using std::memory_order_acq_rel;                                                                                   \
    using std::memory_order_seq_cst;                                                                                   \
    (void)memory_order_relaxed;                                                                                        \
    (void)memory_order_acquire;                                                                                        \
    (void)memory_order_release;                                                                                        \
    (void)memory_order_acq_rel;                                                                                        \
    (void)memory_order_seq_cst;

#define weft_i_load(p, order) ((p)->load(order))
#define weft_i_store(p, v, order) ((p)->store((v), (order)))
#define weft_i_exchange(p, v, order) ((p)->exchange((v), (order)))
#define weft_i_cas(p, expected, desired, success, failure)                                                             \
    ((p)->compare_exchange_strong(*(expected), (desired), (success), (failure)))
#define weft_i_compiler_fence() std::atomic_signal_fence(std::memory_order_seq_cst)

#else

#include <stdatomic.h>

/* A pointer whose target guards may protect. */
typedef void *_Atomic weft_atomic_ptr;
typedef _Atomic(size_t) weft_i_atomic_size;
typedef atomic_int weft_i_atomic_int;
typedef _Atomic(uint64_t) weft_i_atomic_wide; /* on 32-bit machines by their instructions for two words */

#define WEFT_I_ORDERS

#define weft_i_load(p, order) atomic_load_explicit((p), (order))
#define weft_i_store(p, v, order) atomic_store_explicit((p), (v), (order))
#define weft_i_exchange(p, v, order) atomic_exchange_explicit((p), (v), (order))
#define weft_i_cas(p, expected, desired, success, failure)                                                             \
    atomic_compare_exchange_strong_explicit((p), (expected), (desired), (success), (failure))
#define weft_i_fetch_add(p, v, order) atomic_fetch_add_explicit((p), (v), (order))
#define weft_i_fetch_sub(p, v, order) atomic_fetch_sub_explicit((p), (v), (order))
#define weft_i_fetch_or(p, v, order) atomic_fetch_or_explicit((p), (v), (order))

/*
 * For shared fields that are not atomic: a pair of orders elsewhere makes each access exclusive, or the field constant.
 */
#define weft_i_read(p) (*(p))
#define weft_i_write(p, v) ((void)(*(p) = (v)))

#define weft_i_compiler_fence() atomic_signal_fence(memory_order_seq_cst)

#if WEFT_I_TSAN
/* The thread sanitizer does not model fences: a read-modify-write of one word that all fences share orders more. */
WEFT_API_OBJECT weft_i_atomic_int weft_i_tsan_fence_word;
#define weft_i_full_fence() ((void)atomic_fetch_add_explicit(&weft_i_tsan_fence_word, 0, memory_order_seq_cst))
#else
#define weft_i_full_fence() atomic_thread_fence(memory_order_seq_cst)
#endif

#endif

#ifdef __cplusplus
static_assert(sizeof(weft_atomic_ptr) == sizeof(void *) && alignof(weft_atomic_ptr) == alignof(void *),
              "weft_atomic_ptr must be laid out as a plain pointer in C and C++ alike");
#else
_Static_assert(sizeof(weft_atomic_ptr) == sizeof(void *) && _Alignof(weft_atomic_ptr) == _Alignof(void *),
               "weft_atomic_ptr must be laid out as a plain pointer in C and C++ alike");
#endif

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_PTR_A1 memory_order_acquire /* weft_ptr_load -> WEFT_PTR_R1, WEFT_PTR_X1, WEFT_PTR_X2: sees what was written before the pointer was published */
#define WEFT_PTR_R1 memory_order_release /* weft_ptr_store -> WEFT_PTR_A1: publishes what the pointer leads to */
#define WEFT_PTR_X1 memory_order_acq_rel /* weft_ptr_cas -> WEFT_PTR_A1, WEFT_PTR_X1: publishes the new target, sees the old one */
#define WEFT_PTR_X2 memory_order_acq_rel /* weft_ptr_exchange -> WEFT_PTR_A1, WEFT_PTR_X2: publishes the new target, sees the old one */
#endif
/* clang-format on */

WEFT_BEGIN_DECLS

/* Reads a guarded field without protecting its target: for comparison, and for pointers that no thread frees. */
static inline void *weft_ptr_load(weft_atomic_ptr *source)
{
    WEFT_I_ORDERS
    return weft_i_load(source, WEFT_PTR_A1);
}

/* Publishes `value`, with all that this thread wrote before. */
static inline void weft_ptr_store(weft_atomic_ptr *target, void *value)
{
    WEFT_I_ORDERS
    weft_i_store(target, value, WEFT_PTR_R1);
}

/* Replaces *expected by desired; on failure writes what was found into *expected and returns false. */
static inline bool weft_ptr_cas(weft_atomic_ptr *target, void **expected, void *desired)
{
    WEFT_I_ORDERS
    return weft_i_cas(target, expected, desired, WEFT_PTR_X1, WEFT_PTR_A1);
}

/* Stores `value` and returns the old one, which is the caller's alone if all changes of the field are exchanges. */
static inline void *weft_ptr_exchange(weft_atomic_ptr *target, void *value)
{
    WEFT_I_ORDERS
    return weft_i_exchange(target, value, WEFT_PTR_X2);
}

WEFT_END_DECLS

#endif

/* ---- base/typed.h ---- */

/*
 * Typed views of the structures, for C. All have one form: WEFT_X_OF(name, type...) declares a type `name` and a static
 * inline function name_VERB for each weft_x_VERB (of queues and stacks except the _many), with your types instead of
 * void *. Use it at file scope, once per name:
 *
 *     WEFT_X_OF(order_queue, struct order *);           // X: a queue; its header has the macro
 *     ...
 *     order_queue *queue;
 *     struct order *order;
 *     if (order_queue_create(&queue, NULL) != 0) ...
 *     if (order_queue_enqueue(queue, order) != 0) ...   // only a struct order * compiles
 *     while (order_queue_try_dequeue(queue, &order)) ...
 *
 * A type is a pointer, or an integer or enumeration no wider than one; where elements are copied, any type. Each
 * function does what the untyped one does (weft_x_enqueue...). The objects are the same: name_untyped(object) is the
 * weft_x * for functions without a typed form. C++ has <weft/weft.hpp> instead.
 */
#ifndef WEFT_BASE_TYPED_H
#define WEFT_BASE_TYPED_H


#define weft_i_typed static inline __attribute__((unused))

#define WEFT_I_TYPED_CHECK(type)                                                                                       \
    _Static_assert(sizeof(type) <= sizeof(void *), "expected a pointer or an integer no wider than one, not " #type);  \
    _Static_assert(_Generic((type)0, float : 0, double : 0, default : 1),                                              \
                   "expected a pointer or an integer, not " #type)

/* A word of any such type, and back. */
#define WEFT_I_WORD(value) ((void *)(uintptr_t)(value))
#define WEFT_I_TYPED(type, word) ((type)(uintptr_t)(word))

/* The typed functions of a queue or stack. The typedef at the end needs the semicolon that follows the macro's use. */
/* clang-format off */
#define WEFT_I_CONTAINER_OF(name, type, structure, put, take)                                                          \
    WEFT_I_TYPED_CHECK(type);                                                                                          \
    typedef struct name name;                                                                                          \
    typedef struct name##_i_each {                                                                                     \
        void (*function)(type value, void *ctx);                                                                       \
        void *ctx;                                                                                                     \
    } name##_i_each;                                                                                                   \
    weft_i_typed void name##_i_call(void *value, void *each)                                                           \
    {                                                                                                                  \
        ((name##_i_each *)each)->function(WEFT_I_TYPED(type, value), ((name##_i_each *)each)->ctx);                    \
    }                                                                                                                  \
    weft_i_typed structure *name##_untyped(name *typed) { return (structure *)(void *)typed; }                         \
    WEFT_NODISCARD weft_i_typed int name##_create(name **out, weft_domain *domain)                                     \
    {                                                                                                                  \
        structure *made = NULL;                                                                                        \
        int error = structure##_create(out ? &made : NULL, domain);                                                    \
        if (out)                                                                                                       \
            *out = (name *)(void *)made;                                                                               \
        return error;                                                                                                  \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_##put(name *typed, type value)                                              \
    {                                                                                                                  \
        return structure##_##put(name##_untyped(typed), WEFT_I_WORD(value));                                           \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_##take(name *typed, type *value)                                           \
    {                                                                                                                  \
        void *word;                                                                                                    \
        if (!value || !structure##_##take(name##_untyped(typed), &word))                                               \
            return false;                                                                                              \
        *value = WEFT_I_TYPED(type, word);                                                                             \
        return true;                                                                                                   \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_is_empty(name *typed) { return structure##_is_empty(name##_untyped(typed)); }\
    weft_i_typed void name##_destroy(name *typed, void (*drain)(type value, void *ctx), void *ctx)                     \
    {                                                                                                                  \
        name##_i_each call = {drain, ctx};                                                                             \
        structure##_destroy(name##_untyped(typed), drain ? name##_i_call : NULL, &call);                               \
    }                                                                                                                  \
    typedef name name##_i_end

/* The typed functions where elements are objects of any type, which are copied: they are passed by address. */
#define WEFT_I_RING_OF(name, type, structure)                                                                          \
    typedef struct name name;                                                                                          \
    weft_i_typed structure *name##_untyped(name *typed) { return (structure *)(void *)typed; }                         \
    WEFT_NODISCARD weft_i_typed int name##_create(name **out, size_t capacity, unsigned flags)                         \
    {                                                                                                                  \
        structure *made = NULL;                                                                                        \
        int error = structure##_create(out ? &made : NULL, capacity, sizeof(type), flags);                             \
        if (out)                                                                                                       \
            *out = (name *)(void *)made;                                                                               \
        return error;                                                                                                  \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_try_push(name *typed, type const *element)                                 \
    {                                                                                                                  \
        return structure##_try_push(name##_untyped(typed), element);                                                   \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_try_pop(name *typed, type *element)                                        \
    {                                                                                                                  \
        return structure##_try_pop(name##_untyped(typed), element);                                                    \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed size_t name##_push_many(name *typed, type const *elements, size_t count)               \
    {                                                                                                                  \
        return structure##_push_many(name##_untyped(typed), elements, count);                                          \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed size_t name##_pop_many(name *typed, type *elements, size_t count)                      \
    {                                                                                                                  \
        return structure##_pop_many(name##_untyped(typed), elements, count);                                           \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed size_t name##_size(name *typed) { return structure##_size(name##_untyped(typed)); }    \
    WEFT_NODISCARD weft_i_typed size_t name##_capacity(name *typed)                                                    \
    {                                                                                                                  \
        return structure##_capacity(name##_untyped(typed));                                                            \
    }                                                                                                                  \
    weft_i_typed void name##_destroy(name *typed) { structure##_destroy(name##_untyped(typed)); }                      \
    typedef name name##_i_end
/* clang-format on */

#endif

/* ---- base/version.h ---- */

/*
 * Weft's version, by semantic versioning (semver.org, 2.0.0). A program that compiles, or is linked, with one version
 * works so with every later version of the same major number; this holds for 0, too. The shared library's name ends
 * with the major number, and each symbol carries the version that introduced it. Names that begin with weft_i_ or
 * WEFT_I_, and headers marked private, are not for users and not covered.
 */
#ifndef WEFT_BASE_VERSION_H
#define WEFT_BASE_VERSION_H


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

/* ---- reclaim/thread.h ---- */

/*
 * The public part of a thread's record, which weft_enter, weft_protect and weft_leave use inline. It is ABI: its
 * layout is tied to the name of the thread-local pointer below, so that objects built against another layout do not
 * link. Nothing here is for users to touch.
 *
 * A slot is what one guard holds: up to three protected pointers, or an epoch, and the guard's domain. The first slot
 * is taken by writing its domain. The others, for nested guards, are taken by a bit of `free`. Only the owner and its
 * signal handlers write slots. A handler that enters and leaves in balance, in any order, restores what it interrupted.
 */
#ifndef WEFT_RECLAIM_THREAD_H
#define WEFT_RECLAIM_THREAD_H


WEFT_BEGIN_DECLS

enum { WEFT_I_WORDS = 3 };

/* Pointers without their low 3 bits, or in word[0] an (odd) epoch. */
typedef struct weft_i_words {
    weft_atomic_ptr word[WEFT_I_WORDS];
} weft_i_words;

typedef struct weft_i_slot {
    weft_i_words words;     /* first: a guard points here */
    weft_atomic_ptr domain; /* NULL: not in use */
} weft_i_slot;

enum { WEFT_I_SLOTS = 32 };

typedef struct weft_i_thread {
    weft_i_atomic_size free; /* bit i: slot i may be taken, from 1 on */
    void *default_domain;
    weft_i_atomic_int attention; /* not 0: call weft_i_publish_slow after publishing */
    weft_i_atomic_int thread_id;
    void *reserved[5];
    weft_i_slot slot[WEFT_I_SLOTS];
} weft_i_thread;

/* Never NULL: before a thread has a record it points to one without slots. */
WEFT_API_OBJECT WEFT_I_THREAD_LOCAL weft_i_thread *weft_i_self_1;

/* Answers a handshake. If there is no membarrier: passes a full fence and marks that in the record. */
WEFT_API void weft_i_publish_slow(weft_i_thread *thread);

#ifndef WEFT_I_THREAD_LOOKUP
#define weft_i_self() weft_i_self_1
#else
#define weft_i_self() WEFT_I_THREAD_LOOKUP()
#endif

/* The light side of the asymmetric fence: between publishing a word and the reads that rely on it. */
static inline void weft_i_light_fence(weft_i_thread *thread)
{
    WEFT_I_ORDERS
    /* if a signal handler passes a fence after the load of `attention`, what was published comes before that fence,
       too */
    weft_i_compiler_fence();
    /* relaxed: a stale 0 does no harm: nothing is reclaimed until this record has passed a fence (reclaim/fence.c) */
    if (weft_i_unlikely(weft_i_load(&thread->attention, memory_order_relaxed) != 0))
        weft_i_publish_slow(thread);
    else
        weft_i_compiler_fence();
}

WEFT_END_DECLS

#endif

/* ---- reclaim/guard.h ---- */

/*
 * Guards keep an object alive while a thread reads it. Include <weft/reclaim/domain.h>, which has the contract; this
 * file is its inline half.
 *
 * Sources: hazard pointers, M. Michael, "Hazard Pointers: Safe Memory Reclamation for Lock-Free Objects", IEEE TPDS
 * 15(6), 2004; the fence moved to the reclaiming side as in M. Desnoyers et al., "User-Level Implementations of
 * Read-Copy Update", IEEE TPDS 23(2), 2012, section 4 (there by signals, here by membarrier(2)).
 */
#ifndef WEFT_RECLAIM_GUARD_H
#define WEFT_RECLAIM_GUARD_H


WEFT_BEGIN_DECLS

/* How a domain finds the objects that no thread can reach any more; domain.h says which scheme to use. */
typedef enum weft_scheme {
    WEFT_HAZARD = 1, /* hazard pointers: bounded garbage; a store and a second read per pointer */
    WEFT_EPOCH = 2   /* epochs: a store per guard; garbage is unbounded while a guard is held */
} weft_scheme;

/* Opaque. */
typedef struct weft_domain weft_domain;

/*
 * A guard lives on the caller's stack. weft_enter fills it; until weft_leave it belongs to the thread that entered. It
 * must not be copied or moved. 64 bytes on 64-bit machines.
 */
typedef struct weft_guard {
    weft_i_slot *slot; /* in the thread's record, or `own` if the guard is linked into the domain; odd under epochs */
    weft_i_slot own;
    struct weft_guard *next;
    uintptr_t own_thread;
    size_t number; /* ascending in the order of linking */
} weft_guard;

/* The published head of a domain. */
typedef struct weft_i_domain_head {
    weft_scheme scheme;
    weft_i_atomic_size epoch; /* odd, so never 0; counts up by 2 */
} weft_i_domain_head;

/* weft_enter for languages that cannot inline it; the next four are for these, too. */
WEFT_API void weft_enter_outline(weft_guard *guard, weft_domain *domain);
/* weft_leave. */
WEFT_API void weft_leave_outline(weft_guard *guard);
/* weft_protect. */
WEFT_API void *weft_protect_outline(weft_guard *guard, weft_atomic_ptr *source);
/* weft_guard_set. */
WEFT_API void weft_guard_set_outline(weft_guard *guard, const void *pointer);
/* weft_guard_refresh. */
WEFT_API void weft_guard_refresh_outline(weft_guard *guard);

/* The slow halves of the inline functions. */
WEFT_API void weft_i_enter_slow(weft_guard *guard, weft_domain *domain);
WEFT_API void weft_i_leave_slow(weft_guard *guard);
/* Prints why and aborts if the guard has been left, or belongs to another thread. */
WEFT_API void weft_i_check_guard(const weft_guard *guard);
/* Prints why and aborts if the domain has been destroyed. */
WEFT_API void weft_i_check_domain(const weft_domain *domain);
#ifndef WEFT_DEBUG
#define weft_i_check_guard(guard) ((void)0)
#define weft_i_check_domain(domain) ((void)0)
#endif

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_GUARD_R1 memory_order_release /* slot's domain -> WEFT_SLOTS_A1: the guard that used the slot before, in its last domain, has been left */
#define WEFT_GUARD_R2 memory_order_release /* publish epoch -> WEFT_SLOTS_A2: a scan that sees the epoch sees the slot's domain */
#define WEFT_GUARD_A1 memory_order_acquire /* read epoch -> WEFT_EPOCHS_X1: sees the unlinking of all objects sealed under an earlier epoch */
#define WEFT_GUARD_R3 memory_order_release /* publish hazard -> WEFT_SLOTS_A2: uses of what the word protected before are over (a relaxed store was a use after free) */
#define WEFT_GUARD_A2 memory_order_acquire /* validate hazard -> WEFT_PTR_R1, WEFT_PTR_X1: sees the contents of the object that the pointer publishes */
#define WEFT_GUARD_R4 memory_order_release /* leave -> WEFT_SLOTS_A2: all uses under the guard are over */
#define WEFT_GUARD_R5 memory_order_release /* give slot back -> WEFT_SLOTS_A1: the same, for a thread that counts the guards held */
#endif
/* clang-format on */

static inline weft_scheme weft_i_scheme(const weft_domain *domain)
{
    return ((const weft_i_domain_head *)(const void *)domain)->scheme;
}

/* A hazard as it is stored: without the low bits, which users may use as tags. */
static inline void *weft_i_hazard(const void *pointer)
{
    return (void *)((uintptr_t)pointer & ~(uintptr_t)7);
}

/* A guard that is held. Passed by value, so that operations of structures keep it in registers. */
typedef struct weft_i_hold {
    weft_i_slot *slot;
    weft_i_thread *thread; /* NULL, which is then a constant: no fence is needed */
} weft_i_hold;

static inline void weft_i_hold_fence(weft_i_hold hold)
{
    if (hold.thread)
        weft_i_light_fence(hold.thread);
    else
        weft_i_compiler_fence();
}

static inline void weft_i_publish_epoch(weft_i_hold hold, weft_domain *domain)
{
    WEFT_I_ORDERS
    weft_i_domain_head *head = (weft_i_domain_head *)(void *)domain;
    weft_i_store(&hold.slot->words.word[0], (void *)(uintptr_t)weft_i_load(&head->epoch, WEFT_GUARD_A1), WEFT_GUARD_R2);
    weft_i_hold_fence(hold);
}

/* Takes the first slot. Writes to `guard` only if that slot is taken already. */
static inline weft_i_hold weft_i_begin(weft_guard *guard, weft_domain *domain, weft_scheme scheme)
{
    WEFT_I_ORDERS
    weft_i_hold hold = {NULL, weft_i_self()};
    hold.slot = &hold.thread->slot[0];
    /* relaxed: only this thread and its signal handlers write it */
    if (weft_i_unlikely(weft_i_load(&hold.slot->domain, memory_order_relaxed) != NULL)) {
        weft_i_enter_slow(guard, domain);
        hold.slot = (weft_i_slot *)(void *)((uintptr_t)guard->slot & ~(uintptr_t)1);
        hold.thread = weft_i_self();
        return hold;
    }
    weft_i_store(&hold.slot->domain, (void *)domain, WEFT_GUARD_R1);
    weft_i_compiler_fence(); /* a signal handler that runs from here on takes another slot */
    if (scheme == WEFT_EPOCH)
        weft_i_publish_epoch(hold, domain);
    return hold;
}

static inline void weft_i_end(weft_i_hold hold, weft_guard *guard)
{
    WEFT_I_ORDERS
    if (weft_i_unlikely(hold.slot != &hold.thread->slot[0])) {
        weft_i_leave_slow(guard);
        return;
    }
    weft_i_store(&hold.slot->words.word[0], NULL, WEFT_GUARD_R4);
    weft_i_store(&hold.slot->domain, NULL, WEFT_GUARD_R5);
}

static inline weft_i_hold weft_i_hold_of(const weft_guard *guard)
{
    weft_i_hold hold = {(weft_i_slot *)(void *)((uintptr_t)guard->slot & ~(uintptr_t)1), weft_i_self()};
    weft_i_check_guard(guard);
    return hold;
}

static inline bool weft_i_under_epochs(const weft_guard *guard)
{
    return (uintptr_t)guard->slot & 1;
}

static inline weft_domain *weft_i_domain_of(weft_i_hold hold)
{
    WEFT_I_ORDERS
    /* relaxed: only the guard's thread writes it */
    return (weft_domain *)weft_i_load(&hold.slot->domain, memory_order_relaxed);
}

/* Enters the domain (NULL: the default one). Cannot fail. */
static inline void weft_enter(weft_guard *guard, weft_domain *domain)
{
    if (!domain && !(domain = (weft_domain *)weft_i_self()->default_domain)) {
        weft_i_enter_slow(guard, NULL);
        return;
    }
    weft_i_check_domain(domain);
    if (weft_i_scheme(domain) == WEFT_EPOCH)
        guard->slot = (weft_i_slot *)(void *)((uintptr_t)weft_i_begin(guard, domain, WEFT_EPOCH).slot | 1);
    else
        guard->slot = weft_i_begin(guard, domain, WEFT_HAZARD).slot;
}

/* Ends the protection by the guard. Guards of one thread may be left in any order. */
static inline void weft_leave(weft_guard *guard)
{
    weft_i_end(weft_i_hold_of(guard), guard);
#ifdef WEFT_DEBUG
    guard->slot = NULL;
#endif
}

/* Protects what `source` points to now with one of the words; returns the pointer as read. */
static inline void *weft_i_protect(weft_i_hold hold, int word, weft_atomic_ptr *source, weft_scheme scheme)
{
    WEFT_I_ORDERS
    if (scheme == WEFT_EPOCH)
        return weft_i_load(source, WEFT_GUARD_A2);
    /* relaxed: nothing is read through it before the load below has confirmed it */
    void *pointer = weft_i_load(source, memory_order_relaxed);
    for (;;) {
        weft_i_store(&hold.slot->words.word[word], weft_i_hazard(pointer), WEFT_GUARD_R3);
        weft_i_hold_fence(hold);
        void *again = weft_i_load(source, WEFT_GUARD_A2);
        if (weft_i_likely(again == pointer))
            return pointer;
        pointer = again;
    }
}

/*
 * Reads a pointer and protects what it points to, until the guard is used again or left. `source` itself must stay
 * valid during the call. The low 3 bits are returned as read and otherwise ignored, so the object must begin at a
 * multiple of 8, as memory from malloc does. Lock-free; wait-free under epochs.
 */
WEFT_NODISCARD static inline void *weft_protect(weft_guard *guard, weft_atomic_ptr *source)
{
    return weft_i_under_epochs(guard) ? weft_i_protect(weft_i_hold_of(guard), 0, source, WEFT_EPOCH)
                                      : weft_i_protect(weft_i_hold_of(guard), 0, source, WEFT_HAZARD);
}

/*
 * Publishes `pointer` for callers who validate it themselves. After this call, check that the object has not been
 * retired (it is still reachable), and only then use it. The check is needed even if another guard already protects the
 * object. Alignment as for weft_protect.
 */
static inline void weft_guard_set(weft_guard *guard, const void *pointer)
{
    WEFT_I_ORDERS
    weft_i_hold hold = weft_i_hold_of(guard);
    if (weft_i_under_epochs(guard))
        return;
    weft_i_store(&hold.slot->words.word[0], weft_i_hazard(pointer), WEFT_GUARD_R3);
    weft_i_hold_fence(hold);
}

/* Ends the protection by the guard and enters again: for long readers under epochs. */
static inline void weft_guard_refresh(weft_guard *guard)
{
    WEFT_I_ORDERS
    weft_i_hold hold = weft_i_hold_of(guard);
    if (weft_i_under_epochs(guard))
        weft_i_publish_epoch(hold, weft_i_domain_of(hold));
    else
        weft_i_store(&hold.slot->words.word[0], weft_i_hazard(NULL), WEFT_GUARD_R4);
}

WEFT_END_DECLS

#endif

/* ---- reclaim/domain.h ---- */

/*
 * Safe memory reclamation: domains and guards.
 *
 * What. A thread unlinks an object from a lock-free structure while other threads may still read it. Readers hold a
 * guard, the remover retires the object, and the domain frees it once no guard can reach it. Weft's structures do this
 * inside. You can do the same for structures of your own (docs/reclamation.md goes through an example).
 *
 *     weft_guard guard;
 *     weft_enter(&guard, NULL);                            // NULL: the process's default domain
 *     struct config *c = weft_protect(&guard, &current);   // valid until the guard is left or used again
 *     use(c);
 *     weft_leave(&guard);
 *     ...
 *     old = weft_ptr_exchange(&current, fresh);
 *     weft_retire_hook(NULL, &old->hook, old, sizeof *old, free_config, NULL);
 *
 * If weft_retire finds no memory (-ENOMEM), the object still belongs to the caller, and readers may still look at it.
 * The caller can only keep it and retire it later. A barrier does not help, since it waits only for retired objects. So
 * put a weft_hook into each object that you unlink: weft_retire_hook cannot fail.
 *
 * Which scheme. WEFT_HAZARD bounds the number of pending objects, whatever a reader does. Each pointer followed costs a
 * store and a second read. Under WEFT_EPOCH following pointers is free, but one guard that is held for long holds back
 * everything that is retired meanwhile. Structures use the scheme of their domain. When in doubt, use hazard pointers,
 * the default.
 *
 * When not. Neither is needed with one reader and one writer, or where a mutex is never contended.
 *
 * Threads need no registration: the first use makes the thread's record, under a lock (weft_domain_attach does it
 * ahead). When a thread exits, Weft's exit hook leaves its guards, reclaims what the thread has retired, passes objects
 * that are still protected to the domain, and frees the record for reuse. The hook calls reclaim callbacks and the
 * domain's allocator. The thread may use Weft after its exit hook, in later destructors of its keys; this is slower.
 *
 * A reclaim callback may end its thread, by pthread_exit or because it is cancelled. This holds for a callback that the
 * exit hook or a barrier has called, too: that barrier ends, and the domain takes over the objects that it had taken.
 * It does not hold in the destructor of a key of your own, where POSIX leaves pthread_exit undefined: the C library may
 * then call no other destructor, and the thread's guards are held for ever. A signal handler must neither end its
 * thread nor fork while the thread may be inside a function of Weft, which may hold a lock.
 *
 * After a fork the child goes on with all that it inherited. Guards of the parent's other threads count as left. The
 * domain takes over what those threads had retired and what their barriers had taken. There is one exception: if such a
 * thread was moving objects from one list to another at that instant, these (one list per thread at most) are never
 * reclaimed. The library's fork handlers (pthread_atfork) call no user code, since an allocator may have locks and fork
 * handlers of its own. A fork handler of yours may use Weft if it is registered after the library was loaded, as every one is
 * that main registers. One that an earlier constructor has registered runs while the library's handlers hold its locks,
 * and must not use Weft.
 *
 * A signal handler may call what a structure's header allows it. Else it may call only enter, protect, set, refresh and
 * leave, in balance, and only in a thread that has used Weft before, and had memory for its record (weft_domain_attach
 * says). If a thread may end while it holds more than 32 guards, or any guard without a record (there was no memory for
 * one, or the exit hook has run), keep those guards, and iterators, in memory that outlives the thread. No function of
 * Weft is a cancellation point. Asynchronous cancellation (PTHREAD_CANCEL_ASYNCHRONOUS) is unsupported.
 *
 * A program compiled with -DWEFT_DEBUG aborts, and writes the reason to standard error, if it uses or leaves a guard
 * that has been left or that another thread has entered, or enters a domain that has been destroyed. If the library is
 * compiled with -DWEFT_DEBUG, too, it does the same if a destroyed structure or domain is used, if an object is retired
 * twice, or if a fork handler uses Weft that must not.
 *
 * Constants of the implementation (compile-time, for the library as a whole):
 * - A thread reclaims in batches of WEFT_BATCH retired objects (1024) or WEFT_BATCH_BYTES (4 MiB).
 * - For each batch it asks all threads to pass a fence, which each does with its next guard or operation. If some have
 *   not done so after half a batch more, one membarrier(2) interrupts the threads that run, for all batches that wait.
 *   Threads that sleep are not waited for again until they run.
 * - Then it compares the batch with what guards hold, 512 objects at a time, one such step with each 64th retirement.
 * - Then it calls two callbacks per retirement, those of four retirements at once; more if callbacks retire, too.
 * - Under epochs, after a guard that was held for long, it looks at the guards again only after an eighth as many
 *   retirements as objects wait.
 * - For its next allocations a thread keeps at most WEFT_CACHE nodes (2048) of each class: one class has 32 bytes, two
 *   have 64. A domain keeps four such lists of each class. Arrays of 16.4 KiB are a fourth class: of these 8 count as a
 *   batch (of a thread's own, not of orphans), and a list has 16 at most. Further nodes stay pending until they go back
 *   to the allocator, two per retirement. Under epochs, while the thread itself takes nodes from there, it gives back
 *   only those that it has not needed for 256 * 1024 retirements.
 *
 * Where the kernel refuses membarrier, publishing costs a full fence instead. If it refuses later, by a filter that
 * comes after the first use, each scan interrupts the processors by a change of the page tables until all threads
 * publish with fences. Where that is impossible, too (processors other than x86, AMD's INVLPGB, mlock refused), nothing
 * is reclaimed until every thread with a record has used a guard or an operation once more, or has ended; the bound
 * below does not hold until then.
 *
 * Bound on what is pending under WEFT_HAZARD. Let T be the number of threads that have used the domain and have not
 * ended yet, and H the number of words that can hold objects back: 3 for each guard held at once, and 3 for each
 * thread. Then at any time at most
 *
 *     (T + 1) * (2 * B + H)    with B = max(WEFT_BATCH, H)
 *
 * objects are retired and not yet reclaimed, however many threads have come and gone. While a barrier runs the
 * callbacks of what it has taken, the bound is twice as high. What reclaim callbacks retire is not counted. Under
 * WEFT_EPOCH there is no bound; weft_domain_stats names the thread that holds reclamation back.
 *
 * Progress: enter, leave, protect, set and refresh are lock-free. Under epochs they are wait-free. Under hazard
 * pointers they are wait-free bounded, except protect, which retries when its source changes. If a thread has more than
 * 32 guards at once, or no memory for its record, a guard links itself into the domain under a lock, which is held
 * while the list of such guards is walked. Retiring is lock-free except for the callbacks it runs. There is one
 * exception, under WEFT_HAZARD: a thread without lists of its own (no memory, its exit hook has run, or a barrier has
 * them) waits for the thread that is reclaiming the objects of such threads if two batches of them are pending.
 *
 * Errors: 0 or a negative errno; errno itself is not touched.
 */
#ifndef WEFT_RECLAIM_DOMAIN_H
#define WEFT_RECLAIM_DOMAIN_H


WEFT_BEGIN_DECLS

/*
 * Memory for structures and nodes of a domain. `free` gets the size that `alloc` was given. Both must be thread-safe.
 * Weft holds no lock while it calls them, and no fork handler calls them. They may use Weft, but not structures of the
 * same domain. They should not end their thread: then what the current call of Weft has allocated is lost, and
 * callbacks that it was about to make are not made.
 */
typedef struct weft_allocator {
    void *(*alloc)(size_t size, size_t alignment, void *ctx); /* returns NULL if there is no memory */
    void (*free)(void *memory, size_t size, void *ctx);
    void *ctx;
} weft_allocator;

/* Zero in a field means its default. */
typedef struct weft_domain_config {
    weft_scheme scheme;       /* default WEFT_HAZARD */
    weft_allocator allocator; /* default: malloc and free; both functions or neither */
    void *reserved[4];        /* zero */
} weft_domain_config;

/* Figures of one moment; exact when no other thread uses the domain. */
typedef struct weft_domain_statistics {
    size_t threads;       /* that have a place in the domain: they retired in it, used a structure of it, or attached */
    size_t guards_held;   /* by any thread */
    size_t retired;       /* objects, since the domain's creation */
    size_t reclaimed;     /* of these, given to their callback or recycled */
    size_t pending;       /* retired - reclaimed */
    size_t pending_bytes; /* of these, as far as sizes are known (weft_retire tells none) */
    size_t pending_peak;  /* highest `pending` that any batch or this call has seen */
    size_t allocated;     /* bytes held through the domain's allocator or mapped, caches included */
    uint64_t blocker_age_ns; /* since a scan first met the guard that holds objects back; 0: there is none */
    int blocker_thread;      /* id of that guard's thread, as of gettid(2); 0: none, or unknown */
    size_t reserved[6];
} weft_domain_statistics;

typedef struct weft_i_hook {
    struct weft_i_hook *next;
    const struct weft_i_kind *kind;
} weft_i_hook;

/*
 * What weft_retire_hook needs to remember. Put it into your object, or into anything that lives until the callback
 * runs.
 */
typedef struct weft_hook {
    weft_i_hook link; /* all fields are the domain's */
    void *object;
    size_t size;
    void (*reclaim)(void *object, void *ctx);
    void *ctx;
    void *reserved[2];
} weft_hook;

/*
 * Makes a domain. NULL config: defaults. -ENOMEM; -EINVAL: `out` NULL, unknown scheme, half an allocator. On error
 * *out is NULL. The domain must outlive its structures.
 */
WEFT_API WEFT_NODISCARD int weft_domain_create(weft_domain **out, const weft_domain_config *config);

/*
 * Reclaims everything that is left and frees the domain. No other thread may be using it; threads that are ending and
 * had used it are waited for. Continues as long as callbacks retire again. If a callback ends its thread, the domain
 * stays alive. -EINVAL: NULL or the default domain. -EBUSY, and nothing has happened: a guard is held, a structure uses
 * the domain, a thread is in a barrier of it, or the caller is a reclaim callback of this domain; a callback of another
 * domain while an ending thread is at work in this one; or eight nested callbacks.
 */
WEFT_API WEFT_NODISCARD int weft_domain_destroy(weft_domain *domain);

/* The process's own domain: hazard pointers, malloc. Cannot fail and cannot be destroyed. */
WEFT_API weft_domain *weft_default_domain(void);

/*
 * Hands over an unlinked object: `reclaim(object, ctx)` is called once, by any thread, when no guard protects it. The
 * caller must have made it unreachable for new readers. -ENOMEM: then nothing happened; -EINVAL: object or reclaim NULL.
 */
WEFT_API WEFT_NODISCARD int weft_retire(weft_domain *domain, void *object, void (*reclaim)(void *object, void *ctx),
                                        void *ctx);

/*
 * Like weft_retire, but needs no memory and so cannot fail. Any hazard inside [object, object + size) holds the object
 * back, so that pointers into it may be protected. `hook` must stay valid until the callback is called, which may free
 * it. A NULL hook, object or reclaim: nothing is done.
 */
WEFT_API void weft_retire_hook(weft_domain *domain, weft_hook *hook, void *object, size_t size,
                               void (*reclaim)(void *object, void *ctx), void *ctx);

/*
 * Optional: makes the thread's record and its lists in the domain now. 0 or -ENOMEM (then all works, but more slowly).
 */
WEFT_API WEFT_NODISCARD int weft_domain_attach(weft_domain *domain);

/* Reclaims what this thread and ended threads have retired and no guard holds; frees this thread's cached nodes. */
WEFT_API void weft_domain_flush(weft_domain *domain);

/*
 * Returns 0 when all that any thread had retired before the call has been reclaimed. It does not wait for objects that
 * were only unlinked. -EBUSY: the caller holds a guard of the domain, is in a reclaim callback of it, or is eight
 * callbacks deep. -ETIMEDOUT after timeout_ns (0: one try; UINT64_MAX: no limit). Blocks. Other threads may retire
 * meanwhile, and the bound holds.
 */
WEFT_API WEFT_NODISCARD int weft_domain_barrier(weft_domain *domain, uint64_t timeout_ns);

/*
 * Frees all memory that the library keeps for later: the caches and pending objects of the default domain, and the
 * records of this thread and of ended threads. Meant for a program's end, so that a leak checker finds nothing still
 * reachable; the system takes the memory back without this call, too. Preconditions: the other threads that used the
 * library have been joined, or never use it again. All domains have been destroyed, and all structures of the default
 * domain. Runs reclaim callbacks, and continues as long as these retire again; blocks only as weft_domain_barrier does.
 *
 * 0: the library is as before its first use. Any thread may use it again, and it may be shut down again. -EBUSY:
 * another thread has a record (it has used the library and has not ended), a guard is held, a structure or a domain
 * still exists, or the caller is a reclaim callback. Then nothing has happened, unless a callback that this call has
 * run is the reason: then the pending objects have been reclaimed, and nothing else has happened.
 *
 * Two things cannot be given back. In a fork's child, objects that other threads were moving from one list to another
 * stay lost. If callbacks ended a thread again and again until the system no longer called its destructors, its record
 * stays owned, and the result is -EBUSY for ever. If a program has several copies of the library (in a plugin, or with
 * WEFT_STATIC), this is about the copy that is called.
 */
WEFT_API WEFT_NODISCARD int weft_shutdown(void);

/* Fills *out; NULL out: nothing is done. */
WEFT_API void weft_domain_stats(weft_domain *domain, weft_domain_statistics *out);

WEFT_END_DECLS

#endif

/* ---- queues/deque.h ---- */

/*
 * weft_deque: work-stealing deque. Its owner pushes and pops at one end, last in, first out; any other thread steals at the
 * other end, first in, first out.
 *
 * Source: D. Chase, Y. Lev, "Dynamic circular work-stealing deque", SPAA 2005, in the C11 form of N. M. Le, A. Pop,
 * A. Cohen, F. Zappa Nardelli, "Correct and efficient work-stealing for weak memory models", PPoPP 2013, with the
 * corrections that became known since. A pop passes its full fence only while thieves come; the first one interrupts the
 * owner by membarrier(2), so that it does. Arrays are retired through the domain.
 *
 * When. A pool of workers: each has a deque of its own, and one that has nothing to do steals from another. When not: items
 * must come in their order (weft_segq); one thread puts and others take (weft_segq).
 *
 * Roles. One thread at a time is the owner: it calls push, try_pop, and steal_half into this deque. The role may pass to
 * another thread if something orders the two. Anybody, the owner included, may call try_steal, and steal_half from it.
 * create and destroy run alone.
 *
 * Cost. 8 bytes an element, in an array of a power of two, 64 at least; it doubles when it is full, which is when push may
 * fail. It is halved when at most a quarter of it was needed each time between 64 successive moments at which the owner found the
 * deque empty. Push and pop are plain reads and writes of lines that the owner has, but for the last element. A thief that
 * comes after long interrupts the threads that run (5 to 50 us); from then on each pop passes a full fence and a steal costs
 * a fence and a compare-and-swap, until 256 pops successively have met no thief. Old arrays wait in the domain for thieves
 * that still read them.
 *
 * Linearizable. A push takes effect when it stores the new bottom; a pop when it stores the lower one, or, of the last
 * element, at its compare-and-swap of top; a steal at its compare-and-swap of top; an empty answer at a read of bottom or
 * top.
 * Progress: push and pop are wait-free, but for the allocator's part and the copying when the array changes; a steal is
 * lock-free, but for a mutex that the process's first heavy fence takes, and each one after membarrier was refused late.
 * A NULL deque: -EINVAL, false, 0, or nothing done. NULL is a value like any other. No function here is a
 * cancellation point, except inside your own code that it calls (the allocator, `drain`, reclaim callbacks).
 */
#ifndef WEFT_QUEUES_DEQUE_H
#define WEFT_QUEUES_DEQUE_H


WEFT_BEGIN_DECLS

/* Opaque. */
typedef struct weft_deque weft_deque;

/* NULL domain: the default one. -ENOMEM; -EINVAL: `out` NULL. On error *out is NULL. Blocks as malloc does. */
WEFT_API WEFT_NODISCARD int weft_deque_create(weft_deque **out, weft_domain *domain);

/*
 * The owner: adds a value at its end. 0; -ENOMEM, then nothing has happened. May run reclaim callbacks when it grows; they,
 * and the allocator, may call as the owner.
 */
WEFT_API WEFT_NODISCARD int weft_deque_push(weft_deque *deque, void *value);

/* The owner: takes the value that it pushed last. False: empty, or `value` NULL. May run reclaim callbacks if empty. */
WEFT_API WEFT_NODISCARD bool weft_deque_try_pop(weft_deque *deque, void **value);

/*
 * Takes the oldest value. False: empty, or `value` NULL; also if membarrier was refused late, while some thread has not yet
 * passed a fence since, where the system has no other way to interrupt it.
 */
WEFT_API WEFT_NODISCARD bool weft_deque_try_steal(weft_deque *deque, void **value);

/*
 * The owner of `to`: steals the older half of `from`, rounded up, and pushes it into `to` in the same order. Each is a steal
 * and a push of its own; together they interrupt the owner once at most, unless it pops 256 times between two of them.
 * Returns how many. Fewer than half: others took them, or `to` had no memory. 0 also if the two are one. Lock-free.
 */
WEFT_API size_t weft_deque_steal_half(weft_deque *from, weft_deque *to);

/*
 * Frees the deque. `drain(value, ctx)` gets the values still inside, oldest first (NULL: they are dropped). No other
 * thread may be using it. Old arrays may outlive the call in the domain.
 */
WEFT_API void weft_deque_destroy(weft_deque *deque, void (*drain)(void *value, void *ctx), void *ctx);

WEFT_END_DECLS

#ifndef __cplusplus
/* A typed view: <weft/base/typed.h>. */
/* clang-format off */
#define WEFT_DEQUE_OF(name, type)                                                                                      \
    WEFT_I_TYPED_CHECK(type);                                                                                          \
    typedef struct name name;                                                                                          \
    typedef struct name##_i_each {                                                                                     \
        void (*function)(type value, void *ctx);                                                                       \
        void *ctx;                                                                                                     \
    } name##_i_each;                                                                                                   \
    weft_i_typed void name##_i_call(void *value, void *each)                                                           \
    {                                                                                                                  \
        ((name##_i_each *)each)->function(WEFT_I_TYPED(type, value), ((name##_i_each *)each)->ctx);                    \
    }                                                                                                                  \
    weft_i_typed weft_deque *name##_untyped(name *typed) { return (weft_deque *)(void *)typed; }                       \
    WEFT_NODISCARD weft_i_typed int name##_create(name **out, weft_domain *domain)                                     \
    {                                                                                                                  \
        weft_deque *made = NULL;                                                                                       \
        int error = weft_deque_create(out ? &made : NULL, domain);                                                     \
        if (out)                                                                                                       \
            *out = (name *)(void *)made;                                                                               \
        return error;                                                                                                  \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_push(name *typed, type value)                                               \
    {                                                                                                                  \
        return weft_deque_push(name##_untyped(typed), WEFT_I_WORD(value));                                             \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_try_pop(name *typed, type *value)                                          \
    {                                                                                                                  \
        void *word;                                                                                                    \
        if (!value || !weft_deque_try_pop(name##_untyped(typed), &word))                                               \
            return false;                                                                                              \
        *value = WEFT_I_TYPED(type, word);                                                                             \
        return true;                                                                                                   \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_try_steal(name *typed, type *value)                                        \
    {                                                                                                                  \
        void *word;                                                                                                    \
        if (!value || !weft_deque_try_steal(name##_untyped(typed), &word))                                             \
            return false;                                                                                              \
        *value = WEFT_I_TYPED(type, word);                                                                             \
        return true;                                                                                                   \
    }                                                                                                                  \
    weft_i_typed size_t name##_steal_half(name *from, name *to)                                                        \
    {                                                                                                                  \
        return weft_deque_steal_half(name##_untyped(from), name##_untyped(to));                                        \
    }                                                                                                                  \
    weft_i_typed void name##_destroy(name *typed, void (*drain)(type value, void *ctx), void *ctx)                     \
    {                                                                                                                  \
        name##_i_each call = {drain, ctx};                                                                             \
        weft_deque_destroy(name##_untyped(typed), drain ? name##_i_call : NULL, &call);                                \
    }                                                                                                                  \
    typedef name name##_i_end
/* clang-format on */
#endif

#endif

/* ---- queues/mailbox.h ---- */

/*
 * weft_mailbox: unbounded FIFO queue of any number of producers and one consumer. It is intrusive and allocates nothing;
 * signal handlers may push.
 *
 * Source: a stack by compare-and-swap (R. K. Treiber, IBM RJ 5118, 1986) that the consumer takes whole by one exchange and
 * turns round, as Linux's llist and folly's AtomicNotificationQueue do. That the consumer waits is said in the head's own
 * word.
 *
 * When. An actor's or event loop's inbox; work handed to one thread; a signal handler that reports. The push that must
 * wake the consumer knows it. When not: more than one consumer: weft_segq. No memory of the items' own: weft_segq.
 *
 * Mail. A weft_mail is a member of your object. While it is in a box, it is the box's: you neither change, free nor push it.
 * After take or drain it is yours again.
 *
 * Roles. Anybody may push, also a signal handler that has interrupted any function here, push and take of the same box
 * included. One thread at a time is the consumer: it calls take and arm. create and destroy run alone.
 *
 * Cost. Nothing but the member. One compare-and-swap to push; one exchange for all that has come since, and for each a walk
 * of one step, to take.
 *
 * Linearizable: a push takes effect at its compare-and-swap. A take that gives mail takes effect at any moment of its call,
 * since nobody else takes; "empty" and arm at the read, or the compare-and-swap, of the head.
 * Progress: push is lock-free. take is wait-free but for the mail that has come: its cost is one step for each, once.
 * A NULL box, or NULL mail: false, NULL, or nothing done. No function here is a cancellation point, except inside `drain`.
 */
#ifndef WEFT_QUEUES_MAILBOX_H
#define WEFT_QUEUES_MAILBOX_H


WEFT_BEGIN_DECLS

/* Opaque. */
typedef struct weft_mailbox weft_mailbox;

/* A member of an object that is to be pushed. It needs no initialisation. */
typedef struct weft_mail {
    struct weft_mail *weft_i_next;
} weft_mail;

/* -ENOMEM; -EINVAL: `out` NULL. On error *out is NULL. Blocks as malloc does. */
WEFT_API WEFT_NODISCARD int weft_mailbox_create(weft_mailbox **out);

/*
 * Adds the mail at the end. True: the consumer was armed, and is not any more: wake it. One push for each successful arm
 * hears that. Async-signal-safe: a handler may push to any box, whatever it has interrupted.
 */
WEFT_API bool weft_mailbox_push(weft_mailbox *box, weft_mail *mail);

/* Takes the oldest mail, which is the consumer's from now on. NULL: there is none. */
WEFT_API WEFT_NODISCARD weft_mail *weft_mailbox_take(weft_mailbox *box);

/*
 * Says that the consumer is about to sleep: the next push returns true. False: there is mail, and nothing has changed.
 * Arming twice is arming once. A consumer that wakes for another reason stays armed, and may take; then the next push
 * returns true all the same.
 */
WEFT_API WEFT_NODISCARD bool weft_mailbox_arm(weft_mailbox *box);

/* Frees the box. `drain(mail, ctx)` gets what is still inside, oldest first (NULL: it is left to its owners). */
WEFT_API void weft_mailbox_destroy(weft_mailbox *box, void (*drain)(weft_mail *mail, void *ctx), void *ctx);

WEFT_END_DECLS

#ifndef __cplusplus
/*
 * A typed view: WEFT_MAILBOX_OF(inbox, struct message, mail), where `mail` is the weft_mail among the members of struct
 * message. inbox_push and inbox_take have struct message * in its place.
 */
/* clang-format off */
#define WEFT_MAILBOX_OF(name, type, member)                                                                            \
    typedef struct name name;                                                                                          \
    typedef struct name##_i_each {                                                                                     \
        void (*function)(type *object, void *ctx);                                                                     \
        void *ctx;                                                                                                     \
    } name##_i_each;                                                                                                   \
    weft_i_typed type *name##_i_object(weft_mail *mail)                                                                \
    {                                                                                                                  \
        return mail ? (type *)(void *)((char *)mail - offsetof(type, member)) : NULL;                                  \
    }                                                                                                                  \
    weft_i_typed void name##_i_call(weft_mail *mail, void *each)                                                       \
    {                                                                                                                  \
        ((name##_i_each *)each)->function(name##_i_object(mail), ((name##_i_each *)each)->ctx);                        \
    }                                                                                                                  \
    weft_i_typed weft_mailbox *name##_untyped(name *typed) { return (weft_mailbox *)(void *)typed; }                   \
    WEFT_NODISCARD weft_i_typed int name##_create(name **out)                                                          \
    {                                                                                                                  \
        weft_mailbox *made = NULL;                                                                                     \
        int error = weft_mailbox_create(out ? &made : NULL);                                                           \
        if (out)                                                                                                       \
            *out = (name *)(void *)made;                                                                               \
        return error;                                                                                                  \
    }                                                                                                                  \
    weft_i_typed bool name##_push(name *typed, type *object)                                                           \
    {                                                                                                                  \
        return weft_mailbox_push(name##_untyped(typed), object ? &object->member : NULL);                              \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed type *name##_take(name *typed)                                                         \
    {                                                                                                                  \
        return name##_i_object(weft_mailbox_take(name##_untyped(typed)));                                              \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_arm(name *typed) { return weft_mailbox_arm(name##_untyped(typed)); }       \
    weft_i_typed void name##_destroy(name *typed, void (*drain)(type *object, void *ctx), void *ctx)                   \
    {                                                                                                                  \
        name##_i_each call = {drain, ctx};                                                                             \
        weft_mailbox_destroy(name##_untyped(typed), drain ? name##_i_call : NULL, &call);                              \
    }                                                                                                                  \
    typedef name name##_i_end
/* clang-format on */
#endif

#endif

/* ---- queues/msq.h ---- */

/*
 * weft_msq: unbounded FIFO queue, any number of producers and consumers.
 *
 * Source: M. Michael, M. Scott, "Simple, Fast, and Practical Non-Blocking and Blocking Concurrent Queue Algorithms",
 * PODC 1996, figure 1; counted pointers are replaced by the domain's reclamation (Michael 2004, figure 6).
 *
 * When. Passing items between threads when their number has no natural limit. When not: with a limit, a ring is faster;
 * with one consumer, a mailbox.
 *
 * Cost. 32 bytes per element (plus the allocator's own), recycled through the thread's cache: under steady load no
 * call to the allocator. Two compare-and-swaps to enqueue, one to dequeue, without contention.
 *
 * All operations may run together, except create and destroy. Linearizable: enqueue at the compare-and-swap that
 * links its node; dequeue at the one that moves the head; an empty answer at the read of the dummy's NULL next.
 * Progress: lock-free. A NULL queue: -EINVAL, false, or nothing done. NULL is a value like any other. No function here
 * is a cancellation point, except inside your own code that it calls (the allocator, `drain`, reclaim callbacks).
 */
#ifndef WEFT_QUEUES_MSQ_H
#define WEFT_QUEUES_MSQ_H


WEFT_BEGIN_DECLS

/* Opaque. */
typedef struct weft_msq weft_msq;

/* NULL domain: the default one. -ENOMEM; -EINVAL: `out` NULL. On error *out is NULL. Blocks as malloc does. */
WEFT_API WEFT_NODISCARD int weft_msq_create(weft_msq **out, weft_domain *domain);

/* Adds a value at the tail. 0, or -ENOMEM: nothing has happened. */
WEFT_API WEFT_NODISCARD int weft_msq_enqueue(weft_msq *queue, void *value);

/*
 * Adds `count` values in order, with nothing between them. They are linked in one step, which is the linearization
 * point of all. 0, or -ENOMEM: none was added. -EINVAL: `values` NULL with a count above 0. Count 0: 0, nothing done.
 */
WEFT_API WEFT_NODISCARD int weft_msq_enqueue_many(weft_msq *queue, void *const *values, size_t count);

/* Takes the value at the head into *value. False: empty, or `value` NULL. */
WEFT_API WEFT_NODISCARD bool weft_msq_try_dequeue(weft_msq *queue, void **value);

/* True if there was no value at some moment during the call; a NULL queue is empty. */
WEFT_API WEFT_NODISCARD bool weft_msq_is_empty(weft_msq *queue);

/*
 * Frees the queue. `drain(value, ctx)` gets the values still inside, oldest first (NULL: they are dropped). No other
 * thread may be using the queue. Its nodes may outlive the call in the domain.
 */
WEFT_API void weft_msq_destroy(weft_msq *queue, void (*drain)(void *value, void *ctx), void *ctx);

WEFT_END_DECLS

#ifndef __cplusplus
/* A typed view: <weft/base/typed.h>. */
#define WEFT_MSQ_OF(name, type) WEFT_I_CONTAINER_OF(name, type, weft_msq, enqueue, try_dequeue)
#endif

#endif

/* ---- queues/ring.h ---- */

/*
 * weft_ring: bounded FIFO ring for any number of producers and consumers. Elements of any size lie in the ring itself.
 *
 * Source: R. Nikolaev's NCQ (DISC 2019, section 4) and P. Tsigas and Y. Zhang (SPAA 2001), with an exchange of slots that is
 * ours: docs/design/0002-ring.md.
 *
 * When. A bounded queue between threads: a queue of jobs that must not grow, a pool of buffers, a log that keeps the
 * newest (force_push). When not: one producer and one consumer (weft_spsc is faster); no limit on how many may wait
 * (weft_segq).
 *
 * Cost. No memory after creation. The ring takes 2.5 KiB, capacity * (element_size + a word) bytes, and 16 elements more.
 * A push or pop is two read-modify-writes, of which one is on a cache line that other threads seldom use, and two stores;
 * by the only producer or consumer just the stores.
 *
 * Progress: lock-free. A thread that stops anywhere stops nobody: all others push and pop on, and in order, and the ring
 * stays as large as it was. A push takes effect when its compare-and-swap puts the element into the ring, a pop when it
 * takes it out. "Full" and "empty" take effect when they read the entry where the next element would go, or come from.
 * All functions may be called in signal handlers, except create and destroy, and, with a flag, what only one thread at a
 * time may call, if the handler interrupts one such call.
 *
 * What is linearizable: pushes, pops and both answers together, as operations of a queue of `capacity` places. Slots that
 * are reserved or taken count as elements there, until commit, abort or give_back returns. So do those of pushes and pops
 * beyond 16 at the same moment, and of pushes beside holders, until others see that they have returned. With a flag, a "full" and an "empty" may
 * have no common order, as weft_spsc says.
 *
 * Holders. reserve gives a slot to be written in place, take one to be read in place, for as long as one likes: it costs
 * the ring this one place, and hides nothing. An element has its place in the order by commit, not by reserve. Any thread
 * may hold any number of slots, and hand one to another thread that commits, aborts or gives it back.
 *
 * After a fork the child has a copy of the ring. What threads that vanished had in hand is lost to it: a spare slot of a push
 * or pop, and the place of a slot that was held.
 *
 * A NULL ring, or NULL where an element goes: false, 0, NULL, or nothing done. Nothing here is a cancellation point.
 *
 * Word size. An entry counts laps in the bits that its slot leaves free. Where words have 32 bits, a thread must not stand
 * still within one call while others push 2^29 elements.
 */
#ifndef WEFT_QUEUES_RING_H
#define WEFT_QUEUES_RING_H


WEFT_BEGIN_DECLS

/* Opaque. */
typedef struct weft_ring weft_ring;

/* They make the calls they name cheaper: a store instead of read-modify-writes. */
enum {
    /* One thread at a time calls try_push, push_many, force_push, reserve, commit, abort. */
    WEFT_RING_ONE_PRODUCER = 1,
    /* One thread at a time calls try_pop, pop_many, take, and nobody but this one force_push. */
    WEFT_RING_ONE_CONSUMER = 2
};

/*
 * Makes a ring for `capacity` elements, exactly. -EINVAL: `out` NULL, capacity or element_size 0, more bytes than an
 * eighth of the address space, or unknown flags. -ENOMEM. On error *out is NULL. Blocks as malloc does.
 */
WEFT_API WEFT_NODISCARD int weft_ring_create(weft_ring **out, size_t capacity, size_t element_size, unsigned flags);

/* Copies the element into the ring. False: full. */
WEFT_API WEFT_NODISCARD bool weft_ring_try_push(weft_ring *ring, const void *element);

/* Copies the oldest element out of the ring. False: empty. */
WEFT_API WEFT_NODISCARD bool weft_ring_try_pop(weft_ring *ring, void *element);

/* One push after the other, until the ring is full. Returns how many; others' elements may lie between them. */
WEFT_API WEFT_NODISCARD size_t weft_ring_push_many(weft_ring *ring, const void *elements, size_t count);

/* One pop after the other, until the ring is empty. Returns how many. */
WEFT_API WEFT_NODISCARD size_t weft_ring_pop_many(weft_ring *ring, void *elements, size_t count);

/*
 * Pushes, even if the ring is full: then the oldest element makes room, in the same step. True: it did, and is in
 * *displaced (NULL: it is dropped). While slots are reserved or taken there may be two steps, a pop and a push, and pops
 * in between (also beyond 16 calls at once); and if all slots are, *displaced is the element itself, which was not pushed. False: there was room, or the
 * ring or the element is NULL.
 */
WEFT_API bool weft_ring_force_push(weft_ring *ring, const void *element, void *displaced);

/* A slot to be written in place, aligned as an element in an array. NULL: full. It is the caller's until commit or abort. */
WEFT_API WEFT_NODISCARD void *weft_ring_reserve(weft_ring *ring);

/* Pushes what is in the slot. Cannot fail. Nothing done: the slot is not one of the ring's. */
WEFT_API void weft_ring_commit(weft_ring *ring, void *slot);

/* Gives the slot back as it was. */
WEFT_API void weft_ring_abort(weft_ring *ring, void *slot);

/* Pops the oldest element in place. NULL: empty. It is the caller's until give_back. */
WEFT_API WEFT_NODISCARD void *weft_ring_take(weft_ring *ring);

/* The taken element's place is free again. */
WEFT_API void weft_ring_give_back(weft_ring *ring, void *slot);

/* From 0 to the capacity, without slots that are reserved or taken; exact while nobody pushes or pops. */
WEFT_API WEFT_NODISCARD size_t weft_ring_size(weft_ring *ring);

/* As it was created; 0 for NULL. */
WEFT_API WEFT_NODISCARD size_t weft_ring_capacity(weft_ring *ring);

/* Frees the ring with its elements, which are dropped. No slot may be held. */
WEFT_API void weft_ring_destroy(weft_ring *ring);

WEFT_END_DECLS

#ifndef __cplusplus
/*
 * A typed view: <weft/base/typed.h>. The type is any object type: WEFT_RING_OF(job_ring, struct job).
 */
#define WEFT_RING_OF(name, type)                                                                                       \
    WEFT_I_RING_OF(name, type, weft_ring);                                                                             \
    weft_i_typed bool name##_force_push(name *typed, type const *element, type *displaced)                             \
    {                                                                                                                  \
        return weft_ring_force_push(name##_untyped(typed), element, displaced);                                        \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed type *name##_reserve(name *typed)                                                      \
    {                                                                                                                  \
        return (type *)weft_ring_reserve(name##_untyped(typed));                                                       \
    }                                                                                                                  \
    weft_i_typed void name##_commit(name *typed, type *slot)                                                           \
    {                                                                                                                  \
        weft_ring_commit(name##_untyped(typed), slot);                                                                 \
    }                                                                                                                  \
    weft_i_typed void name##_abort(name *typed, type *slot)                                                            \
    {                                                                                                                  \
        weft_ring_abort(name##_untyped(typed), slot);                                                                  \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed type *name##_take(name *typed)                                                         \
    {                                                                                                                  \
        return (type *)weft_ring_take(name##_untyped(typed));                                                          \
    }                                                                                                                  \
    weft_i_typed void name##_give_back(name *typed, type *slot)                                                        \
    {                                                                                                                  \
        weft_ring_give_back(name##_untyped(typed), slot);                                                              \
    }                                                                                                                  \
    typedef name name##_i_slots
#endif

#endif

/* ---- queues/segq.h ---- */

/*
 * weft_segq: unbounded FIFO queue, any number of producers and consumers. It can be closed.
 *
 * Source: A. Correia, P. Ramalhete, "FAAArrayQueue - MPMC lock-free queue", concurrencyfreaks.blogspot.com, November
 * 2016: a list of arrays whose cells are used once. Here any pointer is a value, and memory is the domain's.
 *
 * When. Passing items between threads when their number has no natural limit; the queue to take when in doubt. When not:
 * with few items, since an empty queue has 16.75 KiB: weft_msq; with a limit, a ring; with one consumer, a mailbox.
 *
 * Cost. 8.2 bytes per element, in segments of 2048 that are recycled through the threads' caches: under steady load no
 * call to the allocator. A fetch-and-add and a compare-and-swap to enqueue, a fetch-and-add to dequeue.
 *
 * Garbage. Under WEFT_HAZARD each thread holds at most one segment back, and scans after 8 that it has retired. So with
 * t threads at most t * (2 + 2 * 8) segments of 16.4 KiB wait. 16 more are kept in each thread's cache, and four times 16
 * in the domain. Segments of ended threads, and of threads that had no memory for a place in the domain, count as other
 * objects do: up to two batches of 1024 may wait. Under WEFT_EPOCH there is no bound while a guard is held.
 *
 * All operations may run together, except create and destroy. Linearizable: values are in the order of their cells'
 * numbers. An enqueue takes effect at the fetch-and-add that gave it the number of the cell in which its value came to
 * stand (but after an is_empty that saw the cell empty), or at the compare-and-swap that links the segment that begins
 * with the value. A dequeue takes effect at the fetch-and-add that gave it that number, or right after that enqueue if
 * this is later. An empty answer: at the read of the number of cells given, or of the link behind a used-up segment.
 * Closing: at the compare-and-swap that links the end. -EPIPE and is_closed: at the read of that link.
 * Progress: lock-free. A NULL queue: -EINVAL, false, 0, or nothing done. NULL is a value like any other. No function
 * here is a cancellation point, except inside your own code that it calls (the allocator, `drain`, reclaim callbacks).
 */
#ifndef WEFT_QUEUES_SEGQ_H
#define WEFT_QUEUES_SEGQ_H


WEFT_BEGIN_DECLS

/* Opaque. */
typedef struct weft_segq weft_segq;

/* NULL domain: the default one. -ENOMEM; -EINVAL: `out` NULL. On error *out is NULL. Blocks as malloc does. */
WEFT_API WEFT_NODISCARD int weft_segq_create(weft_segq **out, weft_domain *domain);

/* Adds a value at the tail. 0, or nothing has happened: -ENOMEM; -EPIPE: the queue is closed. */
WEFT_API WEFT_NODISCARD int weft_segq_enqueue(weft_segq *queue, void *value);

/*
 * Adds `count` values in their order. Each is an enqueue of its own: others may see the first before the last is there,
 * and other producers' values may come between. (Up to 2048 take their places by one fetch-and-add, so that this is
 * rare.) 0: all were added. -ENOMEM, -EPIPE, or -EINVAL (`values` NULL with a count above 0; a count above INT_MAX): none
 * was. Above 0: only so many, the first ones, were added: the queue was closed meanwhile (ask weft_segq_is_closed), or
 * there was no memory when other producers had taken the places. The others stay yours.
 */
WEFT_API WEFT_NODISCARD int weft_segq_enqueue_many(weft_segq *queue, void *const *values, size_t count);

/* Takes the value at the head into *value. False: empty, or `value` NULL. */
WEFT_API WEFT_NODISCARD bool weft_segq_try_dequeue(weft_segq *queue, void **value);

/*
 * Takes up to `count` values, oldest first; each is a dequeue of its own. Returns how many. Fewer than `count`: then it
 * was empty. 0 also for a NULL queue or NULL values. It may run reclaim callbacks; if one ends the thread, the values
 * taken are in `values`, and nobody learns how many.
 */
WEFT_API WEFT_NODISCARD size_t weft_segq_dequeue_many(weft_segq *queue, void **values, size_t count);

/*
 * From now on enqueue is refused; what is inside can be taken. Closing again does nothing. An enqueue that runs beside
 * it is before or after it. Lock-free.
 */
WEFT_API void weft_segq_close(weft_segq *queue);

/*
 * Once this is true, an empty answer of a dequeue or of is_empty that begins later is final: no dequeue that begins after
 * that answer gets a value. One that has begun before may still get one.
 */
WEFT_API WEFT_NODISCARD bool weft_segq_is_closed(weft_segq *queue);

/* True if there was no value at some moment during the call; a NULL queue is empty. */
WEFT_API WEFT_NODISCARD bool weft_segq_is_empty(weft_segq *queue);

/*
 * Frees the queue. `drain(value, ctx)` gets the values still inside, oldest first (NULL: they are dropped). No other
 * thread may be using the queue. Its segments may outlive the call in the domain.
 */
WEFT_API void weft_segq_destroy(weft_segq *queue, void (*drain)(void *value, void *ctx), void *ctx);

WEFT_END_DECLS

#ifndef __cplusplus
/* A typed view: <weft/base/typed.h>. */
#define WEFT_SEGQ_OF(name, type)                                                                                       \
    WEFT_I_CONTAINER_OF(name, type, weft_segq, enqueue, try_dequeue);                                                  \
    weft_i_typed void name##_close(name *typed)                                                                        \
    {                                                                                                                  \
        weft_segq_close(name##_untyped(typed));                                                                        \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_is_closed(name *typed)                                                     \
    {                                                                                                                  \
        return weft_segq_is_closed(name##_untyped(typed));                                                             \
    }                                                                                                                  \
    typedef name name##_i_closes
#endif

#endif

/* ---- queues/spsc.h ---- */

/*
 * weft_spsc: bounded FIFO ring for one producer and one consumer. Elements of any size lie in the ring itself.
 *
 * Source: L. Lamport, "Specifying concurrent program modules", TOPLAS 5(2), 1983, for the ring; each side keeps a copy of
 * the other's index, as in E. Rigtorp's SPSCQueue. WEFT_SPSC_STAMPED is in the manner of J. Giacomoni, T. Moseley,
 * M. Vachharajani, "FastForward for efficient pipeline parallelism", PPoPP 2008: the slot itself says whether it is full.
 *
 * When. One thread hands elements to one other thread, or one process to another. When not: more producers or more
 * consumers (weft_segq, weft_msq); no limit on how many may wait.
 *
 * Roles. One thread at a time is the producer: it calls try_push, push_many, reserve, commit. One thread at a time is the
 * consumer: it calls try_pop, pop_many, peek, release. They may be one thread. A role may pass to another thread if
 * something orders the two, such as a join or a mutex. Anybody may call size, capacity. create, init and destroy run
 * alone. No function may be interrupted by a handler that plays the same role.
 *
 * Cost. No memory after creation. The ring takes three cache lines of 128 bytes and capacity * element_size bytes. A
 * WEFT_SPSC_STAMPED one takes at least 4 bytes more per element (8 for elements of 8 bytes), and moves one cache line
 * instead of two from one thread to the other: with elements of 8 bytes it is up to twice as fast.
 *
 * Progress: wait-free. A push takes effect when it publishes (its index, or the slot's stamp), an answer "full" when it
 * reads the consumer's index (or the stamp); pop and "empty" likewise. push_many, pop_many, commit and release publish all
 * at once, except with WEFT_SPSC_STAMPED, where they are one push, or pop, after the other.
 * So pushes and pops are linearizable with the answers "full", and with the answers "empty", but not with both. If the
 * producer hears "full" right after a push, and the consumer at that moment "empty" right after a pop, each may have
 * looked before the other's store left its processor. Nothing is lost: who asks again, sees it. A fence in every call
 * would prevent that, and cost more than the call.
 * A NULL ring, or NULL where an element goes: false, 0, or nothing done. No function here is a cancellation point.
 *
 * Between processes (weft_spsc_init, weft_spsc_attach): a ring has no pointers, so that it may lie at another address in
 * each. If a process is killed, even in the middle of a push or pop, the other goes on and sees only whole elements; a new
 * process may attach and take the role over once the old one has ended. What was popped or not yet pushed is gone with the
 * killed process. Elements that it had peeked at and not released come again. The partner is trusted: it can write all
 * of the memory.
 */
#ifndef WEFT_QUEUES_SPSC_H
#define WEFT_QUEUES_SPSC_H


WEFT_BEGIN_DECLS

/* Opaque. */
typedef struct weft_spsc weft_spsc;

enum {
    /*
     * The memory of the elements is mapped twice, one mapping behind the other, so that what reserve and peek give never
     * ends at the end of the ring. It is rounded up to a common multiple of a page and element_size. After a fork,
     * parent and child share the ring.
    */
    WEFT_SPSC_CONTIGUOUS = 1,
    /* Each slot has a stamp. Faster for one element at a time; reserve and peek give one element at a time. */
    WEFT_SPSC_STAMPED = 2
};

/*
 * Makes a ring for `capacity` elements, exactly. -EINVAL: `out` NULL, capacity or element_size 0, more bytes than half
 * the address space, unknown flags, or both flags. -ENOMEM. With WEFT_SPSC_CONTIGUOUS also what memfd_create, ftruncate
 * or mmap refuse: -ENOSYS (a kernel before 3.17), -EPERM (a sandbox), -EMFILE, -ENFILE. On error *out is NULL. Blocks as
 * malloc does.
 */
WEFT_API WEFT_NODISCARD int weft_spsc_create(weft_spsc **out, size_t capacity, size_t element_size, unsigned flags);

/* How many bytes weft_spsc_init needs. 0: it would refuse these arguments. */
WEFT_API WEFT_NODISCARD size_t weft_spsc_bytes(size_t capacity, size_t element_size, unsigned flags);

/*
 * Makes a ring in `bytes` of the caller's memory, aligned to 128 bytes; it may be shared between processes. *out is in it.
 * 0, or -EINVAL: NULL, wrong alignment, less than weft_spsc_bytes, or what weft_spsc_create refuses, including
 * WEFT_SPSC_CONTIGUOUS. Nobody may use a ring that was there before.
 */
WEFT_API WEFT_NODISCARD int weft_spsc_init(weft_spsc **out, void *memory, size_t bytes, size_t capacity,
                                           size_t element_size, unsigned flags);

/*
 * Finds the ring that weft_spsc_init has made in this memory, perhaps in another process. 0. -EAGAIN: the memory begins
 * with zeros, as new shared memory does: there is no ring yet. -EINVAL: NULL or wrong alignment, no ring, one of another
 * version of Weft or another word size, or one that is larger than `bytes`. On error *out is NULL.
 */
WEFT_API WEFT_NODISCARD int weft_spsc_attach(weft_spsc **out, void *memory, size_t bytes);

/* Copies the element into the ring. False: full. */
WEFT_API WEFT_NODISCARD bool weft_spsc_try_push(weft_spsc *ring, const void *element);

/* Copies the oldest element out of the ring. False: empty. */
WEFT_API WEFT_NODISCARD bool weft_spsc_try_pop(weft_spsc *ring, void *element);

/* Pushes the first of `count` elements, as many as there is room for. Returns how many. */
WEFT_API WEFT_NODISCARD size_t weft_spsc_push_many(weft_spsc *ring, const void *elements, size_t count);

/* Pops up to `count` elements, oldest first. Returns how many. */
WEFT_API WEFT_NODISCARD size_t weft_spsc_pop_many(weft_spsc *ring, void *elements, size_t count);

/*
 * Gives room for up to `count` elements in the ring, to be written in place. Returns for how many; *span is where. Fewer
 * than `count`: there is no more room, or, without WEFT_SPSC_CONTIGUOUS, no more before the ring's end. 0: full, and *span
 * is NULL. Nothing is pushed before commit. The room stays the producer's until then, or until its next push; a second
 * reserve gives the same.
 */
WEFT_API WEFT_NODISCARD size_t weft_spsc_reserve(weft_spsc *ring, size_t count, void **span);

/* Pushes the first `count` elements of what reserve has given; 0 pushes none. More than that: as many as there was room for. */
WEFT_API void weft_spsc_commit(weft_spsc *ring, size_t count);

/*
 * Gives up to `count` elements, oldest first, to be read in place. Returns how many; *span is where. Fewer than `count`:
 * there are no more, or, without WEFT_SPSC_CONTIGUOUS, no more before the ring's end. 0: empty, and *span is NULL. They
 * stay in the ring until release.
 */
WEFT_API WEFT_NODISCARD size_t weft_spsc_peek(weft_spsc *ring, size_t count, const void **span);

/* Removes the oldest `count` elements; their room is the producer's again. More than there are: all. */
WEFT_API void weft_spsc_release(weft_spsc *ring, size_t count);

/* From 0 to the capacity; exact while nobody pushes or pops. */
WEFT_API WEFT_NODISCARD size_t weft_spsc_size(weft_spsc *ring);

/* As it was created; 0 for NULL. */
WEFT_API WEFT_NODISCARD size_t weft_spsc_capacity(weft_spsc *ring);

/*
 * Frees a ring of weft_spsc_create with its elements. One of weft_spsc_init or weft_spsc_attach stays as it is: its
 * memory is the caller's, who frees it when both sides are done.
 */
WEFT_API void weft_spsc_destroy(weft_spsc *ring);

WEFT_END_DECLS

#ifndef __cplusplus
/*
 * A typed view: <weft/base/typed.h>. The type is any object type: WEFT_SPSC_OF(sample_ring, struct sample).
 */
#define WEFT_SPSC_OF(name, type)                                                                                       \
    WEFT_I_RING_OF(name, type, weft_spsc);                                                                             \
    WEFT_NODISCARD weft_i_typed size_t name##_reserve(name *typed, size_t count, type **span)                          \
    {                                                                                                                  \
        void *place = NULL;                                                                                            \
        size_t room = weft_spsc_reserve(name##_untyped(typed), count, span ? &place : NULL);                           \
        if (span)                                                                                                      \
            *span = (type *)place;                                                                                     \
        return room;                                                                                                   \
    }                                                                                                                  \
    weft_i_typed void name##_commit(name *typed, size_t count)                                                         \
    {                                                                                                                  \
        weft_spsc_commit(name##_untyped(typed), count);                                                                \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed size_t name##_peek(name *typed, size_t count, type const **span)                       \
    {                                                                                                                  \
        const void *place = NULL;                                                                                      \
        size_t filled = weft_spsc_peek(name##_untyped(typed), count, span ? &place : NULL);                            \
        if (span)                                                                                                      \
            *span = (type const *)place;                                                                               \
        return filled;                                                                                                 \
    }                                                                                                                  \
    weft_i_typed void name##_release(name *typed, size_t count)                                                        \
    {                                                                                                                  \
        weft_spsc_release(name##_untyped(typed), count);                                                               \
    }                                                                                                                  \
    typedef name name##_i_spans
#endif

#endif

/* ---- stacks/treiber.h ---- */

/*
 * weft_treiber: unbounded LIFO stack, any number of threads.
 *
 * Source: R. K. Treiber, "Systems Programming: Coping with Parallelism", IBM RJ 5118, 1986; reclamation by the domain
 * (Michael 2004, figure 5), which also rules out ABA: a protected node is not reused.
 *
 * When. Free lists, object pools, work whose order does not matter and whose caches are warm. When not: if fairness is
 * needed (the oldest value may wait for ever), or first in, first out.
 *
 * Cost. 32 bytes per element (plus the allocator's own), recycled through the thread's cache: under steady load no
 * call to the allocator. One compare-and-swap per push and per pop without contention.
 *
 * All operations may run together, except create and destroy. Linearizable: push and pop at their
 * compare-and-swap, pop_all at its exchange, an empty answer at the read of NULL. Progress: lock-free; pop_all takes
 * its values in one step that never fails, and then calls `each` and retires their nodes. A NULL stack: -EINVAL,
 * false, or nothing done. NULL is a value like any other. No function here is a cancellation point, except inside your
 * own code that it calls (the allocator, callbacks).
 */
#ifndef WEFT_STACKS_TREIBER_H
#define WEFT_STACKS_TREIBER_H


WEFT_BEGIN_DECLS

/* Opaque. */
typedef struct weft_treiber weft_treiber;

/* NULL domain: the default one. -ENOMEM; -EINVAL: `out` NULL. On error *out is NULL. Blocks as malloc does. */
WEFT_API WEFT_NODISCARD int weft_treiber_create(weft_treiber **out, weft_domain *domain);

/* Puts a value on top. 0, or -ENOMEM: nothing has happened. */
WEFT_API WEFT_NODISCARD int weft_treiber_push(weft_treiber *stack, void *value);

/*
 * Puts `count` values on top as if pushed in order, with nothing between them: values[count - 1] ends on top. They are
 * linked in one step. 0, or -ENOMEM: none was pushed. -EINVAL: `values` NULL with a count above 0. Count 0: 0, nothing
 * done.
 */
WEFT_API WEFT_NODISCARD int weft_treiber_push_many(weft_treiber *stack, void *const *values, size_t count);

/* Takes the value on top into *value. False: empty, or `value` NULL. */
WEFT_API WEFT_NODISCARD bool weft_treiber_try_pop(weft_treiber *stack, void **value);

/*
 * Takes all values in one step, then calls `each(value, ctx)` from the top down (NULL: drops them). Returns how many.
 * Their nodes are retired after the last call. If `each` ends its thread, the values that it has not been given are
 * lost, and the memory of all the nodes. If a reclaim callback does so meanwhile, no value is lost, but the memory of
 * the nodes not yet retired.
 */
WEFT_API size_t weft_treiber_pop_all(weft_treiber *stack, void (*each)(void *value, void *ctx), void *ctx);

/* True if there was no value at some moment during the call; a NULL stack is empty. */
WEFT_API WEFT_NODISCARD bool weft_treiber_is_empty(weft_treiber *stack);

/*
 * Frees the stack. `drain(value, ctx)` gets the values still inside, from the top down (NULL: they are dropped). No
 * other thread may be using the stack. Its nodes may outlive the call in the domain.
 */
WEFT_API void weft_treiber_destroy(weft_treiber *stack, void (*drain)(void *value, void *ctx), void *ctx);

WEFT_END_DECLS

/* clang-format off */
#ifndef __cplusplus
/* A typed view: <weft/base/typed.h>. */
#define WEFT_TREIBER_OF(name, type)                                                                                    \
    WEFT_I_CONTAINER_OF(name, type, weft_treiber, push, try_pop);                                                      \
    weft_i_typed size_t name##_pop_all(name *typed, void (*each)(type value, void *ctx), void *ctx)                    \
    {                                                                                                                  \
        name##_i_each call = {each, ctx};                                                                              \
        return weft_treiber_pop_all(name##_untyped(typed), each ? name##_i_call : NULL, &call);                        \
    }                                                                                                                  \
    typedef name name##_i_end_2
#endif
/* clang-format on */

#endif

/* ---- hashmap/split_map.h ---- */

/*
 * weft_map: a hash map for any number of threads, which grows and shrinks without ever stopping one.
 *
 * Source: O. Shalev, N. Shavit, "Split-Ordered Lists: Lock-Free Extensible Hash Tables", JACM 53(3), 2006, over the
 * list of M. Michael, "High Performance Dynamic Lock-Free Hash Tables and List-Based Sets", SPAA 2002. Differences:
 * buckets are the high bits of the hash, so that list order is hash order and no bits are reversed; a bucket is its
 * own dummy node, inside a lazily made segment; the table shrinks (split_map_table.h says how).
 *
 * When. Shared tables that are read more than written, or whose size is not known in advance. When not: with one writer
 * and no other readers, or if keys must be ordered.
 *
 * Cost. 64 bytes per entry and 16 to 64 bytes of buckets per entry (load 0.125 to 0.5; at most 0.5 after growth).
 * get: no write to shared memory. insert: two read-modify-writes, remove: four, a replacing put: one.
 *
 * Guarantees, numbered:
 *  1. All operations except create, destroy, size, clear and iteration are linearizable over the whole map, and may run
 *     together in any combination.
 *  2. size is exact when no update runs and no thread was lost inside an update, by a fork or its own end. Otherwise it
 *     is off by at most the number of such updates.
 *  3. Iteration sees each entry that is present throughout exactly once, whatever is inserted or removed meanwhile
 *     (also the entry that it has just returned). It sees an entry that is inserted or removed meanwhile at most once.
 *     It sees no key twice, unless the key was removed and inserted again behind another key with the same 64-bit hash.
 *  4. clear removes each entry that is present throughout; it is not atomic.
 *  5. Key and value destructors run once per entry, the value's first, when no guard and no operation can see the entry
 *     any more. If the value's destructor ends its thread, the key's is not called.
 *  6. Progress: lock-free; get, contains and iteration's steps write nothing that other threads wait for. Growing and
 *     shrinking happen inside the updates, a few buckets at a time.
 *  7. Out of memory for a larger bucket array costs speed, never an operation.
 *  8. No function here is a cancellation point, except inside your own code that it calls (`hash`, `equal`,
 *     destructors, the allocator, and reclaim callbacks, which any function may run). A thread that ends there loses at
 *     most its operation: other threads finish what it has begun of growing or shrinking. A `hash`, `equal` or
 *     allocator function may end its thread, but not with more than 32 guards held, not after the thread's exit hook
 *     has run, and not inside create. No code that destroy calls may end its thread.
 *
 * Values are never NULL (-EINVAL), since NULL means absent. A NULL map: -EINVAL, NULL, false, 0 or nothing done.
 */
#ifndef WEFT_HASHMAP_SPLIT_MAP_H
#define WEFT_HASHMAP_SPLIT_MAP_H


WEFT_BEGIN_DECLS

/* Opaque. */
typedef struct weft_map weft_map;

/* 128 random bits, drawn at each map's creation from getrandom(2); where that is refused, from clock and addresses. */
typedef struct weft_map_seed {
    uint64_t k0, k1;
} weft_map_seed;

/* A byte string as key. The map does not copy it, so it must live as long as its entry. */
typedef struct weft_bytes {
    const void *data;
    size_t size;
} weft_bytes;

/*
 * Zero in a field means its default. `hash` and `equal` come together or not at all (then keys are 64-bit integers
 * passed as (void *)(uintptr_t)key); they must not call into the same map. A hash that ignores its seed is weak
 * against chosen keys. Destructors may be called by any thread, and may retire and use other structures.
 */
typedef struct weft_map_config {
    uint64_t (*hash)(const void *key, const weft_map_seed *seed, void *ctx);
    bool (*equal)(const void *a, const void *b, void *ctx);
    void (*destroy_key)(void *key, void *ctx);
    void (*destroy_value)(void *value, void *ctx);
    void *ctx;         /* for all four; valid until the map's end and then a barrier or the domain's end */
    void *reserved[4]; /* zero */
} weft_map_config;

/* Ready-made: keys are `const char *`; SipHash-1-3. Copy it to add destructors. */
WEFT_API_OBJECT const weft_map_config weft_map_strings;
/* The same for keys that are `const weft_bytes *`. */
WEFT_API_OBJECT const weft_map_config weft_map_byte_strings;
/* The default spelled out: 64-bit integers passed as (void *)(uintptr_t)key. */
WEFT_API_OBJECT const weft_map_config weft_map_integers;

/* The hash of the ready-made configurations, for configurations of your own. */
WEFT_API uint64_t weft_map_hash_bytes(const void *data, size_t size, const weft_map_seed *seed);

/* Figures of one moment; exact when no thread updates the map. */
typedef struct weft_map_statistics {
    size_t size;          /* entries */
    size_t buckets;       /* in use by the present table size */
    double load;          /* size / buckets */
    size_t longest_chain; /* entries between two neighbouring buckets, by a walk over all */
    size_t bucket_bytes;  /* memory of the bucket segments */
    size_t reserved[4];
} weft_map_statistics;

/*
 * NULL domain: the default one. NULL config: integer keys, values not owned. -ENOMEM; -EINVAL: `out` NULL, or hash
 * without equal or the reverse. On error *out is NULL.
 */
WEFT_API WEFT_NODISCARD int weft_map_create(weft_map **out, weft_domain *domain, const weft_map_config *config);

/*
 * Adds an entry. 0: the map has taken key and value; -EEXIST: the key is there, nothing changed and both stay the
 * caller's; -ENOMEM likewise; -EINVAL: NULL value. Linearizes at the compare-and-swap that links the node; -EEXIST at
 * the read of the present value.
 */
WEFT_API WEFT_NODISCARD int weft_map_insert(weft_map *map, void *key, void *value);

/*
 * Inserts (0) or replaces (1), -ENOMEM, -EINVAL. If it replaces, the map keeps the key that it has, and the passed key
 * stays the caller's. The replaced value goes to *old. Other threads may still read it, so the caller hands it to
 * weft_retire or weft_retire_hook, whose callback frees it. With `old` NULL and a value destructor, the map destroys it
 * when no guard holds it. *old is NULL if nothing was replaced. Linearizes as insert, or at the compare-and-swap on the
 * entry's value.
 */
WEFT_API WEFT_NODISCARD int weft_map_put(weft_map *map, void *key, void *value, void **old);

/*
 * The value, protected by `guard` (entered in the map's domain) until that is used again or left. NULL: absent. `guard`
 * may be NULL if values are not pointers that any thread frees. Linearizes at the read of the entry's value.
 */
WEFT_API WEFT_NODISCARD void *weft_map_get(weft_map *map, weft_guard *guard, const void *key);

/*
 * values[i] gets what get would return for keys[i], protected by guards[i] (all entered; `guards` may be NULL, as in get).
 * Returns how many keys are present. Each lookup linearizes on its own: all together are not of one moment. They wait
 * for memory together, 16 at a time, which pays where the table exceeds the cache.
 */
WEFT_API size_t weft_map_get_many(weft_map *map, weft_guard *guards, const void *const *keys, void **values,
                                  size_t count);

/* Whether the key has an entry. Linearizes as get. */
WEFT_API WEFT_NODISCARD bool weft_map_contains(weft_map *map, const void *key);

/*
 * 0: inserted, *present is `value`. 1: the key was there, *present is its value, protected by `guard` as in get.
 * -ENOMEM, -EINVAL (NULL value or present): *present is NULL. The map takes key and value only with 0.
 */
WEFT_API WEFT_NODISCARD int weft_map_get_or_insert(weft_map *map, weft_guard *guard, void *key, void *value,
                                                   void **present);

/*
 * Replaces the key's value if it is `expected`. 0; -EAGAIN: it has another value; -ENOENT: absent; -EINVAL: either
 * value NULL; -ENOMEM (only with a value destructor). The expected value goes to the value destructor or, without one,
 * to the caller, who retires it like a value that put has replaced. It stays in the map if `desired` is the same.
 */
WEFT_API WEFT_NODISCARD int weft_map_compare_and_replace(weft_map *map, const void *key, void *expected, void *desired);

/*
 * Removes the entry. *value gets its value, which the caller hands to weft_retire or weft_retire_hook, as after put.
 * With `value` NULL and a value destructor, the map destroys it when no guard holds it. False: absent, *value is NULL.
 * Linearizes at the compare-and-swap that empties the entry.
 */
WEFT_API bool weft_map_remove(weft_map *map, const void *key, void **value);

/*
 * Removes the entry if its value is `expected`. 0; -EAGAIN: it has another value; -ENOENT: absent; -EINVAL: NULL map or
 * expected. The map destroys key and value as remove with NULL does. Without a value destructor the value goes to the
 * caller, who retires it. Linearizes as remove; -EAGAIN and -ENOENT as get.
 */
WEFT_API WEFT_NODISCARD int weft_map_compare_and_remove(weft_map *map, const void *key, void *expected);

/* The number of entries, by guarantee 2. Wait-free; reads a counter for each of WEFT_MAP_STRIPES (16). */
WEFT_API WEFT_NODISCARD size_t weft_map_size(weft_map *map);

/*
 * Makes buckets for `count` entries, which the map keeps whatever is removed; 0: from now on it shrinks again. 0;
 * -ENOMEM: it keeps those that it could make; -EINVAL: NULL map. Takes about 50 ns per bucket, two to five for each entry; others may use the map.
 */
WEFT_API WEFT_NODISCARD int weft_map_reserve(weft_map *map, size_t count);

/* Removes all entries that an iteration meets; destructors as in remove with NULL. Not atomic. */
WEFT_API void weft_map_clear(weft_map *map);

/*
 * Iteration under updates, in hash order:
 *
 *     weft_map_iterator it;
 *     void *key, *value;
 *     weft_map_iterate(&it, map);
 *     while (weft_map_next(&it, &key, &value))
 *         ...                                  // key and value are held until the next step; updates are allowed
 *     weft_map_iterate_end(&it);               // also after breaking off
 */
typedef struct weft_map_iterator {
    weft_map *map;
    weft_guard entry; /* holds the node, and with it the key */
    weft_guard held;  /* holds the value */
    uint64_t hash;    /* of the last entry seen */
    size_t seen;      /* one more than that entry's order among those of its hash */
    void *reserved[4];
} weft_map_iterator;

/* Begins an iteration in this thread. */
WEFT_API void weft_map_iterate(weft_map_iterator *iterator, weft_map *map);

/*
 * Gets the next entry's key and value, protected until the next step. Either pointer may be NULL. False: the end.
 * Lock-free.
 */
WEFT_API WEFT_NODISCARD bool weft_map_next(weft_map_iterator *iterator, void **key, void **value);

/* Ends the iteration, and with it the protection of its last entry. */
WEFT_API void weft_map_iterate_end(weft_map_iterator *iterator);

/* Fills *out by a walk over the whole table. */
WEFT_API void weft_map_stats(weft_map *map, weft_map_statistics *out);

/*
 * Frees the map. `drain(key, value, ctx)` gets every entry and no destructor runs; with NULL the destructors run. No
 * other thread may be using the map or hold a guard from it.
 */
WEFT_API void weft_map_destroy(weft_map *map, void (*drain)(void *key, void *value, void *ctx), void *ctx);

WEFT_END_DECLS

/* clang-format off */
#ifndef __cplusplus
/* A typed view: <weft/base/typed.h>. Keys that are not integers need a configuration, as in weft_map_create. */
#define WEFT_MAP_OF(name, key_type, value_type)                                                                        \
    WEFT_I_TYPED_CHECK(key_type);                                                                                      \
    WEFT_I_TYPED_CHECK(value_type);                                                                                    \
    typedef struct name name;                                                                                          \
    typedef struct name##_i_each {                                                                                     \
        void (*function)(key_type key, value_type value, void *ctx);                                                   \
        void *ctx;                                                                                                     \
    } name##_i_each;                                                                                                   \
    weft_i_typed void name##_i_call(void *key, void *value, void *each)                                                \
    {                                                                                                                  \
        ((name##_i_each *)each)->function(WEFT_I_TYPED(key_type, key), WEFT_I_TYPED(value_type, value), ((name##_i_each *)each)->ctx); \
    }                                                                                                                  \
    weft_i_typed weft_map *name##_untyped(name *typed) { return (weft_map *)(void *)typed; }                           \
    WEFT_NODISCARD weft_i_typed int name##_create(name **out, weft_domain *domain, const weft_map_config *config)      \
    {                                                                                                                  \
        weft_map *made = NULL;                                                                                         \
        int error = weft_map_create(out ? &made : NULL, domain, config);                                               \
        if (out)                                                                                                       \
            *out = (name *)(void *)made;                                                                               \
        return error;                                                                                                  \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_insert(name *typed, key_type key, value_type value)                         \
    {                                                                                                                  \
        return weft_map_insert(name##_untyped(typed), WEFT_I_WORD(key), WEFT_I_WORD(value));                           \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_put(name *typed, key_type key, value_type value, value_type *old)           \
    {                                                                                                                  \
        void *word = NULL;                                                                                             \
        int done = weft_map_put(name##_untyped(typed), WEFT_I_WORD(key), WEFT_I_WORD(value), old ? &word : NULL);      \
        if (old)                                                                                                       \
            *old = WEFT_I_TYPED(value_type, word);                                                                     \
        return done;                                                                                                   \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed value_type name##_get(name *typed, weft_guard *guard, key_type key)                    \
    {                                                                                                                  \
        return WEFT_I_TYPED(value_type, weft_map_get(name##_untyped(typed), guard, WEFT_I_WORD(key)));                 \
    }                                                                                                                  \
    weft_i_typed size_t name##_get_many(name *typed, weft_guard *guards, key_type const *keys, value_type *values, size_t count) \
    {                                                                                                                  \
        size_t found = 0;                                                                                              \
        for (size_t done = 0, n; keys && values && done < count; done += n) {                                          \
            const void *key_words[64];                                                                                 \
            void *value_words[64] = {NULL};                                                                            \
            n = count - done < 64 ? count - done : 64;                                                                 \
            for (size_t i = 0; i < n; i++)                                                                             \
                key_words[i] = WEFT_I_WORD(keys[done + i]);                                                            \
            found += weft_map_get_many(name##_untyped(typed), guards ? guards + done : NULL, key_words, value_words, n); \
            for (size_t i = 0; i < n; i++)                                                                             \
                values[done + i] = WEFT_I_TYPED(value_type, value_words[i]);                                           \
        }                                                                                                              \
        return found;                                                                                                  \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_contains(name *typed, key_type key)                                        \
    {                                                                                                                  \
        return weft_map_contains(name##_untyped(typed), WEFT_I_WORD(key));                                             \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_get_or_insert(name *typed, weft_guard *guard, key_type key, value_type value, value_type *present) \
    {                                                                                                                  \
        void *word = NULL;                                                                                             \
        int done = weft_map_get_or_insert(name##_untyped(typed), guard, WEFT_I_WORD(key), WEFT_I_WORD(value), present ? &word : NULL); \
        if (present)                                                                                                   \
            *present = WEFT_I_TYPED(value_type, word);                                                                 \
        return done;                                                                                                   \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_compare_and_replace(name *typed, key_type key, value_type expected, value_type desired) \
    {                                                                                                                  \
        return weft_map_compare_and_replace(name##_untyped(typed), WEFT_I_WORD(key), WEFT_I_WORD(expected), WEFT_I_WORD(desired)); \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_compare_and_remove(name *typed, key_type key, value_type expected)          \
    {                                                                                                                  \
        return weft_map_compare_and_remove(name##_untyped(typed), WEFT_I_WORD(key), WEFT_I_WORD(expected));            \
    }                                                                                                                  \
    weft_i_typed bool name##_remove(name *typed, key_type key, value_type *value)                                      \
    {                                                                                                                  \
        void *word = NULL;                                                                                             \
        bool removed = weft_map_remove(name##_untyped(typed), WEFT_I_WORD(key), value ? &word : NULL);                 \
        if (value)                                                                                                     \
            *value = WEFT_I_TYPED(value_type, word);                                                                   \
        return removed;                                                                                                \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed size_t name##_size(name *typed) { return weft_map_size(name##_untyped(typed)); }       \
    WEFT_NODISCARD weft_i_typed int name##_reserve(name *typed, size_t count) { return weft_map_reserve(name##_untyped(typed), count); } \
    weft_i_typed void name##_clear(name *typed) { weft_map_clear(name##_untyped(typed)); }                             \
    weft_i_typed void name##_iterate(weft_map_iterator *iterator, name *typed) { weft_map_iterate(iterator, name##_untyped(typed)); } \
    WEFT_NODISCARD weft_i_typed bool name##_next(weft_map_iterator *iterator, key_type *key, value_type *value)        \
    {                                                                                                                  \
        void *key_word, *value_word;                                                                                   \
        if (!weft_map_next(iterator, &key_word, &value_word))                                                          \
            return false;                                                                                              \
        if (key)                                                                                                       \
            *key = WEFT_I_TYPED(key_type, key_word);                                                                   \
        if (value)                                                                                                     \
            *value = WEFT_I_TYPED(value_type, value_word);                                                             \
        return true;                                                                                                   \
    }                                                                                                                  \
    weft_i_typed void name##_iterate_end(weft_map_iterator *iterator) { weft_map_iterate_end(iterator); }              \
    weft_i_typed void name##_destroy(name *typed, void (*drain)(key_type key, value_type value, void *ctx), void *ctx) \
    {                                                                                                                  \
        name##_i_each call = {drain, ctx};                                                                             \
        weft_map_destroy(name##_untyped(typed), drain ? name##_i_call : NULL, &call);                                  \
    }                                                                                                                  \
    typedef name name##_i_end
#endif
/* clang-format on */

#endif

/* ---- hashmap/table.h ---- */

/*
 * weft_table: a hash map from 64-bit integers to pointers, with an operation on one cache line; it grows and shrinks
 * without ever stopping a thread.
 *
 * Source: buckets of a cache line whose header holds the state of all slots are those of M. Herlihy's and others' many
 * bucketized tables, nearest to A. Katsarakis et al., "DLHT: A Non-blocking Resizable Hashtable with Fast Deletes and
 * Memory-awareness", HPDC 2024. Different here: every change is one compare-and-swap of a bucket's head, of one word;
 * an entry is copied to the next array by whoever comes, so that nobody waits for a bucket that is on its way; removal
 * gives the value; the table shrinks. table_layout.h and table_move.h have the protocol.
 *
 * When. Keys are integers (all 64-bit values), and the table is large, or read and written by many threads. When not:
 * keys of another kind, or a hash of your own: <weft/hashmap/split_map.h>.
 *
 * Cost. 32 to 64 bytes an entry after growth, and 64 more for each two entries beyond three of a bucket, some 5 bytes
 * an entry at the fullest. get: one cache line in nine of ten cases, no write to shared memory. Read-modify-writes: an
 * insert makes three, a replacing put two (the taking, and the change of both slots), a removal two; all on the line of
 * the entry, but for the count of an insertion or a removal. An empty table: 448 bytes.
 *
 * Guarantees, numbered as those of weft_map:
 *  1. All operations except create, destroy, size, clear and iteration are linearizable over the whole table, and may
 *     run together in any combination.
 *  2. size is exact when no update runs and no thread was lost inside an update, by a fork or its own end. Otherwise it
 *     is off by at most the number of such updates.
 *  3. Iteration sees each entry that is present throughout exactly once, whatever is inserted or removed meanwhile, and
 *     each key once at most.
 *  4. clear removes each entry that is present throughout; it is not atomic.
 *  5. The value's destructor runs once per value, when no guard and no operation can see it any more. If there is no
 *     memory to retire a value in, it waits in the table for the next update of its bucket that has some.
 *  6. Progress: lock-free; lookups and iteration write nothing that other threads wait for. Growing and shrinking
 *     happen inside the updates, a few buckets at a time.
 *  7. Out of memory for a larger array costs speed. A put or insert that needs memory itself, for more slots of a
 *     bucket, is refused (-ENOMEM); a removal never is.
 *  8. No function here is a cancellation point, except inside your own code that it calls (destructors, the allocator,
 *     and reclaim callbacks, which any function may run). A thread that ends there loses at most its operation.
 *
 * Limits. A bucket has 15 slots. With a random seed and two entries a bucket on average, one in 10^9 buckets has more
 * keys; it moves to a larger array early. A thread that ends inside an insertion (in its allocator) leaves a slot unused
 * until its bucket moves. Between two steps of an operation, one bucket may take 2^31 - 1 insertions. On 32-bit machines
 * a compare-and-swap of 64 bits is needed (i586, ARMv7).
 *
 * Values are never NULL (-EINVAL), since NULL means absent. A NULL table: -EINVAL, NULL, false, 0 or nothing done.
 */
#ifndef WEFT_HASHMAP_TABLE_H
#define WEFT_HASHMAP_TABLE_H


WEFT_BEGIN_DECLS

/* Opaque. */
typedef struct weft_table weft_table;

/* Zero in a field means its default. The destructor may be called by any thread, and may retire and use structures. */
typedef struct weft_table_config {
    void (*destroy_value)(void *value, void *ctx); /* NULL: values are not owned */
    void *ctx;         /* valid until the table's end and then a barrier or the domain's end */
    void *reserved[4]; /* zero */
} weft_table_config;

/* Figures of one moment; exact when no thread updates the table. */
typedef struct weft_table_statistics {
    size_t size;         /* entries */
    size_t buckets;      /* in use: while the table grows, some have been parted already */
    double load;         /* size / buckets */
    size_t fullest;      /* the most entries of a bucket, by a walk over all */
    size_t bucket_bytes; /* memory of the present array's buckets, without slots beyond the first three */
    size_t reserved[4];
} weft_table_statistics;

/*
 * NULL domain: the default one. NULL config: values are not owned. -ENOMEM; -EINVAL: `out` NULL. On error *out is NULL.
 */
WEFT_API WEFT_NODISCARD int weft_table_create(weft_table **out, weft_domain *domain, const weft_table_config *config);

/*
 * Adds an entry. 0; -EEXIST: the key is there, and nothing changed; -ENOMEM likewise; -EINVAL: NULL value. Linearizes
 * at the compare-and-swap that makes the slot LIVE; -EEXIST at the second read of the bucket's head.
 */
WEFT_API WEFT_NODISCARD int weft_table_insert(weft_table *table, uint64_t key, void *value);

/*
 * Inserts (0) or replaces (1), -ENOMEM, -EINVAL. The replaced value goes to *old. Other threads may still read it, so
 * the caller hands it to weft_retire or weft_retire_hook, whose callback frees it. With `old` NULL and a value
 * destructor, the table destroys it when no guard holds it. *old is NULL if nothing was replaced. Linearizes as insert.
 */
WEFT_API WEFT_NODISCARD int weft_table_put(weft_table *table, uint64_t key, void *value, void **old);

/*
 * The value, protected by `guard` (entered in the table's domain) until that is used again or left. NULL: absent.
 * `guard` may be NULL if values are not pointers that any thread frees. Linearizes at the last read of a bucket's head.
 */
WEFT_API WEFT_NODISCARD void *weft_table_get(weft_table *table, weft_guard *guard, uint64_t key);

/*
 * values[i] gets what get would return for keys[i], protected by guards[i] (all entered; `guards` may be NULL, as in
 * get). Returns how many keys are present. Each lookup linearizes on its own. They wait for memory together, 16 at a
 * time.
 */
WEFT_API size_t weft_table_get_many(weft_table *table, weft_guard *guards, const uint64_t *keys, void **values,
                                    size_t count);

/* Whether the key has an entry. Linearizes as get. */
WEFT_API WEFT_NODISCARD bool weft_table_contains(weft_table *table, uint64_t key);

/*
 * 0: inserted, *present is `value`. 1: the key was there, *present is its value, protected by `guard` as in get.
 * -ENOMEM, -EINVAL (NULL value or present): *present is NULL.
 */
WEFT_API WEFT_NODISCARD int weft_table_get_or_insert(weft_table *table, weft_guard *guard, uint64_t key, void *value,
                                                     void **present);

/*
 * Replaces the key's value if it is `expected`. 0; -EAGAIN: it has another value; -ENOENT: absent; -EINVAL: either
 * value NULL; -ENOMEM. The expected value goes to the value destructor or, without one, to the caller, who retires it
 * like a value that put has replaced. It stays in the table if `desired` is the same.
 */
WEFT_API WEFT_NODISCARD int weft_table_compare_and_replace(weft_table *table, uint64_t key, void *expected,
                                                           void *desired);

/*
 * Removes the entry. *value gets its value, which the caller hands to weft_retire or weft_retire_hook, as after put.
 * With `value` NULL and a value destructor, the table destroys it when no guard holds it. False: absent, *value is
 * NULL. Needs no memory. Linearizes at the compare-and-swap that makes the slot FREE or DEAD.
 */
WEFT_API bool weft_table_remove(weft_table *table, uint64_t key, void **value);

/*
 * Removes the entry if its value is `expected`. 0; -EAGAIN: it has another value; -ENOENT: absent; -EINVAL: NULL table
 * or expected. The table destroys the value as remove with NULL does; without a destructor it goes to the caller, who
 * retires it. Linearizes as remove; -EAGAIN and -ENOENT as get.
 */
WEFT_API WEFT_NODISCARD int weft_table_compare_and_remove(weft_table *table, uint64_t key, void *expected);

/* The number of entries, by guarantee 2. Wait-free; reads a counter for each of WEFT_TABLE_STRIPES (16). */
WEFT_API WEFT_NODISCARD size_t weft_table_size(weft_table *table);

/*
 * Makes buckets for `count` entries, which the table keeps whatever is removed; 0: from now on it shrinks again. 0;
 * -ENOMEM: it keeps those that it could make; -EINVAL: NULL table. Others may use the table.
 */
WEFT_API WEFT_NODISCARD int weft_table_reserve(weft_table *table, size_t count);

/* Removes all entries that an iteration meets; destructors as in remove with NULL. Not atomic. */
WEFT_API void weft_table_clear(weft_table *table);

/*
 * Iteration under updates:
 *
 *     weft_table_iterator it;
 *     uint64_t key;
 *     void *value;
 *     weft_table_iterate(&it, table);
 *     while (weft_table_next(&it, &key, &value))
 *         ...                                    // the value is held until the next step; updates are allowed
 *     weft_table_iterate_end(&it);               // also after breaking off
 */
typedef struct weft_table_iterator {
    weft_table *table;
    weft_guard held;   /* holds the value */
    uint64_t from;     /* where the next bucket begins */
    uint64_t keys[15]; /* of the last one, mixed, that are still to be seen */
    unsigned left;     /* their number */
    bool ended;        /* there is no next bucket */
    void *reserved[4];
} weft_table_iterator;

/* Begins an iteration in this thread. */
WEFT_API void weft_table_iterate(weft_table_iterator *iterator, weft_table *table);

/*
 * Gets the next entry's key and value, protected until the next step. Either pointer may be NULL. False: the end.
 * Lock-free.
 */
WEFT_API WEFT_NODISCARD bool weft_table_next(weft_table_iterator *iterator, uint64_t *key, void **value);

/* Ends the iteration, and with it the protection of its last value. */
WEFT_API void weft_table_iterate_end(weft_table_iterator *iterator);

/* Fills *out by a walk over the whole table. */
WEFT_API void weft_table_stats(weft_table *table, weft_table_statistics *out);

/*
 * Frees the table. `drain(key, value, ctx)` gets every entry and no destructor runs; with NULL the destructors run. No
 * other thread may be using the table or hold a guard from it.
 */
WEFT_API void weft_table_destroy(weft_table *table, void (*drain)(uint64_t key, void *value, void *ctx), void *ctx);

WEFT_END_DECLS

/* clang-format off */
#ifndef __cplusplus
/* A typed view: <weft/base/typed.h>. */
#define WEFT_TABLE_OF(name, value_type)                                                                                \
    WEFT_I_TYPED_CHECK(value_type);                                                                                    \
    typedef struct name name;                                                                                          \
    typedef struct name##_i_each {                                                                                     \
        void (*function)(uint64_t key, value_type value, void *ctx);                                                   \
        void *ctx;                                                                                                     \
    } name##_i_each;                                                                                                   \
    weft_i_typed void name##_i_call(uint64_t key, void *value, void *each)                                             \
    {                                                                                                                  \
        ((name##_i_each *)each)->function(key, WEFT_I_TYPED(value_type, value), ((name##_i_each *)each)->ctx);         \
    }                                                                                                                  \
    weft_i_typed weft_table *name##_untyped(name *typed) { return (weft_table *)(void *)typed; }                       \
    WEFT_NODISCARD weft_i_typed int name##_create(name **out, weft_domain *domain, const weft_table_config *config)    \
    {                                                                                                                  \
        weft_table *made = NULL;                                                                                       \
        int error = weft_table_create(out ? &made : NULL, domain, config);                                             \
        if (out)                                                                                                       \
            *out = (name *)(void *)made;                                                                               \
        return error;                                                                                                  \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_insert(name *typed, uint64_t key, value_type value)                         \
    {                                                                                                                  \
        return weft_table_insert(name##_untyped(typed), key, WEFT_I_WORD(value));                                      \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_put(name *typed, uint64_t key, value_type value, value_type *old)           \
    {                                                                                                                  \
        void *word = NULL;                                                                                             \
        int done = weft_table_put(name##_untyped(typed), key, WEFT_I_WORD(value), old ? &word : NULL);                 \
        if (old)                                                                                                       \
            *old = WEFT_I_TYPED(value_type, word);                                                                     \
        return done;                                                                                                   \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed value_type name##_get(name *typed, weft_guard *guard, uint64_t key)                    \
    {                                                                                                                  \
        return WEFT_I_TYPED(value_type, weft_table_get(name##_untyped(typed), guard, key));                            \
    }                                                                                                                  \
    weft_i_typed size_t name##_get_many(name *typed, weft_guard *guards, const uint64_t *keys, value_type *values, size_t count) \
    {                                                                                                                  \
        size_t found = 0;                                                                                              \
        for (size_t done = 0, n; keys && values && done < count; done += n) {                                          \
            void *value_words[64] = {NULL};                                                                            \
            n = count - done < 64 ? count - done : 64;                                                                 \
            found += weft_table_get_many(name##_untyped(typed), guards ? guards + done : NULL, keys + done, value_words, n); \
            for (size_t i = 0; i < n; i++)                                                                             \
                values[done + i] = WEFT_I_TYPED(value_type, value_words[i]);                                           \
        }                                                                                                              \
        return found;                                                                                                  \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed bool name##_contains(name *typed, uint64_t key)                                        \
    {                                                                                                                  \
        return weft_table_contains(name##_untyped(typed), key);                                                        \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_get_or_insert(name *typed, weft_guard *guard, uint64_t key, value_type value, value_type *present) \
    {                                                                                                                  \
        void *word = NULL;                                                                                             \
        int done = weft_table_get_or_insert(name##_untyped(typed), guard, key, WEFT_I_WORD(value), present ? &word : NULL); \
        if (present)                                                                                                   \
            *present = WEFT_I_TYPED(value_type, word);                                                                 \
        return done;                                                                                                   \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_compare_and_replace(name *typed, uint64_t key, value_type expected, value_type desired) \
    {                                                                                                                  \
        return weft_table_compare_and_replace(name##_untyped(typed), key, WEFT_I_WORD(expected), WEFT_I_WORD(desired)); \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed int name##_compare_and_remove(name *typed, uint64_t key, value_type expected)          \
    {                                                                                                                  \
        return weft_table_compare_and_remove(name##_untyped(typed), key, WEFT_I_WORD(expected));                       \
    }                                                                                                                  \
    weft_i_typed bool name##_remove(name *typed, uint64_t key, value_type *value)                                      \
    {                                                                                                                  \
        void *word = NULL;                                                                                             \
        bool removed = weft_table_remove(name##_untyped(typed), key, value ? &word : NULL);                            \
        if (value)                                                                                                     \
            *value = WEFT_I_TYPED(value_type, word);                                                                   \
        return removed;                                                                                                \
    }                                                                                                                  \
    WEFT_NODISCARD weft_i_typed size_t name##_size(name *typed) { return weft_table_size(name##_untyped(typed)); }     \
    WEFT_NODISCARD weft_i_typed int name##_reserve(name *typed, size_t count) { return weft_table_reserve(name##_untyped(typed), count); } \
    weft_i_typed void name##_clear(name *typed) { weft_table_clear(name##_untyped(typed)); }                           \
    weft_i_typed void name##_iterate(weft_table_iterator *iterator, name *typed) { weft_table_iterate(iterator, name##_untyped(typed)); } \
    WEFT_NODISCARD weft_i_typed bool name##_next(weft_table_iterator *iterator, uint64_t *key, value_type *value)      \
    {                                                                                                                  \
        void *word = NULL;                                                                                             \
        bool any = weft_table_next(iterator, key, &word);                                                              \
        if (any && value)                                                                                              \
            *value = WEFT_I_TYPED(value_type, word);                                                                   \
        return any;                                                                                                    \
    }                                                                                                                  \
    weft_i_typed void name##_iterate_end(weft_table_iterator *iterator) { weft_table_iterate_end(iterator); }          \
    weft_i_typed void name##_destroy(name *typed, void (*drain)(uint64_t key, value_type value, void *ctx), void *ctx) \
    {                                                                                                                  \
        name##_i_each call = {drain, ctx};                                                                             \
        weft_table_destroy(name##_untyped(typed), drain ? name##_i_call : NULL, &call);                                \
    }                                                                                                                  \
    typedef name name##_i_end
#endif
/* clang-format on */

#endif

/* ==== implementation ==== */

#if (defined(WEFT_IMPLEMENTATION) || defined(WEFT_STATIC)) && !defined(WEFT_I_IMPLEMENTED)
#define WEFT_I_IMPLEMENTED

#ifdef __cplusplus
#error "Weft is implemented in C: define WEFT_IMPLEMENTATION, or WEFT_STATIC, in a C file"
#endif

/* ---- base/seam.h ---- */

/*
 * private. The rest of the seam: everything in kernels and reclamation that is neither an atomic nor plain C on private
 * memory. A build with WEFT_SEAM takes all of it from that header (see base/atomic.h), unless the header defines
 * WEFT_SEAM_ATOMICS_ONLY.
 */
#ifndef WEFT_BASE_SEAM_H
#define WEFT_BASE_SEAM_H


#if !defined(WEFT_SEAM) || defined(WEFT_SEAM_ATOMICS_ONLY)

#include <pthread.h>

/* A thread takes mutexes in ascending rank. While it holds the one of rank 0, it may take several of the same rank. */
typedef struct weft_i_mutex {
    pthread_mutex_t mutex;
#ifdef WEFT_DEBUG
    int rank;
#endif
} weft_i_mutex;
#ifdef WEFT_DEBUG
#define WEFT_I_MUTEX_INIT(rank)                                                                                        \
    {                                                                                                                  \
        PTHREAD_MUTEX_INITIALIZER, (rank)                                                                              \
    }
#define weft_i_mutex_init(m, its) (*(m) = (weft_i_mutex)WEFT_I_MUTEX_INIT(its))
/* They print why and abort if the order of ranks is violated. */
WEFT_I_PRIVATE void weft_i_mutex_lock(weft_i_mutex *mutex);
WEFT_I_PRIVATE bool weft_i_mutex_trylock(weft_i_mutex *mutex);
WEFT_I_PRIVATE void weft_i_mutex_unlock(weft_i_mutex *mutex);
#else
#define WEFT_I_MUTEX_INIT(rank)                                                                                        \
    {                                                                                                                  \
        PTHREAD_MUTEX_INITIALIZER                                                                                      \
    }
#define weft_i_mutex_init(m, rank) ((void)pthread_mutex_init(&(m)->mutex, NULL))
#define weft_i_mutex_lock(m) ((void)pthread_mutex_lock(&(m)->mutex))
#define weft_i_mutex_trylock(m) (pthread_mutex_trylock(&(m)->mutex) == 0)
#define weft_i_mutex_unlock(m) ((void)pthread_mutex_unlock(&(m)->mutex))
#endif
#define weft_i_mutex_destroy(m) ((void)pthread_mutex_destroy(&(m)->mutex))

/* A function that runs when the library is loaded. */
#define WEFT_I_AT_LOAD __attribute__((constructor))

/* A key's value makes `hook` run at the thread's end. Both return false if the process has no key or no memory left. */
typedef pthread_key_t weft_i_key;
#define weft_i_key_create(key, hook) (pthread_key_create((key), (hook)) == 0)
WEFT_I_PRIVATE bool weft_i_key_set(weft_i_key key, void *value);
#define weft_i_at_fork(prepare, parent, child) (pthread_atfork((prepare), (parent), (child)) == 0)

/* Memory of the given size and alignment, or NULL. weft_i_sys_map is for zeroed memory of 2 MiB or more. */
WEFT_I_PRIVATE void *weft_i_sys_alloc(size_t size, size_t alignment);
WEFT_I_PRIVATE void weft_i_sys_free(void *memory);
WEFT_I_PRIVATE void *weft_i_sys_map(size_t size);
WEFT_I_PRIVATE void weft_i_sys_unmap(void *memory, size_t size);
/*
 * Zeroed memory of `once` and then `twice` bytes, multiples of a page; behind them the last `twice` bytes are mapped once
 * more. 0 or -errno. A forked child shares it. weft_i_sys_unmap takes once + 2 * twice.
 */
WEFT_I_PRIVATE size_t weft_i_sys_page(void);
WEFT_I_PRIVATE int weft_i_sys_map_twice(void **out, size_t once, size_t twice);

/* membarrier(2) PRIVATE_EXPEDITED: probe registers the process; both return false where the kernel refuses. */
WEFT_I_PRIVATE bool weft_i_sys_membarrier_probe(void);
WEFT_I_PRIVATE bool weft_i_sys_membarrier(void);
/*
 * A slower substitute, by a change of the page tables. False where that interrupts no processor. One caller at a time.
 */
WEFT_I_PRIVATE bool weft_i_sys_interrupt_all(void);

WEFT_I_PRIVATE uint64_t weft_i_sys_clock_ns(void);          /* monotonic */
WEFT_I_PRIVATE uint64_t weft_i_sys_wall_ns(void);           /* may be set meanwhile, but never costs a system call */
WEFT_I_PRIVATE bool weft_i_sys_random(void *out, size_t n); /* getrandom; false where it is refused */
WEFT_I_PRIVATE int weft_i_sys_thread_id(void);
/* Below 64; most threads have different ones, so that they choose different cache lines. A build may choose them itself. */
WEFT_I_PRIVATE_OBJECT WEFT_I_THREAD_LOCAL char weft_i_here;
#ifndef weft_i_sys_spread
#define weft_i_sys_spread() ((size_t)(uintptr_t)&weft_i_here * (size_t)0x9E3779B97F4A7C15 >> (sizeof(size_t) * 8 - 6))
#endif
WEFT_I_PRIVATE void weft_i_sys_sleep_ns(uint64_t ns);
WEFT_I_PRIVATE void weft_i_sys_yield(void);

/* For locks that signal handlers may need, too. */
typedef struct weft_i_signals {
    unsigned long mask[1024 / (8 * sizeof(unsigned long))]; /* a sigset_t, which strict C11 hides */
} weft_i_signals;
WEFT_I_PRIVATE weft_i_signals weft_i_sys_block_signals(void);
WEFT_I_PRIVATE void weft_i_sys_restore_signals(weft_i_signals signals);

#if defined(__x86_64__) || defined(__i386__)
#define weft_i_pause() __builtin_ia32_pause()
#elif defined(__aarch64__) || defined(__ARM_ARCH_7A__)
#define weft_i_pause() __asm__ __volatile__("yield" ::: "memory")
#else
#define weft_i_pause() weft_i_compiler_fence()
#endif

#endif

#endif

/* ---- base/backoff.h ---- */

/*
 * private. What a thread does that has lost a compare-and-swap: it waits, so that the winner works on with the line in its
 * cache. How long follows from two times that each thread measures: its pace, the time from one of its operations to the
 * next, and a trip, the time that a try takes when the line must come from another core. A thread that is slower than a
 * trip waits for half of one, since it would be away longer than the winner needs the line. A faster thread waits for
 * eight trips, so that one trip in nine is lost. Each further loss of the operation doubles the wait.
 * docs/design/0004-waiting.md has the measurements. Code without contention only counts its operations.
 *
 * A wait is a time, not a number of turns: a pause takes 4 ns on some processors and 50 on others.
 */
#ifndef WEFT_BASE_BACKOFF_H
#define WEFT_BASE_BACKOFF_H


/* What a thread knows of its own pace, from its losses of about the last 100 us. */
typedef struct weft_i_pace {
    size_t operations, operations_then; /* of the thread, about; now, and at its last loss */
    uint64_t then_ns;
    uint64_t took_ns, done; /* sums: the time from loss to loss, and the operations meanwhile */
    unsigned losses, trip_ns;
} weft_i_pace;

typedef struct weft_i_backoff {
    unsigned ns;       /* the last wait of this operation; start with 0 */
    uint64_t until_ns; /* when it ended, if the next try is to be measured */
} weft_i_backoff;

#if !defined(WEFT_SEAM) || defined(WEFT_SEAM_ATOMICS_ONLY)
/* Waits after a loss. `pace` is NULL in a thread without a record. */
WEFT_I_PRIVATE void weft_i_backoff_wait(weft_i_backoff *backoff, weft_i_pace *pace);

/* To be called after the try that followed the wait. */
WEFT_I_PRIVATE void weft_i_backoff_over(weft_i_backoff *backoff, weft_i_pace *pace);
#endif

#endif

/* ---- base/backoff.c ---- */

#if !defined(WEFT_SEAM) || defined(WEFT_SEAM_ATOMICS_ONLY)

/* Pauses per 1024 ns, measured at the first contention; 0: not yet. */
static weft_i_atomic_int weft_i_own_backoff_pauses_per_1024ns;

enum {
    WEFT_I_OWN_BACKOFF_SAMPLE = 64,
    WEFT_I_OWN_BACKOFF_SAMPLES = 3,
    WEFT_I_OWN_BACKOFF_TRIP_NS = 160, /* before the first is measured */
    WEFT_I_OWN_BACKOFF_TRIPS_ALONE = 8,
    WEFT_I_OWN_BACKOFF_LONGEST_FIRST_NS = 2500, /* a bound for cores that are far apart */
    WEFT_I_OWN_BACKOFF_LONGEST_NS = 5000,
    WEFT_I_OWN_BACKOFF_MEASURED = 8,           /* one trip in so many, since reading the clock twice takes half of one */
    WEFT_I_OWN_BACKOFF_WINDOW_NS = 100000,     /* of the sums */
    WEFT_I_OWN_BACKOFF_DESCHEDULED_NS = 500000 /* a longer time from loss to loss is none of the thread's pace */
};

/* Takes the shortest of a few samples, since the scheduler may interrupt one. */
static int weft_i_own_backoff_calibrate(void)
{
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < WEFT_I_OWN_BACKOFF_SAMPLES; i++) {
        uint64_t start = weft_i_sys_wall_ns();
        for (int k = 0; k < WEFT_I_OWN_BACKOFF_SAMPLE; k++)
            weft_i_pause();
        uint64_t took = weft_i_sys_wall_ns() - start;
        if (took < best)
            best = took;
    }
    int rate = (int)(WEFT_I_OWN_BACKOFF_SAMPLE * 1024 / (best ? best : 1));
    if (rate < 1)
        rate = 1;
    /* relaxed: any thread's measurement serves all */
    weft_i_store(&weft_i_own_backoff_pauses_per_1024ns, rate, memory_order_relaxed);
    return rate;
}

static unsigned weft_i_own_backoff_trip_of(const weft_i_pace *pace)
{
    return pace && pace->trip_ns ? pace->trip_ns : WEFT_I_OWN_BACKOFF_TRIP_NS;
}

/* Whether the thread's operations, its waits included, take longer than a trip each. */
static bool weft_i_own_backoff_is_slow(weft_i_pace *pace)
{
    uint64_t now = weft_i_sys_wall_ns(), took = now - pace->then_ns;
    if (took < WEFT_I_OWN_BACKOFF_DESCHEDULED_NS) {
        pace->took_ns += took;
        pace->done += pace->operations - pace->operations_then;
    }
    if (took >= WEFT_I_OWN_BACKOFF_DESCHEDULED_NS || pace->took_ns > WEFT_I_OWN_BACKOFF_WINDOW_NS) { /* older intervals fade */
        pace->took_ns /= 2;
        pace->done /= 2;
    }
    pace->then_ns = now;
    pace->operations_then = pace->operations;
    return pace->took_ns >= pace->done * weft_i_own_backoff_trip_of(pace); /* also, nothing is known: losses are rare */
}

static unsigned weft_i_own_backoff_first_wait(weft_i_pace *pace)
{
    unsigned trip = weft_i_own_backoff_trip_of(pace);
    if (!pace || weft_i_own_backoff_is_slow(pace))
        return trip / 2;
    return trip * WEFT_I_OWN_BACKOFF_TRIPS_ALONE < WEFT_I_OWN_BACKOFF_LONGEST_FIRST_NS ? trip * WEFT_I_OWN_BACKOFF_TRIPS_ALONE : WEFT_I_OWN_BACKOFF_LONGEST_FIRST_NS;
}

void weft_i_backoff_wait(weft_i_backoff *backoff, weft_i_pace *pace)
{
    /* relaxed: a number by itself */
    int rate = weft_i_load(&weft_i_own_backoff_pauses_per_1024ns, memory_order_relaxed);
    if (weft_i_unlikely(rate == 0))
        rate = weft_i_own_backoff_calibrate();
    unsigned ns = backoff->ns ? backoff->ns * 2 : weft_i_own_backoff_first_wait(pace);
    if (ns > WEFT_I_OWN_BACKOFF_LONGEST_NS)
        ns = WEFT_I_OWN_BACKOFF_LONGEST_NS;
    backoff->ns = ns;
    for (uint64_t turns = (uint64_t)ns * (unsigned)rate / 1024 + 1; turns > 0; turns--)
        weft_i_pause();
    if (pace && ++pace->losses % WEFT_I_OWN_BACKOFF_MEASURED == 0)
        backoff->until_ns = weft_i_sys_wall_ns();
}

void weft_i_backoff_over(weft_i_backoff *backoff, weft_i_pace *pace)
{
    if (!backoff->until_ns) /* always, without a pace */
        return;
    unsigned before = weft_i_own_backoff_trip_of(pace);
    uint64_t trip = weft_i_sys_wall_ns() - backoff->until_ns;
    if (trip > 2 * before) /* the scheduler may have interrupted the try */
        trip = 2 * before;
    unsigned now = (7 * before + (unsigned)trip + 4) / 8;
    pace->trip_ns = now < 1 ? 1 : now < WEFT_I_OWN_BACKOFF_LONGEST_NS ? now : WEFT_I_OWN_BACKOFF_LONGEST_NS;
    backoff->until_ns = 0;
}

#endif

/* ---- base/seam.c ---- */

#if !defined(WEFT_SEAM) || defined(WEFT_SEAM_ATOMICS_ONLY)

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * Under -std=c11 the system's headers hide what is not ISO C, and in the single header they may have been included long
 * before this file. So this file needs no feature macro: it declares hidden names as Linux has them, or makes a system
 * call by its number.
 */
long syscall(long number, ...);
int posix_memalign(void **out, size_t alignment, size_t size);
#ifndef MAP_ANONYMOUS
#include <linux/mman.h>
#endif
#ifdef SIG_SETMASK
typedef sigset_t weft_i_own_seam_signal_set;
enum { WEFT_I_OWN_SEAM_SETMASK = SIG_SETMASK };
#elif defined(__mips__) || defined(__sparc__) || defined(__alpha__)
#error "SIG_SETMASK is another number here: compile base/seam.c with -std=gnu11"
#else
typedef weft_i_signals weft_i_own_seam_signal_set;
enum { WEFT_I_OWN_SEAM_SETMASK = 2 };
int pthread_sigmask(int how, const weft_i_own_seam_signal_set *set, weft_i_own_seam_signal_set *before);
#endif

/*
 * The kernel's type of seconds and nanoseconds: 64 bits on x32, and where the calls with shorter ones are gone
 * (riscv32).
 */
#if defined(SYS_clock_nanosleep_time64) && (!defined(SYS_clock_nanosleep) || !defined(SYS_clock_gettime))
typedef int64_t weft_i_own_seam_kernel_time;
enum { WEFT_I_OWN_SEAM_CLOCK_NANOSLEEP = SYS_clock_nanosleep_time64, WEFT_I_OWN_SEAM_CLOCK_GETTIME = SYS_clock_gettime64 };
#else
#if defined(__x86_64__)
typedef int64_t weft_i_own_seam_kernel_time;
#else
typedef long weft_i_own_seam_kernel_time;
#endif
enum { WEFT_I_OWN_SEAM_CLOCK_NANOSLEEP = SYS_clock_nanosleep, WEFT_I_OWN_SEAM_CLOCK_GETTIME = SYS_clock_gettime };
#endif

/* <linux/membarrier.h> is missing on older build machines; the numbers are the kernel's ABI. */
enum { WEFT_I_OWN_SEAM_MEMBARRIER_PRIVATE_EXPEDITED = 1 << 3, WEFT_I_OWN_SEAM_MEMBARRIER_REGISTER_PRIVATE_EXPEDITED = 1 << 4 };

#if WEFT_I_TSAN
WEFT_I_OBJECT weft_i_atomic_int weft_i_tsan_fence_word;
#endif

#ifdef WEFT_DEBUG
enum { WEFT_I_OWN_SEAM_RANKS = 8 };
static WEFT_I_THREAD_LOCAL int weft_i_own_seam_held[WEFT_I_OWN_SEAM_RANKS];

/* This counts a mutex that was only tried, too: the thread may wait for others while it holds that one. */
static void weft_i_own_seam_note_locked(const weft_i_mutex *mutex, bool first_of_rank)
{
    for (int rank = mutex->rank + !first_of_rank; rank < WEFT_I_OWN_SEAM_RANKS; rank++)
        if (weft_i_own_seam_held[rank]) {
            fprintf(stderr, "weft: a mutex of rank %d is taken under one of rank %d\n", mutex->rank, rank);
            abort();
        }
    weft_i_own_seam_held[mutex->rank]++;
}

void weft_i_mutex_lock(weft_i_mutex *mutex)
{
    weft_i_own_seam_note_locked(mutex, !weft_i_own_seam_held[0]);
    (void)pthread_mutex_lock(&mutex->mutex);
}

bool weft_i_mutex_trylock(weft_i_mutex *mutex)
{
    if (pthread_mutex_trylock(&mutex->mutex) != 0)
        return false;
    weft_i_own_seam_note_locked(mutex, true);
    return true;
}

void weft_i_mutex_unlock(weft_i_mutex *mutex)
{
    weft_i_own_seam_held[mutex->rank]--;
    (void)pthread_mutex_unlock(&mutex->mutex);
}
#endif

void *weft_i_sys_alloc(size_t size, size_t alignment)
{
    int saved = errno;
    void *memory = NULL;
    if (alignment <= _Alignof(max_align_t))
        memory = malloc(size);
    else if (posix_memalign(&memory, alignment, size) != 0)
        memory = NULL;
    errno = saved;
    return memory;
}

void weft_i_sys_free(void *memory)
{
    free(memory);
}

void *weft_i_sys_map(size_t size)
{
    int saved = errno;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
#ifdef MADV_HUGEPAGE
    if (memory != MAP_FAILED)
        (void)syscall(SYS_madvise, memory, size, MADV_HUGEPAGE); /* advice only: a refusal costs nothing but speed */
#endif
    errno = saved;
    return memory == MAP_FAILED ? NULL : memory;
}

void weft_i_sys_unmap(void *memory, size_t size)
{
    (void)munmap(memory, size);
}

size_t weft_i_sys_page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

int weft_i_sys_map_twice(void **out, size_t once, size_t twice)
{
#if defined(SYS_memfd_create) && defined(SYS_ftruncate)
    enum { WEFT_I_OWN_SEAM_CLOSE_ON_EXEC = 1 };
    int saved = errno, error = 0;
    size_t all = once + 2 * twice;
    long file = syscall(SYS_memfd_create, "weft", WEFT_I_OWN_SEAM_CLOSE_ON_EXEC);
    char *memory = MAP_FAILED;
    if (file >= 0 && syscall(SYS_ftruncate, file, once + twice) == 0)
        memory = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0); /* the addresses */
    if (memory == MAP_FAILED ||
        mmap(memory, once + twice, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, (int)file, 0) == MAP_FAILED ||
        mmap(memory + once + twice, twice, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, (int)file, (long)once) ==
            MAP_FAILED)
        error = -errno;
    if (error && memory != MAP_FAILED)
        (void)munmap(memory, all);
    if (file >= 0)
        (void)close((int)file);
    errno = saved;
    *out = memory;
    return error;
#else
    (void)out, (void)once, (void)twice;
    return -ENOSYS;
#endif
}

/* errno is the caller's: no Weft call may change it. */
static bool weft_i_own_seam_membarrier_call(int command)
{
#ifdef SYS_membarrier
    int saved = errno;
    bool done = syscall(SYS_membarrier, command, 0, 0) == 0;
    errno = saved;
    return done;
#else
    (void)command;
    return false;
#endif
}

bool weft_i_sys_membarrier_probe(void)
{
#if WEFT_I_TSAN
    return false; /* a barrier in the kernel is invisible to the thread sanitizer: use the fences it sees */
#else
    return weft_i_own_seam_membarrier_call(WEFT_I_OWN_SEAM_MEMBARRIER_REGISTER_PRIVATE_EXPEDITED) && weft_i_own_seam_membarrier_call(WEFT_I_OWN_SEAM_MEMBARRIER_PRIVATE_EXPEDITED);
#endif
}

bool weft_i_sys_membarrier(void)
{
    return weft_i_own_seam_membarrier_call(WEFT_I_OWN_SEAM_MEMBARRIER_PRIVATE_EXPEDITED);
}

/*
 * If a permission is removed from a page that was written to, the kernel must make every processor that runs a thread
 * of this process forget the old one. On x86 it sends them an interrupt, which is a full fence (folly's
 * AsymmetricThreadFence relies on this, too). It sends none where processors can be told by broadcast: arm64, and AMD's
 * INVLPGB (CPUID 8000_0008, EBX bit 3).
 */
#if (defined(__x86_64__) || defined(__i386__)) && !WEFT_I_TSAN && defined(SYS_mlock)
#include <cpuid.h>

static bool weft_i_own_seam_told_by_broadcast(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(0x80000008, &a, &b, &c, &d) && (b >> 3 & 1);
}

bool weft_i_sys_interrupt_all(void)
{
    enum { WEFT_I_OWN_SEAM_PAGE = 4096 };
    static char *page;
    int saved = errno;
    if (!page && !weft_i_own_seam_told_by_broadcast()) {
        void *memory = mmap(NULL, WEFT_I_OWN_SEAM_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory != MAP_FAILED && syscall(SYS_mlock, memory, (long)WEFT_I_OWN_SEAM_PAGE) == 0)
            page = memory; /* locked, so that it is present when the permission is removed */
        else if (memory != MAP_FAILED)
            (void)munmap(memory, WEFT_I_OWN_SEAM_PAGE);
    }
    bool done = page && mprotect(page, WEFT_I_OWN_SEAM_PAGE, PROT_READ | PROT_WRITE) == 0;
    if (done) {
        *(volatile char *)page = 1;
        done = mprotect(page, WEFT_I_OWN_SEAM_PAGE, PROT_READ) == 0;
    }
    errno = saved;
    return done;
}
#else
bool weft_i_sys_interrupt_all(void)
{
    return false;
}
#endif

/*
 * A plugin that has the library inside must not be unloaded: exit hooks of threads, fork handlers and pending callbacks
 * would run code that is gone. The linker's -z nodelete prevents this, but others link the plugin. So the object with
 * this code asks for it itself, while it is being loaded: later, a thread that waits for this one might hold the
 * loader's lock. The weak references need no -ldl. They are NULL in a static program, or where objects are never
 * unloaded (musl). dlopen is looked up at run time, since linkers warn about that name in static programs.
 */
#ifdef RTLD_NODELETE
struct weft_i_own_seam_loaded { /* how the loader's struct link_map begins */
    uintptr_t moved_by;
    const char *path; /* empty: the program itself */
};
static int weft_i_own_seam_find_loaded(const void *address, void *info[4], void **weft_i_own_seam_loaded, int what) __attribute__((weakref("dladdr1")));
static void *weft_i_own_seam_find_function(void *anywhere, const char *name) __attribute__((weakref("dlsym")));

WEFT_I_AT_LOAD static void weft_i_own_seam_stay_loaded(void)
{
    enum { WEFT_I_OWN_SEAM_LINK_MAP = 2 }; /* RTLD_DL_LINKMAP, which strict C11 hides */
    static const char inside;
    int saved = errno;
    void *info[4], *found = NULL, *function = NULL;
    if (weft_i_own_seam_find_loaded && weft_i_own_seam_find_function && weft_i_own_seam_find_loaded(&inside, info, &found, WEFT_I_OWN_SEAM_LINK_MAP) != 0 && found)
        function = weft_i_own_seam_find_function(NULL, "dlopen");
    if (function) {
        const struct weft_i_own_seam_loaded *object = found;
        void *(*load)(const char *path, int flags);
        memcpy(&load, &function, sizeof load); /* ISO C has no cast for it */
        if (object->path[0])
            (void)load(object->path, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    }
    errno = saved;
}
#endif

/* A thread's keys beyond the first 32 take memory; if there is none, errno is set. */
bool weft_i_key_set(weft_i_key key, void *value)
{
    int saved = errno;
    bool done = pthread_setspecific(key, value) == 0;
    errno = saved;
    return done;
}

static uint64_t weft_i_own_seam_in_ns(uint64_t seconds, uint64_t ns)
{
    return seconds * 1000000000u + ns;
}

/* ISO C has it, so the headers never hide it. */
uint64_t weft_i_sys_wall_ns(void)
{
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    return weft_i_own_seam_in_ns((uint64_t)now.tv_sec, (uint64_t)now.tv_nsec);
}

uint64_t weft_i_sys_clock_ns(void)
{
#ifdef CLOCK_MONOTONIC
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return weft_i_own_seam_in_ns((uint64_t)now.tv_sec, (uint64_t)now.tv_nsec);
#else
    weft_i_own_seam_kernel_time now[2] = {0, 0}; /* slower by a system call; nothing that is fast reads this clock */
    (void)syscall(WEFT_I_OWN_SEAM_CLOCK_GETTIME, 1, now);
    return weft_i_own_seam_in_ns((uint64_t)now[0], (uint64_t)now[1]);
#endif
}

bool weft_i_sys_random(void *out, size_t n)
{
    int saved = errno;
    const unsigned nonblock = 1;
    /* by its number: the function is a cancellation point, and missing in older C libraries */
    bool done = syscall(SYS_getrandom, out, n, nonblock) == (long)n;
    errno = saved;
    return done;
}

WEFT_I_OBJECT WEFT_I_THREAD_LOCAL char weft_i_here;

int weft_i_sys_thread_id(void)
{
    return (int)syscall(SYS_gettid);
}

void weft_i_sys_sleep_ns(uint64_t ns)
{
    int saved = errno;
    weft_i_own_seam_kernel_time time[2] = {(weft_i_own_seam_kernel_time)(ns / 1000000000u), (weft_i_own_seam_kernel_time)(ns % 1000000000u)};
    (void)syscall(WEFT_I_OWN_SEAM_CLOCK_NANOSLEEP, 1, 0, time, NULL); /* no cancellation point */
    errno = saved;
}

void weft_i_sys_yield(void)
{
    (void)sched_yield();
}

weft_i_signals weft_i_sys_block_signals(void)
{
    weft_i_signals all, before;
    _Static_assert(sizeof before >= sizeof(weft_i_own_seam_signal_set), "a signal set fits");
    memset(&all, 0xff, sizeof all);
    memset(&before, 0, sizeof before);
    /* not by its number: the thread sanitizer must see it, or it may run a pending handler in what follows */
    (void)pthread_sigmask(WEFT_I_OWN_SEAM_SETMASK, (const weft_i_own_seam_signal_set *)(const void *)&all, (weft_i_own_seam_signal_set *)(void *)&before);
    return before;
}

void weft_i_sys_restore_signals(weft_i_signals signals)
{
    (void)pthread_sigmask(WEFT_I_OWN_SEAM_SETMASK, (const weft_i_own_seam_signal_set *)(const void *)&signals, NULL);
}

#endif

/* ---- base/version.c ---- */

unsigned weft_version(void)
{
    return WEFT_VERSION;
}

const char *weft_version_string(void)
{
    return WEFT_VERSION_STRING;
}

/* ---- reclaim/list.h ---- */

/*
 * private. Lists of retired objects, linked through their hooks. One thread at a time uses a list. At any moment an
 * object is in at most one list, and each list is whole from its head on: so a fork's child can use the lists of a
 * thread that vanished at any point.
 */
#ifndef WEFT_RECLAIM_LIST_H
#define WEFT_RECLAIM_LIST_H


/*
 * Classes of nodes; OTHER is for objects that are not recycled. BRIEF is for nodes that live only for a moment. They
 * are as large as LARGE, but if they shared its memory, nodes that stay would be spread over more cache lines. SEGMENT
 * is for arrays of cells behind a header of three lines.
 */
enum {
    WEFT_I_SMALL,
    WEFT_I_LARGE,
    WEFT_I_BRIEF,
    WEFT_I_SEGMENT,
    WEFT_I_CLASSES,
    WEFT_I_OTHER = WEFT_I_CLASSES,
    WEFT_I_BAGS
};
#define WEFT_I_SMALL_SIZE (4 * sizeof(void *))
#define WEFT_I_LARGE_SIZE (4 * sizeof(void *) + 32)
#ifndef WEFT_SEGMENT_CELLS
#define WEFT_SEGMENT_CELLS 2048
#endif
#define WEFT_I_SEGMENT_SIZE                                                                                            \
    (3 * WEFT_I_LINE + (WEFT_SEGMENT_CELLS * sizeof(void *) + WEFT_I_LINE - 1) / WEFT_I_LINE * WEFT_I_LINE)

/* What a scan compares with the hazards. */
typedef enum weft_i_shape {
    WEFT_I_NODE,  /* the hook's own address */
    WEFT_I_ENTRY, /* that, and the pointer at `also` in the node */
    WEFT_I_RANGE  /* a weft_hook's object and size */
} weft_i_shape;

typedef struct weft_i_kind {
    void (*reclaim)(weft_i_hook *hook, weft_domain *domain); /* NULL: recycle into the class's cache */
    size_t size;                                             /* of a node, for the statistics */
    weft_i_shape shape;
    int bag; /* WEFT_I_OTHER when there is a callback */
    size_t also;
} weft_i_kind;

typedef struct weft_i_list {
    weft_i_hook *head, *tail;
    size_t count;
} weft_i_list;

typedef struct weft_i_bags {
    weft_i_list of[WEFT_I_BAGS];
} weft_i_bags;

weft_i_inline void weft_i_list_push(weft_i_list *list, weft_i_hook *hook)
{
    hook->next = list->head;
    if (!list->head)
        list->tail = hook;
    weft_i_compiler_fence(); /* a fork finds the list whole at any moment */
    list->head = hook;
    list->count++;
}

weft_i_inline weft_i_hook *weft_i_list_pop(weft_i_list *list)
{
    weft_i_hook *hook = list->head;
    if (weft_i_likely(hook != NULL)) {
        list->head = hook->next;
        __builtin_prefetch(hook->next, 1); /* freed long ago, and the next to be popped */
        list->count--;
        weft_i_compiler_fence(); /* a fork finds no object in a list that is in use again already */
    }
    return hook;
}

/* Moves all of `from` to the front of `to`. */
WEFT_I_PRIVATE void weft_i_list_splice(weft_i_list *to, weft_i_list *from);

/* Restores tail and count from the head, which is valid wherever the list's thread has stopped. */
WEFT_I_PRIVATE void weft_i_list_mend(weft_i_list *list);

WEFT_I_PRIVATE bool weft_i_bags_empty(const weft_i_bags *bags);
WEFT_I_PRIVATE size_t weft_i_bags_count(const weft_i_bags *bags);
WEFT_I_PRIVATE void weft_i_bags_splice(weft_i_bags *to, weft_i_bags *from);
/* Pops any object, those with callbacks first. NULL: there is none. */
WEFT_I_PRIVATE weft_i_hook *weft_i_bags_pop(weft_i_bags *bags);
WEFT_I_PRIVATE void weft_i_bags_mend(weft_i_bags *bags);

/* The object's size in bytes; 0 if it is not known. */
WEFT_I_PRIVATE size_t weft_i_size_of(const weft_i_hook *hook);

#endif

/* ---- reclaim/misuse.h ---- */

/*
 * private. Misuse that no result can report. If the library is compiled with -DWEFT_DEBUG, misuse aborts the program
 * with a line that says what was done; otherwise the macros below do nothing. Guards and domains are checked if the
 * program is compiled so (guard.h).
 */
#ifndef WEFT_RECLAIM_MISUSE_H
#define WEFT_RECLAIM_MISUSE_H


/* Prints `what` and aborts. */
_Noreturn WEFT_I_PRIVATE void weft_i_misused(const char *what);

/* The value of a structure's or domain's `alive` from its creation to its destruction. */
#define WEFT_I_ALIVE ((uintptr_t)0x57656674)

#ifdef WEFT_DEBUG
/*
 * A structure's last member, so that an allocator does not overwrite it with data of its own once the memory is freed.
 */
#define WEFT_I_LIFE uintptr_t alive;
#define weft_i_born(structure) ((void)((structure)->alive = WEFT_I_ALIVE))
#define weft_i_check_alive(structure)                                                                                  \
    ((structure)->alive == WEFT_I_ALIVE                                                                                \
         ? (void)0                                                                                                     \
         : weft_i_misused("a structure is used that has been destroyed, or never was created"))
#define weft_i_dies(structure) (weft_i_check_alive(structure), (void)((structure)->alive = 0))
/* For structures of a domain. */
#define weft_i_check(structure) (weft_i_check_forks(weft_i_self()), weft_i_check_alive(structure))
/* An object may be retired only once until it is reclaimed. As many objects are remembered as fit. */
WEFT_I_PRIVATE void weft_i_note_retired(const void *object);
WEFT_I_PRIVATE void weft_i_note_reclaimed(const void *object);
/* While the library's fork handlers have its locks: the thread that forks, or NULL if it has no record. Else NULL. */
WEFT_I_PRIVATE void weft_i_note_forking(const void *thread);
/* Aborts if that is the caller: it runs a fork handler of the user's. */
WEFT_I_PRIVATE void weft_i_check_forks(const void *thread);
#else
#define WEFT_I_LIFE
#define weft_i_born(structure) ((void)0)
#define weft_i_check_alive(structure) ((void)0)
#define weft_i_check(structure) ((void)0)
#define weft_i_dies(structure) ((void)0)
#define weft_i_note_retired(object) ((void)0)
#define weft_i_note_reclaimed(object) ((void)0)
#define weft_i_note_forking(thread) ((void)0)
#define weft_i_check_forks(thread) ((void)0)
#endif

#endif

/* ---- reclaim/record.h ---- */

/*
 * private. Thread records: one per living thread that uses Weft, made at its first use and reused after its end. All
 * records of the process are in one list, which scans walk without a lock. Only weft_shutdown frees them. life.h has
 * their life.
 */
#ifndef WEFT_RECLAIM_RECORD_H
#define WEFT_RECLAIM_RECORD_H


/* Nested guards a thread can hold before the next one links its own memory into the domain: at most WEFT_I_SLOTS. */
#ifndef WEFT_SLOTS
#define WEFT_SLOTS 32
#endif
/* A scan reads a record's slots up to the highest one that was ever taken, rounded up to a multiple of this. */
#ifndef WEFT_SLOTS_STEP
#define WEFT_SLOTS_STEP 4
#endif
#ifndef WEFT_HINTS
#define WEFT_HINTS 16
#endif

/*
 * A cached pointer to the thread's place in a domain. Ids of domains are never reused, so a stale entry cannot match.
 */
typedef struct weft_i_hint {
    uint64_t id;
    void *local;
} weft_i_hint;

/*
 * A record's `attention`. FENCES: the owner must publish with full fences. ASKED: it must answer; MARKED: it had not
 * answered when another thread passed a heavy fence; OFFLINE: no round waits for it (handshake.h). The higher bits count
 * the barriers that want the owner's lists, each as TAKER.
 */
enum {
    WEFT_I_FENCES = 1,
    WEFT_I_ASKED = 2,
    WEFT_I_MARKED = 4,
    WEFT_I_OFFLINE = 8,
    WEFT_I_QUESTIONS = WEFT_I_ASKED | WEFT_I_MARKED | WEFT_I_OFFLINE,
    WEFT_I_TAKER = 16
};

/*
 * The order of locks: a thread that holds one takes only those below it in this list. None is ever held while user code
 * runs, allocators included. -DWEFT_DEBUG in the library checks this.
 */
enum {
    WEFT_I_RANK_DOMAINS,   /* registry.c: the list of domains */
    WEFT_I_RANK_OWNERS,    /* of a domain, as the next: which places are attached */
    WEFT_I_RANK_BLOCKER,   /* the guard that statistics report as blocker */
    WEFT_I_RANK_RECORDS,   /* record.c: which records are owned */
    WEFT_I_RANK_FENCE,     /* fence.c: the mode */
    WEFT_I_RANK_PREPARING, /* life.c: only tried, never waited for */
    WEFT_I_RANK_LINKED /* of a domain: linked guards; the only one that a signal handler takes, under any other, and that a fork does not take */
};

/* The round, or the heavy fence, that must be over (handshake.h). */
typedef struct weft_i_ticket {
    size_t round, fence;
} weft_i_ticket;

/* A record's states, as docs/reclamation.md lists them. */
typedef enum weft_i_life { WEFT_I_FREE, WEFT_I_IN_USE, WEFT_I_ENDING } weft_i_life;

typedef struct weft_i_record {
    weft_i_thread thread; /* first: published */
    struct weft_i_record *next;
    weft_i_atomic_int owned;
    weft_i_atomic_int passed_fence;
    weft_i_slot operation;  /* in use: the thread is busy, with the right to its lists (reclaim/state.h) */
    weft_i_atomic_int open; /* slots that were ever taken, rounded up */
    size_t number;          /* of records made before it; threads that live at the same time have different numbers */
    weft_i_life life;       /* only the owner uses this and what follows */
    struct weft_domain *visits; /* ENDING: the domain that is visited, and so kept from being destroyed */
    weft_i_pace pace;
    weft_i_hint hint[WEFT_HINTS];
} weft_i_record;

/* What a thread without a record points to. */
WEFT_I_PRIVATE_OBJECT weft_i_record weft_i_no_record;

/* Takes a free record, or makes one. NULL: no memory. Its owner publishes with fences until weft_i_fence_join. */
WEFT_I_PRIVATE weft_i_record *weft_i_record_take(void);

/* Leaves all guards in the record's slots. */
WEFT_I_PRIVATE void weft_i_record_leave_all(weft_i_record *record);

/* Leaves all guards; from then on another thread may take the record. */
WEFT_I_PRIVATE void weft_i_record_give_back(weft_i_record *record);

/* Whether a thread owns it. */
WEFT_I_PRIVATE bool weft_i_record_owned(weft_i_record *record);

/* The caller's record. NULL: it has none; none is made. */
WEFT_I_PRIVATE weft_i_record *weft_i_record_peek(void);

/* The caller's id as gettid(2) gives it. */
WEFT_I_PRIVATE int weft_i_thread_id(void);

/* The gettid(2) of the record's owner, or of its last owner. */
WEFT_I_PRIVATE int weft_i_record_thread_id(weft_i_record *record);

/* Takes a free slot for a nested guard. NULL: all are in use. */
WEFT_I_PRIVATE weft_i_slot *weft_i_record_take_slot(weft_i_record *record);

/* Frees a slot, which the caller has emptied. */
WEFT_I_PRIVATE void weft_i_record_give_slot(weft_i_record *record, const weft_i_slot *slot);

/* A scan reads the slots from WEFT_I_OPERATION up to, but not including, this number. */
enum { WEFT_I_OPERATION = -1 };
WEFT_I_PRIVATE int weft_i_record_slots(weft_i_record *record);

weft_i_inline weft_i_slot *weft_i_record_slot(weft_i_record *record, int i)
{
    return i == WEFT_I_OPERATION ? &record->operation : &record->thread.slot[i];
}

/* Head of the list of all records; follow ->next. */
WEFT_I_PRIVATE weft_i_record *weft_i_record_first(void);

/* Empties the list; the caller must free its records. No thread may own one, and no other thread may walk the list. */
WEFT_I_PRIVATE weft_i_record *weft_i_records_take(void);

/* For forks. */
WEFT_I_PRIVATE void weft_i_records_lock(void);
WEFT_I_PRIVATE void weft_i_records_unlock(void);

#endif

/* ---- reclaim/state.h ---- */

/*
 * private. What a domain is made of: one place per thread and two of its own. A place holds objects that are retired
 * and not yet reclaimed.
 *
 * The way of an object: retired -> bag -> (sealed; compared with what guards hold) -> ready -> reclaimed. A thread's
 * place holds what the thread has retired; each retirement does a little of the work. Orphans are the objects of
 * threads that ended, that have no place, or whose lists a barrier has. They go to the domain's place `shared`; the
 * thread that brings the last orphan of a batch works on them. What a barrier waits for goes to the place `barrier`. So
 * objects move one way only, place -> orphans -> shared -> barrier, and a barrier that visits all of them in this order
 * misses none. (A barrier that gives up makes orphans of what it has, before it ends.)
 *
 * Rights. Only the thread that has the right to a place's lists touches them, with plain loads and stores. The right to
 * a thread's place: the owner is busy, which means that it takes its record's `operation` slot, passes a light fence,
 * and loads `attention`. A taker (a barrier, which takes the lists of all threads) adds to `attention`, passes a heavy
 * fence, and waits until the slot is free. This is Dekker's argument with the fence on the taker's side only. No thread
 * is busy while it runs a callback. The right to one of the domain's own places: a word that holds the thread's id.
 * (record.h has the order of locks.)
 */
#ifndef WEFT_RECLAIM_STATE_H
#define WEFT_RECLAIM_STATE_H


#ifndef WEFT_BATCH
#define WEFT_BATCH 1024
#endif
#ifndef WEFT_BATCH_BYTES
#define WEFT_BATCH_BYTES (4u << 20)
#endif
/* Nodes of a class that a thread keeps for its next allocations. */
#ifndef WEFT_CACHE
#define WEFT_CACHE (2 * WEFT_BATCH)
#endif
/* So many segments count as a batch, since they are large; a thread's cache keeps twice as many. */
#ifndef WEFT_SEGMENTS
#define WEFT_SEGMENTS 8
#endif
/* Lists of nodes, of about a batch each, that a domain keeps per class for threads that need them. */
#ifndef WEFT_DEPOT
#define WEFT_DEPOT 4
#endif
#ifndef WEFT_MAP_FROM
#define WEFT_MAP_FROM (2u << 20)
#endif
/* How often a barrier yields to a thread inside an operation before it tries the others. */
#ifndef WEFT_TAKER_TURNS
#define WEFT_TAKER_TURNS 100
#endif
/* Retirements for which a scan waits for the answers of threads before it interrupts them. 0: it does not wait. */
#ifndef WEFT_PATIENCE
#define WEFT_PATIENCE (1 + WEFT_BATCH / 2)
#endif
/* Sealed batches that a place holds at most, under epochs. */
#ifndef WEFT_SEALED
#define WEFT_SEALED 8
#endif
/* Hazards that a scan compares with at once, and the size of its Bloom filter in words of 64 bits. */
#ifndef WEFT_SCAN_WORDS
#define WEFT_SCAN_WORDS 128
#endif
#ifndef WEFT_SCAN_BLOOM
#define WEFT_SCAN_BLOOM 16
#endif

typedef struct weft_i_batch {
    weft_i_bags bags;
    size_t epoch; /* a guard of this epoch or an earlier one may hold what is inside */
} weft_i_batch;

typedef struct weft_i_blocker {
    const weft_i_words *words; /* NULL: none */
    uintptr_t value;           /* of word[0], to tell a guard from the next one in its slot */
    int thread;
    uint64_t since_ns;
} weft_i_blocker;

typedef struct weft_i_held {
    uintptr_t address;
    const weft_i_words *words; /* never followed: the memory of a linked guard may be gone */
    uintptr_t value;
    int thread;
} weft_i_held;

typedef enum weft_i_stage {
    WEFT_I_IDLE,    /* no scan is under way */
    WEFT_I_WAITS,   /* waits until all threads have passed a fence */
    WEFT_I_COMPARES /* compares with the hazards read last */
} weft_i_stage;

/* The state of a scan between two steps. */
typedef struct weft_i_scan {
    weft_i_stage stage;
    weft_i_ticket ticket; /* WAITS, as the next */
    size_t patience;
    weft_i_bags maybe;          /* hazard pointers: to be compared with the hazards read last */
    weft_i_bags passed;         /* not held by any read so far */
    bool last;                  /* all hazards have been read */
    bool met_linked;            /* linked guards are being read */
    size_t linked_below;        /* then: those with a lower number are still to be read */
    weft_i_record *next_record; /* NULL: all have been read */
    int next_slot;
    weft_i_held hazard[WEFT_SCAN_WORDS];
    uint64_t bloom[WEFT_SCAN_BLOOM];
    size_t hazards, total, before;    /* hazards read last; by this scan so far; by the scan before it */
    weft_i_blocker known;             /* the domain's blocker as the scan began */
    weft_i_blocker blocker;           /* `known` if it still holds objects back, or else the first guard that does */
    weft_i_batch sealed[WEFT_SEALED]; /* epochs */
    int sealed_count;
} weft_i_scan;

/*
 * Modulo 2^n, since one thread may reclaim what another has retired. All threads read them. Those of a thread's place
 * are written by that thread alone, those of `shared` by all.
 */
typedef struct weft_i_counters {
    weft_i_atomic_size granted, reclaimed, retired_bytes, reclaimed_bytes, allocated;
} weft_i_counters;

/* A thread's place in a domain, or one of the domain's own; lives as long as the domain. */
typedef struct weft_i_local weft_i_local;
struct weft_i_local {
    weft_domain *domain;
    weft_i_record *record; /* stays the same when the record's owner changes; NULL: one of the domain's own places */
    weft_i_atomic_size
        room;           /* retirements before the next maintenance; counters.granted - room is their number so far */
    size_t left;        /* further retirements, after `room`, before the next scan begins */
    size_t range_bytes; /* of the objects in `bags` that were retired with their size, or as if of segments */
    weft_i_bags bags;
    weft_i_bags ready;
    unsigned surplus; /* bit c: `ready` may have nodes of class c; a hint of the owner's */
    size_t kept;      /* nodes in the caches after the last step; SIZE_MAX: one of these was empty since */
    weft_i_list cache[WEFT_I_CLASSES];
    weft_i_counters counters;
    weft_i_atomic_size callbacks; /* odd: a callback runs */
    bool attached;                /* the record's owner uses the place; under the domain's `owners`, as the next two */
    size_t round, saw;            /* the last barrier that took its lists, and `callbacks` then */
    weft_i_local *_Atomic next;
    weft_i_scan scan;
    size_t span, least; /* retirements until this span ends; the fewest ready nodes that there were in it */
    size_t idle;        /* ready nodes that were not taken in the last span: they go back to the allocator */
};

struct weft_domain {
    weft_i_domain_head head; /* first: published */
    uint64_t id;
    weft_allocator allocator;
    weft_domain *next; /* under the lock of domains, as the next */
    size_t visitors;   /* ending threads that are at work in the domain, which must not be destroyed meanwhile */
    bool closing;      /* it is being destroyed: no further ending thread visits it */
    weft_i_atomic_size users;
    weft_i_local *_Atomic locals;
    weft_i_aligned weft_i_mutex owners; /* of `attached` in all places, and the barrier's round */
    weft_i_local shared;                /* the place for orphans */
    weft_i_aligned weft_i_mutex linked_lock;
    weft_guard *_Atomic linked;
    size_t linked_next; /* the number of the guard that was linked last; under linked_lock */
    weft_i_mutex blocker_lock;
    weft_i_blocker blocker;
    weft_i_aligned weft_i_hook *_Atomic orphans;
    weft_i_hook *adopted;            /* orphans on their way into lists; with the right to `shared` */
    weft_i_atomic_size orphan_count; /* in `orphans`, and ready in `shared` */
    weft_i_atomic_int shared_right;  /* the id of the thread that has the right; 0: none */
    weft_i_atomic_int barrier_right;
    weft_i_atomic_size shared_callbacks[2]; /* that run now: begun since the last barrier took `shared`, or before */
    int side;                               /* counts those begun since; with the right to `shared` */
    size_t round;
    weft_i_atomic_size pending_peak;
    weft_i_hook *_Atomic depot[WEFT_I_CLASSES][WEFT_DEPOT]; /* the first node of each magazine */
    weft_i_local barrier;
    uintptr_t alive; /* WEFT_I_ALIVE until it is destroyed */
};

weft_i_inline void weft_i_count(weft_i_atomic_size *counter, size_t n)
{
    /* relaxed: one writer; readers want a figure, not an order */
    weft_i_store(counter, weft_i_load(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

weft_i_inline void weft_i_count_reclaimed(weft_i_local *local, size_t count, size_t bytes)
{
    weft_i_count(&local->counters.reclaimed, count);
    weft_i_count(&local->counters.reclaimed_bytes, bytes);
}

#endif

/* ---- reclaim/callback.h ---- */

/*
 * private. The reclaim callbacks that this thread is in. They are user code: they may use the domain, but start no scan
 * of it, and may end the thread. They are recorded in thread-local memory, since the stack is gone when the exit hook
 * runs.
 */
#ifndef WEFT_RECLAIM_CALLBACK_H
#define WEFT_RECLAIM_CALLBACK_H


/*
 * Callbacks nest if one calls a barrier or a destruction, which runs further callbacks. Deeper than this, both are
 * refused.
 */
enum { WEFT_I_CALLBACKS = 8 };

/*
 * Reclaims the object by its kind's callback, for which the caller has counted `running` up. After it, also if it ends the
 * thread, `running` is counted down or, if it is that of the caller's own place, up to the next even number.
 */
WEFT_I_PRIVATE void weft_i_call_back(weft_i_hook *hook, weft_domain *domain, weft_i_atomic_size *running, bool own);

/* Whether this thread is in a callback of any domain. */
WEFT_I_PRIVATE bool weft_i_in_callback(void);

/* Whether it is in a callback of this domain, or too deep to run another one. */
WEFT_I_PRIVATE bool weft_i_in_callback_of(const weft_domain *domain);

/* How many callbacks of this thread `running` counts. */
WEFT_I_PRIVATE size_t weft_i_callbacks_counted_by(const weft_i_atomic_size *running);

/*
 * For the exit hook, where a callback has ended the thread: counts the thread's callbacks of this domain, which is
 * registered, as over; and, after all such domains, forgets those of domains that are gone.
 */
WEFT_I_PRIVATE void weft_i_callbacks_over(const weft_domain *domain);
WEFT_I_PRIVATE void weft_i_callbacks_forget(void);

/* Reads a count of running callbacks. The caller sees what the callbacks did that are no longer counted. */
WEFT_I_PRIVATE size_t weft_i_running(weft_i_atomic_size *count);

#endif

/* ---- reclaim/right.h ---- */

/*
 * private. The rights to lists (reclaim/state.h): of a thread to its own, and of one thread at a time to a domain's.
 */
#ifndef WEFT_RECLAIM_RIGHT_H
#define WEFT_RECLAIM_RIGHT_H


/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_LOCAL_A1 memory_order_acquire /* owner: is there a taker? -> WEFT_LOCAL_R2: sees the lists as the taker left them */
#define WEFT_LOCAL_R1 memory_order_release /* owner is no longer busy -> WEFT_LOCAL_A2: what it did to its lists comes before */
#define WEFT_LOCAL_A2 memory_order_acquire /* taker: is the owner busy? -> WEFT_LOCAL_R1: sees the lists as the owner left them */
#define WEFT_LOCAL_R2 memory_order_release /* taker is done -> WEFT_LOCAL_A1: what it did to the lists comes before */
#define WEFT_RIGHT_A1 memory_order_acquire /* take a right -> WEFT_RIGHT_R1: sees the lists as the last thread left them */
#define WEFT_RIGHT_R1 memory_order_release /* give a right back -> WEFT_RIGHT_A1: what was done to the lists comes before */
#endif
/* clang-format on */

weft_i_inline weft_i_record *weft_i_own_record(void)
{
    return (weft_i_record *)(void *)weft_i_self();
}

/* Takes the right to one of a domain's own places for the thread with this id. False: another has it. Does not wait. */
weft_i_inline bool weft_i_take_right(weft_i_atomic_int *right, int thread)
{
    int none = 0;
    /* relaxed: nothing is read on failure */
    return weft_i_cas(right, &none, thread, WEFT_RIGHT_A1, memory_order_relaxed);
}

weft_i_inline void weft_i_give_right(weft_i_atomic_int *right)
{
    weft_i_store(right, 0, WEFT_RIGHT_R1);
}

weft_i_inline bool weft_i_has_right(weft_i_atomic_int *right, int thread)
{
    /* relaxed: only this thread can have written its own id */
    return weft_i_load(right, memory_order_relaxed) == thread;
}

/* In a fork's child: the forking thread has another id now. */
weft_i_inline void weft_i_inherit_right(weft_i_atomic_int *right, int before, int now)
{
    if (weft_i_has_right(right, before))
        weft_i_store(right, now, WEFT_RIGHT_R1);
}

/* For an owner that has found `attention` set. True: there is no taker, so it may use its lists. */
WEFT_I_PRIVATE bool weft_i_attend(weft_i_record *record);

/* Waits longer than an operation takes, but not for ever. False: the owner is still busy. */
WEFT_I_PRIVATE bool weft_i_wait_until_idle(weft_i_record *owner);

weft_i_inline void weft_i_busy_end(void)
{
    weft_i_store(&weft_i_own_record()->operation.domain, NULL, WEFT_LOCAL_R1);
}

/* Takes the right to the caller's lists, outside operations. False: a taker has it. */
weft_i_inline bool weft_i_busy_begin(weft_domain *domain)
{
    weft_i_record *record = weft_i_own_record();
    /* relaxed: as in weft_i_light_fence; here, outside operations, weft_i_publish_slow can set `passed_fence` */
    if (weft_i_unlikely(weft_i_load(&record->thread.attention, memory_order_relaxed) != 0))
        weft_i_publish_slow(&record->thread);
    weft_i_store(&record->operation.domain, (void *)domain, WEFT_GUARD_R1);
    weft_i_light_fence(&record->thread); /* before the load of `attention` */
    if (weft_i_likely(!weft_i_load(&record->thread.attention, WEFT_LOCAL_A1)) || weft_i_attend(record))
        return true;
    weft_i_busy_end();
    return false;
}

#endif

/* ---- reclaim/collect.h ---- */

/*
 * private. Scans and reclaims what was retired: a little with each retirement, or all at once.
 */
#ifndef WEFT_RECLAIM_COLLECT_H
#define WEFT_RECLAIM_COLLECT_H


/* For a new or emptied place: grants the retirements before its first scan. */
WEFT_I_PRIVATE void weft_i_local_open(weft_i_local *local);

/* Does a step of a scan in the caller's place, and reclaims some of what is ready. False: a barrier has the lists. */
WEFT_I_PRIVATE bool weft_i_step(weft_i_local *local);

/* Scans and reclaims what can be reclaimed in the caller's place, unless a barrier has its lists. */
WEFT_I_PRIVATE void weft_i_collect(weft_i_local *local);

/*
 * The same with the orphans, and once more if a batch of them has come meanwhile. If another thread is at it, leaves
 * them to that thread, or helps where they are too many (collect.c).
 */
WEFT_I_PRIVATE void weft_i_collect_shared(weft_domain *domain);

/* The same, but only if there is a batch of orphans or more. */
WEFT_I_PRIVATE void weft_i_collect_orphans(weft_domain *domain);

/* Scans the place `barrier`, with the right to it: what no guard holds becomes ready. */
WEFT_I_PRIVATE void weft_i_scan_own(weft_i_local *local);

/* Reclaims what is ready there. Callbacks are counted by `running`, and may end the thread. */
WEFT_I_PRIVATE void weft_i_drain_own(weft_domain *domain, weft_i_local *local, weft_i_atomic_size *running);

/* Moves what is ready to *ready and the rest to *waiting; the place is as new. With the right to its lists. */
WEFT_I_PRIVATE void weft_i_take_lists(weft_i_local *local, weft_i_bags *waiting, weft_i_bags *ready);

/*
 * Makes orphans of the objects in a place whose owner has ended or is not in this process. The owner may have stopped
 * anywhere, even in a callback. Under `owners`.
 */
WEFT_I_PRIVATE void weft_i_local_abandon(weft_i_local *local);

/* Repairs one of the domain's own places after the thread that had the right has ended, and gives the right back. */
WEFT_I_PRIVATE void weft_i_shared_abandon(weft_domain *domain);
WEFT_I_PRIVATE void weft_i_barrier_abandon(weft_domain *domain);

#endif

/* ---- reclaim/fence.h ---- */

/*
 * private. The heavy side of the asymmetric fence whose light side is weft_i_light_fence (thread.h).
 */
#ifndef WEFT_RECLAIM_FENCE_H
#define WEFT_RECLAIM_FENCE_H


/*
 * The heavy fence. Each light fence comes either wholly before it (then the caller sees what was published) or wholly
 * after it (then that thread sees what was written before the heavy fence). False: this cannot be promised yet, since
 * membarrier has failed, some thread has not passed a full fence since, and the system has no other way to interrupt
 * it.
 */
WEFT_I_PRIVATE bool weft_i_heavy_fence(void);

/* Whether the heavy fence is membarrier, which interrupts all threads that run. */
WEFT_I_PRIVATE bool weft_i_fence_interrupts(void);

/*
 * In a fork's child, with the lock: registers for membarrier again, since the registration belongs to the parent's
 * memory.
 */
WEFT_I_PRIVATE void weft_i_fence_after_fork(void);

/* From here on the record's owner publishes as all other threads do. */
WEFT_I_PRIVATE void weft_i_fence_join(weft_i_record *record);

/* For forks. */
WEFT_I_PRIVATE void weft_i_fence_lock(void);
WEFT_I_PRIVATE void weft_i_fence_unlock(void);

#endif

/* ---- reclaim/figures.h ---- */

/*
 * private. A domain's figures, added up over its places.
 */
#ifndef WEFT_RECLAIM_FIGURES_H
#define WEFT_RECLAIM_FIGURES_H


/* All places of the domain, its own first: weft_i_place_after(domain, NULL), and so on until NULL. */
WEFT_I_PRIVATE weft_i_local *weft_i_place_after(weft_domain *domain, weft_i_local *local);

/* Whether the place's lists are empty; whether all lists of the domain are. With the right to them. */
WEFT_I_PRIVATE bool weft_i_place_empty(const weft_i_local *local);
WEFT_I_PRIVATE bool weft_i_nothing_left(weft_domain *domain);

/* Objects retired in the place since its creation. */
WEFT_I_PRIVATE size_t weft_i_retired(const weft_i_local *local);

/* Objects retired and not reclaimed, in the whole domain; bytes may be NULL. Updates the peak. */
WEFT_I_PRIVATE size_t weft_i_pending(weft_domain *domain, size_t *bytes);

/* In a fork's child: objects that a vanished thread was moving are in no list, and no longer count as pending. */
WEFT_I_PRIVATE void weft_i_recount(weft_domain *domain);

/* Adds the figures of all places to *out. */
WEFT_I_PRIVATE void weft_i_sum_up(weft_domain *domain, weft_domain_statistics *out);

#endif

/* ---- reclaim/life.h ---- */

/*
 * private. The life of a thread's record: taken at first use, given back by the exit hook, lost in a fork's child.
 * docs/reclamation.md lists its states; life.c follows them.
 */
#ifndef WEFT_RECLAIM_LIFE_H
#define WEFT_RECLAIM_LIFE_H


/*
 * The caller's record, made if need be. NULL: no memory, no key, or this thread's exit hook has run. Then the thread
 * works without a record: its guards are linked, and what it retires becomes orphans. errno is not touched.
 */
WEFT_I_PRIVATE weft_i_record *weft_i_record_get(void);

/*
 * For a call that may run callbacks, which may end the thread: makes sure that the exit hook runs then, if there is
 * memory. If the thread's exit hook has run already, returns a borrowed record, which the caller must return. Otherwise
 * returns NULL.
 */
WEFT_I_PRIVATE weft_i_record *weft_i_record_borrow(void);
WEFT_I_PRIVATE void weft_i_record_return(weft_i_record *borrowed);

/* Gives back the caller's record: the thread is as before its first use. It holds no guard, and its lists are empty. */
WEFT_I_PRIVATE void weft_i_record_drop(void);

/* The record's place in the domain, attached or not; NULL: none was made. Lock-free. */
WEFT_I_PRIVATE weft_i_local *weft_i_place_of_record(weft_domain *domain, const weft_i_record *record);

#endif

/* ---- reclaim/orphans.h ---- */

/*
 * private. Orphans: retired by threads that have no place in the domain, that ended, or whose lists a barrier has.
 */
#ifndef WEFT_RECLAIM_ORPHANS_H
#define WEFT_RECLAIM_ORPHANS_H


/* Makes orphans of what is in the bags. Lock-free. */
WEFT_I_PRIVATE void weft_i_push_orphans(weft_domain *domain, weft_i_bags *bags);

/* Retires one object as an orphan. */
WEFT_I_PRIVATE void weft_i_retire_orphan(weft_domain *domain, weft_i_hook *hook);

/* Adds to the number of orphans, which includes adopted ones that are ready. */
WEFT_I_PRIVATE void weft_i_count_orphans(weft_domain *domain, size_t change);

/* Whether there are at least so many batches of orphans. */
WEFT_I_PRIVATE bool weft_i_many_orphans(weft_domain *domain, int batches);

/*
 * Moves all orphans into the bags, with the right to the domain's place `shared`. A fork's child finishes what a
 * vanished thread had begun: weft_i_sort_adopted moves what is left of the orphans taken, and returns how many.
 */
WEFT_I_PRIVATE size_t weft_i_sort_adopted(weft_domain *domain, weft_i_bags *bags);
WEFT_I_PRIVATE void weft_i_adopt(weft_domain *domain, weft_i_bags *bags);

#endif

/* ---- reclaim/linked.h ---- */

/*
 * private. Guards that have no slot: their own memory is linked into the domain. Linking never fails. It takes a lock
 * for a few instructions, and blocks the thread's signals meanwhile, since handlers may link guards, too.
 */
#ifndef WEFT_RECLAIM_LINKED_H
#define WEFT_RECLAIM_LINKED_H


/* Makes guard->own the guard's slot, with nothing in it. */
WEFT_I_PRIVATE void weft_i_link_guard(weft_guard *guard, weft_domain *domain);
WEFT_I_PRIVATE void weft_i_unlink_guard(weft_guard *guard, weft_domain *domain);

/* Unlinks all guards of the thread. */
WEFT_I_PRIVATE void weft_i_unlink_thread(weft_domain *domain, int thread);

/*
 * In a fork's child: unlinks the guards of all other threads. The forking thread has another id now. A fork does not take
 * the lock, so one of those threads may have held it.
 */
WEFT_I_PRIVATE void weft_i_keep_linked(weft_domain *domain, int thread_before, int thread_now);

/* Whether any guard may be linked. A guard that this does not see publishes after the caller's heavy fence. */
WEFT_I_PRIVATE bool weft_i_any_linked(weft_domain *domain);

/*
 * Locks the list of linked guards and returns its first, or NULL. Signals are blocked: unlock after a few instructions.
 */
WEFT_I_PRIVATE weft_guard *weft_i_lock_linked(weft_domain *domain, weft_i_signals *signals);
WEFT_I_PRIVATE void weft_i_unlock_linked(weft_domain *domain, weft_i_signals *signals);

#endif

/* ---- reclaim/slots.h ---- */

/*
 * private. Reading what guards hold, for scans.
 */
#ifndef WEFT_RECLAIM_SLOTS_H
#define WEFT_RECLAIM_SLOTS_H


/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_SLOTS_A1 memory_order_acquire /* a slot's domain -> WEFT_GUARD_R1, WEFT_GUARD_R5: the guard that used the slot before has been left */
#define WEFT_SLOTS_A2 memory_order_acquire /* a slot's words -> WEFT_GUARD_R2, WEFT_GUARD_R3, WEFT_GUARD_R4: uses under what the word held before are over */
#endif
/* clang-format on */

weft_i_inline uintptr_t weft_i_word_of(weft_i_words *words, int i)
{
    return (uintptr_t)weft_i_load(&words->word[i], WEFT_SLOTS_A2);
}

weft_i_inline void *weft_i_slot_domain(weft_i_slot *slot)
{
    return weft_i_load(&slot->domain, WEFT_SLOTS_A1);
}

/* Guards held in the domain: by one thread, or by all (0). */
WEFT_I_PRIVATE size_t weft_i_guards_held(weft_domain *domain, int thread);

#endif

/* ---- reclaim/barrier.c ---- */

/* Waits until all that was retired before has been reclaimed. reclaim/state.h says why a barrier misses no object. */

#include <errno.h>

/* A barrier that runs, on its caller's stack. */
typedef struct weft_i_own_barrier_run {
    weft_domain *domain;
    uint64_t start, timeout_ns, nap;
    bool been_to_all; /* it has taken all that it must wait for, except objects whose callbacks were running then */
    int side_before;  /* the side that counts such callbacks of `shared` */
} weft_i_own_barrier_run;

static bool weft_i_own_barrier_past(const weft_i_own_barrier_run *r)
{
    return r->timeout_ns != UINT64_MAX && weft_i_sys_clock_ns() - r->start >= r->timeout_ns;
}

/* Sleeps a little longer each time, up to a millisecond. False: time is up. */
static bool weft_i_own_barrier_wait_more(weft_i_own_barrier_run *r)
{
    if (weft_i_own_barrier_past(r))
        return false;
    weft_i_sys_sleep_ns(r->nap);
    r->nap = r->nap < 1000000 ? r->nap * 2 : r->nap;
    return true;
}

/* ---- taking what was retired ---- */

static bool weft_i_own_barrier_asked(const weft_domain *domain, const weft_i_local *local)
{
    return local->attached && local->round != domain->round;
}

/* Takes the lists of all threads not yet visited in this round. False: some could not be taken. Under `owners`. */
static bool weft_i_own_barrier_take_from_threads(weft_domain *domain)
{
    weft_i_local *mine = &domain->barrier;
    bool all = true;
    for (weft_i_local *l = mine; (l = weft_i_place_after(domain, l)) != NULL;)
        if (weft_i_own_barrier_asked(domain, l))
            /* relaxed: the heavy fence orders it before the load of the slot */
            (void)weft_i_fetch_add(&l->record->thread.attention, WEFT_I_TAKER, memory_order_relaxed);
    bool fenced = weft_i_heavy_fence();
    for (weft_i_local *l = mine; (l = weft_i_place_after(domain, l)) != NULL;) {
        if (!weft_i_own_barrier_asked(domain, l))
            continue;
        if (fenced && weft_i_wait_until_idle(l->record)) {
            weft_i_take_lists(l, &mine->bags, &mine->ready);
            l->saw = weft_i_running(&l->callbacks);
            l->round = domain->round;
        } else {
            all = false;
        }
        (void)weft_i_fetch_sub(&l->record->thread.attention, WEFT_I_TAKER, WEFT_LOCAL_R2);
    }
    return all;
}

/*
 * Takes what is in `shared`, and the orphans. From here on callbacks are counted on the other side, which must count
 * none for that. False: another thread has the right, or the other side still counts callbacks.
 */
static bool weft_i_own_barrier_take_shared(weft_i_own_barrier_run *r)
{
    weft_domain *d = r->domain;
    if (!weft_i_take_right(&d->shared_right, weft_i_thread_id()))
        return false;
    bool free = weft_i_running(&d->shared_callbacks[!d->side]) == 0;
    if (free) {
        weft_i_take_lists(&d->shared, &d->barrier.bags, &d->barrier.ready);
        weft_i_adopt(d, &d->barrier.bags);
        r->side_before = d->side;
        d->side = !d->side;
    }
    weft_i_give_right(&d->shared_right);
    return free;
}

static void weft_i_own_barrier_take_all(weft_i_own_barrier_run *r)
{
    weft_i_mutex_lock(&r->domain->owners);
    bool all = weft_i_own_barrier_take_from_threads(r->domain);
    weft_i_mutex_unlock(&r->domain->owners);
    r->been_to_all = all && weft_i_own_barrier_take_shared(r);
}

/* A callback that was running when its place was visited belongs to an object retired before the barrier. */
static bool weft_i_own_barrier_callbacks_over(weft_i_own_barrier_run *r)
{
    weft_domain *d = r->domain;
    if (weft_i_running(&d->shared_callbacks[r->side_before]) != 0)
        return false;
    for (weft_i_local *l = &d->barrier; (l = weft_i_place_after(d, l)) != NULL;)
        if (l->round == d->round && l->saw % 2 && weft_i_running(&l->callbacks) == l->saw)
            return false;
    return true;
}

/* ---- a barrier ---- */

static int weft_i_own_barrier_wait_for_all(weft_i_own_barrier_run *r)
{
    weft_domain *d = r->domain;
    weft_i_mutex_lock(&d->owners);
    d->round++;
    weft_i_mutex_unlock(&d->owners);
    for (;;) {
        if (!r->been_to_all)
            weft_i_own_barrier_take_all(r);
        weft_i_scan_own(&d->barrier);
        weft_i_drain_own(d, &d->barrier, &d->shared_callbacks[d->side]);
        if (r->been_to_all && weft_i_place_empty(&d->barrier) && weft_i_own_barrier_callbacks_over(r))
            return 0;
        if (!weft_i_own_barrier_wait_more(r))
            return -ETIMEDOUT;
    }
}

static int weft_i_own_barrier_run_barrier(weft_domain *domain, uint64_t timeout_ns)
{
    weft_i_own_barrier_run r = {.domain = domain, .timeout_ns = timeout_ns, .nap = 10000, .start = weft_i_sys_clock_ns()};
    while (!weft_i_take_right(&domain->barrier_right, weft_i_thread_id()))
        if (!weft_i_own_barrier_wait_more(&r))
            return -ETIMEDOUT;
    (void)weft_i_pending(domain, NULL);
    r.nap = 10000;
    int error = weft_i_own_barrier_wait_for_all(&r);
    weft_i_barrier_abandon(domain);
    weft_i_collect_orphans(domain);
    return error;
}

int weft_domain_barrier(weft_domain *domain, uint64_t timeout_ns)
{
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    if (weft_i_in_callback_of(domain) || weft_i_guards_held(domain, weft_i_thread_id()))
        return -EBUSY;
    weft_i_record *borrowed = weft_i_record_borrow();
    int error = weft_i_own_barrier_run_barrier(domain, timeout_ns);
    weft_i_record_return(borrowed);
    return error;
}

/* ---- reclaim/memory.h ---- */

/*
 * private. Memory of a domain, from its allocator or the process's, counted. No lock may be held over any of these
 * calls: an allocator may use Weft, and may have fork handlers that wait.
 */
#ifndef WEFT_RECLAIM_MEMORY_H
#define WEFT_RECLAIM_MEMORY_H


/* Counted in the caller's place `local`; if that is NULL, in `shared`. Returns NULL if there is no memory. */
WEFT_I_PRIVATE void *weft_i_alloc_in(weft_domain *domain, weft_i_local *local, size_t size, size_t alignment);
WEFT_I_PRIVATE void weft_i_free_in(weft_domain *domain, weft_i_local *local, void *memory, size_t size);

WEFT_I_PRIVATE void *weft_i_alloc(weft_domain *domain, size_t size, size_t alignment);
WEFT_I_PRIVATE void weft_i_free(weft_domain *domain, void *memory, size_t size);

/* Zeroed memory. From WEFT_MAP_FROM bytes on it is mapped, with huge pages if there are any. */
WEFT_I_PRIVATE void *weft_i_alloc_zeroed(weft_domain *domain, size_t size);
WEFT_I_PRIVATE void weft_i_free_zeroed(weft_domain *domain, void *memory, size_t size);

#endif

/* ---- reclaim/cache.h ---- */

/*
 * private. Nodes for reuse: a list per place and size class, of WEFT_CACHE nodes at most, and a depot of WEFT_DEPOT
 * such lists per domain and class, so that what one thread frees another allocates, a batch at a time (after J.
 * Bonwick, J. Adams, "Magazines and Vmem", USENIX ATC 2001). Nodes beyond both are ready to go back to the allocator;
 * an allocation that finds the cache empty takes one of those first.
 */
#ifndef WEFT_RECLAIM_CACHE_H
#define WEFT_RECLAIM_CACHE_H


/* Moves nodes that a scan has freed into the cache or the depot. Those that fit in neither stay in `freed`. */
WEFT_I_PRIVATE void weft_i_cache_accept(weft_i_local *local, int node_class, weft_i_list *freed);

/* Frees a node that no other thread can see. `local` may be NULL. */
WEFT_I_PRIVATE void weft_i_node_free(weft_domain *domain, weft_i_local *local, int node_class, void *node);

/* Allocates a node if the cache is empty. `local` may be NULL. Returns NULL if there is no memory. */
WEFT_I_PRIVATE void *weft_i_node_alloc_slow(weft_i_local *local, weft_domain *domain, int node_class);

/* Puts at least one node into the place's empty cache. False: no memory. */
WEFT_I_PRIVATE bool weft_i_cache_supply(weft_i_local *local, int node_class);

/* Frees the place's cached nodes, one after the other, since the allocator may end the thread. */
WEFT_I_PRIVATE void weft_i_trim(weft_i_local *local);
WEFT_I_PRIVATE void weft_i_trim_depot(weft_domain *domain);

/* A node from the place's cache; NULL: it is empty. */
weft_i_inline void *weft_i_cache_pop(weft_i_local *local, int node_class)
{
    return weft_i_list_pop(&local->cache[node_class]);
}

/* A node's memory, from the place's cache when it has one. NULL: out of memory. */
weft_i_inline void *weft_i_node_alloc(weft_domain *domain, weft_i_local *local, int node_class)
{
    void *node = weft_i_likely(local != NULL) ? weft_i_cache_pop(local, node_class) : NULL;
    return weft_i_likely(node != NULL) ? node : weft_i_node_alloc_slow(local, domain, node_class);
}

#endif

/* ---- reclaim/cache.c ---- */

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_DEPOT_R1 memory_order_release /* deposit a list -> WEFT_DEPOT_A1: publishes its chain */
#define WEFT_DEPOT_A1 memory_order_acquire /* withdraw a list -> WEFT_DEPOT_R1: sees its chain */
#endif
/* clang-format on */

static const size_t weft_i_own_cache_class_size[WEFT_I_CLASSES] = {WEFT_I_SMALL_SIZE, WEFT_I_LARGE_SIZE, WEFT_I_LARGE_SIZE,
                                                  WEFT_I_SEGMENT_SIZE};

static size_t weft_i_own_cache_class_alignment(int node_class)
{
    return node_class == WEFT_I_SEGMENT ? WEFT_I_LINE : _Alignof(max_align_t);
}

/* How many nodes a cache has at most, and a list in the depot. */
static size_t weft_i_own_cache_class_limit(int node_class)
{
    return node_class == WEFT_I_SEGMENT ? 2 * WEFT_SEGMENTS : WEFT_CACHE;
}

/* The first node of a list in the depot holds the tail and the count, so that taking a list touches no other node. */
typedef struct weft_i_own_cache_magazine {
    weft_i_hook first;
    weft_i_hook *tail;
    size_t count;
} weft_i_own_cache_magazine;

_Static_assert(sizeof(weft_i_own_cache_magazine) <= WEFT_I_SMALL_SIZE, "a node of any class can be the first");

/* False: the depot is full. */
static bool weft_i_own_cache_deposit(weft_domain *domain, int node_class, const weft_i_list *list)
{
    weft_i_own_cache_magazine *full = (weft_i_own_cache_magazine *)(void *)list->head;
    full->tail = list->tail;
    full->count = list->count;
    for (int i = 0; i < WEFT_DEPOT; i++) {
        weft_i_hook *empty = NULL;
        /* relaxed: only a hint, and a failure reads nothing */
        if (!weft_i_load(&domain->depot[node_class][i], memory_order_relaxed) &&
            weft_i_cas(&domain->depot[node_class][i], &empty, list->head, WEFT_DEPOT_R1, memory_order_relaxed))
            return true;
    }
    return false;
}

/* Returns an empty list if the depot has none. */
static weft_i_list weft_i_own_cache_withdraw(weft_domain *domain, int node_class)
{
    for (int i = 0; i < WEFT_DEPOT; i++) {
        /* relaxed: only a hint */
        if (!weft_i_load(&domain->depot[node_class][i], memory_order_relaxed))
            continue;
        weft_i_hook *head = weft_i_exchange(&domain->depot[node_class][i], NULL, WEFT_DEPOT_A1);
        const weft_i_own_cache_magazine *full = (weft_i_own_cache_magazine *)(void *)head;
        if (head)
            return (weft_i_list){head, full->tail, full->count};
    }
    return (weft_i_list){0};
}

/* Under the address sanitizer nodes are freed at once, so that it sees a use after free. */
static bool weft_i_own_cache_cache_has_room(const weft_i_local *local, int node_class, size_t count)
{
    return local && !WEFT_I_ASAN && local->cache[node_class].count + count <= weft_i_own_cache_class_limit(node_class);
}

void weft_i_node_free(weft_domain *domain, weft_i_local *local, int node_class, void *node)
{
    if (weft_i_own_cache_cache_has_room(local, node_class, 1))
        weft_i_list_push(&local->cache[node_class], node);
    else
        weft_i_free_in(domain, local, node, weft_i_own_cache_class_size[node_class]);
}

void weft_i_cache_accept(weft_i_local *local, int node_class, weft_i_list *freed)
{
    size_t count = freed->count;
    if (!freed->head)
        return;
    if (weft_i_own_cache_cache_has_room(local, node_class, count)) {
        weft_i_list_splice(&local->cache[node_class], freed);
    } else {
        weft_i_list whole = *freed;
        *freed = (weft_i_list){0};
        weft_i_compiler_fence(); /* as in weft_i_list_splice */
        if (WEFT_I_ASAN || count > weft_i_own_cache_class_limit(node_class) || !weft_i_own_cache_deposit(local->domain, node_class, &whole)) {
            weft_i_list_splice(freed, &whole);
            local->surplus |= 1u << node_class;
            return;
        }
    }
    weft_i_count_reclaimed(local, count, count * weft_i_own_cache_class_size[node_class]);
}

/* Takes one of the nodes that are ready to go back to the allocator. NULL: there is none, or a taker has the lists. */
static weft_i_hook *weft_i_own_cache_reuse(weft_i_local *local, int node_class)
{
    if (WEFT_I_ASAN || !(local->surplus >> node_class & 1) || !weft_i_busy_begin(local->domain))
        return NULL;
    weft_i_hook *hook = weft_i_list_pop(&local->ready.of[node_class]);
    if (hook) {
        weft_i_count_reclaimed(local, 1, weft_i_own_cache_class_size[node_class]);
        local->kept = SIZE_MAX;
    } else {
        local->surplus &= ~(1u << node_class);
    }
    weft_i_busy_end();
    return hook;
}

void *weft_i_node_alloc_slow(weft_i_local *local, weft_domain *domain, int node_class)
{
    weft_i_hook *ready = local ? weft_i_own_cache_reuse(local, node_class) : NULL;
    if (ready)
        return ready;
    if (local)
        local->cache[node_class] = weft_i_own_cache_withdraw(domain, node_class); /* it was empty */
    void *node = local ? weft_i_cache_pop(local, node_class) : NULL;
    return node ? node : weft_i_alloc_in(domain, local, weft_i_own_cache_class_size[node_class], weft_i_own_cache_class_alignment(node_class));
}

bool weft_i_cache_supply(weft_i_local *local, int node_class)
{
    weft_i_hook *node = weft_i_node_alloc_slow(local, local->domain, node_class);
    if (node)
        weft_i_list_push(&local->cache[node_class], node);
    return node != NULL;
}

void weft_i_trim(weft_i_local *local)
{
    for (int c = 0; c < WEFT_I_CLASSES; c++)
        for (weft_i_hook *node; (node = weft_i_list_pop(&local->cache[c])) != NULL;)
            weft_i_free_in(local->domain, local, node, weft_i_own_cache_class_size[c]);
}

void weft_i_trim_depot(weft_domain *domain)
{
    for (int c = 0; c < WEFT_I_CLASSES; c++)
        for (weft_i_list list; (list = weft_i_own_cache_withdraw(domain, c)).head != NULL;)
            for (weft_i_hook *node; (node = weft_i_list_pop(&list)) != NULL;)
                weft_i_free_in(domain, NULL, node, weft_i_own_cache_class_size[c]);
}

/* ---- reclaim/callback.c ---- */

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_CALLBACK_R1 memory_order_release /* callback of a domain's place over -> WEFT_CALLBACK_A1: what it did comes before */
#define WEFT_CALLBACK_R2 memory_order_release /* callback of a thread's own place over -> WEFT_CALLBACK_A1: what it did comes before */
#define WEFT_CALLBACK_A1 memory_order_acquire /* is a callback running -> WEFT_CALLBACK_R1, WEFT_CALLBACK_R2: a barrier returns after what the callback did */
#endif
/* clang-format on */

static WEFT_I_THREAD_LOCAL struct {
    const weft_domain *domain[WEFT_I_CALLBACKS];
    uint64_t id[WEFT_I_CALLBACKS]; /* of that domain, which may be gone when the exit hook runs */
    weft_i_atomic_size *running[WEFT_I_CALLBACKS];
    bool own[WEFT_I_CALLBACKS]; /* it counts callbacks of this thread's place, and no other thread writes it */
    int depth;
} weft_i_own_callback_nested;

static void weft_i_own_callback_count_over(int i)
{
    weft_i_atomic_size *running = weft_i_own_callback_nested.running[i];
    if (weft_i_own_callback_nested.own[i])
        /* relaxed: only this thread writes it */
        weft_i_store(running, weft_i_load(running, memory_order_relaxed) + 1, WEFT_CALLBACK_R2);
    else
        (void)weft_i_fetch_sub(running, 1, WEFT_CALLBACK_R1);
}

void weft_i_call_back(weft_i_hook *hook, weft_domain *domain, weft_i_atomic_size *running, bool own)
{
    weft_i_own_callback_nested.domain[weft_i_own_callback_nested.depth] = domain;
    weft_i_own_callback_nested.id[weft_i_own_callback_nested.depth] = domain->id;
    weft_i_own_callback_nested.own[weft_i_own_callback_nested.depth] = own;
    weft_i_own_callback_nested.running[weft_i_own_callback_nested.depth++] = running;
    hook->kind->reclaim(hook, domain);
    weft_i_own_callback_count_over(--weft_i_own_callback_nested.depth);
}

bool weft_i_in_callback(void)
{
    return weft_i_own_callback_nested.depth > 0;
}

bool weft_i_in_callback_of(const weft_domain *domain)
{
    for (int i = 0; i < weft_i_own_callback_nested.depth; i++)
        if (weft_i_own_callback_nested.domain[i] == domain)
            return true;
    return weft_i_own_callback_nested.depth == WEFT_I_CALLBACKS;
}

size_t weft_i_callbacks_counted_by(const weft_i_atomic_size *running)
{
    size_t count = 0;
    for (int i = 0; i < weft_i_own_callback_nested.depth; i++)
        count += weft_i_own_callback_nested.running[i] == running;
    return count;
}

void weft_i_callbacks_over(const weft_domain *domain)
{
    for (int i = 0; i < weft_i_own_callback_nested.depth; i++)
        if (weft_i_own_callback_nested.domain[i] == domain && weft_i_own_callback_nested.id[i] == domain->id)
            weft_i_own_callback_count_over(i);
}

void weft_i_callbacks_forget(void)
{
    weft_i_own_callback_nested.depth = 0;
}

size_t weft_i_running(weft_i_atomic_size *count)
{
    return weft_i_load(count, WEFT_CALLBACK_A1);
}

/* ---- reclaim/scan.h ---- */

/*
 * private. A scan finds the retired objects of a place that no guard can hold any more, by the domain's scheme, in
 * steps. The caller has the right to the place's lists.
 */
#ifndef WEFT_RECLAIM_SCAN_H
#define WEFT_RECLAIM_SCAN_H


/* Begins a scan of what is in the bags, unless one is under way. Sets `left`, the retirements before the next scan. */
WEFT_I_PRIVATE void weft_i_scan_begin(weft_i_local *local);

/*
 * Compares up to `most` objects more. True: the scan is over. What no guard can hold is in scan.passed, the rest waits.
 */
WEFT_I_PRIVATE bool weft_i_scan_step(weft_i_local *local, size_t most);

/* Does all steps of a new scan at once. */
WEFT_I_PRIVATE void weft_i_scan_all(weft_i_local *local);

/* Undoes a scan that is under way: its objects go back to the bags; sealed batches stay sealed. */
WEFT_I_PRIVATE void weft_i_scan_undo(weft_i_local *local);

#endif

/* ---- reclaim/collect.c ---- */

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_COUNT_R1 memory_order_release /* grant -> WEFT_COUNT_A1: the new room comes before, so that no more seems retired than was */
#endif
/* clang-format on */

/* Objects that a scan compares in one step; a step comes with each WEFT_STEP / 8 retirements. */
#ifndef WEFT_STEP
#define WEFT_STEP 512
#endif
/* Retirements between two looks for the threads' answers. */
#ifndef WEFT_PACE
#define WEFT_PACE (1 + WEFT_BATCH / 16)
#endif

/*
 * Retirements between two calls of maintenance while objects are ready. Each reclaims twice as many, which share its
 * cost.
 */
#ifndef WEFT_CALLS
#define WEFT_CALLS 4
#endif

/* Ready nodes that a thread has not taken for so many retirements (several time slices) count as not needed. */
#ifndef WEFT_SPAN
#define WEFT_SPAN (256 * (size_t)WEFT_BATCH)
#endif

/* ---- room ---- */

/* Sets the number of retirements before the next maintenance. With the right to the lists. */
static void weft_i_own_collect_grant(weft_i_local *local, size_t room)
{
    /* relaxed: figures, each written by one thread */
    size_t more = room - weft_i_load(&local->room, memory_order_relaxed);
    weft_i_store(&local->room, room, memory_order_relaxed);
    /* relaxed: written by this thread alone */
    weft_i_store(&local->counters.granted, weft_i_load(&local->counters.granted, memory_order_relaxed) + more,
                 WEFT_COUNT_R1);
}

void weft_i_local_open(weft_i_local *local)
{
    local->left = 0;
    weft_i_own_collect_grant(local, WEFT_BATCH);
}

/* Grants only a few retirements at a time while there is work to do. Returns how many. */
static size_t weft_i_own_collect_grant_what_is_left(weft_i_local *local)
{
    size_t room = local->left, most = SIZE_MAX;
    if (!weft_i_bags_empty(&local->ready))
        most = WEFT_CALLS;
    else if (local->scan.stage == WEFT_I_COMPARES)
        most = (WEFT_STEP + 7) / 8;
    else if (local->scan.stage == WEFT_I_WAITS)
        most = WEFT_PACE;
    room = room < most ? room : most;
    local->left -= room;
    room = room ? room : 1;
    weft_i_own_collect_grant(local, room);
    return room;
}

/* ---- a thread's place ---- */

/* Moves what a scan has shown to be free to the cache, the depot, or `ready`. */
static void weft_i_own_collect_deliver(weft_i_local *local)
{
    for (int c = 0; c < WEFT_I_CLASSES; c++)
        if (local->record)
            weft_i_cache_accept(local, c, &local->scan.passed.of[c]);
    weft_i_bags_splice(&local->ready, &local->scan.passed);
}

static void weft_i_own_collect_step(weft_i_local *local)
{
    if (local->scan.stage == WEFT_I_IDLE && (!local->left || local->range_bytes >= WEFT_BATCH_BYTES)) {
        (void)weft_i_pending(local->domain, NULL);
        weft_i_scan_begin(local);
    }
    /* With many hazards the batch is compared several times. Then a step is larger, so that the scan takes no more
       retirements than it would otherwise. */
    if (weft_i_scan_step(local, WEFT_STEP * (1 + local->scan.before / WEFT_SCAN_WORDS)))
        weft_i_own_collect_deliver(local);
}

/*
 * More objects are ready than one scan leaves. If callbacks retire more than one object each, reclaiming two per
 * retirement would never catch up. (Under epochs a guard may have held back any number of objects, and reclaiming them
 * must not become one long call.)
 */
static bool weft_i_own_collect_is_behind(const weft_i_local *local)
{
    return local->domain->head.scheme == WEFT_HAZARD &&
           weft_i_bags_count(&local->ready) > WEFT_BATCH + local->scan.total;
}

/* How many objects to reclaim: those with callbacks, and nodes. */
typedef struct weft_i_due {
    size_t calls, nodes;
} weft_i_due;

/* With the right to the lists. */
static weft_i_hook *weft_i_own_collect_next_ready(weft_i_local *local, weft_i_due *due)
{
    weft_i_hook *hook = due->calls ? weft_i_list_pop(&local->ready.of[WEFT_I_OTHER]) : NULL;
    size_t *one = hook ? &due->calls : &due->nodes;
    for (int c = 0; !hook && due->nodes && c < WEFT_I_CLASSES; c++)
        hook = weft_i_list_pop(&local->ready.of[c]);
    if (hook && !weft_i_own_collect_is_behind(local))
        --*one;
    return hook;
}

/* Reclaims one of the ready objects. False: there is none, or a taker has them. */
static bool weft_i_own_collect_drain_one(weft_i_local *local, weft_i_due *due, bool takes)
{
    weft_domain *domain = local->domain;
    if (!weft_i_busy_begin(domain))
        return false;
    weft_i_hook *hook = weft_i_own_collect_next_ready(local, due);
    if (!hook) {
        weft_i_busy_end();
        return false;
    }
    weft_i_count_reclaimed(local, 1, weft_i_size_of(hook));
    if (!hook->kind->reclaim) {
        weft_i_busy_end(); /* the allocator may use Weft; the cache stays this thread's even if a taker has the lists */
        if (takes) {       /* such a thread takes the nodes that it needs from `ready` */
            weft_i_free_in(domain, local, hook, hook->kind->size);
        } else {
            weft_i_node_free(domain, local, hook->kind->bag, hook);
        }
        return true;
    }
    weft_i_count(&local->callbacks, 1);
    weft_i_busy_end();
    weft_i_call_back(hook, domain, &local->callbacks, true);
    return true;
}

static void weft_i_own_collect_drain_local(weft_i_local *local, weft_i_due due, bool takes)
{
    if (weft_i_in_callback())
        return;
    while ((due.calls || due.nodes) && weft_i_own_collect_drain_one(local, &due, takes))
        ;
}

static size_t weft_i_own_collect_cached(const weft_i_local *local)
{
    size_t count = 0;
    for (int c = 0; c < WEFT_I_CLASSES; c++)
        count += local->cache[c].count;
    return count;
}

/* How many of the ready nodes have not been needed for long. With the right to the lists. */
static size_t weft_i_own_collect_idle_nodes(weft_i_local *local, size_t room)
{
    size_t ready = weft_i_bags_count(&local->ready) - local->ready.of[WEFT_I_OTHER].count;
    local->least = ready < local->least ? ready : local->least;
    local->idle = ready < local->idle ? ready : local->idle;
    if (local->span > room) {
        local->span -= room;
    } else {
        local->span = WEFT_SPAN;
        local->idle = local->least;
        local->least = ready;
    }
    return local->idle;
}

/*
 * Reclaims two objects per retirement, so that what one scan leaves is gone before the next one ends. Under epochs, if
 * the thread itself takes ready nodes, it gives back only idle ones: where threads outnumber processors, a thread that
 * does not run holds back nodes that another thread needs in its next time slice.
 */
bool weft_i_step(weft_i_local *local)
{
    if (!weft_i_busy_begin(local->domain))
        return false; /* a taker has the lists, and will grant room */
    if (!weft_i_in_callback())
        weft_i_own_collect_step(local);
    size_t room = weft_i_own_collect_grant_what_is_left(local), idle = weft_i_own_collect_idle_nodes(local, room), nodes = 2 * room;
    weft_i_busy_end();
    bool takes = weft_i_own_collect_cached(local) < local->kept && local->domain->head.scheme == WEFT_EPOCH;
    if (takes) {
        nodes = nodes < idle ? nodes : idle;
        local->idle -= nodes;
    }
    weft_i_own_collect_drain_local(local, (weft_i_due){2 * room, nodes}, takes);
    local->kept = weft_i_own_collect_cached(local);
    return true;
}

void weft_i_collect(weft_i_local *local)
{
    if (weft_i_in_callback() || !weft_i_busy_begin(local->domain))
        return;
    (void)weft_i_pending(local->domain, NULL);
    weft_i_scan_all(local);
    weft_i_own_collect_deliver(local);
    (void)weft_i_own_collect_grant_what_is_left(local);
    weft_i_busy_end();
    weft_i_own_collect_drain_local(local, (weft_i_due){SIZE_MAX, SIZE_MAX}, false);
}

void weft_i_take_lists(weft_i_local *local, weft_i_bags *waiting, weft_i_bags *ready)
{
    weft_i_scan_undo(local);
    for (int i = 0; i < local->scan.sealed_count; i++)
        weft_i_bags_splice(waiting, &local->scan.sealed[i].bags);
    local->scan.sealed_count = 0;
    weft_i_bags_splice(waiting, &local->bags);
    if (local == &local->domain->shared)
        weft_i_count_orphans(local->domain, (size_t)0 - weft_i_bags_count(&local->ready));
    weft_i_bags_splice(ready, &local->ready);
    local->range_bytes = 0;
    if (local->attached)
        weft_i_local_open(local);
}

/* Repairs lists as a thread left them, even in the middle of a push. */
static void weft_i_own_collect_mend(weft_i_local *local)
{
    weft_i_bags_mend(&local->ready);
    weft_i_bags_mend(&local->bags);
    weft_i_bags_mend(&local->scan.maybe);
    weft_i_bags_mend(&local->scan.passed);
    for (int c = 0; c < WEFT_I_CLASSES; c++)
        weft_i_list_mend(&local->cache[c]);
    for (int i = 0; i < local->scan.sealed_count; i++)
        weft_i_bags_mend(&local->scan.sealed[i].bags);
    local->scan.stage = WEFT_I_COMPARES; /* so that the scan is undone, whatever its stage was */
    weft_i_scan_undo(local);
}

void weft_i_local_abandon(weft_i_local *local)
{
    weft_i_bags waiting = {0};
    weft_i_own_collect_mend(local);
    /* relaxed: odd only in a fork's child, where there is one thread, and the callback of another does not go on */
    weft_i_count(&local->callbacks, weft_i_load(&local->callbacks, memory_order_relaxed) % 2);
    local->attached = false;
    weft_i_own_collect_grant(local, 0);
    weft_i_take_lists(local, &waiting, &waiting);
    weft_i_push_orphans(local->domain, &waiting);
}

/* ---- the domain's places ---- */

static weft_i_hook *weft_i_own_collect_pop_own(weft_domain *domain, weft_i_local *local)
{
    weft_i_counters *c = &domain->shared.counters;
    weft_i_hook *hook = weft_i_bags_pop(&local->ready);
    if (!hook)
        return NULL;
    /* relaxed: figures */
    (void)weft_i_fetch_add(&c->reclaimed, 1, memory_order_relaxed);
    (void)weft_i_fetch_add(&c->reclaimed_bytes, weft_i_size_of(hook), memory_order_relaxed);
    return hook;
}

static void weft_i_own_collect_reclaim_own(weft_domain *domain, weft_i_hook *hook, weft_i_atomic_size *running)
{
    if (hook->kind->reclaim)
        weft_i_call_back(hook, domain, running, false);
    else
        weft_i_free(domain, hook, hook->kind->size);
}

static void weft_i_own_collect_count_running(const weft_i_hook *hook, weft_i_atomic_size *running)
{
    if (hook->kind->reclaim)
        /* relaxed: the next thread that takes the right to the lists sees it */
        (void)weft_i_fetch_add(running, 1, memory_order_relaxed);
}

void weft_i_scan_own(weft_i_local *local)
{
    weft_i_scan_all(local);
    weft_i_own_collect_deliver(local);
}

void weft_i_drain_own(weft_domain *domain, weft_i_local *local, weft_i_atomic_size *running)
{
    for (weft_i_hook *hook; (hook = weft_i_own_collect_pop_own(domain, local)) != NULL;) {
        weft_i_own_collect_count_running(hook, running);
        weft_i_own_collect_reclaim_own(domain, hook, running);
    }
}

/* Takes an object that no guard holds out of the lists of `shared`, with the right to them. NULL: none. */
static weft_i_hook *weft_i_own_collect_next_orphan(weft_domain *domain, bool *adopted)
{
    weft_i_local *shared = &domain->shared;
    if (weft_i_bags_empty(&shared->ready) && !*adopted) {
        *adopted = true;
        weft_i_adopt(domain, &shared->bags);
        weft_i_scan_all(shared);
        weft_i_own_collect_deliver(shared);
        weft_i_count_orphans(domain, weft_i_bags_count(&shared->ready));
    }
    weft_i_hook *hook = weft_i_own_collect_pop_own(domain, shared);
    if (hook)
        weft_i_count_orphans(domain, (size_t)0 - 1);
    return hook;
}

typedef enum weft_i_own_collect_progress { WEFT_I_OWN_COLLECT_RECLAIMED, WEFT_I_OWN_COLLECT_NOTHING, WEFT_I_OWN_COLLECT_TAKEN } weft_i_own_collect_progress;

/* Gives the right back before the callback runs, so that others may go on with the rest. */
static weft_i_own_collect_progress weft_i_own_collect_reclaim_orphan(weft_domain *domain, bool *adopted)
{
    if (!weft_i_take_right(&domain->shared_right, weft_i_thread_id()))
        return WEFT_I_OWN_COLLECT_TAKEN;
    weft_i_hook *hook = weft_i_own_collect_next_orphan(domain, adopted);
    weft_i_atomic_size *running = &domain->shared_callbacks[domain->side];
    if (hook)
        weft_i_own_collect_count_running(hook, running);
    weft_i_give_right(&domain->shared_right);
    if (!hook)
        return WEFT_I_OWN_COLLECT_NOTHING;
    weft_i_own_collect_reclaim_own(domain, hook, running);
    return WEFT_I_OWN_COLLECT_RECLAIMED;
}

/*
 * A thread that finds the right taken leaves its orphans to the thread that has it. Where garbage is bounded (hazard
 * pointers), it helps instead if two batches or more are pending: the right is held for moments only. The thread that
 * has the right looks for new orphans after it has given the right back. Each of the two passes a full fence between
 * its write (the number of orphans; the right) and its read of the other's write, so at least one of them sees the
 * other's. The thread with the right looks only once more, since callbacks may retire again and again.
 */
void weft_i_collect_shared(weft_domain *domain)
{
    weft_i_own_collect_progress last;
    int more = 1;
    if (weft_i_in_callback())
        return;
    (void)weft_i_pending(domain, NULL);
    do {
        bool adopted = false;
        weft_i_full_fence();
        while ((last = weft_i_own_collect_reclaim_orphan(domain, &adopted)) == WEFT_I_OWN_COLLECT_RECLAIMED)
            ;
        weft_i_full_fence();
        if (last == WEFT_I_OWN_COLLECT_TAKEN)
            weft_i_sys_yield();
    } while (last == WEFT_I_OWN_COLLECT_TAKEN ? domain->head.scheme == WEFT_HAZARD && weft_i_many_orphans(domain, 2)
                           : weft_i_many_orphans(domain, 1) && more-- > 0);
}

void weft_i_collect_orphans(weft_domain *domain)
{
    if (weft_i_many_orphans(domain, 1))
        weft_i_collect_shared(domain);
}

void weft_i_barrier_abandon(weft_domain *domain)
{
    weft_i_bags all = {0};
    weft_i_own_collect_mend(&domain->barrier);
    weft_i_take_lists(&domain->barrier, &all, &all);
    weft_i_push_orphans(domain, &all);
    weft_i_give_right(&domain->barrier_right);
}

void weft_i_shared_abandon(weft_domain *domain)
{
    weft_i_own_collect_mend(&domain->shared);
    (void)weft_i_sort_adopted(domain, &domain->shared.bags);
    weft_i_give_right(&domain->shared_right);
}

/* ---- reclaim/registry.h ---- */

/*
 * private. The list of all domains, and what keeps one from being destroyed.
 */
#ifndef WEFT_RECLAIM_REGISTRY_H
#define WEFT_RECLAIM_REGISTRY_H


/* Counts the domain's structures: up after a structure's last allocation, since an allocator may end the thread. */
WEFT_I_PRIVATE void weft_i_domain_use(weft_domain *domain);
WEFT_I_PRIVATE void weft_i_domain_unuse(weft_domain *domain);
WEFT_I_PRIVATE bool weft_i_domain_used(weft_domain *domain);

/* Gives the domain its id. */
WEFT_I_PRIVATE void weft_i_register(weft_domain *domain);

/* Marks the domain as closing, so that ending threads pass it by. False: one visits it, and nothing has happened. */
WEFT_I_PRIVATE bool weft_i_close(weft_domain *domain);

WEFT_I_PRIVATE void weft_i_unregister(weft_domain *domain);

/*
 * For a thread that ends: the newest domain with an id below `id` that is wanted. It cannot be destroyed until the next
 * call names it as `left` (which may be NULL). NULL: there is none.
 */
WEFT_I_PRIVATE weft_domain *weft_i_visit_below(uint64_t id, weft_domain *left,
                                               bool (*wanted)(weft_domain *domain, const void *ctx), const void *ctx);

/* The lock of the list; the first domain, with that lock. */
WEFT_I_PRIVATE void weft_i_lock_domains(void);
WEFT_I_PRIVATE void weft_i_unlock_domains(void);
WEFT_I_PRIVATE weft_domain *weft_i_first_domain(void);

#endif

/* ---- reclaim/local.h ---- */

/*
 * private. What structures use of reclamation: the caller's place in the domain, retiring there, nodes from its cache, and
 * attempts at operations. reclaim/state.h has the way of a retired object.
 */
#ifndef WEFT_RECLAIM_LOCAL_H
#define WEFT_RECLAIM_LOCAL_H


/* Kinds of nodes that own nothing; in the header, so that their fields are constants to the compiler. */
static const weft_i_kind weft_i_recycle[WEFT_I_CLASSES] = {
    {NULL, WEFT_I_SMALL_SIZE, WEFT_I_NODE, WEFT_I_SMALL, 0},
    {NULL, WEFT_I_LARGE_SIZE, WEFT_I_NODE, WEFT_I_LARGE, 0},
    {NULL, WEFT_I_LARGE_SIZE, WEFT_I_NODE, WEFT_I_BRIEF, 0},
    {NULL, WEFT_I_SEGMENT_SIZE, WEFT_I_NODE, WEFT_I_SEGMENT, 0},
};

/* Finds or makes the caller's place. NULL: it has none and cannot have one. Lock-free if it has been made before. */
WEFT_I_PRIVATE weft_i_local *weft_i_local_find(weft_domain *domain);

/* Does a step of maintenance, after a retirement that has asked for it. Always returns true. */
WEFT_I_PRIVATE bool weft_i_maintain(weft_domain *domain);

/* Retires an object that is wholly unlinked. The calling operation holds no guard. `local` may be NULL. Cannot fail. */
WEFT_I_PRIVATE void weft_i_retire(weft_domain *domain, weft_i_local *local, weft_i_hook *hook, const weft_i_kind *kind,
                                  size_t size);

/*
 * The same, but the calling operation holds guards. Runs no callback, since a callback may end the thread, and with it
 * the memory of linked guards. The caller must leave its guards and then call weft_i_catch_up or, if this returned
 * true, weft_i_maintain.
 */
WEFT_I_PRIVATE bool weft_i_retire_held(weft_domain *domain, weft_i_local *local, weft_i_hook *hook,
                                       const weft_i_kind *kind, size_t size);

/* The same for a list of nodes of one kind, which share the cost of taking the right to the lists. */
WEFT_I_PRIVATE void weft_i_retire_list_held(weft_domain *domain, weft_i_local *local, weft_i_list *list,
                                            const weft_i_kind *kind);

/* The caller's place in the domain. NULL: none has been made, or no hint leads to it. */
weft_i_inline weft_i_local *weft_i_local_peek(weft_domain *domain)
{
    weft_i_hint *hint = &weft_i_own_record()->hint[domain->id % WEFT_HINTS];
    return weft_i_likely(hint->id == domain->id) ? (weft_i_local *)hint->local : NULL;
}

/* The same, made if need be; NULL: it has none and cannot have one. */
weft_i_inline weft_i_local *weft_i_local_get(weft_domain *domain)
{
    weft_i_local *local = weft_i_local_peek(domain);
    return weft_i_likely(local != NULL) ? local : weft_i_local_find(domain);
}

/* The caller's pace. NULL: it has no record, and those that have none share one. */
weft_i_inline weft_i_pace *weft_i_own_pace(void)
{
    weft_i_record *record = weft_i_own_record();
    return record == &weft_i_no_record ? NULL : &record->pace;
}

/* A node from the caller's cache. NULL: it has none, or no place. */
weft_i_inline void *weft_i_node_cached(weft_domain *domain, int node_class)
{
    weft_i_local *local = weft_i_local_peek(domain);
    if (weft_i_unlikely(!local))
        return NULL;
    weft_i_own_record()->pace.operations++;
    return weft_i_cache_pop(local, node_class);
}

/* To be called after an operation that may have retired under its guards, once they are left. */
weft_i_inline void weft_i_catch_up(weft_domain *domain)
{
    weft_i_record *record = weft_i_own_record();
    weft_i_local *local = weft_i_local_peek(domain);
    /* relaxed: `room` is this thread's; a taker that is not seen yet has granted room, or will */
    if (weft_i_unlikely(!local || weft_i_load(&record->thread.attention, memory_order_relaxed) >= WEFT_I_TAKER ||
                        (ptrdiff_t)weft_i_load(&local->room, memory_order_relaxed) <= 0))
        (void)weft_i_maintain(domain);
}

/*
 * Counts objects that were put into the bags, with the right to them. True: call weft_i_maintain once no longer busy.
 */
weft_i_inline bool weft_i_count_retired(weft_i_local *local, size_t count, size_t bytes)
{
    weft_i_count(&local->counters.retired_bytes, bytes);
    /* relaxed: this thread's; readers want a figure */
    size_t room = weft_i_load(&local->room, memory_order_relaxed) - count;
    weft_i_store(&local->room, room, memory_order_relaxed); /* relaxed: a figure */
    return (ptrdiff_t)room <= 0;
}

/* Retires an object, with the right to the lists. True: call weft_i_maintain once no longer busy. */
weft_i_inline bool weft_i_retire_busy(weft_i_local *local, weft_i_hook *hook, const weft_i_kind *kind, size_t size)
{
    hook->kind = kind;
    weft_i_list_push(&local->bags.of[kind->bag], hook);
    return weft_i_count_retired(local, 1, size);
}

/*
 * The fast path of an operation, which runs no user code: it has a slot of its own, holds the right to the lists, and
 * needs no fences. It is inlined into the public function, which makes only tail calls and so saves no registers (but
 * for weft_map_insert, whose cache may have to be supplied). If anything is not as usual, a separate function does the
 * operation with guards.
 */
typedef struct weft_i_attempt {
    weft_i_local *local;
    weft_i_hold hold;
} weft_i_attempt;

typedef enum weft_i_outcome {
    WEFT_I_DONE,
    WEFT_I_DUE, /* done, but weft_i_maintain is due */
    WEFT_I_EMPTY,
    WEFT_I_AGAIN, /* the structure has changed meanwhile: try again at once */
    WEFT_I_LOST,  /* lost a race to another thread: back off first */
    WEFT_I_WANTS_MEMORY,
    WEFT_I_CLOSED
} weft_i_outcome;

/*
 * Repeats a step until it is done or there is nothing to take, and waits after each lost race (base/backoff.h). `now`
 * is the outcome of the step before, if there was one, or else WEFT_I_AGAIN.
 */
#define WEFT_I_REPEAT(now, step)                                                                                       \
    for (weft_i_backoff weft_i_waits = {0}; (now) == WEFT_I_AGAIN || (now) == WEFT_I_LOST;                             \
         (now) = (step), weft_i_backoff_over(&weft_i_waits, weft_i_own_pace()))                                        \
        if ((now) == WEFT_I_LOST)                                                                                      \
    weft_i_backoff_wait(&weft_i_waits, weft_i_own_pace())

/* Calls a kernel's function with the domain's scheme, a constant to the compiler, as its last argument. */
#define WEFT_I_BY_SCHEME(domain, kernel, ...)                                                                          \
    (weft_i_scheme(domain) == WEFT_EPOCH ? kernel(__VA_ARGS__, WEFT_EPOCH) : kernel(__VA_ARGS__, WEFT_HAZARD))

/* Publishes a pointer in one of the guard's words; what relies on it must be read again after this. */
weft_i_inline void weft_i_publish(weft_i_hold hold, int word, void *pointer, weft_scheme scheme)
{
    if (scheme != WEFT_HAZARD)
        return;
    weft_i_store(&hold.slot->words.word[word], pointer, WEFT_GUARD_R3);
    weft_i_hold_fence(hold);
}

/* Clears one of the guard's words. */
weft_i_inline void weft_i_unpublish(weft_i_hold hold, int word, weft_scheme scheme)
{
    if (scheme == WEFT_HAZARD)
        weft_i_store(&hold.slot->words.word[word], NULL, WEFT_GUARD_R4);
}

/* False: the thread has no place yet, or its `attention` is set. */
weft_i_inline bool weft_i_attempt_begin(weft_i_attempt *attempt, weft_domain *domain, weft_scheme scheme)
{
    weft_i_record *record = weft_i_own_record();
    weft_i_local *local = weft_i_local_peek(domain);
    if (weft_i_unlikely(!local))
        return false;
    *attempt = (weft_i_attempt){local, {&record->operation, NULL}};
    weft_i_store(&record->operation.domain, (void *)domain, WEFT_GUARD_R1);
    /* before the load of `attention`. If that is 0, either no mode without membarrier has begun, or nothing is
       reclaimed before this thread has passed a fence in a later operation. */
    weft_i_compiler_fence();
    if (weft_i_unlikely(weft_i_load(&record->thread.attention, WEFT_LOCAL_A1))) {
        weft_i_busy_end();
        return false;
    }
    if (scheme == WEFT_EPOCH)
        weft_i_publish_epoch(attempt->hold, domain);
    return true;
}

/*
 * The same for an operation that retires nothing, and so needs no lists. Threads without a record share weft_i_no_record:
 * its `attention` is always set, and no scan reads its slot.
 */
weft_i_inline bool weft_i_reading_begin(weft_i_hold *hold, weft_domain *domain, weft_scheme scheme)
{
    weft_i_record *record = weft_i_own_record();
    *hold = (weft_i_hold){&record->operation, NULL};
    weft_i_store(&record->operation.domain, (void *)domain, WEFT_GUARD_R1);
    weft_i_compiler_fence(); /* as in weft_i_attempt_begin */
    /* relaxed: as in weft_i_light_fence */
    if (weft_i_unlikely(weft_i_load(&record->thread.attention, memory_order_relaxed))) {
        weft_i_busy_end();
        return false;
    }
    if (scheme == WEFT_EPOCH)
        weft_i_publish_epoch(*hold, domain);
    return true;
}

weft_i_inline void weft_i_attempt_end(weft_i_hold hold)
{
    weft_i_store(&hold.slot->words.word[0], NULL, WEFT_GUARD_R4);
    weft_i_store(&hold.slot->domain, NULL, WEFT_LOCAL_R1);
}

/* Begins an attempt that has a node in the thread's cache, where it allocates one if need be. False: also, no memory. */
weft_i_inline bool weft_i_attempt_begin_with(weft_i_attempt *attempt, weft_domain *domain, int node_class,
                                             weft_scheme scheme)
{
    while (weft_i_attempt_begin(attempt, domain, scheme)) {
        if (weft_i_likely(attempt->local->cache[node_class].head))
            return true;
        weft_i_attempt_end(attempt->hold); /* an allocator may use this domain */
        if (!weft_i_cache_supply(attempt->local, node_class))
            return false;
    }
    return false;
}

/* How one try of an operation protects what it reads. */
typedef enum weft_i_way {
    WEFT_I_FAST,   /* as an attempt, which begins only if everything is as usual */
    WEFT_I_GUARDED /* under a guard */
} weft_i_way;

/*
 * One try of an operation: the paper's lines, with what they retire. The public function tries the fast way; its cold
 * path repeats the same kernel under guards. Each try has a guard of its own, so that a thread that backs off before
 * the next one holds no memory back. `way` and `scheme` are constants to the compiler.
 */
typedef struct weft_i_trial {
    weft_domain *domain;
    weft_i_attempt attempt;
    weft_guard own;
    weft_i_hook *retired; /* under a guard: what to retire when it is left */
    bool due;             /* the fast way: maintenance is due when it is left */
} weft_i_trial;

/* Begins a try that may retire. False, only for the fast way: not everything is as usual. */
weft_i_inline bool weft_i_trial_begin(weft_i_trial *trial, weft_domain *domain, weft_i_way way, weft_scheme scheme)
{
    trial->domain = domain;
    trial->retired = NULL;
    trial->due = false;
    if (way == WEFT_I_FAST) {
        if (weft_i_unlikely(!weft_i_attempt_begin(&trial->attempt, domain, scheme)))
            return false;
        weft_i_own_record()->pace.operations++;
        return true;
    }
    trial->attempt.hold = weft_i_begin(&trial->own, domain, scheme);
    return true;
}

/* The same for one that retires nothing. */
weft_i_inline bool weft_i_trial_begin_only(weft_i_trial *trial, weft_domain *domain, weft_i_way way, weft_scheme scheme)
{
    if (way != WEFT_I_FAST)
        return weft_i_trial_begin(trial, domain, way, scheme);
    *trial = (weft_i_trial){.domain = domain};
    return weft_i_reading_begin(&trial->attempt.hold, domain, scheme);
}

/* Retires a node that is wholly unlinked. Once per try. */
weft_i_inline void weft_i_trial_retire(weft_i_trial *trial, weft_i_hook *hook, int node_class, weft_i_way way)
{
    if (way == WEFT_I_FAST)
        trial->due = weft_i_retire_busy(trial->attempt.local, hook, &weft_i_recycle[node_class],
                                        weft_i_recycle[node_class].size);
    else
        trial->retired = hook;
}

/* Ends a try. Returns its outcome. */
weft_i_inline weft_i_outcome weft_i_trial_end(weft_i_trial *trial, int node_class, weft_i_outcome outcome,
                                              weft_i_way way)
{
    if (way == WEFT_I_FAST) {
        weft_i_attempt_end(trial->attempt.hold);
        return weft_i_unlikely(trial->due) ? WEFT_I_DUE : outcome;
    }
    weft_i_end(trial->attempt.hold, &trial->own);
    if (trial->retired)
        weft_i_retire(trial->domain, weft_i_local_get(trial->domain), trial->retired, &weft_i_recycle[node_class],
                      weft_i_recycle[node_class].size);
    return outcome;
}

#endif

/* ---- reclaim/domain_life.c ---- */

/* Creating and destroying domains, flushing, and statistics. */

#include <errno.h>

/* ---- life ---- */

int weft_domain_create(weft_domain **out, const weft_domain_config *config)
{
    static const weft_domain_config defaults;
    if (!out)
        return -EINVAL;
    *out = NULL;
    config = config ? config : &defaults;
    weft_scheme scheme = config->scheme ? config->scheme : WEFT_HAZARD;
    const weft_allocator *a = &config->allocator;
    if ((scheme != WEFT_HAZARD && scheme != WEFT_EPOCH) || !a->alloc != !a->free)
        return -EINVAL;
    weft_domain *domain =
        a->alloc ? a->alloc(sizeof *domain, WEFT_I_LINE, a->ctx) : weft_i_sys_alloc(sizeof *domain, WEFT_I_LINE);
    if (!domain)
        return -ENOMEM;
    *domain = (weft_domain){.head = {scheme, 1},
                            .allocator = *a,
                            .shared = {.domain = domain},
                            .barrier = {.domain = domain},
                            .alive = WEFT_I_ALIVE};
    weft_i_count(&domain->shared.counters.allocated, sizeof *domain);
    weft_i_mutex_init(&domain->owners, WEFT_I_RANK_OWNERS);
    weft_i_mutex_init(&domain->linked_lock, WEFT_I_RANK_LINKED);
    weft_i_mutex_init(&domain->blocker_lock, WEFT_I_RANK_BLOCKER);
    weft_i_register(domain);
    *out = domain;
    return 0;
}

static void weft_i_own_domain_life_free_domain(weft_domain *domain)
{
    weft_allocator a = domain->allocator;
    domain->alive = 0;
    weft_i_trim_depot(domain);
    for (weft_i_local *l = weft_i_place_after(domain, &domain->barrier), *next; l; l = next) {
        next = weft_i_place_after(domain, l);
        weft_i_trim(l);
        weft_i_free(domain, l, sizeof *l);
    }
    weft_i_mutex_destroy(&domain->owners);
    weft_i_mutex_destroy(&domain->linked_lock);
    weft_i_mutex_destroy(&domain->blocker_lock);
    if (a.free)
        a.free(domain, sizeof *domain, a.ctx);
    else
        weft_i_sys_free(domain);
}

/*
 * Reclaims all objects in all lists. No other thread uses the domain, no ending thread visits it, and no guard is held.
 * Callbacks may retire more.
 */
static void weft_i_own_domain_life_reclaim_all(weft_domain *domain)
{
    weft_i_local *mine = &domain->barrier;
    do {
        weft_i_bags all = {0};
        weft_i_mutex_lock(&domain->owners);
        for (weft_i_local *l = NULL; (l = weft_i_place_after(domain, l)) != NULL;)
            weft_i_take_lists(l, &all, &all);
        weft_i_adopt(domain, &all);
        weft_i_bags_splice(&mine->ready, &all);
        weft_i_mutex_unlock(&domain->owners);
        weft_i_drain_own(domain, mine, &domain->shared_callbacks[domain->side]);
    } while (!weft_i_nothing_left(domain));
}

/*
 * Waits for ending threads that visit the domain. Not in a callback, since such a thread might wait for that callback.
 */
static bool weft_i_own_domain_life_close_domain(weft_domain *domain)
{
    while (!weft_i_close(domain)) {
        if (weft_i_in_callback())
            return false;
        weft_i_sys_sleep_ns(100000);
    }
    return true;
}

int weft_domain_destroy(weft_domain *domain)
{
    if (!domain || domain == weft_default_domain())
        return -EINVAL;
    weft_i_check_domain(domain);
    if (weft_i_domain_used(domain) || weft_i_in_callback_of(domain) || weft_i_guards_held(domain, 0))
        return -EBUSY;
    if (!weft_i_take_right(&domain->barrier_right, weft_i_thread_id()))
        return -EBUSY; /* another thread is still in a barrier */
    if (!weft_i_own_domain_life_close_domain(domain)) {
        weft_i_barrier_abandon(domain);
        return -EBUSY;
    }
    weft_i_record *borrowed = weft_i_record_borrow(); /* if a callback ends the thread, the domain stays */
    weft_i_own_domain_life_reclaim_all(domain);
    weft_i_unregister(domain);
    weft_i_own_domain_life_free_domain(domain);
    weft_i_record_return(borrowed);
    return 0;
}

/* ---- flush, statistics ---- */

void weft_domain_flush(weft_domain *domain)
{
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    weft_i_local *local = weft_i_local_get(domain);
    if (weft_i_in_callback())
        return;
    weft_i_record *borrowed = weft_i_record_borrow();
    if (local)
        weft_i_collect(local);
    weft_i_collect_shared(domain);
    if (local)
        weft_i_trim(local);
    weft_i_trim_depot(domain);
    weft_i_record_return(borrowed);
}

static size_t weft_i_own_domain_life_attached(weft_domain *domain)
{
    size_t count = 0;
    weft_i_mutex_lock(&domain->owners);
    for (weft_i_local *l = NULL; (l = weft_i_place_after(domain, l)) != NULL;)
        count += l->attached;
    weft_i_mutex_unlock(&domain->owners);
    return count;
}

void weft_domain_stats(weft_domain *domain, weft_domain_statistics *out)
{
    if (!out)
        return;
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    *out = (weft_domain_statistics){.guards_held = weft_i_guards_held(domain, 0), .threads = weft_i_own_domain_life_attached(domain)};
    out->pending = weft_i_pending(domain, &out->pending_bytes);
    if (out->pending >> (sizeof out->pending * 8 - 1))
        out->pending = out->pending_bytes = 0; /* negative: some thread ended while it retired */
    weft_i_sum_up(domain, out);
    weft_i_mutex_lock(&domain->blocker_lock);
    if (domain->blocker.words) {
        out->blocker_thread = domain->blocker.thread;
        out->blocker_age_ns = weft_i_sys_clock_ns() - domain->blocker.since_ns;
    }
    weft_i_mutex_unlock(&domain->blocker_lock);
}

/* ---- reclaim/epochs.h ---- */

/*
 * private. Epochs: finds the batches that were sealed before any guard held now was entered.
 *
 * The argument. A batch is sealed by e = fetch_add(epoch, 2), after all objects in it were unlinked. A reader reads r
 * from the epoch, publishes it, passes a light fence L, and then reads the structure. The batch may be freed after a
 * heavy fence F if all published epochs are above e. If the scan sees a word with r > e, the reader read the epoch from
 * this seal or a later one, and so sees the unlinkings. If it sees no word, either L comes after F, and the reader sees
 * the unlinkings, too; or the reader has left, with a release store. The epoch advances without asking any thread, so
 * one fence suffices instead of two grace periods. (As in FreeBSD's subr_smr.c, J. Roberson 2019, and Hazard Eras, P.
 * Ramalhete and A. Correia, SPAA 2017.)
 *
 * A scan reads a slot's word first and its domain second, so the domain may belong to a later guard than the word. Then
 * the earlier guard has been left, since the later guard's release store of the domain follows that. And the later
 * guard's word was not seen, so it comes after F. The scan need not see either of them.
 */
#ifndef WEFT_RECLAIM_EPOCHS_H
#define WEFT_RECLAIM_EPOCHS_H


/* Seals what is in the place's bags. */
WEFT_I_PRIVATE void weft_i_epochs_seal(weft_i_local *local);

/*
 * Moves the batches that no guard holds to `passed`; all were sealed before the heavy fence. scan.blocker is the guard
 * that holds back the rest, if any.
 */
WEFT_I_PRIVATE void weft_i_epochs_scan(weft_i_local *local);

#endif

/* ---- reclaim/epochs.c ---- */

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_EPOCHS_X1 memory_order_acq_rel /* seal a batch -> WEFT_GUARD_A1, WEFT_EPOCHS_X1: a thread that reads the new epoch or a later one sees the unlinkings of the batch */
#endif
/* clang-format on */

/* Modulo 2^n: epochs may wrap, provided that no guard is held while half of them pass. */
static bool weft_i_own_epochs_before(size_t a, size_t b)
{
    return (a - b) >> (sizeof(size_t) * 8 - 1);
}

static void weft_i_own_epochs_consider_epoch(weft_i_blocker *oldest, const weft_i_words *words, uintptr_t value, int thread)
{
    if (value && (!oldest->words || weft_i_own_epochs_before(value, oldest->value)))
        *oldest = (weft_i_blocker){words, value, thread, 0};
}

static weft_i_blocker weft_i_own_epochs_find_oldest(weft_domain *domain)
{
    weft_i_blocker oldest = {0};
    weft_i_signals signals;
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        for (int i = WEFT_I_OPERATION, slots = weft_i_record_slots(r); i < slots; i++) {
            weft_i_slot *slot = weft_i_record_slot(r, i);
            uintptr_t value = weft_i_word_of(&slot->words, 0);
            if (value && weft_i_slot_domain(slot) == (void *)domain)
                weft_i_own_epochs_consider_epoch(&oldest, &slot->words, value, weft_i_record_thread_id(r));
        }
    if (!weft_i_any_linked(domain))
        return oldest;
    for (weft_guard *g = weft_i_lock_linked(domain, &signals); g; g = g->next)
        weft_i_own_epochs_consider_epoch(&oldest, &g->own.words, weft_i_word_of(&g->own.words, 0), (int)g->own_thread);
    weft_i_unlock_linked(domain, &signals);
    return oldest;
}

/* The bag becomes a batch. If there is no room for one, it joins the youngest, which then waits a little longer. */
void weft_i_epochs_seal(weft_i_local *local)
{
    weft_i_scan *s = &local->scan;
    if (weft_i_bags_empty(&local->bags))
        return;
    if (s->sealed_count < WEFT_SEALED)
        s->sealed[s->sealed_count++] = (weft_i_batch){0};
    weft_i_batch *youngest = &s->sealed[s->sealed_count - 1];
    weft_i_bags_splice(&youngest->bags, &local->bags);
    youngest->epoch = weft_i_fetch_add(&local->domain->head.epoch, 2, WEFT_EPOCHS_X1);
}

void weft_i_epochs_scan(weft_i_local *local)
{
    weft_i_scan *s = &local->scan;
    size_t waiting = 0;
    int done = 0;
    weft_i_blocker oldest = weft_i_own_epochs_find_oldest(local->domain);
    while (done < s->sealed_count && (!oldest.words || weft_i_own_epochs_before(s->sealed[done].epoch, oldest.value)))
        weft_i_bags_splice(&s->passed, &s->sealed[done++].bags);
    for (int i = done; i < s->sealed_count; i++) {
        weft_i_batch *batch = &s->sealed[i - done];
        batch->epoch = s->sealed[i].epoch;
        if (done > 0)
            weft_i_bags_splice(&batch->bags, &s->sealed[i].bags);
        waiting += weft_i_bags_count(&batch->bags);
    }
    s->sealed_count -= done;
    s->blocker = waiting ? oldest : (weft_i_blocker){0};
    s->total = waiting / WEFT_SEALED; /* so that scans stay rare, however many objects wait */
}

/* ---- reclaim/fence.c ---- */

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_FENCE_A2 memory_order_acquire /* has a thread passed a fence -> WEFT_RECORD_R3: then the scan sees all that it published without a fence */
#define WEFT_FENCE_R1 memory_order_release /* change the mode -> WEFT_FENCE_A1: records were told before */
#define WEFT_FENCE_A1 memory_order_acquire /* read the mode -> WEFT_FENCE_R1: sees which records were told */
#endif
/* clang-format on */

/* UNPROBED: not needed yet; TURNING: membarrier has failed, and not every record has passed a fence since. */
enum { WEFT_I_OWN_FENCE_UNPROBED, WEFT_I_OWN_FENCE_MEMBARRIER, WEFT_I_OWN_FENCE_TURNING, WEFT_I_OWN_FENCE_FENCES };

static weft_i_mutex weft_i_own_fence_changes = WEFT_I_MUTEX_INIT(WEFT_I_RANK_FENCE); /* of the mode, and of FENCES in all records */
static weft_i_atomic_int weft_i_own_fence_mode;

/* Under the lock: each record is told here, or by weft_i_fence_join. */
static void weft_i_own_fence_leave_membarrier(void)
{
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        /* relaxed: nothing is reclaimed until the owner has seen it, however long that takes */
        (void)weft_i_fetch_or(&r->thread.attention, WEFT_I_FENCES, memory_order_relaxed);
    weft_i_store(&weft_i_own_fence_mode, WEFT_I_OWN_FENCE_TURNING, WEFT_FENCE_R1);
}

static bool weft_i_own_fence_all_passed(void)
{
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        if (weft_i_record_owned(r) && !weft_i_load(&r->passed_fence, WEFT_FENCE_A2))
            return false;
    return true;
}

/* Until all threads have passed a fence of their own, weft_i_sys_interrupt_all takes the place of membarrier. */
static bool weft_i_own_fence_turn(void)
{
    weft_i_mutex_lock(&weft_i_own_fence_changes);
    /* relaxed: the lock orders it */
    if (weft_i_load(&weft_i_own_fence_mode, memory_order_relaxed) == WEFT_I_OWN_FENCE_MEMBARRIER)
        weft_i_own_fence_leave_membarrier();
    weft_i_publish_slow(weft_i_self()); /* this thread has just been told, and may be the only one */
    bool done = weft_i_own_fence_all_passed();
    if (done)
        weft_i_store(&weft_i_own_fence_mode, WEFT_I_OWN_FENCE_FENCES, WEFT_FENCE_R1);
    else
        done = weft_i_sys_interrupt_all();
    weft_i_mutex_unlock(&weft_i_own_fence_changes);
    weft_i_full_fence();
    return done;
}

/* Under the lock. */
static int weft_i_own_fence_probed(void)
{
    /* relaxed: the lock orders it */
    int now = weft_i_load(&weft_i_own_fence_mode, memory_order_relaxed);
    if (now == WEFT_I_OWN_FENCE_UNPROBED) {
        now = weft_i_sys_membarrier_probe() ? WEFT_I_OWN_FENCE_MEMBARRIER : WEFT_I_OWN_FENCE_FENCES;
        weft_i_store(&weft_i_own_fence_mode, now, WEFT_FENCE_R1);
    }
    return now;
}

/*
 * A thread without a record may be the first to need a heavy fence. A full fence of its own would not suffice: another
 * thread may make the first record meanwhile, and publish without fences.
 */
static int weft_i_own_fence_probe(void)
{
    weft_i_mutex_lock(&weft_i_own_fence_changes);
    int now = weft_i_own_fence_probed();
    weft_i_mutex_unlock(&weft_i_own_fence_changes);
    return now;
}

bool weft_i_heavy_fence(void)
{
    int now = weft_i_load(&weft_i_own_fence_mode, WEFT_FENCE_A1);
    if (weft_i_unlikely(now == WEFT_I_OWN_FENCE_UNPROBED))
        now = weft_i_own_fence_probe();
    if (weft_i_likely(now == WEFT_I_OWN_FENCE_MEMBARRIER) && weft_i_sys_membarrier())
        return true;
    if (now == WEFT_I_OWN_FENCE_MEMBARRIER || now == WEFT_I_OWN_FENCE_TURNING)
        return weft_i_own_fence_turn();
    weft_i_full_fence();
    return true;
}

bool weft_i_fence_interrupts(void)
{
    /* relaxed: a hint */
    return weft_i_load(&weft_i_own_fence_mode, memory_order_relaxed) == WEFT_I_OWN_FENCE_MEMBARRIER;
}

void weft_i_fence_after_fork(void)
{
    /* relaxed: one thread */
    if (weft_i_load(&weft_i_own_fence_mode, memory_order_relaxed) == WEFT_I_OWN_FENCE_MEMBARRIER && !weft_i_sys_membarrier_probe())
        weft_i_own_fence_leave_membarrier();
}

void weft_i_fence_join(weft_i_record *record)
{
    weft_i_mutex_lock(&weft_i_own_fence_changes);
    if (weft_i_own_fence_probed() == WEFT_I_OWN_FENCE_MEMBARRIER) {
        /* relaxed: the lock orders mode and flags; the record's owner publishes nothing before it reads them */
        weft_i_store(&record->passed_fence, 0, memory_order_relaxed);
        weft_i_store(&record->thread.attention, 0, memory_order_relaxed); /* relaxed: under the lock, too */
    }
    weft_i_mutex_unlock(&weft_i_own_fence_changes);
    weft_i_full_fence(); /* answers all questions asked before, even unseen or overwritten ones (handshake.h) */
}

void weft_i_fence_lock(void)
{
    weft_i_mutex_lock(&weft_i_own_fence_changes);
}

void weft_i_fence_unlock(void)
{
    weft_i_mutex_unlock(&weft_i_own_fence_changes);
}

/* ---- reclaim/figures.c ---- */

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_LOCALS_A1 memory_order_acquire /* walk locals -> WEFT_LOCALS_R1: sees a local's fields */
#define WEFT_COUNT_A1 memory_order_acquire /* count retired -> WEFT_COUNT_R1: the room read is not older than the grant */
#endif
/* clang-format on */

weft_i_local *weft_i_place_after(weft_domain *domain, weft_i_local *local)
{
    if (!local)
        return &domain->shared;
    if (local == &domain->shared)
        return &domain->barrier;
    return weft_i_load(local == &domain->barrier ? &domain->locals : &local->next, WEFT_LOCALS_A1);
}

bool weft_i_place_empty(const weft_i_local *local)
{
    return weft_i_bags_empty(&local->bags) && weft_i_bags_empty(&local->scan.maybe) &&
           weft_i_bags_empty(&local->scan.passed) && weft_i_bags_empty(&local->ready) && !local->scan.sealed_count;
}

bool weft_i_nothing_left(weft_domain *domain)
{
    for (weft_i_local *l = NULL; (l = weft_i_place_after(domain, l)) != NULL;)
        if (!weft_i_place_empty(l))
            return false;
    /* relaxed: no other thread retires in the domain */
    return !weft_i_load(&domain->orphans, memory_order_relaxed);
}

size_t weft_i_retired(const weft_i_local *local)
{
    size_t granted = weft_i_load(&local->counters.granted, WEFT_COUNT_A1);
    /* relaxed: read after `granted`, it is not older than that */
    return granted - weft_i_load(&local->room, memory_order_relaxed);
}

size_t weft_i_pending(weft_domain *domain, size_t *bytes)
{
    size_t count = 0, size = 0;
    for (weft_i_local *l = NULL; (l = weft_i_place_after(domain, l)) != NULL;) {
        const weft_i_counters *c = &l->counters;
        /* relaxed: figures */
        count += weft_i_retired(l) - weft_i_load(&c->reclaimed, memory_order_relaxed);
        size += weft_i_load(&c->retired_bytes, memory_order_relaxed) -
                weft_i_load(&c->reclaimed_bytes, memory_order_relaxed);
    }
    if (bytes)
        *bytes = size;
    /* relaxed: a figure; if two threads race, the higher value may be lost by a few */
    if (count > weft_i_load(&domain->pending_peak, memory_order_relaxed) && !(count >> (sizeof count * 8 - 1)))
        weft_i_store(&domain->pending_peak, count, memory_order_relaxed);
    return count;
}

static void weft_i_own_figures_add_listed(const weft_i_hook *hook, size_t *count, size_t *bytes)
{
    for (; hook; hook = hook->next, ++*count)
        *bytes += weft_i_size_of(hook);
}

static void weft_i_own_figures_add_bags(const weft_i_bags *bags, size_t *count, size_t *bytes)
{
    for (int b = 0; b < WEFT_I_BAGS; b++)
        weft_i_own_figures_add_listed(bags->of[b].head, count, bytes);
}

void weft_i_recount(weft_domain *domain)
{
    size_t listed = 0, listed_bytes = 0, bytes, count = weft_i_pending(domain, &bytes);
    /* relaxed: one thread, as the next */
    weft_i_own_figures_add_listed(weft_i_load(&domain->orphans, memory_order_relaxed), &listed, &listed_bytes);
    weft_i_store(&domain->orphan_count, listed + weft_i_bags_count(&domain->shared.ready), memory_order_relaxed);
    for (weft_i_local *l = NULL; (l = weft_i_place_after(domain, l)) != NULL;) {
        weft_i_own_figures_add_bags(&l->ready, &listed, &listed_bytes);
        weft_i_own_figures_add_bags(&l->bags, &listed, &listed_bytes);
        weft_i_own_figures_add_bags(&l->scan.maybe, &listed, &listed_bytes);
        weft_i_own_figures_add_bags(&l->scan.passed, &listed, &listed_bytes);
        for (int i = 0; i < l->scan.sealed_count; i++)
            weft_i_own_figures_add_bags(&l->scan.sealed[i].bags, &listed, &listed_bytes);
    }
    /* relaxed: one thread, as the next */
    (void)weft_i_fetch_add(&domain->shared.counters.reclaimed, count - listed, memory_order_relaxed);
    (void)weft_i_fetch_add(&domain->shared.counters.reclaimed_bytes, bytes - listed_bytes, memory_order_relaxed);
}

void weft_i_sum_up(weft_domain *domain, weft_domain_statistics *out)
{
    for (weft_i_local *l = NULL; (l = weft_i_place_after(domain, l)) != NULL;) {
        out->retired += weft_i_retired(l);
        /* relaxed: figures */
        out->reclaimed += weft_i_load(&l->counters.reclaimed, memory_order_relaxed);
        out->allocated += weft_i_load(&l->counters.allocated, memory_order_relaxed);
    }
    /* relaxed: a figure */
    out->pending_peak = weft_i_load(&domain->pending_peak, memory_order_relaxed);
}

/* ---- reclaim/guard_slow.c ---- */

/*
 * The slow half of guards: the first use in a thread, nested guards, and guards without a slot.
 */

static bool weft_i_own_guard_slow_owns(const weft_i_thread *thread, const weft_i_slot *slot)
{
    return (uintptr_t)slot - (uintptr_t)thread->slot < sizeof thread->slot;
}

/* The first slot if it is free, or else one for a nested guard. NULL: all are in use, or there is no record. */
static weft_i_slot *weft_i_own_guard_slow_find_slot(weft_i_record *record)
{
    if (!record)
        return NULL;
    /* relaxed: this thread's own */
    if (!weft_i_load(&record->thread.slot[0].domain, memory_order_relaxed))
        return &record->thread.slot[0];
    return weft_i_record_take_slot(record);
}

static void weft_i_own_guard_slow_tag(weft_guard *guard, weft_scheme scheme)
{
    guard->slot = (weft_i_slot *)(void *)((uintptr_t)guard->slot | (scheme == WEFT_EPOCH));
}

void weft_i_enter_slow(weft_guard *guard, weft_domain *domain)
{
    domain = domain ? domain : weft_default_domain();
    weft_scheme scheme = weft_i_scheme(domain);
    guard->slot = weft_i_own_guard_slow_find_slot(weft_i_record_get());
    if (guard->slot) {
        weft_i_store(&guard->slot->domain, (void *)domain, WEFT_GUARD_R1);
        weft_i_compiler_fence(); /* as in weft_i_begin */
    } else {
        weft_i_link_guard(guard, domain);
    }
    if (scheme == WEFT_EPOCH)
        weft_i_publish_epoch(weft_i_hold_of(guard), domain);
    weft_i_own_guard_slow_tag(guard, scheme);
}

void weft_i_leave_slow(weft_guard *guard)
{
    weft_i_hold hold = weft_i_hold_of(guard);
    if (hold.slot == &guard->own) {
        weft_i_unlink_guard(guard, weft_i_domain_of(hold));
    } else if (weft_i_own_guard_slow_owns(hold.thread, hold.slot)) {
        weft_i_store(&hold.slot->words.word[0], NULL, WEFT_GUARD_R4);
        weft_i_store(&hold.slot->domain, NULL, WEFT_GUARD_R5);
        weft_i_record_give_slot((weft_i_record *)hold.thread, hold.slot);
    } /* else the thread's exit hook has left the guard */
}

void(weft_i_check_guard)(const weft_guard *guard) /* in parentheses, since it may be a macro that does nothing */
{
    if (!guard->slot)
        weft_i_misused("a guard is used or left that has been left already");
    const weft_i_slot *slot = (const weft_i_slot *)(const void *)((uintptr_t)guard->slot & ~(uintptr_t)1);
    if (slot != &guard->own && !weft_i_own_guard_slow_owns(weft_i_self(), slot))
        weft_i_misused("a guard is used or left by a thread that did not enter it");
}

void(weft_i_check_domain)(const weft_domain *domain)
{
    weft_i_check_forks(weft_i_self());
    if (domain->alive != WEFT_I_ALIVE)
        weft_i_misused("a domain is used that has been destroyed, or never was created");
}

void weft_enter_outline(weft_guard *guard, weft_domain *domain)
{
    weft_enter(guard, domain);
}

void weft_leave_outline(weft_guard *guard)
{
    weft_leave(guard);
}

void *weft_protect_outline(weft_guard *guard, weft_atomic_ptr *source)
{
    return weft_protect(guard, source);
}

void weft_guard_set_outline(weft_guard *guard, const void *pointer)
{
    weft_guard_set(guard, pointer);
}

void weft_guard_refresh_outline(weft_guard *guard)
{
    weft_guard_refresh(guard);
}

/* ---- reclaim/handshake.h ---- */

/*
 * private. The heavy fence without an interrupt: a thread asks all others, each answers in its next operation, and the
 * asking thread goes on meanwhile. (An expedited membarrier makes every processor that runs a thread of the process
 * stop for it: 5 to 20 us where the processors are virtual, in one operation of each batch, in each of the threads that
 * run.)
 *
 * A question is a bit in the record's `attention`, which its thread reads in each operation anyway. So a question costs
 * the asked thread nothing until then, and an answer is one read-modify-write. Rounds belong to the process: there is
 * one at a time, for all threads that retire.
 *
 * The argument. Thread W has unlinked objects and takes a ticket, by a read-modify-write of `rounds`. A round that
 * counts for the ticket begins later, by a read-modify-write of a thread S, which therefore sees W's unlinkings
 * (WEFT_HANDSHAKE_X1). S passes a full fence and asks T. T answers at a moment A by one read-modify-write. What T reads
 * after A sees the unlinkings (WEFT_RECORD_X1). What T published before A is seen by every thread that sees the answer
 * (WEFT_HANDSHAKE_A2) or the end of the round (WEFT_HANDSHAKE_R1, WEFT_HANDSHAKE_A1). So A is to T what the heavy fence is (hazards.h,
 * epochs.h): a light fence in T comes before A or after it. This holds wherever A lies in T's work, and so for a signal
 * handler that answers for the code that it has interrupted.
 *
 * Threads that are not asked. S itself: its A is the beginning of the round. A thread that has no record when S looks:
 * if it takes one later, it passes a full fence after S has passed one, and so sees what S saw (weft_i_fence_join). A
 * thread that overwrites the question while it takes its record: likewise. A thread without a record publishes with
 * full fences, and W passes one, too, before it reads the guards that such threads have linked.
 *
 * Threads that do not answer (asleep, or busy with something else) are interrupted when patience is at its end: W
 * passes the heavy fence, which is an A of all threads, also for the round under way. So no thread waits for another,
 * wherever S or T may be.
 *
 * A heavy fence counts for all tickets that were taken before it began, whoever passes it. Each has a number. A ticket is
 * the next number, and a ticket and the beginning of a fence are read-modify-writes of one word; so the thread that fences
 * sees what was unlinked before the tickets up to its number (WEFT_HANDSHAKE_X2). Threads that run side by side thus share
 * their interrupts: each costs both of two virtual processors up to 50 us.
 *
 * Absent threads. A thread that sleeps would not answer the next round either, and each batch would need an interrupt.
 * So the thread that passes the heavy fence first marks the threads that have not answered. A thread that is still
 * marked after the fence, and is then found in no operation, is offline: no round waits for it until it has answered.
 * What it published before the fence is seen by every thread that sees it offline and then passes a full fence. It
 * publishes nothing more that other threads rely on without loading `attention`, where it finds the question and
 * answers. All questions asked meanwhile came before that load, by read-modify-writes of the same word, so it then sees
 * what was unlinked before any of their rounds (WEFT_RECORD_X1). A thread in an operation cannot be offline, since it would
 * go on without that load (weft_i_attempt_begin). The mark belongs to the question that came before the fence: a later
 * question may have found the thread in an operation that began after the fence. Only one thread marks at a time;
 * others pass the fence without marking.
 */
#ifndef WEFT_RECLAIM_HANDSHAKE_H
#define WEFT_RECLAIM_HANDSHAKE_H


/* A ticket for what the caller has unlinked until now. */
WEFT_I_PRIVATE weft_i_ticket weft_i_handshake_ticket(void);

/* Whether all threads have passed a fence since the ticket. Begins or ends a round where it can. Never waits. */
WEFT_I_PRIVATE bool weft_i_handshake_over(weft_i_ticket ticket);

/* Whether a heavy fence that counts for the ticket has begun, so that it may soon be over. */
WEFT_I_PRIVATE bool weft_i_handshake_fencing(weft_i_ticket ticket);

/*
 * Passes the heavy fence instead. `asked`: the caller has a ticket; threads that were asked and do not answer become
 * offline, and others' tickets may count the fence. False: it has failed.
 */
WEFT_I_PRIVATE bool weft_i_handshake_force(bool asked);

/* In a fork's child, where the thread that has begun a round may not exist. */
WEFT_I_PRIVATE void weft_i_handshake_after_fork(void);

#endif

/* ---- reclaim/handshake.c ---- */

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_HANDSHAKE_X1 memory_order_acq_rel /* ticket; begin a round -> WEFT_HANDSHAKE_X1: the thread that begins one sees what was unlinked before the tickets that it counts for */
#define WEFT_HANDSHAKE_A2 memory_order_acquire /* has it answered -> WEFT_RECORD_X1: sees what that thread had published */
#define WEFT_HANDSHAKE_R1 memory_order_release /* all are asked; the round ends -> WEFT_HANDSHAKE_A1: the questions come before; passes on what was seen of the threads that answered */
#define WEFT_HANDSHAKE_X2 memory_order_acq_rel /* ticket; begin a heavy fence -> WEFT_HANDSHAKE_X2: the thread that begins one sees what was unlinked before the tickets that it counts for */
#define WEFT_HANDSHAKE_R2 memory_order_release /* the heavy fence is over -> WEFT_HANDSHAKE_A3: passes on what all threads had published */
#define WEFT_HANDSHAKE_A3 memory_order_acquire /* which fences are over -> WEFT_HANDSHAKE_R2: sees what all threads had published before them */
#define WEFT_HANDSHAKE_A1 memory_order_acquire /* how far is the round -> WEFT_HANDSHAKE_R1: sees the questions; sees what the threads that answered had published */
#endif
/* clang-format on */

/* `rounds` is STEP times the number of rounds that are over, plus the state of the one under way. */
enum { WEFT_I_OWN_HANDSHAKE_NONE, WEFT_I_OWN_HANDSHAKE_ASKING, WEFT_I_OWN_HANDSHAKE_ASKED, WEFT_I_OWN_HANDSHAKE_STEP = 4 };

static weft_i_atomic_size weft_i_own_handshake_rounds;
static weft_i_atomic_size weft_i_own_handshake_begun;  /* the number of the heavy fence that has begun last */
static weft_i_atomic_size weft_i_own_handshake_over;   /* the highest number of one that is over */
static weft_i_atomic_int weft_i_own_handshake_marking; /* the id of the thread that marks offline ones; 0: none */

weft_i_ticket weft_i_handshake_ticket(void)
{
    size_t now = weft_i_fetch_add(&weft_i_own_handshake_rounds, 0, WEFT_HANDSHAKE_X1), fence = weft_i_fetch_add(&weft_i_own_handshake_begun, 0, WEFT_HANDSHAKE_X2);
    /* a round under way began before the ticket */
    return (weft_i_ticket){now - now % WEFT_I_OWN_HANDSHAKE_STEP + (now % WEFT_I_OWN_HANDSHAKE_STEP == WEFT_I_OWN_HANDSHAKE_NONE ? WEFT_I_OWN_HANDSHAKE_STEP : 2 * WEFT_I_OWN_HANDSHAKE_STEP), fence + 1};
}

/* Modulo 2^n: what is over counts as not over if half of all numbers have passed since. */
static bool weft_i_own_handshake_has_reached(size_t now, size_t wanted)
{
    return (ptrdiff_t)(now - wanted) >= 0;
}

static bool weft_i_own_handshake_is_over(weft_i_ticket ticket)
{
    return weft_i_own_handshake_has_reached(weft_i_load(&weft_i_own_handshake_rounds, WEFT_HANDSHAKE_A1), ticket.round) ||
           weft_i_own_handshake_has_reached(weft_i_load(&weft_i_own_handshake_over, WEFT_HANDSHAKE_A3), ticket.fence);
}

bool weft_i_handshake_fencing(weft_i_ticket ticket)
{
    /* relaxed: a hint */
    return weft_i_own_handshake_has_reached(weft_i_load(&weft_i_own_handshake_begun, memory_order_relaxed), ticket.fence);
}

static void weft_i_own_handshake_end_fence(size_t number)
{
    size_t highest = weft_i_load(&weft_i_own_handshake_over, memory_order_relaxed); /* relaxed: only compared */
    while (!weft_i_own_handshake_has_reached(highest, number) &&
           !weft_i_cas(&weft_i_own_handshake_over, &highest, number, WEFT_HANDSHAKE_R2, memory_order_relaxed)) /* relaxed: only compared */
        ;
}

static void weft_i_own_handshake_end_round(size_t now)
{
    /* relaxed: a failure means that another thread has ended it */
    (void)weft_i_cas(&weft_i_own_handshake_rounds, &now, now - now % WEFT_I_OWN_HANDSHAKE_STEP + WEFT_I_OWN_HANDSHAKE_STEP, WEFT_HANDSHAKE_R1, memory_order_relaxed);
}

static void weft_i_own_handshake_begin_round(size_t now)
{
    weft_i_record *own = weft_i_record_peek();
    /* relaxed: a failure means that another thread has begun it, after the ticket */
    if (!weft_i_cas(&weft_i_own_handshake_rounds, &now, now + WEFT_I_OWN_HANDSHAKE_ASKING, WEFT_HANDSHAKE_X1, memory_order_relaxed))
        return;
    weft_i_full_fence(); /* -> weft_i_fence_join */
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        if (r != own && weft_i_record_owned(r))
            /* relaxed: the fence before it publishes what was unlinked -> WEFT_RECORD_X1 */
            (void)weft_i_fetch_or(&r->thread.attention, WEFT_I_ASKED, memory_order_relaxed);
    size_t asking = now + WEFT_I_OWN_HANDSHAKE_ASKING;
    /* relaxed: a failure means that another thread has lost patience, and ended it */
    (void)weft_i_cas(&weft_i_own_handshake_rounds, &asking, now + WEFT_I_OWN_HANDSHAKE_ASKED, WEFT_HANDSHAKE_R1, memory_order_relaxed);
}

static bool weft_i_own_handshake_all_have_answered(void)
{
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next) {
        int asked = weft_i_record_owned(r)
                        ? weft_i_load(&r->thread.attention, WEFT_HANDSHAKE_A2) & (WEFT_I_ASKED | WEFT_I_OFFLINE)
                        : 0;
        if (asked == WEFT_I_ASKED)
            return false;
    }
    return true;
}

/* ---- offline threads ---- */

/* Marks the threads that have not answered. */
static void weft_i_own_handshake_mark(void)
{
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next) {
        /* relaxed: the heavy fence comes next */
        int seen = weft_i_load(&r->thread.attention, memory_order_relaxed);
        if ((seen & WEFT_I_QUESTIONS) == WEFT_I_ASKED)
            /* relaxed: the heavy fence comes next; on failure the thread has answered, or a barrier has changed the
               word: the next mark suffices */
            (void)weft_i_cas(&r->thread.attention, &seen, seen | WEFT_I_MARKED, memory_order_relaxed,
                             memory_order_relaxed);
    }
}

/* Removes the marks that are left. If fenced, those threads become offline that are in no operation. */
static void weft_i_own_handshake_tell_absent(bool fenced)
{
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next) {
        /* relaxed: the heavy fence comes before */
        int seen = weft_i_load(&r->thread.attention, memory_order_relaxed);
        while (seen & WEFT_I_MARKED) {
            /* relaxed: the heavy fence has come before */
            int bit = fenced && !weft_i_load(&r->operation.domain, memory_order_relaxed) ? WEFT_I_OFFLINE : 0;
            /* relaxed: the heavy fence before it pairs with the full fence of a thread that has read it and compares
               (scan.c) */
            if (weft_i_cas(&r->thread.attention, &seen, (seen & ~WEFT_I_MARKED) | bit, memory_order_relaxed,
                           memory_order_relaxed))
                break;
        }
    }
}

bool weft_i_handshake_over(weft_i_ticket ticket)
{
    if (weft_i_own_handshake_is_over(ticket))
        return true;
    size_t now = weft_i_load(&weft_i_own_handshake_rounds, WEFT_HANDSHAKE_A1);
    if (now % WEFT_I_OWN_HANDSHAKE_STEP == WEFT_I_OWN_HANDSHAKE_NONE) {
        weft_i_own_handshake_begin_round(now);
        now = weft_i_load(&weft_i_own_handshake_rounds, WEFT_HANDSHAKE_A1);
    }
    if (now % WEFT_I_OWN_HANDSHAKE_STEP == WEFT_I_OWN_HANDSHAKE_ASKED && weft_i_own_handshake_all_have_answered())
        weft_i_own_handshake_end_round(now);
    return weft_i_own_handshake_is_over(ticket);
}

bool weft_i_handshake_force(bool asked)
{
    size_t now = weft_i_load(&weft_i_own_handshake_rounds, WEFT_HANDSHAKE_A1);
    bool marks = asked && weft_i_take_right(&weft_i_own_handshake_marking, weft_i_thread_id());
    size_t number = asked ? weft_i_fetch_add(&weft_i_own_handshake_begun, 1, WEFT_HANDSHAKE_X2) + 1 : 0;
    if (marks)
        weft_i_own_handshake_mark();
    bool fenced = weft_i_heavy_fence();
    if (marks) {
        weft_i_own_handshake_tell_absent(fenced && weft_i_fence_interrupts());
        weft_i_give_right(&weft_i_own_handshake_marking);
    }
    if (fenced && asked)
        weft_i_own_handshake_end_fence(number);
    if (fenced && now % WEFT_I_OWN_HANDSHAKE_STEP != WEFT_I_OWN_HANDSHAKE_NONE)
        weft_i_own_handshake_end_round(now);
    return fenced;
}

void weft_i_handshake_after_fork(void)
{
    /* relaxed: one thread */
    size_t now = weft_i_load(&weft_i_own_handshake_rounds, memory_order_relaxed);
    weft_i_give_right(&weft_i_own_handshake_marking);
    if (now % WEFT_I_OWN_HANDSHAKE_STEP != WEFT_I_OWN_HANDSHAKE_NONE)
        weft_i_own_handshake_end_round(now);
}

/* ---- reclaim/hazards.h ---- */

/*
 * private. Hazard pointers (M. Michael, IEEE TPDS 15(6), 2004, section 3, with the fence moved to this side): finds the
 * retired objects of a place that no guard protects. It does so in steps, so that no call takes long.
 *
 * The argument. An object in the bag was unlinked before the heavy fence F. A reader publishes the pointer in a word,
 * passes a light fence L, and re-reads the source. If L comes before F, the scan sees the word, unless the reader has
 * replaced it since, by a release store that pairs with the scan's acquire load: then the reader is done with the
 * object. If L comes after F, the re-read sees the unlinking and the reader does not use the object. So the words may
 * be read at any time after F, a few at a time; records and guards that come after F need not be read at all. The words
 * of a slot are read in ascending order, so that a kernel may copy a pointer from a lower word to a higher one.
 */
#ifndef WEFT_RECLAIM_HAZARDS_H
#define WEFT_RECLAIM_HAZARDS_H


/* Begins a scan and reads the first hazards. All objects in scan.maybe were unlinked before the heavy fence. */
WEFT_I_PRIVATE void weft_i_hazards_begin(weft_i_local *local);

/*
 * Compares up to `most` objects more. Those that are held go back to the bags. True: the scan is over, and no guard
 * holds the objects in `passed`. scan.blocker is a guard that holds objects back, if any.
 */
WEFT_I_PRIVATE bool weft_i_hazards_step(weft_i_local *local, size_t most);

#endif

/* ---- reclaim/hazards.c ---- */

_Static_assert(WEFT_SCAN_WORDS >= WEFT_I_WORDS, "a slot's hazards are read at once");

/* ---- reading hazards ---- */

static size_t weft_i_own_hazards_bloom_bit(uintptr_t address)
{
    return ((address >> 4) ^ (address >> 12)) % (WEFT_SCAN_BLOOM * 64);
}

static void weft_i_own_hazards_read_words(weft_i_scan *s, weft_i_words *words, int thread)
{
    uintptr_t first = weft_i_word_of(words, 0);
    for (int i = 0; i < WEFT_I_WORDS; i++) {
        uintptr_t address = (i == 0 ? first : weft_i_word_of(words, i)) & ~(uintptr_t)7;
        if (!address)
            continue;
        size_t bit = weft_i_own_hazards_bloom_bit(address);
        s->bloom[bit / 64] |= (uint64_t)1 << (bit % 64);
        s->hazard[s->hazards++] = (weft_i_held){address, words, first, thread};
    }
}

static bool weft_i_own_hazards_words_have_room(const weft_i_scan *s)
{
    return s->hazards + WEFT_I_WORDS <= WEFT_SCAN_WORDS;
}

/* False: there is no room for all hazards. */
static bool weft_i_own_hazards_read_records(weft_i_scan *s)
{
    for (weft_i_record *r; (r = s->next_record) != NULL; s->next_record = r->next) {
        for (int slots = weft_i_record_slots(r); s->next_slot < slots; s->next_slot++) {
            if (!weft_i_own_hazards_words_have_room(s))
                return false;
            weft_i_own_hazards_read_words(s, &weft_i_record_slot(r, s->next_slot)->words, weft_i_record_thread_id(r));
        }
        s->next_slot = WEFT_I_OPERATION;
    }
    return true;
}

/*
 * Linked guards are read newest first, beginning with the newest one at the first look. A guard linked after that was
 * not linked at the heavy fence. The lock is held only for reading. If not all fit, `linked_below` says where to go on.
 */
static bool weft_i_own_hazards_read_linked(weft_domain *domain, weft_i_scan *s)
{
    weft_i_signals signals;
    bool all = true;
    if (!weft_i_any_linked(domain))
        return true;
    weft_guard *g = weft_i_lock_linked(domain, &signals);
    if (!s->met_linked)
        s->linked_below = domain->linked_next + 1;
    s->met_linked = true;
    for (; g && all; g = g->next) {
        if ((ptrdiff_t)(g->number - s->linked_below) >= 0)
            continue;
        all = weft_i_own_hazards_words_have_room(s);
        if (all) {
            weft_i_own_hazards_read_words(s, &g->own.words, (int)g->own_thread);
            s->linked_below = g->number;
        }
    }
    weft_i_unlock_linked(domain, &signals);
    return all;
}

static void weft_i_own_hazards_sort(weft_i_held *a, size_t n)
{
    for (size_t gap = n / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11)
        for (size_t i = gap; i < n; i++) {
            weft_i_held x = a[i];
            size_t k = i;
            for (; k >= gap && a[k - gap].address > x.address; k -= gap)
                a[k] = a[k - gap];
            a[k] = x;
        }
}

/* Reads as many hazards as fit. */
static void weft_i_own_hazards_read_hazards(weft_domain *domain, weft_i_scan *s)
{
    s->hazards = 0;
    for (int i = 0; i < WEFT_SCAN_BLOOM; i++)
        s->bloom[i] = 0;
    s->last = weft_i_own_hazards_read_records(s) && weft_i_own_hazards_read_linked(domain, s);
    s->total += s->hazards;
    weft_i_own_hazards_sort(s->hazard, s->hazards);
}

/* ---- comparing ---- */

static const weft_i_held *weft_i_own_hazards_in_range(const weft_i_scan *s, uintptr_t start, uintptr_t end)
{
    size_t low = 0, high = s->hazards;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->hazard[middle].address < start)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->hazards && s->hazard[low].address < end ? &s->hazard[low] : NULL;
}

static const weft_i_held *weft_i_own_hazards_at_point(const weft_i_scan *s, uintptr_t address)
{
    size_t bit = weft_i_own_hazards_bloom_bit(address);
    return s->bloom[bit / 64] >> (bit % 64) & 1 ? weft_i_own_hazards_in_range(s, address, address + 1) : NULL;
}

/* The hazard that holds the object back; NULL: none. */
static const weft_i_held *weft_i_own_hazards_holder(const weft_i_scan *s, const weft_i_hook *hook)
{
    const weft_i_kind *kind = hook->kind;
    if (kind->shape == WEFT_I_RANGE) {
        const weft_hook *range = (const weft_hook *)(const void *)hook;
        uintptr_t start = (uintptr_t)range->object, size = range->size;
        return weft_i_own_hazards_in_range(s, start & ~(uintptr_t)7, start + (size ? size : 1));
    }
    const weft_i_held *found = weft_i_own_hazards_at_point(s, (uintptr_t)hook);
    if (!found && kind->shape == WEFT_I_ENTRY)
        found = weft_i_own_hazards_at_point(s, *(const uintptr_t *)(const void *)((const char *)hook + kind->also) & ~(uintptr_t)7);
    return found;
}

static void weft_i_own_hazards_note_blocker(weft_i_scan *s, const weft_i_held *h)
{
    bool is_known = s->known.words == h->words && s->known.value == h->value;
    if (!s->blocker.words || is_known)
        s->blocker = (weft_i_blocker){h->words, h->value, h->thread, 0};
}

/* False: more objects are left to compare. */
static bool weft_i_own_hazards_compare(weft_i_local *local, size_t most)
{
    weft_i_scan *s = &local->scan;
    if (!s->hazards)
        weft_i_bags_splice(&s->passed, &s->maybe);
    for (int b = 0; b < WEFT_I_BAGS; b++)
        while (s->maybe.of[b].head) {
            if (!most--)
                return false;
            weft_i_hook *hook = weft_i_list_pop(&s->maybe.of[b]);
            const weft_i_held *hazard = weft_i_own_hazards_holder(s, hook);
            if (weft_i_unlikely(hazard != NULL))
                weft_i_own_hazards_note_blocker(s, hazard);
            weft_i_list_push(weft_i_unlikely(hazard != NULL) ? &local->bags.of[b] : &s->passed.of[b], hook);
        }
    return true;
}

/* ---- a scan ---- */

void weft_i_hazards_begin(weft_i_local *local)
{
    weft_i_scan *s = &local->scan;
    s->next_record = weft_i_record_first();
    s->next_slot = WEFT_I_OPERATION;
    s->before = s->total;
    s->met_linked = false;
    s->total = 0;
    s->blocker = (weft_i_blocker){0};
    weft_i_own_hazards_read_hazards(local->domain, s);
}

bool weft_i_hazards_step(weft_i_local *local, size_t most)
{
    weft_i_scan *s = &local->scan;
    while (weft_i_own_hazards_compare(local, most)) {
        if (s->last || weft_i_bags_empty(&s->passed))
            return true;
        weft_i_bags_splice(&s->maybe, &s->passed);
        weft_i_own_hazards_read_hazards(local->domain, s);
        if (most != SIZE_MAX)
            return false; /* the rest is for the next steps */
    }
    return false;
}

/* ---- reclaim/life.c ---- */

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_LIFE_R1 memory_order_release /* the hooks are in place -> WEFT_LIFE_A1: the key comes before */
#define WEFT_LIFE_A1 memory_order_acquire /* are the hooks in place -> WEFT_LIFE_R1: sees the key */
#endif
/* clang-format on */

static weft_i_mutex weft_i_own_life_preparing = WEFT_I_MUTEX_INIT(WEFT_I_RANK_PREPARING); /* never waited for */
static weft_i_atomic_int weft_i_own_life_prepared;
static bool weft_i_own_life_key_made;
static weft_i_key weft_i_own_life_exit_key;

/* The exit hook has run. Later uses, in destructors of other keys, do without a record, or borrow one. */
static WEFT_I_THREAD_LOCAL int weft_i_own_life_ended;

weft_i_local *weft_i_place_of_record(weft_domain *domain, const weft_i_record *record)
{
    weft_i_local *local = weft_i_place_after(domain, &domain->barrier);
    while (local && local->record != record)
        local = weft_i_place_after(domain, local);
    return local;
}

/* ---- a thread's end ---- */

/*
 * Gives up all that other threads may wait for: callbacks that ended the thread, linked guards, a barrier or a
 * destruction that it was in, its work on orphans. It does so in all domains before the thread leaves the first one,
 * since code that is called there may wait in a barrier of any other domain.
 */
static void weft_i_own_life_give_up_everywhere(int thread)
{
    weft_i_lock_domains();
    for (weft_domain *d = weft_i_first_domain(); d; d = d->next) {
        weft_i_callbacks_over(d);
        if (weft_i_any_linked(d))
            weft_i_unlink_thread(d, thread);
        if (weft_i_has_right(&d->shared_right, thread))
            weft_i_shared_abandon(d);
        if (weft_i_has_right(&d->barrier_right, thread)) {
            d->closing = false; /* it may have been destroying it */
            weft_i_barrier_abandon(d);
        }
    }
    weft_i_unlock_domains();
    weft_i_callbacks_forget();
}

/* Whether leave_domain has anything to do. */
static bool weft_i_own_life_has_to_leave(weft_domain *domain, const void *ctx)
{
    const weft_i_local *local = weft_i_place_of_record(domain, ctx);
    return !domain->closing && ((local && local->attached) || weft_i_many_orphans(domain, 1));
}

/*
 * The domain's allocator and callbacks may run here, and may end the thread again. Then the exit hook is called again
 * and repeats this.
 */
static void weft_i_own_life_leave_domain(weft_domain *domain, weft_i_record *record)
{
    weft_i_local *local = weft_i_place_of_record(domain, record);
    if (local && local->attached) {
        weft_i_collect(local); /* so that only objects are left that guards hold */
        weft_i_trim(local);
        weft_i_mutex_lock(&domain->owners);
        weft_i_local_abandon(local);
        weft_i_mutex_unlock(&domain->owners);
    }
    weft_i_collect_orphans(domain);
}

/*
 * The thread's places stay its own until it gives them away, but code that it calls from here on does not find them.
 * This is called again after a callback that has ended the thread, with guards held anywhere.
 */
static void weft_i_own_life_begin_ending(weft_i_record *record)
{
    record->life = WEFT_I_ENDING;
    for (int i = 0; i < WEFT_HINTS; i++)
        record->hint[i].id = 0;
    weft_i_record_leave_all(record);
    weft_i_own_life_give_up_everywhere(weft_i_record_thread_id(record));
}

static void weft_i_own_life_release_record(weft_i_record *record)
{
    (void)weft_i_key_set(weft_i_own_life_exit_key, NULL);
    weft_i_self_1 = &weft_i_no_record.thread;
    weft_i_record_give_back(record); /* last, since weft_shutdown may free the record from then on */
}

static void weft_i_own_life_end(weft_i_record *record)
{
    weft_i_own_life_ended = 1;
    weft_i_own_life_release_record(record);
}

static void weft_i_own_life_on_exit(void *value)
{
    weft_i_record *record = value;
    uint64_t below = UINT64_MAX;
    weft_i_own_life_begin_ending(record);
    (void)weft_i_key_set(weft_i_own_life_exit_key, record); /* should a callback end the thread, this hook is called again */
    while ((record->visits = weft_i_visit_below(below, record->visits, weft_i_own_life_has_to_leave, record)) != NULL) {
        below = record->visits->id;
        weft_i_own_life_leave_domain(record->visits, record);
    }
    weft_i_own_life_give_up_everywhere(weft_i_record_thread_id(record)); /* guards that callbacks have not left */
    weft_i_own_life_end(record);
}

/* ---- forks ---- */

static int weft_i_own_life_forking_thread;
static weft_i_signals weft_i_own_life_signals_before_fork;

/*
 * fork() itself then waits for more locks, such as malloc's. Who holds one of these may be in a signal handler that
 * waits for the lock of linked guards: that one is not taken.
 */
static void weft_i_own_life_before_fork(void)
{
    weft_i_signals signals = weft_i_sys_block_signals();
    weft_i_lock_domains();
    weft_i_own_life_signals_before_fork = signals;
    weft_i_own_life_forking_thread = weft_i_sys_thread_id();
    for (weft_domain *d = weft_i_first_domain(); d; d = d->next)
        weft_i_mutex_lock(&d->owners);
    for (weft_domain *d = weft_i_first_domain(); d; d = d->next)
        weft_i_mutex_lock(&d->blocker_lock);
    weft_i_records_lock();
    weft_i_fence_lock();
    weft_i_note_forking(weft_i_record_peek() ? weft_i_self() : NULL); /* threads without a record share one */
}

static void weft_i_own_life_unlock_all(void)
{
    weft_i_signals signals = weft_i_own_life_signals_before_fork;
    weft_i_note_forking(NULL);
    weft_i_fence_unlock();
    weft_i_records_unlock();
    for (weft_domain *d = weft_i_first_domain(); d; d = d->next) {
        weft_i_mutex_unlock(&d->blocker_lock);
        weft_i_mutex_unlock(&d->owners);
    }
    weft_i_unlock_domains();
    weft_i_sys_restore_signals(signals);
}

/* The work of the parent's other threads does not go on in the child. A callback or a barrier that has forked does. */
static void weft_i_own_life_keep_own_work(weft_domain *domain, const weft_i_record *own)
{
    int me = weft_i_sys_thread_id();
    weft_i_keep_linked(domain, weft_i_own_life_forking_thread, me);
    weft_i_inherit_right(&domain->shared_right, weft_i_own_life_forking_thread, me);
    weft_i_inherit_right(&domain->barrier_right, weft_i_own_life_forking_thread, me);
    if (!weft_i_has_right(&domain->shared_right, me))
        weft_i_shared_abandon(domain);
    if (!weft_i_has_right(&domain->barrier_right, me)) {
        domain->closing = false;
        weft_i_barrier_abandon(domain);
    }
    for (int i = 0; i < 2; i++)
        /* relaxed: one thread */
        weft_i_store(&domain->shared_callbacks[i], weft_i_callbacks_counted_by(&domain->shared_callbacks[i]),
                     memory_order_relaxed);
    domain->visitors = own && own->visits == domain;
    domain->blocker = (weft_i_blocker){0};
}

static void weft_i_own_life_lose(weft_i_record *record, weft_domain *domains)
{
    for (weft_domain *d = domains; d; d = d->next) {
        weft_i_local *local = weft_i_place_of_record(d, record);
        if (local && local->attached)
            weft_i_local_abandon(local); /* its caches wait for the record's next owner: no allocator may run here */
    }
    weft_i_record_give_back(record);
}

/* The child has one thread. No user code is called, since locks that it needs may still be held. */
static void weft_i_own_life_after_fork_in_child(void)
{
    weft_i_record *own = weft_i_record_peek();
    weft_domain *domains = weft_i_first_domain();
    for (weft_domain *d = domains; d; d = d->next)
        weft_i_own_life_keep_own_work(d, own);
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        if (r != own && weft_i_record_owned(r))
            weft_i_own_life_lose(r, domains);
    for (weft_domain *d = domains; d; d = d->next)
        weft_i_recount(d);
    if (own)
        /* relaxed: a name for the statistics */
        weft_i_store(&own->thread.thread_id, weft_i_sys_thread_id(), memory_order_relaxed);
    weft_i_fence_after_fork();
    weft_i_handshake_after_fork();
    weft_i_own_life_unlock_all();
}

/* ---- a thread's beginning ---- */

/*
 * Makes the exit key and the fork handlers, once. False: not possible now, or another thread is at it; in a fork's
 * child that thread may not exist. The caller then does without.
 */
static bool weft_i_own_life_prepare(void)
{
    if (weft_i_load(&weft_i_own_life_prepared, WEFT_LIFE_A1))
        return true;
    if (!weft_i_mutex_trylock(&weft_i_own_life_preparing))
        return false;
    weft_i_own_life_key_made = weft_i_own_life_key_made || weft_i_key_create(&weft_i_own_life_exit_key, weft_i_own_life_on_exit);
    /* relaxed: under the lock */
    if (weft_i_own_life_key_made && !weft_i_load(&weft_i_own_life_prepared, memory_order_relaxed) &&
        weft_i_at_fork(weft_i_own_life_before_fork, weft_i_own_life_unlock_all, weft_i_own_life_after_fork_in_child))
        weft_i_store(&weft_i_own_life_prepared, 1, WEFT_LIFE_R1);
    bool done = weft_i_load(&weft_i_own_life_prepared, WEFT_LIFE_A1);
    weft_i_mutex_unlock(&weft_i_own_life_preparing);
    return done;
}

/* When the library is loaded there are no other threads yet, so that none has to do without a record. */
WEFT_I_AT_LOAD static void weft_i_own_life_at_load(void)
{
    (void)weft_i_own_life_prepare();
}

static weft_i_record *weft_i_own_life_begin(weft_i_life life)
{
    if (!weft_i_own_life_prepare())
        return NULL;
    weft_i_record *record = weft_i_record_take();
    if (!record)
        return NULL;
    record->life = life;
    if (!weft_i_key_set(weft_i_own_life_exit_key, record)) {
        weft_i_record_give_back(record);
        return NULL;
    }
    weft_i_fence_join(record);
    record->thread.default_domain = weft_default_domain();
    weft_i_self_1 = &record->thread;
    return record;
}

/* Holds signals back, since a handler may use Weft. */
static weft_i_record *weft_i_own_life_begin_undisturbed(weft_i_life life)
{
    weft_i_signals signals = weft_i_sys_block_signals();
    weft_i_record *record = weft_i_own_life_begin(life);
    weft_i_sys_restore_signals(signals);
    return record;
}

weft_i_record *weft_i_record_get(void)
{
    weft_i_record *record = weft_i_record_peek();
    if (weft_i_likely(record != NULL) || weft_i_own_life_ended)
        return record;
    return weft_i_own_life_begin_undisturbed(WEFT_I_IN_USE);
}

weft_i_record *weft_i_record_borrow(void)
{
    if (weft_i_record_get() || !weft_i_own_life_ended)
        return NULL;
    return weft_i_own_life_begin_undisturbed(WEFT_I_ENDING); /* so that it gets no places */
}

void weft_i_record_drop(void)
{
    weft_i_signals signals = weft_i_sys_block_signals();
    weft_i_record *record = weft_i_record_peek();
    if (record)
        weft_i_own_life_release_record(record);
    weft_i_sys_restore_signals(signals);
}

void weft_i_record_return(weft_i_record *borrowed)
{
    if (borrowed)
        weft_i_own_life_end(borrowed);
}

/* ---- reclaim/linked.c ---- */

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_LINKED_R1 memory_order_release /* link or unlink guards -> WEFT_LINKED_A1: publishes a guard's fields; uses under an unlinked guard come before */
#define WEFT_LINKED_A1 memory_order_acquire /* is any guard linked -> WEFT_LINKED_R1: sees the guards that were linked before the heavy fence */
#endif
/* clang-format on */

weft_guard *weft_i_lock_linked(weft_domain *domain, weft_i_signals *signals)
{
    *signals = weft_i_sys_block_signals();
    weft_i_mutex_lock(&domain->linked_lock);
    /* relaxed: under the lock */
    return weft_i_load(&domain->linked, memory_order_relaxed);
}

void weft_i_unlock_linked(weft_domain *domain, weft_i_signals *signals)
{
    weft_i_mutex_unlock(&domain->linked_lock);
    weft_i_sys_restore_signals(*signals);
}

bool weft_i_any_linked(weft_domain *domain)
{
    return weft_i_load(&domain->linked, WEFT_LINKED_A1) != NULL;
}

void weft_i_link_guard(weft_guard *guard, weft_domain *domain)
{
    weft_i_signals signals;
    guard->slot = &guard->own;
    guard->own_thread = (uintptr_t)weft_i_sys_thread_id();
    /* relaxed: no thread sees the guard before it is linked */
    weft_i_store(&guard->own.domain, (void *)domain, memory_order_relaxed);
    for (int i = 0; i < WEFT_I_WORDS; i++)
        weft_i_store(&guard->own.words.word[i], NULL, memory_order_relaxed); /* relaxed: not linked yet */
    guard->next = weft_i_lock_linked(domain, &signals);
    guard->number = ++domain->linked_next;
    weft_i_store(&domain->linked, guard, WEFT_LINKED_R1);
    weft_i_unlock_linked(domain, &signals);
}

void weft_i_unlink_guard(weft_guard *guard, weft_domain *domain)
{
    weft_i_signals signals;
    weft_guard *g = weft_i_lock_linked(domain, &signals);
    if (g == guard) {
        weft_i_store(&domain->linked, guard->next, WEFT_LINKED_R1);
    } else {
        while (g && g->next != guard)
            g = g->next;
        if (g)
            g->next = guard->next;
    }
    weft_i_unlock_linked(domain, &signals);
}

/*
 * Keeps only the guards of the thread, or only those of the others, in the order in which they were linked. The list
 * leads to all of them after each store, as it does when guards are linked and unlinked: a fork may copy it there.
 */
static void weft_i_own_linked_keep(weft_domain *domain, weft_guard *first, int thread, bool of_others)
{
    weft_guard *kept = NULL, *last = NULL;
    for (weft_guard *g = first; g; g = g->next) {
        if (((int)g->own_thread == thread) == of_others)
            continue;
        if (last)
            last->next = g;
        else
            kept = g;
        last = g;
    }
    if (last)
        last->next = NULL;
    weft_i_store(&domain->linked, kept, WEFT_LINKED_R1);
}

void weft_i_unlink_thread(weft_domain *domain, int thread)
{
    weft_i_signals signals;
    weft_guard *first = weft_i_lock_linked(domain, &signals);
    weft_i_own_linked_keep(domain, first, thread, true);
    weft_i_unlock_linked(domain, &signals);
}

void weft_i_keep_linked(weft_domain *domain, int thread_before, int thread_now)
{
    weft_i_mutex_init(&domain->linked_lock, WEFT_I_RANK_LINKED);
    /* relaxed: one thread, as the next */
    weft_i_own_linked_keep(domain, weft_i_load(&domain->linked, memory_order_relaxed), thread_before, false);
    for (weft_guard *g = weft_i_load(&domain->linked, memory_order_relaxed); g; g = g->next)
        g->own_thread = (uintptr_t)thread_now;
}

/* ---- reclaim/list.c ---- */

void weft_i_list_splice(weft_i_list *to, weft_i_list *from)
{
    weft_i_list taken = *from;
    *from = (weft_i_list){0};
    weft_i_compiler_fence(); /* a fork finds no object in two lists */
    if (!taken.head)
        return;
    taken.tail->next = to->head;
    if (!to->head)
        to->tail = taken.tail;
    weft_i_compiler_fence(); /* a fork finds the list whole at any moment */
    to->head = taken.head;
    to->count += taken.count;
}

void weft_i_list_mend(weft_i_list *list)
{
    list->count = 0;
    for (weft_i_hook *hook = list->head; hook; hook = hook->next) {
        list->tail = hook;
        list->count++;
    }
}

bool weft_i_bags_empty(const weft_i_bags *bags)
{
    for (int b = 0; b < WEFT_I_BAGS; b++)
        if (bags->of[b].head)
            return false;
    return true;
}

size_t weft_i_bags_count(const weft_i_bags *bags)
{
    size_t count = 0;
    for (int b = 0; b < WEFT_I_BAGS; b++)
        count += bags->of[b].count;
    return count;
}

weft_i_hook *weft_i_bags_pop(weft_i_bags *bags)
{
    weft_i_hook *hook = NULL;
    for (int b = WEFT_I_BAGS; !hook && b-- > 0;)
        hook = weft_i_list_pop(&bags->of[b]);
    return hook;
}

void weft_i_bags_splice(weft_i_bags *to, weft_i_bags *from)
{
    for (int b = 0; b < WEFT_I_BAGS; b++)
        weft_i_list_splice(&to->of[b], &from->of[b]);
}

void weft_i_bags_mend(weft_i_bags *bags)
{
    for (int b = 0; b < WEFT_I_BAGS; b++)
        weft_i_list_mend(&bags->of[b]);
}

size_t weft_i_size_of(const weft_i_hook *hook)
{
    if (hook->kind->shape == WEFT_I_RANGE)
        return ((const weft_hook *)(const void *)hook)->size;
    return hook->kind->size;
}

/* ---- reclaim/local.c ---- */

/* Finding, making and attaching a thread's place in a domain; retiring into it. */

#include <errno.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_LOCALS_R1 memory_order_release /* push local -> WEFT_LOCALS_A1: publishes its fields */
#endif
/* clang-format on */

/* Allocates outside of the lock, since a user's allocator may use this domain. NULL: no memory. */
static weft_i_local *weft_i_own_local_make_place(weft_domain *domain, weft_i_record *record)
{
    weft_i_local *made = weft_i_alloc(domain, sizeof *made, WEFT_I_LINE);
    if (!made)
        return NULL;
    weft_i_local *local = weft_i_place_of_record(domain, record);
    if (local) { /* the allocator has used the domain, and so made the place already */
        weft_i_free(domain, made, sizeof *made);
        return local;
    }
    *made = (weft_i_local){.domain = domain, .record = record};
    weft_i_mutex_lock(&domain->owners);
    /* relaxed: pushed only here, under the lock */
    weft_i_store(&made->next, weft_i_load(&domain->locals, memory_order_relaxed), memory_order_relaxed);
    weft_i_store(&domain->locals, made, WEFT_LOCALS_R1);
    weft_i_mutex_unlock(&domain->owners);
    return made;
}

static void weft_i_own_local_attach(weft_domain *domain, weft_i_local *local)
{
    weft_i_mutex_lock(&domain->owners);
    local->attached = true;
    weft_i_local_open(local);
    weft_i_mutex_unlock(&domain->owners);
}

weft_i_local *weft_i_local_find(weft_domain *domain)
{
    weft_i_record *record = weft_i_record_get();
    if (!record || record->life != WEFT_I_IN_USE)
        return NULL;
    weft_i_local *local = weft_i_place_of_record(domain, record);
    if (!local && !(local = weft_i_own_local_make_place(domain, record)))
        return NULL;
    if (!local->attached)
        weft_i_own_local_attach(domain, local);
    record->hint[domain->id % WEFT_HINTS] = (weft_i_hint){domain->id, local};
    return local;
}

/* ---- retiring ---- */

bool weft_i_maintain(weft_domain *domain)
{
    weft_i_local *local = weft_i_local_peek(domain);
    if (local && weft_i_step(local))
        return true;
    if (weft_i_many_orphans(domain, 1)) {
        weft_i_record *borrowed = weft_i_record_borrow();
        weft_i_collect_orphans(domain);
        weft_i_record_return(borrowed);
    }
    return true;
}

bool weft_i_retire_held(weft_domain *domain, weft_i_local *local, weft_i_hook *hook, const weft_i_kind *kind,
                        size_t size)
{
    bool due = true;
    if (local && weft_i_busy_begin(domain)) {
        due = weft_i_retire_busy(local, hook, kind, size);
        if (kind->shape == WEFT_I_RANGE)
            local->range_bytes += size;
        else if (kind->bag == WEFT_I_SEGMENT)
            local->range_bytes += WEFT_BATCH_BYTES / WEFT_SEGMENTS;
        due = due || local->range_bytes >= WEFT_BATCH_BYTES;
        weft_i_busy_end();
    } else {
        hook->kind = kind;
        weft_i_retire_orphan(domain, hook);
    }
    return due;
}

void weft_i_retire_list_held(weft_domain *domain, weft_i_local *local, weft_i_list *list, const weft_i_kind *kind)
{
    size_t count = list->count;
    if (!count)
        return;
    for (weft_i_hook *hook = list->head; hook; hook = hook->next)
        hook->kind = kind;
    if (local && weft_i_busy_begin(domain)) {
        weft_i_list_splice(&local->bags.of[kind->bag], list);
        (void)weft_i_count_retired(local, count, count * kind->size); /* the caller calls weft_i_catch_up anyway */
        weft_i_busy_end();
    } else {
        for (weft_i_hook *hook; (hook = weft_i_list_pop(list)) != NULL;)
            weft_i_retire_orphan(domain, hook);
    }
}

void weft_i_retire(weft_domain *domain, weft_i_local *local, weft_i_hook *hook, const weft_i_kind *kind, size_t size)
{
    if (weft_i_retire_held(domain, local, hook, kind, size))
        (void)weft_i_maintain(domain);
}

static weft_hook *weft_i_own_local_public_hook(weft_i_hook *link)
{
    return (weft_hook *)(void *)link;
}

static void weft_i_own_local_reclaim_public(weft_i_hook *link, weft_domain *domain)
{
    weft_hook *hook = weft_i_own_local_public_hook(link);
    (void)domain;
    weft_i_note_reclaimed(hook->object);
    hook->reclaim(hook->object, hook->ctx); /* may free the hook */
}

/* For a hook that weft_retire has allocated. */
static void weft_i_own_local_reclaim_owned(weft_i_hook *link, weft_domain *domain)
{
    weft_hook copy = *weft_i_own_local_public_hook(link);
    weft_i_free(domain, link, sizeof copy);
    weft_i_note_reclaimed(copy.object);
    copy.reclaim(copy.object, copy.ctx);
}

static const weft_i_kind weft_i_own_local_public_kind = {weft_i_own_local_reclaim_public, 0, WEFT_I_RANGE, WEFT_I_OTHER, 0};
static const weft_i_kind weft_i_own_local_owned_kind = {weft_i_own_local_reclaim_owned, 0, WEFT_I_RANGE, WEFT_I_OTHER, 0};

void weft_retire_hook(weft_domain *domain, weft_hook *hook, void *object, size_t size,
                      void (*reclaim)(void *object, void *ctx), void *ctx)
{
    if (!hook || !object || !reclaim)
        return;
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    weft_i_note_retired(object);
    *hook = (weft_hook){.object = object, .size = size, .reclaim = reclaim, .ctx = ctx};
    weft_i_retire(domain, weft_i_local_get(domain), &hook->link, &weft_i_own_local_public_kind, size);
}

int weft_retire(weft_domain *domain, void *object, void (*reclaim)(void *object, void *ctx), void *ctx)
{
    if (!object || !reclaim)
        return -EINVAL;
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    weft_hook *hook = weft_i_alloc(domain, sizeof *hook, _Alignof(weft_hook));
    if (!hook)
        return -ENOMEM;
    weft_i_note_retired(object);
    *hook = (weft_hook){.object = object, .reclaim = reclaim, .ctx = ctx};
    weft_i_retire(domain, weft_i_local_get(domain), &hook->link, &weft_i_own_local_owned_kind, 0);
    return 0;
}

int weft_domain_attach(weft_domain *domain)
{
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    return weft_i_local_get(domain) ? 0 : -ENOMEM;
}

/* ---- reclaim/memory.c ---- */

static void weft_i_own_memory_count_allocated(weft_domain *domain, weft_i_local *local, size_t change)
{
    if (local)
        weft_i_count(&local->counters.allocated, change);
    else
        /* relaxed: a figure */
        (void)weft_i_fetch_add(&domain->shared.counters.allocated, change, memory_order_relaxed);
}

void *weft_i_alloc_in(weft_domain *domain, weft_i_local *local, size_t size, size_t alignment)
{
    void *memory = domain->allocator.alloc ? domain->allocator.alloc(size, alignment, domain->allocator.ctx)
                                           : weft_i_sys_alloc(size, alignment);
    if (memory)
        weft_i_own_memory_count_allocated(domain, local, size);
    return memory;
}

void weft_i_free_in(weft_domain *domain, weft_i_local *local, void *memory, size_t size)
{
    if (!memory)
        return;
    weft_i_own_memory_count_allocated(domain, local, (size_t)0 - size);
    if (domain->allocator.free)
        domain->allocator.free(memory, size, domain->allocator.ctx);
    else
        weft_i_sys_free(memory);
}

void *weft_i_alloc(weft_domain *domain, size_t size, size_t alignment)
{
    return weft_i_alloc_in(domain, NULL, size, alignment);
}

void weft_i_free(weft_domain *domain, void *memory, size_t size)
{
    weft_i_free_in(domain, NULL, memory, size);
}

static bool weft_i_own_memory_mapped(const weft_domain *domain, size_t size)
{
    return !domain->allocator.alloc && size >= WEFT_MAP_FROM;
}

void *weft_i_alloc_zeroed(weft_domain *domain, size_t size)
{
    void *memory = weft_i_own_memory_mapped(domain, size) ? weft_i_sys_map(size) : weft_i_alloc(domain, size, WEFT_I_LINE);
    if (!memory)
        return NULL;
    if (weft_i_own_memory_mapped(domain, size))
        weft_i_own_memory_count_allocated(domain, NULL, size);
    else
        for (size_t i = 0; i < size / sizeof(void *); i++)
            ((void **)memory)[i] = NULL;
    return memory;
}

void weft_i_free_zeroed(weft_domain *domain, void *memory, size_t size)
{
    if (!memory)
        return;
    if (!weft_i_own_memory_mapped(domain, size)) {
        weft_i_free(domain, memory, size);
        return;
    }
    weft_i_own_memory_count_allocated(domain, NULL, (size_t)0 - size);
    weft_i_sys_unmap(memory, size);
}

/* ---- reclaim/misuse.c ---- */

#include <stdio.h>
#include <stdlib.h>

void weft_i_misused(const char *what)
{
    fprintf(stderr, "weft: %s\n", what);
    abort();
}

#ifdef WEFT_DEBUG

static weft_atomic_ptr weft_i_own_misuse_forking;

void weft_i_note_forking(const void *thread)
{
    /* relaxed: only that thread asks for its own address */
    weft_i_store(&weft_i_own_misuse_forking, (void *)(uintptr_t)thread, memory_order_relaxed);
}

void weft_i_check_forks(const void *thread)
{
    /* relaxed: a thread sees its own store */
    const void *forks = weft_i_load(&weft_i_own_misuse_forking, memory_order_relaxed);
    if (weft_i_unlikely(thread && forks == thread))
        weft_i_misused("Weft is used in a fork handler that was registered before the library was loaded");
}

/* A hash set with open addressing. An object's address is in one of PROBES entries; if these are all taken, it is not remembered. */
enum { WEFT_I_OWN_MISUSE_PLACES = 1 << 16, WEFT_I_OWN_MISUSE_PROBES = 16 };

static weft_atomic_ptr weft_i_own_misuse_retired[WEFT_I_OWN_MISUSE_PLACES];

static weft_atomic_ptr *weft_i_own_misuse_place(const void *object, size_t probe)
{
    return &weft_i_own_misuse_retired[(((uintptr_t)object >> 4) * 0x9e3779b1u + probe) % WEFT_I_OWN_MISUSE_PLACES];
}

void weft_i_note_retired(const void *object)
{
    for (size_t probe = 0; probe < WEFT_I_OWN_MISUSE_PROBES; probe++)
        /* relaxed: an address, not followed */
        if (weft_i_load(weft_i_own_misuse_place(object, probe), memory_order_relaxed) == object)
            weft_i_misused("an object is retired that has been retired already, and was not reclaimed since");
    for (size_t probe = 0; probe < WEFT_I_OWN_MISUSE_PROBES; probe++) {
        void *none = NULL;
        /* relaxed: an address, not followed */
        if (weft_i_cas(weft_i_own_misuse_place(object, probe), &none, (void *)(uintptr_t)object, memory_order_relaxed,
                       memory_order_relaxed))
            return;
    }
}

void weft_i_note_reclaimed(const void *object)
{
    for (size_t probe = 0; probe < WEFT_I_OWN_MISUSE_PROBES; probe++) {
        void *same = (void *)(uintptr_t)object;
        /* relaxed: an address, not followed */
        if (weft_i_cas(weft_i_own_misuse_place(object, probe), &same, NULL, memory_order_relaxed, memory_order_relaxed))
            return;
    }
}

#endif

/* ---- reclaim/orphans.c ---- */

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_ORPHAN_R1 memory_order_release /* push orphans -> WEFT_ORPHAN_A1: publishes their hooks */
#define WEFT_ORPHAN_A1 memory_order_acquire /* adopt orphans -> WEFT_ORPHAN_R1: sees their hooks, and that they were unlinked */
#define WEFT_ORPHAN_R2 memory_order_release /* count orphans -> WEFT_ORPHAN_A2: they were pushed before */
#define WEFT_ORPHAN_A2 memory_order_acquire /* are there many orphans -> WEFT_ORPHAN_R2: then they are found */
#endif
/* clang-format on */

void weft_i_count_orphans(weft_domain *domain, size_t change)
{
    (void)weft_i_fetch_add(&domain->orphan_count, change, WEFT_ORPHAN_R2);
}

/* The number may be negative for a moment: orphans may be adopted before they are counted. */
bool weft_i_many_orphans(weft_domain *domain, int batches)
{
    size_t count = weft_i_load(&domain->orphan_count, WEFT_ORPHAN_A2);
    return (ptrdiff_t)count >= (ptrdiff_t)batches * WEFT_BATCH;
}

static void weft_i_own_orphans_push(weft_domain *domain, weft_i_list *list)
{
    weft_i_list chain = *list;
    *list = (weft_i_list){0};
    weft_i_compiler_fence(); /* as in weft_i_list_splice */
    if (!chain.head)
        return;
    /* relaxed: overwritten before it is used, or confirmed by the compare-and-swap */
    weft_i_hook *head = weft_i_load(&domain->orphans, memory_order_relaxed);
    do
        chain.tail->next = head;
    while (!weft_i_cas(&domain->orphans, &head, chain.head, WEFT_ORPHAN_R1,
                       memory_order_relaxed)); /* relaxed: a failure is overwritten, too */
    weft_i_count_orphans(domain, chain.count);
}

void weft_i_push_orphans(weft_domain *domain, weft_i_bags *bags)
{
    for (int b = 0; b < WEFT_I_BAGS; b++)
        weft_i_own_orphans_push(domain, &bags->of[b]);
}

void weft_i_retire_orphan(weft_domain *domain, weft_i_hook *hook)
{
    weft_i_list one = {0};
    weft_i_list_push(&one, hook);
    /* relaxed: figures */
    (void)weft_i_fetch_add(&domain->shared.counters.granted, 1, memory_order_relaxed);
    (void)weft_i_fetch_add(&domain->shared.counters.retired_bytes, weft_i_size_of(hook), memory_order_relaxed);
    weft_i_own_orphans_push(domain, &one);
}

size_t weft_i_sort_adopted(weft_domain *domain, weft_i_bags *bags)
{
    size_t count = 0;
    for (weft_i_hook *hook; (hook = domain->adopted) != NULL; count++) {
        domain->adopted = hook->next;
        weft_i_compiler_fence(); /* a fork finds no object in two lists, and all but one in one of them */
        weft_i_list_push(&bags->of[hook->kind->bag], hook);
    }
    return count;
}

/* Takes the whole chain at once, so that there is no ABA. */
void weft_i_adopt(weft_domain *domain, weft_i_bags *bags)
{
    /* relaxed: a scan that misses some leaves them for the next; a barrier must miss none, and the lock `owners` orders
       it */
    if (!weft_i_load(&domain->orphans, memory_order_relaxed))
        return;
    domain->adopted = weft_i_exchange(&domain->orphans, NULL, WEFT_ORPHAN_A1);
    weft_i_count_orphans(domain, (size_t)0 - weft_i_sort_adopted(domain, bags));
}

/* ---- reclaim/record.c ---- */

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_RECORD_R1 memory_order_release /* push record -> WEFT_RECORD_A1: publishes its fields to scans */
#define WEFT_RECORD_A1 memory_order_acquire /* walk records -> WEFT_RECORD_R1: sees a record's fields before following it */
#define WEFT_RECORD_R3 memory_order_release /* passed a fence -> WEFT_FENCE_A2: what this thread published before is visible to a thread that reads this */
#define WEFT_RECORD_X1 memory_order_acq_rel /* answer -> WEFT_HANDSHAKE_A2: what this thread has published is seen; it sees what was unlinked before it was asked */
#define WEFT_RECORD_R4 memory_order_release /* give record back -> WEFT_RECORD_A4: the thread's last uses come before */
#define WEFT_RECORD_A4 memory_order_acquire /* is a record owned -> WEFT_RECORD_R4: a record given back needs no fence of its own */
#endif
/* clang-format on */

/* No free slot, no hint that matches. FENCES: a guard without a record is not told when membarrier fails. */
WEFT_I_OBJECT weft_i_record weft_i_no_record = {
    .thread = {.attention = WEFT_I_FENCES,
               .slot = {{.domain = &weft_i_no_record}}}, /* its first slot is taken for good */
};

WEFT_I_OBJECT WEFT_I_THREAD_LOCAL weft_i_thread *weft_i_self_1 = &weft_i_no_record.thread;

static weft_i_mutex weft_i_own_record_owners = WEFT_I_MUTEX_INIT(WEFT_I_RANK_RECORDS); /* of `owned` in all records, and of the list */
static weft_i_record *_Atomic weft_i_own_record_records;

weft_i_record *weft_i_record_first(void)
{
    return weft_i_load(&weft_i_own_record_records, WEFT_RECORD_A1);
}

weft_i_record *weft_i_record_peek(void)
{
    weft_i_thread *self = weft_i_self();
    return self == &weft_i_no_record.thread ? NULL : (weft_i_record *)self;
}

bool weft_i_record_owned(weft_i_record *record)
{
    return weft_i_load(&record->owned, WEFT_RECORD_A4);
}

int weft_i_record_thread_id(weft_i_record *record)
{
    /* relaxed: a name for the statistics */
    return weft_i_load(&record->thread.thread_id, memory_order_relaxed);
}

int weft_i_thread_id(void)
{
    weft_i_record *own = weft_i_record_peek();
    return own ? weft_i_record_thread_id(own) : weft_i_sys_thread_id();
}

/* By compare-and-swap: a signal handler may have answered meanwhile. */
static void weft_i_own_record_answer(weft_i_thread *thread)
{
    /* relaxed: nothing is read on failure; WEFT_RECORD_X1 otherwise */
    int seen = weft_i_load(&thread->attention, memory_order_relaxed);
    while (seen & WEFT_I_ASKED)
        if (weft_i_cas(&thread->attention, &seen, seen & ~WEFT_I_QUESTIONS, WEFT_RECORD_X1,
                       memory_order_relaxed)) /* relaxed: nothing is read on failure */
            break;
}

/*
 * FENCES is set where membarrier has failed. The record's `passed_fence` is set only outside of attempts: if a signal
 * handler that comes here has interrupted an attempt, that attempt goes on to its end without fences
 * (weft_i_attempt_begin).
 */
void weft_i_publish_slow(weft_i_thread *thread)
{
    weft_i_record *record = (weft_i_record *)thread;
    weft_i_own_record_answer(thread);
    /* relaxed: the bit is never cleared again, so this thread publishes with fences from here on */
    if (!(weft_i_load(&thread->attention, memory_order_relaxed) & WEFT_I_FENCES))
        return;
    weft_i_full_fence();
    /* relaxed: this thread's */
    if (record != &weft_i_no_record && !weft_i_load(&record->operation.domain, memory_order_relaxed))
        weft_i_store(&record->passed_fence, 1, WEFT_RECORD_R3);
}

/* ---- slots ---- */

int weft_i_record_slots(weft_i_record *record)
{
    /* relaxed: a slot that was first taken before the scan's heavy fence is seen; one taken later holds nothing that
       the scan looks for */
    return weft_i_load(&record->open, memory_order_relaxed);
}

/*
 * Signal handlers may interrupt this anywhere: scans look at the slot before it is taken, and a handler takes and frees
 * in balance.
 */
weft_i_slot *weft_i_record_take_slot(weft_i_record *record)
{
    /* relaxed: only this thread and its signal handlers write them */
    size_t free = weft_i_load(&record->thread.free, memory_order_relaxed);
    if (!free)
        return NULL;
    int i = __builtin_ctzll(free);
    if (i >= weft_i_load(&record->open, memory_order_relaxed)) { /* relaxed: written by the same */
        int open = (i / WEFT_SLOTS_STEP + 1) * WEFT_SLOTS_STEP;
        /* relaxed: published with the guard, by the light fence */
        weft_i_store(&record->open, open < WEFT_SLOTS ? open : WEFT_SLOTS, memory_order_relaxed);
    }
    weft_i_compiler_fence();
    weft_i_store(&record->thread.free, free & (free - 1), memory_order_relaxed); /* relaxed: read by the same */
    weft_i_compiler_fence();
    return &record->thread.slot[i];
}

void weft_i_record_give_slot(weft_i_record *record, const weft_i_slot *slot)
{
    size_t bit = (size_t)1 << (slot - record->thread.slot);
    weft_i_compiler_fence(); /* a signal handler may take it only once it is empty */
    /* relaxed: only this thread and its signal handlers read and write it */
    weft_i_store(&record->thread.free, weft_i_load(&record->thread.free, memory_order_relaxed) | bit,
                 memory_order_relaxed);
}

/* The bits of all slots for nested guards. */
static size_t weft_i_own_record_all_slots(void)
{
    return ((size_t)-1 >> (sizeof(size_t) * 8 - WEFT_SLOTS)) & ~(size_t)1;
}

static void weft_i_own_record_clear(weft_i_slot *slot)
{
    for (int w = 0; w < WEFT_I_WORDS; w++)
        weft_i_store(&slot->words.word[w], NULL, WEFT_RECORD_R4);
    weft_i_store(&slot->domain, NULL, WEFT_RECORD_R4);
}

/* ---- owners ---- */

void weft_i_record_leave_all(weft_i_record *record)
{
    for (int i = WEFT_I_OPERATION; i < weft_i_record_slots(record); i++)
        weft_i_own_record_clear(weft_i_record_slot(record, i));
    weft_i_store(&record->thread.free, weft_i_own_record_all_slots(),
                 memory_order_relaxed); /* relaxed: the owner is this thread, or gone */
}

void weft_i_record_give_back(weft_i_record *record)
{
    weft_i_record_leave_all(record);
    for (int i = 0; i < WEFT_HINTS; i++)
        record->hint[i].id = 0;
    record->life = WEFT_I_FREE;
    record->visits = NULL;
    weft_i_store(&record->owned, 0, WEFT_RECORD_R4);
}

static weft_i_record *weft_i_own_record_find_free(void)
{
    weft_i_mutex_lock(&weft_i_own_record_owners);
    weft_i_record *record = weft_i_record_first();
    while (record && weft_i_record_owned(record))
        record = record->next;
    if (record)
        weft_i_store(&record->owned, 1, WEFT_RECORD_R4);
    weft_i_mutex_unlock(&weft_i_own_record_owners);
    return record;
}

/* Allocated outside of the lock: the process's allocator may have fork handlers that wait for ours. */
static weft_i_record *weft_i_own_record_make(void)
{
    weft_i_record *record = weft_i_sys_alloc(sizeof *record, WEFT_I_LINE);
    if (!record)
        return NULL;
    *record =
        (weft_i_record){.thread = {.free = weft_i_own_record_all_slots()}, .owned = 1, .open = 1}; /* the first slot is any guard's */
    weft_i_mutex_lock(&weft_i_own_record_owners);
    record->next = weft_i_record_first();
    record->number = record->next ? record->next->number + 1 : 0;
    weft_i_store(&weft_i_own_record_records, record, WEFT_RECORD_R1); /* pushed only here, under the lock */
    weft_i_mutex_unlock(&weft_i_own_record_owners);
    return record;
}

weft_i_record *weft_i_record_take(void)
{
    weft_i_record *record = weft_i_own_record_find_free();
    if (!record && !(record = weft_i_own_record_make()))
        return NULL;
    /* relaxed: fence.c orders both with the mode; this thread publishes nothing before it reads them */
    weft_i_store(&record->thread.attention, WEFT_I_FENCES, memory_order_relaxed);
    weft_i_store(&record->passed_fence, 1, memory_order_relaxed);
    weft_i_store(&record->thread.thread_id, weft_i_sys_thread_id(), memory_order_relaxed); /* relaxed: a name */
    record->life = WEFT_I_IN_USE;
    return record;
}

weft_i_record *weft_i_records_take(void)
{
    weft_i_mutex_lock(&weft_i_own_record_owners);
    weft_i_record *all = weft_i_record_first();
    weft_i_store(&weft_i_own_record_records, NULL, WEFT_RECORD_R1);
    weft_i_mutex_unlock(&weft_i_own_record_owners);
    return all;
}

void weft_i_records_lock(void)
{
    weft_i_mutex_lock(&weft_i_own_record_owners);
}

void weft_i_records_unlock(void)
{
    weft_i_mutex_unlock(&weft_i_own_record_owners);
}

/* ---- reclaim/registry.c ---- */

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_USERS_R1 memory_order_release /* structure gone -> WEFT_USERS_A1: its last uses of the domain come before */
#define WEFT_USERS_A1 memory_order_acquire /* any structure left? -> WEFT_USERS_R1: sees them */
#endif
/* clang-format on */

static weft_domain weft_i_own_registry_the_default = {
    .head = {WEFT_HAZARD, 1},
    .id = 1,
    .owners = WEFT_I_MUTEX_INIT(WEFT_I_RANK_OWNERS),
    .linked_lock = WEFT_I_MUTEX_INIT(WEFT_I_RANK_LINKED),
    .blocker_lock = WEFT_I_MUTEX_INIT(WEFT_I_RANK_BLOCKER),
    .shared = {.domain = &weft_i_own_registry_the_default},
    .barrier = {.domain = &weft_i_own_registry_the_default},
    .alive = WEFT_I_ALIVE,
};

static weft_i_mutex weft_i_own_registry_lock = WEFT_I_MUTEX_INIT(WEFT_I_RANK_DOMAINS);
static weft_domain *weft_i_own_registry_newest = &weft_i_own_registry_the_default;
static uint64_t weft_i_own_registry_last_id = 1;

weft_domain *weft_default_domain(void)
{
    return &weft_i_own_registry_the_default;
}

void weft_i_domain_use(weft_domain *domain)
{
    /* relaxed: the domain is not destroyed at the same time */
    (void)weft_i_fetch_add(&domain->users, 1, memory_order_relaxed);
}

void weft_i_domain_unuse(weft_domain *domain)
{
    (void)weft_i_fetch_sub(&domain->users, 1, WEFT_USERS_R1);
}

bool weft_i_domain_used(weft_domain *domain)
{
    return weft_i_load(&domain->users, WEFT_USERS_A1) != 0;
}

void weft_i_register(weft_domain *domain)
{
    weft_i_mutex_lock(&weft_i_own_registry_lock);
    domain->id = ++weft_i_own_registry_last_id;
    domain->next = weft_i_own_registry_newest;
    weft_i_own_registry_newest = domain;
    weft_i_mutex_unlock(&weft_i_own_registry_lock);
}

bool weft_i_close(weft_domain *domain)
{
    weft_i_mutex_lock(&weft_i_own_registry_lock);
    domain->closing = domain->visitors == 0;
    bool done = domain->closing;
    weft_i_mutex_unlock(&weft_i_own_registry_lock);
    return done;
}

void weft_i_unregister(weft_domain *domain)
{
    weft_domain **link = &weft_i_own_registry_newest;
    weft_i_mutex_lock(&weft_i_own_registry_lock);
    while (*link != domain)
        link = &(*link)->next;
    *link = domain->next;
    weft_i_mutex_unlock(&weft_i_own_registry_lock);
}

weft_domain *weft_i_visit_below(uint64_t id, weft_domain *left, bool (*wanted)(weft_domain *domain, const void *ctx),
                                const void *ctx)
{
    weft_i_mutex_lock(&weft_i_own_registry_lock);
    if (left)
        left->visitors--;
    weft_domain *domain = weft_i_own_registry_newest;
    while (domain && (domain->id >= id || !wanted(domain, ctx)))
        domain = domain->next;
    if (domain)
        domain->visitors++;
    weft_i_mutex_unlock(&weft_i_own_registry_lock);
    return domain;
}

void weft_i_lock_domains(void)
{
    weft_i_mutex_lock(&weft_i_own_registry_lock);
}

void weft_i_unlock_domains(void)
{
    weft_i_mutex_unlock(&weft_i_own_registry_lock);
}

weft_domain *weft_i_first_domain(void)
{
    return weft_i_own_registry_newest;
}

/* ---- reclaim/right.c ---- */

bool weft_i_attend(weft_i_record *record)
{
    weft_i_full_fence();
    return weft_i_load(&record->thread.attention, WEFT_LOCAL_A1) < WEFT_I_TAKER;
}

bool weft_i_wait_until_idle(weft_i_record *owner)
{
    for (int turns = 0; weft_i_load(&owner->operation.domain, WEFT_LOCAL_A2); turns++) {
        if (turns == WEFT_TAKER_TURNS)
            return false;
        weft_i_sys_yield();
    }
    return true;
}

/* ---- reclaim/scan.c ---- */

/* Reads the blocker that earlier scans have recorded. It is only a figure, so no scan waits for the lock. */
static void weft_i_own_scan_recall(weft_domain *domain, weft_i_scan *s)
{
    s->known = (weft_i_blocker){0};
    if (!weft_i_mutex_trylock(&domain->blocker_lock))
        return;
    s->known = domain->blocker;
    weft_i_mutex_unlock(&domain->blocker_lock);
}

/* Records the blocker, and since when it has held objects back. */
static void weft_i_own_scan_remember(weft_domain *domain, const weft_i_scan *s)
{
    if (!weft_i_mutex_trylock(&domain->blocker_lock))
        return;
    weft_i_blocker *known = &domain->blocker;
    if (known->words != s->blocker.words || known->value != s->blocker.value) {
        *known = s->blocker;
        known->since_ns = known->words ? weft_i_sys_clock_ns() : 0;
    }
    weft_i_mutex_unlock(&domain->blocker_lock);
}

void weft_i_scan_begin(weft_i_local *local)
{
    weft_i_scan *s = &local->scan;
    if (s->stage != WEFT_I_IDLE || (weft_i_bags_empty(&local->bags) && !s->sealed_count))
        return;
    local->left = WEFT_BATCH;
    local->range_bytes = 0;
    weft_i_own_scan_recall(local->domain, s);
    if (local->domain->head.scheme == WEFT_HAZARD)
        weft_i_bags_splice(&s->maybe, &local->bags);
    else
        weft_i_epochs_seal(local);
    s->stage = WEFT_I_WAITS;
    s->patience = weft_i_fence_interrupts() ? WEFT_PATIENCE : 0;
    if (s->patience)
        s->ticket = weft_i_handshake_ticket();
}

/* Whether all threads have passed a fence since the scan began. Interrupts them when patience is at its end. */
static bool weft_i_own_scan_may_compare(weft_i_local *local)
{
    weft_i_scan *s = &local->scan;
    if (s->patience && weft_i_handshake_over(s->ticket)) {
        weft_i_full_fence(); /* for threads that have no record, or are offline (handshake.h) */
        return true;
    }
    bool full = local->range_bytes >= WEFT_BATCH_BYTES;
    if (!full &&
        (local->left + s->patience > WEFT_BATCH || (s->patience && local->left && weft_i_handshake_fencing(s->ticket))))
        return false;
    if (weft_i_handshake_force(s->patience > 0))
        return true;
    weft_i_scan_undo(local);
    return false;
}

static void weft_i_own_scan_begin_comparing(weft_i_local *local)
{
    if (local->domain->head.scheme == WEFT_HAZARD)
        weft_i_hazards_begin(local);
    else
        weft_i_epochs_scan(local);
    local->scan.stage = WEFT_I_COMPARES;
}

bool weft_i_scan_step(weft_i_local *local, size_t most)
{
    weft_i_scan *s = &local->scan;
    if (s->stage == WEFT_I_WAITS && weft_i_own_scan_may_compare(local))
        weft_i_own_scan_begin_comparing(local);
    if (s->stage != WEFT_I_COMPARES)
        return false;
    if (local->domain->head.scheme == WEFT_HAZARD && !weft_i_hazards_step(local, most))
        return false;
    if (s->total > WEFT_BATCH)
        local->left += s->total - WEFT_BATCH;
    s->stage = WEFT_I_IDLE;
    weft_i_own_scan_remember(local->domain, s);
    return true;
}

void weft_i_scan_all(weft_i_local *local)
{
    weft_i_scan_undo(local);
    weft_i_scan_begin(local);
    local->scan.patience = 0;
    (void)weft_i_scan_step(local, SIZE_MAX);
}

void weft_i_scan_undo(weft_i_local *local)
{
    weft_i_scan *s = &local->scan;
    if (s->stage == WEFT_I_IDLE)
        return;
    s->stage = WEFT_I_IDLE;
    weft_i_bags_splice(&local->bags, &s->maybe);
    weft_i_bags_splice(&local->bags, &s->passed);
}

/* ---- reclaim/shutdown.c ---- */

/* Gives back all memory of the library, at a program's end. */

#include <errno.h>

/*
 * How long each barrier may wait before in_use looks again: callbacks may have made structures or domains meanwhile,
 * and no guard is waited for without end.
 */
enum { WEFT_I_OWN_SHUTDOWN_LOOKS_AGAIN_NS = 1000000 };

/*
 * The argument for a thread that is just ending. The last thing that its exit hook does with its record is to give it
 * back (WEFT_RECORD_R4); after that it reads no record and no place. So a caller that finds the record free (WEFT_RECORD_A4)
 * comes after all that, whether the thread has been joined or not; one that finds it owned returns -EBUSY. A thread
 * that takes a record after this look uses the library meanwhile, which the contract excludes. The same holds for a
 * thread that uses it after its exit hook, in destructors of other keys: pthread_join returns after those.
 */
static bool weft_i_own_shutdown_others_have_records(void)
{
    weft_i_record *own = weft_i_record_peek();
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        if (r != own && weft_i_record_owned(r))
            return true;
    return false;
}

/* Other domains must be gone, since their places point to records. */
static bool weft_i_own_shutdown_others_are_registered(const weft_domain *domain)
{
    weft_i_lock_domains();
    bool others = weft_i_first_domain() != domain; /* the default one is the last of the list */
    weft_i_unlock_domains();
    return others;
}

static bool weft_i_own_shutdown_in_use(weft_domain *domain)
{
    return weft_i_own_shutdown_others_have_records() || weft_i_own_shutdown_others_are_registered(domain) || weft_i_domain_used(domain) ||
           weft_i_guards_held(domain, 0);
}

/* Adds the place's figures to the domain's own, so that statistics go on from where they were. */
static void weft_i_own_shutdown_keep_figures(weft_domain *domain, weft_i_local *local)
{
    weft_i_counters *kept = &domain->shared.counters, *c = &local->counters;
    /* relaxed: figures, as all that follow */
    (void)weft_i_fetch_add(&kept->granted, weft_i_retired(local), memory_order_relaxed);
    (void)weft_i_fetch_add(&kept->reclaimed, weft_i_load(&c->reclaimed, memory_order_relaxed), memory_order_relaxed);
    (void)weft_i_fetch_add(&kept->retired_bytes, weft_i_load(&c->retired_bytes, memory_order_relaxed),
                           memory_order_relaxed);
    (void)weft_i_fetch_add(&kept->reclaimed_bytes, weft_i_load(&c->reclaimed_bytes, memory_order_relaxed),
                           memory_order_relaxed);
    (void)weft_i_fetch_add(&kept->allocated, weft_i_load(&c->allocated, memory_order_relaxed), memory_order_relaxed);
}

/*
 * Empties the lists of records and places before anything is freed, so that code called by `free` finds none of them.
 */
static void weft_i_own_shutdown_give_back(weft_domain *domain)
{
    weft_i_record_drop();
    weft_i_record *all = weft_i_records_take();
    weft_i_local *places = weft_i_place_after(domain, &domain->barrier);
    /* relaxed: no other thread uses the library */
    weft_i_store(&domain->locals, NULL, memory_order_relaxed);
    weft_i_trim_depot(domain);
    for (weft_i_local *l = places, *next; l; l = next) {
        next = weft_i_place_after(domain, l);
        weft_i_trim(l);
        weft_i_own_shutdown_keep_figures(domain, l);
        weft_i_free(domain, l, sizeof *l);
    }
    for (weft_i_record *r = all, *next; r; r = next) {
        next = r->next;
        weft_i_sys_free(r);
    }
}

int weft_shutdown(void)
{
    weft_domain *domain = weft_default_domain();
    if (weft_i_in_callback())
        return -EBUSY;
    while (!weft_i_own_shutdown_in_use(domain)) {
        if (weft_i_nothing_left(domain)) {
            weft_i_own_shutdown_give_back(domain);
            return 0;
        }
        (void)!weft_domain_barrier(domain, WEFT_I_OWN_SHUTDOWN_LOOKS_AGAIN_NS);
    }
    return -EBUSY;
}

/* ---- reclaim/slots.c ---- */

size_t weft_i_guards_held(weft_domain *domain, int thread)
{
    size_t held = 0;
    weft_i_signals signals;
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        for (int i = WEFT_I_OPERATION, slots = weft_i_record_slots(r); i < slots; i++)
            held += (!thread || weft_i_record_thread_id(r) == thread) &&
                    weft_i_slot_domain(weft_i_record_slot(r, i)) == (void *)domain;
    if (!weft_i_any_linked(domain))
        return held;
    for (weft_guard *g = weft_i_lock_linked(domain, &signals); g; g = g->next)
        held += !thread || (int)g->own_thread == thread;
    weft_i_unlock_linked(domain, &signals);
    return held;
}

/* ---- queues/deque_kernel.h ---- */

/*
 * private. Chase and Lev's deque (deque.h names the papers). Elements have indices; those from top to below bottom are in the
 * deque, the one with index i in cell i modulo the array's size. The owner moves bottom, thieves move top by a
 * compare-and-swap, the owner does so only for the last element.
 *
 * The race. The owner takes element b without a compare-and-swap if it sees top <= b - 1 after it has stored bottom = b. A
 * thief takes element t if it sees bottom > t after it has read top = t. If b = t, one must see what the other has done:
 * the owner stores bottom and then reads top, the thief reads top and then bottom, and each passes a fence in between.
 *
 * The fences. Pops are HASTY, with a light fence (reclaim/thread.h), until a thief comes. It says in `careful` that they
 * are to pass a full fence (TOLD), passes the heavy fence, and says that they do (CAREFUL). From then on full fences on
 * both sides suffice, since a hasty pop from before has its bottom seen by whoever sees CAREFUL: its light fence was before
 * the heavy one, or it would have seen TOLD. When many pops have seen the same top, the owner begins a new round of
 * `careful` with HASTY, and passes a full fence. A thief that looks whether pops are careful after it has read top = b and
 * passed its fence is not deceived: if it sees the old round still, a hasty pop of the new one comes later, and sees top >=
 * b; if the new round is CAREFUL already, the argument is that of the first.
 * Where the thief has moved top itself, its sequentially consistent compare-and-swap and the reads that follow do what a
 * full fence between them would.
 *
 * Invariants:
 *  (1) top never falls, and is at most bottom, or bottom + 1 within a pop.
 *  (2) Only the owner writes bottom, cells and array. It writes a cell again only after it has seen top beyond its element.
 *  (3) An array that is not the owner's any more keeps the elements that it had: whoever reads element t in it has it if
 *      its compare-and-swap of top from t succeeds. A thief reads array after bottom, so that t is in it.
 *  (4) seen_top is top as it once was.
 * Differences of indices are signed, so that they may wrap.
 */
#ifndef WEFT_QUEUES_DEQUE_KERNEL_H
#define WEFT_QUEUES_DEQUE_KERNEL_H


#include <errno.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_DEQUE_R1 memory_order_release /* push, pop store bottom -> WEFT_DEQUE_A1, WEFT_DEQUE_S2: publishes the elements below it, and the array they are in; linearization point */
#define WEFT_DEQUE_A1 memory_order_acquire /* does it seem empty -> WEFT_DEQUE_R1: what the caller does next comes after the pops and pushes that it has seen */
#define WEFT_DEQUE_A3 memory_order_acquire /* does it seem empty -> WEFT_DEQUE_S1: sees a bottom that is not older than the one by which the last thief has stolen (relaxed, "empty" was no answer of any moment) */
#define WEFT_DEQUE_R2 memory_order_release /* change the array -> WEFT_GUARD_A2: its cells are filled */
#define WEFT_DEQUE_S1 memory_order_seq_cst /* steal moves top -> WEFT_DEQUE_A2, WEFT_DEQUE_A3: the cell has been read; linearization point. With WEFT_DEQUE_S2 and WEFT_DEQUE_S3 it is the fence before the next of many steals: a pop's full fence is after it, and the pop sees this top, or before WEFT_DEQUE_S2, which sees its bottom */
#define WEFT_DEQUE_S2 memory_order_seq_cst /* steal reads bottom -> WEFT_DEQUE_R1: sees element top, and an array that has it; with WEFT_DEQUE_S1 as there */
#define WEFT_DEQUE_S3 memory_order_seq_cst /* are pops careful -> WEFT_DEQUE_R4: sees the bottom of each pop that was before the heavy fence; with WEFT_DEQUE_S1 as there */
#define WEFT_DEQUE_A2 memory_order_acquire /* push reads top -> WEFT_DEQUE_S1: cells below it may be written again */
#define WEFT_DEQUE_R4 memory_order_release /* pops are careful -> WEFT_DEQUE_S3: the heavy fence comes before */
#endif
/* clang-format on */

/* The least number of cells, a power of two; and how often it must have been too large before it is halved. */
#ifndef WEFT_DEQUE_CELLS
#define WEFT_DEQUE_CELLS 64
#endif
#ifndef WEFT_DEQUE_QUIET
#define WEFT_DEQUE_QUIET 64
#endif

/* How many careful pops see the same top before they are hasty again. */
#ifndef WEFT_DEQUE_CALM
#define WEFT_DEQUE_CALM 256
#endif

/* The first index. Tests begin near the end of the numbers. */
#ifndef WEFT_DEQUE_FIRST
#define WEFT_DEQUE_FIRST 0
#endif

typedef struct weft_i_deque_array {
    weft_hook hook;
    weft_domain *domain;
    size_t size; /* cells */
    weft_atomic_ptr cell[];
} weft_i_deque_array;

struct weft_deque {
    weft_domain *domain;
    weft_atomic_ptr array;
    weft_i_atomic_size careful; /* ROUND times the number of rounds, plus the state */
    weft_i_aligned weft_i_atomic_size top;
    /* the owner's, but for bottom */
    weft_i_aligned weft_i_atomic_size bottom;
    size_t seen_top;
    size_t highest, base; /* bottom since the deque was empty last; and bottom then */
    size_t quiet;         /* how often a quarter of the array was enough since then, successively */
    size_t calm, calm_at; /* careful pops that have seen top stand there */
    WEFT_I_LIFE
};

enum { WEFT_I_DEQUE_HASTY, WEFT_I_DEQUE_TOLD, WEFT_I_DEQUE_CAREFUL, WEFT_I_DEQUE_ROUND = 4 };

weft_i_inline bool weft_i_deque_is(size_t careful, size_t state)
{
    return careful % WEFT_I_DEQUE_ROUND == state;
}

weft_i_inline ptrdiff_t weft_i_deque_between(size_t top, size_t bottom)
{
    return (ptrdiff_t)(bottom - top);
}

weft_i_inline weft_atomic_ptr *weft_i_deque_cell(weft_i_deque_array *array, size_t index)
{
    return &array->cell[index & (array->size - 1)];
}

/*
 * Another array for the same elements, if they are not too many for it. False: out of memory. The old one is retired. The
 * allocator, and callbacks of the retirement, may use the deque as its owner, so what the caller has read is old then.
 */
WEFT_I_PRIVATE bool weft_i_deque_resize(weft_deque *deque, size_t size);

/* Whether there is room for one more. */
weft_i_inline bool weft_i_deque_has_room(weft_deque *deque, size_t bottom, const weft_i_deque_array *array)
{
    if (weft_i_likely((size_t)weft_i_deque_between(deque->seen_top, bottom) < array->size))
        return true;
    deque->seen_top = weft_i_load(&deque->top, WEFT_DEQUE_A2);
    return (size_t)weft_i_deque_between(deque->seen_top, bottom) < array->size;
}

static weft_i_noinline bool weft_i_deque_push_again(weft_deque *deque, void *value);

weft_i_inline bool weft_i_deque_push(weft_deque *deque, void *value)
{
    size_t bottom = weft_i_load(&deque->bottom, memory_order_relaxed);            /* relaxed: the owner's */
    weft_i_deque_array *array = weft_i_load(&deque->array, memory_order_relaxed); /* relaxed: the owner's */
    if (weft_i_unlikely(!weft_i_deque_has_room(deque, bottom, array)))
        return weft_i_deque_push_again(deque, value);
    weft_i_store(weft_i_deque_cell(array, bottom), value, memory_order_relaxed); /* relaxed: published by WEFT_DEQUE_R1 */
    weft_i_store(&deque->bottom, bottom + 1, WEFT_DEQUE_R1);
    if (weft_i_deque_between(deque->highest, bottom + 1) > 0)
        deque->highest = bottom + 1;
    return true;
}

/* The array is full. */
static weft_i_noinline bool weft_i_deque_push_again(weft_deque *deque, void *value)
{
    const weft_i_deque_array *array = weft_i_load(&deque->array, memory_order_relaxed); /* relaxed: the owner's */
    return weft_i_deque_resize(deque, 2 * array->size) && weft_i_deque_push(deque, value);
}

typedef enum weft_i_deque_answer { WEFT_I_DEQUE_GOT, WEFT_I_DEQUE_LOST, WEFT_I_DEQUE_EMPTY } weft_i_deque_answer;

/* A careful pop has seen this top. After many that have seen the same one, pops are hasty again. */
static weft_i_noinline void weft_i_deque_calm_down(weft_deque *deque, size_t careful, size_t top)
{
    deque->calm = top == deque->calm_at ? deque->calm + 1 : 0;
    deque->calm_at = top;
    if (deque->calm < WEFT_DEQUE_CALM)
        return;
    deque->calm = 0;
    size_t hasty = careful - careful % WEFT_I_DEQUE_ROUND + WEFT_I_DEQUE_ROUND;
    /* relaxed: the full fence follows; a failure means that a thief needs care */
    (void)weft_i_cas(&deque->careful, &careful, hasty, memory_order_relaxed, memory_order_relaxed);
    weft_i_full_fence();
}

weft_i_inline weft_i_deque_answer weft_i_deque_pop(weft_deque *deque, void **value)
{
    size_t bottom = weft_i_load(&deque->bottom, memory_order_relaxed) - 1;        /* relaxed: the owner's */
    weft_i_deque_array *array = weft_i_load(&deque->array, memory_order_relaxed); /* relaxed: the owner's */
    weft_i_store(&deque->bottom, bottom, WEFT_DEQUE_R1);
    weft_i_light_fence(weft_i_self());
    size_t careful = weft_i_load(&deque->careful, memory_order_relaxed); /* relaxed: as top below */
    bool hasty = weft_i_deque_is(careful, WEFT_I_DEQUE_HASTY);
    if (weft_i_unlikely(!hasty))
        weft_i_full_fence();
    size_t top = weft_i_load(&deque->top, memory_order_relaxed); /* relaxed: fences on both sides */
    if (weft_i_unlikely(!hasty))
        weft_i_deque_calm_down(deque, careful, top);
    ptrdiff_t left = weft_i_deque_between(top, bottom); /* beside the element that it wants */
    if (weft_i_unlikely(left < 0)) {
        weft_i_store(&deque->bottom, bottom + 1, WEFT_DEQUE_R1);
        return WEFT_I_DEQUE_EMPTY;
    }
    *value = weft_i_load(weft_i_deque_cell(array, bottom), memory_order_relaxed); /* relaxed: the owner wrote it */
    if (weft_i_likely(left > 0))
        return WEFT_I_DEQUE_GOT;
    /* relaxed: the owner's own element, linearization point; a failure tells that a thief has it */
    bool won = weft_i_cas(&deque->top, &top, top + 1, memory_order_relaxed, memory_order_relaxed);
    weft_i_store(&deque->bottom, bottom + 1, WEFT_DEQUE_R1);
    deque->calm_at += won; /* the owner itself has moved top */
    return won ? WEFT_I_DEQUE_GOT : WEFT_I_DEQUE_LOST;
}

/* Says that pops are to be careful, and that they are after the heavy fence. False: it is not possible yet. */
static weft_i_noinline bool weft_i_deque_make_careful(weft_deque *deque)
{
    size_t now = weft_i_load(&deque->careful, memory_order_relaxed); /* relaxed: the heavy fence follows */
    /* relaxed: the heavy fence follows; on failure another thief was first, and has told them, or more */
    if (weft_i_deque_is(now, WEFT_I_DEQUE_HASTY) &&
        weft_i_cas(&deque->careful, &now, now + 1, memory_order_relaxed, memory_order_relaxed))
        now++;
    if (!weft_i_heavy_fence())
        return false;
    if (weft_i_deque_is(now, WEFT_I_DEQUE_TOLD))
        /* relaxed: a failure means that they are, or that the owner has begun a new round */
        (void)weft_i_cas(&deque->careful, &now, now + 1, WEFT_DEQUE_R4, memory_order_relaxed);
    return true;
}

/*
 * For a thief that has read top, and passed a fence since: it may believe bottom, since pops are careful, or since it
 * passes the heavy fence now. False: that is not possible yet.
 */
weft_i_inline bool weft_i_deque_is_safe(weft_deque *deque)
{
    return weft_i_likely(weft_i_deque_is(weft_i_load(&deque->careful, WEFT_DEQUE_S3), WEFT_I_DEQUE_CAREFUL)) ||
           weft_i_deque_make_careful(deque);
}

/* How many elements there are for a thief for which weft_i_deque_is_safe. */
weft_i_inline ptrdiff_t weft_i_deque_seen(weft_deque *deque, size_t top)
{
    return weft_i_deque_between(top, weft_i_load(&deque->bottom, WEFT_DEQUE_S2));
}

/* Takes element `top`, which weft_i_deque_seen has seen. */
weft_i_inline bool weft_i_deque_take(weft_deque *deque, weft_i_hold hold, size_t top, void **value, weft_scheme scheme)
{
    weft_i_deque_array *array = weft_i_protect(hold, 0, &deque->array, scheme);
    /* relaxed: WEFT_DEQUE_S2 sees it; if it is overwritten, top has moved */
    void *taken = weft_i_load(weft_i_deque_cell(array, top), memory_order_relaxed);
    /* relaxed: a failure means that another has it */
    if (!weft_i_cas(&deque->top, &top, top + 1, WEFT_DEQUE_S1, memory_order_relaxed))
        return false;
    *value = taken;
    return true;
}

/* How many elements there were at some time. "None" is an answer; others are a hint. */
weft_i_inline ptrdiff_t weft_i_deque_seem(weft_deque *deque)
{
    size_t top = weft_i_load(&deque->top, WEFT_DEQUE_A3);
    return weft_i_deque_between(top, weft_i_load(&deque->bottom, WEFT_DEQUE_A1));
}

/* LOST: tried once, another thread has the element, or the heavy fence is not possible yet. */
weft_i_inline weft_i_deque_answer weft_i_deque_steal(weft_deque *deque, void **value, weft_scheme scheme)
{
    weft_guard own;
    weft_i_hold hold = weft_i_begin(&own, deque->domain, scheme);
    weft_i_deque_answer answer = WEFT_I_DEQUE_EMPTY;
    size_t top = weft_i_load(&deque->top, memory_order_relaxed); /* relaxed: the full fence follows */
    weft_i_full_fence();
    if (weft_i_deque_is_safe(deque) && weft_i_deque_seen(deque, top) > 0)
        answer = weft_i_deque_take(deque, hold, top, value, scheme) ? WEFT_I_DEQUE_GOT : WEFT_I_DEQUE_LOST;
    weft_i_end(hold, &own);
    return answer;
}

/* Steals half, or as many as `to` has room for, with one heavy fence for all. Returns how many. */
weft_i_inline size_t weft_i_deque_steal_some(weft_deque *from, weft_deque *to, weft_scheme scheme)
{
    weft_guard own;
    weft_i_hold hold = weft_i_begin(&own, from->domain, scheme);
    size_t moved = 0, wanted = 0, top = 0;
    bool fresh = false; /* top is what this thread's compare-and-swap has just made it */
    for (bool more = true; more;) {
        if (!fresh) {
            top = weft_i_load(&from->top, memory_order_relaxed); /* relaxed: the fence follows */
            weft_i_full_fence();
        }
        if (!weft_i_deque_is_safe(from))
            break;
        ptrdiff_t there = weft_i_deque_seen(from, top);
        wanted = wanted ? wanted : there > 0 ? ((size_t)there + 1) / 2 : 0;
        void *value;
        size_t bottom = weft_i_load(&to->bottom, memory_order_relaxed); /* relaxed: the owner's, as the array below */
        more = there > 0 && moved < wanted &&
               weft_i_deque_has_room(to, bottom, weft_i_load(&to->array, memory_order_relaxed));
        fresh = more && weft_i_deque_take(from, hold, top++, &value, scheme);
        if (fresh)
            moved += weft_i_deque_push(to, value); /* there is room */
    }
    weft_i_end(hold, &own);
    return moved;
}

#endif

/* ---- queues/deque.c ---- */

/* ---- arrays ---- */

static size_t weft_i_own_deque_array_bytes(size_t size)
{
    return sizeof(weft_i_deque_array) + size * sizeof(weft_atomic_ptr);
}

/* NULL: out of memory, or more than memory can have. */
static weft_i_deque_array *weft_i_own_deque_new_array(weft_domain *domain, size_t size)
{
    if (size > (SIZE_MAX / 4) / sizeof(weft_atomic_ptr))
        return NULL;
    weft_i_deque_array *array = weft_i_alloc(domain, weft_i_own_deque_array_bytes(size), WEFT_I_LINE);
    if (array) {
        array->domain = domain;
        array->size = size;
    }
    return array;
}

static void weft_i_own_deque_reclaim_array(void *object, void *ctx)
{
    weft_i_deque_array *array = object;
    (void)ctx;
    weft_i_free(array->domain, array, weft_i_own_deque_array_bytes(array->size));
}

bool weft_i_deque_resize(weft_deque *deque, size_t size)
{
    weft_i_deque_array *made = weft_i_own_deque_new_array(deque->domain, size);
    if (!made)
        return false;
    weft_i_deque_array *old = weft_i_load(&deque->array, memory_order_relaxed); /* relaxed: the owner's */
    size_t bottom = weft_i_load(&deque->bottom, memory_order_relaxed);          /* relaxed: the owner's */
    if (weft_i_unlikely((size_t)weft_i_deque_between(deque->seen_top, bottom) > size)) {
        weft_i_own_deque_reclaim_array(made, NULL); /* what the allocator called has pushed */
        return true;
    }
    for (size_t i = deque->seen_top; i != bottom; i++) {
        /* relaxed: the owner wrote it */
        void *value = weft_i_load(weft_i_deque_cell(old, i), memory_order_relaxed);
        weft_i_store(weft_i_deque_cell(made, i), value, memory_order_relaxed); /* relaxed: published by WEFT_DEQUE_R2 */
    }
    weft_i_store(&deque->array, (void *)made, WEFT_DEQUE_R2);
    weft_retire_hook(deque->domain, &old->hook, old, weft_i_own_deque_array_bytes(old->size), weft_i_own_deque_reclaim_array, NULL);
    return true;
}

/* The deque is empty. It gives half of its array back if a quarter was enough for long. */
static weft_i_noinline void weft_i_own_deque_shrink(weft_deque *deque)
{
    weft_i_deque_array *array = weft_i_load(&deque->array, memory_order_relaxed); /* relaxed: the owner's */
    size_t bottom = weft_i_load(&deque->bottom, memory_order_relaxed);            /* relaxed: the owner's */
    bool enough = deque->highest - deque->base <= array->size / 4;
    deque->quiet = enough ? deque->quiet + 1 : 0;
    deque->base = deque->highest = bottom;
    if (deque->quiet < WEFT_DEQUE_QUIET)
        return;
    deque->quiet = 0;
    deque->seen_top = bottom;
    (void)weft_i_deque_resize(deque, array->size / 2); /* without memory it stays as it is */
}

/* ---- the deque ---- */

int weft_deque_create(weft_deque **out, weft_domain *domain)
{
    if (!out)
        return -EINVAL;
    *out = NULL;
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    weft_deque *deque = weft_i_alloc(domain, sizeof *deque, WEFT_I_LINE);
    weft_i_deque_array *array = deque ? weft_i_own_deque_new_array(domain, WEFT_DEQUE_CELLS) : NULL;
    if (!array) {
        weft_i_free(domain, deque, sizeof *deque);
        return -ENOMEM;
    }
    weft_i_domain_use(domain);
    const size_t first = WEFT_DEQUE_FIRST;
    *deque = (weft_deque){.domain = domain,
                          .array = array,
                          .top = first,
                          .bottom = first,
                          .seen_top = first,
                          .highest = first,
                          .base = first};
    weft_i_born(deque);
    *out = deque;
    return 0;
}

int weft_deque_push(weft_deque *deque, void *value)
{
    if (weft_i_unlikely(!deque))
        return -EINVAL;
    weft_i_check(deque);
    return weft_i_likely(weft_i_deque_push(deque, value)) ? 0 : -ENOMEM;
}

bool weft_deque_try_pop(weft_deque *deque, void **value)
{
    if (weft_i_unlikely(!deque || !value))
        return false;
    weft_i_check(deque);
    weft_i_deque_answer answer = weft_i_deque_pop(deque, value);
    if (weft_i_likely(answer == WEFT_I_DEQUE_GOT))
        return true;
    weft_i_deque_array *array = weft_i_load(&deque->array, memory_order_relaxed); /* relaxed: the owner's */
    if (array->size > WEFT_DEQUE_CELLS)
        weft_i_own_deque_shrink(deque);
    if (weft_i_own_record() == &weft_i_no_record)
        (void)weft_i_local_get(deque->domain); /* an owner without a record passes a full fence in each pop */
    return false;
}

bool weft_deque_try_steal(weft_deque *deque, void **value)
{
    weft_i_deque_answer answer = WEFT_I_DEQUE_LOST;
    if (!deque || !value)
        return false;
    weft_i_check(deque);
    while (answer == WEFT_I_DEQUE_LOST)
        answer = weft_i_deque_seem(deque) <= 0 ? WEFT_I_DEQUE_EMPTY
                                               : WEFT_I_BY_SCHEME(deque->domain, weft_i_deque_steal, deque, value);
    return answer == WEFT_I_DEQUE_GOT;
}

/* Makes room for the half of so many elements, or for as many as memory allows. */
static void weft_i_own_deque_make_room(weft_deque *to, size_t count)
{
    weft_i_deque_array *array = weft_i_load(&to->array, memory_order_relaxed); /* relaxed: the owner's */
    size_t bottom = weft_i_load(&to->bottom, memory_order_relaxed);            /* relaxed: the owner's */
    to->seen_top = weft_i_load(&to->top, WEFT_DEQUE_A2);
    size_t size = array->size, needed = (size_t)weft_i_deque_between(to->seen_top, bottom) + count;
    while (size < needed)
        size *= 2;
    if (size > array->size)
        (void)weft_i_deque_resize(to, size);
}

size_t weft_deque_steal_half(weft_deque *from, weft_deque *to)
{
    if (!from || !to || from == to)
        return 0;
    weft_i_check(from);
    weft_i_check(to);
    ptrdiff_t there = weft_i_deque_seem(from);
    if (there <= 0)
        return 0;
    weft_i_own_deque_make_room(to, ((size_t)there + 1) / 2);
    return WEFT_I_BY_SCHEME(from->domain, weft_i_deque_steal_some, from, to);
}

void weft_deque_destroy(weft_deque *deque, void (*drain)(void *value, void *ctx), void *ctx)
{
    if (!deque)
        return;
    weft_i_dies(deque);
    weft_domain *domain = deque->domain;
    /* relaxed: no other thread uses the deque */
    weft_i_deque_array *array = weft_i_load(&deque->array, memory_order_relaxed);
    size_t bottom = weft_i_load(&deque->bottom, memory_order_relaxed);                         /* relaxed: as above */
    for (size_t i = weft_i_load(&deque->top, memory_order_relaxed); drain && i != bottom; i++) /* relaxed: as above */
        drain(weft_i_load(weft_i_deque_cell(array, i), memory_order_relaxed), ctx);            /* relaxed: as above */
    weft_i_own_deque_reclaim_array(array, NULL);
    weft_i_free(domain, deque, sizeof *deque);
    weft_i_domain_unuse(domain);
}

/* ---- queues/mailbox_kernel.h ---- */

/*
 * private. A stack of mail in one word, `head`, which the consumer takes whole by an exchange and turns round (mailbox.h
 * names the sources). No producer reads what a pointer leads to, so that mail which comes back under its old address
 * does no harm.
 *
 * Invariants:
 *  (1) head is NULL, ARMED, or the newest mail; from there next leads to older mail, and to NULL.
 *  (2) What `oldest` leads to is older than all mail that head leads to. Only the consumer touches it.
 *  (3) Only the consumer makes head NULL or ARMED. It makes it ARMED only while there is no mail in the box.
 */
#ifndef WEFT_QUEUES_MAILBOX_KERNEL_H
#define WEFT_QUEUES_MAILBOX_KERNEL_H


/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_MAILBOX_X1 memory_order_acq_rel /* push -> WEFT_MAILBOX_A1, WEFT_MAILBOX_R1: publishes the mail, and sees what the consumer wrote before it armed; linearization point */
#define WEFT_MAILBOX_A1 memory_order_acquire /* take the stack -> WEFT_MAILBOX_X1: sees all mail in it */
#define WEFT_MAILBOX_R1 memory_order_release /* arm -> WEFT_MAILBOX_X1: what the consumer has made ready for whoever wakes it */
#endif
/* clang-format on */

#define WEFT_I_MAILBOX_ARMED ((void *)1)

struct weft_mailbox {
    weft_i_aligned weft_atomic_ptr head;
    weft_i_aligned weft_mail *oldest; /* the consumer's */
    WEFT_I_LIFE
};

weft_i_inline bool weft_i_mailbox_push(weft_mailbox *box, weft_mail *mail)
{
    void *head = weft_i_load(&box->head, memory_order_relaxed); /* relaxed: it is only compared */
    for (;;) {
        weft_i_write(&mail->weft_i_next, head == WEFT_I_MAILBOX_ARMED ? NULL : (weft_mail *)head);
        /* relaxed: what a refusal reads is only compared, too */
        if (weft_i_likely(weft_i_cas(&box->head, &head, (void *)mail, WEFT_MAILBOX_X1, memory_order_relaxed)))
            return head == WEFT_I_MAILBOX_ARMED;
    }
}

/* The newest first becomes the oldest first. */
weft_i_inline weft_mail *weft_i_mailbox_turn(weft_mail *last)
{
    weft_mail *oldest = NULL;
    for (weft_mail *next; last; last = next) {
        next = weft_i_read(&last->weft_i_next);
        weft_i_write(&last->weft_i_next, oldest);
        oldest = last;
    }
    return oldest;
}

weft_i_inline weft_mail *weft_i_mailbox_take(weft_mailbox *box)
{
    if (!box->oldest) {
        void *head = weft_i_load(&box->head, memory_order_relaxed); /* relaxed: the exchange reads it again */
        if (!head || head == WEFT_I_MAILBOX_ARMED)
            return NULL;
        box->oldest = weft_i_mailbox_turn((weft_mail *)weft_i_exchange(&box->head, NULL, WEFT_MAILBOX_A1));
    }
    weft_mail *mail = box->oldest;
    box->oldest = weft_i_read(&mail->weft_i_next);
    return mail;
}

weft_i_inline bool weft_i_mailbox_arm(weft_mailbox *box)
{
    void *head = NULL;
    if (box->oldest)
        return false;
    /* relaxed: refused, it tells nothing but that there is mail */
    return weft_i_cas(&box->head, &head, WEFT_I_MAILBOX_ARMED, WEFT_MAILBOX_R1, memory_order_relaxed) ||
           head == WEFT_I_MAILBOX_ARMED;
}

#endif

/* ---- queues/mailbox.c ---- */

#include <errno.h>

int weft_mailbox_create(weft_mailbox **out)
{
    if (!out)
        return -EINVAL;
    *out = weft_i_sys_alloc(sizeof **out, WEFT_I_LINE);
    if (!*out)
        return -ENOMEM;
    (*out)->oldest = NULL;
    weft_i_store(&(*out)->head, NULL, memory_order_relaxed); /* relaxed: nobody else knows the box */
    weft_i_born(*out);
    return 0;
}

bool weft_mailbox_push(weft_mailbox *box, weft_mail *mail)
{
    if (weft_i_unlikely(!box || !mail))
        return false;
    weft_i_check_alive(box);
    return weft_i_mailbox_push(box, mail);
}

weft_mail *weft_mailbox_take(weft_mailbox *box)
{
    if (weft_i_unlikely(!box))
        return NULL;
    weft_i_check_alive(box);
    return weft_i_mailbox_take(box);
}

bool weft_mailbox_arm(weft_mailbox *box)
{
    if (weft_i_unlikely(!box))
        return false;
    weft_i_check_alive(box);
    return weft_i_mailbox_arm(box);
}

void weft_mailbox_destroy(weft_mailbox *box, void (*drain)(weft_mail *mail, void *ctx), void *ctx)
{
    if (!box)
        return;
    for (weft_mail *mail; drain && (mail = weft_mailbox_take(box));)
        drain(mail, ctx);
    weft_i_dies(box);
    weft_i_sys_free(box);
}

/* ---- queues/msq_kernel.h ---- */

/*
 * private. Michael and Scott's queue; read it beside figure 1 of PODC 1996. A singly linked list from head to tail;
 * the first node is a dummy, whose successor holds the oldest value. Differences: guards instead of counted pointers
 * (word 0 protects the node that head or tail leads to, word 1 its successor), backoff after a lost race, chains of
 * several nodes linked at once, and a dequeuer that need not read tail as long as there are two values.
 *
 * Invariants:
 *  (1) From head, following next, one meets tail and then NULL.
 *  (2) tail never falls behind head: a dequeuer that finds them equal moves tail first, so that a node is retired only
 *      when neither leads to it.
 *  (3) A node's next changes once, from NULL.
 *  (4) A node's value is written before the node is linked, and read before head leaves its predecessor, the dummy.
 *  (5) A node is linked only behind the node that tail leads to at that moment. Such a link has a tag. So if a node's
 *      next has the tag, tail has been at that node, and head may move to it without a read of tail. Tail's cache line
 *      stays with the enqueuers: 2 to 3 times the throughput of one producer and one consumer.
 */
#ifndef WEFT_QUEUES_MSQ_KERNEL_H
#define WEFT_QUEUES_MSQ_KERNEL_H


#include <errno.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_MSQ_R1 memory_order_release /* link node -> WEFT_MSQ_A1, WEFT_MSQ_A2, WEFT_MSQ_A5: publishes value and next of what is linked; enqueue's linearization point */
#define WEFT_MSQ_R2 memory_order_release /* move tail -> WEFT_GUARD_A2, WEFT_MSQ_A3: a thread that starts there sees the node, which this thread has seen or made */
#define WEFT_MSQ_R3 memory_order_release /* move head -> WEFT_GUARD_A2, WEFT_MSQ_A4: the same for the new dummy, whose value has been read; dequeue's linearization point */
#define WEFT_MSQ_A1 memory_order_acquire /* enqueue reads tail's next -> WEFT_MSQ_R1: the node may be made the tail */
#define WEFT_MSQ_A2 memory_order_acquire /* dequeue reads the dummy's next -> WEFT_MSQ_R1: sees its value; NULL is the empty answer's linearization point */
#define WEFT_MSQ_A3 memory_order_acquire /* dequeue reads tail -> WEFT_MSQ_R2: tail is not older than the head that it has protected */
#define WEFT_MSQ_A5 memory_order_acquire /* dequeue reads its successor's next -> WEFT_MSQ_R1: the thread that linked there had seen tail at the successor (invariant 5) */
#define WEFT_MSQ_A4 memory_order_acquire /* dequeue re-reads head -> WEFT_MSQ_R3: head is unchanged, so its successor was not retired when it was published */
#endif
/* clang-format on */

typedef struct weft_i_msq_node {
    weft_i_hook hook; /* first */
    weft_atomic_ptr next;
    void *value;
} weft_i_msq_node;

_Static_assert(sizeof(weft_i_msq_node) == WEFT_I_SMALL_SIZE, "a queue's node is of the small class");

struct weft_msq {
    weft_domain *domain;
    weft_i_aligned weft_atomic_ptr head;
    weft_i_aligned weft_atomic_ptr tail;
    WEFT_I_LIFE
};

/* A link that was made at tail is odd. A link inside a chain is even: it was there before tail came. */
weft_i_inline void *weft_i_msq_link_to(weft_i_msq_node *node)
{
    return (void *)((uintptr_t)node | 1);
}

weft_i_inline bool weft_i_msq_made_at_tail(void *link)
{
    return (uintptr_t)link & 1;
}

weft_i_inline weft_i_msq_node *weft_i_msq_node_of(void *link)
{
    return (weft_i_msq_node *)((uintptr_t)link & ~(uintptr_t)1);
}

weft_i_inline void weft_i_msq_node_fill(weft_i_msq_node *node, void *value)
{
    weft_i_write(&node->value, value);
    /* relaxed: the node is private until WEFT_MSQ_R1 */
    weft_i_store(&node->next, NULL, memory_order_relaxed);
}

/* NULL: out of memory. */
weft_i_inline weft_i_msq_node *weft_i_msq_node_make(weft_domain *domain, weft_i_local *local, void *value)
{
    weft_i_msq_node *node = weft_i_node_alloc(domain, local, WEFT_I_SMALL);
    if (node)
        weft_i_msq_node_fill(node, value);
    return node;
}

/* E5 to E17, tried once: links the chain first..last, last's next being NULL. (E7 is not needed: tail is protected.) */
weft_i_inline weft_i_outcome weft_i_msq_enqueue(weft_msq *queue, weft_i_msq_node *first, weft_i_msq_node *last,
                                                weft_i_way way, weft_scheme scheme)
{
    weft_i_trial trial;
    if (weft_i_unlikely(!weft_i_trial_begin_only(&trial, queue->domain, way, scheme)))
        return WEFT_I_AGAIN;
    void *at = weft_i_protect(trial.attempt.hold, 0, &queue->tail, scheme); /* E5 */
    weft_i_msq_node *tail = at;
    void *next = weft_i_load(&tail->next, WEFT_MSQ_A1); /* E6 */
    if (weft_i_unlikely(next != NULL)) {           /* E8; tail lags: help */
        /* E13; relaxed: a failure means that another thread has helped */
        (void)weft_i_cas(&queue->tail, &at, (void *)weft_i_msq_node_of(next), WEFT_MSQ_R2, memory_order_relaxed);
        return weft_i_trial_end(&trial, WEFT_I_SMALL, WEFT_I_AGAIN, way);
    }
    /* E9; relaxed: a failure reads nothing */
    if (weft_i_unlikely(!weft_i_cas(&tail->next, &next, weft_i_msq_link_to(first), WEFT_MSQ_R1, memory_order_relaxed)))
        return weft_i_trial_end(&trial, WEFT_I_SMALL, WEFT_I_LOST, way);
    (void)weft_i_cas(&queue->tail, &at, last, WEFT_MSQ_R2, memory_order_relaxed); /* E17; relaxed: as for E13 */
    return weft_i_trial_end(&trial, WEFT_I_SMALL, WEFT_I_DONE, way);
}

/* The cold path: tries under guards until the chain is linked. Without a chain, makes a node for the value first. */
static weft_i_noinline int weft_i_msq_enqueue_again(weft_msq *queue, weft_i_msq_node *first, weft_i_msq_node *last,
                                                    void *value, weft_i_outcome now)
{
    weft_scheme scheme = weft_i_scheme(queue->domain);
    if (!first && !(first = last = weft_i_msq_node_make(queue->domain, weft_i_local_get(queue->domain), value)))
        return -ENOMEM;
    WEFT_I_REPEAT(now, weft_i_msq_enqueue(queue, first, last, WEFT_I_GUARDED, scheme));
    return 0;
}

/* D2 to D19, tried once. */
weft_i_inline weft_i_outcome weft_i_msq_dequeue(weft_msq *queue, void **value, weft_i_way way, weft_scheme scheme)
{
    weft_i_trial trial;
    weft_i_outcome outcome = WEFT_I_AGAIN;
    if (weft_i_unlikely(!weft_i_trial_begin(&trial, queue->domain, way, scheme)))
        return outcome;
    void *at = weft_i_protect(trial.attempt.hold, 0, &queue->head, scheme); /* D2 */
    void *tail;
    weft_i_msq_node *head = at;
    weft_i_msq_node *next = weft_i_msq_node_of(weft_i_load(&head->next, WEFT_MSQ_A2)); /* D4 */
    if (!next) {                                                                  /* D7, D8 */
        outcome = WEFT_I_EMPTY;
        goto end;
    }
    weft_i_publish(trial.attempt.hold, 1, next, scheme);
    if (scheme == WEFT_HAZARD && weft_i_unlikely(weft_i_load(&queue->head, WEFT_MSQ_A4) != at)) /* D5 */
        goto end;
    if (!weft_i_msq_made_at_tail(weft_i_load(&next->next, WEFT_MSQ_A5)) &&        /* tail may be here: invariant 2 */
        weft_i_unlikely(at == (tail = weft_i_load(&queue->tail, WEFT_MSQ_A3)))) { /* D3, D6 */
        /* D10; relaxed: a failure means that another thread has helped */
        (void)weft_i_cas(&queue->tail, &tail, (void *)next, WEFT_MSQ_R2, memory_order_relaxed);
        goto end;
    }
    void *taken = weft_i_read(&next->value); /* D12 */
    outcome = WEFT_I_LOST;
    /* D13; relaxed: a failure reads nothing */
    if (weft_i_likely(weft_i_cas(&queue->head, &at, (void *)next, WEFT_MSQ_R3, memory_order_relaxed))) {
        weft_i_trial_retire(&trial, &head->hook, WEFT_I_SMALL, way); /* D19 */
        *value = taken;
        outcome = WEFT_I_DONE;
    }
end:
    weft_i_unpublish(trial.attempt.hold, 1, scheme);
    return weft_i_trial_end(&trial, WEFT_I_SMALL, outcome, way);
}

/* The cold path: tries under guards. */
static weft_i_noinline bool weft_i_msq_dequeue_again(weft_msq *queue, void **value, weft_i_outcome now)
{
    weft_scheme scheme = weft_i_scheme(queue->domain);
    WEFT_I_REPEAT(now, weft_i_msq_dequeue(queue, value, WEFT_I_GUARDED, scheme));
    return now != WEFT_I_EMPTY;
}

weft_i_inline bool weft_i_msq_is_empty(weft_msq *queue, weft_scheme scheme)
{
    weft_guard own;
    weft_i_hold hold = weft_i_begin(&own, queue->domain, scheme);
    weft_i_msq_node *head = weft_i_protect(hold, 0, &queue->head, scheme);
    bool empty = weft_i_load(&head->next, WEFT_MSQ_A2) == NULL;
    weft_i_end(hold, &own);
    return empty;
}

#endif

/* ---- queues/msq.c ---- */

int weft_msq_create(weft_msq **out, weft_domain *domain)
{
    if (!out)
        return -EINVAL;
    *out = NULL;
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    weft_msq *queue = weft_i_alloc(domain, sizeof *queue, WEFT_I_LINE);
    weft_i_msq_node *dummy = queue ? weft_i_msq_node_make(domain, weft_i_local_get(domain), NULL) : NULL;
    if (!dummy) {
        weft_i_free(domain, queue, sizeof *queue);
        return -ENOMEM;
    }
    weft_i_domain_use(domain);
    *queue = (weft_msq){.domain = domain, .head = dummy, .tail = dummy};
    weft_i_born(queue);
    *out = queue;
    return 0;
}

int weft_msq_enqueue(weft_msq *queue, void *value)
{
    if (weft_i_unlikely(!queue))
        return -EINVAL;
    weft_i_check(queue);
    weft_i_msq_node *node = weft_i_node_cached(queue->domain, WEFT_I_SMALL);
    if (weft_i_unlikely(!node))
        return weft_i_msq_enqueue_again(queue, NULL, NULL, value, WEFT_I_AGAIN);
    weft_i_msq_node_fill(node, value);
    weft_i_outcome outcome = WEFT_I_BY_SCHEME(queue->domain, weft_i_msq_enqueue, queue, node, node, WEFT_I_FAST);
    return weft_i_likely(outcome == WEFT_I_DONE) ? 0 : weft_i_msq_enqueue_again(queue, node, node, NULL, outcome);
}

static void weft_i_own_msq_free_nodes(weft_domain *domain, weft_i_msq_node *node, weft_i_local *local)
{
    for (weft_i_msq_node *next; node; node = next) {
        /* relaxed: no other thread sees these nodes */
        next = weft_i_msq_node_of(weft_i_load(&node->next, memory_order_relaxed));
        weft_i_node_free(domain, local, WEFT_I_SMALL, node);
    }
}

int weft_msq_enqueue_many(weft_msq *queue, void *const *values, size_t count)
{
    weft_i_msq_node *first = NULL, *last = NULL;
    if (!queue || (!values && count))
        return -EINVAL;
    weft_i_check(queue);
    weft_i_local *local = weft_i_local_get(queue->domain);
    for (size_t i = 0; i < count; i++) {
        weft_i_msq_node *node = weft_i_msq_node_make(queue->domain, local, values[i]);
        if (!node) {
            weft_i_own_msq_free_nodes(queue->domain, first, local);
            return -ENOMEM;
        }
        if (last)
            /* relaxed: the chain is private until WEFT_MSQ_R1 */
            weft_i_store(&last->next, node, memory_order_relaxed);
        else
            first = node;
        last = node;
    }
    return first ? weft_i_msq_enqueue_again(queue, first, last, NULL, WEFT_I_AGAIN) : 0;
}

bool weft_msq_try_dequeue(weft_msq *queue, void **value)
{
    if (weft_i_unlikely(!queue || !value))
        return false;
    weft_i_check(queue);
    weft_i_outcome outcome = WEFT_I_BY_SCHEME(queue->domain, weft_i_msq_dequeue, queue, value, WEFT_I_FAST);
    if (weft_i_likely(outcome == WEFT_I_DONE))
        return true;
    if (outcome == WEFT_I_DUE)
        return weft_i_maintain(queue->domain);
    return outcome != WEFT_I_EMPTY && weft_i_msq_dequeue_again(queue, value, outcome);
}

bool weft_msq_is_empty(weft_msq *queue)
{
    if (!queue)
        return true;
    weft_i_check(queue);
    return WEFT_I_BY_SCHEME(queue->domain, weft_i_msq_is_empty, queue);
}

void weft_msq_destroy(weft_msq *queue, void (*drain)(void *value, void *ctx), void *ctx)
{
    if (!queue)
        return;
    weft_i_dies(queue);
    weft_domain *domain = queue->domain;
    /* relaxed: no other thread uses the queue */
    weft_i_msq_node *dummy = weft_i_load(&queue->head, memory_order_relaxed);
    for (weft_i_msq_node *n = weft_i_msq_node_of(weft_i_load(&dummy->next, memory_order_relaxed)); n && drain;
         n = weft_i_msq_node_of(weft_i_load(&n->next, memory_order_relaxed))) /* relaxed: no other thread */
        drain(n->value, ctx);
    weft_i_own_msq_free_nodes(domain, dummy, weft_i_local_get(domain));
    weft_i_free(domain, queue, sizeof *queue);
    weft_i_domain_unuse(domain);
}

/* ---- queues/ring_kernel.h ---- */

/*
 * private. A ring of entries, each of which says whether it is full, in which lap, and which slot of the ring's memory it
 * has. An element is written into a slot that nobody else knows; one compare-and-swap puts this slot into an entry and
 * takes the entry's free slot out. So a thread that stops anywhere keeps a slot, but no entry.
 *
 * Sources: entries with laps, which any thread reads to find its place, as in NCQ (R. Nikolaev, "A scalable, portable,
 * and memory-efficient lock-free FIFO queue", DISC 2019, section 4); indices that lag behind, as in P. Tsigas, Y. Zhang, "A
 * simple, fast and scalable non-blocking concurrent FIFO queue for shared memory multiprocessor systems", SPAA 2001. The
 * exchange of slots is ours.
 *
 * Words. An entry is its slot, or `none`, in the low bits, and its turn above them: 2 * lap while it is free, 2 * lap + 1
 * while it is full. A position is its place in the low bits, and 2 * lap above them. `unit` is one turn.
 *
 * Invariants:
 *  (1) Positions are filled in their order, and emptied in their order: only who has seen all earlier ones filled, or
 *      emptied, changes an entry's turn.
 *  (2) All positions before `tail` are filled, all before `head` emptied. The true tail and head may lie further, and are
 *      found by stepping: mostly no step or one, at most a lap.
 *  (3) At the true tail the entry is free, or full in the lap before: then there are `capacity` elements. At the true
 *      head it is full, or free: then there is none.
 *  (4) There are capacity + WEFT_RING_SPARES slots. Each is in one entry, or in one `spare`, or in the hands of one thread, which
 *      alone touches its memory.
 *  (5) Free entries with `none` are as many as slots that are reserved, taken, or on their way back. So a slot that is
 *      given back finds such an entry, and one that is reserved finds a free entry at the tail.
 */
#ifndef WEFT_QUEUES_RING_KERNEL_H
#define WEFT_QUEUES_RING_KERNEL_H


#include <string.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_RING_S1 memory_order_seq_cst /* change an entry -> WEFT_RING_S2: publishes the slot's memory, full or free; linearization point of push and pop */
#define WEFT_RING_S2 memory_order_seq_cst /* read an entry -> WEFT_RING_S1, WEFT_RING_R1: sees the slot's memory; linearization point of "full" and "empty", which have one order with WEFT_RING_S1 */
#define WEFT_RING_R1 memory_order_release /* the only producer, or consumer, changes an entry -> WEFT_RING_S2: as WEFT_RING_S1 */
#define WEFT_RING_R2 memory_order_release /* move tail or head -> WEFT_RING_A1: all positions before are filled, or emptied */
#define WEFT_RING_A1 memory_order_acquire /* read tail or head -> WEFT_RING_R2: reads entries that are not older */
#define WEFT_RING_R3 memory_order_release /* return a spare slot -> WEFT_RING_A2: its element has been read */
#define WEFT_RING_A2 memory_order_acquire /* claim a spare slot -> WEFT_RING_R3: writes it after that */
#endif
/* clang-format on */

enum { WEFT_I_RING_SPARES = 16 };
#ifndef WEFT_RING_SPARES
#define WEFT_RING_SPARES WEFT_I_RING_SPARES /* in use: so many pushes and pops at once keep no entry; a power of two */
#endif
#ifndef WEFT_RING_FIRST
#define WEFT_RING_FIRST 1 /* the first lap */
#endif

struct weft_ring {
    size_t capacity;
    size_t element_size;
    size_t unit; /* above all slots' numbers; a power of two */
    size_t none; /* no slot; and how many slots there are */
    unsigned flags;
    weft_i_atomic_size *entry;
    char *slots;
    WEFT_I_LIFE
    weft_i_aligned weft_i_atomic_size tail;
    weft_i_aligned weft_i_atomic_size head;
    struct {
        weft_i_aligned weft_i_atomic_size word; /* as an entry; `none`: claimed */
    } spare[WEFT_I_RING_SPARES];
};

/* ---- words ---- */

weft_i_inline size_t weft_i_ring_low(const weft_ring *ring, size_t word)
{
    return word & (ring->unit - 1);
}

weft_i_inline size_t weft_i_ring_turn(const weft_ring *ring, size_t word)
{
    return word & ~(ring->unit - 1);
}

weft_i_inline size_t weft_i_ring_after(const weft_ring *ring, size_t position)
{
    if (weft_i_unlikely(weft_i_ring_low(ring, position) == ring->capacity - 1))
        return weft_i_ring_turn(ring, position) + 2 * ring->unit;
    return position + 1;
}

weft_i_inline size_t weft_i_ring_before(const weft_ring *ring, size_t position)
{
    if (weft_i_unlikely(weft_i_ring_low(ring, position) == 0))
        return position - 2 * ring->unit + ring->capacity - 1;
    return position - 1;
}

/* `size` is the element's, a constant where it may be. */
weft_i_inline void *weft_i_ring_memory(const weft_ring *ring, size_t slot, size_t size)
{
    return ring->slots + slot * size;
}

/* ---- looking for the true tail, or head ---- */

typedef struct weft_i_ring_view {
    size_t began; /* tail, or head, as it was */
    size_t at;    /* the position */
    size_t word;  /* the entry there */
} weft_i_ring_view;

weft_i_inline void weft_i_ring_look(weft_ring *ring, weft_i_ring_view *view, size_t position)
{
    view->at = position;
    view->word = weft_i_load(&ring->entry[weft_i_ring_low(ring, position)], WEFT_RING_S2);
}

weft_i_inline weft_i_ring_view weft_i_ring_look_from(weft_ring *ring, weft_i_atomic_size *index)
{
    weft_i_ring_view view = {.began = weft_i_load(index, WEFT_RING_A1)};
    weft_i_ring_look(ring, &view, view.began);
    return view;
}

/* To the next position; from one that lies more than a lap behind what its entry tells, to the one behind that. */
weft_i_inline void weft_i_ring_step(weft_ring *ring, weft_i_ring_view *view)
{
    size_t lap = weft_i_ring_turn(ring, view->word) & ~ring->unit;
    size_t emptied = lap - 2 * ring->unit + weft_i_ring_low(ring, view->at);
    if (weft_i_unlikely((ptrdiff_t)(emptied - view->at) > 0))
        view->at = emptied;
    weft_i_ring_look(ring, view, weft_i_ring_after(ring, view->at));
}

/*
 * How many turns the entry is ahead of the position, in units: [0, 1) free, [1, 2) full, [2, 3) emptied and free in the
 * next lap, and so on; below 0: of the lap before.
 */
weft_i_inline ptrdiff_t weft_i_ring_ahead(const weft_ring *ring, const weft_i_ring_view *view)
{
    return (ptrdiff_t)(view->word - weft_i_ring_turn(ring, view->at));
}

/* To the first position that is not `turns` ahead: filled is one turn, emptied two. Returns how far it is ahead. */
weft_i_inline ptrdiff_t weft_i_ring_pass(weft_ring *ring, weft_i_ring_view *view, size_t turns)
{
    ptrdiff_t ahead;
    while ((ahead = weft_i_ring_ahead(ring, view)) >= (ptrdiff_t)(turns * ring->unit))
        weft_i_ring_step(ring, view);
    return ahead;
}

/* The true tail. Below 0: full. */
weft_i_inline ptrdiff_t weft_i_ring_to_tail(weft_ring *ring, weft_i_ring_view *view)
{
    return weft_i_ring_pass(ring, view, 1);
}

/* The true head. False: empty. */
weft_i_inline bool weft_i_ring_to_head(weft_ring *ring, weft_i_ring_view *view)
{
    return weft_i_ring_pass(ring, view, 2) >= (ptrdiff_t)ring->unit;
}

/*
 * Gives the entry this slot, and moves its turn on. Returns true and the slot that was there, or false if the entry had
 * changed; it has been looked at again.
 */
weft_i_inline bool weft_i_ring_swap(weft_ring *ring, weft_i_ring_view *view, size_t turns, size_t *slot)
{
    size_t word = view->word, now = weft_i_ring_turn(ring, word) + turns * ring->unit + *slot;
    if (weft_i_likely(weft_i_cas(&ring->entry[weft_i_ring_low(ring, view->at)], &word, now, WEFT_RING_S1, WEFT_RING_S2))) {
        *slot = weft_i_ring_low(ring, word);
        return true;
    }
    view->word = word;
    return false;
}

/*
 * The position has been filled, or emptied. A store, which costs less than a compare-and-swap, may move the index back if
 * others have moved it since: then the next one steps further.
 */
weft_i_inline void weft_i_ring_move(weft_ring *ring, weft_i_atomic_size *index, const weft_i_ring_view *view)
{
    if (weft_i_likely(weft_i_load(index, memory_order_relaxed) == view->began)) /* relaxed: an old value does no harm */
        weft_i_store(index, weft_i_ring_after(ring, view->at), WEFT_RING_R2);
}

/* ---- slots in hand ---- */

/*
 * Takes the slot of the first free entry that has one. `none`: all were taken; so there are `capacity` elements and
 * holders. If a slot is given back to an entry behind us meanwhile, whoever takes one before us has passed that entry
 * before, too, as all look in this order: so it, and our answer, take effect before the slot is given back.
 */
weft_i_inline size_t weft_i_ring_reserve(weft_ring *ring)
{
    size_t slot = ring->none;
    weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->tail);
    while (weft_i_ring_to_tail(ring, &view) >= 0)
        if (weft_i_ring_low(ring, view.word) == ring->none)
            weft_i_ring_step(ring, &view);
        else if (weft_i_ring_swap(ring, &view, 0, &slot))
            return slot;
    return ring->none;
}

/* Gives a slot to the first free entry without one, from the tail on: where reserve has left it. */
weft_i_inline void weft_i_ring_unreserve(weft_ring *ring, size_t slot)
{
    for (;;) {
        weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->tail);
        while (weft_i_ring_to_tail(ring, &view) >= 0)
            if (weft_i_ring_low(ring, view.word) != ring->none) {
                weft_i_ring_step(ring, &view);
            } else if (weft_i_ring_swap(ring, &view, 0, &slot)) {
                return;
            }
    }
}

/* Fills the entry at the tail with a slot in hand; a slot that was there goes to an entry that has none. */
weft_i_inline void weft_i_ring_commit(weft_ring *ring, size_t slot)
{
    weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->tail);
    do
        (void)weft_i_ring_to_tail(ring, &view); /* it is free: invariant (5) */
    while (!weft_i_ring_swap(ring, &view, 1, &slot));
    weft_i_ring_move(ring, &ring->tail, &view);
    if (slot != ring->none)
        weft_i_ring_unreserve(ring, slot);
}

/* Takes the oldest element's slot; `none`: empty. */
weft_i_inline size_t weft_i_ring_take(weft_ring *ring)
{
    size_t slot = ring->none;
    weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->head);
    while (weft_i_ring_to_head(ring, &view))
        if (weft_i_ring_swap(ring, &view, 1, &slot)) {
            weft_i_ring_move(ring, &ring->head, &view);
            return slot;
        }
    return ring->none;
}

/* Gives a slot to the last free entry without one, from the head back: where take has left it. */
weft_i_inline void weft_i_ring_give_back(weft_ring *ring, size_t slot)
{
    for (;;) {
        weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->head);
        (void)weft_i_ring_to_head(ring, &view);
        for (;;) {
            weft_i_ring_look(ring, &view, weft_i_ring_before(ring, view.at));
            while (weft_i_ring_ahead(ring, &view) == (ptrdiff_t)(2 * ring->unit + ring->none))
                if (weft_i_ring_swap(ring, &view, 0, &slot))
                    return;
            if (weft_i_ring_ahead(ring, &view) >= (ptrdiff_t)(3 * ring->unit))
                break; /* filled again: here the free entries begin */
        }
    }
}

/* ---- spare slots ---- */

typedef struct weft_i_ring_claim {
    weft_i_atomic_size *at; /* NULL: all are claimed */
    size_t word;            /* before */
} weft_i_ring_claim;

/* A claim and its end change the word's turn, too: so it tells whether there was one in between. */
weft_i_inline bool weft_i_ring_try_claim(weft_ring *ring, weft_i_ring_claim *claim)
{
    size_t word = claim->word, claimed = weft_i_ring_turn(ring, word) + ring->unit + ring->none;
    /* relaxed: refused, it is claimed */
    if (weft_i_likely(weft_i_ring_low(ring, word) != ring->none) &&
        weft_i_likely(weft_i_cas(claim->at, &word, claimed, WEFT_RING_A2, memory_order_relaxed)))
        return true;
    claim->word = word;
    return false;
}

/*
 * Once more, until all spares were claimed at one moment: each is looked at twice, after each other one, and has not
 * changed. An addition, and a compare-and-swap, reads the newest word.
 */
static weft_i_noinline weft_i_ring_claim weft_i_ring_claim_again(weft_ring *ring)
{
    size_t sum = 0, before;
    do {
        before = sum;
        sum = 0;
        for (size_t i = 0; i < WEFT_RING_SPARES; i++) {
            weft_i_ring_claim claim = {&ring->spare[i].word, weft_i_fetch_add(&ring->spare[i].word, 0, WEFT_RING_A2)};
            if (weft_i_ring_try_claim(ring, &claim))
                return claim;
            sum += claim.word;
        }
    } while (sum != before);
    return (weft_i_ring_claim){NULL, 0};
}

weft_i_inline weft_i_ring_claim weft_i_ring_claim_one(weft_ring *ring)
{
    size_t first = weft_i_sys_spread();
    for (size_t i = 0; i < WEFT_RING_SPARES; i++) {
        weft_i_ring_claim claim = {.at = &ring->spare[(first + i) & (WEFT_RING_SPARES - 1)].word};
        claim.word = weft_i_load(claim.at, memory_order_relaxed); /* relaxed: the compare-and-swap reads it again */
        if (weft_i_likely(weft_i_ring_try_claim(ring, &claim)))
            return claim;
    }
    return weft_i_ring_claim_again(ring);
}

weft_i_inline void weft_i_ring_unclaim(weft_ring *ring, weft_i_ring_claim claim, size_t slot)
{
    weft_i_store(claim.at, weft_i_ring_turn(ring, claim.word) + 2 * ring->unit + slot, WEFT_RING_R3);
}

/* ---- push and pop ---- */

/* With a slot in hand between the two steps: when all spares are claimed, or a free entry has no slot. */
static weft_i_noinline bool weft_i_ring_push_held(weft_ring *ring, const void *element)
{
    size_t slot = weft_i_ring_reserve(ring);
    if (slot == ring->none)
        return false;
    memcpy(weft_i_ring_memory(ring, slot, ring->element_size), element, ring->element_size);
    weft_i_ring_commit(ring, slot);
    return true;
}

static weft_i_noinline bool weft_i_ring_pop_held(weft_ring *ring, void *element)
{
    size_t slot = weft_i_ring_take(ring);
    if (slot == ring->none)
        return false;
    memcpy(element, weft_i_ring_memory(ring, slot, ring->element_size), ring->element_size);
    weft_i_ring_give_back(ring, slot);
    return true;
}

weft_i_inline bool weft_i_ring_push(weft_ring *ring, const void *element, size_t size)
{
    weft_i_ring_claim claim = weft_i_ring_claim_one(ring);
    size_t slot = weft_i_ring_low(ring, claim.word);
    if (weft_i_unlikely(!claim.at))
        return weft_i_ring_push_held(ring, element);
    memcpy(weft_i_ring_memory(ring, slot, size), element, size);
    weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->tail);
    bool done = false, held = false;
    while (!done && !held && weft_i_likely(weft_i_ring_to_tail(ring, &view) >= 0)) {
        held = weft_i_ring_low(ring, view.word) == ring->none;
        done = !held && weft_i_ring_swap(ring, &view, 1, &slot);
    }
    if (weft_i_likely(done))
        weft_i_ring_move(ring, &ring->tail, &view);
    weft_i_ring_unclaim(ring, claim, slot);
    return weft_i_unlikely(held) ? weft_i_ring_push_held(ring, element) : done;
}

weft_i_inline bool weft_i_ring_pop(weft_ring *ring, void *element, size_t size)
{
    weft_i_ring_claim claim = weft_i_ring_claim_one(ring);
    size_t slot = weft_i_ring_low(ring, claim.word);
    if (weft_i_unlikely(!claim.at))
        return weft_i_ring_pop_held(ring, element);
    weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->head);
    bool done = false;
    while (!done && weft_i_likely(weft_i_ring_to_head(ring, &view)))
        done = weft_i_ring_swap(ring, &view, 1, &slot);
    if (weft_i_likely(done)) {
        weft_i_ring_move(ring, &ring->head, &view);
        memcpy(element, weft_i_ring_memory(ring, slot, size), size);
    }
    weft_i_ring_unclaim(ring, claim, slot);
    return done;
}

/*
 * With one producer nobody else changes a free entry that has a slot, and with one consumer nobody else a full one: the
 * element is copied in place, and a store does.
 */
weft_i_inline void weft_i_ring_turn_alone(weft_ring *ring, weft_i_atomic_size *index, const weft_i_ring_view *view)
{
    weft_i_store(&ring->entry[weft_i_ring_low(ring, view->at)], view->word + ring->unit, WEFT_RING_R1);
    weft_i_store(index, weft_i_ring_after(ring, view->at), WEFT_RING_R2);
}

weft_i_inline bool weft_i_ring_push_alone(weft_ring *ring, const void *element, size_t size)
{
    weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->tail);
    if (weft_i_unlikely(weft_i_ring_to_tail(ring, &view) < 0))
        return false;
    size_t slot = weft_i_ring_low(ring, view.word);
    if (weft_i_unlikely(slot == ring->none))
        return weft_i_ring_push_held(ring, element);
    memcpy(weft_i_ring_memory(ring, slot, size), element, size);
    weft_i_ring_turn_alone(ring, &ring->tail, &view);
    return true;
}

weft_i_inline bool weft_i_ring_pop_alone(weft_ring *ring, void *element, size_t size)
{
    weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->head);
    if (weft_i_unlikely(!weft_i_ring_to_head(ring, &view)))
        return false;
    memcpy(element, weft_i_ring_memory(ring, weft_i_ring_low(ring, view.word), size), size);
    weft_i_ring_turn_alone(ring, &ring->head, &view);
    return true;
}

/* ---- an element makes room ---- */

/* `claimed` has the element. If the ring is full, its oldest entry, which is the tail's, is emptied and filled in one step. */
weft_i_inline bool weft_i_ring_displace(weft_ring *ring, size_t *claimed, bool *displaced)
{
    weft_i_ring_view view = weft_i_ring_look_from(ring, &ring->tail);
    do {
        *displaced = weft_i_ring_to_tail(ring, &view) < 0;
        if (!*displaced && weft_i_ring_low(ring, view.word) == ring->none)
            return false;
    } while (!weft_i_ring_swap(ring, &view, *displaced ? 2 : 1, claimed));
    weft_i_ring_move(ring, &ring->tail, &view);
    return true;
}

/* In two steps. The slot in hand is a free one, or the oldest element's; `none`: others hold all slots. */
weft_i_inline size_t weft_i_ring_make_room(weft_ring *ring, bool *displaced)
{
    size_t slot = weft_i_ring_reserve(ring);
    *displaced = slot == ring->none;
    return *displaced ? weft_i_ring_take(ring) : slot;
}

/* ---- figures ---- */

/* The head first: so the tail is not behind it. */
weft_i_inline size_t weft_i_ring_size(weft_ring *ring)
{
    weft_i_ring_view head = weft_i_ring_look_from(ring, &ring->head);
    (void)weft_i_ring_to_head(ring, &head);
    weft_i_ring_view tail = weft_i_ring_look_from(ring, &ring->tail);
    (void)weft_i_ring_to_tail(ring, &tail);
    size_t laps = (weft_i_ring_turn(ring, tail.at) - weft_i_ring_turn(ring, head.at)) / (2 * ring->unit);
    size_t size = laps * ring->capacity + weft_i_ring_low(ring, tail.at) - weft_i_ring_low(ring, head.at);
    return size < ring->capacity ? size : ring->capacity;
}

#endif

/* ---- queues/ring.c ---- */

#include <errno.h>

enum { WEFT_I_OWN_RING_RING_FLAGS = WEFT_RING_ONE_PRODUCER | WEFT_RING_ONE_CONSUMER };

/* ---- creation ---- */

/* Every position before the first one is filled and emptied. */
static void weft_i_own_ring_fill_in(weft_ring *ring)
{
    const size_t first = WEFT_RING_FIRST * 2 * ring->unit;
    /* relaxed: nobody else knows the ring */
    for (size_t i = 0; i < ring->capacity; i++)
        weft_i_store(&ring->entry[i], first + i, memory_order_relaxed);
    for (size_t i = 0; i < WEFT_RING_SPARES; i++)
        weft_i_store(&ring->spare[i].word, ring->capacity + i, memory_order_relaxed); /* relaxed: as above */
    weft_i_store(&ring->tail, first, memory_order_relaxed);                           /* relaxed: as above */
    weft_i_store(&ring->head, first, memory_order_relaxed);                           /* relaxed: as above */
}

int weft_ring_create(weft_ring **out, size_t capacity, size_t element_size, unsigned flags)
{
    const size_t most = SIZE_MAX / 8; /* so that no sum below overflows, and turns fit above a slot's number */
    const size_t slots = capacity + WEFT_RING_SPARES;
    size_t unit = 1;
    if (!out)
        return -EINVAL;
    *out = NULL;
    if (capacity == 0 || element_size == 0 || flags & ~(unsigned)WEFT_I_OWN_RING_RING_FLAGS || capacity > most / sizeof(size_t) ||
        element_size > most / slots)
        return -EINVAL;
    while (unit <= slots)
        unit *= 2;
    const size_t entries = weft_i_round_up(capacity * sizeof(weft_i_atomic_size), WEFT_I_LINE);
    weft_ring *ring =
        weft_i_sys_alloc(sizeof *ring + entries + weft_i_round_up(slots * element_size, WEFT_I_LINE), WEFT_I_LINE);
    if (!ring)
        return -ENOMEM;
    ring->capacity = capacity;
    ring->element_size = element_size;
    ring->unit = unit;
    ring->none = slots;
    ring->flags = flags;
    ring->entry = (weft_i_atomic_size *)(ring + 1);
    ring->slots = (char *)(ring + 1) + entries;
    weft_i_own_ring_fill_in(ring);
    weft_i_born(ring);
    *out = ring;
    return 0;
}

void weft_ring_destroy(weft_ring *ring)
{
    if (!ring)
        return;
    weft_i_dies(ring);
    weft_i_sys_free(ring);
}

/* ---- push and pop ---- */

weft_i_inline bool weft_i_own_ring_push_sized(weft_ring *ring, const void *element, size_t size)
{
    return ring->flags & WEFT_RING_ONE_PRODUCER ? weft_i_ring_push_alone(ring, element, size)
                                                : weft_i_ring_push(ring, element, size);
}

weft_i_inline bool weft_i_own_ring_pop_sized(weft_ring *ring, void *element, size_t size)
{
    return ring->flags & WEFT_RING_ONE_CONSUMER ? weft_i_ring_pop_alone(ring, element, size)
                                                : weft_i_ring_pop(ring, element, size);
}

/* Elements of 8 bytes are copied without a call, so that the usual push and pop save no registers. */

static weft_i_noinline bool weft_i_own_ring_push_other(weft_ring *ring, const void *element)
{
    return weft_i_own_ring_push_sized(ring, element, ring->element_size);
}

static weft_i_noinline bool weft_i_own_ring_pop_other(weft_ring *ring, void *element)
{
    return weft_i_own_ring_pop_sized(ring, element, ring->element_size);
}

bool weft_ring_try_push(weft_ring *ring, const void *element)
{
    if (weft_i_unlikely(!ring || !element))
        return false;
    weft_i_check_alive(ring);
    return weft_i_likely(ring->element_size == 8) ? weft_i_own_ring_push_sized(ring, element, 8) : weft_i_own_ring_push_other(ring, element);
}

bool weft_ring_try_pop(weft_ring *ring, void *element)
{
    if (weft_i_unlikely(!ring || !element))
        return false;
    weft_i_check_alive(ring);
    return weft_i_likely(ring->element_size == 8) ? weft_i_own_ring_pop_sized(ring, element, 8) : weft_i_own_ring_pop_other(ring, element);
}

size_t weft_ring_push_many(weft_ring *ring, const void *elements, size_t count)
{
    size_t done = 0;
    if (!ring || !elements)
        return 0;
    while (done < count && weft_ring_try_push(ring, (const char *)elements + done * ring->element_size))
        done++;
    return done;
}

size_t weft_ring_pop_many(weft_ring *ring, void *elements, size_t count)
{
    size_t done = 0;
    if (!ring || !elements)
        return 0;
    while (done < count && weft_ring_try_pop(ring, (char *)elements + done * ring->element_size))
        done++;
    return done;
}

bool weft_ring_force_push(weft_ring *ring, const void *element, void *displaced)
{
    bool displaces = false;
    if (!ring || !element)
        return false;
    weft_i_check_alive(ring);
    const size_t size = ring->element_size;
    weft_i_ring_claim claim = weft_i_ring_claim_one(ring);
    size_t slot = weft_i_ring_low(ring, claim.word);
    if (claim.at) {
        memcpy(weft_i_ring_memory(ring, slot, size), element, size);
        bool done = weft_i_ring_displace(ring, &slot, &displaces);
        if (done && displaces && displaced)
            memcpy(displaced, weft_i_ring_memory(ring, slot, size), size);
        weft_i_ring_unclaim(ring, claim, slot);
        if (done)
            return displaces;
    }
    slot = weft_i_ring_make_room(ring, &displaces);
    if (displaces && displaced)
        memcpy(displaced, slot == ring->none ? element : weft_i_ring_memory(ring, slot, size), size);
    if (slot != ring->none) {
        memcpy(weft_i_ring_memory(ring, slot, size), element, size);
        weft_i_ring_commit(ring, slot);
    }
    return displaces;
}

/* ---- in place ---- */

static void *weft_i_own_ring_memory_of(const weft_ring *ring, size_t slot)
{
    return slot == ring->none ? NULL : weft_i_ring_memory(ring, slot, ring->element_size);
}

/* Its slot's number; `none`: it is not the begin of a slot of this ring. */
static size_t weft_i_own_ring_slot_of(const weft_ring *ring, const void *memory)
{
    size_t offset = (uintptr_t)memory - (uintptr_t)ring->slots, slot = offset / ring->element_size;
    return slot < ring->none && offset % ring->element_size == 0 ? slot : ring->none;
}

/* `slot` is not `none`. */
static bool weft_i_own_ring_is_held(const weft_ring *ring, const void *memory, size_t *slot)
{
    if (!ring)
        return false;
    weft_i_check_alive(ring);
    *slot = weft_i_own_ring_slot_of(ring, memory);
    return *slot != ring->none;
}

void *weft_ring_reserve(weft_ring *ring)
{
    if (!ring)
        return NULL;
    weft_i_check_alive(ring);
    return weft_i_own_ring_memory_of(ring, weft_i_ring_reserve(ring));
}

void weft_ring_commit(weft_ring *ring, void *slot)
{
    size_t held;
    if (weft_i_own_ring_is_held(ring, slot, &held))
        weft_i_ring_commit(ring, held);
}

void weft_ring_abort(weft_ring *ring, void *slot)
{
    size_t held;
    if (weft_i_own_ring_is_held(ring, slot, &held))
        weft_i_ring_unreserve(ring, held);
}

void *weft_ring_take(weft_ring *ring)
{
    if (!ring)
        return NULL;
    weft_i_check_alive(ring);
    return weft_i_own_ring_memory_of(ring, weft_i_ring_take(ring));
}

void weft_ring_give_back(weft_ring *ring, void *slot)
{
    size_t held;
    if (weft_i_own_ring_is_held(ring, slot, &held))
        weft_i_ring_give_back(ring, held);
}

/* ---- figures ---- */

size_t weft_ring_size(weft_ring *ring)
{
    if (!ring)
        return 0;
    weft_i_check_alive(ring);
    return weft_i_ring_size(ring);
}

size_t weft_ring_capacity(weft_ring *ring)
{
    return ring ? ring->capacity : 0;
}

/* ---- queues/segq_kernel.h ---- */

/*
 * private. A list of segments, each an array whose cells are used once: FAAArrayQueue of A. Correia and P. Ramalhete
 * ("FAAArrayQueue - MPMC lock-free queue", concurrencyfreaks.blogspot.com, November 2016). An enqueuer takes the number
 * of a cell by a fetch-and-add and writes its value there, a dequeuer takes a number and the value. A dequeuer that
 * comes first marks the cell, and both go on to other numbers. Differences: the words for "empty" and "marked" are
 * addresses of the segment itself, so that any pointer is a value; a dequeuer looks at the cell before the number of
 * values; the queue can be closed; memory is the domain's.
 *
 * Invariants:
 *  (1) From head, following next, one meets tail, and then NULL or END.
 *  (2) tail never falls behind head: a segment is retired only when neither leads to it.
 *  (3) A cell changes once, from EMPTY: to a value, or to MARKED. (A dequeuer may overwrite the value that it takes.)
 *  (4) Each number below that of cells goes to at most one enqueuer and to at most one dequeuer.
 *  (5) A segment's next changes once, from NULL, after all numbers of its cells are given or the segment is closed: to
 *      the next segment, which has its first value already, or to END. Behind END no value can come.
 * It is lock-free: dequeuers may mark cells before enqueuers, but N such cells end a segment, and whoever links the
 * next one has enqueued its value.
 */
#ifndef WEFT_QUEUES_SEGQ_KERNEL_H
#define WEFT_QUEUES_SEGQ_KERNEL_H


#include <errno.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_SEGQ_R1 memory_order_release /* fill a cell -> WEFT_SEGQ_A1, WEFT_SEGQ_X2, WEFT_SEGQ_A5: publishes what the value leads to */
#define WEFT_SEGQ_R2 memory_order_release /* link a segment, or END -> WEFT_SEGQ_A3: publishes its cells; linearization point of its first value, and of closing */
#define WEFT_SEGQ_R3 memory_order_release /* move tail -> WEFT_GUARD_A2: a thread that starts there sees the segment */
#define WEFT_SEGQ_R4 memory_order_release /* move head -> WEFT_GUARD_A2: the same; and that tail is not behind it */
#define WEFT_SEGQ_X1 memory_order_acq_rel /* take a number -> WEFT_SEGQ_X1, WEFT_SEGQ_A4: numbers order dequeues; a later one sees all that was enqueued before an earlier one */
#define WEFT_SEGQ_A4 memory_order_acquire /* read the numbers taken -> WEFT_SEGQ_X1: the same for an empty answer */
#define WEFT_SEGQ_A1 memory_order_acquire /* dequeue reads its cell -> WEFT_SEGQ_R1: sees what the value leads to */
#define WEFT_SEGQ_X2 memory_order_acq_rel /* mark a cell -> WEFT_SEGQ_R1, WEFT_SEGQ_A5: a value may have come; who meets the mark sees that the number was taken before */
#define WEFT_SEGQ_A3 memory_order_acquire /* read next -> WEFT_SEGQ_R2: sees the cells; and no cell behind END */
#define WEFT_SEGQ_A5 memory_order_acquire /* is it empty -> WEFT_SEGQ_R1, WEFT_SEGQ_X2: what the caller does next comes after the enqueue that it has seen */
#define WEFT_SEGQ_R5 memory_order_release /* close -> WEFT_SEGQ_A6: what the closing thread did before */
#define WEFT_SEGQ_A6 memory_order_acquire /* meet the closed bit -> WEFT_SEGQ_R5: passed on with END, or with -EPIPE */
#endif
/* clang-format on */

/* How often a dequeuer looks at its cell, for which an enqueuer has the number, before it marks the cell. */
#ifndef WEFT_SEGQ_LOOKS
#define WEFT_SEGQ_LOOKS 128
#endif

/* In `given`: no more numbers. The numbers themselves are below. */
#define WEFT_I_SEGQ_CLOSED (~(SIZE_MAX >> 1))

typedef struct weft_i_segq_segment {
    weft_i_hook hook; /* first */
    weft_atomic_ptr next;
    weft_i_aligned weft_i_atomic_size given; /* numbers of cells that enqueuers have taken, or more than there are */
    weft_i_aligned weft_i_atomic_size taken; /* the same of dequeuers */
    weft_i_aligned weft_atomic_ptr cell[WEFT_SEGMENT_CELLS];
} weft_i_segq_segment;

_Static_assert(sizeof(weft_i_segq_segment) == WEFT_I_SEGMENT_SIZE, "it is of the class for segments");
_Static_assert(!(WEFT_SEGMENT_CELLS & (WEFT_SEGMENT_CELLS - 1)), "numbers meet each cell once (weft_i_segq_cell)");

struct weft_segq {
    weft_domain *domain;
    weft_i_aligned weft_atomic_ptr head;
    weft_i_aligned weft_atomic_ptr tail;
    WEFT_I_LIFE
};

/* ---- words of a segment ---- */

weft_i_inline void *weft_i_segq_empty(weft_i_segq_segment *segment)
{
    return segment;
}

weft_i_inline void *weft_i_segq_marked(weft_i_segq_segment *segment)
{
    return (void *)((uintptr_t)segment | 1);
}

/* Whether this segment takes a pointer for one of the two. */
weft_i_inline bool weft_i_segq_is_word(weft_i_segq_segment *segment, const void *value)
{
    return (uintptr_t)value - (uintptr_t)segment <= 1;
}

/* The link behind the last segment of a closed queue. */
#define WEFT_I_SEGQ_END ((void *)1)

/*
 * The cell with this number. Successive numbers are 17 cells apart, so that threads with neighbouring numbers do not
 * share a line: 7 to 14 % more values with 2 and 8 threads, 3 % fewer with one (paired runs, 9 rounds, 2 cores).
 */
weft_i_inline weft_atomic_ptr *weft_i_segq_cell(weft_i_segq_segment *segment, size_t number)
{
    return &segment->cell[number * 17 % WEFT_SEGMENT_CELLS];
}

/* How many cells have this number or a higher one. */
weft_i_inline size_t weft_i_segq_room_from(size_t number)
{
    return number < WEFT_SEGMENT_CELLS ? WEFT_SEGMENT_CELLS - number : 0;
}

/* An empty segment, with so many numbers given. NULL: out of memory. */
weft_i_inline weft_i_segq_segment *weft_i_segq_segment_make(weft_domain *domain, size_t given)
{
    weft_i_segq_segment *segment = weft_i_node_alloc(domain, weft_i_local_get(domain), WEFT_I_SEGMENT);
    if (!segment)
        return NULL;
    weft_i_store(&segment->next, NULL, memory_order_relaxed);   /* relaxed: private until WEFT_SEGQ_R2, as the next */
    weft_i_store(&segment->given, given, memory_order_relaxed); /* relaxed: as for next */
    weft_i_store(&segment->taken, 0, memory_order_relaxed);     /* relaxed: as for next */
    for (size_t i = 0; i < WEFT_SEGMENT_CELLS; i++)
        weft_i_store(&segment->cell[i], weft_i_segq_empty(segment), memory_order_relaxed); /* relaxed: as for next */
    return segment;
}

/* ---- enqueue ---- */

/* All numbers of the segment's cells are given, or it is closed. *spare is used up if it is linked. */
weft_i_inline weft_i_outcome weft_i_segq_extend(weft_segq *queue, weft_i_segq_segment *segment, bool closed,
                                                void *value, weft_i_segq_segment **spare)
{
    void *at = segment, *next = weft_i_load(&segment->next, WEFT_SEGQ_A3), *link = closed ? WEFT_I_SEGQ_END : *spare;
    if (!next) {
        if (!link)
            return WEFT_I_WANTS_MEMORY;
        if (!closed) /* relaxed: private until WEFT_SEGQ_R2 */
            weft_i_store(weft_i_segq_cell(*spare, 0), value, memory_order_relaxed);
        /* relaxed: a failure is read again */
        if (!weft_i_cas(&segment->next, &next, link, WEFT_SEGQ_R2, memory_order_relaxed))
            return WEFT_I_AGAIN;
        next = link;
    }
    if (next == WEFT_I_SEGQ_END)
        return WEFT_I_CLOSED;
    /* relaxed: a failure means that another thread has moved it */
    (void)weft_i_cas(&queue->tail, &at, next, WEFT_SEGQ_R3, memory_order_relaxed);
    if (next != *spare)
        return WEFT_I_AGAIN;
    *spare = NULL;
    return WEFT_I_DONE;
}

/* Tried once. *spare: NULL, or an empty segment whose first number is given. */
weft_i_inline weft_i_outcome weft_i_segq_enqueue(weft_segq *queue, void *value, weft_i_segq_segment **spare,
                                                 weft_i_way way, weft_scheme scheme)
{
    weft_i_trial trial;
    weft_i_outcome outcome = WEFT_I_AGAIN;
    if (weft_i_unlikely(!weft_i_trial_begin_only(&trial, queue->domain, way, scheme)))
        return WEFT_I_AGAIN;
    weft_i_segq_segment *segment = weft_i_protect(trial.attempt.hold, 0, &queue->tail, scheme);
    void *empty = weft_i_segq_empty(segment);
    /* relaxed: it is a number and nothing more */
    size_t number = weft_i_fetch_add(&segment->given, 1, memory_order_relaxed);
    if (weft_i_likely(number < WEFT_SEGMENT_CELLS) && weft_i_likely(!weft_i_segq_is_word(segment, value))) {
        /* relaxed: a failure means that the cell is marked */
        if (weft_i_likely(weft_i_cas(weft_i_segq_cell(segment, number), &empty, value, WEFT_SEGQ_R1, memory_order_relaxed)))
            return weft_i_trial_end(&trial, WEFT_I_SEGMENT, WEFT_I_DONE, way);
    } else {
        if (number >= WEFT_SEGMENT_CELLS) /* relaxed: gives back a number that no enqueuer uses; none runs over */
            (void)weft_i_fetch_sub(&segment->given, 1, memory_order_relaxed);
        else /* relaxed: so that no value comes here any more */
            (void)weft_i_fetch_add(&segment->given, WEFT_SEGMENT_CELLS, memory_order_relaxed);
        if (way == WEFT_I_GUARDED)
            outcome = weft_i_segq_extend(queue, segment, weft_i_load(&segment->given, WEFT_SEGQ_A6) & WEFT_I_SEGQ_CLOSED,
                                         value, spare);
    }
    return weft_i_trial_end(&trial, WEFT_I_SEGMENT, outcome, way);
}

/* The first of *spares, or a new one. NULL: out of memory. */
weft_i_inline weft_i_segq_segment *weft_i_segq_spare(weft_domain *domain, weft_i_segq_segment **spares)
{
    weft_i_segq_segment *spare = *spares;
    if (!spare)
        return weft_i_segq_segment_make(domain, 1);
    *spares = weft_i_load(&spare->next, memory_order_relaxed); /* relaxed: private until WEFT_SEGQ_R2 */
    weft_i_store(&spare->next, NULL, memory_order_relaxed);    /* relaxed: likewise */
    return spare;
}

weft_i_inline void weft_i_segq_keep(weft_i_segq_segment *spare, weft_i_segq_segment **spares)
{
    weft_i_store(&spare->next, *spares, memory_order_relaxed); /* relaxed: private */
    *spares = spare;
}

/* The cold path: tries under guards. Takes segments from *spares where it needs them. */
static weft_i_noinline int weft_i_segq_enqueue_again(weft_segq *queue, void *value, weft_i_segq_segment **spares,
                                                     weft_i_outcome now)
{
    weft_scheme scheme = weft_i_scheme(queue->domain);
    weft_i_segq_segment *spare = NULL, *unfit = NULL;
    for (;;) {
        WEFT_I_REPEAT(now, weft_i_segq_enqueue(queue, value, &spare, WEFT_I_GUARDED, scheme));
        if (now != WEFT_I_WANTS_MEMORY)
            break;
        spare = weft_i_segq_spare(queue->domain, spares);
        if (spare && weft_i_segq_is_word(spare, value)) {
            unfit = spare;
            spare = weft_i_segq_spare(queue->domain, spares);
        }
        if (!spare)
            break;
        now = WEFT_I_AGAIN;
    }
    if (spare) /* another thread was first */
        weft_i_segq_keep(spare, spares);
    if (unfit)
        weft_i_segq_keep(unfit, spares);
    return now == WEFT_I_DONE ? 0 : now == WEFT_I_CLOSED ? -EPIPE : -ENOMEM;
}

/* ---- dequeue ---- */

/* All numbers of the segment's cells are taken: moves head to the next one, and retires this one. */
weft_i_inline weft_i_outcome weft_i_segq_leave(weft_segq *queue, weft_i_segq_segment *segment, weft_i_trial *trial,
                                               weft_i_way way)
{
    void *at = segment, *next = weft_i_load(&segment->next, WEFT_SEGQ_A3);
    if (!next || next == WEFT_I_SEGQ_END)
        return WEFT_I_EMPTY;
    if (way == WEFT_I_FAST)
        return WEFT_I_AGAIN;
    /* relaxed: a failure means that another thread has moved it. Invariant 2; this thread sees no tail from before head
       came here (WEFT_SEGQ_R4) */
    (void)weft_i_cas(&queue->tail, &at, next, WEFT_SEGQ_R3, memory_order_relaxed);
    at = segment;
    /* relaxed: a failure means that another thread has moved it, and retires the segment */
    if (weft_i_cas(&queue->head, &at, next, WEFT_SEGQ_R4, memory_order_relaxed))
        weft_i_trial_retire(trial, &segment->hook, WEFT_I_SEGMENT, way);
    return WEFT_I_AGAIN;
}

/* The value in the cell; or one of the segment's words: the enqueuer has not come, and must go elsewhere. */
weft_i_inline void *weft_i_segq_take(weft_i_segq_segment *segment, weft_atomic_ptr *cell)
{
    void *empty = weft_i_segq_empty(segment), *value = weft_i_load(cell, WEFT_SEGQ_A1);
    for (int i = 0; weft_i_unlikely(value == empty) && i < WEFT_SEGQ_LOOKS; i++)
        value = weft_i_load(cell, WEFT_SEGQ_A1);
    if (weft_i_unlikely(value == empty))
        value = weft_i_exchange(cell, weft_i_segq_marked(segment), WEFT_SEGQ_X2);
    return value;
}

/* Tried once. */
weft_i_inline weft_i_outcome weft_i_segq_dequeue(weft_segq *queue, void **value, weft_i_way way, weft_scheme scheme)
{
    weft_i_trial trial;
    weft_i_outcome outcome = WEFT_I_AGAIN;
    if (weft_i_unlikely(!weft_i_trial_begin_only(&trial, queue->domain, way, scheme)))
        return WEFT_I_AGAIN;
    weft_i_segq_segment *segment = weft_i_protect(trial.attempt.hold, 0, &queue->head, scheme);
    void *empty = weft_i_segq_empty(segment);
    size_t number = weft_i_load(&segment->taken, WEFT_SEGQ_A4);
    if (weft_i_likely(number < WEFT_SEGMENT_CELLS)) {
        /* relaxed: the cell is only compared; an enqueue that precedes this call is seen in `given` at the latest */
        if (weft_i_load(weft_i_segq_cell(segment, number), memory_order_relaxed) == empty &&
            (weft_i_load(&segment->given, memory_order_relaxed) & ~WEFT_I_SEGQ_CLOSED) <= number)
            return weft_i_trial_end(&trial, WEFT_I_SEGMENT, WEFT_I_EMPTY, way);
        number = weft_i_fetch_add(&segment->taken, 1, WEFT_SEGQ_X1);
    }
    if (weft_i_likely(number < WEFT_SEGMENT_CELLS)) {
        void *taken = weft_i_segq_take(segment, weft_i_segq_cell(segment, number));
        if (weft_i_likely(!weft_i_segq_is_word(segment, taken))) {
            *value = taken;
            outcome = WEFT_I_DONE;
        }
    } else {
        outcome = weft_i_segq_leave(queue, segment, &trial, way);
    }
    return weft_i_trial_end(&trial, WEFT_I_SEGMENT, outcome, way);
}

/* The cold path: tries under guards. */
static weft_i_noinline bool weft_i_segq_dequeue_again(weft_segq *queue, void **value, weft_i_outcome now)
{
    weft_scheme scheme = weft_i_scheme(queue->domain);
    WEFT_I_REPEAT(now, weft_i_segq_dequeue(queue, value, WEFT_I_GUARDED, scheme));
    return now == WEFT_I_DONE;
}

/* ---- the rest, under guards ---- */

/* Adds the first values of *values to cells whose numbers it takes at once; *values and *count are what is left. */
weft_i_inline weft_i_outcome weft_i_segq_fill(weft_segq *queue, void *const **values, size_t *count, weft_scheme scheme)
{
    weft_guard own;
    weft_i_hold hold = weft_i_begin(&own, queue->domain, scheme);
    weft_i_segq_segment *segment = weft_i_protect(hold, 0, &queue->tail, scheme);
    size_t wanted = *count < WEFT_SEGMENT_CELLS ? *count : WEFT_SEGMENT_CELLS;
    /* relaxed: as in weft_i_segq_enqueue */
    size_t number = weft_i_fetch_add(&segment->given, wanted, memory_order_relaxed);
    size_t room = weft_i_segq_room_from(number), end = number + (wanted < room ? wanted : room);
    if (wanted > room) /* relaxed: as in weft_i_segq_enqueue */
        (void)weft_i_fetch_sub(&segment->given, wanted - room, memory_order_relaxed);
    for (; number < end && !weft_i_segq_is_word(segment, **values); number++) {
        void *empty = weft_i_segq_empty(segment);
        /* relaxed: as above. A value whose cell is marked comes into the next one */
        if (weft_i_cas(weft_i_segq_cell(segment, number), &empty, **values, WEFT_SEGQ_R1, memory_order_relaxed))
            --*count, ++*values;
    }
    weft_i_end(hold, &own);
    return *count && number == end && wanted <= room ? WEFT_I_AGAIN : WEFT_I_DONE;
}

/* Takes up to `count` numbers at once; *got values were there. */
weft_i_inline weft_i_outcome weft_i_segq_dequeue_some(weft_segq *queue, void **values, size_t count, size_t *got,
                                                      weft_scheme scheme)
{
    weft_i_trial trial;
    weft_i_outcome outcome = WEFT_I_AGAIN;
    (void)weft_i_trial_begin_only(&trial, queue->domain, WEFT_I_GUARDED, scheme);
    weft_i_segq_segment *segment = weft_i_protect(trial.attempt.hold, 0, &queue->head, scheme);
    size_t number = weft_i_load(&segment->taken, WEFT_SEGQ_A4);
    /* relaxed: as in weft_i_segq_dequeue */
    size_t given = weft_i_load(&segment->given, memory_order_relaxed) & ~WEFT_I_SEGQ_CLOSED, end = number;
    given = given < WEFT_SEGMENT_CELLS ? given : WEFT_SEGMENT_CELLS;
    if (number < given) {
        size_t some = count < given - number ? count : given - number;
        number = weft_i_fetch_add(&segment->taken, some, WEFT_SEGQ_X1);
        end = number + some;
    } else {
        outcome =
            number < WEFT_SEGMENT_CELLS ? WEFT_I_EMPTY : weft_i_segq_leave(queue, segment, &trial, WEFT_I_GUARDED);
    }
    for (; number < end && number < WEFT_SEGMENT_CELLS; number++) {
        void *value = weft_i_segq_take(segment, weft_i_segq_cell(segment, number));
        if (!weft_i_segq_is_word(segment, value))
            values[(*got)++] = value;
    }
    return weft_i_trial_end(&trial, WEFT_I_SEGMENT, *got ? WEFT_I_DONE : outcome, WEFT_I_GUARDED);
}

/* Whether there is a value behind the cells of head's segment: its successor has had one since it was linked. */
weft_i_inline bool weft_i_segq_goes_on(weft_i_segq_segment *segment)
{
    void *next = weft_i_load(&segment->next, WEFT_SEGQ_A3);
    return next && next != WEFT_I_SEGQ_END;
}

/* What is in the cell. In a closed queue an empty one is marked: its enqueuer would have been before the closing. */
weft_i_inline void *weft_i_segq_look_at(weft_i_segq_segment *segment, weft_atomic_ptr *cell, bool closed)
{
    void *value = weft_i_load(cell, WEFT_SEGQ_A5);
    if (closed && value == weft_i_segq_empty(segment) &&
        weft_i_cas(cell, &value, weft_i_segq_marked(segment), WEFT_SEGQ_X2, WEFT_SEGQ_A5))
        value = weft_i_segq_marked(segment);
    return value;
}

/*
 * DONE: there was a value; EMPTY: there was none when `given` was read. For a cell that is empty later was empty then,
 * and so was what follows, and the numbers below `taken` were with dequeuers before. A mark may stand in the place of a
 * value; but if a dequeuer has set it, `taken` has changed: AGAIN.
 */
weft_i_inline weft_i_outcome weft_i_segq_look(weft_segq *queue, weft_scheme scheme)
{
    weft_i_trial trial;
    weft_i_outcome outcome = WEFT_I_EMPTY;
    (void)weft_i_trial_begin_only(&trial, queue->domain, WEFT_I_GUARDED, scheme);
    weft_i_segq_segment *segment = weft_i_protect(trial.attempt.hold, 0, &queue->head, scheme);
    size_t first = weft_i_load(&segment->taken, WEFT_SEGQ_A4);
    size_t given = weft_i_load(&segment->given, WEFT_SEGQ_A6), end = given & ~WEFT_I_SEGQ_CLOSED;
    for (size_t i = first; i < end && i < WEFT_SEGMENT_CELLS && outcome != WEFT_I_DONE; i++) {
        void *value = weft_i_segq_look_at(segment, weft_i_segq_cell(segment, i), given & WEFT_I_SEGQ_CLOSED);
        if (!weft_i_segq_is_word(segment, value))
            outcome = WEFT_I_DONE;
        else if (value == weft_i_segq_marked(segment) && weft_i_load(&segment->taken, WEFT_SEGQ_A4) != first)
            outcome = WEFT_I_AGAIN;
    }
    if (first >= WEFT_SEGMENT_CELLS)
        outcome = weft_i_segq_leave(queue, segment, &trial, WEFT_I_GUARDED);
    if (outcome == WEFT_I_EMPTY && end >= WEFT_SEGMENT_CELLS && weft_i_segq_goes_on(segment))
        outcome = WEFT_I_DONE;
    return weft_i_trial_end(&trial, WEFT_I_SEGMENT, outcome, WEFT_I_GUARDED);
}

/* Closes the last segment, unless it has a successor by now. */
weft_i_inline weft_i_outcome weft_i_segq_close(weft_segq *queue, weft_scheme scheme)
{
    weft_guard own;
    weft_i_hold hold = weft_i_begin(&own, queue->domain, scheme);
    weft_i_segq_segment *segment = weft_i_protect(hold, 0, &queue->tail, scheme), *none = NULL;
    /* who has a number from before may still fill the cell, as if before the closing */
    (void)weft_i_fetch_or(&segment->given, WEFT_I_SEGQ_CLOSED, WEFT_SEGQ_R5);
    weft_i_outcome outcome = weft_i_segq_extend(queue, segment, true, NULL, &none);
    weft_i_end(hold, &own);
    return outcome;
}

/* The numbers that the last segment can give, now. */
weft_i_inline size_t weft_i_segq_room(weft_segq *queue, weft_scheme scheme)
{
    weft_guard own;
    weft_i_hold hold = weft_i_begin(&own, queue->domain, scheme);
    weft_i_segq_segment *segment = weft_i_protect(hold, 0, &queue->tail, scheme);
    size_t given = weft_i_load(&segment->given, memory_order_relaxed); /* relaxed: an estimate */
    weft_i_end(hold, &own);
    return weft_i_segq_room_from(given);
}

/* Whether END is behind the last segment. */
weft_i_inline bool weft_i_segq_is_closed(weft_segq *queue, weft_scheme scheme)
{
    weft_guard own;
    weft_i_hold hold = weft_i_begin(&own, queue->domain, scheme);
    weft_i_segq_segment *segment = weft_i_protect(hold, 0, &queue->tail, scheme);
    bool closed = weft_i_load(&segment->next, WEFT_SEGQ_A3) == WEFT_I_SEGQ_END;
    weft_i_end(hold, &own);
    return closed;
}

#endif

/* ---- queues/segq.c ---- */

#include <limits.h>

int weft_segq_create(weft_segq **out, weft_domain *domain)
{
    if (!out)
        return -EINVAL;
    *out = NULL;
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    weft_segq *queue = weft_i_alloc(domain, sizeof *queue, WEFT_I_LINE);
    weft_i_segq_segment *first = queue ? weft_i_segq_segment_make(domain, 0) : NULL;
    if (!first) {
        weft_i_free(domain, queue, sizeof *queue);
        return -ENOMEM;
    }
    weft_i_domain_use(domain);
    *queue = (weft_segq){.domain = domain, .head = first, .tail = first};
    weft_i_born(queue);
    *out = queue;
    return 0;
}

/* Frees segments that no other thread can see. */
static void weft_i_own_segq_free_segments(weft_domain *domain, weft_i_segq_segment *segment)
{
    weft_i_local *local = weft_i_local_get(domain);
    for (weft_i_segq_segment *next; segment && segment != WEFT_I_SEGQ_END; segment = next) {
        next = weft_i_load(&segment->next, memory_order_relaxed); /* relaxed: private */
        weft_i_node_free(domain, local, WEFT_I_SEGMENT, segment);
    }
}

static weft_i_noinline int weft_i_own_segq_enqueue_again(weft_segq *queue, void *value, weft_i_outcome now)
{
    weft_i_segq_segment *spares = NULL;
    int error = weft_i_segq_enqueue_again(queue, value, &spares, now);
    weft_i_own_segq_free_segments(queue->domain, spares);
    return error;
}

int weft_segq_enqueue(weft_segq *queue, void *value)
{
    if (weft_i_unlikely(!queue))
        return -EINVAL;
    weft_i_check(queue);
    weft_i_outcome outcome = WEFT_I_BY_SCHEME(queue->domain, weft_i_segq_enqueue, queue, value, NULL, WEFT_I_FAST);
    return weft_i_likely(outcome == WEFT_I_DONE) ? 0 : weft_i_own_segq_enqueue_again(queue, value, outcome);
}

/* Makes the segments that so many values need if no other producer comes between. False: out of memory. */
static bool weft_i_own_segq_supply(weft_segq *queue, size_t count, weft_i_segq_segment **spares)
{
    size_t room = WEFT_I_BY_SCHEME(queue->domain, weft_i_segq_room, queue);
    for (; room < count; room += WEFT_SEGMENT_CELLS) {
        weft_i_segq_segment *segment = weft_i_segq_segment_make(queue->domain, 1);
        if (!segment)
            return false;
        weft_i_store(&segment->next, *spares, memory_order_relaxed); /* relaxed: private */
        *spares = segment;
    }
    return true;
}

int weft_segq_enqueue_many(weft_segq *queue, void *const *values, size_t count)
{
    weft_i_segq_segment *spares = NULL;
    if (!queue || (!values && count) || count > INT_MAX)
        return -EINVAL;
    weft_i_check(queue);
    weft_scheme scheme = weft_i_scheme(queue->domain);
    size_t left = count;
    int error = weft_segq_is_closed(queue) ? -EPIPE : weft_i_own_segq_supply(queue, count, &spares) ? 0 : -ENOMEM;
    while (left && !error) {
        weft_i_outcome outcome = WEFT_I_AGAIN;
        WEFT_I_REPEAT(outcome, weft_i_segq_fill(queue, &values, &left, scheme));
        if (left) { /* the segment is full, or the queue closed */
            error = weft_i_segq_enqueue_again(queue, *values, &spares, WEFT_I_AGAIN);
            left -= !error;
            values += !error;
        }
    }
    weft_i_own_segq_free_segments(queue->domain, spares);
    return error && left < count ? (int)(count - left) : error;
}

bool weft_segq_try_dequeue(weft_segq *queue, void **value)
{
    if (weft_i_unlikely(!queue || !value))
        return false;
    weft_i_check(queue);
    weft_i_outcome outcome = WEFT_I_BY_SCHEME(queue->domain, weft_i_segq_dequeue, queue, value, WEFT_I_FAST);
    if (weft_i_likely(outcome == WEFT_I_DONE))
        return true;
    return outcome != WEFT_I_EMPTY && weft_i_segq_dequeue_again(queue, value, outcome);
}

size_t weft_segq_dequeue_many(weft_segq *queue, void **values, size_t count)
{
    size_t got = 0;
    if (!queue || !values || !count)
        return 0;
    weft_i_check(queue);
    weft_scheme scheme = weft_i_scheme(queue->domain);
    weft_i_outcome outcome = WEFT_I_AGAIN;
    for (size_t sum = 0;; sum += got, outcome = WEFT_I_AGAIN) {
        got = 0;
        WEFT_I_REPEAT(outcome, weft_i_segq_dequeue_some(queue, values + sum, count - sum, &got, scheme));
        if (outcome == WEFT_I_EMPTY || sum + got == count)
            return sum + got;
    }
}

void weft_segq_close(weft_segq *queue)
{
    weft_i_outcome outcome = WEFT_I_AGAIN;
    if (!queue)
        return;
    weft_i_check(queue);
    weft_scheme scheme = weft_i_scheme(queue->domain);
    WEFT_I_REPEAT(outcome, weft_i_segq_close(queue, scheme));
}

bool weft_segq_is_closed(weft_segq *queue)
{
    if (!queue)
        return false;
    weft_i_check(queue);
    return WEFT_I_BY_SCHEME(queue->domain, weft_i_segq_is_closed, queue);
}

bool weft_segq_is_empty(weft_segq *queue)
{
    weft_i_outcome outcome = WEFT_I_AGAIN;
    if (!queue)
        return true;
    weft_i_check(queue);
    weft_scheme scheme = weft_i_scheme(queue->domain);
    WEFT_I_REPEAT(outcome, weft_i_segq_look(queue, scheme));
    return outcome == WEFT_I_EMPTY;
}

void weft_segq_destroy(weft_segq *queue, void (*drain)(void *value, void *ctx), void *ctx)
{
    if (!queue)
        return;
    weft_i_dies(queue);
    weft_domain *domain = queue->domain;
    /* relaxed: no other thread uses the queue */
    weft_i_segq_segment *first = weft_i_load(&queue->head, memory_order_relaxed), *next = NULL;
    for (weft_i_segq_segment *s = first; drain && s && s != WEFT_I_SEGQ_END; s = next) {
        next = weft_i_load(&s->next, memory_order_relaxed);      /* relaxed: as for head */
        size_t i = weft_i_load(&s->taken, memory_order_relaxed); /* relaxed: as for head */
        for (; i < WEFT_SEGMENT_CELLS; i++) {
            void *value = weft_i_load(weft_i_segq_cell(s, i), memory_order_relaxed); /* relaxed: as for head */
            if (!weft_i_segq_is_word(s, value))
                drain(value, ctx);
        }
    }
    weft_i_own_segq_free_segments(domain, first);
    weft_i_free(domain, queue, sizeof *queue);
    weft_i_domain_unuse(domain);
}

/* ---- queues/spsc_kernel.h ---- */

/*
 * private. A ring of slots between one producer and one consumer, in two forms.
 *
 * With indices (L. Lamport, TOPLAS 5(2), 1983): `tail` counts what was pushed, `head` what was popped. Each side writes
 * its own index, and keeps a copy of the other's, which it reads again only when the ring seems full, or empty.
 *
 * With stamps (in the manner of FastForward, PPoPP 2008): the slot says whether it is full, and in which of two laps, so
 * that any value is an element. Only the slot's line goes from one thread to the other. The indices are each side's own,
 * and size reads them.
 *
 * An index is a slot's offset in bytes, times two, plus a lap, 0 or 1, which changes at the ring's end. So a slot is found
 * without a multiplication, a full ring and an empty one differ, whatever the capacity is, and no index overflows.
 *
 * Invariants:
 *  (1) Only the producer writes tail, only the consumer head. From head to tail there are 0 to `limit` bytes.
 *  (2) Slots from head to tail are the consumer's, all others the producer's.
 *  (3) seen_tail is tail as it once was, and `full` is where the ring is full by head as it once was: there are at least
 *      as many elements, or as much room, as they tell.
 *  (4) With stamps: a slot is FREE in lap 0, FULL in lap 0, FREE in lap 1, FULL in lap 1, and so on. The producer takes
 *      it from FREE to FULL, the consumer from FULL to FREE of the other lap.
 *  (5) A process killed between its stamp and its index leaves the index one behind. The stamp then is neither what the
 *      index waits for, nor what the partner has left: whoever comes next moves the index on (weft_i_spsc_find).
 */
#ifndef WEFT_QUEUES_SPSC_KERNEL_H
#define WEFT_QUEUES_SPSC_KERNEL_H


#include <string.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_SPSC_R1 memory_order_release /* push moves tail -> WEFT_SPSC_A1: publishes the elements; linearization point */
#define WEFT_SPSC_A1 memory_order_acquire /* pop reads tail -> WEFT_SPSC_R1: sees the elements */
#define WEFT_SPSC_R2 memory_order_release /* pop moves head -> WEFT_SPSC_A2: elements have been read before their slots are the producer's; linearization point */
#define WEFT_SPSC_A2 memory_order_acquire /* push reads head -> WEFT_SPSC_R2: writes the slots only after that */
#define WEFT_SPSC_R3 memory_order_release /* stamp a slot FULL, or FREE -> WEFT_SPSC_A3: as WEFT_SPSC_R1, or WEFT_SPSC_R2; linearization point */
#define WEFT_SPSC_A3 memory_order_acquire /* read a stamp -> WEFT_SPSC_R3: as WEFT_SPSC_A1, or WEFT_SPSC_A2 */
#define WEFT_SPSC_R4 memory_order_release /* weft_spsc_init, the mark -> WEFT_SPSC_A4: publishes the ring */
#define WEFT_SPSC_A4 memory_order_acquire /* weft_spsc_attach -> WEFT_SPSC_R4: sees the whole ring */
#endif
/* clang-format on */

struct weft_spsc {
    weft_i_atomic_size mark; /* first: WEFT_I_SPSC_MARK once the ring is complete */
    size_t capacity;
    size_t element_size;
    size_t stride; /* bytes of a slot */
    size_t stamp;  /* where the stamp is in a slot; 0: there are none */
    size_t limit;  /* bytes of `capacity` slots */
    size_t bytes;  /* of all slots: `limit`, or more to fill pages */
    size_t first;  /* where they begin, from here */
    size_t owned;  /* what weft_spsc_destroy unmaps; 0: nothing; SIZE_MAX: it frees */
    WEFT_I_LIFE
    /* the producer's */
    weft_i_aligned weft_i_atomic_size tail;
    size_t full;
    /* the consumer's */
    weft_i_aligned weft_i_atomic_size head;
    size_t seen_tail;
};

/* It names the layout: two processes must agree on it. */
#define WEFT_I_SPSC_MARK ((size_t)0x57455001 + (sizeof(size_t) << 16) + sizeof(weft_spsc))

enum { WEFT_I_SPSC_FREE = 0, WEFT_I_SPSC_FULL = 1 };

/* ---- indices and slots ---- */

weft_i_inline size_t weft_i_spsc_offset(size_t index)
{
    return index >> 1;
}

weft_i_inline size_t weft_i_spsc_lap(size_t index)
{
    return index & 1;
}

/* So many bytes further, at most those of all slots. */
weft_i_inline size_t weft_i_spsc_after(const weft_spsc *ring, size_t index, size_t bytes)
{
    size_t offset = weft_i_spsc_offset(index) + bytes;
    if (weft_i_unlikely(offset >= ring->bytes))
        return (offset - ring->bytes) << 1 | !weft_i_spsc_lap(index);
    return index + (bytes << 1);
}

/* How many bytes there are from one index to another. */
weft_i_inline size_t weft_i_spsc_between(const weft_spsc *ring, size_t from, size_t to)
{
    size_t bytes = weft_i_spsc_offset(to) - weft_i_spsc_offset(from);
    return weft_i_spsc_lap(from) == weft_i_spsc_lap(to) ? bytes : bytes + ring->bytes;
}

weft_i_inline char *weft_i_spsc_slot(weft_spsc *ring, size_t index)
{
    return (char *)ring + ring->first + weft_i_spsc_offset(index);
}

/* ---- with indices ---- */

/* How many bytes the producer may fill. It looks at head only if it knows of fewer than it wants. */
weft_i_inline size_t weft_i_spsc_room(weft_spsc *ring, size_t tail, size_t wanted)
{
    size_t room = weft_i_spsc_between(ring, tail, ring->full);
    if (weft_i_unlikely(room < wanted)) {
        ring->full = weft_i_spsc_after(ring, weft_i_load(&ring->head, WEFT_SPSC_A2), ring->limit);
        room = weft_i_spsc_between(ring, tail, ring->full);
    }
    return room;
}

/* How many bytes the consumer may read. */
weft_i_inline size_t weft_i_spsc_filled(weft_spsc *ring, size_t head, size_t wanted)
{
    size_t filled = weft_i_spsc_between(ring, head, ring->seen_tail);
    if (weft_i_unlikely(filled < wanted)) {
        ring->seen_tail = weft_i_load(&ring->tail, WEFT_SPSC_A1);
        filled = weft_i_spsc_between(ring, head, ring->seen_tail);
    }
    return filled;
}

/* ---- with stamps ---- */

weft_i_inline weft_i_atomic_int *weft_i_spsc_stamp(weft_spsc *ring, size_t index)
{
    return (weft_i_atomic_int *)(void *)(weft_i_spsc_slot(ring, index) + ring->stamp);
}

weft_i_inline int weft_i_spsc_as(size_t lap, int what)
{
    return (int)(2 * lap) + what;
}

/* The index was left behind, and the partner has not been there either: then its turn would be next. Invariant (5) */
weft_i_inline bool weft_i_spsc_is_behind(size_t index, int what, int stamp)
{
    size_t lap = weft_i_spsc_lap(index);
    return stamp !=
           (what == WEFT_I_SPSC_FREE ? weft_i_spsc_as(!lap, WEFT_I_SPSC_FULL) : weft_i_spsc_as(lap, WEFT_I_SPSC_FREE));
}

/* Whether the slot at the side's own index, *at, is FREE, or FULL, for it. Moves an index on that was left behind. */
weft_i_inline bool weft_i_spsc_find(weft_spsc *ring, weft_i_atomic_size *own, size_t *at, int what)
{
    for (;;) {
        int stamp = weft_i_load(weft_i_spsc_stamp(ring, *at), WEFT_SPSC_A3);
        if (weft_i_likely(stamp == weft_i_spsc_as(weft_i_spsc_lap(*at), what)))
            return true;
        if (!weft_i_spsc_is_behind(*at, what, stamp))
            return false;
        *at = weft_i_spsc_after(ring, *at, ring->stride);
        weft_i_store(own, *at, memory_order_relaxed); /* relaxed: as in weft_i_spsc_turn */
    }
}

/*
 * The stamp, then the index, whose owner alone needs it (size makes a guess of it). A process may be killed between the
 * two, and only the compiler could turn them round.
 */
weft_i_inline void weft_i_spsc_turn(weft_spsc *ring, size_t index, int stamp, weft_i_atomic_size *own)
{
    weft_i_store(weft_i_spsc_stamp(ring, index), stamp, WEFT_SPSC_R3);
    weft_i_compiler_fence();
    size_t next = weft_i_spsc_after(ring, index, ring->stride);
    weft_i_store(own, next, memory_order_relaxed); /* relaxed: its owner alone needs it */
}

weft_i_inline void weft_i_spsc_fill(weft_spsc *ring, size_t tail)
{
    weft_i_spsc_turn(ring, tail, weft_i_spsc_as(weft_i_spsc_lap(tail), WEFT_I_SPSC_FULL), &ring->tail);
}

weft_i_inline void weft_i_spsc_empty(weft_spsc *ring, size_t head)
{
    weft_i_spsc_turn(ring, head, weft_i_spsc_as(!weft_i_spsc_lap(head), WEFT_I_SPSC_FREE), &ring->head);
}

/*
 * A small element is copied by words. Its fields have often just been written, one by one; a load wider than these stores
 * would wait until they, and all stores before them, are in the cache, and so for the line that the partner holds. Two
 * cores far apart, elements of 16 bytes: 1.1 to 2.9 times as many, twice as a rule; of 32: 1.1 times; of 256: fewer.
 */
weft_i_inline void weft_i_spsc_write(char *slot, const char *element, size_t size)
{
    enum { WORD = sizeof(uint64_t) };
    if (size <= 4 * WORD)
        for (; size >= WORD; size -= WORD, slot += WORD, element += WORD) {
            memcpy(slot, element, WORD);
            weft_i_compiler_fence(); /* else the compiler makes one wide copy of them */
        }
    memcpy(slot, element, size);
}

/* ---- operations: `size` is the element's, a constant where it may be ---- */

weft_i_inline bool weft_i_spsc_push(weft_spsc *ring, const void *element, size_t size)
{
    size_t tail = weft_i_load(&ring->tail, memory_order_relaxed); /* relaxed: the producer's own */
    if (ring->stamp) {
        if (!weft_i_spsc_find(ring, &ring->tail, &tail, WEFT_I_SPSC_FREE))
            return false;
        weft_i_spsc_write(weft_i_spsc_slot(ring, tail), element, size);
        weft_i_spsc_fill(ring, tail);
        return true;
    }
    if (weft_i_unlikely(tail == ring->full) && weft_i_spsc_room(ring, tail, size) == 0)
        return false;
    weft_i_spsc_write(weft_i_spsc_slot(ring, tail), element, size);
    weft_i_store(&ring->tail, weft_i_spsc_after(ring, tail, size), WEFT_SPSC_R1);
    return true;
}

weft_i_inline bool weft_i_spsc_pop(weft_spsc *ring, void *element, size_t size)
{
    size_t head = weft_i_load(&ring->head, memory_order_relaxed); /* relaxed: the consumer's own */
    if (ring->stamp) {
        if (!weft_i_spsc_find(ring, &ring->head, &head, WEFT_I_SPSC_FULL))
            return false;
        memcpy(element, weft_i_spsc_slot(ring, head), size);
        weft_i_spsc_empty(ring, head);
        return true;
    }
    if (weft_i_unlikely(head == ring->seen_tail) && weft_i_spsc_filled(ring, head, size) == 0)
        return false;
    memcpy(element, weft_i_spsc_slot(ring, head), size);
    weft_i_store(&ring->head, weft_i_spsc_after(ring, head, size), WEFT_SPSC_R2);
    return true;
}

#endif

/* ---- queues/spsc.c ---- */

#include <errno.h>

/* ---- creation ---- */

enum { WEFT_I_OWN_SPSC_STAMP = sizeof(weft_i_atomic_int), WEFT_I_OWN_SPSC_ANY_FLAGS = WEFT_SPSC_CONTIGUOUS | WEFT_SPSC_STAMPED };

/* The largest power of two, up to a cache line, that divides the size: no type of this size has a higher alignment. */
static size_t weft_i_own_spsc_alignment_of(size_t size)
{
    size_t alignment = size & (~size + 1);
    return alignment < WEFT_I_LINE ? alignment : WEFT_I_LINE;
}

/* Fills all but the mark and the indices. False: weft_spsc_create says -EINVAL. */
static bool weft_i_own_spsc_plan(weft_spsc *ring, size_t capacity, size_t element_size, unsigned flags)
{
    const size_t most = SIZE_MAX / 4; /* so that no sum of two overflows, and no index */
    if (capacity == 0 || element_size == 0 || element_size > most || flags & ~(unsigned)WEFT_I_OWN_SPSC_ANY_FLAGS || flags == WEFT_I_OWN_SPSC_ANY_FLAGS)
        return false;
    *ring = (weft_spsc){.capacity = capacity, .element_size = element_size, .stride = element_size};
    if (flags & WEFT_SPSC_STAMPED) {
        size_t alignment = weft_i_own_spsc_alignment_of(element_size);
        ring->stamp = weft_i_round_up(element_size, WEFT_I_OWN_SPSC_STAMP);
        ring->stride = weft_i_round_up(ring->stamp + WEFT_I_OWN_SPSC_STAMP, alignment > WEFT_I_OWN_SPSC_STAMP ? alignment : WEFT_I_OWN_SPSC_STAMP);
    }
    if (capacity > most / ring->stride)
        return false;
    ring->limit = ring->bytes = capacity * ring->stride;
    ring->first = sizeof *ring;
    return true;
}

/* Makes the ring of the plan in this memory. */
static weft_spsc *weft_i_own_spsc_lay_out(void *memory, const weft_spsc *planned)
{
    weft_spsc *ring = memory;
    memcpy(&ring->capacity, &planned->capacity, sizeof *ring - offsetof(weft_spsc, capacity)); /* all but the mark */
    ring->full = weft_i_spsc_after(ring, 0, ring->limit);
    ring->seen_tail = 0;
    /* relaxed: published by WEFT_SPSC_R4, or by whatever the user does */
    weft_i_store(&ring->tail, 0, memory_order_relaxed);
    weft_i_store(&ring->head, 0, memory_order_relaxed); /* relaxed: as above */
    for (size_t done = 0; ring->stamp && done < ring->bytes; done += ring->stride)
        weft_i_store(weft_i_spsc_stamp(ring, done << 1), weft_i_spsc_as(0, WEFT_I_SPSC_FREE),
                     memory_order_relaxed); /* relaxed: as above */
    weft_i_born(ring);
    weft_i_store(&ring->mark, WEFT_I_SPSC_MARK, WEFT_SPSC_R4);
    return ring;
}

static size_t weft_i_own_spsc_common_divisor(size_t a, size_t b)
{
    return b ? weft_i_own_spsc_common_divisor(b, a % b) : a;
}

/* A page for the ring, then the slots twice. */
static int weft_i_own_spsc_create_contiguous(weft_spsc **out, weft_spsc *ring)
{
    size_t page = weft_i_sys_page(), most = SIZE_MAX / 4;
    size_t pages = ring->stride / weft_i_own_spsc_common_divisor(ring->stride, page); /* a multiple of them is one of a slot */
    if (pages > most / page || ring->bytes > most - pages * page)
        return -EINVAL;
    ring->bytes = weft_i_round_up(ring->bytes, pages * page);
    ring->first = page;
    ring->owned = page + 2 * ring->bytes;
    void *memory;
    int error = weft_i_sys_map_twice(&memory, page, ring->bytes);
    if (error == 0)
        *out = weft_i_own_spsc_lay_out(memory, ring);
    return error;
}

int weft_spsc_create(weft_spsc **out, size_t capacity, size_t element_size, unsigned flags)
{
    weft_spsc ring;
    if (!out)
        return -EINVAL;
    *out = NULL;
    if (!weft_i_own_spsc_plan(&ring, capacity, element_size, flags))
        return -EINVAL;
    if (flags & WEFT_SPSC_CONTIGUOUS)
        return weft_i_own_spsc_create_contiguous(out, &ring);
    ring.owned = SIZE_MAX;
    void *memory = weft_i_sys_alloc(weft_i_round_up(ring.first + ring.bytes, WEFT_I_LINE), WEFT_I_LINE);
    if (!memory)
        return -ENOMEM;
    *out = weft_i_own_spsc_lay_out(memory, &ring);
    return 0;
}

void weft_spsc_destroy(weft_spsc *ring)
{
    if (!ring || !ring->owned)
        return;
    size_t owned = ring->owned;
    weft_i_dies(ring);
    if (owned == SIZE_MAX)
        weft_i_sys_free(ring);
    else
        weft_i_sys_unmap(ring, owned);
}

/* ---- in the caller's memory ---- */

static bool weft_i_own_spsc_is_aligned(const void *memory)
{
    return memory && (uintptr_t)memory % WEFT_I_LINE == 0;
}

size_t weft_spsc_bytes(size_t capacity, size_t element_size, unsigned flags)
{
    weft_spsc ring;
    return !(flags & WEFT_SPSC_CONTIGUOUS) && weft_i_own_spsc_plan(&ring, capacity, element_size, flags) ? ring.first + ring.bytes : 0;
}

int weft_spsc_init(weft_spsc **out, void *memory, size_t bytes, size_t capacity, size_t element_size, unsigned flags)
{
    weft_spsc ring;
    if (!out)
        return -EINVAL;
    *out = NULL;
    if (!weft_i_own_spsc_is_aligned(memory) || flags & WEFT_SPSC_CONTIGUOUS || !weft_i_own_spsc_plan(&ring, capacity, element_size, flags) ||
        bytes < ring.first + ring.bytes)
        return -EINVAL;
    /* relaxed: nobody uses what was there */
    weft_i_store(&((weft_spsc *)memory)->mark, 0, memory_order_relaxed);
    *out = weft_i_own_spsc_lay_out(memory, &ring);
    return 0;
}

int weft_spsc_attach(weft_spsc **out, void *memory, size_t bytes)
{
    weft_spsc *ring = memory;
    if (!out)
        return -EINVAL;
    *out = NULL;
    if (!weft_i_own_spsc_is_aligned(memory) || bytes < sizeof *ring)
        return -EINVAL;
    size_t mark = weft_i_load(&ring->mark, WEFT_SPSC_A4);
    if (mark == 0)
        return -EAGAIN;
    if (mark != WEFT_I_SPSC_MARK || ring->first > bytes || ring->bytes > bytes - ring->first)
        return -EINVAL;
    *out = ring;
    return 0;
}

/* ---- one element ---- */

/* Elements of 8 bytes are copied without a call, so that the usual push and pop save no registers. */

static weft_i_noinline bool weft_i_own_spsc_push_any(weft_spsc *ring, const void *element)
{
    return weft_i_spsc_push(ring, element, ring->element_size);
}

static weft_i_noinline bool weft_i_own_spsc_pop_any(weft_spsc *ring, void *element)
{
    return weft_i_spsc_pop(ring, element, ring->element_size);
}

bool weft_spsc_try_push(weft_spsc *ring, const void *element)
{
    if (weft_i_unlikely(!ring || !element))
        return false;
    weft_i_check_alive(ring);
    return weft_i_likely(ring->element_size == 8) ? weft_i_spsc_push(ring, element, 8) : weft_i_own_spsc_push_any(ring, element);
}

bool weft_spsc_try_pop(weft_spsc *ring, void *element)
{
    if (weft_i_unlikely(!ring || !element))
        return false;
    weft_i_check_alive(ring);
    return weft_i_likely(ring->element_size == 8) ? weft_i_spsc_pop(ring, element, 8) : weft_i_own_spsc_pop_any(ring, element);
}

/* ---- in place ---- */

static size_t weft_i_own_spsc_least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Bytes of so many slots, but at most of all. */
static size_t weft_i_own_spsc_bytes_of(const weft_spsc *ring, size_t count)
{
    return weft_i_own_spsc_least(count, ring->capacity) * ring->stride;
}

/* How many bytes of `wanted` the producer may fill at *tail, in one piece or around the end. */
static size_t weft_i_own_spsc_room_for(weft_spsc *ring, size_t *tail, size_t wanted)
{
    *tail = weft_i_load(&ring->tail, memory_order_relaxed); /* relaxed: the producer's own */
    if (wanted == 0)
        return 0;
    if (ring->stamp)
        return weft_i_spsc_find(ring, &ring->tail, tail, WEFT_I_SPSC_FREE) ? ring->stride : 0;
    return weft_i_own_spsc_least(wanted, weft_i_spsc_room(ring, *tail, wanted));
}

/* How many bytes of `wanted` the consumer may read at *head. */
static size_t weft_i_own_spsc_there_are(weft_spsc *ring, size_t *head, size_t wanted)
{
    *head = weft_i_load(&ring->head, memory_order_relaxed); /* relaxed: the consumer's own */
    if (wanted == 0)
        return 0;
    if (ring->stamp)
        return weft_i_spsc_find(ring, &ring->head, head, WEFT_I_SPSC_FULL) ? ring->stride : 0;
    return weft_i_own_spsc_least(wanted, weft_i_spsc_filled(ring, *head, wanted));
}

static size_t weft_i_own_spsc_to_end(const weft_spsc *ring, size_t index)
{
    return ring->bytes - weft_i_spsc_offset(index);
}

/* How many slots in one piece so many bytes are. */
static size_t weft_i_own_spsc_piece_of(const weft_spsc *ring, size_t index, size_t bytes)
{
    bool mapped_twice = ring->owned && ring->owned != SIZE_MAX;
    return (mapped_twice ? bytes : weft_i_own_spsc_least(bytes, weft_i_own_spsc_to_end(ring, index))) / ring->stride;
}

size_t weft_spsc_reserve(weft_spsc *ring, size_t count, void **span)
{
    size_t tail;
    if (!span)
        return 0;
    *span = NULL;
    if (!ring)
        return 0;
    weft_i_check_alive(ring);
    size_t room = weft_i_own_spsc_room_for(ring, &tail, weft_i_own_spsc_bytes_of(ring, count));
    if (room == 0)
        return 0;
    *span = weft_i_spsc_slot(ring, tail);
    return weft_i_own_spsc_piece_of(ring, tail, room);
}

void weft_spsc_commit(weft_spsc *ring, size_t count)
{
    size_t tail;
    if (!ring)
        return;
    weft_i_check_alive(ring);
    size_t filled = weft_i_own_spsc_room_for(ring, &tail, weft_i_own_spsc_bytes_of(ring, count));
    if (filled == 0)
        return;
    if (ring->stamp)
        weft_i_spsc_fill(ring, tail);
    else
        weft_i_store(&ring->tail, weft_i_spsc_after(ring, tail, filled), WEFT_SPSC_R1);
}

size_t weft_spsc_peek(weft_spsc *ring, size_t count, const void **span)
{
    size_t head;
    if (!span)
        return 0;
    *span = NULL;
    if (!ring)
        return 0;
    weft_i_check_alive(ring);
    size_t filled = weft_i_own_spsc_there_are(ring, &head, weft_i_own_spsc_bytes_of(ring, count));
    if (filled == 0)
        return 0;
    *span = weft_i_spsc_slot(ring, head);
    return weft_i_own_spsc_piece_of(ring, head, filled);
}

void weft_spsc_release(weft_spsc *ring, size_t count)
{
    size_t head;
    if (!ring)
        return;
    weft_i_check_alive(ring);
    size_t read = weft_i_own_spsc_there_are(ring, &head, weft_i_own_spsc_bytes_of(ring, count));
    if (read == 0)
        return;
    if (ring->stamp)
        weft_i_spsc_empty(ring, head);
    else
        weft_i_store(&ring->head, weft_i_spsc_after(ring, head, read), WEFT_SPSC_R2);
}

/* ---- several elements ---- */

size_t weft_spsc_push_many(weft_spsc *ring, const void *elements, size_t count)
{
    const char *from = elements;
    size_t tail, done = 0;
    if (!ring || (!elements && count))
        return 0;
    weft_i_check_alive(ring);
    if (ring->stamp) {
        while (done < count && weft_spsc_try_push(ring, from + done * ring->element_size))
            done++;
        return done;
    }
    size_t room = weft_i_own_spsc_room_for(ring, &tail, weft_i_own_spsc_bytes_of(ring, count)), piece = weft_i_own_spsc_least(room, weft_i_own_spsc_to_end(ring, tail));
    if (room == 0)
        return 0;
    memcpy(weft_i_spsc_slot(ring, tail), from, piece);
    if (room > piece)
        memcpy((char *)ring + ring->first, from + piece, room - piece);
    weft_i_store(&ring->tail, weft_i_spsc_after(ring, tail, room), WEFT_SPSC_R1);
    return room / ring->stride;
}

size_t weft_spsc_pop_many(weft_spsc *ring, void *elements, size_t count)
{
    char *to = elements;
    size_t head, done = 0;
    if (!ring || (!elements && count))
        return 0;
    weft_i_check_alive(ring);
    if (ring->stamp) {
        while (done < count && weft_spsc_try_pop(ring, to + done * ring->element_size))
            done++;
        return done;
    }
    size_t filled = weft_i_own_spsc_there_are(ring, &head, weft_i_own_spsc_bytes_of(ring, count)), piece = weft_i_own_spsc_least(filled, weft_i_own_spsc_to_end(ring, head));
    if (filled == 0)
        return 0;
    memcpy(to, weft_i_spsc_slot(ring, head), piece);
    if (filled > piece)
        memcpy(to + piece, (char *)ring + ring->first, filled - piece);
    weft_i_store(&ring->head, weft_i_spsc_after(ring, head, filled), WEFT_SPSC_R2);
    return filled / ring->stride;
}

/* ---- figures ---- */

size_t weft_spsc_size(weft_spsc *ring)
{
    if (!ring)
        return 0;
    weft_i_check_alive(ring);
    /* relaxed: a number that may be old when it is read */
    size_t head = weft_i_load(&ring->head, memory_order_relaxed);
    size_t tail = weft_i_load(&ring->tail, memory_order_relaxed); /* relaxed: as above */
    return weft_i_own_spsc_least(weft_i_spsc_between(ring, head, tail) / ring->stride, ring->capacity);
}

size_t weft_spsc_capacity(weft_spsc *ring)
{
    return ring ? ring->capacity : 0;
}

/* ---- stacks/treiber_kernel.h ---- */

/*
 * private. Treiber's stack: a linked list whose top moves by compare-and-swap. A node's next is written before the node
 * is pushed and does not change until the node is reclaimed. A pop protects the top node before it reads its next, so
 * that the node can neither be freed nor come back to the top in between (ABA). Why a thread that has lost a race waits and
 * does not offer its value to another that has: docs/design/0003-elimination.md.
 */
#ifndef WEFT_STACKS_TREIBER_KERNEL_H
#define WEFT_STACKS_TREIBER_KERNEL_H


#include <errno.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_TREIBER_R1 memory_order_release /* push -> WEFT_GUARD_A2, WEFT_TREIBER_A1, WEFT_TREIBER_A2: publishes value and next; push's linearization point */
#define WEFT_TREIBER_R2 memory_order_release /* pop -> WEFT_GUARD_A2, WEFT_TREIBER_A1, WEFT_TREIBER_A2: passes on what was published with the next node; pop's linearization point */
#define WEFT_TREIBER_A1 memory_order_acquire /* pop_all takes the top -> WEFT_TREIBER_R1, WEFT_TREIBER_R2: sees the whole chain */
#define WEFT_TREIBER_A2 memory_order_acquire /* is it empty -> WEFT_TREIBER_R1, WEFT_TREIBER_R2: what the caller does next comes after the operations that made the answer */
#endif
/* clang-format on */

typedef struct weft_i_treiber_node {
    weft_i_hook hook; /* first */
    struct weft_i_treiber_node *next;
    void *value;
} weft_i_treiber_node;

_Static_assert(sizeof(weft_i_treiber_node) == WEFT_I_SMALL_SIZE, "a stack's node is of the small class");

struct weft_treiber {
    weft_domain *domain;
    weft_i_aligned weft_atomic_ptr top;
    WEFT_I_LIFE
};

/* ---- push ---- */

/* Tried once: puts the chain first..last on top. It needs no guard, since it reads no node but its own. */
weft_i_inline weft_i_outcome weft_i_treiber_push(weft_treiber *stack, weft_i_treiber_node *first,
                                                 weft_i_treiber_node *last)
{
    /* relaxed: confirmed by the compare-and-swap, and not followed */
    void *top = weft_i_load(&stack->top, memory_order_relaxed);
    weft_i_write(&last->next, (weft_i_treiber_node *)top);
    /* relaxed: a failure reads nothing */
    if (weft_i_unlikely(!weft_i_cas(&stack->top, &top, (void *)first, WEFT_TREIBER_R1, memory_order_relaxed)))
        return WEFT_I_LOST;
    return WEFT_I_DONE;
}

/* NULL: out of memory. */
weft_i_inline weft_i_treiber_node *weft_i_treiber_node_make(weft_domain *domain, weft_i_local *local, void *value)
{
    weft_i_treiber_node *node = weft_i_node_alloc(domain, local, WEFT_I_SMALL);
    if (node)
        weft_i_write(&node->value, value);
    return node;
}

/* The cold path: tries until the chain is on top. Without a chain, makes a node for the value first. */
static weft_i_noinline int weft_i_treiber_push_again(weft_treiber *stack, weft_i_treiber_node *first,
                                                     weft_i_treiber_node *last, void *value, weft_i_outcome now)
{
    if (!first && !(first = last = weft_i_treiber_node_make(stack->domain, weft_i_local_get(stack->domain), value)))
        return -ENOMEM;
    WEFT_I_REPEAT(now, weft_i_treiber_push(stack, first, last));
    return 0;
}

/* ---- pop ---- */

/* Tried once: takes the top and retires its node. */
weft_i_inline weft_i_outcome weft_i_treiber_pop(weft_treiber *stack, void **value, weft_i_way way, weft_scheme scheme)
{
    weft_i_trial trial;
    if (weft_i_unlikely(!weft_i_trial_begin(&trial, stack->domain, way, scheme)))
        return WEFT_I_AGAIN;
    void *top = weft_i_protect(trial.attempt.hold, 0, &stack->top, scheme);
    weft_i_treiber_node *node = top;
    if (!node)
        return weft_i_trial_end(&trial, WEFT_I_SMALL, WEFT_I_EMPTY, way);
    weft_i_treiber_node *next = weft_i_read(&node->next);
    /* relaxed: a failure reads nothing */
    if (weft_i_unlikely(!weft_i_cas(&stack->top, &top, (void *)next, WEFT_TREIBER_R2, memory_order_relaxed)))
        return weft_i_trial_end(&trial, WEFT_I_SMALL, WEFT_I_LOST, way);
    *value = weft_i_read(&node->value);
    weft_i_trial_retire(&trial, &node->hook, WEFT_I_SMALL, way);
    return weft_i_trial_end(&trial, WEFT_I_SMALL, WEFT_I_DONE, way);
}

/* The cold path: tries under guards. */
static weft_i_noinline bool weft_i_treiber_pop_again(weft_treiber *stack, void **value, weft_i_outcome now)
{
    weft_scheme scheme = weft_i_scheme(stack->domain);
    WEFT_I_REPEAT(now, weft_i_treiber_pop(stack, value, WEFT_I_GUARDED, scheme));
    return now != WEFT_I_EMPTY;
}

#endif

/* ---- stacks/treiber.c ---- */

int weft_treiber_create(weft_treiber **out, weft_domain *domain)
{
    if (!out)
        return -EINVAL;
    *out = NULL;
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    weft_treiber *stack = weft_i_alloc(domain, sizeof *stack, WEFT_I_LINE);
    if (!stack)
        return -ENOMEM;
    weft_i_domain_use(domain);
    *stack = (weft_treiber){.domain = domain};
    weft_i_born(stack);
    *out = stack;
    return 0;
}

int weft_treiber_push(weft_treiber *stack, void *value)
{
    if (weft_i_unlikely(!stack))
        return -EINVAL;
    weft_i_check(stack);
    weft_i_treiber_node *node = weft_i_node_cached(stack->domain, WEFT_I_SMALL);
    if (weft_i_unlikely(!node))
        return weft_i_treiber_push_again(stack, NULL, NULL, value, WEFT_I_AGAIN);
    weft_i_write(&node->value, value);
    weft_i_outcome outcome = weft_i_treiber_push(stack, node, node);
    return weft_i_likely(outcome == WEFT_I_DONE) ? 0 : weft_i_treiber_push_again(stack, node, node, NULL, outcome);
}

int weft_treiber_push_many(weft_treiber *stack, void *const *values, size_t count)
{
    weft_i_treiber_node *first = NULL, *last = NULL;
    if (!stack || (!values && count))
        return -EINVAL;
    weft_i_check(stack);
    weft_i_local *local = weft_i_local_get(stack->domain);
    for (size_t i = 0; i < count; i++) {
        weft_i_treiber_node *node = weft_i_treiber_node_make(stack->domain, local, values[i]);
        if (!node) {
            for (weft_i_treiber_node *next; first; first = next) {
                next = first == last ? NULL : first->next;
                weft_i_node_free(stack->domain, local, WEFT_I_SMALL, first);
            }
            return -ENOMEM;
        }
        node->next = first;
        first = node;
        last = last ? last : node;
    }
    return first ? weft_i_treiber_push_again(stack, first, last, NULL, WEFT_I_AGAIN) : 0;
}

bool weft_treiber_try_pop(weft_treiber *stack, void **value)
{
    if (weft_i_unlikely(!stack || !value))
        return false;
    weft_i_check(stack);
    weft_i_outcome outcome = WEFT_I_BY_SCHEME(stack->domain, weft_i_treiber_pop, stack, value, WEFT_I_FAST);
    if (weft_i_likely(outcome == WEFT_I_DONE))
        return true;
    if (outcome == WEFT_I_DUE)
        return weft_i_maintain(stack->domain);
    return outcome != WEFT_I_EMPTY && weft_i_treiber_pop_again(stack, value, outcome);
}

size_t weft_treiber_pop_all(weft_treiber *stack, void (*each)(void *value, void *ctx), void *ctx)
{
    size_t count = 0;
    if (!stack)
        return 0;
    weft_i_check(stack);
    weft_i_treiber_node *first = weft_i_exchange(&stack->top, NULL, WEFT_TREIBER_A1);
    for (weft_i_treiber_node *node = first; node && each; node = weft_i_read(&node->next))
        each(weft_i_read(&node->value), ctx);
    /* Retires after all values have been handed out, since retiring runs callbacks, which may end the thread. */
    for (weft_i_treiber_node *node = first, *next; node; node = next, count++) {
        next = weft_i_read(&node->next);
        weft_i_retire(stack->domain, weft_i_local_get(stack->domain), &node->hook, &weft_i_recycle[WEFT_I_SMALL],
                      WEFT_I_SMALL_SIZE);
    }
    return count;
}

bool weft_treiber_is_empty(weft_treiber *stack)
{
    if (!stack)
        return true;
    weft_i_check(stack);
    return !weft_i_load(&stack->top, WEFT_TREIBER_A2);
}

void weft_treiber_destroy(weft_treiber *stack, void (*drain)(void *value, void *ctx), void *ctx)
{
    if (!stack)
        return;
    weft_i_dies(stack);
    weft_domain *domain = stack->domain;
    weft_i_local *local = weft_i_local_get(domain);
    /* relaxed: no other thread uses the stack */
    weft_i_treiber_node *node = weft_i_load(&stack->top, memory_order_relaxed);
    for (weft_i_treiber_node *next; node; node = next) {
        next = node->next;
        if (drain)
            drain(node->value, ctx);
        weft_i_node_free(domain, local, WEFT_I_SMALL, node);
    }
    weft_i_free(domain, stack, sizeof *stack);
    weft_i_domain_unuse(domain);
}

/* ---- hashmap/split_map_hash.h ---- */

/* private. Draws a map's seed. */
#ifndef WEFT_HASHMAP_SPLIT_MAP_HASH_H
#define WEFT_HASHMAP_SPLIT_MAP_HASH_H


WEFT_I_PRIVATE void weft_i_map_seed(const void *map, weft_map_seed *seed);

#endif

/* ---- hashmap/split_map_layout.h ---- */

/*
 * private. What the split-ordered map is made of. Read it beside Shalev and Shavit 2006 and Michael 2002. Then come
 * split_map_walk.h, the walk along the list; split_map_table.h and split_map_note.h, the buckets; split_map_find.h,
 * finding a key; and split_map_kernel.h, the operations.
 *
 * One list holds all entries in the order of their 64-bit hashes. A table of 2^k buckets cuts it into 2^k intervals by
 * the hash's k highest bits. A bucket is a link in the list, the dummy node itself, at the start of its interval.
 * Doubling the table halves the intervals; nothing moves. If j is even, bucket j of level k is bucket j/2 of level k-1;
 * the odd ones of level k form segment k.
 *
 * A link is a pointer with three bits. FROZEN: the node or bucket that holds this link is dead, and the link never
 * changes again. DUMMY: the link leads to a bucket. PENDING in a bucket: the bucket is not on the list yet (a walk that
 * meets it on the list clears the bit). PENDING and FROZEN in a node: it is a note (split_map_table.h). The list ends
 * with a DUMMY link to nothing, since a NULL link means a bucket that was never used.
 *
 * Invariants:
 *  (1) Links that are not frozen and are reachable from base[0] form the list, sorted by hash, with each dummy before
 *      the entries of its interval.
 *  (2) An entry is present while its value is not NULL. Its removal has four steps, in this order: value NULL, link
 *      FROZEN, unlinked, retired. The thread that emptied the value retires the node, after a walk that cannot have
 *      missed it.
 *  (3) An insertion goes behind all entries of the same hash, at a link that a walk has just reached through all of
 *      them. So two insertions of one key meet at one compare-and-swap, and the entries of one hash always stand in the
 *      order of their `order`, which differ.
 *  (4) A bucket is frozen before it is unlinked. Its segment is retired after all its buckets have been unlinked. Any
 *      bucket may be missing; then its parent serves.
 *
 * Guard words: 1 and 2 protect, in turn, the node or bucket that holds the link, and the one behind it. 0 protects a
 * note's segment, and later the value.
 */
#ifndef WEFT_HASHMAP_SPLIT_MAP_LAYOUT_H
#define WEFT_HASHMAP_SPLIT_MAP_LAYOUT_H


#ifndef WEFT_MAP_FIRST_BITS
#define WEFT_MAP_FIRST_BITS 4
#endif
#ifndef WEFT_MAP_STRIPES
#define WEFT_MAP_STRIPES 16
#endif
#ifndef WEFT_MAP_CLOSE
#define WEFT_MAP_CLOSE 32 /* buckets that an update closes while the table shrinks */
#endif
#ifndef WEFT_MAP_OPEN
#define WEFT_MAP_OPEN 16 /* buckets that an insertion opens after the table has grown */
#endif
#define WEFT_MAP_LEVELS (sizeof(size_t) * 8 - 8)

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_MAP_S1 memory_order_seq_cst /* read link -> WEFT_MAP_S2: sees the node it leads to; one order of all links makes operations on different keys linearizable together */
#define WEFT_MAP_S2 memory_order_seq_cst /* change link -> WEFT_MAP_S1: publishes a node or bucket, or passes on what was published; insert's linearization point */
#define WEFT_MAP_S3 memory_order_seq_cst /* read value -> WEFT_MAP_S4: sees what the value leads to; in the same one order as links */
#define WEFT_MAP_S4 memory_order_seq_cst /* change value -> WEFT_MAP_S3: publishes the new value; linearization point of remove and of a replacing put */
#define WEFT_MAP_A1 memory_order_acquire /* read table -> WEFT_MAP_R1: sees the segments of its level, and what has been unlinked */
#define WEFT_MAP_R1 memory_order_release /* change table -> WEFT_MAP_A1: the segment was put in place, or wholly closed and taken, before */
#define WEFT_MAP_A2 memory_order_acquire /* read segment, and confirm it -> WEFT_MAP_R2: sees its buckets zeroed */
#define WEFT_MAP_R2 memory_order_release /* put or take segment -> WEFT_MAP_A2: it is zeroed, or wholly closed, before */
#define WEFT_MAP_A3 memory_order_acquire /* read cursor -> WEFT_MAP_R3: sees which buckets are closed */
#define WEFT_MAP_R3 memory_order_release /* move cursor -> WEFT_MAP_A3: the buckets before it are unlinked */
#endif
/* clang-format on */

enum { WEFT_I_MAP_FROZEN = 1, WEFT_I_MAP_DUMMY = 2, WEFT_I_MAP_PENDING = 4, WEFT_I_MAP_LINK_BITS = 7 };

/* A table's word: its level, whether the level above is being closed, and above that the number of changes. */
enum { WEFT_I_MAP_LEVEL = 255, WEFT_I_MAP_CLOSING = 256, WEFT_I_MAP_CHANGE = 512 };

typedef struct weft_i_map_node {
    weft_i_hook hook; /* first */
    weft_atomic_ptr next;
    void *key;
    uint64_t hash;
    weft_atomic_ptr value;
    void *dead;   /* the value to be destroyed with the node, or NULL */
    size_t order; /* one more than that of the entry of the same hash that it was linked behind; 0: there was none */
} weft_i_map_node;

_Static_assert(sizeof(weft_i_map_node) <= WEFT_I_LARGE_SIZE, "a map's node is of the large class");

typedef struct weft_i_map_bucket {
    weft_atomic_ptr link;
} __attribute__((aligned(8))) weft_i_map_bucket;

typedef struct weft_i_map_segment {
    weft_hook hook;
    weft_domain *domain;
    size_t bytes;
    size_t serial;             /* the odd word that it replaced in its slot: no two segments of a level have the same */
    weft_i_atomic_size cursor; /* while closing: the buckets before it are closed and unlinked */
    weft_i_aligned weft_i_map_bucket bucket[];
} weft_i_map_segment;

/* How entries with destructors are reclaimed. Lives until the map and all its retired entries are gone. */
typedef struct weft_i_map_kinds {
    weft_i_kind entry; /* a whole entry */
    weft_i_kind value; /* a replaced value, in a node of its own */
    weft_map_config config;
    weft_i_atomic_size users; /* retired entries, and the map */
} weft_i_map_kinds;

struct weft_map {
    weft_domain *domain;
    uint64_t (*hash)(const void *key, const weft_map_seed *seed, void *ctx); /* NULL: integers */
    bool (*equal)(const void *a, const void *b, void *ctx);
    void *ctx;
    weft_map_seed seed;
    weft_i_map_kinds *kinds; /* NULL: no destructors */
    weft_i_aligned weft_i_atomic_size
        table; /* level, WEFT_I_MAP_CLOSING, and how often the level has changed: no word comes twice */
    weft_i_atomic_size opening;               /* buckets of the last growth that no insertion has begun to open */
    weft_i_atomic_size reserved;              /* the level below which the table does not shrink */
    weft_atomic_ptr segment[WEFT_MAP_LEVELS]; /* odd: none; no such word comes twice in one place */
    weft_i_map_bucket base[(size_t)1 << WEFT_MAP_FIRST_BITS];
    struct {
        weft_i_aligned weft_i_atomic_size size; /* modulo 2^n: insertion and removal may count on different stripes */
    } stripe[WEFT_MAP_STRIPES];
    WEFT_I_LIFE
};

weft_i_inline uintptr_t weft_i_map_bits(void *link)
{
    return (uintptr_t)link & WEFT_I_MAP_LINK_BITS;
}

weft_i_inline void *weft_i_map_target(void *link)
{
    return (void *)((uintptr_t)link & ~(uintptr_t)WEFT_I_MAP_LINK_BITS);
}

weft_i_inline void *weft_i_map_link(void *target, uintptr_t bits)
{
    return (void *)((uintptr_t)target | bits);
}

weft_i_inline void *weft_i_map_without(void *link, uintptr_t bits)
{
    return (void *)((uintptr_t)link & ~bits);
}

/*
 * Multiply, fold, multiply (the steps of A. Appleby's MurmurHash3 finalizer), with random words. It is one-to-one, and
 * its high bits, which select the bucket, depend on all of the key. One multiplication is not enough:
 * tests/unit/hash_test.c.
 */
weft_i_inline uint64_t weft_i_map_hash_integer(uint64_t key, const weft_map_seed *seed)
{
    uint64_t h = (key ^ seed->k0) * (seed->k1 | 1);
    return (h ^ h >> 32) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 by the golden ratio: odd, its bits well mixed */
}

weft_i_inline uint64_t weft_i_map_hash(const weft_map *map, const void *key)
{
    return map->hash ? map->hash(key, &map->seed, map->ctx)
                     : weft_i_map_hash_integer((uint64_t)(uintptr_t)key, &map->seed);
}

weft_i_inline bool weft_i_map_equal(const weft_map *map, const void *a, const void *b)
{
    return map->equal ? map->equal(a, b, map->ctx) : a == b;
}

/* ---- the table, and places of buckets in it ---- */

weft_i_inline size_t weft_i_map_level_of(size_t table)
{
    return table & WEFT_I_MAP_LEVEL;
}

weft_i_inline bool weft_i_map_is_closing(size_t table)
{
    return table & WEFT_I_MAP_CLOSING;
}

weft_i_inline bool weft_i_map_is_none(const void *segment)
{
    return (uintptr_t)segment & 1;
}

weft_i_inline size_t weft_i_map_table(weft_map *map)
{
    return weft_i_load(&map->table, WEFT_MAP_A1);
}

weft_i_inline size_t weft_i_map_level(weft_map *map)
{
    return weft_i_map_level_of(weft_i_map_table(map));
}

typedef struct weft_i_map_place {
    size_t level; /* WEFT_MAP_FIRST_BITS: in base */
    size_t offset;
} weft_i_map_place;

/* The bucket of a hash in a table of 2^level. */
weft_i_inline weft_i_map_place weft_i_map_place_of(uint64_t hash, size_t level)
{
    uint64_t j = hash >> (64 - level);
    size_t zeros = j ? (size_t)__builtin_ctzll(j) : level;
    if (level - zeros <= WEFT_MAP_FIRST_BITS)
        return (weft_i_map_place){WEFT_MAP_FIRST_BITS, (size_t)(hash >> (64 - WEFT_MAP_FIRST_BITS))};
    return (weft_i_map_place){level - zeros, (size_t)(j >> (zeros + 1))};
}

weft_i_inline size_t weft_i_map_segment_length(size_t level)
{
    return (size_t)1 << (level - 1);
}

weft_i_inline uint64_t weft_i_map_start_of(size_t level, size_t offset)
{
    return level == WEFT_MAP_FIRST_BITS ? (uint64_t)offset << (64 - WEFT_MAP_FIRST_BITS)
                                        : (2 * (uint64_t)offset + 1) << (64 - level);
}

/*
 * Finds where the interval of a protected bucket starts, by the segment that it is in. It tries this level first, then
 * lower ones (half of all buckets are in the level's own segment, a quarter in the one below). False: in none of these.
 */
weft_i_inline bool weft_i_map_bucket_start(weft_map *map, const weft_i_map_bucket *bucket, size_t level,
                                           uint64_t *start)
{
    for (; level > WEFT_MAP_FIRST_BITS; level--) {
        weft_i_map_segment *segment = weft_i_load(&map->segment[level], WEFT_MAP_A2);
        size_t offset =
            !weft_i_map_is_none(segment) ? ((uintptr_t)bucket - (uintptr_t)segment->bucket) / sizeof *bucket : SIZE_MAX;
        if (offset < weft_i_map_segment_length(level)) {
            *start = weft_i_map_start_of(level, offset);
            return true;
        }
    }
    size_t offset = ((uintptr_t)bucket - (uintptr_t)map->base) / sizeof *bucket;
    *start = weft_i_map_start_of(WEFT_MAP_FIRST_BITS, offset);
    return offset < sizeof map->base / sizeof *bucket;
}

/* ---- where a walk stands ---- */

typedef struct weft_i_map_walk {
    weft_map *map;
    weft_i_hold hold;
    uint64_t hash;         /* a dummy that starts after it ends the walk */
    size_t level;          /* of the table when the walk began */
    size_t order;          /* one more than that of the last entry of this hash that the walk passed */
    weft_atomic_ptr *prev; /* the link where the walk stands */
    void *at;              /* what was read there: leads to `here` */
    void *here;            /* node or bucket, protected; NULL: the end */
    int word;              /* the guard word that protects `here`; the other one protects the holder of `prev` */
} weft_i_map_walk;

typedef enum weft_i_map_seen { WEFT_I_MAP_AT_END, WEFT_I_MAP_AT_NODE, WEFT_I_MAP_RESTART } weft_i_map_seen;

#endif

/* ---- hashmap/split_map_iterate.h ---- */

/* private. For iterations inside the map, which leave their guards between two entries whenever callbacks may run. */
#ifndef WEFT_HASHMAP_SPLIT_MAP_ITERATE_H
#define WEFT_HASHMAP_SPLIT_MAP_ITERATE_H


WEFT_I_PRIVATE void weft_i_map_iterator_enter(weft_map_iterator *iterator);
WEFT_I_PRIVATE void weft_i_map_iterator_leave(weft_map_iterator *iterator);
WEFT_I_PRIVATE bool weft_i_map_iterator_next(weft_map_iterator *iterator, void **key, void **value);

#endif

/* ---- hashmap/split_map_note.h ---- */

/* private. Notes: nodes that stand in the list for buckets to be opened. split_map_table.h says what they are for. */
#ifndef WEFT_HASHMAP_SPLIT_MAP_NOTE_H
#define WEFT_HASHMAP_SPLIT_MAP_NOTE_H


/*
 * w->here is a note, `next` its link: replaces the note by its bucket or, if that is frozen or gone, removes the note.
 */
WEFT_I_PRIVATE void weft_i_map_note_settle(weft_i_map_walk *w, void *next, weft_scheme scheme);

/*
 * The same for a note that word 0 or the walk protects; w->prev leads to it by `at`. Its bucket is protected, too
 * (NULL: gone). True: the caller has taken the note off the list and must retire it.
 */
WEFT_I_PRIVATE bool weft_i_map_note_put(weft_i_map_walk *w, void *next, weft_i_map_bucket *bucket, void *at);

#endif

/* ---- hashmap/split_map_walk.h ---- */

/*
 * private. The walk along the map's list: it reads, protects, unlinks dead nodes, and steps on. split_map_layout.h has
 * the invariants.
 */
#ifndef WEFT_HASHMAP_SPLIT_MAP_WALK_H
#define WEFT_HASHMAP_SPLIT_MAP_WALK_H


/* Reads and protects a value. Its seq_cst loads are in one order with those of links; acquire loads would not be. */
weft_i_inline void *weft_i_map_protect_value(weft_i_hold hold, weft_atomic_ptr *source, weft_scheme scheme)
{
    void *value = weft_i_load(source, WEFT_MAP_S3);
    while (scheme == WEFT_HAZARD) {
        weft_i_publish(hold, 0, weft_i_hazard(value), scheme);
        void *again = weft_i_load(source, WEFT_MAP_S3);
        if (weft_i_likely(again == value))
            break;
        value = again;
    }
    return value;
}

/* Reads and protects what `prev` leads to. False: the holder of `prev` is dead. */
weft_i_inline bool weft_i_map_walk_read(weft_i_map_walk *w, weft_scheme scheme)
{
    void *at = weft_i_load(w->prev, WEFT_MAP_S1);
    for (;;) {
        if (weft_i_unlikely(weft_i_map_bits(at) & WEFT_I_MAP_FROZEN))
            return false;
        w->at = at;
        w->here = weft_i_map_target(at);
        if (scheme != WEFT_HAZARD || !w->here)
            return true;
        weft_i_publish(w->hold, w->word, w->here, scheme);
        at = weft_i_load(w->prev, WEFT_MAP_S1);
        if (weft_i_likely(at == w->at))
            return true;
    }
}

/* Steps over the node or bucket just seen. */
weft_i_inline void weft_i_map_walk_on(weft_i_map_walk *w, weft_atomic_ptr *its)
{
    w->prev = its;
    w->word = 3 - w->word;
}

/*
 * Looks at what is behind `prev`; unlinks dead nodes and steps over dummies. A dummy that starts after the hash ends
 * the walk. The start follows from the dummy's address in its segment, so its cache line is not read. RESTART: begin
 * again.
 */
weft_i_inline weft_i_map_seen weft_i_map_walk_look(weft_i_map_walk *w, weft_scheme scheme)
{
    uint64_t start;
    for (;;) {
        if (weft_i_unlikely(!weft_i_map_walk_read(w, scheme)))
            return WEFT_I_MAP_RESTART;
        if (!w->here)
            return WEFT_I_MAP_AT_END;
        bool dummy = weft_i_map_bits(w->at) & WEFT_I_MAP_DUMMY;
        if (dummy) {
            if (weft_i_unlikely(!weft_i_map_bucket_start(w->map, w->here, w->level, &start)) &&
                !weft_i_map_bucket_start(w->map, w->here, WEFT_MAP_LEVELS - 1, &start))
                return WEFT_I_MAP_RESTART; /* its segment is being dropped */
            if (start > w->hash)
                return WEFT_I_MAP_AT_END;
        }
        weft_atomic_ptr *its = dummy ? &((weft_i_map_bucket *)w->here)->link : &((weft_i_map_node *)w->here)->next;
        void *next = weft_i_load(its, WEFT_MAP_S1);
        if (weft_i_likely(!(weft_i_map_bits(next) & (WEFT_I_MAP_FROZEN | WEFT_I_MAP_PENDING)))) {
            if (!dummy)
                return WEFT_I_MAP_AT_NODE;
            weft_i_map_walk_on(w, its);
            continue;
        }
        if (!dummy && weft_i_map_bits(next) & WEFT_I_MAP_PENDING) {
            weft_i_map_note_settle(w, next, scheme);
            continue;
        }
        if (!(weft_i_map_bits(next) &
              WEFT_I_MAP_FROZEN)) { /* it is on the list, so no longer pending: clear the bit, and look again */
            (void)weft_i_cas(its, &next, weft_i_map_without(next, WEFT_I_MAP_PENDING), WEFT_MAP_S2, WEFT_MAP_S1);
            continue;
        }
        void *expected = w->at;
        next = weft_i_map_without(next, WEFT_I_MAP_FROZEN | WEFT_I_MAP_PENDING);
        if (!weft_i_cas(w->prev, &expected, next, WEFT_MAP_S2, WEFT_MAP_S1))
            return WEFT_I_MAP_RESTART;
    }
}

weft_i_inline void weft_i_map_walk_end(weft_i_hold hold, weft_scheme scheme)
{
    weft_i_unpublish(hold, 1, scheme);
    weft_i_unpublish(hold, 2, scheme);
}

/* Freezes a link, so that no insertion comes behind a dead node. Returns the link without FROZEN. */
weft_i_inline void *weft_i_map_freeze(weft_atomic_ptr *link)
{
    void *next = weft_i_load(link, WEFT_MAP_S1);
    while (!(weft_i_map_bits(next) & WEFT_I_MAP_FROZEN))
        if (weft_i_cas(link, &next, weft_i_map_link(next, WEFT_I_MAP_FROZEN), WEFT_MAP_S2, WEFT_MAP_S1))
            break;
    return weft_i_map_without(next, WEFT_I_MAP_FROZEN);
}

#endif

/* ---- hashmap/split_map_table.h ---- */

/*
 * private. The map's buckets: where a walk begins, how buckets are opened and closed, how the table grows and shrinks.
 * No thread waits for another one in the middle of this, even if that one is late or never goes on. Each state between
 * two steps determines what is left to do, any thread can do it, and each step is a compare-and-swap that can succeed
 * only once.
 *
 * The table is one word: the level L, CLOSING, and a count, so that no word comes twice. It goes from L to L + 1 once
 * the slot of L + 1 has a segment. It goes from L to L - 1 and sets CLOSING in one step; CLOSING is cleared when the
 * slot of the level above is empty. A slot goes from an odd word, of which none comes twice, to a segment, and to the
 * next odd word. So:
 *  (a) Levels up to L have their segments. A thread puts a segment into the slot of L + 1 only if it has read the
 *      slot's odd word and then the table, at L and not CLOSING. Until the slot's word changes, the table can neither
 *      reach L + 1 nor close it.
 *  (b) While the table is CLOSING, the slot above changes once, from the segment to an odd word, after all its buckets
 *      were closed. A thread that reads CLOSING, protects the segment, and reads the same table word again, has the
 *      segment that is to be closed.
 *  (c) A segment in its slot is alive if the table has had its level since the segment came there. It stays alive until
 *      it is closed.
 *
 * Shrinking. Each update closes a chunk of buckets: it freezes each bucket, and then walks to its place, which unlinks
 * it. Several threads may close the same chunk and do the same steps; each moves the cursor only after it has done all
 * of the chunk itself.
 *
 * Opening a bucket. A thread never links the bucket itself: if a late thread could still link a bucket's address, its
 * segment could never be retired. Instead the thread links a note at the place where the bucket belongs, before all
 * entries that the bucket leads to. A note is a node of its own, dead from the start: no insertion goes behind it, so
 * its link never changes. Each thread that meets the note settles it, its maker included. To settle a note, a thread
 * protects the bucket's segment. If that is not the segment that the note was written for (by its serial), the bucket
 * is gone. Otherwise the thread gives the bucket the note's link, with PENDING, if the bucket's link is still NULL.
 * Then it swings the link that leads to the note: to the bucket or, if that is frozen or gone, to what is behind the
 * note. The thread that succeeds retires the note and clears PENDING; from then on walks may begin at the bucket.
 *  (d) A thread that settles a note protects it, so the note's address does not come back. The note is on the list
 *      once, so only one thread succeeds in swinging the link that leads to it, and a late one changes nothing.
 *  (e) For one start of an interval there is one note at a time: a note is linked where a walk has passed all that is
 *      there for that start. While the bucket is on the list, or its link is not NULL, no new note comes: a thread that
 *      walks and then finds the link NULL links its note at a word that has not changed since.
 *  (f) The bucket's link is set once in the life of its segment and never goes back to NULL. A note leaves the list
 *      only when the link has been set or frozen, or the segment is gone, which comes later. So a late helper's
 *      compare-and-swap from NULL fails.
 *  (g) A bucket is put on the list at most once, by the note whose link it has, and not after it was closed. A thread
 *      that freezes a bucket then walks past its place, which settles a note that is there already. A note that comes
 *      later finds the bucket frozen or gone.
 *  (h) Notes are made only for segments that are alive (c). So while the table is not CLOSING, no bucket above its
 *      level is on the list. weft_i_map_look relies on that. The end of CLOSING (WEFT_MAP_R1, WEFT_MAP_A1) comes after the last
 *      unlinking.
 * If there is no memory for a note, or its maker ends before it is linked, only the note is lost: the bucket's parent
 * serves, and the next thread that meets the bucket opens it. Insertions open all buckets in order soon after a growth.
 * That is cheaper than one by one (neighbours share cache lines), and lookups find a finished table.
 */
#ifndef WEFT_HASHMAP_SPLIT_MAP_TABLE_H
#define WEFT_HASHMAP_SPLIT_MAP_TABLE_H


/* Returns the bucket, protected by word 1. NULL: its segment does not exist now. */
weft_i_inline weft_i_map_bucket *weft_i_map_bucket_at(weft_map *map, weft_i_hold hold, weft_i_map_place place,
                                                      weft_scheme scheme)
{
    if (place.level == WEFT_MAP_FIRST_BITS)
        return &map->base[place.offset];
    weft_atomic_ptr *source = &map->segment[place.level];
    weft_i_map_segment *segment = weft_i_load(source, WEFT_MAP_A2);
    while (weft_i_likely(!weft_i_map_is_none(segment))) {
        weft_i_map_bucket *bucket = &segment->bucket[place.offset];
        weft_i_publish(hold, 1, bucket, scheme);
        weft_i_map_segment *again = scheme == WEFT_HAZARD ? weft_i_load(source, WEFT_MAP_A2) : segment;
        if (weft_i_likely(again == segment))
            return bucket;
        segment = again;
    }
    return NULL;
}

/* Opens a bucket that was never used, unless its segment is not alive or there is no memory. */
WEFT_I_PRIVATE void weft_i_map_bucket_open(weft_map *map, weft_i_map_bucket *bucket, weft_i_map_place place);

/* Begins a walk towards a hash, from the nearest usable bucket of this level or a lower one. */
weft_i_inline void weft_i_map_walk_begin(weft_i_map_walk *w, weft_map *map, weft_i_hold hold, uint64_t hash,
                                         size_t level, weft_scheme scheme)
{
    *w = (weft_i_map_walk){.map = map, .hold = hold, .hash = hash, .level = level, .word = 2};
    for (;;) {
        weft_i_map_place place = weft_i_map_place_of(hash, level);
        weft_i_map_bucket *bucket = weft_i_map_bucket_at(map, hold, place, scheme);
        void *link = bucket ? weft_i_load(&bucket->link, WEFT_MAP_S1) : weft_i_map_link(NULL, WEFT_I_MAP_FROZEN);
        if (weft_i_unlikely(!link)) {
            weft_i_map_bucket_open(map, bucket, place);
            link = weft_i_load(&bucket->link, WEFT_MAP_S1);
        }
        if (weft_i_likely(link && !(weft_i_map_bits(link) & (WEFT_I_MAP_FROZEN | WEFT_I_MAP_PENDING)))) {
            w->prev = &bucket->link;
            return;
        }
        level = place.level - 1;
    }
}

/*
 * Walks to where the hash's entries begin: behind all dummies that start at or before it. The walk begins at `level`.
 * Afterwards w->here is the first entry of that hash or a higher one, or the result is AT_END.
 */
weft_i_inline weft_i_map_seen weft_i_map_walk_to(weft_i_map_walk *w, weft_map *map, weft_i_hold hold, uint64_t hash,
                                                 size_t level, weft_scheme scheme)
{
    weft_i_map_walk_begin(w, map, hold, hash, level, scheme);
    for (;;) {
        weft_i_map_seen seen = weft_i_map_walk_look(w, scheme);
        if (weft_i_unlikely(seen == WEFT_I_MAP_RESTART))
            weft_i_map_walk_begin(w, map, hold, hash, level, scheme);
        else if (seen == WEFT_I_MAP_AT_NODE && ((weft_i_map_node *)w->here)->hash < hash)
            weft_i_map_walk_on(w, &((weft_i_map_node *)w->here)->next);
        else
            return seen;
    }
}

weft_i_inline void weft_i_map_node_fill(weft_i_map_node *node, uint64_t hash, void *key, void *value)
{
    node->key = key;
    node->hash = hash;
    node->dead = NULL;
    node->order = 0;
    /* relaxed: the node is private until WEFT_MAP_S2 */
    weft_i_store(&node->value, value, memory_order_relaxed);
}

weft_i_inline weft_i_map_node *weft_i_map_node_make(weft_map *map, uint64_t hash, void *key, void *value)
{
    weft_i_map_node *node = weft_i_node_alloc(map->domain, weft_i_local_get(map->domain), WEFT_I_LARGE);
    if (weft_i_likely(node != NULL))
        weft_i_map_node_fill(node, hash, key, value);
    return node;
}

weft_i_inline void weft_i_map_node_drop(weft_map *map, weft_i_map_node *node)
{
    if (node)
        weft_i_node_free(map->domain, weft_i_local_get(map->domain), WEFT_I_LARGE, node);
}

WEFT_I_PRIVATE size_t weft_i_map_segment_bytes(size_t level);
WEFT_I_PRIVATE size_t weft_i_map_sum(weft_map *map);
WEFT_I_PRIVATE void weft_i_map_grow(weft_map *map);
WEFT_I_PRIVATE void weft_i_map_open_some(weft_map *map);
/* Grows the table for so many entries, opens its buckets, and keeps it from shrinking. -ENOMEM: it is smaller. */
WEFT_I_PRIVATE int weft_i_map_reserve(weft_map *map, size_t entries);
/* Does one step of shrinking. False: there is nothing to do. */
WEFT_I_PRIVATE bool weft_i_map_shrink(weft_map *map);

/* Counts an update. True: the caller must check whether the table fits, or help closing. */
weft_i_inline bool weft_i_map_count(weft_map *map, size_t change)
{
    size_t stripe = weft_i_own_record()->number % WEFT_MAP_STRIPES;
    /* relaxed: a figure */
    size_t now = weft_i_fetch_add(&map->stripe[stripe].size, change, memory_order_relaxed) + change;
    size_t table = weft_i_map_table(map), level = weft_i_map_level_of(table);
    size_t grain = level > 8 ? (size_t)1 << (level - 8) : 1;
    return (now & (grain - 1)) == 0 || weft_i_map_is_closing(table);
}

#endif

/* ---- hashmap/split_map_find.h ---- */

/*
 * private. Finds a key's entry, or its place: by a walk that helps other operations that it meets, or by one that only
 * reads.
 */
#ifndef WEFT_HASHMAP_SPLIT_MAP_FIND_H
#define WEFT_HASHMAP_SPLIT_MAP_FIND_H


/*
 * Finds the key's entry. Returns a node whose value was not NULL. NULL: absent; then w stands where the entry would be
 * inserted, behind all entries of its hash.
 */
weft_i_inline weft_i_map_node *weft_i_map_find(weft_i_map_walk *w, weft_map *map, weft_i_hold hold, uint64_t hash,
                                               const void *key, weft_scheme scheme)
{
    weft_i_map_seen seen = weft_i_map_walk_to(w, map, hold, hash, weft_i_map_level(map), scheme);
    for (;;) {
        weft_i_map_node *node = w->here;
        if (seen == WEFT_I_MAP_RESTART) {
            seen = weft_i_map_walk_to(w, map, hold, hash, weft_i_map_level(map), scheme);
            continue;
        }
        if (seen != WEFT_I_MAP_AT_NODE || node->hash > hash)
            return NULL;         /* the end of the interval, or a higher hash */
        if (node->hash < hash) { /* inserted meanwhile, where a dead node has just been unlinked */
            weft_i_map_walk_on(w, &node->next);
        } else if (weft_i_map_equal(map, node->key, key)) {
            if (weft_i_likely(weft_i_load(&node->value, WEFT_MAP_S3) != NULL))
                return node;
            (void)weft_i_map_freeze(&node->next); /* being removed: help, and look again */
        } else {
            w->order = node->order + 1;
            weft_i_map_walk_on(w, &node->next);
        }
        seen = weft_i_map_walk_look(w, scheme);
    }
}

/* Links the node where the walk stands. False: the link there has changed. */
weft_i_inline bool weft_i_map_insert_at(weft_i_map_walk *w, weft_i_map_node *node)
{
    void *expected = w->at;
    /* relaxed: the node is private until WEFT_MAP_S2 */
    weft_i_store(&node->next, w->at, memory_order_relaxed);
    return weft_i_cas(w->prev, &expected, (void *)node, WEFT_MAP_S2, WEFT_MAP_S1);
}

typedef enum weft_i_map_outcome {
    WEFT_I_MAP_FOUND,
    WEFT_I_MAP_ABSENT,
    WEFT_I_MAP_AGAIN /* by weft_i_map_find */
} weft_i_map_outcome;

/*
 * One attempt at finding an integer's entry: a walk that only reads, from the hash's bucket in the present table. All
 * other cases (a bucket that is not open, a dead node) are left to weft_i_map_find. If the table has not changed, the
 * first dummy ends the walk: among the buckets of the table's level and below, the one where the walk began is the last
 * that starts at or before the hash. Dummies of higher levels are all unlinked while nothing is being closed, and come
 * only with a change of the table. FOUND: w->here is the entry, *value its value. ABSENT: w stands where the entry
 * would be inserted.
 */
weft_i_inline weft_i_map_outcome weft_i_map_look(weft_i_map_walk *w, weft_map *map, weft_i_hold hold, uint64_t hash,
                                                 const void *key, void **value, bool to_insert, weft_scheme scheme)
{
    size_t table = weft_i_map_table(map);
    if (weft_i_unlikely(weft_i_map_is_closing(table)))
        return WEFT_I_MAP_AGAIN;
    weft_i_map_bucket *bucket =
        weft_i_map_bucket_at(map, hold, weft_i_map_place_of(hash, weft_i_map_level_of(table)), scheme);
    *w = (weft_i_map_walk){.hold = hold, .prev = bucket ? &bucket->link : NULL, .word = 2};
    while (weft_i_likely(w->prev != NULL)) {
        w->at = weft_i_load(w->prev, WEFT_MAP_S1);
        if (weft_i_unlikely(!w->at || weft_i_map_bits(w->at) & (WEFT_I_MAP_FROZEN | WEFT_I_MAP_PENDING)))
            return WEFT_I_MAP_AGAIN;
        bool dummy = weft_i_map_bits(w->at) & WEFT_I_MAP_DUMMY;
        if (!dummy || to_insert) { /* an insertion's compare-and-swap relies on the address not coming back */
            weft_i_publish(hold, w->word, weft_i_map_target(w->at), scheme);
            if (weft_i_unlikely(scheme == WEFT_HAZARD && weft_i_load(w->prev, WEFT_MAP_S1) != w->at))
                return WEFT_I_MAP_AGAIN;
        }
        if (dummy)
            return weft_i_likely(weft_i_map_table(map) == table) ? WEFT_I_MAP_ABSENT : WEFT_I_MAP_AGAIN;
        weft_i_map_node *node = w->here = w->at;
        if (node->key == key) {
            *value = weft_i_map_protect_value(hold, &node->value, scheme);
            return weft_i_likely(*value != NULL) ? WEFT_I_MAP_FOUND : WEFT_I_MAP_AGAIN;
        }
        if (node->hash > hash)
            return WEFT_I_MAP_ABSENT;
        weft_i_map_walk_on(w, &node->next);
    }
    return WEFT_I_MAP_AGAIN;
}

#endif

/* ---- hashmap/split_map_kernel.h ---- */

/*
 * private. The map's operations: each under a guard, and the usual case as an attempt without one.
 */
#ifndef WEFT_HASHMAP_SPLIT_MAP_KERNEL_H
#define WEFT_HASHMAP_SPLIT_MAP_KERNEL_H


#include <errno.h>

/* Retires a node with what is to be destroyed; without destructors it is only memory. Then weft_i_catch_up is due. */
weft_i_inline void weft_i_map_retire(weft_map *map, weft_i_map_node *node, bool whole_entry)
{
    weft_i_map_kinds *kinds = map->kinds;
    const weft_i_kind *kind = &weft_i_recycle[WEFT_I_LARGE];
    if (kinds) {
        /* relaxed: the map is a user itself, so that this cannot be the first */
        (void)weft_i_fetch_add(&kinds->users, 1, memory_order_relaxed);
        kind = whole_entry ? &kinds->entry : &kinds->value;
    }
    (void)weft_i_retire_held(map->domain, weft_i_local_get(map->domain), &node->hook, kind, kind->size);
}

/* Finds the entry, or links a new one. *made is the new node, allocated once: linked if 0 is returned and *found is NULL. */
weft_i_inline int weft_i_map_find_or_link(weft_i_map_walk *w, weft_map *map, weft_i_hold hold, void *key, void *value,
                                          weft_i_map_node **found, weft_i_map_node **made, weft_scheme scheme)
{
    uint64_t hash = weft_i_map_hash(map, key);
    for (;;) {
        *found = weft_i_map_find(w, map, hold, hash, key, scheme);
        if (*found)
            return 0;
        if (!*made && !(*made = weft_i_map_node_make(map, hash, key, value)))
            return -1;
        (*made)->order = w->order;
        if (weft_i_likely(weft_i_map_insert_at(w, *made)))
            return 0;
    }
}

typedef struct weft_i_map_upsert {
    weft_i_map_node *found, *made;
    void *value; /* the value found */
    int error;
} weft_i_map_upsert;

/* error -1: no memory, nothing done. found: replaced, `value` is the old value. */
weft_i_inline weft_i_map_upsert weft_i_map_put(weft_map *map, void *key, void *value, bool destroy, weft_scheme scheme)
{
    weft_guard own;
    weft_i_map_walk w;
    weft_i_map_upsert r = {0};
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    for (bool done = false; !done;) {
        r.error = weft_i_map_find_or_link(&w, map, hold, key, value, &r.found, &r.made, scheme);
        /* the replaced value needs a node to wait in */
        if (r.found && destroy && !r.made &&
            !(r.made = weft_i_map_node_make(map, weft_i_map_hash(map, key), key, value)))
            r.error = -1;
        done = r.error || !r.found;
        if (done)
            break;
        r.value = weft_i_load(&r.found->value, WEFT_MAP_S3);
        while (r.value && !done)
            done = weft_i_cas(&r.found->value, &r.value, value, WEFT_MAP_S4, WEFT_MAP_S3);
    }
    weft_i_map_walk_end(hold, scheme);
    weft_i_end(hold, &own);
    return r;
}

weft_i_inline void *weft_i_map_get_guarded(weft_map *map, weft_i_hold hold, uint64_t hash, const void *key,
                                           weft_scheme scheme)
{
    weft_i_map_walk w;
    weft_i_map_node *node = weft_i_map_find(&w, map, hold, hash, key, scheme);
    void *value = node ? weft_i_map_protect_value(hold, &node->value, scheme) : NULL;
    weft_i_map_walk_end(hold, scheme);
    return value;
}

/* 0: replaced; 1: absent; 2: another value. */
weft_i_inline int weft_i_map_replace(weft_map *map, const void *key, void *expected, void *desired, weft_scheme scheme)
{
    weft_guard own;
    weft_i_map_walk w;
    int result = 1;
    uint64_t hash = weft_i_map_hash(map, key);
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    for (weft_i_map_node *node; (node = weft_i_map_find(&w, map, hold, hash, key, scheme)) != NULL;) {
        void *value = expected;
        if (weft_i_cas(&node->value, &value, desired, WEFT_MAP_S4, WEFT_MAP_S3))
            result = 0;
        else if (value)
            result = 2;
        else
            continue; /* removed in between */
        break;
    }
    weft_i_map_walk_end(hold, scheme);
    weft_i_end(hold, &own);
    return result;
}

/* Empties the entry, unlinks and retires it. 0: *value was its value; 1: absent; 2: its value is not `expected`. */
weft_i_inline int weft_i_map_remove_guarded(weft_map *map, const void *key, void *expected, bool destroy, void **value,
                                            weft_scheme scheme)
{
    weft_guard own;
    weft_i_map_walk w = {0};
    weft_i_map_node *node = NULL;
    int result = 1;
    uint64_t hash = weft_i_map_hash(map, key);
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    while (result == 1 && (node = weft_i_map_find(&w, map, hold, hash, key, scheme)) != NULL) {
        *value = weft_i_load(&node->value, WEFT_MAP_S3);
        while (*value && (!expected || *value == expected) && result == 1)
            result = weft_i_cas(&node->value, value, NULL, WEFT_MAP_S4, WEFT_MAP_S3) ? 0 : 1;
        if (*value && result == 1)
            result = 2;
    }
    if (result == 0) {
        void *at = w.at, *next = weft_i_map_freeze(&node->next);
        if (!weft_i_cas(w.prev, &at, next, WEFT_MAP_S2, WEFT_MAP_S1))
            (void)weft_i_map_find(&w, map, hold, hash, key, scheme); /* passes the node's place, which unlinks it */
    }
    weft_i_map_walk_end(hold, scheme);
    weft_i_end(hold, &own);
    if (result == 0) {
        node->dead = destroy ? *value : NULL;
        weft_i_map_retire(map, node, true);
    }
    return result;
}

/* Walks past the place of a dead node, so that it is unlinked. */
weft_i_inline void weft_i_map_pass(weft_map *map, const weft_i_map_node *node, weft_scheme scheme)
{
    weft_guard own;
    weft_i_map_walk w;
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    (void)weft_i_map_find(&w, map, hold, node->hash, node->key, scheme);
    weft_i_map_walk_end(hold, scheme);
    weft_i_end(hold, &own);
}

/* ---- whole operations: an attempt, and the way under a guard where it fails ---- */

static weft_i_noinline int weft_i_map_look_after(weft_map *map, bool may_grow)
{
    if (may_grow)
        weft_i_map_grow(map);
    /* relaxed: a hint */
    if (weft_i_load(&map->opening, memory_order_relaxed)) {
        weft_i_map_open_some(map);
        weft_i_catch_up(map->domain);
    }
    return 0;
}

weft_i_inline int weft_i_map_after_insertion(weft_map *map)
{
    bool look = weft_i_map_count(map, 1);
    /* relaxed: a hint */
    if (weft_i_unlikely(look || weft_i_load(&map->opening, memory_order_relaxed)))
        return weft_i_map_look_after(map, look);
    return 0;
}

/* error -1: no memory, nothing done. Without `held` the found value is not protected. */
weft_i_inline weft_i_map_upsert weft_i_map_get_or_insert(weft_map *map, weft_guard *held, void *key, void *value,
                                                         weft_scheme scheme)
{
    weft_guard own;
    weft_i_map_walk w;
    weft_i_map_upsert r = {0};
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    do {
        if (held)
            weft_guard_set(held, value); /* before another thread can see and retire it */
        r.error = weft_i_map_find_or_link(&w, map, hold, key, value, &r.found, &r.made, scheme);
        if (r.found && held)
            r.value = weft_i_map_protect_value(weft_i_hold_of(held), &r.found->value, scheme);
        else if (r.found)
            r.value = weft_i_load(&r.found->value, WEFT_MAP_S3);
    } while (r.found && !r.value); /* removed in between */
    weft_i_map_walk_end(hold, scheme);
    weft_i_end(hold, &own);
    if (r.found)
        weft_i_map_node_drop(map, r.made);
    else if (!r.error)
        (void)weft_i_map_after_insertion(map);
    weft_i_catch_up(map->domain);
    return r;
}

static weft_i_noinline int weft_i_map_insert_again(weft_map *map, void *key, void *value)
{
    weft_i_map_upsert r = WEFT_I_BY_SCHEME(map->domain, weft_i_map_get_or_insert, map, NULL, key, value);
    return r.error ? -ENOMEM : r.found ? -EEXIST : 0;
}

/* For integer keys: no user code runs inside. */
weft_i_inline int weft_i_map_insert(weft_map *map, void *key, void *value, weft_scheme scheme)
{
    weft_i_attempt attempt;
    weft_i_map_walk w;
    void *present;
    bool linked = false;
    if (weft_i_unlikely(!weft_i_attempt_begin_with(&attempt, map->domain, WEFT_I_LARGE, scheme)))
        return weft_i_map_insert_again(map, key, value);
    uint64_t hash = weft_i_map_hash_integer((uint64_t)(uintptr_t)key, &map->seed);
    weft_i_map_outcome outcome = weft_i_map_look(&w, map, attempt.hold, hash, key, &present, true, scheme);
    if (weft_i_likely(outcome == WEFT_I_MAP_ABSENT)) {
        weft_i_map_node *node = weft_i_cache_pop(attempt.local, WEFT_I_LARGE);
        weft_i_map_node_fill(node, hash, key, value);
        linked = weft_i_map_insert_at(&w, node);
        if (weft_i_unlikely(!linked))
            weft_i_list_push(&attempt.local->cache[WEFT_I_LARGE], &node->hook);
    }
    weft_i_map_walk_end(attempt.hold, scheme);
    weft_i_attempt_end(attempt.hold);
    if (weft_i_likely(linked))
        return weft_i_map_after_insertion(map);
    return outcome == WEFT_I_MAP_FOUND ? -EEXIST : weft_i_map_insert_again(map, key, value);
}

static weft_i_noinline void *weft_i_map_get_again(weft_map *map, weft_guard *guard, uint64_t hash, const void *key)
{
    weft_guard own;
    weft_scheme scheme = weft_i_scheme(map->domain);
    weft_i_hold hold = guard ? weft_i_hold_of(guard) : weft_i_begin(&own, map->domain, scheme);
    void *value = WEFT_I_BY_SCHEME(map->domain, weft_i_map_get_guarded, map, hold, hash, key);
    if (!guard)
        weft_i_end(hold, &own);
    weft_i_catch_up(map->domain);
    return value;
}

/* For any kind of key. Out of line, so that weft_map_get saves no registers for the hash function's call. */
static weft_i_noinline void *weft_i_map_get_any(weft_map *map, weft_guard *guard, const void *key)
{
    return weft_i_map_get_again(map, guard, weft_i_map_hash(map, key), key);
}

/*
 * Looks up an integer key: no user code runs inside. `own` (a constant to the compiler): there is no guard, so no fence
 * is needed.
 */
weft_i_inline void *weft_i_map_get(weft_map *map, weft_guard *guard, bool own, const void *key, weft_scheme scheme)
{
    void *value = NULL;
    weft_i_map_walk w;
    weft_i_hold hold;
    if (!own)
        hold = weft_i_hold_of(guard);
    else if (weft_i_unlikely(!weft_i_reading_begin(&hold, map->domain, scheme)))
        return weft_i_map_get_any(map, NULL, key);
    uint64_t hash = weft_i_map_hash_integer((uint64_t)(uintptr_t)key, &map->seed);
    weft_i_map_outcome outcome = weft_i_map_look(&w, map, hold, hash, key, &value, false, scheme);
    weft_i_map_walk_end(hold, scheme);
    if (own)
        weft_i_attempt_end(hold);
    if (weft_i_likely(outcome == WEFT_I_MAP_FOUND))
        return value;
    return outcome == WEFT_I_MAP_ABSENT ? NULL : weft_i_map_get_again(map, guard, hash, key);
}

/* Many keys at once: their hashes, and first the buckets and then the entries on their way into the cache. */
enum { WEFT_I_MAP_AHEAD = 16 };

/* A segment that is gone meanwhile does not matter: its address is not followed. */
weft_i_inline void weft_i_map_ahead_bucket(weft_map *map, uint64_t hash)
{
    weft_i_map_place place = weft_i_map_place_of(hash, weft_i_map_level(map));
    if (place.level == WEFT_MAP_FIRST_BITS)
        return;
    /* relaxed: a hint */
    uintptr_t segment = (uintptr_t)weft_i_load(&map->segment[place.level], memory_order_relaxed);
    __builtin_prefetch(
        (void *)(segment + offsetof(weft_i_map_segment, bucket) + place.offset * sizeof(weft_i_map_bucket)));
}

weft_i_inline void weft_i_map_ahead_nodes(weft_map *map, const uint64_t *hash, size_t count, weft_scheme scheme)
{
    weft_i_hold hold;
    size_t level = weft_i_map_level(map);
    if (weft_i_unlikely(!weft_i_reading_begin(&hold, map->domain, scheme)))
        return;
    for (size_t i = 0; i < count; i++) {
        weft_i_map_bucket *bucket = weft_i_map_bucket_at(map, hold, weft_i_map_place_of(hash[i], level), scheme);
        if (weft_i_likely(bucket != NULL)) /* relaxed: a hint */
            __builtin_prefetch(weft_i_map_target(weft_i_load(&bucket->link, memory_order_relaxed)));
    }
    weft_i_map_walk_end(hold, scheme);
    weft_i_attempt_end(hold);
}

static weft_i_noinline void *weft_i_map_get_held(weft_map *map, weft_guard *guard, const void *key)
{
    return WEFT_I_BY_SCHEME(map->domain, weft_i_map_get, map, guard, false, key);
}

static weft_i_noinline bool weft_i_map_shrink_some(weft_map *map)
{
    if (weft_i_map_shrink(map))
        weft_i_catch_up(map->domain);
    return true;
}

/* After a removal: counts it, and shrinks the table if need be. Returns true, for its callers to return. */
weft_i_inline bool weft_i_map_after_removal(weft_map *map)
{
    return weft_i_likely(!weft_i_map_count(map, (size_t)0 - 1)) || weft_i_map_shrink_some(map);
}

static weft_i_noinline bool weft_i_map_after_removal_due(weft_map *map)
{
    (void)weft_i_map_after_removal(map);
    weft_i_catch_up(map->domain);
    return true;
}

/* Results as of weft_i_map_remove_guarded. 0: the caller must call after_removal_due once it holds no guard of ours. */
static int weft_i_map_take(weft_map *map, const void *key, void *expected, void **value)
{
    void *removed = NULL;
    bool destroy = !value && map->kinds && map->kinds->config.destroy_value;
    int result = WEFT_I_BY_SCHEME(map->domain, weft_i_map_remove_guarded, map, key, expected, destroy, &removed);
    if (result == 0 && value)
        *value = removed;
    return result;
}

static weft_i_noinline int weft_i_map_remove_again(weft_map *map, const void *key, void *expected, void **value)
{
    int result = weft_i_map_take(map, key, expected, value);
    if (result == 0)
        (void)weft_i_map_after_removal_due(map);
    else
        weft_i_catch_up(map->domain);
    return result;
}

/* The value has been taken: unlinks the node and retires it. */
static weft_i_noinline bool weft_i_map_unlink(weft_map *map, weft_i_map_node *node)
{
    WEFT_I_BY_SCHEME(map->domain, weft_i_map_pass, map, node);
    weft_i_map_retire(map, node, true);
    return weft_i_map_after_removal_due(map);
}

/* Removes an integer key of a map without destructors: one attempt, or else weft_i_map_remove_again. */
weft_i_inline bool weft_i_map_remove(weft_map *map, const void *key, void **value, weft_scheme scheme)
{
    weft_i_attempt attempt;
    weft_i_map_walk w;
    weft_i_map_node *node = NULL;
    void *taken = NULL;
    bool emptied = false, unlinked = false, due = false;
    if (weft_i_unlikely(!weft_i_attempt_begin(&attempt, map->domain, scheme)))
        return weft_i_map_remove_again(map, key, NULL, value) == 0;
    uint64_t hash = weft_i_map_hash_integer((uint64_t)(uintptr_t)key, &map->seed);
    weft_i_map_outcome outcome = weft_i_map_look(&w, map, attempt.hold, hash, key, &taken, false, scheme);
    if (weft_i_likely(outcome == WEFT_I_MAP_FOUND)) {
        void *expected = taken;
        node = w.here;
        emptied = weft_i_cas(&node->value, &expected, NULL, WEFT_MAP_S4, WEFT_MAP_S3);
    }
    if (weft_i_likely(emptied)) {
        void *expected = w.at, *next = weft_i_map_freeze(&node->next);
        unlinked = weft_i_cas(w.prev, &expected, next, WEFT_MAP_S2, WEFT_MAP_S1);
        if (weft_i_likely(unlinked))
            due = weft_i_retire_busy(attempt.local, &node->hook, &weft_i_recycle[WEFT_I_LARGE], WEFT_I_LARGE_SIZE);
    }
    weft_i_map_walk_end(attempt.hold, scheme);
    weft_i_attempt_end(attempt.hold);
    if (weft_i_unlikely(!emptied))
        return outcome != WEFT_I_MAP_ABSENT && weft_i_map_remove_again(map, key, NULL, value) == 0;
    if (value)
        *value = taken;
    if (weft_i_unlikely(!unlinked))
        return weft_i_map_unlink(map, node);
    return weft_i_unlikely(due) ? weft_i_map_after_removal_due(map) : weft_i_map_after_removal(map);
}

#endif

/* ---- hashmap/split_map_kinds.h ---- */

/* private. How entries with destructors are reclaimed: once, when no thread can see them any more. */
#ifndef WEFT_HASHMAP_SPLIT_MAP_KINDS_H
#define WEFT_HASHMAP_SPLIT_MAP_KINDS_H


/* NULL: no memory. */
WEFT_I_PRIVATE weft_i_map_kinds *weft_i_map_kinds_make(weft_domain *domain, const weft_map_config *config);
WEFT_I_PRIVATE void weft_i_map_kinds_unuse(weft_i_map_kinds *kinds, weft_domain *domain);
WEFT_I_PRIVATE void weft_i_map_destroy_parts(const weft_map_config *config, void *key, bool has_key, void *value);

#endif

/* ---- hashmap/split_map.c ---- */

/* ---- life ---- */

int weft_map_create(weft_map **out, weft_domain *domain, const weft_map_config *config)
{
    if (!out)
        return -EINVAL;
    *out = NULL;
    config = config ? config : &weft_map_integers;
    if (!config->hash != !config->equal)
        return -EINVAL;
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    bool owns = config->destroy_key || config->destroy_value;
    weft_map *map = weft_i_alloc(domain, sizeof *map, WEFT_I_LINE);
    weft_i_map_kinds *kinds = map && owns ? weft_i_map_kinds_make(domain, config) : NULL;
    if (!map || (owns && !kinds)) {
        weft_i_free(domain, map, sizeof *map);
        return -ENOMEM;
    }
    weft_i_domain_use(domain);
    *map = (weft_map){.domain = domain,
                      .hash = config->hash,
                      .equal = config->equal,
                      .ctx = config->ctx,
                      .kinds = kinds,
                      .table = WEFT_MAP_FIRST_BITS};
    weft_i_map_seed(map, &map->seed);
    for (size_t level = 0; level < WEFT_MAP_LEVELS; level++)
        weft_i_store(&map->segment[level], (void *)(uintptr_t)1, WEFT_MAP_R2);
    size_t buckets = sizeof map->base / sizeof *map->base;
    for (size_t i = 0; i < buckets; i++)
        weft_i_store(&map->base[i].link, weft_i_map_link(i + 1 < buckets ? &map->base[i + 1] : NULL, WEFT_I_MAP_DUMMY),
                     WEFT_MAP_S2);
    weft_i_born(map);
    *out = map;
    return 0;
}

void weft_map_destroy(weft_map *map, void (*drain)(void *key, void *value, void *ctx), void *ctx)
{
    if (!map)
        return;
    weft_i_dies(map);
    weft_domain *domain = map->domain;
    void *link = weft_i_load(&map->base[0].link, WEFT_MAP_S1);
    for (void *here; (here = weft_i_map_target(link)) != NULL;) {
        if (weft_i_map_bits(link) & WEFT_I_MAP_DUMMY) {
            link = weft_i_load(&((weft_i_map_bucket *)here)->link, WEFT_MAP_S1);
            continue;
        }
        weft_i_map_node *node = here;
        link = weft_i_load(&node->next, WEFT_MAP_S1);
        void *value = weft_i_load(&node->value, WEFT_MAP_S3);
        if (drain && value)
            drain(node->key, value, ctx);
        else if (value && map->kinds)
            weft_i_map_destroy_parts(&map->kinds->config, node->key, true, value);
        weft_i_map_node_drop(map, node);
    }
    for (size_t level = WEFT_MAP_FIRST_BITS + 1; level < WEFT_MAP_LEVELS; level++) {
        weft_i_map_segment *segment = weft_i_load(&map->segment[level], WEFT_MAP_A2);
        if (!weft_i_map_is_none(segment))
            weft_i_free_zeroed(domain, segment, segment->bytes);
    }
    if (map->kinds)
        weft_i_map_kinds_unuse(map->kinds, domain);
    weft_i_free(domain, map, sizeof *map);
    weft_i_domain_unuse(domain);
}

/* ---- operations ---- */

int weft_map_insert(weft_map *map, void *key, void *value)
{
    if (weft_i_unlikely(!map || !value))
        return -EINVAL;
    weft_i_check(map);
    if (map->hash)
        return weft_i_map_insert_again(map, key, value);
    return WEFT_I_BY_SCHEME(map->domain, weft_i_map_insert, map, key, value);
}

int weft_map_get_or_insert(weft_map *map, weft_guard *guard, void *key, void *value, void **present)
{
    if (present)
        *present = NULL;
    if (!map || !value || !present)
        return -EINVAL;
    weft_i_check(map);
    weft_i_map_upsert r = WEFT_I_BY_SCHEME(map->domain, weft_i_map_get_or_insert, map, guard, key, value);
    if (r.error)
        return -ENOMEM;
    *present = r.found ? r.value : value;
    return r.found != NULL;
}

int weft_map_put(weft_map *map, void *key, void *value, void **old)
{
    if (old)
        *old = NULL;
    if (!map || !value)
        return -EINVAL;
    weft_i_check(map);
    bool destroy = !old && map->kinds && map->kinds->config.destroy_value;
    weft_i_map_upsert r = WEFT_I_BY_SCHEME(map->domain, weft_i_map_put, map, key, value, destroy);
    int result = r.error ? -ENOMEM : r.found != NULL;
    if (result == 1 && old)
        *old = r.value;
    if (result == 1 && destroy && r.value != value) {
        r.made->dead = r.value;
        weft_i_map_retire(map, r.made, false);
    } else if (result == 1) {
        weft_i_map_node_drop(map, r.made);
    } else if (result == 0) {
        (void)weft_i_map_after_insertion(map);
    }
    weft_i_catch_up(map->domain);
    return result;
}

void *weft_map_get(weft_map *map, weft_guard *guard, const void *key)
{
    if (weft_i_unlikely(!map))
        return NULL;
    weft_i_check(map);
    if (weft_i_unlikely(map->hash != NULL))
        return weft_i_map_get_any(map, guard, key);
    if (guard)
        return weft_i_map_get_held(map, guard, key);
    return WEFT_I_BY_SCHEME(map->domain, weft_i_map_get, map, NULL, true, key);
}

size_t weft_map_get_many(weft_map *map, weft_guard *guards, const void *const *keys, void **values, size_t count)
{
    size_t found = 0;
    if (!map || !keys || !values) {
        for (size_t i = 0; values && i < count; i++)
            values[i] = NULL;
        return 0;
    }
    weft_i_check(map);
    for (size_t done = 0, n; done < count; done += n) {
        uint64_t hash[WEFT_I_MAP_AHEAD];
        n = count - done < WEFT_I_MAP_AHEAD ? count - done : WEFT_I_MAP_AHEAD;
        for (size_t i = 0; i < n; i++) {
            hash[i] = weft_i_map_hash(map, keys[done + i]);
            weft_i_map_ahead_bucket(map, hash[i]);
        }
        WEFT_I_BY_SCHEME(map->domain, weft_i_map_ahead_nodes, map, hash, n);
        for (size_t i = 0; i < n; i++) {
            weft_guard *guard = guards ? &guards[done + i] : NULL;
            const void *key = keys[done + i];
            void *value = map->hash ? weft_i_map_get_again(map, guard, hash[i], key) : weft_map_get(map, guard, key);
            found += value != NULL;
            values[done + i] = value;
        }
    }
    return found;
}

int weft_map_reserve(weft_map *map, size_t count)
{
    if (!map)
        return -EINVAL;
    weft_i_check(map);
    return weft_i_map_reserve(map, count);
}

bool weft_map_contains(weft_map *map, const void *key)
{
    return weft_map_get(map, NULL, key) != NULL;
}

/* The results of operations that compare. */
static const int weft_i_own_split_map_errors[] = {0, -ENOENT, -EAGAIN};

int weft_map_compare_and_replace(weft_map *map, const void *key, void *expected, void *desired)
{
    if (!map || !expected || !desired)
        return -EINVAL;
    weft_i_check(map);
    weft_i_map_node *spare = NULL;
    bool destroy = map->kinds && map->kinds->config.destroy_value && expected != desired;
    if (destroy && !(spare = weft_i_map_node_make(map, 0, NULL, NULL)))
        return -ENOMEM;
    int result = WEFT_I_BY_SCHEME(map->domain, weft_i_map_replace, map, key, expected, desired);
    if (destroy && result == 0) {
        spare->dead = expected;
        weft_i_map_retire(map, spare, false);
    } else {
        weft_i_map_node_drop(map, spare);
    }
    weft_i_catch_up(map->domain);
    return weft_i_own_split_map_errors[result];
}

bool weft_map_remove(weft_map *map, const void *key, void **value)
{
    if (value)
        *value = NULL;
    if (weft_i_unlikely(!map))
        return false;
    weft_i_check(map);
    if (map->hash || map->kinds)
        return weft_i_map_remove_again(map, key, NULL, value) == 0;
    return WEFT_I_BY_SCHEME(map->domain, weft_i_map_remove, map, key, value);
}

int weft_map_compare_and_remove(weft_map *map, const void *key, void *expected)
{
    if (!map || !expected)
        return -EINVAL;
    weft_i_check(map);
    return weft_i_own_split_map_errors[weft_i_map_remove_again(map, key, expected, NULL)];
}

size_t weft_map_size(weft_map *map)
{
    if (!map)
        return 0;
    weft_i_check(map);
    return weft_i_map_sum(map);
}

void weft_map_clear(weft_map *map)
{
    weft_map_iterator it;
    void *key;
    if (!map)
        return;
    weft_i_check(map);
    weft_map_iterate(&it, map);
    while (weft_i_map_iterator_next(&it, &key, NULL)) {
        bool removed = weft_i_map_take(map, key, NULL, NULL) == 0;
        weft_i_map_iterator_leave(&it);
        if (removed)
            (void)weft_i_map_after_removal_due(map);
        weft_i_map_iterator_enter(&it);
    }
    weft_map_iterate_end(&it);
    while (weft_i_map_shrink(map))
        ;
    weft_i_catch_up(map->domain);
}

/* ---- hashmap/split_map_figures.c ---- */

/* The most entries between neighbouring buckets of the present level, by one pass over all entries. */
static size_t weft_i_own_split_map_figures_longest_chain(weft_map *map, size_t level)
{
    weft_map_iterator it;
    size_t longest = 0, chain = 0;
    uint64_t bucket = 0;
    weft_map_iterate(&it, map);
    while (weft_i_map_iterator_next(&it, NULL, NULL)) {
        chain = it.hash >> (64 - level) == bucket ? chain + 1 : 1;
        bucket = it.hash >> (64 - level);
        longest = chain > longest ? chain : longest;
        weft_i_map_iterator_leave(&it);
        weft_i_catch_up(map->domain);
        weft_i_map_iterator_enter(&it);
    }
    weft_map_iterate_end(&it);
    return longest;
}

void weft_map_stats(weft_map *map, weft_map_statistics *out)
{
    if (!out)
        return;
    *out = (weft_map_statistics){0};
    if (!map)
        return;
    weft_i_check(map);
    size_t level = weft_i_map_level(map);
    out->size = weft_i_map_sum(map);
    out->buckets = (size_t)1 << level;
    out->load = (double)out->size / (double)out->buckets;
    out->longest_chain = weft_i_own_split_map_figures_longest_chain(map, level);
    out->bucket_bytes = sizeof map->base;
    for (size_t l = WEFT_MAP_FIRST_BITS + 1; l < WEFT_MAP_LEVELS; l++)
        if (!weft_i_map_is_none(weft_i_load(&map->segment[l], WEFT_MAP_A2)))
            out->bucket_bytes += weft_i_map_segment_bytes(l);
}

/* ---- hashmap/split_map_hash.c ---- */

/*
 * Ready-made configurations. Byte strings are hashed by SipHash-1-3 (J.-P. Aumasson, D. Bernstein, "SipHash: a Fast
 * Short-Input PRF", INDOCRYPT 2012; one and three rounds are the authors' fast variant), against chosen keys.
 */

#include <string.h>

typedef struct weft_i_own_split_map_hash_sip {
    uint64_t v0, v1, v2, v3;
} weft_i_own_split_map_hash_sip;

static uint64_t weft_i_own_split_map_hash_rotate(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

static void weft_i_own_split_map_hash_sip_round(weft_i_own_split_map_hash_sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = weft_i_own_split_map_hash_rotate(s->v1, 13) ^ s->v0;
    s->v3 = weft_i_own_split_map_hash_rotate(s->v3, 16) ^ s->v2;
    s->v0 = weft_i_own_split_map_hash_rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = weft_i_own_split_map_hash_rotate(s->v1, 17) ^ s->v2;
    s->v3 = weft_i_own_split_map_hash_rotate(s->v3, 21) ^ s->v0;
    s->v2 = weft_i_own_split_map_hash_rotate(s->v2, 32);
}

static void weft_i_own_split_map_hash_sip_word(weft_i_own_split_map_hash_sip *s, uint64_t word)
{
    s->v3 ^= word;
    weft_i_own_split_map_hash_sip_round(s);
    s->v0 ^= word;
}

/* In native byte order: hashes do not leave the process. */
uint64_t weft_map_hash_bytes(const void *data, size_t size, const weft_map_seed *seed)
{
    const unsigned char *at = data;
    weft_i_own_split_map_hash_sip s = {seed->k0 ^ 0x736f6d6570736575u, seed->k1 ^ 0x646f72616e646f6du, seed->k0 ^ 0x6c7967656e657261u,
             seed->k1 ^ 0x7465646279746573u};
    uint64_t word, last = (uint64_t)size << 56;
    size_t left = size;
    for (; left >= 8; at += 8, left -= 8) {
        memcpy(&word, at, 8);
        weft_i_own_split_map_hash_sip_word(&s, word);
    }
    for (size_t i = 0; i < left; i++)
        last |= (uint64_t)at[i] << (8 * i);
    weft_i_own_split_map_hash_sip_word(&s, last);
    s.v2 ^= 0xff;
    for (int i = 0; i < 3; i++)
        weft_i_own_split_map_hash_sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static uint64_t weft_i_own_split_map_hash_hash_string(const void *key, const weft_map_seed *seed, void *ctx)
{
    (void)ctx;
    return weft_map_hash_bytes(key, strlen(key), seed);
}

static bool weft_i_own_split_map_hash_equal_strings(const void *a, const void *b, void *ctx)
{
    (void)ctx;
    return strcmp(a, b) == 0;
}

static uint64_t weft_i_own_split_map_hash_hash_byte_string(const void *key, const weft_map_seed *seed, void *ctx)
{
    const weft_bytes *bytes = key;
    (void)ctx;
    return weft_map_hash_bytes(bytes->data, bytes->size, seed);
}

static bool weft_i_own_split_map_hash_equal_byte_strings(const void *a, const void *b, void *ctx)
{
    const weft_bytes *x = a, *y = b;
    (void)ctx;
    return x->size == y->size && (x->size == 0 || memcmp(x->data, y->data, x->size) == 0);
}

WEFT_I_OBJECT const weft_map_config weft_map_strings = {.hash = weft_i_own_split_map_hash_hash_string, .equal = weft_i_own_split_map_hash_equal_strings};
WEFT_I_OBJECT const weft_map_config weft_map_byte_strings = {.hash = weft_i_own_split_map_hash_hash_byte_string, .equal = weft_i_own_split_map_hash_equal_byte_strings};
WEFT_I_OBJECT const weft_map_config weft_map_integers = {0};

/* If getrandom is refused (sandbox, early boot), the seed comes from clock and addresses, which can be guessed. */
void weft_i_map_seed(const void *map, weft_map_seed *seed)
{
    if (weft_i_sys_random(seed, sizeof *seed))
        return;
    const weft_map_seed fixed = {0x9e3779b97f4a7c15u, 0xc2b2ae3d27d4eb4fu};
    uint64_t from[3] = {weft_i_sys_clock_ns(), (uint64_t)(uintptr_t)map, (uint64_t)(uintptr_t)&from};
    seed->k0 = weft_map_hash_bytes(from, sizeof from, &fixed);
    seed->k1 = weft_map_hash_bytes(&seed->k0, sizeof seed->k0, &fixed) ^ from[0];
}

/* ---- hashmap/split_map_iterate.c ---- */

/* Walks to the iterator's place. From there on no dummy ends the walk. */
weft_i_inline weft_i_map_seen weft_i_map_resume(weft_i_map_walk *w, weft_map_iterator *it, weft_scheme scheme)
{
    weft_i_hold hold = weft_i_hold_of(&it->entry);
    weft_i_map_seen seen = weft_i_map_walk_to(w, it->map, hold, it->hash, weft_i_map_level(it->map), scheme);
    w->hash = UINT64_MAX;
    return seen == WEFT_I_MAP_AT_END && w->here ? weft_i_map_walk_look(w, scheme) : seen;
}

/* Finds the next entry after the iterator's place. NULL: there is none. iterator->held protects its value. */
weft_i_inline weft_i_map_node *weft_i_map_step(weft_map_iterator *it, void **value, weft_scheme scheme)
{
    weft_i_map_walk w;
    weft_i_map_seen seen = weft_i_map_resume(&w, it, scheme);
    while (seen != WEFT_I_MAP_AT_END) {
        if (seen == WEFT_I_MAP_RESTART) {
            seen = weft_i_map_resume(&w, it, scheme);
            continue;
        }
        weft_i_map_node *node = w.here;
        bool skip = node->hash < it->hash || (node->hash == it->hash && node->order < it->seen);
        *value = !skip ? weft_i_map_protect_value(weft_i_hold_of(&it->held), &node->value, scheme) : NULL;
        if (*value) {
            it->seen = node->order + 1;
            it->hash = node->hash;
            return node;
        }
        weft_i_map_walk_on(&w, &node->next);
        seen = weft_i_map_walk_look(&w, scheme);
    }
    return NULL;
}

void weft_i_map_iterator_enter(weft_map_iterator *iterator)
{
    weft_enter(&iterator->entry, iterator->map->domain);
    weft_enter(&iterator->held, iterator->map->domain);
}

void weft_i_map_iterator_leave(weft_map_iterator *iterator)
{
    weft_i_map_walk_end(weft_i_hold_of(&iterator->entry), weft_i_scheme(iterator->map->domain));
    weft_leave(&iterator->held);
    weft_leave(&iterator->entry);
}

bool weft_i_map_iterator_next(weft_map_iterator *iterator, void **key, void **value)
{
    void *found;
    weft_i_map_node *node = WEFT_I_BY_SCHEME(iterator->map->domain, weft_i_map_step, iterator, &found);
    if (!node)
        return false;
    if (key)
        *key = node->key;
    if (value)
        *value = found;
    return true;
}

void weft_map_iterate(weft_map_iterator *iterator, weft_map *map)
{
    if (!iterator)
        return;
    iterator->map = map;
    iterator->hash = 0;
    iterator->seen = 0;
    if (!map)
        return;
    weft_i_check(map);
    weft_i_map_iterator_enter(iterator);
}

bool weft_map_next(weft_map_iterator *iterator, void **key, void **value)
{
    if (!iterator || !iterator->map)
        return false;
    weft_i_check(iterator->map);
    bool any = weft_i_map_iterator_next(iterator, key, value);
    weft_i_catch_up(iterator->map->domain);
    return any;
}

void weft_map_iterate_end(weft_map_iterator *iterator)
{
    if (!iterator || !iterator->map)
        return;
    weft_i_check(iterator->map);
    weft_i_map_iterator_leave(iterator);
    iterator->map = NULL;
}

/* ---- hashmap/split_map_kinds.c ---- */

void weft_i_map_kinds_unuse(weft_i_map_kinds *kinds, weft_domain *domain)
{
    /* WEFT_MAP_S4 includes acquire and release: the last user frees what the others are done with */
    if (weft_i_fetch_sub(&kinds->users, 1, WEFT_MAP_S4) == 1)
        weft_i_free(domain, kinds, sizeof *kinds);
}

void weft_i_map_destroy_parts(const weft_map_config *config, void *key, bool has_key, void *value)
{
    if (value && config->destroy_value)
        config->destroy_value(value, config->ctx);
    if (has_key && config->destroy_key)
        config->destroy_key(key, config->ctx);
}

/* A destructor may end the thread, so the rest is done before. */
static void weft_i_own_split_map_kinds_reclaim_node(weft_i_map_kinds *kinds, weft_i_hook *hook, weft_domain *domain, bool has_key)
{
    weft_i_map_node *node = (weft_i_map_node *)(void *)hook;
    weft_map_config config = kinds->config;
    void *key = node->key, *value = node->dead;
    weft_i_node_free(domain, weft_i_local_get(domain), WEFT_I_LARGE, node);
    weft_i_map_kinds_unuse(kinds, domain);
    weft_i_map_destroy_parts(&config, key, has_key, value);
}

static void weft_i_own_split_map_kinds_reclaim_entry(weft_i_hook *hook, weft_domain *domain)
{
    char *kind = (char *)(uintptr_t)hook->kind;
    weft_i_own_split_map_kinds_reclaim_node((weft_i_map_kinds *)(void *)(kind - offsetof(weft_i_map_kinds, entry)), hook, domain, true);
}

static void weft_i_own_split_map_kinds_reclaim_value(weft_i_hook *hook, weft_domain *domain)
{
    char *kind = (char *)(uintptr_t)hook->kind;
    weft_i_own_split_map_kinds_reclaim_node((weft_i_map_kinds *)(void *)(kind - offsetof(weft_i_map_kinds, value)), hook, domain, false);
}

weft_i_map_kinds *weft_i_map_kinds_make(weft_domain *domain, const weft_map_config *config)
{
    weft_i_map_kinds *kinds = weft_i_alloc(domain, sizeof *kinds, _Alignof(weft_i_map_kinds));
    const size_t dead = offsetof(weft_i_map_node, dead);
    if (kinds)
        *kinds = (weft_i_map_kinds){
            .entry = {weft_i_own_split_map_kinds_reclaim_entry, WEFT_I_LARGE_SIZE, WEFT_I_ENTRY, WEFT_I_OTHER, dead},
            .value = {weft_i_own_split_map_kinds_reclaim_value, WEFT_I_LARGE_SIZE, WEFT_I_ENTRY, WEFT_I_OTHER, dead},
            .config = *config,
            .users = 1,
        };
    return kinds;
}

/* ---- hashmap/split_map_note.c ---- */

/* Returns the note's bucket; word 0 protects its segment. NULL: the bucket is gone. */
static weft_i_map_bucket *weft_i_own_split_map_note_bucket_of_note(weft_map *map, weft_i_hold hold, const weft_i_map_node *note,
                                         weft_scheme scheme)
{
    size_t level = 64 - (size_t)__builtin_ctzll(note->hash);
    weft_atomic_ptr *slot = &map->segment[level];
    weft_i_map_segment *segment = weft_i_load(slot, WEFT_MAP_A2);
    while (!weft_i_map_is_none(segment)) {
        weft_i_publish(hold, 0, segment, scheme);
        weft_i_map_segment *again = scheme == WEFT_HAZARD ? weft_i_load(slot, WEFT_MAP_A2) : segment;
        if (weft_i_likely(again == segment))
            return segment->serial == (size_t)(uintptr_t)note->key ? &segment->bucket[note->hash >> (65 - level)]
                                                                   : NULL;
        segment = again;
    }
    return NULL;
}

static void weft_i_own_split_map_note_end_pending(weft_i_map_bucket *bucket)
{
    void *link = weft_i_load(&bucket->link, WEFT_MAP_S1);
    while (weft_i_map_bits(link) & WEFT_I_MAP_PENDING)
        if (weft_i_cas(&bucket->link, &link, weft_i_map_without(link, WEFT_I_MAP_PENDING), WEFT_MAP_S2, WEFT_MAP_S1))
            break;
}

bool weft_i_map_note_put(weft_i_map_walk *w, void *next, weft_i_map_bucket *bucket, void *at)
{
    void *link = NULL, *expected = at, *to = weft_i_map_without(next, WEFT_I_MAP_FROZEN | WEFT_I_MAP_PENDING);
    bool opens = bucket && (weft_i_cas(&bucket->link, &link, weft_i_map_link(to, WEFT_I_MAP_PENDING), WEFT_MAP_S2, WEFT_MAP_S1) ||
                            !(weft_i_map_bits(link) & WEFT_I_MAP_FROZEN));
    bool mine = weft_i_cas(w->prev, &expected, opens ? weft_i_map_link(bucket, WEFT_I_MAP_DUMMY) : to, WEFT_MAP_S2, WEFT_MAP_S1);
    if (mine && opens)
        weft_i_own_split_map_note_end_pending(bucket);
    return mine;
}

void weft_i_map_note_settle(weft_i_map_walk *w, void *next, weft_scheme scheme)
{
    weft_i_map_node *note = w->here;
    if (weft_i_map_note_put(w, next, weft_i_own_split_map_note_bucket_of_note(w->map, w->hold, note, scheme), w->at))
        (void)weft_i_retire_held(w->map->domain, weft_i_local_get(w->map->domain), &note->hook,
                                 &weft_i_recycle[WEFT_I_BRIEF], WEFT_I_LARGE_SIZE);
    weft_i_publish(w->hold, 0, NULL, scheme);
}

/* ---- hashmap/split_map_table.c ---- */

#include <errno.h>

/* ---- opening ---- */

/*
 * Returns the segment of a protected bucket, as it was in its slot. NULL: it is gone, or not alive (split_map_table.h).
 */
static weft_i_map_segment *weft_i_own_split_map_table_alive(weft_map *map, const weft_i_map_bucket *bucket, weft_i_map_place place)
{
    if (weft_i_map_level(map) < place.level)
        return NULL;
    weft_i_map_segment *segment = weft_i_load(&map->segment[place.level], WEFT_MAP_A2);
    return !weft_i_map_is_none(segment) && &segment->bucket[place.offset] == bucket ? segment : NULL;
}

/* Buckets of one segment that are opened one after the other. The caller protects the segment by a guard of its own. */
typedef struct weft_i_own_split_map_table_opening {
    weft_map *map;
    weft_i_hold hold;
    weft_i_map_segment *segment;
    weft_i_map_node *spare; /* a node for a note, or NULL */
    weft_i_list settled;    /* notes to be retired */
} weft_i_own_split_map_table_opening;

weft_i_inline void weft_i_own_split_map_table_open_bucket(weft_i_own_split_map_table_opening *o, weft_i_map_place place, weft_scheme scheme)
{
    weft_i_map_walk w;
    void *expected, *next;
    weft_i_map_bucket *bucket = &o->segment->bucket[place.offset];
    weft_i_local *local = weft_i_local_get(o->map->domain);
    uint64_t start = weft_i_map_start_of(place.level, place.offset);
    do {
        weft_i_map_walk_to(&w, o->map, o->hold, start, place.level - 1, scheme);
        if (weft_i_load(&bucket->link, WEFT_MAP_S1))
            return;
        if (!o->spare && !(o->spare = weft_i_node_alloc(o->map->domain, local, WEFT_I_BRIEF)))
            return;
        weft_i_map_node_fill(o->spare, start, (void *)(uintptr_t)o->segment->serial, NULL);
        next = weft_i_map_link(w.at, WEFT_I_MAP_FROZEN | WEFT_I_MAP_PENDING);
        /* relaxed: the note is private until WEFT_MAP_S2 */
        weft_i_store(&o->spare->next, next, memory_order_relaxed);
        weft_i_publish(o->hold, 0, o->spare, scheme); /* before others see it, and settle and retire it */
        expected = w.at;
    } while (!weft_i_cas(w.prev, &expected, (void *)o->spare, WEFT_MAP_S2, WEFT_MAP_S1));
    if (weft_i_map_note_put(&w, next, bucket, o->spare))
        weft_i_list_push(&o->settled, &o->spare->hook);
    o->spare = NULL;
}

weft_i_inline void weft_i_own_split_map_table_open_row_under(weft_i_own_split_map_table_opening *o, weft_i_map_place place, size_t count, weft_scheme scheme)
{
    weft_guard own;
    o->hold = weft_i_begin(&own, o->map->domain, scheme);
    for (; count > 0; count--, place.offset++)
        if (!weft_i_load(&o->segment->bucket[place.offset].link, WEFT_MAP_S1))
            weft_i_own_split_map_table_open_bucket(o, place, scheme);
    weft_i_map_walk_end(o->hold, scheme);
    weft_i_end(o->hold, &own);
}

/* Opens those of `count` buckets that were never used. */
static weft_i_noinline void weft_i_own_split_map_table_open_row(weft_i_own_split_map_table_opening *o, weft_i_map_place place, size_t count)
{
    WEFT_I_BY_SCHEME(o->map->domain, weft_i_own_split_map_table_open_row_under, o, place, count);
}

/* When no guard is held: the allocator may end the thread. */
static void weft_i_own_split_map_table_finish_opening(weft_i_own_split_map_table_opening *o)
{
    weft_i_local *local = weft_i_local_get(o->map->domain);
    weft_i_retire_list_held(o->map->domain, local, &o->settled, &weft_i_recycle[WEFT_I_BRIEF]);
    if (o->spare)
        weft_i_node_free(o->map->domain, local, WEFT_I_BRIEF, o->spare);
}

void weft_i_map_bucket_open(weft_map *map, weft_i_map_bucket *bucket, weft_i_map_place place)
{
    weft_i_own_split_map_table_opening o = {.map = map, .segment = weft_i_own_split_map_table_alive(map, bucket, place)};
    if (!o.segment)
        return;
    weft_i_own_split_map_table_open_row(&o, place, 1);
    weft_i_own_split_map_table_finish_opening(&o);
}

void weft_i_map_open_some(weft_map *map)
{
    weft_guard held;
    weft_scheme scheme = weft_i_scheme(map->domain);
    /* relaxed: a count of another level opens other buckets; one that is left out is opened when a walk meets it */
    size_t left = weft_i_load(&map->opening, memory_order_relaxed);
    size_t more = left < WEFT_MAP_OPEN ? left : WEFT_MAP_OPEN;
    weft_i_map_place place = {weft_i_map_level(map), 0};
    size_t length = weft_i_map_segment_length(place.level);
    /* relaxed: a hint: with a wrong count other buckets are opened, as above */
    if (!weft_i_cas(&map->opening, &left, left - more, memory_order_relaxed, memory_order_relaxed) || left > length)
        return;
    place.offset = length - left;
    weft_i_hold keep = weft_i_begin(&held, map->domain, scheme);
    weft_i_map_bucket *bucket = weft_i_map_bucket_at(map, keep, place, scheme);
    weft_i_own_split_map_table_opening o = {.map = map, .segment = bucket ? weft_i_own_split_map_table_alive(map, bucket, place) : NULL};
    if (o.segment)
        weft_i_own_split_map_table_open_row(&o, place, more);
    weft_i_map_walk_end(keep, scheme);
    weft_i_end(keep, &held);
    weft_i_own_split_map_table_finish_opening(&o);
}

size_t weft_i_map_sum(weft_map *map)
{
    size_t sum = 0;
    for (int i = 0; i < WEFT_MAP_STRIPES; i++)
        /* relaxed: a figure */
        sum += weft_i_load(&map->stripe[i].size, memory_order_relaxed);
    return sum >> (sizeof sum * 8 - 1) ? 0 : sum; /* a removal was counted before its insertion */
}

/* ---- growing ---- */

size_t weft_i_map_segment_bytes(size_t level)
{
    return sizeof(weft_i_map_segment) + weft_i_map_segment_length(level) * sizeof(weft_i_map_bucket);
}

/* Puts a segment into the slot above the table's level. False: no memory, or the table has changed. */
static bool weft_i_own_split_map_table_make_segment(weft_map *map, size_t table)
{
    size_t level = weft_i_map_level_of(table) + 1;
    void *none = weft_i_load(&map->segment[level], WEFT_MAP_A2);
    if (!weft_i_map_is_none(none))
        return true;
    if (weft_i_map_table(map) != table) /* else a late segment could come while its level is closed */
        return false;
    weft_i_map_segment *segment = weft_i_alloc_zeroed(map->domain, weft_i_map_segment_bytes(level));
    if (!segment)
        return false;
    segment->domain = map->domain;
    segment->bytes = weft_i_map_segment_bytes(level);
    segment->serial = (size_t)(uintptr_t)none;
    if (!weft_i_cas(&map->segment[level], &none, segment, WEFT_MAP_R2, WEFT_MAP_A2))
        weft_i_free_zeroed(map->domain, segment, segment->bytes);
    return true;
}

/* Whether so many entries, and those that the stripes have not told of, load the table by one half at most. */
static bool weft_i_own_split_map_table_fits(size_t entries, size_t level)
{
    size_t slack = level > 8 ? (((size_t)1 << (level - 8)) - 1) * WEFT_MAP_STRIPES : 0;
    return entries <= ((size_t)1 << level) / 2 - slack;
}

/* Grows the table by a level if it is below `least`, or loaded by more than one half. */
static void weft_i_own_split_map_table_grow(weft_map *map, size_t least)
{
    size_t table = weft_i_map_table(map), level = weft_i_map_level_of(table);
    if (weft_i_map_is_closing(table)) {
        if (weft_i_map_shrink(map))
            weft_i_catch_up(map->domain);
        return;
    }
    if ((level >= least && weft_i_own_split_map_table_fits(weft_i_map_sum(map), level)) || level + 1 >= WEFT_MAP_LEVELS ||
        !weft_i_own_split_map_table_make_segment(map, table))
        return;
    /* relaxed: a failure means that another thread has changed it */
    if (weft_i_cas(&map->table, &table, (table & ~(size_t)WEFT_I_MAP_LEVEL) + WEFT_I_MAP_CHANGE + level + 1, WEFT_MAP_R1,
                   memory_order_relaxed))
        weft_i_store(&map->opening, weft_i_map_segment_length(level + 1), memory_order_relaxed); /* relaxed: a hint */
}

void weft_i_map_grow(weft_map *map)
{
    /* relaxed: it is a number, which the next update reads again */
    weft_i_own_split_map_table_grow(map, weft_i_load(&map->reserved, memory_order_relaxed));
}

int weft_i_map_reserve(weft_map *map, size_t entries)
{
    size_t level = WEFT_MAP_FIRST_BITS;
    while (!weft_i_own_split_map_table_fits(entries, level))
        if (++level >= WEFT_MAP_LEVELS)
            return -ENOMEM;
    /* relaxed: as in weft_i_map_grow */
    weft_i_store(&map->reserved, level, memory_order_relaxed);
    for (;;) {
        size_t table = weft_i_map_table(map);
        if (weft_i_map_level_of(table) >= level && !weft_i_map_is_closing(table))
            return 0;
        weft_i_own_split_map_table_grow(map, level);
        if (weft_i_map_table(map) == table && !weft_i_map_is_closing(table))
            return -ENOMEM;
        while (weft_i_load(&map->opening, memory_order_relaxed)) { /* relaxed: a hint */
            weft_i_map_open_some(map);
            weft_i_catch_up(map->domain);
        }
    }
}

/* ---- shrinking ---- */

static void weft_i_own_split_map_table_reclaim_segment(void *object, void *ctx)
{
    weft_i_map_segment *segment = object;
    (void)ctx;
    weft_i_free_zeroed(segment->domain, segment, segment->bytes);
}

/* Freezes a bucket, and walks past its place, which unlinks it. */
static void weft_i_own_split_map_table_close_bucket(weft_map *map, weft_i_map_bucket *bucket, uint64_t start, size_t level, weft_scheme scheme)
{
    weft_guard own;
    weft_i_map_walk w;
    if (!weft_i_map_freeze(&bucket->link))
        return; /* never opened; now it cannot be opened any more */
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    (void)weft_i_map_walk_to(&w, map, hold, start, level - 1, scheme); /* cannot miss it, or its note, and unlinks it */
    weft_i_map_walk_end(hold, scheme);
    weft_i_end(hold, &own);
}

/* Takes a segment whose buckets are all closed out of its slot. True: the caller must retire it. */
static bool weft_i_own_split_map_table_finish_closing(weft_map *map, weft_i_map_segment *segment, size_t table)
{
    void *expected = segment, *none = (void *)(uintptr_t)((table & ~(size_t)WEFT_I_MAP_LEVEL) | 1);
    bool mine = weft_i_cas(&map->segment[weft_i_map_level_of(table) + 1], &expected, none, WEFT_MAP_R2, WEFT_MAP_A2);
    (void)weft_i_cas(&map->table, &table, table & ~(size_t)WEFT_I_MAP_CLOSING, WEFT_MAP_R1, WEFT_MAP_A1);
    return mine;
}

/*
 * Closes chunks until it is the first thread to have closed one. So each update takes a step, and the table shrinks as
 * fast as updates go, whatever races there are. The caller protects the segment. True: the caller must retire it.
 */
static bool weft_i_own_split_map_table_close_chunk(weft_map *map, weft_i_map_segment *segment, size_t table, weft_scheme scheme)
{
    size_t level = weft_i_map_level_of(table) + 1, length = weft_i_map_segment_length(level);
    size_t from = weft_i_load(&segment->cursor, WEFT_MAP_A3), to = from;
    while (from < length) {
        to = from + WEFT_MAP_CLOSE < length ? from + WEFT_MAP_CLOSE : length;
        for (size_t i = from; i < to; i++)
            weft_i_own_split_map_table_close_bucket(map, &segment->bucket[i], weft_i_map_start_of(level, i), level, scheme);
        if (weft_i_cas(&segment->cursor, &from, to, WEFT_MAP_R3, WEFT_MAP_A3))
            break;
    }
    return (from >= length || to == length) && weft_i_own_split_map_table_finish_closing(map, segment, table);
}

bool weft_i_map_shrink(weft_map *map)
{
    weft_guard own;
    size_t table = weft_i_map_table(map), level = weft_i_map_level_of(table);
    if (!weft_i_map_is_closing(table)) {
        /* relaxed: as in weft_i_map_grow; read last, since removals from a small map come here each time */
        if (level <= WEFT_MAP_FIRST_BITS || weft_i_map_sum(map) * 8 >= (size_t)1 << level ||
            level <= weft_i_load(&map->reserved, memory_order_relaxed))
            return false;
        size_t lower = (table & ~(size_t)WEFT_I_MAP_LEVEL) + WEFT_I_MAP_CHANGE + WEFT_I_MAP_CLOSING + level - 1;
        /* relaxed: a failure means that another thread has changed it */
        (void)weft_i_cas(&map->table, &table, lower, WEFT_MAP_R1, memory_order_relaxed);
        return true;
    }
    weft_scheme scheme = weft_i_scheme(map->domain);
    weft_i_hold hold = weft_i_begin(&own, map->domain, scheme);
    weft_i_map_bucket *bucket = weft_i_map_bucket_at(map, hold, (weft_i_map_place){level + 1, 0}, scheme);
    weft_i_map_segment *segment =
        bucket ? (weft_i_map_segment *)(void *)((char *)bucket - offsetof(weft_i_map_segment, bucket)) : NULL;
    bool mine = false;
    if (!segment)
        (void)weft_i_cas(&map->table, &table, table & ~(size_t)WEFT_I_MAP_CLOSING, WEFT_MAP_R1, WEFT_MAP_A1);
    else if (weft_i_map_table(map) == table)
        mine = weft_i_own_split_map_table_close_chunk(map, segment, table, scheme);
    weft_i_map_walk_end(hold, scheme);
    weft_i_end(hold, &own);
    if (mine)
        weft_retire_hook(map->domain, &segment->hook, segment, segment->bytes, weft_i_own_split_map_table_reclaim_segment, NULL);
    return true;
}

/* ---- hashmap/table_layout.h ---- */

/*
 * private. What the table is made of. Then come table_find.h, reading a bucket; table_move.h, the way from one
 * array to the next; table_resize.h, when it is gone; and table_kernel.h, the operations.
 *
 * A key is mixed by a one-to-one function, and its highest bits say its bucket. A bucket is one cache line: a head, a
 * link to more slots, and three slots of a mixed key and a value. The head has a mode, two bits for each of 15 slots,
 * and a count. Every change of what the table says is one compare-and-swap of one head.
 *
 *     FREE -> BUSY    a thread takes the slot, and alone may write its words; the head's count goes up
 *     BUSY -> LIVE    the entry is there; in the same step an entry that it replaces becomes FREE
 *     LIVE -> FREE    the entry is gone
 *     LIVE -> DEAD    the same, but the value waits in the slot for memory in which it can be retired
 *
 * Invariants:
 *  (1) The words of a slot do not change while it is LIVE or DEAD.
 *  (2) No head comes twice in the life of its array, unless 2^31 slots of one bucket are taken within one operation:
 *      only a taking makes a slot LIVE again, and each counts. So a thread that reads a head, then slots, and then the
 *      same head has read what was true at its last read.
 *  (3) A key is LIVE in one slot at most: a thread makes a slot LIVE by a change of the very head in which it has seen
 *      all LIVE slots, and not the key.
 *  (4) Slots beyond the first three are in nodes of two, in a chain. A chain only grows until its bucket is MOVED, when
 *      one thread closes its end and retires it.
 *
 * Growing and shrinking (table_move.h) go through a second array, `next`. A bucket goes OPEN -> FROZEN -> MOVED, with
 * SEALED in between if the table shrinks, and what takes over for it is VIRGIN before and OPEN afterwards.
 *
 * Guard words: 1 and 2 protect, in turn, the array and the next one. Readers protect the value by word 0, and a node of
 * slots by the word that is free. Updates protect a node of slots by word 0.
 */
#ifndef WEFT_HASHMAP_TABLE_LAYOUT_H
#define WEFT_HASHMAP_TABLE_LAYOUT_H


#ifndef WEFT_TABLE_FIRST_BITS
#define WEFT_TABLE_FIRST_BITS 1
#endif
#ifndef WEFT_TABLE_SLOTS
#define WEFT_TABLE_SLOTS 15 /* of a bucket, at most 15 */
#endif
#ifndef WEFT_TABLE_INLINE
#define WEFT_TABLE_INLINE 3 /* those that lie in the bucket itself */
#endif
#ifndef WEFT_TABLE_LOAD
#define WEFT_TABLE_LOAD 2 /* entries per bucket from which the table grows */
#endif
#ifndef WEFT_TABLE_SPARSE
#define WEFT_TABLE_SPARSE 8 /* buckets per entry from which the table shrinks */
#endif
#ifndef WEFT_TABLE_STEP
#define WEFT_TABLE_STEP 8 /* buckets that an update moves while the table grows or shrinks */
#endif
#ifndef WEFT_TABLE_STRIPES
#define WEFT_TABLE_STRIPES 16
#endif
#ifndef WEFT_TABLE_STRIPES_FROM
#define WEFT_TABLE_STRIPES_FROM 8 /* a table of so many bits has stripes of its size */
#endif
#define WEFT_TABLE_LEVELS (sizeof(size_t) * 8 - 8)

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define WEFT_TABLE_S1 memory_order_seq_cst /* read head -> WEFT_TABLE_S2: sees the words of its slots; one order of all heads makes operations on different keys linearizable together */
#define WEFT_TABLE_S2 memory_order_seq_cst /* change head -> WEFT_TABLE_S1: publishes a slot's words, or passes on what was published; linearization point of all updates */
#define WEFT_TABLE_A1 memory_order_acquire /* read a slot's word -> WEFT_TABLE_R1: if it was written after the head was read, the next read of the head sees the taking */
#define WEFT_TABLE_R1 memory_order_release /* write a slot's word -> WEFT_TABLE_A1: the slot was taken before */
#define WEFT_TABLE_A2 memory_order_acquire /* read link to a node of slots -> WEFT_TABLE_R2: sees it empty; and that the chain was closed */
#define WEFT_TABLE_R2 memory_order_release /* link a node of slots, or close the chain -> WEFT_TABLE_A2: its words are zero */
#define WEFT_TABLE_A3 memory_order_acquire /* read array or next -> WEFT_TABLE_R3: sees its buckets VIRGIN, or OPEN where all were moved */
#define WEFT_TABLE_R3 memory_order_release /* put array or next -> WEFT_TABLE_A3: its buckets are zeroed; all buckets of the array before were moved */
#define WEFT_TABLE_A6 memory_order_acquire /* read the table's number -> WEFT_TABLE_R6: if it is not above an array's, the hazard on that is older than its retirement */
#define WEFT_TABLE_R6 memory_order_release /* raise the table's number -> WEFT_TABLE_A6: before an array with a lower one is retired */
#define WEFT_TABLE_X1 memory_order_acq_rel /* count moved buckets -> WEFT_TABLE_X1: who counts the last ones has seen all moved */
#define WEFT_TABLE_A4 memory_order_acquire /* read cursor -> WEFT_TABLE_R4: sees the buckets before it moved */
#define WEFT_TABLE_R4 memory_order_release /* move cursor -> WEFT_TABLE_A4: the buckets before it are moved */
#define WEFT_TABLE_A5 memory_order_acquire /* read stripes -> WEFT_TABLE_R5: sees them zeroed */
#define WEFT_TABLE_R5 memory_order_release /* put stripes -> WEFT_TABLE_A5: they are zeroed */
#endif
/* clang-format on */

/* ---- a bucket's head ---- */

enum {
    WEFT_I_TABLE_VIRGIN,
    WEFT_I_TABLE_OPEN,
    WEFT_I_TABLE_SEALED,
    WEFT_I_TABLE_FROZEN,
    WEFT_I_TABLE_MOVED,
    WEFT_I_TABLE_MERGING, /* still empty: two buckets will be one here */
    WEFT_I_TABLE_PASSING  /* for good empty: they pass by, to the array behind */
};
enum { WEFT_I_TABLE_FREE, WEFT_I_TABLE_BUSY, WEFT_I_TABLE_LIVE, WEFT_I_TABLE_DEAD };
enum { WEFT_I_TABLE_MODE = 7, WEFT_I_TABLE_STATES = 3 };
/* A bit for each slot, at twice its index; and one more, in the count. */
#define WEFT_I_TABLE_EACH (UINT64_C(0x15555555) & ((UINT64_C(1) << 2 * WEFT_TABLE_SLOTS) - 1))
#define WEFT_I_TABLE_TAKING (UINT64_C(1) << (WEFT_I_TABLE_STATES + 2 * WEFT_TABLE_SLOTS))

weft_i_inline unsigned weft_i_table_mode(uint64_t head)
{
    return (unsigned)(head & WEFT_I_TABLE_MODE);
}

weft_i_inline uint64_t weft_i_table_with_mode(uint64_t head, unsigned its)
{
    return (head & ~(uint64_t)WEFT_I_TABLE_MODE) | its;
}

weft_i_inline uint64_t weft_i_table_with(uint64_t head, unsigned index, unsigned state)
{
    unsigned at = WEFT_I_TABLE_STATES + 2 * index;
    return (head & ~(UINT64_C(3) << at)) | (uint64_t)state << at;
}

weft_i_inline uint64_t weft_i_table_live(uint64_t head)
{
    return head >> (WEFT_I_TABLE_STATES + 1) & ~(head >> WEFT_I_TABLE_STATES) & WEFT_I_TABLE_EACH;
}

weft_i_inline uint64_t weft_i_table_dead(uint64_t head)
{
    return head >> (WEFT_I_TABLE_STATES + 1) & head >> WEFT_I_TABLE_STATES & WEFT_I_TABLE_EACH;
}

weft_i_inline uint64_t weft_i_table_free(uint64_t head)
{
    return ~(head >> (WEFT_I_TABLE_STATES + 1) | head >> WEFT_I_TABLE_STATES) & WEFT_I_TABLE_EACH;
}

/* The index of the first slot of a set that is not empty. */
weft_i_inline unsigned weft_i_table_first(uint64_t set)
{
    return (unsigned)__builtin_ctzll(set) / 2;
}

weft_i_inline unsigned weft_i_table_count_of(uint64_t set)
{
    return (unsigned)__builtin_popcountll(set);
}

/* ---- memory ---- */

typedef struct weft_i_table_slot {
    weft_i_atomic_wide key; /* mixed, never 0 once it was written */
    weft_atomic_ptr value;
} weft_i_table_slot;

enum { WEFT_I_TABLE_IN_NODE = 2 };

typedef struct weft_i_table_node {
    weft_i_hook hook; /* first */
    weft_atomic_ptr next;
    weft_i_table_slot slot[WEFT_I_TABLE_IN_NODE];
} weft_i_table_node;

_Static_assert(sizeof(weft_i_table_node) <= WEFT_I_LARGE_SIZE, "a node of slots is of the large class");

typedef struct weft_i_table_bucket {
    weft_i_atomic_wide head;
    weft_atomic_ptr more; /* the chain of nodes */
    weft_i_table_slot slot[WEFT_TABLE_INLINE];
} __attribute__((aligned(64))) weft_i_table_bucket;

typedef struct weft_i_table_array {
    unsigned shift;       /* 64 less the bits that say the bucket */
    size_t number;        /* one more than that of the array before */
    weft_atomic_ptr next; /* what takes over; set once */
    weft_domain *domain;
    weft_hook hook;
    weft_i_atomic_size taken;  /* groups of buckets that threads have taken to move */
    weft_i_atomic_size moved;  /* those that were moved by who took them */
    weft_i_atomic_size cursor; /* the groups before it are moved, whoever did it */
    weft_i_table_bucket bucket[];
} weft_i_table_array;

/* A part of the table's size. */
typedef struct weft_i_table_stripe {
    weft_i_atomic_size size; /* modulo 2^n: insertion and removal may count on different ones */
    weft_i_atomic_size told; /* its size when it last made a thread look at the sum */
} weft_i_table_stripe;

typedef struct weft_i_table_stripes {
    struct {
        weft_i_aligned weft_i_table_stripe it;
    } of[WEFT_TABLE_STRIPES];
} weft_i_table_stripes;

struct weft_table {
    weft_domain *domain;
    weft_map_seed seed;
    uint64_t inverse; /* of the seed's factor */
    weft_atomic_ptr array;
    weft_i_atomic_size number;   /* arrays with a lower number may be retired, others are not */
    weft_atomic_ptr stripes;     /* NULL: only `first` */
    weft_i_map_kinds *kinds;     /* NULL: no destructor */
    weft_i_atomic_size reserved; /* the bits below which the table does not shrink */
    weft_i_table_bucket zero;    /* the one key that is mixed to 0, as 1; always OPEN */
    weft_i_table_stripe first;
    WEFT_I_LIFE
};

/* The end of a chain that was retired. */
#define WEFT_I_TABLE_CLOSED ((void *)(uintptr_t)1)

/* ---- keys ---- */

#define WEFT_I_TABLE_FACTOR UINT64_C(0x9e3779b97f4a7c15)
#define WEFT_I_TABLE_FACTOR_INVERSE UINT64_C(0xf1de83e19937733d)

/* As weft_i_map_hash_integer. */
weft_i_inline uint64_t weft_i_table_mix(const weft_table *table, uint64_t key)
{
    uint64_t h = (key ^ table->seed.k0) * (table->seed.k1 | 1);
    return (h ^ h >> 32) * WEFT_I_TABLE_FACTOR;
}

weft_i_inline uint64_t weft_i_table_unmix(const weft_table *table, uint64_t mixed)
{
    uint64_t h = mixed * WEFT_I_TABLE_FACTOR_INVERSE;
    return ((h ^ h >> 32) * table->inverse) ^ table->seed.k0;
}

weft_i_inline size_t weft_i_table_bits(const weft_i_table_array *array)
{
    return 64 - array->shift;
}

#endif

/* ---- hashmap/table_array.h ---- */

/* private. Arrays of buckets: made, linked to the one before, freed. */
#ifndef WEFT_HASHMAP_TABLE_ARRAY_H
#define WEFT_HASHMAP_TABLE_ARRAY_H


WEFT_I_PRIVATE size_t weft_i_table_bytes(size_t bits);

/* An array of empty buckets that are VIRGIN or OPEN. NULL: no memory. */
WEFT_I_PRIVATE weft_i_table_array *weft_i_table_array_make(weft_domain *domain, size_t bits, size_t number, bool open);
WEFT_I_PRIVATE void weft_i_table_array_free(weft_i_table_array *array);

/* Gives an array, which is protected, a next one, if it has none. False: no memory. */
WEFT_I_PRIVATE bool weft_i_table_make_next(weft_table *table, weft_i_table_array *array, size_t bits);

#endif

/* ---- hashmap/table_find.h ---- */

/*
 * private. Reading the table: from the array to the bucket, and through its slots. Nothing here writes to shared
 * memory.
 */
#ifndef WEFT_HASHMAP_TABLE_FIND_H
#define WEFT_HASHMAP_TABLE_FIND_H


/* Where an operation stands. */
typedef struct weft_i_table_walk {
    weft_table *table;
    weft_i_hold hold;
    uint64_t mixed; /* the key */
    weft_i_table_array *array;
    weft_i_table_bucket *bucket; /* in the array, or `zero` */
    uint64_t head;               /* the bucket's, as it was read */
    unsigned index;              /* of the slot that was found */
    void *value;                 /* and its value */
    int word;                    /* the guard word that protects the array; the next array gets the other one */
    int node_word;               /* the one that protects a node of slots, 0 or the one that the array leaves free */
} weft_i_table_walk;

typedef enum weft_i_table_seen { WEFT_I_TABLE_FOUND, WEFT_I_TABLE_ABSENT, WEFT_I_TABLE_CHANGED } weft_i_table_seen;

/* What a slot has for a key. */
weft_i_inline uint64_t weft_i_table_word(uint64_t mixed)
{
    return mixed + (mixed == 0);
}

weft_i_inline void weft_i_table_stand(weft_i_table_walk *w, weft_i_table_array *array, int word)
{
    w->array = array;
    w->word = word;
    w->node_word = w->node_word ? 3 - word : 0;
    w->bucket = weft_i_likely(w->mixed != 0) ? &array->bucket[w->mixed >> array->shift] : &w->table->zero;
}

/* Protects the table's array, and stands at the key's bucket in it. */
weft_i_inline void weft_i_table_begin(weft_i_table_walk *w, weft_scheme scheme)
{
    weft_i_table_array *array = weft_i_load(&w->table->array, WEFT_TABLE_A3);
    while (scheme == WEFT_HAZARD) {
        weft_i_publish(w->hold, 2, array, scheme);
        weft_i_table_array *again = weft_i_load(&w->table->array, WEFT_TABLE_A3);
        if (weft_i_likely(again == array))
            break;
        array = again;
    }
    weft_i_table_stand(w, array, 2);
}

weft_i_inline weft_i_table_walk weft_i_table_reader(weft_table *table, weft_i_hold hold, uint64_t mixed)
{
    return (weft_i_table_walk){.table = table, .hold = hold, .mixed = mixed, .node_word = 1};
}

weft_i_inline weft_i_table_walk weft_i_table_updater(weft_table *table, weft_i_hold hold, uint64_t mixed)
{
    return (weft_i_table_walk){.table = table, .hold = hold, .mixed = mixed};
}

weft_i_inline void weft_i_table_end(weft_i_hold hold, weft_scheme scheme)
{
    weft_i_unpublish(hold, 1, scheme);
    weft_i_unpublish(hold, 2, scheme);
}

/* Protects the array that takes over. NULL: there is none, or it may be retired already. */
weft_i_inline weft_i_table_array *weft_i_table_next(weft_i_table_walk *w, weft_scheme scheme)
{
    weft_i_table_array *next = weft_i_load(&w->array->next, WEFT_TABLE_A3);
    weft_i_publish(w->hold, 3 - w->word, next, scheme);
    if (scheme == WEFT_HAZARD && (ptrdiff_t)(weft_i_load(&w->table->number, WEFT_TABLE_A6) - w->array->number) > 1)
        return NULL;
    return next;
}

/* The bucket is MOVED: stands where the key belongs in the next array, or begins again. */
weft_i_inline void weft_i_table_step(weft_i_table_walk *w, weft_scheme scheme)
{
    weft_i_table_array *next = weft_i_table_next(w, scheme);
    if (weft_i_likely(next != NULL))
        weft_i_table_stand(w, next, 3 - w->word);
    else
        weft_i_table_begin(w, scheme);
}

/* A slot beyond the first three of a bucket with that head, protected by a word. NULL: the head has changed. */
weft_i_inline weft_i_table_slot *weft_i_table_slot_beyond(weft_i_hold hold, weft_i_table_bucket *bucket, uint64_t head,
                                                          unsigned index, int word, weft_scheme scheme)
{
    weft_atomic_ptr *link = &bucket->more;
    for (index -= WEFT_TABLE_INLINE;; index -= WEFT_I_TABLE_IN_NODE) {
        weft_i_table_node *node = weft_i_load(link, WEFT_TABLE_A2);
        if (weft_i_unlikely(!node || node == WEFT_I_TABLE_CLOSED))
            return NULL;
        weft_i_publish(hold, word, node, scheme);
        /* a node is retired after its bucket's head was MOVED */
        if (scheme == WEFT_HAZARD && weft_i_load(&bucket->head, WEFT_TABLE_S1) != head)
            return NULL;
        if (index < WEFT_I_TABLE_IN_NODE)
            return &node->slot[index];
        link = &node->next;
    }
}

weft_i_inline weft_i_table_slot *weft_i_table_slot_at(weft_i_table_walk *w, unsigned index, weft_scheme scheme)
{
    if (weft_i_likely(index < WEFT_TABLE_INLINE))
        return &w->bucket->slot[index];
    return weft_i_table_slot_beyond(w->hold, w->bucket, w->head, index, w->node_word, scheme);
}

/* The slots of the bucket itself that have the word, LIVE or not; without branches, which could not be predicted. */
weft_i_inline uint64_t weft_i_table_match(weft_i_table_bucket *bucket, uint64_t word)
{
    uint64_t match = 0;
#pragma GCC unroll 3
    for (unsigned i = 0; i < WEFT_TABLE_INLINE; i++)
        match |= (uint64_t)(weft_i_load(&bucket->slot[i].key, WEFT_TABLE_A1) == word) << 2 * i;
    return match;
}

/* The same for the slots of its nodes that are in a set. *slot: the one that has it. CHANGED: so has the head. */
static weft_i_noinline weft_i_table_seen weft_i_table_match_beyond(weft_i_table_walk *w, uint64_t live, uint64_t word,
                                                                   weft_i_table_slot **slot, weft_scheme scheme)
{
    for (; live; live &= live - 1) {
        w->index = weft_i_table_first(live);
        *slot = weft_i_table_slot_at(w, w->index, scheme);
        if (weft_i_unlikely(!*slot))
            return WEFT_I_TABLE_CHANGED;
        if (weft_i_load(&(*slot)->key, WEFT_TABLE_A1) == word)
            return WEFT_I_TABLE_FOUND;
    }
    return WEFT_I_TABLE_ABSENT;
}

/*
 * Looks for the key among the slots that are LIVE in w->head. FOUND: w->index and w->value; a reader's value is
 * protected. Both answers were true when the head was read again, at the end.
 */
weft_i_inline weft_i_table_seen weft_i_table_look(weft_i_table_walk *w, weft_scheme scheme)
{
    uint64_t word = weft_i_table_word(w->mixed), live = weft_i_table_live(w->head);
    uint64_t match = weft_i_table_match(w->bucket, word) & live;
    weft_i_table_seen seen = WEFT_I_TABLE_ABSENT;
    weft_i_table_slot *slot = NULL;
    if (weft_i_likely(match != 0)) {
        w->index = weft_i_table_first(match);
        slot = &w->bucket->slot[w->index];
        seen = WEFT_I_TABLE_FOUND;
    } else if (live >> 2 * WEFT_TABLE_INLINE) {
        weft_i_table_walk copy = *w; /* nobody gets w's address, so that it stays in registers */
        seen = weft_i_table_match_beyond(&copy, live >> 2 * WEFT_TABLE_INLINE << 2 * WEFT_TABLE_INLINE, word, &slot,
                                         scheme);
        w->index = copy.index;
    }
    if (seen == WEFT_I_TABLE_FOUND) {
        w->value = weft_i_load(&slot->value, WEFT_TABLE_A1);
        if (w->node_word)
            weft_i_publish(w->hold, 0, weft_i_hazard(w->value), scheme);
    }
    if (weft_i_unlikely(weft_i_load(&w->bucket->head, WEFT_TABLE_S1) != w->head))
        return WEFT_I_TABLE_CHANGED;
    return seen;
}

/* Looks the key up, wherever it is. A frozen bucket has the truth until it is MOVED (table_move.h, (b)). */
weft_i_inline weft_i_table_seen weft_i_table_find(weft_i_table_walk *w, weft_scheme scheme)
{
    for (weft_i_table_begin(w, scheme);;) {
        w->head = weft_i_load(&w->bucket->head, WEFT_TABLE_S1);
        if (weft_i_unlikely(weft_i_table_mode(w->head) == WEFT_I_TABLE_MOVED)) {
            weft_i_table_step(w, scheme);
            continue;
        }
        weft_i_table_seen seen = weft_i_table_look(w, scheme);
        if (weft_i_likely(seen != WEFT_I_TABLE_CHANGED))
            return seen;
    }
}

/* The value, wherever the entry is. The hold is a reader's. */
weft_i_inline void *weft_i_table_get_held(weft_table *table, weft_i_hold hold, uint64_t mixed, weft_scheme scheme)
{
    weft_i_table_walk w = weft_i_table_reader(table, hold, mixed);
    weft_i_table_seen seen = weft_i_table_find(&w, scheme);
    weft_i_table_end(hold, scheme);
    return seen == WEFT_I_TABLE_FOUND ? w.value : NULL;
}

#endif

/* ---- hashmap/table_move.h ---- */

/*
 * private. The way from one array of buckets to the next. No thread waits for another one in the middle of this.
 *
 * A growing array hands each bucket on to two, a shrinking one two buckets to one: such a group moves by itself, in
 * steps that any thread can do, and that have the same outcome whoever does them:
 *
 *  1. Only if two become one: both are SEALED, so that they take no more entries. If all their entries fit into one,
 *     its head becomes MERGING. Otherwise it becomes PASSING, and each of the two hands its entries on to one bucket of
 *     the array behind, which is as large as theirs.
 *  2. What takes over gets as many nodes of slots as it will need, while that is known and before anything depends on
 *     it: memory may end here, and then the group stays as it is.
 *  3. Each bucket becomes FROZEN by a compare-and-swap from the head for which there are enough nodes. From now on its
 *     head, and the words of its LIVE and DEAD slots, never change.
 *  4. The entries are copied in the order of their slots, each word by a compare-and-swap from 0, and the head of what
 *     takes over goes from VIRGIN or MERGING to OPEN, with these slots in use. A PASSING one becomes MOVED.
 *  5. Each bucket becomes MOVED; who does that retires its nodes.
 *
 *  (a) A late thread changes nothing. In step 4 it writes only words that were written before the bucket was opened,
 *      and such words are never 0 again. It reads a node of slots only while the bucket is as it was before that.
 *  (b) Readers never help. A frozen bucket has the truth about its keys until it is MOVED: an update of one of them
 *      that finds it frozen does all five steps before it goes on, and only MOVED buckets are passed by.
 *  (c) In step 2, a growing bucket never needs memory for more nodes than it has itself: two buckets need no more for
 *      its entries. Once one bucket of a group is FROZEN, moving the group needs no memory.
 *  (d) A bucket that is full moves at once, by itself, to a next array that is made for it if need be, also while its
 *      own array is still being filled. So arrays are a chain, and the table's is the first one. The table goes on by
 *      one when all buckets of its array are MOVED. Numbers tell which arrays may have been retired.
 */
#ifndef WEFT_HASHMAP_TABLE_MOVE_H
#define WEFT_HASHMAP_TABLE_MOVE_H


/* Moves the group of a bucket in w->array, whatever its state. False: no memory. */
WEFT_I_PRIVATE bool weft_i_table_move(weft_i_table_walk *w);

/* Moves the group of the bucket with that index in w->array to `next`, which is protected. False: no memory. */
WEFT_I_PRIVATE bool weft_i_table_move_to(weft_i_table_walk *w, weft_i_table_array *next, size_t index);

/* Puts a node of slots at the end of the bucket's chain, if there is none at `index`. False: no memory. */
WEFT_I_PRIVATE bool weft_i_table_extend(weft_i_table_walk *w, unsigned index);

/* Moves the key's bucket, which is full, to a larger array. False: no memory. Afterwards the walk begins again. */
WEFT_I_PRIVATE bool weft_i_table_widen(weft_i_table_walk *w);

#endif

/* ---- hashmap/table_resize.h ---- */

/*
 * private. When the table grows or shrinks, and how updates share the work (table_move.h has the moving).
 *
 * Groups are taken in order by a counter, each by one thread. Threads that find all taken, and not all moved, go
 * through them once more, so that one that is late, or was lost, holds nothing up.
 */
#ifndef WEFT_HASHMAP_TABLE_RESIZE_H
#define WEFT_HASHMAP_TABLE_RESIZE_H


/*
 * Grows or shrinks the table by a few buckets. 1: more may be left to do; 0: nothing was; -ENOMEM. The caller holds no
 * guard of the operation's.
 */
WEFT_I_PRIVATE int weft_i_table_adjust(weft_table *table);

/* Completes what was begun of moving buckets, of a table that nobody uses any more. */
WEFT_I_PRIVATE void weft_i_table_settle_all(weft_table *table);

WEFT_I_PRIVATE int weft_i_table_reserve(weft_table *table, size_t count);
WEFT_I_PRIVATE size_t weft_i_table_sum(weft_table *table);
WEFT_I_PRIVATE size_t weft_i_table_buckets(weft_table *table);

/*
 * Counts an update. True: weft_i_table_adjust is due: while buckets move, and where the stripe's size has become another
 * by some entries since it last was; not at every multiple of a number, near which a thread may come and go for ever.
 * While the array is protected.
 */
weft_i_inline bool weft_i_table_count(weft_i_table_walk *w, size_t change)
{
    weft_i_table_stripes *stripes = weft_i_load(&w->table->stripes, WEFT_TABLE_A5);
    weft_i_table_stripe *stripe =
        stripes ? &stripes->of[weft_i_own_record()->number % WEFT_TABLE_STRIPES].it : &w->table->first;
    /* relaxed: a figure */
    size_t now = weft_i_fetch_add(&stripe->size, change, memory_order_relaxed) + change;
    size_t bits = weft_i_table_bits(w->array);
    size_t grain = bits > 6 ? (size_t)1 << (bits - 6) : 1;
    if (grain == 1)
        return true;
    /* relaxed: hints: this array has a next one, or is one */
    bool moving = weft_i_load(&w->array->next, memory_order_relaxed) ||
                  weft_i_load(&w->table->array, memory_order_relaxed) != w->array;
    /* relaxed: a figure: a thread that reads an old one looks once too often */
    size_t told = weft_i_load(&stripe->told, memory_order_relaxed);
    if (moving || now - told + grain - 1 < 2 * grain - 1)
        return moving;
    /* relaxed: a figure: a thread that reads an old one looks once too often */
    weft_i_store(&stripe->told, now, memory_order_relaxed);
    return true;
}

#endif

/* ---- hashmap/table_values.h ---- */

/*
 * private. Values that a table destroys: each is retired in a node of its own, since its slot is needed again. Without
 * memory for a node it waits in its slot, DEAD.
 */
#ifndef WEFT_HASHMAP_TABLE_VALUES_H
#define WEFT_HASHMAP_TABLE_VALUES_H


/* A node to retire a value in. NULL: no memory. */
WEFT_I_PRIVATE weft_i_map_node *weft_i_table_node_make(weft_table *table);
WEFT_I_PRIVATE void weft_i_table_node_drop(weft_table *table, weft_i_map_node *node);

/* Retires a value. Guards may be held; afterwards weft_i_catch_up is due. */
WEFT_I_PRIVATE void weft_i_table_retire(weft_table *table, weft_i_map_node *node, void *value);

/* Retires the value of a DEAD slot of a bucket that has w->head. False: no memory. */
WEFT_I_PRIVATE bool weft_i_table_bury(weft_i_table_walk *w);

#endif

/* ---- hashmap/table_kernel.h ---- */

/*
 * private. The table's operations: each as an attempt without a guard of its own, and under one where that is not
 * enough (a bucket on its way to the next array, memory, a value to destroy).
 */
#ifndef WEFT_HASHMAP_TABLE_KERNEL_H
#define WEFT_HASHMAP_TABLE_KERNEL_H


#include <errno.h>

typedef enum weft_i_table_outcome {
    WEFT_I_TABLE_DONE,      /* inserted, or removed; w->value is what was removed */
    WEFT_I_TABLE_REPLACED,  /* w->value is what the entry had */
    WEFT_I_TABLE_IS_THERE,  /* with w->value: nothing was changed */
    WEFT_I_TABLE_IS_ABSENT, /* nothing was changed */
    WEFT_I_TABLE_MOVED_ON,  /* try again at once */
    WEFT_I_TABLE_AGAIN,     /* an attempt does not do this: try again under a guard */
    WEFT_I_TABLE_NO_MEMORY
} weft_i_table_outcome;

/* What a put does. */
typedef struct weft_i_table_wish {
    void *value;
    void *expected;   /* NULL: whatever is there */
    bool may_insert;  /* if the key is absent */
    bool may_replace; /* if it is there, with what is expected */
} weft_i_table_wish;

/*
 * DONE: the bucket takes this update: it is OPEN, or SEALED and the update takes no slot. MOVED_ON: it was not; the
 * walk stands where the key has gone meanwhile, or begins again.
 */
weft_i_inline weft_i_table_outcome weft_i_table_settle(weft_i_table_walk *w, bool takes_none, weft_i_way way,
                                                       weft_scheme scheme)
{
    unsigned its;
    bool takes;
    do {
        w->head = weft_i_load(&w->bucket->head, WEFT_TABLE_S1);
        its = weft_i_table_mode(w->head);
        takes = its == WEFT_I_TABLE_OPEN || (its == WEFT_I_TABLE_SEALED && takes_none);
        if (weft_i_likely(takes && !weft_i_table_dead(w->head)))
            return WEFT_I_TABLE_DONE;
        if (way == WEFT_I_FAST)
            return WEFT_I_TABLE_AGAIN;
        if (takes && !weft_i_table_bury(w))
            return WEFT_I_TABLE_DONE;
    } while (takes);
    if (its == WEFT_I_TABLE_MOVED)
        weft_i_table_step(w, scheme);
    else if (!weft_i_table_move(w))
        return WEFT_I_TABLE_NO_MEMORY;
    return WEFT_I_TABLE_MOVED_ON;
}

/*
 * Takes a slot of the bucket, which has w->head, and writes the entry's words. DONE: *index is BUSY, and w->head says
 * so. MOVED_ON: look again.
 */
weft_i_inline weft_i_table_outcome weft_i_table_take(weft_i_table_walk *w, void *value, unsigned *index, weft_i_way way,
                                                     weft_scheme scheme)
{
    uint64_t head = w->head, free = weft_i_table_free(head);
    if (weft_i_unlikely(!free)) {
        if (way == WEFT_I_FAST)
            return WEFT_I_TABLE_AGAIN;
        if (!weft_i_table_widen(w))
            return WEFT_I_TABLE_NO_MEMORY;
        weft_i_table_begin(w, scheme);
        return WEFT_I_TABLE_MOVED_ON;
    }
    *index = weft_i_table_first(free);
    weft_i_table_slot *slot = weft_i_table_slot_at(w, *index, scheme);
    if (weft_i_unlikely(!slot)) {
        if (way == WEFT_I_FAST)
            return WEFT_I_TABLE_AGAIN;
        return weft_i_table_extend(w, *index) ? WEFT_I_TABLE_MOVED_ON : WEFT_I_TABLE_NO_MEMORY;
    }
    w->head = weft_i_table_with(head, *index, WEFT_I_TABLE_BUSY) + WEFT_I_TABLE_TAKING;
    if (weft_i_unlikely(!weft_i_cas(&w->bucket->head, &head, w->head, WEFT_TABLE_S2, WEFT_TABLE_S1)))
        return WEFT_I_TABLE_MOVED_ON;
    weft_i_store(&slot->key, weft_i_table_word(w->mixed), WEFT_TABLE_R1);
    weft_i_store(&slot->value, value, WEFT_TABLE_R1);
    return WEFT_I_TABLE_DONE;
}

/* Gives a BUSY slot back. In a bucket that takes no more entries it does not matter. */
weft_i_inline void weft_i_table_give_back(weft_i_table_walk *w, unsigned index)
{
    uint64_t head = w->head;
    while (weft_i_table_mode(head) == WEFT_I_TABLE_OPEN &&
           !weft_i_cas(&w->bucket->head, &head, weft_i_table_with(head, index, WEFT_I_TABLE_FREE), WEFT_TABLE_S2, WEFT_TABLE_S1))
        ;
}

/*
 * Inserts or replaces, as wished. A replacing put takes a second slot for the new value, and changes both in one step.
 * `held`, if not NULL, protects the value that is there.
 */
weft_i_inline weft_i_table_outcome weft_i_table_put(weft_i_table_walk *w, const weft_i_table_wish *wish,
                                                    weft_guard *held, weft_i_way way, weft_scheme scheme)
{
    enum { NO_SLOT = WEFT_TABLE_SLOTS };
    unsigned mine = NO_SLOT;
    weft_i_table_outcome outcome;
    for (weft_i_table_begin(w, scheme);;) {
        outcome = weft_i_table_settle(w, false, way, scheme);
        if (weft_i_unlikely(outcome == WEFT_I_TABLE_MOVED_ON)) {
            mine = NO_SLOT; /* a frozen bucket keeps it */
            continue;
        }
        if (weft_i_unlikely(outcome != WEFT_I_TABLE_DONE))
            return outcome;
        weft_i_table_seen seen = weft_i_table_look(w, scheme);
        if (held && seen == WEFT_I_TABLE_FOUND) {
            weft_guard_set(held, w->value);
            if (weft_i_load(&w->bucket->head, WEFT_TABLE_S1) != w->head)
                continue;
        }
        if (weft_i_unlikely(seen == WEFT_I_TABLE_CHANGED))
            continue;
        bool found = seen == WEFT_I_TABLE_FOUND, same = found && w->value == wish->value;
        if (found ? !wish->may_replace || same || (wish->expected && w->value != wish->expected) : !wish->may_insert) {
            if (mine != NO_SLOT)
                weft_i_table_give_back(w, mine);
            bool as_wished = found && same && wish->may_replace && (!wish->expected || wish->expected == w->value);
            return as_wished ? WEFT_I_TABLE_REPLACED : found ? WEFT_I_TABLE_IS_THERE : WEFT_I_TABLE_IS_ABSENT;
        }
        if (mine == NO_SLOT) {
            unsigned index;
            outcome = weft_i_table_take(w, wish->value, &index, way, scheme);
            if (weft_i_unlikely(outcome == WEFT_I_TABLE_MOVED_ON))
                continue;
            if (weft_i_unlikely(outcome != WEFT_I_TABLE_DONE))
                return outcome;
            mine = index;
        }
        uint64_t head = w->head, then = weft_i_table_with(head, mine, WEFT_I_TABLE_LIVE);
        if (found)
            then = weft_i_table_with(then, w->index, WEFT_I_TABLE_FREE);
        if (weft_i_likely(weft_i_cas(&w->bucket->head, &head, then, WEFT_TABLE_S2, WEFT_TABLE_S1)))
            return found ? WEFT_I_TABLE_REPLACED : WEFT_I_TABLE_DONE;
    }
}

/* Removes the entry, if its value is `expected` or that is NULL. `state`: of the slot afterwards. */
weft_i_inline weft_i_table_outcome weft_i_table_remove(weft_i_table_walk *w, void *expected, unsigned state,
                                                       weft_i_way way, weft_scheme scheme)
{
    for (weft_i_table_begin(w, scheme);;) {
        weft_i_table_outcome outcome = weft_i_table_settle(w, true, way, scheme);
        if (weft_i_unlikely(outcome == WEFT_I_TABLE_MOVED_ON))
            continue;
        if (weft_i_unlikely(outcome != WEFT_I_TABLE_DONE))
            return outcome;
        weft_i_table_seen seen = weft_i_table_look(w, scheme);
        if (weft_i_unlikely(seen == WEFT_I_TABLE_CHANGED))
            continue;
        if (seen == WEFT_I_TABLE_ABSENT)
            return WEFT_I_TABLE_IS_ABSENT;
        if (expected && w->value != expected)
            return WEFT_I_TABLE_IS_THERE;
        uint64_t head = w->head;
        if (weft_i_likely(
                weft_i_cas(&w->bucket->head, &head, weft_i_table_with(head, w->index, state), WEFT_TABLE_S2, WEFT_TABLE_S1)))
            return WEFT_I_TABLE_DONE;
    }
}

/* ---- whole operations: an attempt, and the way under a guard where it fails ---- */

/* A put under a guard. *old: the value that was or is there. */
weft_i_inline weft_i_table_outcome weft_i_table_put_guarded(weft_table *table, uint64_t key,
                                                            const weft_i_table_wish *wish, weft_guard *held, void **old,
                                                            weft_scheme scheme)
{
    weft_guard own;
    weft_i_hold hold = weft_i_begin(&own, table->domain, scheme);
    weft_i_table_walk w = weft_i_table_updater(table, hold, weft_i_table_mix(table, key));
    weft_i_table_outcome outcome = weft_i_table_put(&w, wish, held, WEFT_I_GUARDED, scheme);
    bool due = outcome == WEFT_I_TABLE_DONE && weft_i_table_count(&w, 1);
    *old = w.value;
    weft_i_table_end(hold, scheme);
    weft_i_end(hold, &own);
    if (due)
        (void)weft_i_table_adjust(table);
    weft_i_catch_up(table->domain);
    return outcome;
}

static weft_i_noinline weft_i_table_outcome weft_i_table_put_again(weft_table *table, uint64_t key,
                                                                   const weft_i_table_wish *wish, weft_guard *held,
                                                                   void **old)
{
    return WEFT_I_BY_SCHEME(table->domain, weft_i_table_put_guarded, table, key, wish, held, old);
}

/* The same, which first tries without a guard. */
weft_i_inline weft_i_table_outcome weft_i_table_put_key(weft_table *table, uint64_t key, const weft_i_table_wish *wish,
                                                        void **old, weft_scheme scheme)
{
    weft_i_hold hold;
    if (weft_i_unlikely(!weft_i_reading_begin(&hold, table->domain, scheme)))
        return weft_i_table_put_again(table, key, wish, NULL, old);
    weft_i_table_walk w = weft_i_table_updater(table, hold, weft_i_table_mix(table, key));
    weft_i_table_outcome outcome = weft_i_table_put(&w, wish, NULL, WEFT_I_FAST, scheme);
    bool due = outcome == WEFT_I_TABLE_DONE && weft_i_table_count(&w, 1);
    *old = w.value;
    weft_i_table_end(hold, scheme);
    weft_i_attempt_end(hold);
    if (weft_i_unlikely(outcome == WEFT_I_TABLE_AGAIN))
        return weft_i_table_put_again(table, key, wish, NULL, old);
    if (weft_i_unlikely(due))
        (void)weft_i_table_adjust(table);
    return outcome;
}

/* Removes under a guard. `destroy`: the value is destroyed later. *value: what was removed, or is there. */
weft_i_inline weft_i_table_outcome weft_i_table_remove_guarded(weft_table *table, uint64_t key, void *expected,
                                                               bool destroy, void **value, weft_scheme scheme)
{
    weft_guard own;
    weft_i_map_node *node = destroy ? weft_i_table_node_make(table) : NULL;
    weft_i_hold hold = weft_i_begin(&own, table->domain, scheme);
    weft_i_table_walk w = weft_i_table_updater(table, hold, weft_i_table_mix(table, key));
    unsigned state = destroy && !node ? WEFT_I_TABLE_DEAD : WEFT_I_TABLE_FREE;
    weft_i_table_outcome outcome = weft_i_table_remove(&w, expected, state, WEFT_I_GUARDED, scheme);
    bool done = outcome == WEFT_I_TABLE_DONE, due = done && weft_i_table_count(&w, (size_t)0 - 1);
    *value = w.value;
    weft_i_table_end(hold, scheme);
    weft_i_end(hold, &own);
    if (done && node)
        weft_i_table_retire(table, node, w.value);
    else
        weft_i_table_node_drop(table, node);
    if (due)
        (void)weft_i_table_adjust(table);
    weft_i_catch_up(table->domain);
    return outcome;
}

static weft_i_noinline weft_i_table_outcome weft_i_table_remove_again(weft_table *table, uint64_t key, void *expected,
                                                                      bool destroy, void **value)
{
    return WEFT_I_BY_SCHEME(table->domain, weft_i_table_remove_guarded, table, key, expected, destroy, value);
}

/* The same, which first tries without a guard; destroys nothing. */
weft_i_inline weft_i_table_outcome weft_i_table_remove_key(weft_table *table, uint64_t key, void *expected,
                                                           void **value, weft_scheme scheme)
{
    weft_i_hold hold;
    if (weft_i_unlikely(!weft_i_reading_begin(&hold, table->domain, scheme)))
        return weft_i_table_remove_again(table, key, expected, false, value);
    weft_i_table_walk w = weft_i_table_updater(table, hold, weft_i_table_mix(table, key));
    weft_i_table_outcome outcome = weft_i_table_remove(&w, expected, WEFT_I_TABLE_FREE, WEFT_I_FAST, scheme);
    bool due = outcome == WEFT_I_TABLE_DONE && weft_i_table_count(&w, (size_t)0 - 1);
    *value = w.value;
    weft_i_table_end(hold, scheme);
    weft_i_attempt_end(hold);
    if (weft_i_unlikely(outcome == WEFT_I_TABLE_AGAIN))
        return weft_i_table_remove_again(table, key, expected, false, value);
    if (weft_i_unlikely(due))
        (void)weft_i_table_adjust(table);
    return outcome;
}

static weft_i_noinline void *weft_i_table_get_under(weft_table *table, weft_guard *guard, uint64_t mixed)
{
    weft_guard own;
    weft_scheme scheme = weft_i_scheme(table->domain);
    weft_i_hold hold = guard ? weft_i_hold_of(guard) : weft_i_begin(&own, table->domain, scheme);
    void *value = WEFT_I_BY_SCHEME(table->domain, weft_i_table_get_held, table, hold, mixed);
    if (!guard)
        weft_i_end(hold, &own);
    return value;
}

/* A lookup whose value needs no protection. */
weft_i_inline void *weft_i_table_get(weft_table *table, uint64_t key, weft_scheme scheme)
{
    weft_i_hold hold;
    if (weft_i_unlikely(!weft_i_reading_begin(&hold, table->domain, scheme)))
        return weft_i_table_get_under(table, NULL, weft_i_table_mix(table, key));
    void *value = weft_i_table_get_held(table, hold, weft_i_table_mix(table, key), scheme);
    weft_i_attempt_end(hold);
    return value;
}

#endif

/* ---- hashmap/table.c ---- */

/* ---- life ---- */

/* The inverse of an odd number modulo 2^64, by Newton's iteration: each step doubles the bits that are right, from 3. */
static uint64_t weft_i_own_table_inverse_of(uint64_t odd)
{
    uint64_t x = odd;
    for (int i = 0; i < 5; i++)
        x *= 2 - odd * x;
    return x;
}

int weft_table_create(weft_table **out, weft_domain *domain, const weft_table_config *config)
{
    if (!out)
        return -EINVAL;
    *out = NULL;
    domain = domain ? domain : weft_default_domain();
    weft_i_check_domain(domain);
    bool owns = config && config->destroy_value;
    weft_map_config of_values = {.destroy_value = owns ? config->destroy_value : NULL,
                                 .ctx = owns ? config->ctx : NULL};
    weft_table *table = weft_i_alloc(domain, sizeof *table, _Alignof(weft_table));
    weft_i_table_array *array = table ? weft_i_table_array_make(domain, WEFT_TABLE_FIRST_BITS, 0, true) : NULL;
    weft_i_map_kinds *kinds = array && owns ? weft_i_map_kinds_make(domain, &of_values) : NULL;
    if (!array || (owns && !kinds)) {
        if (array)
            weft_i_table_array_free(array);
        weft_i_free(domain, table, sizeof *table);
        return -ENOMEM;
    }
    weft_i_domain_use(domain);
    *table = (weft_table){.domain = domain, .kinds = kinds};
    weft_i_map_seed(table, &table->seed);
    table->inverse = weft_i_own_table_inverse_of(table->seed.k1 | 1);
    weft_i_store(&table->zero.head, WEFT_I_TABLE_OPEN, WEFT_TABLE_S2);
    weft_i_store(&table->array, array, WEFT_TABLE_R3);
    weft_i_born(table);
    *out = table;
    return 0;
}

typedef struct weft_i_own_table_ending {
    weft_table *table;
    void (*drain)(uint64_t key, void *value, void *ctx);
    void *ctx;
} weft_i_own_table_ending;

/* Hands over what is in the bucket, of a table that nobody uses any more, and frees its nodes. */
static void weft_i_own_table_empty_bucket(const weft_i_own_table_ending *l, weft_i_table_bucket *bucket, bool zero)
{
    weft_table *table = l->table;
    uint64_t head = weft_i_load(&bucket->head, WEFT_TABLE_S1);
    weft_i_table_node *node = NULL;
    if (weft_i_table_mode(head) == WEFT_I_TABLE_MOVED)
        return; /* its nodes were retired */
    for (unsigned index = 0; index < WEFT_TABLE_SLOTS; index++) {
        unsigned beyond = index - WEFT_TABLE_INLINE;
        if (index >= WEFT_TABLE_INLINE && beyond % WEFT_I_TABLE_IN_NODE == 0) {
            node = weft_i_load(node ? &node->next : &bucket->more, WEFT_TABLE_A2);
            if (!node)
                break;
        }
        weft_i_table_slot *slot =
            index < WEFT_TABLE_INLINE ? &bucket->slot[index] : &node->slot[beyond % WEFT_I_TABLE_IN_NODE];
        unsigned state = (unsigned)(head >> (WEFT_I_TABLE_STATES + 2 * index)) & WEFT_I_TABLE_DEAD;
        if (state < WEFT_I_TABLE_LIVE)
            continue;
        void *value = weft_i_load(&slot->value, WEFT_TABLE_A1);
        if (state == WEFT_I_TABLE_LIVE && l->drain)
            l->drain(zero ? weft_i_table_unmix(table, 0) : weft_i_table_unmix(table, weft_i_load(&slot->key, WEFT_TABLE_A1)),
                     value, l->ctx);
        else if (table->kinds)
            weft_i_map_destroy_parts(&table->kinds->config, NULL, false, value);
    }
    for (void *link = weft_i_load(&bucket->more, WEFT_TABLE_A2); link;) {
        node = link;
        link = weft_i_load(&node->next, WEFT_TABLE_A2);
        weft_i_table_node_drop(table, (weft_i_map_node *)(void *)node);
    }
}

static void weft_i_own_table_empty_array(const weft_i_own_table_ending *l, weft_i_table_array *array)
{
    size_t buckets = (size_t)1 << weft_i_table_bits(array);
    for (size_t i = 0; i < buckets; i++)
        weft_i_own_table_empty_bucket(l, &array->bucket[i], false);
    weft_i_table_array_free(array);
}

void weft_table_destroy(weft_table *table, void (*drain)(uint64_t key, void *value, void *ctx), void *ctx)
{
    if (!table)
        return;
    weft_i_dies(table);
    weft_i_own_table_ending l = {table, drain, ctx};
    weft_domain *domain = table->domain;
    weft_i_table_settle_all(table);
    weft_i_own_table_empty_bucket(&l, &table->zero, true);
    for (weft_i_table_array *array = weft_i_load(&table->array, WEFT_TABLE_A3), *next; array; array = next) {
        next = weft_i_load(&array->next, WEFT_TABLE_A3);
        weft_i_own_table_empty_array(&l, array);
    }
    weft_i_free_zeroed(domain, weft_i_load(&table->stripes, WEFT_TABLE_A5), sizeof(weft_i_table_stripes));
    if (table->kinds)
        weft_i_map_kinds_unuse(table->kinds, domain);
    weft_i_free(domain, table, sizeof *table);
    weft_i_domain_unuse(domain);
}

/* ---- operations ---- */

static int weft_i_own_table_result_of(weft_i_table_outcome outcome)
{
    return outcome == WEFT_I_TABLE_NO_MEMORY ? -ENOMEM : outcome == WEFT_I_TABLE_REPLACED;
}

int weft_table_insert(weft_table *table, uint64_t key, void *value)
{
    void *old;
    if (weft_i_unlikely(!table || !value))
        return -EINVAL;
    weft_i_check(table);
    const weft_i_table_wish wish = {.value = value, .may_insert = true};
    weft_i_table_outcome outcome = WEFT_I_BY_SCHEME(table->domain, weft_i_table_put_key, table, key, &wish, &old);
    return weft_i_likely(outcome == WEFT_I_TABLE_DONE) ? 0 : outcome == WEFT_I_TABLE_IS_THERE ? -EEXIST : -ENOMEM;
}

int weft_table_get_or_insert(weft_table *table, weft_guard *guard, uint64_t key, void *value, void **present)
{
    if (present)
        *present = NULL;
    if (!table || !value || !present)
        return -EINVAL;
    weft_i_check(table);
    void *old;
    const weft_i_table_wish wish = {.value = value, .may_insert = true};
    if (guard)
        weft_guard_set(guard, value); /* before another thread can see and retire it */
    weft_i_table_outcome outcome = weft_i_table_put_again(table, key, &wish, guard, &old);
    if (outcome == WEFT_I_TABLE_NO_MEMORY)
        return -ENOMEM;
    *present = outcome == WEFT_I_TABLE_DONE ? value : old;
    return outcome != WEFT_I_TABLE_DONE;
}

/* A put that replaces. With a destructor, and nobody who takes the old value, that is destroyed. */
static weft_i_noinline weft_i_table_outcome weft_i_own_table_replace(weft_table *table, uint64_t key, const weft_i_table_wish *wish,
                                                    void **old)
{
    void *replaced = NULL;
    bool destroy = !old && table->kinds;
    weft_i_map_node *node = destroy ? weft_i_table_node_make(table) : NULL;
    if (destroy && !node)
        return WEFT_I_TABLE_NO_MEMORY;
    weft_i_table_outcome outcome = weft_i_table_put_again(table, key, wish, NULL, &replaced);
    bool gone = outcome == WEFT_I_TABLE_REPLACED && replaced != wish->value;
    if (destroy && gone)
        weft_i_table_retire(table, node, replaced);
    else
        weft_i_table_node_drop(table, node);
    if (destroy)
        weft_i_catch_up(table->domain);
    if (old && outcome == WEFT_I_TABLE_REPLACED)
        *old = replaced;
    return outcome;
}

int weft_table_put(weft_table *table, uint64_t key, void *value, void **old)
{
    if (old)
        *old = NULL;
    if (!table || !value)
        return -EINVAL;
    weft_i_check(table);
    const weft_i_table_wish wish = {.value = value, .may_insert = true, .may_replace = true};
    if (table->kinds)
        return weft_i_own_table_result_of(weft_i_own_table_replace(table, key, &wish, old));
    void *replaced = NULL;
    weft_i_table_outcome outcome = WEFT_I_BY_SCHEME(table->domain, weft_i_table_put_key, table, key, &wish, &replaced);
    if (old && outcome == WEFT_I_TABLE_REPLACED)
        *old = replaced;
    return weft_i_own_table_result_of(outcome);
}

void *weft_table_get(weft_table *table, weft_guard *guard, uint64_t key)
{
    if (weft_i_unlikely(!table))
        return NULL;
    weft_i_check(table);
    if (guard)
        return weft_i_table_get_under(table, guard, weft_i_table_mix(table, key));
    return WEFT_I_BY_SCHEME(table->domain, weft_i_table_get, table, key);
}

/* Many keys at once: their hashes, and their buckets on the way into the cache. */
enum { WEFT_I_OWN_TABLE_AHEAD = 16 };

weft_i_inline void weft_i_own_table_ahead(weft_table *table, const uint64_t *keys, size_t count, weft_scheme scheme)
{
    weft_i_hold hold;
    if (weft_i_unlikely(!weft_i_reading_begin(&hold, table->domain, scheme)))
        return;
    weft_i_table_walk w = weft_i_table_reader(table, hold, 0);
    weft_i_table_begin(&w, scheme);
    for (size_t i = 0; i < count; i++)
        __builtin_prefetch(&w.array->bucket[weft_i_table_mix(table, keys[i]) >> w.array->shift]);
    weft_i_table_end(hold, scheme);
    weft_i_attempt_end(hold);
}

size_t weft_table_get_many(weft_table *table, weft_guard *guards, const uint64_t *keys, void **values, size_t count)
{
    size_t found = 0;
    if (!table || !keys || !values) {
        for (size_t i = 0; values && i < count; i++)
            values[i] = NULL;
        return 0;
    }
    weft_i_check(table);
    for (size_t done = 0, n; done < count; done += n) {
        n = count - done < WEFT_I_OWN_TABLE_AHEAD ? count - done : WEFT_I_OWN_TABLE_AHEAD;
        WEFT_I_BY_SCHEME(table->domain, weft_i_own_table_ahead, table, &keys[done], n);
        for (size_t i = done; i < done + n; i++) {
            values[i] = weft_table_get(table, guards ? &guards[i] : NULL, keys[i]);
            found += values[i] != NULL;
        }
    }
    return found;
}

bool weft_table_contains(weft_table *table, uint64_t key)
{
    return weft_table_get(table, NULL, key) != NULL;
}

int weft_table_compare_and_replace(weft_table *table, uint64_t key, void *expected, void *desired)
{
    if (!table || !expected || !desired)
        return -EINVAL;
    weft_i_check(table);
    const weft_i_table_wish wish = {.value = desired, .expected = expected, .may_replace = true};
    weft_i_table_outcome outcome = weft_i_own_table_replace(table, key, &wish, NULL);
    return outcome == WEFT_I_TABLE_REPLACED    ? 0
           : outcome == WEFT_I_TABLE_IS_ABSENT ? -ENOENT
           : outcome == WEFT_I_TABLE_IS_THERE  ? -EAGAIN
                                               : -ENOMEM;
}

bool weft_table_remove(weft_table *table, uint64_t key, void **value)
{
    void *removed = NULL;
    if (value)
        *value = NULL;
    if (weft_i_unlikely(!table))
        return false;
    weft_i_check(table);
    weft_i_table_outcome outcome =
        weft_i_unlikely(table->kinds != NULL)
            ? weft_i_table_remove_again(table, key, NULL, !value, &removed)
            : WEFT_I_BY_SCHEME(table->domain, weft_i_table_remove_key, table, key, NULL, &removed);
    if (outcome != WEFT_I_TABLE_DONE)
        return false;
    if (value)
        *value = removed;
    return true;
}

int weft_table_compare_and_remove(weft_table *table, uint64_t key, void *expected)
{
    void *removed;
    if (!table || !expected)
        return -EINVAL;
    weft_i_check(table);
    weft_i_table_outcome outcome =
        table->kinds ? weft_i_table_remove_again(table, key, expected, true, &removed)
                     : WEFT_I_BY_SCHEME(table->domain, weft_i_table_remove_key, table, key, expected, &removed);
    return outcome == WEFT_I_TABLE_DONE ? 0 : outcome == WEFT_I_TABLE_IS_THERE ? -EAGAIN : -ENOENT;
}

size_t weft_table_size(weft_table *table)
{
    if (!table)
        return 0;
    weft_i_check(table);
    return weft_i_table_sum(table);
}

int weft_table_reserve(weft_table *table, size_t count)
{
    if (!table)
        return -EINVAL;
    weft_i_check(table);
    return weft_i_table_reserve(table, count);
}

void weft_table_clear(weft_table *table)
{
    weft_table_iterator it;
    uint64_t key;
    if (!table)
        return;
    weft_i_check(table);
    weft_table_iterate(&it, table);
    while (weft_table_next(&it, &key, NULL)) {
        weft_leave(&it.held);
        (void)weft_table_remove(table, key, NULL);
        weft_enter(&it.held, table->domain);
    }
    weft_table_iterate_end(&it);
    /* a bound, since others may insert meanwhile */
    for (size_t steps = 2 * weft_i_table_buckets(table) + 64; steps > 0 && weft_i_table_adjust(table) > 0; steps--)
        ;
}

/* ---- hashmap/table_array.c ---- */

size_t weft_i_table_bytes(size_t bits)
{
    return sizeof(weft_i_table_array) + ((size_t)1 << bits) * sizeof(weft_i_table_bucket);
}

weft_i_table_array *weft_i_table_array_make(weft_domain *domain, size_t bits, size_t number, bool open)
{
    weft_i_table_array *array = weft_i_alloc_zeroed(domain, weft_i_table_bytes(bits));
    if (!array)
        return NULL;
    array->shift = (unsigned)(64 - bits);
    array->number = number;
    array->domain = domain;
    for (size_t i = 0; open && i < (size_t)1 << bits; i++)
        weft_i_store(&array->bucket[i].head, WEFT_I_TABLE_OPEN, WEFT_TABLE_S2);
    return array;
}

void weft_i_table_array_free(weft_i_table_array *array)
{
    weft_i_free_zeroed(array->domain, array, weft_i_table_bytes(weft_i_table_bits(array)));
}

/* A larger table counts in stripes; without memory for them it goes on with one counter. */
static void weft_i_own_table_array_make_stripes(weft_table *table)
{
    void *none = NULL;
    if (weft_i_load(&table->stripes, WEFT_TABLE_A5))
        return;
    void *made = weft_i_alloc_zeroed(table->domain, sizeof(weft_i_table_stripes));
    if (made && !weft_i_cas(&table->stripes, &none, made, WEFT_TABLE_R5, WEFT_TABLE_A5))
        weft_i_free_zeroed(table->domain, made, sizeof(weft_i_table_stripes));
}

bool weft_i_table_make_next(weft_table *table, weft_i_table_array *array, size_t bits)
{
    void *none = NULL;
    if (bits >= WEFT_TABLE_LEVELS)
        return false;
    if (bits >= WEFT_TABLE_STRIPES_FROM)
        weft_i_own_table_array_make_stripes(table);
    weft_i_table_array *made = weft_i_table_array_make(table->domain, bits, array->number + 1, false);
    if (made && !weft_i_cas(&array->next, &none, (void *)made, WEFT_TABLE_R3, WEFT_TABLE_A3))
        weft_i_table_array_free(made);
    return made;
}

/* ---- hashmap/table_iterate.c ---- */

/* Copies the mixed keys that are LIVE in w->head. False: it has changed. */
weft_i_inline bool weft_i_own_table_iterate_copy_keys(weft_i_table_walk *w, weft_table_iterator *it, weft_scheme scheme)
{
    it->left = 0;
    for (uint64_t live = weft_i_table_live(w->head); live; live &= live - 1) {
        weft_i_table_slot *slot = weft_i_table_slot_at(w, weft_i_table_first(live), scheme);
        if (!slot)
            return false;
        it->keys[it->left++] = weft_i_load(&slot->key, WEFT_TABLE_A1);
    }
    return weft_i_load(&w->bucket->head, WEFT_TABLE_S1) == w->head;
}

/* Copies the keys of the bucket at it->from, and moves that behind the bucket. */
weft_i_inline void weft_i_own_table_iterate_fill_under(weft_table_iterator *it, weft_i_hold hold, weft_scheme scheme)
{
    weft_i_table_walk w = weft_i_table_reader(it->table, hold, it->from);
    for (weft_i_table_begin(&w, scheme);;) {
        w.head = weft_i_load(&w.bucket->head, WEFT_TABLE_S1);
        unsigned shift = w.array->shift, kept = 0;
        if (weft_i_table_mode(w.head) == WEFT_I_TABLE_MOVED) {
            weft_i_table_step(&w, scheme);
            continue;
        }
        if (!weft_i_own_table_iterate_copy_keys(&w, it, scheme))
            continue;
        if (it->from == 0) { /* the bucket of the one key that is mixed to 0 */
            it->keys[0] = 0;
            it->from = 1;
            return;
        }
        uint64_t to = it->from | ((UINT64_C(1) << shift) - 1);
        for (unsigned i = 0; i < it->left; i++)
            if (it->keys[i] >= it->from && it->keys[i] <= to)
                it->keys[kept++] = it->keys[i];
        it->left = kept;
        it->from = to + 1;
        it->ended = to == UINT64_MAX;
        return;
    }
}

weft_i_inline void weft_i_own_table_iterate_fill(weft_table_iterator *it, weft_scheme scheme)
{
    weft_guard own;
    weft_i_hold hold;
    bool fast = weft_i_reading_begin(&hold, it->table->domain, scheme);
    if (weft_i_unlikely(!fast))
        hold = weft_i_begin(&own, it->table->domain, scheme);
    weft_i_own_table_iterate_fill_under(it, hold, scheme);
    weft_i_table_end(hold, scheme);
    if (weft_i_likely(fast))
        weft_i_attempt_end(hold);
    else
        weft_i_end(hold, &own);
}

/* The value of a key that the iterator has copied, protected by its guard. */
weft_i_inline void *weft_i_own_table_iterate_look_again(weft_table_iterator *it, uint64_t mixed, weft_scheme scheme)
{
    return weft_i_table_get_held(it->table, weft_i_hold_of(&it->held), mixed, scheme);
}

void weft_table_iterate(weft_table_iterator *iterator, weft_table *table)
{
    if (!iterator)
        return;
    iterator->table = table;
    iterator->from = 0;
    iterator->left = 0;
    iterator->ended = false;
    if (!table)
        return;
    weft_i_check(table);
    weft_enter(&iterator->held, table->domain);
}

bool weft_table_next(weft_table_iterator *iterator, uint64_t *key, void **value)
{
    if (!iterator || !iterator->table)
        return false;
    weft_table *table = iterator->table;
    weft_i_check(table);
    for (;;) {
        while (iterator->left > 0) {
            uint64_t mixed = iterator->keys[--iterator->left];
            void *found = WEFT_I_BY_SCHEME(table->domain, weft_i_own_table_iterate_look_again, iterator, mixed);
            if (!found)
                continue; /* removed since the bucket was copied */
            if (key)
                *key = weft_i_table_unmix(table, mixed);
            if (value)
                *value = found;
            return true;
        }
        if (iterator->ended)
            return false;
        WEFT_I_BY_SCHEME(table->domain, weft_i_own_table_iterate_fill, iterator);
    }
}

void weft_table_iterate_end(weft_table_iterator *iterator)
{
    if (!iterator || !iterator->table)
        return;
    weft_i_check(iterator->table);
    weft_leave(&iterator->held);
    iterator->table = NULL;
}

void weft_table_stats(weft_table *table, weft_table_statistics *out)
{
    weft_table_iterator it;
    if (!out)
        return;
    *out = (weft_table_statistics){0};
    if (!table)
        return;
    weft_i_check(table);
    out->size = weft_i_table_sum(table);
    weft_table_iterate(&it, table);
    while (!it.ended) {
        WEFT_I_BY_SCHEME(table->domain, weft_i_own_table_iterate_fill, &it);
        out->fullest = it.left > out->fullest ? it.left : out->fullest;
        out->buckets++;
    }
    weft_table_iterate_end(&it);
    out->buckets -= 1; /* without that of the one key */
    out->load = (double)out->size / (double)out->buckets;
    out->bucket_bytes = out->buckets * sizeof(weft_i_table_bucket);
}

/* ---- hashmap/table_move.c ---- */

/* ---- nodes of slots ---- */

/*
 * Extends a bucket's chain to so many slots, while it has that head. False: no memory. If the head changes, it may remain
 * shorter: the caller's next step then fails.
 */
static bool weft_i_own_table_move_extend(weft_i_table_walk *w, weft_i_table_bucket *bucket, uint64_t head, unsigned slots)
{
    weft_domain *domain = w->table->domain;
    weft_scheme scheme = weft_i_scheme(domain);
    weft_atomic_ptr *link = &bucket->more;
    for (unsigned have = WEFT_TABLE_INLINE; have < slots; have += WEFT_I_TABLE_IN_NODE) {
        void *node = weft_i_load(link, WEFT_TABLE_A2);
        if (!node) {
            weft_i_table_node *made = weft_i_node_alloc(domain, weft_i_local_get(domain), WEFT_I_LARGE);
            if (!made)
                return false;
            /* relaxed: the node is private until WEFT_TABLE_R2 */
            weft_i_store(&made->next, NULL, memory_order_relaxed);
            for (int i = 0; i < WEFT_I_TABLE_IN_NODE; i++) {
                /* relaxed: the node is private until WEFT_TABLE_R2 */
                weft_i_store(&made->slot[i].key, 0, memory_order_relaxed);
                /* relaxed: the node is private until WEFT_TABLE_R2 */
                weft_i_store(&made->slot[i].value, NULL, memory_order_relaxed);
            }
            weft_i_publish(w->hold, 0, made, scheme); /* before others see it, and retire it */
            if (weft_i_cas(link, &node, (void *)made, WEFT_TABLE_R2, WEFT_TABLE_A2)) {
                link = &made->next;
                continue;
            }
            weft_i_node_free(domain, weft_i_local_get(domain), WEFT_I_LARGE, made);
        }
        if (node == WEFT_I_TABLE_CLOSED)
            return true;
        weft_i_publish(w->hold, 0, node, scheme);
        if (scheme == WEFT_HAZARD && weft_i_load(&bucket->head, WEFT_TABLE_S1) != head)
            return true;
        link = &((weft_i_table_node *)node)->next;
    }
    return true;
}

bool weft_i_table_extend(weft_i_table_walk *w, unsigned index)
{
    return weft_i_own_table_move_extend(w, w->bucket, w->head, index + 1);
}

/* Retires the nodes of a bucket that this thread has made MOVED. */
static void weft_i_own_table_move_retire_nodes(weft_table *table, weft_i_table_bucket *bucket)
{
    weft_i_list nodes = {0};
    weft_atomic_ptr *link = &bucket->more;
    void *node = weft_i_load(link, WEFT_TABLE_A2);
    while (node || !weft_i_cas(link, &node, WEFT_I_TABLE_CLOSED, WEFT_TABLE_R2, WEFT_TABLE_A2)) {
        link = &((weft_i_table_node *)node)->next;
        weft_i_list_push(&nodes, &((weft_i_table_node *)node)->hook);
        node = weft_i_load(link, WEFT_TABLE_A2);
    }
    if (nodes.count)
        weft_i_retire_list_held(table->domain, weft_i_local_get(table->domain), &nodes, &weft_i_recycle[WEFT_I_LARGE]);
}

/* ---- moving a group ---- */

typedef struct weft_i_own_table_move_group {
    weft_i_table_walk *w;
    weft_i_table_array *into; /* where the buckets of `to` are */
    unsigned froms, tos;
    weft_i_table_bucket *from[2], *to[2];
    size_t first_to;             /* the index of to[0] */
    uint64_t fresh;              /* the head of `to` before it is open */
    weft_i_table_bucket *passed; /* the one between, if two buckets pass by it; else NULL */
    weft_i_hold hold;            /* then holds the array that they go to: */
    weft_guard own;
} weft_i_own_table_move_group;

typedef struct weft_i_own_table_move_contents {
    unsigned count;
    struct {
        uint64_t key; /* as in its slot */
        void *value;
        unsigned state;
    } of[2 * WEFT_TABLE_SLOTS];
} weft_i_own_table_move_contents;

static weft_i_own_table_move_group weft_i_own_table_move_group_of(weft_i_table_walk *w, weft_i_table_array *next, size_t index)
{
    bool grows = next->shift < w->array->shift;
    size_t from = grows ? index : index & ~(size_t)1, to = grows ? 2 * index : index / 2;
    return (weft_i_own_table_move_group){.w = w,
                   .into = next,
                   .froms = grows ? 1 : 2,
                   .tos = grows ? 2 : 1,
                   .from = {&w->array->bucket[from], &w->array->bucket[from + !grows]},
                   .to = {&next->bucket[to], &next->bucket[to + grows]},
                   .first_to = to,
                   .fresh = grows ? WEFT_I_TABLE_VIRGIN : WEFT_I_TABLE_MERGING};
}

static unsigned weft_i_own_table_move_used(uint64_t head)
{
    return weft_i_table_count_of(weft_i_table_live(head) | weft_i_table_dead(head));
}

/* Adds a bucket's entries. False: its head has changed. */
static bool weft_i_own_table_move_collect(weft_i_own_table_move_group *g, weft_i_table_bucket *from, uint64_t head, weft_i_own_table_move_contents *e)
{
    weft_scheme scheme = weft_i_scheme(g->w->table->domain);
    for (uint64_t set = weft_i_table_live(head) | weft_i_table_dead(head); set; set &= set - 1) {
        unsigned index = weft_i_table_first(set);
        weft_i_table_slot *slot = index < WEFT_TABLE_INLINE
                                      ? &from->slot[index]
                                      : weft_i_table_slot_beyond(g->w->hold, from, head, index, 0, scheme);
        if (!slot)
            return false;
        e->of[e->count].key = weft_i_load(&slot->key, WEFT_TABLE_A1);
        e->of[e->count].value = weft_i_load(&slot->value, WEFT_TABLE_A1);
        e->of[e->count++].state = (unsigned)(head >> (WEFT_I_TABLE_STATES + 2 * index)) & WEFT_I_TABLE_DEAD;
    }
    return weft_i_load(&from->head, WEFT_TABLE_S1) == head;
}

static bool weft_i_own_table_move_goes_to(const weft_i_own_table_move_group *g, uint64_t key, unsigned to)
{
    return key >> g->into->shift == g->first_to + to;
}

/* Two buckets pass by one that they do not fit into, to the array behind it. False: no memory. */
static bool weft_i_own_table_move_pass_by(weft_i_own_table_move_group *g)
{
    weft_domain *domain = g->w->table->domain;
    weft_scheme scheme = weft_i_scheme(domain);
    weft_i_table_array *between = g->into;
    g->passed = g->to[0];
    g->hold = weft_i_begin(&g->own, domain, scheme);
    if (!weft_i_load(&between->next, WEFT_TABLE_A3) &&
        !weft_i_table_make_next(g->w->table, between, weft_i_table_bits(between) + 1))
        return false;
    g->into = weft_i_load(&between->next, WEFT_TABLE_A3);
    weft_i_publish(g->hold, 1, g->into, scheme);
    bool retired =
        scheme == WEFT_HAZARD && (ptrdiff_t)(weft_i_load(&g->w->table->number, WEFT_TABLE_A6) - between->number) > 1;
    if (retired || g->into->shift != g->w->array->shift) { /* the group was moved, and the table has gone on since */
        g->froms = g->tos = 0;
        return true;
    }
    g->fresh = WEFT_I_TABLE_VIRGIN;
    g->tos = 2;
    g->first_to *= 2;
    for (unsigned to = 0; to < 2; to++)
        g->to[to] = &g->into->bucket[g->first_to + to];
    return true;
}

/* Step 1, for two buckets. False: no memory. */
static bool weft_i_own_table_move_seal(weft_i_own_table_move_group *g)
{
    uint64_t head[2], is = WEFT_I_TABLE_VIRGIN;
    for (int i = 0; i < 2; i++) {
        head[i] = weft_i_load(&g->from[i]->head, WEFT_TABLE_S1);
        while (weft_i_table_mode(head[i]) == WEFT_I_TABLE_OPEN &&
               !weft_i_cas(&g->from[i]->head, &head[i], weft_i_table_with_mode(head[i], WEFT_I_TABLE_SEALED), WEFT_TABLE_S2,
                           WEFT_TABLE_S1))
            ;
    }
    bool fit = weft_i_own_table_move_used(head[0]) + weft_i_own_table_move_used(head[1]) <= WEFT_TABLE_SLOTS;
    uint64_t becomes = fit ? WEFT_I_TABLE_MERGING : WEFT_I_TABLE_PASSING;
    if (weft_i_cas(&g->to[0]->head, &is, becomes, WEFT_TABLE_S2, WEFT_TABLE_S1))
        is = becomes;
    return is != WEFT_I_TABLE_PASSING || weft_i_own_table_move_pass_by(g);
}

/* Steps 2 and 3 for one bucket. *known: e has all entries of the group, for good. False: no memory. */
static bool weft_i_own_table_move_freeze(weft_i_own_table_move_group *g, unsigned i, weft_i_own_table_move_contents *e, bool *known)
{
    for (;;) {
        uint64_t head[2];
        bool changed = false;
        *known = false;
        e->count = 0;
        for (unsigned k = 0; k < g->froms; k++) {
            head[k] = weft_i_load(&g->from[k]->head, WEFT_TABLE_S1);
            if (weft_i_table_mode(head[k]) == WEFT_I_TABLE_MOVED)
                return true;
            changed = changed || !weft_i_own_table_move_collect(g, g->from[k], head[k], e);
        }
        *known = g->froms == 1 && !changed;
        if (weft_i_table_mode(head[i]) == WEFT_I_TABLE_FROZEN)
            return true;
        for (unsigned to = 0; to < g->tos && !changed; to++) {
            unsigned count = 0;
            for (unsigned k = 0; k < e->count; k++)
                count += weft_i_own_table_move_goes_to(g, e->of[k].key, to);
            if (count > WEFT_TABLE_INLINE && !weft_i_own_table_move_extend(g->w, g->to[to], g->fresh, count))
                return false;
        }
        if (!changed && weft_i_cas(&g->from[i]->head, &head[i], weft_i_table_with_mode(head[i], WEFT_I_TABLE_FROZEN),
                                   WEFT_TABLE_S2, WEFT_TABLE_S1))
            return true;
    }
}

/* Step 4 for one bucket, if that has not been done. */
static void weft_i_own_table_move_open_from(weft_i_own_table_move_group *g, const weft_i_own_table_move_contents *e, unsigned to)
{
    unsigned count = 0;
    uint64_t head = WEFT_I_TABLE_OPEN, fresh = g->fresh;
    weft_i_table_bucket *bucket = g->to[to];
    weft_scheme scheme = weft_i_scheme(g->w->table->domain);
    for (unsigned k = 0; k < e->count; k++) {
        uint64_t none = 0;
        void *nothing = NULL;
        if (!weft_i_own_table_move_goes_to(g, e->of[k].key, to))
            continue;
        weft_i_table_slot *slot = count < WEFT_TABLE_INLINE
                                      ? &bucket->slot[count]
                                      : weft_i_table_slot_beyond(g->w->hold, bucket, fresh, count, 0, scheme);
        if (!slot)
            return; /* it is open */
        /* relaxed: read only after WEFT_TABLE_S1 has seen that the bucket is open, by which all have seen these words */
        (void)weft_i_cas(&slot->key, &none, e->of[k].key, memory_order_relaxed, memory_order_relaxed);
        /* relaxed: the same */
        (void)weft_i_cas(&slot->value, &nothing, e->of[k].value, memory_order_relaxed, memory_order_relaxed);
        head = weft_i_table_with(head, count++, e->of[k].state);
    }
    (void)weft_i_cas(&bucket->head, &fresh, head, WEFT_TABLE_S2, WEFT_TABLE_S1);
}

/* Steps 2 to 5. False: no memory. */
static bool weft_i_own_table_move_move_sealed(weft_i_own_table_move_group *g)
{
    weft_i_own_table_move_contents e;
    bool known = false;
    for (unsigned i = 0; i < g->froms; i++)
        if (!weft_i_own_table_move_freeze(g, i, &e, &known))
            return false;
    if (!known) {
        e.count = 0;
        known = true;
        for (unsigned i = 0; i < g->froms; i++) {
            uint64_t head = weft_i_load(&g->from[i]->head, WEFT_TABLE_S1);
            known = known && weft_i_table_mode(head) == WEFT_I_TABLE_FROZEN && weft_i_own_table_move_collect(g, g->from[i], head, &e);
        }
    }
    for (unsigned to = 0; to < g->tos && known; to++)
        if (weft_i_load(&g->to[to]->head, WEFT_TABLE_S1) == g->fresh)
            weft_i_own_table_move_open_from(g, &e, to);
    uint64_t passing = WEFT_I_TABLE_PASSING;
    if (g->passed)
        (void)weft_i_cas(&g->passed->head, &passing, WEFT_I_TABLE_MOVED, WEFT_TABLE_S2, WEFT_TABLE_S1);
    for (unsigned i = 0; i < g->froms; i++) {
        uint64_t head = weft_i_load(&g->from[i]->head, WEFT_TABLE_S1);
        if (weft_i_table_mode(head) == WEFT_I_TABLE_FROZEN &&
            weft_i_cas(&g->from[i]->head, &head, weft_i_table_with_mode(head, WEFT_I_TABLE_MOVED), WEFT_TABLE_S2, WEFT_TABLE_S1))
            weft_i_own_table_move_retire_nodes(g->w->table, g->from[i]);
    }
    return true;
}

/* Retires what waits in a bucket, as far as there is memory, so that it does not move. */
static void weft_i_own_table_move_bury_all(weft_i_own_table_move_group *g, weft_i_table_bucket *from)
{
    weft_i_table_walk w = *g->w;
    w.bucket = from;
    do
        w.head = weft_i_load(&from->head, WEFT_TABLE_S1);
    while (weft_i_table_dead(w.head) && weft_i_table_mode(w.head) < WEFT_I_TABLE_FROZEN && weft_i_table_bury(&w));
}

bool weft_i_table_move_to(weft_i_table_walk *w, weft_i_table_array *next, size_t index)
{
    weft_i_own_table_move_group g = weft_i_own_table_move_group_of(w, next, index);
    for (unsigned i = 0; i < g.froms && w->table->kinds; i++)
        weft_i_own_table_move_bury_all(&g, g.from[i]);
    bool moved = (g.froms == 1 || weft_i_own_table_move_seal(&g)) && weft_i_own_table_move_move_sealed(&g);
    if (g.passed) {
        weft_i_table_end(g.hold, weft_i_scheme(w->table->domain));
        weft_i_end(g.hold, &g.own);
    }
    return moved;
}

bool weft_i_table_move(weft_i_table_walk *w)
{
    weft_scheme scheme = weft_i_scheme(w->table->domain);
    weft_i_table_array *next = weft_i_table_next(w, scheme);
    if (next)
        return weft_i_table_move_to(w, next, (size_t)(w->bucket - w->array->bucket));
    weft_i_table_begin(w, scheme);
    return true;
}

bool weft_i_table_widen(weft_i_table_walk *w)
{
    return w->bucket != &w->table->zero &&
           (weft_i_load(&w->array->next, WEFT_TABLE_A3) ||
            weft_i_table_make_next(w->table, w->array, weft_i_table_bits(w->array) + 1)) &&
           weft_i_table_move(w);
}

/* ---- hashmap/table_resize.c ---- */

#include <errno.h>

static void weft_i_own_table_resize_reclaim_buckets(void *array, void *ctx)
{
    (void)ctx;
    weft_i_table_array_free(array);
}

size_t weft_i_table_sum(weft_table *table)
{
    weft_i_table_stripes *stripes = weft_i_load(&table->stripes, WEFT_TABLE_A5);
    size_t sum = weft_i_load(&table->first.size, memory_order_relaxed); /* relaxed: a figure */
    for (int i = 0; stripes && i < WEFT_TABLE_STRIPES; i++)
        sum += weft_i_load(&stripes->of[i].it.size, memory_order_relaxed); /* relaxed: a figure */
    return sum >> (sizeof sum * 8 - 1) ? 0 : sum; /* a removal was counted before its insertion */
}

/* All buckets of w->array are moved. Returns the array if the caller must retire it. */
static weft_i_table_array *weft_i_own_table_resize_finish(weft_i_table_walk *w, weft_i_table_array *next)
{
    void *array = w->array;
    if (!weft_i_cas(&w->table->array, &array, (void *)next, WEFT_TABLE_R3, WEFT_TABLE_A3))
        return NULL;
    size_t number = weft_i_load(&w->table->number, WEFT_TABLE_A6);
    while ((ptrdiff_t)(next->number - number) > 0 &&
           !weft_i_cas(&w->table->number, &number, next->number, WEFT_TABLE_R6, WEFT_TABLE_A6))
        ;
    return w->array;
}

/* Moves groups from `at` on. Returns how many were moved before the first that could not be. */
static size_t weft_i_own_table_resize_move_some(weft_i_table_walk *w, weft_i_table_array *next, size_t at, size_t count)
{
    size_t each = next->shift < w->array->shift ? 1 : 2, done = 0;
    while (done < count && weft_i_table_move_to(w, next, (at + done) * each))
        done++;
    return done;
}

/* Moves some groups to the next array. *due: the array that the caller must retire. False: none could be moved. */
static bool weft_i_own_table_resize_help(weft_i_table_walk *w, weft_i_table_array *next, weft_i_table_array **due)
{
    size_t bits = weft_i_table_bits(next->shift < w->array->shift ? w->array : next), groups = (size_t)1 << bits;
    /* a shrinking table has to be ready before a quarter is left of the entries with which it began */
    size_t step = next->shift < w->array->shift ? WEFT_TABLE_STEP : 2 * WEFT_TABLE_STEP;
    size_t at = weft_i_load(&w->array->taken, memory_order_relaxed), done; /* relaxed: a number */
    if (at < groups)
        at = weft_i_fetch_add(&w->array->taken, step, memory_order_relaxed); /* relaxed: a number */
    if (at < groups) {
        size_t count = groups - at < step ? groups - at : step;
        done = weft_i_own_table_resize_move_some(w, next, at, count);
        if (weft_i_fetch_add(&w->array->moved, done, WEFT_TABLE_X1) + done == groups)
            *due = weft_i_own_table_resize_finish(w, next);
        return done == count;
    }
    at = weft_i_load(&w->array->cursor, WEFT_TABLE_A4);
    size_t left = groups - at;
    size_t count = left < step ? left : step;
    done = weft_i_own_table_resize_move_some(w, next, at, count);
    (void)weft_i_cas(&w->array->cursor, &at, at + done, WEFT_TABLE_R4, WEFT_TABLE_A4);
    if (done == left)
        *due = weft_i_own_table_resize_finish(w, next);
    return done > 0 || left == 0;
}

/*
 * Grows or shrinks the table by some buckets, if it has to: 1. `least`: of its bits. 0: there is nothing to do; -ENOMEM:
 * it cannot. True in *finished: these were the last ones on the way to the next array.
 */
static int weft_i_own_table_resize_adjust_once(weft_table *table, size_t least, bool *finished)
{
    weft_guard own;
    weft_i_table_array *due = NULL;
    weft_scheme scheme = weft_i_scheme(table->domain);
    weft_i_table_walk w = weft_i_table_updater(table, weft_i_begin(&own, table->domain, scheme), 0);
    weft_i_table_begin(&w, scheme);
    size_t bits = weft_i_table_bits(w.array), buckets = (size_t)1 << bits;
    int result = 1;
    if (!weft_i_load(&w.array->next, WEFT_TABLE_A3)) { /* else no sum is needed, whose stripes others write */
        size_t sum = weft_i_table_sum(table);
        if (bits < least || sum / WEFT_TABLE_LOAD >= buckets)
            result = weft_i_table_make_next(table, w.array, bits + 1) ? 1 : -ENOMEM;
        else if (bits > WEFT_TABLE_FIRST_BITS && bits > least && sum * WEFT_TABLE_SPARSE < buckets)
            result = weft_i_table_make_next(table, w.array, bits - 1) ? 1 : -ENOMEM;
        else
            result = 0;
    }
    weft_i_table_array *next = result > 0 ? weft_i_table_next(&w, scheme) : NULL;
    if (next && !weft_i_own_table_resize_help(&w, next, &due))
        result = -ENOMEM;
    weft_i_table_end(w.hold, scheme);
    weft_i_end(w.hold, &own);
    if (due)
        weft_retire_hook(table->domain, &due->hook, due, weft_i_table_bytes(weft_i_table_bits(due)), weft_i_own_table_resize_reclaim_buckets,
                         NULL);
    weft_i_catch_up(table->domain);
    *finished = due != NULL;
    return result;
}

/* The same; who has moved the last buckets also looks whether the table must go on, since nobody else may. */
static int weft_i_own_table_resize_adjust(weft_table *table, size_t least)
{
    bool finished;
    int result;
    do
        result = weft_i_own_table_resize_adjust_once(table, least, &finished);
    while (finished);
    return result;
}

size_t weft_i_table_buckets(weft_table *table)
{
    weft_guard own;
    weft_scheme scheme = weft_i_scheme(table->domain);
    weft_i_table_walk w = weft_i_table_updater(table, weft_i_begin(&own, table->domain, scheme), 0);
    weft_i_table_begin(&w, scheme);
    size_t bits = weft_i_table_bits(w.array);
    weft_i_table_end(w.hold, scheme);
    weft_i_end(w.hold, &own);
    return (size_t)1 << bits;
}

int weft_i_table_adjust(weft_table *table)
{
    /* relaxed: it is a number, which the next update reads again */
    return weft_i_own_table_resize_adjust(table, weft_i_load(&table->reserved, memory_order_relaxed));
}

/* Each thread's next update looks at the sum: the table may have to shrink. */
static void weft_i_own_table_resize_tell_again(weft_table *table)
{
    weft_i_table_stripes *stripes = weft_i_load(&table->stripes, WEFT_TABLE_A5);
    for (int i = -1; i < (stripes ? WEFT_TABLE_STRIPES : 0); i++) {
        weft_i_table_stripe *stripe = i < 0 ? &table->first : &stripes->of[i].it;
        /* relaxed: figures, far from each other */
        weft_i_store(&stripe->told, weft_i_load(&stripe->size, memory_order_relaxed) + SIZE_MAX / 2,
                     memory_order_relaxed);
    }
}

int weft_i_table_reserve(weft_table *table, size_t count)
{
    size_t bits = WEFT_TABLE_FIRST_BITS;
    while ((size_t)1 << bits < count / WEFT_TABLE_LOAD + 1 && count > 0)
        if (++bits >= WEFT_TABLE_LEVELS)
            return -ENOMEM;
    /* relaxed: as in weft_i_table_adjust */
    weft_i_store(&table->reserved, bits, memory_order_relaxed);
    while (weft_i_table_buckets(table) < (size_t)1 << bits)
        if (weft_i_own_table_resize_adjust(table, bits) < 0)
            return -ENOMEM;
    weft_i_own_table_resize_tell_again(table);
    return 0;
}

void weft_i_table_settle_all(weft_table *table)
{
    weft_guard own;
    weft_scheme scheme = weft_i_scheme(table->domain);
    weft_i_table_walk w = weft_i_table_updater(table, weft_i_begin(&own, table->domain, scheme), 0);
    weft_i_table_begin(&w, scheme);
    for (weft_i_table_array *next; (next = weft_i_load(&w.array->next, WEFT_TABLE_A3)) != NULL; w.array = next) {
        size_t buckets = (size_t)1 << weft_i_table_bits(w.array);
        for (size_t i = 0; i < buckets; i++) {
            w.bucket = &w.array->bucket[i];
            if (weft_i_table_mode(weft_i_load(&w.bucket->head, WEFT_TABLE_S1)) == WEFT_I_TABLE_FROZEN)
                (void)weft_i_table_move(&w); /* a frozen bucket has all that its move needs */
        }
    }
    weft_i_table_end(w.hold, scheme);
    weft_i_end(w.hold, &own);
}

/* ---- hashmap/table_values.c ---- */

weft_i_map_node *weft_i_table_node_make(weft_table *table)
{
    return weft_i_node_alloc(table->domain, weft_i_local_get(table->domain), WEFT_I_LARGE);
}

void weft_i_table_node_drop(weft_table *table, weft_i_map_node *node)
{
    if (node)
        weft_i_node_free(table->domain, weft_i_local_get(table->domain), WEFT_I_LARGE, node);
}

void weft_i_table_retire(weft_table *table, weft_i_map_node *node, void *value)
{
    node->dead = value;
    /* relaxed: the table is a user itself, so that this cannot be the first */
    (void)weft_i_fetch_add(&table->kinds->users, 1, memory_order_relaxed);
    (void)weft_i_retire_held(table->domain, weft_i_local_get(table->domain), &node->hook, &table->kinds->value,
                             WEFT_I_LARGE_SIZE);
}

bool weft_i_table_bury(weft_i_table_walk *w)
{
    uint64_t head = w->head;
    unsigned index = weft_i_table_first(weft_i_table_dead(head));
    weft_i_map_node *node = weft_i_table_node_make(w->table);
    if (!node)
        return false;
    weft_i_table_slot *slot = weft_i_table_slot_at(w, index, weft_i_scheme(w->table->domain));
    void *value = slot ? weft_i_load(&slot->value, WEFT_TABLE_A1) : NULL;
    if (slot &&
        weft_i_cas(&w->bucket->head, &head, weft_i_table_with(head, index, WEFT_I_TABLE_FREE), WEFT_TABLE_S2, WEFT_TABLE_S1))
        weft_i_table_retire(w->table, node, value);
    else
        weft_i_table_node_drop(w->table, node);
    return true;
}

#endif

#endif
