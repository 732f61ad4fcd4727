/* What programs are made of, 5: values that are put into structures and come out once; queues and stacks. */

enum { UNUSED, PUTTING, INSIDE, OUT };

static atomic_uchar value_state[VALUES];
static atomic_uint value_count = 1;
static atomic_long values_lost; /* values that ended threads may have had in hand */
static atomic_int values_any;   /* an ended thread had many in hand */

static unsigned new_value(void)
{
    unsigned v = atomic_fetch_add(&value_count, 1);
    if (v >= VALUES)
        return 0;
    atomic_store(&value_state[v], PUTTING);
    return v;
}

static void put_value(unsigned v, int error)
{
    unsigned char putting = PUTTING;
    if (error && error != -ENOMEM)
        fail("a value could not be put into a structure", error);
    if (error && atomic_exchange(&value_state[v], OUT) != PUTTING)
        fail("a value came out that was refused", v);
    if (error)
        return;
    atomic_compare_exchange_strong(&value_state[v], &putting, INSIDE);
    raise_to(&most_inside, atomic_fetch_add(&values_inside, 1) + 1);
    TALLY(VALUES, 1);
}

static void took_value(unsigned v)
{
    if (!v || v >= VALUES)
        fail("a value came out that was never put", (long)v);
    unsigned char was = atomic_exchange(&value_state[v], OUT);
    if (was != INSIDE && was != PUTTING)
        fail("a value came out twice", (long)v);
    atomic_fetch_sub(&values_inside, 1);
}

static void *as_value(unsigned v)
{
    return (void *)(uintptr_t)v;
}

static unsigned of_value(void *value)
{
    return (unsigned)(uintptr_t)value;
}

static void drain_value(void *value, void *ctx)
{
    (void)ctx;
    took_value(of_value(value));
}

static void check_values(void)
{
    long left = 0, one = 0;
    for (unsigned v = 1; v < VALUES && v < atomic_load(&value_count); v++)
        if (atomic_load(&value_state[v]) == INSIDE) {
            left++;
            one = v;
        }
    if (left > atomic_load(&values_lost) && !atomic_load(&values_any))
        fail("values were lost", one ? left : 0);
}

/* Notes a callback's operation of a structure: the bound does not count what it retires. */
static void operation_of(place *p, int retires)
{
    if (me->frame)
        atomic_fetch_add(&p->operations, retires);
}

/* ---- queues ---- */

enum { STRUCTURES = 512 };

typedef struct queue {
    place *place;
    weft_msq *queue; /* every second one; the others have: */
    weft_segq *segments;
    atomic_int live;
} queue;

static queue queues[STRUCTURES];
static atomic_int queue_count = SHARED;

static queue *at_queue(int which)
{
    queue *q = which == HERE ? me->my_queue : &queues[which];
    return q && atomic_load(&q->live) ? q : NULL;
}

static void close_queues(void);

static void open_queue(queue *q, place *p)
{
    int error;
    q->place = p;
    closers[QUEUES] = close_queues;
    closers[VALUES_OUT] = check_values;
    atomic_fetch_add(&p->structures, 1);
    if ((q - queues) % 2)
        ASK(error = weft_segq_create(&q->segments, p->domain));
    else
        ASK(error = weft_msq_create(&q->queue, p->domain));
    if (error && (error != -ENOMEM || q->queue || q->segments))
        fail("a queue could not be made", error);
    if (q->segments)
        atomic_fetch_add(&segment_queues, 1);
    if (error)
        atomic_fetch_sub(&p->structures, 1);
    atomic_store(&q->live, !error);
}

static void close_queue(queue *q)
{
    if (!atomic_exchange(&q->live, 0))
        return;
    me->stays++;
    ASK(weft_msq_destroy(q->queue, drain_value, NULL));
    ASK(weft_segq_destroy(q->segments, drain_value, NULL));
    me->stays--;
    atomic_fetch_sub(&q->place->structures, 1);
}

static void close_queues(void)
{
    for (int i = 0; i < STRUCTURES; i++)
        close_queue(&queues[i]);
}

static void make_queue(int which, int in)
{
    place *p = at_place(in);
    if (p)
        open_queue(&queues[which], p);
}

/* Makes a queue for the time of `then`, in which HERE is the queue's domain. */
static void with_queue(int in, body *then)
{
    place *p = at_place(in);
    int number = p && go(0) ? atomic_fetch_add(&queue_count, 1) : STRUCTURES;
    queue *before = me->my_queue;
    place *outer = me->here;
    if (number >= STRUCTURES)
        return;
    queue *q = &queues[number];
    open_queue(q, p);
    me->my_queue = q;
    me->here = p;
    if (then)
        then();
    me->my_queue = before;
    me->here = outer;
    close_queue(q);
}

static bool enqueue(queue *q)
{
    unsigned v = new_value();
    int error;
    if (!v)
        return false;
    operation_of(q->place, 1);
    if (q->segments)
        CALL(error = weft_segq_enqueue(q->segments, as_value(v)));
    else
        CALL(error = weft_msq_enqueue(q->queue, as_value(v)));
    put_value(v, error);
    return true;
}

static bool dequeue(queue *q)
{
    void *value;
    bool found;
    me->at_risk++;
    operation_of(q->place, 1);
    if (q->segments)
        CALL(found = weft_segq_try_dequeue(q->segments, &value));
    else
        CALL(found = weft_msq_try_dequeue(q->queue, &value));
    if (found)
        took_value(of_value(value));
    me->at_risk--;
    return found;
}

static void enqueues(int which, int count)
{
    queue *q = at_queue(which);
    for (int i = 0; q && i < count && go(i) && enqueue(q); i++)
        ;
}

static void dequeues(int which, int count)
{
    queue *q = at_queue(which);
    for (int i = 0; q && i < count && go(i) && dequeue(q); i++)
        ;
}

/* One in, one out. */
static void queue_pairs(int which, int count)
{
    queue *q = at_queue(which);
    for (int i = 0; q && i < count && go(i) && enqueue(q); i++)
        (void)dequeue(q);
}

static void enqueue_many(int which, int count)
{
    queue *q = at_queue(which);
    void *values[16];
    unsigned first = 0;
    int error;
    for (int i = 0; q && i < count && go(0); i += 16) {
        for (int k = 0; k < 16; k++) {
            unsigned v = new_value();
            if (!v)
                return;
            first = k ? first : v;
            values[k] = as_value(v);
        }
        if (q->segments)
            CALL(error = weft_segq_enqueue_many(q->segments, values, 16)); /* above 0: only the first ones */
        else
            CALL(error = weft_msq_enqueue_many(q->queue, values, 16));
        for (int k = 0; k < 16; k++)
            put_value(of_value(values[k]), error <= 0 ? error : k < error ? 0 : -ENOMEM);
    }
}

/* ---- stacks ---- */

typedef struct stack {
    place *place;
    weft_treiber *stack;
    atomic_int live;
} stack;

static stack stacks[STRUCTURES];
static atomic_int stack_count = SHARED;

static stack *at_stack(int which)
{
    stack *s = which == HERE ? me->my_stack : &stacks[which];
    return s && atomic_load(&s->live) ? s : NULL;
}

static void close_stacks(void);

static void open_stack(stack *s, place *p)
{
    int error;
    s->place = p;
    closers[STACKS] = close_stacks;
    closers[VALUES_OUT] = check_values;
    atomic_fetch_add(&p->structures, 1);
    ASK(error = weft_treiber_create(&s->stack, p->domain));
    if (error && (error != -ENOMEM || s->stack))
        fail("weft_treiber_create", error);
    if (error)
        atomic_fetch_sub(&p->structures, 1);
    atomic_store(&s->live, !error);
}

static void close_stack(stack *s)
{
    if (!atomic_exchange(&s->live, 0))
        return;
    me->stays++;
    ASK(weft_treiber_destroy(s->stack, drain_value, NULL));
    me->stays--;
    atomic_fetch_sub(&s->place->structures, 1);
}

static void close_stacks(void)
{
    for (int i = 0; i < STRUCTURES; i++)
        close_stack(&stacks[i]);
}

static void make_stack(int which, int in)
{
    place *p = at_place(in);
    if (p)
        open_stack(&stacks[which], p);
}

/* Makes a stack for the time of `then`, in which HERE is the stack's domain. */
static void with_stack(int in, body *then)
{
    place *p = at_place(in);
    int number = p && go(0) ? atomic_fetch_add(&stack_count, 1) : STRUCTURES;
    stack *before = me->my_stack;
    place *outer = me->here;
    if (number >= STRUCTURES)
        return;
    stack *s = &stacks[number];
    open_stack(s, p);
    me->my_stack = s;
    me->here = p;
    if (then)
        then();
    me->my_stack = before;
    me->here = outer;
    close_stack(s);
}

static bool push(stack *s)
{
    unsigned v = new_value();
    int error;
    if (!v)
        return false;
    operation_of(s->place, 1);
    CALL(error = weft_treiber_push(s->stack, as_value(v)));
    put_value(v, error);
    return true;
}

static bool pop(stack *s)
{
    void *value;
    bool found;
    me->at_risk++;
    operation_of(s->place, 1);
    CALL(found = weft_treiber_try_pop(s->stack, &value));
    if (found)
        took_value(of_value(value));
    me->at_risk--;
    return found;
}

static void pushes(int which, int count)
{
    stack *s = at_stack(which);
    for (int i = 0; s && i < count && go(i) && push(s); i++)
        ;
}

static void pops(int which, int count)
{
    stack *s = at_stack(which);
    for (int i = 0; s && i < count && go(i) && pop(s); i++)
        ;
}

/* One on, one off. */
static void stack_pairs(int which, int count)
{
    stack *s = at_stack(which);
    for (int i = 0; s && i < count && go(i) && push(s); i++)
        (void)pop(s);
}

static void pop_all(int which)
{
    stack *s = at_stack(which);
    if (!s || !go(0))
        return;
    operation_of(s->place, 1000);
    CALL(weft_treiber_pop_all(s->stack, drain_value,
                              NULL)); /* a callback that ends the thread comes after the last value */
}
