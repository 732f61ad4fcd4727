/*
 * The locks of the baselines: a pthread mutex, and Concurrency Kit's default spinlock (fetch-and-store). A baseline is
 * written once over base_lock and compiled for each lock.
 */
#ifndef BENCH_BASELINES_LOCKS_H
#define BENCH_BASELINES_LOCKS_H

#if defined(BASE_MUTEX)
#include <pthread.h>
typedef pthread_mutex_t base_lock;
#define base_lock_init(lock) pthread_mutex_init(lock, NULL)
#define base_lock_destroy(lock) pthread_mutex_destroy(lock)
#define base_lock_take(lock) pthread_mutex_lock(lock)
#define base_lock_leave(lock) pthread_mutex_unlock(lock)
#elif defined(BASE_SPINLOCK)
#include <ck_spinlock.h>
typedef ck_spinlock_t base_lock;
#define base_lock_init(lock) ck_spinlock_init(lock)
#define base_lock_destroy(lock) ((void)(lock))
#define base_lock_take(lock) ck_spinlock_lock(lock)
#define base_lock_leave(lock) ck_spinlock_unlock(lock)
#else
#error "define BASE_MUTEX or BASE_SPINLOCK"
#endif

#endif
