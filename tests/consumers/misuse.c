/* misuse WHAT: one mistake with a guard, which must be noticed (consumers_test.py). */
#include <pthread.h>
#include <string.h>
#include <weft/reclaim/domain.h>

static weft_guard guard;
static weft_atomic_ptr source;

static void *leave(void *argument)
{
    weft_guard own;
    (void)argument;
    weft_enter(&own, NULL); /* so that this thread has a record, too */
    weft_leave(&own);
    weft_leave(&guard);
    return NULL;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    weft_domain *domain;
    weft_domain_config config = {.scheme = strcmp(what, "elsewhere-epoch") == 0 ? WEFT_EPOCH : WEFT_HAZARD};
    pthread_t other;
    if (weft_domain_create(&domain, &config) != 0)
        return 0;
    weft_enter(&guard, domain);
    if (weft_protect(&guard, &source))
        return 0;
    if (strncmp(what, "elsewhere", 9) == 0)
        return pthread_create(&other, NULL, leave, NULL) || pthread_join(other, NULL);
    weft_leave(&guard);
    if (strcmp(what, "twice") == 0)
        weft_leave(&guard);
    if (strcmp(what, "late") == 0)
        weft_guard_set(&guard, &guard);
    return weft_domain_destroy(domain);
}
