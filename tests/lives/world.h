/* What the files world_*.h need, in the interpreter and at the head of each printed program. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <weft/hashmap/split_map.h>
#include <weft/hashmap/table.h>
#include <weft/queues/deque.h>
#include <weft/queues/mailbox.h>
#include <weft/queues/msq.h>
#include <weft/queues/ring.h>
#include <weft/queues/segq.h>
#include <weft/queues/spsc.h>
#include <weft/reclaim/domain.h>
#include <weft/stacks/treiber.h>

#ifndef WEFT_BATCH
#define WEFT_BATCH 1024 /* as the library ships */
#endif
#ifndef WEFT_MAP_OPEN
#define WEFT_MAP_OPEN 16 /* likewise: the buckets that an insertion opens, with a retirement each */
#endif
#ifndef WEFT_TABLE_STEP
#define WEFT_TABLE_STEP 8 /* likewise: the buckets that an update moves */
#endif

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED 1 /* the sanitizers' runtimes do not survive every fork */
#else
#define SANITIZED 0
#endif

#if defined __SANITIZE_THREAD__
#define FORGETS_THREADS 1
#else
#define FORGETS_THREADS 0
#endif
