/* What programs are made of, 7: maps of both kinds, weft_map and weft_table. */

typedef struct map_kind {
    bool strings, owns, is_table;
} map_kind;

static const map_kind integers = {false, false, false};

static const map_kind owned = {false, true, false};

static const map_kind strings = {true, true, false};

static const map_kind table_integers = {false, false, true};

static const map_kind table_owned = {false, true, true};

typedef struct table {
    place *place;
    weft_map *map; /* or: */
    weft_table *table;
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

static void drain_number(uint64_t key, void *value, void *ctx)
{
    drain_entry((void *)(uintptr_t)key, value, ctx);
}

static void close_maps(void);

static int create_map(table *t, weft_domain *domain)
{
    weft_map_config config = t->kind->strings ? weft_map_strings : weft_map_integers;
    weft_table_config other = {.destroy_value = t->kind->owns ? destroy_value : NULL, .ctx = t};
    int error;
    if (t->kind->is_table) {
        ASK(error = weft_table_create(&t->table, domain, &other));
        return error;
    }
    config.ctx = t;
    config.destroy_value = t->kind->owns ? destroy_value : NULL;
    config.destroy_key = t->kind->strings ? destroy_key : NULL;
    ASK(error = weft_map_create(&t->map, domain, &config));
    return error;
}

static void open_map(table *t, place *p, const map_kind *of, body *then)
{
    int error;
    t->place = p;
    closers[MAPS] = close_maps;
    closers[VALUES_OUT] = check_values;
    t->kind = of;
    t->then = then;
    atomic_fetch_add(&p->structures, 1);
    error = create_map(t, p->domain);
    if (error && (error != -ENOMEM || t->map || t->table))
        fail("creating a map", error);
    if (error)
        atomic_fetch_sub(&p->structures, 1);
    atomic_store(&t->live, !error);
}

static void close_map(table *t)
{
    if (!atomic_exchange(&t->live, 0))
        return;
    me->stays++;
    bool drains = !t->kind->owns || !chance(2);
    if (t->kind->is_table)
        ASK(weft_table_destroy(t->table, drains ? drain_number : NULL, t));
    else
        ASK(weft_map_destroy(t->map, drains ? drain_entry : NULL, t));
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
