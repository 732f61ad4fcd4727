/*
 * Hazard pointers, the argument (Michael 2004, with the fence moved to this side). An object in the bag was unlinked
 * before the heavy fence F. A reader publishes the pointer in a word, light fence L, and re-reads the source. If L
 * comes before F, the scan sees the word, unless the reader has replaced it since, by a release store that the scan's
 * acquire load pairs with: then the reader is done with the object. If L comes after F, the re-read sees the unlinking
 * and the reader does not use the object. Words of a slot are read in ascending order, so that a kernel may hand a
 * pointer on from a lower word to a higher one.
 *
 * Epochs, the argument. A batch is sealed: e = fetch_add(epoch, 2), after all in it were unlinked. A reader reads r
 * from the epoch, publishes it, light fence L, and then reads the structure. The batch may be freed after a heavy
 * fence F if all epochs published are above e. A word seen with r > e: the reader read the epoch from the seal or
 * from one after it, and so sees the unlinkings. No word seen: L comes after F and the reader sees them too, or it has
 * left with a release store. The epoch moves without asking anybody, so that one fence serves, not two grace periods.
 * (As in FreeBSD's subr_smr.c, J. Roberson 2019, and Hazard Eras, P. Ramalhete and A. Correia, SPAA 2017.)
 *
 * A slot's domain is read after its word. A word of another domain read together with a later tag of ours is not a
 * guard that this scan must see: the tag's release store follows the leaving of the earlier guard, and the newer
 * guard's word, which we did not see, comes after F.
 */
#include <weft/reclaim/scan.h>

/* clang-format off */
#ifndef DOMAIN_A1
#define DOMAIN_A1 memory_order_acquire /* a slot's domain -> GUARD_R1, GUARD_R5: then the last domain's guard has been left */
#endif
#ifndef DOMAIN_A2
#define DOMAIN_A2 memory_order_acquire /* a slot's words -> GUARD_R2, GUARD_R3, GUARD_R4: uses under what the word held before are over */
#endif
#ifndef DOMAIN_X1
#define DOMAIN_X1 memory_order_acq_rel /* seal a batch -> GUARD_A1, DOMAIN_X1: who reads this epoch or a later one sees the unlinkings of the batch */
#endif
#ifndef DOMAIN_A3
#define DOMAIN_A3 memory_order_acquire /* is any guard linked -> LINKED_R1, DOMAIN_R1: sees the guards that were linked before the heavy fence */
#endif
/* clang-format on */

#ifndef WEFT_SCAN_WORDS
#define WEFT_SCAN_WORDS 256
#endif
#ifndef WEFT_SCAN_BLOOM
#define WEFT_SCAN_BLOOM 16
#endif

typedef struct hazard {
    uintptr_t address;
    const weft_i_words *words;
    uintptr_t value; /* of word[0], to tell a guard from the next one in its slot */
    int thread;
} hazard;

/* As many hazards as fit; the filter makes several passes where there are more, and needs no memory. */
typedef struct hazards {
    hazard found[WEFT_SCAN_WORDS];
    size_t count, total;
    uint64_t bloom[WEFT_SCAN_BLOOM];
} hazards;

typedef struct scan {
    weft_domain *domain;
    bool holds_lock;        /* of the linked guards */
    weft_i_signals signals; /* then: as they were */
    weft_i_bags maybe, kept;
    weft_i_blocker known;   /* as noted by earlier scans */
    weft_i_blocker blocker; /* the known one if it is still in the way, or else the first one met */
    hazards words;
} scan;

/*
 * What is taken is out of its list before anything else happens to it: in a fork's child the lists of a thread that
 * vanished at any moment are whole, and no object is in two of them.
 */
static weft_i_list take(weft_i_list *list)
{
    weft_i_list taken = *list;
    *list = (weft_i_list){0};
    weft_i_compiler_fence();
    return taken;
}

void weft_i_list_splice(weft_i_list *to, weft_i_list *from)
{
    weft_i_list taken = take(from);
    if (!taken.head)
        return;
    taken.tail->next = to->head;
    if (!to->head)
        to->tail = taken.tail;
    weft_i_compiler_fence(); /* likewise */
    to->head = taken.head;
    to->count += taken.count;
}

bool weft_i_bags_empty(const weft_i_bags *bags)
{
    for (int b = 0; b < WEFT_I_BAGS; b++)
        if (bags->of[b].head)
            return false;
    return true;
}

void weft_i_bags_splice(weft_i_bags *to, weft_i_bags *from)
{
    for (int b = 0; b < WEFT_I_BAGS; b++)
        weft_i_list_splice(&to->of[b], &from->of[b]);
}

/* A record's slots, for scans: that of operations, then those of guards. */
enum { OPERATION = -1 };

static weft_i_slot *slot_of(weft_i_record *record, int i)
{
    return i == OPERATION ? &record->operation : &record->thread.slot[i];
}

static uintptr_t word_of(const weft_i_words *words, int i)
{
    return (uintptr_t)weft_i_load((weft_atomic_ptr *)&words->word[i], DOMAIN_A2);
}

/*
 * The guards linked into the domain, which stay linked until unlock_linked. The lock is taken only where there are
 * any: a guard linked unseen published after the heavy fence.
 */
static weft_guard *lock_linked(scan *s)
{
    if (!weft_i_load(&s->domain->linked, DOMAIN_A3))
        return NULL;
    s->signals = weft_i_lock_linked(s->domain);
    s->holds_lock = true;
    /* relaxed: under the lock */
    return weft_i_load(&s->domain->linked, memory_order_relaxed);
}

static void unlock_linked(scan *s)
{
    if (s->holds_lock)
        weft_i_unlock_linked(s->domain, s->signals);
    s->holds_lock = false;
}

/* ---- hazard pointers ---- */

static size_t bloom_bit(uintptr_t address)
{
    return ((address >> 4) ^ (address >> 12)) % (WEFT_SCAN_BLOOM * 64);
}

static bool bloom_has(const hazards *h, uintptr_t address)
{
    size_t bit = bloom_bit(address);
    return h->bloom[bit / 64] >> (bit % 64) & 1;
}

static void sort(hazard *a, size_t n)
{
    for (size_t gap = n / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11)
        for (size_t i = gap; i < n; i++) {
            hazard x = a[i];
            size_t k = i;
            for (; k >= gap && a[k - gap].address > x.address; k -= gap)
                a[k] = a[k - gap];
            a[k] = x;
        }
}

/* The first hazard at or above the address; NULL: none. */
static const hazard *at_or_above(const hazards *h, uintptr_t address)
{
    size_t low = 0, high = h->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (h->found[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < h->count ? &h->found[low] : NULL;
}

static const hazard *holder_of_range(const hazards *h, uintptr_t start, uintptr_t end)
{
    const hazard *found = at_or_above(h, start);
    return found && found->address < end ? found : NULL;
}

static const hazard *holder_of_point(const hazards *h, uintptr_t address)
{
    return bloom_has(h, address) ? holder_of_range(h, address, address + 1) : NULL;
}

static const hazard *holder(const hazards *h, const weft_i_hook *hook)
{
    const weft_i_kind *kind = hook->kind;
    if (kind->shape == WEFT_I_RANGE) {
        const weft_hook *range = (const weft_hook *)(const void *)hook;
        uintptr_t start = (uintptr_t)range->object, size = range->size;
        return holder_of_range(h, start & ~(uintptr_t)7, start + (size ? size : 1));
    }
    const hazard *found = holder_of_point(h, (uintptr_t)hook);
    if (!found && kind->shape == WEFT_I_ENTRY) {
        uintptr_t also = *(const uintptr_t *)(const void *)((const char *)hook + kind->also) & ~(uintptr_t)7;
        found = holder_of_point(h, also);
    }
    return found;
}

static void note_blocker(scan *s, const hazard *h)
{
    bool is_known = s->known.words == h->words && s->known.value == h->value;
    if (!s->blocker.words || is_known)
        s->blocker = (weft_i_blocker){h->words, h->value, h->thread, 0};
}

/* Moves what the hazards gathered so far hold from `maybe` to `kept`. */
static void filter_list(scan *s, weft_i_list *maybe, weft_i_list *kept)
{
    weft_i_list rest = {0};
    for (weft_i_hook *hook = maybe->head, *next; hook; hook = next) {
        next = hook->next;
        const hazard *h = holder(&s->words, hook);
        if (weft_i_unlikely(h != NULL)) {
            weft_i_list_push(kept, hook);
            note_blocker(s, h);
        } else {
            weft_i_list_push(&rest, hook);
        }
    }
    *maybe = rest;
}

static void filter(scan *s)
{
    if (!s->words.count)
        return;
    sort(s->words.found, s->words.count);
    for (int b = 0; b < WEFT_I_BAGS; b++)
        filter_list(s, &s->maybe.of[b], &s->kept.of[b]);
    s->words.count = 0;
    for (int i = 0; i < WEFT_SCAN_BLOOM; i++)
        s->words.bloom[i] = 0;
}

static void gather(scan *s, const weft_i_words *words, int thread)
{
    uintptr_t first = word_of(words, 0);
    for (int i = 0; i < WEFT_I_WORDS; i++) {
        uintptr_t address = (i == 0 ? first : word_of(words, i)) & ~(uintptr_t)7;
        if (!address)
            continue;
        if (s->words.count == WEFT_SCAN_WORDS)
            filter(s);
        size_t bit = bloom_bit(address);
        s->words.bloom[bit / 64] |= (uint64_t)1 << (bit % 64);
        s->words.found[s->words.count++] = (hazard){address, words, first, thread};
        s->words.total++;
    }
}

static void scan_hazards(scan *s, weft_i_local *local, weft_i_bags *freed)
{
    if (!weft_i_heavy_fence())
        return;
    weft_i_bags_splice(&s->maybe, &local->bags);
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        for (int i = OPERATION, open = weft_i_record_slots(r); i < open; i++)
            gather(s, &slot_of(r, i)->words, weft_i_record_thread_id(r));
    for (weft_guard *g = lock_linked(s); g; g = g->next)
        gather(s, &g->own.words, (int)g->own_thread);
    unlock_linked(s);
    filter(s);
    weft_i_bags_splice(freed, &s->maybe);
    weft_i_bags_splice(&local->bags, &s->kept);
    if (s->words.total > WEFT_BATCH)
        local->left = s->words.total;
}

/* ---- epochs ---- */

/* Modulo 2^n: epochs may wrap, as long as no guard sees half of them pass. */
static bool before(size_t a, size_t b)
{
    return (a - b) >> (sizeof(size_t) * 8 - 1);
}

typedef struct oldest {
    size_t epoch;
    weft_i_blocker guard;
} oldest;

static void consider(oldest *o, const weft_i_words *words, uintptr_t value, int thread)
{
    if (!value || (o->guard.words && !before(value, o->epoch)))
        return;
    o->epoch = value;
    o->guard = (weft_i_blocker){words, value, thread, 0};
}

static oldest find_oldest(scan *s)
{
    oldest o = {0, {0}};
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        for (int i = OPERATION, open = weft_i_record_slots(r); i < open; i++) {
            weft_i_slot *slot = slot_of(r, i);
            uintptr_t value = word_of(&slot->words, 0);
            if (value && weft_i_load(&slot->domain, DOMAIN_A1) == (void *)s->domain)
                consider(&o, &slot->words, value, weft_i_record_thread_id(r));
        }
    for (weft_guard *g = lock_linked(s); g; g = g->next)
        consider(&o, &g->own.words, word_of(&g->own.words, 0), (int)g->own_thread);
    unlock_linked(s);
    return o;
}

/* The bag becomes a batch; with no room left, part of the youngest, which then waits a little longer. */
static void seal(weft_domain *domain, weft_i_local *local)
{
    if (weft_i_bags_empty(&local->bags))
        return;
    if (local->sealed_count < WEFT_SEALED)
        local->sealed[local->sealed_count++] = (weft_i_batch){0};
    weft_i_batch *last = &local->sealed[local->sealed_count - 1];
    weft_i_bags_splice(&last->bags, &local->bags);
    last->epoch = weft_i_fetch_add(&domain->head.epoch, 2, DOMAIN_X1);
}

static void scan_epochs(scan *s, weft_i_local *local, weft_i_bags *freed)
{
    seal(s->domain, local);
    if (!weft_i_heavy_fence())
        return;
    oldest o = find_oldest(s);
    int done = 0;
    while (done < local->sealed_count && (!o.guard.words || before(local->sealed[done].epoch, o.epoch)))
        weft_i_bags_splice(freed, &local->sealed[done++].bags);
    size_t waiting = 0;
    for (int i = done; i < local->sealed_count; i++) {
        weft_i_batch *batch = &local->sealed[i - done];
        batch->epoch = local->sealed[i].epoch;
        if (done > 0)
            weft_i_bags_splice(&batch->bags, &local->sealed[i].bags);
        for (int b = 0; b < WEFT_I_BAGS; b++)
            waiting += batch->bags.of[b].count;
    }
    local->sealed_count -= done;
    if (waiting)
        s->blocker = o.guard;
    if (waiting / WEFT_SEALED > WEFT_BATCH)
        local->left = waiting / WEFT_SEALED;
}

/* ---- both ---- */

/* Remembers since when a guard has been in the way; a figure, so that a scan does not wait for the lock. */
static void remember(scan *s)
{
    weft_i_blocker *known = &s->domain->blocker;
    if (known->words == s->blocker.words && known->value == s->blocker.value)
        return;
    *known = s->blocker;
    known->since_ns = known->words ? weft_i_sys_clock_ns() : 0;
}

void weft_i_scan(weft_domain *domain, weft_i_local *local, weft_i_bags *freed)
{
    scan s = {.domain = domain};
    if (weft_i_mutex_trylock(&domain->blocker_lock)) {
        s.known = domain->blocker;
        weft_i_mutex_unlock(&domain->blocker_lock);
    }
    local->left = WEFT_BATCH;
    local->range_bytes = 0;
    if (domain->head.scheme == WEFT_EPOCH)
        scan_epochs(&s, local, freed);
    else
        scan_hazards(&s, local, freed);
    if (weft_i_mutex_trylock(&domain->blocker_lock)) {
        remember(&s);
        weft_i_mutex_unlock(&domain->blocker_lock);
    }
}

size_t weft_i_guards_held(weft_domain *domain, int thread)
{
    size_t held = 0;
    scan s = {.domain = domain};
    for (weft_i_record *r = weft_i_record_first(); r; r = r->next)
        for (int i = OPERATION, open = weft_i_record_slots(r); i < open; i++)
            held += (!thread || weft_i_record_thread_id(r) == thread) &&
                    weft_i_load(&slot_of(r, i)->domain, DOMAIN_A1) == (void *)domain;
    for (weft_guard *g = lock_linked(&s); g; g = g->next)
        held += !thread || (int)g->own_thread == thread;
    unlock_linked(&s);
    return held;
}
