/* What programs are made of, 8: the keys of maps. */

/* ---- one thread's ---- */

/*
 * The most that one retires. weft_map: an entry, a replaced value, the bucket that it meets, and those opened after a
 * growth. weft_table: a value, an array, and the nodes of slots, six at most, of the buckets that it moves.
 */
enum {
    OF_A_MAP = WEFT_MAP_OPEN + 3,
    OF_A_TABLE = 2 + 6 * (4 * WEFT_TABLE_STEP + 4),
    OF_AN_OPERATION = OF_A_TABLE > OF_A_MAP ? OF_A_TABLE : OF_A_MAP
};

static uint64_t number_of(const void *key)
{
    return (uintptr_t)key;
}

static int map_insert(table *t, void *key, void *value)
{
    int error;
    if (t->kind->is_table)
        CALL(error = weft_table_insert(t->table, number_of(key), value));
    else
        CALL(error = weft_map_insert(t->map, key, value));
    return error;
}

static int map_put(table *t, void *key, void *value, void **old)
{
    int done;
    if (t->kind->is_table)
        CALL(done = weft_table_put(t->table, number_of(key), value, old));
    else
        CALL(done = weft_map_put(t->map, key, value, old));
    return done;
}

static void *map_get(table *t, weft_guard *guard, const void *key)
{
    void *value;
    if (t->kind->is_table)
        CALL(value = weft_table_get(t->table, guard, number_of(key)));
    else
        CALL(value = weft_map_get(t->map, guard, key));
    return value;
}

static bool map_remove(table *t, const void *key, void **value)
{
    bool removed;
    if (t->kind->is_table)
        CALL(removed = weft_table_remove(t->table, number_of(key), value));
    else
        CALL(removed = weft_map_remove(t->map, key, value));
    return removed;
}

static int map_reserve(table *t, size_t count)
{
    int error;
    if (t->kind->is_table)
        CALL(error = weft_table_reserve(t->table, count));
    else
        CALL(error = weft_map_reserve(t->map, count));
    return error;
}

static int insert_key(table *t, unsigned number)
{
    unsigned v = new_value();
    void *key = map_key(t, number, NULL), *value = v ? map_value(t, v) : NULL;
    int error;
    if (!v || !value || (t->kind->strings && !key))
        return -ENOMEM;
    operation_of(t->place, OF_AN_OPERATION);
    error = map_insert(t, key, value);
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
    value = map_get(t, &guard, map_key(t, number, text));
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
    uint64_t numbers[MOST];
    void *values[MOST];
    weft_guard guards[MOST];
    size_t found, n = count < MOST ? (size_t)count : MOST;
    operation_of(t->place, OF_AN_OPERATION * MOST);
    for (size_t i = 0; i < n; i++) {
        CALL(weft_enter(&guards[i], t->place->domain));
        numbers[i] = first + (unsigned)i;
        keys[i] = map_key(t, first + (unsigned)i, text[i]);
    }
    if (t->kind->is_table)
        CALL(found = weft_table_get_many(t->table, guards, numbers, values, n));
    else
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
    removed = map_remove(t, key, keeps ? NULL : &value);
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
        operation_of(t->place, 5 * ahead + OF_AN_OPERATION); /* a note for each bucket */
        atomic_fetch_add(&reserved, ahead);
        error = map_reserve(t, (size_t)ahead);
        if (error && error != -ENOMEM)
            fail("making buckets ahead", error);
    }
    for (int i = 0; t && i < count && go(i) && insert_key(t, first + (unsigned)i) == 0; i++)
        ;
}

/* ---- those of all ---- */

static void put_key(table *t, unsigned number)
{
    unsigned v = new_value();
    void *key = map_key(t, number, NULL), *value = v ? map_value(t, v) : NULL, *old = NULL;
    int done;
    if (!v || !value || (t->kind->strings && !key))
        return;
    me->at_risk++;
    operation_of(t->place, OF_AN_OPERATION);
    done = map_put(t, key, value, t->kind->owns ? NULL : &old);
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
    (void)map_remove(t, key, t->kind->owns ? NULL : &value);
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
    value = map_get(t, &guard, map_key(t, number, text));
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

static void saw_value(const table *t, void *value)
{
    if (t->kind->owns && atomic_load(&value_state[value_of(t, value)]) == OUT)
        fail("an iteration gave a value that is out", value_of(t, value));
}

static void walk_map(table *t)
{
    weft_map_iterator it;
    void *key, *value;
    bool more = true;
    CALL(weft_map_iterate(&it, t->map));
    for (int i = 0; more && go(i); i++) {
        operation_of(t->place, OF_AN_OPERATION);
        CALL(more = weft_map_next(&it, &key, &value));
        if (more)
            saw_value(t, value);
    }
    CALL(weft_map_iterate_end(&it));
}

static void walk_table(table *t)
{
    weft_table_iterator it;
    uint64_t key;
    void *value;
    bool more = true;
    CALL(weft_table_iterate(&it, t->table));
    for (int i = 0; more && go(i); i++) {
        operation_of(t->place, OF_AN_OPERATION);
        CALL(more = weft_table_next(&it, &key, &value));
        if (more)
            saw_value(t, value);
    }
    CALL(weft_table_iterate_end(&it));
}

static void map_walk(int which)
{
    table *t = at_map(which);
    if (!t || !go(0))
        return;
    if (t->kind->is_table)
        walk_table(t);
    else
        walk_map(t);
}
