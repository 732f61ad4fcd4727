/* What programs are made of, 6: pipes, which are rings, mailboxes and deques: most are bounded, or have roles. */

enum { RING, RING_ONE_EACH, SPSC, SPSC_STAMPED, MAILBOX, DEQUE, PIPE_KINDS };

/* An element of a ring. A torn one is noticed. */
typedef struct item {
    unsigned value, inverse, same[3];
} item;

/* A role has one thread at a time, which is named here. */
typedef struct life *_Atomic role;

/* Not called pipe, which is a function of unistd.h. */
typedef struct pipe {
    place *place; /* the deque's domain */
    int kind, capacity;
    weft_ring *ring;
    weft_spsc *spsc;
    weft_mailbox *box;
    weft_deque *deque;
    role producer, consumer;
    atomic_int live;
    atomic_int held;        /* slots of the ring that are reserved or taken, also by ended threads */
    atomic_int arms, wakes; /* how often the mailbox was armed; how often a push said so */
} vessel;

static vessel pipes[STRUCTURES];
static atomic_int pipe_count = SHARED;
static weft_mail mails[VALUES];

static vessel *at_pipe(int which)
{
    vessel *p = which == HERE ? me->my_pipe : &pipes[which];
    return p && atomic_load(&p->live) ? p : NULL;
}

/* ---- roles ---- */

/* A role that a thread plays, for as long as a call takes; this lies on its stack. */
typedef struct playing {
    role *role; /* NULL: none, or an outer call of the same thread plays it */
    struct playing *outer;
} playing;

/* False: another thread plays it. Callbacks in an owner's call may call as the owner. NULL: the call needs no role. */
static bool play(playing *now, role *r)
{
    life *nobody = NULL;
    bool mine = !r || atomic_load(r) == me;
    if (!mine && !atomic_compare_exchange_strong(r, &nobody, me))
        return false;
    *now = (playing){mine ? NULL : r, me->playing};
    me->playing = now;
    return true;
}

static void stop_playing(const playing *now)
{
    me->playing = now->outer;
    if (now->role)
        atomic_store(now->role, NULL);
}

/* A thread that ends within a call leaves its roles to others. */
static void leave_roles(void)
{
    for (const playing *p = me->playing; p; p = p->outer)
        if (p->role)
            atomic_store(p->role, NULL);
    me->playing = NULL;
}

static role *role_to_put(vessel *p)
{
    return p->kind != RING && p->kind != MAILBOX ? &p->producer : NULL;
}

static role *role_to_take(vessel *p)
{
    return p->kind != RING && p->kind != DEQUE ? &p->consumer : NULL;
}

/* ---- one value ---- */

static item as_item(unsigned v)
{
    return (item){v, ~v, {v, v, v}};
}

static unsigned of_item(const item *i)
{
    if (i->inverse != ~i->value || i->same[0] != i->value || i->same[1] != i->value || i->same[2] != i->value)
        fail("a torn element came out of a ring", i->value);
    return i->value;
}

static unsigned of_mail(const weft_mail *mail)
{
    return mail ? (unsigned)(mail - mails) : 0;
}

static void drain_mail(weft_mail *mail, void *ctx)
{
    drain_value(as_value(of_mail(mail)), ctx);
}

/* 0, -ENOMEM, or -EAGAIN: full. */
static int put_into(vessel *p, unsigned v)
{
    item i = as_item(v);
    int error = 0;
    bool done = true, armed = false;
    switch (p->kind) {
    case RING:
    case RING_ONE_EACH:
        ASK(done = weft_ring_try_push(p->ring, &i));
        break;
    case SPSC:
    case SPSC_STAMPED:
        ASK(done = weft_spsc_try_push(p->spsc, &i));
        break;
    case MAILBOX:
        ASK(armed = weft_mailbox_push(p->box, &mails[v]));
        if (armed && atomic_fetch_add(&p->wakes, 1) >= atomic_load(&p->arms))
            fail("more pushes woke a mailbox's consumer than it was armed times", atomic_load(&p->arms));
        break;
    default:
        CALL(error = weft_deque_push(p->deque, as_value(v)));
        break;
    }
    return done ? error : -EAGAIN;
}

/* The value; 0: none. Of a deque's the owner takes the newest, any other thread the oldest. */
static unsigned take_from(vessel *p, bool owner)
{
    item i = {0};
    void *value = NULL;
    weft_mail *mail = NULL;
    bool done = false;
    switch (p->kind) {
    case RING:
    case RING_ONE_EACH:
        ASK(done = weft_ring_try_pop(p->ring, &i));
        return done ? of_item(&i) : 0;
    case SPSC:
    case SPSC_STAMPED:
        ASK(done = weft_spsc_try_pop(p->spsc, &i));
        return done ? of_item(&i) : 0;
    case MAILBOX:
        ASK(mail = weft_mailbox_take(p->box));
        return of_mail(mail);
    default:
        if (owner)
            CALL(done = weft_deque_try_pop(p->deque, &value));
        else
            CALL(done = weft_deque_try_steal(p->deque, &value));
        return done ? of_value(value) : 0;
    }
}

static bool pipe_put(vessel *p)
{
    playing now;
    unsigned v;
    if (!play(&now, role_to_put(p)))
        return false;
    if ((v = new_value()) != 0) {
        operation_of(p->place, p->kind == DEQUE);
        int error = put_into(p, v);
        put_value(v, error == -EAGAIN ? -ENOMEM : error);
        TALLY(PIPED, !error);
    }
    stop_playing(&now);
    return v;
}

static bool pipe_take(vessel *p)
{
    playing now;
    bool owner = p->kind == DEQUE && chance(2);
    if (!play(&now, owner ? &p->producer : role_to_take(p)))
        return false;
    operation_of(p->place, owner);
    unsigned v = take_from(p, owner);
    if (v)
        took_value(v);
    if (!v && p->kind == MAILBOX && chance(4)) {
        bool armed;
        atomic_fetch_add(&p->arms, 1); /* before a push can say so */
        ASK(armed = weft_mailbox_arm(p->box));
        if (!armed)
            atomic_fetch_sub(&p->arms, 1);
    }
    stop_playing(&now);
    return v;
}

/* ---- making ---- */

static void close_pipes(void);

/* A handler puts a value where that is allowed. */
static void put_in_handler(void)
{
    vessel *p = at_pipe((int)chance(SHARED));
    if (p && (p->kind == RING || p->kind == MAILBOX))
        (void)pipe_put(p);
}

/* The parent's other threads are gone. Only of a weft_spsc may another thread take a role over that died within a call. */
static void take_roles_over(void)
{
    for (int i = 0; i < STRUCTURES; i++)
        if (pipes[i].kind == SPSC || pipes[i].kind == SPSC_STAMPED) {
            atomic_store(&pipes[i].producer, NULL);
            atomic_store(&pipes[i].consumer, NULL);
        }
}

static int create_pipe(vessel *p)
{
    int error;
    size_t capacity = (size_t)p->capacity;
    unsigned one_each = p->kind == RING_ONE_EACH ? WEFT_RING_ONE_PRODUCER | WEFT_RING_ONE_CONSUMER : 0;
    unsigned stamped = p->kind == SPSC_STAMPED ? WEFT_SPSC_STAMPED : 0;
    switch (p->kind) {
    case RING:
    case RING_ONE_EACH:
        ASK(error = weft_ring_create(&p->ring, capacity, sizeof(item), one_each));
        break;
    case SPSC:
    case SPSC_STAMPED:
        ASK(error = weft_spsc_create(&p->spsc, capacity, sizeof(item), stamped));
        break;
    case MAILBOX:
        ASK(error = weft_mailbox_create(&p->box));
        break;
    default:
        atomic_fetch_add(&p->place->structures, 1);
        ASK(error = weft_deque_create(&p->deque, p->place->domain));
        if (error)
            atomic_fetch_sub(&p->place->structures, 1);
        break;
    }
    return error;
}

static void open_pipe(vessel *p, place *in, int which_kind, int capacity)
{
    p->place = in;
    p->kind = which_kind;
    p->capacity = capacity;
    closers[PIPES] = close_pipes;
    closers[VALUES_OUT] = check_values;
    also_in_handler = put_in_handler;
    also_in_child = take_roles_over;
    also_at_end = leave_roles;
    int error = create_pipe(p);
    if (error && (error != -ENOMEM || p->ring || p->spsc || p->box || p->deque))
        fail("a ring, mailbox or deque could not be made", error);
    atomic_store(&p->live, !error);
}

/* A thread that the child does not have plays it for ever, so the pipe stays as it is. */
static bool is_lost(role *r)
{
    const life *by = atomic_load(r);
    return in_child && by && by != me;
}

/* An emptied ring has room for as many elements as at first, but for slots that ended threads hold. */
static void check_room(vessel *p)
{
    item i = as_item(0);
    int room = 0, lost = atomic_load(&p->held);
    while (p->ring && room <= p->capacity && weft_ring_try_push(p->ring, &i))
        room++;
    while (p->spsc && room <= p->capacity && weft_spsc_try_push(p->spsc, &i))
        room++;
    if (room > p->capacity || room < p->capacity - lost - (in_child ? vanished : 0))
        fail("a ring has not the room that it had at first", room - p->capacity);
}

static void close_pipe(vessel *p)
{
    if (!atomic_load(&p->live) || is_lost(&p->producer) || is_lost(&p->consumer) || !atomic_exchange(&p->live, 0))
        return;
    me->stays++;
    if (p->ring || p->spsc) {
        for (unsigned v; (v = take_from(p, false)) != 0;)
            took_value(v);
        check_room(p);
    }
    ASK(weft_ring_destroy(p->ring));
    ASK(weft_spsc_destroy(p->spsc));
    ASK(weft_mailbox_destroy(p->box, drain_mail, NULL));
    ASK(weft_deque_destroy(p->deque, drain_value, NULL));
    me->stays--;
    if (p->deque)
        atomic_fetch_sub(&p->place->structures, 1);
}

static void close_pipes(void)
{
    for (int i = 0; i < STRUCTURES; i++)
        close_pipe(&pipes[i]);
}

static void make_pipe(int which, int in, int which_kind, int capacity)
{
    place *p = at_place(in);
    if (p)
        open_pipe(&pipes[which], p, which_kind, capacity);
}

/* Makes a pipe for the time of `then`, in which HERE is its domain. */
static void with_pipe(int in, int which_kind, int capacity, body *then)
{
    place *p = at_place(in);
    int number = p && go(0) ? atomic_fetch_add(&pipe_count, 1) : STRUCTURES;
    vessel *before = me->my_pipe;
    place *outer = me->here;
    if (number >= STRUCTURES)
        return;
    open_pipe(&pipes[number], p, which_kind, capacity);
    me->my_pipe = &pipes[number];
    me->here = p;
    if (then)
        then();
    me->my_pipe = before;
    me->here = outer;
    close_pipe(&pipes[number]);
}

/* ---- steps ---- */

static void pipe_puts(int which, int count)
{
    vessel *p = at_pipe(which);
    for (int i = 0; p && i < count && go(i) && pipe_put(p); i++)
        ;
}

static void pipe_takes(int which, int count)
{
    vessel *p = at_pipe(which);
    for (int i = 0; p && i < count && go(i) && pipe_take(p); i++)
        ;
}

/* One in, one out. */
static void pipe_pairs(int which, int count)
{
    vessel *p = at_pipe(which);
    for (int i = 0; p && i < count && go(i) && pipe_put(p); i++)
        (void)pipe_take(p);
}

/* Some elements by one call. */
static void pipe_put_many(int which, int count)
{
    vessel *p = at_pipe(which);
    playing now;
    item items[16];
    for (int i = 0; p && (p->ring || p->spsc) && i < count && go(0); i += 16) {
        size_t some = 0, done;
        if (!play(&now, role_to_put(p)))
            return;
        for (unsigned v; some < 16 && (v = new_value()) != 0;)
            items[some++] = as_item(v);
        if (p->ring)
            ASK(done = weft_ring_push_many(p->ring, items, some));
        else
            ASK(done = weft_spsc_push_many(p->spsc, items, some));
        for (size_t k = 0; k < some; k++)
            put_value(items[k].value, k < done ? 0 : -ENOMEM);
        stop_playing(&now);
    }
}

static void pipe_take_many(int which, int count)
{
    vessel *p = at_pipe(which);
    playing now;
    item items[16];
    for (int i = 0; p && (p->ring || p->spsc) && i < count && go(0); i += 16) {
        size_t done;
        if (!play(&now, role_to_take(p)))
            return;
        if (p->ring)
            ASK(done = weft_ring_pop_many(p->ring, items, 16));
        else
            ASK(done = weft_spsc_pop_many(p->spsc, items, 16));
        for (size_t k = 0; k < done; k++)
            took_value(of_item(&items[k]));
        stop_playing(&now);
    }
}

static vessel *at_ring(int which)
{
    vessel *p = at_pipe(which);
    return p && p->kind == RING ? p : NULL;
}

/* Puts values into a ring even if it is full. */
static void force_puts(int which, int count)
{
    vessel *p = at_ring(which);
    for (int i = 0; p && i < count && go(i); i++) {
        unsigned v = new_value();
        item new = as_item(v), old;
        bool displaced;
        if (!v)
            return;
        ASK(displaced = weft_ring_force_push(p->ring, &new, &old));
        put_value(v, 0);
        if (displaced)
            took_value(of_item(&old));
    }
}

/* Reserves a slot of a ring for the time of `then`, and commits or aborts it. */
static void reserve(int which, int commits, body *then)
{
    vessel *p = at_ring(which);
    item *slot;
    if (!p || !go(0))
        return;
    atomic_fetch_add(&p->held, 1);
    ASK(slot = weft_ring_reserve(p->ring));
    if (slot && then)
        then();
    unsigned v = slot && commits ? new_value() : 0;
    if (v) {
        *slot = as_item(v);
        ASK(weft_ring_commit(p->ring, slot));
        put_value(v, 0);
    } else if (slot) {
        ASK(weft_ring_abort(p->ring, slot));
    }
    atomic_fetch_sub(&p->held, 1);
}

/* Takes an element of a ring for the time of `then`. */
static void take_in_place(int which, body *then)
{
    vessel *p = at_ring(which);
    item *slot;
    if (!p || !go(0))
        return;
    atomic_fetch_add(&p->held, 1);
    ASK(slot = weft_ring_take(p->ring));
    unsigned v = slot ? of_item(slot) : 0;
    if (v)
        took_value(v);
    TALLY(HELD, slot != NULL);
    if (slot && then)
        then();
    if (slot && of_item(slot) != v)
        fail("a taken element changed", v);
    if (slot)
        ASK(weft_ring_give_back(p->ring, slot));
    atomic_fetch_sub(&p->held, 1);
}

/* Moves half of a deque into another. */
static void steal_half(int from, int to)
{
    vessel *p = at_pipe(from), *q = at_pipe(to);
    playing now;
    if (!p || !q || p->kind != DEQUE || q->kind != DEQUE || !go(0) || !play(&now, &q->producer))
        return;
    operation_of(q->place, 1);
    CALL((void)weft_deque_steal_half(p->deque, q->deque));
    stop_playing(&now);
}
