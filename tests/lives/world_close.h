/* What programs are made of, 4: the end of domains; how a program begins, and what is checked at its end. */

/* True: there was something in them. */
static bool clear_cells(place *p)
{
    bool found = false;
    for (int c = 0; c < CELLS; c++) {
        void *old = weft_ptr_load(&p->cell[c]);
        while (!weft_ptr_cas(&p->cell[c], &old, NULL))
            ;
        if (old)
            hand_over(old);
        found = found || old;
    }
    return found;
}

static void close_place(place *p)
{
    unsigned count, *list;
    int error;
    place *before = me->closing;
    (void)clear_cells(p);
    atomic_store(&p->live, 0);
    me->closing = p;
    me->stays++;
    me->encumbered++; /* callbacks in there must not wait for what this thread does afterwards */
    list = list_retired(p, &count);
    ASK(error = weft_domain_destroy(p->domain));
    me->encumbered--;
    me->stays--;
    me->closing = before;
    if (error == -EBUSY &&
        atomic_load(&p->structures)) { /* an ended thread has left one there: it is closed at the end */
        atomic_store(&p->live, 1);
        return;
    }
    if (error)
        fail("a domain that nobody uses could not be destroyed", error);
    check_reclaimed(p, list, count, "a domain was destroyed with objects not reclaimed");
    if (atomic_load(&p->bytes) && !atomic_load(&ended_inside) && !in_child)
        fail_with_blocks(p, "a destroyed domain kept memory");
}

/* Makes a domain for the time of `then`, in which HERE is that domain. */
static void with_domain(int scheme, maker *allocator, body *then)
{
    int number = go(0) && !me->in_allocator ? atomic_fetch_add(&place_count, 1) : PLACES;
    place *before = me->here;
    if (number >= PLACES || !open_place(&places[number], scheme, allocator))
        return;
    me->here = &places[number];
    if (then)
        then();
    me->here = before;
    close_place(&places[number]);
}

/* Destroys a domain that must refuse it. */
static void destroy_busy(void)
{
    place *p = me->here;
    int error;
    if (!p || !go(0) || me->in_allocator || !(in_callback_of(p) || me->guards[p->number]))
        return;
    TALLY(REFUSALS, 1);
    ASK(error = weft_domain_destroy(p->domain));
    if (error != (p->domain ? -EBUSY : -EINVAL))
        fail("a domain was destroyed under its user", error);
}

/* ---- the end of a program ---- */

static void close_structures(void)
{
    for (int i = QUEUES; i <= MAPS; i++)
        run_if_any(closers[i]);
}

static void settle_place(place *p)
{
    unsigned count, *list;
    weft_domain_statistics s;
    bool left = true;
    for (int i = 0; i < 20 && left;
         i++) { /* callbacks fill cells, retire more objects, and may end in their own structures */
        left = clear_cells(p);
        close_structures();
        barrier(p->number, FOREVER);
        ASK(weft_domain_stats(p->domain, &s));
        left = left || s.pending;
    }
    list = list_retired(p, &count);
    check_reclaimed(p, list, count, "objects are never reclaimed");
    check_pending(p);
    check_caches(p);
}

/* At the end structures can be emptied, all that is retired is reclaimed, and every domain can be destroyed. */
static void settle(void)
{
    run_if_any(closers[TICKS]);
    close_structures();
    for (int i = PLACES - 1; i > 0; i--) {
        if (!atomic_load(&places[i].live))
            continue;
        if (vanished && (i >= SHARED || atomic_load(&places[i].structures)))
            continue; /* a vanished thread may have been making or destroying it, or something in it */
        settle_place(&places[i]);
        close_place(&places[i]);
    }
    settle_place(&places[0]); /* its callbacks may make domains whose allocator needs its stack */
    if (closers[ALLOCATOR]) {
        closers[ALLOCATOR]();
        settle_place(&places[0]);
    }
    run_if_any(closers[VALUES_OUT]);
}

static void begin(void)
{
    me = the_first = calloc(1, sizeof *me);
    me->random = 88172645463325252u;
    me->stays = 1; /* this thread stays until the end, except in a fork's child */
    began = clock_ms();
    catch_crashes();
    watch(patience);
}

static int end(void)
{
    settle();
    return 0;
}
