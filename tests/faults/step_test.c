/*
 * A signal handler runs at every instruction of enter, protect, set, refresh and leave, and of a lookup and a
 * container's operations. On x86-64 the trap flag steps through them, and the tested handler is that of SIGTRAP, which
 * runs after each instruction. Elsewhere the handler runs at each call.
 *
 * The handler enters guards on fresh objects. Another thread retires these objects and those that the interrupted code
 * holds, and scans. Held objects must not be reclaimed; objects that are not held any more must be.
 */
#include "tests/unit/support.h"

#include "tests/support/containers.h"
#include "tests/support/maps.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <weft/reclaim/record.h>

#ifdef __x86_64__
enum { STEPS = 1, SIGNAL = SIGTRAP };
#else
enum { STEPS = 0, SIGNAL = SIGUSR1 };
#endif

enum {
    SECONDS = 20, /* without any progress */
    DEEP = 40,    /* more than a record has slots */
    OWN = 2,      /* guards of the handler */
    ROOM = DEEP + 2,
    OBJECTS = 1 << 18,
    MEMORY = 1 << 24,
    ADDRESSES = 1 << 14,
    FLUSHES = 3,
    SELDOM = 64, /* in one of so many visits the object changes that the interrupted code is about to read */
    KEY = 7,
    FREED = 0xdead,
    ALIVE = 0x600d
};

typedef struct object {
    _Alignas(16) weft_hook hook;
    int state;
} object;

/* Requests to the other thread, one at a time. */
typedef enum request { VISIT = 1, HIDE, CHECK_HELD, CHECK_FREED, REPLACE_LAST, REPLACE_FRESH, END } request;

/* The handler must not allocate: the interrupted code may hold malloc's locks. */
typedef struct shared {
    weft_domain *domain;
    const container *kind;
    void *sequence; /* of that kind */
    const map_subject *of;
    void *map; /* of that kind */
    weft_scheme scheme;
    t_worker worker;
    atomic_int request, answered; /* `answered` follows */
    weft_atomic_ptr source[ROOM]; /* what the interrupted code's guards protect */
    object *volatile held[ROOM];  /* by the interrupted code, from weft_protect to weft_leave */
    volatile int entering;        /* the guard whose protect is under way */
    weft_atomic_ptr fresh[OWN];   /* what the handler's guards protect */
    int guards;                   /* the handler's guards now */
    object *last[OWN];
    t_rng rng;

    volatile sig_atomic_t stepping;
    bool as_first; /* visits restore record->open, so each is like a first one */
    size_t steps, visits, addresses;
    uintptr_t address[ADDRESSES];
    void (*at_step)(void *context); /* instead of a visit */
} shared;

static shared the_shared;
static object pool[OBJECTS]; /* each is used once, so a hazard that turns out to be stale holds back no other object */
static size_t used_objects;
static atomic_long live_objects;
static _Alignas(64) char memory[MEMORY];
static atomic_size_t used_memory;

/* ---- memory ---- */

static void *take_memory(size_t size, size_t alignment, void *ctx)
{
    (void)ctx;
    (void)alignment; /* 64 at most */
    size_t at = atomic_fetch_add(&used_memory, (size + 63) / 64 * 64);
    return at + size <= MEMORY ? memory + at : NULL;
}

static void give_memory(void *block, size_t size, void *ctx)
{
    (void)ctx;
    memset(block, 0xfe, size);
}

static weft_domain *new_domain(weft_scheme scheme)
{
    weft_domain_config config = {.scheme = scheme, .allocator = {take_memory, give_memory, NULL}};
    weft_domain *domain;
    CHECK(weft_domain_create(&domain, &config) == 0);
    return domain;
}

/* Called by one thread at a time: the other one, and this one after that has ended. */
static object *new_object(void)
{
    CHECK(used_objects < OBJECTS);
    object *o = &pool[used_objects++];
    o->state = ALIVE;
    atomic_fetch_add(&live_objects, 1);
    return o;
}

static void free_object(void *ptr, void *ctx)
{
    object *o = ptr;
    (void)ctx;
    CHECK(o->state == ALIVE);
    o->state = FREED;
    atomic_fetch_sub(&live_objects, 1);
}

static void retire(object *o)
{
    weft_retire_hook(the_shared.domain, &o->hook, o, sizeof *o, free_object, NULL);
}

/* Returns the object that was there. */
static object *replace(weft_atomic_ptr *source)
{
    object *old = weft_ptr_load(source);
    weft_ptr_store(source, new_object());
    retire(old);
    return old;
}

/* ---- the other thread ---- */

static void flush(void)
{
    for (int i = 0; i < FLUSHES; i++)
        weft_domain_flush(the_shared.domain);
}

/* Replaces all held objects as soon as they are held, and seldom the object that is about to be read. */
static void hide_held(shared *s)
{
    for (int i = 0; i < ROOM; i++)
        if (s->held[i] && s->held[i] == weft_ptr_load(&s->source[i]))
            (void)replace(&s->source[i]);
    if (t_random(&s->rng) % SELDOM == 0)
        (void)replace(&s->source[s->entering]);
}

static void check_held(shared *s)
{
    for (int i = 0; i < ROOM; i++)
        CHECK(!s->held[i] || s->held[i]->state == ALIVE);
}

static void use_structures(shared *s)
{
    void *value;
    if (s->map && t_random(&s->rng) % SELDOM == 0) {
        CHECK(s->of->put(s->map, KEY, new_object(), &value) == 1);
        retire(value);
    }
    if (s->sequence && t_random(&s->rng) % SELDOM == 0 && s->kind->take(s->sequence, &value))
        CHECK(s->kind->put(s->sequence, value) == 0);
}

/* The objects of the last visit must be reclaimed, since the handler has left their guards. */
static void check_last(shared *s)
{
    for (int i = 0; i < OWN; i++)
        if (s->last[i] && s->scheme == WEFT_HAZARD)
            CHECK(s->last[i]->state == FREED);
}

static void visited(shared *s)
{
    hide_held(s);
    use_structures(s);
    flush();
    check_last(s);
    for (int i = 0; i < s->guards; i++)
        s->last[i] = replace(&s->fresh[i]);
    flush();
    check_held(s);
    for (int i = 0; i < s->guards; i++)
        CHECK(s->last[i]->state == ALIVE);
}

static void pause_for(unsigned *turns)
{
    if (++*turns > 200)
        sched_yield();
}

static void serve(void *ctx)
{
    shared *s = ctx;
    int now, before = 0;
    do {
        unsigned turns = 0;
        while ((now = atomic_load(&s->request)) == before)
            pause_for(&turns);
        before = now;
        switch (now & 7) {
        case VISIT:
            visited(s);
            break;
        case HIDE:
            hide_held(s), flush(), check_held(s);
            break;
        case CHECK_HELD:
            flush(), check_held(s);
            break;
        case CHECK_FREED:
            flush(), check_last(s);
            break;
        case REPLACE_LAST:
            (void)replace(&s->source[ROOM - 1]), flush();
            break;
        case REPLACE_FRESH:
            (void)replace(&s->fresh[0]), flush();
            break;
        default:
            break;
        }
        atomic_store(&s->answered, now);
    } while ((now & 7) != END);
}

/* Called in the handler, too. */
static void ask(shared *s, request what)
{
    unsigned turns = 0;
    int number = ((atomic_load(&s->answered) >> 3) + 1) << 3 | (int)what;
    alarm(SECONDS);
    atomic_store(&s->request, number);
    while (atomic_load(&s->answered) != number)
        pause_for(&turns);
}

/* ---- the handler ---- */

static weft_i_record *own_record(void)
{
    return (weft_i_record *)(void *)weft_i_self();
}

static object *protect_fresh(weft_guard *guard, int i)
{
    shared *s = &the_shared;
    const weft_i_slot *slot = (const weft_i_slot *)(const void *)((uintptr_t)guard->slot & ~(uintptr_t)1);
    /* relaxed: this thread's own. Under epochs there is a word; under hazards a guard holds nothing before protect. */
    CHECK((atomic_load_explicit(&slot->words.word[0], memory_order_relaxed) != NULL) == (s->scheme == WEFT_EPOCH));
    object *o = i ? weft_protect_outline(guard, &s->fresh[i]) : weft_protect(guard, &s->fresh[i]);
    CHECK(o->state == ALIVE);
    return o;
}

/* Enters one or two guards, and leaves them in either order. */
static void visit(shared *s)
{
    weft_guard guard[OWN];
    object *own[OWN];
    weft_i_record *record = own_record();
    int open = atomic_load(&record->open), guards = s->guards = s->visits % 3 ? OWN : 1;
    size_t free = atomic_load(&record->thread.free);
    for (int i = 0; i < guards; i++) {
        weft_enter(&guard[i], s->domain);
        own[i] = protect_fresh(&guard[i], i);
    }
    ask(s, VISIT);
    for (int i = 0; i < guards; i++)
        CHECK(own[i]->state == ALIVE);
    for (int i = 0; i < guards; i++)
        weft_leave(&guard[s->visits % 2 ? i : guards - 1 - i]);
    CHECK(atomic_load(&record->thread.free) == free);
    if (s->as_first)
        atomic_store(&record->open, open); /* nothing is in the slots beyond */
    s->visits++;
}

#ifdef __x86_64__
enum { TRAP_FLAG = 0x100 };

static void note_address(shared *s, uintptr_t address)
{
    size_t i = address * 0x9e3779b1u % ADDRESSES;
    while (s->address[i] && s->address[i] != address)
        i = (i + 1) % ADDRESSES;
    if (s->address[i])
        return;
    CHECK(++s->addresses < ADDRESSES / 2);
    s->address[i] = address;
}

/* A trap in a thread that blocks SIGTRAP ends the process: keeps the next instruction from blocking it. */
static void keep_unblocked(const greg_t *r)
{
    const unsigned char *code = (const unsigned char *)r[REG_RIP];
    uint64_t *mask = (uint64_t *)r[REG_RSI];
    if (code[0] == 0x0f && code[1] == 0x05 && r[REG_RAX] == SYS_rt_sigprocmask && mask && *mask >> (SIGNAL - 1) & 1)
        *mask &= ~((uint64_t)1 << (SIGNAL - 1));
}

static bool step_on(ucontext_t *context)
{
    shared *s = &the_shared;
    greg_t *r = context->uc_mcontext.gregs;
    r[REG_EFL] = s->stepping ? r[REG_EFL] | TRAP_FLAG : r[REG_EFL] & ~(greg_t)TRAP_FLAG;
    if (s->stepping) {
        keep_unblocked(r);
        note_address(s, (uintptr_t)r[REG_RIP]);
    }
    return s->stepping &&
           !sigismember(&context->uc_sigmask, SIGUSR2); /* another signal would wait now, so the visit does, too */
}
#else
static bool step_on(ucontext_t *context)
{
    (void)context;
    return the_shared.stepping;
}
#endif

static void on_signal(int number, siginfo_t *info, void *context)
{
    shared *s = &the_shared;
    int saved = errno;
    (void)number;
    (void)info;
    if (step_on(context)) {
        s->steps++;
        if (s->at_step)
            s->at_step(context);
        else
            visit(s);
    }
    errno = saved;
}

static void at_call(void)
{
    if (!STEPS)
        raise(SIGNAL);
}

static void step_begin(void)
{
    the_shared.stepping = 1;
    raise(SIGNAL);
}

static void step_end(void)
{
    the_shared.stepping = 0;
}

/* ---- the interrupted code ---- */

static void hold(shared *s, int i, object *o)
{
    s->held[i] = o;
    at_call();
    CHECK(o->state == ALIVE);
}

/* Called before the guard is left, refreshed or used again. */
static void let_go(shared *s, int i)
{
    CHECK(!s->held[i] || s->held[i]->state == ALIVE);
    s->held[i] = NULL;
}

static void enter_and_protect(shared *s, weft_guard *guard, int i)
{
    weft_enter(guard, s->domain);
    at_call();
    s->entering = i;
    hold(s, i, weft_protect(guard, &s->source[i]));
}

static void leave(shared *s, weft_guard *guard, int i)
{
    let_go(s, i);
    weft_leave(guard);
    at_call();
}

static void one_guard(shared *s)
{
    weft_guard guard;
    enter_and_protect(s, &guard, 0);
    let_go(s, 0);
    hold(s, 0, weft_protect(&guard, &s->source[0]));
    let_go(s, 0);
    weft_guard_refresh(&guard);
    at_call();
    hold(s, 0, weft_protect_outline(&guard, &s->source[0]));
    leave(s, &guard, 0);
    weft_enter_outline(&guard, s->domain);
    at_call();
    s->entering = 1;
    for (bool confirmed = false; !confirmed;) {
        object *o = weft_ptr_load(&s->source[1]);
        weft_guard_set(&guard, o);
        at_call();
        confirmed = o == weft_ptr_load(&s->source[1]);
        if (confirmed)
            hold(s, 1, o);
    }
    let_go(s, 1);
    weft_guard_refresh_outline(&guard);
    at_call();
    hold(s, 1, weft_protect(&guard, &s->source[1]));
    let_go(s, 1);
    weft_leave_outline(&guard);
    at_call();
}

static void nested_guards(shared *s, bool in_order)
{
    weft_guard guard[DEEP];
    for (int i = 0; i < DEEP; i++)
        enter_and_protect(s, &guard[i], i);
    let_go(s, DEEP / 2);
    weft_guard_refresh(&guard[DEEP / 2]);
    hold(s, DEEP / 2, weft_protect(&guard[DEEP / 2], &s->source[DEEP / 2]));
    for (int k = 0; k < DEEP; k++) {
        int i = in_order ? k : DEEP - 1 - k;
        leave(s, &guard[i], i);
    }
}

static void nested_in_order(shared *s)
{
    nested_guards(s, true);
}

static void nested_in_reverse(shared *s)
{
    nested_guards(s, false);
}

/* A few guards at a time, which open slots. */
static void few_guards(shared *s)
{
    for (int n = 2; n <= 10; n += 4) {
        weft_guard guard[10];
        for (int i = 0; i < n; i++)
            enter_and_protect(s, &guard[i], i);
        for (int i = 0; i < n; i++)
            leave(s, &guard[i], i);
    }
}

static void lookups(shared *s)
{
    for (int nested = 0; nested < 3; nested++) {
        weft_guard guard[3];
        for (int i = 0; i <= nested; i++)
            weft_enter(&guard[i], s->domain);
        hold(s, 0, s->of->get(s->map, &guard[nested], KEY));
        CHECK(s->of->get(s->map, NULL, KEY + 1) == t_ptr(KEY + 1));
        let_go(s, 0);
        for (int i = 0; i <= nested; i++)
            weft_leave(&guard[i]);
        at_call();
    }
}

static void container_operations(shared *s)
{
    for (uintptr_t i = 0; i < 3; i++) {
        void *value;
        CHECK(s->kind->put(s->sequence, t_ptr(i)) == 0);
        at_call();
        CHECK(s->kind->take(s->sequence, &value) && t_int(value) < 3);
        at_call();
    }
}

typedef struct region {
    const char *name;
    void (*run)(shared *s);
    size_t addresses; /* at least so many different instructions must have been stepped through */
} region;

static const region one = {"one guard", one_guard, 150};
static const region few = {"few guards", few_guards, 200};
static const region in_order = {"nested guards, left in order", nested_in_order, 300};
static const region in_reverse = {"nested guards, left in reverse", nested_in_reverse, 300};
static const region map = {"lookups", lookups, 200};
static const region sequence = {"container", container_operations, 200};

static const map_subject *the_map = maps;

static void ready(shared *s, weft_scheme scheme, const container *kind)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    s->scheme = scheme;
    s->domain = new_domain(scheme);
    s->rng.state = (uint64_t)scheme;
    for (int i = 0; i < ROOM; i++)
        weft_ptr_store(&s->source[i], new_object());
    for (int i = 0; i < OWN; i++)
        weft_ptr_store(&s->fresh[i], new_object());
    CHECK(weft_domain_attach(s->domain) == 0); /* handlers may use Weft only in threads that have used it before */
    s->kind = kind;
    if (kind) {
        s->of = the_map;
        CHECK(s->of->create(&s->map, s->domain, NULL, NULL) == 0 && kind->create(&s->sequence, s->domain) == 0);
        CHECK(s->of->insert(s->map, KEY, new_object()) == 0);
        CHECK(s->of->insert(s->map, KEY + 1, t_ptr(KEY + 1)) == 0);
    }
    CHECK(sigaction(SIGNAL, &action, NULL) == 0);
    t_worker_start(&s->worker);
    t_worker_tell(&s->worker, serve, s);
    ask(s, HIDE);
}

/* Nothing has been lost: all slots are free again, and all objects but those that may still be read are reclaimed. */
static void done(shared *s)
{
    weft_guard guard[WEFT_SLOTS];
    weft_i_record *record = own_record();
    ask(s, CHECK_FREED);
    CHECK(t_stats(s->domain).guards_held == 0);
    CHECK(__builtin_popcountll(atomic_load(&record->thread.free)) == WEFT_SLOTS - 1); /* the first has no bit */
    for (int i = 0; i < WEFT_SLOTS; i++) {
        weft_enter(&guard[i], s->domain);
        CHECK(((uintptr_t)guard[i].slot & ~(uintptr_t)1) != (uintptr_t)&guard[i].own);
    }
    CHECK(t_stats(s->domain).guards_held == WEFT_SLOTS);
    for (int i = 0; i < WEFT_SLOTS; i++)
        weft_leave(&guard[i]);
    CHECK(t_stats(s->domain).guards_held == 0);
    ask(s, END);
    t_sem_wait(&s->worker.done);
    t_worker_end(&s->worker);
    t_barrier(s->domain);
    CHECK(atomic_load(&live_objects) == ROOM + OWN + (s->map ? 1 : 0));
    if (s->kind) {
        s->kind->destroy(s->sequence, NULL, NULL);
        s->of->destroy(s->map);
    }
    CHECK(weft_domain_destroy(s->domain) == 0);
}

/* ---- every instruction of a region ---- */

typedef struct how {
    const region *region;
    weft_scheme scheme;
    bool as_first;
    const container *kind;
} how;

static void step_through(void *ctx)
{
    const how *h = ctx;
    shared *s = &the_shared;
    ready(s, h->scheme, h->kind);
    s->as_first = h->as_first;
    step_begin();
    h->region->run(s);
    step_end();
    fprintf(stderr, "%s: the handler ran %zu times, at %zu instructions\n", h->region->name, s->visits, s->addresses);
    CHECK(s->visits > (STEPS ? h->region->addresses : 5) && (!STEPS || s->addresses >= h->region->addresses));
    s->as_first = false;
    done(s);
}

static void step_both(void **state, const region *through, const container *kind)
{
    for (int as_first = 0; as_first < 2; as_first++) {
        how h = {through, ((const t_case *)*state)->scheme, as_first, kind};
        t_in_child(step_through, &h, SECONDS);
    }
}

static void test_one_guard(void **state)
{
    step_both(state, &one, NULL);
}

static void test_few_guards(void **state)
{
    step_both(state, &few, NULL);
}

static void test_nested_in_order(void **state)
{
    step_both(state, &in_order, NULL);
}

static void test_nested_in_reverse(void **state)
{
    step_both(state, &in_reverse, NULL);
}

static void test_lookups(void **state)
{
    for (the_map = maps; the_map < maps + MAPS; the_map++)
        step_both(state, &map, containers);
    the_map = maps;
}

static void test_containers(void **state)
{
    for (size_t c = 0; c < CONTAINERS; c++)
        step_both(state, &sequence, &containers[c]);
}

/* ---- membarrier refused in the middle of an operation ---- */

/*
 * An operation that began without fences ends without them. So its thread does not count as having passed a fence
 * before the operation's end, even if a handler has published with fences meanwhile.
 */
enum { STRIDE = 7, NEVER = 0 };

typedef struct late {
    weft_scheme scheme;
    size_t at;
    bool also_mlock;
    size_t *steps, *in_operation; /* shared with the parent */
} late;

static const late *the_late;

static void refuse(unsigned call)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {T_COUNT(code), code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0);
}

static bool membarrier_works(void)
{
    enum { QUERY = 0, PRIVATE_EXPEDITED = 8 };
    long commands = syscall(SYS_membarrier, QUERY, 0, 0);
    return commands > 0 && (commands & PRIVATE_EXPEDITED);
}

static void refuse_here(void *context)
{
    shared *s = &the_shared;
    weft_i_record *record = own_record();
    bool busy = atomic_load(&record->operation.domain) != NULL;
    bool holds = busy || atomic_load(&record->thread.slot[0].domain); /* some operations begin with a guard */
    weft_guard guard;
    (void)context;
    if (s->steps != the_late->at)
        return;
    s->stepping = 0;
    if (the_late->also_mlock)
        refuse(SYS_mlock);
    refuse(SYS_membarrier);
    object *gone = weft_ptr_load(&s->source[ROOM - 1]);
    ask(s, REPLACE_LAST);
    CHECK(atomic_load(&record->thread.attention) & WEFT_I_FENCES);
    CHECK(!atomic_load(&record->passed_fence));
    CHECK(gone->state == ALIVE || !the_late->also_mlock); /* others cannot know what this thread has published */
    weft_enter(&guard, s->domain);
    object *own = weft_protect(&guard, &s->fresh[0]);
    CHECK(own->state == ALIVE);
    CHECK(atomic_load(&record->passed_fence) == !busy);
    ask(s, REPLACE_FRESH);
    CHECK(own->state == ALIVE);
    CHECK(gone->state == ALIVE || !busy || !the_late->also_mlock);
    weft_leave(&guard);
    ask(s, CHECK_HELD);
    CHECK(gone->state == FREED || holds);
    CHECK(atomic_load(&record->passed_fence) == !busy);
    *the_late->in_operation += busy;
}

static void operations(shared *s)
{
    void *value;
    CHECK(s->of->get(s->map, NULL, KEY + 1) == t_ptr(KEY + 1));
    at_call();
    CHECK(s->kind->put(s->sequence, t_ptr(1)) == 0);
    at_call();
    CHECK(s->kind->take(s->sequence, &value) && value == t_ptr(1));
    at_call();
}

static void refused_late(void *ctx)
{
    shared *s = &the_shared;
    weft_guard guard;
    the_late = ctx;
    ready(s, the_late->scheme, containers);
    operations(s); /* its place, its first nodes, the functions' addresses */
    s->at_step = refuse_here;
    step_begin();
    operations(s);
    step_end();
    *the_late->steps = s->steps;
    weft_enter(&guard, s->domain);
    CHECK(weft_protect(&guard, &s->source[0]) != NULL);
    weft_leave(&guard);
    if (s->steps == the_late->at) /* each map has its own seed, so this run may have had fewer steps */
        CHECK(atomic_load(&own_record()->passed_fence));
    done(s);
}

static void test_refused_late(void **state)
{
    size_t *counts = mmap(NULL, sizeof *counts * 2, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    late l = {.scheme = ((const t_case *)*state)->scheme, .at = NEVER};
    assert_true(counts != MAP_FAILED);
    l.steps = &counts[0];
    l.in_operation = &counts[1];
    if (!membarrier_works())
        skip();
    t_in_child(refused_late, &l, SECONDS);
    size_t steps = *l.steps, tried = 0;
    for (size_t at = 1 + (size_t)l.scheme; at <= steps; at += STEPS ? STRIDE : 1) {
        l.also_mlock = tried++ % 2;
        l.at = at;
        t_in_child(refused_late, &l, SECONDS);
    }
    fprintf(stderr, "refused at %zu of %zu instructions, %zu inside operations\n", tried, steps, *l.in_operation);
    assert_true(!STEPS || *l.in_operation >= 10);
    munmap(counts, sizeof *counts * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"test_one_guard (hazard)", test_one_guard, NULL, NULL, &t_hazard},
        {"test_one_guard (epoch)", test_one_guard, NULL, NULL, &t_epoch},
        {"test_few_guards (hazard)", test_few_guards, NULL, NULL, &t_hazard},
        {"test_few_guards (epoch)", test_few_guards, NULL, NULL, &t_epoch},
        {"test_nested_in_order (hazard)", test_nested_in_order, NULL, NULL, &t_hazard},
        {"test_nested_in_order (epoch)", test_nested_in_order, NULL, NULL, &t_epoch},
        {"test_nested_in_reverse (hazard)", test_nested_in_reverse, NULL, NULL, &t_hazard},
        {"test_nested_in_reverse (epoch)", test_nested_in_reverse, NULL, NULL, &t_epoch},
        {"test_lookups (hazard)", test_lookups, NULL, NULL, &t_hazard},
        {"test_lookups (epoch)", test_lookups, NULL, NULL, &t_epoch},
        {"test_containers (hazard)", test_containers, NULL, NULL, &t_hazard},
        {"test_containers (epoch)", test_containers, NULL, NULL, &t_epoch},
        {"test_refused_late (hazard)", test_refused_late, NULL, NULL, &t_hazard},
        {"test_refused_late (epoch)", test_refused_late, NULL, NULL, &t_epoch},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
