/* What programs are made of, 9: threads that begin and end, forks, handlers, and a kernel that refuses membarrier. */

/* The thread is about to end: notes what the contract allows it to lose. */
static void account_end(void)
{
    bool many = me->at_risk >= VALUES;
    if (me->frame || me->at)
        atomic_fetch_add(&ended_inside, 1);
    for (frame *f = me->frame; f; f = f->outer) {
        many |= f->at && strstr(f->at, "_barrier");
        if (f->at && strstr(f->at, "_barrier"))
            atomic_store(&f->place->lost_before, atomic_load(&object_count));
        else
            atomic_fetch_add(&f->place->lost, bound_of_loss());
        atomic_fetch_add(&values_lost, bound_of_loss());
    }
    if (many)
        atomic_store(&values_any, 1);
    atomic_fetch_add(&values_lost, me->at_risk % VALUES);
    run_if_any(also_at_end);
    memset(me->guards, 0, sizeof me->guards);
    me->frame = NULL;
    me->at = NULL;
    me->at_risk = 0;
    me->encumbered = me->awaited; /* without its own guards and callbacks */
    TALLY(ENDS, 1);
}

/* The thread sanitizer has forgotten a thread that ends in its exit hooks for the second time. */
static bool may_end(int times)
{
    if (me->stays || me->in_allocator || (FORGETS_THREADS && me->returned))
        return false;
    return me->gone++ < (FORGETS_THREADS ? 1 : times);
}

static void end_here(void)
{
    if (!may_end(4))
        return;
    account_end();
    pthread_exit(NULL);
}

/* Ends the thread if it has been cancelled. */
static void cancel_point(void)
{
    pthread_mutex_lock(&lives_lock);
    int cancelled = me->cancelled;
    pthread_mutex_unlock(&lives_lock);
    if (!cancelled || !may_end(1))
        return;
    account_end();
    TALLY(CANCELLED, 1);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_testcancel();
    fail("a thread that was cancelled goes on", 0);
}

/* Cancels another thread, if there is one. */
static void cancel(void)
{
    if (in_child || me->in_allocator)
        return;
    pthread_mutex_lock(&lives_lock);
    for (int i = 0, first = (int)chance(LIVES); i < LIVES; i++) {
        life *l = lives[(first + i) % LIVES];
        if (!l || l == me || l->cancelled)
            continue;
        l->cancelled = 1;
        pthread_cancel(l->thread);
        break;
    }
    pthread_mutex_unlock(&lives_lock);
}

static void *begin_life(void *ctx)
{
    me = ctx;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    if (me->main)
        me->main();
    me->returned = 1;
    return NULL;
}

/* Starts a thread for `main`, with the caller's domain and structures at hand. NULL: there are too many threads. */
static life *start_life(body *main)
{
    life *l = calloc(1, sizeof *l);
    int slot = 0;
    pthread_attr_t attributes;
    l->main = main;
    l->here = me->here;
    l->my_queue = me->my_queue;
    l->my_stack = me->my_stack;
    l->my_pipe = me->my_pipe;
    l->my_map = me->my_map;
    l->encumbered = l->awaited = me->encumbered;
    l->random = 0x9e3779b97f4a7c15u * (atomic_fetch_add(&life_count, 1) + 2);
    pthread_mutex_lock(&lives_lock);
    while (slot < LIVES && lives[slot])
        slot++;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 512 << 10);
    if (slot < LIVES)
        lives[slot] = l; /* before it runs: a fork meanwhile counts it as vanished */
    if (slot < LIVES && pthread_create(&l->thread, &attributes, begin_life, l) == 0) {
        raise_to(&most_alive, atomic_fetch_add(&alive, 1) + 1);
        TALLY(THREADS, 1);
    } else {
        if (slot < LIVES)
            lives[slot] = NULL;
        free(l);
        l = NULL;
    }
    pthread_attr_destroy(&attributes);
    pthread_mutex_unlock(&lives_lock);
    return l;
}

/* Whether it has ended. If so, it is joined and freed. */
static bool is_over(life *l)
{
    pthread_mutex_lock(&lives_lock);
    void *result = NULL;
    bool ended = pthread_tryjoin_np(l->thread, &result) == 0;
    for (int i = 0; ended && i < LIVES; i++)
        if (lives[i] == l)
            lives[i] = NULL;
    pthread_mutex_unlock(&lives_lock);
    if (ended && result == PTHREAD_CANCELED && !l->gone) {
        me->last = l->last;
        fail("a call was ended by cancellation", 0);
    }
    if (ended) {
        atomic_fetch_sub(&alive, 1);
        free(l);
    }
    return ended;
}

static void wait_for_end(life *l)
{
    for (int i = 0; !is_over(l); i++)
        if (i < 4)
            sched_yield();
        else
            usleep(100);
}

/* Runs the program's threads until all of them have ended. */
static void run(body *const *threads, int count)
{
    life *lives_of[16];
    for (int i = 0; i < count; i++)
        lives_of[i] = start_life(threads[i]);
    for (int i = 0; i < count; i++)
        if (lives_of[i])
            wait_for_end(lives_of[i]);
}

/* Runs `count` threads that each do `then`, `at_once` of them at the same time. */
static void crew(int count, int at_once, body *then)
{
    life *running[16] = {NULL};
    if (me->in_allocator)
        return;
    for (int i = 0; i < count && go(0); i++) {
        life **l = &running[i % at_once];
        if (*l)
            wait_for_end(*l);
        *l = start_life(then);
    }
    for (int i = 0; i < at_once; i++)
        if (running[i])
            wait_for_end(running[i]);
    check_all_pending();
}

/* Sleeps, whatever the thread holds. */
static void rest(int ms)
{
    while (ms-- > 0 && go(0))
        usleep(1000);
}

static void yields(int count)
{
    for (int i = 0; i < count && go(i); i++)
        sched_yield();
}

/* ---- the end of a thread ---- */

static void say_last_words(void *ctx)
{
    int late = ctx != me;
    body *words = me->last_words[late];
    me->last_words[late] = NULL;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    me->late = late;
    me->stays += !late; /* a thread that ends in here may skip other keys' destructors, Weft's among them */
    TALLY(LAST, 1);
    if (words)
        words();
    me->stays -= !late;
}

static pthread_key_t last_keys[2];
static bool has_key[2];

/* Makes a key first of all: its destructor runs before Weft's exit hook. */
static void early_key(void)
{
    has_key[0] = pthread_key_create(&last_keys[0], say_last_words) == 0;
}

/* Makes a key after Weft's own. */
static void late_key(void)
{
    has_key[1] = weft_domain_attach(NULL) == 0 && pthread_key_create(&last_keys[1], say_last_words) == 0;
}

/* Does `then` in the destructor of the early key, or (late) in that of the late key, after Weft's exit hook. */
static void at_end(int late, body *then)
{
    if (!has_key[late])
        return;
    me->last_words[late] = then;
    pthread_setspecific(last_keys[late], late ? &me->last_words : (void *)me);
}

/* ---- forks ---- */

static atomic_int forks;

static _Noreturn void go_on_in_child(body *then, life *self)
{
    pthread_mutex_init(&lives_lock, NULL);
    the_first = self;
    for (int i = 0; i < LIVES; i++)
        if (lives[i]) {
            vanished += lives[i] != self;
            lives[i] = NULL;
        }
    atomic_store(&alive, 1);
    began = clock_ms();
    lasting /= 4;
    if (vanished)
        atomic_store(&values_any, 1);
    for (int i = 0; i < PLACES; i++) {
        atomic_fetch_add(&places[i].lost, vanished * bound_of_loss());
        if (vanished && atomic_load(&barriers))
            atomic_store(&places[i].lost_before, atomic_load(&object_count));
    }
    run_if_any(also_in_child);
    if (vanished && atomic_load(&a_child_may_hang))
        _exit(0);
    me->stays++;
    then();
    if (!me->encumbered)
        settle();
    _exit(0);
}

/* The child must succeed, and in time. */
static void wait_for_child(pid_t pid, const int *returned)
{
    int status = 0;
    uint64_t since = clock_ms();
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (clock_ms() - since > (uint64_t)patience / 2 * (*returned ? MOST_PATIENCE : 1))
            fail(*returned ? "hang of a fork's child" : "hang of a fork's child inside fork", 0);
        usleep(200);
    }
    if (status)
        fail("a fork's child failed, with status", status);
}

/* Only if there is no thread but this one and, waiting, the first: no thread begins meanwhile. */
static pid_t fork_alone(void)
{
    pthread_mutex_lock(&lives_lock);
    pid_t pid = atomic_load(&alive) > (me != the_first) ? -1 : fork();
    pthread_mutex_unlock(&lives_lock);
    return pid;
}

/* The child does `then`, which may be empty, and ends. NULL: it executes another program. */
static void forks_and(body *then)
{
    int *returned, number = errno;
    if (!go(0) || in_child || me->in_allocator || atomic_fetch_add(&forks, 1) >= 12)
        return;
    returned = mmap(NULL, sizeof *returned, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    me->at = "fork";
    pthread_mutex_lock(&registration);
    pid_t pid = SANITIZED ? fork_alone() : fork();
    pthread_mutex_unlock(&registration);
    me->at = NULL;
    if (pid == 0) {
        *returned = in_child = 1;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        watch(patience / 3);
        if (!then)
            execl("/bin/true", "true", (char *)NULL);
        go_on_in_child(then, me);
    }
    if (pid > 0) {
        TALLY(FORKS, 1);
        wait_for_child(pid, returned);
    }
    munmap(returned, sizeof *returned);
    errno = number;
}

/* ---- handlers ---- */

/* Does what domain.h allows a handler, in a thread that has used Weft. */
static void on_signal(int signal_number)
{
    int number = errno;
    weft_guard guard;
    (void)signal_number;
    if (!me || !me->used)
        return;
    place *p = &places[chance(SHARED)];
    if (!atomic_load(&p->live))
        p = &places[0];
    raise_to(&most_guards, atomic_fetch_add(&guards_held, 1) + 1);
    weft_enter(&guard, p->domain);
    object *o = weft_protect(&guard, &p->cell[chance(CELLS)]);
    check_held(o, "a handler's guard was given a reclaimed object");
    for (volatile int i = (int)chance(2000); i > 0; i--)
        ;
    check_held(o, "an object was reclaimed under a handler's guard");
    weft_leave(&guard);
    atomic_fetch_sub(&guards_held, 1);
    const char *at = me->at, *last = me->last;
    me->in_handler++;
    run_if_any(also_in_handler);
    me->in_handler--;
    me->at = at;
    me->last = last;
    TALLY(SIGNALS, 1);
    errno = number;
}

static void handle_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
}

static void interrupt_me(void)
{
    handle_signals();
    pthread_kill(pthread_self(), SIGUSR1);
}

static atomic_int ticking;
static life *ticker;

static void tick_on(void)
{
    while (atomic_load(&ticking)) {
        usleep(20 + chance(200));
        pthread_mutex_lock(&lives_lock);
        life *l = lives[chance(LIVES)];
        for (int i = 0; i < LIVES && (!l || l == me); i++)
            l = lives[i];
        if (l && l != me)
            pthread_kill(l->thread, SIGUSR1);
        pthread_mutex_unlock(&lives_lock);
    }
}

static void stop_ticks(void)
{
    atomic_store(&ticking, 0);
    if (ticker && !in_child)
        wait_for_end(ticker);
}

/* From now on a handler runs in some thread from time to time. */
static void ticks(void)
{
    handle_signals();
    if (atomic_exchange(&ticking, 1))
        return;
    closers[TICKS] = stop_ticks;
    ticker = start_life(tick_on);
}

/* From now on the kernel refuses membarrier to this thread and those that it starts; once in a program. */
static void refuse_membarrier(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    static atomic_int refused;
    const struct sock_fprog whole = {4, filter};
    if (atomic_exchange(&refused, 1))
        return;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole) != 0)
        fail("prctl", errno);
    TALLY(REFUSED, 1);
}
