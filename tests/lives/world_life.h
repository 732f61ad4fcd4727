/*
 * What programs are made of, 1: threads, and how a failure is reported.
 *
 * The interpreter (steps.c) includes the files world_*.h. A printed program contains those pieces of them that it
 * uses: a piece is the text between two empty lines. Lines with TALLY are not printed.
 */

typedef void body(void);

enum { HERE = -1, FOREVER = 3, SHARED = 4, PLACES = 1024, CELLS = 4, LIVES = 256, OBJECTS = 1 << 20, VALUES = 1 << 23 };

/* A running callback; this lies on the stack of its caller. */
typedef struct frame {
    struct place *place, *here;
    const char *at; /* the call of the library that runs it */
    int number;     /* errno */
    struct frame *outer;
} frame;

/* A thread of the program. */
typedef struct life {
    pthread_t thread;
    body *main;
    const char *volatile at; /* the call of the library that it is in */
    const char *last;        /* or was in */
    volatile int used;       /* it has used Weft, so its handlers may */
    int encumbered;          /* it, or a thread that waits for it, has a guard or callback: it may not wait for ever */
    int awaited;             /* the part of `encumbered` that comes from threads that wait for it */
    int stays;               /* not 0: it may not be ended */
    int in_allocator, in_handler, late, cancelled, returned, gone;
    long at_risk; /* values that are lost if it ends now */
    struct frame *frame;
    struct place *here, *closing; /* closing: the domain that it destroys */
    struct queue *my_queue;
    struct stack *my_stack;
    struct pipe *my_pipe;
    struct playing *playing; /* roles in a structure */
    struct table *my_map;
    body *last_words[2];
    unsigned char guards[PLACES]; /* the number that it holds, by domain */
    uint64_t random;
} life;

static __thread life *me;
static life *lives[LIVES], *the_first; /* all others; the process's first thread */
static pthread_mutex_t lives_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int alive, most_alive, guards_held, most_guards, most_spares;
static atomic_uint life_count;
static int in_child, vanished; /* threads that the child does not have */

/* What is to be closed at the end, in this order. */
enum { TICKS, QUEUES, STACKS, PIPES, MAPS, ALLOCATOR, VALUES_OUT, CLOSERS };
static body *_Atomic closers[CLOSERS];

/* What else a handler does, a child right after the fork, and a thread before it ends. */
static body *_Atomic also_in_handler, *_Atomic also_in_child, *_Atomic also_at_end;

/* Reads the pointer once. */
static void run_if_any(body *what)
{
    if (what)
        what();
}

/*
 * Milliseconds: from the beginning, until no step begins anything new; without a call of the library, until the program
 * counts as hanging, as it does after several times that in any case.
 */
static int lasting = 1000, patience = 9000;
enum { MOST_PATIENCE = 6 };

static uint64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t began;

/* Whether a step goes on to its turn `i`. */
static bool go(int i)
{
    return i % 64 || clock_ms() - began < (uint64_t)lasting;
}

static unsigned chance(unsigned n)
{
    me->random ^= me->random << 13;
    me->random ^= me->random >> 7;
    me->random ^= me->random << 17;
    return (unsigned)(me->random >> 20) % n;
}

static void raise_to(atomic_int *most, int value)
{
    for (int seen = atomic_load(most); seen < value && !atomic_compare_exchange_weak(most, &seen, value);)
        ;
}

/* Reports all failures: one line, exit status 1. */
static _Noreturn void fail(const char *what, long detail)
{
    char line[400];
    const char *at = me && me->at ? me->at : me && me->last ? me->last : "no call";
    int length =
        snprintf(line, sizeof line, "lives: %s: %ld%s, %s\n", what, detail, in_child ? ", in a fork's child" : "", at);
    (void)!write(STDERR_FILENO, line, (size_t)length);
    _exit(1);
}

static atomic_ulong calls_begun; /* and callbacks: while they come, the call around them does not hang */
static unsigned long calls_seen; /* at the last alarm */
static int alarms, quiet_alarms;

/*
 * A third of the patience has passed. If nobody has called the library for three thirds, the program hangs: then it says
 * where each thread is. (On a loaded machine it takes long without a hang.)
 */
static void on_alarm(int signal_number)
{
    char line[400];
    unsigned long begun = atomic_load(&calls_begun);
    (void)signal_number;
    quiet_alarms = begun == calls_seen ? quiet_alarms + 1 : 0;
    calls_seen = begun;
    if (quiet_alarms < 3 && ++alarms < 3 * MOST_PATIENCE)
        return;
    int length = snprintf(line, sizeof line, "lives: hang%s\n", in_child ? " in a fork's child" : "");
    (void)!write(STDERR_FILENO, line, (size_t)length);
    for (int i = -1; i < LIVES; i++) {
        const life *l = i < 0 ? the_first : lives[i];
        if (!l)
            continue;
        length = snprintf(line, sizeof line, "    thread %d: %s%s\n", i + 1, l->at ? l->at : "outside the library",
                          l->frame ? ", from a callback" : "");
        (void)!write(STDERR_FILENO, line, (size_t)length);
    }
    _exit(1);
}

static void on_crash(int signal_number)
{
    fail("crash", signal_number);
}

static void catch_crashes(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE};
    for (int i = 0; !SANITIZED && i < 5; i++)
        signal(signals[i], on_crash);
}

static void watch(int ms)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    alarms = quiet_alarms = 0;
    struct timeval third = {ms / 3000, ms / 3 % 1000 * 1000};
    struct itimerval timer = {third, third};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

enum { NUMBER = 4711 };

/* Around each call of the library: notes it, and checks that it leaves errno alone and is no cancellation point (a
   thread acts on its cancellation only in cancel_point). */
static void call_begin(const char *call)
{
    me->at = me->last = call;
    atomic_fetch_add_explicit(&calls_begun, 1, memory_order_relaxed);
    errno = NUMBER;
    if (!me->in_handler) /* which may have interrupted sleep, where glibc has cancellation asynchronous */
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
}

static void call_end(void)
{
    if (!me->in_handler)
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    if (errno != NUMBER)
        fail("errno was touched", errno);
    TALLY(CALLS, 1);
    me->at = NULL;
}

/* After CALL the thread has a record. (Making or destroying a structure, or waiting in a barrier, needs none.) */
#define ASK(call) (call_begin(#call), (call), call_end())
#define CALL(call) (call_begin(#call), (call), call_end(), (void)(me->used = 1))

static void callback_begin(frame *f, struct place *p)
{
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    atomic_fetch_add_explicit(&calls_begun, 1, memory_order_relaxed);
    *f = (frame){p, me->here, me->at, errno, me->frame};
    me->frame = f;
    me->here = p;
    me->at = NULL;
    me->encumbered++;
}

static void callback_end(frame *f)
{
    me->encumbered--;
    me->at = f->at;
    me->here = f->here;
    me->frame = f->outer;
    errno = f->number;
    if (me->at)
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
}
