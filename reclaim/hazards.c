#include <weft/reclaim/hazards.h>
#include <weft/reclaim/slots.h>

_Static_assert(WEFT_SCAN_WORDS >= WEFT_I_WORDS, "a slot's hazards are read at once");

/* ---- reading hazards ---- */

static size_t bloom_bit(uintptr_t address)
{
    return ((address >> 4) ^ (address >> 12)) % (WEFT_SCAN_BLOOM * 64);
}

static void read_words(weft_i_scan *s, weft_i_words *words, int thread)
{
    uintptr_t first = weft_i_word_of(words, 0);
    for (int i = 0; i < WEFT_I_WORDS; i++) {
        uintptr_t address = (i == 0 ? first : weft_i_word_of(words, i)) & ~(uintptr_t)7;
        if (!address)
            continue;
        size_t bit = bloom_bit(address);
        s->bloom[bit / 64] |= (uint64_t)1 << (bit % 64);
        s->hazard[s->hazards++] = (weft_i_held){address, words, first, thread};
    }
}

static bool words_have_room(const weft_i_scan *s)
{
    return s->hazards + WEFT_I_WORDS <= WEFT_SCAN_WORDS;
}

/* False: there is no room for all hazards. */
static bool read_records(weft_i_scan *s)
{
    for (weft_i_record *r; (r = s->next_record) != NULL; s->next_record = r->next) {
        for (int slots = weft_i_record_slots(r); s->next_slot < slots; s->next_slot++) {
            if (!words_have_room(s))
                return false;
            read_words(s, &weft_i_record_slot(r, s->next_slot)->words, weft_i_record_thread_id(r));
        }
        s->next_slot = WEFT_I_OPERATION;
    }
    return true;
}

/*
 * Linked guards are read newest first, beginning with the newest one at the first look. A guard linked after that was
 * not linked at the heavy fence. The lock is held only for reading. If not all fit, `linked_below` says where to go on.
 */
static bool read_linked(weft_domain *domain, weft_i_scan *s)
{
    weft_i_signals signals;
    bool all = true;
    if (!weft_i_any_linked(domain))
        return true;
    weft_guard *g = weft_i_lock_linked(domain, &signals);
    if (!s->met_linked)
        s->linked_below = domain->linked_next + 1;
    s->met_linked = true;
    for (; g && all; g = g->next) {
        if ((ptrdiff_t)(g->number - s->linked_below) >= 0)
            continue;
        all = words_have_room(s);
        if (all) {
            read_words(s, &g->own.words, (int)g->own_thread);
            s->linked_below = g->number;
        }
    }
    weft_i_unlock_linked(domain, &signals);
    return all;
}

static void sort(weft_i_held *a, size_t n)
{
    for (size_t gap = n / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11)
        for (size_t i = gap; i < n; i++) {
            weft_i_held x = a[i];
            size_t k = i;
            for (; k >= gap && a[k - gap].address > x.address; k -= gap)
                a[k] = a[k - gap];
            a[k] = x;
        }
}

/* Reads as many hazards as fit. */
static void read_hazards(weft_domain *domain, weft_i_scan *s)
{
    s->hazards = 0;
    for (int i = 0; i < WEFT_SCAN_BLOOM; i++)
        s->bloom[i] = 0;
    s->last = read_records(s) && read_linked(domain, s);
    s->total += s->hazards;
    sort(s->hazard, s->hazards);
}

/* ---- comparing ---- */

static const weft_i_held *in_range(const weft_i_scan *s, uintptr_t start, uintptr_t end)
{
    size_t low = 0, high = s->hazards;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->hazard[middle].address < start)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->hazards && s->hazard[low].address < end ? &s->hazard[low] : NULL;
}

static const weft_i_held *at_point(const weft_i_scan *s, uintptr_t address)
{
    size_t bit = bloom_bit(address);
    return s->bloom[bit / 64] >> (bit % 64) & 1 ? in_range(s, address, address + 1) : NULL;
}

/* The hazard that holds the object back; NULL: none. */
static const weft_i_held *holder(const weft_i_scan *s, const weft_i_hook *hook)
{
    const weft_i_kind *kind = hook->kind;
    if (kind->shape == WEFT_I_RANGE) {
        const weft_hook *range = (const weft_hook *)(const void *)hook;
        uintptr_t start = (uintptr_t)range->object, size = range->size;
        return in_range(s, start & ~(uintptr_t)7, start + (size ? size : 1));
    }
    const weft_i_held *found = at_point(s, (uintptr_t)hook);
    if (!found && kind->shape == WEFT_I_ENTRY)
        found = at_point(s, *(const uintptr_t *)(const void *)((const char *)hook + kind->also) & ~(uintptr_t)7);
    return found;
}

static void note_blocker(weft_i_scan *s, const weft_i_held *h)
{
    bool is_known = s->known.words == h->words && s->known.value == h->value;
    if (!s->blocker.words || is_known)
        s->blocker = (weft_i_blocker){h->words, h->value, h->thread, 0};
}

/* False: more objects are left to compare. */
static bool compare(weft_i_local *local, size_t most)
{
    weft_i_scan *s = &local->scan;
    if (!s->hazards)
        weft_i_bags_splice(&s->passed, &s->maybe);
    for (int b = 0; b < WEFT_I_BAGS; b++)
        while (s->maybe.of[b].head) {
            if (!most--)
                return false;
            weft_i_hook *hook = weft_i_list_pop(&s->maybe.of[b]);
            const weft_i_held *hazard = holder(s, hook);
            if (weft_i_unlikely(hazard != NULL))
                note_blocker(s, hazard);
            weft_i_list_push(weft_i_unlikely(hazard != NULL) ? &local->bags.of[b] : &s->passed.of[b], hook);
        }
    return true;
}

/* ---- a scan ---- */

void weft_i_hazards_begin(weft_i_local *local)
{
    weft_i_scan *s = &local->scan;
    s->next_record = weft_i_record_first();
    s->next_slot = WEFT_I_OPERATION;
    s->before = s->total;
    s->met_linked = false;
    s->total = 0;
    s->blocker = (weft_i_blocker){0};
    read_hazards(local->domain, s);
}

bool weft_i_hazards_step(weft_i_local *local, size_t most)
{
    weft_i_scan *s = &local->scan;
    while (compare(local, most)) {
        if (s->last || weft_i_bags_empty(&s->passed))
            return true;
        weft_i_bags_splice(&s->maybe, &s->passed);
        read_hazards(local->domain, s);
        if (most != SIZE_MAX)
            return false; /* the rest is for the next steps */
    }
    return false;
}
