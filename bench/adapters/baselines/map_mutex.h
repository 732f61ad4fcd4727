/* The lock of mutex-map and sharded-map; see chained_map.h. */
#include <pthread.h>

#define map_lock pthread_mutex_t
#define map_lock_init(lock) pthread_mutex_init(lock, NULL)
#define map_lock_destroy(lock) pthread_mutex_destroy(lock)
#define map_lock_read(lock) pthread_mutex_lock(lock)
#define map_lock_write(lock) pthread_mutex_lock(lock)
#define map_lock_leave(lock) pthread_mutex_unlock(lock)
