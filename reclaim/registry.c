#include <weft/reclaim/registry.h>

/* clang-format off */
#ifndef WEFT_SEAM_ORDERS
#define USERS_R1 memory_order_release /* structure gone -> USERS_A1: its last uses of the domain come before */
#define USERS_A1 memory_order_acquire /* any structure left? -> USERS_R1: sees them */
#endif
/* clang-format on */

static weft_domain the_default = {
    .head = {WEFT_HAZARD, 1},
    .id = 1,
    .owners = WEFT_I_MUTEX_INIT(WEFT_I_RANK_OWNERS),
    .linked_lock = WEFT_I_MUTEX_INIT(WEFT_I_RANK_LINKED),
    .blocker_lock = WEFT_I_MUTEX_INIT(WEFT_I_RANK_BLOCKER),
    .shared = {.domain = &the_default},
    .barrier = {.domain = &the_default},
    .alive = WEFT_I_ALIVE,
};

static weft_i_mutex lock = WEFT_I_MUTEX_INIT(WEFT_I_RANK_DOMAINS);
static weft_domain *newest = &the_default;
static uint64_t last_id = 1;

weft_domain *weft_default_domain(void)
{
    return &the_default;
}

void weft_i_domain_use(weft_domain *domain)
{
    /* relaxed: the domain is not destroyed at the same time */
    (void)weft_i_fetch_add(&domain->users, 1, memory_order_relaxed);
}

void weft_i_domain_unuse(weft_domain *domain)
{
    (void)weft_i_fetch_sub(&domain->users, 1, USERS_R1);
}

bool weft_i_domain_used(weft_domain *domain)
{
    return weft_i_load(&domain->users, USERS_A1) != 0;
}

void weft_i_register(weft_domain *domain)
{
    weft_i_mutex_lock(&lock);
    domain->id = ++last_id;
    domain->next = newest;
    newest = domain;
    weft_i_mutex_unlock(&lock);
}

bool weft_i_close(weft_domain *domain)
{
    weft_i_mutex_lock(&lock);
    domain->closing = domain->visitors == 0;
    bool done = domain->closing;
    weft_i_mutex_unlock(&lock);
    return done;
}

void weft_i_unregister(weft_domain *domain)
{
    weft_domain **link = &newest;
    weft_i_mutex_lock(&lock);
    while (*link != domain)
        link = &(*link)->next;
    *link = domain->next;
    weft_i_mutex_unlock(&lock);
}

weft_domain *weft_i_visit_below(uint64_t id, weft_domain *left, bool (*wanted)(weft_domain *domain, const void *ctx),
                                const void *ctx)
{
    weft_i_mutex_lock(&lock);
    if (left)
        left->visitors--;
    weft_domain *domain = newest;
    while (domain && (domain->id >= id || !wanted(domain, ctx)))
        domain = domain->next;
    if (domain)
        domain->visitors++;
    weft_i_mutex_unlock(&lock);
    return domain;
}

void weft_i_lock_domains(void)
{
    weft_i_mutex_lock(&lock);
}

void weft_i_unlock_domains(void)
{
    weft_i_mutex_unlock(&lock);
}

weft_domain *weft_i_first_domain(void)
{
    return newest;
}
