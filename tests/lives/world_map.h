/* What programs are made of, 7: maps. */

typedef struct map_kind {
    bool strings, owns;
} map_kind;

static const map_kind integers = {false, false};

static const map_kind owned = {false, true};

static const map_kind strings = {true, true};

typedef struct table {
    place *place;
    weft_map *map;
    const map_kind *kind;
    body *then; /* what destructors sometimes do */
    atomic_int live;
} table;

static table tables[STRUCTURES];
static atomic_int table_count = SHARED;
static atomic_uint key_count = 1000; /* keys below are for several threads at once */

/* A value of a map that owns its values. */
typedef struct boxed {
    unsigned number;
    unsigned padding[3];
} boxed;

static table *at_map(int which)
{
    table *t = which == HERE ? me->my_map : &tables[which];
    return t && atomic_load(&t->live) ? t : NULL;
}

static void destroy_value(void *value, void *ctx)
{
    table *t = ctx;
    unsigned v = ((boxed *)value)->number;
    frame f;
    callback_begin(&f, t->place);
    took_value(v);
    free(value);
    TALLY(DESTROYED, 1);
    if (t->then && v % 16 == 0 && !me->in_allocator && atomic_load(&t->live))
        t->then();
    callback_end(&f);
}

static void destroy_key(void *key, void *ctx)
{
    (void)ctx;
    free(key);
}

static void *map_value(const table *t, unsigned v)
{
    if (!t->kind->owns)
        return as_value(v);
    boxed *b = malloc(sizeof *b);
    if (b)
        b->number = v;
    return b;
}

static unsigned value_of(const table *t, void *value)
{
    return !value ? 0 : t->kind->owns ? ((boxed *)value)->number : of_value(value);
}

/* `text`: the key's memory, if it is only looked up. NULL: allocates it, since the map keeps the key. */
static void *map_key(const table *t, unsigned key, char *text)
{
    if (!t->kind->strings)
        return (void *)(uintptr_t)key;
    if (!text && !(text = malloc(16)))
        return NULL;
    snprintf(text, 16, "%u", key);
    return text;
}

/* Frees a value that was refused or drained. */
static void drop_value(const table *t, void *value)
{
    if (t->kind->owns)
        free(value);
}

static void drain_entry(void *key, void *value, void *ctx)
{
    table *t = ctx;
    took_value(value_of(t, value));
    drop_value(t, value);
    if (t->kind->strings)
        free(key);
}

static void close_maps(void);

static void open_map(table *t, place *p, const map_kind *of, body *then)
{
    weft_map_config config = of->strings ? weft_map_strings : weft_map_integers;
    int error;
    t->place = p;
    closers[MAPS] = close_maps;
    closers[VALUES_OUT] = check_values;
    t->kind = of;
    t->then = then;
    config.ctx = t;
    config.destroy_value = of->owns ? destroy_value : NULL;
    config.destroy_key = of->strings ? destroy_key : NULL;
    atomic_fetch_add(&p->structures, 1);
    ASK(error = weft_map_create(&t->map, p->domain, &config));
    if (error && (error != -ENOMEM || t->map))
        fail("weft_map_create", error);
    if (error)
        atomic_fetch_sub(&p->structures, 1);
    atomic_store(&t->live, !error);
}

static void close_map(table *t)
{
    if (!atomic_exchange(&t->live, 0))
        return;
    me->stays++;
    if (t->kind->owns && chance(2))
        ASK(weft_map_destroy(t->map, NULL, NULL));
    else
        ASK(weft_map_destroy(t->map, drain_entry, t));
    me->stays--;
    atomic_fetch_sub(&t->place->structures, 1);
}

static void close_maps(void)
{
    for (int i = 0; i < STRUCTURES; i++)
        close_map(&tables[i]);
}

static void make_map(int which, int in, const map_kind *of, body *then)
{
    place *p = at_place(in);
    if (p)
        open_map(&tables[which], p, of, then);
}

/* Makes a map for the time of `then`, in which HERE is the map's domain. */
static void with_map(int in, const map_kind *of, body *then)
{
    place *p = at_place(in);
    int number = p && go(0) ? atomic_fetch_add(&table_count, 1) : STRUCTURES;
    table *before = me->my_map;
    place *outer = me->here;
    if (number >= STRUCTURES)
        return;
    table *t = &tables[number];
    open_map(t, p, of, NULL);
    me->my_map = t;
    me->here = p;
    if (then)
        then();
    me->my_map = before;
    me->here = outer;
    close_map(t);
}

/* ---- keys of one thread ---- */

/* The most that one retires: an entry, a replaced value, the bucket that it meets, and those opened after a growth. */
enum { OF_AN_OPERATION = WEFT_MAP_OPEN + 3 };

static int insert_key(table *t, unsigned number)
{
    unsigned v = new_value();
    void *key = map_key(t, number, NULL), *value = v ? map_value(t, v) : NULL;
    int error;
    if (!v || !value || (t->kind->strings && !key))
        return -ENOMEM;
    operation_of(t->place, OF_AN_OPERATION);
    CALL(error = weft_map_insert(t->map, key, value));
    if (error == -EEXIST)
        fail("a key that nobody has inserted is there", number);
    put_value(v, error);
    if (error)
        drop_value(t, value);
    if (error && t->kind->strings)
        free(key);
    return error;
}

static void look_up(table *t, unsigned number)
{
    char text[16];
    weft_guard guard;
    void *value;
    operation_of(t->place, OF_AN_OPERATION);
    CALL(weft_enter(&guard, t->place->domain));
    CALL(value = weft_map_get(t->map, &guard, map_key(t, number, text)));
    unsigned v = value_of(t, value);
    if (!value)
        fail("a key that was inserted is missing", number);
    if (v >= VALUES || atomic_load(&value_state[v]) == OUT)
        fail("a map gave a value that is out", v);
    CALL(weft_leave(&guard));
}

static void look_up_many(table *t, unsigned first, int count)
{
    enum { MOST = 4 };
    char text[MOST][16];
    const void *keys[MOST];
    void *values[MOST];
    weft_guard guards[MOST];
    size_t found, n = count < MOST ? (size_t)count : MOST;
    operation_of(t->place, OF_AN_OPERATION * MOST);
    for (size_t i = 0; i < n; i++) {
        CALL(weft_enter(&guards[i], t->place->domain));
        keys[i] = map_key(t, first + (unsigned)i, text[i]);
    }
    CALL(found = weft_map_get_many(t->map, guards, keys, values, n));
    if (found != n)
        fail("a key that was inserted is missing", first);
    for (size_t i = 0; i < n; i++) {
        unsigned v = value_of(t, values[i]);
        if (v >= VALUES || atomic_load(&value_state[v]) == OUT)
            fail("a map gave a value that is out", v);
    }
    while (n > 0)
        CALL(weft_leave(&guards[--n]));
}

static void destroy_taken(void *value, void *ctx)
{
    destroy_value(value, ctx);
}

static void remove_key(table *t, unsigned number)
{
    char text[16];
    void *value = NULL, *key = map_key(t, number, text);
    bool keeps = t->kind->owns && number % 4, removed;
    me->at_risk++;
    operation_of(t->place, OF_AN_OPERATION);
    if (keeps)
        CALL(removed = weft_map_remove(t->map, key, NULL));
    else
        CALL(removed = weft_map_remove(t->map, key, &value));
    if (!removed)
        fail("a key that was inserted is missing", number);
    if (!t->kind->owns) {
        took_value(value_of(t, value));
    } else if (!keeps) {
        int error;
        CALL(error = weft_retire(t->place->domain, value, destroy_taken, t));
        if (error) /* no memory: the value is never freed */
            took_value(value_of(t, value));
    }
    me->at_risk--;
}

/* Inserts `count` new keys, looks them up and removes them, `at_once` of them at a time. */
static void map_keys(int which, int count, int at_once)
{
    table *t = at_map(which);
    unsigned first = t ? atomic_fetch_add(&key_count, (unsigned)count) : 0;
    for (int done = 0, made; t && done < count && go(0); done += made) {
        for (made = 0; made < at_once && done + made < count; made++)
            if (insert_key(t, first + (unsigned)(done + made)) != 0)
                break;
        look_up_many(t, first + (unsigned)done, made);
        for (int i = done; i < done + made; i++) {
            look_up(t, first + (unsigned)i);
            remove_key(t, first + (unsigned)i);
        }
        if (made < at_once && done + made < count)
            return;
    }
}

/* One call makes them all, so not very many: the time that a program has is looked at between calls. */
enum { AHEAD = 2000 };

/* Inserts new keys that stay; into buckets made ahead, where their number is even. */
static void map_fill(int which, int count)
{
    table *t = at_map(which);
    unsigned first = t ? atomic_fetch_add(&key_count, (unsigned)count) : 0;
    int error = 0;
    if (t && count % 2 == 0) {
        int ahead = count < AHEAD ? count : AHEAD;
        operation_of(t->place, 5 * ahead + 16); /* a note for each bucket */
        atomic_fetch_add(&reserved, ahead);
        CALL(error = weft_map_reserve(t->map, (size_t)ahead));
        if (error && error != -ENOMEM)
            fail("weft_map_reserve", error);
    }
    for (int i = 0; t && i < count && go(i) && insert_key(t, first + (unsigned)i) == 0; i++)
        ;
}

/* ---- keys of all ---- */

static void put_key(table *t, unsigned number)
{
    unsigned v = new_value();
    void *key = map_key(t, number, NULL), *value = v ? map_value(t, v) : NULL, *old = NULL;
    int done;
    if (!v || !value || (t->kind->strings && !key))
        return;
    me->at_risk++;
    operation_of(t->place, OF_AN_OPERATION);
    if (t->kind->owns)
        CALL(done = weft_map_put(t->map, key, value, NULL));
    else
        CALL(done = weft_map_put(t->map, key, value, &old));
    put_value(v, done == 1 ? 0 : done);
    if (done < 0)
        drop_value(t, value);
    if (done != 0 && t->kind->strings)
        free(key);
    if (old)
        took_value(value_of(t, old));
    me->at_risk--;
}

static void remove_any(table *t, unsigned number)
{
    char text[16];
    void *value = NULL, *key = map_key(t, number, text);
    me->at_risk++;
    operation_of(t->place, OF_AN_OPERATION);
    if (t->kind->owns)
        CALL((void)weft_map_remove(t->map, key, NULL));
    else
        CALL((void)weft_map_remove(t->map, key, &value));
    if (value)
        took_value(value_of(t, value));
    me->at_risk--;
}

static void get_any(table *t, unsigned number)
{
    char text[16];
    weft_guard guard;
    void *value;
    operation_of(t->place, OF_AN_OPERATION);
    CALL(weft_enter(&guard, t->place->domain));
    CALL(value = weft_map_get(t->map, &guard, map_key(t, number, text)));
    unsigned v = value_of(t, value);
    if (value && (!v || v >= VALUES || (t->kind->owns && atomic_load(&value_state[v]) == OUT)))
        fail("a map gave a value that is out", v);
    CALL(weft_leave(&guard));
}

static void map_mix(int which, int count)
{
    table *t = at_map(which);
    for (int i = 0; t && i < count && go(i); i++) {
        unsigned number = chance(16);
        switch (chance(3)) {
        case 0:
            put_key(t, number);
            break;
        case 1:
            remove_any(t, number);
            break;
        default:
            get_any(t, number);
        }
    }
}

static void map_walk(int which)
{
    table *t = at_map(which);
    weft_map_iterator it;
    void *key, *value;
    bool more;
    if (!t || !go(0))
        return;
    CALL(weft_map_iterate(&it, t->map));
    for (int i = 0; go(i); i++) {
        operation_of(t->place, OF_AN_OPERATION);
        CALL(more = weft_map_next(&it, &key, &value));
        if (!more)
            break;
        if (t->kind->owns && atomic_load(&value_state[value_of(t, value)]) == OUT)
            fail("an iteration gave a value that is out", value_of(t, value));
    }
    CALL(weft_map_iterate_end(&it));
}
