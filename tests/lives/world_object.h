/* What programs are made of, 3: objects that are retired, guards that hold them, barriers, and the bounds. */

enum { FRESH, RETIRED, RECLAIMED };

/* What became of each object: it outlives the object. */
typedef struct fate {
    atomic_uchar state;
    bool by_callback;
    atomic_ushort place;
} fate;

typedef struct object {
    weft_hook hook;
    unsigned number;
    place *place;
    body *then; /* what its callback does */
} object;

static fate fates[OBJECTS];
static atomic_uint object_count = 1;

static object *new_object(place *p, body *then)
{
    unsigned number = atomic_fetch_add(&object_count, 1);
    object *o = number < OBJECTS ? malloc(sizeof *o) : NULL;
    if (!o)
        return NULL;
    *o = (object){.number = number, .place = p, .then = then};
    atomic_store(&fates[number].place, (unsigned short)p->number);
    return o;
}

static void reclaim(void *memory, void *ctx)
{
    unsigned number = (unsigned)(uintptr_t)ctx;
    frame f;
    if (atomic_exchange(&fates[number].state, RECLAIMED) == RECLAIMED)
        fail("an object was reclaimed twice", number);
    object *o = memory;
    body *then = o->then;
    place *p = o->place;
    if (o->number != number)
        fail("a callback got another object's context", number);
    callback_begin(&f, p);
    if (fates[number].by_callback)
        atomic_fetch_sub(&p->by_callbacks, 1);
    free(o);
    TALLY(RECLAIMED, 1);
    if (then && !me->in_allocator)
        then();
    callback_end(&f);
}

static void hand_over(object *o)
{
    unsigned number = o->number;
    void *ctx = (void *)(uintptr_t)number;
    place *p = o->place;
    unsigned char fresh = FRESH;
    int error = -ENOMEM;
    if (me->frame) {
        fates[number].by_callback = true;
        atomic_fetch_add(&p->by_callbacks, 1);
    }
    if (number % 2)
        CALL(error = weft_retire(p->domain, o, reclaim, ctx));
    if (error == -ENOMEM)
        CALL(weft_retire_hook(p->domain, &o->hook, o, sizeof *o, reclaim, ctx));
    else if (error)
        fail("weft_retire", error);
    atomic_compare_exchange_strong(&fates[number].state, &fresh, RETIRED);
    TALLY(RETIRED, 1);
}

/* Retires `count` objects. The callback of one in `every` does `then`. */
static void retire(int which, int count, int every, body *then)
{
    place *p = at_place(which);
    for (int i = 0; p && i < count && go(i); i++) {
        object *o = new_object(p, i % every == 0 ? then : NULL);
        if (!o)
            return;
        hand_over(o);
    }
}

/* Replaces what is in the domain's cells, and retires what was there. */
static void swap(int which, int count, body *then)
{
    place *p = at_place(which);
    for (int i = 0; p && i < count && go(i); i++) {
        object *o = new_object(p, then);
        weft_atomic_ptr *cell = &p->cell[i % CELLS];
        if (!o)
            return;
        void *old = weft_ptr_load(cell);
        while (!weft_ptr_cas(cell, &old, o))
            ;
        if (old)
            hand_over(old);
    }
}

/* ---- guards ---- */

static void check_held(const object *o, const char *what)
{
    if (o && atomic_load(&fates[o->number].state) == RECLAIMED)
        fail(what, o->number);
}

static object *protect(weft_guard *guard, weft_atomic_ptr *cell, int set)
{
    object *o;
    if (!set) {
        CALL(o = weft_protect(guard, cell));
        return o;
    }
    do {
        o = weft_ptr_load(cell);
        CALL(weft_guard_set(guard, o));
    } while (weft_ptr_load(cell) != o); /* enough under epochs, too: the guard was entered before */
    return o;
}

static void leave_guards(weft_guard *guards, object **held, int count, place *p)
{
    int first = (int)chance((unsigned)count);
    for (int i = 0; i < count; i++) {
        int at = (first + i) % count;
        check_held(held[at], "an object was reclaimed under a guard");
        if (chance(8) == 0) {
            CALL(weft_guard_refresh(&guards[at]));
            (void)protect(&guards[at], &p->cell[at % CELLS], 0);
        }
        CALL(weft_leave(&guards[at]));
        me->guards[p->number]--;
        atomic_fetch_sub(&guards_held, 1);
    }
}

/* Enters `count` guards, does `then`, leaves them. They lie on the heap, since a thread that ends here keeps them. */
static void with_guards(int which, int count, int set, body *then)
{
    place *p = at_place(which);
    if (!p || !go(0) || me->guards[p->number] + count > 200)
        return;
    weft_guard *guards = malloc((size_t)count * sizeof *guards);
    object **held = malloc((size_t)count * sizeof *held);
    me->encumbered++;
    me->stays += me->late; /* guards of a thread that ends after its exit hook are never left */
    for (int i = 0; i < count; i++) {
        raise_to(&most_guards, atomic_fetch_add(&guards_held, 1) + 1);
        CALL(weft_enter(&guards[i], p->domain));
        me->guards[p->number]++;
        held[i] = protect(&guards[i], &p->cell[i % CELLS], set && i % 2);
        check_held(held[i], "a guard was given a reclaimed object");
    }
    TALLY(GUARDS, count);
    if (then)
        then();
    leave_guards(guards, held, count, p);
    me->stays -= me->late;
    me->encumbered--;
    free(guards);
    free(held);
}

/* ---- the bounds ---- */

/* What domain.h says can be pending. */
static size_t bound_of_pending(size_t threads, size_t guards)
{
    size_t words = 3 * guards, batch = words > WEFT_BATCH ? words : WEFT_BATCH;
    return (threads + 3) * (2 * batch + words);
}

static atomic_int segment_queues; /* that were made */

/* What it says the caches of all threads and the depot can hold, in bytes; and the segments that queues begin with. */
static size_t bound_of_caches(size_t threads)
{
    enum { CLASSES = 32 + 64, BATCHES = 4 };
    size_t segments = atomic_load(&segment_queues) ? 64 * (threads + 4) + 2 * (size_t)atomic_load(&segment_queues) : 0;
    return (threads + 1) * BATCHES * WEFT_BATCH * CLASSES + segments * 4608;
}

/* What it says a thread can lose that ends inside an operation. */
static long bound_of_loss(void)
{
    return WEFT_BATCH > 200 ? WEFT_BATCH : 200;
}

static atomic_int values_inside, most_inside, reserved;

/* While others are busy a figure may be too high by mistake, but not several times. */
static void check_pending(place *p)
{
    weft_domain_statistics s;
    size_t threads = (size_t)atomic_load(&most_alive) + 1, most = 0;
    if (in_child || p->scheme != WEFT_HAZARD || me->in_allocator)
        return;
    for (int i = 0; i < 4; i++) {
        most = bound_of_pending(threads, (size_t)atomic_load(&most_guards) + 4 * threads) +
               (size_t)atomic_load(&p->lost) + (size_t)(atomic_load(&p->by_callbacks) + atomic_load(&p->operations));
        ASK(weft_domain_stats(p->domain, &s));
        if (s.pending <= most)
            return;
        usleep(500);
    }
    if (!atomic_load(&p->lost_before))
        fail("more is pending than domain.h allows", (long)s.pending);
}

static void check_all_pending(void)
{
    for (int i = 0; i < SHARED; i++)
        if (atomic_load(&places[i].live))
            check_pending(&places[i]);
    if (me->here && me->here->number >= SHARED && atomic_load(&me->here->live))
        check_pending(me->here);
}

/* Others may retire and reclaim between the two figures, so one comparison may be wrong. */
static void check_caches(place *p)
{
    weft_domain_statistics s;
    size_t threads = (size_t)atomic_load(&most_alive) + 1;
    if (in_child || me->in_allocator || atomic_load(&ended_inside))
        return;
    for (int i = 0; i < 4; i++) {
        /* nodes of all values inside, also in an allocator's stack; buckets of the most that were inside at once, and made ahead */
        size_t inside = ((size_t)atomic_load(&values_inside) + (size_t)atomic_load(&most_spares)) * 256 +
                        (closers[MAPS] ? ((size_t)atomic_load(&most_inside) + (size_t)atomic_load(&reserved)) * 64 : 0);
        ASK(weft_domain_stats(p->domain, &s));
        if (s.allocated <= 65536 + threads * 16384 + inside + s.pending_bytes + bound_of_caches(threads))
            return;
        usleep(500);
    }
    fail("more memory is held than the limit of caches allows", (long)s.allocated);
}

/* ---- barriers ---- */

/* Lists the numbers of the domain's objects that are retired and not reclaimed. */
static unsigned *list_retired(const place *p, unsigned *count)
{
    unsigned end = atomic_load(&object_count), found = 0;
    unsigned *list = malloc((size_t)OBJECTS * sizeof *list);
    for (unsigned i = 1; i < end && i < OBJECTS; i++)
        if (atomic_load(&fates[i].place) == p->number && atomic_load(&fates[i].state) == RETIRED)
            list[found++] = i;
    *count = found;
    return list;
}

static void check_reclaimed(place *p, unsigned *list, unsigned count, const char *what)
{
    long left = 0;
    unsigned one = 0;
    for (unsigned i = 0; i < count; i++)
        if (atomic_load(&fates[list[i]].state) != RECLAIMED && list[i] >= atomic_load(&p->lost_before)) {
            left++;
            one = list[i];
        }
    if (left > atomic_load(&p->lost)) {
        usleep(200000);
        fprintf(stderr, "    object %u of %u, with a hook of %s, retired by %s, was %s in the next 200 ms\n", one,
                atomic_load(&object_count), one % 2 ? "Weft's" : "its own",
                fates[one].by_callback ? "a callback" : "the program",
                atomic_load(&fates[one].state) == RECLAIMED ? "reclaimed" : "not reclaimed");
        fail(what, left);
    }
    free(list);
}

static atomic_int barriers; /* those that run, or whose thread has ended inside */

static void check_barrier(int error, bool busy, int how)
{
    TALLY(BARRIERS, 1);
    if (busy && error != -EBUSY)
        fail("a barrier in an own guard or callback did not give -EBUSY", error);
    if (!busy && error && (error != -ETIMEDOUT || how == FOREVER))
        fail("a barrier failed", error);
}

/* how: 0 one try, 1 a short while, 2 longer, FOREVER if it must succeed. */
static void barrier(int which, int how)
{
    static const uint64_t timeout[] = {0, 100000, 20000000, UINT64_MAX};
    place *p = at_place(which);
    unsigned count = 0, *list = NULL;
    int error;
    if (!p || (!go(0) && how != FOREVER) || me->in_allocator)
        return;
    if (me->encumbered && how == FOREVER)
        how = 2;
    bool busy = in_callback_of(p) || me->guards[p->number];
    if (!busy)
        list = list_retired(p, &count);
    atomic_fetch_add(&barriers, 1);
    ASK(error = weft_domain_barrier(p->domain, timeout[how]));
    atomic_fetch_sub(&barriers, 1);
    check_barrier(error, busy, how);
    if (error) {
        free(list);
        return;
    }
    check_reclaimed(p, list, count, "a barrier returned 0 with objects not reclaimed");
    check_caches(p);
}

static void flush(int which)
{
    place *p = at_place(which);
    if (p && go(0))
        CALL(weft_domain_flush(p->domain));
}

static void attach(int which)
{
    place *p = at_place(which);
    int error;
    if (!p || !go(0))
        return;
    CALL(error = weft_domain_attach(p->domain));
    if (error && error != -ENOMEM)
        fail("weft_domain_attach", error);
}

static void stats(int which)
{
    place *p = at_place(which);
    if (!p || !go(0))
        return;
    check_pending(p);
    check_caches(p);
}
