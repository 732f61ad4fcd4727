/* What programs are made of, 2: domains, and the allocators that they are given. */

typedef struct place {
    weft_domain *domain; /* NULL: the default one */
    weft_scheme scheme;
    int number;
    atomic_int live, structures;
    atomic_long bytes;        /* given by its allocator */
    atomic_int blocks[64];    /* of so many times 64 bytes; the last: all that are larger */
    atomic_long by_callbacks; /* retired by callbacks and not reclaimed */
    atomic_long operations;   /* of structures, by callbacks */
    atomic_long lost;         /* objects that ended threads may have had in hand */
    atomic_uint lost_before;  /* and all objects with numbers below this, if one ended in a barrier */
    weft_atomic_ptr cell[CELLS];
} place;

static place places[PLACES] = {{.live = 1, .scheme = WEFT_HAZARD}};
static atomic_int place_count = SHARED;
static atomic_int ended_inside; /* threads that ended inside an operation */

static bool in_callback_of(const place *p)
{
    for (frame *f = me->frame; f; f = f->outer)
        if (f->place == p)
            return true;
    return false;
}

/* The domain of a step. HERE is that of the object at hand, or the innermost one made around the step. A domain that is
   being destroyed is only for the callbacks of its destruction. */
static place *at_place(int which)
{
    place *p = which == HERE ? me->here : &places[which];
    return p && (atomic_load(&p->live) || me->closing == p) ? p : NULL;
}

/* ---- allocators ---- */

typedef weft_allocator maker(place *p);

static weft_allocator none(place *p)
{
    (void)p;
    return (weft_allocator){0};
}

static void count_block(place *p, size_t size, int by)
{
    size_t lines = (size + 63) / 64, most = sizeof p->blocks / sizeof *p->blocks - 1;
    atomic_fetch_add(&p->bytes, (long)size * by);
    atomic_fetch_add(&p->blocks[lines < most ? lines : most], by);
}

static void *take_memory(size_t size, size_t alignment, place *p)
{
    void *memory = NULL;
    if (posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) != 0)
        return NULL;
    count_block(p, size, 1);
    return memory;
}

static void give_memory(void *memory, size_t size, place *p)
{
    count_block(p, size, -1);
    free(memory);
}

/* No domain is left, but memory that it was given. */
static _Noreturn void fail_with_blocks(place *p, const char *what)
{
    for (int i = 0; i < (int)(sizeof p->blocks / sizeof *p->blocks); i++)
        if (atomic_load(&p->blocks[i]))
            fprintf(stderr, "    blocks of %d bytes or somewhat less: %d\n", i * 64, atomic_load(&p->blocks[i]));
    fail(what, atomic_load(&p->bytes));
}

static void *counted_alloc(size_t size, size_t alignment, void *ctx)
{
    return take_memory(size, alignment, ctx);
}

static void counted_free(void *memory, size_t size, void *ctx)
{
    give_memory(memory, size, ctx);
}

static weft_allocator counted(place *p)
{
    return (weft_allocator){counted_alloc, counted_free, p};
}

/* Refuses one of twenty allocations. */
static void *stingy_alloc(size_t size, size_t alignment, void *ctx)
{
    return chance(20) ? take_memory(size, alignment, ctx) : NULL;
}

static weft_allocator stingy(place *p)
{
    return (weft_allocator){stingy_alloc, counted_free, p};
}

static pthread_mutex_t allocator_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int a_child_may_hang; /* a fork may leave the lock above locked in the child */

static void *locked_alloc(size_t size, size_t alignment, void *ctx)
{
    pthread_mutex_lock(&allocator_lock);
    if (!chance(16))
        sched_yield();
    void *memory = take_memory(size, alignment, ctx);
    pthread_mutex_unlock(&allocator_lock);
    return memory;
}

static void locked_free(void *memory, size_t size, void *ctx)
{
    pthread_mutex_lock(&allocator_lock);
    if (!chance(16))
        sched_yield();
    give_memory(memory, size, ctx);
    pthread_mutex_unlock(&allocator_lock);
}

/* With a mutex, which is all that "thread-safe" demands. */
static weft_allocator locked(place *p)
{
    atomic_store(&a_child_may_hang, 1);
    return (weft_allocator){locked_alloc, locked_free, p};
}

static void lock_allocator(void)
{
    pthread_mutex_lock(&allocator_lock);
}

static void unlock_allocator(void)
{
    pthread_mutex_unlock(&allocator_lock);
}

/* A fork that has begun does not call handlers registered meanwhile, so none may begin then. */
static pthread_mutex_t registration = PTHREAD_MUTEX_INITIALIZER;

/* With a mutex that fork handlers take. Weft's were registered when it was loaded, so before these. */
static weft_allocator fork_safe(place *p)
{
    static int registered;
    pthread_mutex_lock(&registration);
    if (!registered && pthread_atfork(lock_allocator, unlock_allocator, unlock_allocator) != 0)
        fail("pthread_atfork", errno);
    registered = 1;
    pthread_mutex_unlock(&registration);
    return (weft_allocator){locked_alloc, locked_free, p};
}

/* Keeps free memory in a stack of Weft's, in the default domain. */
static weft_treiber *_Atomic spare;
static atomic_int spares;
enum { SPARE = 128 };

static bool is_spare(size_t size)
{
    return size <= SPARE;
}

static void *woven_alloc(size_t size, size_t alignment, void *ctx)
{
    void *memory = NULL;
    if (!is_spare(size))
        return take_memory(size, alignment, ctx);
    if (me->frame)
        atomic_fetch_add(&places[0].operations, 1); /* the bound does not count what the stack retires in callbacks */
    me->in_allocator++;
    bool found = weft_treiber_try_pop(spare, &memory);
    me->in_allocator--;
    if (found) {
        count_block(ctx, SPARE, 1);
        atomic_fetch_sub(&spares, 1);
    }
    return found ? memory : take_memory(SPARE, SPARE, ctx);
}

static void woven_free(void *memory, size_t size, void *ctx)
{
    if (!is_spare(size)) {
        give_memory(memory, size, ctx);
        return;
    }
    me->in_allocator++;
    int error = weft_treiber_push(spare, memory);
    me->in_allocator--;
    if (error) {
        give_memory(memory, SPARE, ctx);
        return;
    }
    count_block(ctx, SPARE, -1);
    raise_to(&most_spares, atomic_fetch_add(&spares, 1) + 1);
}

static void close_spare(void)
{
    void *memory;
    if (in_child)
        return;
    while (weft_treiber_try_pop(spare, &memory))
        free(memory);
    weft_treiber_destroy(spare, NULL, NULL);
}

static weft_allocator woven(place *p)
{
    weft_treiber *absent = NULL, *made = NULL;
    closers[ALLOCATOR] = close_spare;
    if (!spare && weft_treiber_create(&made, NULL) != 0)
        return counted(p);
    if (made && !atomic_compare_exchange_strong(&spare, &absent, made)) /* two threads make their first domains */
        weft_treiber_destroy(made, NULL, NULL);
    return (weft_allocator){woven_alloc, woven_free, p};
}

/* ---- making ---- */

static bool open_place(place *p, int scheme, maker *allocator)
{
    const weft_domain_config config = {.scheme = (weft_scheme)scheme, .allocator = allocator(p)};
    int error;
    p->number = (int)(p - places);
    p->scheme = (weft_scheme)scheme;
    ASK(error = weft_domain_create(&p->domain, &config));
    if (error && (error != -ENOMEM || p->domain))
        fail("weft_domain_create", error);
    atomic_store(&p->live, !error);
    TALLY(DOMAINS, 1);
    return !error;
}

/* Before the threads begin: makes domain `which` for all of them, until the end. */
static void make_domain(int which, int scheme, maker *allocator)
{
    (void)open_place(&places[which], scheme, allocator);
}
